"""Ready-made intervals cover each fold when calibrated on the others, and follow the size of the errors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from chem.errors import InputError
from models.conformal import Conformal, censoring_limit
from models.intervals import MIN_PAIRS_FOR_SCALE, Intervals, cross_conformal, similarity_group


def test_cross_conformal__covers_its_level_over_repetitions() -> None:
    rng, covered = np.random.default_rng(0), []
    for _ in range(60):
        prediction, spread = rng.normal(size=900), rng.exponential(size=900)
        label = prediction + rng.standard_t(4, size=900) * (0.2 + spread)
        lower, upper = cross_conformal(label, prediction, np.arange(900) % 5, spread=spread)
        covered.append(((lower <= label) & (label <= upper)).mean())
    assert np.mean(covered) == pytest.approx(0.9, abs=0.01)


def test_cross_conformal__looks_at_the_other_folds_alone() -> None:
    """A fold whose labels are broken keeps the intervals that the others give it."""
    rng = np.random.default_rng(1)
    prediction, fold = rng.normal(size=2000), np.arange(2000) % 4
    label = prediction + rng.normal(size=2000)
    lower, upper = cross_conformal(label, prediction, fold)
    broken = np.where(fold == 2, label + 100, label)
    again = cross_conformal(broken, prediction, fold)
    np.testing.assert_array_equal(again[0][fold == 2], lower[fold == 2])
    rest = Intervals.fit(label[fold != 2], prediction[fold != 2]).interval(prediction[fold == 2])
    np.testing.assert_array_equal(upper[fold == 2], rest[1])
    assert (broken[fold == 2] > again[1][fold == 2]).all()


def test_intervals__a_telling_spread_narrows_them() -> None:
    rng = np.random.default_rng(2)
    prediction, spread = rng.normal(size=4000), rng.exponential(size=4000) ** 2
    label = prediction + spread * rng.normal(size=4000)
    with_spread = Intervals.fit(label, prediction, spread).interval(prediction, 0.9, spread)
    without = Intervals.fit(label, prediction).interval(prediction)
    assert np.mean(with_spread[1] - with_spread[0]) < 0.8 * np.mean(without[1] - without[0])


def test_intervals__few_pairs_have_no_scale() -> None:
    rng = np.random.default_rng(3)
    prediction, label = rng.normal(size=(2, MIN_PAIRS_FOR_SCALE - 1))
    few = Intervals.fit(label, prediction)
    assert few.scale is None
    np.testing.assert_array_equal(few.interval([0.5]), Conformal.fit(label, prediction).interval([0.5]))
    assert np.isinf(Intervals.fit(label[:8], prediction[:8]).interval([0.5])).all()


def test_intervals__round_trip_through_json() -> None:
    rng = np.random.default_rng(4)
    prediction, spread = rng.normal(size=1500), rng.exponential(size=1500)
    label = np.maximum(prediction + rng.normal(size=1500), -0.5)
    fit = Intervals.fit(label, prediction, spread, ["a"] * 1500)
    again = Intervals.from_dict(json.loads(json.dumps(fit.to_dict(), allow_nan=False)))
    arguments = (np.linspace(-2, 2, 9), 0.8, np.ones(9), ["a"] * 9)
    np.testing.assert_allclose(again.interval(*arguments), fit.interval(*arguments), atol=1e-5)
    assert fit.conformal.limit == -0.5


def test_cross_conformal__davis_means_cover_88_to_92(shared_data: Path) -> None:
    """Real labels, seven in ten at the limit, predicted by the means of their drug and target."""
    table = pd.read_csv(shared_data / "affinity" / "davis" / "train.tsv.gz", sep="\t")
    drug, target = (pd.factorize(table[c])[0] for c in ("drug_id", "target_id"))
    label, fold = table["pkd"].to_numpy(), table["fold"].to_numpy()
    prediction = np.empty(len(table))
    for number in np.unique(fold):
        rest, here = fold != number, fold == number
        means = [
            np.bincount(key[rest], label[rest], key.max() + 1)
            / np.maximum(np.bincount(key[rest], minlength=key.max() + 1), 1)
            for key in (drug, target)
        ]
        prediction[here] = means[0][drug[here]] + means[1][target[here]] - label[rest].mean()
    lower, upper = cross_conformal(label, prediction, fold)
    assert 0.88 < ((lower <= label) & (label <= upper)).mean() < 0.92
    assert lower.min() == censoring_limit(label) == 5.0


def test_similarity_group__names_every_bin_and_its_bounds() -> None:
    names = similarity_group([0.0, 0.3, 0.45, 0.99], [0.3, 0.45])
    assert names == ["below 0.3", "0.3 to 0.45", "from 0.45", "from 0.45"]


def test_cross_conformal__refuses_what_it_cannot_use() -> None:
    with pytest.raises(InputError, match="one fold alone"):
        cross_conformal([1.0, 2.0], [1.0, 2.0], [1, 1])
    with pytest.raises(InputError, match="fold 1"):
        cross_conformal([1.0, 2.0], [1.0, 2.0], [1])
    with pytest.raises(InputError, match="record 1, field label"):
        cross_conformal([np.nan, 2.0], [1.0, 2.0], [1, 2])
    with pytest.raises(InputError, match="spread 1"):
        Intervals.fit([1.0, 2.0], [1.0, 2.0], [0.1])
