"""From phenotypes to dosing guidance, and whether a patient's calls are sure enough to act on it.

A recommendation is *active* where at least 95% of the probability of the phenotypes asks for the same action.
A recommendation to treat as usual needs more: the diplotype itself must be called, because a normal result
from sites that were not observed would be no result; or every diplotype that the calls leave open, however rare,
asks for the same. Where the guidance gives no recommendation, nothing is
active, and neither where the caller says that something it could not look for may change the call.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from genomics.metaboliser import NO_RESULT, UNLISTED, sum_phenotypes

MINIMUM_PROBABILITY = 0.95
# Actions that leave the treatment as it is: they are only as good as the sites that were observed.
NO_RECOMMENDATION = "no recommendation"
UNCHANGED = frozenset({"standard", "not indicated", NO_RECOMMENDATION})
RECOMMENDATION_COLUMNS = [
    "sample_id", "drug", "gene", "phenotype", "recommendation", "strength", "probability", "active", "source",
    "action", "diplotype", "population", "reason",
]  # fmt: skip


def _rows(table: pd.DataFrame) -> Iterator[Any]:
    """Rows of a table by column name."""
    return iter(table.itertuples(index=False))


def recommend(diplotypes: pd.DataFrame, guidance: pd.DataFrame) -> pd.DataFrame:
    """Look up the dosing guidance for each patient and drug.

    Parameters
    ----------
    diplotypes
        With phenotypes, from `assign_phenotypes`.
    guidance
        drug, gene, phenotype, gene_2, phenotype_2, action, recommendation, strength, population, source
        (`varimol.tables.guidance`).

    Returns
    -------
    pandas.DataFrame
        One row per patient and drug whose genes the diplotypes name, in the patients' order and then by
        drug: sample_id, drug, gene (``A+B`` for drugs of two genes), phenotype (likewise), recommendation,
        strength, probability (of the recommendation, summed over phenotypes; NaN without a result), active,
        source, action, diplotype (the most probable; ``A+B`` likewise), population, reason (why it is not
        active).
    """
    samples = np.asarray(pd.unique(diplotypes["sample_id"]), dtype=object)
    genes = {str(gene): _gene_results(table, samples) for gene, table in diplotypes.groupby("gene")}
    tables = [
        _drug_rows(str(drug), table, genes, samples)
        for drug, table in guidance.groupby("drug", sort=True)
        if {table["gene"].iloc[0], table["gene_2"].iloc[0]} - {""} & set(genes)
    ]
    if not tables:
        return pd.DataFrame(columns=RECOMMENDATION_COLUMNS)
    joined = pd.concat(tables, ignore_index=True)
    order = np.lexsort((np.arange(len(joined)), joined["_sample"]))
    return joined.iloc[order].reset_index(drop=True)[RECOMMENDATION_COLUMNS]


@dataclass(frozen=True)
class _Result:
    """What is known of one gene in one patient: phenotype probabilities, and why no more is known.

    A barred result is never acted on: something that was not looked for may change it. The phenotypes of a
    complete one are those of all diplotypes that the calls leave open, however rare.
    """

    probabilities: dict[str, float]
    called: bool
    why: str
    diplotype: str = ""
    barred: bool = False
    complete: bool = False


@dataclass(frozen=True)
class _GeneResults:
    """Distinct results of one gene, and which each sample has."""

    results: list[_Result]
    result_of: np.ndarray


_NOT_CALLED = _Result({NO_RESULT: 1.0}, False, "the gene was not called")


def _gene_results(table: pd.DataFrame, samples: np.ndarray) -> _GeneResults:
    """Group samples with the same diplotype rows of one gene."""
    position = {sample: i for i, sample in enumerate(samples)}
    row_sample = table["sample_id"].map(position).to_numpy()
    order = np.argsort(row_sample, kind="stable")
    row_sample = row_sample[order]
    columns = [
        "posterior", "posterior_no_prior", "diplotype", "status", "phenotype", "sites_missing", "sites_settling", "reason",
    ]  # fmt: skip
    values = list(table[columns].iloc[order].itertuples(index=False, name=None))
    keys: dict[tuple, int] = {}
    results: list[_Result] = []
    # A sample without rows keeps -1, the last result.
    result_of = np.full(len(samples), -1)
    bounds = np.flatnonzero(np.diff(row_sample, prepend=-1, append=-1))
    for start, end in itertools.pairwise(bounds):
        key = tuple(
            (*(round(p, 12) if p == p else -1.0 for p in row[:2]), *row[2:]) for row in values[start:end]
        )
        if key not in keys:
            keys[key] = len(results)
            results.append(_result(values[start:end]))
        result_of[row_sample[start]] = keys[key]
    return _GeneResults([*results, _NOT_CALLED], result_of)


def _result(rows: list[tuple]) -> _Result:
    """Sum one patient's diplotypes by phenotype; status, sites and reason stand in every row alike."""
    _, _, diplotype, status, _, missing, settling, reason = rows[0]
    if status == "abstain":
        return _Result({NO_RESULT: 1.0}, False, reason + (f" ({missing})" if missing else ""))
    probabilities = sum_phenotypes((phenotype, posterior) for posterior, _, _, _, phenotype, *_ in rows)
    complete = UNLISTED not in sum_phenotypes((phenotype, flat) for _, flat, _, _, phenotype, *_ in rows)
    called = status == "called"
    why = "" if called else reason or _what_settles(missing, settling)
    return _Result(probabilities, called, why, diplotype, barred=bool(reason), complete=called or complete)


def _what_settles(missing: str, settling: str) -> str:
    """Name the assay that would tell the diplotypes apart."""
    if settling:
        return f"sites not observed; genotype {settling}"
    if missing:
        return f"sites not observed: {missing}"
    return "phase not known; phase the calls by long reads or by the parents"


def _drug_rows(
    drug: str, table: pd.DataFrame, genes: dict[str, _GeneResults], samples: np.ndarray
) -> pd.DataFrame:
    """Every patient's row for one drug."""
    names = [name for name in (table["gene"].iloc[0], table["gene_2"].iloc[0]) if name]
    nothing = _GeneResults([_NOT_CALLED], np.zeros(len(samples), dtype=int))
    parts = [genes.get(name, nothing) for name in names]
    lookup = {(row.phenotype, row.phenotype_2)[: len(names)]: row for row in _rows(table)}
    which = np.stack([part.result_of for part in parts], axis=1)
    distinct, answer_of = np.unique(which, axis=0, return_inverse=True)
    answers = pd.DataFrame(
        [_answer(names, [part.results[i] for part, i in zip(parts, row)], lookup) for row in distinct]
    )
    rows = answers.iloc[answer_of.ravel()].reset_index(drop=True)
    return rows.assign(
        sample_id=samples,
        drug=drug,
        gene="+".join(names),
        source=table["source"].iloc[0],
        _sample=np.arange(len(samples)),
    )


def _answer(names: list[str], results: list[_Result], lookup: dict[tuple, Any]) -> dict[str, object]:
    """Weigh the recommendations of all phenotypes (pairs) against each other."""
    combinations: dict[tuple[str, ...], float] = {(): 1.0}
    for result in results:
        combinations = {
            (*done, phenotype): weight * probability
            for done, weight in combinations.items()
            for phenotype, probability in result.probabilities.items()
        }
    best = max(combinations, key=lambda key: (combinations[key], key))
    weights: dict[tuple[str, str], float] = {}
    for phenotypes, weight in combinations.items():
        row = lookup.get(phenotypes)
        advice = (row.action, row.recommendation) if row else (NO_RECOMMENDATION, "")
        weights[advice] = weights.get(advice, 0.0) + weight
    (action, sentence), probability = max(weights.items(), key=lambda item: (item[1], item[0]))
    reasons = [f"{name}: {result.why}" for name, result in zip(names, results) if result.why]
    nothing = all(set(result.probabilities) == {NO_RESULT} for result in results)
    called = all(result.called for result in results)
    unanimous = len(weights) == 1 and all(result.complete for result in results)
    as_usual = called or unanimous
    active = not nothing and probability >= MINIMUM_PROBABILITY and (action not in UNCHANGED or as_usual)
    active &= not any(result.barred for result in results)
    if action == NO_RECOMMENDATION:
        active = False
        nothing_said = not sentence or sentence.startswith("No recommendation")
        gives = "gives no recommendation for" if nothing_said else "states this and asks for nothing with"
        reasons = reasons or [f"the guidance {gives} this phenotype"]
    row = lookup.get(best)
    return {
        "phenotype": "" if nothing else "+".join(p if p not in (NO_RESULT, UNLISTED) else "" for p in best),
        "diplotype": "" if nothing else "+".join(result.diplotype for result in results),
        "recommendation": sentence,
        "strength": row.strength if row else "",
        "probability": np.nan if nothing else min(probability, 1.0),
        "active": active,
        "action": action,
        "population": row.population if row else "",
        "reason": "" if active else "; ".join(reasons),
    }
