from __future__ import annotations

import numpy as np
import pytest

from genomics.star_alleles import StarGene
from genomics.star_components import TRANS, carried_variants, match_components
from genomics.star_match import UNKNOWN, CallPattern
from tests.genomics.test_star_match import make_gene

# *0 plain, *1 the first variant, *2 the first and second, *3 the third; *3 does nothing at all.
ALLELES = np.zeros((4, 3, 2), dtype=bool)
ALLELES[:, :, 1] = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 0, 1]]
ALLELES[:, :, 0] = ~ALLELES[:, :, 1]
GENE = make_gene(ALLELES, ranks=np.array([1.0, 0.5, 0.5, 0.0]), method="lowest_function")


def first(codes: list[tuple[int, int]], sets: list[int]) -> str:
    found = match_components(GENE, CallPattern(np.array(codes), np.array(sets)))
    return "/".join(GENE.alleles[a] for a in found.pairs[0])


@pytest.mark.parametrize(
    ("codes", "sets", "name"),
    [
        # A variant that is part of two alleles counts once, for the one with more variants.
        ([(0, 1), (0, 1), (0, 0)], [0, 0, 0], "*0/*2"),
        ([(0, 1), (0, 1), (0, 0)], [1, 1, 0], "*0/*2"),
        ([(1, 1), (0, 1), (0, 0)], [0, 0, 0], "*1/*2"),
        ([(0, 1), (0, 0), (0, 0)], [0, 0, 0], "*0/*1"),
        ([(0, 1), (0, 1), (0, 1)], [0, 0, 0], "*2/*3"),
        # Phased on one haplotype, the worst variant stands for both.
        ([(0, 1), (0, 1), (0, 1)], [1, 1, 1], "*0/*3"),
        ([(0, 1), (0, 1), (1, 0)], [1, 1, 1], "*2/*3"),
    ],
)
def test_match_components__each_copy_of_a_variant_counts_once(
    codes: list[tuple[int, int]], sets: list[int], name: str
) -> None:
    assert first(codes, sets) == name


def test_match_components__says_what_it_takes_for_granted() -> None:
    pattern = CallPattern(np.array([(0, 1), (0, 1), (0, 1)]), np.array([0, 0, 0]))
    assert match_components(GENE, pattern).assumption == TRANS
    assert carried_variants(GENE, pattern) == ("*3", "*2")


def test_match_components__what_was_seen_comes_before_what_may_hide() -> None:
    codes = [(0, 1), (0, 1), (UNKNOWN, UNKNOWN)]
    found = match_components(GENE, CallPattern(np.array(codes), np.array([0, 0, 0])))
    assert found.pairs[0].tolist() == [0, 2]
    assert [0, 3] not in found.pairs.tolist()[:1] and found.hidden.any()


def test_match_components__imputed_calls_count_where_they_are_all_but_certain() -> None:
    sure, doubtful = np.array([[0.0, 0.49], [0.49, 0.02]]), np.array([[0.4, 0.3], [0.3, 0.0]])
    codes = np.array([(0, 0), (0, 0), (0, 1)])
    names = []
    for probabilities in (sure, doubtful):
        found = match_components(GENE, CallPattern(codes, np.array([0, 0, 0]), {2: probabilities}))
        names.append((found.pairs[0].tolist(), len(found.pairs)))
    assert names[0] == ([0, 3], 1)
    assert names[1][0] == [0, 0] and names[1][1] > 1


def single_variants(frequencies: list[float]) -> StarGene:
    """A gene of a plain allele, two of the same function, and one of none; each has one variant."""
    allowed = np.zeros((4, 3, 2), dtype=bool)
    allowed[:, :, 1] = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    allowed[:, :, 0] = ~allowed[:, :, 1]
    ranks = np.array([1.0, 1.0, 1.0, 0.0])
    return make_gene(allowed, np.array(frequencies), ranks=ranks, method="lowest_function")


@pytest.mark.parametrize(
    ("codes", "seen", "common"),
    [
        ([(UNKNOWN, UNKNOWN), (0, 0), (0, 0)], [0, 0], [0, 1]),
        ([(UNKNOWN, UNKNOWN), (0, 1), (0, 0)], [0, 2], [1, 1]),
        ([(UNKNOWN, UNKNOWN), (0, 0), (0, 1)], [0, 3], [1, 3]),
    ],
)
def test_match_components__what_hides_does_not_name_before_its_equals(
    codes: list[tuple[int, int]], seen: list[int], common: list[int]
) -> None:
    found = match_components(
        single_variants([0.25, 0.6, 0.1, 0.05]), CallPattern(np.array(codes), np.zeros(3))
    )
    assert found.pairs[0].tolist() == seen and not found.hidden[0] and found.hidden[1]
    # The probabilities are those of the frequencies all the same.
    assert found.pairs[1].tolist() == common and found.posterior[1] > found.posterior[0]
    assert found.posterior.sum() == pytest.approx(1)


def test_match_components__a_lower_function_that_hides_keeps_its_place() -> None:
    codes = np.array([(0, 0), (0, 0), (UNKNOWN, UNKNOWN)])
    found = match_components(single_variants([0.1, 0.05, 0.05, 0.8]), CallPattern(codes, np.zeros(3)))
    assert found.pairs[0].tolist() == [3, 3] and (np.diff(found.posterior) <= 0).all()


@pytest.mark.parametrize("half", [(0, UNKNOWN), (UNKNOWN, 0)])
@pytest.mark.parametrize("worse", [(0, 1), (1, 0)])
def test_match_components__half_a_call_hides_on_either_haplotype(
    half: tuple[int, int], worse: tuple[int, int]
) -> None:
    found = match_components(GENE, CallPattern(np.array([half, (0, 0), worse]), np.zeros(3, dtype=int)))
    assert found.pairs.tolist() == [[0, 3], [1, 3]] and found.hidden.tolist() == [False, True]
