"""The regression over lines and compounds, against scikit-learn's kernel ridge over single cells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.kernel_ridge import KernelRidge

from models.kronecker import compound_correlation, fit_kronecker

Array = NDArray[np.float64]


def kernel(rng: np.random.Generator, n: int) -> Array:
    x = rng.normal(size=(n, n + 2))
    return x @ x.T / n


def dense(lines: Array, compounds: Array, response: Array, noise: float, new: Array) -> Array:
    """Predictions for new lines by kernel ridge over the cells measured."""
    there = ~np.isnan(response).ravel()
    whole = np.kron(lines, compounds)[np.ix_(there, there)]
    ridge = KernelRidge(alpha=noise, kernel="precomputed").fit(whole, response.ravel()[there])
    return np.asarray(ridge.predict(np.kron(new, compounds)[:, there])).reshape(len(new), -1)


@pytest.mark.parametrize(("missing", "n_rounds"), [(0.0, 1), (0.4, 2000)])
def test_fit_kronecker__as_kernel_ridge_over_cells(missing: float, n_rounds: int) -> None:
    rng = np.random.default_rng(0)
    every, compounds = kernel(rng, 12), kernel(rng, 4)
    lines, new = every[:9, :9], every[9:, :9]
    response = np.where(rng.random((9, 4)) < missing, np.nan, rng.normal(size=(9, 4)))
    fit = fit_kronecker(lines, compounds, response, noise=0.5, n_rounds=n_rounds)
    assert np.allclose(new @ fit.weights, dense(lines, compounds, response, 0.5, new), atol=1e-6)
    assert np.allclose(fit.fitted, dense(lines, compounds, response, 0.5, lines), atol=1e-6)


def test_fit_kronecker__independent_compounds_are_ridges_of_their_own() -> None:
    rng = np.random.default_rng(1)
    lines, response = kernel(rng, 8), rng.normal(size=(8, 3))
    fit = fit_kronecker(lines, np.eye(3), response, noise=2.0)
    assert np.allclose(fit.fitted, lines @ np.linalg.solve(lines + 2 * np.eye(8), response))


def test_compound_correlation__as_numpys_without_gaps() -> None:
    response = np.random.default_rng(2).normal(size=(30, 4))
    response -= response.mean(axis=0)
    assert np.allclose(compound_correlation(response), np.corrcoef(response.T))


@given(st.integers(0, 2**32 - 1), st.floats(0, 0.7), st.floats(0, 1))
def test_compound_correlation__positive_semidefinite(seed: int, missing: float, shrinkage: float) -> None:
    rng = np.random.default_rng(seed)
    response = np.where(rng.random((8, 6)) < missing, np.nan, rng.normal(size=(8, 6)))
    correlation = compound_correlation(response, shrinkage)
    assert np.allclose(correlation, correlation.T) and np.linalg.eigvalsh(correlation).min() > -1e-9
