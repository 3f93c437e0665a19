from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from genomics.block import call_states
from genomics.profile_variants import alters_protein, call_alleles

PASSED, FAILED = np.array([True]), np.array([False])


@pytest.mark.parametrize(
    ("consequence", "expected"),
    [
        ("missense_variant", True),
        ("missense", True),  # as bcftools csq writes it
        ("*frameshift", True),
        ("disruptive_inframe_deletion&splice_region_variant", True),
        ("splice_region_variant&intron_variant", False),
        ("synonymous", False),
        ("", False),
    ],
)
def test_alters_protein__terms(consequence: str, expected: bool) -> None:
    assert alters_protein(consequence) is expected


def test_call_alleles__second_allele_haploid_and_filtered() -> None:
    genotypes = np.array([[[2, 2], [1, 2], [2, -2], [2, 0], [0, 0], [1, 1], [-1, -1], [-2, -2]]])
    states = np.array([[0, 0, 0, 2, 2, 0, 1, 3]])
    calls = call_alleles(genotypes, states, np.array([2]), PASSED)
    assert calls.copies.tolist() == [[2, 1, 1, 0, 0, 0, 0, 0]]
    assert np.flatnonzero(calls.open).tolist() == [3, 4, 6, 7], "filtered, not called and absent calls"
    assert np.flatnonzero(calls.clear).tolist() == [5]
    assert calls.frequency.tolist() == [4 / 7]


def test_call_alleles__failed_record_leaves_its_carriers_open() -> None:
    genotypes = np.array([[[0, 1], [0, 0], [-1, -1]]])
    calls = call_alleles(genotypes, np.array([[2, 2, 1]]), np.array([1]), FAILED)
    assert not calls.carried.any() and not calls.clear.any()
    assert calls.open.tolist() == [[True, False, False]]
    assert calls.frequency.tolist() == [0.25]


@given(arrays(np.int8, (3, 5, 2), elements=st.integers(-1, 2)), st.booleans())
def test_call_alleles__every_call_is_carried_open_or_clear(genotypes: np.ndarray, passed: bool) -> None:
    states = call_states(genotypes, np.array([[not passed]]))
    calls = call_alleles(genotypes, states, np.array([1, 2, 1]), np.full(3, passed))
    assert not (calls.carried & calls.open).any() and not (calls.clear & (calls.open | calls.carried)).any()
    assert (calls.carried | calls.open | calls.clear).all() or not passed
    assert ((calls.copies > 0) == calls.carried).all()
