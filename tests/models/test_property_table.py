from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chem.errors import InputError
from models.property_table import PropertyTable, read_properties


def _write(folder: Path, text: str, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def _refusal(folder: Path, text: str, labels: tuple[str, ...] = ("y",), tasks: tuple[str, ...] = ()) -> str:
    with pytest.raises(InputError) as caught:
        read_properties([_write(folder, text)], "smiles", labels, tasks)
    return str(caught.value)


def test_read__salt_is_joined_with_its_parent(tmp_path: Path) -> None:
    table = read_properties([_write(tmp_path, "smiles,y\nCCN,1\nCCN.Cl,2\nCCC,5\n")], "smiles", ["y"])
    assert table.smiles == ("CCN", "CCC")
    assert table.labels.ravel().tolist() == [1.5, 5.0]
    assert any("salt" in note for note in table.notes)
    assert any("1 molecules have different values of y (by up to 1)" in note for note in table.notes)


def test_read__classes_that_contradict_are_left_out_and_listed(tmp_path: Path) -> None:
    table = read_properties([_write(tmp_path, "smiles,y\nCCO,1\nOCC,0\nCC,1\nCCC,0\n")], "smiles", ["y"])
    assert table.smiles == ("CC", "CCC") and table.tasks == ("classification",)
    assert table.rejects[["record", "label"]].to_numpy().tolist() == [[2, "y"], [3, "y"]]


def test_read__missing_labels_and_a_task_each(tmp_path: Path) -> None:
    text = "smiles,a,b\nCCO,1.5,\nCC,,1\nCCC,2,0\nCCCC,,NA\n"
    table = read_properties([_write(tmp_path, text)], "smiles", ["a", "b"], ["regression", "classification"])
    np.testing.assert_array_equal(table.labels, [[1.5, np.nan], [np.nan, 1], [2, 0]])
    assert table.rejects["reason"].tolist() == ["no label has a value"]


def test_read__labels_of_two_tables_meet_in_a_molecule(tmp_path: Path) -> None:
    one = _write(tmp_path, "smiles,a\nCCO,1.5\nCC,2\n", "one.csv")
    two = tmp_path / "two.parquet"
    pd.DataFrame({"smiles": ["OCC", "CCC"], "b": [1.0, 3.5]}).to_parquet(two)
    table = read_properties([one, two], "smiles", ["a", "b"])
    assert table.smiles == ("CCO", "CC", "CCC")
    np.testing.assert_array_equal(table.labels, [[1.5, 1], [2, np.nan], [np.nan, 3.5]])


def test_read__unreadable_structures_are_listed_with_reasons(tmp_path: Path) -> None:
    table = read_properties([_write(tmp_path, "smiles,y\nC1CC,1\n,2\nCC,3\nCCC,4\n")], "smiles", ["y"])
    assert table.rejects["record"].tolist() == [2, 3]
    assert all(table.rejects["reason"]) and len(table.smiles) == 2


def test_read__complex_of_a_metal_is_not_its_ligand(tmp_path: Path) -> None:
    table = read_properties(
        [_write(tmp_path, "smiles,y\nN[Pt](N)(Cl)Cl,1\n[Na]OC(C)=O,2\nCCC,4\n")], "smiles", ["y"]
    )
    assert table.rejects["record"].tolist() == [2]
    assert table.rejects["reason"].tolist() == ["the parent is without its Pt"]
    assert table.smiles == ("CC(=O)O", "CCC")


def test_read__numbers_that_look_like_classes_are_said(tmp_path: Path) -> None:
    path = _write(tmp_path, "smiles,y\nCC,1\nCCC,0\n")
    assert "are these classes?" in read_properties([path], "smiles", ["y"], ["regression"]).notes[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Smiles,y\nCC,1\n", "did you mean 'Smiles'?"),
        ("smiles,y [uM]\nCC,1\n", "did you mean 'y [uM]'?"),
        ("smiles,y\n", "no lines"),
        ("smiles,y\nCC,\nCCC,\n", "no row has a value"),
        ("smiles,y\n,1\n,2\n", "column of structures is empty"),
        ("smiles,y\nX1,1\nQ(,2\n", "none of 2 structures can be read"),
        ("smiles,y\nCC,active\nCCC,inactive\n", "record 2, field y: 'active' is not a number"),
        ("smiles,y\nCC,mol/l\nCCC,1\n", "remove the line of units under the header"),
        ("smiles,y\nCC,1\nCCC,>10\n", "only bounds"),
        ("smiles,y\nCC,inf\nCCC,1\n", "record 2"),
        ("smiles,y\nCC,1\nCCC,1\n", "all values are 1; expected both classes"),
        ("smiles,y\nCC,2.5\nCCC,2.5\n", "two values or more"),
        ("smiles,y\nCC,1\nCC,0\nCCC,1\n", "all values are 1"),
    ],
)
def test_read__bad_table_is_refused(tmp_path: Path, text: str, said: str) -> None:
    assert said in _refusal(tmp_path, text)


def test_read__task_that_does_not_fit(tmp_path: Path) -> None:
    text = "smiles,y\nCC,1\nCCC,2.5\n"
    assert "record 3, field y: 2.5 is no class" in _refusal(tmp_path, text, tasks=("classification",))
    assert "no task is called 'ranking'" in _refusal(tmp_path, text, tasks=("ranking",))
    assert "2 tasks for 1 labels" in _refusal(tmp_path, text, tasks=("regression", "regression"))


def test_read__columns_asked_for_twice(tmp_path: Path) -> None:
    assert "asked for twice" in _refusal(tmp_path, "smiles,y\nCC,1\n", labels=("y", "y"))
    assert "no label" in _refusal(tmp_path, "smiles,y\nCC,1\n", labels=())


def test_read__folds_of_molecules(tmp_path: Path) -> None:
    path = _write(tmp_path, "smiles,y,part\nCC,1,b\nCCC,2,a\nCC,3,b\nCCCC,4,b\n")
    table = read_properties([path], "smiles", ["y"], fold_column="part")
    assert table.fold is not None and table.fold.tolist() == [2, 1, 2]
    path = _write(tmp_path, "smiles,y,part\nCC,1,b\nCCC,5,a\nCC,3,a\n")
    with pytest.raises(InputError, match="record 4, field part: 'CC' is in fold 'a', and in another"):
        read_properties([path], "smiles", ["y"], fold_column="part")


_ROW = st.tuples(st.sampled_from(["CCO", "OCC", "CC", "CCN.Cl", "CCN", "C1CC", ""]), st.floats(-5, 5))


@settings(max_examples=30, deadline=None)
@given(st.lists(_ROW, min_size=1, max_size=12))
def test_read__every_row_is_used_or_listed(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, float]]
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    always = [("CCCCCC", 0.25), ("CCCCCCC", 7.5)]
    text = "smiles,y\n" + "".join(f"{smiles},{value!r}\n" for smiles, value in [*always, *rows])
    table: PropertyTable = read_properties([_write(folder, text)], "smiles", ["y"])
    unreadable = sum(smiles in ("C1CC", "") for smiles, _ in rows)
    assert len(table.rejects) == unreadable
    expected = {"CCO": "CCO", "OCC": "CCO", "CC": "CC", "CCN.Cl": "CCN", "CCN": "CCN"}
    for parent in set(expected.values()):
        values = [value for smiles, value in rows if expected.get(smiles) == parent]
        assert (parent in table.smiles) == bool(values)
        if values:
            assert np.isclose(table.labels[table.smiles.index(parent), 0], np.mean(values))
