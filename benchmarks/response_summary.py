"""Figures of the predictions that `benchmarks.response_sweep` kept: ``python -m benchmarks.response_summary KEEP``.

Writes benchmarks/results/response_sweep.tsv (a row per arm, teacher, setting, seed and model), response_differences.tsv
(the model less every other, paired, over the same drawn lines) and response_kill.tsv. Beside the model, whose parts have
the weights of its settings (``response_model``), stand weights found on the held-out predictions of the other folds
(``mix_by_folds``), and on the very pairs they are judged on (``mix_by_judged``).

Residual correlation and NDCG@10 are those of `models.response_metrics`, pooled over folds. Of an unseen compound
the interaction is judged: from each prediction its mean over the training lines is taken, for measured means must
not be known of it, and predicted ones are judged by themselves (``r_compound_mean``).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import nnls

from benchmarks.record import write_results
from benchmarks.response_data import ARMS, DATA
from benchmarks.response_sweep import TEACHERS, place_of, shared_of
from models.response_fits import BASELINES, MODEL, PARTS, Shared, sum_of_parts
from models.response_metrics import bootstrap_difference, bootstrap_interval
from models.response_settings import ResponseSettings

Array = NDArray[np.float64]
Fits = dict[tuple[int, str], dict[str, NDArray[Any]]]
TAUGHT, BY_FOLDS, BY_JUDGED = "response_model_taught", "mix_by_folds", "mix_by_judged"
N_DRAWS = 1000


@dataclass
class Predicted:
    """Held-out predictions of one setting.

    Attributes
    ----------
    measured
        (lines, compounds), NaN where nothing was measured or nothing was held out.
    means
        (lines, compounds) the compounds' means over the training lines.
    by_model
        (lines, compounds) by model, NaN where nothing was predicted.
    """

    measured: Array
    means: Array
    by_model: dict[str, Array] = field(default_factory=dict)


def read_fits(place: Path, setting: str) -> Fits:
    """Kept predictions of a setting by fold and model, the models whose folds are all there alone."""
    from safetensors.numpy import load_file

    found: Fits = {}
    for path in sorted(place.glob(f"{setting}-*.safetensors")):
        _, number, model = path.stem.split("-")
        found[int(number), model] = dict(load_file(path))
    n_folds = max((number for number, _ in found), default=0)
    whole = {m for _, m in found if all((number, m) in found for number in range(1, n_folds + 1))}
    return {key: arrays for key, arrays in found.items() if key[1] in whole and n_folds > 1}


def matrices(fits: Fits, fold: NDArray[np.int64], shape: tuple[int, ...]) -> dict[str, dict[str, Array]]:
    """(lines, compounds) of what the fits of all folds say, by model and name of the array."""
    told: dict[str, dict[str, Array]] = {}
    for (number, model), arrays in fits.items():
        for name, array in arrays.items():
            told.setdefault(model, {}).setdefault(name, np.full(shape, np.nan))[fold == number] = array
    return told


def of_lines(shared: Shared, setting: str, fits: Fits) -> Predicted:
    """Predictions of held-out lines or tissues."""
    fold, values = shared.folds[setting], shared.data.table.values
    told = matrices(fits, fold, values.shape)
    result = Predicted(values, training_means(values, fold))
    if MODEL in told:
        result.by_model |= joined(values, told[MODEL], fold, list(shared.data.profiles))
    result.by_model |= {model: told[model]["prediction"] for model in BASELINES if model in told}
    # A compound measured in next to no training line has no prediction, of no model.
    there = [np.isfinite(matrix) for matrix in (result.means, *result.by_model.values())]
    result.measured = np.where(np.logical_and.reduce(there), values, np.nan)
    return result


def training_means(values: Array, fold: NDArray[np.int64]) -> Array:
    """(lines, compounds) means of the compounds over the lines of the other folds; NaN where there is no value."""
    there = ~np.isnan(values)
    means = np.full(values.shape, np.nan)
    for number in np.unique(fold):
        known = there & (fold != number)[:, None]
        count = known.sum(axis=0)
        total = np.where(known, values, 0).sum(axis=0)
        means[fold == number] = np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
    return means


def joined(
    values: Array, parts: Mapping[str, Array], fold: NDArray[np.int64], blocks: list[str]
) -> dict[str, Array]:
    """The model; its parts weighed anew by the other folds, or by all; and each part alone."""
    nested = np.full(values.shape, np.nan)
    for number in np.unique(fold):
        rows, others = fold == number, fold != number
        mix = free_weights(values[others], {name: part[others] for name, part in parts.items()})
        nested[rows] = sum_of_parts({name: part[rows] for name, part in parts.items()}, mix)
    weights = {MODEL: ResponseSettings().mix_for(blocks), BY_JUDGED: free_weights(values, parts)}
    weights |= {f"{name}_alone": tuple(map(float, np.eye(len(PARTS))[k])) for k, name in enumerate(PARTS)}
    told = {name: sum_of_parts(dict(parts), mix) for name, mix in weights.items()}
    return {MODEL: told.pop(MODEL), BY_FOLDS: nested} | told


def free_weights(values: Array, parts: Mapping[str, Array]) -> tuple[float, ...]:
    """Weights of the parts, from 0, each found by least squares, every compound in units of its spread."""
    target = values - parts["compound_mean"] - parts["profile_mean"]
    there = np.isfinite(target)
    squares = np.where(there, target, 0) ** 2
    spread = np.sqrt(squares.sum(axis=0) / np.maximum(there.sum(axis=0), 1))
    unit = np.where(spread > 0, spread, 1.0)[np.nonzero(there)[1]]
    columns = np.column_stack([parts[name][there] / unit for name in PARTS])
    return tuple(map(float, nnls(columns, target[there] / unit)[0]))


def of_compounds(shared: Shared, fits: Fits, setting: str) -> Predicted:
    """Predictions of held-out compounds: in lines trained on, or for ``both`` in lines held out with them."""
    values = shared.data.table.values
    of_line, of_compound = shared.folds["line"], shared.folds["compound"]
    asked = (of_line[:, None] == of_compound) == (setting == "both")
    result = Predicted(np.where(asked, values, np.nan), np.tile(np.nanmean(values, axis=0), (len(values), 1)))
    mix = shared.settings.mix_for(list(shared.data.profiles))
    for (number, _), arrays in fits.items():
        new = of_compound == number
        told = {name: arrays[name] for name in ("means", "nearest_compound")} | {
            MODEL: sum_of_parts(arrays, mix)
        }
        for name, prediction in told.items():
            matrix = result.by_model.setdefault(name, np.full(values.shape, np.nan))
            matrix[:, new] = prediction
    return result


def interaction_of(
    predicted: Predicted, of_line: NDArray[np.int64], of_compound: NDArray[np.int64]
) -> Predicted:
    """The same with every predicted compound mean put in place by the measured one."""
    moved = {}
    for name, matrix in predicted.by_model.items():
        moved[name] = np.full(matrix.shape, np.nan)
        for number in np.unique(of_compound):
            new, train = of_compound == number, of_line != number
            moved[name][:, new] = (matrix - matrix[train].mean(axis=0) + predicted.means)[:, new]
    return Predicted(predicted.measured, predicted.means, moved)


def figures(predicted: Predicted, judged: Predicted) -> Iterator[dict[str, object]]:
    """A row per model: of `predicted` the errors, of `judged` what the means cannot earn."""
    there = ~np.isnan(predicted.measured)
    for model, matrix in predicted.by_model.items():
        measured, told = judged.measured, judged.by_model[model]
        r, ndcg = (
            bootstrap_interval(measured, told, judged.means, name, n_draws=N_DRAWS)
            for name in ("residual_r", "ndcg")
        )
        error = (matrix - predicted.measured)[there]
        yield {
            "model": model, "n_pairs": int(there.sum()), "residual_r": r.value, "lower": r.lower, "upper": r.upper,
            "ndcg10": ndcg.value, "ndcg10_lower": ndcg.lower, "ndcg10_upper": ndcg.upper,
            "rmse": float(np.sqrt(np.mean(error**2))),
            "pearson_all_pairs": float(np.corrcoef(matrix[there], predicted.measured[there])[0, 1]),
            "r_compound_mean": _mean_correlation(matrix, predicted.means),
        }  # fmt: skip


def differences(judged: Predicted) -> Iterator[dict[str, object]]:
    """The model, taught or not, less every other, residual correlation and NDCG@10, with intervals."""
    for model in [name for name in (MODEL, TAUGHT) if name in judged.by_model]:
        for other in judged.by_model:
            for metric in ("residual_r", "ndcg"):
                if other != model:
                    told = bootstrap_difference(
                        judged.measured, judged.by_model[model], judged.by_model[other], judged.means, metric,
                        n_draws=N_DRAWS,
                    )  # fmt: skip
                    yield {"model": model, "other": other, "metric": metric, "difference": told.value,
                           "lower": told.lower, "upper": told.upper}  # fmt: skip


def summarise(
    keep: Path, data: Path, arm: str, seed: int
) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Rows of figures and of differences of all settings of an arm that were kept."""
    rows, against = [], []
    shared = shared_of(data, arm, "none", "line", seed)
    for setting in ("line", "tissue", "compound", "both"):
        predicted = gathered(keep, shared, arm, seed, setting)
        if not predicted.by_model:
            continue
        judged = predicted
        if setting in ("compound", "both"):
            judged = interaction_of(predicted, shared.folds["line"], shared.folds["compound"])
        key: dict[str, object] = {"arm": arm, "setting": setting, "seed": seed}
        rows += [key | row for row in figures(predicted, judged)]
        against += [key | row for row in differences(judged)]
    return rows, against


def gathered(keep: Path, shared: Shared, arm: str, seed: int, setting: str) -> Predicted:
    """Predictions of a setting of an arm, those of the taught model beside those of the model that was not."""
    place = {teacher: place_of(keep, arm, teacher, seed) for teacher in TEACHERS}
    if setting in ("line", "tissue"):
        told, taught = (of_lines(shared, setting, read_fits(place[teacher], setting)) for teacher in TEACHERS)
        told.by_model |= {TAUGHT: taught.by_model[MODEL]} if taught.by_model else {}
        return told
    return of_compounds(shared, read_fits(place["none"], "compound"), setting)


def kill_rows(keep: Path, data: Path, arm: str, seed: int) -> list[dict[str, object]]:
    """Residual correlation of halves of the lines that predict each other, with everything in place and shuffled."""
    place = place_of(keep, arm, "none", seed)
    settings = sorted({path.name.split("-")[0] for path in place.glob("*.safetensors")})
    rows = []
    for setting in settings:
        kind, _, number = setting.partition("_")
        fits = read_fits(place, setting) if kind in ("halves", "genotypes", "labels") else {}
        if fits:
            predicted = of_lines(shared_of(data, arm, "none", setting, seed), setting, fits)
            predicted.by_model = {model: predicted.by_model[model] for model in (MODEL, BY_FOLDS)}
            key = {"arm": arm, "seed": seed, "shuffled": kind, "number": number or "0"}
            rows += [key | row for row in figures(predicted, predicted)]
    return rows


def record(rows: list[dict[str, object]], name: str) -> None:
    if rows:
        print(write_results(pd.DataFrame(rows), name))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("keep", type=Path)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--only-kill", action="store_true", help="figures of shuffled data alone")
    given = parser.parse_args()
    rows, against, killed = [], [], []
    for arm in ARMS:
        for seed in sorted({int(place.name.split("-")[-1]) for place in given.keep.glob(f"{arm}-none-*")}):
            some, less = ([], []) if given.only_kill else summarise(given.keep, given.data, arm, seed)
            rows, against = rows + some, against + less
            killed += kill_rows(given.keep, given.data, arm, seed)
    record(rows, "response_sweep")
    record(against, "response_differences")
    record(killed, "response_kill")


def _mean_correlation(matrix: Array, means: Array) -> float:
    """Correlation over compounds of predicted with measured means; NaN where all are predicted alike."""
    there = np.isfinite(matrix)
    total = np.where(there, matrix, 0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    known = there.any(axis=0) & np.isfinite(means).all(axis=0)
    if known.sum() < 3 or np.ptp(total[known]) < 1e-9:
        return float("nan")
    return float(np.corrcoef(total[known], means[:, known].mean(axis=0))[0, 1])


if __name__ == "__main__":
    main()
