"""Segments against torch_geometric's scatter and softmax, and against plain loops."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch_geometric.utils import scatter, softmax

from models.parts.segments import segment_max, segment_mean, segment_softmax, segment_sum

N = 5
segments = st.lists(st.integers(0, N - 1), max_size=20)


def table(owners: list[int], dim: int = 3) -> tuple[Tensor, Tensor]:
    """Rows that look like nothing, and their segments."""
    torch.manual_seed(len(owners))
    return torch.randn(len(owners), dim, dtype=torch.float64), torch.tensor(owners, dtype=torch.long)


@pytest.mark.parametrize(
    ("ours", "theirs"), [(segment_sum, "sum"), (segment_mean, "mean"), (segment_max, "max")]
)
@given(segments)
def test_segment__equals_scatter(ours: Callable[..., Tensor], theirs: str, owners: list[int]) -> None:
    values, segment = table(owners)
    expected = scatter(values, segment, dim=0, dim_size=N, reduce=theirs)
    torch.testing.assert_close(ours(values, segment, N), expected)


@given(segments)
def test_segment_softmax__equals_torch_geometric(owners: list[int]) -> None:
    values, segment = table(owners, 1)
    scores = (values[:, 0] * 300).requires_grad_()  # exp of these alone would overflow
    found, expected = segment_softmax(scores, segment, N), softmax(scores, segment, num_nodes=N)
    torch.testing.assert_close(found, expected)
    if owners:
        weight = torch.linspace(-1, 1, len(scores), dtype=torch.float64)
        mine, theirs = (torch.autograd.grad((p * weight).sum(), scores)[0] for p in (found, expected))
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("form", [segment_sum, segment_mean, segment_max])
def test_segment__same_bits_every_time(form: Callable[..., Tensor]) -> None:
    torch.manual_seed(0)
    values, segment = torch.randn(20_000, 64), torch.randint(0, 3000, (20_000,))
    first = form(values, segment, 3000)
    assert all(torch.equal(first, form(values, segment, 3000)) for _ in range(5))


def test_segment_sum__adds_in_the_order_of_the_rows() -> None:
    """In single precision 1e8 swallows a 1 added to it, so the order shows."""
    values = torch.tensor([[1.0], [1e8], [-1e8], [1.0]])
    assert segment_sum(values, torch.zeros(4, dtype=torch.long), 1).item() == 1.0
