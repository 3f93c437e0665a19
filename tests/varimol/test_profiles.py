"""Profiles of patients through the command, and back into the tables' reader."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from genomics.profile_tables import read_profile_tables
from varimol.cli import app

ANN_LINE = (
    "##INFO=<ID=ANN,Number=.,Type=String,Description=\"Functional annotations: 'Allele | Annotation'\">"
)


def run(*words: object) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words])


def record(position: int, gene: str, *calls: str, consequence: str = "missense_variant") -> str:
    told = f"ANN=G|{consequence}|MODERATE|{gene}|g|transcript|t|protein_coding|1/1|c.1A>G|p.Pro7Ala|||||"
    return " ".join(["1", str(position), ".", "A", "G", ".", "PASS", told, "GT", *calls])


@pytest.fixture
def calls(make_vcf: Callable[..., Path]) -> Path:
    lines = [
        record(10, "VHL", "0/1", "0/1", "./."),
        record(20, "MLL2", "0/0", "1/1", "0/0", consequence="stop_gained"),
        record(30, "APC", "0/1", "0/1", "0/1", consequence="synonymous_variant"),
    ]
    return make_vcf(lines, "in.vcf", ("N", "T", "X"), (ANN_LINE, "##contig=<ID=1>"))


def test_profiles__tables_are_read_back_with_present_symbols(calls: Path, tmp_path: Path) -> None:
    done = run("profiles", calls, "--out", tmp_path / "p", "--max-frequency", 1, "--build", "GRCh38")
    assert done.exit_code == 0, done.output
    assert "3 patients" in done.output
    tables = {block: tmp_path / "p" / f"{block}.tsv" for block in ("mutation", "burden")}
    read = read_profile_tables(tables, "sample_id")
    assert read.sample_ids == ("N", "T", "X")
    assert read.genes["mutation"] == ("APC", "KMT2D", "VHL")
    nan = np.nan
    assert np.array_equal(read.blocks["mutation"], [[0, 0, 1], [0, 1, 1], [0, 0, nan]], equal_nan=True)
    assert np.array_equal(read.blocks["burden"], [[0, 0, 1], [0, 2, 1], [0, 0, nan]], equal_nan=True)
    told = json.loads((tmp_path / "p" / "profiles.json").read_text())
    assert told["blocks"] == ["mutation", "burden"]  # nothing tells copies
    assert not (tmp_path / "p" / "copy_number.tsv").exists()
    assert sorted(path.name for path in (tmp_path / "p").iterdir()) == [
        "burden.parquet", "burden.tsv", "mutation.parquet", "mutation.tsv", "profiles.json",
    ]  # fmt: skip


def test_profiles__a_tumour_has_what_its_normal_lacks(calls: Path, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("tumour\tnormal\nT\tN\n")
    genes = tmp_path / "genes.txt"
    genes.write_text("VHL\nKMT2D\nTP53\n")
    done = run(
        "profiles", calls, "--out", tmp_path / "p", "--pairs", pairs, "--genes", genes, "--build", "GRCh38"
    )
    assert done.exit_code == 0, done.output
    read = read_profile_tables({"mutation": tmp_path / "p" / "mutation.tsv"}, "sample_id")
    assert read.sample_ids == ("T",)
    assert dict(zip(read.genes["mutation"], read.blocks["mutation"][0].tolist(), strict=True)) == {
        "KMT2D": 1.0,
        "VHL": 0.0,
    }  # of TP53 nothing is known, so that it has no column
    assert "TP53" in done.output


def test_profiles__genes_read_in_full_have_no_variant(calls: Path, tmp_path: Path) -> None:
    panel = tmp_path / "panel.txt"
    panel.write_text("TP53\n")
    done = run(
        "profiles", calls, "--out", tmp_path / "p", "--assessed", panel, "--max-frequency", 1, "--build", "GRCh38",
        "--id-column", "patient",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    read = read_profile_tables({"mutation": tmp_path / "p" / "mutation.tsv"}, "patient")
    assert read.blocks["mutation"][:, read.genes["mutation"].index("TP53")].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("option", "text", "said"),
    [
        ("--pairs", "tumour\tnormal\nT\tN\nT\tX\n", "record 3, field tumour: the tumour 'T' has two normals"),
        ("--pairs", "tumor\tnormal\nT\tN\n", "tumour"),
        ("--pairs", "tumour\tnormal\nQ\tN\n", "the cohort has no sample 'Q'"),
        ("--genes", "TP53,VHL\n", "record 1: 'TP53,VHL' is no symbol"),
        ("--genes", "\n", "the list of genes is empty"),
        ("--genes", "NOGENE\n", "no record of the file is annotated with one of the 1 genes"),
        ("--frequencies", "variant_id\tfrequency\n1:10:A:G\t1.2\n", "record 2, field frequency: '1.2' is no"),
    ],
)
def test_profiles__bad_input_is_one_line(
    calls: Path, tmp_path: Path, option: str, text: str, said: str
) -> None:
    table = tmp_path / "given.tsv"
    table.write_text(text)
    done = run("profiles", calls, "--out", tmp_path / "p", option, table, "--build", "GRCh38")
    assert done.exit_code == 2, done.output
    assert said in done.output, done.output
    assert not list((tmp_path / "p").glob("*")) if (tmp_path / "p").exists() else True


def test_profiles__three_samples_cannot_tell_frequencies(calls: Path, tmp_path: Path) -> None:
    done = run("profiles", calls, "--out", tmp_path / "p", "--germline", "--build", "GRCh38")
    assert done.exit_code == 2
    assert "3 samples cannot tell frequencies below 0.01" in done.output
    assert calls.name in done.output and "cohort.vcz" not in done.output
    both = run("profiles", calls, "--out", tmp_path / "p", "--germline", "--pairs", calls)
    assert "--germline and --pairs together" in both.output


def test_profiles__assessed_names_are_told(calls: Path, tmp_path: Path) -> None:
    listed = tmp_path / "genes.txt"
    listed.write_text("MLL2\nHER2\nTP53\n")
    done = run(
        "profiles",
        calls,
        "--out",
        tmp_path / "p",
        "--assessed",
        listed,
        "--build",
        "GRCh38",
        "--max-frequency",
        "1",
    )
    assert done.exit_code == 0, done.output
    assert "assessed: renamed MLL2 to KMT2D" in done.output
    assert (
        "assessed: 1 of 3 columns are no known symbol of a gene and are kept as named (HER2)" in done.output
    )
