"""GPS against torch_geometric's GPSConv on equal weights, and its grouping of molecules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch_geometric.nn import GINEConv, GPSConv

from chem import InputError
from models.parts.gps import GPS, GPSLayer, attention_groups

DIM, EDGE_DIM, HEADS = 16, 5, 4
_NAMES = {
    "conv.body": "conv.nn", "conv.edge": "conv.lin", "attention.output": "attn.out_proj",
    "attention.input.weight": "attn.in_proj_weight", "attention.input.bias": "attn.in_proj_bias",
    "body": "mlp", "norm_conv": "norm1", "norm_attention": "norm2", "norm": "norm3",
}  # fmt: skip


def original(layer: GPSLayer) -> GPSConv:
    """PyG's layer with the weights of ours."""
    body = nn.Sequential(nn.Linear(DIM, DIM), nn.ReLU(), nn.Linear(DIM, DIM))
    conv = GPSConv(
        DIM, GINEConv(body, edge_dim=EDGE_DIM), HEADS, norm="layer_norm", norm_kwargs={"mode": "node"}
    )
    weights = {}
    for name, value in layer.state_dict().items():
        mine = next(prefix for prefix in _NAMES if name == prefix or name.startswith(prefix + "."))
        weights[name.replace(mine, _NAMES[mine], 1)] = value
    conv = conv.double().eval()
    missing, unexpected = conv.load_state_dict(weights, strict=False)
    assert not unexpected and set(missing) <= {"conv.eps"}
    return conv


def test_gps__equals_torch_geometric(float_inputs: Callable[..., Any]) -> None:
    torch.manual_seed(0)
    core = GPS(DIM, EDGE_DIM, n_layers=2, heads=HEADS).double().eval()
    for parameter in core.parameters():  # norms and biases start at 1 and 0, where a mix-up would not show
        nn.init.normal_(parameter, std=0.4)
    inputs = float_inputs(DIM, EDGE_DIM)
    h = inputs.x
    for layer in core.layers:
        h = original(layer)(h, inputs.edge_index, inputs.batch, edge_attr=inputs.e[inputs.kind])
    torch.testing.assert_close(core(*inputs.with_edge_rows()), h, atol=1e-11, rtol=1e-11)
    torch.testing.assert_close(core(*inputs.with_kinds()), h, atol=1e-11, rtol=1e-11)


@given(st.lists(st.integers(0, 20), max_size=12), st.randoms(use_true_random=False))
def test_attention_groups__every_atom_once_with_its_molecule(sizes: list[int], random: Any) -> None:
    owners = [molecule for molecule, size in enumerate(sizes) for _ in range(size)]
    random.shuffle(owners)
    batch = torch.tensor(owners, dtype=torch.long)
    seen = []
    for rows, there in attention_groups(batch, len(sizes)):
        assert rows.shape[1] < 2 * there.sum(dim=1).min()
        for atoms, real in zip(rows, there, strict=True):
            molecule = batch[atoms[real]]
            assert (molecule == molecule[0]).all() and len(molecule) == sizes[molecule[0]]
            seen += atoms[real].tolist()
    assert sorted(seen) == list(range(len(owners)))


def test_gps__heads_that_do_not_divide_the_width() -> None:
    with pytest.raises(InputError, match="3 heads for a width of 16"):
        GPS(DIM, EDGE_DIM, heads=3)
