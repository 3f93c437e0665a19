from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genomics.star_match import FILL, OTHER
from genomics.star_probabilities import (
    allele_probabilities,
    code_probabilities,
    have_probabilities,
    join_probabilities,
)


def pairs_of(call: tuple[int, int], phased: bool, n_alleles: int, gp: list[float]) -> np.ndarray:
    return allele_probabilities(
        np.array([call], dtype=np.int8),
        np.array([phased]),
        n_alleles,
        genotype_probabilities=np.array([gp], dtype=np.float32),
    )[0]


def test_allele_probabilities__order_of_genotypes_is_that_of_the_specification() -> None:
    # VCFv4.3: for three alleles 0/0, 0/1, 1/1, 0/2, 1/2, 2/2.
    found = pairs_of((0, 0), False, 3, [0.3, 0.2, 0.1, 0.16, 0.14, 0.1])
    expected = [[0.3, 0.1, 0.08], [0.1, 0.1, 0.07], [0.08, 0.07, 0.1]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_allele_probabilities__phased_call_keeps_its_order() -> None:
    np.testing.assert_allclose(pairs_of((1, 0), True, 2, [0.1, 0.8, 0.1]), [[0.1, 0], [0.8, 0.1]], rtol=1e-6)
    np.testing.assert_allclose(
        pairs_of((0, 0), True, 2, [0.6, 0.3, 0.1]), [[0.6, 0.15], [0.15, 0.1]], rtol=1e-6
    )


def test_allele_probabilities__haploid_call_has_one_value_for_each_allele() -> None:
    found = pairs_of((1, FILL), False, 2, [0.1, 0.9, np.nan])
    np.testing.assert_allclose(found, [[0.1, 0], [0, 0.9]], rtol=1e-6)


@pytest.mark.parametrize("gp", [[0.0, 25.0, 60.0], [np.nan, np.nan, np.nan], [0.2, 0.2, 0.2]])
def test_allele_probabilities__what_are_none_is_left_out(gp: list[float]) -> None:
    assert np.isnan(pairs_of((0, 1), False, 2, gp)).all()


def test_allele_probabilities__haplotype_dosages_are_phased() -> None:
    found = allele_probabilities(
        np.array([[0, 1], [1, FILL], [0, 0]], dtype=np.int8),
        np.ones(3, dtype=bool),
        2,
        haplotype_dosages=np.array([[0.1, 0.9], [0.8, np.nan], [np.nan, np.nan]], dtype=np.float32),
    )
    np.testing.assert_allclose(found[0], [[0.09, 0.81], [0.01, 0.09]], rtol=1e-6)
    np.testing.assert_allclose(found[1], [[0.2, 0], [0, 0.8]], rtol=1e-6)
    assert np.isnan(found[2]).all()


@given(
    st.lists(st.sampled_from([0.0, 0.2, 0.5, 0.6, 1.0, 20.0, -1.0, np.nan]), min_size=6, max_size=6),
    st.lists(st.sampled_from([0.0, 0.5, 1.0, 1.5, np.nan]), min_size=2, max_size=2),
    st.sampled_from([(0, 1), (1, FILL), (-1, -1)]),
    st.integers(2, 3),
)
def test_have_probabilities__tells_what_allele_probabilities_takes(
    gp: list[float], hds: list[float], call: tuple[int, int], n_alleles: int
) -> None:
    genotypes = np.array([call], dtype=np.int8)
    given_values = {
        "genotype_probabilities": np.array([gp[:3] if n_alleles == 2 else gp], dtype=np.float32),
        "haplotype_dosages": np.array([hds], dtype=np.float32),
    }
    found = allele_probabilities(genotypes, np.zeros(1, dtype=bool), n_alleles, **given_values)
    assert have_probabilities(genotypes, n_alleles, **given_values)[0] == np.isfinite(found).all()


def test_code_probabilities__alleles_of_one_code_are_added_and_unknown_bases_left_out() -> None:
    pairs = np.full((1, 4, 4), 1 / 16, dtype=np.float32)
    found = code_probabilities(pairs, np.array([1, 0, 1, OTHER], dtype=np.int8), 3)
    np.testing.assert_allclose(found[0], np.outer([1, 2, 0], [1, 2, 0]) / 16)


@given(st.lists(st.floats(0.01, 1), min_size=6, max_size=6))
def test_join_probabilities__records_split_by_alternate_equal_one_record_of_all(values: list[float]) -> None:
    """Against counting in plain Python: the chance of each genotype, given what each record says of it."""
    joint = dict(zip(itertools.combinations_with_replacement(range(3), 2), values))
    one, two = ([0.0] * 3 for _ in range(2))
    for pair, value in joint.items():
        one[pair.count(1)] += value / sum(values)
        two[pair.count(2)] += value / sum(values)
    parts = [
        code_probabilities(pairs_of((0, 0), False, 2, gp)[None], np.array(told, dtype=np.int8), 3)
        for gp, told in ((one, [0, 1]), (two, [0, 2]))
    ]
    found = join_probabilities(parts, [np.array([0, 1]), np.array([0, 2])])[0]
    orders = {pair: 1 if pair[0] == pair[1] else 2 for pair in joint}
    weights = {}
    for pair in joint:
        a, b = pair.count(1), pair.count(2)
        # An ordered pair has half the chance of a heterozygous genotype, in each record.
        weights[pair] = one[a] / (1 + (a == 1)) * two[b] / (1 + (b == 1)) * orders[pair]
    total = sum(weights.values())
    for (i, j), weight in weights.items():
        together = found[i, j] + (found[j, i] if i != j else 0)
        assert together == pytest.approx(weight / total, rel=1e-4)


def test_join_probabilities__certain_calls_of_two_alternates() -> None:
    parts = [
        code_probabilities(pairs_of((0, 1), False, 2, [0, 1, 0])[None], np.array([0, alt], dtype=np.int8), 3)
        for alt in (1, 2)
    ]
    found = join_probabilities(parts, [np.array([0, 1]), np.array([0, 2])])[0]
    np.testing.assert_allclose(found, [[0, 0, 0], [0, 0, 0.5], [0, 0.5, 0]])
