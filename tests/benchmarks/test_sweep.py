"""The sweep: what its cells are fitted to, how it survives kills and changes, and what its results hold."""

from __future__ import annotations

import gzip
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import mean_squared_error

from benchmarks.sweep import main, run_sweep, tasks_left
from benchmarks.sweep_cells import Task, finished_row, run_cell
from benchmarks.sweep_data import Setting, read_arm
from benchmarks.sweep_figures import sweep_figures
from benchmarks.sweep_plan import Plan, digest, read_plan, select_cells, with_changes
from benchmarks.sweep_workers import Outcome, run_tasks
from chem.errors import InputError
from models.contenders import NETWORKS
from models.means import DrugTargetMeans
from models.pair_model import PairFeatures
from tests.benchmarks.tiny_sweep import NETWORK, SMILES, tasks_of, write_plan, write_tables

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Cells run on one thread; tests that run them in this process do the same."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tables(tmp_path_factory.mktemp("data"))


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return read_plan(write_plan(tmp_path))


def test_read_arm__given_true_distinct(plan: Plan, data: Path) -> None:
    table = plan.tables["tiny"]
    given, true, distinct = (read_arm(table, arm, data) for arm in ("given", "true", "distinct"))
    assert given[1] == true[1] == 0 and len(given[0]) == len(true[0]) == 105
    assert not any(t.phosphorylated or t.changes for t in given[0].targets)
    assert given[0].targets[7].sequence == given[0].targets[0].sequence
    assert true[0].targets[7].sequence != true[0].targets[0].sequence
    assert true[0].targets[8].phosphorylated
    inputs = {
        (d, distinct[0].targets[t].sequence)
        for d, t in zip(distinct[0].drug, distinct[0].target, strict=True)
    }
    assert len(inputs) == len(distinct[0]) == len(given[0]) - distinct[1]
    assert {distinct[0].target_ids[t] for t in distinct[0].target} == set("XYZVWUT")


def test_read_arm__rows_with_unreadable_molecules_are_dropped(plan: Plan, data: Path) -> None:
    pairs, n_dropped = read_arm(plan.tables["rows"], "random", data)
    assert (len(pairs), n_dropped) == (24, 2)
    part = Setting(plan.tables["rows"], "random", "published", 3, 0, data, data).round(1)
    assert int(part.test.sum()) == 7 and not (part.train & part.test).any() and (part.train | part.test).all()


@pytest.mark.parametrize("split", ["cold_drug", "cold_target", "cold_both", "scaffold"])
def test_rounds__what_is_cold_is_not_in_training(plan: Plan, data: Path, tmp_path: Path, split: str) -> None:
    setting = Setting(plan.tables["tiny"], "given", split, 3, 0, data, tmp_path)
    pairs = setting.pairs
    assert len(setting.rounds) == 3
    for part in setting.rounds.values():
        assert part.test.any() and part.train.any()
        train, test = pairs.select(part.train), pairs.select(part.test)
        if split != "cold_target":
            flat = [{SMILES[d].replace("@", "") for d in p.drug} for p in (train, test)]
            assert not flat[0] & flat[1]
        if split.startswith("cold") and split != "cold_drug":
            family = [{pairs.targets[t].sequence[:60] for t in p.target} for p in (train, test)]
            assert not family[0] & family[1]
    kept = list((tmp_path / "splits").glob("*.parquet"))
    assert len(kept) == 1
    with pytest.raises(InputError, match="no fold 9"):
        setting.round(9)


def test_run_cell__says_what_the_model_says(plan: Plan, data: Path, tmp_path: Path) -> None:
    task = tasks_of(plan, data, tmp_path, table="tiny", arm="given", split="random", model="means", fold=2)[0]
    row = run_cell(task)
    kept = pd.read_parquet(task.predictions_file)
    pairs = read_arm(plan.tables["tiny"], "given", data)[0]
    model, features = DrugTargetMeans(), PairFeatures(pairs.smiles, pairs.targets)
    model.fit(pairs.select(pairs.fold != 2), features)
    expected = model.predict(pairs.select(pairs.fold == 2), features)
    np.testing.assert_array_equal(kept["prediction"], expected)
    np.testing.assert_array_equal(kept["label"], pairs.label[pairs.fold == 2])
    assert row is not None and row == json.loads(task.row_file.read_text()) == finished_row(task)
    assert row["metrics"]["mse"] == pytest.approx(mean_squared_error(kept["label"], expected))
    assert row["n"] == 35 and row["n_train"] == 70 and row["versions"]["torch"]


def test_finished_row__only_of_the_same_settings_data_and_file(
    plan: Plan, data: Path, tmp_path: Path
) -> None:
    task = tasks_of(plan, data, tmp_path, table="tiny", model=NETWORK, fold=1)[0]
    assert finished_row(task) is None
    first = run_cell(task)
    assert tasks_left([task]) == [] and run_cell(task) == first
    other = read_plan(write_plan(tmp_path, epochs=3))
    assert tasks_left([Task.of(task.cell, other, data, tmp_path)])
    changed = tmp_path / "changed"
    tiny = changed / "affinity" / "tiny"
    tiny.mkdir(parents=True)
    for file in (data / "affinity" / "tiny").iterdir():
        (tiny / file.name).write_bytes(file.read_bytes())
    assert tasks_left([Task.of(task.cell, plan, changed, tmp_path)]) == []
    text = gzip.decompress((tiny / "train.tsv.gz").read_bytes()).decode().splitlines()
    text[1] = text[1].replace(text[1].split("\t")[2], "9.99")
    read_arm.cache_clear()
    (tiny / "train.tsv.gz").write_bytes(gzip.compress("\n".join(text).encode()))
    changed_again = tmp_path / "changed-again"
    changed.rename(changed_again)
    assert tasks_left([Task.of(task.cell, plan, changed_again, tmp_path)])
    task.predictions_file.write_bytes(task.predictions_file.read_bytes()[:-5])
    assert tasks_left([task]) == [task]
    again = run_cell(task)
    assert again is not None and first is not None and again["metrics"] == first["metrics"]
    task.row_file.write_text("{")
    assert tasks_left([task]) == [task]


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_run_cell__every_network_reads_what_it_needs(
    plan: Plan, data: Path, tmp_path: Path, name: str
) -> None:
    task = tasks_of(plan, data, tmp_path, table="tiny", model=NETWORK, fold=1)[0]
    change = {"n_members": 1, "shape": {"dim": 16}, "loop": {"n_epochs": 1, "stop_after": 1}}
    recipe = with_changes(NETWORKS[name], change)
    row = run_cell(replace(task, cell=replace(task.cell, model=name), recipe=recipe))
    assert row is not None and np.isfinite(row["metrics"]["mse"])


def test_finished_row__of_a_plain_model_follows_its_code(plan: Plan, data: Path, tmp_path: Path) -> None:
    task = tasks_of(plan, data, tmp_path, table="tiny", arm="given", split="random", model="means", fold=1)[0]
    network = tasks_of(plan, data, tmp_path, table="tiny", model=NETWORK, fold=1)[0]
    assert task.code and not network.code
    row = run_cell(task)
    changed = replace(task, code="another")
    assert finished_row(task) == row and finished_row(changed) is None
    assert finished_row(replace(changed, any_code=True)) == row


def test_run_cell__goes_on_from_a_state_and_past_a_broken_one(plan: Plan, data: Path, tmp_path: Path) -> None:
    task = tasks_of(plan, data, tmp_path, table="tiny", model=NETWORK, fold=1)[0]
    first = run_cell(task)
    kept = pd.read_parquet(task.predictions_file)
    task.row_file.unlink()
    state = task.path.with_name(f"{task.path.name}.state-{digest(task.identity)}")
    state.mkdir()
    for number in range(2):
        (state / f"member-{number}.safetensors").write_bytes(b"cut in half")
    again = run_cell(task)
    assert again is not None and first is not None
    assert again["resumed"] and not first["resumed"] and again["metrics"] == first["metrics"]
    pd.testing.assert_frame_equal(pd.read_parquet(task.predictions_file), kept)
    assert not state.exists()


def test_run_cell__leaves_a_cell_that_another_is_at(plan: Plan, data: Path, tmp_path: Path) -> None:
    import fcntl

    task = tasks_of(plan, data, tmp_path, table="tiny", model="means", fold=1, split="random", arm="given")[0]
    task.path.parent.mkdir(parents=True)
    with task.path.with_name(task.path.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert run_cell(task) is None
    assert run_cell(task) is not None


def _rows_in(cache: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in cache.glob("*/*/*/*/fold-*.json")}


def test_sweep__survives_kill_9(data: Path, tmp_path: Path) -> None:
    plan_file = write_plan(tmp_path, epochs=60)
    cache, whole = tmp_path / "cache", tmp_path / "whole"
    command = [
        *(sys.executable, "-m", "benchmarks.sweep", str(data), str(cache)),
        *("--plan", str(plan_file), "--only", "tiny", "--split", "random", "--workers", "2", "--fold", "1"),
    ]
    running = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL)
    states: list[Path] = []
    while not states and running.poll() is None:
        time.sleep(0.05)
        states = list(cache.glob("*/*/*/*/*.state-*/*.safetensors"))
    workers = _children(running.pid)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    assert states, "the network did not begin"
    assert workers
    for _ in range(1200):  # they end within a second, but on a busy machine
        if not any(_alive(pid) for pid in workers):
            break
        time.sleep(0.1)
    assert not any(_alive(pid) for pid in workers)
    before = _rows_in(cache)
    assert not list(cache.glob(f"*/*/*/{NETWORK}/*.json"))
    for path in before:
        json.loads(path.read_text())
    said = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    assert f"{len(before)} finished" in said and "0 cells left" in said
    after = _rows_in(cache)
    assert len(after) == 5 and {path: after[path] for path in before} == before
    plan = read_plan(plan_file)
    task = tasks_of(plan, data, whole, table="tiny", model=NETWORK, fold=1)[0]
    run_cell(task)
    resumed = Task.of(task.cell, plan, data, cache)
    assert (finished_row(resumed) or {})["resumed"]
    pd.testing.assert_frame_equal(
        pd.read_parquet(resumed.predictions_file), pd.read_parquet(task.predictions_file)
    )


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_run_tasks__goes_on_where_a_worker_died(plan: Plan, data: Path, tmp_path: Path) -> None:
    tasks = tasks_of(plan, data, tmp_path, table="tiny", model="means", split="random", arm="given")
    outcomes: list[Outcome] = []

    def report(outcome: Outcome) -> None:
        outcomes.append(outcome)
        if len(outcomes) == 1:
            for child in multiprocessing.active_children():
                os.kill(child.pid or 0, signal.SIGKILL)
                child.join()

    run_tasks([*tasks, replace(tasks[0], cell=replace(tasks[0].cell, fold=9))], 1, report)
    assert [outcome.task.cell.fold for outcome in outcomes] == [1, 2, 3, 9]
    assert all(outcome.row for outcome in outcomes[:3]) and not tasks_left(tasks)
    assert outcomes[3].row is None and "no fold 9" in outcomes[3].reason


def test_run_sweep__stops_at_the_budget(
    plan: Plan, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = select_cells(plan.cells, {"model": [NETWORK]})
    assert run_sweep(plan, cells, data, tmp_path / "cache", budget_minutes=0) == 0
    said = capsys.readouterr().out
    assert "3 cells left" in said and f"{NETWORK} on tiny" in said
    assert not multiprocessing.active_children() and not _rows_in(tmp_path / "cache")


def test_main__runs_records_and_prints(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan_file, results, cache = write_plan(tmp_path), tmp_path / "sweep.tsv", tmp_path / "cache"
    common = [str(data), str(cache), "--plan", str(plan_file), "--results", str(results)]
    assert main([*common, "--only", "tiny", "--model", "means", "--workers", "2", "--record"]) == 0
    assert main([*common, "--list"]) == 0
    said = capsys.readouterr().out
    assert "7 cells left" in said and f"{NETWORK} on tiny" in said
    assert main(["--figures", "--results", str(results)]) == 0
    text = capsys.readouterr().out
    assert "**tiny, given**: mean squared error" in text and "no network was run" in text
    assert text.strip() == sweep_figures(results).strip()
    assert main([*common, "--only", "tidy"]) == 2
    assert "no cell has the table 'tidy'" in capsys.readouterr().err
    assert sweep_figures(tmp_path / "none.tsv") == ""
