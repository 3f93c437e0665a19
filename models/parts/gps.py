"""GPS: message passing and attention over the whole molecule, side by side (Rampasek et al. 2022, arXiv:2205.12454)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from chem.errors import InputError
from models.parts.core import Core
from models.parts.dropout import Dropout
from models.parts.gine import GINELayer

Rows = Int[Tensor, "molecules longest"]


def attention_groups(batch: Int[Tensor, " atoms"], n_molecules: int) -> Iterator[tuple[Rows, Tensor]]:
    """Group molecules of like size, so that attention pads each of them to less than twice its atoms.

    Parameters
    ----------
    batch
        (n_atoms,) the molecule of each atom, in any order.
    n_molecules
        How many.

    Yields
    ------
    tuple of Tensor
        Int (n_in_group, longest) rows of atoms, 0 where a molecule has no more; bool of that shape, True for an
        atom. Molecules without atoms are in no group.

    Examples
    --------
    >>> [(rows.tolist(), there.sum().item()) for rows, there in attention_groups(torch.tensor([0, 1, 1, 1]), 2)]
    [([[0]], 1), ([[1, 2, 3]], 3)]
    """
    order = torch.argsort(batch, stable=True)
    sizes = torch.bincount(batch, minlength=n_molecules)
    first = sizes.cumsum(0) - sizes
    group = torch.where(sizes > 0, sizes.clamp(min=1).log2().floor().long(), -1)
    for which in torch.unique(group[group >= 0]).tolist():
        chosen = torch.nonzero(group == which)[:, 0]
        place = torch.arange(int(sizes[chosen].max()), device=batch.device)
        there = place < sizes[chosen, None]
        rows = torch.where(there, first[chosen, None] + place, 0)
        yield order[rows].masked_fill(~there, 0), there


class MoleculeAttention(nn.Module):
    """Attention with several heads among the atoms of each molecule.

    Queries, keys and values are made of the flat atoms; only the scores are padded.

    Parameters
    ----------
    dim
        Width of the states.
    heads
        Heads, each of dim / heads.

    Raises
    ------
    InputError
        The heads do not divide the width.

    Shapes
    ------
    x : (n_atoms, dim)
    groups : of `attention_groups`
    result : (n_atoms, dim)
    """

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        if dim % heads:
            raise InputError(f"{heads} heads for a width of {dim}", field="heads", expected="a divisor of it")
        self.heads = heads
        self.input = nn.Linear(dim, 3 * dim)
        self.output = nn.Linear(dim, dim)

    def forward(
        self, x: Float[Tensor, "atoms dim"], groups: list[tuple[Rows, Tensor]]
    ) -> Float[Tensor, "atoms dim"]:
        """Return the context of each atom."""
        # (3, heads, n_atoms, dim / heads)
        parts = self.input(x).unflatten(1, (3, self.heads, -1)).permute(1, 2, 0, 3)
        context = parts.new_zeros((len(x), x.shape[1]))
        for rows, there in groups:
            query, key, value = parts[:, :, rows].transpose(1, 2)
            # Written out: torch's fused form is no faster on so short sequences, and much slower in bfloat16 on a CPU.
            score = query @ key.transpose(2, 3) / query.shape[3] ** 0.5
            mixed = score.masked_fill(~there[:, None, None], -torch.inf).softmax(dim=3) @ value
            flat = mixed.permute(0, 2, 1, 3).flatten(2)[there]
            context = context.index_add(0, rows[there], flat.to(context.dtype))
        return self.output(context)


class GPSLayer(nn.Module):
    """One round: GINE and attention, each added to the state and normalised, their sum through two layers.

    Parameters
    ----------
    dim, edge_dim
        Widths of the states and of the bonds' vectors.
    heads
        Of the attention.
    dropout
        On each update.

    Shapes
    ------
    x : (n_atoms, dim)
    edge_index : (2, n_edges)
    e : (n_kinds, edge_dim), or (n_edges, edge_dim) without `kind`
    groups : of `attention_groups`
    kind : (n_edges,) or None
    result : (n_atoms, dim)
    """

    def __init__(self, dim: int, edge_dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.conv = GINELayer(dim, edge_dim)
        self.attention = MoleculeAttention(dim, heads)
        self.body = nn.Sequential(
            nn.Linear(dim, 2 * dim), nn.ReLU(), Dropout(dropout), nn.Linear(2 * dim, dim), Dropout(dropout)
        )
        self.norm_conv, self.norm_attention, self.norm = (nn.LayerNorm(dim) for _ in range(3))
        self.dropout = Dropout(dropout)

    def forward(
        self,
        x: Float[Tensor, "atoms dim"],
        edge_index: Int[Tensor, "2 edges"],
        e: Float[Tensor, "kinds edge_dim"],
        groups: list[tuple[Rows, Tensor]],
        kind: Int[Tensor, " edges"] | None = None,
    ) -> Float[Tensor, "atoms dim"]:
        """Return the new state of each atom."""
        local = self.norm_conv(x + self.dropout(self.conv(x, edge_index, e, kind)))
        whole = self.norm_attention(x + self.dropout(self.attention(x, groups)))
        both = local + whole
        return self.norm(both + self.body(both))


class GPS(Core):
    """Rounds of message passing with attention over the whole molecule.

    The published network normalises by batch; here each atom's state is normalised alone, so that a molecule's
    vector does not depend on its company in training either.

    Parameters
    ----------
    dim
        Width of the states, which the inputs have too.
    edge_dim
        Width of the bonds' vectors.
    n_layers
        Rounds.
    heads
        Of the attention; they divide `dim`.
    dropout
        On each update.

    Shapes
    ------
    As of `models.parts.core.Core`, with in_dim = dim.

    Examples
    --------
    >>> core = GPS(dim=8, edge_dim=4)
    >>> x, bond = torch.randn(2, 8), torch.tensor([[0, 1], [1, 0]])
    >>> core(x, bond, torch.randn(2, 4), torch.tensor([0, 0]), 1).shape
    torch.Size([2, 8])
    """

    def __init__(
        self, dim: int, edge_dim: int, n_layers: int = 3, heads: int = 4, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.dim = dim
        self.layers = nn.ModuleList(GPSLayer(dim, edge_dim, heads, dropout) for _ in range(n_layers))

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
        groups = list(attention_groups(batch, n_molecules))
        for layer in self.layers:
            x = layer(x, edge_index, e, groups, kind)
        return x
