"""How a network is trained: the settings of `models.loop`, the device and the precision they come to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch

from chem.errors import InputError


@dataclass(frozen=True)
class LoopConfig:
    """How a network is trained.

    Attributes
    ----------
    n_epochs
        Epochs at most; the learning rate's schedule spans them all.
    stop_after
        Epochs after which to stop within that schedule, as fixed by cross-validation; None for all.
    learning_rate
        The highest.
    weight_decay
        Of AdamW.
    warmup
        Share of all steps over which the learning rate rises.
    schedule
        Of the learning rate: cosine (down to zero) or constant.
    clip
        Largest norm of the gradient.
    ema
        Decay per step of the averaged weights; early steps decay faster, so that the start is forgotten.
    patience
        Epochs without a better validation after which to stop; None for never.
    validate_every
        Epochs between validations; the last epoch is always validated.
    seed
        Of the batches and the dropout; the starting weights are the network's (see `initialise`).
    precision
        float32, bfloat16, float16, or auto: float32 on a CPU, on a GPU bfloat16 where it has it, else float16.
        Of the losses' matrix products; weights, averages and validation stay in float32.
    device
        cpu, cuda, or auto: cuda where there is one.

    Raises
    ------
    InputError
        A value is out of its range.
    """

    n_epochs: int = 100
    stop_after: int | None = None
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: float = 0.05
    schedule: Literal["cosine", "constant"] = "cosine"
    clip: float = 1.0
    ema: float = 0.99
    patience: int | None = None
    validate_every: int = 1
    seed: int = 0
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def __post_init__(self) -> None:
        allowed = {
            "n_epochs": (self.n_epochs >= 1, "1 or more"),
            "stop_after": (self.stop_after is None or self.stop_after >= 1, "1 or more, or none"),
            "learning_rate": (0 < self.learning_rate < math.inf, "a number above 0"),
            "weight_decay": (0 <= self.weight_decay < math.inf, "a number from 0"),
            "warmup": (0 <= self.warmup <= 1, "a share from 0 to 1"),
            "schedule": (self.schedule in ("cosine", "constant"), "cosine or constant"),
            "clip": (self.clip > 0, "a number above 0"),
            "ema": (0 <= self.ema < 1, "a decay from 0 and below 1"),
            "patience": (self.patience is None or self.patience >= 1, "1 or more, or none"),
            "validate_every": (self.validate_every >= 1, "1 or more"),
            "seed": (self.seed >= 0, "0 or more"),
            "precision": (self.precision in ("auto", "float32", "bfloat16", "float16"), "auto or a type"),
            "device": (self.device in ("auto", "cpu", "cuda"), "auto, cpu or cuda"),
        }
        for field, (right, expected) in allowed.items():
            if not right:
                raise InputError(f"{getattr(self, field)!r} is out of range", field=field, expected=expected)

    @property
    def last_epoch(self) -> int:
        """The last epoch there can be."""
        return self.n_epochs if self.stop_after is None else min(self.n_epochs, self.stop_after)


def choose_device(name: str) -> torch.device:
    """Device of a name: cpu, cuda, or auto for cuda where there is one.

    Raises
    ------
    InputError
        cuda is asked for and there is none.

    Examples
    --------
    >>> choose_device("cpu")
    device(type='cpu')
    """
    there = name != "cpu" and torch.cuda.is_available()
    if name == "cuda" and not there:
        raise InputError("no GPU that torch can use", field="device", hint="say cpu, or auto")
    return torch.device("cuda" if there else "cpu")


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """Type of a name for one device; see `LoopConfig.precision`."""
    if name != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[name]
    if device.type == "cpu":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
