from __future__ import annotations

import numpy as np

from genomics.star_match import UNKNOWN
from genomics.star_sites import _Calls, join_records, phased_samples


def test_join_records__two_alternates_on_two_lines_make_one_call() -> None:
    first = np.array([[0, 1], [0, 0], [UNKNOWN, UNKNOWN]], dtype=np.int8)
    second = np.array([[0, 2], [2, 2], [0, 2]], dtype=np.int8)
    assert join_records([first, second]).tolist() == [[2, 1], [2, 2], [0, 2]]


def test_phased_samples__two_phase_sets_are_not_one_phase() -> None:
    genotypes = np.array([[[0, 1], [0, 1]], [[1, 0], [0, 1]]], dtype=np.int8)
    states = np.zeros((2, 2), dtype=np.int8)
    phased = np.ones((2, 2), dtype=bool)
    sets = np.array([[5, 5], [5, 9]])
    assert phased_samples(_Calls(genotypes, states, phased, sets)).tolist() == [True, False]
    assert phased_samples(_Calls(genotypes, states, phased, None)).tolist() == [True, True]
