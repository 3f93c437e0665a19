"""Sums, means, maxima and softmax over segments: the rows of a table that belong to one molecule or one atom.

Rows are added in the order they stand in, so on a CPU the same input gives the same bits.
"""

# jaxtyping is named in annotations alone, so that a core can be run where torch is the only library.
from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from jaxtyping import Float, Int


def segment_sum(
    values: Float[Tensor, "rows ..."], segment: Int[Tensor, " rows"], n_segments: int
) -> Float[Tensor, "segments ..."]:
    """Sum the rows of each segment; 0 where a segment has none.

    Examples
    --------
    >>> segment_sum(torch.tensor([1.0, 2.0, 4.0]), torch.tensor([0, 2, 0]), 3).tolist()
    [5.0, 0.0, 2.0]
    """
    return values.new_zeros((n_segments, *values.shape[1:])).index_add_(0, segment, values)


def segment_mean(
    values: Float[Tensor, "rows dim"], segment: Int[Tensor, " rows"], n_segments: int
) -> Float[Tensor, "segments dim"]:
    """Average the rows of each segment; 0 where a segment has none.

    Examples
    --------
    >>> segment_mean(torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([0, 2, 0]), 3).flatten().tolist()
    [2.5, 0.0, 2.0]
    """
    count = torch.bincount(segment, minlength=n_segments).clamp(min=1)
    return segment_sum(values, segment, n_segments) / count.to(values.dtype)[:, None]


def segment_max(
    values: Float[Tensor, "rows dim"], segment: Int[Tensor, " rows"], n_segments: int
) -> Float[Tensor, "segments dim"]:
    """Take the largest value of each column in each segment; 0 where a segment has no row.

    Examples
    --------
    >>> segment_max(torch.tensor([[-1.0], [2.0], [-4.0]]), torch.tensor([0, 2, 0]), 3).flatten().tolist()
    [-1.0, 0.0, 2.0]
    """
    place = segment[:, None].expand_as(values)
    start = values.new_zeros((n_segments, values.shape[1]))
    return start.scatter_reduce(0, place, values, reduce="amax", include_self=False)


def segment_softmax(
    scores: Float[Tensor, " rows"], segment: Int[Tensor, " rows"], n_segments: int
) -> Float[Tensor, " rows"]:
    """Softmax over the rows of each segment.

    Examples
    --------
    >>> segment_softmax(torch.tensor([3.0, 1.0, 3.0]), torch.tensor([0, 1, 0]), 2).tolist()
    [0.5, 1.0, 0.5]
    """
    # The largest score only keeps exp in range: it drops out of the quotient, and of the gradient.
    largest = segment_max(scores.detach()[:, None], segment, n_segments)[:, 0]
    weight = torch.exp(scores - largest.index_select(0, segment))
    return weight / segment_sum(weight, segment, n_segments).index_select(0, segment)
