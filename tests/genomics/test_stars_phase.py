"""What lies on one chromosome and what on two."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from genomics.stars import call_diplotypes
from tests.genomics.star_cohorts import long_definitions, site_records, top


def test_call_diplotypes__phase_tells_3a_from_3b_3c(cohort_of: Callable[..., Any]) -> None:
    together = {"rs1142345": ("0|1", "0|1", "0/1"), "rs1800460": ("0|1", "1|0", "0/1")}
    cohort = cohort_of(site_records(together))
    found = call_diplotypes(cohort, long_definitions(), assay="array")
    assert top(found, "TPMT", "s0")["diplotype"] == "*1/*3A"
    assert top(found, "TPMT", "s1")["diplotype"] == "*3B/*3C"
    open_phase = found[(found["gene"] == "TPMT") & (found["sample_id"] == "s2")]
    assert set(open_phase["diplotype"]) == {"*1/*3A", "*3B/*3C"}
    assert set(open_phase["status"]) == {"ambiguous"}


def test_call_diplotypes__dpyd_phase_tells_one_copy_from_two(cohort_of: Callable[..., Any]) -> None:
    from varimol import tables

    definitions = tables.allele_definitions().query("gene == 'DPYD'")
    # c.1905+1G>A and c.1679T>G, both without function: on one chromosome, on two, and unphased.
    records = [("1", 97450058, "C", "T", "0|1", "0|1", "0/1"), ("1", 97515787, "A", "C", "0|1", "1|0", "0/1")]
    found = call_diplotypes(cohort_of(records), definitions, assay="array")
    # In the order of the definitions, c.1679T>G stands before c.1905+1G>A.
    assert top(found, "DPYD", "s0")["diplotype"] == "Reference/c.1679T>G (*13)"
    assert top(found, "DPYD", "s1")["diplotype"] == "c.1679T>G (*13)/c.1905+1G>A (*2A)"
    assert top(found, "DPYD", "s2")["diplotype"] == "c.1679T>G (*13)/c.1905+1G>A (*2A)"


def test_call_diplotypes__dpyd_names_the_worst_variant_of_each_copy(cohort_of: Callable[..., Any]) -> None:
    from varimol import tables

    definitions = tables.allele_definitions().query("gene == 'DPYD'")
    # c.1905+1G>A (no function), c.1627A>G and c.85T>C (normal function), unphased.
    records = [
        ("1", 97450058, "C", "T", "0/1", "0/0"),
        ("1", 97515839, "T", "C", "0/1", "0/0"),
        ("1", 97883329, "A", "G", "0/1", "0/1"),
    ]
    found = call_diplotypes(cohort_of(records), definitions, assay="array")
    worst = top(found, "DPYD", "s0")
    assert worst["diplotype"].endswith("c.1905+1G>A (*2A)")
    assert "different haplotypes" in worst["assumptions"]
    assert top(found, "DPYD", "s1")["diplotype"] == "Reference/c.85T>C (*9A)"
    # Two dozen alleles of no function lie at sites that nobody looked at.
    assert set(found["status"]) == {"ambiguous"}
