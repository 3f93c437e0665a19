"""From diplotypes to metaboliser phenotypes, with the posterior carried through.

A phenotype's probability is the sum over the diplotypes that have it. Two functions (or activity values) make a
phenotype by the rule of their gene; genes whose copies may be more than two have an activity score, the sum
over all copies, and bands of it.

An allele whose function nobody tells may have any of its gene's functions. Where every one of them makes the same
phenotype with the other allele, that is the phenotype (malignant hyperthermia follows from one allele, whatever
the other is); where they do not, it is indeterminate.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from genomics.star_names import diplotype_activity

INDETERMINATE = "Indeterminate"
NO_RESULT = "None"
# Diplotypes that the caller left out of its list, for which nothing is recommended.
UNLISTED = "diplotypes not listed"
ROUNDING = 1e-9
DIPLOTYPE_COLUMNS = [
    "sample_id", "gene", "rank", "diplotype", "posterior", "posterior_no_prior", "status", "phenotype",
    "activity_score", "sites_missing",
]  # fmt: skip
PHENOTYPE_COLUMNS = ["sample_id", "gene", "phenotype", "probability", "status"]


def assign_phenotypes(
    diplotypes: pd.DataFrame,
    functions: pd.DataFrame,
    phenotypes: pd.DataFrame,
    scores: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Add phenotype and activity score to each diplotype.

    Parameters
    ----------
    diplotypes
        From `genomics.call_diplotypes`. A ``phenotype`` or ``activity_score`` that stands there already, given
        by another program, is kept; a score without a phenotype decides it.
    functions
        gene, allele, function, activity_value (`varimol.tables.allele_functions`).
    phenotypes
        gene, key_1, key_2, activity_score, phenotype (`varimol.tables.phenotype_rules`).
    scores
        gene, phenotype, minimum, below (`varimol.tables.phenotype_scores`), for genes whose copies count.

    Returns
    -------
    pandas.DataFrame
        The diplotypes, in their order, with ``phenotype`` (``Indeterminate`` where an allele's function is not
        known and decides it, empty where the caller abstained or the gene has no phenotypes) and
        ``activity_score`` (NaN where none, where the number of copies is open or a function not known).
    """
    rules = _Rules.of(functions, phenotypes, scores)
    given_phenotype = (
        diplotypes["phenotype"] if "phenotype" in diplotypes else pd.Series("", diplotypes.index)
    )
    given_score = diplotypes.get("activity_score", np.nan)
    asked = pd.DataFrame(
        {
            "gene": diplotypes["gene"],
            "diplotype": diplotypes["diplotype"],
            "phenotype": given_phenotype,
            "score": np.asarray(given_score, dtype=float),
        }
    )
    distinct = asked.drop_duplicates()
    answers = [rules.answer(*row) for row in distinct.itertuples(index=False, name=None)]
    told = distinct.assign(
        told=[phenotype for phenotype, _ in answers], told_score=[score for _, score in answers]
    )
    found = asked.merge(told, on=list(asked.columns), how="left")
    scored_table = diplotypes.assign(
        phenotype=found["told"].to_numpy(), activity_score=found["told_score"].to_numpy(dtype=float)
    )
    first = [column for column in DIPLOTYPE_COLUMNS if column in scored_table]
    return scored_table[[*first, *(c for c in scored_table.columns if c not in first)]]


@dataclass(frozen=True)
class _Rules:
    """How each gene's diplotypes make a phenotype."""

    genes: frozenset[str]
    keys: dict[tuple[str, str], str]
    functions: dict[str, set[str]]
    pairs: dict[tuple[str, str, str], tuple[str, float]]
    values: dict[str, dict[str, float]]
    bands: dict[str, list[tuple[float, float, str]]]

    @classmethod
    def of(cls, functions: pd.DataFrame, phenotypes: pd.DataFrame, scores: pd.DataFrame | None) -> _Rules:
        """Index the tables."""
        pairs = {(r.gene, r.key_1, r.key_2): (r.phenotype, r.activity_score) for r in _rows(phenotypes)}
        scored = set(phenotypes.loc[phenotypes["activity_score"].notna(), "gene"])
        bands: dict[str, list[tuple[float, float, str]]] = {}
        for row in _rows(scores) if scores is not None else ():
            below = np.inf if pd.isna(row.below) else row.below
            bands.setdefault(row.gene, []).append((row.minimum, below, row.phenotype))
        values: dict[str, dict[str, float]] = {gene: {} for gene in bands}
        keys = {}
        for row in _rows(functions):
            keys[row.gene, row.allele] = _key(row.function, row.activity_value, row.gene in scored)
            if row.gene in values:
                values[row.gene][row.allele] = row.activity_value
        ruled = {(gene, key) for gene, *both in pairs for key in both}
        functions_of: dict[str, set[str]] = {gene: set() for gene, _, _ in pairs}
        for (gene, _), key in keys.items():
            if (gene, key) in ruled:
                functions_of[gene].add(key)
        return cls(frozenset({*functions_of, *bands}), keys, functions_of, pairs, values, bands)

    def answer(self, gene: str, diplotype: str, given: str, score: float) -> tuple[str, float]:
        """Phenotype and activity score of one diplotype."""
        phenotype, total = ("", np.nan)
        if gene in self.bands:
            low, high = self._score(gene, diplotype) if np.isnan(score) else (score, score)
            total = low if low == high else np.nan
            phenotype = self._band(gene, low, high) if diplotype or not np.isnan(score) else ""
        elif gene in self.genes and not np.isnan(score):
            phenotype = self._of_score(gene, score)
        elif gene in self.genes and diplotype:
            phenotype, total = self._pair(gene, diplotype)
        return given or phenotype, total if np.isnan(score) else score

    def _band(self, gene: str, low: float, high: float) -> str:
        """Phenotype of a score that is known within bounds; sure only where one band holds them both."""
        names = {name for least, below, name in self.bands[gene] if least <= high and low < below}
        return names.pop() if len(names) == 1 else INDETERMINATE

    def _of_score(self, gene: str, score: float) -> str:
        """Phenotype of all pairs of functions that make a score."""
        names = {name for (of, *_), (name, total) in self.pairs.items() if of == gene and total == score}
        return names.pop() if len(names) == 1 else INDETERMINATE

    def _score(self, gene: str, diplotype: str) -> tuple[float, float]:
        """Bounds of an activity score; what no one knows of an allele is that it has no less than none."""
        bounds = [diplotype_activity(haplotype, self.values[gene]) for haplotype in diplotype.split("/")]
        known = [(0.0, np.inf) if np.isnan(low) else (low, high) for low, high in bounds]
        return sum(low for low, _ in known), sum(high for _, high in known)

    def _pair(self, gene: str, diplotype: str) -> tuple[str, float]:
        """Look one or two alleles up; one whose function is not known under each that it may have."""
        alleles = diplotype.split("/")
        if len(alleles) > 2:
            return INDETERMINATE, np.nan
        options = [self._options(gene, allele) for allele in alleles]
        found = [self._rule(gene, *sorted(keys)) for keys in itertools.product(*options)]
        if len({phenotype for phenotype, _ in found}) != 1:
            return INDETERMINATE, np.nan
        return found[0][0], found[0][1] if len({score for _, score in found}) == 1 else np.nan

    def _rule(self, gene: str, first: str, second: str = "") -> tuple[str, float]:
        return self.pairs.get((gene, first, second), (INDETERMINATE, np.nan))

    def _options(self, gene: str, allele: str) -> set[str]:
        """The function of an allele; all of its gene's where nobody tells it, or no rule reads it."""
        key = self.keys.get((gene, allele))
        return {key} if key in self.functions[gene] else self.functions[gene]


def _rows(table: pd.DataFrame) -> Iterator[Any]:
    """Rows of a table by column name."""
    return iter(table.itertuples(index=False))


def _key(function: str, activity: float, scored: bool) -> str:
    return ("" if pd.isna(activity) else str(float(activity))) if scored else function


def sum_phenotypes(rows: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Sum one gene's diplotypes by phenotype.

    Parameters
    ----------
    rows
        Phenotype and posterior of each diplotype listed.

    Returns
    -------
    dict
        Probability of each phenotype; what the list lacks to 1 under `UNLISTED`. One of `NO_RESULT` where no
        diplotype has a phenotype.

    Examples
    --------
    >>> sum_phenotypes([("Normal Metabolizer", 0.5), ("Poor Metabolizer", 0.25), ("Normal Metabolizer", 0.25)])
    {'Normal Metabolizer': 0.75, 'Poor Metabolizer': 0.25}
    """
    probabilities: dict[str, float] = {}
    for phenotype, posterior in rows:
        if phenotype:
            probabilities[phenotype] = probabilities.get(phenotype, 0.0) + posterior
    if not probabilities:
        return {NO_RESULT: 1.0}
    rest = 1 - sum(probabilities.values())
    return probabilities if rest < ROUNDING else probabilities | {UNLISTED: rest}


def phenotype_probabilities(diplotypes: pd.DataFrame) -> pd.DataFrame:
    """Carry the posterior of the diplotypes through to the phenotypes.

    Parameters
    ----------
    diplotypes
        With phenotypes, from `assign_phenotypes`.

    Returns
    -------
    pandas.DataFrame
        sample_id, gene, phenotype, probability, status (of the diplotype), by patient, gene and falling
        probability; genes that have phenotypes and were not abstained on.
    """
    kept = diplotypes[(diplotypes["phenotype"] != "") & (diplotypes["status"] != "abstain")]
    keys = ["sample_id", "gene", "phenotype"]
    summed = kept.groupby(keys, sort=False, as_index=False).agg(
        probability=("posterior", "sum"), status=("status", "first")
    )
    totals = summed.groupby(keys[:2], sort=False, as_index=False).agg(
        probability=("probability", "sum"), status=("status", "first")
    )
    rest = totals.assign(probability=1 - totals["probability"], phenotype=UNLISTED)
    summed = pd.concat([summed, rest[rest["probability"] > ROUNDING]], ignore_index=True)
    place = {name: i for i, name in enumerate(dict.fromkeys(diplotypes["sample_id"]))}
    order = np.lexsort(
        (summed["phenotype"], -summed["probability"], summed["gene"], summed["sample_id"].map(place))
    )
    return summed.iloc[order].reset_index(drop=True)[PHENOTYPE_COLUMNS]
