"""AttentiveFP and its readout against torch_geometric's, on equal weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch_geometric.nn.models import AttentiveFP as Original

from models.parts.attentive_fp import AttentiveFP
from models.parts.readout import AttentiveReadout

IN, DIM, OUT, EDGE_DIM = 7, 16, 3, 5


@pytest.fixture
def pair() -> tuple[AttentiveFP, AttentiveReadout, Original]:
    """Our core and readout, and the original they take their weights from."""
    torch.manual_seed(0)
    theirs = Original(IN, DIM, OUT, EDGE_DIM, num_layers=3, num_timesteps=2).double().eval()
    for name, parameter in theirs.named_parameters():
        if name.endswith("bias"):  # PyG starts them at 0, where a forgotten one would not show
            torch.nn.init.normal_(parameter)
    core, readout = AttentiveFP(IN, DIM, EDGE_DIM, n_layers=3), AttentiveReadout(DIM, OUT, n_steps=2)
    weights = theirs.state_dict()
    for part in (core, readout):
        own = part.double().state_dict()
        part.load_state_dict({name: weights.pop(name).view_as(own[name]) for name in own})
    assert not weights
    return core.eval(), readout.eval(), theirs


def test_attentive_fp__equals_torch_geometric(
    pair: tuple[AttentiveFP, AttentiveReadout, Original], float_inputs: Callable[..., Any]
) -> None:
    core, readout, theirs = pair
    inputs = float_inputs(IN, EDGE_DIM)
    expected = theirs(inputs.x, inputs.edge_index, inputs.e[inputs.kind], inputs.batch)
    for given in (inputs.with_edge_rows(), inputs.with_kinds()):
        found = readout(core(*given), inputs.batch, inputs.n_molecules)
        torch.testing.assert_close(found, expected, atol=1e-11, rtol=1e-11)


def test_attentive_fp__gradient_equals_torch_geometric(
    pair: tuple[AttentiveFP, AttentiveReadout, Original], float_inputs: Callable[..., Any]
) -> None:
    core, readout, theirs = pair
    inputs = float_inputs(IN, EDGE_DIM)
    readout(core(*inputs.with_kinds()), inputs.batch, inputs.n_molecules).square().sum().backward()
    theirs(inputs.x, inputs.edge_index, inputs.e[inputs.kind], inputs.batch).square().sum().backward()
    expected = dict(theirs.named_parameters())
    for part in (core, readout):
        for name, parameter in part.named_parameters():
            torch.testing.assert_close(
                parameter.grad, expected[name].grad.view_as(parameter), atol=1e-9, rtol=1e-9
            )
