from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genomics.recommendations import recommend
from genomics.simulate_stars import carried_codes, lowest_function_pair
from genomics.star_alleles import StarGene
from genomics.star_components import LEFT_OVER, TRANS, carried_variants, match_components, take_apart
from genomics.star_match import OTHER, UNKNOWN, CallPattern
from genomics.stars import assign_phenotypes, call_diplotypes
from tests.genomics.test_star_match import make_gene
from varimol import tables

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


def test_match_components__imputed_calls_count_by_their_probability() -> None:
    sure, doubtful = np.array([[0.0, 0.49], [0.49, 0.02]]), np.array([[0.4, 0.3], [0.3, 0.0]])
    codes = np.array([(0, 0), (0, 0), (0, 1)])
    told = []
    for probabilities in (sure, doubtful):
        found = match_components(GENE, CallPattern(codes, np.array([0, 0, 0]), {2: probabilities}))
        told.append(dict(zip(map(tuple, found.pairs.tolist()), found.posterior.round(9))))
        assert found.posterior_no_prior == pytest.approx(found.posterior)
    assert told == [{(0, 3): 0.98, (3, 3): 0.02}, {(0, 3): 0.6, (0, 0): 0.4}]


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


@pytest.mark.parametrize(
    ("codes", "sets", "named", "others"),
    [
        # The second variant without the first, the rest of *2: *2 may be there all the same.
        ([(0, 0), (0, 1), (0, 0)], [0, 0, 0], "*0/*0", ["*0/*2"]),
        ([(0, 0), (1, 1), (0, 0)], [0, 0, 0], "*0/*0", ["*0/*2", "*2/*2"]),
        ([(0, 0), (0, 1), (0, 1)], [0, 0, 0], "*0/*3", ["*2/*3"]),
        ([(0, 0), (1, 0), (0, 1)], [0, 0, 0], "*0/*3", ["*2/*3"]),
        ([(0, 0), (0, 1), (1, 0)], [1, 1, 1], "*0/*3", ["*2/*3"]),
        ([(0, 1), (1, 1), (0, 0)], [1, 1, 1], "*0/*2", ["*2/*2"]),
        # No haplotype does less than nothing.
        ([(0, 0), (0, 1), (0, 1)], [1, 1, 1], "*0/*3", []),
        ([(0, 0), (0, 1), (1, 1)], [0, 0, 0], "*3/*3", []),
        ([(0, 0), (1, 1), (1, 1)], [0, 0, 0], "*3/*3", []),
        # A base that no allele has may do what any does.
        ([(0, OTHER), (0, 0), (0, 0)], [0, 0, 0], "*0/*0", ["*0/*1", "*0/*2", "*0/*3"]),
        ([(0, OTHER), (0, 0), (0, 1)], [0, 0, 0], "*0/*3", ["*1/*3", "*2/*3", "*3/*3"]),
        ([(0, OTHER), (0, 0), (1, 1)], [0, 0, 0], "*3/*3", []),
    ],
)
def test_match_components__a_variant_left_over_hides_no_other(
    codes: list[tuple[int, int]], sets: list[int], named: str, others: list[str]
) -> None:
    pattern = CallPattern(np.array(codes), np.array(sets))
    found = match_components(GENE, pattern)
    pairs = ["/".join(GENE.alleles[a] for a in pair) for pair in found.pairs]
    assert pairs[0] == named and sorted(pairs[1:]) == others
    assert found.hidden.tolist() == [False] + [True] * len(others)
    base = "unknown base" if (0, OTHER) in codes else "C"
    told = f"rs{0 if (0, OTHER) in codes else 1} ({base})"
    assert found.assumption.endswith(LEFT_OVER.format(told))
    assert carried_variants(GENE, pattern)[-1] == told


@pytest.mark.parametrize("half", [(0, UNKNOWN), (UNKNOWN, 0)])
@pytest.mark.parametrize("worse", [(0, 1), (1, 0)])
def test_match_components__half_a_call_hides_on_either_haplotype(
    half: tuple[int, int], worse: tuple[int, int]
) -> None:
    found = match_components(GENE, CallPattern(np.array([half, (0, 0), worse]), np.zeros(3, dtype=int)))
    assert found.pairs.tolist() == [[0, 3], [1, 3]] and found.hidden.tolist() == [False, True]


def test_match_components__what_is_left_over_names_by_the_frequency_of_its_allele() -> None:
    gene = make_gene(ALLELES, np.array([0.7, 0.1, 0.15, 0.05]), ranks=GENE.ranks, method="lowest_function")
    found = match_components(gene, CallPattern(np.array([(0, 0), (0, 1), (0, 1)]), np.zeros(3, dtype=int)))
    np.testing.assert_allclose(found.posterior, [0.85, 0.15])
    np.testing.assert_allclose(found.posterior_no_prior, [0.5, 0.5])


CALLS = st.one_of(
    st.just((UNKNOWN, UNKNOWN)), st.tuples(st.sampled_from([OTHER, 0, 1]), st.sampled_from([OTHER, 0, 1]))
)


@given(
    st.lists(CALLS, min_size=3, max_size=3),
    st.sampled_from([[0, 0, 0], [1, 1, 1], [1, 1, 0], [1, 2, 2]]),
)
def test_take_apart__agrees_with_taking_copies_one_by_one(
    codes: list[tuple[int, int]], sets: list[int]
) -> None:
    alleles, left = take_apart(GENE, np.array(codes), np.array(sets))
    seen = [tuple(None if code == UNKNOWN else code for code in pair) for pair in codes]
    expected = lowest_function_pair(GENE, carried_codes(GENE), seen, sets)
    assert (expected is None) == bool(left.any())
    if expected is not None:
        assert expected == tuple(sorted(found[0] if found else 0 for found in alleles))
    # What is left over was called, and no less often.
    for site, pair in enumerate(codes):
        assert all(left[site].tolist().count(code) <= pair.count(code) for code in (1, OTHER))
        assert left[site].tolist().count(OTHER) == pair.count(OTHER)


def dpyd_records(calls: dict[str, str]) -> list[tuple]:
    """Every site of DPYD's alleles as the reference, but for the calls given."""
    sites = tables.allele_definitions().query("gene == 'DPYD'").dropna(subset="position_grch38")
    return [
        ("1", int(row.position_grch38), row.ref_grch38, row.alt, calls.get(str(row.rsid), "0/0"))
        for row in sites.drop_duplicates("position_grch38").sort_values("position_grch38").itertuples()
    ]


@pytest.mark.parametrize(
    ("calls", "status", "phenotype", "action"),
    [
        # rs3918290: c.1905+1G>A (*2A); rs56038477: c.1236G>A, which is no allele without rs75017182.
        ({"rs3918290": "1/1", "rs56038477": "0/1"}, "called", "Poor Metabolizer", "avoid"),
        ({"rs3918290": "0/1", "rs56038477": "0/1"}, "ambiguous", "Intermediate Metabolizer", "reduce dose"),
        ({"rs3918290": "0/1", "rs56038477": "1/1"}, "ambiguous", "Intermediate Metabolizer", "reduce dose"),
        ({"rs75017182": "1|0", "rs56038477": "0|1"}, "ambiguous", "Intermediate Metabolizer", "reduce dose"),
        ({"rs56038477": "0/1"}, "ambiguous", "Normal Metabolizer", "standard"),
        ({"rs150036960": "1/1", "rs56038477": "0/1"}, "ambiguous", "Normal Metabolizer", "standard"),
    ],
)
def test_call_diplotypes__half_of_hapb3_silences_nothing(
    cohort_of: Callable[..., Any],
    calls: dict[str, str],
    status: str,
    phenotype: str,
    action: str,
) -> None:
    definitions = tables.allele_definitions().query("gene == 'DPYD'")
    found = call_diplotypes(cohort_of(dpyd_records(calls)), definitions, assay="targeted")
    table = assign_phenotypes(found, tables.allele_functions(), tables.phenotype_rules())
    first = table.iloc[0]
    assert (first["status"], first["phenotype"]) == (status, phenotype)
    assert "rs56038477 (T)" in first["variants"] and "rs56038477 (T)" in first["assumptions"]
    advice = recommend(table, tables.guidance()).set_index("drug").loc["capecitabine"]
    assert (advice["action"], advice["active"]) == (action, action != "standard")
