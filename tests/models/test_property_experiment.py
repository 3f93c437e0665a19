import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from chem.errors import InputError
from models.property_checkpoint import load_properties
from models.property_experiment import property_metrics, train_properties
from models.property_fits import PropertyExperiment
from models.property_kernel_fit import KernelOptions
from models.property_module import PropertyShape
from models.property_table import PropertyTable, read_properties
from models.trained_properties import TrainedProperties, nearest_measured

_TINY = PropertyShape(dim=8, n_layers=1, hidden=16, n_members=2, epochs=(2, 2))
_PLAN = PropertyExperiment(
    parts=("kernel", "network"), n_folds=2, baselines=False, kernel=KernelOptions(n_sample=60, n_rounds=0),
    network=_TINY,
)  # fmt: skip


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> PropertyTable:
    """A label that counts carbons, and one, of half of the molecules, that says whether there is nitrogen."""
    rings, ends = ["c1ccccc1", "C1CCCCC1", "C1CCNC1", "c1ccncc1"], ["O", "N", "F", "C(=O)O"]
    smiles = [ring + "C" * n + end for ring in rings for n in range(6) for end in ends]
    labels = pd.DataFrame({"smiles": [*smiles, "C1CC"]})
    labels["carbons"] = labels["smiles"].str.lower().str.count("c")
    labels["nitrogen"] = (
        labels["smiles"].str.lower().str.contains("n").astype(float).where(labels.index % 2 == 0)
    )
    path = tmp_path_factory.mktemp("table") / "table.csv"
    labels.to_csv(path, index=False)
    return read_properties([path], "smiles", ["carbons", "nitrogen"])


@pytest.fixture(scope="module")
def run(
    table: PropertyTable, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, TrainedProperties, list[str]]:
    folder = tmp_path_factory.mktemp("run")
    said: list[str] = []
    return folder, train_properties(table, folder, _PLAN, lambda text, _: said.append(text)), said


def test_train__tables_hold_every_molecule_once_per_model(
    table: PropertyTable, run: tuple[Path, TrainedProperties, list[str]]
) -> None:
    folds = pd.read_csv(run[0] / "folds.tsv", sep="\t")
    counts = folds.groupby(["setting", "endpoint", "model"]).agg(
        n=("smiles", "nunique"), rows=("smiles", "size")
    )
    assert len(counts) == 2 * 2 * 4 and (counts["n"] == counts["rows"]).all()
    measured = (~np.isnan(table.labels)).sum(axis=0)
    assert counts["n"].xs("carbons", level="endpoint").eq(measured[0]).all()
    assert counts["n"].xs("nitrogen", level="endpoint").eq(measured[1]).all()
    scaffold = folds[(folds["setting"] == "scaffold") & (folds["model"] == "kernel")]
    ring = scaffold["smiles"].str.contains("c1ccccc1", regex=False)
    assert len(scaffold[ring]["fold"].unique()) == 1
    assert pd.read_csv(run[0] / "rejects.tsv", sep="\t")["smiles"].tolist() == ["C1CC"]


def test_train__figures_are_those_of_the_held_out_predictions(
    run: tuple[Path, TrainedProperties, list[str]],
) -> None:
    folds, metrics = (pd.read_csv(run[0] / f"{name}.tsv", sep="\t") for name in ("folds", "metrics"))
    some = folds[
        (folds["setting"] == "random") & (folds["endpoint"] == "carbons") & (folds["model"] == "kernel")
    ]
    rmse = np.sqrt(np.mean((some["label"] - some["prediction"]) ** 2))
    told = metrics.set_index(["setting", "endpoint", "model", "fold", "metric"])["value"]
    assert told["random", "carbons", "kernel", 0, "rmse"] == pytest.approx(rmse, rel=1e-4)
    assert rmse < 0.5 * told["random", "carbons", "means", 0, "rmse"]
    coverage = pd.read_csv(run[0] / "coverage.tsv", sep="\t")
    assert coverage[coverage["by"] == "all"]["coverage"].between(0.8, 1).all()


def test_train__parts_are_taken_away_and_progress_is_told(
    run: tuple[Path, TrainedProperties, list[str]],
) -> None:
    assert sorted(path.name for path in run[0].iterdir()) == [
        "card.json", "coverage.tsv", "folds.tsv", "metrics.tsv", "model.safetensors", "rejects.tsv",
    ]  # fmt: skip
    assert len(run[2]) == 2 * 3 * 2 + len(run[1].parts)


def test_predict__rows_stand_in_the_order_given(run: tuple[Path, TrainedProperties, list[str]]) -> None:
    told = run[1].predict(["c1ccccc1CCO", "C1CC", "c1ccccc1CCO.Cl"])
    assert told["row"].tolist() == [0, 0, 1, 1, 2, 2]
    assert told["endpoint"].tolist() == ["carbons", "nitrogen"] * 3
    values = ["prediction", "lower", "upper", "sd"]
    np.testing.assert_array_equal(told.loc[:1, values], told.loc[4:, values])  # the salt is its parent
    assert told.loc[2:3, values].isna().all(axis=None) and told.loc[2:3, "abstain"].all()
    assert "unclosed ring" in str(told.loc[2, "reason"])
    good = told.drop(index=[2, 3])
    assert ((good["lower"] <= good["prediction"]) & (good["prediction"] <= good["upper"])).all()
    assert good["nearest_train_tanimoto"].eq(1).all()


def test_predict__one_endpoint_alone_is_as_among_all(run: tuple[Path, TrainedProperties, list[str]]) -> None:
    smiles = ["c1ccncc1CCCO", "CCO"]
    told = run[1].predict(smiles)
    alone = run[1].predict(smiles, ["nitrogen"])
    among = told[told["endpoint"] == "nitrogen"].reset_index(drop=True)
    np.testing.assert_allclose(alone["prediction"], among["prediction"], atol=1e-6)
    assert alone["reason"].tolist() == among["reason"].tolist()
    assert not len(run[1].predict([]))


def test_predict__unknown_endpoint_is_refused(run: tuple[Path, TrainedProperties, list[str]]) -> None:
    with pytest.raises(InputError, match=r"did you mean 'carbons'\?"):
        run[1].predict(["CCO"], ["carbon"])
    with pytest.raises(InputError):
        run[1].predict(["CCO"], level=1.5)


def test_load__predicts_the_same_as_before_it_was_written(
    run: tuple[Path, TrainedProperties, list[str]],
) -> None:
    pd.testing.assert_frame_equal(load_properties(run[0]).predict(["CCO"]), run[1].predict(["CCO"]))


def test_load__damaged_run_is_refused(run: tuple[Path, TrainedProperties, list[str]], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(run[0], copy)
    weights = copy / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(InputError, match="not the file that the card was written with"):
        load_properties(copy)
    card = json.loads((copy / "card.json").read_text())
    (copy / "card.json").write_text(json.dumps(card | {"kind": "response"}))
    with pytest.raises(InputError, match="trained with kind response"):
        load_properties(copy)
    (copy / "card.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        load_properties(copy)


def test_train__too_few_molecules_are_refused(table: PropertyTable, tmp_path: Path) -> None:
    few = PropertyTable(
        table.smiles[:10], table.labels[:10], table.label_names, table.tasks, table.rejects, table.notes
    )
    with pytest.raises(InputError, match="20 or more"):
        train_properties(few, tmp_path, _PLAN)


def test_plan__unknown_model_or_setting_is_refused() -> None:
    with pytest.raises(InputError, match="some of kernel"):
        PropertyExperiment(parts=("transformer",))
    with pytest.raises(InputError, match="some of scaffold, random"):
        PropertyExperiment(settings=("time",))


def test_nearest__is_that_of_all_pairs_compared() -> None:
    rng = np.random.default_rng(0)
    bits = (rng.random((40, 64)) < 0.3).astype(np.uint8)
    measured = rng.random((30, 5)) < 0.5
    measured[:, 4] = False
    told = nearest_measured(bits[30:], bits[:30], measured)
    for row in range(10):
        for column in range(5):
            shared = [(bits[30 + row] & other).sum() / (bits[30 + row] | other).sum() for other in bits[:30]]
            best = max((s for s, there in zip(shared, measured[:, column], strict=True) if there), default=0)
            assert told[row, column] == pytest.approx(best, abs=1e-6)


def test_metrics__one_class_alone_has_no_curve() -> None:
    assert set(property_metrics(np.ones(3), np.full(3, 0.4), "classification")) == {"brier", "log_loss"}
