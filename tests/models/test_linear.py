"""Ridge against scikit-learn and against rows really left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from models.linear import RidgeRegression, _Design, _logistic_regressions, _regressions
from models.pair_columns import PairColumns
from models.pair_model import PairFeatures
from models.pairs import PairData

MakePairs = Callable[..., PairData]


@pytest.fixture(scope="module")
def pairs(make_pairs: MakePairs) -> PairData:
    return make_pairs(noise=0.0)


@pytest.fixture(scope="module")
def features(pairs: PairData) -> PairFeatures:
    return PairFeatures(pairs.smiles, pairs.targets)


@pytest.fixture(scope="module")
def rows(pairs: PairData, features: PairFeatures) -> np.ndarray:
    return PairColumns(pairs, features, n_bits=512).rows(pairs, features).astype(float)


@pytest.mark.parametrize("alpha", [1.0, 100.0])
def test_ridge__equals_sklearn(
    pairs: PairData, features: PairFeatures, rows: np.ndarray, alpha: float
) -> None:
    noisy = replace(pairs, label=pairs.label + np.random.default_rng(0).normal(size=len(pairs)))
    model = RidgeRegression(alphas=[alpha])
    model.fit(noisy, features)
    expected = Ridge(alpha=alpha, solver="cholesky").fit(rows, noisy.label).predict(rows)
    np.testing.assert_allclose(model.predict(pairs, features), expected, atol=1e-6)


def test_logistic_ridge__equals_sklearn(pairs: PairData, features: PairFeatures, rows: np.ndarray) -> None:
    positive = replace(pairs, label=(pairs.label > np.median(pairs.label)).astype(float))
    model = RidgeRegression(task="classification", alphas=[100.0])
    model.fit(positive, features)
    oracle = LogisticRegression(C=1 / 100, tol=1e-10, max_iter=10_000).fit(rows, positive.label)
    np.testing.assert_allclose(model.predict(pairs, features), oracle.predict_proba(rows)[:, 1], atol=1e-5)


def test_ridge__leave_one_out_equals_leaving_out(pairs: PairData) -> None:
    """Columns are kept as they are, so that a row left out changes the fit alone."""
    rng = np.random.default_rng(0)
    drugs = rng.normal(size=(len(pairs.smiles), 5)).astype(np.float32)
    targets = rng.normal(size=(len(pairs.targets), 4)).astype(np.float32)
    label = rng.normal(size=len(pairs))
    rows = np.hstack([drugs[pairs.drug], targets[pairs.target]]).astype(float)
    left_out = next(_regressions(_Design(drugs, targets, pairs), label, [3.0]))[1]
    for row in (0, 17, 50):
        others = np.arange(len(pairs)) != row
        fitted = Ridge(alpha=3.0).fit(rows[others], label[others])
        assert left_out[row] == pytest.approx(fitted.predict(rows[[row]])[0], abs=1e-6)


def test_logistic_ridge__leave_one_out_is_near_leaving_out(pairs: PairData) -> None:
    rng = np.random.default_rng(0)
    drugs = rng.normal(size=(len(pairs.smiles), 3)).astype(np.float32)
    targets = rng.normal(size=(len(pairs.targets), 2)).astype(np.float32)
    rows = np.hstack([drugs[pairs.drug], targets[pairs.target]]).astype(float)
    label = (rows.sum(axis=1) + rng.logistic(size=len(pairs)) > 0).astype(float)
    left_out = next(_logistic_regressions(_Design(drugs, targets, pairs), label, [1.0]))[1]
    exact = []
    for row in range(0, len(pairs), 8):
        others = np.arange(len(pairs)) != row
        fitted = LogisticRegression(C=1.0, tol=1e-8).fit(rows[others], label[others])
        exact.append(fitted.decision_function(rows[[row]])[0])
    np.testing.assert_allclose(left_out[::8], exact, atol=0.1)


def test_ridge__chooses_a_strong_penalty_for_noise(pairs: PairData, features: PairFeatures) -> None:
    noise = replace(pairs, label=np.random.default_rng(0).normal(size=len(pairs)))
    model, clean = RidgeRegression(), RidgeRegression()
    model.fit(noise, features)
    clean.fit(pairs, features)
    assert model.alpha == 1000.0 and clean.alpha < 100.0
