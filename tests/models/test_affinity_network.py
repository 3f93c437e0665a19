"""Shapes of the affinity network, and that a pair's score is its own whatever stands beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from chem.errors import InputError
from models.affinity_fit import network_sizes
from models.affinity_inputs import EncodedPairs, encode_pairs, fit_inputs
from models.affinity_network import AffinityNetwork, NetworkShape
from models.pairs import PairData

MakePairs = Callable[..., PairData]
SMALL = NetworkShape(dim=16, aligned=8, graph_dim=8, n_layers=2, rank=6, dropout=0.2)
SHAPES = {
    "landmarks": SMALL,
    "without columns": replace(SMALL, aligned=0),
    "sequence": replace(SMALL, sequence=True),
    "gine": replace(SMALL, graph="gine", landmarks=""),
    "attentive_fp": replace(SMALL, graph="attentive_fp", landmarks=""),
    "gps": replace(SMALL, graph="gps", landmarks=""),
    "dmpnn": replace(SMALL, graph="dmpnn", landmarks=""),
    "both": replace(SMALL, graph="gine"),
}


@pytest.fixture(scope="module")
def data(make_pairs: MakePairs) -> EncodedPairs:
    pairs = make_pairs(8, 5)
    return encode_pairs(pairs, fit_inputs([pairs], rank=6))


def network_of(data: EncodedPairs, shape: NetworkShape) -> AffinityNetwork:
    torch.manual_seed(0)
    return AffinityNetwork(shape, network_sizes(data), ("regression", "classification")).eval()


def towers(
    network: AffinityNetwork, data: EncodedPairs, drugs: list[int], targets: list[int]
) -> tuple[Tensor, Tensor]:
    molecules = network.molecule(*data.molecules.batch(np.array(drugs)))
    return molecules, network.protein(data.proteins.batch(np.array(targets)))


@pytest.mark.parametrize("name", SHAPES)
def test_affinity_network__a_pairs_score_is_its_own(name: str, data: EncodedPairs) -> None:
    """Encoded in one batch or alone, in any order, in the middle of other pairs."""
    network = network_of(data, SHAPES[name])
    drugs, targets = [3, 0, 7, 1], [4, 2, 0]
    molecule, protein = torch.tensor([0, 1, 1, 3, 2, 0]), torch.tensor([2, 0, 1, 1, 2, 2])
    for endpoint in (0, 1):
        molecules, proteins = towers(network, data, drugs, targets)
        assert molecules.shape == (4, 16) and proteins.shape == (3, 16)
        scores = network(molecules, proteins, molecule, protein, endpoint)
        assert scores.shape == (6, 1) and scores.isfinite().all()
        alone = [
            network(
                *towers(network, data, [drugs[m]], [targets[p]]),
                torch.tensor([0]),
                torch.tensor([0]),
                endpoint,
            )
            for m, p in zip(molecule.tolist(), protein.tolist(), strict=True)
        ]
        torch.testing.assert_close(scores, torch.cat(alone), atol=1e-5, rtol=1e-4)
        order = torch.randperm(6, generator=torch.Generator().manual_seed(1))
        again = network(molecules, proteins, molecule[order], protein[order], endpoint)
        torch.testing.assert_close(again, scores[order])
    assert network(molecules, proteins, molecule[:0], protein[:0], 0).shape == (0, 1)


@pytest.mark.parametrize("name", ["landmarks", "both", "sequence"])
def test_affinity_network__every_weight_of_an_endpoint_is_trained_and_no_other(
    name: str, data: EncodedPairs
) -> None:
    network = network_of(data, SHAPES[name])
    vectors = towers(network, data, list(range(8)), list(range(5)))
    molecule, protein = torch.from_numpy(data.pairs.drug), torch.from_numpy(data.pairs.target)
    network(*vectors, molecule, protein, 1).pow(2).sum().backward()
    for parameter_name, parameter in network.named_parameters():
        mine = not parameter_name.startswith(("heads.0.", "forms.0."))
        assert (parameter.grad is not None) == mine, parameter_name


def test_affinity_network__its_direct_term_is_a_bilinear_form(data: EncodedPairs) -> None:
    network = network_of(data, SMALL).double()
    with torch.no_grad():
        for weight in network.heads[0].body[-1].parameters():  # type: ignore[union-attr, index]
            weight.zero_()
        rng = torch.Generator().manual_seed(0)
        x = torch.randn(3, 16, generator=rng, dtype=torch.float64)
        y = torch.randn(2, 16, generator=rng, dtype=torch.float64)
        left, right = network.forms[0]
        wide = [part.weight.T for part in (left, right)]
        offset = [part.bias for part in (left, right)]
        expected = (x @ wide[0] + offset[0]) @ (y @ wide[1] + offset[1]).T / 4  # type: ignore[operator]
        molecule, protein = torch.arange(3).repeat_interleave(2), torch.arange(2).repeat(3)
        found = network(x, y, molecule, protein, 0)
    torch.testing.assert_close(found.reshape(3, 2), expected)


def test_affinity_network__reads_only_what_its_shape_names(data: EncodedPairs) -> None:
    batch, coordinates = data.molecules.batch(np.array([0, 1]))
    graph = network_of(data, SHAPES["gine"]).molecule
    torch.testing.assert_close(graph(batch, coordinates), graph(batch, coordinates + 1))
    landmarks = network_of(data, SHAPES["landmarks"]).molecule
    other = data.molecules.batch(np.array([2, 3]))[0]
    torch.testing.assert_close(landmarks(batch, coordinates), landmarks(other, coordinates))
    assert not torch.allclose(landmarks(batch, coordinates), landmarks(batch, coordinates + 1))


def test_network_shape__refuses_to_read_nothing() -> None:
    with pytest.raises(InputError, match="reads nothing of a molecule"):
        NetworkShape(landmarks="")


def test_affinity_network__refuses_an_unknown_encoder(data: EncodedPairs) -> None:
    with pytest.raises(InputError, match="schnet"):
        network_of(data, replace(SMALL, graph="schnet"))
