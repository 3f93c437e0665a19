"""The whole way on a small simulated cohort: what is found, what is written, what it says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from varimol.demo_cohort import PROTECTIVE
from varimol.evidence import LANES

COLUMNS = {
    "association": [
        "variant_id", "contig", "position", "effect_allele", "other_allele", "effect_allele_frequency", "n", "beta",
        "se", "log10p", "test", "missing_policy",
    ],
    "diplotypes": [
        "sample_id", "gene", "rank", "diplotype", "posterior", "posterior_no_prior", "status", "phenotype",
        "activity_score", "sites_missing",
    ],
    "recommendations": [
        "sample_id", "drug", "gene", "phenotype", "recommendation", "strength", "probability", "active", "source",
    ],
    "therapies": ["sample_id", "rank", "compound_id", "lane", "score", "lower", "upper", "reason", "path"],
    "evidence": [
        "sample_id", "compound_id", "claim", "direction", "value", "lower", "upper", "unit", "path", "sources",
        "assumptions", "abstain", "reason",
    ],
}  # fmt: skip
"""What others rely on; more columns may stand beside these."""


def table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(folder / f"{name}.parquet")


@pytest.mark.parametrize("name", COLUMNS)
def test_link__tables_have_their_columns(linked: Path, name: str) -> None:
    parquet = table(linked, name)
    text = pd.read_csv(linked / f"{name}.tsv", sep="\t", dtype=str, keep_default_na=False)
    assert set(COLUMNS[name]) <= set(parquet.columns)
    assert text.columns.tolist() == parquet.columns.tolist()
    assert len(text) == len(parquet) > 0
    missing = parquet.isna().to_numpy()
    assert (text.to_numpy()[missing] == "").all()


def test_link__finds_the_planted_marker(linked: Path) -> None:
    markers = table(linked, "markers")
    lead = markers[markers["position"] == PROTECTIVE.position].iloc[0]
    assert lead["log10p"] > 7.3 and lead["beta"] < 0
    assert (lead["gene"], lead["drug_action"]) == ("TYK2", "inhibit")
    assert "assumed, not shown" in lead["drug_action_reason"]


def test_link__writes_nothing_but_finished_results(linked: Path) -> None:
    names = {path.name for path in linked.iterdir()}
    assert {"cohort.vcz", "report.html", "manifest.json", "library"} <= names
    assert not [name for name in names if "tmp" in name or name.startswith(".step-")]
    records = {path.stem for path in (linked / ".steps").iterdir()}
    assert {"cohort", "quality", "association", "evidence", "report"} <= records


def test_link__manifest_tells_what_was_done(linked: Path, link_input: Any) -> None:
    manifest = json.loads((linked / "manifest.json").read_text())
    assert [entry["role"] for entry in manifest["inputs"]] == ["variants", "phenotypes", "compounds"]
    from varimol.steps import file_sha256

    assert manifest["inputs"][0]["sha256"] == file_sha256(link_input.variants)
    assert manifest["parameters"]["trait"] == link_input.trait
    assert manifest["cohort"]["n_samples"] == 250
    assert manifest["cohort"]["build"] == "GRCh38"
    assert manifest["association"]["call_policy"]["half_calls"] == "no-call"
    assert "torch" in manifest["created_with"]


def test_link__evidence_has_a_path_sources_and_an_assumption(linked: Path) -> None:
    evidence = table(linked, "evidence")
    assert evidence["evidence_id"].is_unique
    assert set(evidence["lane"]) <= set(LANES)
    speaking = evidence[~evidence["abstain"]]
    assert (speaking[["path", "sources", "assumptions", "compound_id", "reason"]] != "").all(axis=None)
    assert (evidence.loc[evidence["abstain"], "reason"] != "").all()
    predicted = speaking[speaking["lane"] == "predicted"]
    assert predicted["reason"].str.contains("the genetics supports the target, not the compound").all()


def test_link__ranks_are_whole_per_patient(linked: Path) -> None:
    therapies = table(linked, "therapies")
    order = {lane: place for place, lane in enumerate(LANES)}
    for _, mine in therapies.groupby("sample_id"):
        assert mine["rank"].tolist() == list(range(1, len(mine) + 1))
        assert mine["lane"].map(order).is_monotonic_increasing


def test_link__predicted_lane_is_for_patients_alone(linked: Path, link_input: Any) -> None:
    trait = pd.read_csv(link_input.phenotypes, sep="\t", dtype={"sample_id": str}).set_index("sample_id")
    evidence = table(linked, "evidence")
    people = set(evidence.loc[evidence["lane"] == "predicted", "sample_id"])
    assert people
    assert (trait.loc[sorted(people), link_input.trait] == 1).all()


def test_link__two_protective_alleles_get_no_predicted_compound(linked: Path, link_input: Any) -> None:
    from genomics.cohort import open_cohort

    cohort = open_cohort(linked / "cohort.vcz")
    row = cohort.variants[cohort.variants["position"] == PROTECTIVE.position]
    (_, dosage), *_ = list(cohort.dosage_blocks(row, min_gq=20))
    twice = set(cohort.sample_ids[dosage[0] == 2])
    evidence = table(linked, "evidence")
    predicted = evidence[evidence["lane"].eq("predicted") & evidence["sample_id"].isin(twice)]
    assert predicted["abstain"].all()


def test_link__affinity_interval_holds_the_prediction(linked: Path) -> None:
    affinity = table(linked, "affinity")
    assert len(affinity) == len(table(linked, "library/library").query("status == 'ok'"))
    assert set(affinity["gene"]) == {"TYK2"}
    assert (affinity["lower"] <= affinity["prediction"]).all() and (
        affinity["prediction"] <= affinity["upper"]
    ).all()


def test_link__store_and_parquet_give_the_same_association(
    linked: Path, link_input: Any, tmp_path: Path
) -> None:
    parquet = tmp_path / "phenotypes.parquet"
    pd.read_csv(link_input.phenotypes, sep="\t").to_parquet(parquet)
    link_input.link(tmp_path / "out", variants=linked / "cohort.vcz", phenotypes=parquet)
    for name in ("association.tsv", "evidence.tsv", "therapies.tsv", "diplotypes.tsv"):
        assert (tmp_path / "out" / name).read_bytes() == (linked / name).read_bytes(), name


def test_link__flipped_effect_claims_no_inhibitor(
    simulate_link_input: Callable[..., Any], tmp_path: Path
) -> None:
    given = simulate_link_input(tmp_path / "in", odds_ratio=10.0, n_drugs=20)
    given.link(tmp_path / "out")
    markers = table(tmp_path / "out", "markers")
    lead = markers[markers["position"] == PROTECTIVE.position].iloc[0]
    assert lead["beta"] > 0 and lead["drug_action"] == "activate"
    evidence = table(tmp_path / "out", "evidence")
    assert not (evidence["lane"] == "predicted").any()
    assert not (evidence["claim"] == "known_action").any()
    assert not len(table(tmp_path / "out", "affinity"))
    assert len(evidence), "what is known about safety and dose does not depend on the trait"


def test_link__shuffled_patients_give_no_marker(link_input: Any, linked: Path, tmp_path: Path) -> None:
    phenotypes = pd.read_csv(link_input.phenotypes, sep="\t", dtype=str, keep_default_na=False)
    order = np.random.default_rng(5).permutation(len(phenotypes))
    columns = phenotypes.columns.drop("sample_id")
    phenotypes[columns] = phenotypes[columns].to_numpy()[order]
    phenotypes.to_csv(tmp_path / "shuffled.tsv", sep="\t", index=False)
    link_input.link(tmp_path / "out", variants=linked / "cohort.vcz", phenotypes=tmp_path / "shuffled.tsv")
    assert not len(table(tmp_path / "out", "markers"))
    evidence = table(tmp_path / "out", "evidence")
    assert not (evidence["lane"] == "predicted").any()
    assert not evidence["path"].str.contains("TYK2").any()
    assert (tmp_path / "out" / "report.html").stat().st_size > 1000


def test_link__permuted_gene_labels_are_followed(
    link_input: Any, linked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from varimol import tables

    strip_annotation(link_input.variants, tmp_path / "plain.vcf.gz")
    genes = tables.genes("GRCh38")
    swapped = genes.assign(symbol=genes["symbol"].replace({"TYK2": "PNPLA3", "PNPLA3": "TYK2"}))
    monkeypatch.setattr(tables, "genes", lambda build: swapped)
    link_input.link(tmp_path / "out", variants=tmp_path / "plain.vcf.gz")
    markers = table(tmp_path / "out", "markers")
    lead = markers[markers["position"] == PROTECTIVE.position].iloc[0]
    assert lead["gene"] == "PNPLA3"
    evidence = table(tmp_path / "out", "evidence")
    assert not evidence["path"].str.contains("TYK2").any()
    assert not (evidence["lane"].eq("predicted") & ~evidence["abstain"]).any()


def strip_annotation(source: Path, target: Path) -> None:
    """Write a VCF again with nothing in INFO."""
    import gzip

    with gzip.open(source, "rt") as lines, gzip.open(target, "wt", compresslevel=1) as out:
        for line in lines:
            if line.startswith("##INFO"):
                continue
            if not line.startswith("#"):
                columns = line.split("\t")
                columns[7] = "."
                line = "\t".join(columns)
            out.write(line)
