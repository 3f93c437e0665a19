"""Figures that say how good predictions are."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from chem.errors import InputError


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


def rm2(label: ArrayLike, prediction: ArrayLike) -> float:
    """Modified squared correlation r_m^2 = r^2 (1 - sqrt(|r^2 - r_0^2|)), NaN where one of the two is constant.

    r^2 is the squared Pearson correlation, r_0^2 the determination by the line through the origin,
    label = k prediction.

    References
    ----------
    Roy, K. et al. (2013) J. Comput. Chem. 34:1071, doi:10.1002/jcc.23231.

    Examples
    --------
    >>> rm2([1, 2, 3], [1, 2, 3])
    1.0
    """
    r2, r02 = _correlations(label, prediction)
    return r2 * (1 - abs(r2 - r02) ** 0.5)


def rm2_deepdta(label: ArrayLike, prediction: ArrayLike) -> float:
    """Compute r_m^2 as the scripts of DeepDTA and its successors do: r^2 (1 - sqrt(|(r^2)^2 - (r_0^2)^2|)).

    They square r^2 and r_0^2 once more than Roy's formula, so only this form stands beside published figures.

    References
    ----------
    Ozturk, H. et al. (2018) Bioinformatics 34:i821, and its script emetrics.py.

    Examples
    --------
    >>> label, prediction = [1.0, 2.0, 4.0], [1.5, 2.0, 3.0]
    >>> round(rm2(label, prediction), 3), round(rm2_deepdta(label, prediction), 3)
    (0.556, 0.404)
    """
    r2, r02 = _correlations(label, prediction)
    return r2 * (1 - abs(r2**2 - r02**2) ** 0.5)


def _correlations(label: ArrayLike, prediction: ArrayLike) -> tuple[float, float]:
    """r^2 and r_0^2 of `rm2`."""
    y, p = np.asarray(label, float), np.asarray(prediction, float)
    r2 = pearson_r(y, p) ** 2
    if np.isnan(r2):
        return r2, r2
    slope = (y @ p) / (p @ p)
    return r2, float(1 - np.sum((y - slope * p) ** 2) / np.sum((y - y.mean()) ** 2))


def auroc(positive: ArrayLike, score: ArrayLike) -> float:
    """Area under the receiver operating characteristic, ties half; NaN unless both classes are there.

    Parameters
    ----------
    positive
        (n,) whether each row is of the positive class: booleans or 0 and 1.
    score
        (n,) the higher, the more likely positive.

    References
    ----------
    Hanley, J. A., McNeil, B. J. (1982) Radiology 143:29.

    Examples
    --------
    >>> auroc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    hit = _positive(positive)
    n_positive, n_negative = int(hit.sum()), int((~hit).sum())
    if n_positive == 0 or n_negative == 0:
        return float("nan")
    rank = stats.rankdata(np.asarray(score, float))
    return float((rank[hit].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def aupr(positive: ArrayLike, score: ArrayLike) -> float:
    """Area under the precision-recall curve as its step sum (average precision); NaN without a positive.

    Rows of equal score enter together, so the order of tied rows does not matter.

    Parameters
    ----------
    positive
        (n,) whether each row is of the positive class: booleans or 0 and 1. Of affinities,
        ``label >= AFFINITY_THRESHOLDS[name]``.
    score
        (n,) the higher, the more likely positive.

    References
    ----------
    Davis, J., Goadrich, M. (2006) ICML, 233 (why not the trapezoid).

    Examples
    --------
    >>> round(aupr([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 4)
    0.8333
    """
    hit, value = _positive(positive), np.asarray(score, float)
    if not hit.any():
        return float("nan")
    order = np.argsort(-value, kind="stable")
    found, last = np.cumsum(hit[order]), np.append(np.diff(value[order]) != 0, True)
    recall = found[last] / hit.sum()
    precision = found[last] / (np.flatnonzero(last) + 1)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def log_loss(positive: ArrayLike, probability: ArrayLike) -> float:
    """Mean negative log-likelihood in nats; probabilities are kept 1e-15 away from 0 and 1.

    Examples
    --------
    >>> round(log_loss([1, 0], [0.9, 0.2]), 4)
    0.1643
    """
    hit, p = _positive(positive), np.clip(np.asarray(probability, float), 1e-15, 1 - 1e-15)
    return float(-np.mean(np.where(hit, np.log(p), np.log1p(-p))))


def brier_score(positive: ArrayLike, probability: ArrayLike) -> float:
    """Mean squared difference between the probability and what happened (0 or 1).

    References
    ----------
    Brier, G. W. (1950) Monthly Weather Review 78:1.

    Examples
    --------
    >>> round(brier_score([1, 0], [0.9, 0.2]), 3)
    0.025
    """
    return mean_squared_error(_positive(positive), probability)


def expected_calibration_error(positive: ArrayLike, probability: ArrayLike, n_bins: int = 10) -> float:
    """Mean gap between a bin's mean probability and its share of positives, weighted by rows.

    Parameters
    ----------
    positive
        (n,) booleans or 0 and 1.
    probability
        (n,) probability of the positive class, in [0, 1].
    n_bins
        Bins of equal width; the left bound belongs to a bin, and 1 to the last.

    References
    ----------
    Guo, C. et al. (2017) ICML, PMLR 70:1321.

    Examples
    --------
    >>> round(expected_calibration_error([1, 1, 0, 0], [0.9, 0.9, 0.1, 0.1]), 3)
    0.1
    """
    hit, p = _positive(positive).astype(float), np.asarray(probability, float)
    place = np.minimum((p * n_bins).astype(np.int64), n_bins - 1)
    gap = np.bincount(place, weights=p - hit, minlength=n_bins)
    return float(np.abs(gap).sum() / len(p))


def _positive(positive: ArrayLike) -> NDArray[np.bool_]:
    values = np.asarray(positive)
    if not np.isin(values, (0, 1)).all():
        raise InputError("a class is neither 0 nor 1", field="positive", expected="booleans or 0 and 1")
    return values.astype(bool)


AFFINITY_THRESHOLDS = {"davis": 7.0, "pkd": 7.0, "kiba": 12.1}
"""From which label a pair counts as binding, by table or label: pKd 7 (100 nM) and KIBA score 12.1, the
thresholds of He, T. et al. (2017) J. Cheminform. 9:24, doi:10.1186/s13321-017-0209-z."""

REGRESSION_METRICS = {
    "mse": mean_squared_error,
    "pearson_r": pearson_r,
    "concordance": concordance_index,
    "rm2": rm2,
    "rm2_deepdta": rm2_deepdta,
}
"""Names of the figures in metrics.tsv and how each is computed from labels and predictions."""

CLASSIFICATION_METRICS = {
    "auroc": auroc,
    "aupr": aupr,
    "log_loss": log_loss,
    "brier": brier_score,
    "calibration_error": expected_calibration_error,
}
"""The same for labels of 0 and 1 and predicted probabilities."""
