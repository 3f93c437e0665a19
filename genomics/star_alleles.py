"""Star-allele definitions as arrays: which bases each allele of a gene may carry at each site.

At a site, code 0 is the base of the GRCh38 reference and codes 1, 2, ... are the variants that the gene's
definition knows there. An allele carries code 0 wherever its definition lists no variant, so that the
reference sequence of a build, which is itself some allele, never counts as ``*1`` by itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from genomics.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUIRED_COLUMNS = (
    "gene", "allele", "contig", "position_grch38", "ref_grch38", "position_grch37", "ref_grch37", "alt",
    "optional", "rsid",
)  # fmt: skip
# Half a copy among the 5,008 haplotypes of 1000 Genomes: the prior of an allele that was never seen there.
UNSEEN_FREQUENCY = 1e-4


@dataclass(frozen=True)
class StarSite:
    """One site of a definition.

    Attributes
    ----------
    name
        rsID, or ``contig:position`` on GRCh38 where there is none.
    positions
        1-based position by build; None where it is not known.
    references
        Base or bases of the reference sequence by build.
    bases
        What the site may carry: the GRCh38 reference first, then the variants; index is the code.
    shifts
        By code, the number of bases by which the same insertion or deletion may be written further right
        on the reference sequence; 0 for the reference and for substitutions. Empty stands for all 0.
    """

    name: str
    positions: dict[str, int | None]
    references: dict[str, str]
    bases: tuple[str, ...]
    shifts: tuple[int, ...] = ()

    @property
    def is_substitution(self) -> bool:
        """Whether every base string is one letter long."""
        return all(len(base) == 1 for base in self.bases)


@dataclass(frozen=True)
class StarGene:
    """One gene's alleles and sites.

    Attributes
    ----------
    allowed
        (alleles, sites, codes): the allele may carry that code there.
    frequencies
        (alleles,): share of haplotypes, 0 where never seen, NaN where nobody counted.
    ranks
        (alleles,): activity, lower is worse; NaN where unknown.
    population_frequencies
        (populations, alleles): share of the haplotypes of each population, NaN where nobody counted; None
        for one population that has ``frequencies``.
    method
        ``diplotype``: a haplotype is one allele. ``lowest_function``: a haplotype may carry several variants
        and counts as its worst one. ``genotype``: as ``diplotype``, named by its bases too.
    needs_copy_number
        Deletions, duplications or hybrids decide the allele, which variant calls do not show.
    ploidy
        ``autosome``, ``X`` or ``MT``.
    """

    name: str
    contig: str
    alleles: tuple[str, ...]
    sites: tuple[StarSite, ...]
    allowed: Bool[np.ndarray, "alleles sites codes"]
    frequencies: Float[np.ndarray, " alleles"]
    ranks: Float[np.ndarray, " alleles"]
    population_frequencies: Float[np.ndarray, "populations alleles"] | None = None
    method: str = "diplotype"
    needs_copy_number: bool = False
    ploidy: str = "autosome"

    @property
    def is_counted(self) -> bool:
        """Whether anybody counted the alleles."""
        shares = self.frequencies if self.population_frequencies is None else self.population_frequencies
        return not bool(np.isnan(shares).all())

    @property
    def weights(self) -> Float[np.ndarray, "populations alleles"]:
        """Prior weight of each allele in each population; all equal where nobody counted them."""
        if not self.is_counted:
            return np.ones((1, len(self.alleles)))
        shares = (
            self.frequencies[None] if self.population_frequencies is None else self.population_frequencies
        )
        return np.fmax(shares, UNSEEN_FREQUENCY)

    def without_frequencies(self) -> StarGene:
        """Forget the counts, so that calls alone decide."""
        nobody = np.full(len(self.alleles), np.nan)
        return replace(self, frequencies=nobody, population_frequencies=None)


def read_definitions(definitions: pd.DataFrame) -> Iterator[StarGene]:
    """Turn the long definition table into arrays, gene by gene in order of name.

    Parameters
    ----------
    definitions
        Table as `varimol.tables.allele_definitions` returns it: one row per (allele, defining variant).
        Columns ``frequency``, ``frequency_POPULATION``, ``activity``, ``method``, ``copy_number``, ``ploidy``
        and ``shift`` are used where there.

    Raises
    ------
    InputError
        If a column is missing.
    """
    missing = [column for column in REQUIRED_COLUMNS if column not in definitions.columns]
    if missing:
        raise InputError(
            "the table of allele definitions lacks a column",
            field=missing[0],
            expected=", ".join(REQUIRED_COLUMNS),
        )
    for gene, table in definitions.groupby("gene", sort=True):
        yield _read_gene(str(gene), table)


def _read_gene(gene: str, table: pd.DataFrame) -> StarGene:
    alleles = tuple(sorted(dict.fromkeys(table["allele"]), key=star_number))
    rows = list(cast("Iterator[Any]", table[table["position_grch38"].notna()].itertuples(index=False)))
    at_site: dict[tuple[int, str], list[Any]] = {}
    for row in rows:
        at_site.setdefault((int(row.position_grch38), row.ref_grch38), []).append(row)
    keys = sorted(at_site)
    sites = tuple(_read_site(at_site[key]) for key in keys)
    allowed = np.zeros((len(alleles), len(sites), max((len(s.bases) for s in sites), default=1)), dtype=bool)
    allowed[:, :, 0] = True
    allele_number = {name: i for i, name in enumerate(alleles)}
    for j, key in enumerate(keys):
        for row in at_site[key]:
            i = allele_number[row.allele]
            allowed[i, j, sites[j].bases.index(row.alt)] = True
            allowed[i, j, 0] &= bool(int(row.optional))
    contig = str(table["contig"].iloc[0])
    first = table.drop_duplicates("allele").set_index("allele").loc[list(alleles)]
    return StarGene(
        name=gene,
        contig=contig,
        alleles=alleles,
        sites=sites,
        allowed=allowed,
        frequencies=_numbers(first, "frequency"),
        ranks=_numbers(first, "activity"),
        population_frequencies=_population_frequencies(first),
        method=_text(first, "method", "diplotype"),
        needs_copy_number=_text(first, "copy_number", "0") == "1",
        ploidy=_text(first, "ploidy", contig if contig in ("X", "MT") else "autosome"),
    )


def star_number(allele: str) -> tuple[int, str]:
    """Order star alleles by number; other names stay as they are.

    Examples
    --------
    >>> sorted(["*38", "*1", "*3B", "*3A", "*10"], key=star_number)
    ['*1', '*3A', '*3B', '*10', '*38']
    """
    found = re.match(r"\*(\d+)(.*)", allele)
    return (int(found[1]), found[2]) if found else (0, "")


def _text(table: pd.DataFrame, column: str, otherwise: str) -> str:
    return str(table[column].iloc[0]) if column in table.columns else otherwise


def _population_frequencies(table: pd.DataFrame) -> Float[np.ndarray, "populations alleles"] | None:
    columns = [column for column in table.columns if column.startswith("frequency_")]
    if not columns:
        return None
    # A share that a publication gives for one population alone stands in for all.
    overall = _numbers(table, "frequency")
    shares = np.stack([_numbers(table, column) for column in columns])
    return np.where(np.isnan(shares), overall, shares)


def _numbers(table: pd.DataFrame, column: str) -> Float[np.ndarray, " alleles"]:
    if column not in table.columns:
        return np.full(len(table), np.nan)
    return table[column].to_numpy(dtype=float, na_value=np.nan)


def _read_site(rows: list[Any]) -> StarSite:
    first = rows[0]
    position_37 = first.position_grch37
    bases = (first.ref_grch38, *sorted({row.alt for row in rows}))
    shift = {row.alt: int(row.shift) for row in rows if not pd.isna(getattr(row, "shift", np.nan))}
    return StarSite(
        name=str(first.rsid) or f"{first.contig}:{first.position_grch38}",
        positions={
            "GRCh38": int(first.position_grch38),
            "GRCh37": None if pd.isna(position_37) else int(position_37),
        },
        references={"GRCh38": first.ref_grch38, "GRCh37": str(first.ref_grch37) or first.ref_grch38},
        bases=bases,
        shifts=tuple(shift.get(base, 0) for base in bases) if any(shift.values()) else (),
    )
