"""The threshold lies where the model's advantage begins, and nowhere for a model that knows nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from chem.errors import InputError
from models.domain_threshold import MIN_UNITS, Threshold, gain_threshold

Floats = NDArray[np.float64]


def held_out(seed: int, n_units: int = 300, begins: float = 0.4) -> dict[str, Floats]:
    """Pairs of molecules of every similarity; the model knows something of those above `begins`."""
    rng = np.random.default_rng(seed)
    unit = np.repeat(np.arange(n_units), 20)
    similarity = np.repeat(rng.uniform(0.1, 0.9, n_units), 20)
    label = rng.normal(6, 1, len(unit))
    bias = np.repeat(rng.normal(0, 0.2, n_units), 20)
    known = 1 / (1 + np.exp(-30 * (similarity - begins)))
    guess = 6 + rng.normal(0, 0.7, len(unit))
    prediction = known * (label + rng.normal(0, 0.3, len(unit))) + (1 - known) * guess + bias
    return {
        "similarity": similarity, "unit": unit, "label": label, "prediction": prediction,
        "means": np.full(len(unit), 6.0),
    }  # fmt: skip


@pytest.mark.parametrize("begins", [0.3, 0.6])
def test_gain_threshold__lies_where_the_gain_begins(begins: float) -> None:
    found = gain_threshold(**held_out(0, begins=begins))
    assert found is not None and found.value == pytest.approx(begins, abs=0.07)
    assert found.n == 300 and "10% below" in found.rule and "95%" in found.rule
    assert gain_threshold(**held_out(0, begins=begins)) == found


def test_gain_threshold__no_gain_no_domain() -> None:
    table = held_out(1)
    table["prediction"] = np.random.default_rng(0).permutation(table["prediction"])
    found = gain_threshold(**table)
    assert found is not None and found.value is None
    assert not found.holds([0.0, 1.0]).any()


def test_gain_threshold__a_hair_better_than_the_means_is_no_domain() -> None:
    table = held_out(1)
    better = {
        share: table["label"] + (table["means"] - table["label"]) * share**0.5 for share in (0.95, 0.85)
    }
    found = {share: gain_threshold(**table | {"prediction": values}) for share, values in better.items()}
    assert found[0.95] is not None and found[0.95].value is None
    assert found[0.85] is not None and found[0.85].value == table["similarity"].min()


def test_gain_threshold__is_never_below_what_was_measured() -> None:
    table = held_out(2)
    table["prediction"] = table["label"]
    found = gain_threshold(**table)
    assert found is not None and found.value == table["similarity"].min()


def test_gain_threshold__confidence_and_data_move_it_as_they_should() -> None:
    values = {}
    for confidence in (0.5, 0.8, 0.99):
        found = gain_threshold(**held_out(3, n_units=40), confidence=confidence)
        assert found is not None and found.value is not None
        values[confidence] = found.value
    assert values[0.5] <= values[0.8] <= values[0.99]


@settings(max_examples=15)
@given(st.integers(0, 100), st.sampled_from([0.25, 4.0]), st.integers(-8, 8))
def test_gain_threshold__does_not_feel_unit_and_shift_of_the_label(
    seed: int, unit: float, shift: int
) -> None:
    table = held_out(seed, n_units=30)
    moved = {k: v * unit + shift if k in ("label", "prediction", "means") else v for k, v in table.items()}
    assert gain_threshold(**moved) == gain_threshold(**table)


def test_gain_threshold__too_few_units_give_none() -> None:
    assert gain_threshold(**held_out(0, n_units=MIN_UNITS - 1)) is None


def test_gain_threshold__refuses_what_it_cannot_use() -> None:
    table = held_out(0, n_units=12)
    broken = table["label"].copy()
    broken[3] = np.nan
    with pytest.raises(InputError, match="record 4, field label: nan"):
        gain_threshold(**{**table, "label": broken})
    with pytest.raises(InputError, match="means 239"):
        gain_threshold(**{**table, "means": table["means"][1:]})
    with pytest.raises(InputError, match="field level"):
        gain_threshold(**table, confidence=1.0)


def test_threshold__round_trip_and_nan_outside() -> None:
    for threshold in (Threshold(0.4, "rule", 5), Threshold(None, "rule", 5)):
        assert Threshold.from_dict(threshold.to_dict()) == threshold
    assert Threshold(0.4, "", 1).holds([0.39, 0.4, np.nan]).tolist() == [False, True, False]
