"""What leaves a network: heads from a pair's vector to one or more tasks, each with its masked loss.

Shapes
------
* ``forward``: h (n_rows, dim) -> output (n_rows, n_tasks) or (n_rows, n_tasks, n_parts).
* ``loss``: output, label (n_rows, n_tasks), mask (n_rows, n_tasks; true where there is a label) -> scalar: the
  mean over all labels there are. A row or task without a label adds nothing, whatever stands in its place
  (NaN too), and without any label the loss is zero with gradients of zero.
* ``mean``: output -> (n_rows, n_tasks), in the unit of the labels given to the loss.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import accumulate

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from chem.errors import InputError
from models.parts.dropout import Dropout


def masked_mean(value: Float[Tensor, "rows tasks"], mask: Bool[Tensor, "rows tasks"]) -> Float[Tensor, ""]:
    """Mean of the values where `mask` is true; zero where it is true nowhere.

    Raises
    ------
    ValueError
        The shapes differ.

    Examples
    --------
    >>> masked_mean(torch.tensor([[1.0, 9.0], [2.0, 9.0]]), torch.tensor([[True, False], [True, False]]))
    tensor(1.5000)
    """
    if value.shape != mask.shape:  # a label (rows,) beside an output (rows, 1) would spread to (rows, rows)
        raise ValueError(f"output and label make {tuple(value.shape)}, the mask is {tuple(mask.shape)}")
    return value.masked_fill(~mask, 0.0).sum() / mask.sum().clamp(min=1)


class Head(nn.Module, ABC):
    """Two hidden layers in front of the numbers that a loss reads.

    Parameters
    ----------
    dim
        Width of the vectors read.
    n_tasks
        Labels predicted.
    hidden
        Width of the hidden layer.
    dropout
        In front of the hidden layer.
    """

    n_parts = 1
    """Numbers per task."""

    def __init__(self, dim: int, n_tasks: int = 1, *, hidden: int = 128, dropout: float = 0.1) -> None:
        super().__init__()
        self.n_tasks = n_tasks
        self.body = nn.Sequential(
            nn.LayerNorm(dim),
            nn.ReLU(),
            Dropout(dropout),
            nn.Linear(dim, hidden),
            nn.ReLU(),
            nn.Linear(hidden, n_tasks * self.n_parts),
        )

    @abstractmethod
    def forward(self, h: Float[Tensor, "rows dim"]) -> Float[Tensor, "rows tasks ..."]:
        """Output of each row, as `loss` and `mean` read it."""

    @abstractmethod
    def loss(
        self,
        output: Float[Tensor, "rows tasks ..."],
        label: Float[Tensor, "rows tasks"],
        mask: Bool[Tensor, "rows tasks"],
    ) -> Float[Tensor, ""]:
        """Mean loss over the labels that `mask` says are there."""

    @abstractmethod
    def mean(self, output: Float[Tensor, "rows tasks ..."]) -> Float[Tensor, "rows tasks"]:
        """One prediction per row and task."""


class RegressionHead(Head):
    """One number per task, by squared error.

    Shapes
    ------
    h (rows, dim) -> (rows, tasks)

    Examples
    --------
    >>> head = RegressionHead(16, 3)
    >>> output = head(torch.zeros(5, 16))
    >>> output.shape, head.loss(output, torch.full((5, 3), torch.nan), torch.zeros(5, 3, dtype=bool)).item()
    (torch.Size([5, 3]), 0.0)
    """

    def forward(self, h: Float[Tensor, "rows dim"]) -> Float[Tensor, "rows tasks"]:
        """Predict each task."""
        return self.body(h)

    def loss(
        self,
        output: Float[Tensor, "rows tasks"],
        label: Float[Tensor, "rows tasks"],
        mask: Bool[Tensor, "rows tasks"],
    ) -> Float[Tensor, ""]:
        """Mean squared error."""
        return masked_mean((output - label.masked_fill(~mask, 0.0)) ** 2, mask)

    def mean(self, output: Float[Tensor, "rows tasks"]) -> Float[Tensor, "rows tasks"]:
        """Return the output itself."""
        return output


class ClassificationHead(Head):
    """The logit of yes per task, by cross-entropy; `mean` is the probability.

    Shapes
    ------
    h (rows, dim) -> (rows, tasks), logits
    """

    def forward(self, h: Float[Tensor, "rows dim"]) -> Float[Tensor, "rows tasks"]:
        """Logit of each task."""
        return self.body(h)

    def loss(
        self,
        output: Float[Tensor, "rows tasks"],
        label: Float[Tensor, "rows tasks"],
        mask: Bool[Tensor, "rows tasks"],
    ) -> Float[Tensor, ""]:
        """Mean cross-entropy (nats) of labels 0 and 1."""
        each = nn.functional.binary_cross_entropy_with_logits(
            output, label.masked_fill(~mask, 0.0), reduction="none"
        )
        return masked_mean(each, mask)

    def mean(self, output: Float[Tensor, "rows tasks"]) -> Float[Tensor, "rows tasks"]:
        """Probability of yes."""
        return torch.sigmoid(output)


class MeanVarianceHead(Head):
    """Mean and variance of a normal distribution per task, by its likelihood.

    Shapes
    ------
    h (rows, dim) -> (rows, tasks, 2): mean, and variance in the labels' unit squared

    Parameters
    ----------
    dim, n_tasks, hidden, dropout
        As of `Head`.
    min_variance
        Smallest variance; without a bound, one label hit exactly would take the likelihood to infinity. The
        default suits labels scaled to variance 1.

    References
    ----------
    Nix, D. A. & Weigend, A. S. (1994) Estimating the mean and variance of the target probability
    distribution. Proc. ICNN 1:55-60.
    """

    n_parts = 2

    def __init__(
        self,
        dim: int,
        n_tasks: int = 1,
        *,
        hidden: int = 128,
        dropout: float = 0.1,
        min_variance: float = 1e-3,
    ) -> None:
        super().__init__(dim, n_tasks, hidden=hidden, dropout=dropout)
        if not min_variance > 0:
            raise InputError(f"is {min_variance}", field="min_variance", expected="a number above zero")
        self.min_variance = min_variance

    def forward(self, h: Float[Tensor, "rows dim"]) -> Float[Tensor, "rows tasks 2"]:
        """Mean and variance of each task."""
        mean, raw = self.body(h).float().unflatten(-1, (self.n_tasks, 2)).unbind(-1)
        return torch.stack([mean, softplus(raw) + self.min_variance], dim=-1)

    def loss(
        self,
        output: Float[Tensor, "rows tasks 2"],
        label: Float[Tensor, "rows tasks"],
        mask: Bool[Tensor, "rows tasks"],
    ) -> Float[Tensor, ""]:
        """Mean negative log-density (nats)."""
        mean, variance = output.unbind(-1)
        error = (mean - label.masked_fill(~mask, 0.0)) ** 2
        return masked_mean((torch.log(2 * math.pi * variance) + error / variance) / 2, mask)

    def mean(self, output: Float[Tensor, "rows tasks 2"]) -> Float[Tensor, "rows tasks"]:
        """Mean of the distribution."""
        return output[..., 0]

    def variance(self, output: Float[Tensor, "rows tasks 2"]) -> Float[Tensor, "rows tasks"]:
        """Variance of the distribution."""
        return output[..., 1]


class QuantileHead(Head):
    """Quantiles per task, by pinball loss; each is the one beside it plus a step, so that none can cross.

    Shapes
    ------
    h (rows, dim) -> (rows, tasks, levels), never falling along the levels

    Parameters
    ----------
    dim, n_tasks, hidden, dropout
        As of `Head`.
    levels
        Rising, between 0 and 1, with 0.5 among them; `mean` is the median.

    References
    ----------
    Koenker, R. & Bassett, G. (1978) Regression quantiles. Econometrica 46:33-50.
    """

    def __init__(
        self,
        dim: int,
        n_tasks: int = 1,
        *,
        levels: Sequence[float] = (0.05, 0.5, 0.95),
        hidden: int = 128,
        dropout: float = 0.1,
    ) -> None:
        rising = all(low < high for low, high in zip((0.0, *levels), (*levels, 1.0), strict=True))
        if not rising or 0.5 not in levels:
            raise InputError(
                f"are {tuple(levels)}", field="levels", expected="rising numbers between 0 and 1, 0.5 among them"
            )  # fmt: skip
        self.n_parts = len(levels)
        super().__init__(dim, n_tasks, hidden=hidden, dropout=dropout)
        self.middle = list(levels).index(0.5)
        self.levels: Tensor
        self.register_buffer("levels", torch.tensor(levels), persistent=False)

    def forward(self, h: Float[Tensor, "rows dim"]) -> Float[Tensor, "rows tasks levels"]:
        """Quantiles of each task."""
        raw = self.body(h).float().unflatten(-1, (self.n_tasks, self.n_parts))
        median, steps = raw[..., 0], softplus(raw[..., 1:]).unbind(-1)
        # Added one by one: sums in another order could cross by a rounding.
        below = accumulate(reversed(steps[: self.middle]))
        above = accumulate(steps[self.middle :])
        return torch.stack(
            [*reversed([median - down for down in below]), median, *(median + up for up in above)], dim=-1
        )

    def loss(
        self,
        output: Float[Tensor, "rows tasks levels"],
        label: Float[Tensor, "rows tasks"],
        mask: Bool[Tensor, "rows tasks"],
    ) -> Float[Tensor, ""]:
        """Mean pinball loss over labels and levels."""
        above = label.masked_fill(~mask, 0.0)[..., None] - output
        return masked_mean(torch.maximum(self.levels * above, (self.levels - 1) * above).mean(-1), mask)

    def mean(self, output: Float[Tensor, "rows tasks levels"]) -> Float[Tensor, "rows tasks"]:
        """Median."""
        return output[..., self.middle]
