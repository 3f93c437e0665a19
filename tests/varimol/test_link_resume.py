"""A second run reuses, a killed run goes on, and the same input gives the same bytes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest


def tables(folder: Path) -> dict[str, bytes]:
    """Return all tables of a run by name."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*.tsv"))
        if ".steps" not in path.parts
    }


def assert_same_tables(one: Path, two: Path) -> None:
    left, right = tables(one), tables(two)
    assert left.keys() == right.keys()
    assert [name for name in left if left[name] != right[name]] == []


@pytest.fixture(scope="module")
def copy(linked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the finished run, to be gone on with; each test leaves it finished."""
    out = tmp_path_factory.mktemp("copy") / "out"
    shutil.copytree(linked, out)
    return out


def again(link_input: Any, out: Path, **changes: Any) -> dict[str, bool]:
    """Run once more; whether each step was reused."""
    told: dict[str, bool] = {}
    link_input.link(out, progress=told.__setitem__, **changes)
    return told


def test_second_run__reuses_every_step(link_input: Any, copy: Path, linked: Path) -> None:
    told = again(link_input, copy)
    assert len(told) == 11 and all(told.values()), told
    assert_same_tables(copy, linked)


@pytest.mark.parametrize(
    ("changes", "remade"),
    [
        ({"top": 3}, {"evidence", "report"}),
        ({"assay": "wes"}, {"stars", "evidence", "report"}),
        ({"notes": ["A note."]}, {"report"}),
    ],
)
def test_second_run__changed_parameter(
    link_input: Any, copy: Path, linked: Path, changes: dict[str, Any], remade: set[str]
) -> None:
    told = again(link_input, copy, **changes)
    assert {name for name, reused in told.items() if not reused} == remade
    again(link_input, copy)
    assert_same_tables(copy, linked)


def test_second_run__changed_compounds_leave_the_cohort(link_input: Any, copy: Path, tmp_path: Path) -> None:
    fewer = tmp_path / "drugs.tsv"
    fewer.write_text("".join(link_input.compounds.read_text().splitlines(keepends=True)[:12]))
    told = again(link_input, copy, compounds=fewer)
    remade = {name for name, reused in told.items() if not reused}
    assert remade == {"library", "affinity", "evidence", "report"}
    again(link_input, copy)


@pytest.mark.parametrize("name", ["association.tsv", "diplotypes.parquet", "report.html"])
def test_second_run__removed_result_is_remade(link_input: Any, copy: Path, linked: Path, name: str) -> None:
    (copy / name).unlink()
    told = again(link_input, copy)
    assert list(told.values()).count(False) == 1
    assert (copy / name).read_bytes() == (linked / name).read_bytes()


def test_second_run__shards_of_one_name_are_told_apart(tmp_path: Path) -> None:
    from varimol.link import LinkOptions, _Walk
    from varimol.steps import Run

    files = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        files.append(tmp_path / folder / "calls.vcf")
        files[-1].write_text(folder)
    walk = _Walk(Run(tmp_path / "out"), LinkOptions("flare"), {"variants": files}, [], [])
    assert len(walk._hash("variants")) == 2


@pytest.mark.slow
def test_two_runs__give_the_same_bytes(link_input: Any, linked: Path, tmp_path: Path) -> None:
    link_input.link(tmp_path / "elsewhere" / "out")
    assert_same_tables(tmp_path / "elsewhere" / "out", linked)
    page = (tmp_path / "elsewhere" / "out" / "report.html").read_bytes()
    assert page == (linked / "report.html").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("step", ["cohort", "association"])
def test_killed_run__goes_on_to_the_same_bytes(
    link_input: Any, linked: Path, tmp_path: Path, step: str
) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "varimol.cli", *link_input.options(out), "--threads", "1", "--quiet"]
    process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(Path.cwd())})
    deadline = time.monotonic() + 300
    while not (out / ".steps" / f"{step}.json").exists():
        assert process.poll() is None, "the run ended before the step was seen"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (out / "report.html").exists()
    told = again(link_input, out)
    assert told[step] and not told["report"]
    assert not list(out.glob(".step-*"))
    assert_same_tables(out, linked)
