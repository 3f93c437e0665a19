"""Figures of predicted responses that the means cannot earn, with bootstrap intervals over lines.

The correlation of all pairs flatters: most of it is that some compounds are potent everywhere and some lines
sensitive to everything. Both are taken out here, from what was measured and from what was predicted.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray

from chem.errors import InputError

Matrix = Float[NDArray[np.float64], "n_lines n_compounds"]
Means = Float[NDArray[np.float64], " n_compounds"] | Matrix
MetricName = Literal["residual_r", "ndcg"]

MIN_LINES = 10
"""Lines that a compound needs for its correlation."""
_NOTHING = 1e-9
"""Spread, as a share of the predictions' size, below which a prediction is constant but for rounding."""


class Figure(NamedTuple):
    """A figure of every compound or line, and their mean.

    Attributes
    ----------
    each
        (n_compounds,) or (n_lines,) values, NaN where there is none.
    mean
        Over those that have one; NaN without any.
    """

    each: NDArray[np.float64]
    mean: float


class Interval(NamedTuple):
    """A figure and its bootstrap interval."""

    value: float
    lower: float
    upper: float


def residual_r(
    measured: Matrix, predicted: Matrix, compound_means: Means, min_lines: int = MIN_LINES
) -> Figure:
    """Residual correlation per compound: what is neither the compound's mean nor the line's.

    With d the compound's mean over training lines, y - d and p - d are taken; from each is subtracted its mean over
    the measured compounds of the same line; the two are correlated over lines, per compound. A number added to all
    predictions of a line changes nothing, nor does one added to those of a compound where every line was
    measured with the same compounds.

    Parameters
    ----------
    measured
        NaN where nothing was measured.
    predicted
        Of the same lines and compounds; what was not measured is not looked at.
    compound_means
        (n_compounds,) means over the training lines; or (n_lines, n_compounds) where lines were predicted by
        different folds.
    min_lines
        A compound measured in fewer lines has no figure.

    Returns
    -------
    Figure
        Correlations of the compounds, and their mean. A constant prediction has 0, for it says nothing; a constant
        measurement has none.

    Raises
    ------
    InputError
        Shapes differ, or a measured pair has no finite prediction.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> measured = rng.normal(size=(40, 3))
    >>> means = measured.mean(axis=0)
    >>> round(residual_r(measured, measured + rng.normal(size=(40, 1)), means).mean, 6)
    1.0
    >>> residual_r(measured, np.tile(means, (40, 1)), means).mean
    0.0
    """
    y, p, there = _residuals(measured, predicted, compound_means)
    each = _correlations(y, p, there, np.ones((1, len(y))), _size(predicted, there))[0]
    each = np.where(there.sum(axis=0) >= min_lines, each, np.nan)
    return Figure(each, _mean(each))


def ndcg_at(measured: Matrix, predicted: Matrix, compound_means: Means, k: int = 10) -> Figure:
    """Normalised discounted gain of the first `k` compounds of every line.

    The gain of a compound is how far the line lies below the compound's mean, d - y, brought to between 0 and 1 over
    the line's measured compounds; they are ranked by d - p. Compounds predicted alike share their places, so that
    the order of the columns does not matter.

    Parameters
    ----------
    measured, predicted, compound_means
        As in `residual_r`; low values are responses.
    k
        Places that count.

    Returns
    -------
    Figure
        Of the lines, and their mean; a line with fewer than `k` measured compounds has none.

    Raises
    ------
    InputError
        As `residual_r`.

    References
    ----------
    Jarvelin, K., Kekalainen, J. (2002) ACM Trans. Inf. Syst. 20:422; ties as in McSherry, F., Najork, M. (2008) ECIR.

    Examples
    --------
    >>> measured = np.array([[0.0, 1.0, 2.0]])
    >>> [round(ndcg_at(measured, p, np.zeros(3), k=2).mean, 3) for p in (measured, -measured, 0 * measured)]
    [1.0, 0.24, 0.62]
    """
    y, p, there = _residuals(measured, predicted, compound_means)
    p = np.round(p / _size(predicted, there), 9)
    each = np.array([_line_ndcg(-a[o], -b[o], k) for a, b, o in zip(y, p, there, strict=True)])
    return Figure(each, _mean(each))


def bootstrap_interval(
    measured: Matrix,
    predicted: Matrix,
    compound_means: Means,
    metric: MetricName = "residual_r",
    *,
    n_draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Figure of one prediction, with the percentile interval of lines drawn with replacement.

    Parameters
    ----------
    measured, predicted, compound_means
        As in `residual_r`.
    metric
        Which figure.
    n_draws, level, seed
        Of the bootstrap. Lines are drawn, for the values of one line are no independent witnesses.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> measured = rng.normal(size=(60, 4))
    >>> interval = bootstrap_interval(measured, measured + rng.normal(size=(60, 4)), np.zeros(4))
    >>> interval.lower < interval.value < interval.upper
    True
    """
    value, drawn = _drawn(measured, predicted, compound_means, metric, n_draws, seed)
    return _interval(value, drawn, level)


def bootstrap_difference(
    measured: Matrix,
    first: Matrix,
    second: Matrix,
    compound_means: Means,
    metric: MetricName = "residual_r",
    *,
    n_draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Figure of one prediction less that of another, with the interval of the same drawn lines for both.

    Parameters
    ----------
    measured, compound_means, metric, n_draws, level, seed
        As in `bootstrap_interval`.
    first, second
        The two predictions.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> measured = rng.normal(size=(60, 4))
    >>> near, far = (measured + scale * rng.normal(size=(60, 4)) for scale in (0.5, 2.0))
    >>> bootstrap_difference(measured, near, far, np.zeros(4)).lower > 0
    True
    """
    one, ones = _drawn(measured, first, compound_means, metric, n_draws, seed)
    other, others = _drawn(measured, second, compound_means, metric, n_draws, seed)
    return _interval(one - other, ones - others, level)


def _residuals(
    measured: Matrix, predicted: Matrix, means: Means
) -> tuple[Matrix, Matrix, Bool[NDArray[np.bool_], "n_lines n_compounds"]]:
    """Measured and predicted less d and the line's mean, 0 where nothing was measured; and where something was."""
    if (
        measured.shape != predicted.shape
        or np.broadcast_shapes(means.shape, measured.shape) != measured.shape
    ):
        raise InputError(
            f"predictions have the shape {predicted.shape} and means {means.shape}", field="predicted",
            expected=f"{measured.shape}, as what was measured, and a mean per compound",
        )  # fmt: skip
    there = ~np.isnan(measured)
    lost = there & ~np.isfinite(predicted - means)
    if lost.any():
        line, compound = np.argwhere(lost)[0]
        raise InputError(
            f"{lost.sum()} measured pairs have no finite prediction or mean, first line {line} and compound {compound}",
            field="predicted", expected="a prediction of every measured pair",
        )  # fmt: skip
    count = np.maximum(there.sum(axis=1, keepdims=True), 1)
    both = []
    for values in (measured, predicted):
        residual = np.where(there, values - means, 0.0)
        both.append(np.where(there, residual - residual.sum(axis=1, keepdims=True) / count, 0.0))
    return both[0], both[1], there


def _size(predicted: Matrix, there: NDArray[np.bool_]) -> float:
    return max(float(np.abs(predicted[there]).max(initial=0.0)), 1e-300)


def _correlations(
    y: Matrix, p: Matrix, there: NDArray[np.bool_], weight: NDArray[np.float64], size: float
) -> NDArray[np.float64]:
    """(n_draws, n_compounds) correlations over lines weighted by each row of `weight` (n_draws, n_lines)."""
    known = there.astype(float)
    n = np.maximum(weight @ known, 1e-300)
    of_lines = np.maximum(known.sum(axis=0), 1)
    y, p = (
        np.where(there, x - x.sum(axis=0) / of_lines, 0.0) for x in (y, p)
    )  # so that squares do not cancel
    sum_y, sum_p = weight @ y, weight @ p
    square_y, square_p = weight @ y**2 - sum_y**2 / n, weight @ p**2 - sum_p**2 / n
    varies_y = square_y > n * 1e-24 * max(float((y**2).max(initial=0.0)), 1e-300)
    varies_p = square_p > n * (_NOTHING * size) ** 2
    product = np.where(varies_y & varies_p, square_y * square_p, 1.0)
    r = (weight @ (y * p) - sum_y * sum_p / n) / np.sqrt(product)
    return np.where(varies_y, np.where(varies_p, np.clip(r, -1, 1), 0.0), np.nan)


def _line_ndcg(gain: NDArray[np.float64], score: NDArray[np.float64], k: int) -> float:
    if len(gain) < max(k, 2) or np.ptp(gain) == 0:
        return float("nan")
    gain = (gain - gain.min()) / np.ptp(gain)
    discount = np.where(np.arange(len(gain)) < k, 1 / np.log2(np.arange(len(gain)) + 2), 0.0)
    _, group, count = np.unique(-score, return_inverse=True, return_counts=True)
    shared = np.add.reduceat(discount, np.cumsum(count) - count) / count
    return float(gain @ shared[group] / (np.sort(gain)[::-1] @ discount))


def _drawn(
    measured: Matrix, predicted: Matrix, means: Means, metric: MetricName, n_draws: int, seed: int
) -> tuple[float, NDArray[np.float64]]:
    """Figure, and (n_draws,) the same of drawn lines: the same ones for every prediction with this seed."""
    n = len(measured)
    weight = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), n_draws).astype(float)
    if metric == "ndcg":
        each, value = ndcg_at(measured, predicted, means)
        known = ~np.isnan(each)
        total = weight[:, known].sum(axis=1)
        return value, weight[:, known] @ each[known] / np.where(total > 0, total, np.nan)
    each, value = residual_r(measured, predicted, means)
    chosen = ~np.isnan(each)
    y, p, there = _residuals(measured, predicted, means)
    drawn = _correlations(y[:, chosen], p[:, chosen], there[:, chosen], weight, _size(predicted, there))
    known = ~np.isnan(drawn)
    return value, np.where(known, drawn, 0).sum(axis=1) / np.where(
        known.any(axis=1), known.sum(axis=1), np.nan
    )


def _interval(value: float, drawn: NDArray[np.float64], level: float) -> Interval:
    if np.isnan(drawn).all():  # as where no line has enough compounds
        return Interval(value, float("nan"), float("nan"))
    lower, upper = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(lower), float(upper))


def _mean(each: NDArray[np.float64]) -> float:
    known = each[~np.isnan(each)]
    return float(known.mean()) if len(known) else float("nan")
