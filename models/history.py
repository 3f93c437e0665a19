"""What a training run has done so far: one record per epoch, the validation curve, and one line for a terminal."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

Reason = Literal["epochs", "stop_after", "patience"]
_BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class EpochRecord:
    """One epoch of training.

    Attributes
    ----------
    epoch
        From 1.
    step
        Steps of the optimiser until the end of this epoch.
    loss
        Mean over the steps of the epoch, on the weights of each step.
    validation
        Of the averaged weights, lower is better; None where it was not measured.
    learning_rate
        Of the last step.
    seconds
        Spent in this epoch, validation included.
    """

    epoch: int
    step: int
    loss: float
    validation: float | None
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class History:
    """All epochs of a run.

    Attributes
    ----------
    records
        One per epoch, in order.
    stopped_because
        epochs (all are done), stop_after, patience (the validation no longer improves), or None while it runs.

    Examples
    --------
    >>> curve = [EpochRecord(n, 10 * n, 1.0, value, 1e-3, 2.0) for n, value in enumerate((0.5, 0.3, 0.4), 1)]
    >>> History(tuple(curve), "epochs").best_epoch
    2
    """

    records: tuple[EpochRecord, ...] = ()
    stopped_because: Reason | None = None

    @property
    def validation(self) -> tuple[float, ...]:
        """The validation curve: the epochs that were measured, in order."""
        return tuple(record.validation for record in self.records if record.validation is not None)

    @property
    def best_epoch(self) -> int:
        """The epoch whose weights are kept: the first of the lowest validation, else the last; 0 before any."""
        measured = [record for record in self.records if record.validation is not None]
        if measured:
            return min(measured, key=lambda record: (record.validation, record.epoch)).epoch
        return len(self.records)

    @property
    def step(self) -> int:
        """Steps of the optimiser so far."""
        return self.records[-1].step if self.records else 0

    @property
    def seconds(self) -> float:
        """Time spent so far, over all the runs that a resumed one was made of."""
        return sum(record.seconds for record in self.records)


@dataclass(frozen=True)
class Progress:
    """Where a run stands after an epoch.

    Attributes
    ----------
    record
        The epoch just finished.
    history
        All epochs until now; `History.validation` is the curve.
    n_epochs
        The most epochs there will be.
    """

    record: EpochRecord
    history: History
    n_epochs: int

    @property
    def seconds_left(self) -> float:
        """Time until all epochs are done, should none of them be saved by patience, in seconds."""
        return self.history.seconds / len(self.history.records) * (self.n_epochs - self.record.epoch)


def sparkline(values: tuple[float, ...], width: int = 24) -> str:
    """Draw a curve in one line of text, its lowest value as the lowest bar.

    Parameters
    ----------
    values
        (n,) finite numbers.
    width
        Characters at most; a longer curve is drawn by the means of equal stretches.

    Returns
    -------
    str
        One character per value or stretch.

    Examples
    --------
    >>> sparkline((4.0, 3.0, 2.0, 1.0))
    '█▆▃▁'
    """
    n = min(width, len(values))
    edges = [i * len(values) // n for i in range(n + 1)] if n else []
    means = [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
    if not means:
        return ""
    low, span = min(means), max(means) - min(means)
    top = len(_BARS) - 1
    return "".join(_BARS[round(top * (mean - low) / span) if span > 0 else 0] for mean in means)


def progress_line(progress: Progress) -> str:
    """Tell an epoch in one line: losses, the validation curve, its best epoch and the time left.

    Examples
    --------
    >>> curve = [EpochRecord(n, 10 * n, 0.9, value, 1e-3, 20.0) for n, value in enumerate((0.5, 0.3, 0.4), 1)]
    >>> print(progress_line(Progress(curve[-1], History(tuple(curve)), 10)))
    epoch 3/10  loss 0.9  validation 0.4 (best 0.3, epoch 2)  █▁▅  2:20 left
    """
    record, history = progress.record, progress.history
    parts = [f"epoch {record.epoch}/{progress.n_epochs}", f"loss {record.loss:.4g}"]
    if history.validation:
        now = "not measured" if record.validation is None else f"{record.validation:.4g}"
        best = f"best {min(history.validation):.4g}, epoch {history.best_epoch}"
        parts += [f"validation {now} ({best})", sparkline(history.validation)]
    return "  ".join([*parts, f"{_clock(progress.seconds_left)} left"])


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
