"""Figures against brute force and scipy."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import mean_squared_error as sklearn_mse

from models.metrics import concordance_index, mean_interval, mean_squared_error, pearson_r

SMALL = st.integers(0, 6).map(float)
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
    assert mean_squared_error(x, y) == pytest.approx(sklearn_mse(x, y))


def test_mean_interval__equals_scipy() -> None:
    values = [0.4, 0.55, 0.47, 0.61, 0.5]
    expected = stats.t.interval(0.95, 4, np.mean(values), stats.sem(values))
    assert mean_interval(values) == pytest.approx((np.mean(values), *expected))
    mean, lower, upper = mean_interval([2.0])
    assert mean == 2.0 and np.isnan(lower) and np.isnan(upper)
