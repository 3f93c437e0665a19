"""Gaussian process regression on a given kernel: weights, leave-one-out values, settings chosen by them, relevance.

A label is scaled to mean 0 and variance 1, its kernel has 1 on the diagonal, and `noise` is the variance of what no
kernel explains. The predictive mean is that of kernel ridge regression. Leave-one-out values follow from the inverse
without another fit, so the settings of a kernel can be chosen on them.

References
----------
Rasmussen and Williams (2006) Gaussian Processes for Machine Learning, equations 2.23, 5.12 and 8.14. Radhakrishnan et
al. (2024) Science 383:1461 (features weighed by the mean squared gradient of a fitted kernel machine).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, lapack

from chem.errors import InputError

Matrix = NDArray[np.float64]
_JITTER = 1e-8


def rational_quadratic(squares: NDArray[np.floating], width: float) -> NDArray[np.floating]:
    """``1 / (1 + squares / width)`` of squared distances: a mixture of Gaussian kernels of all widths.

    Examples
    --------
    >>> rational_quadratic(np.array([0.0, 3.0]), 1.0).tolist()
    [1.0, 0.25]
    """
    return 1 / (1 + squares / width)


def inducing_weights(
    kernel: Matrix, rows: Iterable[tuple[Matrix, Matrix]], noise: float, n_labels: int = 1
) -> Matrix:
    """(m, n_labels) weights of m inducing points that fit more rows than could be solved exactly.

    Parameters
    ----------
    kernel
        (m, m) of the inducing points.
    rows
        Blocks of kernel (k, m) of training rows with the inducing points, and of their values (k, n_labels).
    noise
        Above 0.
    n_labels
        Columns of the values.

    Raises
    ------
    InputError
        The noise is not above 0.

    References
    ----------
    Subset of regressors: Rasmussen and Williams, equation 8.14.
    """
    _require_noise(noise)
    gram, right = noise * kernel, np.zeros((len(kernel), n_labels))
    for block, values in rows:
        gram += block.T @ block
        right += block.T @ values
    gram[np.diag_indices(len(gram))] += _JITTER * np.trace(gram) / len(gram)
    return np.asarray(cho_solve(cho_factor(gram, lower=True, overwrite_a=True), right))


def leave_one_out(kernel: Matrix, values: Matrix, noise: float) -> tuple[Matrix, Matrix]:
    """Weights, and what each row is predicted to be by all others.

    Parameters
    ----------
    kernel
        (n, n), not changed.
    values
        (n, n_labels), scaled.
    noise
        Above 0.

    Returns
    -------
    weights, predicted
        Both (n, n_labels).

    Raises
    ------
    InputError
        The noise is not above 0.

    Examples
    --------
    >>> leave_one_out(np.array([[1.0, 0.5], [0.5, 1.0]]), np.array([[1.0], [-1.0]]), 0.25)[1].round(3).tolist()
    [[-0.4], [0.4]]
    """
    _require_noise(noise)
    system = np.array(kernel, np.float64, order="F")
    system[np.diag_indices(len(system))] += noise
    factor, _ = cho_factor(system, lower=True, overwrite_a=True)
    found = cho_solve((factor, True), values)
    inverse, _ = lapack.dpotri(factor, lower=1, overwrite_c=1)
    return found, values - found / np.diag(inverse)[:, None]


def choose_settings(
    error: Callable[[tuple[float, ...]], float], grids: Sequence[Sequence[float]], start: Sequence[float]
) -> tuple[float, ...]:
    """Settings of least error, found one at a time over grids, twice round.

    Parameters
    ----------
    error
        Of settings; asked once for each.
    grids
        Values of each setting.
    start
        Where to start.

    Examples
    --------
    >>> choose_settings(lambda at: (at[0] - at[1]) ** 2 + at[0], [(1, 2, 3), (1, 2, 3)], (3, 2))
    (1, 1)
    """
    known: dict[tuple[float, ...], float] = {}

    def once(settings: tuple[float, ...]) -> float:
        if settings not in known:
            known[settings] = error(settings)
        return known[settings]

    best = tuple(start)
    for _ in range(2):
        for place, grid in enumerate(grids):
            best = min([best, *((*best[:place], value, *best[place + 1 :]) for value in grid)], key=once)
    return best


def squared_gradients(points: Matrix, found: Matrix, width: float) -> NDArray[np.float64]:
    """(n_features, n_labels) mean squared derivatives at the training rows of what a rational quadratic kernel predicts.

    Parameters
    ----------
    points
        (n, n_features) of the training rows.
    found
        (n, n_labels) weights.
    width
        Of the kernel.
    """
    slope = -2 / width * rational_quadratic(squared_distances(points, points), width) ** 2
    result = []
    for column in found.T:
        pull = slope * column
        gradient = points * pull.sum(axis=1, keepdims=True) - pull @ points
        result.append((gradient**2).mean(axis=0))
    return np.array(result).T


def squared_distances(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.floating]:
    """(n, m) squared distances of the rows of two matrices, in their precision.

    Examples
    --------
    >>> squared_distances(np.zeros((1, 2)), np.array([[3.0, 4.0]])).tolist()
    [[25.0]]
    """
    squares = a @ b.T
    squares *= -2
    squares += (a**2).sum(axis=1)[:, None]
    squares += (b**2).sum(axis=1)
    return np.maximum(squares, 0, out=squares)


def _require_noise(noise: float) -> None:
    if not noise > 0:
        raise InputError(f"a noise of {noise}", field="noise", expected="a variance above 0")
