"""The README's table of the sweep: every split in a row, every model in a column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.sweep_figures import is_plain, main_metric, metric_name, read_sweep, summarise

SPLITS = {
    "random": "pairs held out", "published": "published test set", "cold_drug": "new compounds",
    "cold_target": "new families of proteins", "cold_both": "both new", "scaffold": "new scaffolds",
}  # fmt: skip
_FIRST = ("means", "nearest_neighbour", "ridge", "random_forest", "gradient_boosting", "kernel_ridge")


def sweep_summary(path: Path) -> str:
    """The main figure of every model in every split as Markdown; an empty text where there are no results.

    Parameters
    ----------
    path
        benchmarks/results/sweep.tsv.
    """
    rows = read_sweep(path)
    if rows is None:
        return ""
    parts = [
        summarise(part, metric).assign(metric=metric_name(metric))
        for _, part in rows.groupby(["table", "arm"], sort=False)
        if (metric := main_metric(part))
    ]
    summary = pd.concat(parts, ignore_index=True)
    return "\n\n".join([_lead(), _table(summary), _verdict(summary)])


def _lead() -> str:
    return (
        "The models on the same folds (`python -m benchmarks.sweep`): mean over the folds and its 95% interval, one seed "
        "unless said, the best in bold. Fewer folds are said as fewer and cannot be best. DAVIS is read as given, with "
        "its true mutant sequences, and without duplicated inputs (distinct). All figures, coverage and what the folds "
        "share: [figures of the affinity models](docs/affinity-figures.md)."
    )


def _models(summary: pd.DataFrame) -> list[str]:
    """Plain models first, in the order of their cost, then networks and the blend."""
    there = list(dict.fromkeys(summary["model"]))
    return [name for name in _FIRST if name in there] + [name for name in there if name not in _FIRST]


def _table(summary: pd.DataFrame) -> str:
    models = _models(summary)
    header = ["table", "held out", "figure", "folds", *(name.replace("_", " ") for name in models)]
    lines = [header, ["---"] * len(header)]
    for (table, arm, split, metric), part in summary.groupby(["table", "arm", "split", "metric"], sort=False):
        most = int(part["n_folds"].max())
        found = {row["model"]: _cell(row, most) for row in part.to_dict("records")}
        cells = [found.get(name, "-") for name in models]
        lines.append([f"{table}, {arm}", SPLITS.get(str(split), str(split)), str(metric), str(most), *cells])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(row: dict[Any, Any], most: int) -> str:
    text = f"**{row['mean']:.3f}**" if row["wins"] else f"{row['mean']:.3f}"
    if not pd.isna(row["lower"]):
        text += f" [{row['lower']:.3f}, {row['upper']:.3f}]"
    if row["n_folds"] < most:
        text += f" {row['n_folds']} fold{'s' if row['n_folds'] > 1 else ''}"
    return text + (f" {row['n_seeds']} seeds" if row["n_seeds"] > 1 else "")


def _verdict(summary: pd.DataFrame) -> str:
    """Where plain models win, where they do not, and where they were alone."""
    ahead: dict[str, list[str]] = {"plain": [], "network": [], "alone": []}
    for (table, arm, split), part in summary.groupby(["table", "arm", "split"], sort=False):
        best = str(part.loc[part["wins"], "model"].iloc[0])
        fair = part[part["n_folds"] == part["n_folds"].max()]
        place = f"{table} {arm}, {SPLITS.get(str(split), str(split))}"
        if all(map(is_plain, fair["model"])):
            ahead["alone"].append(place)
        else:
            named = f"{place} ({best.replace('_', ' ')})"
            ahead["plain" if is_plain(best) else "network"].append(named)
    words = {
        "plain": "**A plain model is best** on", "network": "A network or the blend is best on",
        "alone": "No network has run on all folds of",
    }  # fmt: skip
    return " ".join(f"{words[kind]} {'; '.join(places)}." for kind, places in ahead.items() if places)
