from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from chem.errors import InputError
from chem.standardise import standardise_smiles
from models.property_fits import PropertyExperiment
from varimol.cli import app
from varimol.property_runs import find_smiles_column, load_property_network, predict_property, train_property
from varimol.schemas import TABLES


def _table(folder: Path) -> Path:
    rings, ends = ["c1ccccc1", "C1CCCCC1", "C1CCNC1", "c1ccncc1"], ["O", "N", "F", "C(=O)O"]
    smiles = [ring + "C" * n + end for ring in rings for n in range(4) for end in ends]
    table = pd.DataFrame({"name": [f"m{n}" for n in range(len(smiles))], "SMILES": smiles})
    table["carbons"] = table["SMILES"].str.lower().str.count("c")
    path = folder / "table.tsv"
    table.to_csv(path, sep="\t", index=False)
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("property")
    said = CliRunner().invoke(
        app,
        ["train", "property", "--table", str(_table(folder)), "--labels", "carbons", "--parts", "kernel",
         "--settings", "scaffold", "--n-folds", "2", "--no-baselines", "--threads", "1", "--out", str(folder / "run")],
    )  # fmt: skip
    assert said.exit_code == 0, said.output
    assert "carbons: 64 molecules, regression, 1.00 kernel" in said.output
    assert "scaffolds held out: rmse blend" in said.output
    return folder / "run"


def test_predict__one_row_per_input_row_in_its_order(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_text("id,Smiles\nz,c1ccccc1CO\na,C1CC\nb,\nz,c1ccccc1CO\n")
    out = tmp_path / "predicted.tsv"
    predicted = predict_property(run, path, out, id_column="id")
    written = pd.read_csv(out, sep="\t")
    assert written["id"].tolist() == predicted["id"].tolist() == ["z", "a", "b", "z"]
    assert list(written.columns) == [
        "id", "Smiles", "endpoint", "prediction", "lower", "upper", "sd", "in_domain", "abstain", "reason",
        "nearest_train_tanimoto",
    ]  # fmt: skip
    assert written["prediction"].isna().tolist() == [False, True, True, False]
    assert written["abstain"][1:3].all() and written["reason"][1:3].notna().all()
    assert written["prediction"][0] == written["prediction"][3] == pytest.approx(7, abs=1.5)


def test_predict__abstains_on_elements_that_training_did_not_hold(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "new.tsv"
    path.write_text("smiles\nc1ccccc1CO\nc1ccccc1CBr\nN[Pt](N)(Cl)Cl\n")
    told = predict_property(run, path, tmp_path / "p.tsv")
    assert told["abstain"].tolist() == [False, True, True]
    assert told["in_domain"].tolist() == [True, False, False]
    assert told["reason"][1].startswith("element Br not in training")
    assert told["reason"][2] == "the parent is without its Pt"
    assert np.isfinite(told["prediction"][2]), "its ligand's, for those who count every row"


def test_predict__is_dispatched_by_the_kind_of_network(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "new.tsv"
    path.write_text("smiles\nc1ccccc1CO\n")
    out = tmp_path / "predicted.tsv"
    said = CliRunner().invoke(app, ["predict", str(run), "--table", str(path), "--out", str(out)])
    assert said.exit_code == 0, said.output
    assert np.isfinite(pd.read_csv(out, sep="\t")["prediction"]).all()


def test_train__folds_of_the_table_are_held_out(tmp_path: Path) -> None:
    path = _table(tmp_path)
    table = pd.read_csv(path, sep="\t")
    table.assign(part=["old", "new"] * 32).to_csv(path, sep="\t", index=False)
    plan = PropertyExperiment(parts=("kernel",), baselines=False)
    train_property(path, None, ["carbons"], tmp_path / "run", folds="part", experiment=plan)
    folds = pd.read_csv(tmp_path / "run" / "folds.tsv", sep="\t")
    assert set(folds["setting"]) == {"given"}
    told = folds.drop_duplicates("smiles").set_index("smiles")["fold"]
    assert told[table["SMILES"].map(lambda text: standardise_smiles(text).smiles)].tolist() == [2, 1] * 32


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--labels", "carbon"], "did you mean 'carbons'?"),
        (["--labels", "name"], "'m0' is not a number"),
        (["--labels", "carbons", "--smiles-column", "structure"], "no column 'structure'"),
        (["--labels", "carbons", "--task", "classification"], "is no class"),
        (["--labels", "carbons", "--parts", "forest"], "some of kernel"),
        (["--labels", "carbons", "--settings", "time"], "some of scaffold, random"),
    ],
)
def test_train__bad_input_is_refused_in_one_line(tmp_path: Path, arguments: list[str], said: str) -> None:
    base = ["train", "property", "--table", str(_table(tmp_path)), "--out", str(tmp_path / "run")]
    result = CliRunner().invoke(app, [*base, *arguments])
    assert result.exit_code != 0 and said in " ".join(result.output.split())


def test_predict__missing_column_and_endpoint_are_refused(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "new.tsv"
    path.write_text("molecule\tsmile\nx\tCCO\n")
    with pytest.raises(InputError, match=r"no column 'smiles'.*did you mean 'smile'\?"):
        predict_property(run, path, None)
    with pytest.raises(InputError, match="no endpoint is called 'mass'"):
        predict_property(run, path, None, "smile", endpoint="mass")
    path.write_text("smiles\n")
    with pytest.raises(InputError, match="no lines"):
        predict_property(run, path, None)


def test_network__of_another_kind_is_refused() -> None:
    with pytest.raises(InputError, match="predicts affinity"):
        load_property_network("kinase-affinity")


def test_column__is_found_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("Drug_ID,Drug,Y\na,CCO,1\n")
    assert find_smiles_column(path) == "Drug"


@pytest.mark.parametrize("top", [2, 0])
def test_attributions__name_the_atoms_of_what_is_counted(run: Path, tmp_path: Path, top: int) -> None:
    path, out = tmp_path / "new.tsv", tmp_path / "a.tsv"
    path.write_text("id\tsmiles\nz\t[Na+].[O-]C(=O)CC1CCNC1\na\tC1CC\nb\tc1ccccc1CO\n")
    words = [
        "--table",
        path,
        "--out",
        tmp_path / "p.tsv",
        "--id-column",
        "id",
        "--attributions",
        out,
        "--top",
        top,
    ]
    said = CliRunner().invoke(app, ["predict", str(run), *map(str, words)])
    assert said.exit_code == 0, said.output
    table = pd.read_csv(out, sep="\t")
    told = pd.read_csv(tmp_path / "p.tsv", sep="\t").set_index("id")
    assert list(table.columns) == ["id", *TABLES["property_attributions"].names]
    of = dict(iter(table.groupby("id")))
    assert list(of) == told.index[~told["abstain"]].tolist()[::-1] == ["b", "z"]
    assert len(of["b"]) == (top or 8) and len(of["z"]) == (top or 9)
    assert all((np.diff(atoms["contribution"].abs()) <= 0).all() for atoms in of.values())
    if not top:
        model = load_property_network(run)
        shares = model.atom_contributions("O=C(O)CC1CCNC1", ["carbons"])[:, 0]
        assert np.allclose(of["z"].set_index("atom")["contribution"].sort_index(), shares, rtol=1e-4)
        assert of["z"].loc[of["z"]["input_atom"] == 1, "symbol"].item() == "O"  # 0 is the sodium


def test_attributions__as_parquet_have_the_types_of_the_schema(run: Path, tmp_path: Path) -> None:
    path, out = tmp_path / "new.tsv", tmp_path / "a.parquet"
    path.write_text("smiles\nC1CC\n")
    predict_property(run, path, None, attributions=out)
    assert pd.read_parquet(out).empty
    path.write_text("smiles\nc1ccccc1CO\n")
    predict_property(run, path, None, attributions=out, top=1)
    table = pd.read_parquet(out)
    assert [table[name].dtype.kind for name in ("atom", "input_atom", "contribution")] == ["i", "i", "f"]
