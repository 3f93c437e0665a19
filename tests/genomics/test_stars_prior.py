"""Frequencies of alleles, and whose they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from genomics.stars import call_diplotypes
from tests.genomics.star_cohorts import long_definitions, site_records, top


def test_call_diplotypes__frequencies_may_choose_the_phase(cohort_of: Callable[..., Any]) -> None:
    cohort = cohort_of(site_records({"rs1142345": "0/1", "rs1800460": "0/1"}))
    common = {("TPMT", "*1"): 0.95, ("TPMT", "*3A"): 0.03, ("TPMT", "*3B"): 0.001, ("TPMT", "*3C"): 0.02}
    found = top(call_diplotypes(cohort, long_definitions(common), assay="array"), "TPMT")
    assert (found["diplotype"], found["status"]) == ("*1/*3A", "called")
    assert found["posterior"] == pytest.approx(0.95 * 0.03 / (0.95 * 0.03 + 0.001 * 0.02))
    assert found["posterior_no_prior"] == 0.5


def test_call_diplotypes__without_the_prior_the_calls_alone_decide(cohort_of: Callable[..., Any]) -> None:
    frequencies = {("TPMT", "*1"): 0.9, ("TPMT", "*3A"): 0.05, ("TPMT", "*3C"): 0.01}
    cohort = cohort_of(site_records({"rs1800460": "0/1", "rs1142345": "0/1"}))
    definitions = long_definitions(frequencies).query("gene == 'TPMT'")
    with_prior, without = (
        call_diplotypes(cohort, definitions, assay="wgs", prior=prior) for prior in (True, False)
    )
    assert with_prior["diplotype"].iloc[0] == "*1/*3A" and with_prior["posterior"].iloc[0] > 0.95
    assert without["posterior"].tolist() == without["posterior_no_prior"].tolist() == [0.5, 0.5]
    assert set(without["status"]) == {"ambiguous"}


def test_call_diplotypes__other_genes_tell_which_population_the_prior_is_of(
    cohort_of: Callable[..., Any],
) -> None:
    # *17 is common in the first population alone, as is Leiden; the site of *17 was not observed.
    shares = {
        ("CYP2C19", "*1"): (0.5, 0.99), ("CYP2C19", "*17"): (0.5, 0.0), ("F5", "Reference"): (0.5, 0.999),
        ("F5", "Leiden"): (0.5, 0.001),
    }  # fmt: skip
    definitions = long_definitions().query("gene in ['CYP2C19', 'F5']")
    keys = list(zip(definitions["gene"], definitions["allele"]))
    for number, name in enumerate(("A", "B")):
        definitions[f"frequency_{name}"] = [shares.get(key, (0.0, 0.0))[number] for key in keys]
    records = site_records(
        {"rs4244285": ("0/0", "0/0"), "rs3758581": ("1/1", "1/1"), "rs6025": ("1/1", "0/0")}
    )
    found = call_diplotypes(cohort_of(records), definitions, assay="array")
    leiden, plain = (top(found, "CYP2C19", sample) for sample in ("s0", "s1"))
    assert leiden["diplotype"] == "*1/*17" and plain["diplotype"] == "*1/*1"
    assert plain["posterior"] > 0.8 and "other genes: A 0.20, B 0.80" in plain["assumptions"]
    # All haplotypes alike: *1 and *17 make a pair in two ways.
    assert leiden["posterior_no_prior"] == pytest.approx(1 / 2)
    assert plain["posterior_no_prior"] == pytest.approx(1 / 4)
    alone = call_diplotypes(cohort_of(records), definitions.query("gene == 'CYP2C19'"), assay="array")
    assert "populations" not in top(alone, "CYP2C19", "s0")["assumptions"]
