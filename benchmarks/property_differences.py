"""Figures of `benchmarks.properties` from the predictions that it kept: scores of folds, paired differences, ranks.

A table's score is the mean over its folds, and over its labels, of RMSE or of the area under the ROC curve. The
difference of two models is that of their scores, with an interval of molecules drawn with replacement within their
folds, the same ones for both (1,000 draws), on the folds that both have; scores and ranks are of the folds that all
models of the table have. ``blend`` is what the
package does with its models: weighted by label, the weights of a fold found on the other folds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.properties import score
from benchmarks.property_tables import SOURCES, PropertyTable, read_properties
from benchmarks.record import write_results
from models.property_calibration import blend_weights

Array = NDArray[np.float64]
N_DRAWS = 1000
BLENDED = ("kernel", "network", "boosted_trees", "random_forest")
"""Models that `varimol train property` blends."""


@dataclass(frozen=True)
class Kept:
    """Predictions of one model of one fold's held-out rows.

    Attributes
    ----------
    table, model, fold, seed
        Which.
    predictions
        (n_test, n_labels).
    cpu_s
        Of training and predicting.
    """

    table: str
    model: str
    fold: int
    seed: int
    predictions: Array
    cpu_s: float


def read_kept(folder: Path) -> list[Kept]:
    """All predictions in a folder, by table, model, fold and seed."""
    kept = []
    for path in (folder / "predictions").glob("*.npz"):
        if path.name.count(".") != 4:  # a file that is being written
            continue
        table, model, fold, seed, _ = path.name.split(".")
        with np.load(path) as arrays:
            kept.append(
                Kept(table, model, int(fold), int(seed), arrays["predictions"], float(arrays["cpu_s"]))
            )
    order = list(SOURCES)
    return sorted(kept, key=lambda each: (order.index(each.table), each.model, each.fold, each.seed))


def _by_table(kept: list[Kept]) -> list[tuple[str, list[Kept]]]:
    return [(name, list(some)) for name, some in groupby(kept, key=lambda each: each.table)]


def blended(table: PropertyTable, kept: list[Kept]) -> list[Kept]:
    """Blend of `BLENDED` on the folds that all of them have, the weights of a fold and label found on the others of these."""
    of_model = {name: {each.fold: each for each in kept if each.model == name} for name in BLENDED}
    folds = sorted(set.intersection(*(set(own) for own in of_model.values())))
    if len(folds) < 2:
        return []
    judged = np.isin(table.fold, folds)
    whole = {name: np.empty(table.labels.shape) for name in BLENDED}
    for name, own in of_model.items():
        for fold in folds:
            whole[name][table.fold == fold] = own[fold].predictions
    result = []
    for fold in folds:
        here = table.fold == fold
        predictions = np.empty((here.sum(), len(table.tasks)))
        for column in range(len(table.tasks)):
            others = judged & ~here & ~np.isnan(table.labels[:, column])
            told = {name: values[others, column] for name, values in whole.items()}
            weights = blend_weights(told, table.labels[others, column])
            predictions[:, column] = sum(weights[name] * whole[name][here, column] for name in BLENDED)
        parts = [own[fold] for own in of_model.values()]
        cpu_s = sum(each.cpu_s for each in parts)
        result.append(Kept(table.name, "blend", fold, parts[0].seed, predictions, cpu_s))
    return result


def metric_of(table: PropertyTable) -> str:
    """RMSE, or AUROC."""
    return "rmse" if table.tasks[0] == "regression" else "auroc"


def mean_score(label: Array, prediction: Array, task: str) -> float:
    """Mean over the labels of one fold."""
    values = []
    for column in range(label.shape[1]):
        there = ~np.isnan(label[:, column])
        values.append(score(label[there, column], prediction[there, column], task))
    return float(np.nanmean(values))


def write_figures(folder: Path, data: Path) -> None:
    """Write benchmarks/results/properties.tsv and property_differences.tsv."""
    kept = read_kept(folder)
    tables = {name: read_properties(name, folder / "tables", data) for name in {each.table for each in kept}}
    kept = [each for name, some in _by_table(kept) for each in (*some, *blended(tables[name], some))]
    rows = []
    for each in kept:
        table = tables[each.table]
        value = mean_score(table.labels[table.fold == each.fold], each.predictions, table.tasks[0])
        rows.append((each.table, each.model, each.fold, each.seed, metric_of(table), value, each.cpu_s))
    columns = ["table", "model", "fold", "seed", "metric", "value", "cpu_s"]
    write_results(pd.DataFrame(rows, columns=columns), "properties")
    parts = [_against_best(tables[name], some) for name, some in _by_table(kept)]
    write_results(_with_mean_ranks(pd.concat(parts, ignore_index=True)), "property_differences")


def _against_best(table: PropertyTable, kept: list[Kept]) -> pd.DataFrame:
    """A row per model: its score and rank on the folds that all have, and what it is worse than the best."""
    by_model: dict[str, dict[int, Array]] = {}
    for each in kept:
        by_model.setdefault(each.model, {})[each.fold] = each.predictions
    sign = 1.0 if metric_of(table) == "rmse" else -1.0
    same = sorted(set.intersection(*(set(folds) for folds in by_model.values())))
    if not same:
        raise ValueError(f"{table.name}: no fold that every model has been trained without")
    scores = pd.Series(
        {
            model: _fold_mean(table, {fold: folds[fold] for fold in same}, None)
            for model, folds in by_model.items()
        }
    )
    best = str((sign * scores).idxmin())
    ranks = (sign * scores).rank()
    rows = []
    for model, folds in by_model.items():
        shared = sorted(set(folds) & set(by_model[best]))
        point, lower, upper = _difference(table, folds, by_model[best], shared, sign)
        rows.append(
            {
                "table": table.name, "metric": metric_of(table), "model": model, "n_folds": len(folds),
                "n_shared": len(same), "value": scores[model], "rank": ranks[model], "best": best, "worse_by": point,
                "lower": lower, "upper": upper,
            }
        )  # fmt: skip
    return pd.DataFrame(rows).sort_values("rank")


def _fold_mean(
    table: PropertyTable, folds: dict[int, Array], draw: Callable[[int, int], NDArray[np.int64]] | None
) -> float:
    values = []
    for fold, predictions in folds.items():
        label = table.labels[table.fold == fold]
        rows = np.arange(len(label)) if draw is None else draw(fold, len(label))
        values.append(mean_score(label[rows], predictions[rows], table.tasks[0]))
    return float(np.mean(values))


def _difference(
    table: PropertyTable, one: dict[int, Array], other: dict[int, Array], shared: list[int], sign: float
) -> tuple[float, float, float]:
    """How much worse one model is than the other, with the 95% interval."""
    own, best = ({fold: each[fold] for fold in shared} for each in (one, other))
    if one is other or not shared:
        return 0.0, 0.0, 0.0
    point = sign * (_fold_mean(table, own, None) - _fold_mean(table, best, None))
    draws = []
    for number in range(N_DRAWS):

        def draw(fold: int, n: int, number: int = number) -> NDArray[np.int64]:
            return np.random.default_rng([fold, number]).integers(0, n, n)

        draws.append(sign * (_fold_mean(table, own, draw) - _fold_mean(table, best, draw)))
    lower, upper = np.quantile(draws, [0.025, 0.975])
    return point, float(lower), float(upper)


def _with_mean_ranks(table: pd.DataFrame) -> pd.DataFrame:
    """Add each model's mean rank over the tables that every model has been run on."""
    whole = table.pivot_table(index="table", columns="model", values="rank").dropna()
    ranks = whole.rank(axis=1).mean()
    rows = pd.DataFrame(
        {
            "table": "all", "metric": "mean_rank", "model": ranks.index, "n_folds": len(whole),
            "value": ranks.to_numpy(),
        }
    ).sort_values("value")  # fmt: skip
    return pd.concat([table, rows], ignore_index=True)
