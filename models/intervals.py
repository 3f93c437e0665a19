"""Ready-made intervals of an endpoint: the expected error of each pair, and conformal calibration of the rest.

`Intervals` is what a model card keeps. `cross_conformal` fits it on all folds but one and bounds that one's
labels, over and over: what comes out is measured by `models.coverage`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from models.conformal import Conformal, censoring_limit
from models.error_scale import KNOTS, ErrorScale
from models.vectors import Floats, finite_vector, require_same_length, require_two_folds

MIN_PAIRS_FOR_SCALE = 50 * (len(KNOTS) + 1)
"""Pairs from which an `ErrorScale` is fitted; with fewer its own error would eat into the coverage."""


@dataclass(frozen=True)
class Intervals:
    """Calibrated intervals of one endpoint in one setting.

    Attributes
    ----------
    conformal
        Calibrated distances.
    scale
        Expected errors they are in units of, or None.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> prediction = rng.uniform(size=5000)
    >>> label = prediction + prediction * rng.normal(size=5000)
    >>> lower, upper = Intervals.fit(label, prediction).interval([0.1, 0.9])
    >>> (upper - lower).round(1).tolist()
    [0.3, 3.0]
    """

    conformal: Conformal
    scale: ErrorScale | None

    @classmethod
    def fit(
        cls,
        label: ArrayLike,
        prediction: ArrayLike,
        spread: ArrayLike | None = None,
        group: ArrayLike | None = None,
        *,
        n_bins: int = 5,
    ) -> Intervals:
        """Calibrate on out-of-fold predictions.

        Parameters
        ----------
        label, prediction
            (n,) of pairs that the predicting model has not seen.
        spread
            (n,) standard deviation over the ensemble's members, of as many members as there will be.
        group
            (n,) names, each calibrated on its own (`similarity_group`).
        n_bins
            As in `Conformal.fit`.

        Raises
        ------
        InputError
            Unequal lengths, a value that is not finite, a spread below 0.
        """
        y, p = finite_vector(label, "label"), finite_vector(prediction, "prediction")
        require_same_length(label=y, prediction=p, spread=spread, group=group)
        limit = censoring_limit(y)
        scale, sizes = None, None
        if len(y) >= MIN_PAIRS_FOR_SCALE:
            centre = p if limit is None else np.maximum(p, limit)
            scale = ErrorScale.fit(y - centre, p, spread)
            sizes = scale.scale(p, spread)
        conformal = Conformal.fit(y, p, sizes, group, limit=limit, n_bins=n_bins)
        return cls(conformal, scale)

    def interval(
        self,
        prediction: ArrayLike,
        level: float = 0.9,
        spread: ArrayLike | None = None,
        group: ArrayLike | None = None,
    ) -> tuple[Floats, Floats]:
        """Bounds of new pairs' labels, (n,) each, as `Conformal.interval` gives them.

        Parameters
        ----------
        prediction, level
            (n,) predictions in the label's unit, and the coverage asked for.
        spread, group
            (n,) as in `fit`.

        Raises
        ------
        InputError
            A level outside 0 to 1; a spread given or missing unlike in `fit`.
        """
        sizes = None if self.scale is None else self.scale.scale(prediction, spread)
        return self.conformal.interval(prediction, level, sizes, group)

    def to_dict(self) -> dict[str, Any]:
        """As plain numbers for a JSON card."""
        return {
            "conformal": self.conformal.to_dict(),
            "scale": None if self.scale is None else self.scale.to_dict(),
        }

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Intervals:
        """Read what `to_dict` wrote."""
        scale = None if plain["scale"] is None else ErrorScale.from_dict(plain["scale"])
        return cls(Conformal.from_dict(plain["conformal"]), scale)


def cross_conformal(
    label: ArrayLike,
    prediction: ArrayLike,
    fold: ArrayLike,
    level: float = 0.9,
    *,
    spread: ArrayLike | None = None,
    group: ArrayLike | None = None,
    n_bins: int = 5,
) -> tuple[Floats, Floats]:
    """Intervals of out-of-fold predictions, those of each fold calibrated on the other folds.

    What they cover is what `Intervals`, fitted on all folds, can be expected to cover on a further one.

    Parameters
    ----------
    label, prediction, fold
        (n,) out-of-fold pairs.
    level
        Coverage asked for.
    spread, group, n_bins
        As in `Intervals.fit`.

    Returns
    -------
    lower, upper
        (n,) in the label's unit.

    Raises
    ------
    InputError
        As in `Intervals.fit`, or there are fewer than two folds.

    References
    ----------
    Vovk (2015) Ann. Math. Artif. Intell. 74:9-28.
    """
    y, p, folds = finite_vector(label, "label"), finite_vector(prediction, "prediction"), np.asarray(fold)
    s = None if spread is None else finite_vector(spread, "spread")
    g = None if group is None else np.asarray(group).astype(str)
    require_same_length(label=y, prediction=p, fold=folds, spread=s, group=g)
    require_two_folds(folds)
    lower, upper = np.empty(len(y)), np.empty(len(y))
    for number in np.unique(folds):
        rest, here = np.flatnonzero(folds != number), np.flatnonzero(folds == number)
        spreads = (None, None) if s is None else (s[rest], s[here])
        groups = (None, None) if g is None else (g[rest], g[here])
        fitted = Intervals.fit(y[rest], p[rest], spreads[0], groups[0], n_bins=n_bins)
        lower[here], upper[here] = fitted.interval(p[here], level, spreads[1], groups[1])
    return lower, upper


def similarity_group(similarity: ArrayLike, edges: ArrayLike = (0.3, 0.4, 0.5, 0.6, 0.7)) -> list[str]:
    """Names of the bins of similarity that pairs fall into, for `Intervals.fit` and `models.coverage`.

    Parameters
    ----------
    similarity
        (n,) similarity to the nearest training molecule or protein.
    edges
        Ascending bounds; a bin holds its lower one.

    Returns
    -------
    list[str]
        n names; ``"unknown"`` where the similarity is NaN.

    Examples
    --------
    >>> similarity_group([0.1, 0.4, 1.0, float("nan")], [0.4, 0.7])
    ['below 0.4', '0.4 to 0.7', 'from 0.7', 'unknown']
    """
    bounds = [f"{edge:g}" for edge in np.asarray(edges, float)]
    middle = [f"{low} to {high}" for low, high in pairwise(bounds)]
    names = [f"below {bounds[0]}", *middle, f"from {bounds[-1]}"]
    values = np.asarray(similarity, float)
    which = np.searchsorted(np.asarray(edges, float), values, side="right")
    return ["unknown" if np.isnan(v) else names[k] for k, v in zip(which, values, strict=True)]
