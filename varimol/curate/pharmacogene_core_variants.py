"""Allele definitions of the genes that only PyPGx's tables cover.

PyPGx lists an allele's core variants relative to the reference sequence of each build, and says nothing of the
sites that it does not list. Both lists are read together:

* a base that either build lists is the allele's, on both builds; two different ones stop the curation;
* where neither lists anything, the allele carries the reference base, if both builds have the same;
* where the builds' reference bases differ and neither lists anything, the allele that *is* one build's
  reference sequence carries that base; for any other allele the site is no part of its definition, and
  both bases are allowed (``optional``).

`varimol.curate.pharmacogene_disagreements` lists the alleles of which the two lists, read as whole sequences,
say different things.

A *tag* variant of PyPGx tells of an allele without being part of its definition. It is carried as optional, and
only at sites that are core to some allele of the gene; elsewhere it would define nothing.

Alleles that only a structural variant tells from another have no row. No source gives the HGVS names of
these variants, so how far right an insertion or deletion may be written is not known beyond what the gene's
other sites show (``shift`` is mostly 0), but for mitochondrial ones, whose allele names stand as far right as
they go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from varimol.curate.pharmacogene_definitions import DEFINITION_COLUMNS, right_shift, shown_shift
from varimol.curate.pharmacogene_sources import (
    PYPGX,
    Row,
    canonical,
    defined_genes,
    file_version,
    pypgx_table,
    read_csv,
    row_name,
)

BUILDS = ("GRCh38", "GRCh37")
# A man's one X, which PyPGx writes as an allele.
NO_ALLELE = ("MALE",)
Site = tuple[int, str, int, str]
"""Position and reference bases on GRCh38, then on GRCh37."""


@dataclass(frozen=True)
class CoreVariants:
    """PyPGx's variants and alleles of one gene.

    Attributes
    ----------
    sites
        By build and variant name (``contig-position-ref-alt``): the site and its 0-based row.
    rsids
        By site and alternate.
    alleles
        Rows of the allele table with their 0-based index.
    defaults
        By build, the allele that the reference sequence is.
    """

    gene: str
    contig: str
    sites: dict[str, dict[str, tuple[Site, int]]]
    rsids: dict[tuple[Site, str], str]
    alleles: list[tuple[int, Mapping[str, str]]]
    defaults: dict[str, str]

    @property
    def all_sites(self) -> list[Site]:
        """Every site, in order of position."""
        return sorted({site for build in BUILDS for site, _ in self.sites[build].values()})


def split_names(text: str) -> list[str]:
    """Split a list of variant names, ``N/A`` being none."""
    return [] if text == "N/A" else text.split(",")


def read_core_variants(source: Path) -> dict[str, CoreVariants]:
    """Read PyPGx's tables gene by gene.

    Parameters
    ----------
    source
        Folder with ``pypgx_tables``.
    """
    genes: dict[str, CoreVariants] = {}
    for row in read_csv(pypgx_table(source, "gene")):
        defaults = {build: row[f"{build}Default"] for build in BUILDS}
        contig = canonical(row["GRCh37Region"].split(":")[0])
        genes[row["Gene"]] = CoreVariants(row["Gene"], contig, {b: {} for b in BUILDS}, {}, [], defaults)
    for index, row in enumerate(read_csv(pypgx_table(source, "variant"))):
        gene, site = genes[row["Gene"]], _site(row)
        for build in BUILDS:
            name = row[f"{build}Name"]
            if name != "N/A":
                gene.sites[build][name] = (site, index)
                gene.rsids[site, name.split("-")[-1]] = row["rsID"].replace("N/A", "")
    for index, row in enumerate(read_csv(pypgx_table(source, "allele"))):
        if row["StarAllele"] not in NO_ALLELE:
            genes[row["Gene"]].alleles.append((index, row))
    return genes


def _site(row: Mapping[str, str]) -> Site:
    return (
        int(row["GRCh38Position"]),
        row["GRCh38Allele"],
        int(row["GRCh37Position"]),
        row["GRCh37Allele"],
    )


def listed_bases(gene: CoreVariants, allele: Mapping[str, str], build: str) -> dict[Site, str]:
    """Bases that one build's list gives an allele; names that the variant table lacks are left out.

    Parameters
    ----------
    gene, allele
        From `read_core_variants`.
    build
        ``GRCh38`` or ``GRCh37``.
    """
    known = gene.sites[build]
    names = (name for name in split_names(allele[f"{build}Core"]) if name in known)
    return {known[name][0]: name.split("-")[-1] for name in names}


def sequence_bases(gene: CoreVariants, allele: Mapping[str, str], build: str) -> dict[Site, str]:
    """Bases of one build's list read as a whole sequence: the reference wherever nothing is listed."""
    bases = {site: site[1] if build == "GRCh38" else site[3] for site in gene.all_sites}
    return bases | listed_bases(gene, allele, build)


def agreed_bases(gene: CoreVariants, allele: Mapping[str, str]) -> dict[Site, str | None]:
    """Bases an allele carries at every site of its gene; None where its definition leaves the site open.

    Raises
    ------
    ValueError
        If the two builds list different bases at one site.
    """
    listed = {build: listed_bases(gene, allele, build) for build in BUILDS}
    bases: dict[Site, str | None] = {}
    for site in gene.all_sites:
        found = {listed[build][site] for build in BUILDS if site in listed[build]}
        if len(found) > 1:
            raise ValueError(f"{gene.gene}{allele['StarAllele']}: {sorted(found)} at one site, {site}")
        bases[site] = found.pop() if found else _reference_base(gene, allele["StarAllele"], site)
    return bases


def _reference_base(gene: CoreVariants, name: str, site: Site) -> str | None:
    """Base at a site that neither build lists for an allele."""
    references = {"GRCh38": site[1], "GRCh37": site[3]}
    own = {references[build] for build in BUILDS if gene.defaults[build] == name} or set(references.values())
    return own.pop() if len(own) == 1 else None


def optional_bases(gene: CoreVariants, allele: Mapping[str, str]) -> dict[Site, str]:
    """Tag variants at sites that are core to some allele of the gene."""
    core = {name for _, row in gene.alleles for name in split_names(row["GRCh38Core"])}
    known = gene.sites["GRCh38"]
    return {
        known[name][0]: name.split("-")[-1]
        for name in split_names(allele["GRCh38Tag"])
        if name in known and name in core
    }


def core_variant_rows(source: Path) -> list[Row]:
    """Definitions of every gene that PharmCAT does not cover and PyPGx defines by variants.

    Parameters
    ----------
    source
        Folder with ``pharmcat`` and ``pypgx_tables``.
    """
    paths = {name: pypgx_table(source, name) for name in ("allele", "variant")}
    versions = {name: file_version(path) for name, path in paths.items()}
    covered = set(defined_genes(source))
    rows: list[Row] = []
    for name, gene in sorted(read_core_variants(source).items()):
        if name in covered or not gene.all_sites:
            continue
        for index, allele in gene.alleles:
            if allele["SV"] != "TRUE":
                place = row_name(paths["allele"], index)
                rows += _allele_rows(gene, allele, place, paths["variant"], versions)
    return rows


def _allele_rows(
    gene: CoreVariants, allele: Mapping[str, str], place: str, variants: Path, versions: Mapping[str, str]
) -> list[Row]:
    """One allele in long form; one bare row where it carries the reference everywhere."""
    common = {
        **dict.fromkeys(DEFINITION_COLUMNS, ""),
        "gene": gene.gene,
        "contig": gene.contig,
        "allele": allele["StarAllele"],
        "shift": 0,
        "optional": 0,
        "source": PYPGX,
    }
    bases = agreed_bases(gene, allele)
    # Either base where the site is open: GRCh37's own is the one that code 0 does not stand for.
    optional = {site: site[3] for site, base in bases.items() if base is None} | optional_bases(gene, allele)
    fixed = {site: base for site, base in bases.items() if base is not None}
    known = {s[0] + i: base for s in gene.all_sites for i, base in enumerate(s[1])}
    rows_of = {(s, n.split("-")[-1]): i for build in BUILDS for n, (s, i) in gene.sites[build].items()}
    rows = [
        {
            **common,
            **_site_columns(gene, site, alt),
            "shift": shown_shift(
                mitochondrial_shift(allele["StarAllele"], site, alt), site[0], site[1], alt, known
            ),
            "optional": int(site in optional),
            "source_row": f"{place}; {row_name(variants, rows_of[site, alt])}",
            "source_version": f"{versions['allele']}; {versions['variant']}",
        }
        for site, alt in sorted((fixed | optional).items())
        if alt != site[1]
    ]
    return rows or [{**common, "source_row": place, "source_version": versions["allele"]}]


def _site_columns(gene: CoreVariants, site: Site, alt: str) -> Row:
    position_38, ref_38, position_37, ref_37 = site
    return {
        "position_grch38": position_38,
        "ref_grch38": ref_38,
        "position_grch37": position_37,
        "ref_grch37": ref_37,
        "position_grch37_from": "listed",
        "alt": alt,
        "rsid": gene.rsids[site, alt],
    }


def mitochondrial_shift(name: str, site: Site, alt: str) -> int:
    """Shift of a deletion that is named by its position, like ``m.960C>del``; 0 for any other allele.

    Examples
    --------
    >>> mitochondrial_shift("m.960C>del", (955, "AC", 955, "AC"), "A")
    4
    """
    match = re.fullmatch(r"m\.(\d+)[ACGT]>del", name)
    return right_shift(site[0], site[1], alt, f"g.{match[1]}del") if match else 0
