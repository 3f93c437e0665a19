"""The memory benchmark runs the commands and says how much they took."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.memory import LIMIT_MB, measure_shapes, parse_shapes

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "reading_memory.tsv"


@pytest.mark.skipif(
    not all(shutil.which(name) for name in ("bgzip", "tabix", "bcftools")),
    reason="bgzip, tabix or bcftools is not installed",
)
def test_measure_shapes__one_row_per_file_and_command(tmp_path: Path) -> None:
    pytest.importorskip("msprime", reason="msprime is not installed")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    table = measure_shapes(parse_shapes("60x10"), tmp_path / "data", scratch)
    assert table[["file", "command"]].to_numpy().tolist() == [
        ["VCF", "ingest"], ["VCF", "export"], ["BCF", "ingest"], ["BCF", "export"],
    ]  # fmt: skip
    assert ((table["peak_mb"] > 30) & (table["output_bytes"] > 1000)).all()
    assert (table["passed"] == (table["peak_mb"] < LIMIT_MB)).all()
    assert not list(scratch.iterdir())


def test_results__under_one_gigabyte() -> None:
    if not RESULTS.exists():
        pytest.skip("the full-size run is not recorded here")
    table = pd.read_csv(RESULTS, sep="\t")
    assert table["n_variants"].max() >= 1_000_000 and table["n_samples"].max() >= 100_000
    assert (table.loc[table["command"] == "ingest", "peak_mb"] < LIMIT_MB).all()
