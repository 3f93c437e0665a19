"""Intervals of responses from held-out errors: per compound for new lines, per scaffold for new compounds.

*New lines.* The errors of one compound in lines that were held out bound that of the next line with the probability asked
for, if the line could be exchanged with those (split conformal prediction, compound by compound).

*New compounds.* Errors of one compound, and of compounds of one scaffold, are alike, so that pairs cannot be
exchanged; scaffolds can. Each of K held-out scaffolds therefore weighs 1 / (K + 1), shared by its pairs; the last share is
that of the new one, whose error may be anything (hierarchical conformal prediction).

References
----------
Vovk, Gammerman, Shafer (2005) Algorithmic Learning in a Random World, ch. 4 (by group). Lee, Barber, Willett (2023)
arXiv:2306.06342 (groups).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.vectors import require_level

Array = NDArray[np.float64]
MAX_KEPT = 2000
"""Errors of new compounds that are kept, evenly spread over the weights."""


@dataclass(frozen=True)
class CompoundErrors:
    """Absolute held-out errors of each compound, sorted.

    Attributes
    ----------
    errors
        float32 (most values, compounds), each column sorted, NaN below its end.
    """

    errors: NDArray[np.float32]

    @classmethod
    def fit(cls, label: Array, prediction: Array) -> CompoundErrors:
        """Collect the errors of (lines, compounds), NaN where nothing was measured or predicted.

        Examples
        --------
        >>> label = np.array([[1.0, 2.0], [3.0, np.nan], [0.0, 2.5]])
        >>> errors = CompoundErrors.fit(label, np.ones((3, 2)))
        >>> errors.errors.tolist()
        [[0.0, 1.0], [1.0, 1.5], [2.0, nan]]
        >>> errors.bound(0.5).tolist(), errors.bound(0.9).tolist()
        ([1.0, 1.5], [inf, inf])
        """
        return cls(np.sort(np.abs(label - prediction), axis=0).astype(np.float32))

    def bound(self, level: float) -> Array:
        """(compounds,) bound of the next error; infinite where there are too few for the level."""
        require_level(level)
        n = self.counts
        rank = np.maximum(np.ceil((n + 1) * level - 1e-9).astype(np.int64), 1)
        place = np.minimum(rank, np.maximum(n, 1)) - 1
        found = np.take_along_axis(self.errors, place[None], axis=0)[0].astype(np.float64)
        return np.where(rank <= n, found, np.inf)

    @property
    def counts(self) -> NDArray[np.int64]:
        """(compounds,) held-out values."""
        return np.asarray((~np.isnan(self.errors)).sum(axis=0), np.int64)

    @property
    def sd(self) -> Array:
        """(compounds,) root mean square error; NaN without any."""
        squares = np.where(np.isnan(self.errors), 0, self.errors.astype(np.float64)) ** 2
        n = self.counts
        return np.asarray(np.sqrt(np.where(n > 0, squares.sum(axis=0) / np.maximum(n, 1), np.nan)))


@dataclass(frozen=True)
class GroupErrors:
    """Absolute held-out errors of new compounds, each with the weight that its scaffold leaves it.

    Attributes
    ----------
    errors
        float32 (n,), sorted.
    weight
        float32 (n,) cumulative weight up to each; the last is K / (K + 1) for K scaffolds.
    sd
        Root mean square error, scaffolds alike.
    """

    errors: NDArray[np.float32]
    weight: NDArray[np.float32]
    sd: float

    @classmethod
    def fit(cls, label: Array, prediction: Array, group: NDArray[np.int64]) -> GroupErrors:
        """Collect the errors of n pairs whose scaffolds are numbered by `group`.

        Examples
        --------
        >>> errors = GroupErrors.fit(np.array([1.0, 2.0, 5.0]), np.zeros(3), np.array([0, 0, 1]))
        >>> [f"{weight:.3f}" for weight in errors.weight]
        ['0.167', '0.333', '0.667']
        >>> errors.bound(0.3), errors.bound(0.6), errors.bound(0.9)
        (2.0, 5.0, inf)
        """
        error = np.abs(label - prediction)
        _, number, size = np.unique(group, return_inverse=True, return_counts=True)
        share = 1 / (size[number] * (len(size) + 1.0))
        order = np.argsort(error, kind="stable")
        cumulative = np.cumsum(share[order])
        kept = _spread_over(cumulative)
        sd = float(np.sqrt((share * error**2).sum() / share.sum())) if len(error) else float("nan")
        return cls(error[order][kept].astype(np.float32), cumulative[kept].astype(np.float32), sd)

    def bound(self, level: float) -> float:
        """Bound of the error of a pair with a compound of a new scaffold; infinite with too few scaffolds."""
        require_level(level)
        place = int(np.searchsorted(self.weight, np.float32(level - 1e-6)))
        return float(self.errors[place]) if place < len(self.errors) else float("inf")


def _spread_over(cumulative: Array) -> NDArray[np.int64]:
    """At most `MAX_KEPT` places, at even steps of the weight, the last among them."""
    if len(cumulative) <= MAX_KEPT:
        return np.arange(len(cumulative))
    marks = np.linspace(0, cumulative[-1], MAX_KEPT)
    return np.unique(np.append(np.searchsorted(cumulative, marks[:-1]), len(cumulative) - 1))


@dataclass(frozen=True)
class ResponseIntervals:
    """Errors of what was held out.

    Attributes
    ----------
    line
        Of new lines.
    tissue
        Of lines of new tissues, or None.
    compound
        Of new compounds in new lines, or None.
    """

    line: CompoundErrors
    tissue: CompoundErrors | None = None
    compound: GroupErrors | None = None

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays to keep on disk."""
        arrays: dict[str, NDArray[Any]] = {"line": self.line.errors}
        if self.tissue is not None:
            arrays["tissue"] = self.tissue.errors
        if self.compound is not None:
            arrays |= {"compound": self.compound.errors, "compound_weight": self.compound.weight,
                       "compound_sd": np.array([self.compound.sd])}  # fmt: skip
        return arrays

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> ResponseIntervals:
        """Read what `to_arrays` wrote."""
        compound = None
        if "compound" in arrays:
            sd = float(arrays["compound_sd"][0])
            compound = GroupErrors(arrays["compound"], arrays["compound_weight"], sd)
        tissue = CompoundErrors(arrays["tissue"]) if "tissue" in arrays else None
        return cls(CompoundErrors(arrays["line"]), tissue, compound)
