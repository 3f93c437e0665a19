"""One ridge regression per compound on named markers, each with a prior variance of its own.

A marker that goes with a compound's response in the training lines (t value `t`) may have an effect of variance
``max(t^2 - 2, 0)^2``, others none. So few strong markers, as BRAF mutations are for BRAF inhibitors, keep their
whole effect where a plain ridge spreads it over all genes. The result is linear: one weight per marker and compound.

Shapes
------
markers (lines, markers), response (lines, compounds) with NaN for missing, weights (markers, compounds).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float64]
N_MARKERS = 300
"""Markers of one compound at most."""
RIDGE = 3.0
"""Noise, in units of the mean diagonal of a compound's kernel."""
THRESHOLD = 2.0
"""Squared t value from which on a marker has an effect; 1 is what chance gives on average."""


def association_t(markers: Array, response: Array) -> Array:
    """T values of the correlation of every marker with every compound, over the lines measured.

    Parameters
    ----------
    markers
        (lines, markers).
    response
        (lines, compounds), NaN where nothing was measured.

    Returns
    -------
    Array
        (markers, compounds); 0 where a marker or a response does not vary, or fewer than 3 lines were measured.

    Examples
    --------
    >>> t = association_t(np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([[0.0], [1.0], [1.0], [2.0]]))
    >>> t.round(3).tolist()
    [[4.243]]
    """
    measured = ~np.isnan(response)
    there, y = measured.astype(float), np.where(measured, response, 0.0)
    x = markers - markers.mean(axis=0)
    n = np.maximum(there.sum(axis=0), 1)
    shared = x.T @ y - (x.T @ there) * y.sum(axis=0) / n
    x_squares = (x**2).T @ there - (x.T @ there) ** 2 / n
    y_squares = (y**2).sum(axis=0) - y.sum(axis=0) ** 2 / n
    size = np.sqrt(np.maximum(x_squares, 0) * np.maximum(y_squares, 0))
    varies = (x_squares > 1e-9) & (y_squares > 1e-9) & (n > 2)
    r = np.divide(shared, size, out=np.zeros_like(shared), where=varies).clip(-0.99, 0.99)
    return np.asarray(r * np.sqrt(np.maximum(n - 2, 0) / (1 - r**2)))


@dataclass(frozen=True)
class MarkerRidge:
    """A fitted regression.

    Attributes
    ----------
    mean
        (markers,) float32 of the training lines.
    weights
        (markers, compounds) float32 change of the response per unit of the marker.
    """

    mean: NDArray[np.float32]
    weights: NDArray[np.float32]

    @classmethod
    def fit(cls, markers: Array, response: Array) -> MarkerRidge:
        """Fit one regression per compound.

        Parameters
        ----------
        markers
            (lines, markers), none missing.
        response
            (lines, compounds) of mean about 0, NaN where nothing was measured.
        """
        mean, sd = markers.mean(axis=0), markers.std(axis=0)
        sd = np.where(sd > 1e-9, sd, np.inf)
        standard = (markers - mean) / sd
        variance = np.maximum(association_t(standard, response) ** 2 - THRESHOLD, 0) ** 2
        weights = np.stack(
            [_compound_weights(standard, y, v) for y, v in zip(response.T, variance.T, strict=True)], axis=1
        )
        return cls(mean.astype(np.float32), (weights / sd[:, None]).astype(np.float32))

    def predict(self, markers: Float[Tensor, "lines markers"]) -> Float[Tensor, "lines compounds"]:
        """Predicted responses, of mean 0 over the training lines."""
        return (markers - torch.from_numpy(self.mean)) @ torch.from_numpy(self.weights).double()

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays to keep on disk."""
        return {"mean": self.mean, "weights": self.weights}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> MarkerRidge:
        """Read what `to_arrays` wrote."""
        return cls(arrays["mean"], arrays["weights"])


def _compound_weights(markers: Array, response: Array, variance: Array) -> Array:
    """(markers,) posterior means of the effects on one compound; solved in the lines, fewer than markers."""
    weights = np.zeros(len(variance))
    strongest = np.argsort(-variance, kind="stable")[:N_MARKERS]
    chosen = strongest[variance[strongest] > 0]
    if len(chosen) == 0:
        return weights
    measured = ~np.isnan(response)
    x = markers[np.ix_(measured, chosen)]
    kernel = (x * variance[chosen]) @ x.T
    noise = RIDGE * np.diag(kernel).mean() * np.eye(len(kernel))
    weights[chosen] = variance[chosen] * (x.T @ np.linalg.solve(kernel + noise, response[measured]))
    return weights
