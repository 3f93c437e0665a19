"""Intervals hold what they promise, on data that keep the promise's condition."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from models.calibration import MIN_POINTS, N_QUANTILES, Calibration, calibrate


def exchangeable(seed: int, n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Labels and predictions whose error grows with the prediction and is skewed."""
    rng = np.random.default_rng(seed)
    prediction = rng.normal(size=n)
    return prediction + (rng.exponential(size=n) - 0.7) * np.exp(0.5 * prediction), prediction


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9])
@pytest.mark.parametrize("n", [45, 300, 3000])
def test_interval__covers_at_least_its_level(level: float, n: int) -> None:
    """Over 60 calibrations and fresh points each; five standard errors of the mean coverage allowed."""
    covered = []
    for seed in range(60):
        label, prediction = exchangeable(seed, n + 200)
        lower, upper = calibrate(label[:n], prediction[:n]).interval(prediction[n:], level)
        covered.append(((lower <= label[n:]) & (label[n:] <= upper)).mean())
    assert np.mean(covered) >= level - 5 * stats.sem(covered)
    if n == 3000:
        assert np.mean(covered) <= level + 0.03


def test_interval__each_bin_covers() -> None:
    """Where errors differ between low and high predictions, each half is covered on its own."""
    label, prediction = exchangeable(1, 40_000)
    lower, upper = calibrate(label[:20_000], prediction[:20_000]).interval(prediction[20_000:])
    inside = (lower <= label[20_000:]) & (label[20_000:] <= upper)
    for part in (prediction[20_000:] < 0, prediction[20_000:] > 1):
        assert inside[part].mean() > 0.885


@given(st.integers(0, 18))
def test_interval__too_few_points_are_infinite(n: int) -> None:
    """One in twenty must fail on each side, so 19 points are needed for a bound."""
    label, prediction = exchangeable(0, n)
    lower, upper = calibrate(label, prediction).interval([0.0, 1.0], 0.9)
    assert np.isneginf(lower).all() and np.isposinf(upper).all()


def test_interval__nineteen_points_give_the_extremes() -> None:
    residual = np.arange(19) - 9.0
    lower, upper = calibrate(residual, np.zeros(19)).interval([5.0], 0.9)
    assert (lower[0], upper[0]) == (5 - 9, 5 + 9)
    assert np.isinf(calibrate(residual[1:], np.zeros(18)).interval([5.0], 0.9)[0][0])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 3000), st.integers(0, 100), st.floats(0.05, 0.98), st.floats(0.05, 0.98))
def test_interval__widens_with_the_level(n: int, seed: int, first: float, second: float) -> None:
    label, prediction = exchangeable(seed, n)
    calibration = calibrate(label, prediction)
    points = np.linspace(-3, 3, 13)
    narrow, wide = (calibration.interval(points, level) for level in sorted((first, second)))
    assert (wide[0] <= narrow[0]).all() and (narrow[1] <= wide[1]).all()
    assert (wide[0] <= wide[1]).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 5000), st.integers(1, 8), st.integers(0, 100), st.booleans())
def test_calibrate__keeps_every_bin_filled(n: int, n_bins: int, seed: int, tied: bool) -> None:
    label, prediction = exchangeable(seed, n)
    calibration = calibrate(label, np.round(prediction) if tied else prediction, n_bins=n_bins)
    assert calibration.counts.sum() == n
    assert len(calibration.counts) == len(calibration.edges) + 1 == len(calibration.residuals) <= n_bins
    assert (calibration.counts >= MIN_POINTS).all() or len(calibration.counts) == 1
    assert all(len(part) <= N_QUANTILES and (np.diff(part) >= 0).all() for part in calibration.residuals)


@settings(max_examples=30, deadline=None)
@given(st.integers(20, 20_000), st.integers(0, 50), st.sampled_from([0.5, 0.8, 0.9, 0.95]))
def test_interval__thinning_never_narrows(n: int, seed: int, level: float) -> None:
    """Against the order statistics of all residuals, which the thinned ones stand for."""
    residual = np.sort(np.random.default_rng(seed).normal(size=n))
    lower, upper = calibrate(residual, np.zeros(n), n_bins=1).interval([0.0], level)
    rank = int(np.floor((n + 1) * (1 - level) / 2 + 1e-9))
    if rank < 1:
        assert np.isinf(lower[0]) and np.isinf(upper[0])
        return
    assert lower[0] <= residual[rank - 1]
    assert upper[0] >= residual[n - rank]
    slack = int(np.ceil(n / (N_QUANTILES - 1))) + 1
    assert lower[0] >= residual[max(0, rank - 1 - slack)]


def test_calibration__round_trip_through_json() -> None:
    label, prediction = exchangeable(2, 2500)
    calibration = calibrate(label, prediction)
    again = Calibration.from_dict(json.loads(json.dumps(calibration.to_dict(), allow_nan=False)))
    points = np.linspace(-3, 3, 50)
    for ours, theirs in zip(calibration.interval(points), again.interval(points), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-5)
    np.testing.assert_array_equal(again.counts, calibration.counts)
    empty = Calibration.from_dict(calibrate([], []).to_dict())
    assert np.isinf(empty.interval([0.0])[0][0])
