"""The comparison of properties: one set of molecules and folds, scores, and paired differences."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from benchmarks import property_attentive_fp, property_differences, property_tables
from benchmarks.properties import run, score
from benchmarks.property_chemprop import validation_rows
from benchmarks.property_differences import BLENDED, Kept, blended, read_kept, write_figures
from benchmarks.property_tables import SOURCES, PropertyTable, read_properties

SMILES = ["C" * n + tail for n in range(2, 8) for tail in ("O", "N", "c1ccccc1", "C1CCCC1", "c1ccncc1")]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A table of Biogen's and one of TDC's shape."""
    folder = tmp_path / "properties"
    for part in ("biogen", "tdc"):
        (folder / part).mkdir(parents=True)
    rows = [f"{text},{len(text)}" for text in SMILES]
    (folder / "biogen/ADME_HLM_train.csv").write_text(
        "\n".join(["smiles,activity", *rows, "OCC,6.0", "C1CC,1.0"]) + "\n"
    )
    rows = [f"Drug {k}\t{text}\t{int('O' in text)}" for k, text in enumerate(SMILES)]
    (folder / "tdc/ames.tab").write_text("\n".join(["Drug_ID\tDrug\tY", *rows, "Drug x\tOCC\t0"]) + "\n")
    return folder


def test_read_properties__joins_duplicates_and_keeps_scaffolds_in_one_fold(
    data: Path, tmp_path: Path
) -> None:
    table = read_properties("hlm", tmp_path / "cache", data)
    assert len(table.smiles) == len(set(table.smiles)) == len(SMILES)
    assert table.labels[table.smiles.index("CCO"), 0] == 4.5
    assert sorted(set(table.fold)) == [1, 2, 3, 4, 5]
    for ring in ("c1ccccc1", "c1ccncc1"):
        assert len({f for s, f in zip(table.smiles, table.fold, strict=True) if ring in s}) == 1
    again = read_properties("hlm", tmp_path / "cache", tmp_path / "nowhere")
    assert again.smiles == table.smiles
    assert np.array_equal(again.labels, table.labels)


def test_read_properties__leaves_out_a_class_on_which_rows_differ(data: Path, tmp_path: Path) -> None:
    assert "CCO" not in read_properties("ames", tmp_path / "cache", data).smiles


def test_sources__have_files_where_the_shared_data_are() -> None:
    if not property_tables.DATA.exists():
        pytest.skip("the shared data are not here")
    assert all((property_tables.DATA / source.file).exists() for source in SOURCES.values())


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=30))
def test_score__is_that_of_sklearn(rows: list[tuple[bool, int]]) -> None:
    label = np.array([float(yes) for yes, _ in rows])
    prediction = np.array([float(p) for _, p in rows])
    assert score(label, prediction, "regression") == pytest.approx(
        np.linalg.norm(label - prediction) / len(rows) ** 0.5
    )
    value = score(label, prediction, "classification")
    if 0 < label.sum() < len(rows):
        assert value == pytest.approx(roc_auc_score(label, prediction))
    else:
        assert np.isnan(value)


def test_validation_rows__are_training_rows() -> None:
    train = np.arange(50) % 3 > 0
    rows = validation_rows(train, 0)
    assert len(rows) == 3
    assert train[rows].all()
    assert len(set(rows.tolist())) == 3


def test_run__is_resumed_and_summed_up(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for model in ("ridge", "random_forest"):
        run(tmp_path, ["hlm"], [model], [1, 2], 0, data)
    said = capsys.readouterr().out
    run(tmp_path, ["hlm"], ["ridge", "random_forest"], [1, 2], 0, data)
    assert said.count("fold") == 4
    assert capsys.readouterr().out == ""
    run(tmp_path, ["hlm"], ["ridge"], [3], 0, data)  # a fold that the other model has not
    (tmp_path / "predictions" / "hlm.ridge.4.0.npz.1.tmp.npz").write_bytes(b"cut sho")
    assert len(read_kept(tmp_path)) == 5
    written = {}
    monkeypatch.setattr(
        property_differences, "write_results", lambda table, name: written.update({name: table})
    )
    monkeypatch.setattr(property_differences, "N_DRAWS", 20)
    write_figures(tmp_path, data)
    assert written["properties"].groupby("model")["value"].count().to_dict() == {
        "random_forest": 2,
        "ridge": 3,
    }
    differences = written["property_differences"].query("table == 'hlm'").set_index("model")
    best = differences["best"].iloc[0]
    assert differences.loc[best, "worse_by"] == 0
    other = differences.drop(index=best).iloc[0]
    assert set(differences["n_shared"]) == {2} and differences["n_folds"].to_dict() == {
        "ridge": 3,
        "random_forest": 2,
    }
    means = written["properties"].query("fold < 3").groupby("model")["value"].mean()
    assert differences["value"].to_dict() == pytest.approx(means.to_dict())
    assert other["worse_by"] == pytest.approx(means.max() - means.min())
    assert other["lower"] <= other["worse_by"] <= other["upper"]


def test_blended__is_no_worse_than_its_parts_where_one_is_right() -> None:
    rng = np.random.default_rng(0)
    labels, fold = rng.normal(size=(100, 2)), np.arange(100) % 5 + 1
    labels[::7, 1] = np.nan
    table = PropertyTable("hlm", ("C",) * 100, labels, ("a", "b"), ("regression",) * 2, fold)
    kept = [
        Kept("hlm", model, k, 0, np.nan_to_num(labels[fold == k]) + noise * rng.normal(size=(20, 2)), 1.0)
        for model, noise in zip(BLENDED, (1.0, 0.1, 1.0, 2.0), strict=True)
        for k in range(1, 6)
    ]
    blend = blended(table, kept)
    assert [each.fold for each in blend] == [1, 2, 3, 4, 5]
    assert all(each.cpu_s == 4 for each in blend)
    for each in blend:
        assert np.nanstd(each.predictions - labels[fold == each.fold]) < 0.2
    assert [each.fold for each in blended(table, kept[1:])] == [2, 3, 4, 5]
    assert blended(table, [each for each in kept if each.fold == 1]) == []


def test_attentive_fp__reads_39_and_10_features_and_predicts_in_the_unit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    molecule = property_attentive_fp.featurise("C[C@H](N)C(=O)O")
    assert molecule.x.shape == (6, 39)
    assert molecule.edge_attr.shape == (10, 10)
    config = replace(property_attentive_fp.CONFIG, n_epochs=2)
    monkeypatch.setattr(property_attentive_fp, "CONFIG", config)
    labels = np.array([[100.0 + len(text)] for text in SMILES])
    fold = np.arange(len(SMILES)) % 5 + 1
    table = PropertyTable("x", tuple(SMILES), labels, ("y",), ("regression",), fold)
    predictions = property_attentive_fp.attentive_fp(table, fold != 1, 0)
    assert predictions.shape == (6, 1)
    assert np.abs(predictions - 106).max() < 30
