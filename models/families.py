"""Families of proteins, so that a split can hold out all that are alike.

`models.splits` holds out families where it holds out proteins, `family_folds` over several tables at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from chem.count_similarity import min_max_similarity
from models.kinase import build_profile
from models.landmarks import protein_tables
from models.pairs import PairData
from models.protein import Target, encode_proteins
from models.split_groups import group_folds

SAME_RESIDUES = 0.43
"""Shared residues on the kinase profile over all residues of both, about 60% identity."""
SAME_WORDS = 0.3
"""The same of three-residue words, for proteins without that domain."""


def protein_families(targets: Sequence[Target]) -> NDArray[np.int64]:
    """Family of each protein: chains of proteins that are alike (single linkage).

    Two proteins are alike where they share residues on the kinase profile from `SAME_RESIDUES`, or three-residue
    words from `SAME_WORDS`. Single linkage leaves no pair that is alike in two families.

    Parameters
    ----------
    targets
        n targets; variants of a protein, alike as they are, fall into its family.

    Returns
    -------
    np.ndarray
        int64 (n,) numbers from 0.

    Examples
    --------
    >>> protein_families([Target("A", "MKVLAAGG" * 9), Target("B", "MKVLAAGG" * 8), Target("C", "WYWYWYHH" * 9)])
    array([0, 0, 1])
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    profile = build_profile([target.sequence for target in targets])
    tables = protein_tables(targets, encode_proteins(targets, profile))
    residues, words = (min_max_similarity(table, table) for table in tables[2:])
    alike = (residues >= SAME_RESIDUES) | (words >= SAME_WORDS)
    return np.asarray(connected_components(csr_matrix(alike), directed=False)[1], np.int64)


def family_folds(endpoints: Sequence[PairData], n_folds: int = 5, seed: int = 0) -> list[NDArray[np.int64]]:
    """Folds of pairs by the protein's family, the same over all endpoints: every protein is new when held out.

    Parameters
    ----------
    endpoints
        Pair tables that are judged together.
    n_folds, seed
        As in `models.split_groups.group_folds`.

    Returns
    -------
    list[NDArray[np.int64]]
        One array of folds per endpoint, from 1.
    """
    families = protein_families([target for pairs in endpoints for target in pairs.targets])
    folds = group_folds(families, n_folds, seed)
    ends = np.cumsum([len(pairs.targets) for pairs in endpoints])[:-1]
    return [part[pairs.target] for part, pairs in zip(np.split(folds, ends), endpoints, strict=True)]
