"""The container of graphs: selection and batches against plain loops, and translation into older schemas."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem, rdBase

from chem import GRAPH_SCHEMA, InputError, MolecularGraphs, concatenate_graphs, encode_graphs, schema_hash
from chem.graph import empty_graphs
from chem.graph_schema import GRAPH_SCHEMA_V1
from chem.graph_version import schema_of_version

DRUGS = Path(__file__).resolve().parents[2] / "varimol" / "data" / "drugs.tsv"
SMILES = ["CCO", "[Na+]", "c1ccccc1", "C[C@H](N)C(=O)O", "[H+].[Cl-]", "F/C=C/Cl"]
UNUSUAL = [
    "[13CH3][O-]", "[U+6]", "[2H]C#N", "F/C=C/Cl", "[NH3]->[Pt](Cl)Cl", "C[Pt@SP1](F)(Cl)Br", "*C[1*]", "C" * 70,
    "CC=[N+]=[N-]", "F[P-](F)(F)(F)(F)F", "[CH3]", "[Zr+4]", "CC1CC2(C1)CC(C)C2", "C[C@H]1CC2(C[C@H](C)C2)C1",
]  # fmt: skip
FLAT = ("node_features", "edge_index", "edge_features", "node_offsets", "edge_offsets")


def codes_of(fields: str, graphs: MolecularGraphs, name: str) -> list[Any]:
    """Values of one field as its vocabulary has them; None where unknown."""
    schema = schema_of_version(graphs.schema_version)
    column = getattr(graphs, f"{fields}_features")[:, schema[f"{fields}_fields"].index(name)]
    vocabulary = schema[f"{fields}_vocabulary"][name]
    return [vocabulary[code - 1] if code else None for code in column.tolist()]


@pytest.fixture(scope="module")
def graphs() -> MolecularGraphs:
    plain = encode_graphs(SMILES)
    rng = np.random.default_rng(1)
    return replace(
        plain,
        atom_values={"position": rng.normal(size=(len(plain.node_features), 3)).astype(np.float32)},
        edge_values={"distance": rng.normal(size=len(plain.edge_features)).astype(np.float32)},
    )


def test_project__is_what_version_1_gave() -> None:
    """Digest of the arrays that commit f032e0c, whose schema was version 1, made with RDKit 2026.3.5."""
    smiles = pd.read_csv(DRUGS, sep="\t")["smiles"].tolist()
    with rdBase.BlockLogs():
        usable = [text for text in smiles if Chem.MolFromSmiles(text) is not None]
    old = encode_graphs([*usable, *UNUSUAL]).project(1)
    if rdBase.rdkitVersion != "2026.03.5":
        pytest.skip(f"the digest was made with RDKit 2026.03.5, this is {rdBase.rdkitVersion}")
    digest = hashlib.sha256()
    for name in FLAT:
        digest.update(np.ascontiguousarray(getattr(old, name)).tobytes())
    assert len(old) == 1651
    assert digest.hexdigest() == "e395ad8d334a1d9ca88432bd72076d535323c3b77d7b200d63c55e427b370377"


def test_schema_of_version__hashes_do_not_move() -> None:
    """The shipped network's card records the first."""
    assert schema_hash(schema_of_version(1)) == "7a2992c848f5a114"
    assert schema_of_version(1) is GRAPH_SCHEMA_V1 and schema_of_version(2) is GRAPH_SCHEMA
    with pytest.raises(InputError, match="no graph schema 9; expected one of 1, 2"):
        schema_of_version(9)


def test_project__unlisted_values_are_unknown() -> None:
    graphs = encode_graphs(UNUSUAL)
    old = graphs.project(1)
    assert old.schema_version == 1
    assert old.node_features.shape[1] == len(GRAPH_SCHEMA_V1["node_fields"])
    assert old.node_features.dtype == old.edge_features.dtype == np.int16
    for fields, names in (("node", GRAPH_SCHEMA_V1["node_fields"]), ("edge", GRAPH_SCHEMA_V1["edge_fields"])):
        for name in names:
            known = GRAPH_SCHEMA_V1[f"{fields}_vocabulary"][name]
            for new, before in zip(codes_of(fields, graphs, name), codes_of(fields, old, name), strict=True):
                if new in ("unlabelled", "any"):
                    assert before == "none"
                else:
                    assert before == (new if new in known else None)
    assert (old.node_features < np.array(old.node_cardinalities)).all()
    assert (old.edge_features < np.array(old.edge_cardinalities)).all()
    assert old.edge_index is graphs.edge_index


def test_project__there_and_back(graphs: MolecularGraphs) -> None:
    assert graphs.project(2) is graphs
    old = graphs.project(1)
    assert old.project(1) is old
    assert old.atom_values is graphs.atom_values
    with pytest.raises(InputError, match="schema 1 do not hold what schema 2 asks for"):
        old.project(2)
    with pytest.raises(InputError, match="no graph schema 3"):
        graphs.project(3)
    assert empty_graphs(1).node_features.shape == (0, 8)


@given(st.lists(st.integers(-len(SMILES), len(SMILES) - 1), max_size=10))
def test_take_and_batch__are_the_plain_loop(graphs: MolecularGraphs, indices: list[int]) -> None:
    part, batch = graphs.take(indices), graphs.batch_arrays(indices)
    rows: dict[str, list[Any]] = {
        name: [] for name in ("x", "attr", "position", "distance", "index", "batch")
    }
    for number, index in enumerate(indices):
        first, stop = graphs.node_offsets[index % len(SMILES)], graphs.node_offsets[index % len(SMILES) + 1]
        shift = len(rows["x"])
        rows["x"] += graphs.node_features[first:stop].tolist()
        rows["position"] += graphs.atom_values["position"][first:stop].tolist()
        rows["batch"] += [number] * int(stop - first)
        first, stop = graphs.edge_offsets[index % len(SMILES)], graphs.edge_offsets[index % len(SMILES) + 1]
        rows["attr"] += graphs.edge_features[first:stop].tolist()
        rows["distance"] += graphs.edge_values["distance"][first:stop].tolist()
        rows["index"] += (graphs.edge_index[:, first:stop].T + shift).tolist()
    assert batch["x"].tolist() == part.node_features.tolist() == rows["x"]
    assert batch["edge_attr"].tolist() == part.edge_features.tolist() == rows["attr"]
    assert batch["edge_index"].T.tolist() == rows["index"]
    assert batch["batch"].tolist() == rows["batch"]
    assert batch["position"].tolist() == part.atom_values["position"].tolist() == rows["position"]
    assert batch["distance"].tolist() == part.edge_values["distance"].tolist() == rows["distance"]
    assert batch["ptr"].tolist() == [0, *np.cumsum([rows["batch"].count(n) for n in range(len(indices))])]
    assert batch["edge_index"].dtype == batch["batch"].dtype == np.int64


def test_concatenate__carries_values_and_refuses_unlike(graphs: MolecularGraphs) -> None:
    both = concatenate_graphs([graphs.take([0, 1]), graphs.take([5])])
    expected = graphs.take([0, 1, 5])
    for name in FLAT:
        np.testing.assert_array_equal(getattr(both, name), getattr(expected, name))
    np.testing.assert_array_equal(both.atom_values["position"], expected.atom_values["position"])
    np.testing.assert_array_equal(both.edge_values["distance"], expected.edge_values["distance"])
    for other, field in (
        (graphs.project(1), "schema_version"),
        (replace(graphs, atom_values={}), "atom_values"),
        (replace(graphs, edge_values={}), "edge_values"),
    ):
        with pytest.raises(InputError, match=f"record 1, field {field}"):
            concatenate_graphs([graphs, other])


def test_graphs__are_told_in_a_line(graphs: MolecularGraphs) -> None:
    assert repr(graphs) == "<6 molecular graphs: 22 atoms, 32 edges, schema 2, position, distance>"


def test_with_values__one_row_each(graphs: MolecularGraphs) -> None:
    n_atoms, n_edges = len(graphs.node_features), len(graphs.edge_features)
    more = graphs.with_values({"mass": np.arange(n_atoms)}, {"distance": np.zeros(n_edges)})
    assert sorted(more.atom_values) == ["mass", "position"] and not more.edge_values["distance"].any()
    assert sorted(graphs.atom_values) == ["position"] and graphs.edge_values["distance"].any()
    with pytest.raises(InputError, match=f"field atom_values: mass has 3 rows; expected {n_atoms}"):
        graphs.with_values({"mass": np.zeros(3)})
    with pytest.raises(InputError, match=f"field edge_values: order has 1 rows; expected {n_edges}"):
        graphs.with_values(edge_values={"order": np.zeros(1)})
