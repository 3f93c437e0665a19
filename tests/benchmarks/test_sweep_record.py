"""Rows of the sweep's results: figures, the blend, coverage and leakage of finished cells."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

from benchmarks.sweep_cells import Task, run_cell
from benchmarks.sweep_plan import read_plan
from benchmarks.sweep_record import sweep_rows
from models.blend import blend_report
from models.intervals import cross_conformal
from tests.benchmarks.tiny_sweep import NETWORK, write_plan, write_tables


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Task, dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("finished")
    data = write_tables(folder / "data")
    plan = read_plan(write_plan(folder))
    tasks = [Task.of(cell, plan, data, folder / "cache") for cell in plan.cells]
    rows = [(task, run_cell(task)) for task in tasks]
    return [(task, row) for task, row in rows if row is not None]


def test_sweep_rows__figures_coverage_and_leakage(finished: list[tuple[Task, dict[str, Any]]]) -> None:
    table = sweep_rows(finished)
    assert not table["value"].isna().any() and set(table["commit"]) == {finished[0][1]["commit"]}
    task = next(t for t, _ in finished if t.cell.table == "rows")
    kept = pd.read_parquet(task.predictions_file)
    aupr = table[(table["table"] == "rows") & (table["metric"] == "aupr")]["value"].item()
    assert aupr == pytest.approx(average_precision_score(kept["label"], kept["prediction"]))
    at_random = table[(table["table"] == "tiny") & (table["arm"] == "given") & (table["split"] == "random")]
    means = [
        t
        for t, _ in finished
        if t.cell.model == "means" and t.cell.split == "random" and t.cell.arm == "given"
    ]
    parts = pd.concat([pd.read_parquet(t.predictions_file).assign(fold=t.cell.fold) for t in means])
    lower, upper = cross_conformal(parts["label"], parts["prediction"], parts["fold"], 0.9)
    row = at_random[(at_random["model"] == "means") & (at_random["metric"] == "coverage_90")].iloc[0]
    assert row["value"] == pytest.approx(((lower <= parts["label"]) & (parts["label"] <= upper)).mean())
    assert (row["n"], row["fold"]) == (105, "all")
    leaks = table[(table["model"] == "leakage") & (table["split"] == "cold_target")]
    shared = dict(zip(leaks["metric"], leaks["value"], strict=True))
    assert shared["rows_sequence"] == 0 and shared["rows_family"] == 0
    assert "blend" not in set(table["model"])  # not all its members were run


def test_sweep_rows__blend_is_weighted_on_the_other_folds(
    finished: list[tuple[Task, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    members = ("means", "nearest_neighbour", NETWORK)
    monkeypatch.setattr("benchmarks.sweep_record.blend_members", lambda: (*members, "never_run"))
    table = sweep_rows(finished)
    of_blend = table[table["model"] == "blend"]
    mse = of_blend[of_blend["metric"] == "mse"].set_index("fold")["value"]
    assert sorted(mse.index) == [1, 2, 3]
    cells = {(t.cell.model, t.cell.fold): t for t, _ in finished
             if t.cell.table == "tiny" and t.cell.split == "random" and t.cell.arm == "given"}  # fmt: skip
    kept = {key: pd.read_parquet(task.predictions_file) for key, task in cells.items()}
    for fold in (1, 2, 3):
        others = [k for k in (1, 2, 3) if k != fold]
        known = {m: np.concatenate([kept[m, k]["prediction"] for k in others]) for m in members}
        label = np.concatenate([kept["means", k]["label"] for k in others])
        weights = blend_report(known, label).weights
        recorded = of_blend[of_blend["fold"] == fold].set_index("metric")["value"]
        assert {m: recorded[f"share_{m}"] for m in members} == pytest.approx(weights)
        blended = sum(weights[m] * kept[m, fold]["prediction"] for m in members)
        assert mse[fold] == pytest.approx(np.mean((blended - kept["means", fold]["label"]) ** 2))


def test_sweep_rows__blend_over_the_folds_of_the_networks(
    finished: list[tuple[Task, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    members = ("means", "nearest_neighbour", NETWORK)
    monkeypatch.setattr("benchmarks.sweep_record.blend_members", lambda: members)

    def shares(model: str, lost: set[int]) -> set[tuple[int, str]]:
        kept = [(t, row) for t, row in finished if t.cell.model != model or t.cell.fold not in lost]
        table = sweep_rows(kept)
        of_blend = table[(table["model"] == "blend") & table["metric"].str.startswith("share_")]
        return set(zip(of_blend["fold"], of_blend["metric"].str.removeprefix("share_"), strict=True))

    assert shares("nearest_neighbour", {2}) == {(k, m) for k in (1, 2, 3) for m in ("means", NETWORK)}
    assert shares(NETWORK, {2}) == {(k, m) for k in (1, 3) for m in members}
    assert shares(NETWORK, {1, 2}) == set()  # one fold alone cannot be blended
    assert shares(NETWORK, {1, 2, 3}) == set()  # there is nothing to blend
