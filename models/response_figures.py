"""Figures of held-out responses per fold and pooled, with intervals over lines and differences to the plain models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.response_fits import BASELINES, MODEL
from models.response_metrics import MetricName, bootstrap_difference, bootstrap_interval, ndcg_at, residual_r
from models.response_predictions import HeldOut

Array = NDArray[np.float64]
POOLED = 0
"""Fold of the figures of all folds together."""
COLUMNS = ["setting", "model", "fold", "seed", "metric", "value"]


def _rmse(measured: Array, predicted: Array, means: Array) -> float:
    return float(np.sqrt(np.nanmean((measured - predicted) ** 2)))


def _pearson(measured: Array, predicted: Array, means: Array) -> float:
    there = ~np.isnan(measured)
    if np.ptp(predicted[there]) < 1e-12 or np.ptp(measured[there]) < 1e-12:
        return float("nan")
    return float(np.corrcoef(measured[there], predicted[there])[0, 1])


METRICS: dict[str, Callable[[Array, Array, Array], float]] = {
    "residual_r": lambda y, p, d: residual_r(y, p, d).mean,
    "ndcg10": lambda y, p, d: ndcg_at(y, p, d).mean,
    "rmse": _rmse,
    "pearson": _pearson,
}
"""Figures of (lines, compounds); the last is that of all pairs, nearly all of it the compounds' means."""


def response_metrics(held_out: HeldOut, seed: int, figures: list[dict[str, Any]]) -> pd.DataFrame:
    """Figures in long form: the table of metrics.tsv.

    Parameters
    ----------
    held_out
        Predictions.
    seed
        Written beside each figure.
    figures
        What `summarise` returns.

    Returns
    -------
    pd.DataFrame
        setting, model, fold (`POOLED` for all together), seed, metric, value. Where the folds together are wanted, so
        are the 95% bounds of ``residual_r`` and ``ndcg10``, lines drawn with replacement (``residual_r_lower`` ...).
    """
    rows = []
    for setting, models in held_out.tables.items():
        fold = held_out.fold_of(setting)
        for model, prediction in models.items():
            for number in (POOLED, *np.unique(fold)):
                part = _part(held_out, setting, prediction, None if number == POOLED else fold == number)
                if part is None:
                    continue
                for metric, compute in METRICS.items():
                    rows.append((setting, model, int(number), seed, metric, compute(*part)))
    table = pd.DataFrame(rows, columns=COLUMNS)
    bounds = [
        (told["setting"], told["model"], POOLED, seed, f"{told['metric']}_{end}", told[end])
        for told in figures
        if not told["against"]
        for end in ("lower", "upper")
    ]
    every = pd.concat([table, pd.DataFrame(bounds, columns=COLUMNS)], ignore_index=True)
    return every.sort_values(["setting", "model", "fold", "metric"], kind="stable", ignore_index=True)


def _part(
    held_out: HeldOut, setting: str, prediction: Array, where: NDArray[np.bool_] | None
) -> tuple[Array, Array, Array] | None:
    """Measured, predicted and means of the lines and compounds that have a prediction; None without any pair."""
    values = held_out.data.table.values
    there = ~np.isnan(values) & np.isfinite(prediction)
    if where is not None:
        there = there & where
    rows, columns = there.any(axis=1), there.any(axis=0)
    if not rows.any():
        return None
    keep = np.ix_(rows, columns)
    measured = np.where(there, values, np.nan)[keep]
    return measured, np.where(there, prediction, 0.0)[keep], np.nan_to_num(held_out.means[setting][keep])


def summarise(held_out: HeldOut) -> list[dict[str, Any]]:
    """Pooled figures with 95% intervals over lines, and the model's less each plain model's.

    Returns
    -------
    list of dict
        setting, model, metric, against (empty for a figure, the plain model for a difference), value, lower, upper.
    """
    return list(_figures(held_out)) + list(_differences(held_out))


def _figures(held_out: HeldOut) -> Iterator[dict[str, Any]]:
    for setting, models in held_out.tables.items():
        for model, prediction in models.items():
            part = _part(held_out, setting, prediction, None)
            if part is None:
                continue
            for metric, name in _BOOTSTRAPPED.items():
                found = bootstrap_interval(*part, name)
                yield _told(setting, model, metric, "", found)


def _differences(held_out: HeldOut) -> Iterator[dict[str, Any]]:
    for setting, models in held_out.tables.items():
        plain = [name for name in models if name in (*BASELINES, "profile_mean", "nearest_compound")]
        for name in plain:
            # Both on the pairs that both predict.
            both = np.isfinite(models[name]) & np.isfinite(models[MODEL])
            first = _part(held_out, setting, np.where(both, models[MODEL], np.nan), None)
            second = _part(held_out, setting, np.where(both, models[name], np.nan), None)
            if first is None or second is None:
                continue
            for metric, kind in _BOOTSTRAPPED.items():
                found = bootstrap_difference(first[0], first[1], second[1], first[2], kind)
                yield _told(setting, MODEL, metric, name, found)


_BOOTSTRAPPED: dict[str, MetricName] = {"residual_r": "residual_r", "ndcg10": "ndcg"}


def _told(
    setting: str, model: str, metric: str, against: str, found: tuple[float, float, float]
) -> dict[str, Any]:
    value, lower, upper = (None if np.isnan(number) else round(float(number), 6) for number in found)
    return {"setting": setting, "model": model, "metric": metric, "against": against, "value": value,
            "lower": lower, "upper": upper}  # fmt: skip
