"""Fitting: it learns what is there, and nothing where nothing is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from chem.graph_encode import encode_graphs
from chem.graph_schema import GRAPH_SCHEMA
from models.fit import EncodedPairs, FittedNetwork, encode_pairs, fit_network, graph_tensors, score_pairs
from models.metrics import pearson_r
from models.pairs import PairData
from models.train import TrainingConfig

MakePairs = Callable[..., PairData]
TINY = {"dim": 16, "n_layers": 2, "dropout": 0.0}
CONFIG = TrainingConfig(n_steps=80, warmup=10, learning_rate=5e-3, bfloat16=False)


def predictions(fitted: FittedNetwork, data: EncodedPairs) -> NDArray[np.float64]:
    pairs = data.pairs
    return score_pairs(fitted, data.graphs, data.proteins, pairs.drug, pairs.target)[:, 0]


def with_pairs(data: EncodedPairs, pairs: PairData) -> EncodedPairs:
    return EncodedPairs(pairs, data.graphs, data.proteins)


@pytest.fixture(scope="module")
def fitted(encoded: EncodedPairs) -> FittedNetwork:
    return fit_network([encoded], CONFIG, shape=TINY)


def test_fit_network__beats_the_mean(fitted: FittedNetwork, encoded: EncodedPairs) -> None:
    label = encoded.pairs.label
    error = np.mean((predictions(fitted, encoded) - label) ** 2)
    assert error < 0.3 * label.var()
    assert fitted.endpoints == ("pkd",)
    assert fitted.mean[0] == pytest.approx(label.mean())
    assert fitted.sd[0] == pytest.approx(label.std())


def test_fit_network__learns_held_out_pairs_of_additive_labels(encoded: EncodedPairs) -> None:
    held_out = np.random.default_rng(0).random(len(encoded.pairs)) < 0.25
    network = fit_network([with_pairs(encoded, encoded.pairs.select(~held_out))], CONFIG, shape=TINY)
    unseen = with_pairs(encoded, encoded.pairs.select(held_out))
    assert pearson_r(unseen.pairs.label, predictions(network, unseen)) > 0.7


def test_fit_network__shuffled_labels_teach_nothing(encoded: EncodedPairs) -> None:
    """Correlation on held-out pairs over several shuffles lies around zero."""
    found = []
    config = replace(CONFIG, n_steps=60)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        shuffled = replace(encoded.pairs, label=rng.permutation(encoded.pairs.label))
        held_out = rng.random(len(shuffled)) < 0.4
        network = fit_network([with_pairs(encoded, shuffled.select(~held_out))], config, shape=TINY)
        unseen = with_pairs(encoded, shuffled.select(held_out))
        found.append(pearson_r(unseen.pairs.label, predictions(network, unseen)))
    assert abs(np.mean(found)) < 0.35


def test_fit_network__same_seed_same_bits(encoded: EncodedPairs) -> None:
    config = replace(CONFIG, n_steps=8, bfloat16=True)
    first, again = (fit_network([encoded], config, shape=TINY).network.state_dict() for _ in range(2))
    other = fit_network([encoded], replace(config, seed=1), shape=TINY).network.state_dict()
    assert all(torch.equal(weight, again[name]) for name, weight in first.items())
    assert any(not torch.equal(weight, other[name]) for name, weight in first.items())


def test_fit_network__two_endpoints_of_different_tables(
    encoded: EncodedPairs, make_pairs: MakePairs, profile: NDArray[np.float32]
) -> None:
    second = encode_pairs(make_pairs(6, 5, name="kiba", seed=5), profile)
    fitted = fit_network([encoded, second], replace(CONFIG, n_steps=60), shape=TINY)
    assert fitted.endpoints == ("pkd", "kiba")
    pairs = second.pairs
    scores = score_pairs(fitted, second.graphs, second.proteins, pairs.drug, pairs.target)
    assert scores.shape == (len(pairs), 2)
    assert np.mean((scores[:, 1] - pairs.label) ** 2) < 0.8 * pairs.label.var()


def test_fit_network__small_batches_reach_every_pair(encoded: EncodedPairs) -> None:
    """With fewer drugs and targets per step than there are, the answer is still learned."""
    config = replace(CONFIG, n_steps=120)
    fitted = fit_network([encoded], config, n_drugs=6, n_targets=4, shape=TINY)
    label = encoded.pairs.label
    assert np.mean((predictions(fitted, encoded) - label) ** 2) < 0.5 * label.var()


def test_score_pairs__order_and_blocks_do_not_matter(fitted: FittedNetwork, encoded: EncodedPairs) -> None:
    pairs = encoded.pairs
    expected = predictions(fitted, encoded)
    order = np.random.default_rng(0).permutation(len(pairs))[:20]
    part = score_pairs(
        fitted, encoded.graphs, encoded.proteins, pairs.drug[order], pairs.target[order], block=3
    )
    np.testing.assert_allclose(part[:, 0], expected[order], atol=1e-5)


def test_score_pairs__no_pairs(fitted: FittedNetwork, encoded: EncodedPairs) -> None:
    none = np.zeros(0, np.int64)
    assert score_pairs(fitted, encoded.graphs, encoded.proteins, none, none).shape == (0, 1)


def test_graph_tensors__drops_the_stereo_of_whole_molecules() -> None:
    """Each of 200 copies keeps all of its stereo labels or none; about half keep them."""
    graphs = encode_graphs(["C[C@H](O)/C=C/[C@@H](N)Cl"] * 200)
    flat = encode_graphs(["CC(O)C=CC(N)Cl"])
    index = np.arange(200)
    kept = graph_tensors(graphs, index)
    drawn = graph_tensors(graphs, index, np.random.default_rng(0))
    cip = GRAPH_SCHEMA["node_fields"].index("cip")
    n_atoms, n_edges = kept["x"].shape[0] // 200, kept["edge_attr"].shape[0] // 200
    same_nodes = (drawn["x"] == kept["x"]).reshape(200, n_atoms, -1).all(dim=2).all(dim=1)
    same_edges = (drawn["edge_attr"] == kept["edge_attr"]).reshape(200, n_edges, -1).all(dim=2).all(dim=1)
    assert torch.equal(same_nodes, same_edges)
    assert 70 < same_nodes.sum() < 130
    dropped = int(torch.nonzero(~same_nodes)[0])
    without = drawn["x"][dropped * n_atoms : (dropped + 1) * n_atoms]
    # Without its labels the molecule is the one that was written without stereo.
    np.testing.assert_array_equal(np.sort(without[:, cip]), np.sort(flat.node_features[:, cip]))
    others = [field for field in range(without.shape[1]) if field != cip]
    np.testing.assert_array_equal(without[:, others], kept["x"][:n_atoms, others])


def test_graph_tensors__without_a_generator_nothing_is_dropped(encoded: EncodedPairs) -> None:
    index = np.arange(len(encoded.graphs))
    first, second = graph_tensors(encoded.graphs, index), graph_tensors(encoded.graphs, index)
    assert all(torch.equal(first[name], second[name]) for name in first)
    np.testing.assert_array_equal(first["x"], encoded.graphs.node_features)
