"""Sites that are absent, not called or filtered, and what an assay lets them mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from genomics.stars import call_diplotypes
from tests.genomics.star_cohorts import long_definitions, site_records, top


@pytest.mark.parametrize("state", ["absent", "no-call", "filtered"])
def test_call_diplotypes__unobserved_site_is_never_the_reference(
    cohort_of: Callable[..., Any], state: str
) -> None:
    calls = {"rs12248560": "0/0", "rs4244285": "./." if state == "no-call" else "0/0", "rs3758581": "1/1"}
    if state == "absent":
        del calls["rs4244285"]
    filters = {94781859: "low"} if state == "filtered" else None
    cohort = cohort_of(site_records(calls), filters=filters)
    frequencies = {("CYP2C19", "*1"): 0.999, ("CYP2C19", "*2"): 0.001}
    found = call_diplotypes(cohort, long_definitions(frequencies), assay="array")
    rows = found[found["gene"] == "CYP2C19"]
    assert set(rows["diplotype"]) == {"*1/*1", "*1/*2", "*2/*2"}
    # However rare the allele, frequencies do not stand in for a site that was not observed.
    assert rows["posterior"].iloc[0] > 0.99 and set(rows["status"]) == {"ambiguous"}
    assert set(rows["sites_missing"]) == {"rs4244285"}


def test_call_diplotypes__low_genotype_quality_is_unknown(make_cohort: Callable[..., Any]) -> None:
    cohort = make_cohort(
        np.array([[1, 1], [0, 0]]),
        contigs=["6", "6"],
        positions=[18130687, 18138997],
        refs=["T", "C"],
        alts=["C", "T"],
        gq=np.array([[12, 40], [40, 40]]),
    )
    definitions = long_definitions({("TPMT", "*1"): 0.95, ("TPMT", "*3C"): 0.05})
    found = call_diplotypes(cohort, definitions, assay="wes", build="GRCh38")
    assert top(found, "TPMT", "s0")["status"] == "ambiguous"
    assert top(found, "TPMT", "s0")["sites_missing"] == "rs1142345"
    assert (top(found, "TPMT", "s1")["diplotype"], top(found, "TPMT", "s1")["status"]) == ("*1/*3C", "called")
    every = call_diplotypes(cohort, definitions, assay="wes", build="GRCh38", min_gq=None)
    assert top(every, "TPMT", "s0")["diplotype"] == "*1/*3C"


def test_call_diplotypes__half_call_leaves_one_copy_open(cohort_of: Callable[..., Any]) -> None:
    calls = {"rs12248560": "0/0", "rs4244285": "./1", "rs3758581": "1/1"}
    found = call_diplotypes(cohort_of(site_records(calls)), long_definitions(), assay="array")
    assert set(found.loc[found["gene"] == "CYP2C19", "diplotype"]) == {"*1/*2", "*2/*2"}


def test_call_diplotypes__sites_say_why_they_are_missing(cohort_of: Callable[..., Any]) -> None:
    records = site_records({"rs12248560": "./.", "rs4244285": "0/1"})
    found = top(call_diplotypes(cohort_of(records), long_definitions(), assay="array"), "CYP2C19")
    assert found["sites_missing"] == "rs12248560,rs3758581" and found["sites_no_call"] == "rs12248560"
    assert found["sites_settling"] == "rs12248560,rs3758581"
    assert "*17" in found["unobserved_alleles"]


def test_call_diplotypes__wgs_assumes_the_reference_and_says_so(cohort_of: Callable[..., Any]) -> None:
    calls = {"rs12248560": "0/0", "rs3758581": "1/1"}
    neighbours = [("10", 94781800, "A", "C", "0/1"), ("10", 94781900, "A", "C", "0/1")]
    cohort = cohort_of([site_records(calls)[0], *neighbours, site_records(calls)[1]])
    assumed = top(call_diplotypes(cohort, long_definitions(), assay="wgs"), "CYP2C19")
    assert (assumed["diplotype"], assumed["status"]) == ("*1/*1", "called")
    assert "1 site that the file does not mention" in assumed["assumptions"]
    unknown = top(call_diplotypes(cohort, long_definitions(), assay="wes"), "CYP2C19")
    assert unknown["status"] == "ambiguous" and unknown["assumptions"] == ""


def test_call_diplotypes__wgs_assumes_nothing_beyond_the_records(cohort_of: Callable[..., Any]) -> None:
    calls = {"rs12248560": "0/0", "rs3758581": "1/1"}
    found = call_diplotypes(cohort_of(site_records(calls)), long_definitions(), assay="wgs")
    assert top(found, "CYP2C19")["sites_missing"] == "rs4244285"
    assert top(found, "TPMT")["status"] == "abstain"
    assert top(found, "TPMT")["reason"] == "no site of the gene was observed"


def test_call_diplotypes__cyp2b6_6_does_not_become_9_where_its_site_is_absent(
    cohort_of: Callable[..., Any],
) -> None:
    from varimol import tables

    definitions = tables.allele_definitions().query("gene == 'CYP2B6'")
    sites = (
        definitions[["position_grch38", "ref_grch38", "alt", "rsid"]]
        .dropna()
        .drop_duplicates("position_grch38")
    )
    records = [
        ("19", int(p), ref, alt, "0|1" if rsid == "rs3745274" else "0|0")
        for p, ref, alt, rsid in sites.sort_values("position_grch38").itertuples(index=False)
        if rsid != "rs2279343"
    ]
    found = call_diplotypes(cohort_of(records), definitions, assay="wgs")
    assert found["diplotype"].iloc[0] == "*1/*6"
    assert {"*1/*9", "*4/*6"} <= set(found["diplotype"])
    assert set(found["status"]) == {"ambiguous"} and set(found["sites_missing"]) == {"rs2279343"}


def test_call_diplotypes__genotype_genes_may_hide_a_variant_beside_another(
    cohort_of: Callable[..., Any],
) -> None:
    definitions = long_definitions().query("gene == 'TPMT' and allele != '*3A'").assign(method="genotype")
    found = top(
        call_diplotypes(cohort_of(site_records({"rs1800460": "1/1"})), definitions, assay="array"), "TPMT"
    )
    assert found["status"] == "ambiguous" and found["sites_settling"] == "rs1142345"
