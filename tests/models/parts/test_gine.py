"""GINE against torch_geometric's GINEConv on equal weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch_geometric.nn import GINEConv

from models.parts.gine import GINE
from models.parts.gine_messages import sum_of_neighbours

DIM, EDGE_DIM = 16, 5


def original(core: GINE) -> list[GINEConv]:
    """PyG's layers with the weights of ours."""
    layers = []
    for layer in core.layers:
        body = nn.Sequential(nn.Linear(DIM, DIM), nn.ReLU(), nn.Linear(DIM, DIM))
        plain = GINEConv(body, edge_dim=EDGE_DIM).double()
        plain.nn.load_state_dict(layer.body.state_dict())
        plain.lin.load_state_dict(layer.edge.state_dict())
        layers.append(plain)
    return layers


@pytest.fixture
def core() -> GINE:
    torch.manual_seed(0)
    return GINE(DIM, EDGE_DIM, n_layers=3).double().eval()


def test_gine__equals_torch_geometric(core: GINE, float_inputs: Callable[..., Any]) -> None:
    inputs = float_inputs(DIM, EDGE_DIM)
    h = inputs.x
    for norm, layer in zip(core.norms, original(core), strict=True):
        h = h + layer(norm(h), inputs.edge_index, inputs.e[inputs.kind])
    torch.testing.assert_close(core(*inputs.with_edge_rows()), h, atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(core(*inputs.with_kinds()), h, atol=1e-12, rtol=1e-12)


def test_gine__gradient_equals_torch_geometric(core: GINE, float_inputs: Callable[..., Any]) -> None:
    inputs = float_inputs(DIM, EDGE_DIM)
    ours, plain = core.layers[0], original(core)[0]
    x, e = inputs.x.requires_grad_(), inputs.e.requires_grad_()
    weight = torch.linspace(-1, 1, len(x) * DIM, dtype=torch.float64).view(-1, DIM)
    found = torch.autograd.grad(
        (ours(x, inputs.edge_index, e, inputs.kind) * weight).sum(), [x, e, ours.edge.weight]
    )
    expected = torch.autograd.grad(
        (plain(x, inputs.edge_index, e[inputs.kind]) * weight).sum(), [x, e, plain.lin.weight]
    )
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-12, rtol=1e-12)


def test_sum_of_neighbours__passes_gradcheck(float_inputs: Callable[..., Any]) -> None:
    inputs = float_inputs(2, 2)
    few = (inputs.edge_index < 30).all(dim=0)
    edge_index, kind = inputs.edge_index[:, few], inputs.kind[few]
    x, e = inputs.x[:30].requires_grad_(), inputs.e.requires_grad_()
    assert torch.autograd.gradcheck(lambda x, e: sum_of_neighbours(x, edge_index, e, kind), (x, e))


def test_sum_of_neighbours__torch_form_is_the_compiled(float_inputs: Callable[..., Any]) -> None:
    """Half precision goes through torch's own operations; on small whole numbers both are exact."""
    inputs = float_inputs(8, 8)
    x, e = (inputs.x * 3).round().requires_grad_(), (inputs.e * 3).round().requires_grad_()
    compiled = sum_of_neighbours(x, inputs.edge_index, e, inputs.kind)
    plain = sum_of_neighbours(x.bfloat16(), inputs.edge_index, e, inputs.kind)
    assert plain.dtype == torch.bfloat16
    assert torch.equal(plain.double(), compiled)
    for mine, theirs in zip(
        torch.autograd.grad(compiled.sum(), [x, e]),
        torch.autograd.grad(plain.float().sum(), [x, e]),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs, atol=0, rtol=0.01)


def test_sum_of_neighbours__reads_transposed_and_expanded_inputs(float_inputs: Callable[..., Any]) -> None:
    inputs = float_inputs(8, 8)
    x, e = inputs.x.t().contiguous().t(), inputs.e[:1].expand_as(inputs.e)
    torch.testing.assert_close(
        sum_of_neighbours(x, inputs.edge_index, e, inputs.kind),
        sum_of_neighbours(x.contiguous(), inputs.edge_index, e.contiguous(), inputs.kind),
    )


def test_sum_of_neighbours__no_edges() -> None:
    x, none = torch.ones(3, 4, requires_grad=True), torch.zeros((2, 0), dtype=torch.long)
    total = sum_of_neighbours(x, none, torch.zeros(0, 4))
    assert torch.equal(total, torch.zeros(3, 4))
    total.sum().backward()
    assert torch.equal(x.grad, torch.zeros(3, 4))


def test_sum_of_neighbours__an_atom_that_is_not_there() -> None:
    bond = torch.tensor([[0, 3], [3, 0]])
    with pytest.raises(IndexError, match="0 to 3 of 3 atoms"):
        sum_of_neighbours(torch.ones(3, 4), bond, torch.zeros(2, 4))
    with pytest.raises(IndexError, match="-1 to 0 of 2 rows of e"):
        sum_of_neighbours(torch.ones(4, 4), bond, torch.zeros(2, 4), torch.tensor([0, -1]))
