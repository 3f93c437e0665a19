"""Encoders: shapes, invariances, and agreement with PyG's own layer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch_geometric.nn import GINEConv

from models.encoders import AffinityNetwork, FieldEmbedding, GraphEncoder, PairHead, SequenceEncoder
from models.fit import EncodedPairs, graph_tensors, new_network, protein_tensors
from models.kinase import AMINO_ACIDS
from models.protein import PADDING, WINDOW

DIM = 16


@pytest.fixture
def network(encoded: EncodedPairs) -> AffinityNetwork:
    torch.manual_seed(0)
    return new_network(encoded.proteins.aligned.shape[1], 2, dim=DIM, n_layers=2, dropout=0.1).eval()


def all_graphs(encoded: EncodedPairs) -> dict[str, torch.Tensor]:
    return graph_tensors(encoded.graphs, np.arange(len(encoded.graphs)))


def test_affinity_network__shapes(network: AffinityNetwork, encoded: EncodedPairs) -> None:
    n_molecules, n_proteins = len(encoded.graphs), len(encoded.proteins)
    graphs, proteins = all_graphs(encoded), protein_tensors(encoded.proteins)
    assert network.graph(**graphs, n_molecules=n_molecules).shape == (n_molecules, DIM)
    assert network.sequence(**proteins).shape == (n_proteins, DIM)
    molecule, protein = torch.tensor([0, 1, 1]), torch.tensor([2, 2, 0])
    assert network(graphs, n_molecules, proteins, molecule, protein).shape == (3, 2)


def test_graph_encoder__order_of_atoms_does_not_matter(
    network: AffinityNetwork, encoded: EncodedPairs
) -> None:
    graphs = all_graphs(encoded)
    n_molecules = len(encoded.graphs)
    rng = np.random.default_rng(0)
    # Shuffle atoms within the whole batch; bonds are renumbered and shuffled too.
    order = torch.from_numpy(rng.permutation(len(graphs["x"])))
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order))
    bonds = torch.from_numpy(rng.permutation(graphs["edge_index"].shape[1]))
    shuffled = {
        "x": graphs["x"][order],
        "batch": graphs["batch"][order],
        "edge_index": place[graphs["edge_index"]][:, bonds],
        "edge_attr": graphs["edge_attr"][bonds],
    }
    torch.testing.assert_close(
        network.graph(**shuffled, n_molecules=n_molecules),
        network.graph(**graphs, n_molecules=n_molecules),
        atol=1e-5,
        rtol=1e-5,
    )


def test_graph_encoder__batch_equals_one_by_one(network: AffinityNetwork, encoded: EncodedPairs) -> None:
    together = network.graph(**all_graphs(encoded), n_molecules=len(encoded.graphs))
    for i in range(len(encoded.graphs)):
        alone = network.graph(**graph_tensors(encoded.graphs, np.array([i])), n_molecules=1)
        torch.testing.assert_close(alone[0], together[i], atol=1e-5, rtol=1e-5)


def test_sequence_encoder__batch_equals_one_by_one(network: AffinityNetwork, encoded: EncodedPairs) -> None:
    together = network.sequence(**protein_tensors(encoded.proteins))
    for i in range(len(encoded.proteins)):
        alone = network.sequence(**protein_tensors(encoded.proteins, np.array([i])))
        torch.testing.assert_close(alone[0], together[i], atol=1e-5, rtol=1e-5)


def test_graph_encoder__tells_molecules_apart(network: AffinityNetwork, encoded: EncodedPairs) -> None:
    vectors = network.graph(**all_graphs(encoded), n_molecules=len(encoded.graphs))
    distances = torch.cdist(vectors, vectors) + torch.eye(len(vectors)) * 1e3
    assert distances.min() > 1e-3


def test_affinity_network__gradient_reaches_every_parameter(
    network: AffinityNetwork, encoded: EncodedPairs
) -> None:
    network.train()
    n = min(len(encoded.graphs), len(encoded.proteins))
    index = torch.arange(n)
    scores = network(
        all_graphs(encoded), len(encoded.graphs), protein_tensors(encoded.proteins), index, index
    )
    (scores**2).sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert (parameter.grad != 0).any(), name


def test_graph_encoder__layers_are_gine(encoded: EncodedPairs) -> None:
    """One layer, written out with PyG's GINEConv of the same weights and plain sums for the readout."""
    torch.manual_seed(1)
    encoder = GraphEncoder(
        encoded.graphs.node_cardinalities, encoded.graphs.edge_cardinalities, dim=DIM, n_layers=1, dropout=0.5
    ).eval()
    plain = GINEConv(nn.Sequential(nn.Linear(DIM, DIM), nn.ReLU(), nn.Linear(DIM, DIM)))
    plain.load_state_dict(encoder.convolutions[0].state_dict())
    graphs = all_graphs(encoded)

    def embed(field: FieldEmbedding, codes: torch.Tensor) -> torch.Tensor:
        return sum(field.tables(codes[:, k] + start) for k, start in enumerate(field.starts))

    h = embed(encoder.node, graphs["x"])
    bonds = embed(encoder.edges[0], graphs["edge_attr"])
    h = h + plain(encoder.norms[0](h), graphs["edge_index"], bonds)
    expected = torch.stack(
        [
            torch.cat([part.sum(0) / 8, part.mean(0), part.amax(0)])
            for part in (h[graphs["batch"] == i] for i in range(len(encoded.graphs)))
        ]
    )
    torch.testing.assert_close(
        encoder(**graphs, n_molecules=len(encoded.graphs)), encoder.readout(expected), atol=1e-5, rtol=1e-5
    )


def test_field_embedding__fields_do_not_share_codes() -> None:
    field = FieldEmbedding([3, 5, 2], 4, dropout=0.0)
    assert field.tables.weight.shape == (10, 4)
    assert field.starts.tolist() == [0, 3, 8]
    codes = torch.tensor([[2, 4, 1]])
    torch.testing.assert_close(field(codes)[0], field.tables.weight[[2, 7, 9]].sum(0))


def test_field_embedding__dropout_reads_the_unknown_code_in_training_alone() -> None:
    torch.manual_seed(0)
    field = FieldEmbedding([3], 4, dropout=0.5)
    codes = torch.ones((200, 1), dtype=torch.long)
    field.train()
    unknown = (field(codes) == field.tables.weight[0]).all(dim=1)
    assert 60 < unknown.sum() < 140
    field.eval()
    assert (field(codes) == field.tables.weight[1]).all()


def test_sequence_encoder__reads_every_view(encoded: EncodedPairs) -> None:
    """Changing any one of the four inputs changes the vector."""
    torch.manual_seed(0)
    encoder = SequenceEncoder(encoded.proteins.aligned.shape[1], DIM).eval()
    inputs = protein_tensors(encoded.proteins, np.array([0]))
    before = encoder(**inputs)
    for name, value in inputs.items():
        changed = value.clone()
        changed[0, 100 if name in ("aligned", "window") else 0] += 1
        if name in ("aligned", "window"):
            changed %= len(AMINO_ACIDS)
        assert not torch.equal(encoder(**{**inputs, name: changed}), before), name


def test_sequence_encoder__padding_counts_as_nothing() -> None:
    encoder = SequenceEncoder(10, DIM)
    assert (encoder.token.weight[PADDING] == 0).all()
    window = torch.full((1, WINDOW), PADDING)
    assert torch.isfinite(
        encoder(torch.zeros((1, 10), dtype=torch.long), window, torch.zeros(1, 420), torch.zeros(1, 3))
    ).all()


def test_pair_head__scores_each_pair_alone() -> None:
    torch.manual_seed(0)
    head = PairHead(DIM, 3, hidden=8).eval()
    molecules, proteins = torch.randn(5, DIM), torch.randn(4, DIM)
    left, right = torch.tensor([0, 4, 2, 2]), torch.tensor([3, 0, 1, 1])
    scores = head(molecules, proteins, left, right)
    assert scores.shape == (4, 3)
    torch.testing.assert_close(scores[2], scores[3])
    for row, (i, j) in enumerate(zip(left, right, strict=True)):
        alone = head(molecules[i : i + 1], proteins[j : j + 1], torch.tensor([0]), torch.tensor([0]))
        torch.testing.assert_close(alone[0], scores[row])
