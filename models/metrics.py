"""Figures that say how good predictions are."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats


def mean_squared_error(label: ArrayLike, prediction: ArrayLike) -> float:
    """Mean of the squared differences.

    Examples
    --------
    >>> mean_squared_error([1, 2], [1, 4])
    2.0
    """
    return float(np.mean((np.asarray(label, float) - np.asarray(prediction, float)) ** 2))


def pearson_r(label: ArrayLike, prediction: ArrayLike) -> float:
    """Pearson correlation, NaN where one of the two is constant.

    Examples
    --------
    >>> pearson_r([1, 2, 3], [2, 4, 6])
    1.0
    """
    x, y = np.asarray(label, float), np.asarray(prediction, float)
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(round(np.corrcoef(x, y)[0, 1], 12))


def concordance_index(label: ArrayLike, prediction: ArrayLike) -> float:
    """Share of pairs with different labels that the predictions put in the same order, ties half.

    Counted in n log n through ranks (Christensen 2005's Kendall counting).

    References
    ----------
    Gonen, M., Heller, G. (2005) Biometrika 92:965, as used by DeepDTA.

    Examples
    --------
    >>> concordance_index([1, 2, 3], [1, 3, 2])
    0.6666666666666666
    """
    x, y = np.asarray(label, float), np.asarray(prediction, float)
    n = len(x)
    total = n * (n - 1) // 2 - _tied_pairs(x)
    if total == 0:
        return float("nan")
    order = np.lexsort((y, x))
    ranks = stats.rankdata(y[order], method="dense").astype(np.int64)
    discordant = _inversions(ranks)
    tied_prediction = _tied_pairs(y) - _tied_pairs(np.column_stack([x, y]))
    return float((total - discordant - tied_prediction + 0.5 * tied_prediction) / total)


def _tied_pairs(values: NDArray[np.float64]) -> int:
    counts = np.unique(values, axis=0, return_counts=True)[1].astype(np.int64)
    return int((counts * (counts - 1) // 2).sum())


def _inversions(ranks: NDArray[np.int64]) -> int:
    """Pairs in which the earlier rank is strictly greater, by merge sort."""
    if len(ranks) < 2:
        return 0
    middle = len(ranks) // 2
    left, right = ranks[:middle], ranks[middle:]
    across = len(left) * len(right) - int(np.searchsorted(np.sort(right), np.sort(left), "left").sum())
    return _inversions(left) + _inversions(right) + len(left) * len(right) - across


def mean_interval(values: ArrayLike, level: float = 0.95) -> tuple[float, float, float]:
    """Mean over folds with its t interval.

    Returns
    -------
    tuple[float, float, float]
        Mean, lower, upper; the bounds are NaN for a single value.

    Examples
    --------
    >>> [round(x, 3) for x in mean_interval([1.0, 2.0, 3.0])]
    [2.0, -0.484, 4.484]
    """
    x = np.asarray(values, float)
    mean = float(x.mean())
    if len(x) < 2:
        return mean, float("nan"), float("nan")
    half = float(stats.t.ppf(0.5 + level / 2, len(x) - 1) * x.std(ddof=1) / np.sqrt(len(x)))
    return mean, mean - half, mean + half


REGRESSION_METRICS = {"mse": mean_squared_error, "pearson_r": pearson_r, "concordance": concordance_index}
"""Names of the figures in metrics.tsv and how each is computed from labels and predictions."""
