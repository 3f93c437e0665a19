"""The sum that GINE makes of an atom's neighbours, in one pass over the edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from numba import njit
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.parts.core import of_edges
from models.parts.segments import segment_sum

_COMPILED = (torch.float32, torch.float64)


def sum_of_neighbours(
    x: Float[Tensor, "atoms dim"],
    edge_index: Int[Tensor, "2 edges"],
    e: Float[Tensor, "kinds dim"],
    kind: Int[Tensor, " edges"] | None = None,
) -> Float[Tensor, "atoms dim"]:
    """Sum relu(x of the source + e of the edge) over the edges that end at each atom.

    On a CPU one compiled loop reads every edge once and keeps nothing per edge, forward or backward, which is five
    times as fast as torch's own operations; those serve elsewhere.

    Parameters
    ----------
    x
        States of the atoms.
    edge_index
        Source and destination of each edge.
    e, kind
        Vectors of the edges, or of their kinds, as `models.parts.core.Core` says.

    Returns
    -------
    Tensor
        0 for an atom without neighbours.

    Raises
    ------
    IndexError
        An edge names an atom or a kind that is not there.

    Examples
    --------
    >>> x, e = torch.tensor([[1.0], [2.0], [-5.0]]), torch.tensor([[0.5], [1.0]])
    >>> sum_of_neighbours(x, torch.tensor([[0, 1, 2], [1, 0, 1]]), e, torch.tensor([0, 1, 1])).flatten().tolist()
    [3.0, 1.5, 0.0]
    """
    e = e.to(x.dtype)
    if x.device.type == "cpu" and x.dtype in _COMPILED:
        numbers = torch.arange(edge_index.shape[1]) if kind is None else kind
        _refuse_outside(edge_index, len(x), "atoms")
        _refuse_outside(numbers, len(e), "rows of e")
        return _SumOfNeighbours.apply(x, e, edge_index, numbers)
    message = (x.index_select(0, edge_index[0]) + of_edges(e, kind)).relu()
    return segment_sum(message, edge_index[1], len(x))


def _refuse_outside(index: Tensor, n_rows: int, what: str) -> None:
    """The compiled loops do not look where they read and write."""
    if index.numel():
        least, most = (int(bound) for bound in torch.aminmax(index))
        if least < 0 or most >= n_rows:
            raise IndexError(f"edges name {least} to {most} of {n_rows} {what}")


class _SumOfNeighbours(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, e: Tensor, edge_index: Tensor, kind: Tensor) -> Tensor:
        x, e = x.contiguous(), e.contiguous()
        ctx.save_for_backward(x, e, edge_index, kind)
        total = torch.zeros_like(x)
        _add_messages(x.numpy(), e.numpy(), edge_index.numpy(), kind.numpy(), total.numpy())
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        x, e, edge_index, kind = ctx.saved_tensors
        of_x, of_e = torch.zeros_like(x), torch.zeros_like(e)
        _add_gradients(
            x.numpy(), e.numpy(), edge_index.numpy(), kind.numpy(), gradient.contiguous().numpy(),
            of_x.numpy(), of_e.numpy(),
        )  # fmt: skip
        return of_x, of_e, None, None


@njit(nogil=True, cache=True)
def _add_messages(
    x: np.ndarray, e: np.ndarray, edge_index: np.ndarray, kind: np.ndarray, total: np.ndarray
) -> None:
    zero = x.dtype.type(0)
    for edge in range(len(kind)):
        source, destination, row = edge_index[0, edge], edge_index[1, edge], kind[edge]
        for column in range(x.shape[1]):
            total[destination, column] += max(x[source, column] + e[row, column], zero)


@njit(nogil=True, cache=True)
def _add_gradients(
    x: np.ndarray,
    e: np.ndarray,
    edge_index: np.ndarray,
    kind: np.ndarray,
    gradient: np.ndarray,
    of_x: np.ndarray,
    of_e: np.ndarray,
) -> None:
    zero = x.dtype.type(0)
    for edge in range(len(kind)):
        source, destination, row = edge_index[0, edge], edge_index[1, edge], kind[edge]
        for column in range(x.shape[1]):
            passed = gradient[destination, column] if x[source, column] + e[row, column] > 0 else zero
            of_x[source, column] += passed
            of_e[row, column] += passed
