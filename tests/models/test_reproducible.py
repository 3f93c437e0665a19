"""Random generators and operators that repeat, and leave the caller's alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from models.reproducible import initialise, reproducible, start_generators

CPU = torch.device("cpu")


def gradient_of_rows() -> torch.Tensor:
    """Gradient of `x[index]` with many rows read often."""
    random = torch.Generator().manual_seed(0)
    x = torch.randn(500, 64, generator=random).requires_grad_()
    rows = torch.randint(0, 500, (20000,), generator=random)
    (x[rows] * torch.randn(20000, 64, generator=random)).sum().backward()
    assert x.grad is not None
    return x.grad


def test_reproducible__gradients_of_rows_repeat_on_threads() -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with reproducible(CPU):
            first, *others = [gradient_of_rows() for _ in range(8)]
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(first, other) for other in others)


@reproducible(CPU)
def draw_and_fail() -> None:
    assert torch.are_deterministic_algorithms_enabled()
    start_generators(0, 1, CPU)
    torch.rand(3)
    raise KeyError("inside")


def test_reproducible__leaves_the_caller_as_it_was() -> None:
    before = torch.get_rng_state()
    with pytest.raises(KeyError, match="inside"):
        draw_and_fail()
    assert torch.equal(before, torch.get_rng_state())
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]


def test_start_generators__differ_by_seed_and_epoch() -> None:
    drawn = set()
    with reproducible(CPU):
        for seed in range(4):
            for epoch in range(4):
                rng = start_generators(seed, epoch, CPU)
                drawn.add((float(rng.random()), float(torch.rand(()))))
    assert len({a for a, _ in drawn}) == len({b for _, b in drawn}) == 16


def test_initialise__depends_on_the_seed_alone() -> None:
    torch.manual_seed(1)
    one = initialise(lambda: nn.Linear(3, 2), 7)
    following = torch.rand(1)
    torch.manual_seed(1)
    assert torch.equal(following, torch.rand(1))
    np.random.seed(5)  # noqa: NPY002 - the caller's own state
    again, other = initialise(lambda: nn.Linear(3, 2), 7), initialise(lambda: nn.Linear(3, 2), 8)
    first, second, third = (nn.utils.parameters_to_vector(net.parameters()) for net in (one, again, other))
    assert torch.equal(first, second)
    assert not torch.equal(first, third)
