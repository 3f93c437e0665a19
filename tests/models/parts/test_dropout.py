"""Dropout: the share dropped, the mean kept, and the same numbers from the same seed."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import binom

from chem import InputError
from models.parts.dropout import Dropout, keep_mask


@pytest.mark.parametrize("dropout", [0.01, 0.1, 0.5, 0.9])
def test_keep_mask__drops_its_share_at_every_place(dropout: float) -> None:
    """Four values share a number of the generator: each of the four places is held to the binomial."""
    torch.manual_seed(0)
    mask = keep_mask((50_000, 4), dropout)
    for column in mask.t():
        dropped = int((~column).sum())
        assert 1e-4 < binom.cdf(dropped, len(column), dropout) < 1 - 1e-4
    both = int((~mask[:, 0] & ~mask[:, 3]).sum())
    assert 1e-4 < binom.cdf(both, len(mask), dropout**2) < 1 - 1e-4


def test_keep_mask__repeats_with_the_seed_and_fits_any_shape() -> None:
    for shape in [(0,), (1,), (3, 5), (2, 3, 7)]:
        torch.manual_seed(1)
        first = keep_mask(shape, 0.5)
        torch.manual_seed(1)
        assert first.shape == shape and torch.equal(first, keep_mask(shape, 0.5))


def test_dropout__keeps_the_mean_in_training_and_everything_otherwise() -> None:
    torch.manual_seed(0)
    part, h = Dropout(0.25), torch.ones(400, 100, requires_grad=True)
    dropped = part(h)
    assert sorted(set(dropped.flatten().tolist())) == [0.0, pytest.approx(4 / 3)]
    assert float(dropped.mean().detach()) == pytest.approx(1, abs=0.01)
    dropped.sum().backward()
    assert torch.equal(h.grad, dropped)  # the gradient passes where the value did
    assert part.eval()(h) is h


@pytest.mark.parametrize("dropout", [-0.1, 1.0, 0.999999])
def test_dropout__a_chance_that_is_none(dropout: float) -> None:
    with pytest.raises(InputError, match="0 to below 1"):
        Dropout(dropout)
