"""Speed of star alleles: the recorded figures."""

from __future__ import annotations

import pandas as pd

from benchmarks.record import RESULTS
from benchmarks.star_speed import LIMIT_S


def test_recorded_figures__whole_and_halves() -> None:
    table = pd.read_csv(RESULTS / "star_speed.tsv", sep="\t")
    assert set(table["what"]) == {"stars from VCF", "ingest", "stars from store"}
    assert (table["n_people"] == 2504).all() and (table["n_files"] == 24).all()
    whole = table[table["what"] == "stars from VCF"]
    assert (whole["wall_s"] < LIMIT_S).all() and whole["passed"].astype(bool).all()
    assert (table["peak_mb"] < 1500).all()
