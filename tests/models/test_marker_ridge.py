"""The ridge on named markers, against scipy's correlations and scikit-learn's ridge."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr
from sklearn.linear_model import Ridge

from models.marker_ridge import RIDGE, THRESHOLD, MarkerRidge, association_t


def with_gaps(rng: np.random.Generator, response: np.ndarray, share: float = 0.3) -> np.ndarray:
    return np.where(rng.random(response.shape) < share, np.nan, response)


def test_association_t__as_scipys_over_the_lines_measured() -> None:
    rng = np.random.default_rng(0)
    markers, response = rng.normal(size=(40, 3)), with_gaps(rng, rng.normal(size=(40, 2)))
    t = association_t(markers, response)
    for j in range(2):
        there = ~np.isnan(response[:, j])
        for g in range(3):
            r = pearsonr(markers[there, g], response[there, j]).statistic
            assert t[g, j] == pytest.approx(r * np.sqrt((there.sum() - 2) / (1 - r**2)))


def test_association_t__nothing_varies() -> None:
    assert association_t(np.ones((5, 1)), np.arange(5.0)[:, None]).tolist() == [[0.0]]
    assert association_t(np.arange(5.0)[:, None], np.full((5, 1), np.nan)).tolist() == [[0.0]]


def test_fit__as_scikit_learns_ridge_on_scaled_markers() -> None:
    rng = np.random.default_rng(1)
    markers = rng.normal(size=(60, 5))
    response = with_gaps(rng, markers[:, :1] * 2 + 0.5 * rng.normal(size=(60, 1)))
    response -= np.nanmean(response)
    mean, sd = markers.mean(axis=0), markers.std(axis=0)
    standard, there = (markers - mean) / sd, ~np.isnan(response[:, 0])
    scale = np.maximum(association_t(standard, response)[:, 0] ** 2 - THRESHOLD, 0)
    x = standard[there] * scale
    alpha = RIDGE * (x**2).sum(axis=1).mean()
    ridge = Ridge(alpha=alpha, fit_intercept=False).fit(x, response[there, 0])
    predicted = MarkerRidge.fit(markers, response).predict(torch.from_numpy(markers)).numpy()
    assert np.allclose(predicted[:, 0], (standard * scale) @ ridge.coef_, atol=1e-5)


def test_fit__one_strong_marker_is_found_among_noise() -> None:
    rng = np.random.default_rng(2)
    markers = (rng.random((200, 100)) < 0.1).astype(float)
    response = np.stack([2 * markers[:, 7], -2 * markers[:, 30]], axis=1) + 0.5 * rng.normal(size=(200, 2))
    weights = MarkerRidge.fit(markers, response - response.mean(axis=0)).weights
    assert np.abs(weights).argmax(axis=0).tolist() == [7, 30]
    assert weights[7, 0] > 0.4 > -0.4 > weights[30, 1]


def test_fit__without_any_marker_that_goes_with_it() -> None:
    response = np.arange(6.0)[:, None] - 2.5
    assert not MarkerRidge.fit(np.ones((6, 2)), response).weights.any()


def test_arrays__give_the_same_regression() -> None:
    rng = np.random.default_rng(3)
    model = MarkerRidge.fit(rng.normal(size=(20, 4)), rng.normal(size=(20, 2)))
    again, x = MarkerRidge.from_arrays(model.to_arrays()), torch.randn(3, 4, dtype=torch.float64)
    assert torch.equal(model.predict(x), again.predict(x))
