"""Star-allele definitions as arrays: which bases each allele of a gene may carry at each site.

At a site, code 0 is the base of the GRCh38 reference and codes 1, 2, ... are the variants that the gene's
definition knows there. An allele carries code 0 wherever its definition lists no variant, so that the
reference sequence of a build, which is itself some allele, never counts as ``*1`` by itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
UNSEEN_FREQUENCY = 1e-5
"""Prior of an allele that was looked for among the 5,008 haplotypes of 1000 Genomes and never seen.

Alleles that some of the people lack turn up among the others so seldom: the logarithm of the probability of held-out
haplotypes is highest at 1e-5 where half of the people are counted, at 2e-6 where all are (12 higher), and 85 to 250
lower at 1e-4 (`benchmarks.star_masking`). A gene has up to 165 such alleles.
"""
UNCOUNTED_FREQUENCY = 1e-4
"""Prior of an allele that nobody could look for there: half a copy, as its absence says nothing."""
SMOOTHING = 0.03
"""How far the frequencies of a population are drawn towards the mean of all (`smooth_frequencies`)."""


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
        (alleles,): share of haplotypes as counted, 0 where never seen, NaN where nobody counted.
    ranks
        (alleles,): activity, lower is worse; NaN where unknown.
    population_frequencies
        (populations, alleles): share of the haplotypes of each population, smoothed; NaN where nobody
        counted. None for one population that has ``frequencies``.
    method
        ``diplotype``: a haplotype is one allele. ``lowest_function``: a haplotype may carry several variants
        and counts as its worst one. ``genotype``: as ``diplotype``, named by its bases too.
    needs_copy_number
        Deletions, duplications or hybrids decide the allele, which variant calls do not show.
    ploidy
        ``autosome``, ``X`` or ``MT``.
    optional_shares
        By allele and site, how often the allele carries each code, where it may carry several and somebody
        counted them.
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
    optional_shares: Mapping[tuple[int, int], Float[np.ndarray, " codes"]] = field(default_factory=dict)

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
        return floor_frequencies(shares)

    def without_frequencies(self) -> StarGene:
        """Forget the counts, so that calls alone decide."""
        nobody = np.full(len(self.alleles), np.nan)
        return replace(self, frequencies=nobody, population_frequencies=None)


def floor_frequencies(
    shares: Float[np.ndarray, "populations alleles"], unseen: float = UNSEEN_FREQUENCY
) -> Float[np.ndarray, "populations alleles"]:
    """Give alleles that were never seen, or never counted (NaN), the frequency that they may have.

    Examples
    --------
    >>> floor_frequencies(np.array([[0.2, 0.0, np.nan]])).tolist()
    [[0.2, 1e-05, 0.0001]]
    """
    return np.fmax(shares, np.where(np.isnan(shares), UNCOUNTED_FREQUENCY, unseen))


def smooth_frequencies(
    shares: Float[np.ndarray, "populations alleles"], amount: float = SMOOTHING
) -> Float[np.ndarray, "populations alleles"]:
    """Draw the frequencies of each population towards the mean of all populations.

    The share of a rare allele among a thousand haplotypes is uncertain, and people descend from more than one
    population. Held-out haplotypes of 1000 Genomes are most probable with 0.03 to 0.05 of the mean, both where
    400 and where 800 haplotypes of each population were counted (`benchmarks.star_masking`): by 110 to 150 in the
    logarithm more than without.

    Examples
    --------
    >>> smooth_frequencies(np.array([[0.0, 1.0], [0.2, 0.8]]), 0.1).round(3).tolist()
    [[0.01, 0.99], [0.19, 0.81]]
    """
    smoothed: np.ndarray = shares + amount * (shares.mean(axis=0) - shares)
    return smoothed


def read_definitions(definitions: pd.DataFrame) -> Iterator[StarGene]:
    """Turn the long definition table into arrays, gene by gene in order of name.

    Parameters
    ----------
    definitions
        Table as `varimol.tables.allele_definitions` returns it: one row per (allele, defining variant).
        Columns ``frequency``, ``frequency_POPULATION``, ``optional_variants`` (`optional_variants`),
        ``activity``, ``method``, ``copy_number``, ``ploidy`` and ``shift`` are used where there.

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
    shares: dict[tuple[int, int, int], float] = {}
    allele_number = {name: i for i, name in enumerate(alleles)}
    for j, key in enumerate(keys):
        for row in at_site[key]:
            i, code = allele_number[row.allele], sites[j].bases.index(row.alt)
            allowed[i, j, code] = True
            allowed[i, j, 0] &= bool(int(row.optional))
            counted = optional_variants(getattr(row, "optional_variants", ""))
            if (sites[j].name, row.alt) in counted:
                shares[i, j, code] = counted[sites[j].name, row.alt]
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
        optional_shares=code_shares(shares, allowed.shape[2]),
    )


def optional_variants(text: str) -> dict[tuple[str, str], float]:
    """Share of an allele's haplotypes that have each variant which it may have or lack, by site and base.

    Examples
    --------
    >>> optional_variants("rs2306283 G 0.5, rs4149056 C 0.36667")
    {('rs2306283', 'G'): 0.5, ('rs4149056', 'C'): 0.36667}
    """
    if not isinstance(text, str) or not text:
        return {}
    parts = [part.split(" ") for part in text.split(", ")]
    return {(name, base): float(share) for name, base, share in parts}


def code_shares(
    variants: Mapping[tuple[int, int, int], float], n_codes: int
) -> dict[tuple[int, int], Float[np.ndarray, " codes"]]:
    """How often alleles carry each code, by allele and site, from the shares of all but the reference's.

    Examples
    --------
    >>> code_shares({(4, 0, 1): 0.25, (4, 0, 2): 0.5}, 3)[4, 0].tolist()
    [0.25, 0.25, 0.5]
    """
    shares: dict[tuple[int, int], np.ndarray] = {}
    for (allele, site, code), share in variants.items():
        told = shares.setdefault((allele, site), np.eye(n_codes)[0])
        told[[0, code]] += -share, share
    return shares


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
    return smooth_frequencies(np.where(np.isnan(shares), overall, shares))


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
