"""Markers made of blocks, and one false discovery rate for the tests of all of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control

from models import response_anova as module
from models.marker_anova import marker_anova
from models.profile_features import AMPLIFIED
from models.response_anova import LOST, response_anova
from models.response_table import ResponseTable

RNG = np.random.default_rng(0)
N = 50
MUTATION = (RNG.random((N, 5)) < 0.3).astype(np.float32)
COPIES = RNG.choice([0.3, 1.0, 1.7], (N, 3)).astype(np.float32)
GENES = {"mutation": tuple("ABCDE"), "copy_number": tuple("XYZ"), "burden": ("A",), "expression": ("A",)}
PROFILES = {
    "mutation": MUTATION, "copy_number": COPIES, "burden": 2 * MUTATION[:, :1], "expression": COPIES[:, :1],
}  # fmt: skip
VALUES = RNG.normal(size=(N, 2)) + 3.0 * (COPIES[:, :1] < LOST) * [1, 0]
TABLE = ResponseTable(VALUES, tuple(map(str, range(N))), ("one", "two"), "ln(umol/l)")


def test_response_anova__a_planted_loss_comes_first_beside_the_others() -> None:
    tests = response_anova(TABLE, PROFILES, GENES)
    assert tests.loc[0, ["kind", "marker", "compound"]].tolist() == ["loss", "X", "one"]
    assert tests.loc[0, "effect"] > 2
    assert tests.groupby("kind").size().to_dict() == {
        "amplification": 6,
        "burden": 2,
        "loss": 6,
        "mutation": 10,
    }
    assert np.allclose(tests["fdr"], false_discovery_control(tests["p_value"]))


def test_response_anova__is_that_of_the_block() -> None:
    tissue = ["lung", "skin"] * (N // 2)
    tests = response_anova(TABLE, {"copy_number": COPIES}, GENES, tissue)
    plain = marker_anova(
        VALUES,
        (COPIES > AMPLIFIED).astype(float),
        tissue,
        marker_ids=list("XYZ"),
        compound_ids=("one", "two"),
    )
    mine = tests[tests["kind"] == "amplification"].drop(columns=["kind", "fdr"]).reset_index(drop=True)
    pd.testing.assert_frame_equal(mine, plain.drop(columns="fdr"), check_dtype=False)


def test_response_anova__in_pieces_and_cut_keeps_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    every = response_anova(TABLE, PROFILES, GENES)
    monkeypatch.setattr(module, "_MARKERS_AT_ONCE", 2)
    pd.testing.assert_frame_equal(response_anova(TABLE, PROFILES, GENES, max_tests=7), every[:7])


def test_response_anova__nothing_to_test() -> None:
    assert response_anova(TABLE, {"expression": COPIES[:, :1]}, GENES).empty
