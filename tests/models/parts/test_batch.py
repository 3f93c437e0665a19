"""Batches: cut out of stored graphs as they are, and moved whole."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from chem.graph_encode import encode_graphs
from models.parts.batch import ProteinBatch, molecule_batch

SMILES = ["CCO", "[Na+]", "c1ccccc1", "C[C@H](N)C(=O)O", "F/C=C/Cl"]
GRAPHS = encode_graphs(SMILES)


@given(st.lists(st.integers(0, len(SMILES) - 1), max_size=8))
def test_molecule_batch__molecules_one_behind_the_other(index: list[int]) -> None:
    batch = molecule_batch(GRAPHS, index)
    assert batch.n_molecules == len(index)
    for place, number in enumerate(index):
        alone = GRAPHS.take([number])
        atoms = torch.nonzero(batch.batch == place)[:, 0]
        edges = torch.isin(batch.edge_index[0], atoms)
        np.testing.assert_array_equal(batch.x[atoms], alone.node_features)
        np.testing.assert_array_equal(batch.edge_attr[edges], alone.edge_features)
        np.testing.assert_array_equal(batch.edge_index[:, edges] - atoms[0], alone.edge_index)


def test_molecule_batch__index_outside() -> None:
    with pytest.raises(IndexError, match="molecule numbers"):
        molecule_batch(GRAPHS, [len(SMILES)])


def test_to__moves_every_tensor() -> None:
    batch = molecule_batch(GRAPHS, [0, 2]).to("meta")
    assert batch.n_molecules == 2
    assert {batch.x.device.type, batch.edge_attr.device.type, batch.batch.device.type} == {"meta"}
    proteins = ProteinBatch(
        torch.zeros(1, 5, dtype=torch.long), torch.zeros(1, 4, dtype=torch.long), torch.zeros(1, 420),
        torch.zeros(1, 3),
    ).to("meta")  # fmt: skip
    assert proteins.embedding is None
    assert proteins.tokens.device.type == proteins.flags.device.type == "meta"
