"""P values on the -log10 scale, right down to where double precision has no number for the p value."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

_LN10 = float(np.log(10.0))
# Below this tail the direct Student tail loses digits, so its series takes over.
_DIRECT_TAIL = 1e-280


def log10p_normal(z: ArrayLike) -> NDArray[np.float64]:
    """-log10 of the two-sided p value of a standard normal statistic.

    Parameters
    ----------
    z
        Statistic(s); the sign does not count. NaN stays NaN.

    Returns
    -------
    numpy.ndarray
        -log10 p, of the shape of `z`.

    Examples
    --------
    >>> log10p_normal([1.959964, 50.0]).round(4)
    array([  1.301 , 544.6653])
    """
    tail = special.log_ndtr(-np.abs(np.asarray(z, dtype=np.float64)))
    return np.asarray(-(tail + np.log(2.0)) / _LN10 + 0.0)


def log10p_chi2(statistic: ArrayLike) -> NDArray[np.float64]:
    """-log10 p of a chi-squared statistic with one degree of freedom.

    Parameters
    ----------
    statistic
        Statistic(s), not negative. NaN stays NaN.

    Returns
    -------
    numpy.ndarray
        -log10 p, of the shape of `statistic`.

    Examples
    --------
    >>> float(log10p_chi2(3.841459).round(4))
    1.301
    """
    return log10p_normal(np.sqrt(np.asarray(statistic, dtype=np.float64)))


def chi2_from_log10p(log10p: ArrayLike) -> NDArray[np.float64]:
    """Chi-squared statistic, one degree of freedom, that has a p value: the inverse of `log10p_chi2`.

    Parameters
    ----------
    log10p
        -log10 p value(s), not negative. NaN stays NaN.

    Returns
    -------
    numpy.ndarray
        Statistics, of the shape of `log10p`.

    Examples
    --------
    >>> chi2_from_log10p([1.3010300, 544.6653]).round(3)
    array([   3.841, 2500.   ])
    """
    half_log_p = -np.asarray(log10p, dtype=np.float64) * _LN10 - np.log(2.0)
    return np.asarray(special.ndtri_exp(half_log_p) ** 2)


def log10p_t(t: ArrayLike, degrees_of_freedom: ArrayLike) -> NDArray[np.float64]:
    """-log10 of the two-sided p value of Student's t.

    The p value is the regularised incomplete beta function I_x(a, 1/2), a = df/2, x = df / (df + t**2).
    Where that underflows, its logarithm comes from the hypergeometric form of the integral.

    Parameters
    ----------
    t
        Statistic(s). NaN stays NaN.
    degrees_of_freedom
        Degrees of freedom, above 0; broadcast against `t`.

    Returns
    -------
    numpy.ndarray
        -log10 p, of the broadcast shape.

    References
    ----------
    NIST Digital Library of Mathematical Functions, 8.17.7 and 8.17.8 (https://dlmf.nist.gov/8.17).

    Examples
    --------
    >>> print(log10p_t([2.0, 300.0], 2000).round(3))
    [1.341000e+00 1.664502e+03]
    """
    t, df = np.broadcast_arrays(
        np.abs(np.asarray(t, dtype=np.float64)), np.asarray(degrees_of_freedom, float)
    )
    half = 0.5 * df
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        x = df / (df + t * t)
        p = special.betainc(half, 0.5, x)
        log_p = np.log(p)
        tiny = (p < _DIRECT_TAIL) & np.isfinite(t)
        if tiny.any():
            log_p = np.where(
                tiny, _log_betainc_half(np.where(tiny, half, 1.0), np.where(tiny, x, 0.5)), log_p
            )
    return np.asarray(-log_p / _LN10 + 0.0)


def _log_betainc_half(a: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of I_x(a, 1/2) = x**a (1-x)**(1/2) / (a B(a, 1/2)) * 2F1(a + 1/2, 1; a + 1; x)."""
    series = special.hyp2f1(a + 0.5, 1.0, a + 1.0, x)
    log_term: NDArray[np.float64] = a * np.log(x) + 0.5 * np.log1p(-x) - np.log(a) - special.betaln(a, 0.5)
    return log_term + np.log(series)
