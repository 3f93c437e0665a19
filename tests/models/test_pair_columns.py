"""Choice and scale of columns, against scikit-learn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.preprocessing import StandardScaler

from models.pair_columns import PairColumns, choose_columns
from models.pair_model import PairFeatures
from models.pairs import PairData


def test_columns__standardised_as_sklearn_does() -> None:
    rng = np.random.default_rng(0)
    block = rng.normal(3, 2, (40, 6))
    block[rng.random(block.shape) < 0.1] = np.nan
    new = rng.normal(3, 2, (5, 6))
    expected = StandardScaler().fit(block).transform(new)
    np.testing.assert_allclose(choose_columns(block).apply(new), np.clip(expected, -5, 5), rtol=1e-5)


def test_columns__nan_becomes_the_mean_and_far_values_are_cut() -> None:
    chosen = choose_columns(np.array([[1.0], [3.0]]))
    assert chosen.apply(np.array([[np.nan], [2.0], [1e30], [-np.inf]]))[:, 0].tolist() == [0, 0, 5, -5]


def test_columns__drops_constant_empty_and_repeated_ones() -> None:
    varied = np.array([0.0, 1, 2, 4])
    block = np.column_stack([np.full(4, 7), varied, np.full(4, np.nan), varied, varied[::-1]])
    assert choose_columns(block).index.tolist() == [1, 4]


def test_columns__keeps_those_of_greatest_variance() -> None:
    block = np.random.default_rng(0).normal(size=(50, 4)) * [1, 5, 2, 4]
    assert choose_columns(block, 2).index.tolist() == [1, 3]


@given(arrays(np.float64, (4, 3), elements=st.floats(allow_nan=True, allow_infinity=True)))
def test_columns__always_finite(block: np.ndarray) -> None:
    rows = choose_columns(block).apply(block)
    assert np.isfinite(rows).all() and np.abs(rows).max(initial=0) <= 5


def test_pair_columns__do_not_know_the_held_out(make_pairs: Callable[..., PairData]) -> None:
    """Another molecule and protein among the held-out rows changes nothing in training rows."""
    pairs = make_pairs()
    training = pairs.select((pairs.drug > 0) & (pairs.target > 0))
    other = PairFeatures(("CCCCCC(F)(F)Br", *pairs.smiles[1:]), (pairs.targets[1], *pairs.targets[1:]))
    first, second = (
        PairColumns(training, features).rows(training, features)
        for features in (PairFeatures(pairs.smiles, pairs.targets), other)
    )
    np.testing.assert_array_equal(first, second)
    assert first.shape[0] == len(training)
    np.testing.assert_allclose(np.unique(first, axis=0).std(), 1, atol=0.2)


@pytest.mark.parametrize("n_bits", [5, 50])
def test_pair_columns__keep_at_most_so_many(make_pairs: Callable[..., PairData], n_bits: int) -> None:
    pairs = make_pairs()
    features = PairFeatures(pairs.smiles, pairs.targets)
    few = PairColumns(pairs, features, n_bits=n_bits, n_composition=3)
    none = PairColumns(pairs, features, n_bits=0, n_composition=0)
    assert few.drugs(features).shape[1] - none.drugs(features).shape[1] == n_bits
    assert few.targets(features).shape[1] - none.targets(features).shape[1] == 3
