"""Stored graphs: what comes back is what went in, mapped, and refused when it means something else."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from chem import InputError, encode_graphs, load_graphs, save_graphs
from chem.graph import MolecularGraphs

ARRAYS = ("node_features", "edge_index", "edge_features", "node_offsets", "edge_offsets")


@pytest.fixture
def graphs() -> MolecularGraphs:
    return encode_graphs(["CCO", "c1ccccc1", "C[C@H](N)C(=O)O", "[Na+]"])


@pytest.mark.parametrize("mmap", [True, False])
def test_round_trip__same_arrays(tmp_path: Path, graphs: MolecularGraphs, mmap: bool) -> None:
    save_graphs(graphs, tmp_path / "graphs")
    back = load_graphs(tmp_path / "graphs", mmap=mmap)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(back, name), getattr(graphs, name))
        assert getattr(back, name).dtype == getattr(graphs, name).dtype
        assert isinstance(getattr(back, name), np.memmap) == mmap
    assert not any(isinstance(value, np.memmap) for value in back.batch_arrays([0, 2]).values())


def test_round_trip__no_molecules(tmp_path: Path) -> None:
    save_graphs(encode_graphs([]), tmp_path / "graphs")
    assert len(load_graphs(tmp_path / "graphs")) == 0


def test_files__plain_numpy_and_described(tmp_path: Path, graphs: MolecularGraphs) -> None:
    save_graphs(graphs, tmp_path / "graphs")
    names = {path.name for path in (tmp_path / "graphs").iterdir()}
    assert names == {*(f"{name}.npy" for name in ARRAYS), "schema.json"}
    description = json.loads((tmp_path / "graphs" / "schema.json").read_text())
    assert description["n_molecules"] == 4
    assert description["rdkit_version"]
    assert [path.name for path in tmp_path.iterdir()] == ["graphs"]


def test_load__other_schema_refused(tmp_path: Path, graphs: MolecularGraphs) -> None:
    save_graphs(graphs, tmp_path / "graphs")
    path = tmp_path / "graphs" / "schema.json"
    path.write_text(path.read_text().replace('"schema_hash": "', '"schema_hash": "0'))
    with pytest.raises(InputError, match=r"schema.json, field schema_hash: .*expected.*build the library"):
        load_graphs(tmp_path / "graphs")


@pytest.mark.parametrize("damage", ["missing", "truncated", "mismatch", "no schema", "bad schema"])
def test_load__damage_is_one_line(tmp_path: Path, graphs: MolecularGraphs, damage: str) -> None:
    folder = tmp_path / "graphs"
    save_graphs(graphs, folder)
    array = folder / "edge_features.npy"
    if damage == "missing":
        array.unlink()
    elif damage == "truncated":
        array.write_bytes(array.read_bytes()[:-8])
    elif damage == "mismatch":
        np.save(array, graphs.edge_features[:-2])
    elif damage == "no schema":
        (folder / "schema.json").unlink()
    else:
        (folder / "schema.json").write_text("{")
    with pytest.raises(InputError, match="build the library again") as caught:
        load_graphs(folder)
    assert "\n" not in str(caught.value)


def test_save__does_not_overwrite(tmp_path: Path, graphs: MolecularGraphs) -> None:
    (tmp_path / "graphs").mkdir()
    (tmp_path / "graphs" / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match="already exists"):
        save_graphs(graphs, tmp_path / "graphs")
    assert (tmp_path / "graphs" / "mine.txt").read_text() == "keep"


def test_save__disk_full_leaves_nothing(
    tmp_path: Path, graphs: MolecularGraphs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(InputError, match="No space left on device"):
        save_graphs(graphs, tmp_path / "graphs")
    assert list(tmp_path.iterdir()) == []
