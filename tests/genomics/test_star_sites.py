from __future__ import annotations

import numpy as np

from genomics.star_match import FILL
from genomics.star_sites import phased_samples


def test_phased_samples__two_phase_sets_are_not_one_phase() -> None:
    codes = np.array([[[0, 1], [0, 1], [0, 1]], [[1, 0], [0, 1], [1, FILL]]], dtype=np.int8)
    sets = np.array([[5, 5, 0], [5, 9, 0]], dtype=np.int32)
    assert phased_samples(codes, sets).tolist() == [True, False, False]
    assert phased_samples(codes, np.ones_like(sets)).tolist() == [True, True, True]
