"""Ridge regression over all cells of a table of lines and compounds, in one solve.

The covariance of two cells is that of their lines times that of their compounds: a Gaussian process that shares what
it learns between compounds (the intrinsic model of coregionalisation). With every cell measured, the eigenvectors of
the two kernels solve it. Missing cells are filled with the fit and solved again, an EM whose fixed point is the
exact answer for the cells that were measured.

References
----------
Bonilla, E. et al. (2007) Multi-task Gaussian process prediction, NIPS 20. Stegle, O. et al. (2011) Efficient inference
in matrix-variate Gaussian models with iid observation noise, NIPS 24.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def compound_correlation(response: Array, shrinkage: float = 0.0) -> Array:
    """Correlation of compounds over the lines that both were measured on, shrunk to the identity.

    Parameters
    ----------
    response
        (lines, compounds) of mean 0 per compound, NaN where nothing was measured.
    shrinkage
        Weight of the identity, from 0 to 1.

    Returns
    -------
    Array
        (compounds, compounds), positive semidefinite: missing cells can make negative eigenvalues, which are cut off.

    Examples
    --------
    >>> response = np.array([[1.0, 2.0], [-1.0, -2.0], [1.0, np.nan]])
    >>> compound_correlation(response, 0.4).round(2).tolist()
    [[1.0, 0.6], [0.6, 1.0]]
    """
    there = ~np.isnan(response)
    filled = np.where(there, response, 0.0)
    covariance = filled.T @ filled / np.maximum(there.T.astype(float) @ there, 1)
    sd = np.sqrt(np.maximum(np.diag(covariance), 1e-12))
    values, vectors = np.linalg.eigh(covariance / np.outer(sd, sd))
    positive = (vectors * np.maximum(values, 0)) @ vectors.T
    return np.asarray((1 - shrinkage) * positive + shrinkage * np.eye(len(positive)))


@dataclass(frozen=True)
class KroneckerFit:
    """A solved regression.

    Attributes
    ----------
    weights
        (lines, compounds): predictions are ``kernel of new and training lines @ weights``.
    fitted
        (lines, compounds) predictions for the training lines.
    """

    weights: Array
    fitted: Array


def fit_kronecker(
    lines: Array, compounds: Array, response: Array, *, noise: float, n_rounds: int = 8
) -> KroneckerFit:
    """Solve the regression.

    Parameters
    ----------
    lines, compounds
        Kernels (lines, lines) and (compounds, compounds).
    response
        (lines, compounds), NaN where nothing was measured.
    noise
        Variance of the noise of a cell.
    n_rounds
        Solves, where cells are missing; a few regularise a little, hundreds give the exact answer.

    Examples
    --------
    >>> fit = fit_kronecker(np.eye(1), np.eye(1), np.array([[2.0]]), noise=1.0)
    >>> fit.fitted.round(6).tolist()
    [[1.0]]
    """
    there = ~np.isnan(response)
    complete = np.where(there, response, 0.0)
    line_values, line_vectors = np.linalg.eigh(lines)
    values, vectors = np.linalg.eigh(compounds)
    signal = np.outer(np.maximum(line_values, 0), np.maximum(values, 0))
    for _ in range(1 if there.all() else n_rounds):
        dual = line_vectors.T @ complete @ vectors / (signal + noise)
        fitted = line_vectors @ (dual * signal) @ vectors.T
        complete = np.where(there, response, fitted)
    dual = line_vectors @ (line_vectors.T @ complete @ vectors / (signal + noise)) @ vectors.T
    return KroneckerFit(dual @ compounds, fitted)
