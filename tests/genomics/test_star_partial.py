from __future__ import annotations

import numpy as np
import pytest

from genomics.star_match import OTHER, CallPattern, match_diplotypes
from genomics.star_partial import describe_pair, match_partial
from tests.genomics.test_star_match import make_gene

# *0 plain, *1 the first variant, *2 the first and second, *3 the third.
ALLELES = np.zeros((4, 3, 2), dtype=bool)
ALLELES[:, :, 1] = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 0, 1]]
ALLELES[:, :, 0] = ~ALLELES[:, :, 1]
GENE = make_gene(ALLELES, np.array([0.7, 0.1, 0.1, 0.1]))


@pytest.mark.parametrize(
    ("codes", "sets", "name"),
    [
        # The second variant without the first, on one known haplotype, on both, and on one of two.
        ([(0, 0), (0, 1), (0, 0)], [0, 1, 0], "*0/[*0 + rs1 (C)]"),
        ([(0, 0), (1, 1), (0, 0)], [0, 0, 0], "[*0 + rs1 (C)]/[*0 + rs1 (C)]"),
        ([(0, 1), (1, 0), (0, 0)], [1, 1, 0], "[*0 + rs1 (C)]/*1"),
        # The third variant together with the whole of *2: two alleles on one haplotype.
        ([(0, 1), (0, 1), (0, 1)], [1, 1, 1], "*0/[*2 + *3]"),
        ([(1, 1), (1, 1), (1, 1)], [0, 0, 0], "[*2 + *3]/[*2 + *3]"),
        # A base that no allele has.
        ([(0, OTHER), (0, 0), (0, 0)], [0, 0, 0], "*0/[*0 + rs0 (unknown base)]"),
        # Two different alleles, and nobody knows which of them carries the rest.
        ([(0, 1), (0, OTHER), (0, 1)], [0, 0, 0], "*1/*3 + rs1 (unknown base)"),
    ],
)
def test_describe_pair__names_what_is_left_over(
    codes: list[tuple[int, int]], sets: list[int], name: str
) -> None:
    pattern = CallPattern(np.array(codes), np.array(sets))
    assert not len(match_diplotypes(GENE, pattern).pairs)
    nearest = match_partial(GENE, pattern)
    assert describe_pair(GENE, pattern, nearest.pairs[0]) == name


def test_match_partial__known_diplotype_comes_first_and_nothing_is_left_over() -> None:
    pattern = CallPattern(np.array([(0, 1), (0, 1), (0, 1)]), np.array([0, 0, 0]))
    exact, nearest = match_diplotypes(GENE, pattern), match_partial(GENE, pattern)
    assert nearest.pairs[0].tolist() == exact.pairs[0].tolist() == [2, 3]
    assert nearest.posterior[0] == pytest.approx(exact.posterior[0], abs=1e-4)
    assert describe_pair(GENE, pattern, nearest.pairs[0]) == "*2/*3"


def test_describe_pair__one_copy() -> None:
    pattern = CallPattern(np.array([(1, -2), (0, -2), (1, -2)]), np.array([0, 0, 0]), haploid=True)
    nearest = match_partial(GENE, pattern)
    assert describe_pair(GENE, pattern, nearest.pairs[0]) == "[*1 + *3]"
