from __future__ import annotations

import numpy as np

from genomics.star_join import join_calls
from genomics.star_match import UNKNOWN


def test_join_calls__two_alternates_on_two_lines_make_one_call() -> None:
    first = np.array([[0, 1], [0, 0], [UNKNOWN, UNKNOWN]], dtype=np.int8)
    second = np.array([[0, 2], [2, 2], [0, 2]], dtype=np.int8)
    codes, sets = join_calls([first, second], [np.zeros(3, dtype=np.int32)] * 2)
    assert codes.tolist() == [[2, 1], [2, 2], [0, 2]] and sets.tolist() == [0, 0, 0]
