"""Populations inferred from star alleles: evidence by brute force, weights by Bayes' rule, grouping."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from genomics.star_alleles import StarGene, StarSite
from genomics.star_ancestry import STEP, group_ancestry, infer_ancestry, population_evidence
from genomics.star_match import OTHER, UNKNOWN, CallPattern, match_diplotypes

SHARES = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])


def make_gene() -> StarGene:
    """Reference, an allele with the first variant and one with both, in two populations."""
    sites = tuple(
        StarSite(f"rs{j}", {"GRCh38": j, "GRCh37": j}, {"GRCh38": "A", "GRCh37": "A"}, ("A", "C"))
        for j in (1, 2)
    )
    allowed = np.zeros((3, 2, 2), dtype=bool)
    for allele, codes in enumerate([(0, 0), (1, 0), (1, 1)]):
        allowed[allele, [0, 1], codes] = True
    return StarGene(
        "GENE", "1", ("*1", "*2", "*3"), sites, allowed, SHARES.max(axis=0), np.full(3, np.nan), SHARES
    )


@pytest.mark.parametrize("phased", [True, False])
@settings(max_examples=30, deadline=None)
@given(codes=arrays(int, (2, 2), elements=st.sampled_from([UNKNOWN, 0, 1])))
def test_population_evidence__is_the_sum_over_ordered_pairs(codes: np.ndarray, phased: bool) -> None:
    carried = [(0, 0), (1, 0), (1, 1)]
    expected = np.zeros(2)
    for one, two in itertools.product(range(3), repeat=2):
        turns = itertools.product([0, 1], repeat=1 if phased else 2)
        told = [
            all(
                codes[site, slot ^ turn[0 if phased else site]] in (UNKNOWN, carried[allele][site])
                for slot, allele in enumerate((one, two))
                for site in (0, 1)
            )
            for turn in turns
        ]
        expected += SHARES[:, one] * SHARES[:, two] * np.mean(told)
    found = population_evidence(make_gene(), [CallPattern(codes, np.full(2, int(phased)))])
    if expected.any():
        np.testing.assert_allclose(np.exp(found[0]), expected, rtol=1e-12)
    else:
        np.testing.assert_array_equal(found, 0)


def test_population_evidence__one_copy_and_unnormalised_frequencies() -> None:
    gene = make_gene()
    alone = CallPattern(np.array([[1, -2], [UNKNOWN, -2]]), np.zeros(2, dtype=int), haploid=True)
    np.testing.assert_allclose(np.exp(population_evidence(gene, [alone])), [SHARES[:, 1:].sum(axis=1)])
    doubled = replace(gene, population_frequencies=SHARES * [[2.0], [1.0]])
    np.testing.assert_allclose(population_evidence(doubled, [alone]), population_evidence(gene, [alone]))


def test_population_evidence__says_nothing_where_it_cannot() -> None:
    gene = make_gene()
    calls = [CallPattern(np.array([[0, 1], [OTHER, 0]]), np.ones(2, dtype=int))]
    assert population_evidence(gene, calls).tolist() == [[0, 0]]
    assert population_evidence(replace(gene, method="lowest_function"), calls).tolist() == [[0, 0]]
    assert population_evidence(gene.without_frequencies(), calls).tolist() == [[0]]


def test_infer_ancestry__is_bayes_rule_over_the_other_genes() -> None:
    rng = np.random.default_rng(0)
    told = rng.random((4, 6, 3))
    shares = np.array([0.2, 0.3, 0.5])
    found = infer_ancestry([np.log(gene) for gene in told], shares)
    for gene in range(4):
        others = np.delete(told, gene, axis=0).prod(axis=0) * shares
        np.testing.assert_allclose(found[gene], others / others.sum(axis=1, keepdims=True))
    uncounted = infer_ancestry([*(np.log(gene) for gene in told), np.zeros((6, 1))], shares)
    np.testing.assert_allclose(uncounted[:4], found)


def test_infer_ancestry__survives_evidence_beyond_the_range_of_numbers() -> None:
    told = np.full((50, 1, 2), [[-900.0, -905.0]])
    assert np.isfinite(infer_ancestry(list(told))).all()
    assert infer_ancestry(list(told))[0, 0, 0] == pytest.approx(1.0)


@settings(max_examples=30, deadline=None)
@given(arrays(float, (7, 3), elements=st.floats(0.01, 1)), arrays(int, 7, elements=st.integers(0, 2)))
def test_group_ancestry__groups_are_patterns_with_nearly_the_same_weights(
    raw: np.ndarray, pattern_of: np.ndarray
) -> None:
    weights = raw / raw.sum(axis=1, keepdims=True)
    patterns, rounded, group_of = group_ancestry(pattern_of, weights)
    np.testing.assert_array_equal(patterns[group_of], pattern_of)
    np.testing.assert_allclose(rounded.sum(axis=1), 1)
    # Half a step of rounding, and what scaling back to 1 adds.
    assert (abs(rounded[group_of] - weights) < 2.5 * STEP).all()
    assert len(patterns) <= len(np.unique(np.column_stack([pattern_of, weights]), axis=0))


def test_inferred_weights__choose_the_allele_that_hides() -> None:
    """A second gene carried in one population alone makes the first gene's hidden allele probable."""
    gene = make_gene()
    hidden = CallPattern(np.array([[UNKNOWN, UNKNOWN], [0, 0]]), np.zeros(2, dtype=int))
    telling = CallPattern(np.array([[1, 1], [1, 1]]), np.ones(2, dtype=int))
    told = [population_evidence(gene, [hidden]), population_evidence(gene, [telling])]
    weights = infer_ancestry(told)[0, 0]
    assert weights[1] == pytest.approx(0.36 / 0.37)
    plain, inferred = match_diplotypes(gene, hidden), match_diplotypes(gene, hidden, weights)
    assert plain.pairs[0].tolist() == [0, 0] and inferred.pairs[0].tolist() != [0, 0]
