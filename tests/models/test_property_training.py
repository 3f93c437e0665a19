"""How often molecules are seen, what labels weigh, and the loss by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.property_features import MoleculeFeatures
from models.property_module import PropertyInputs, PropertyModule, PropertyShape
from models.property_training import TrainingData, label_weights, molecule_passes

NAN = np.nan
MOLECULES = MoleculeFeatures(["CCO", "CCN", "c1ccccc1", "CC(=O)O"])
INPUTS = PropertyInputs(MOLECULES.graphs, torch.ones(4, 3), MOLECULES.counts())
SHAPE = PropertyShape(dim=8, n_layers=1, hidden=16)


def training_data(labels: np.ndarray, classes: list[bool], passes: list[int]) -> TrainingData:
    there = ~np.isnan(labels)
    return TrainingData(
        INPUTS, torch.from_numpy(labels).float(), torch.from_numpy(there),
        torch.from_numpy(label_weights(there)), torch.tensor(classes), np.array(passes),
    )  # fmt: skip


def test_loss__is_the_weighted_mean_over_the_labels_there_are() -> None:
    labels = np.array([[0.5, 1, 0], [NAN, 0, 1], [NAN, NAN, NAN], [-2, NAN, NAN]])
    data = training_data(labels, [False, True, True], [1] * 4)
    graphs = MOLECULES.graphs
    network = PropertyModule(SHAPE, (graphs.node_cardinalities, graphs.edge_cardinalities), 3, 3).eval()
    with torch.no_grad():
        output = network(INPUTS.batch(range(4))).double().numpy()
    chance = 1 / (1 + np.exp(-output))
    weights = [1 / 2, 1 / 2.5, 1 / 2.5]  # label 0: molecules of 3 and 1 labels; labels 1 and 2: of 3 and 2
    terms = [
        (weights[0], (output[0, 0] - 0.5) ** 2), (weights[0], (output[3, 0] + 2) ** 2),
        (weights[1], -np.log(chance[0, 1])), (weights[1], -np.log(1 - chance[1, 1])),
        (weights[2], -np.log(1 - chance[0, 2])), (weights[2], -np.log(chance[1, 2])),
    ]  # fmt: skip
    by_hand = sum(w * value for w, value in terms) / sum(w for w, _ in terms)
    assert data.loss(network, np.arange(4)).item() == pytest.approx(by_hand, rel=1e-5)


def test_loss__a_step_without_labels_is_zero_and_has_gradients() -> None:
    data = training_data(np.array([[1.0], [2.0], [NAN], [NAN]]), [False], [1, 1, 0, 0])
    graphs = MOLECULES.graphs
    network = PropertyModule(SHAPE, (graphs.node_cardinalities, graphs.edge_cardinalities), 3, 1)
    loss = data.loss(network, np.array([2, 3]))
    loss.backward()
    assert loss.item() == 0
    assert all(p.grad is None or not p.grad.any() for p in network.parameters())


@given(st.lists(st.integers(0, 9), min_size=4, max_size=4).filter(any), st.integers(0, 5))
def test_epoch__each_molecule_is_seen_as_often_as_asked(passes: list[int], seed: int) -> None:
    data = training_data(np.ones((4, 1)), [False], passes)
    seen = np.zeros(4, int)
    for number in range(1, data.n_epochs + 1):
        for step in data.epoch(2, seed)(number, np.random.default_rng(number)):
            np.add.at(seen, step.__defaults__[0], 1)  # type: ignore[attr-defined]
    assert seen.tolist() == passes


def test_epoch__a_full_table_is_seen_once_an_epoch() -> None:
    there = np.ones((4, 3), bool)
    assert np.unique(molecule_passes(there, SHAPE)).tolist() == [SHAPE.n_epochs(4)]
    assert label_weights(there).tolist() == pytest.approx([1 / 3] * 3)


def test_molecule_passes__the_rarest_label_decides() -> None:
    there = np.zeros((1000, 2), bool)
    there[:, 0] = True
    there[:10, 1] = True
    passes = molecule_passes(there, PropertyShape(passes=1250, epochs=(8, 80)))
    assert passes[:10].tolist() == [80] * 10
    assert np.unique(passes[10:]).tolist() == [40]
