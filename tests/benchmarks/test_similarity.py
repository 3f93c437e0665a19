from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from benchmarks.similarity import TOP, Program, measure, moses_smiles, same_similar, take_turns, verdicts

pytestmark = pytest.mark.skipif(
    find_spec("moses") is None, reason="molsets, which has MOSES, is not installed"
)


def test_same_similar__ties_with_the_last_may_differ() -> None:
    ours = np.array([4, 2, 7]), np.array([1.0, 0.5, 0.25])
    assert same_similar(ours, (np.array([4, 2, 9]), ours[1]))
    assert not same_similar(ours, (np.array([4, 9, 7]), ours[1]))
    assert not same_similar(ours, (ours[0], np.array([1.0, 0.5, 0.3])))
    assert not same_similar(ours, (ours[0][:2], ours[1][:2]))


def test_take_turns__a_wrong_answer_is_told() -> None:
    programs = [Program("a", "1", len), Program("b", "1", lambda text: len(text) % 3, n_queries=2)]
    rows = take_turns("case", programs, ["x", "xx", "xxx"], lambda one, other: one == other)
    assert [(row["queries"], row["outputs_equal"]) for row in rows] == [(3, True), (2, True)]
    rows = take_turns("case", programs, ["xxx"], lambda one, other: one == other)
    assert [row["outputs_equal"] for row in rows] == [True, False]


def test_measure__outputs_equal_on_a_small_library(tmp_path: Path) -> None:
    pytest.importorskip("FPSim2", reason="FPSim2 is not installed (the extra 'search')")
    table = measure(2_000, tmp_path, n_queries=5, seed=1, threads=1)
    judged = verdicts(table).set_index("criterion")
    assert judged.loc["share of outputs equal", "value"] == 1.0
    assert judged.loc[f"seconds per top {TOP} query, at most", "passed"]
    trusted = table[table["program"].str.contains("Trusted")]
    assert trusted["outputs_equal"].tolist() == [False]  # the trap: hybridisation is never found there
    again = measure(2_000, tmp_path, n_queries=1, seed=1, threads=1)
    assert "index" not in set(again["case"])


def test_moses_smiles__in_the_order_of_the_wheel() -> None:
    assert len(list(moses_smiles(7))) == 7 and next(moses_smiles(1)) == next(moses_smiles(5))
