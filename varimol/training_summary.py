"""What a training run found, in lines for a person: the blend, every model's figures, and where trees win."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

HELD_OUT = {
    "random": "pairs held out",
    "scaffold": "compounds held out with their scaffold",
    "family": "proteins held out with their family",
}
"""What a setting of an experiment holds out."""
BLEND = "blend"
TREES = ("gradient_boosting", "random_forest")
ERRORS = ("mse", "brier")
"""The error shown: of a regression, or of a probability."""
RANKINGS = ("concordance", "auroc")
"""The figure of order shown beside it."""


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
        with its 95% interval; what the blend is; and each place where a tree model does better than the blend.

    Examples
    --------
    >>> row = {"setting": "random", "endpoint": "pkd", "metric": "mse", "lower": 0.1, "upper": 0.5, "n_folds": 5}
    >>> figures = [row | {"model": "blend", "mean": 0.3}, row | {"model": "random_forest", "mean": 0.2}]
    >>> print(training_summary({"figures": figures}))
    pkd, pairs held out, 5 folds     mse
      blend                          0.300 [0.100, 0.500]
      random_forest                  0.200 [0.100, 0.500]
    trees win: pkd, pairs held out: random_forest has mse 0.200, the blend 0.300
    """
    lines = [f"note: {note}" for note in card.get("notes", [])]
    figures = [row for row in card.get("figures", []) if row["metric"] in ERRORS + RANKINGS]
    for setting, endpoint in dict.fromkeys((row["setting"], row["endpoint"]) for row in figures):
        rows = [row for row in figures if (row["setting"], row["endpoint"]) == (setting, endpoint)]
        lines += _table(f"{endpoint}, {HELD_OUT.get(setting, setting)}", rows)
    lines += [
        f"{endpoint}, {HELD_OUT.get(setting, setting)}: {said}"
        for endpoint, each in card.get("blend", {}).items()
        for setting, said in each.items()
    ]
    return "\n".join([*lines, *_where_trees_win(figures)])


def _table(title: str, rows: list[dict[str, Any]]) -> list[str]:
    cells = {(row["model"], row["metric"]): row for row in rows}
    metrics = [metric for metric in ERRORS + RANKINGS if any(row["metric"] == metric for row in rows)]
    models = sorted({row["model"] for row in rows}, key=model_order)
    head = f"{title}, {max(row['n_folds'] for row in rows)} folds"
    width = max(32, len(head) + 1)
    lines = [f"{head:<{width}} " + " ".join(f"{metric:<22}" for metric in metrics)]
    for model in models:
        figures = (_figure(cells.get((model, metric), {})) for metric in metrics)
        lines.append(f"  {model:<{width - 2}} " + " ".join(f"{text:<22}" for text in figures))
    return [line.rstrip() for line in lines]


def _figure(row: dict[str, Any]) -> str:
    if row.get("mean") is None:
        return "-"
    if row.get("lower") is None or row.get("upper") is None:
        return f"{row['mean']:.3f}"
    return f"{row['mean']:.3f} [{row['lower']:.3f}, {row['upper']:.3f}]"


def _where_trees_win(figures: list[dict[str, Any]]) -> Iterator[str]:
    """Settings in which a tree model has a smaller error than the blend, on the mean over folds."""
    errors = {
        (row["setting"], row["endpoint"], row["metric"], row["model"]): row["mean"]
        for row in figures
        if row["metric"] in ERRORS and row["mean"] is not None
    }
    for (setting, endpoint, metric, model), error in errors.items():
        blend = errors.get((setting, endpoint, metric, BLEND))
        if model in TREES and blend is not None and error < blend:
            place = f"{endpoint}, {HELD_OUT.get(setting, setting)}"
            yield f"trees win: {place}: {model} has {metric} {error:.3f}, the blend {blend:.3f}"
