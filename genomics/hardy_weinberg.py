"""Exact test of Hardy-Weinberg proportions."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

# Genotype tables as probable as the observed one count towards p although rounding may part them.
_TIE = 1e-9


def hardy_weinberg_exact(n_hom_ref: ArrayLike, n_het: ArrayLike, n_hom_alt: ArrayLike) -> NDArray[np.float64]:
    """P value of the exact test of Hardy-Weinberg proportions, without mid-p correction.

    Given the allele counts, the p value is the summed probability of all heterozygote counts that are at
    most as probable as the observed one.

    Parameters
    ----------
    n_hom_ref, n_het, n_hom_alt
        Diploid genotype counts, whole numbers of any one shape. Which homozygote is which does not matter.

    Returns
    -------
    numpy.ndarray
        P values of that shape; 1 for a monomorphic variant or no genotypes.

    Raises
    ------
    ValueError
        If a count is negative.

    References
    ----------
    Wigginton JE, Cutler DJ, Abecasis GR (2005). A note on exact tests of Hardy-Weinberg equilibrium.
    Am J Hum Genet 76:887-893.

    Examples
    --------
    100 people with 21 copies of the rarer allele:

    >>> hardy_weinberg_exact([84, 83], [11, 13], [5, 4]).round(6)
    array([0.000919, 0.010293])
    """
    counts = np.stack(
        np.broadcast_arrays(*(np.asarray(c, dtype=np.int64) for c in (n_hom_ref, n_het, n_hom_alt)))
    )
    if (counts < 0).any():
        raise ValueError("genotype counts must not be negative")
    hom_ref, het, hom_alt = counts.reshape(3, -1)
    table = np.column_stack([het, het + 2 * np.minimum(hom_ref, hom_alt), het + hom_ref + hom_alt])
    distinct, where = np.unique(table, axis=0, return_inverse=True)
    p = np.array([_exact_p(*map(int, row)) for row in distinct], dtype=np.float64)
    return p[where.reshape(-1)].reshape(counts.shape[1:])


def inbreeding_coefficients(
    n_hom_ref: NDArray[np.int64], n_het: NDArray[np.int64], n_hom_alt: NDArray[np.int64]
) -> NDArray[np.float64]:
    """1 - observed / expected heterozygotes of each variant; NaN where none are expected.

    Examples
    --------
    >>> inbreeding_coefficients(np.array([25, 50]), np.array([50, 0]), np.array([25, 50]))
    array([0., 1.])
    """
    n = np.maximum(n_hom_ref + n_het + n_hom_alt, 1)
    p = (n_het + 2 * n_hom_alt) / (2 * n)
    expected = 2 * p * (1 - p) * n
    return np.where(expected > 0, 1 - n_het / np.where(expected > 0, expected, 1.0), np.nan)


def heterozygote_log_probabilities(
    n_rare: int, n_samples: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Possible heterozygote counts and their log probabilities, given the rarer allele's count.

    Parameters
    ----------
    n_rare
        Copies of the rarer allele, at most `n_samples`.
    n_samples
        Genotyped diploid people.

    Returns
    -------
    tuple
        Heterozygote counts, ascending, and the natural logarithms of their probabilities.

    References
    ----------
    Wigginton et al. (2005), equation 1.
    """
    het = np.arange(n_rare % 2, n_rare + 1, 2)
    rare = (n_rare - het) // 2
    common = n_samples - het - rare
    log_weight = het * np.log(2.0) - gammaln(het + 1.0) - gammaln(rare + 1.0) - gammaln(common + 1.0)
    top = log_weight.max()
    return het, log_weight - (top + np.log(np.exp(log_weight - top).sum()))


def _exact_p(n_het: int, n_rare: int, n_samples: int) -> float:
    if n_rare == 0:
        return 1.0
    het, log_p = heterozygote_log_probabilities(n_rare, n_samples)
    observed = log_p[(n_het - het[0]) // 2]
    return float(min(1.0, np.exp(log_p[log_p <= observed + _TIE]).sum()))
