"""Layers over residues whose results do not depend on the padding behind a sequence.

Shapes
------
* Residues lie (n_proteins, length, dim), channels first (n_proteins, dim, length) inside convolutions only.
* A mask (n_proteins, length) is true where a residue is. What stands elsewhere is zero before a convolution,
  which is what a convolution sees beyond the end anyway, and has no weight in attention.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from models.kinase import UNKNOWN
from models.parts.dropout import Dropout, keep_mask
from models.protein import PADDING


class ResidueEmbedding(nn.Module):
    """Vector of each residue; in training some are read as unknown, so that the unknown residue is trained.

    Shapes
    ------
    codes (proteins, length) -> (proteins, length, dim), zero at padding.

    Parameters
    ----------
    dim
        Size of the vectors.
    unknown
        Chance that a residue is read as unknown in training.
    """

    def __init__(self, dim: int, unknown: float) -> None:
        super().__init__()
        self.table = nn.Embedding(PADDING + 1, dim, padding_idx=PADDING)
        self.unknown = unknown

    def forward(self, codes: Int[Tensor, "proteins length"]) -> Float[Tensor, "proteins length dim"]:
        """Embed residues."""
        if self.training and self.unknown > 0:
            kept = keep_mask(codes.shape, self.unknown, codes.device) | (codes == PADDING)
            codes = codes.masked_fill(~kept, UNKNOWN)
        return self.table(codes)


class ConvolutionBlock(nn.Module):
    """Strided convolution and ReLU that keep what stands behind the end of a sequence at zero.

    Shapes
    ------
    h (proteins, dim_in, length), mask (proteins, length) -> (proteins, dim_out, places) and its mask, where
    places = ceil(length / stride).

    Parameters
    ----------
    dim_in, dim_out
        Channels.
    kernel
        Residues seen, an odd number.
    stride
        Residues between two places.
    """

    def __init__(self, dim_in: int, dim_out: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(dim_in, dim_out, kernel, stride=stride, padding=kernel // 2)
        self.stride = stride

    def forward(
        self, h: Float[Tensor, "proteins dim_in length"], mask: Bool[Tensor, "proteins length"]
    ) -> tuple[Float[Tensor, "proteins dim_out places"], Bool[Tensor, "proteins places"]]:
        """Convolve sequences that are zero where `mask` is false."""
        mask = mask[:, :: self.stride]
        return torch.relu(self.convolution(h)) * mask[:, None], mask


def attend(
    query: Float[Tensor, "rows heads queries width"],
    key: Float[Tensor, "rows heads keys width"],
    value: Float[Tensor, "rows heads keys width"],
    mask: Bool[Tensor, "rows keys"],
) -> Float[Tensor, "rows heads queries width"]:
    """Scaled dot-product attention to the keys where `mask` is true; to all of them where it is true nowhere.

    Scores are never held for a whole sequence where PyTorch has its tiled kernel (CPU and GPU), so memory grows
    with the length and not with its square.

    Examples
    --------
    >>> h = torch.tensor([[[[1.0], [3.0]]]])
    >>> attend(torch.zeros(1, 1, 1, 1), h, h, torch.tensor([[True, False]])).item()
    1.0
    """
    seen = (mask | ~mask.any(dim=1, keepdim=True))[:, None, None]
    attention = nn.functional.scaled_dot_product_attention
    if query.device.type == "cpu" and query.dtype == torch.bfloat16:
        # The gradient of that kernel takes ten times as long in bfloat16 on a CPU.
        with torch.autocast("cpu", enabled=False):
            return attention(query.float(), key.float(), value.float(), attn_mask=seen)
    return attention(query, key, value, attn_mask=seen)


class SelfAttention(nn.Module):
    """Multi-head self-attention between the places of a protein, added to its input (pre-norm residual).

    Shapes
    ------
    h (proteins, places, dim), mask (proteins, places) -> (proteins, places, dim), zero where `mask` is false.

    Parameters
    ----------
    dim
        Width; divisible by `n_heads`.
    inner
        Width of queries, keys and values together; divisible by `n_heads`.
    n_heads
        Heads.
    dropout
        On what the heads read.

    References
    ----------
    Vaswani, A. et al. (2017) Attention is all you need. arXiv:1706.03762, section 3.2.
    """

    def __init__(self, dim: int, inner: int, n_heads: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.query_key_value = nn.Linear(dim, 3 * inner)
        self.result = nn.Linear(inner, dim)
        self.n_heads = n_heads
        self.dropout = Dropout(dropout)

    def forward(
        self, h: Float[Tensor, "proteins places dim"], mask: Bool[Tensor, "proteins places"]
    ) -> Float[Tensor, "proteins places dim"]:
        """Let every place look at every place of its protein."""
        query, key, value = (
            part.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
            for part in self.query_key_value(self.norm(h)).chunk(3, dim=-1)
        )
        heads = attend(query, key, value, mask).transpose(1, 2).flatten(2)
        return (h + self.result(self.dropout(heads))) * mask[..., None]


class AttentionPooling(nn.Module):
    """Mean over places with learnt weights, one set of weights per head, beside the maximum (at least zero).

    Shapes
    ------
    h (proteins, places, dim), mask (proteins, places) -> (proteins, 2 * dim), zero without a single place.

    Parameters
    ----------
    dim
        Width; divisible by `n_heads`.
    n_heads
        Sets of weights; each weighs its own dim / n_heads channels.
    """

    def __init__(self, dim: int, n_heads: int) -> None:
        super().__init__()
        self.score = nn.Linear(dim, n_heads)

    def weights(
        self, h: Float[Tensor, "proteins places dim"], mask: Bool[Tensor, "proteins places"]
    ) -> Float[Tensor, "proteins places heads"]:
        """Weight of each place, summing to one over the places of a protein."""
        score = self.score(h)
        return score.masked_fill(~mask[..., None], torch.finfo(score.dtype).min).softmax(dim=1)

    def forward(
        self, h: Float[Tensor, "proteins places dim"], mask: Bool[Tensor, "proteins places"]
    ) -> Float[Tensor, "proteins double_dim"]:
        """Pool the places of each protein; `h` is zero where `mask` is false."""
        weights = self.weights(h, mask)
        parts = h.unflatten(-1, (weights.shape[-1], -1))
        mean = torch.einsum("npk,npkd->nkd", weights.to(h.dtype), parts).flatten(1)
        # Padding is zero, so a maximum that is at least zero does not depend on it.
        return torch.cat([mean, torch.relu(h.amax(dim=1))], dim=1)
