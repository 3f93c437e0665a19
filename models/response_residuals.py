"""Responses taken apart, with the interaction of every compound brought to one spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chem.errors import InputError
from models.response_parts import ResponseParts

Array = NDArray[np.float64]
MIN_VALUES = 3
"""Values of a compound, without which it has no spread."""


@dataclass(frozen=True)
class Residuals:
    """A response table taken apart.

    Attributes
    ----------
    compound_mean
        (compounds,) mean over lines, corrected for which lines were measured.
    profile_mean
        (lines,) mean over the compounds measured of what that leaves.
    scale
        (compounds,) standard deviation of the interaction.
    standard
        (lines, compounds) interaction divided by `scale`, NaN where nothing was measured.
    """

    compound_mean: Array
    profile_mean: Array
    scale: Array
    standard: Array

    @classmethod
    def of(cls, values: Array) -> Residuals:
        """Take apart (lines, compounds), every line with a value.

        Examples
        --------
        >>> parts = Residuals.of(np.array([[0.0, 1.0], [2.0, 5.0]]))
        >>> parts.compound_mean.tolist(), parts.profile_mean.tolist(), parts.standard.tolist()
        ([1.0, 3.0], [-1.5, 1.5], [[1.0, -1.0], [-1.0, 1.0]])
        """
        parts = ResponseParts.of(values)
        offset, scale = np.nanmean(parts.interaction, axis=0), np.nanstd(parts.interaction, axis=0)
        scale = np.where(scale > 1e-9, scale, 1.0)
        return cls(
            parts.compound_means + offset, parts.line_means, scale, (parts.interaction - offset) / scale
        )


def checked_values(values: Array) -> Array:
    """Responses (lines, compounds) in float64, fit to be learned from.

    Raises
    ------
    InputError
        They are no table, a value is infinite, or a compound has fewer than `MIN_VALUES`.
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 2 or np.isinf(values).any():
        raise InputError("responses are no table of numbers", expected="(lines, compounds), NaN for missing")
    few = np.flatnonzero((~np.isnan(values)).sum(axis=0) < MIN_VALUES)
    if len(few):
        raise InputError(
            "the compound has too few values", record=int(few[0]) + 1, expected=f"{MIN_VALUES} or more",
            hint="leave it out",
        )  # fmt: skip
    return values
