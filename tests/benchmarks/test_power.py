"""The power benchmark reads a simulated cohort as the stored one would be read, and its claims can fail."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.power import MemoryCohort, measure
from varimol.demo_cohort import demo_cohort

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "power.tsv"


def test_memory_cohort__one_row_per_alternative() -> None:
    simulated = demo_cohort(1, n_samples=40)
    cohort = MemoryCohort(simulated)
    assert len(cohort.variants) == simulated.records["alt"].str.split(",").map(len).sum()
    multiple = cohort.variants[cohort.variants["rsid"] == "rs3064744"]
    assert multiple["alt"].tolist() == ["C", "CATAT", "CATATAT"]
    rows, dosage = next(cohort.dosage_blocks(multiple, min_gq=20))
    assert rows["alt_index"].tolist() == [1, 2, 3]
    called = ~np.isnan(dosage[1])
    genotypes = cohort.genotypes(rows["record"].to_numpy())[1]
    assert np.array_equal(dosage[1][called], (genotypes == 2).sum(axis=1)[called])


def test_results__found_in_18_of_20_and_in_at_most_one_unplanted() -> None:
    if not RESULTS.exists():
        pytest.skip("benchmarks/results is not part of a source distribution")
    table = pd.read_csv(RESULTS, sep="\t")
    planted = table[table["planted"]]
    unplanted = table[~table["planted"]]
    assert len(planted) == len(unplanted) == 20
    assert planted["found"].sum() >= 18
    assert (unplanted["n_hits_at_locus"] > 0).sum() <= 1


@pytest.mark.slow
def test_measure__flipped_sign_turns_protection_into_risk() -> None:
    row = measure(20, True, flipped=True)
    assert row["found"]
    assert float(str(row["beta"])) > 1
    assert 0.9 < float(str(row["lambda"])) < 1.1
