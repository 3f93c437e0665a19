from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genomics.star_join import join_call, join_calls, shared_alternates
from genomics.star_match import FILL, OTHER, UNKNOWN
from genomics.star_records import SILENT


def test_join_calls__two_alternates_on_two_lines_make_one_call() -> None:
    first = np.array([[0, 1], [0, 0], [UNKNOWN, UNKNOWN]], dtype=np.int8)
    second = np.array([[0, 2], [2, 2], [0, 2]], dtype=np.int8)
    found = join_calls([first, second], [np.zeros(3, dtype=np.int32)] * 2)
    assert found.codes.tolist() == [[2, 1], [2, 2], [0, 2]] and found.phase_sets.tolist() == [0, 0, 0]
    assert not found.contradicting.any()


NO_CALL = (UNKNOWN, UNKNOWN)


@pytest.mark.parametrize(
    ("calls", "labels", "expected"),
    [
        # In unphased calls two alternates are on two haplotypes.
        ([(0, 1), (0, 2)], [-1, -1], ((2, 1), -1)),
        ([(0, 1), (2, 0)], [0, 0], ((2, 1), 0)),
        ([(0, 1), (2, 0)], [0, 1], ((2, 1), -1)),
        # One variant written twice.
        ([(0, 1), (1, 0)], [-1, -1], ((0, 1), -1)),
        # A half call stays one; vt writes the other alternate as missing.
        ([(UNKNOWN, 1), (0, 0)], [-1, -1], ((UNKNOWN, 1), -1)),
        ([(1, UNKNOWN), (UNKNOWN, 2)], [-1, -1], ((1, 2), -1)),
        ([(0, UNKNOWN), (0, 2)], [-1, -1], ((2, 0), -1)),
        # A no-call beside a call says nothing, nor does a record of a deletion nearby.
        ([NO_CALL, (0, 1)], [-1, -1], ((0, 1), -1)),
        ([(SILENT, SILENT), (0, 1)], [-1, 1], ((0, 1), 1)),
        ([(SILENT, OTHER), (0, 0)], [0, 0], ((0, OTHER), 0)),
        ([(SILENT, OTHER), (SILENT, SILENT)], [-1, -1], ((UNKNOWN, OTHER), -1)),
        # One copy.
        ([(0, FILL), (2, FILL)], [-1, -1], ((2, FILL), -1)),
    ],
)
def test_join_call__cases(
    calls: list[tuple[int, int]], labels: list[int], expected: tuple[tuple[int, int], int]
) -> None:
    assert join_call(calls, labels) == (*expected, False)


@pytest.mark.parametrize(
    ("calls", "labels", "pair"),
    [
        # The same haplotype cannot carry both; nor one copy.
        ([(0, 1), (0, 2)], [0, 0], NO_CALL),
        ([(1, FILL), (2, FILL)], [-1, -1], (UNKNOWN, FILL)),
        # One variant in two numbers; three on two haplotypes.
        ([(0, 1), (1, 1)], [-1, -1], NO_CALL),
        ([(0, 1), (2, 2)], [-1, -1], NO_CALL),
    ],
)
def test_join_call__contradictions_are_no_calls(
    calls: list[tuple[int, int]], labels: list[int], pair: tuple[int, int]
) -> None:
    assert join_call(calls, labels) == (pair, -1, True)


@pytest.mark.parametrize(
    ("first", "second", "contradicts"),
    [
        ((0, 1), (0, 0), True),
        ((0, 0), (UNKNOWN, 1), True),
        ((1, 1), (0, UNKNOWN), True),
        ((0, 1), (0, UNKNOWN), False),
        ((0, 1), NO_CALL, False),
        ((0, 1), (2, 0), True),
        ((0, FILL), (1, FILL), False),
        ((0, FILL), (1, 1), True),
    ],
)
def test_join_call__records_of_one_variant_have_to_agree(
    first: tuple[int, int], second: tuple[int, int], contradicts: bool
) -> None:
    for calls in ([first, second], [second, first]):
        assert join_call(calls, [-1, -1], [(0, 1, 1)])[2] == contradicts


# Position, REF and ALTs, and the codes that the site A/G at 10 has there; the last is TA inserted or deleted.
def shared(*records: tuple[int, str, list[int]]) -> list[tuple[int, int, int]]:
    told = [(number, np.array(codes, dtype=np.int8)) for number, (_, _, codes) in enumerate(records)]
    return shared_alternates(told, [(position, alleles.split(",")) for position, alleles, _ in records])


def test_shared_alternates__are_the_same_change_in_whatever_writing() -> None:
    assert shared((10, "A,G", [0, 1]), (9, "CA,CG", [0, 1])) == [(0, 1, 1)]
    assert shared((10, "CATA,CA", [0, 1]), (12, "TATA,TA", [0, 1])) == [(0, 1, 1)]
    # Another alternate; with another change beside it; a symbol; the reference.
    assert not shared((10, "A,G", [0, 1]), (10, "A,C", [0, OTHER]))
    assert not shared((10, "A,G", [0, 1]), (10, "AT,GC", [0, 1]))
    assert not shared((10, "A,<NON_REF>", [0, OTHER]), (10, "A,G", [0, 1]))
    assert shared((10, "A,G,T", [0, 1, 2]), (10, "A,G,C", [0, 1, OTHER]), (10, "A,T", [0, 2])) == [
        (0, 1, 1),
        (0, 2, 2),
    ]


@given(st.tuples(st.integers(0, 3), st.integers(0, 3)), st.booleans(), st.randoms(use_true_random=False))
def test_join_call__split_calls_come_together_again(
    truth: tuple[int, int], phased: bool, random: np.random.Generator
) -> None:
    calls = [tuple(code if code == alt else 0 for code in truth) for alt in (1, 2, 3)]
    if not phased:
        calls = [call[::-1] if random.random() < 0.5 else call for call in calls]
    (one, two), _, _ = join_call(calls, [0 if phased else -1] * 3)
    assert (one, two) == truth if phased else sorted((one, two)) == sorted(truth)
