"""A batch of real molecules for the tests of the parts, and its inputs as random floats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from chem.graph import MolecularGraphs
from chem.graph_encode import encode_graphs
from models.parts.batch import MoleculeBatch, molecule_batch

# Of one atom, of atoms without bonds, of two parts, in rings, with stereo, and long.
SMILES = (
    "C", "[Na+].[Cl-]", "CCO", "c1ccccc1", "C[C@H](N)C(=O)O", "F/C=C/Cl", "O=C(O)c1ccccc1OC(C)=O",
    "Cn1c(=O)c2c(ncn2C)n(C)c1=O", "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC",
    "Cc1ccc(cc1Nc1nccc(n1)-c1cccnc1)NC(=O)c1ccc(cc1)CN1CCN(CC1)C",
)  # fmt: skip


@dataclass(frozen=True)
class FloatInputs:
    """What a core reads: states, edges, one vector per kind of edge, and which atom is whose."""

    x: Tensor
    edge_index: Tensor
    e: Tensor
    batch: Tensor
    n_molecules: int
    kind: Tensor

    def with_edge_rows(self) -> tuple[Tensor, Tensor, Tensor, Tensor, int]:
        """Return the inputs with one vector per edge."""
        return self.x, self.edge_index, self.e[self.kind], self.batch, self.n_molecules

    def with_kinds(self) -> tuple[Tensor, Tensor, Tensor, Tensor, int, Tensor]:
        """Return the inputs with one vector per kind of edge."""
        return self.x, self.edge_index, self.e, self.batch, self.n_molecules, self.kind


@pytest.fixture(scope="session")
def graphs() -> MolecularGraphs:
    """Return the graphs of `SMILES`."""
    return encode_graphs(SMILES)


@pytest.fixture(scope="session")
def molecules(graphs: MolecularGraphs) -> MoleculeBatch:
    """Return all of them as one batch."""
    return molecule_batch(graphs, range(len(graphs)))


@pytest.fixture
def float_inputs(molecules: MoleculeBatch) -> Callable[..., FloatInputs]:
    """Return a function that makes inputs of a core: random, in double precision."""

    def make(dim: int = 16, edge_dim: int = 5, seed: int = 0) -> FloatInputs:
        draw = torch.Generator().manual_seed(seed)
        kinds, kind = torch.unique(molecules.edge_attr, dim=0, return_inverse=True)
        return FloatInputs(
            torch.randn(len(molecules.x), dim, generator=draw, dtype=torch.float64),
            molecules.edge_index,
            torch.randn(len(kinds), edge_dim, generator=draw, dtype=torch.float64),
            molecules.batch,
            molecules.n_molecules,
            kind,
        )

    return make
