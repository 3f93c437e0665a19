"""How alike two cell lines are: kernels of their features, summed and multiplied.

Every kernel is centred in its feature space on the training lines and scaled to a mean training diagonal of 1, so
that the weights of a sum are shares of variance. The genotype's kernel adds linear kernels of weighted mutations,
amplifications and copy numbers of known genes to Gaussian ones of copy number and aneuploidy, and their product with that
of copy number. Tissue meets genotype in a sum and a product; where expression is given it leads.

References
----------
Duvenaud, D. (2014) Automatic model construction with Gaussian processes, ch. 2, for sums and products of kernels.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from scipy.spatial.distance import pdist
from torch import Tensor

from models.profile_features import Features

Gram = Float[Tensor, "lines training"]
LINEAR = {"mutation": 0.2, "burden": 0.2, "amplification": 0.15, "known_copy_number": 0.15}
GAUSSIAN = {"copy_number": 0.5, "aneuploidy": 0.1}
"""Shares of the genotype's variance by kind of kernel."""
PRODUCT = 0.3
"""Share of a product beside a sum of 1."""
WITH_EXPRESSION = {"expression": 0.7, "tissue": 0.15, "genotype": 0.15}


class Kernel(ABC):
    """A kernel between lines and the training lines, centred and scaled.

    Parameters
    ----------
    training
        Features of the training lines.
    """

    def __init__(self, training: Features) -> None:
        raw = self.raw(training)
        self.columns, self.overall = raw.mean(dim=0), raw.mean()
        diagonal = self._centred(raw).diagonal().mean()
        self.scale = 1 / diagonal if float(diagonal) > 1e-12 else torch.zeros_like(diagonal)

    @abstractmethod
    def raw(self, features: Features) -> Gram:
        """Kernel before it is centred, (lines, training lines)."""

    def __call__(self, features: Features) -> Gram:
        """Kernel (lines, training lines) of any lines."""
        return self.scale * self._centred(self.raw(features))

    def _centred(self, raw: Gram) -> Gram:
        return raw - raw.mean(dim=1, keepdim=True) - self.columns + self.overall


class LinearKernel(Kernel):
    """Inner product of one feature."""

    def __init__(self, training: Features, name: str) -> None:
        self.name, self.x = name, training[name]
        super().__init__(training)

    def raw(self, features: Features) -> Gram:
        """Inner products."""
        return features[self.name] @ self.x.T


class GaussianKernel(Kernel):
    """Gaussian of the distance in one feature, ``exp(-rate d^2 / median d^2)``."""

    def __init__(self, training: Features, name: str, rate: float = 0.5) -> None:
        self.name, self.x, self.rate = name, training[name], rate
        between = pdist(self.x.numpy(), "sqeuclidean")
        # Most lines may be without a rare alteration: then the mean stands in for a median of 0.
        self.median = float(np.median(between)) or float(between.mean()) or 1.0
        super().__init__(training)

    def raw(self, features: Features) -> Gram:
        """Gaussian of the distances."""
        return torch.exp(-self.rate * squared_distances(features[self.name], self.x) / self.median)


class SumKernel(Kernel):
    """Weighted sum of kernels."""

    def __init__(self, training: Features, parts: Sequence[tuple[float, Kernel]]) -> None:
        self.parts = parts
        super().__init__(training)

    def raw(self, features: Features) -> Gram:
        """Sum of the parts."""
        return torch.stack([weight * part(features) for weight, part in self.parts]).sum(dim=0)


class ProductKernel(Kernel):
    """Product of two kernels: lines are alike that are so in both."""

    def __init__(self, training: Features, first: Kernel, second: Kernel) -> None:
        self.first, self.second = first, second
        super().__init__(training)

    def raw(self, features: Features) -> Gram:
        """Product of the two."""
        return self.first(features) * self.second(features)


def squared_distances(a: Float[Tensor, "a d"], b: Float[Tensor, "b d"]) -> Float[Tensor, "a b"]:
    """Squared Euclidean distances of the rows of `a` to those of `b`.

    Examples
    --------
    >>> squared_distances(torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[25.0, 0.0]]
    """
    lengths = (a**2).sum(dim=1)[:, None] + (b**2).sum(dim=1)
    return (lengths - 2 * a @ b.T).clamp(min=0)


def fit_line_kernel(training: Features) -> Kernel:
    """Put the kernel together for the features that there are.

    Parameters
    ----------
    training
        (lines, columns) by feature, as of `models.profile_features.ProfileFeatures`.

    Examples
    --------
    >>> kernel = fit_line_kernel({"covariates": torch.eye(3, dtype=torch.float64)})
    >>> kernel({"covariates": torch.eye(3, dtype=torch.float64)}).diagonal().mean().item()
    1.0
    """
    groups = {
        "genotype": _genotype(training),
        "tissue": _tissue(training),
        "expression": GaussianKernel(training, "expression") if "expression" in training else None,
    }
    there = {name: kernel for name, kernel in groups.items() if kernel is not None}
    if "expression" in there:
        return SumKernel(training, [(WITH_EXPRESSION[name], kernel) for name, kernel in there.items()])
    if len(there) == 1:
        return next(iter(there.values()))
    genotype, tissue = there["genotype"], there["tissue"]
    both = ProductKernel(training, genotype, tissue)
    return SumKernel(training, [(0.5, genotype), (0.5, tissue), (PRODUCT, both)])


def _genotype(training: Features) -> Kernel | None:
    parts: list[tuple[float, Kernel]] = [
        (weight, LinearKernel(training, name)) for name, weight in LINEAR.items() if name in training
    ]
    parts += [
        (weight, GaussianKernel(training, name)) for name, weight in GAUSSIAN.items() if name in training
    ]
    if not parts:
        return None
    additive = SumKernel(training, parts)
    if "copy_number" not in training:
        return additive
    both = ProductKernel(training, GaussianKernel(training, "copy_number"), additive)
    return SumKernel(training, [(1.0, additive), (PRODUCT, both)])


def _tissue(training: Features) -> Kernel | None:
    if "covariates" not in training:
        return None
    kernels = LinearKernel(training, "covariates"), GaussianKernel(training, "covariates", 1.0)
    return SumKernel(training, [(1.0, kernel) for kernel in kernels])
