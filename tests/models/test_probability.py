"""Calibrated probabilities against scikit-learn, and sets of classes against their promise."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit, logit

from chem.errors import InputError
from models.probability import METHODS, ConformalSets, ProbabilityCalibration

Floats = NDArray[np.float64]


def overconfident(rng: np.random.Generator, n: int) -> tuple[Floats, Floats, Floats]:
    """Labels, their true probability, and a score that is too sure of itself."""
    truth = expit(rng.normal(-0.5, 1.2, n))
    return (rng.random(n) < truth).astype(float), truth, expit(2.5 * logit(truth) + 0.4)


@pytest.mark.parametrize("method", METHODS)
def test_probability__comes_near_the_truth(method: Any) -> None:
    label, truth, score = overconfident(np.random.default_rng(0), 20_000)
    calibrated = ProbabilityCalibration.fit(label, score, method=method).probability(score)
    assert np.abs(calibrated - truth).mean() < 0.025 < np.abs(score - truth).mean() / 4


def test_isotonic__is_scikit_learns() -> None:
    from sklearn.isotonic import IsotonicRegression

    label, _, score = overconfident(np.random.default_rng(1), 700)
    score = np.round(score, 2)
    other = IsotonicRegression(out_of_bounds="clip").fit(score, label)
    new = np.linspace(0, 1, 333)
    ours = ProbabilityCalibration.fit(label, score, method="isotonic")
    np.testing.assert_allclose(ours.probability(new), other.predict(new), atol=1e-12)
    assert len(ours.scores) < len(np.unique(score))


def test_platt__is_scikit_learns() -> None:
    """`_SigmoidCalibration` fits Platt's smoothed targets to whatever it is given, here the logit."""
    from sklearn.calibration import _SigmoidCalibration

    label, _, score = overconfident(np.random.default_rng(2), 500)
    other = _SigmoidCalibration().fit(logit(score), label)
    new = np.linspace(0.01, 0.99, 50)
    ours = ProbabilityCalibration.fit(label, score, method="platt")
    np.testing.assert_allclose(ours.probability(new), other.predict(logit(new)), atol=1e-4)


def test_beta__is_the_unpenalised_logistic_regression() -> None:
    from sklearn.linear_model import LogisticRegression

    label, _, score = overconfident(np.random.default_rng(3), 3000)
    features = np.column_stack([np.log(score), -np.log1p(-score)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        other = LogisticRegression(C=np.inf, tol=1e-10, max_iter=2000).fit(features, label)
    ours = ProbabilityCalibration.fit(label, score)
    assert (other.coef_ > 0).all()
    np.testing.assert_allclose(ours.probability(score), other.predict_proba(features)[:, 1], atol=1e-4)


@settings(max_examples=40)
@given(st.sampled_from(METHODS), st.integers(4, 200), st.integers(0, 300))
def test_probability__never_falls_with_the_score(method: Any, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    label = np.r_[0, 1, rng.integers(0, 2, n - 2)]
    score = np.round(rng.random(n), 1)
    new = np.linspace(0, 1, 41)
    calibration = ProbabilityCalibration.fit(label, score, method=method)
    found = calibration.probability(new)
    assert (np.diff(found) >= -1e-12).all() and (found >= 0).all() and (found <= 1).all()
    again = ProbabilityCalibration.from_dict(json.loads(json.dumps(calibration.to_dict(), allow_nan=False)))
    np.testing.assert_array_equal(again.probability(new), found)
    assert np.isnan(again.probability([np.nan])[0])


def test_fit__separable_classes_stay_finite() -> None:
    for method in METHODS:
        fit = ProbabilityCalibration.fit([0, 0, 1, 1], [0.0, 0.1, 0.9, 1.0], method=method)
        low, high = fit.probability([0.0, 1.0])
        assert 0 <= low < 0.3 and 0.7 < high <= 1


def test_sets__cover_every_class_in_200_repetitions() -> None:
    rng, hits = np.random.default_rng(4), []
    for _ in range(200):
        label, _, score = overconfident(rng, 250)
        held = ConformalSets.fit(label[:200], score[:200]).sets(score[200:], 0.8)
        first = [np.flatnonzero(label[200:] == k)[0] for k in (0, 1)]
        hits.append([held[first[k], k] for k in (0, 1)])
    counts = np.sum(hits, axis=0)
    assert (counts >= stats.binom.ppf(0.001, 200, 0.8)).all()
    assert (counts <= stats.binom.ppf(0.999, 200, 0.8 + 1 / 40)).all()


@given(st.integers(0, 120), st.integers(2, 4), st.integers(0, 300), st.floats(0.05, 0.95))
def test_sets__are_the_classes_no_stranger_than_calibration(n: int, k: int, seed: int, level: float) -> None:
    """Against the p-value of each class, by definition; so they nest in the level, too."""
    rng = np.random.default_rng(seed)
    label, table = rng.integers(0, k, n), rng.dirichlet(np.ones(k), n)
    new = rng.dirichlet(np.ones(k), 5)
    held = ConformalSets.fit(label, table).sets(new, level)
    for row, column in np.ndindex(5, k):
        strange = np.sum(table[label == column, column] <= new[row, column])
        p_value = (1 + strange) / (np.sum(label == column) + 1)
        if abs(p_value - (1 - level)) > 1e-6:
            assert held[row, column] == (p_value > 1 - level)


def test_sets__too_few_pairs_exclude_nothing() -> None:
    few = ConformalSets.fit([0] * 50 + [1] * 5, np.linspace(0, 1, 55))
    assert few.sets([0.0, 1.0, np.nan], 0.9).tolist() == [[True, True], [False, True], [True, True]]
    again = ConformalSets.from_dict(json.loads(json.dumps(few.to_dict(), allow_nan=False)))
    np.testing.assert_array_equal(again.sets([0.0, 1.0]), few.sets([0.0, 1.0]))


@pytest.mark.parametrize(
    ("label", "score", "said"),
    [
        ([1, 1], [0.2, 0.3], "the class 1 alone"),
        ([], [], "no pair"),
        ([0, 2], [0.2, 0.3], "record 2, field label"),
        ([0, 1], [0.2, 1.3], "record 2, field score"),
        ([0, 1], [0.2], "label 2, score 1"),
        ([0, np.nan], [0.2, 0.3], "record 2, field label: nan"),
    ],
)
def test_fit__refuses_what_it_cannot_use(label: Any, score: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        ProbabilityCalibration.fit(label, score)


def test_sets__refuse_what_they_cannot_use() -> None:
    unknown: Any = "sigmoid"
    with pytest.raises(InputError, match="no calibration is called 'sigmoid'"):
        ProbabilityCalibration.fit([0, 1], [0.2, 0.3], method=unknown)
    with pytest.raises(InputError, match="field label: 2"):
        ConformalSets.fit([0, 2], [0.1, 0.2])
    with pytest.raises(InputError, match="record 1, field probability"):
        ConformalSets.fit([0, 1], [np.nan, 0.2])
    with pytest.raises(InputError, match="probabilities of 3 classes"):
        ConformalSets.fit([0, 1], [0.1, 0.2]).sets(np.full((1, 3), 1 / 3))
    with pytest.raises(InputError, match="no coverage"):
        ConformalSets.fit([0, 1], [0.1, 0.2]).sets([0.1], 1.0)
