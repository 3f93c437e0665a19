from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import ndcg_score

from chem.errors import InputError
from models.response_metrics import bootstrap_difference, bootstrap_interval, ndcg_at, residual_r

Array = NDArray[np.float64]


def made(
    seed: int, n_lines: int = 30, n_compounds: int = 6, missing: float = 0.0
) -> tuple[Array, Array, Array]:
    """Return measured and predicted responses that share something, and compound means."""
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=(n_lines, n_compounds))
    means = rng.normal(0, 3, size=n_compounds)
    measured = means + rng.normal(size=(n_lines, 1)) + signal + rng.normal(size=(n_lines, n_compounds))
    measured[rng.random(measured.shape) < missing] = np.nan
    return measured, means + 0.5 * signal + rng.normal(size=(n_lines, 1)), means


def literal(measured: Array, predicted: Array, means: Array) -> list[float]:
    """Return the definition word for word, one number at a time."""
    n_lines, n_compounds = measured.shape
    result = []
    for compound in range(n_compounds):
        ys, ps = [], []
        for line in range(n_lines):
            if math.isnan(measured[line, compound]):
                continue
            own = [j for j in range(n_compounds) if not math.isnan(measured[line, j])]
            mean_y = sum(measured[line, j] - means[j] for j in own) / len(own)
            mean_p = sum(predicted[line, j] - means[j] for j in own) / len(own)
            ys.append(measured[line, compound] - means[compound] - mean_y)
            ps.append(predicted[line, compound] - means[compound] - mean_p)
        result.append(float(np.corrcoef(ys, ps)[0, 1]) if len(ys) >= 10 else math.nan)
    return result


@pytest.mark.parametrize("missing", [0.0, 0.3, 0.6])
def test_residual_r__is_the_definition_word_for_word(missing: float) -> None:
    measured, predicted, means = made(1, missing=missing)
    measured[9:, 2] = np.nan  # nine lines at most
    each, mean = residual_r(measured, predicted, means)
    expected = literal(measured, predicted, means)
    np.testing.assert_allclose(each, expected, rtol=0, atol=1e-12)
    assert math.isnan(each[2]) and mean == pytest.approx(np.nanmean(expected), abs=1e-12)


@given(st.integers(0, 50), st.floats(0, 0.6), st.floats(-100, 100))
def test_residual_r__does_not_see_what_is_added_to_a_line(seed: int, missing: float, scale: float) -> None:
    measured, predicted, means = made(seed, missing=missing)
    shift = scale * np.random.default_rng(seed + 1).normal(size=(len(measured), 1))
    before, after = (residual_r(measured, p, means).each for p in (predicted, predicted + shift))
    np.testing.assert_allclose(before, after, rtol=0, atol=1e-9)


@given(st.integers(0, 50), st.floats(-100, 100))
def test_residual_r__does_not_see_what_is_added_to_a_compound(seed: int, scale: float) -> None:
    measured, predicted, means = made(seed)
    shift = scale * np.random.default_rng(seed + 1).normal(size=measured.shape[1])
    before, after = (residual_r(measured, p, means).each for p in (predicted, predicted + shift))
    np.testing.assert_allclose(before, after, rtol=0, atol=1e-9)


@given(st.integers(0, 50), st.floats(0.01, 100))
def test_residual_r__does_not_see_the_scale_of_the_differences(seed: int, scale: float) -> None:
    measured, predicted, means = made(seed, missing=0.3)
    before = residual_r(measured, predicted, means).each
    after = residual_r(measured, means + scale * (predicted - means), means).each
    np.testing.assert_allclose(before, after, rtol=0, atol=1e-9)


def test_residual_r__of_other_lines_predictions_is_about_0() -> None:
    measured, predicted, means = made(3, n_lines=400, n_compounds=40, missing=0.2)
    assert residual_r(measured, predicted, means).mean > 0.5
    rng = np.random.default_rng(0)
    shuffled = [residual_r(measured, predicted[rng.permutation(400)], means).mean for _ in range(20)]
    assert abs(np.mean(shuffled)) < 0.01 and np.abs(shuffled).max() < 0.03


def test_residual_r__of_means_is_0_whatever_the_line() -> None:
    measured, _, means = made(4, missing=0.2)
    lines = np.random.default_rng(0).normal(0, 7, size=(len(measured), 1))
    each, mean = residual_r(measured, means + lines, means)
    assert mean == 0 and (each == 0).all()


def test_residual_r__takes_means_of_several_folds() -> None:
    measured, predicted, means = made(5, missing=0.2)
    tiled = np.tile(means, (len(measured), 1))
    assert residual_r(measured, predicted, tiled).mean == residual_r(measured, predicted, means).mean
    tiled[:10] += np.random.default_rng(0).normal(size=6)
    np.testing.assert_allclose(
        residual_r(measured, predicted, tiled).each, [literal_of_rows(measured, predicted, tiled, j) for j in range(6)],
        atol=1e-12,
    )  # fmt: skip


def literal_of_rows(measured: Array, predicted: Array, means: Array, compound: int) -> float:
    y, p = measured - means, np.where(np.isnan(measured), np.nan, predicted - means)
    y, p = (x - np.nanmean(x, axis=1, keepdims=True) for x in (y, p))
    known = ~np.isnan(y[:, compound])
    return float(np.corrcoef(y[known, compound], p[known, compound])[0, 1])


def test_residual_r__refuses_what_was_not_predicted() -> None:
    measured, predicted, means = made(0, missing=0.3)
    there = np.argwhere(~np.isnan(measured))[5]
    predicted[np.isnan(measured)] = np.nan  # not looked at
    residual_r(measured, predicted, means)
    predicted[tuple(there)] = np.nan
    with pytest.raises(InputError, match=f"1 measured pairs .* line {there[0]} and compound {there[1]}"):
        residual_r(measured, predicted, means)
    with pytest.raises(InputError, match="shape"):
        residual_r(measured, predicted.T, means)


@pytest.mark.parametrize("ties", [False, True])
def test_ndcg_at__is_that_of_scikit_learn(ties: bool) -> None:
    measured, predicted, means = made(2, n_compounds=40, missing=0.3)
    if ties:
        predicted = means + np.round(predicted - means)
    each = ndcg_at(measured, predicted, means).each
    for line, value in enumerate(each):
        known = ~np.isnan(measured[line])
        gain = (means - measured[line])[known]
        gain = (gain - gain.min()) / np.ptp(gain)
        score = np.round((means - predicted[line])[known], 6)
        assert value == pytest.approx(ndcg_score([gain], [score], k=10), abs=1e-12)


@given(st.integers(0, 30))
def test_ndcg_at__does_not_depend_on_the_order_of_compounds(seed: int) -> None:
    measured, predicted, means = made(seed, n_lines=5, n_compounds=15, missing=0.1)
    predicted = means + np.round(predicted - means)
    order = np.random.default_rng(seed).permutation(15)
    np.testing.assert_allclose(
        ndcg_at(measured, predicted, means).each,
        ndcg_at(measured[:, order], predicted[:, order], means[order]).each, atol=1e-12,
    )  # fmt: skip


def test_ndcg_at__has_none_of_a_line_with_few_compounds() -> None:
    measured, predicted, means = made(2, n_compounds=12)
    measured[3, :3] = np.nan
    each, mean = ndcg_at(measured, predicted, means)
    assert np.flatnonzero(np.isnan(each)).tolist() == [3] and mean == pytest.approx(np.nanmean(each))


@pytest.mark.parametrize("metric", ["residual_r", "ndcg"])
def test_bootstrap_interval__is_that_of_lines_drawn_one_by_one(metric: str) -> None:
    measured, predicted, means = made(6, n_lines=80, n_compounds=12, missing=0.1)
    figure = residual_r if metric == "residual_r" else ndcg_at
    interval = bootstrap_interval(measured, predicted, means, metric, n_draws=400, seed=1)  # type: ignore[arg-type]
    rng = np.random.default_rng(2)
    drawn = [
        figure(measured[rows], predicted[rows], means).mean
        for rows in (rng.integers(0, 80, 80) for _ in range(400))
    ]
    assert interval.value == figure(measured, predicted, means).mean
    np.testing.assert_allclose(interval[1:], np.quantile(drawn, [0.025, 0.975]), atol=0.02)


def test_bootstrap_difference__excludes_0_where_one_is_better_and_holds_it_where_none_is() -> None:
    measured, predicted, means = made(7, n_lines=200, n_compounds=20, missing=0.1)
    rng = np.random.default_rng(0)
    worse = predicted + rng.normal(size=predicted.shape)
    for metric in ("residual_r", "ndcg"):
        better = bootstrap_difference(measured, predicted, worse, means, metric)  # type: ignore[arg-type]
        assert 0 < better.lower < better.value < better.upper
    one, two = (predicted + rng.normal(size=predicted.shape) for _ in range(2))
    same = bootstrap_difference(measured, one, two, means)
    assert same.lower < 0 < same.upper
    assert bootstrap_difference(measured, one, one, means) == (0, 0, 0)
