"""D-MPNN: messages along directed bonds (Yang et al. 2019, doi:10.1021/acs.jcim.9b00237), in fewer steps."""

# jaxtyping is named in annotations alone, so that a core can be run where torch is the only library.
from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from chem.errors import InputError
from models.parts.core import Core, of_edges
from models.parts.dropout import Dropout
from models.parts.segments import segment_sum

if TYPE_CHECKING:
    from jaxtyping import Float, Int


def side_by_side(edge_index: Int[Tensor, "2 edges"]) -> bool:
    """Whether the two directions of every bond stand next to each other, as in stored graphs.

    Examples
    --------
    >>> side_by_side(torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]]))
    True
    """
    even = edge_index.shape[1] % 2 == 0
    return even and torch.equal(edge_index[:, ::2], edge_index[:, 1::2].flip(0))


def reverse_edges(edge_index: Int[Tensor, "2 edges"]) -> Int[Tensor, " edges"]:
    """Number of the edge that runs the other way, for each edge.

    Parameters
    ----------
    edge_index
        Source and destination of each edge, in any order; stored graphs have the two directions of a bond next to
        each other, which is quicker.

    Returns
    -------
    Tensor
        (n_edges,) int64.

    Raises
    ------
    InputError
        An edge has no reverse.

    Examples
    --------
    >>> reverse_edges(torch.tensor([[0, 1, 1, 2], [1, 2, 0, 1]])).tolist()
    [2, 3, 0, 1]
    """
    numbers = torch.arange(edge_index.shape[1], device=edge_index.device)
    if side_by_side(edge_index):
        return numbers ^ 1
    source, destination = edge_index
    n_atoms = edge_index.max() + 1
    there, order = torch.sort(source * n_atoms + destination, stable=True)
    back, order_back = torch.sort(destination * n_atoms + source, stable=True)
    if not torch.equal(there, back):
        raise InputError("a bond runs one way", field="edge_index", expected="both directions of every bond")
    return torch.empty_like(numbers).index_copy_(0, order_back, order)


def _subtract_reverse(message: Tensor, h: Tensor, reverse: Tensor | None) -> None:
    """Take the state of the reverse edge from each message, in place."""
    if reverse is None:
        message[::2].sub_(h[1::2])
        message[1::2].sub_(h[::2])
    else:
        message.sub_(h.index_select(0, reverse))


class DMPNN(Core):
    """States of directed bonds, each updated from those that lead to it, then summed at the atoms.

    What chemprop computes, with its names of the weights: W_i takes an atom and a bond, W_h a message, W_o an atom
    and what it received. Atoms go through their part of W_i once, not once per bond.

    Parameters
    ----------
    in_dim
        Width of the inputs.
    dim
        Width of the states.
    edge_dim
        Width of the bonds' vectors.
    n_layers
        chemprop's depth: 1 is no exchange between bonds.
    dropout
        On the updates.

    Shapes
    ------
    As of `models.parts.core.Core`.

    Examples
    --------
    >>> core = DMPNN(in_dim=3, dim=8, edge_dim=4)
    >>> x, bond = torch.randn(2, 3), torch.tensor([[0, 1], [1, 0]])
    >>> core(x, bond, torch.randn(2, 4), torch.tensor([0, 0]), 1).shape
    torch.Size([2, 8])
    """

    def __init__(self, in_dim: int, dim: int, edge_dim: int, n_layers: int = 3, dropout: float = 0.0) -> None:
        super().__init__()
        self.dim, self.n_layers = dim, n_layers
        self.W_i = nn.Linear(in_dim + edge_dim, dim, bias=False)
        self.W_h = nn.Linear(dim, dim, bias=False)
        self.W_o = nn.Linear(in_dim + dim, dim)
        self.dropout = Dropout(dropout)

    def forward(
        self,
        x: Float[Tensor, "atoms in_dim"],
        edge_index: Int[Tensor, "2 edges"],
        e: Float[Tensor, "kinds edge_dim"],
        batch: Int[Tensor, " atoms"],
        n_molecules: int,
        kind: Int[Tensor, " edges"] | None = None,
    ) -> Float[Tensor, "atoms dim"]:
        """Return the states of the atoms."""
        source, destination = edge_index
        reverse = None if side_by_side(edge_index) else reverse_edges(edge_index)
        of_atom, of_bond = self.W_i.weight.split([x.shape[1], e.shape[1]], dim=1)
        first = linear(x, of_atom).index_select(0, source)
        # In place wherever autograd does not need what is written over: memory is what all but W_h costs.
        first = first.addmm_(e, of_bond.t()) if kind is None else first.add_(linear(e, of_bond)[kind])
        h = first.relu()
        for _ in range(1, self.n_layers):
            message = segment_sum(h, destination, len(x)).index_select(0, source)
            _subtract_reverse(message, h, reverse)
            h = self.dropout(linear(message, self.W_h.weight).add_(first).relu_())
        of_atom, of_message = self.W_o.weight.split([x.shape[1], self.dim], dim=1)
        received = segment_sum(h, destination, len(x))
        return self.dropout(linear(x, of_atom, self.W_o.bias).addmm_(received, of_message.t()).relu_())
