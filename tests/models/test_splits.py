"""Folds that keep together what belongs together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from chem.scaffold import murcko_scaffold
from models.pairs import PairData
from models.protein import Target
from models.splits import group_folds, random_folds, scaffold_folds

MakePairs = Callable[..., PairData]


@given(st.lists(st.integers(0, 12), min_size=1, max_size=80), st.integers(2, 6), st.integers(0, 5))
def test_group_folds__no_group_on_both_sides(raw: list[int], n_folds: int, seed: int) -> None:
    groups = np.unique(raw, return_inverse=True)[1]
    folds = group_folds(groups, n_folds, seed)
    assert set(folds) <= set(range(1, n_folds + 1))
    for group in np.unique(groups):
        assert len(set(folds[groups == group])) == 1
    # The largest first to the smallest fold: no two folds differ by more than the largest group.
    sizes = np.bincount(folds, minlength=n_folds + 1)[1:]
    assert np.ptp(sizes) <= np.bincount(groups).max()
    np.testing.assert_array_equal(folds, group_folds(groups, n_folds, seed))


def test_group_folds__seed_moves_groups_of_equal_size() -> None:
    groups = np.arange(50)
    assert not np.array_equal(group_folds(groups, 5, 0), group_folds(groups, 5, 1))
    assert np.bincount(group_folds(groups, 5, 0))[1:].tolist() == [10] * 5


def test_random_folds__duplicates_share_a_fold(make_pairs: MakePairs) -> None:
    """The same molecule under two names with the same sequence under two names is one pair."""
    pairs = make_pairs(10, 6)
    smiles = (pairs.smiles[0], pairs.smiles[0], *pairs.smiles[2:])
    targets = (pairs.targets[0], Target("copy", pairs.targets[0].sequence), *pairs.targets[2:])
    doubled = replace(pairs, smiles=smiles, targets=targets)
    folds = random_folds(doubled, 4, seed=3)
    twin_drugs, twin_targets = doubled.drug <= 1, doubled.target <= 1
    assert len(set(folds[twin_drugs & twin_targets])) == 1
    for target in range(2, len(targets)):
        assert len(set(folds[twin_drugs & (doubled.target == target)])) == 1
    sizes = np.bincount(folds)[1:]
    assert len(sizes) == 4 and sizes.min() >= len(pairs) / 4 - 4


def test_scaffold_folds__hold_out_whole_scaffolds_of_all_endpoints(make_pairs: MakePairs) -> None:
    first, second = make_pairs(20, 4), make_pairs(9, 6, name="kiba")
    folds = scaffold_folds([first, second], 3, seed=0)
    fold_of: dict[str, set[int]] = {}
    for pairs, part in zip((first, second), folds, strict=True):
        assert part.shape == (len(pairs),)
        for drug, fold in zip(pairs.drug, part, strict=True):
            scaffold = murcko_scaffold(pairs.smiles[drug]) or pairs.smiles[drug]
            fold_of.setdefault(scaffold, set()).add(int(fold))
    assert all(len(found) == 1 for found in fold_of.values())
    assert set(folds[0]) == {1, 2, 3}
