"""AttentiveFP: attention over neighbours, with a gate that remembers (Xiong et al. 2020, doi:10.1021/acs.jmedchem.9b00959)."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import elu, leaky_relu, linear

from models.parts.core import Core, of_edges
from models.parts.dropout import Dropout
from models.parts.segments import segment_softmax, segment_sum


def _vector(dim: int) -> nn.Parameter:
    """Weights of a score: Glorot's bounds for a dim x 1 matrix."""
    bound = (6 / (dim + 1)) ** 0.5
    return nn.Parameter(torch.empty(dim).uniform_(-bound, bound))


class BondAttention(nn.Module):
    """Attention over neighbours in which the score reads the bond: the first round.

    Parameters
    ----------
    dim, edge_dim
        Widths of the states and of the bonds' vectors.
    dropout
        On the attention.

    Shapes
    ------
    x : (n_atoms, dim)
    edge_index : (2, n_edges)
    e : (n_kinds, edge_dim), or (n_edges, edge_dim) without `kind`
    kind : (n_edges,) or None
    result : (n_atoms, dim)
    """

    def __init__(self, dim: int, edge_dim: int, dropout: float) -> None:
        super().__init__()
        self.att_l, self.att_r = _vector(dim), _vector(dim)
        self.lin1 = nn.Linear(dim + edge_dim, dim, bias=False)
        self.lin2 = nn.Linear(dim, dim, bias=False)
        self.bias = nn.Parameter(torch.zeros(dim))
        self.dropout = Dropout(dropout)

    def forward(
        self,
        x: Float[Tensor, "atoms dim"],
        edge_index: Int[Tensor, "2 edges"],
        e: Float[Tensor, "kinds edge_dim"],
        kind: Int[Tensor, " edges"] | None = None,
    ) -> Float[Tensor, "atoms dim"]:
        """Return the context of each atom."""
        source, destination = edge_index
        of_atom, of_bond = self.lin1.weight.split([x.shape[1], e.shape[1]], dim=1)
        pair = linear(x, of_atom).index_select(0, source) + of_edges(linear(e, of_bond), kind)
        score = leaky_relu(pair) @ self.att_l + (x @ self.att_r).index_select(0, destination)
        weight = self.dropout(segment_softmax(leaky_relu(score), destination, len(x)))
        message = self.lin2(x).index_select(0, source) * weight[:, None]
        return segment_sum(message, destination, len(x)) + self.bias


class GraphAttention(nn.Module):
    """Attention from one set of states to another (GAT with one head): later rounds, and the readout.

    Parameters
    ----------
    dim
        Width of the states.
    dropout
        On the attention.

    Shapes
    ------
    source_state : (n_sources, dim)
    target_state : (n_targets, dim)
    source, target : (n_links,) rows of the two
    result : (n_targets, dim)
    """

    def __init__(self, dim: int, dropout: float) -> None:
        super().__init__()
        self.lin = nn.Linear(dim, dim, bias=False)
        self.att_src, self.att_dst = _vector(dim), _vector(dim)
        self.bias = nn.Parameter(torch.zeros(dim))
        self.dropout = Dropout(dropout)

    def forward(
        self,
        source_state: Float[Tensor, "sources dim"],
        target_state: Float[Tensor, "targets dim"],
        source: Int[Tensor, " links"],
        target: Int[Tensor, " links"],
    ) -> Float[Tensor, "targets dim"]:
        """Return the context of each target."""
        value = self.lin(source_state)
        asked = linear(target_state, (self.att_dst @ self.lin.weight)[None])[:, 0]
        score = (value @ self.att_src).index_select(0, source) + asked.index_select(0, target)
        weight = self.dropout(segment_softmax(leaky_relu(score), target, len(target_state)))
        message = value.index_select(0, source) * weight[:, None]
        return segment_sum(message, target, len(target_state)) + self.bias


class AttentiveFP(Core):
    """Rounds of attention over neighbours, each taken in by a gated recurrent unit.

    Parameters
    ----------
    in_dim
        Width of the inputs.
    dim
        Width of the states.
    edge_dim
        Width of the bonds' vectors.
    n_layers
        Rounds, 1 or more.
    dropout
        On the attention and on each context.

    Shapes
    ------
    As of `models.parts.core.Core`.

    Examples
    --------
    >>> core = AttentiveFP(in_dim=3, dim=8, edge_dim=4)
    >>> x, bond = torch.randn(2, 3), torch.tensor([[0, 1], [1, 0]])
    >>> core(x, bond, torch.randn(2, 4), torch.tensor([0, 0]), 1).shape
    torch.Size([2, 8])
    """

    def __init__(self, in_dim: int, dim: int, edge_dim: int, n_layers: int = 3, dropout: float = 0.1) -> None:
        super().__init__()
        self.dim = dim
        self.lin1 = nn.Linear(in_dim, dim)
        self.gate_conv = BondAttention(dim, edge_dim, dropout)
        self.gru = nn.GRUCell(dim, dim)
        self.atom_convs = nn.ModuleList(GraphAttention(dim, dropout) for _ in range(n_layers - 1))
        self.atom_grus = nn.ModuleList(nn.GRUCell(dim, dim) for _ in range(n_layers - 1))
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
        """Return the states of the atoms after all rounds."""
        x = leaky_relu(self.lin1(x))
        x = self.gru(self.dropout(elu(self.gate_conv(x, edge_index, e, kind))), x).relu()
        for attention, gru in zip(self.atom_convs, self.atom_grus, strict=True):
            context = self.dropout(elu(attention(x, x, edge_index[0], edge_index[1])))
            x = gru(context, x).relu()
        return x
