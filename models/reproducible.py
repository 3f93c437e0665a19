"""Random generators and operators that repeat, whatever the caller's are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn


def initialise(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    """Make a network whose starting weights follow from a seed alone.

    Parameters
    ----------
    make
        Makes the network, on the CPU.
    seed
        Of its weights. The caller's generator is left as it was.

    Examples
    --------
    >>> ensemble = [initialise(lambda: nn.Linear(2, 1), seed) for seed in range(3)]
    >>> bool(torch.equal(ensemble[0].weight, initialise(lambda: nn.Linear(2, 1), 0).weight))
    True
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return make()


@contextmanager
def reproducible(device: torch.device) -> Iterator[None]:
    """Leave torch's generators and its choice of operators as they were; inside, operators repeat on a CPU.

    Parameters
    ----------
    device
        Where the operators run; on a GPU they are left to their speed.

    Notes
    -----
    By default the gradient of `x[index]` differs between two runs on two threads of a CPU: both add to
    one place, in an order that is chance.
    """
    strict, warn = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    fill = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    on_gpu = device.type == "cuda"
    with torch.random.fork_rng(devices=[torch.cuda.current_device()] if on_gpu else []):
        try:
            if not on_gpu:
                torch.use_deterministic_algorithms(True)
                torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
            yield
        finally:
            torch.use_deterministic_algorithms(strict, warn_only=warn)
            torch.utils.deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]


def start_generators(seed: int, epoch: int, device: torch.device) -> np.random.Generator:
    """Start torch's generators of an epoch, and return numpy's."""
    value = int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0])
    torch.default_generator.manual_seed(value)
    if device.type == "cuda":
        torch.cuda.manual_seed(value)
    return np.random.default_rng([seed, epoch])
