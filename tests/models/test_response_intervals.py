"""Conformal intervals of responses: by hand, by simulation, and beside the plain conformal of the house."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chem.errors import InputError
from models.conformal import Conformal
from models.response_intervals import CompoundErrors, GroupErrors, ResponseIntervals


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.floats(0.05, 0.95), st.integers(0, 10_000))
def test_compound_errors__bound_is_the_conformal_rank(n: int, level: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    label, prediction = rng.normal(size=(n, 2)), rng.normal(size=(n, 2))
    bound = CompoundErrors.fit(label, prediction).bound(level)
    for column in range(2):
        fitted = Conformal.fit(label[:, column], prediction[:, column], n_bins=1)
        lower, upper = fitted.interval([0.0], level)
        assert bound[column] == pytest.approx(upper[0], rel=1e-5)
        assert -bound[column] == pytest.approx(lower[0], rel=1e-5)


def test_compound_errors__what_is_missing_does_not_count() -> None:
    label = np.array([[1.0, np.nan], [2.0, np.nan], [4.0, np.nan]])
    errors = CompoundErrors.fit(label, np.zeros((3, 2)))
    assert errors.counts.tolist() == [3, 0]
    assert errors.bound(0.5)[0] == 2.0
    assert np.isinf(errors.bound(0.5)[1])
    assert errors.sd[0] == pytest.approx(np.sqrt(7))
    assert np.isnan(errors.sd[1])


def test_group_errors__of_single_pairs_are_plain_conformal() -> None:
    rng = np.random.default_rng(0)
    label = rng.normal(size=99)
    errors = GroupErrors.fit(label, np.zeros(99), np.arange(99))
    for level in (0.5, 0.8, 0.9, 0.99):
        assert errors.bound(level) == pytest.approx(
            np.sort(np.abs(label))[int(np.ceil(100 * level - 1e-9)) - 1]
        )
    assert np.isinf(errors.bound(0.995))


def test_group_errors__hold_new_scaffolds_where_pairs_alone_would_not() -> None:
    """Scaffolds of very different size and error: each counts the same, so the next one is covered."""
    rng = np.random.default_rng(1)
    held, held_by_pairs = [], []
    for _ in range(300):
        size = rng.integers(1, 40, 31)
        spread = np.where(size > 20, 0.3, 2.0)  # large scaffolds are easy
        group = np.repeat(np.arange(31), size)
        error = rng.normal(size=len(group)) * spread[group]
        known = group < 30
        by_group = GroupErrors.fit(error[known], np.zeros(known.sum()), group[known])
        by_pair = GroupErrors.fit(error[known], np.zeros(known.sum()), np.arange(known.sum()))
        new = np.abs(error[~known])
        held.append((new <= by_group.bound(0.8)).mean())
        held_by_pairs.append((new <= by_pair.bound(0.8)).mean())
    assert np.mean(held) > 0.78
    assert np.mean(held_by_pairs) < np.mean(held) - 0.05


def test_group_errors__few_are_kept_of_many() -> None:
    rng = np.random.default_rng(2)
    error, group = rng.normal(size=50_000), rng.integers(0, 60, 50_000)
    kept = GroupErrors.fit(error, np.zeros(50_000), group)
    assert len(kept.errors) <= 2000
    exact = np.quantile(np.abs(error), 0.9 * 61 / 60)
    assert kept.bound(0.9) == pytest.approx(exact, abs=0.03)


def test_response_intervals__are_read_back() -> None:
    rng = np.random.default_rng(3)
    label, prediction = rng.normal(size=(20, 4)), rng.normal(size=(20, 4))
    made = ResponseIntervals(
        CompoundErrors.fit(label, prediction),
        CompoundErrors.fit(label[:10], prediction[:10]),
        GroupErrors.fit(label.ravel(), prediction.ravel(), np.repeat(np.arange(4), 20)),
    )
    read = ResponseIntervals.from_arrays(made.to_arrays())
    assert read.tissue is not None
    assert read.compound is not None
    assert made.compound is not None
    assert (read.line.bound(0.8) == made.line.bound(0.8)).all()
    assert read.compound.bound(0.7) == made.compound.bound(0.7)
    assert ResponseIntervals.from_arrays(ResponseIntervals(made.line).to_arrays()).compound is None


def test_bound__refuses_what_is_no_level() -> None:
    with pytest.raises(InputError, match="is no coverage"):
        CompoundErrors.fit(np.ones((3, 1)), np.ones((3, 1))).bound(1.0)
