"""What a response model may speak of: compounds whose held-out lines it clearly predicted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, sem

from models.response_domain import clear_gain


def _drawn(seed: int, told: float, shape: tuple[int, int] = (200, 12)) -> tuple[np.ndarray, ...]:
    """Values, predictions that know `told` of them, and means; a fifth is missing."""
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=shape)
    values = 3 + signal + rng.normal(size=shape)
    values[rng.random(shape) < 0.2] = np.nan
    return values, 3 + told * signal, np.full(shape, 3.0)


def test_clear_gain__is_the_lower_end_of_the_mean_by_scipy() -> None:
    values, predictions, means = _drawn(0, 0.3)
    found = clear_gain(values, predictions, means)
    for column in range(values.shape[1]):
        there = ~np.isnan(values[:, column])
        before = (values - means)[there, column] ** 2
        saved = before - (values - predictions)[there, column] ** 2
        expected = (saved.mean() - norm.ppf(0.95) * sem(saved)) / before.mean()
        assert found[column] == pytest.approx(expected)


def test_clear_gain__what_is_known_speaks_and_what_is_not_does_not() -> None:
    assert (clear_gain(*_drawn(1, 0.5)) > 0).all()
    values, predictions, means = _drawn(2, 0.0, (200, 400))
    guessed = predictions + np.random.default_rng(3).normal(0, 0.05, values.shape)
    clear = clear_gain(values, guessed, means) > 0
    better = np.nansum((values - guessed) ** 2, axis=0) < np.nansum((values - means) ** 2, axis=0)
    assert better.mean() > 0.3  # by chance
    assert clear.mean() < 0.07


@given(seed=st.integers(0, 500), factor=st.floats(0.1, 100), shift=st.floats(-10, 10))
def test_clear_gain__does_not_depend_on_the_unit(seed: int, factor: float, shift: float) -> None:
    drawn = _drawn(seed, 0.4, (30, 4))
    moved = [factor * table + shift for table in drawn]
    assert clear_gain(*moved) == pytest.approx(clear_gain(*drawn), abs=1e-6)


def test_clear_gain__needs_two_lines_and_something_to_gain() -> None:
    values = np.array([[1.0, 2.0], [np.nan, 2.0], [np.nan, 2.0]])
    assert np.isnan(clear_gain(values, np.zeros((3, 2)), np.full((3, 2), 2.0))).all()
