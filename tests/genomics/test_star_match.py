from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomics.star_alleles import UNSEEN_FREQUENCY, StarGene, StarSite
from genomics.star_match import OTHER, UNKNOWN, CallPattern, emissions, match_diplotypes


def make_gene(allowed: np.ndarray, frequencies: np.ndarray | None = None, **fields: object) -> StarGene:
    """A gene of alleles *0, *1, ... with the given codes at each site."""
    n_alleles, n_sites, n_codes = allowed.shape
    sites = tuple(
        StarSite(
            f"rs{j}",
            {"GRCh38": 10 * j + 1, "GRCh37": 10 * j + 1},
            {"GRCh38": "A", "GRCh37": "A"},
            ("A", "C", "G")[:n_codes],
        )
        for j in range(n_sites)
    )
    names = tuple(f"*{i}" for i in range(n_alleles))
    shares = np.full(n_alleles, np.nan) if frequencies is None else frequencies
    ranks = fields.pop("ranks", np.full(n_alleles, np.nan))
    return StarGene("GENE", "1", names, sites, allowed, shares, ranks, **fields)  # type: ignore[arg-type]


@st.composite
def genes_and_calls(draw: st.DrawFn) -> tuple[StarGene, CallPattern]:
    n_alleles, n_sites, n_codes = draw(st.integers(1, 5)), draw(st.integers(1, 4)), draw(st.integers(1, 3))
    bits = st.lists(st.booleans(), min_size=n_codes, max_size=n_codes).filter(any)
    allowed = np.array([[draw(bits) for _ in range(n_sites)] for _ in range(n_alleles)])
    codes = st.sampled_from([UNKNOWN, OTHER, *range(n_codes)])
    calls = np.array([[draw(codes), draw(codes)] for _ in range(n_sites)])
    sets = np.array([draw(st.integers(0, 2)) for _ in range(n_sites)])
    frequencies = np.array([draw(st.sampled_from([0.0, 0.1, 0.4])) for _ in range(n_alleles)])
    populations = np.stack([frequencies, frequencies[::-1]]) if draw(st.booleans()) else None
    gene = make_gene(allowed, frequencies, population_frequencies=populations)
    return gene, CallPattern(calls, sets)


def brute_force(gene: StarGene, pattern: CallPattern, *, prior: bool = True) -> dict[tuple[int, int], float]:
    """Sum over every ordered pair of alleles and every turn of every phase set."""

    def share(allele: int, site: int, code: int) -> float:
        if code == UNKNOWN:
            return 1.0
        allowed = gene.allowed[allele, site]
        return float(allowed[code] / allowed.sum()) if code != OTHER else 0.0

    shares = gene.frequencies[None] if gene.population_frequencies is None else gene.population_frequencies
    populations = [[max(f, UNSEEN_FREQUENCY) for f in shares_here] for shares_here in shares]
    groups = [number if number > 0 else -1 - site for site, number in enumerate(pattern.phase_sets)]
    names = sorted(set(groups))
    weights: dict[tuple[int, int], float] = {}
    for one, two in itertools.product(range(len(gene.alleles)), repeat=2):
        likelihood = 0.0
        for turns in itertools.product((0, 1), repeat=len(names)):
            turn = dict(zip(names, turns))
            product = 1.0
            for site in range(len(gene.sites)):
                a, b = pattern.codes[site][:: -1 if turn[groups[site]] else 1]
                product *= share(one, site, a) * share(two, site, b)
            likelihood += product / 2 ** len(names)
        weight = float(np.mean([f[one] * f[two] for f in populations])) if prior else 1.0
        if likelihood > 0:
            pair = (min(one, two), max(one, two))
            weights[pair] = weights.get(pair, 0.0) + likelihood * weight
    total = sum(weights.values())
    return {pair: weight / total for pair, weight in weights.items()}


@given(genes_and_calls())
@settings(max_examples=200, deadline=None)
def test_match_diplotypes__equals_brute_force(case: tuple[StarGene, CallPattern]) -> None:
    gene, pattern = case
    found = match_diplotypes(gene, pattern)
    expected, alike = brute_force(gene, pattern), brute_force(gene, pattern, prior=False)
    assert {tuple(map(int, pair)) for pair in found.pairs} == set(expected) == set(alike)
    for pair, posterior, flat in zip(found.pairs, found.posterior, found.posterior_no_prior):
        assert posterior == pytest.approx(expected[int(pair[0]), int(pair[1])])
        assert flat == pytest.approx(alike[int(pair[0]), int(pair[1])])
    assert (np.diff(found.posterior) <= 1e-12).all()


@st.composite
def imputed_calls(draw: st.DrawFn) -> tuple[StarGene, CallPattern]:
    """Calls imputed at every site, each site as one and the same weighing of the pairs has it."""
    gene, pattern = draw(genes_and_calls())
    one_code = np.cumsum(gene.allowed, axis=2) == 1
    gene = replace(gene, allowed=gene.allowed & one_code)
    numbers = st.lists(st.integers(1, 9), min_size=len(gene.alleles) ** 2, max_size=len(gene.alleles) ** 2)
    truth = np.array(draw(numbers), dtype=float).reshape(len(gene.alleles), -1)
    shares = emissions(gene)
    imputed = {
        site: shares[:, site].T @ (truth / truth.sum()) @ shares[:, site] for site in range(len(gene.sites))
    }
    return gene, CallPattern(
        np.full_like(pattern.codes, UNKNOWN), np.ones(len(gene.sites), dtype=int), imputed
    )


@given(imputed_calls())
@settings(max_examples=100, deadline=None)
def test_match_diplotypes__every_imputed_site_keeps_its_probabilities(
    case: tuple[StarGene, CallPattern],
) -> None:
    gene, pattern = case
    found = match_diplotypes(gene, pattern)
    shares = emissions(gene)
    for weights in (found.posterior, found.posterior_no_prior):
        assert weights.sum() == pytest.approx(1)
        for site, told in pattern.probabilities.items():
            one, two = (shares[found.pairs[:, i], site] for i in (0, 1))
            either = np.einsum("d,di,dj->ij", weights, one, two)
            # The order of the haplotypes is not told: both are in it alike.
            assert either + either.T == pytest.approx(told + told.T, abs=2e-2)


@given(genes_and_calls(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_match_diplotypes__order_of_sites_and_turn_of_a_phase_set_are_nothing(
    case: tuple[StarGene, CallPattern], random: object
) -> None:
    gene, pattern = case
    order = list(range(len(pattern.codes)))
    random.shuffle(order)  # type: ignore[attr-defined]
    turns = {number: random.random() < 0.5 for number in (1, 2)}  # type: ignore[attr-defined]
    turn = [bool(turns.get(int(number), index % 2)) for index, number in enumerate(pattern.phase_sets)]
    turned = [codes[::-1] if here else codes for codes, here in zip(pattern.codes, turn)]
    shuffled = StarGene(
        gene.name, gene.contig, gene.alleles, gene.sites, gene.allowed[:, order], gene.frequencies, gene.ranks,
        gene.population_frequencies,
    )  # fmt: skip
    other = CallPattern(
        np.array(turned)[order],
        pattern.phase_sets[order],
    )
    one, two = match_diplotypes(gene, pattern), match_diplotypes(shuffled, other)
    expected = {tuple(pair): p for pair, p in zip(one.pairs.tolist(), one.posterior)}
    assert set(expected) == set(map(tuple, two.pairs.tolist()))
    for pair, posterior in zip(two.pairs.tolist(), two.posterior):
        assert posterior == pytest.approx(expected[tuple(pair)])


# *0 carries nothing, *1 the first variant, *2 the second, *3 both.
FOUR = np.zeros((4, 2, 2), dtype=bool)
FOUR[:, :, 0] = [[True, True], [False, True], [True, False], [False, False]]
FOUR[:, :, 1] = ~FOUR[:, :, 0]


def names(codes: list[tuple[int, int]], sets: list[int], **fields: object) -> dict[str, float]:
    gene = make_gene(FOUR, np.array([0.7, 0.1, 0.1, 0.1]))
    pattern = CallPattern(np.array(codes), np.array(sets), **fields)  # type: ignore[arg-type]
    found = match_diplotypes(gene, pattern)
    return {
        "/".join(gene.alleles[a] for a in pair if a >= 0): float(p)
        for pair, p in zip(found.pairs, found.posterior_no_prior)
    }


def test_match_diplotypes__sites_are_phased_within_a_set_alone() -> None:
    heterozygous = [(0, 1), (0, 1)]
    assert names(heterozygous, [1, 1]) == {"*0/*3": 1.0}
    assert names([(0, 1), (1, 0)], [1, 1]) == {"*1/*2": 1.0}
    assert names(heterozygous, [1, 2]) == names(heterozygous, [0, 0]) == {"*0/*3": 0.5, "*1/*2": 0.5}


def test_match_diplotypes__imputed_call_counts_by_its_probability() -> None:
    # Second site 0/0 with 0.7 and 0/1 with 0.3: half of the heterozygotes have the variant beside the first.
    imputed = np.array([[0.7, 0.15], [0.15, 0.0]])
    found = names([(0, 1), (UNKNOWN, UNKNOWN)], [0, 0], probabilities={1: imputed})
    assert found == {
        "*0/*1": pytest.approx(0.7),
        "*0/*3": pytest.approx(0.15),
        "*1/*2": pytest.approx(0.15),
    }


def test_match_diplotypes__sites_of_one_allele_do_not_count_twice() -> None:
    # *0 has neither of twenty variants, *1 all, *2 the first alone, each imputed to be there with 0.6, or with 0.01.
    allowed = np.zeros((3, 20, 2), dtype=bool)
    allowed[0, :, 0] = allowed[1, :, 1] = allowed[2, 1:, 0] = allowed[2, 0, 1] = True
    gene = make_gene(allowed, np.array([0.998, 1e-3, 1e-3]))
    for present in (0.6, 0.01):
        told = np.array([[1 - present, present / 2], [present / 2, 0.0]])
        calls = CallPattern(
            np.full((20, 2), UNKNOWN), np.zeros(20, dtype=int), dict.fromkeys(range(20), told)
        )
        found = match_diplotypes(gene, calls)
        shares = dict(zip(map(tuple, found.pairs.tolist()), found.posterior))
        assert shares[0, 1] == pytest.approx(present, abs=3e-2)
        assert shares[0, 0] == pytest.approx(1 - present, abs=3e-2)


def test_match_diplotypes__a_never_seen_allele_that_is_there_hides_others_still() -> None:
    # *1 and *2 of FOUR: *1 was never seen but is carried, *2 is common and its site was not observed.
    gene = make_gene(FOUR, np.array([0.9, 0.0, 0.1, 0.0]))
    found = match_diplotypes(gene, CallPattern(np.array([[0, 1], [UNKNOWN] * 2]), np.zeros(2, dtype=int)))
    assert found.pairs[0].tolist() == [0, 1]
    assert found.hidden[found.pairs.tolist().index([1, 2])]


@pytest.mark.parametrize(
    ("sets", "shares"), [([1, 1], (0.8, 0.2)), ([0, 0], (0.5, 0.5)), ([1, 2], (0.5, 0.5))]
)
def test_match_diplotypes__imputed_calls_keep_their_phase(
    sets: list[int], shares: tuple[float, float]
) -> None:
    # Each heterozygous for sure, and the second variant on the haplotype of the first with probability 0.8.
    one, two = np.array([[0.0, 1.0], [0.0, 0.0]]), np.array([[0.0, 0.8], [0.2, 0.0]])
    found = match_diplotypes(
        make_gene(FOUR), CallPattern(np.full((2, 2), UNKNOWN), np.array(sets), {0: one, 1: two})
    )
    told = {tuple(pair): p for pair, p in zip(found.pairs.tolist(), found.posterior_no_prior)}
    assert told[0, 3] == pytest.approx(shares[0]) and told[1, 2] == pytest.approx(shares[1])


@pytest.mark.parametrize("frequency", [0.001, 0.3])
def test_match_diplotypes__one_imputed_site_keeps_what_the_imputation_says(frequency: float) -> None:
    allowed = FOUR[:2, :1]
    gene = make_gene(allowed, np.array([1 - frequency, frequency]))
    told = np.array([[0.5, 0.2], [0.2, 0.1]])
    found = match_diplotypes(gene, CallPattern(np.array([[0, 0]]), np.zeros(1, dtype=int), {0: told}))
    assert dict(zip(map(tuple, found.pairs.tolist()), found.posterior.round(9))) == {
        (0, 0): 0.5, (0, 1): 0.4, (1, 1): 0.1,
    }  # fmt: skip
    assert found.posterior_no_prior == pytest.approx(found.posterior)


def test_match_diplotypes__imputed_site_of_fewer_codes_than_another() -> None:
    allowed = np.zeros((3, 2, 3), dtype=bool)
    allowed[0, :, 0] = allowed[1, 0, 2] = allowed[1, 1, 0] = allowed[2, 0, 0] = allowed[2, 1, 1] = True
    told = np.array([[0.6, 0.2], [0.2, 0.0]])
    for haploid, expected in ((False, {(0, 0): 0.6, (0, 2): 0.4}), (True, {(0, -1): 0.8, (2, -1): 0.2})):
        calls = CallPattern(np.array([[0, 0], [0, 0]]), np.zeros(2, dtype=int), {1: told}, haploid)
        found = match_diplotypes(make_gene(allowed), calls)
        assert dict(zip(map(tuple, found.pairs.tolist()), found.posterior.round(9))) == expected


def test_match_diplotypes__one_copy_is_one_allele() -> None:
    assert names([(1, -2), (0, -2)], [0, 0], haploid=True) == {"*1": 1.0}


def test_match_diplotypes__ancestry_chooses_the_frequencies() -> None:
    populations = np.array([[0.8, 0.1, 0.1, 0.0], [0.2, 0.0, 0.0, 0.8]])
    gene = make_gene(FOUR, population_frequencies=populations)
    pattern = CallPattern(np.array([(0, 1), (0, 1)]), np.array([0, 0]))
    first = [match_diplotypes(gene, pattern, np.array(weights)) for weights in ([1.0, 0.0], [0.0, 1.0])]
    assert first[0].pairs[0].tolist() == [1, 2]
    assert first[1].pairs[0].tolist() == [0, 3]


@pytest.mark.parametrize(("n_unseen", "hides"), [(1, False), (41, False), (42, True)])
def test_match_diplotypes__many_alleles_that_were_never_seen_may_hide(n_unseen: int, hides: bool) -> None:
    allowed = np.zeros((n_unseen + 1, n_unseen + 1, 2), dtype=bool)
    allowed[:, :, 1] = np.eye(n_unseen + 1, k=-1, dtype=bool)
    allowed[:, :, 0] = ~allowed[:, :, 1]
    gene = make_gene(allowed, np.r_[1.0, np.zeros(n_unseen)])
    codes = np.full((n_unseen + 1, 2), UNKNOWN)
    codes[-1] = 0
    found = match_diplotypes(gene, CallPattern(codes, np.zeros(n_unseen + 1, dtype=int)))
    assert found.pairs[0].tolist() == [0, 0] and found.posterior[0] > 0.95
    assert bool(found.hidden.any()) == hides
