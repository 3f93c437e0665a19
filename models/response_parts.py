"""Responses taken apart into means and interactions, and features of lines brought to a scale, for plain models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from chem.errors import InputError

Matrix = NDArray[np.float64]
Responses = Float[NDArray[np.float64], "n_lines n_compounds"]
Features = Float[NDArray[np.float64], "n_lines n_features"]


@dataclass(frozen=True)
class ResponseParts:
    """Responses taken apart.

    Attributes
    ----------
    compound_means
        (n_compounds,) means over the lines; of a compound that was not measured, the mean of the others.
    line_means
        (n_lines,) means over the measured compounds of what is left; NaN without any.
    interaction
        (n_lines, n_compounds) the rest, NaN where nothing was measured.
    """

    compound_means: Float[NDArray[np.float64], " n_compounds"]
    line_means: Float[NDArray[np.float64], " n_lines"]
    interaction: Responses

    @classmethod
    def of(cls, values: Responses) -> ResponseParts:
        """Take responses apart.

        Raises
        ------
        InputError
            Nothing was measured.

        Examples
        --------
        >>> parts = ResponseParts.of(np.array([[1.0, 5.0], [3.0, 7.0], [np.nan, 6.0]]))
        >>> parts.compound_means.tolist(), parts.line_means.tolist()
        ([2.0, 6.0], [-1.0, 1.0, 0.0])
        """
        there = ~np.isnan(values)
        if not there.any():
            raise InputError("no response was measured", field="values", expected="numbers for some lines")
        total = np.where(there, values, 0).sum(axis=0)
        means = np.divide(total, there.sum(axis=0), out=np.full(len(total), np.nan), where=there.any(axis=0))
        means = np.where(np.isnan(means), np.nanmean(means), means)
        rest = np.where(there, values - means, 0).sum(axis=1)
        lines = np.divide(rest, there.sum(axis=1), out=np.full(len(rest), np.nan), where=there.any(axis=1))
        return cls(means, lines, values - means - lines[:, None])

    @property
    def targets(self) -> Matrix:
        """(n_lines, n_compounds + 1) interactions, and the line's mean as the last."""
        return np.column_stack([self.interaction, self.line_means])


@dataclass(frozen=True)
class FeatureScale:
    """Features filled, centred and, where asked for, standardised, all by the training lines.

    Attributes
    ----------
    used
        Columns that vary among the training lines.
    centre, spread
        Their means, and what they are divided by.
    """

    used: NDArray[np.int64]
    centre: NDArray[np.float64]
    spread: NDArray[np.float64]

    @classmethod
    def fit(cls, features: Features, *, standardised: NDArray[np.bool_]) -> FeatureScale:
        """Take means, and standard deviations of the columns that are to be `standardised` (n_features,)."""
        there = ~np.isnan(features)
        centre = np.where(there, features, 0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
        off = np.where(there, features - centre, 0)
        used = np.flatnonzero(np.abs(off).max(axis=0, initial=0.0) > 1e-12 * np.abs(centre))
        spread = np.where(standardised[used], off[:, used].std(axis=0), 1.0)
        return cls(used, centre[used], spread)

    def __call__(self, features: Features) -> Matrix:
        """(n_lines, n_used) float64 without gaps: what is missing is 0, the training lines' mean."""
        return np.nan_to_num((features[:, self.used] - self.centre) / self.spread, nan=0.0)
