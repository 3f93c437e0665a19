"""The comparison on activity cliffs: its tables, what is kept, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import activity_cliffs
from benchmarks.activity_cliffs import FOLDER, figures, read_target, run
from benchmarks.property_figures import cliff_figures

SMILES = [
    tail + "C" * n for n in range(1, 9) for tail in ("c1ccccc1", "C1CCNC1", "c1ccncc1C(=O)N", "OCC", "NCC")
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two tables, whose potency is the number of carbons; every fourth molecule is a test molecule."""
    table = pd.DataFrame(
        {"smiles": SMILES, "y [pEC50/pKi]": [text.upper().count("C") / 2 for text in SMILES]}
    )
    table["cliff_mol"] = np.arange(len(table)) % 3 == 0
    table["split"] = np.where(np.arange(len(table)) % 4 == 0, "test", "train")
    for name in ("CHEMBL1_Ki", "CHEMBL2_EC50"):
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    return tmp_path


def test_read_target__has_the_tables_own_split(data: Path) -> None:
    table, cliff = read_target(data / "CHEMBL1_Ki.csv")
    assert (table.fold == 1).sum() == 10
    assert cliff.sum() == 14
    assert table.labels[0, 0] == 3.5


def test_figures__errors_are_those_of_the_test_molecules(data: Path, tmp_path: Path) -> None:
    keep = tmp_path / "kept"
    run(keep, data, ["CHEMBL1_Ki", "CHEMBL2_EC50"], ["ridge"])
    table, cliff = read_target(data / "CHEMBL1_Ki.csv")
    test = table.fold == 1
    with np.load(keep / "CHEMBL1_Ki.ridge.npz") as arrays:
        away = arrays["predictions"][:, 0] - table.labels[test, 0]
    row = figures(keep, data).set_index("target").loc["CHEMBL1_Ki"]
    assert row["n_test"] == 10
    assert row["rmse"] == pytest.approx(np.sqrt((away**2).mean()))
    assert row["rmse_cliff"] == pytest.approx(np.sqrt((away[cliff[test]] ** 2).mean()))


def test_run__goes_on_where_it_was(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path / "kept", data, ["CHEMBL1_Ki"], ["ridge"])
    monkeypatch.setattr(activity_cliffs, "MODELS", {})
    run(tmp_path / "kept", data, ["CHEMBL1_Ki"], ["ridge"])


def test_cliff_figures__say_the_best_and_by_how_much(tmp_path: Path) -> None:
    rows = [
        (f"T{k}", model, 0.5 + away, 0.6 + away) for k in range(4) for model, away in (("a", 0.0), ("b", 0.1))
    ]
    table = pd.DataFrame(rows, columns=["target", "model", "rmse", "rmse_cliff"]).assign(commit="abc")
    table.to_csv(tmp_path / "activity_cliffs.tsv", sep="\t", index=False)
    text = cliff_figures(tmp_path)
    assert "| a | 0.500 | 0.600 | 1.00 | best | best |" in text
    assert "| b | 0.600 | 0.700 | 2.00 | 0.100 [0.100, 0.100] | 0.100 [0.100, 0.100] |" in text
    assert cliff_figures(tmp_path / "nowhere") == ""


def test_tables__are_twenty_with_cliffs_on_both_sides() -> None:
    if not FOLDER.exists():
        pytest.skip("the shared data are not here")
    paths = sorted(FOLDER.glob("*.csv"))
    assert len(paths) == 20
    table, cliff = read_target(paths[0])
    assert cliff[table.fold == 1].any() and cliff[table.fold == 2].any()
