"""Readouts: states of the atoms to one vector per molecule."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import elu

from models.parts.attentive_fp import GraphAttention
from models.parts.dropout import Dropout
from models.parts.segments import segment_max, segment_mean, segment_sum

_SUM_SCALE = 8.0
"""What sums are divided by beside means and maxima, so that they do not drown them: drugs have about 28 atoms."""


class Readout(nn.Module):
    """What all readouts have in common.

    Attributes
    ----------
    dim
        Width of the vectors.

    Shapes
    ------
    h : (n_atoms, atom_dim)
    batch : (n_atoms,), the molecule of each atom
    n_molecules : int
    result : (n_molecules, dim)
    """

    dim: int

    def forward(
        self, h: Float[Tensor, "atoms atom_dim"], batch: Int[Tensor, " atoms"], n_molecules: int
    ) -> Float[Tensor, "molecules dim"]:
        """Return one vector per molecule."""
        raise NotImplementedError


class PooledReadout(Readout):
    """Sum, mean and maximum of the atoms' states, side by side, normalised and mixed.

    Parameters
    ----------
    atom_dim
        Width of the states.
    dim
        Width of the vectors.

    Shapes
    ------
    As of `Readout`.

    Examples
    --------
    >>> PooledReadout(8, 4)(torch.randn(3, 8), torch.tensor([0, 0, 1]), 2).shape
    torch.Size([2, 4])
    """

    def __init__(self, atom_dim: int, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.mix = nn.Sequential(nn.LayerNorm(3 * atom_dim), nn.Linear(3 * atom_dim, dim))

    def forward(
        self, h: Float[Tensor, "atoms atom_dim"], batch: Int[Tensor, " atoms"], n_molecules: int
    ) -> Float[Tensor, "molecules dim"]:
        """Return one vector per molecule."""
        total = segment_sum(h, batch, n_molecules) / _SUM_SCALE
        mean, largest = segment_mean(h, batch, n_molecules), segment_max(h, batch, n_molecules)
        return self.mix(torch.cat([total, mean, largest], dim=1))


class AttentiveReadout(Readout):
    """Attention of the molecule over its atoms, taken in by a gated recurrent unit: AttentiveFP's own readout.

    Parameters
    ----------
    atom_dim
        Width of the states.
    dim
        Width of the vectors.
    n_steps
        Times the molecule looks at its atoms.
    dropout
        On the attention, on each context and on the molecule's state.

    Shapes
    ------
    As of `Readout`.

    Examples
    --------
    >>> AttentiveReadout(8, 4)(torch.randn(3, 8), torch.tensor([0, 0, 1]), 2).shape
    torch.Size([2, 4])
    """

    def __init__(self, atom_dim: int, dim: int, n_steps: int = 2, dropout: float = 0.1) -> None:
        super().__init__()
        self.dim, self.n_steps = dim, n_steps
        self.mol_conv = GraphAttention(atom_dim, dropout)
        self.mol_gru = nn.GRUCell(atom_dim, atom_dim)
        self.lin2 = nn.Linear(atom_dim, dim)
        self.dropout = Dropout(dropout)

    def forward(
        self, h: Float[Tensor, "atoms atom_dim"], batch: Int[Tensor, " atoms"], n_molecules: int
    ) -> Float[Tensor, "molecules dim"]:
        """Return one vector per molecule."""
        atoms = torch.arange(len(h), device=h.device)
        state = segment_sum(h, batch, n_molecules).relu()
        for _ in range(self.n_steps):
            context = self.dropout(elu(self.mol_conv(h, state, atoms, batch)))
            state = self.mol_gru(context, state).relu()
        return self.lin2(self.dropout(state))
