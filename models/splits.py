"""Folds that keep duplicates, and what a question asks to be new, on one side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from chem.scaffold import scaffold_groups
from models.pairs import PairData


def group_folds(groups: NDArray[np.int64], n_folds: int, seed: int) -> NDArray[np.int64]:
    """Assign whole groups to folds of nearly equal size: the largest first, each to the smallest fold.

    Parameters
    ----------
    groups
        (n,) group of each row, numbered from 0.
    n_folds
        Folds, numbered from 1.
    seed
        Order of groups of equal size.

    Returns
    -------
    NDArray[np.int64]
        (n,) fold of each row.

    Examples
    --------
    >>> group_folds(np.array([0, 0, 1, 2]), 2, seed=0)[0] == group_folds(np.array([0, 0, 1, 2]), 2, seed=0)[1]
    np.True_
    """
    sizes = np.bincount(groups)
    shuffled = np.random.default_rng(seed).permutation(len(sizes))
    order = shuffled[np.argsort(-sizes[shuffled], kind="stable")]
    fold_of_group = np.zeros(len(sizes), np.int64)
    load = np.zeros(n_folds, np.int64)
    for group in order:
        fold = int(np.argmin(load))
        fold_of_group[group] = fold + 1
        load[fold] += sizes[group]
    return fold_of_group[groups]


def random_folds(pairs: PairData, n_folds: int = 5, seed: int = 0) -> NDArray[np.int64]:
    """Folds of pairs, the same molecule with the same sequence always in one fold."""
    molecule = np.unique(np.array(pairs.smiles), return_inverse=True)[1][pairs.drug]
    sequence = np.unique(np.array([t.sequence for t in pairs.targets]), return_inverse=True)[1][pairs.target]
    pair = np.unique(np.stack([molecule, sequence]), axis=1, return_inverse=True)[1]
    return group_folds(pair.reshape(-1), n_folds, seed)


def scaffold_folds(endpoints: Sequence[PairData], n_folds: int = 5, seed: int = 0) -> list[NDArray[np.int64]]:
    """Folds of pairs by the molecule's scaffold, the same over all endpoints: every drug is new when held out.

    Parameters
    ----------
    endpoints
        Pair tables that are trained together.
    n_folds, seed
        As in `group_folds`.

    Returns
    -------
    list[NDArray[np.int64]]
        One array of folds per endpoint.
    """
    smiles = [text for pairs in endpoints for text in pairs.smiles]
    folds = group_folds(scaffold_groups(smiles), n_folds, seed)
    ends = np.cumsum([len(pairs.smiles) for pairs in endpoints])[:-1]
    return [part[pairs.drug] for part, pairs in zip(np.split(folds, ends), endpoints, strict=True)]
