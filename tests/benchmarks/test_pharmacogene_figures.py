"""What is said of star alleles follows from the raw results."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmarks.pharmacogene_figures import pharmacogene_figures, pharmacogene_summary
from benchmarks.readme import ROOT


def test_pharmacogene_figures__nothing_measured_says_nothing(tmp_path: Path) -> None:
    assert pharmacogene_figures(tmp_path) == ""
    assert pharmacogene_summary(tmp_path) == ""


def test_pharmacogene_summary__counts_genes_that_meet_the_bar(tmp_path: Path) -> None:
    rows = [
        {"gene": gene, "masked": 0.1, "weights": weights, "by": by, "class": "all", "enough_calls": enough,
         "ece_met": met, "log_score_met": True}
        for gene, weights, by, enough, met in (
            ("TPMT", "inferred", "all", True, True), ("NAT2", "inferred", "all", True, False),
            ("F5", "inferred", "all", False, False),  # too few calls to judge
            ("TPMT", "equal", "all", True, False), ("TPMT", "inferred", "true", True, False),
        )
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(tmp_path / "star_masking.tsv", sep="\t", index=False)
    told = pharmacogene_summary(tmp_path)
    assert "1 of 2 genes at 10%" in told and "2 of 2 genes and levels" in told
    assert "PyPGx" not in told and "MB" not in told


def test_pharmacogene_figures__a_missed_frequency_is_listed(tmp_path: Path) -> None:
    row = {"gene": "TPMT", "what": "*2", "population": "AFR", "frequency": 0.0008, "lower": 0.0001, "upper": 0.0043,
           "published": 0.005, "difference": -0.0042, "agrees": False, "same_people": False, "source": "a table"}  # fmt: skip
    table = pd.DataFrame([row, row | {"population": "EUR", "agrees": True, "same_people": True}])
    table.to_csv(tmp_path / "star_frequencies.tsv", sep="\t", index=False)
    page = pharmacogene_figures(tmp_path)
    assert "| TPMT | 1 of 1 | 0 of 1 | 0.0042 |" in page
    assert "| TPMT | *2 | AFR | 0.0008 [0.0001, 0.0043] | 0.005 | a table |" in page and "| EUR |" not in page


def test_pharmacogene_figures__tell_the_failures_of_the_committed_cases() -> None:
    cases = pd.read_csv(ROOT / "benchmarks" / "results" / "star_cases.tsv", sep="\t")
    conditions = cases[cases["by"] == "condition"]
    page = pharmacogene_figures(ROOT / "benchmarks" / "results")
    assert f"{conditions['cases'].sum():,} cases over" in page
    assert f"{conditions['failures'].sum()} failed" in page
