"""The expected error follows the errors, the spread where it tells something, and the unit of the label."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

from chem.errors import InputError
from models.error_scale import KNOTS, ErrorScale


def test_fit__is_the_bounded_least_squares_solution() -> None:
    """Against scipy's other solver, on hat functions written out by hand."""
    rng = np.random.default_rng(0)
    prediction, spread = rng.normal(size=800), rng.exponential(size=800)
    residual = rng.normal(size=800) * (0.3 + np.abs(prediction) + 0.5 * spread)
    fit = ErrorScale.fit(residual, prediction, spread)
    knots = np.quantile(prediction, KNOTS)
    design = np.zeros((800, len(knots) + 1))
    for row, p in enumerate(prediction):
        right = min(max(int(np.searchsorted(knots, p)), 1), len(knots) - 1)
        share = (p - knots[right - 1]) / (knots[right] - knots[right - 1])
        design[row, right - 1], design[row, right] = 1 - share, share
    design[:, -1] = spread
    other = lsq_linear(design, np.abs(residual), bounds=(0, np.inf), tol=1e-12).x
    np.testing.assert_allclose(np.r_[fit.heights, fit.slope], other, atol=1e-5)
    expected = np.maximum(design @ other, 0.05 * np.abs(residual).mean())
    np.testing.assert_allclose(fit.scale(prediction, spread), expected, atol=1e-5)


def test_fit__drops_a_spread_that_tells_nothing() -> None:
    rng = np.random.default_rng(1)
    prediction = rng.normal(size=5000)
    residual = rng.normal(size=5000) * np.exp(prediction / 2)
    silent = ErrorScale.fit(residual, prediction, rng.exponential(size=5000))
    telling = ErrorScale.fit(residual, prediction, np.abs(residual) + rng.exponential(0.1, 5000))
    assert silent.slope < 0.1 and telling.slope > 0.8


@given(st.integers(60, 300), st.integers(0, 200), st.floats(0.01, 100))
def test_scale__is_positive_and_does_not_feel_the_unit_of_the_spread(n: int, seed: int, unit: float) -> None:
    rng = np.random.default_rng(seed)
    residual, prediction, spread = (
        rng.normal(size=n),
        np.round(rng.normal(size=n), 1),
        rng.exponential(size=n),
    )
    sizes = ErrorScale.fit(residual, prediction, spread).scale([-9.0, 0.0, 9.0], np.array([0.0, 1.0, 2.0]))
    other = ErrorScale.fit(residual, prediction, spread * unit)
    assert (sizes > 0).all()
    np.testing.assert_allclose(
        other.scale([-9.0, 0.0, 9.0], np.array([0.0, 1.0, 2.0]) * unit), sizes, rtol=1e-6
    )


def test_error_scale__round_trip_and_perfect_predictions() -> None:
    fit = ErrorScale.fit([0.0, 0.0], [1.0, 2.0])
    assert fit.scale([1.5]).tolist() == [1.0]
    fit = ErrorScale.fit([0.1, 0.2, 0.4], [1.0, 2.0, 3.0])
    again = ErrorScale.from_dict(json.loads(json.dumps(fit.to_dict(), allow_nan=False)))
    np.testing.assert_array_equal(again.scale([0.0, 1.7, np.nan]), fit.scale([0.0, 1.7, np.nan]))
    assert np.isnan(again.scale([np.nan])[0])


def test_fit__refuses_what_it_cannot_use() -> None:
    for arguments, said in (
        (([0.1, np.nan], [0.0, 0.0]), "record 2, field residual"),
        (([0.1], [0.0, 0.0]), "residual 1, prediction 2"),
        (([0.1], [0.0], [-1.0]), "field spread: -1.0"),
        (([], []), "no residual"),
    ):
        with pytest.raises(InputError, match=said):
            ErrorScale.fit(*arguments)
    with pytest.raises(InputError, match="a spread is given"):
        ErrorScale.fit([0.1], [0.0]).scale([0.0], [1.0])
    with pytest.raises(InputError, match="spread is missing"):
        ErrorScale.fit([0.1], [0.0], [1.0]).scale([0.0])
