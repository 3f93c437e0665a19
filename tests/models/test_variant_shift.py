"""Shifts from wild type to variant, and their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from chem.errors import InputError
from models.protein import PANEL_CONSTRUCTS, Target, read_targets
from models.variant_shift import (
    calibrate_shifts,
    held_out_shifts,
    mutant_table,
    shift_interval,
    variant_shift,
    wild_types,
)

PANEL = pd.DataFrame(
    {
        "target_id": ["X", "Xp", "X(K2R)", "X(K2R)p", "Y(K2R)", "X(W2R)"],
        "sequence": ["MKLVTT", "MKLVTT", "MKLVTT", "MKLVTT", "MKVV", "MKLVTT"],
    }
)
CONSTRUCTS = {"Xp": {"phosphorylated": "yes"}}


def gatekeeper(smiles: Sequence[str], targets: Sequence[Target]) -> NDArray[np.float64]:
    """Affinity 6 plus the length of the SMILES over ten, less one per isoleucine."""
    return np.array([[6 + len(s) / 10 - t.sequence.count("I") for t in targets] for s in smiles])


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


def test_held_out_shifts__as_a_loop_over_pairs() -> None:
    targets = read_targets(PANEL, constructs=CONSTRUCTS)
    rng = np.random.default_rng(0)
    rows = [(d, t, *rng.normal(6, 1, 2)) for d in ("a", "b", "c") for t in PANEL["target_id"]]
    predictions = pd.DataFrame(rows, columns=["drug_id", "target_id", "label", "prediction"]).drop(
        index=[1, 9]
    )
    kept = [row for k, row in enumerate(rows) if k not in (1, 9)]
    known = {(drug, target): (label, prediction) for drug, target, label, prediction in kept}
    expected = {
        (drug, mutant): (
            known[drug, mutant][0] - known[drug, wild][0],
            known[drug, mutant][1] - known[drug, wild][1],
        )
        for drug in ("a", "b", "c")
        for mutant, wild in (("X(K2R)", "X"), ("X(K2R)p", "Xp"))
        if (drug, mutant) in known and (drug, wild) in known
    }
    table = held_out_shifts(predictions, targets).set_index(["drug_id", "target_id"])
    assert set(table.index) == set(expected)
    for key, (shift, predicted) in expected.items():
        assert table.loc[key, "shift"] == pytest.approx(shift)
        assert table.loc[key, "predicted"] == pytest.approx(predicted)
    with pytest.raises(InputError, match="stand twice"):
        held_out_shifts(pd.concat([predictions, predictions]), targets)


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
    lower, upper = shift_interval([0.0, -1.5], [7.0, 7.0], calibration)
    np.testing.assert_allclose([lower[1] - lower[0], upper[1] - upper[0]], [-1.5, -1.5])


def test_shift_interval__is_infinite_where_too_few_were_held_out() -> None:
    lower, upper = shift_interval([0.0], [7.0], calibrate_shifts([0.1] * 5, [0.0] * 5, [6.0] * 5))
    assert np.isneginf(lower[0]) and np.isposinf(upper[0])


@pytest.mark.parametrize(("scale", "verdict"), [(0.02, "weaker"), (0.6, "cannot tell")])
def test_variant_shift__says_when_it_cannot_tell(scale: float, verdict: str) -> None:
    error, affinity = errors(scale)
    table = variant_shift(
        gatekeeper,
        ["CCO", "CCCCCCCC"],
        "MKTLV",
        "p.Thr3Ile",
        calibrate_shifts(error, np.zeros(600), affinity),
    )
    np.testing.assert_allclose(table["shift"], -1)
    np.testing.assert_allclose(table["mutant"], table["wild_type"] - 1)
    assert table["verdict"].tolist() == [verdict, verdict]
    assert ((table["lower"] < 0) & (table["upper"] > 0) == (verdict == "cannot tell")).all()


def test_variant_shift__no_change_of_the_prediction_is_never_told() -> None:
    """A network that reads no variants, as one that is given the wild type twice, cannot tell."""
    error, affinity = errors(0.02)
    calibration = calibrate_shifts(error, np.zeros(600), affinity)
    table = variant_shift(gatekeeper, ["CCO"], "MKTLV", "K2R", calibration)
    assert table["verdict"].tolist() == ["cannot tell"]


def test_variant_shift__gives_the_predictor_both_proteins() -> None:
    seen: list[Target] = []

    def predict(smiles: Sequence[str], targets: Sequence[Target]) -> NDArray[np.float64]:
        seen.extend(targets)
        return gatekeeper(smiles, targets)

    error, affinity = errors(0.1)
    whole = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQ"
    variant_shift(
        predict, ["CCO"], whole[5:].lower(), "S17T", calibrate_shifts(error, error * 0, affinity),
        name="X", domain="last", phosphorylated=True, reference=whole,
    )  # fmt: skip
    wild, mutant = seen
    assert (wild.sequence, mutant.sequence) == (whole[5:], whole[5:16] + "T" + whole[17:])
    assert (wild.domain, mutant.domain, wild.phosphorylated, mutant.phosphorylated) == (
        "last",
        "last",
        True,
        True,
    )
    assert not mutant.unplaced


@pytest.mark.parametrize(
    ("variant", "reference", "match"),
    [
        ("", None, "no variant is named"),
        ("W3I", None, "residue 3 is T; expected W"),
        ("T30I", None, "not in the sequence"),
        ("ITD", None, "not read"),
        ("T3I", "MKTLV", "not found in the sequence by way of the reference"),
    ],
)
def test_variant_shift__refuses(variant: str, reference: str | None, match: str) -> None:
    error, affinity = errors(0.1)
    calibration = calibrate_shifts(error, error * 0, affinity)
    with pytest.raises(InputError, match=match):
        variant_shift(gatekeeper, ["CCO"], "MKTLV", variant, calibration, reference=reference)
    with pytest.raises(InputError, match="shape"):
        variant_shift(lambda s, t: np.zeros(len(s)), ["CCO"], "MKTLV", "T3I", calibration)
