"""The bridge to torch_geometric, against its own way to make batches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch_geometric.data import Batch, Data
from torch_geometric.loader import DataLoader
from torch_geometric.nn import GINConv, global_add_pool

from chem import InputError, MolecularGraphs, encode_graphs, load_graphs, save_graphs
from models.pyg import GraphLoader, to_batch, to_data

SMILES = ["CCO", "[Na+]", "c1ccccc1", "C[C@H](N)C(=O)O", "[H+].[Cl-]", "F/C=C/Cl"]


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> MolecularGraphs:
    plain = encode_graphs(SMILES)
    rng = np.random.default_rng(0)
    n_atoms, n_edges = len(plain.node_features), len(plain.edge_features)
    with_values = replace(
        plain,
        atom_values={
            "partial_charge": rng.normal(size=n_atoms).astype(np.float32),
            "position": rng.normal(size=(n_atoms, 3)).astype(np.float32),
        },
        edge_values={"distance": rng.normal(size=n_edges).astype(np.float32)},
    )
    folder = tmp_path_factory.mktemp("stored")
    save_graphs(with_values, folder / "graphs")
    return load_graphs(folder / "graphs")


def assert_same(left: Data, right: Data) -> None:
    """Same names, types and values."""
    assert sorted(left.keys()) == sorted(right.keys())
    for name in left.keys():  # noqa: SIM118 - a Data is no mapping
        assert left[name].dtype == right[name].dtype, name
        assert torch.equal(left[name], right[name]), name


def test_to_data__is_the_graph(graphs: MolecularGraphs) -> None:
    data, part = to_data(graphs, 3), graphs.take([3])
    assert data.validate() and data.x.dtype == data.edge_attr.dtype == torch.int64
    np.testing.assert_array_equal(data.x, part.node_features)
    np.testing.assert_array_equal(data.edge_index, part.edge_index)
    np.testing.assert_array_equal(data.edge_attr, part.edge_features)
    np.testing.assert_array_equal(data.pos, part.atom_values["position"])
    np.testing.assert_array_equal(data.distance, part.edge_values["distance"])
    assert data.is_undirected() and not data.has_self_loops()


@given(st.lists(st.integers(0, len(SMILES) - 1), min_size=1, max_size=12))
def test_to_batch__is_that_of_the_list(graphs: MolecularGraphs, indices: list[int]) -> None:
    ours = to_batch(graphs, indices)
    theirs = Batch.from_data_list([to_data(graphs, index) for index in indices])
    assert type(ours) is type(theirs)
    assert ours.num_graphs == theirs.num_graphs == len(indices)
    assert_same(ours, theirs)
    for index, taken, expected in zip(indices, ours.to_data_list(), theirs.to_data_list(), strict=True):
        assert_same(taken, expected)
        assert_same(taken, to_data(graphs, index))
    assert_same(ours[len(indices) - 1], to_data(graphs, indices[-1]))


def test_to_batch__one_layer_sees_separate_molecules(graphs: MolecularGraphs) -> None:
    torch.manual_seed(0)
    layer = GINConv(torch.nn.Linear(graphs.node_features.shape[1], 4))
    batch = to_batch(graphs, range(len(graphs)))
    together = global_add_pool(layer(batch.x.float(), batch.edge_index), batch.batch)
    alone = [to_data(graphs, index) for index in range(len(graphs))]
    apart = torch.cat([layer(data.x.float(), data.edge_index).sum(dim=0, keepdim=True) for data in alone])
    torch.testing.assert_close(together, apart)


@pytest.mark.parametrize("batch_size", [1, 4, 6, 100])
def test_loader__in_order_is_pygs(graphs: MolecularGraphs, batch_size: int) -> None:
    ours = GraphLoader(graphs, batch_size=batch_size)
    theirs = DataLoader([to_data(graphs, index) for index in range(len(graphs))], batch_size=batch_size)
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert_same(one, other)


def test_loader__shuffles_every_epoch_anew_and_repeatably(graphs: MolecularGraphs) -> None:
    def epochs() -> list[list[int]]:
        loader = GraphLoader(graphs, batch_size=4, shuffle=True, seed=3)
        return [[int(n) for batch in loader for n in batch.ptr.diff()] for _ in range(5)]

    first = epochs()
    assert first == epochs()
    assert all(sorted(epoch) == sorted(graphs.n_atoms.tolist()) for epoch in first)
    assert len({tuple(epoch) for epoch in first}) > 1


def test_loader__takes_the_molecules_of_a_fold(graphs: MolecularGraphs) -> None:
    loader = GraphLoader(graphs, batch_size=2, indices=[5, 0, 3])
    assert [batch.num_graphs for batch in loader] == [2, 1]
    assert_same(next(iter(loader)), to_batch(graphs, [5, 0]))


def test_refused__nothing_asked_for_or_outside(graphs: MolecularGraphs, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no molecules; expected at least one"):
        to_batch(graphs, [])
    with pytest.raises(InputError, match="field batch_size"):
        GraphLoader(graphs, batch_size=0)
    with pytest.raises(IndexError):
        to_data(graphs, 6)
