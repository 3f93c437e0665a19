"""The whole way on real calls: 2,504 people over 24 genes, and an exome cohort on a build that is refused."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import varimol
from genomics.errors import InputError
from varimol import tables


@pytest.fixture(scope="module")
def linked(shared_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    variants = shared_data / "pharmacogenes" / "1000genomes_grch37"
    command = [sys.executable, "-m", "benchmarks.warfarin", "--variants", str(variants)]
    subprocess.run([*command, "--out", str(folder / "dose.tsv")], check=True, capture_output=True)
    tables.drugs()[["compound_id", "name", "smiles"]].head(60).to_csv(
        folder / "drugs.tsv", sep="\t", index=False
    )
    varimol.link(
        variants, folder / "dose.tsv", "warfarin_dose", folder / "drugs.tsv", folder / "out",
        covariates=("age", "height", "weight"),
    )  # fmt: skip
    return folder / "out"


@pytest.mark.slow
def test_link__finds_the_dose_genes_of_real_people(linked):
    markers = pd.read_parquet(linked / "markers.parquet").sort_values("order")
    assert markers["gene"].iloc[0] == "VKORC1"
    assert set(markers["gene"]) == {"VKORC1", "CYP2C9"}
    assert (markers["beta"] < 0).all()
    assert markers["log10p"].iloc[0] > 100


@pytest.mark.slow
def test_link__detects_the_build_and_says_that_structure_is_missing(linked):
    page = (linked / "report.html").read_text(encoding="utf-8")
    manifest = pd.read_json(linked / "manifest.json", typ="series")
    assert manifest["cohort"]["build"] == "GRCh37"
    assert manifest["structure"]["estimable"] is False
    assert "could not be estimated" in page


@pytest.mark.slow
def test_link__calls_star_alleles_of_real_people(linked):
    diplotypes = pd.read_parquet(linked / "diplotypes.parquet")
    gene = diplotypes[(diplotypes["gene"] == "CYP2C19") & (diplotypes["rank"] == 1)]
    copies = sum(gene["diplotype"].str.split("/").str[k] == "*2" for k in (0, 1)).sum()
    # 1000 Genomes phase 3, rs4244285: 22.1% over all populations (dbSNP).
    assert copies / (2 * len(gene)) == pytest.approx(0.221, abs=0.01)


@pytest.fixture(scope="module")
def exomes(shared_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exomes")
    varimol.ingest(shared_data / "variants" / "ceu_exon" / "CEU_Exon.vcf.gz", folder / "cohort.vcz")
    return folder / "cohort.vcz"


def test_exomes_on_another_build__quality_and_components_run(exomes, tmp_path):
    varimol.quality(exomes, tmp_path / "quality")
    samples = pd.read_parquet(tmp_path / "quality" / "quality_samples.parquet")
    assert len(samples) == 90
    assert (tmp_path / "quality" / "structure.parquet").exists()


def test_exomes_on_another_build__genes_are_refused(exomes, tmp_path):
    cohort = varimol.open_cohort(exomes)
    assert cohort.build == "unknown"
    rng = np.random.default_rng(0)
    dose = pd.DataFrame({"sample_id": cohort.sample_ids, "dose": rng.normal(size=cohort.n_samples)})
    dose.to_csv(tmp_path / "dose.tsv", sep="\t", index=False)
    drugs = tmp_path / "drugs.smi"
    drugs.write_text("CCO ethanol\n", encoding="utf-8")
    with pytest.raises(InputError, match="build") as refusal:
        varimol.link(exomes, tmp_path / "dose.tsv", "dose", drugs, tmp_path / "out")
    assert "\n" not in str(refusal.value)
    with pytest.raises(InputError, match="build"):
        varimol.stars(exomes, tmp_path / "stars")
