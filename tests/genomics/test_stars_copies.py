"""Copies of a gene: one, three, or not known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from genomics.stars import call_diplotypes
from tests.genomics.star_cohorts import long_definitions, site_records, top


def test_call_diplotypes__copy_number_gene_abstains(cohort_of: Callable[..., Any]) -> None:
    definitions = long_definitions().replace({"gene": {"TPMT": "CYP2D6"}}).assign(copy_number="1")
    cohort = cohort_of(site_records({"rs1142345": "0/0", "rs1800460": "0/0"}))
    found = top(call_diplotypes(cohort, definitions, assay="wgs"), "CYP2D6")
    assert found["status"] == "abstain" and found["reason"].startswith("needs copy number")


def test_call_diplotypes__one_copy_on_x(cohort_of: Callable[..., Any]) -> None:
    from varimol import tables

    definitions = tables.allele_definitions().query("gene == 'G6PD'")
    # rs1050828 (202G>A) and rs1050829 (376A>G) make A- 202A_376G; both strands' letters as on GRCh38.
    records = [("X", 154535277, "T", "C", "1", "1/1"), ("X", 154536002, "C", "T", "1", "0/1")]
    found = call_diplotypes(cohort_of(records), definitions, assay="array")
    assert top(found, "G6PD", "s0")["diplotype"] == "A- 202A_376G"
    assert top(found, "G6PD", "s1")["diplotype"] == "A/A- 202A_376G"


def test_call_diplotypes__one_copy_of_an_autosome_leaves_the_other_open(
    cohort_of: Callable[..., Any],
) -> None:
    cohort = cohort_of(site_records({"rs1800460": "0", "rs1142345": "1"}))
    found = call_diplotypes(cohort, long_definitions().query("gene == 'TPMT'"), assay="wgs")
    assert set(found["diplotype"]) == {
        "*1/*3A",
        "*1/*3C",
        "*3A/*3C",
        "*3B/*3C",
        "*3C/*3C",
    }
    assert set(found["status"]) == {"ambiguous"}
    assert found["assumptions"].str.contains("calls of one copy leave the other unknown").all()


def test_call_diplotypes__calls_of_one_copy_are_told_to_those_who_have_them(
    cohort_of: Callable[..., Any],
) -> None:
    cohort = cohort_of(site_records({"rs1800460": ("0", "0/0", "./."), "rs1142345": ("1", "1/1", "0/.")}))
    found = call_diplotypes(cohort, long_definitions(), assay="wgs")
    told = [top(found, "TPMT", sample)["assumptions"] for sample in ("s0", "s1", "s2")]
    assert told == ["calls of one copy leave the other unknown", "", ""]


@pytest.mark.parametrize("copies", ["0/0/1", "0/0/0/1"])
def test_call_diplotypes__three_copies_are_never_the_reference(
    cohort_of: Callable[..., Any], copies: str
) -> None:
    # With the site dropped nothing but *38 would be left, as *2 has the other base at rs3758581.
    calls = {"rs12248560": ("0/0", "0/0"), "rs4244285": (copies, "0/0"), "rs3758581": ("0/0", "0/0")}
    found = call_diplotypes(cohort_of(site_records(calls)), long_definitions(), assay="wgs")
    odd, plain = top(found, "CYP2C19"), top(found, "CYP2C19", "s1")
    assert (odd["status"], odd["diplotype"], odd["sites_missing"]) == ("abstain", "", "rs4244285")
    assert odd["reason"].startswith(f"{(len(copies) + 1) // 2} copies are called at rs4244285")
    assert (plain["status"], plain["diplotype"], plain["reason"]) == ("called", "*38/*38", "")


def test_call_diplotypes__three_copies_of_a_copy_number_gene(cohort_of: Callable[..., Any]) -> None:
    definitions = long_definitions().replace({"gene": {"TPMT": "CYP2D6"}}).assign(copy_number="1")
    cohort = cohort_of(site_records({"rs1142345": "0/0/1", "rs1800460": "0/0"}))
    found = top(call_diplotypes(cohort, definitions, assay="wgs"), "CYP2D6")
    assert found["status"] == "abstain" and found["reason"].startswith("3 copies are called at rs1142345")
