"""Readouts against plain loops over molecules; the attentive one is held to its original with its core."""

from __future__ import annotations

import pytest
import torch

from models.parts.readout import AttentiveReadout, PooledReadout, Readout


def test_pooled_readout__is_sum_mean_and_maximum() -> None:
    torch.manual_seed(0)
    readout, h = PooledReadout(4, 3).double(), torch.randn(9, 4, dtype=torch.float64)
    batch = torch.tensor([0, 2, 0, 2, 2, 0, 1, 0, 2])
    parts = [h[batch == molecule] for molecule in range(3)]
    plain = torch.stack([torch.cat([part.sum(0) / 8, part.mean(0), part.amax(0)]) for part in parts])
    torch.testing.assert_close(readout(h, batch, 3), readout.mix(plain))


@pytest.mark.parametrize(
    "readout", [PooledReadout(4, 3), AttentiveReadout(4, 3)], ids=["pooled", "attentive"]
)
def test_readout__molecule_without_atoms(readout: Readout) -> None:
    h, batch = torch.randn(3, 4, requires_grad=True), torch.tensor([0, 2, 2])
    vectors = readout.eval()(h, batch, 4)
    assert vectors.shape == (4, 3)
    torch.testing.assert_close(vectors[1], vectors[3])
    vectors.sum().backward()
    assert torch.isfinite(vectors).all() and torch.isfinite(h.grad).all()
