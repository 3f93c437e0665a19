"""Integrated gradients: exact where the prediction is linear, complete where it is not."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from models.profile_features import FilledBlocks
from models.response_attribution import integrated_gradients

RNG = np.random.default_rng(0)
VALUES = {
    "mutation": torch.from_numpy(RNG.normal(size=(3, 4))),
    "expression": torch.from_numpy(RNG.normal(size=(3, 2))),
}
BLOCKS = FilledBlocks(VALUES, {name: torch.ones_like(x) for name, x in VALUES.items()})
BASELINE = {name: x.mean(dim=0, keepdim=True) for name, x in VALUES.items()}
WEIGHT = torch.from_numpy(RNG.normal(size=(4, 5)))


def test_integrated_gradients__linear_is_weight_times_distance() -> None:
    found = integrated_gradients(
        lambda blocks: blocks.values["mutation"] @ WEIGHT, BLOCKS, BASELINE, torch.tensor([4, 1]), n_steps=1
    )
    way = (VALUES["mutation"] - BASELINE["mutation"]).numpy()
    expected = way[:, None, :] * WEIGHT.numpy().T[[4, 1]][None]
    assert found["mutation"].shape == (3, 2, 4) and np.allclose(found["mutation"], expected, atol=1e-6)
    assert not found["expression"].any()


def test_integrated_gradients__smooth_adds_up() -> None:
    def predict(blocks: FilledBlocks) -> Tensor:
        mixed = blocks.values["mutation"] @ WEIGHT + blocks.values["expression"].sum(dim=1, keepdim=True)
        return torch.exp(-(mixed**2) / 4)

    found = integrated_gradients(predict, BLOCKS, BASELINE, torch.arange(5))
    there = {name: x.expand(3, -1) for name, x in BASELINE.items()}
    difference = (predict(BLOCKS) - predict(FilledBlocks(there, BLOCKS.present))).numpy()
    assert np.allclose(sum(x.sum(axis=2) for x in found.values()), difference, atol=1e-5)
