"""Genotypes over several sites, against every genotype tried one by one."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genomics.star_alleles import StarGene
from genomics.star_genotypes import KEPT, match_genotypes, variant_frequencies
from genomics.star_match import FILL, UNKNOWN, CallPattern


def gene(frequencies: np.ndarray | None, n_sites: int = 3) -> StarGene:
    allowed = np.zeros((n_sites + 1, n_sites, 2), dtype=bool)
    allowed[:, :, 0] = True
    for site in range(n_sites):
        allowed[site + 1, site] = False, True
    nobody = np.full(n_sites + 1, np.nan)
    names = ("Reference", *(f"rs{i}" for i in range(n_sites)))
    return StarGene("ITPA", "20", names, (), allowed, nobody, nobody, frequencies, method="genotype")


def pattern(calls: list[tuple[int, int]], haploid: bool = False) -> CallPattern:
    return CallPattern(np.array(calls), np.zeros(len(calls), dtype=int), haploid=haploid)


shares = st.floats(0.01, 0.99)
calls = st.sampled_from([(0, 0), (0, 1), (1, 1), (UNKNOWN, UNKNOWN), (1, UNKNOWN)])


@given(
    st.lists(st.tuples(shares, shares, shares), min_size=1, max_size=3),
    st.lists(calls, min_size=3, max_size=3),
)
def test_match_genotypes__equals_every_genotype_tried(
    table: list[tuple[float, float, float]], seen: list[tuple[int, int]]
) -> None:
    counted = np.column_stack([np.zeros(len(table)), np.array(table)])
    weights = np.arange(1, len(table) + 1) / np.arange(1, len(table) + 1).sum()
    found = match_genotypes(gene(counted), pattern(seen), weights)
    expected: dict[tuple[tuple[int, int], ...], float] = {}
    for haplotypes in product(product((0, 1), repeat=2), repeat=3):
        if any(UNKNOWN not in call and sorted(call) != sorted(pair) for call, pair in zip(seen, haplotypes)):
            continue
        if any(
            UNKNOWN in call and max(call) >= 0 and pair[0] != max(call)
            for call, pair in zip(seen, haplotypes)
        ):
            continue
        chance = 0.0
        for k, weight in enumerate(weights):
            one = weight
            for site, (call, pair) in enumerate(zip(seen, haplotypes)):
                share = (1 - table[k][site], table[k][site])
                if call == (UNKNOWN, UNKNOWN):
                    one *= share[pair[0]] * share[pair[1]]
                elif UNKNOWN in call:
                    one *= share[pair[1]]
                else:
                    one /= 1 + (pair[0] != pair[1])
            chance += one
        name = tuple((min(pair), max(pair)) for pair in haplotypes)
        expected[name] = expected.get(name, 0.0) + chance
    told = {
        tuple((int(min(site)), int(max(site))) for site in codes): chance
        for codes, chance in zip(found.codes, found.posterior)
    }
    assert told.keys() == expected.keys()
    for name, chance in expected.items():
        assert told[name] == pytest.approx(chance, rel=1e-9)
    assert found.posterior.sum() == pytest.approx(1) and found.posterior_no_prior.sum() == pytest.approx(1)
    assert (np.diff(found.posterior) <= 1e-12).all()


def test_match_genotypes__imputed_call_has_its_own_probability() -> None:
    imputed = np.array([[0.5, 0.2], [0.2, 0.1]])
    calls = CallPattern(np.array([[0, 1], [0, 0], [0, 0]]), np.zeros(3, dtype=int), {1: imputed})
    found = match_genotypes(gene(np.array([[0.0, 0.3, 0.001, 0.3]])), calls)
    assert found.codes[:, 1].tolist() == [[0, 0], [0, 1], [1, 1]]
    assert found.posterior == pytest.approx([0.5, 0.4, 0.1])
    assert found.posterior_no_prior == pytest.approx([0.5, 0.4, 0.1])


def test_match_genotypes__one_copy() -> None:
    found = match_genotypes(
        gene(np.array([[0.0, 0.3, 0.2, 0.3]])), pattern([(1, FILL), (UNKNOWN, FILL), (0, FILL)], haploid=True)
    )
    assert found.codes[:, 1].tolist() == [[0, FILL], [1, FILL]]
    assert found.posterior == pytest.approx([0.8, 0.2])


def test_match_genotypes__many_unknown_sites_keep_the_most_probable() -> None:
    rare = np.concatenate([[0.0], np.full(12, 0.01)])[None]
    found = match_genotypes(gene(rare, 12), pattern([(UNKNOWN, UNKNOWN)] * 12))
    assert len(found.codes) == KEPT and not found.codes[0].any()
    assert found.posterior[0] == pytest.approx(0.99**24)
    assert found.posterior.sum() < 1
    assert found.posterior_no_prior[0] == pytest.approx((1 / 3) ** 12)


def test_variant_frequencies__share_of_the_variant() -> None:
    counted = np.array([[np.nan, 0.3, 0.6, 0.9]])
    assert variant_frequencies(gene(counted))[0, :, 1] == pytest.approx([0.3, 0.6, 0.9])


def test_match_genotypes__nobody_counted_and_the_reference_comes_first() -> None:
    found = match_genotypes(gene(None), pattern([(0, 1), (UNKNOWN, UNKNOWN), (0, 0)]))
    assert found.codes[:, 1].tolist() == [[0, 0], [0, 1], [1, 1]]
    assert found.posterior == pytest.approx(np.full(3, 1 / 3))
    assert found.posterior_no_prior == pytest.approx(np.full(3, 1 / 3))
