"""The training loop on a problem whose answer is known."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.train import TrainingConfig, train_network


def toy(seed: int) -> tuple[nn.Module, Callable[[int], Tensor]]:
    """A linear problem without noise, and the loss of each step on a fresh batch."""
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1))
    rng = np.random.default_rng(seed)
    weights = torch.tensor([1.0, -2.0, 0.5, 0.0])

    def loss(step: int) -> Tensor:
        x = torch.from_numpy(rng.normal(size=(32, 4)).astype(np.float32))
        return nn.functional.mse_loss(network(x)[:, 0], x @ weights)

    return network, loss


def train(seed: int, **changed: float) -> tuple[nn.Module, list[float]]:
    network, loss = toy(seed)
    losses: list[float] = []
    config = TrainingConfig(seed=seed, **{"n_steps": 150, "warmup": 10, "learning_rate": 1e-2, **changed})
    train_network(network, loss, config, lambda step, value: losses.append(value))
    return network, losses


def test_train_network__loss_falls() -> None:
    network, losses = train(0)
    assert len(losses) == 150
    assert np.mean(losses[-10:]) < 0.1 * np.mean(losses[:10])
    assert not network.training


def test_train_network__same_seed_same_bits() -> None:
    first, again, other = (train(seed)[0].state_dict() for seed in (3, 3, 4))
    for name, weight in first.items():
        assert torch.equal(weight, again[name])
    assert any(not torch.equal(weight, other[name]) for name, weight in first.items())


def test_train_network__raises_on_a_loss_that_is_no_number() -> None:
    network = nn.Linear(2, 1)
    before = [p.detach().clone() for p in network.parameters()]

    def loss(step: int) -> Tensor:
        return network(torch.ones(1, 2)).sum() * (math.nan if step == 0 else 1.0)

    with pytest.raises(FloatingPointError, match="the loss of step 0 is nan"):
        train_network(network, loss, TrainingConfig(n_steps=3))
    assert all(torch.equal(p, q) for p, q in zip(network.parameters(), before, strict=True))


def test_train_network__keeps_the_average_of_the_weights() -> None:
    """Against a plain loop of the published update: ema = d * ema + (1 - d) * weight after each step."""
    config = TrainingConfig(n_steps=20, warmup=5, learning_rate=1e-2, weight_decay=0.0, clip=1e9, ema=0.9)
    network, loss = toy(1)
    train_network(network, loss, config)

    plain, loss = toy(1)
    optimiser = torch.optim.AdamW(plain.parameters(), lr=config.learning_rate, weight_decay=0.0)
    average = [p.detach().clone() for p in plain.parameters()]
    for step in range(config.n_steps):
        cosine = 0.5 * (1 + math.cos(math.pi * step / config.n_steps))
        for group in optimiser.param_groups:
            group["lr"] = config.learning_rate * min(1.0, (step + 1) / config.warmup) * cosine
        optimiser.zero_grad()
        loss(step).backward()
        optimiser.step()
        decay = min(config.ema, (1 + step) / (10 + step))
        average = [
            decay * a + (1 - decay) * p.detach() for a, p in zip(average, plain.parameters(), strict=True)
        ]
    for ours, theirs in zip(network.parameters(), average, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_train_network__weights_stay_put_without_steps() -> None:
    network, loss = toy(0)
    before = [p.detach().clone() for p in network.parameters()]
    train_network(network, loss, TrainingConfig(n_steps=0))
    assert all(torch.equal(p, q) for p, q in zip(network.parameters(), before, strict=True))
