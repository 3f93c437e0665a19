"""Integrated gradients: exact where the prediction is linear, complete where it is not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from chem.errors import InputError
from models.profile_features import FilledBlocks
from models.response_attribution import integrated_gradients, marker_table

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


def test_marker_table__strongest_first_with_block_and_value() -> None:
    table = marker_table(
        {"mutation": np.array([0.2, -0.5]), "copy_number": np.array([0.3])},
        {"mutation": ("KRAS", "BRAF"), "copy_number": ("MET",)},
        {"mutation": np.array([0.0, 1.0]), "copy_number": np.array([np.nan])},
    )
    assert table["marker"].tolist() == ["BRAF", "MET", "KRAS"]
    assert table["block"].tolist() == ["mutation", "copy_number", "mutation"]
    assert table["contribution"].tolist() == [-0.5, 0.3, 0.2] and table["value"].isna().tolist() == [
        False,
        True,
        False,
    ]


def test_marker_table__names_that_do_not_fit() -> None:
    with pytest.raises(InputError, match="field mutation: 1 names; expected one for each of 2"):
        marker_table({"mutation": np.zeros(2)}, {"mutation": ("KRAS",)}, {"mutation": np.zeros(2)})
