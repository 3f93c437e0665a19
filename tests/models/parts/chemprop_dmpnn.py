"""Small inputs and weights made by a formula, and what chemprop's D-MPNN makes of them.

Run in chemprop's own environment, with the repository as PYTHONPATH, it prints the numbers as JSON; those of
chemprop 2.3.0 are stored beside this file. Inputs and weights are multiples of 2**-10, so both sides read the
same bits.
"""

from __future__ import annotations

import json
from typing import Any

import torch
from torch import Tensor

ATOM_DIM, BOND_DIM, DIM, DEPTH, SUM_NORM = 4, 3, 5, 3, 100.0
BONDS = ([(0, 1), (1, 2), (2, 3), (3, 4), (4, 0), (4, 5), (5, 6)], [], [(0, 1), (1, 2)])
N_ATOMS = (7, 1, 3)
SMILES = ("CC(=O)Oc1ccccc1C(=O)O", "C", "Cn1c(=O)c2c(ncn2C)n(C)c1=O", "CC(C)Cc1ccc(cc1)[C@@H](C)C(=O)O")


def numbers(first: int, *shape: int) -> Tensor:
    """Return numbers between -0.5 and 0.5 that look like no pattern."""
    count = torch.arange(first, first + torch.Size(shape).numel(), dtype=torch.float64)
    return ((count * 7919 % 1021 - 510) / 1024).view(*shape)


def weights() -> dict[str, Tensor]:
    """Return the weights under chemprop's names."""
    return {
        "W_i.weight": numbers(1, DIM, ATOM_DIM + BOND_DIM) * 2,
        "W_h.weight": numbers(100, DIM, DIM),
        "W_o.weight": numbers(200, DIM, ATOM_DIM + DIM) * 2,
        "W_o.bias": numbers(300, DIM),
    }


def inputs() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return atoms, edges (both directions of a bond next to each other), bonds and the molecule of each atom."""
    edges, start = [], 0
    for bonds, size in zip(BONDS, N_ATOMS, strict=True):
        edges += [(start + a, start + b) for pair in bonds for a, b in (pair, pair[::-1])]
        start += size
    batch = torch.repeat_interleave(torch.arange(len(N_ATOMS)), torch.tensor(N_ATOMS))
    return numbers(400, start, ATOM_DIM), torch.tensor(edges).t(), numbers(500, len(edges), BOND_DIM), batch


def _batch() -> Any:
    """Return the inputs as chemprop's batch, in double precision."""
    from chemprop.data import BatchMolGraph, MolGraph

    x, edge_index, e, batch = inputs()
    graphs = []
    for molecule in range(len(N_ATOMS)):
        atoms = torch.nonzero(batch == molecule)[:, 0]
        mine = torch.isin(edge_index[0], atoms)
        reverse = torch.arange(int(mine.sum())) ^ 1
        parts = (x[atoms], e[mine], edge_index[:, mine] - atoms[0], reverse)
        graphs.append(MolGraph(*(part.numpy() for part in parts)))
    whole = BatchMolGraph(graphs)
    whole.V, whole.E = whole.V.double(), whole.E.double()
    return whole


def _of_formula() -> dict[str, Any]:
    from chemprop.nn import BondMessagePassing, MeanAggregation, NormAggregation

    network = BondMessagePassing(ATOM_DIM, BOND_DIM, DIM, depth=DEPTH).double().eval()
    network.load_state_dict(weights())
    batch = _batch()
    states = network(batch)
    mean, norm = MeanAggregation(), NormAggregation(norm=SUM_NORM)
    return {
        "states": states.tolist(),
        "mean": mean(states, batch.batch).tolist(),
        "norm": norm(states, batch.batch).tolist(),
    }


def _of_molecules() -> float:
    """Return the largest difference between theirs and ours, real molecules in single precision, 300 wide."""
    from chemprop.data import BatchMolGraph
    from chemprop.featurizers import SimpleMoleculeMolGraphFeaturizer
    from chemprop.nn import BondMessagePassing
    from rdkit import Chem

    from models.parts.dmpnn import DMPNN

    featurise = SimpleMoleculeMolGraphFeaturizer()
    batch = BatchMolGraph([featurise(Chem.MolFromSmiles(text)) for text in SMILES])
    torch.manual_seed(0)
    theirs = BondMessagePassing().eval()
    ours = DMPNN(batch.V.shape[1], 300, batch.E.shape[1], n_layers=3).eval()
    ours.load_state_dict(theirs.state_dict())
    found = ours(batch.V, batch.edge_index, batch.E, batch.batch, len(batch))
    return float((found - theirs(batch)).abs().max())


if __name__ == "__main__":
    from importlib.metadata import version

    with torch.no_grad():
        figures = {"chemprop": version("chemprop"), **_of_formula(), "float32_difference": _of_molecules()}
    print(json.dumps(figures, indent=1))
