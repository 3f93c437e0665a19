"""Star-allele definitions as arrays: which bases each allele of a gene may carry at each site.

At a site, code 0 is the base of the GRCh38 reference and codes 1, 2, ... are the variants that the gene's
definition knows there. An allele carries code 0 wherever its definition lists no variant, so that the
reference sequence of a build, which is itself some allele, never counts as ``*1`` by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    """

    name: str
    contig: str
    alleles: tuple[str, ...]
    sites: tuple[StarSite, ...]
    allowed: Bool[np.ndarray, "alleles sites codes"]
    frequencies: Float[np.ndarray, " alleles"]
    ranks: Float[np.ndarray, " alleles"]

    @property
    def weights(self) -> Float[np.ndarray, " alleles"]:
        """Prior weight of each allele; all equal where nobody counted them."""
        if np.isnan(self.frequencies).all():
            return np.ones(len(self.alleles))
        return np.fmax(self.frequencies, UNSEEN_FREQUENCY)


def read_definitions(definitions: pd.DataFrame) -> Iterator[StarGene]:
    """Turn the long definition table into arrays, gene by gene in order of name.

    Parameters
    ----------
    definitions
        Table as `varimol.tables.allele_definitions` returns it: one row per (allele, defining variant).
        Columns ``frequency`` and ``activity`` are used where there.

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
    alleles = tuple(dict.fromkeys(table["allele"]))
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
    first = table.drop_duplicates("allele")
    return StarGene(
        name=gene,
        contig=str(table["contig"].iloc[0]),
        alleles=alleles,
        sites=sites,
        allowed=allowed,
        frequencies=_numbers(first, "frequency"),
        ranks=_numbers(first, "activity"),
    )


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
