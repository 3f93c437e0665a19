"""Which allele of one source is which of the other: by its name, or by what it carries.

Names change between releases and HGVS has many for one deletion (RYR1 p.Glu2348del is ``c.7039_7041delGAG`` to
PyPGx and ``c.7042_7044delGAG`` to PharmCAT); the bases at a position do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from varimol.curate.pharmacogene_core_variants import CoreVariants, read_core_variants, split_names
from varimol.curate.pharmacogene_definitions import rotated, trimmed
from varimol.curate.pharmacogene_genes import reference_alleles
from varimol.curate.pharmacogene_sources import Row

Variant = tuple[int, str, str]
"""Position, reference and alternate, trimmed, as far left as it goes."""
Place = tuple[Any, Any]
"""GRCh38 position and reference of a site."""


class Renamed(NamedTuple):
    """Two names of one allele: PyPGx's, and that of PharmCAT's definitions."""

    gene: str
    theirs: str
    ours: str


def writings(variant: Variant, shift: int) -> Iterable[tuple[int, str, str]]:
    """Every place, length and inserted or lost bases that one insertion or deletion may be written with."""
    position, ref, alt = variant
    for step in range(shift + 1):
        yield (
            position + step,
            rotated(ref[1:], step) if ref[1:] else "",
            rotated(alt[1:], step) if alt[1:] else "",
        )


class LeftAligned:
    """Reads a variant name of one gene and build as far left as the other source says it goes.

    Parameters
    ----------
    sites
        Trimmed variants with their shifts.
    """

    def __init__(self, sites: Mapping[Variant, int]) -> None:
        self._known = {
            key: variant
            for variant, shift in sites.items()
            if len(variant[1]) != len(variant[2])
            for key in writings(variant, shift)
        }

    def read(self, name: str) -> Variant:
        """Read ``contig-position-ref-alt``."""
        _, position, ref, alt = name.split("-")
        variant = trimmed(int(position), ref, alt)
        return self._known.get((variant[0], variant[1][1:], variant[2][1:]), variant)


def same_allele(name: str, reference: str, known: Iterable[str]) -> str | None:
    """PyPGx's name of an allele of PharmCAT, None where it has none.

    Parameters
    ----------
    name, reference
        Of the allele and of the gene's reference allele, as PharmCAT writes them.
    known
        PyPGx's alleles of the gene.

    Examples
    --------
    >>> same_allele("rs2231142 variant (T)", "rs2231142 reference (G)", ["Reference", "rs2231142"])
    'rs2231142'
    """
    names = set(known)
    if name in names:
        return name
    if name == reference and "Reference" in names:
        return "Reference"
    match = re.fullmatch(r"(rs\d+) variant \([ACGT]\)", name)
    return match[1] if match and match[1] in names else None


def site_variant(row: Mapping[str, Any], field: str, base: str) -> Variant:
    """Variant of one base or stretch at a site of the definition table, on one build.

    Examples
    --------
    >>> site_variant({"position_grch38": 10, "ref_grch38": "ATGATGA"}, "grch38", "ATGA")
    (10, 'ATGA', 'A')
    """
    return trimmed(int(row[f"position_{field}"]), row[f"ref_{field}"], base)


def allele_variants(
    rows: Sequence[Row], places: Mapping[Place, Row], field: str
) -> tuple[list[set[Variant]], set[Variant]]:
    """Variants of one allele relative to the reference sequence of one build.

    Parameters
    ----------
    rows
        The allele's rows of the definition table.
    places
        By GRCh38 position and reference, a row of every site of the gene.
    field
        ``grch38`` or ``grch37``.

    Returns
    -------
    tuple
        For each site where the allele is not the reference sequence, the variants one of which it carries; and
        those that it is seen with and without.
    """
    required: list[set[Variant]] = []
    optional: set[Variant] = set()
    for key, site in places.items():
        here = [row for row in rows if (row["position_grch38"], row["ref_grch38"]) == key]
        bases = {row["alt"] for row in here}
        if not here or any(int(row["optional"]) for row in here):
            bases.add(site["ref_grch38"])
        reference = site[f"ref_{field}"]
        found = {site_variant(site, field, base) for base in bases if base != reference}
        if reference in bases:
            optional |= found
        else:
            required.append(found)
    return required, optional


class DefinedAlleles:
    """What each allele of one gene carries on one build, by PharmCAT's definition.

    Parameters
    ----------
    table
        The gene's rows of the definition table.
    build
        ``GRCh38`` or ``GRCh37``.

    Attributes
    ----------
    places
        By GRCh38 position and reference, a row of every site of the gene that is known on the build.
    variants
        By name, `allele_variants`.
    """

    def __init__(self, table: Sequence[Row], build: str) -> None:
        field = build.lower()
        self._build = build
        sited = [row for row in table if row[f"position_{field}"] != ""]
        self._aligned = LeftAligned(
            {site_variant(row, field, row["alt"]): int(row["shift"]) for row in sited}
        )
        self.places: dict[Place, Row] = {(row["position_grch38"], row["ref_grch38"]): row for row in sited}
        self.variants = {
            name: allele_variants([row for row in sited if row["allele"] == name], self.places, field)
            for name in dict.fromkeys(row["allele"] for row in table)
        }

    def listed(self, allele: Mapping[str, str]) -> set[Variant]:
        """Core variants of a row of PyPGx's allele table, written as the definition writes them."""
        return {self._aligned.read(text) for text in split_names(allele[f"{self._build}Core"])}

    def is_like(self, name: str, listed: set[Variant]) -> bool:
        """Whether an allele is the one that carries just these variants."""
        required, optional = self.variants[name]
        return listed <= set().union(optional, *required) and all(listed & group for group in required)


def renamed_alleles(source: Path, definitions: Sequence[Row]) -> list[Renamed]:
    """Alleles of PyPGx whose variants on GRCh38 PharmCAT's definitions know under another name alone.

    Parameters
    ----------
    source
        Folder with ``pharmcat`` and ``pypgx_tables``.
    definitions
        Rows of the definition table.
    """
    core = read_core_variants(source)
    return [
        renamed
        for gene, (reference, *_) in reference_alleles(source).items()
        if gene in core
        for renamed in _gene_renamed(
            core[gene],
            DefinedAlleles([row for row in definitions if row["gene"] == gene], "GRCh38"),
            reference,
        )
    ]


def _gene_renamed(gene: CoreVariants, defined: DefinedAlleles, reference: str) -> Iterable[Renamed]:
    for name, allele in ((row["StarAllele"], row) for _, row in gene.alleles if row["SV"] != "TRUE"):
        listed = defined.listed(allele)
        alike = [ours for ours in defined.variants if defined.is_like(ours, listed)]
        if not any(same_allele(ours, reference, [name]) for ours in alike):
            yield from (Renamed(gene.gene, name, ours) for ours in alike)
