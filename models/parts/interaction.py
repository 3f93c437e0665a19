"""Where molecules meet proteins: two sets encoded once, and pairs given as indices into them.

Shapes
------
* molecule vectors (n_molecules, dim_m), protein vectors (n_proteins, dim_p), molecule and protein (n_pairs,) ->
  (n_pairs, dim).
* `CrossAttention` reads states besides: atoms (n_atoms, state_dim), grouped by molecule as `batch` says, and
  places of proteins (n_proteins, n_places, state_dim) with their mask.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from chem.errors import InputError
from models.parts.sequence import attend


class Bilinear(nn.Module):
    """Pairs from two sets of vectors: one linear term of each, and a low-rank product of both.

    The product is x' W y for each of `dim` results, with W of rank `rank` and its factors shared by the results.

    Shapes
    ------
    molecule_vectors (molecules, dim_m), protein_vectors (proteins, dim_p), molecule and protein (pairs,) ->
    (pairs, dim)

    Parameters
    ----------
    molecule_dim, protein_dim
        Widths read.
    dim
        Width of the result.
    rank
        Of the product.

    References
    ----------
    Kim, J.-H. et al. (2017) Hadamard product for low-rank bilinear pooling. arXiv:1610.04325.

    Examples
    --------
    >>> meet = Bilinear(8, 6, dim=5, rank=4)
    >>> molecule, protein = torch.tensor([0, 0, 1]), torch.tensor([1, 2, 2])
    >>> meet(torch.ones(2, 8), torch.ones(3, 6), molecule, protein).shape
    torch.Size([3, 5])
    """

    def __init__(self, molecule_dim: int, protein_dim: int, dim: int = 256, rank: int = 128) -> None:
        super().__init__()
        self.dim = dim
        self.molecule = nn.Linear(molecule_dim, dim)
        self.protein = nn.Linear(protein_dim, dim)
        self.molecule_factor = nn.Linear(molecule_dim, rank)
        self.protein_factor = nn.Linear(protein_dim, rank)
        self.product = nn.Linear(rank, dim, bias=False)

    def forward(
        self,
        molecule_vectors: Float[Tensor, "molecules molecule_dim"],
        protein_vectors: Float[Tensor, "proteins protein_dim"],
        molecule: Int[Tensor, " pairs"],
        protein: Int[Tensor, " pairs"],
    ) -> Float[Tensor, "pairs dim"]:
        """Vectors of pairs; everything linear is worked out once per molecule and protein."""
        # index_select, because its gradient adds whole rows where that of indexing sorts.
        terms = self.molecule(molecule_vectors).index_select(0, molecule) + self.protein(
            protein_vectors
        ).index_select(0, protein)
        factors = self.molecule_factor(molecule_vectors).index_select(0, molecule) * self.protein_factor(
            protein_vectors
        ).index_select(0, protein)
        return terms + self.product(factors)


@dataclass(frozen=True)
class PairStates:
    """States that cross-attention reads beside the vectors.

    Attributes
    ----------
    atoms
        Float (n_atoms, dim), of the molecule encoder.
    batch
        Int (n_atoms,) molecule of each atom, never falling.
    places
        Float (n_proteins, n_places, dim), of the protein encoder.
    mask
        Bool (n_proteins, n_places), true where a place exists.
    """

    atoms: Float[Tensor, "atoms dim"]
    batch: Int[Tensor, " atoms"]
    places: Float[Tensor, "proteins places dim"]
    mask: Bool[Tensor, "proteins places"]


class CrossAttention(nn.Module):
    """Pairs from states: every atom attends the places of the protein, every place attends the atoms.

    What an atom has read is added to a term of its own, and ReLU of the sum is averaged over the atoms; the same
    for places. Both averages and the terms of `Bilinear` make the vector of the pair. Queries, keys and values
    are worked out once per molecule and protein. Pairs go through in blocks, ordered by size; in training a
    block is worked out again for its gradient, so that never more than one is in memory.

    Shapes
    ------
    As `Bilinear`, and `PairStates` -> (pairs, dim)

    Parameters
    ----------
    molecule_dim, protein_dim
        Widths of the vectors.
    atom_dim, place_dim
        Widths of the states.
    dim
        Width of the result.
    rank
        Of the product of the vectors.
    inner
        Width of queries, keys and values, all heads together.
    n_heads
        Heads; divides `inner`.
    block
        Pairs in memory at a time.

    References
    ----------
    Vaswani, A. et al. (2017) Attention is all you need. arXiv:1706.03762, section 3.2.
    """

    def __init__(
        self,
        molecule_dim: int,
        protein_dim: int,
        *,
        atom_dim: int,
        place_dim: int,
        dim: int = 256,
        rank: int = 128,
        inner: int = 64,
        n_heads: int = 4,
        block: int = 256,
    ) -> None:
        super().__init__()
        if inner % n_heads:
            raise InputError(
                f"{n_heads} heads do not divide a width of {inner}", field="n_heads",
                expected="a divisor of inner",
            )  # fmt: skip
        self.dim, self.n_heads, self.block = dim, n_heads, block
        self.vectors = Bilinear(molecule_dim, protein_dim, dim, rank)
        # Query, key, value and own term of each atom and each place.
        self.atom = nn.Sequential(nn.LayerNorm(atom_dim), nn.Linear(atom_dim, 4 * inner))
        self.place = nn.Sequential(nn.LayerNorm(place_dim), nn.Linear(place_dim, 4 * inner))
        self.result = nn.Linear(2 * inner, dim, bias=False)

    def forward(
        self,
        molecule_vectors: Float[Tensor, "molecules molecule_dim"],
        protein_vectors: Float[Tensor, "proteins protein_dim"],
        molecule: Int[Tensor, " pairs"],
        protein: Int[Tensor, " pairs"],
        states: PairStates,
    ) -> Float[Tensor, "pairs dim"]:
        """Vectors of pairs."""
        terms = self.vectors(molecule_vectors, protein_vectors, molecule, protein)
        return terms + self.result(self.attend(states, len(molecule_vectors), molecule, protein))

    def attend(
        self,
        states: PairStates,
        n_molecules: int,
        molecule: Int[Tensor, " pairs"],
        protein: Int[Tensor, " pairs"],
    ) -> Float[Tensor, "pairs double_inner"]:
        """Averages over atoms and over places of what they have read in each pair."""
        atoms, present = _padded(self.atom(states.atoms), states.batch, n_molecules)
        places = self.place(states.places)
        n_atoms = present.sum(dim=1).index_select(0, molecule)
        order = torch.argsort(n_atoms, stable=True)  # blocks of like size hold little padding
        sizes = n_atoms[order].tolist()
        blocks = [atoms.new_zeros((0, atoms.shape[-1] // 2))]
        for first in range(0, len(sizes), self.block):
            part = order[first : first + self.block]
            # The last of a block is its largest. Even an empty molecule keeps one position, of padding.
            longest = max(1, sizes[first + len(part) - 1])
            rows = atoms[:, :longest], present[:, :longest], places, states.mask
            blocks.append(self._recomputed(*rows, molecule[part], protein[part]))
        back = torch.empty_like(order).scatter_(0, order, torch.arange(len(order), device=order.device))
        return torch.cat(blocks).index_select(0, back)

    def _recomputed(self, *block: Tensor) -> Float[Tensor, "block double_inner"]:
        if not torch.is_grad_enabled():
            return self._block(*block)
        return checkpoint(self._block, *block, use_reentrant=False, preserve_rng_state=False)

    def _block(
        self,
        atoms: Float[Tensor, "molecules longest four_inner"],
        present: Bool[Tensor, "molecules longest"],
        places: Float[Tensor, "proteins places four_inner"],
        mask: Bool[Tensor, "proteins places"],
        molecule: Int[Tensor, " block"],
        protein: Int[Tensor, " block"],
    ) -> Float[Tensor, "block double_inner"]:
        """Both directions of attention for a block of pairs."""
        atom = self._side(atoms.index_select(0, molecule), present.index_select(0, molecule))
        place = self._side(places.index_select(0, protein), mask.index_select(0, protein))
        return torch.cat([_read(atom, place), _read(place, atom)], dim=1)

    def _side(
        self, rows: Float[Tensor, "block length four_inner"], mask: Bool[Tensor, "block length"]
    ) -> _Side:
        query, key, value, own = rows.unflatten(-1, (4, self.n_heads, -1)).permute(2, 0, 3, 1, 4)
        return _Side(query, key, value, own, mask)


class _Side(NamedTuple):
    """One side's queries, keys, values and own terms, each (block, heads, length, width), and its mask."""

    query: Tensor
    key: Tensor
    value: Tensor
    own: Tensor
    mask: Tensor


def _read(reader: _Side, read: _Side) -> Float[Tensor, "block inner"]:
    """Let each position of one side read the other, and average over the positions there are."""
    somebody = read.mask.any(dim=1)[:, None, None, None]
    found = attend(reader.query, read.key, read.value, read.mask).masked_fill(~somebody, 0.0)
    weight = reader.mask / reader.mask.sum(dim=1, keepdim=True).clamp(min=1)
    return torch.einsum("nhpd,np->nhd", torch.relu(reader.own + found), weight.to(found.dtype)).flatten(1)


def _padded(
    rows: Float[Tensor, "atoms width"], batch: Int[Tensor, " atoms"], n_molecules: int
) -> tuple[Float[Tensor, "molecules longest width"], Bool[Tensor, "molecules longest"]]:
    """Rows grouped by molecule as one rectangle with zeros behind, and where there is a row."""
    count = torch.bincount(batch, minlength=n_molecules)
    start = count.cumsum(0) - count
    longest = max(1, int(count.max())) if n_molecules else 1
    place = batch * longest + torch.arange(len(batch), device=batch.device) - start[batch]
    flat = rows.new_zeros((n_molecules * longest, rows.shape[1])).index_copy(0, place, rows)
    mask = torch.arange(longest, device=batch.device) < count[:, None]
    return flat.view(n_molecules, longest, rows.shape[1]), mask
