"""Sites whose reference base differs between the builds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from genomics.stars import call_diplotypes
from tests.genomics.star_cohorts import long_definitions, site_records, top


def test_call_diplotypes__reference_base_of_grch38_is_not_star_1(cohort_of: Callable[..., Any]) -> None:
    calls = {"rs12248560": "0/0", "rs4244285": "0/0", "rs3758581": "0/0"}
    on_38 = call_diplotypes(cohort_of(site_records(calls)), long_definitions(), assay="wgs")
    old = cohort_of(site_records(calls, "GRCh37"), build="GRCh37")
    on_37 = call_diplotypes(old, long_definitions(), assay="wgs")
    assert top(on_38, "CYP2C19")["diplotype"] == "*38/*38"
    assert top(on_37, "CYP2C19")["diplotype"] == "*1/*1"


def test_call_diplotypes__reference_of_grch37_carries_factor_v_leiden(cohort_of: Callable[..., Any]) -> None:
    records = site_records({"rs6025": ("0/0", "0/1", "1/1")}, "GRCh37")
    found = call_diplotypes(cohort_of(records, build="GRCh37"), long_definitions(), assay="array")
    assert [top(found, "F5", f"s{i}")["diplotype"] for i in range(3)] == [
        "Leiden/Leiden",
        "Reference/Leiden",
        "Reference/Reference",
    ]
