"""What a training run found, in lines for a person: the blend, every model's figures, and what is ahead of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

HELD_OUT = {
    "random": "pairs held out",
    "scaffold": "compounds held out with their scaffold",
    "family": "proteins held out with their family",
}
"""What a setting of an experiment holds out."""
BLEND = "blend"
TREES = ("gradient_boosting", "random_forest")
TREES_JOIN = "gradient boosting joins a blend only where it beats each part over all pairs held out; random forest never joins"
ERRORS = ("mse", "brier")
"""The error shown: of a regression, or of a probability."""
RANKINGS = ("concordance", "auroc")
"""The figure of order shown beside it."""
FEW_PAIRS = 50
"""Of fewer held-out pairs a fold has a handful, on which a model may rank everything right by chance."""


_FIT = re.compile(
    r"(?P<done>.+ fits done) \((?P<endpoint>\d+)-(?P<setting>[a-z]+)-(?P<fold>\d+)-(?P<model>\w+)\)"
)


def model_order(name: str) -> tuple[bool, bool, str]:
    """Sort key: the blend, then its parts, then plain models.

    Examples
    --------
    >>> sorted(["means", "landmark_network", "blend"], key=model_order)
    ['blend', 'landmark_network', 'means']
    """
    return (name != BLEND, not name.endswith("network") and name != "kernel_ridge", name)


def fit_text(text: str, labels: Sequence[str]) -> str:
    """Say in words which fit of a training run is done.

    Parameters
    ----------
    text
        As `models.experiment_parts.fit_parts` tells it, with the part's name in brackets; anything else is
        returned as it is.
    labels
        Names of the labels, in the order of training.

    Examples
    --------
    >>> fit_text("12 of 110 fits done (1-random-3-landmark_network)", ["pkd", "kiba_score"])
    '12 of 110 fits done: kiba_score, pairs held out, fold 3, landmark network'
    >>> fit_text("110 of 110 fits done (0-all-0-kernel_ridge)", ["pkd"])
    '110 of 110 fits done: pkd, on all pairs, kernel ridge'
    """
    found = _FIT.fullmatch(text)
    if found is None or int(found["endpoint"]) >= len(labels):
        return text
    setting, model = found["setting"], found["model"].replace("_", " ")
    held_out = f"{HELD_OUT.get(setting, setting)}, fold {found['fold']}"
    place = "on all pairs" if setting == "all" else held_out
    return f"{found['done']}: {labels[int(found['endpoint'])]}, {place}, {model}"


def training_summary(card: dict[str, Any]) -> str:
    """Summarise a training run.

    Parameters
    ----------
    card
        Of the trained model.

    Returns
    -------
    str
        Notes on the input; per endpoint and setting each model's error and figure of order, mean over folds
        with its 95% interval; networks that an endpoint has none of; what the blend is; and each place where another
        model has a smaller error than the blend.

    Examples
    --------
    >>> row = {"setting": "random", "endpoint": "pkd", "metric": "mse", "lower": 0.1, "upper": 0.5, "n_folds": 5}
    >>> figures = [row | {"model": "blend", "mean": 0.3}, row | {"model": "random_forest", "mean": 0.2}]
    >>> print(training_summary({"figures": figures}))
    pkd, pairs held out, 5 folds     mse
      blend                          0.300 [0.100, 0.500]
      random_forest                  0.200 [0.100, 0.500]
    trees win: pkd, pairs held out: random_forest has mse 0.200, the blend 0.300; their intervals overlap, so these folds do not tell them apart
    gradient boosting joins a blend only where it beats each part over all pairs held out; random forest never joins
    """
    lines = [f"note: {note}" for note in card.get("notes", [])]
    figures = [row for row in card.get("figures", []) if row["metric"] in ERRORS + RANKINGS]
    for setting, endpoint in dict.fromkeys((row["setting"], row["endpoint"]) for row in figures):
        rows = [row for row in figures if (row["setting"], row["endpoint"]) == (setting, endpoint)]
        lines += _table(f"{endpoint}, {HELD_OUT.get(setting, setting)}", rows)
    lines += _too_few_pairs(card)
    lines += _networks_left_out(figures, card.get("training", {}))
    lines += [
        f"{endpoint}, {HELD_OUT.get(setting, setting)}: {said}"
        for endpoint, each in card.get("blend", {}).items()
        for setting, said in each.items()
    ]
    return "\n".join([*lines, *_ahead_of_the_blend(figures, card.get("blend", {}))])


def _table(title: str, rows: list[dict[str, Any]]) -> list[str]:
    cells = {(row["model"], row["metric"]): row for row in rows}
    metrics = [metric for metric in ERRORS + RANKINGS if any(row["metric"] == metric for row in rows)]
    models = sorted({row["model"] for row in rows}, key=model_order)
    n_folds = max(row["n_folds"] for row in rows)
    head = f"{title}, {n_folds} folds"
    table = [[head, *metrics]] + [
        [f"  {model}", *(_figure(cells.get((model, metric), {}), n_folds) for metric in metrics)]
        for model in models
    ]
    least = [32] + [22] * len(metrics)
    widths = [
        max(low, *map(len, column)) for low, column in zip(least, zip(*table, strict=True), strict=True)
    ]
    return [
        " ".join(f"{text:<{width}}" for text, width in zip(line, widths, strict=True)).rstrip()
        for line in table
    ]


def _figure(row: dict[str, Any], n_folds: int) -> str:
    if row.get("mean") is None:
        return "-"
    fewer = f" {row['n_folds']} folds" if row["n_folds"] < n_folds else ""
    if row.get("lower") is None or row.get("upper") is None:
        return number_text(row["mean"]) + fewer
    return f"{number_text(row['mean'])} [{number_text(row['lower'])}, {number_text(row['upper'])}]{fewer}"


def number_text(value: float) -> str:
    """Write a figure of any size: three decimals from 0.01 to 10, elsewhere four digits.

    Examples
    --------
    >>> [number_text(value) for value in (0.25, 3.14159, 123.456, 13011247.355, 0.000012345, 0)]
    ['0.250', '3.142', '123.5', '1.301e+07', '1.234e-05', '0']
    """
    return f"{value:.3f}" if 0.01 <= abs(value) < 10 else f"{value:.4g}"


def _too_few_pairs(card: dict[str, Any]) -> Iterator[str]:
    """Say of which figures nothing follows, as they rest on a few pairs."""
    for row in card.get("coverage", []):
        if row["setting"] in HELD_OUT and row["n"] < FEW_PAIRS:
            yield (
                f"{row['endpoint']}, {HELD_OUT[row['setting']]}: {row['n']} pairs were held out, too few to judge a "
                "model by: nothing follows from these figures, however good, nor from the width of their intervals"
            )


def _networks_left_out(figures: list[dict[str, Any]], kinds: Iterable[str]) -> Iterator[str]:
    """Say which networks an endpoint of yes and no was asked for and does not have."""
    for endpoint in dict.fromkeys(row["endpoint"] for row in figures if row["metric"] == "brier"):
        judged = {row["model"] for row in figures if row["endpoint"] == endpoint}
        for kind in kinds:
            if kind not in judged:
                yield f"{endpoint}: {kind.replace('_', ' ')}: not for yes/no labels"


def _ahead_of_the_blend(
    figures: list[dict[str, Any]], blend_texts: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    """Settings in which another model has a smaller error than the blend, on the mean over folds."""
    errors = {
        (row["setting"], row["endpoint"], row["metric"], row["model"]): row
        for row in figures
        if row["metric"] in ERRORS and row["mean"] is not None
    }
    outside = False
    for (setting, endpoint, metric, model), row in errors.items():
        blend = errors.get((setting, endpoint, metric, BLEND))
        if blend is None or row["mean"] >= blend["mean"]:
            continue
        start = "trees win" if model in TREES else "ahead of the blend"
        error, other = number_text(row["mean"]), number_text(blend["mean"])
        yield (
            f"{start}: {endpoint}, {HELD_OUT.get(setting, setting)}: {model} has {metric} {error}, the blend {other}"
            f"{_overlap(row, blend)}"
        )
        outside |= model in TREES and not any(
            model in text for text in blend_texts.get(endpoint, {}).values()
        )
    if outside:
        yield TREES_JOIN


def _overlap(ahead: dict[str, Any], blend: dict[str, Any]) -> str:
    """Say that the intervals of two errors, the first smaller, overlap; empty where they do not or are unknown."""
    upper, lower = ahead.get("upper"), blend.get("lower")
    if upper is None or lower is None or upper < lower:
        return ""
    return "; their intervals overlap, so these folds do not tell them apart"
