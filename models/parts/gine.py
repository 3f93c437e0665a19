"""GINE: graph isomorphism network with bonds (Hu et al. 2020, arXiv:1905.12265)."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor, nn

from models.parts.core import Core
from models.parts.dropout import Dropout
from models.parts.gine_messages import sum_of_neighbours


class GINELayer(nn.Module):
    """One round: an atom's state plus the sum over its neighbours of relu(state + bond), through two layers.

    Parameters
    ----------
    dim
        Width of the states.
    edge_dim
        Width of the bonds' vectors.

    Shapes
    ------
    x : (n_atoms, dim)
    edge_index : (2, n_edges)
    e : (n_kinds, edge_dim), or (n_edges, edge_dim) without `kind`
    kind : (n_edges,) or None
    result : (n_atoms, dim)
    """

    def __init__(self, dim: int, edge_dim: int) -> None:
        super().__init__()
        self.edge = nn.Linear(edge_dim, dim)
        self.body = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim))

    def forward(
        self,
        x: Float[Tensor, "atoms dim"],
        edge_index: Int[Tensor, "2 edges"],
        e: Float[Tensor, "kinds edge_dim"],
        kind: Int[Tensor, " edges"] | None = None,
    ) -> Float[Tensor, "atoms dim"]:
        """Return the update of each atom's state."""
        return self.body(x + sum_of_neighbours(x, edge_index, self.edge(e), kind))


class GINE(Core):
    """Rounds of GINE, each on normalised states and added to them.

    Parameters
    ----------
    dim
        Width of the states, which the inputs have too.
    edge_dim
        Width of the bonds' vectors.
    n_layers
        Rounds.
    dropout
        On each round's update.

    Shapes
    ------
    As of `models.parts.core.Core`, with in_dim = dim.

    Examples
    --------
    >>> import torch
    >>> core = GINE(dim=8, edge_dim=4)
    >>> x, bond = torch.randn(2, 8), torch.tensor([[0, 1], [1, 0]])
    >>> core(x, bond, torch.randn(2, 4), torch.tensor([0, 0]), 1).shape
    torch.Size([2, 8])
    """

    def __init__(self, dim: int, edge_dim: int, n_layers: int = 3, dropout: float = 0.1) -> None:
        super().__init__()
        self.dim = dim
        self.layers = nn.ModuleList(GINELayer(dim, edge_dim) for _ in range(n_layers))
        self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(n_layers))
        self.dropout = Dropout(dropout)

    def forward(
        self,
        x: Float[Tensor, "atoms dim"],
        edge_index: Int[Tensor, "2 edges"],
        e: Float[Tensor, "kinds edge_dim"],
        batch: Int[Tensor, " atoms"],
        n_molecules: int,
        kind: Int[Tensor, " edges"] | None = None,
    ) -> Float[Tensor, "atoms dim"]:
        """Return the states of the atoms after all rounds."""
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = x + self.dropout(layer(norm(x), edge_index, e, kind))
        return x
