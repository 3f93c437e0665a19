"""Groups of rows that have to stay together, and how they are dealt out: keys joined, molecules clustered, dates cut."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from chem.errors import InputError
from models.split_records import RecordKeys


def join_groups(*numberings: NDArray[np.int64]) -> NDArray[np.int64]:
    """Put rows in one group when they share a number in any of the numberings, directly or over others.

    Parameters
    ----------
    numberings
        One or more (n,) arrays; -1 shares nothing.

    Returns
    -------
    NDArray[np.int64]
        (n,) groups numbered from 0 by the smallest number in the first numbering, so that the groups do not
        depend on the rows' order; rows with -1 there follow in their own order.

    Examples
    --------
    >>> join_groups(np.array([0, 0, 1, 2]), np.array([5, 7, 7, 8])).tolist()
    [0, 0, 0, 1]
    """
    n = len(numberings[0])
    rows, columns, offset = [], [], n
    for numbering in numberings:
        shared = np.flatnonzero(numbering >= 0)
        rows.append(shared)
        columns.append(numbering[shared] + offset)
        offset += int(numbering.max(initial=-1)) + 1
    row, column = np.concatenate(rows), np.concatenate(columns)
    graph = coo_array((np.ones(len(row), np.int8), (row, column)), shape=(offset, offset))
    component = connected_components(graph, directed=False)[1][:n]
    first = np.where(numberings[0] >= 0, numberings[0], offset + np.arange(n))
    smallest = np.full(component.max(initial=-1) + 1, np.iinfo(np.int64).max)
    np.minimum.at(smallest, component, first)
    return np.unique(smallest[component], return_inverse=True)[1].reshape(-1).astype(np.int64)


def combine(*numberings: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the distinct combinations, such as (molecule, sequence) pairs, in sorted order.

    Parameters
    ----------
    numberings
        One or more (n,) arrays.

    Returns
    -------
    NDArray[np.int64]
        (n,) numbers from 0.

    Examples
    --------
    >>> combine(np.array([0, 1, 0]), np.array([3, 3, 3])).tolist()
    [0, 1, 0]
    """
    together = np.unique(np.stack(numberings), axis=1, return_inverse=True)[1]
    return together.reshape(-1).astype(np.int64)


def molecule_clusters(keys: RecordKeys, threshold: float) -> NDArray[np.int64]:
    """Cluster number of each row's molecule; -1 where it has none.

    Parameters
    ----------
    keys
        Of the rows.
    threshold
        Tanimoto similarity of Morgan fingerprints from which two molecules are neighbours.

    Returns
    -------
    NDArray[np.int64]
        (n,) Butina clusters of the distinct molecules.

    References
    ----------
    Butina, J. Chem. Inf. Comput. Sci. 1999, 39, 747-750, doi:10.1021/ci9803381.
    """
    from chem.cluster import butina_clusters
    from models.split_similarity import packed_fingerprints

    packed = packed_fingerprints(keys.structures).view(np.uint8)
    labels = butina_clusters(packed, threshold).label if len(packed) else np.zeros(0, np.int64)
    return np.append(labels, -1)[keys.structure]


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


def time_blocks(day: NDArray[np.int64], n_folds: int) -> NDArray[np.int64]:
    """Cut rows into folds of nearly equal size in order of their dates; one date is never cut.

    Parameters
    ----------
    day
        (n,) days.
    n_folds
        Folds, numbered from 1 (the earliest).

    Returns
    -------
    NDArray[np.int64]
        (n,) folds.

    Raises
    ------
    InputError
        There are fewer distinct dates than folds.

    Examples
    --------
    >>> time_blocks(np.array([9, 2, 2, 5]), 2).tolist()
    [2, 1, 1, 2]
    """
    dates, number, counts = np.unique(day, return_inverse=True, return_counts=True)
    if len(dates) < n_folds:
        raise InputError(
            f"{len(dates)} distinct dates cannot make {n_folds} folds", field="date",
            expected="at least as many dates as folds", hint="ask for fewer folds",
        )  # fmt: skip
    so_far = np.cumsum(counts)
    ends: list[int] = []
    for fold in range(1, n_folds):
        at = int(np.argmin(np.abs(so_far - len(day) * fold / n_folds)))
        earliest = ends[-1] + 1 if ends else 0
        ends.append(min(max(at, earliest), len(dates) - 1 - (n_folds - fold)))
    return (np.searchsorted(np.array(ends), number.reshape(-1), side="left") + 1).astype(np.int64)
