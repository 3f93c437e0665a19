"""Figures against brute force and scipy."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sklearn_metrics
from sklearn.calibration import calibration_curve

from chem.errors import InputError
from models.metrics import (
    CLASSIFICATION_METRICS,
    aupr,
    auroc,
    brier_score,
    concordance_index,
    expected_calibration_error,
    log_loss,
    mean_interval,
    mean_squared_error,
    pearson_r,
    rm2,
    rm2_deepdta,
)

SMALL = st.integers(0, 6).map(float)
CLASSES = st.lists(st.tuples(st.booleans(), st.integers(0, 8).map(lambda k: k / 8)), min_size=2, max_size=40)
PAIRED = st.lists(st.tuples(SMALL, SMALL), min_size=2, max_size=25)


def brute_force(label: list[float], prediction: list[float]) -> float:
    """Gonen and Heller's definition, pair by pair."""
    score, total = 0.0, 0
    for i, j in combinations(range(len(label)), 2):
        if label[i] == label[j]:
            continue
        total += 1
        same = (label[i] - label[j]) * (prediction[i] - prediction[j])
        score += 1.0 if same > 0 else 0.5 if same == 0 else 0.0
    return score / total


@given(PAIRED)
def test_concordance_index__equals_brute_force(rows: list[tuple[float, float]]) -> None:
    label, prediction = map(list, zip(*rows, strict=True))
    assume(len(set(label)) > 1)
    assert concordance_index(label, prediction) == pytest.approx(brute_force(label, prediction))


@given(PAIRED)
def test_concordance_index__of_the_opposite(rows: list[tuple[float, float]]) -> None:
    label, prediction = (np.array(x) for x in zip(*rows, strict=True))
    assume(len(set(label)) > 1)
    assert concordance_index(label, -prediction) == pytest.approx(1 - concordance_index(label, prediction))


def test_concordance_index__without_a_pair_to_order() -> None:
    assert np.isnan(concordance_index([1, 1, 1], [1, 2, 3]))
    assert np.isnan(concordance_index([1], [1]))


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=3, max_size=40))
def test_pearson_r__equals_scipy(rows: list[tuple[float, float]]) -> None:
    x, y = (np.array(values) for values in zip(*rows, strict=True))
    assume(np.ptp(x) > 1e-3 and np.ptp(y) > 1e-3)
    assert pearson_r(x, y) == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-9)


def test_pearson_r__of_a_constant_is_undefined() -> None:
    assert np.isnan(pearson_r([1, 2, 3], [4, 4, 4]))
    assert np.isnan(pearson_r([1], [2]))


def test_mean_squared_error__equals_sklearn() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 50))
    assert mean_squared_error(x, y) == pytest.approx(sklearn_metrics.mean_squared_error(x, y))


def test_mean_interval__equals_scipy() -> None:
    values = [0.4, 0.55, 0.47, 0.61, 0.5]
    expected = stats.t.interval(0.95, 4, np.mean(values), stats.sem(values))
    assert mean_interval(values) == pytest.approx((np.mean(values), *expected))
    mean, lower, upper = mean_interval([2.0])
    assert mean == 2.0 and np.isnan(lower) and np.isnan(upper)


def test_concordance_index__ties_count_as_the_definition_says() -> None:
    """Pairs (1,2), (1,3), (1,3'), (2,3), (2,3') have an order; two of them are tied in the prediction."""
    label, prediction = [1, 2, 3, 3], [5, 5, 6, 5]
    assert concordance_index(label, prediction) == (0.5 + 1 + 0.5 + 1 + 0.5) / 5


def test_rm2__by_hand() -> None:
    """Labels 1, 2, 4 and predictions 1, 3, 4.

    Deviations (-4, -1, 5)/3 and (-5, 1, 4)/3: r^2 = 39^2/(42*42); through the origin k = 23/26.
    """
    label, prediction = [1.0, 2.0, 4.0], [1.0, 3.0, 4.0]
    r2 = 39**2 / 42**2
    residual = (1 - 23 / 26) ** 2 + (2 - 69 / 26) ** 2 + (4 - 92 / 26) ** 2
    r02 = 1 - residual / (42 / 9)
    assert rm2(label, prediction) == pytest.approx(r2 * (1 - abs(r2 - r02) ** 0.5))
    assert rm2_deepdta(label, prediction) == pytest.approx(r2 * (1 - abs(r2**2 - r02**2) ** 0.5))


def test_rm2__is_scipy_and_lstsq_put_together() -> None:
    label, prediction = np.random.default_rng(1).normal(6, 1, (2, 30))
    r2 = stats.pearsonr(label, prediction).statistic ** 2
    slope = np.linalg.lstsq(prediction[:, None], label)[0][0]
    r02 = sklearn_metrics.r2_score(label, slope * prediction)
    assert rm2(label, prediction) == pytest.approx(r2 * (1 - abs(r2 - r02) ** 0.5))


def test_rm2__of_a_constant_is_undefined() -> None:
    assert np.isnan(rm2([1, 2, 3], [4, 4, 4]))
    assert np.isnan(rm2_deepdta([2, 2, 2], [1, 2, 3]))


@given(CLASSES)
def test_classification__equals_sklearn(rows: list[tuple[bool, float]]) -> None:
    positive, probability = (np.array(values) for values in zip(*rows, strict=True))
    assume(len(set(positive)) == 2)
    for ours, theirs in (
        (auroc, sklearn_metrics.roc_auc_score),
        (aupr, sklearn_metrics.average_precision_score),
        (log_loss, lambda y, p: sklearn_metrics.log_loss(y, np.clip(p, 1e-15, 1 - 1e-15))),
        (brier_score, sklearn_metrics.brier_score_loss),
    ):
        assert ours(positive, probability) == pytest.approx(theirs(positive, probability), rel=1e-6)


def test_expected_calibration_error__equals_sklearn_curve() -> None:
    rng = np.random.default_rng(0)
    probability = rng.random(500)
    positive = rng.random(500) < probability**2
    share, mean = calibration_curve(positive, probability, n_bins=10)
    rows = np.bincount((probability * 10).astype(int), minlength=10)
    expected = np.sum(rows * np.abs(share - mean)) / 500
    assert expected_calibration_error(positive, probability) == pytest.approx(expected)
    assert expected > 0.1


@given(CLASSES)
def test_auroc__of_the_opposite(rows: list[tuple[bool, float]]) -> None:
    positive, score = (np.array(values) for values in zip(*rows, strict=True))
    assume(len(set(positive)) == 2)
    assert auroc(positive, -score) == pytest.approx(1 - auroc(positive, score))


def test_classification__one_class_alone_has_no_area() -> None:
    assert np.isnan(auroc([1, 1], [0.2, 0.3])) and np.isnan(auroc([0, 0], [0.2, 0.3]))
    assert np.isnan(aupr([0, 0], [0.2, 0.3]))


@pytest.mark.parametrize("name", CLASSIFICATION_METRICS)
def test_classification__refuses_what_is_no_class(name: str) -> None:
    with pytest.raises(InputError, match="neither 0 nor 1"):
        CLASSIFICATION_METRICS[name]([0, 1, 7.2], [0.1, 0.2, 0.3])
