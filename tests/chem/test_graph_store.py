"""Stored graphs: what comes back is what went in, mapped, and refused when it means something else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem

from chem import InputError, concatenate_graphs, encode_graphs, load_graphs, save_graphs
from chem.graph import MolecularGraphs, empty_graphs
from chem.graph_kinds import KindTable
from chem.graph_store import ARRAYS
from chem.graph_writer import GraphWriter

DRUGS = Path(__file__).resolve().parents[2] / "varimol" / "data" / "drugs.tsv"
FLAT = ("node_features", "edge_index", "edge_features", "node_offsets", "edge_offsets")
SMILES = ["CCO", "c1ccccc1", "C[C@H](N)C(=O)O", "[Na+]", "F/C=C/Cl", "[2H]C#N", "C" * 300, "[NH3]->[Cu]"]


@pytest.fixture(scope="module")
def graphs() -> MolecularGraphs:
    plain = encode_graphs(SMILES)
    rng = np.random.default_rng(0)
    n_atoms, n_edges = len(plain.node_features), len(plain.edge_features)
    return replace(
        plain,
        atom_values={
            "partial_charge": rng.normal(size=n_atoms).astype(np.float32),
            "position": rng.normal(size=(n_atoms, 3)).astype(np.float32),
        },
        edge_values={"distance": rng.normal(size=n_edges).astype(np.float32)},
    )


@pytest.fixture
def store(tmp_path: Path, graphs: MolecularGraphs) -> Path:
    save_graphs(graphs, tmp_path / "graphs", recipe_hash="abc")
    return tmp_path / "graphs"


def arrays_of(graphs: MolecularGraphs) -> Iterator[tuple[str, np.ndarray]]:
    """Every array of a collection by name."""
    yield from ((name, getattr(graphs, name)) for name in FLAT)
    yield from sorted(graphs.atom_values.items())
    yield from sorted(graphs.edge_values.items())


def assert_same(left: MolecularGraphs, right: MolecularGraphs) -> None:
    """Same arrays, types included."""
    assert left.schema_version == right.schema_version
    for (name, one), (other_name, other) in zip(arrays_of(left), arrays_of(right), strict=True):
        assert name == other_name
        np.testing.assert_array_equal(one, other, err_msg=name)
        assert one.dtype == other.dtype, name


@pytest.mark.parametrize("mmap", [True, False])
def test_round_trip__same_arrays(store: Path, graphs: MolecularGraphs, mmap: bool) -> None:
    back = load_graphs(store, mmap=mmap)
    assert len(back) == len(graphs)
    assert_same(back, graphs)
    for order in ([0, 2], [7, 1, 1, -1], [], [True] * 8):
        assert_same(back.take(order), graphs.take(order))
        ours, theirs = back.batch_arrays(order), graphs.batch_arrays(order)
        assert set(ours) == set(theirs)
        for name in ours:
            np.testing.assert_array_equal(ours[name], theirs[name])
            assert ours[name].dtype == theirs[name].dtype and ours[name].flags.writeable


def test_load__maps_the_files(store: Path) -> None:
    back = load_graphs(store)
    assert all(isinstance(back.arrays[name].base, np.memmap) for name in ARRAYS)
    assert not back.arrays["atom_kind"].flags.writeable
    read = load_graphs(store, mmap=False)
    assert not any(isinstance(read.arrays[name].base, np.memmap) for name in ARRAYS)


def test_project__of_the_store_is_that_of_the_graphs(store: Path, graphs: MolecularGraphs) -> None:
    back = load_graphs(store)
    assert_same(back.project(1), graphs.project(1))
    assert_same(back.project(1).take([2, 0]), graphs.project(1).take([2, 0]))
    assert back.project(2) is back
    save_graphs(graphs.project(1), store.with_name("old"))
    old = load_graphs(store.with_name("old"))
    assert_same(old, graphs.project(1))
    with pytest.raises(InputError, match="schema 1 do not hold what schema 2"):
        old.project(2)


@pytest.mark.parametrize("n", [0, 3])
def test_round_trip__no_molecules_no_bonds(tmp_path: Path, n: int) -> None:
    save_graphs(encode_graphs(["[Na+]"] * n), tmp_path / "graphs")
    for mmap in (True, False):
        assert_same(load_graphs(tmp_path / "graphs", mmap=mmap), encode_graphs(["[Na+]"] * n))


@given(st.lists(st.integers(0, len(SMILES)), max_size=4))
def test_writer__chunks_leave_no_trace(
    tmp_path_factory: pytest.TempPathFactory, graphs: MolecularGraphs, cuts: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("chunks")
    places = [0, *sorted(cuts), len(graphs)]
    with GraphWriter(folder / "parts") as writer:
        for start, stop in pairwise(places):
            writer.append(graphs.take(np.arange(start, stop)))
    save_graphs(graphs, folder / "whole")
    names = sorted(path.name for path in (folder / "whole").iterdir())
    assert names == sorted(path.name for path in (folder / "parts").iterdir())
    for name in names:
        assert (folder / "parts" / name).read_bytes() == (folder / "whole" / name).read_bytes()


def test_writer__appends_stored_graphs(store: Path, graphs: MolecularGraphs) -> None:
    with GraphWriter(store.with_name("both")) as writer:
        writer.append(load_graphs(store))
        writer.append(graphs)
    assert_same(load_graphs(store.with_name("both")), concatenate_graphs([graphs, graphs]))


def test_writer__nothing_appended(tmp_path: Path) -> None:
    with GraphWriter(tmp_path / "graphs"):
        pass
    assert_same(load_graphs(tmp_path / "graphs"), empty_graphs())


def test_writer__an_error_leaves_nothing(tmp_path: Path, graphs: MolecularGraphs) -> None:
    def write() -> None:
        with GraphWriter(tmp_path / "graphs") as writer:
            writer.append(graphs)
            raise KeyError

    with pytest.raises(KeyError):
        write()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("unlike", ["schema_version", "atom_values", "edge_values"])
def test_writer__refuses_unlike_chunks(tmp_path: Path, graphs: MolecularGraphs, unlike: str) -> None:
    other = graphs.project(1) if unlike == "schema_version" else replace(graphs, **{unlike: {}})

    def write() -> None:
        with GraphWriter(tmp_path / "graphs") as writer:
            writer.append(graphs)
            writer.append(other)

    with pytest.raises(InputError, match=f"field {unlike}"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_writer__refuses_edges_without_their_return(tmp_path: Path, graphs: MolecularGraphs) -> None:
    index = graphs.edge_index.copy()
    index[0, 1] += 1
    with pytest.raises(InputError, match="pairs of directions"):
        save_graphs(replace(graphs, edge_index=index), tmp_path / "graphs")


def test_writer__refuses_codes_outside_their_field(tmp_path: Path, graphs: MolecularGraphs) -> None:
    codes = graphs.node_features.copy()
    codes[0, 1] = 1000
    with pytest.raises(InputError, match="below"):
        save_graphs(replace(graphs, node_features=codes), tmp_path / "graphs")


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1), st.integers(0, 4)), max_size=60))
def test_kind_table__is_first_appearance(rows: list[tuple[int, int, int]]) -> None:
    """Against a dictionary, in two halves."""
    known: dict[tuple[int, int, int], int] = {}
    expected = [known.setdefault(row, len(known)) for row in rows]
    table = KindTable((3, 2, 5))
    codes = np.array(rows, dtype=np.int16).reshape(-1, 3)
    half = len(rows) // 2
    found = [*table.number(codes[:half]).tolist(), *table.number(codes[half:]).tolist()]
    assert found == expected
    assert [tuple(row) for row in table.rows.tolist()] == list(known)


def test_files__small_described_and_plain_numpy(store: Path, graphs: MolecularGraphs) -> None:
    values = {"atom_values.partial_charge", "atom_values.position", "edge_values.distance"}
    assert {path.name for path in store.iterdir()} == {
        *(f"{name}.npy" for name in (*ARRAYS, *values)),
        "schema.json",
    }
    description = json.loads((store / "schema.json").read_text())
    assert description["n_molecules"] == 8
    assert description["rdkit_version"] and description["recipe_hash"] == "abc"
    assert np.load(store / "atom_kind.npy").dtype == np.uint8
    assert np.load(store / "bond_ends.npy").dtype == np.uint16  # of the chain of 300
    assert [path.name for path in store.parent.iterdir()] == ["graphs"]


def test_size__a_fraction_of_the_flat_arrays(tmp_path: Path) -> None:
    smiles = pd.read_csv(DRUGS, sep="\t")["smiles"].iloc[:300]
    usable = [text for text in smiles if Chem.MolFromSmiles(text) is not None]
    graphs = encode_graphs(usable)
    save_graphs(graphs, tmp_path / "graphs")
    stored = sum(path.stat().st_size for path in (tmp_path / "graphs").glob("*.npy"))
    assert stored < sum(array.nbytes for _, array in arrays_of(graphs)) / 6
    assert_same(load_graphs(tmp_path / "graphs"), graphs)


@pytest.mark.parametrize(
    ("field", "hint"),
    [
        ("schema_hash", "build the library again with this version"),
        ("recipe_hash", "build the library again with this recipe"),
        ("rdkit_version", "or allow another RDKit"),
        ("format", "build the library again with this version"),
    ],
)
def test_load__other_key_refused(store: Path, field: str, hint: str) -> None:
    path = store / "schema.json"
    description = json.loads(path.read_text())
    path.write_text(json.dumps(description | {field: "other"}))
    with pytest.raises(InputError, match=f"schema.json, field {field}: .* other; expected .*{hint}"):
        load_graphs(store, recipe_hash="abc")
    if field == "recipe_hash":
        assert len(load_graphs(store)) == 8
    if field == "rdkit_version":
        assert len(load_graphs(store, any_rdkit=True)) == 8


@pytest.mark.parametrize(
    "damage", ["missing", "truncated", "longer", "mismatch", "no schema", "bad schema", "list", "no folder"]
)
def test_load__damage_is_one_line(store: Path, damage: str) -> None:
    array = store / "bond_kind.npy"
    if damage == "missing":
        array.unlink()
    elif damage == "truncated":
        array.write_bytes(array.read_bytes()[:-8])
    elif damage == "longer":
        array.write_bytes(array.read_bytes() + b"0")
    elif damage == "mismatch":
        np.save(array, np.load(array)[:-2])
    elif damage == "no schema":
        (store / "schema.json").unlink()
    elif damage == "no folder":
        store = store.with_name("none")
    else:
        (store / "schema.json").write_text({"bad schema": "{", "list": "[]"}[damage])
    with pytest.raises(InputError, match="build the library again") as caught:
        load_graphs(store)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [*ARRAYS, "atom_values.position"])
def test_load__arrays_that_do_not_fit(store: Path, name: str) -> None:
    """Files and their description agree, but one array is a row short."""
    np.save(store / f"{name}.npy", np.load(store / f"{name}.npy")[:-1])
    if name.endswith("_kinds"):
        np.save(store / f"{name}.npy", np.load(store / f"{name}.npy")[:, :-1])
    description = json.loads((store / "schema.json").read_text())
    description["files"][f"{name}.npy"]["bytes"] = (store / f"{name}.npy").stat().st_size
    (store / "schema.json").write_text(json.dumps(description))
    with pytest.raises(InputError, match="do not fit one another"):
        load_graphs(store)


def test_load__flipped_bits_are_found(store: Path) -> None:
    """Read whole, by the checksum; mapped, where a number has nothing it could mean."""
    path = store / "atom_kind.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    with pytest.raises(InputError, match="checksum"):
        load_graphs(store, mmap=False)
    mapped = load_graphs(store)
    with pytest.raises(InputError, match="is damaged"):
        mapped.take([7])
    assert mapped.take([0]).n_atoms.tolist() == [3]
    with pytest.raises(IndexError):
        mapped.take([8])


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
