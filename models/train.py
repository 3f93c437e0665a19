"""One training loop for every network: AdamW, warm-up and cosine decay, clipping, averaged weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained.

    Attributes
    ----------
    n_steps
        Steps of the optimiser.
    learning_rate
        Peak, reached after `warmup` steps and brought to zero by a cosine.
    weight_decay
        Of AdamW.
    warmup
        Steps of linear warm-up.
    clip
        Largest norm of the gradient.
    ema
        Decay per step of the averaged weights, which are the ones kept.
    seed
        Seed of the weights, the batches and the dropout.
    bfloat16
        Matrix products of the forward pass in bfloat16; weights, losses and predictions stay in float32.
    """

    n_steps: int = 2400
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    warmup: int = 100
    clip: float = 1.0
    ema: float = 0.99
    seed: int = 0
    bfloat16: bool = True


def _rate(step: int, config: TrainingConfig) -> float:
    warm = min(1.0, (step + 1) / max(1, config.warmup))
    return warm * 0.5 * (1 + math.cos(math.pi * step / max(1, config.n_steps)))


def train_network(
    network: nn.Module,
    loss_of_step: Callable[[int], Tensor],
    config: TrainingConfig,
    progress: Callable[[int, float], None] | None = None,
) -> None:
    """Train a network in place; afterwards it holds the averaged weights and is in evaluation mode.

    Parameters
    ----------
    network
        Any module.
    loss_of_step
        Draws the batch of a step and returns its loss; it never sees a held-out row.
    config
        How to train.
    progress
        Called with the step and its loss.

    Raises
    ------
    FloatingPointError
        The loss is no longer a finite number.
    """
    network.train()
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, foreach=True
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, config))
    average = [parameter.detach().clone() for parameter in network.parameters()]
    for step in range(config.n_steps):
        optimiser.zero_grad(set_to_none=True)
        loss = loss_of_step(step)
        if not torch.isfinite(loss):
            raise FloatingPointError(f"the loss of step {step} is {loss.item()}; lower the learning rate")
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), config.clip)
        optimiser.step()
        schedule.step()
        decay = min(config.ema, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(average, list(network.parameters()), 1 - decay)
        if progress is not None:
            progress(step, float(loss.detach()))
    with torch.no_grad():
        for parameter, mean in zip(network.parameters(), average, strict=True):
            parameter.copy_(mean)
    network.eval()
