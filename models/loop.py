"""The one training loop: AdamW, warm-up and cosine, clipping, averaged weights, early stopping, resumable.

A model brings two closures. `epoch` draws the steps of an epoch, each of which computes a loss on the network it
is given; `validate` measures the averaged weights on rows that no step has seen. All random choices of an epoch
follow from the seed and its number: neither the caller's generators nor an interruption change the weights.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from chem.errors import InputError
from models.history import EpochRecord, History, Progress, Reason
from models.loop_config import LoopConfig, choose_device, choose_precision
from models.loop_state import LoopState, network_identity, twin_of
from models.reproducible import initialise, reproducible, start_generators

__all__ = ["Epoch", "LoopConfig", "Step", "initialise", "train"]

Step = Callable[[nn.Module], Tensor]
Epoch = Callable[[int, np.random.Generator], Iterable[Step]]
# Each look at a number on a GPU waits for it, so losses are looked at this many at a time.
_GPU_LOOK = 32


def train(
    network: nn.Module,
    epoch: Epoch,
    config: LoopConfig,
    *,
    validate: Callable[[nn.Module], float] | None = None,
    state: Path | None = None,
    progress: Callable[[Progress], None] | None = None,
    steps_per_epoch: int | None = None,
) -> History:
    """Train a network in place; afterwards it holds the kept weights and is in evaluation mode.

    Kept are the averaged weights of the epoch with the lowest validation, or without `validate` the last ones.
    On a CPU the same call gives the same bits, for one number of threads; operators that torch cannot repeat
    are replaced by ones that it can, or refused.

    Parameters
    ----------
    network
        With its starting weights; moved to the device of `config`.
    epoch
        Gets the number of an epoch (from 1) and its generator, on which alone its steps may depend; yields one
        closure per step, which returns the scalar loss of that step. Each is called before the next is drawn.
    config
        How to train.
    validate
        Gets the network of averaged weights, in evaluation mode and without gradients; lower is better.
    state
        File that keeps the state after every epoch. Where it exists, training goes on from it.
    progress
        Called after every epoch; see `models.history.progress_line`.
    steps_per_epoch
        For the schedule; where not given, one pass over the closures of an epoch counts them.

    Returns
    -------
    History
        One record per epoch.

    Raises
    ------
    FloatingPointError
        A loss, a gradient or a validation is not finite; the network's weights are then of no use, but the
        state is that of the last good epoch.
    InputError
        The state is of another run or cut short, an epoch has no steps, or there is no GPU where one is wanted.

    References
    ----------
    Loshchilov and Hutter, Decoupled weight decay regularization, 2019.

    Examples
    --------
    >>> x = torch.linspace(-1, 1, 64)[:, None]
    >>> def epoch(number, rng):
    ...     for _ in range(8):
    ...         rows = torch.from_numpy(rng.choice(64, 16))
    ...         yield lambda network: nn.functional.mse_loss(network(x[rows]), 3 * x[rows])
    >>> network = initialise(lambda: nn.Linear(1, 1), seed=0)
    >>> history = train(network, epoch, LoopConfig(n_epochs=20, learning_rate=0.1, device="cpu"))
    >>> round(network.weight.item(), 1), history.step, history.stopped_because
    (3.0, 160, 'epochs')
    """
    device = choose_device(config.device)
    dtype = choose_precision(config.precision, device)
    with reproducible(device):
        n_steps = steps_per_epoch or sum(1 for _ in epoch(1, np.random.default_rng([config.seed, 1])))
        if not n_steps:
            raise InputError("an epoch has no steps", expected="one step or more", hint="are there any rows?")
        used = {"device": device.type, "precision": str(dtype), "validated": validate is not None}
        identity = asdict(config) | used | {"steps per epoch": n_steps} | network_identity(network)
        run = _start(network.to(device), config, dtype, device)
        if state is not None and Path(state).exists():
            run.restore(Path(state), identity)
        while (reason := _stop_reason(run.history, config)) is None:
            record = _train_epoch(run, epoch, config, validate, n_steps, dtype)
            run.history = History((*run.history.records, record))
            if record.validation is not None and run.history.best_epoch == record.epoch:
                run.keep_best()
            if state is not None:
                run.save(Path(state), identity)
            if progress is not None:
                progress(Progress(record, run.history, config.last_epoch))
    network.load_state_dict(run.kept())
    network.eval()
    return History(run.history.records, reason)


def _start(network: nn.Module, config: LoopConfig, dtype: torch.dtype, device: torch.device) -> LoopState:
    # On a CPU the fused form takes a third of the time of the foreach form, which beats one tensor at a time.
    optimiser = torch.optim.AdamW(
        [parameter for parameter in network.parameters() if parameter.requires_grad],
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
        fused=True,
    )
    # Only float16 has so few exponents that small gradients vanish; bfloat16 has those of float32.
    scaler = torch.amp.GradScaler(device.type) if dtype == torch.float16 else None
    return LoopState(network, twin_of(network), optimiser, scaler)


def _stop_reason(history: History, config: LoopConfig) -> Reason | None:
    done = len(history.records)
    measured = [record.epoch for record in history.records if record.validation is not None]
    if config.patience is not None and measured and measured[-1] - history.best_epoch >= config.patience:
        return "patience"
    if done < config.last_epoch:
        return None
    return "epochs" if done == config.n_epochs else "stop_after"


def _train_epoch(
    run: LoopState,
    epoch: Epoch,
    config: LoopConfig,
    validate: Callable[[nn.Module], float] | None,
    n_steps: int,
    dtype: torch.dtype,
) -> EpochRecord:
    start = time.perf_counter()
    number = len(run.history.records) + 1
    device = next(run.network.parameters()).device
    rng = start_generators(config.seed, number, device)
    look = 1 if device.type == "cpu" else _GPU_LOOK
    step = run.history.step
    losses: list[Tensor] = []
    run.network.train()
    for closure in epoch(number, rng):
        rate = _learning_rate((number - 1) * n_steps + min(len(losses), n_steps), n_steps, config)
        losses.append(_train_step(run, closure, rate, config.clip, dtype))
        _average(run, min(config.ema, (1 + step) / (10 + step)))
        step += 1
        if len(losses) % look == 0:
            _refuse_not_finite(losses[-look:], number, step)
    if not losses:
        raise InputError("has no steps", record=f"epoch {number}", expected="one step or more")
    _refuse_not_finite(losses[-look:], number, step)
    value = None
    if validate is not None and (number % config.validate_every == 0 or number == config.last_epoch):
        with torch.no_grad():
            value = float(validate(run.average))
        if not math.isfinite(value):
            raise FloatingPointError(f"the validation of epoch {number} is {value}")
    loss = float(torch.stack(losses)[:, 0].mean())
    return EpochRecord(number, step, loss, value, rate, time.perf_counter() - start)


def _learning_rate(step: int, n_steps: int, config: LoopConfig) -> float:
    """Learning rate of a step, counted from 0 over all epochs."""
    total = n_steps * config.n_epochs
    warm = min(1.0, (step + 1) / max(1.0, config.warmup * total))
    decay = 0.5 * (1 + math.cos(math.pi * step / total)) if config.schedule == "cosine" else 1.0
    return config.learning_rate * warm * decay


def _train_step(run: LoopState, closure: Step, rate: float, clip: float, dtype: torch.dtype) -> Tensor:
    """Take one step and return its loss and its gradient's norm, (2,)."""
    for group in run.optimiser.param_groups:
        group["lr"] = rate
    run.optimiser.zero_grad(set_to_none=True)
    device = next(run.network.parameters()).device.type
    with torch.autocast(device, dtype=dtype, enabled=dtype != torch.float32):
        loss = closure(run.network)
    parameters = run.optimiser.param_groups[0]["params"]
    if run.scaler is None:
        loss.backward()
        norm = nn.utils.clip_grad_norm_(parameters, clip)
        run.optimiser.step()
        return torch.stack([loss.detach().float(), norm])
    run.scaler.scale(loss).backward()
    run.scaler.unscale_(run.optimiser)
    nn.utils.clip_grad_norm_(parameters, clip)
    run.scaler.step(run.optimiser)
    run.scaler.update()
    # The scaler itself passes over the gradients that overflow, so they are no reason to stop.
    return torch.stack([loss.detach().float(), torch.zeros((), device=loss.device)])


@torch.no_grad()
def _average(run: LoopState, decay: float) -> None:
    """Move the averaged weights and buffers towards the network's; counters are copied."""
    average: list[Tensor] = list(run.average.parameters())
    network: list[Tensor] = list(run.network.parameters())
    for mean, buffer in zip(run.average.buffers(), run.network.buffers(), strict=True):
        if mean.is_floating_point():
            average.append(mean)
            network.append(buffer)
        else:
            mean.copy_(buffer)
    torch._foreach_lerp_(average, network, 1 - decay)


def _refuse_not_finite(losses: list[Tensor], epoch: int, step: int) -> None:
    """Raise for the first of the last losses, of which `step` closed the last, that is no number."""
    values = torch.stack(losses).tolist()
    for before, (loss, norm) in enumerate(values, start=step - len(values) + 1):
        if not (math.isfinite(loss) and math.isfinite(norm)):
            what, value = ("gradient's norm", norm) if math.isfinite(loss) else ("loss", loss)
            raise FloatingPointError(
                f"the {what} of step {before} (epoch {epoch}) is {value}; lower the learning rate"
            )
