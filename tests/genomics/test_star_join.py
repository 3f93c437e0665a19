from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genomics.star_join import join_call, join_calls
from genomics.star_match import FILL, OTHER, UNKNOWN
from genomics.star_records import SILENT


def test_join_calls__two_alternates_on_two_lines_make_one_call() -> None:
    first = np.array([[0, 1], [0, 0], [UNKNOWN, UNKNOWN]], dtype=np.int8)
    second = np.array([[0, 2], [2, 2], [0, 2]], dtype=np.int8)
    codes, sets = join_calls([first, second], [np.zeros(3, dtype=np.int32)] * 2)
    assert codes.tolist() == [[2, 1], [2, 2], [0, 2]] and sets.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("calls", "labels", "expected"),
    [
        # The same haplotype cannot carry both; in unphased calls the two are on two haplotypes.
        ([(0, 1), (0, 2)], [0, 0], ((0, UNKNOWN), 0)),
        ([(0, 1), (0, 2)], [-1, -1], ((2, 1), -1)),
        ([(0, 1), (2, 0)], [0, 0], ((2, 1), 0)),
        ([(0, 1), (2, 0)], [0, 1], ((2, 1), -1)),
        # One variant written twice; and written twice in two numbers.
        ([(0, 1), (1, 0)], [-1, -1], ((0, 1), -1)),
        ([(0, 1), (1, 1)], [-1, -1], ((UNKNOWN, UNKNOWN), -1)),
        # Three variants on two haplotypes.
        ([(0, 1), (2, 2)], [-1, -1], ((UNKNOWN, UNKNOWN), -1)),
        # A half call stays one; vt writes the other alternate as missing.
        ([(UNKNOWN, 1), (0, 0)], [-1, -1], ((UNKNOWN, 1), -1)),
        ([(1, UNKNOWN), (UNKNOWN, 2)], [-1, -1], ((1, 2), -1)),
        ([(0, UNKNOWN), (0, 2)], [-1, -1], ((2, 0), -1)),
        # A no-call beside a call says nothing, nor does a record of a deletion nearby.
        ([(UNKNOWN, UNKNOWN), (0, 1)], [-1, -1], ((0, 1), -1)),
        ([(SILENT, SILENT), (0, 1)], [-1, 1], ((0, 1), 1)),
        ([(SILENT, OTHER), (0, 0)], [0, 0], ((0, OTHER), 0)),
        ([(SILENT, OTHER), (SILENT, SILENT)], [-1, -1], ((UNKNOWN, OTHER), -1)),
        # One copy.
        ([(0, FILL), (2, FILL)], [-1, -1], ((2, FILL), -1)),
        ([(1, FILL), (2, FILL)], [-1, -1], ((UNKNOWN, FILL), -1)),
    ],
)
def test_join_call__cases(
    calls: list[tuple[int, int]], labels: list[int], expected: tuple[tuple[int, int], int]
) -> None:
    assert join_call(calls, labels) == expected


@given(st.tuples(st.integers(0, 3), st.integers(0, 3)), st.booleans(), st.randoms(use_true_random=False))
def test_join_call__split_calls_come_together_again(
    truth: tuple[int, int], phased: bool, random: np.random.Generator
) -> None:
    calls = [tuple(code if code == alt else 0 for code in truth) for alt in (1, 2, 3)]
    if not phased:
        calls = [call[::-1] if random.random() < 0.5 else call for call in calls]
    (one, two), _ = join_call(calls, [0 if phased else -1] * 3)
    assert (one, two) == truth if phased else sorted((one, two)) == sorted(truth)
