"""Shifts from wild type to variant, and their intervals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from models.protein import PANEL_CONSTRUCTS, read_targets
from models.variant_shift import (
    calibrate_shifts,
    measured_shifts,
    mutant_table,
    shift_interval,
    wild_types,
)

PANEL = pd.DataFrame(
    {
        "target_id": ["X", "Xp", "X(K2R)", "X(K2R)p", "Y(K2R)", "X(W2R)"],
        "sequence": ["MKLVTT", "MKLVTT", "MKLVTT", "MKLVTT", "MKVV", "MKLVTT"],
    }
)
CONSTRUCTS = {"Xp": {"phosphorylated": "yes"}}


def errors(scale: float, n: int = 600) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Errors that grow with the wild type's affinity, and that affinity."""
    rng = np.random.default_rng(3)
    affinity = rng.uniform(5, 9, n)
    return scale * (affinity - 4.5) * rng.normal(size=n), affinity


def test_wild_types__same_gene_and_form() -> None:
    targets = read_targets(PANEL, constructs=CONSTRUCTS)
    assert wild_types(targets).tolist() == [-1, -1, 0, 1, -1, 0]
    assert wild_types(targets, same_form=False).tolist() == [-1, -1, 0, 0, -1, 0]


def test_mutant_table__tells_what_was_made() -> None:
    table = mutant_table(read_targets(PANEL, constructs=CONSTRUCTS)).set_index("target_id")
    assert table["wild_type"].to_dict() == {"X(K2R)": "X", "X(K2R)p": "Xp", "Y(K2R)": "", "X(W2R)": "X"}
    assert table["made"].to_dict() == {"X(K2R)": True, "X(K2R)p": True, "Y(K2R)": True, "X(W2R)": False}
    assert table.loc["X(W2R)", "reason"] == "variant W2R: residue 2 is K"
    assert table.loc["X(W2R)", "duplicate_of"] == "X"
    assert mutant_table([]).columns.tolist() == ["target_id", *table.columns]


def test_mutant_table__davis(shared_data: Path) -> None:
    """All 57 substitutions are accounted for; without a reference, FGFR3's fragment cannot be numbered."""
    targets = pd.read_csv(shared_data / "affinity" / "davis" / "targets.tsv", sep="\t")
    table = mutant_table(read_targets(targets, constructs=PANEL_CONSTRUCTS)).set_index("target_id")
    assert len(table) == 55
    assert set(table.index[~table["made"]]) == {
        "FGFR3(G697C)", "FLT3(ITD)", "RET(M918T)", "RET(V804L)", "RET(V804M)",
    }  # fmt: skip
    assert set(table.index[table["wild_type"] == ""]) == {"GCN2(KinDom2S808G)"}
    assert (table.loc[table["made"], "duplicate_of"] == "").all()


def test_wild_types__the_other_form_stands_in() -> None:
    targets = read_targets(PANEL[PANEL["target_id"] != "X"], constructs=CONSTRUCTS)
    assert wild_types(targets).tolist() == [-1, 0, 0, -1, 0]


def test_measured_shifts__as_a_loop_over_pairs() -> None:
    targets = read_targets(PANEL, constructs=CONSTRUCTS)
    rng = np.random.default_rng(0)
    labels = rng.normal(6, 1, (3, len(targets)))
    labels[0, 2] = labels[1, 0] = np.nan
    shifts = measured_shifts(labels, targets, wild_types(targets))
    expected = {
        (drug, mutant): labels[drug, mutant] - labels[drug, wild]
        for drug in range(3)
        for mutant, wild in ((2, 0), (3, 1), (5, 0))
        if not np.isnan(labels[drug, mutant] + labels[drug, wild])
    }
    found = {(row["drug"], row["mutant"]): row["shift"] for row in shifts.to_dict("records")}
    assert found == pytest.approx(expected) and len(found) == 6
    assert set(shifts["group"]) == {"X(K2R)", "X(W2R)"}
    assert measured_shifts(labels, targets, np.full(6, -1)).empty


def test_shift_interval__covers_new_shifts_at_every_affinity() -> None:
    error, affinity = errors(0.3, 20_000)
    calibration = calibrate_shifts(error[:4000], np.zeros(4000), affinity[:4000])
    lower, upper = shift_interval(np.zeros(16_000), affinity[4000:], calibration)
    inside = (lower <= error[4000:]) & (error[4000:] <= upper)
    assert 0.88 < inside.mean() < 0.92
    weak, strong = affinity[4000:] < 6.5, affinity[4000:] > 8.5
    assert (upper - lower)[strong].mean() > 1.2 * (upper - lower)[weak].mean()


def test_shift_interval__moves_with_the_prediction() -> None:
    error, affinity = errors(0.3)
    calibration = calibrate_shifts(error, np.zeros(600), affinity)
    lower, upper = shift_interval([0.0, -1.5], [7.0, 8.5], calibration)
    np.testing.assert_allclose([lower[1] - lower[0], upper[1] - upper[0]], [-1.5, -1.5])


def test_shift_interval__is_infinite_where_too_few_were_held_out() -> None:
    lower, upper = shift_interval([0.0], [7.0], calibrate_shifts([0.1] * 5, [0.0] * 5, [6.0] * 5))
    assert np.isneginf(lower[0]) and np.isposinf(upper[0])


def test_shift_interval__no_variant_lies_below_the_limit() -> None:
    """Labels pile up at 5: a drug at the limit has nothing to lose, so the interval starts at 0."""
    rng = np.random.default_rng(1)
    affinity = np.maximum(rng.normal(5.5, 1.0, 3000), 5.0)
    mutant = np.maximum(affinity + rng.normal(0, 0.3, 3000), 5.0)
    intervals = calibrate_shifts(mutant - affinity, np.zeros(3000), affinity)
    lower, upper = shift_interval([0.0, -0.5, 0.0], [5.0, 5.2, 8.0], intervals)
    assert lower[0] == 0 and lower[1] == -0.5 and lower[2] < -0.2
    assert (upper > [0.0, -0.5, 0.0]).all()


def test_shift_interval__is_wider_where_the_predictor_is_unsure() -> None:
    rng = np.random.default_rng(2)
    sd, affinity = rng.uniform(0.1, 1.0, 4000), rng.uniform(5, 9, 4000)
    intervals = calibrate_shifts(sd * rng.normal(size=4000), np.zeros(4000), affinity, sd)
    lower, upper = shift_interval(np.zeros(2), np.array([7.0, 7.0]), intervals, 0.9, np.array([0.2, 0.9]))
    assert (upper - lower)[1] > 2 * (upper - lower)[0]
