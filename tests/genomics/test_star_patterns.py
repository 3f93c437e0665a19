from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from genomics.star_match import FILL, UNKNOWN
from genomics.star_patterns import distinct_patterns, settle_phase


def as_arrays(calls: list[list[tuple[int, int, int]]]) -> tuple[np.ndarray, np.ndarray]:
    """Codes and phase sets of samples given as lists of (code, code, phase set) by site."""
    table = np.array(calls)
    return table[:, :, :2].transpose(1, 0, 2).astype(np.int8), table[:, :, 2].T


def test_settle_phase__number_and_turn_of_a_set_are_nothing() -> None:
    same = [
        [(0, 1, 7), (1, 0, 7), (0, 0, 0)],
        [(1, 0, 3), (0, 1, 3), (0, 0, 9)],
    ]
    codes, sets = settle_phase(*as_arrays(same))
    assert codes[:, 0].tolist() == codes[:, 1].tolist() == [[0, 1], [1, 0], [0, 0]]
    assert sets[:, 0].tolist() == sets[:, 1].tolist() == [1, 1, 0]


def test_settle_phase__call_alone_in_its_set_is_not_phased() -> None:
    codes, sets = settle_phase(*as_arrays([[(1, 0, 7), (1, 0, 8), (1, 1, 8)]]))
    assert codes[:, 0].tolist() == [[0, 1], [0, 1], [1, 1]]
    assert sets[:, 0].tolist() == [0, 0, 0]


@st.composite
def samples(draw: st.DrawFn) -> list[list[tuple[int, int, int]]]:
    code = st.sampled_from([0, 1, 2, UNKNOWN])
    n_sites = draw(st.integers(1, 5))
    call = st.tuples(code, code, st.integers(0, 3))
    return draw(st.lists(st.lists(call, min_size=n_sites, max_size=n_sites), min_size=1, max_size=4))


@given(samples(), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_settle_phase__same_calls_written_otherwise_become_one(
    calls: list[list[tuple[int, int, int]]], random: object
) -> None:
    rewritten = []
    for sample in calls:
        turn = {number: random.random() < 0.5 for number in (1, 2, 3)}  # type: ignore[attr-defined]
        new = [
            (b, a, 10 - number if number else 0)
            if turn.get(number, random.random() < 0.5)  # type: ignore[attr-defined]
            else (a, b, 10 - number if number else 0)
            for a, b, number in sample
        ]
        rewritten.append(new)
    codes, sets = as_arrays(calls)
    other_codes, other_sets = as_arrays(rewritten)
    states = np.zeros(sets.shape, dtype=np.int8)
    joined = [np.concatenate(pair, axis=1) for pair in ((codes, other_codes), (sets, other_sets))]
    _, pattern_of = distinct_patterns(joined[0], joined[1], np.concatenate([states, states], axis=1), {})
    assert pattern_of[: len(calls)].tolist() == pattern_of[len(calls) :].tolist()


def test_distinct_patterns__doubtful_imputed_samples_stand_alone() -> None:
    codes, sets = as_arrays([[(0, 1, 0)], [(0, 1, 0)], [(0, 1, 0)]])
    certain, doubtful = np.array([[0.0, 0.5], [0.5, 0.0]]), np.array([[0.1, 0.4], [0.4, 0.1]])
    none = np.full((2, 2), np.nan)
    patterns, pattern_of = distinct_patterns(
        codes, sets, np.zeros(sets.shape, dtype=np.int8), {0: np.stack([certain, doubtful, none])}
    )
    assert pattern_of[0] == pattern_of[2] != pattern_of[1]
    assert patterns[pattern_of[0]].calls.probabilities == {}
    np.testing.assert_array_equal(patterns[pattern_of[1]].calls.probabilities[0], doubtful)
    assert not patterns[pattern_of[1]].unknown.any()


def test_distinct_patterns__reasons_and_ploidy_are_kept_apart() -> None:
    codes = np.array([[[UNKNOWN, UNKNOWN], [UNKNOWN, UNKNOWN], [1, FILL]]], dtype=np.int8)
    states = np.array([[1, 3, 0]], dtype=np.int8)
    patterns, pattern_of = distinct_patterns(codes, np.zeros((1, 3), dtype=int), states, {})
    assert len(set(pattern_of.tolist())) == 3
    assert [int(patterns[p].states[0]) for p in pattern_of] == [1, 3, 0]
    assert [patterns[p].calls.haploid for p in pattern_of] == [False, False, True]
