"""Fitting the weights of pairs to imputed sites, against a general optimiser."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from genomics.star_imputed import fit_to_sites


def nearest(weights: np.ndarray, emission: np.ndarray, told: dict[int, np.ndarray]) -> np.ndarray:
    """Weights of least relative entropy to those before, among all that have the sites' probabilities.

    They are those before times the exponential of a sum over the sites, which a general optimiser finds.
    """
    base = weights / weights.sum()
    codes = [(site, i, j) for site, p in told.items() for i in range(len(p)) for j in range(len(p))]
    has = np.stack([np.outer(emission[:, site, i], emission[:, site, j]) for site, i, j in codes])
    wanted = np.array([told[site][i, j] for site, i, j in codes])

    def dual(odds: np.ndarray) -> tuple[float, np.ndarray]:
        scaled = base * np.exp(np.tensordot(odds, has, axes=1))
        total = scaled.sum()
        return float(np.log(total) - odds @ wanted), np.tensordot(has, scaled / total, axes=2) - wanted

    found = minimize(dual, np.zeros(len(codes)), jac=True, method="BFGS", options={"gtol": 1e-9})
    scaled = base * np.exp(np.tensordot(found.x, has, axes=1))
    return np.asarray(scaled / scaled.sum())


def test_fit_to_sites__is_the_nearest_that_has_the_sites_probabilities() -> None:
    rng = np.random.default_rng(3)
    emission = np.zeros((4, 2, 2))
    emission[:, :, 0] = [[1, 1], [0, 1], [1, 0], [0, 0]]
    emission[:, :, 1] = 1 - emission[:, :, 0]
    shares = np.array([0.7, 0.2, 0.08, 0.02])
    for _ in range(3):
        truth = rng.dirichlet(np.ones(16)).reshape(4, 4)
        told = {site: emission[:, site].T @ truth @ emission[:, site] for site in (0, 1)}
        fitted = fit_to_sites(np.outer(shares, shares), emission, told, tolerance=1e-7, patience=100)
        assert fitted == pytest.approx(nearest(np.outer(shares, shares), emission, told), abs=1e-4)


def test_fit_to_sites__one_copy_and_nothing_possible() -> None:
    emission = np.zeros((2, 1, 2))
    emission[0, 0, 0] = emission[1, 0, 1] = 1
    told = np.array([[0.9, 0.0], [0.0, 0.1]])
    assert fit_to_sites(np.array([[0.5], [0.5]]), emission, {0: told})[:, 0] == pytest.approx([0.9, 0.1])
    assert not fit_to_sites(
        np.array([[1.0, 0.0], [0.0, 0.0]]), emission, {0: np.array([[0, 0], [0, 1.0]])}
    ).any()


def test_fit_to_sites__sites_that_contradict_each_other_end() -> None:
    # One allele has both variants or neither: no weighing has one with 0.9 and the other with 0.1.
    emission = np.zeros((2, 2, 2))
    emission[0, :, 0] = emission[1, :, 1] = 1
    sure, rare = np.array([[0.1, 0.45], [0.45, 0.0]]), np.array([[0.9, 0.05], [0.05, 0.0]])
    fitted = fit_to_sites(np.full((2, 2), 0.25), emission, {0: sure, 1: rare})
    assert fitted.sum() == pytest.approx(1) and (fitted >= 0).all()
