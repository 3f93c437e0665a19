"""Gaussian processes against scikit-learn, against fits that leave each row out, and against finite differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RationalQuadratic
from sklearn.kernel_ridge import KernelRidge

from chem.errors import InputError
from models.gaussian_process import (
    choose_settings,
    inducing_weights,
    leave_one_out,
    rational_quadratic,
    squared_distances,
    squared_gradients,
)

WIDTH = 3.0


def points_and_values(
    seed: int, n: int, n_labels: int = 2
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 3)), rng.normal(size=(n, n_labels))


def kernel(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return rational_quadratic(squared_distances(a, b), WIDTH)


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 12), noise=st.sampled_from([0.003, 0.1, 1.0]))
def test_leave_one_out__is_the_fit_to_all_others(seed: int, n: int, noise: float) -> None:
    points, values = points_and_values(seed, n)
    whole = kernel(points, points)
    found, without = leave_one_out(whole, values, noise)
    ridge = KernelRidge(alpha=noise, kernel="precomputed")
    assert np.allclose(found, ridge.fit(whole, values).dual_coef_, atol=1e-6)
    for row in range(n):
        others = np.delete(np.arange(n), row)
        ridge.fit(whole[np.ix_(others, others)], values[others])
        assert np.allclose(without[row], ridge.predict(whole[[row]][:, others])[0], atol=1e-6)


def test_leave_one_out__weights_predict_as_a_gaussian_process() -> None:
    points, values = points_and_values(0, 30, 1)
    found, _ = leave_one_out(kernel(points, points), values, 0.1)
    other = points_and_values(1, 8)[0]
    known = RationalQuadratic(length_scale=np.sqrt(WIDTH / 2), alpha=1.0)
    process = GaussianProcessRegressor(known, alpha=0.1, optimizer=None).fit(points, values)
    assert np.allclose((kernel(other, points) @ found).ravel(), process.predict(other), atol=1e-8)


def test_inducing_weights__exact_where_every_row_is_one() -> None:
    points, values = points_and_values(2, 40)
    whole = kernel(points, points)
    blocks = [(whole[:15], values[:15]), (whole[15:], values[15:])]
    found = inducing_weights(whole, blocks, 0.1, 2)
    exact, _ = leave_one_out(whole, values, 0.1)
    assert np.allclose(whole @ found, whole @ exact, atol=1e-3)


def test_inducing_weights__least_squares_in_the_span_of_some_rows() -> None:
    points, values = points_and_values(3, 60)
    some, across = kernel(points[:10], points[:10]), kernel(points, points[:10])
    found = inducing_weights(some, [(across, values)], 0.2, 2)
    root = np.linalg.cholesky(some)
    stacked = np.vstack([across, np.sqrt(0.2) * root.T])
    expected = np.linalg.lstsq(stacked, np.vstack([values, np.zeros((10, 2))]))[0]
    assert np.allclose(across @ found, across @ expected, atol=1e-5)


def test_squared_gradients__are_those_of_finite_differences() -> None:
    points, values = points_and_values(4, 12)
    found, _ = leave_one_out(kernel(points, points), values, 0.1)
    step, expected = 1e-5, np.empty((3, 2))
    for feature in range(3):
        ahead, behind = points.copy(), points.copy()
        ahead[:, feature] += step
        behind[:, feature] -= step
        slope = (kernel(ahead, points) - kernel(behind, points)) @ found / (2 * step)
        expected[feature] = (slope**2).mean(axis=0)
    assert np.allclose(squared_gradients(points, found, WIDTH), expected, rtol=1e-5)


@settings(max_examples=25)
@given(seed=st.integers(0, 1000))
def test_choose_settings__never_worse_than_the_start_and_asks_once(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table, asked = rng.normal(size=(4, 3)), []

    def error(at: tuple[float, ...]) -> float:
        asked.append(at)
        return float(table[int(at[0]), int(at[1])])

    best = choose_settings(error, (range(4), range(3)), (1, 1))
    assert error(best) <= table[1, 1]
    assert len(asked) == len(set(asked)) + 1
    assert table[int(best[0]), int(best[1])] == min(table[:, int(best[1])].min(), table[int(best[0])].min())


@pytest.mark.parametrize("noise", [0.0, -1.0, float("nan")])
def test_leave_one_out__refuses_a_noise_that_is_none(noise: float) -> None:
    with pytest.raises(InputError, match="noise"):
        leave_one_out(np.eye(2), np.ones((2, 1)), noise)
