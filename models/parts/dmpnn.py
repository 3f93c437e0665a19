"""D-MPNN: messages along directed bonds (Yang et al. 2019, doi:10.1021/acs.jcim.9b00237), in fewer steps."""

# jaxtyping is named in annotations alone, so that a core can be run where torch is the only library.
from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from chem.errors import InputError
from models.parts.core import Core
from models.parts.dropout import Dropout
from models.parts.segments import segment_sum

if TYPE_CHECKING:
    from jaxtyping import Float, Int


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
    if len(numbers) % 2 == 0 and torch.equal(edge_index[:, ::2], edge_index[:, 1::2].flip(0)):
        return numbers ^ 1
    source, destination = edge_index
    n_atoms = edge_index.max() + 1
    there, order = torch.sort(source * n_atoms + destination, stable=True)
    back, order_back = torch.sort(destination * n_atoms + source, stable=True)
    if not torch.equal(there, back):
        raise InputError("a bond runs one way", field="edge_index", expected="both directions of every bond")
    return torch.empty_like(numbers).index_copy_(0, order_back, order)


def equal_rows(rows: Float[Tensor, "rows dim"]) -> tuple[Int[Tensor, " kinds"], Int[Tensor, " rows"]]:
    """Number rows that are equal bit for bit alike, by one projection that is checked afterwards.

    Parameters
    ----------
    rows
        Any table.

    Returns
    -------
    tuple of Tensor
        (n_kinds,) one row of each kind, and (n_rows,) the kind of each row. Equal rows may be of two kinds, but rows
        of one kind are equal.

    Examples
    --------
    >>> first, kind = equal_rows(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]))
    >>> len(first), bool(kind[0] == kind[2] != kind[1])
    (2, True)
    """
    numbers = torch.arange(len(rows), device=rows.device)
    weight = torch.arange(1, rows.shape[1] + 1, device=rows.device, dtype=torch.float64).sqrt().sin()
    sketches, kind = torch.unique(rows.double() @ weight, return_inverse=True)
    first = torch.full_like(sketches, len(rows), dtype=torch.int64)
    first.scatter_reduce_(0, kind, numbers, reduce="amin")
    return (first, kind) if torch.equal(rows[first[kind]], rows) else (numbers, numbers)


def _alike(x: Tensor, e: Tensor, kind: Tensor | None, source: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
    """Rows of x and of e for each kind of directed edge, and the kind of each edge; None: each is its own.

    Before the first exchange, edges from equal atoms by equal bonds have equal states, and 64 drugs have
    about 4,000 edges of 65 kinds. A gradient must know its atom, so those that need one are not put together.
    """
    if torch.is_grad_enabled() and (x.requires_grad or e.requires_grad):
        edges = torch.arange(len(source), device=source.device)
        return source, edges if kind is None else kind, None
    atom, atom_kind = equal_rows(x)
    bond, bond_kind = equal_rows(e)
    number = atom_kind[source] * max(1, len(bond)) + (bond_kind if kind is None else bond_kind[kind])
    numbers, pair = torch.unique(number, return_inverse=True)
    return atom[numbers // max(1, len(bond))], bond[numbers % max(1, len(bond))], pair


def _spread(rows: Tensor, pair: Tensor | None) -> Tensor:
    return rows if pair is None else rows.index_select(0, pair)


class DMPNN(Core):
    """States of directed bonds, each updated from those that lead to it, then summed at the atoms.

    What chemprop computes, with its names of the weights: W_i takes an atom and a bond, W_h a message, W_o an atom
    and what it received. Atoms go through their part of W_i once, not once per bond, and what is equal
    before the first exchange goes through W_h once.

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
        reverse = reverse_edges(edge_index)
        atom, bond, pair = _alike(x, e, kind, source)
        of_atom, of_bond = self.W_i.weight.split([x.shape[1], e.shape[1]], dim=1)
        first = linear(x, of_atom).index_select(0, atom).add_(linear(e, of_bond).index_select(0, bond))
        h, first = first.relu(), _spread(first, pair)
        for _ in range(1, self.n_layers):
            # W_h (sum - reverse) = sum of W_h h - W_h reverse: so W_h meets each kind of state once.
            message, pair = _spread(linear(h, self.W_h.weight), pair), None
            received = segment_sum(message, destination, len(x)).index_select(0, source)
            h = self.dropout(received.sub_(message.index_select(0, reverse)).add_(first).relu_())
        h = _spread(h, pair)
        of_atom, of_message = self.W_o.weight.split([x.shape[1], self.dim], dim=1)
        received = segment_sum(h, destination, len(x))
        return self.dropout(linear(x, of_atom, self.W_o.bias).add_(linear(received, of_message)).relu_())
