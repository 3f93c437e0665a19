"""Star alleles on the whole way: the tables of `stars`, and what they may be given."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from genomics.cohort import open_cohort
from genomics.errors import InputError
from varimol.commands import stars
from varimol.link import link
from varimol.star_calls import STAR_FILES

SAMPLES = [f"P{number}" for number in range(12)]


@pytest.fixture
def small(tmp_path: Path, make_vcf: Callable[..., Path]) -> dict[str, Any]:
    """Return input of twelve people, imputed, with two sites of TPMT and one of G6PD on GRCh38."""
    calls = " ".join(["0/0:1,0,0", "0/1:0.02,0.96,0.02", "1/1:0,0,1"] * 4)
    sites = ["6 18130687 . T C", "6 18138997 . C T", "X 154535277 . T C"]
    variants = make_vcf(
        [f"{site} . PASS . GT:GP {calls}" for site in sites],
        samples=SAMPLES,
        header=['##FORMAT=<ID=GP,Number=G,Type=Float,Description="Genotype probabilities">'],
    )
    phenotypes = tmp_path / "phenotypes.tsv"
    lines = [f"{name}\t{number % 2}\n" for number, name in enumerate(SAMPLES)]
    phenotypes.write_text("sample_id\tflare\n" + "".join(lines))
    compounds = tmp_path / "compounds.tsv"
    compounds.write_text("id\tsmiles\nC1\tCCO\nC2\tc1ccccc1O\n")
    return {
        "variants": variants, "phenotypes": phenotypes, "trait": "flare", "compounds": compounds,
        "assay": "array", "build": "GRCh38",
    }  # fmt: skip


def test_link__writes_the_tables_of_stars(small: dict[str, Any], tmp_path: Path) -> None:
    out, alone = tmp_path / "out", tmp_path / "alone"
    (tmp_path / "outside.tsv").write_text("sample_id\tgene\tdiplotype\nP0\tCYP2D6\t*1/*4\n")
    (tmp_path / "sexes.tsv").write_text("sample_id\tsex\n" + "".join(f"{name}\t1\n" for name in SAMPLES))
    given: dict[str, Any] = {
        "outside": tmp_path / "outside.tsv",
        "sexes": tmp_path / "sexes.tsv",
        "hybrids_assessed": True,
    }
    link(**small, **given, out=out)
    stars(small["variants"], alone, assay="array", build="GRCh38", **given)
    for name in STAR_FILES:
        assert (out / name).read_bytes() == (alone / name).read_bytes(), name
    assert {path.name for path in alone.iterdir()} - {path.name for path in out.iterdir()} == {
        "stars.json",
        "reports",
    }
    first = pd.read_parquet(out / "diplotypes.parquet").query("sample_id == 'P0' and rank == 1")
    told = first.set_index("gene")["assumptions"]
    assert "another program" in told["CYP2D6"] and "male" in told["G6PD"]
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert [entry["role"] for entry in manifest["inputs"]][-2:] == ["outside", "sexes"]
    assert manifest["parameters"]["hybrids_assessed"] is True
    # What imputed calls are worth is kept for them.
    assert "call_GP" in open_cohort(out / "cohort.vcz").arrays


def test_link__bad_outside_calls_are_refused_before_the_scan(small: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "outside.tsv").write_text("sample_id\tgene\tdiplotype\nP0\tNOSUCH\t*1/*4\n")
    with pytest.raises(InputError, match=r"outside.tsv.*NOSUCH"):
        link(**small, out=tmp_path / "out", outside=tmp_path / "outside.tsv")
    assert not (tmp_path / "out" / "association.tsv").exists()


def test_link__other_outside_calls_remake_the_stars(link_input: Any, linked: Path, tmp_path: Path) -> None:
    out, told = tmp_path / "out", dict[str, bool]()
    shutil.copytree(linked, out)
    sample = open_cohort(linked / "cohort.vcz").sample_ids[0]
    (tmp_path / "outside.tsv").write_text(f"sample_id\tgene\tdiplotype\n{sample}\tCYP2D6\t*4/*4\n")
    link_input.link(out, outside=tmp_path / "outside.tsv", progress=told.__setitem__)
    assert {name for name, reused in told.items() if not reused} == {"stars", "evidence", "report"}
    advice = pd.read_parquet(out / "recommendations.parquet")
    assert advice.query("sample_id == @sample and gene == 'CYP2D6'")["active"].any()
