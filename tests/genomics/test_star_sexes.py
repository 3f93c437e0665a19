"""Copies of a gene on X, by the sex that is stated or else by the calls, and on MT."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genomics.sex_chromosomes import FEMALE, MALE, UNKNOWN
from genomics.star_match import FILL
from genomics.star_match import UNKNOWN as UNSEEN
from genomics.star_remarks import group_remarks
from genomics.star_sexes import (
    HETEROZYGOUS_MAN,
    ONE_BY_CALLS,
    ONE_COPY,
    OTHER_UNKNOWN,
    TWO_ASSUMED,
    settle_copies_on_x,
)
from genomics.stars import call_diplotypes
from tests.genomics.star_cohorts import top

CALL = st.sampled_from([(0, 0), (0, 1), (1, 1), (0, FILL), (1, FILL), (UNSEEN, UNSEEN), (UNSEEN, FILL)])


@pytest.fixture(scope="module")
def definitions() -> pd.DataFrame:
    from varimol import tables

    return tables.allele_definitions().query("gene == 'G6PD'")


# rs1050829 (376A>G) and rs1050828 (202G>A) make A- 202A_376G; both strands' letters as on GRCh38.
def g6pd(*calls: tuple[str, str]) -> list[tuple]:
    first, second = zip(*calls)
    return [("X", 154535277, "T", "C", *first), ("X", 154536002, "C", "T", *second)]


def test_call_diplotypes__man_written_with_two_alleles_has_one(
    cohort_of: Callable[..., Any], definitions: pd.DataFrame
) -> None:
    cohort = cohort_of(g6pd(("1/1", "1/1"), ("1", "1"), ("1/1", "1/1"), ("1/1", "1/1")))
    sexes = np.array([MALE, MALE, FEMALE, UNKNOWN], dtype=np.int8)
    found = call_diplotypes(cohort, definitions, assay="array", sexes=sexes)
    first = [top(found, "G6PD", f"s{i}") for i in range(4)]
    assert [row["diplotype"] for row in first] == ["A- 202A_376G"] * 2 + ["A- 202A_376G/A- 202A_376G"] * 2
    assert [row["assumptions"] for row in first] == [ONE_COPY, ONE_COPY, "", TWO_ASSUMED]


def test_call_diplotypes__without_sexes_two_copies_are_assumed_and_told(
    cohort_of: Callable[..., Any], definitions: pd.DataFrame
) -> None:
    cohort = cohort_of(g6pd(("1/1", "1/1"), ("1", "1"), (".", "."), ("0/0", "0/0")))
    found = call_diplotypes(cohort, definitions, assay="array")
    told = [top(found, "G6PD", f"s{i}") for i in range(4)]
    assert told[0]["diplotype"] == "A- 202A_376G/A- 202A_376G" and told[0]["assumptions"] == TWO_ASSUMED
    assert told[1]["diplotype"] == "A- 202A_376G" and told[1]["assumptions"] == ""
    assert told[2]["status"] == "abstain" and told[2]["assumptions"] == ""
    assert told[3]["assumptions"] == TWO_ASSUMED


def test_call_diplotypes__heterozygous_man_is_not_called(
    cohort_of: Callable[..., Any], definitions: pd.DataFrame
) -> None:
    cohort = cohort_of(g6pd(("1/1", "0/1"), ("1/1", "0/1"), ("1/1", "0/0")))
    found = call_diplotypes(cohort, definitions, assay="array", sexes=np.array([MALE, FEMALE, MALE]))
    man, woman, other = (top(found, "G6PD", f"s{i}") for i in range(3))
    assert (man["status"], man["reason"], man["diplotype"]) == ("abstain", HETEROZYGOUS_MAN, "")
    assert man["sites_no_call"] == "rs1050828"
    assert woman["diplotype"] == "A/A- 202A_376G" and woman["assumptions"] == ""
    assert other["diplotype"] == "A" and "unlike" not in "".join(found["assumptions"])


def test_call_diplotypes__one_copy_in_a_woman_leaves_the_other_open(
    cohort_of: Callable[..., Any], definitions: pd.DataFrame
) -> None:
    cohort = cohort_of(g6pd(("1", "1")))
    rows = call_diplotypes(cohort, definitions, assay="array", sexes=np.array([FEMALE]))
    assert set(rows["status"]) == {"ambiguous"} and set(rows["assumptions"]) == {OTHER_UNKNOWN}
    assert "A- 202A_376G/A- 202A_376G" in set(rows["diplotype"]) and rows["diplotype"].str.contains("/").all()


def test_call_diplotypes__a_call_of_one_copy_says_that_there_is_one(
    cohort_of: Callable[..., Any], definitions: pd.DataFrame
) -> None:
    # All other sites are homozygous, but written with two alleles; half a call is of the one copy too.
    cohort = cohort_of(
        g6pd(("1", "1/1"), ("1/1", "1"), ("1", "0/0"), ("1", "./1"), ("1", "0/1"), ("1", "./."))
    )
    found = call_diplotypes(cohort, definitions, assay="array")
    told = [top(found, "G6PD", f"s{i}") for i in range(6)]
    assert [row["diplotype"] for row in told[:4]] == ["A- 202A_376G", "A- 202A_376G", "A", "A- 202A_376G"]
    assert [row["assumptions"] for row in told] == [ONE_BY_CALLS] * 3 + [""] * 3
    assert told[4]["status"] == "abstain" and told[4]["diplotype"] == ""
    assert told[4]["reason"].endswith("one copy is called at rs1050829, but two unlike alleles at rs1050828")
    assert "/" not in "".join(found.query("sample_id == 's5'")["diplotype"])


def test_call_diplotypes__stated_sex_comes_before_the_copies_of_the_calls(
    cohort_of: Callable[..., Any], definitions: pd.DataFrame
) -> None:
    cohort = cohort_of(g6pd(("1", "0/1"), ("1", "0/1"), ("1", "0/0")))
    found = call_diplotypes(
        cohort, definitions, assay="array", sexes=np.array([MALE, FEMALE, FEMALE], dtype=np.int8)
    )
    man, woman, other = (top(found, "G6PD", f"s{i}") for i in range(3))
    assert man["reason"] == HETEROZYGOUS_MAN
    assert {woman["assumptions"], other["assumptions"]} == {OTHER_UNKNOWN}
    assert (woman["status"], other["status"]) == ("ambiguous", "ambiguous")


def test_call_diplotypes__whole_genome_of_a_man_that_does_not_mention_the_gene(
    cohort_of: Callable[..., Any], definitions: pd.DataFrame
) -> None:
    around = [("X", p, "A", "C", "0/0", "0/0") for p in range(154_530_000, 154_550_001, 5_000)]
    found = call_diplotypes(
        cohort_of(around), definitions, assay="wgs", build="GRCh38", sexes=np.array([MALE, FEMALE])
    )
    assert top(found, "G6PD", "s0")["diplotype"] == "B (reference)"
    assert top(found, "G6PD", "s1")["diplotype"] == "B (reference)/B (reference)"


@given(st.lists(st.lists(CALL, min_size=3, max_size=3), min_size=1, max_size=4))
def test_settle_copies_on_x__men_have_one_column_and_women_two(calls: list[list[tuple[int, int]]]) -> None:
    codes = np.array(calls, dtype=np.int8)
    names = [f"rs{i}" for i in range(len(calls))]
    found = settle_copies_on_x(codes, np.zeros(3, dtype=bool), np.array([MALE, FEMALE, UNKNOWN]), names)
    assert found.one_copy[0] and not found.one_copy[1]
    assert (found.codes[:, 0, 1] == FILL).all() and (found.codes[:, 1] != FILL).all()
    # What was seen of the first copy stays as it is.
    assert found.codes[:, :, 0].tolist() == codes[:, :, 0].tolist()
    plain = settle_copies_on_x(codes, np.zeros(3, dtype=bool), None, names)
    assert plain.codes[:, 2].tolist() == found.codes[:, 2].tolist()
    said, of_sample = group_remarks(found.remarks, 3)
    own = [call[2] for call in calls]
    one, unlike, alike = (FILL in sum(own, ()), (0, 1) in own, {(0, 0), (1, 1)} & {*own})
    assert found.one_copy[2] == (one and not unlike)
    expected = (ONE_BY_CALLS,) if one and alike else () if one else (TWO_ASSUMED,)
    assert said[of_sample[2]].assumed == (() if one and unlike else expected)
    assert bool(said[of_sample[2]].refusal) == (one and unlike)


def test_call_diplotypes__gene_of_the_mitochondrion_that_no_record_mentions(
    cohort_of: Callable[..., Any],
) -> None:
    from varimol import tables

    definitions = tables.allele_definitions().query("gene == 'MT-RNR1'")
    around = cohort_of([("MT", 263, "A", "G", "1/1"), ("MT", 8860, "A", "G", "1/1")])
    found = call_diplotypes(around, definitions, assay="wgs", build="GRCh38")
    assert found["diplotype"].tolist() == ["Reference"]
