"""What all cores have in common: message passing from float inputs to float states of the atoms."""

# jaxtyping is named in annotations alone, so that a core can be run where torch is the only library.
from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

if TYPE_CHECKING:
    from jaxtyping import Float, Int


class Core(nn.Module):
    """Message passing over a batch of molecules.

    A molecule has few kinds of bonds, and what a core computes from the bond alone is the same for all edges of a
    kind. So the rows of `e` may stand for kinds, of which `kind` names one for each edge; without `kind`, `e` has
    one row per edge. Both give the same states.

    Attributes
    ----------
    dim
        Width of the states.

    Shapes
    ------
    x : (n_atoms, in_dim)
    edge_index : (2, n_edges), source and destination; every bond stands twice
    e : (n_kinds, edge_dim), or (n_edges, edge_dim) without `kind`
    batch : (n_atoms,), the molecule of each atom
    n_molecules : int
    kind : (n_edges,) rows of `e`, or None
    result : (n_atoms, dim)
    """

    dim: int

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
        raise NotImplementedError


def of_edges(e: Float[Tensor, "kinds dim"], kind: Int[Tensor, " edges"] | None) -> Float[Tensor, "edges dim"]:
    """One row per edge, out of one row per kind of edge."""
    return e if kind is None else e.index_select(0, kind)
