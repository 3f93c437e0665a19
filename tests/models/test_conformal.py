"""Intervals hold what they promise, on data that keep the promise's condition."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from chem.errors import InputError
from models.conformal import MAX_KEPT, MIN_POINTS, Conformal, OrderStatistics, censoring_limit

Floats = NDArray[np.float64]


def exchangeable(rng: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    """Labels and predictions whose error grows with the prediction and is skewed."""
    prediction = rng.normal(size=n)
    return prediction + (rng.exponential(size=n) - 0.7) * np.exp(0.5 * prediction), prediction


def brute_force(label: Floats, prediction: Floats, candidate: float, new: float, level: float) -> bool:
    """Whether a candidate label is in the interval, by the definition: few calibration pairs are as strange."""
    strange = np.sum(np.abs(label - prediction) >= abs(candidate - new))
    return bool((1 + strange) / (len(label) + 1) > 1 - level + 1e-12)


@pytest.mark.parametrize("level", [0.5, 0.9])
@pytest.mark.parametrize("n", [25, 60, 1200])
def test_interval__covers_its_level_in_200_repetitions(level: float, n: int) -> None:
    """One fresh pair per repetition, so coverage is binomial; the 99.9% binomial bounds are allowed."""
    rng = np.random.default_rng(n)
    n_new, hits = 50, []
    for _ in range(200):
        label, prediction = exchangeable(rng, n + n_new)
        lower, upper = Conformal.fit(label[:n], prediction[:n]).interval(prediction[n:], level)
        hits.append((lower <= label[n:]) & (label[n:] <= upper))
    first = int(np.sum([hit[0] for hit in hits]))
    assert first >= stats.binom.ppf(0.001, 200, level)
    # The closed form: a bin's coverage is Beta(k, m + 1 - k), k = ceil((m + 1) level); never below the level.
    assert np.mean(hits) >= level - 4 * np.std([hit.mean() for hit in hits]) / np.sqrt(200)
    assert np.mean(hits) <= level + 1 / min(n, MIN_POINTS) + 0.02


def test_interval__coverage_given_the_calibration_is_beta() -> None:
    """Vovk (2012): over calibrations of n pairs, coverage follows Beta(k, n + 1 - k)."""
    rng, n, level = np.random.default_rng(0), 99, 0.9
    coverage = []
    for _ in range(400):
        lower, upper = Conformal.fit(rng.normal(size=n), np.zeros(n)).interval([0.0], level)
        coverage.append(stats.norm.cdf(upper[0]) - stats.norm.cdf(lower[0]))
    rank = np.ceil((n + 1) * level)
    assert stats.kstest(coverage, stats.beta(rank, n + 1 - rank).cdf).pvalue > 0.001


@given(st.integers(1, 60), st.integers(0, 1000), st.sampled_from([0.3, 0.5, 0.8, 0.9, 0.95]))
def test_interval__is_the_set_of_labels_no_stranger_than_calibration(n: int, seed: int, level: float) -> None:
    """Against the p-value of every candidate label, the definition of a conformal set."""
    rng = np.random.default_rng(seed)
    label, prediction = np.round(rng.normal(size=n), 1), np.round(rng.normal(size=n), 1)
    lower, upper = Conformal.fit(label, prediction).interval([0.25], level)
    for candidate in np.linspace(-6, 6, 61) + 0.013:
        assert (lower[0] <= candidate <= upper[0]) == brute_force(label, prediction, candidate, 0.25, level)


def test_interval__too_few_points_are_infinite_not_clamped() -> None:
    """One in ten must fail, so 9 pairs are needed for a bound, with a limit as without one."""
    label = np.r_[5.0, 5.0, np.arange(7) + 5.5]
    for limit in (None, 5.0):
        lower, upper = Conformal.fit(label[:8], np.full(8, 5.2), limit=limit).interval([5.5], 0.9)
        assert np.isneginf(lower[0]) and np.isposinf(upper[0])
        lower, upper = Conformal.fit(label, np.full(9, 5.2), limit=limit).interval([5.5], 0.9)
        assert np.isfinite(lower[0]) and upper[0] == pytest.approx(5.5 + (11.5 - 5.2))
    empty = Conformal.fit([], [])
    assert np.isinf(empty.interval([0.0])[1][0])


def test_interval__unseen_group_is_infinite() -> None:
    group = np.repeat(["a", "b"], 50)
    fitted = Conformal.fit(np.arange(100.0), np.zeros(100), group=group)
    lower, upper = fitted.interval([0.0, 0.0, 0.0], 0.9, group=["a", "b", "c"])
    assert upper.tolist() == [45.0, 95.0, np.inf] and np.isneginf(lower[2])
    assert fitted.counts == {"a": 50, "b": 50}


def test_interval__each_group_and_bin_covers() -> None:
    rng = np.random.default_rng(3)
    label, prediction = exchangeable(rng, 40_000)
    group = np.where(rng.random(40_000) < 0.2, "far", "near")
    label = np.where(group == "far", prediction + 3 * (label - prediction), label)
    fit, new = slice(None, 20_000), slice(20_000, None)
    fitted = Conformal.fit(label[fit], prediction[fit], group=group[fit])
    lower, upper = fitted.interval(prediction[new], 0.9, group=group[new])
    inside = (lower <= label[new]) & (label[new] <= upper)
    for part in (group[new] == "far", group[new] == "near", prediction[new] < 0, prediction[new] > 1):
        assert 0.885 < inside[part].mean() < 0.915


@given(st.integers(0, 2000), st.integers(0, 100), st.floats(0.05, 0.98), st.floats(0.05, 0.98), st.booleans())
def test_interval__nests_in_the_level(n: int, seed: int, first: float, second: float, cut: bool) -> None:
    label, prediction = exchangeable(np.random.default_rng(seed), n)
    limit = 0.0 if cut else None
    fitted = Conformal.fit(np.maximum(label, 0) if cut else label, prediction, limit=limit)
    points = np.linspace(-3, 3, 13)
    narrow, wide = (fitted.interval(points, level) for level in sorted((first, second)))
    assert (wide[0] <= narrow[0]).all() and (narrow[1] <= wide[1]).all()
    assert (narrow[0] <= np.maximum(points, 0 if cut else points)).all()
    assert (narrow[1] >= np.maximum(points, 0 if cut else points)).all()


@given(
    st.integers(10, 800), st.integers(0, 100), st.integers(-64, 64), st.sampled_from([0.25, 0.5, 2.0, 8.0])
)
def test_interval__follows_shift_and_unit_of_the_label(n: int, seed: int, shift: int, unit: float) -> None:
    """Powers of two and multiples of 1/64 keep the arithmetic exact."""
    label, prediction = (np.round(v * 64) / 64 for v in exchangeable(np.random.default_rng(seed), n))
    new = np.linspace(-2, 2, 9)
    plain = Conformal.fit(label, prediction).interval(new)
    moved = Conformal.fit(label * unit + shift, prediction * unit + shift).interval(new * unit + shift)
    for before, after in zip(plain, moved, strict=True):
        np.testing.assert_allclose(after, before * unit + shift, rtol=1e-12, atol=1e-12)


@given(st.integers(10, 500), st.integers(0, 100), st.floats(1e-3, 1e3))
def test_interval__does_not_feel_the_unit_of_the_scale(n: int, seed: int, unit: float) -> None:
    rng = np.random.default_rng(seed)
    label, prediction = exchangeable(rng, n)
    scale, new = np.exp(rng.normal(size=n)), np.exp(rng.normal(size=5))
    plain = Conformal.fit(label, prediction, scale).interval(np.arange(5.0), 0.8, new)
    other = Conformal.fit(label, prediction, scale * unit).interval(np.arange(5.0), 0.8, new * unit)
    np.testing.assert_allclose(other, plain, rtol=1e-9)


def test_interval__widens_with_its_scale() -> None:
    rng = np.random.default_rng(0)
    scale = rng.uniform(0.5, 2, 3000)
    label = scale * rng.normal(size=3000)
    lower, upper = Conformal.fit(label, np.zeros(3000), scale).interval([0.0, 0.0], 0.9, [0.5, 2.0])
    assert (upper - lower)[1] == pytest.approx(4 * (upper - lower)[0])
    assert upper[0] == pytest.approx(0.5 * 1.645, rel=0.1)


def test_interval__censored_labels_are_covered_as_often_as_asked() -> None:
    """Seven in ten labels at the limit: neither below the limit, nor far more cover than asked."""
    rng = np.random.default_rng(1)
    truth = rng.normal(4.3, 1.2, 40_000)
    prediction = (
        5
        + np.logaddexp(0, 2.5 * (truth + rng.normal(0, 0.5, 40_000) - 5)) / 2.5
        - rng.exponential(0.02, 40_000)
    )
    label = np.maximum(truth, 5.0)
    assert censoring_limit(label) == 5.0
    fitted = Conformal.fit(label[:20_000], prediction[:20_000], limit=5.0)
    lower, upper = fitted.interval(prediction[20_000:])
    inside = (lower <= label[20_000:]) & (label[20_000:] <= upper)
    assert 0.89 < inside.mean() < 0.915
    assert lower.min() == 5.0 and (upper >= 5.0).all()
    free = Conformal.fit(label[:20_000], prediction[:20_000]).interval(prediction[20_000:])
    assert np.mean(upper - lower) < np.mean(free[1] - free[0])


@given(st.integers(1, 20_000), st.integers(0, 50), st.sampled_from([0.2, 0.5, 0.8, 0.9, 0.95, 0.99]))
def test_order_statistics__thinning_never_narrows(n: int, seed: int, level: float) -> None:
    """Against all the distances, which the kept ones stand for."""
    distance = np.random.default_rng(seed).exponential(size=n)
    kept = OrderStatistics.of(distance)
    rank = int(np.ceil((n + 1) * level - 1e-9))
    if rank > n:
        assert kept.bound(level) == np.inf
        return
    exact, slack = np.sort(distance), int(np.ceil(n / (MAX_KEPT / 2 - 1))) + 1
    assert exact[rank - 1] <= kept.bound(level) <= exact[min(n - 1, rank - 1 + slack)]
    assert len(kept.ranks) <= MAX_KEPT and kept.ranks[-1] == n


def test_conformal__keeps_bins_filled() -> None:
    label, prediction = exchangeable(np.random.default_rng(0), 1500)
    cells = Conformal.fit(label, np.round(prediction), n_bins=8).cells[""]
    assert all(cell.distances.n >= MIN_POINTS for cell in cells) and len(cells) > 1
    assert sum(cell.distances.n for cell in cells) == 1500


def test_conformal__round_trip_through_json() -> None:
    rng = np.random.default_rng(2)
    label, prediction = exchangeable(rng, 2500)
    label = np.maximum(label, -1)
    scale, group = rng.uniform(1, 2, 2500), rng.choice(["a", "b"], 2500)
    fitted = Conformal.fit(label, prediction, scale, group, limit=-1)
    again = Conformal.from_dict(json.loads(json.dumps(fitted.to_dict(), allow_nan=False)))
    points, new = np.linspace(-3, 3, 50), np.ones(50)
    for level in (0.5, 0.9, 0.999):
        before, after = (c.interval(points, level, new, ["a"] * 50) for c in (fitted, again))
        np.testing.assert_allclose(after, before, atol=2e-6)
        assert (after[0] <= before[0]).all() and (before[1] <= after[1]).all()
    assert again.counts == fitted.counts


def test_interval__no_prediction_has_no_bounds() -> None:
    lower, upper = Conformal.fit(np.arange(30.0), np.zeros(30)).interval([np.nan, 0.0])
    assert np.isnan([lower[0], upper[0]]).all() and upper[1] == 27.0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (([1.0, np.nan], [0.0, 0.0]), "record 2, field label: nan"),
        (([1.0, 2.0], [0.0, np.inf]), "record 2, field prediction: inf"),
        (([1.0, 2.0], [0.0]), "label 2, prediction 1"),
        (([1.0, 2.0], [0.0, 1.0], [1.0]), "scale 1"),
        (([1.0, 2.0], [0.0, 1.0], [1.0, 0.0]), "record 2, field scale"),
        (([1.0, 2.0], [0.0, 1.0], None, ["a"]), "group 1"),
        (([[1.0], [2.0]], [0.0, 1.0]), "2 axes"),
        ((["5,0", "6"], [0.0, 1.0]), "no number"),
    ],
)
def test_fit__refuses_what_it_cannot_use(arguments: tuple[Any, ...], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Conformal.fit(*arguments)


def test_fit__refuses_a_label_below_the_limit() -> None:
    with pytest.raises(InputError, match=r"record 2, field label: 4.9.*limit 5"):
        Conformal.fit([5.0, 4.9], [5.0, 5.0], limit=5.0)


def test_interval__refuses_what_it_cannot_use() -> None:
    fitted = Conformal.fit([1.0, 2.0], [0.0, 1.0])
    for level in (0.0, 1.0, 90.0, float("nan")):
        with pytest.raises(InputError, match="no coverage"):
            fitted.interval([0.0], level)
    with pytest.raises(InputError, match="a scale was given"):
        fitted.interval([0.0], scale=[1.0])
    scaled = Conformal.fit([1.0, 2.0], [0.0, 1.0], [1.0, 1.0])
    with pytest.raises(InputError, match="scale is missing"):
        scaled.interval([0.0])
    for scale in ([-1.0], [np.nan], [0.0]):
        with pytest.raises(InputError, match="field scale"):
            scaled.interval([0.0], scale=scale)


def test_censoring_limit__is_found_in_davis_and_not_in_kiba(shared_data: Path) -> None:
    import pandas as pd

    for table, label, limit in (("davis", "pkd", 5.0), ("kiba", "kiba_score", None)):
        values = pd.read_csv(shared_data / "affinity" / table / "train.tsv.gz", sep="\t")[label]
        assert censoring_limit(values) == limit
    assert censoring_limit([]) is None and censoring_limit([5.0, 5.0]) is None
