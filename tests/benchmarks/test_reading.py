"""The reading benchmark compares outputs that could differ, and its figures are those of the programs."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.measure import measure_apart, size_of
from benchmarks.reading import CRITERIA, measure_all, verdicts
from benchmarks.reading_contenders import Setting
from benchmarks.reading_data import CallSet, make_vcf
from benchmarks.reading_peers import Command, as_pgen, different_cells, load_pgen, read_cyvcf2

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results"
PROGRAMS = pytest.mark.skipif(
    not all(shutil.which(name) for name in ("bgzip", "tabix", "bcftools", "plink2")),
    reason="bgzip, tabix, bcftools or plink2 is not installed",
)


def test_measure_apart__memory_is_that_of_the_command() -> None:
    here = np.ones(40_000_000)  # 320 MB that are not the command's
    small = measure_apart(["true"], [])
    large = measure_apart([sys.executable, "-c", "x = b'1' * 200_000_000"], [])
    assert small["peak_mb"] < 60 < 200 < large["peak_mb"] < 300
    assert here.nbytes == 320_000_000


def test_measure_apart__counts_time_cpu_and_output(tmp_path: Path) -> None:
    out = tmp_path / "folder"
    code = f"import pathlib, time; p = pathlib.Path({str(out)!r}); p.mkdir(); (p / 'x').write_bytes(b'123')"
    figures = measure_apart([sys.executable, "-c", code + "; time.sleep(0.3)"], [str(out)])
    assert figures["wall_s"] > 0.3 > figures["cpu_s"] > 0
    assert figures["output_bytes"] == 3
    assert size_of(str(tmp_path / "nothing")) == 0


def test_measure_apart__failure_names_the_command_and_its_words() -> None:
    with pytest.raises(RuntimeError, match=r"(?s)ended with 3: .*bad input"):
        measure_apart(["sh", "-c", "echo bad input >&2; exit 3"], [])


def test_different_cells__finds_the_one_that_differs() -> None:
    ours = {"DP": np.arange(6).reshape(2, 3), "GQ": np.zeros((2, 3))}
    theirs = {"DP": ours["DP"].copy()}
    assert different_cells(ours, theirs) == {"DP": 0}
    theirs["DP"][1, 1] = 40
    assert different_cells(ours, theirs) == {"DP": 1}
    with pytest.raises(ValueError, match="DP"):
        different_cells(ours, {"DP": np.zeros((1, 3))})


@PROGRAMS
def test_load_pgen__keeps_genotypes_and_the_phase_of_heterozygous_calls(tmp_path: Path) -> None:
    pytest.importorskip("pgenlib", reason="pgenlib is not installed")
    vcf = make_vcf(CallSet(500, 30, True), tmp_path)
    calls = read_cyvcf2(vcf, None, True, 1)
    command = ["plink2", "--vcf", str(vcf), "--make-pgen", "--out", str(tmp_path / "p")]
    assert Command(command, [tmp_path / "p.pgen"]).run()["output_bytes"] > 0
    found = load_pgen(tmp_path / "p")
    assert different_cells(as_pgen(calls), found) == {"genotypes": 0, "phased": 0}
    assert (found["genotypes"] > 1).any() and found["phased"].any() and not found["phased"].all()


@PROGRAMS
@pytest.mark.slow
def test_measure_all__every_output_equals_ours(tmp_path: Path) -> None:
    pytest.importorskip("msprime", reason="msprime is not installed")
    calls = CallSet(150, 20, True)
    table = measure_all(Setting(calls, tmp_path / "data", tmp_path / "scratch", repeats=2))
    compared = table[table["compared"].fillna("") != ""]
    assert (compared["outputs_equal"] == "True").all()
    kept = compared.set_index(["case", "file", "program"])["compared"]
    assert set(kept[("b", "GT:DP:GQ", "cyvcf2")].split(",")) == {
        "positions",
        "genotypes",
        "phased",
        "DP",
        "GQ",
    }
    assert set(kept[("a", "GT", "plink2 --make-pgen")].split(",")) == {"genotypes", "phased"}
    assert (table.loc[table["case"].isin(["a", "b"]), ["wall_s", "cpu_s", "peak_mb", "ratio"]] > 0).all(
        axis=None
    )
    assert {"a", "b", "cold", "read back"} == set(table["case"])


def test_verdicts__miss_is_said() -> None:
    rows = [("a", "GT", "plink2 --make-pgen", 1.2, ""), ("a", "GT", "bgzip -dc", 0.2, "")]
    rows += [("b", "GT:DP:GQ", "cyvcf2", 3.5, "True"), ("b", "GT:DP:GQ", "vcf2zarr", 9.0, "False")]
    table = pd.DataFrame(rows, columns=["case", "file", "program", "ratio", "outputs_equal"])
    judged = verdicts(table.assign(gb_per_s=[np.nan, np.nan, np.nan, 1.5])).set_index("criterion")["passed"]
    assert judged["(a) from GT: plink2 --make-pgen over varimol"]
    assert not judged["(a) from GT: bgzip -dc over varimol"]
    assert not judged["(b) from GT:DP:GQ: vcf2zarr over varimol"]
    assert judged["genotypes read back, GB/s on one core"]
    assert not judged["share of outputs equal to varimol's"]


def test_results__full_size_and_all_outputs_equal() -> None:
    path = RESULTS / "reading.tsv"
    if not path.exists():
        pytest.skip("the full-size run is not recorded here")
    table = pd.read_csv(path, sep="\t", keep_default_na=False)
    measured = table[table["case"].isin(["a", "b"])]
    assert (measured["n_variants"].astype(int) == 50_000).all()
    assert (measured["n_samples"].astype(int) == 1_000).all()
    assert (measured["rounds"].astype(int) >= 5).all()
    compared = measured[measured["compared"] != ""]
    assert len(compared) >= 10
    assert (compared["outputs_equal"] == "True").all()
    for case, program, _ in CRITERIA:
        assert ((measured["case"] == case) & (measured["program"] == program)).any()
