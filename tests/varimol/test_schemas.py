"""Every table has the columns that its schema says, in real results of the real varimol."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest

import varimol
from varimol import tables
from varimol.demo_cohort import demo_cohort
from varimol.networks import load_network
from varimol.schemas import TABLES, Column, Table

N_SAMPLES = 150


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small simulated cohort, a trait that its protective allele all but decides, and a few compounds.

    So strong an effect is found in a few people, and every table of `link` gets rows.
    """
    folder = tmp_path_factory.mktemp("inputs")
    simulated = demo_cohort(seed=4, n_samples=N_SAMPLES)
    simulated.write(folder)
    planted = simulated.truth["planted"]
    row = simulated.row_of(planted["contig"], planted["position"])
    copies = np.nan_to_num(simulated.dosage()[row])
    noise = np.random.default_rng(0).normal(0, 0.05, N_SAMPLES)
    trait = pd.DataFrame({"sample_id": simulated.sample_ids, "score": 5.0 - copies + noise})
    trait.to_csv(folder / "trait.tsv", sep="\t", index=False)
    lines = [
        "compound_id\tname\tsmiles",
        "c1\ttofacitinib\tC[C@@H]1CCN(C[C@@H]1N(C)c1ncnc2[nH]ccc12)C(=O)CC#N",
        "c2\timatinib\tCc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1",
        "c3\tclopidogrel\tCOC(=O)[C@@H](c1ccccc1Cl)N1CCc2sccc2C1",
        "c4\tbroken\tC1CC",
        "c5\tethanol\tCCO",
    ]
    (folder / "drugs.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def linked(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a finished `link` run."""
    out = tmp_path_factory.mktemp("linked") / "out"
    varimol.link(
        inputs / "cohort.vcf.gz", inputs / "trait.tsv", "score", inputs / "drugs.tsv", out, desired="lower",
        assay="wgs", seed=1,
    )  # fmt: skip
    return out


def read_tsv(path: Path) -> pd.DataFrame:
    """Read a TSV table as a person's program would: texts may be empty."""
    return pd.read_csv(path, sep="\t", keep_default_na=False, na_values=[""])


def assert_fits(frame: pd.DataFrame, table: Table, *, at_most: int = 200) -> None:
    """Assert that a frame has exactly the columns of a table, and that its rows are as the schema says."""
    fixed = [name for name in frame.columns if name in table.names]
    assert fixed == table.names
    if table.pattern is None:
        assert list(frame.columns) == table.names
    rows = frame.iloc[:: max(1, len(frame) // at_most)].to_dict("records")
    validator = jsonschema.Draft202012Validator(table.row_schema())
    for row in rows:
        validator.validate({name: as_json(value) for name, value in row.items()})


def as_json(value: Any) -> Any:
    """A cell as JSON has it: missing is null; infinite bounds stay numbers."""
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return None
    return value.item() if isinstance(value, np.generic) else value


FROM_LINK = [
    "quality_samples", "quality_variants", "structure", "association", "markers", "targets", "affinity",
    "diplotypes", "recommendations", "evidence", "therapies",
]  # fmt: skip
MAY_BE_EMPTY = {"structure"}


@pytest.mark.slow
@pytest.mark.parametrize("name", FROM_LINK)
def test_link__writes_the_columns_of_the_schema(linked: Path, name: str) -> None:
    frame = pd.read_parquet(linked / f"{name}.parquet")
    assert len(frame) or name in MAY_BE_EMPTY
    assert_fits(frame, TABLES[name])
    header = (linked / f"{name}.tsv").read_text("utf-8").split("\n", 1)[0]
    assert header.split("\t") == list(frame.columns)


@pytest.mark.slow
def test_link__library_has_a_row_per_record(linked: Path) -> None:
    frame = pd.read_parquet(linked / "library" / "library.parquet")
    assert_fits(frame, TABLES["library"])
    assert frame["status"].tolist() == ["ok", "ok", "ok", "rejected", "ok"]
    assert_fits(read_tsv(linked / "library" / "rejects.tsv"), TABLES["rejects"])


def test_library__table_and_rejects(inputs: Path, tmp_path: Path) -> None:
    varimol.library(inputs / "drugs.tsv", tmp_path / "library")
    assert_fits(pd.read_parquet(tmp_path / "library" / "library.parquet"), TABLES["library"])
    assert_fits(read_tsv(tmp_path / "library" / "rejects.tsv"), TABLES["rejects"])


def test_export__calls(tmp_path: Path, make_vcf: Any) -> None:
    records = ["chr1 10 . A C . PASS . GT 0/1 ./.", "chr1 20 . A C,G . q10 . GT 1/2 0/0"]
    varimol.ingest(make_vcf(records), tmp_path / "c.vcz")
    varimol.export(tmp_path / "c.vcz", tmp_path / "calls.tsv")
    frame = pd.read_csv(tmp_path / "calls.tsv", sep="\t", dtype={"alt": str}, keep_default_na=False)
    assert_fits(frame, TABLES["calls"])
    assert frame["state"].tolist() == ["observed", "no-call", "filtered", "filtered"]


def test_quality__statistics(tmp_path: Path, make_vcf: Any) -> None:
    records = [
        "chr1 10 . A C . PASS . GT 0/1 ./.",
        "chr1 20 . A C,G . q10 . GT 1/2 0/0",
        "chr1 30 . A . . . . GT 0 0/0",
    ]
    varimol.ingest(make_vcf(records), tmp_path / "c.vcz")
    varimol.quality(tmp_path / "c.vcz", tmp_path / "quality")
    for name, n_rows in (("statistics_variants", 4), ("statistics_samples", 2)):
        frame = pd.read_parquet(tmp_path / "quality" / f"{name}.parquet")
        assert len(frame) == n_rows
        assert_fits(frame, TABLES[name])


@pytest.mark.slow
def test_predict_and_screen__predictions_and_hits(inputs: Path, tmp_path: Path) -> None:
    drugs = pd.read_csv(inputs / "drugs.tsv", sep="\t").rename(columns={"compound_id": "drug_id"})
    drugs.to_csv(tmp_path / "drugs.tsv", sep="\t", index=False)
    sequence = tables.proteins().iloc[0]["sequence"]
    targets = pd.DataFrame({"target_id": ["t1", "t2"], "sequence": [sequence, "M" + sequence[1:]]})
    targets.to_csv(tmp_path / "targets.tsv", sep="\t", index=False)
    pairs = pd.DataFrame({"drug_id": ["c5", "c4", "c1"], "target_id": ["t2", "t1", "t1"]})
    pairs.to_csv(tmp_path / "pairs.tsv", sep="\t", index=False)
    varimol.predict(
        "kinase-affinity", tmp_path / "pairs.tsv", tmp_path / "drugs.tsv", tmp_path / "targets.tsv",
        tmp_path / "predictions.tsv",
    )  # fmt: skip
    predictions = read_tsv(tmp_path / "predictions.tsv").astype({"reason": object, "notes": object})
    predictions = predictions.fillna({"reason": "", "notes": ""})
    assert_fits(predictions, TABLES["predictions"])
    assert predictions["drug_id"].tolist() == ["c5", "c4", "c1"] * predictions["endpoint"].nunique()
    varimol.screen(inputs / "drugs.tsv", tmp_path / "targets.tsv", tmp_path / "hits")
    assert_fits(pd.read_parquet(tmp_path / "hits" / "hits.parquet"), TABLES["hits"])
    assert_fits(read_tsv(tmp_path / "hits" / "rejects.tsv"), TABLES["rejects"])


@pytest.mark.slow
def test_train__tables_and_card(tmp_path: Path) -> None:
    from models.contenders import LANDMARK_NETWORK
    from models.experiment_plan import AffinityExperiment

    proteins = tables.proteins().head(6)
    smiles = ["CCO", "CCN", "c1ccccc1O", "CC(=O)O", "c1ccncc1", "CCCl", "c1ccsc1", "CCOC(C)=O"]
    drugs = pd.DataFrame({"drug_id": [f"d{i}" for i in range(len(smiles))], "smiles": smiles})
    targets = pd.DataFrame({"target_id": proteins["symbol"], "sequence": proteins["sequence"]})
    pairs = drugs[["drug_id"]].merge(targets[["target_id"]], how="cross")
    pairs["pkd"] = np.random.default_rng(0).normal(6, 1, len(pairs)).round(2)
    pairs.loc[3, "pkd"] = np.nan
    for name, frame in {"pairs": pairs, "drugs": drugs, "targets": targets}.items():
        frame.to_csv(tmp_path / f"{name}.tsv", sep="\t", index=False)
    small = replace(LANDMARK_NETWORK, shape=replace(LANDMARK_NETWORK.shape, dim=8, aligned=8), n_members=1)
    plan = AffinityExperiment(
        {"landmark_network": small},
        epochs={"pkd": 1},
        n_folds=2,
        baselines=(),
        description={"description": "kept"},
    )
    varimol.train_affinity(
        tmp_path / "pairs.tsv", tmp_path / "drugs.tsv", tmp_path / "targets.tsv", "pkd", tmp_path / "run",
        experiment=plan,
    )  # fmt: skip
    for name in ("folds", "metrics", "coverage", "leakage"):
        frame = read_tsv(tmp_path / "run" / f"{name}.tsv")
        assert_fits(frame.fillna({"warning": ""}), TABLES[name])
    model = load_network(tmp_path / "run")
    assert model.card["read_as"] == "true" and model.card["description"] == "kept"
    assert model.card["notes"] == ["1 of 48 pairs have no label and are left out of training"]


def test_schema__refuses_a_row_that_is_wrong() -> None:
    row = {"row": 1, "id": None, "input": "C1CC", "reason": "ring not closed"}
    validator = jsonschema.Draft202012Validator(TABLES["rejects"].row_schema())
    validator.validate(row)
    for wrong in (row | {"row": "1"}, row | {"reason": None}, row | {"more": 1}, {"row": 1}):
        with pytest.raises(jsonschema.ValidationError):
            validator.validate(wrong)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_schema__is_valid_and_committed(table: Table) -> None:
    jsonschema.Draft202012Validator.check_schema(table.row_schema())
    path = Path(__file__).parents[2] / "docs" / "schemas" / f"{table.name}.json"
    assert json.loads(path.read_text("utf-8")) == table.row_schema()
    assert len(set(table.names)) == len(table.names)


def test_column__closed_list_takes_null_where_missing_may_be() -> None:
    assert Column("a", "string", "x", nullable=True, values=("b",)).schema()["enum"] == ["b", None]
