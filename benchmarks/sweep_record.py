"""Rows of benchmarks/results/sweep.tsv, from finished cells: figures, the blend, coverage and leakage.

One row is one figure: table, arm, split, model, fold, seed, metric, value, n, seconds, commit, host. The blend's
weights for a fold are found on the out-of-fold predictions of the others, and stand in its rows ``share_MEMBER``. Rows of fold ``all`` are pooled over the
folds: what 90% intervals cover that are calibrated on the other folds (``coverage_90``), and what those of the
random split cover on a split that asks for more (``coverage_90_from_random``). Rows of the model ``leakage`` tell
what test rows share with training rows.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.record import host
from benchmarks.sweep_cells import COMMIT, Task, cell_metrics
from benchmarks.sweep_data import fold_leakage
from models.blend import BLEND, blend_folds
from models.coverage import coverage_table

COLUMNS = (
    "table", "arm", "split", "model", "fold", "seed", "metric", "value", "n", "seconds", "commit", "host",
)  # fmt: skip
LEAKAGE = "leakage"
POOLED = "all"
LEVEL = 0.9
_LEAKS = ("rows_inchikey", "rows_scaffold", "rows_sequence", "rows_family", "rows_pair", "nearest_median")
Finished = Sequence[tuple[Task, dict[str, Any]]]


def sweep_rows(finished: Finished) -> pd.DataFrame:
    """All rows of the results.

    Parameters
    ----------
    finished
        Tasks with the rows of their cells.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`; figures that are not defined are left out.
    """
    rows = [line for task, row in finished for line in _figures(_place(task), row)]
    by_arm: dict[tuple[str, str], list[tuple[Task, dict[str, Any]]]] = {}
    for task, row in finished:
        by_arm.setdefault((task.cell.table, task.cell.arm), []).append((task, row))
    for cells in by_arm.values():
        predictions = pd.concat([_predictions(task, row) for task, row in cells], ignore_index=True)
        blended = _blend(predictions)
        task = cells[0][0]
        rows += _blend_rows(blended, task)
        if task.setting.table.task == "regression":
            rows += _coverage_rows(pd.concat([predictions, blended], ignore_index=True))
        settings = {
            task.setting: {t.cell.fold for t, _ in cells if t.setting == task.setting} for task, _ in cells
        }
        for setting, folds in settings.items():
            place = {"table": setting.table.name, "arm": setting.arm, "split": setting.split}
            rows += _leakage_rows(fold_leakage(setting), folds, place)
    return pd.DataFrame(rows, columns=list(COLUMNS)).dropna(subset=["value"]).reset_index(drop=True)


def write_sweep(table: pd.DataFrame, path: Path) -> None:
    """Write the results whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.tmp-{os.getpid()}")
    table.to_csv(part, sep="\t", index=False, float_format="%.5g")
    os.replace(part, path)


def _place(task: Task) -> dict[str, Any]:
    return dict(vars(task.cell))


def _figures(place: dict[str, Any], row: dict[str, Any]) -> list[dict[str, Any]]:
    """One row per figure of a cell."""
    same = {name: row[name] for name in ("n", "seconds", "commit", "host")}
    return [{**place, "metric": name, "value": value, **same} for name, value in row["metrics"].items()]


def _predictions(task: Task, row: dict[str, Any]) -> pd.DataFrame:
    table = pd.read_parquet(task.predictions_file)
    facts = {name: row[name] for name in ("seconds", "commit", "host")}
    return table.assign(**_place(task), **facts)


def blend_members() -> tuple[str, ...]:
    """Contenders that the blend weights: those that the shipped model is made of.

    Examples
    --------
    >>> blend_members()[0]
    'kernel_ridge'
    """
    from models.contenders import NETWORKS

    return ("kernel_ridge", *NETWORKS)


def _blend(predictions: pd.DataFrame) -> pd.DataFrame:
    """Blended predictions of every split and seed, with the share that each member has in a fold.

    Over the folds of the network that has the most, by the members that have them all. A member that was fitted with
    one seed alone, as models are that draw nothing, stands in for every seed.
    """
    from models.contenders import PLAIN

    parts = []
    chosen = predictions[predictions["model"].isin(blend_members())]
    for split, rows in chosen.groupby("split", sort=False):
        for seed in sorted(rows["seed"].unique()):
            folds = _most_folds(rows[~rows["model"].isin(list(PLAIN)) & (rows["seed"] == seed)])
            members = [_with_seed(part, seed) for _, part in rows.groupby("model")]
            members = [m[m["fold"].isin(folds)] for m in members if folds <= set(m["fold"])]
            if len(folds) >= 2 and len(members) >= 2:
                parts.append(_blended(pd.concat(members), str(split), seed))
    return pd.concat(parts, ignore_index=True) if parts else predictions.iloc[:0]


def _most_folds(rows: pd.DataFrame) -> set[int]:
    """Folds of the model that has the most."""
    return max((set(part["fold"]) for _, part in rows.groupby("model")), key=len, default=set())


def _blended(together: pd.DataFrame, split: str, seed: int) -> pd.DataFrame:
    # All models of a fold keep the order of the pairs, and so have the folds to stand.
    together = together.sort_values(["model", "fold"], kind="stable")
    blended, reports = blend_folds(together.assign(setting=split, endpoint=f"seed {seed}"))
    seconds = together.groupby(["model", "fold"])["seconds"].first().groupby("fold").sum()
    weights = {fold: report.weights for (_, _, fold), report in reports.items()}
    shares = {
        f"share_{name}": blended["fold"].map({fold: of[name] for fold, of in weights.items()})
        for name in together["model"].unique()
    }
    blended = blended.assign(seconds=blended["fold"].map(seconds), **shares)
    return blended.assign(seed=seed, spread=np.nan, commit=COMMIT, host=host())


def _with_seed(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    seeds = sorted(rows["seed"].unique())
    return rows[rows["seed"] == (seeds[0] if len(seeds) == 1 else seed)]


def _blend_rows(blended: pd.DataFrame, task: Task) -> list[dict[str, Any]]:
    rows = []
    table, arm, kind = task.cell.table, task.cell.arm, task.setting.table.task
    for (split, seed, fold), part in blended.groupby(["split", "seed", "fold"], sort=False):
        label, prediction = part["label"].to_numpy(float), part["prediction"].to_numpy(float)
        shares = {str(name): part[name].iloc[0] for name in part if str(name).startswith("share_")}
        place = {"table": table, "arm": arm, "split": split, "model": BLEND, "fold": fold, "seed": seed}
        facts = {
            "n": len(part), "seconds": part["seconds"].iloc[0], "commit": COMMIT, "host": host(),
            "metrics": cell_metrics(label, prediction, table, kind) | shares,
        }  # fmt: skip
        rows += _figures(place, facts)
    return rows


def _coverage_rows(predictions: pd.DataFrame) -> list[dict[str, Any]]:
    """Coverage of 90% intervals, of every model and seed, pooled over its folds."""
    rows: list[dict[str, Any]] = []
    for (table, arm, model, seed), part in predictions.groupby(["table", "arm", "model", "seed"], sort=False):
        n_folds = part.groupby("split")["fold"].nunique()
        usable = part[part["split"].isin(n_folds[n_folds >= 2].index)]
        if usable.empty:
            continue
        known = usable.assign(setting=usable["split"], endpoint=str(table))
        if not np.isfinite(known["spread"]).all():
            known = known.drop(columns="spread")
        counted = coverage_table(known, level=LEVEL, shifted="random" in set(known["split"]))
        for one in counted[counted["by"] == "all"].to_dict("records"):
            home, _, shifted = str(one["setting"]).partition(" -> ")
            suffix = f"_from_{home}" if shifted else ""
            place = {"table": table, "arm": arm, "split": shifted or home, "model": model, "fold": POOLED}
            values = {
                f"coverage_90{suffix}": one["coverage"],
                f"coverage_90_lower{suffix}": one["coverage_lower"],
                f"coverage_90_upper{suffix}": one["coverage_upper"],
                f"width_90{suffix}": one["mean_width"],
            }
            facts = {"n": one["n"], "seconds": 0.0, "commit": COMMIT, "host": host(), "metrics": values}
            rows += _figures({**place, "seed": seed}, facts)
    return rows


def _leakage_rows(report: pd.DataFrame, folds: Iterable[int], place: dict[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for one in report[report["fold"].isin(set(folds))].to_dict("records"):
        values = {name: one[name] for name in _LEAKS if name in one}
        facts = {"n": one["n_test"], "seconds": 0.0, "commit": COMMIT, "host": host(), "metrics": values}
        rows += _figures({**place, "model": LEAKAGE, "fold": one["fold"], "seed": 0}, facts)
    return rows
