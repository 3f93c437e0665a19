"""Prediction intervals that hold the label as often as they say, from the residuals of held-out predictions.

A label and a calibration label that could be exchanged have the same chance to be the furthest from their
predictions. So the ``ceil((n + 1) level)``-th smallest of n held-out distances bounds the next one with
probability `level` or more, whatever the model and however the errors are distributed. Three things sharpen
that without breaking it, because none looks at the new label:

* *bins* (Mondrian): the promise holds in each bin of the prediction, and in each group that is named (such as
  the similarity to the nearest training molecule), not merely on average;
* a *scale*: distances are divided by what the ensemble's spread says of each pair (`models.error_scale`);
* a *limit*: labels that an assay cuts off at a limit pile up there, so a prediction below it means the limit
  itself, and no interval reaches below it. Were the weakest pairs a bin of their own, nearly all of them at the
  limit, each interval would hold the limit and the bin be covered far more often than was asked; the lowest
  bin therefore reaches up to where labels vary. It is covered as asked as a whole: its pairs next to the limit
  more often, those at its upper end less often.

Residuals have to come from the kind of predictor they are used for: those of single networks make intervals
of an ensemble's mean too wide. Under a shift (new scaffolds, new families) nothing is promised, and
`models.coverage` measures what is left.

References
----------
Vovk, Gammerman, Shafer (2005) Algorithmic Learning in a Random World, ch. 2 and 4; Papadopoulos et al. (2002)
ECML 345 (split, normalised); Gupta, Kuchibhotla, Ramdas (2022) Pattern Recognition 127:108496 (nested sets).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chem.errors import InputError
from models.vectors import (
    Floats,
    finite_vector,
    refuse,
    require_level,
    require_same_length,
    rows_of_groups,
)

MIN_POINTS = 100
"""Pairs that a bin of the prediction needs; with fewer it joins its neighbour."""
MAX_KEPT = 400
"""Order statistics kept of a bin; asking between two of them gets the outer one."""
MIN_AT_LIMIT = 0.05
"""Share of labels equal to the smallest one from which that one is taken for a censoring limit."""


@dataclass(frozen=True)
class OrderStatistics:
    """Some of the n sorted distances of a bin: the `ranks`-th smallest (from 1) are `values`."""

    n: int
    ranks: NDArray[np.int64]
    values: Floats

    @classmethod
    def of(cls, distance: Floats) -> OrderStatistics:
        """Sort distances and keep `MAX_KEPT` of them, denser towards the largest."""
        n = len(distance)
        ranks = np.arange(1, n + 1)
        if n > MAX_KEPT:
            even = np.linspace(1, n, MAX_KEPT // 2)
            dense = n + 1 - np.geomspace(1, n, MAX_KEPT // 2)
            ranks = np.unique(np.round(np.concatenate([even, dense])).astype(np.int64))
        return cls(n, ranks, np.sort(distance)[ranks - 1])

    def bound(self, level: float) -> float:
        """Bound of the next distance; infinite where n is too small for the level."""
        rank = int(np.ceil((self.n + 1) * level - 1e-9))
        if rank > self.n:
            return float("inf")
        return float(self.values[np.searchsorted(self.ranks, max(rank, 1))])

    def to_dict(self) -> dict[str, Any]:
        """As plain numbers for a JSON card; distances are rounded up."""
        distances = (np.ceil(self.values * 1e6) / 1e6).tolist()
        return {"n": self.n, "ranks": self.ranks.tolist(), "distances": distances}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> OrderStatistics:
        """Read what `to_dict` wrote."""
        return cls(int(plain["n"]), np.array(plain["ranks"], np.int64), np.array(plain["distances"], float))


@dataclass(frozen=True)
class Cell:
    """Pairs of one group with predictions from `above` on: how far their labels were, in units of the scale."""

    above: float
    distances: OrderStatistics


@dataclass(frozen=True)
class Conformal:
    """Calibrated intervals of one endpoint.

    Attributes
    ----------
    cells
        Per group, cells in the order of their predictions; the group of pairs without one is ``""``.
    limit
        Censoring limit in the label's unit, below which no label lies.
    scaled
        Whether distances are in units of a scale.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> prediction = rng.normal(size=4000)
    >>> label = prediction + rng.normal(size=4000)
    >>> lower, upper = Conformal.fit(label, prediction).interval([0.0], level=0.9)
    >>> bool(-2.0 < lower[0] < -1.4 and 1.4 < upper[0] < 2.0)
    True
    """

    cells: dict[str, tuple[Cell, ...]]
    limit: float | None = None
    scaled: bool = False

    @classmethod
    def fit(
        cls,
        label: ArrayLike,
        prediction: ArrayLike,
        scale: ArrayLike | None = None,
        group: ArrayLike | None = None,
        *,
        limit: float | None = None,
        n_bins: int = 5,
    ) -> Conformal:
        """Calibrate on held-out predictions.

        Parameters
        ----------
        label, prediction
            (n,) of pairs that the predicting model has not seen, in the label's unit.
        scale
            (n,) positive, the expected size of each error up to a common factor.
        group
            (n,) names; each group is calibrated on its own.
        limit
            Censoring limit (`censoring_limit` finds it).
        n_bins
            Bins of the prediction per group at most; each holds half of the pairs above the one before,
            so that the rare strong binders have bins of their own.

        Raises
        ------
        InputError
            Unequal lengths, a value that is not finite, a scale that is not positive, a label below the limit.
        """
        y, p = finite_vector(label, "label"), finite_vector(prediction, "prediction")
        s = np.ones(len(y)) if scale is None else finite_vector(scale, "scale")
        require_same_length(label=y, prediction=p, scale=s)
        refuse(s <= 0, s, "scale", "a positive number")
        if limit is not None:
            refuse(y < limit, y, "label", f"a label from the censoring limit {limit:g}")
        cells = {
            name: _cells(y[rows], p[rows], s[rows], limit, n_bins)
            for name, rows in rows_of_groups(group, len(y)).items()
        }
        return cls(cells, limit, scale is not None)

    def interval(
        self,
        prediction: ArrayLike,
        level: float = 0.9,
        scale: ArrayLike | None = None,
        group: ArrayLike | None = None,
    ) -> tuple[Floats, Floats]:
        """Bounds that hold the label of an exchangeable pair with probability `level` or more.

        Parameters
        ----------
        prediction
            (n,) predictions; NaN where there is none.
        level
            Coverage, between 0 and 1.
        scale, group
            (n,) as in `fit`.

        Returns
        -------
        lower, upper
            (n,) in the label's unit: infinite, both, where the group or its bin has too few calibration pairs
            for the level, or was never seen; NaN where the prediction is NaN. A lower bound equal to `limit`
            reads "at the limit or beyond it".

        Raises
        ------
        InputError
            A level outside 0 to 1, a scale given or missing unlike in `fit`, or not positive.
        """
        require_level(level)
        if (scale is not None) != self.scaled:
            raise InputError(
                "scale is missing" if self.scaled else "a scale was given", field="scale",
                expected="one as at calibration" if self.scaled else "none, as at calibration",
            )  # fmt: skip
        p = np.asarray(prediction, float).ravel()
        s = np.ones(len(p)) if scale is None else np.asarray(scale, float).ravel()
        require_same_length(prediction=p, scale=s)
        refuse(~(s > 0) & np.isfinite(p), s, "scale", "a positive number")
        lower, upper = np.full(len(p), -np.inf), np.full(len(p), np.inf)
        for name, rows in rows_of_groups(group, len(p)).items():
            cells = self.cells.get(name, ())
            which = np.searchsorted([cell.above for cell in cells], p[rows], side="right") - 1
            for number, cell in enumerate(cells):
                here = rows[which == number]
                lower[here], upper[here] = self._bounds(cell, p[here], s[here], level)
        lower[np.isnan(p)] = upper[np.isnan(p)] = np.nan
        return lower, upper

    def _bounds(
        self, cell: Cell, p: Floats, s: Floats, level: float
    ) -> tuple[Floats | float, Floats | float]:
        bound = cell.distances.bound(level)
        if np.isinf(bound):
            return -np.inf, np.inf
        if self.limit is None:
            return p - bound * s, p + bound * s
        p = np.maximum(p, self.limit)
        return np.maximum(p - bound * s, self.limit), p + bound * s

    @property
    def counts(self) -> dict[str, int]:
        """Calibration pairs of each group."""
        return {name: sum(cell.distances.n for cell in cells) for name, cells in self.cells.items()}

    def to_dict(self) -> dict[str, Any]:
        """As plain numbers for a JSON card; distances are rounded up."""
        cells = {
            name: [
                {"above": None if np.isneginf(cell.above) else cell.above, **cell.distances.to_dict()}
                for cell in part
            ]
            for name, part in self.cells.items()
        }
        return {"limit": self.limit, "scaled": self.scaled, "cells": cells}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Conformal:
        """Read what `to_dict` wrote."""
        cells = {
            name: tuple(
                Cell(
                    -np.inf if cell["above"] is None else float(cell["above"]),
                    OrderStatistics.from_dict(cell),
                )
                for cell in part
            )
            for name, part in plain["cells"].items()
        }
        return cls(cells, plain["limit"], bool(plain["scaled"]))


def _cells(y: Floats, p: Floats, s: Floats, limit: float | None, n_bins: int) -> tuple[Cell, ...]:
    """Cells of one group."""
    edges = _bin_edges(p, limit, n_bins)
    which = np.searchsorted(edges, p, side="right") - 1
    centre = p if limit is None else np.maximum(p, limit)
    distance = np.abs(y - centre) / s
    return tuple(
        Cell(float(above), OrderStatistics.of(distance[which == number]))
        for number, above in enumerate(edges)
    )


def _bin_edges(p: Floats, limit: float | None, n_bins: int) -> Floats:
    """Lower bounds of the bins of a prediction, the first -inf; bins with too few pairs are joined."""
    marks = 1 - 0.5 ** np.arange(1, n_bins)
    varied = p if limit is None else p[p > limit]
    inner = np.unique(np.quantile(varied, marks)) if len(varied) else np.empty(0)
    edges = np.concatenate([[-np.inf], inner])
    while len(edges) > 1:
        counts = np.bincount(np.searchsorted(edges, p, side="right") - 1, minlength=len(edges))
        small = np.flatnonzero(counts < MIN_POINTS)
        if not len(small):
            break
        edges = np.delete(edges, max(1, small[-1]))
    return edges


def censoring_limit(label: ArrayLike) -> float | None:
    """Limit at which an assay cut its labels off: the smallest, if `MIN_AT_LIMIT` of all and two or more equal it.

    Parameters
    ----------
    label
        (n,) training labels.

    Returns
    -------
    float or None
        The limit in the label's unit.

    Examples
    --------
    >>> censoring_limit([5.0, 5.0, 6.2, 7.1]), censoring_limit([5.1, 5.3, 6.2])
    (5.0, None)
    """
    y = finite_vector(label, "label")
    at = int((y == y.min()).sum()) if len(y) else 0
    return float(y.min()) if at >= max(2, MIN_AT_LIMIT * len(y)) and at < len(y) else None
