"""Protein sequence to states and a vector: convolutions, self-attention, and views that are added to them.

Shapes
------
* tokens (n_proteins, length) -> states (n_proteins, n_places, dim), mask (n_proteins, n_places), vector
  (n_proteins, dim).
* A place stands for `ProteinEncoder.stride` residues: place p is centred on residue p * stride (from 0), and
  n_places = ceil(length / stride). The mask is true where that residue exists; states are zero elsewhere.
* No result depends on how much padding stands behind a sequence.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor, nn

from chem.errors import InputError
from models.kinase import encode_residues
from models.parts.batch import ProteinBatch
from models.parts.dropout import Dropout
from models.parts.sequence import AttentionPooling, ConvolutionBlock, ResidueEmbedding, SelfAttention
from models.protein import PADDING

N_COMPOSITION = 420
_RESIDUE_DIM = 16
# Fractions of residues are about 1/20; this brings them near the size of the other inputs.
_COMPOSITION_SCALE = 10.0


class AlignedView(nn.Module):
    """Residues on the columns of the kinase profile, through one linear layer.

    Shapes
    ------
    aligned (proteins, columns) -> (proteins, dim)
    """

    def __init__(self, n_columns: int, dim: int, dropout: float, unknown: float) -> None:
        super().__init__()
        self.residue = ResidueEmbedding(_RESIDUE_DIM, unknown)
        self.linear = nn.Linear(n_columns * _RESIDUE_DIM, dim)
        self.dropout = Dropout(dropout)

    def forward(self, batch: ProteinBatch) -> Float[Tensor, "proteins dim"]:
        """Encode the aligned residues."""
        return self.linear(self.dropout(self.residue(batch.aligned)).flatten(1))


class CompositionView(nn.Module):
    """Composition of the chain and the flags of the target, through one linear layer.

    Shapes
    ------
    composition (proteins, 420), flags (proteins, n_flags) -> (proteins, dim)
    """

    def __init__(self, n_flags: int, dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(N_COMPOSITION + n_flags, dim)

    def forward(self, batch: ProteinBatch) -> Float[Tensor, "proteins dim"]:
        """Encode composition and flags."""
        return self.linear(torch.cat([batch.composition * _COMPOSITION_SCALE, batch.flags], dim=1))


class EmbeddingView(nn.Module):
    """Embedding of a protein language model, normalised (each model has its own scale), through one linear.

    Shapes
    ------
    embedding (proteins, embedding_dim) -> (proteins, dim)
    """

    def __init__(self, embedding_dim: int, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(embedding_dim)
        self.linear = nn.Linear(embedding_dim, dim)

    def forward(self, batch: ProteinBatch) -> Float[Tensor, "proteins dim"]:
        """Encode the embeddings given with the batch."""
        if batch.embedding is None:
            raise InputError(
                "the network reads embeddings of a protein language model and none were given",
                field="embedding", expected=f"one vector of {self.linear.in_features} numbers per protein",
                hint="give the file of embeddings that the network was trained with",
            )  # fmt: skip
        return self.linear(self.norm(batch.embedding))


class ProteinEncoder(nn.Module):
    """Protein to states and vector: two convolutions, one self-attention, attention pooling, added views.

    Shapes
    ------
    `ProteinBatch` -> states (proteins, places, dim), mask (proteins, places), vector (proteins, dim)

    Parameters
    ----------
    dim
        Width of states and vector; divisible by `n_heads`.
    n_columns
        Columns of the kinase profile; 0 leaves `aligned` unread.
    n_flags
        Flags of a target; None leaves composition and flags unread.
    embedding_dim
        Size of the language model's embeddings; 0 leaves them unread.
    n_heads
        Heads of the self-attention and of the pooling; dim / 2 is divisible by it.
    dropout
        On aligned residues and on what the heads of the self-attention read.
    unknown
        Chance that a residue is read as unknown in training.

    Attributes
    ----------
    stride
        Residues per place.

    Examples
    --------
    >>> import torch
    >>> tokens = torch.tensor([[12, 0, 8], [12, 22, 22]])
    >>> nothing = torch.zeros(2, 0)
    >>> batch = ProteinBatch(tokens, nothing.long(), nothing, nothing)
    >>> states, mask, vector = ProteinEncoder(16)(batch)
    >>> states.shape, mask.tolist(), vector.shape
    (torch.Size([2, 1, 16]), [[True], [True]], torch.Size([2, 16]))
    """

    stride = 8

    def __init__(
        self,
        dim: int = 128,
        *,
        n_columns: int = 0,
        n_flags: int | None = None,
        embedding_dim: int = 0,
        n_heads: int = 4,
        dropout: float = 0.1,
        unknown: float = 0.02,
    ) -> None:
        super().__init__()
        inner = dim // 2
        if inner % n_heads:
            raise InputError(
                f"{n_heads} heads do not divide a width of {inner}", field="n_heads",
                expected="a divisor of dim / 2", hint="choose dim as a multiple of 2 * n_heads",
            )  # fmt: skip
        self.dim = dim
        self.residue = ResidueEmbedding(_RESIDUE_DIM, unknown)
        self.first = ConvolutionBlock(_RESIDUE_DIM, inner, kernel=9, stride=4)
        self.second = ConvolutionBlock(inner, dim, kernel=5, stride=2)
        self.attention = SelfAttention(dim, inner, n_heads, dropout)
        self.pooling = AttentionPooling(dim, n_heads)
        self.views = nn.ModuleList()
        if n_columns:
            self.views.append(AlignedView(n_columns, dim, dropout, unknown))
        if n_flags is not None:
            self.views.append(CompositionView(n_flags, dim))
        if embedding_dim:
            self.views.append(EmbeddingView(embedding_dim, dim))
        width = (2 + len(self.views)) * dim
        self.merge = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * dim), nn.ReLU(), nn.Linear(2 * dim, dim)
        )

    def states(
        self, tokens: Int[Tensor, "proteins length"]
    ) -> tuple[Float[Tensor, "proteins places dim"], Bool[Tensor, "proteins places"]]:
        """States of the places of each protein, and which places exist."""
        mask = tokens != PADDING
        h = self.residue(tokens).transpose(1, 2)
        h, mask = self.first(h, mask)
        h, mask = self.second(h, mask)
        return self.attention(h.transpose(1, 2), mask), mask

    def forward(
        self, batch: ProteinBatch
    ) -> tuple[
        Float[Tensor, "proteins places dim"], Bool[Tensor, "proteins places"], Float[Tensor, "proteins dim"]
    ]:
        """Encode a batch of proteins to states, mask and vector."""
        h, mask = self.states(batch.tokens)
        parts = [self.pooling(h, mask), *(view(batch) for view in self.views)]
        return h, mask, self.merge(torch.cat(parts, dim=1))


def residue_tokens(sequences: Sequence[str]) -> NDArray[np.int64]:
    """Whole sequences as one rectangle of residue codes, `PADDING` behind their ends.

    Parameters
    ----------
    sequences
        n amino-acid sequences; X, U, O, * and anything else outside the twenty is `UNKNOWN`.

    Returns
    -------
    NDArray[np.int64]
        (n, longest), of one column at least.

    Examples
    --------
    >>> residue_tokens(["ACX", "M"]).tolist()
    [[0, 1, 21], [10, 22, 22]]
    """
    longest = max([1, *map(len, sequences)])
    tokens = np.full((len(sequences), longest), PADDING, dtype=np.int64)
    for row, sequence in enumerate(sequences):
        tokens[row, : len(sequence)] = encode_residues(sequence)
    return tokens


def protein_batches(lengths: Sequence[int] | NDArray[np.int64], max_tokens: int) -> list[NDArray[np.int64]]:
    """Group proteins of similar length, so that rectangles of tokens stay small and hold little padding.

    Parameters
    ----------
    lengths
        (n,) residues of each protein.
    max_tokens
        Largest number of proteins x residues of the longest one in a group; a protein longer than that makes
        a group of its own.

    Returns
    -------
    list of NDArray[np.int64]
        Indices of the proteins of each group, from short to long; each protein stands in exactly one.

    Raises
    ------
    InputError
        `max_tokens` is below one.

    Examples
    --------
    >>> [group.tolist() for group in protein_batches([400, 35000, 380, 90], 1000)]
    [[3, 2], [0], [1]]
    """
    if max_tokens < 1:
        raise InputError(f"is {max_tokens}", field="max_tokens", expected="one token or more")
    order = np.argsort(np.asarray(lengths, dtype=np.int64), kind="stable")
    groups: list[list[int]] = []
    for protein in order.tolist():
        # Lengths rise, so the newcomer is the longest of its group.
        if groups and (len(groups[-1]) + 1) * int(lengths[protein]) <= max_tokens:
            groups[-1].append(protein)
        else:
            groups.append([protein])
    return [np.array(group, dtype=np.int64) for group in groups]
