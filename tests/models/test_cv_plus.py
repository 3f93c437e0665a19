"""CV+ against its definition, written out, and its coverage with real cross-validated regressions."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chem.errors import InputError
from models.cv_plus import CVPlus


@given(st.integers(4, 120), st.integers(2, 5), st.integers(0, 500), st.sampled_from([0.5, 0.8, 0.9]))
def test_interval__is_barbers_formula(n: int, n_folds: int, seed: int, level: float) -> None:
    """Equation 11 of Barber et al.: order statistics of mu_-k(i)(x) -+ R_i, pair by pair."""
    rng = np.random.default_rng(seed)
    n = max(n, n_folds)
    label, prediction, fold = rng.normal(size=n), rng.normal(size=n), np.arange(n) % n_folds
    members = rng.normal(size=(3, n_folds))
    lower, upper = CVPlus.fit(label, prediction, fold).interval(members, level)
    for row in range(3):
        below = sorted(members[row, fold[i]] - abs(label[i] - prediction[i]) for i in range(n))
        above = sorted(members[row, fold[i]] + abs(label[i] - prediction[i]) for i in range(n))
        rank = int(np.ceil((n + 1) * level - 1e-9))
        from_below = int(np.floor((n + 1) * (1 - level) + 1e-9))
        assert upper[row] == (above[rank - 1] if rank <= n else np.inf)
        assert lower[row] == (below[from_below - 1] if from_below >= 1 else -np.inf)


def test_interval__covers_new_pairs_of_cross_validated_regressions() -> None:
    rng, hits = np.random.default_rng(0), []
    for _ in range(200):
        x = rng.normal(size=(60, 8))
        y = x @ np.ones(8) + rng.normal(size=60)
        fold = np.arange(40) % 5
        weights = [np.linalg.lstsq(x[:40][fold != k], y[:40][fold != k], rcond=None)[0] for k in range(5)]
        prediction = np.array([x[i] @ weights[fold[i]] for i in range(40)])
        members = np.column_stack([x[40:] @ w for w in weights])
        lower, upper = CVPlus.fit(y[:40], prediction, fold).interval(members)
        hits.append(((lower <= y[40:]) & (y[40:] <= upper)).mean())
    assert 0.88 < np.mean(hits) < 0.96


def test_cv_plus__keeps_a_random_part_of_many() -> None:
    rng = np.random.default_rng(1)
    label, fold = rng.normal(size=9000), np.arange(9000) % 3
    part = CVPlus.fit(label, np.zeros(9000), fold, most=2000)
    whole = CVPlus.fit(label, np.zeros(9000), fold, most=9000)
    assert sum(map(len, part.residuals)) == 2000
    assert part.interval(np.zeros((1, 3)))[1][0] == pytest.approx(
        whole.interval(np.zeros((1, 3)))[1][0], abs=0.15
    )
    again = CVPlus.from_dict(json.loads(json.dumps(part.to_dict(), allow_nan=False)))
    np.testing.assert_allclose(again.interval(np.ones((2, 3))), part.interval(np.ones((2, 3))), atol=2e-6)


def test_interval__too_few_residuals_are_infinite() -> None:
    few = CVPlus.fit(np.arange(8.0), np.zeros(8), np.arange(8) % 2)
    lower, upper = few.interval(np.zeros((2, 2)), 0.9)
    assert np.isneginf(lower).all() and np.isposinf(upper).all()


def test_cv_plus__refuses_what_it_cannot_use() -> None:
    with pytest.raises(InputError, match=r"folds are \[1, 2\]"):
        CVPlus.fit([1.0, 2.0], [1.0, 2.0], [1, 2])
    with pytest.raises(InputError, match="one fold alone"):
        CVPlus.fit([1.0, 2.0], [1.0, 2.0], [0, 0])
    with pytest.raises(InputError, match="record 2, field prediction"):
        CVPlus.fit([1.0, 2.0], [1.0, np.nan], [0, 1])
    with pytest.raises(InputError, match="a column for each of 2"):
        CVPlus.fit([1.0, 2.0], [1.0, 2.0], [0, 1]).interval([[1.0, 2.0, 3.0]])
    with pytest.raises(InputError, match="label 2, prediction 1"):
        CVPlus.fit([1.0, 2.0], [1.0], [0, 1])
