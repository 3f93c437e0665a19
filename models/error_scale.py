"""The expected size of the error of each pair, by which its interval is scaled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from chem.errors import InputError
from models.vectors import Floats, finite_vector, refuse, require_same_length

KNOTS = (0.0, 0.25, 0.5, 0.75, 0.875, 0.9375, 0.97, 1.0)
"""Quantiles of the prediction between which the error changes linearly; denser where labels are rare."""
LEAST_SHARE = 0.05
"""Smallest scale, as a share of the mean absolute residual: a spread of 0 does not mean an error of 0."""


@dataclass(frozen=True)
class ErrorScale:
    """Mean absolute error: piecewise linear in the prediction, plus a share of the ensemble's spread.

    Attributes
    ----------
    knots, heights
        (n_knots,) predictions and the error at each without a spread, in the label's unit.
    slope
        Error per unit of the spread; 0 where the spread says nothing that the prediction does not.
    least
        Smallest scale given.
    with_spread
        Whether it was fitted with a spread.

    Examples
    --------
    >>> fit = ErrorScale.fit([0.2, -0.4, 0.6], [7.0, 7.0, 7.0], [0.0, 1.0, 2.0])
    >>> fit.scale([7.0], [3.0]).round(6).tolist()
    [0.8]
    """

    knots: Floats
    heights: Floats
    slope: float
    least: float
    with_spread: bool

    @classmethod
    def fit(cls, residual: ArrayLike, prediction: ArrayLike, spread: ArrayLike | None = None) -> ErrorScale:
        """Least squares of the absolute residuals, no term below 0.

        Parameters
        ----------
        residual, prediction
            (n,) of held-out pairs, residuals being label minus prediction.
        spread
            (n,) standard deviation of the prediction over the members of the ensemble.

        Raises
        ------
        InputError
            Unequal lengths, no pair, a value that is not finite, a spread below 0.

        References
        ----------
        Papadopoulos, Gammerman, Vovk (2008) AIA 64 (normalised distances); Lawson, Hanson (1974) Solving Least
        Squares Problems, ch. 23.
        """
        from scipy.optimize import nnls

        r, p = finite_vector(residual, "residual"), finite_vector(prediction, "prediction")
        s = np.zeros(len(r)) if spread is None else finite_vector(spread, "spread")
        require_same_length(residual=r, prediction=p, spread=s)
        refuse(s < 0, s, "spread", "a standard deviation")
        if not len(r):
            raise InputError("there is no residual to fit a scale to", expected="held-out pairs")
        knots = np.unique(np.quantile(p, KNOTS))
        coefficients, _ = nnls(np.column_stack([_hats(p, knots), s]), np.abs(r))
        mean = float(np.abs(r).mean())
        least = LEAST_SHARE * mean if mean > 0 else 1.0
        return cls(knots, coefficients[:-1], float(coefficients[-1]), least, spread is not None)

    def scale(self, prediction: ArrayLike, spread: ArrayLike | None = None) -> Floats:
        """(n,) positive scales in the label's unit; NaN where the prediction is.

        Raises
        ------
        InputError
            A spread given or missing unlike in `fit`.
        """
        if (spread is not None) != self.with_spread:
            raise InputError(
                "the spread is missing" if self.with_spread else "a spread is given", field="spread",
                expected="one as in the fit" if self.with_spread else "none, as in the fit",
            )  # fmt: skip
        size = np.interp(np.asarray(prediction, float), self.knots, self.heights)
        if spread is not None:
            require_same_length(prediction=size, spread=spread)
            size = size + self.slope * np.asarray(spread, float)
        return np.maximum(size, self.least)

    def to_dict(self) -> dict[str, Any]:
        """As plain numbers for a JSON card."""
        return {
            "knots": self.knots.tolist(),
            "heights": self.heights.tolist(),
            "slope": self.slope,
            "least": self.least,
            "with_spread": self.with_spread,
        }

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> ErrorScale:
        """Read what `to_dict` wrote."""
        return cls(
            np.array(plain["knots"], float),
            np.array(plain["heights"], float),
            float(plain["slope"]),
            float(plain["least"]),
            bool(plain["with_spread"]),
        )


def _hats(p: Floats, knots: Floats) -> Floats:
    """(n, n_knots) weights with which each prediction lies between its two knots."""
    return np.column_stack([np.interp(p, knots, unit) for unit in np.eye(len(knots))])
