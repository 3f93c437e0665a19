"""Exact test of Hardy-Weinberg proportions."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

# Genotype tables as probable as the observed one count towards p although rounding may part them: the
# ratios of neighbours are multiplied up, each with a relative error of about 3e-16.
_TIE = 1e-10
# Terms this much smaller than the sum so far do not reach its last digit, nor do all after them.
_NEGLIGIBLE = 1e-20


def hardy_weinberg_exact(
    n_hom_ref: ArrayLike, n_het: ArrayLike, n_hom_alt: ArrayLike, *, mid_p: bool = False
) -> NDArray[np.float64]:
    """P value of the exact test of Hardy-Weinberg proportions.

    Given the allele counts, the p value is the summed probability of all heterozygote counts that are at
    most as probable as the observed one. The mid-p value takes half of the probability of the observed
    count, and of counts exactly as probable: the plain p value is too large on average where few
    tables are possible.

    Parameters
    ----------
    n_hom_ref, n_het, n_hom_alt
        Diploid genotype counts, whole numbers of any one shape. Which homozygote is which does not matter.
    mid_p
        Return mid-p values.

    Returns
    -------
    numpy.ndarray
        P values of that shape, 0 below about 1e-308; 1 (mid-p: 0.5) for a monomorphic variant or no genotypes.

    Raises
    ------
    ValueError
        If a count is negative.

    References
    ----------
    Wigginton JE, Cutler DJ, Abecasis GR (2005). A note on exact tests of Hardy-Weinberg equilibrium.
    Am J Hum Genet 76:887-893. Graffelman J, Moreno V (2013). The mid p-value in exact tests for
    Hardy-Weinberg equilibrium. Stat Appl Genet Mol Biol 12:433-448. Ties count half as in PLINK 2.

    Examples
    --------
    100 people with 21 copies of the rarer allele:

    >>> hardy_weinberg_exact([84, 83], [11, 13], [5, 4]).round(6)
    array([0.000919, 0.010293])
    >>> hardy_weinberg_exact([84, 83], [11, 13], [5, 4], mid_p=True).round(6)
    array([0.000484, 0.005606])
    """
    counts = np.stack(
        np.broadcast_arrays(*(np.asarray(c, dtype=np.int64) for c in (n_hom_ref, n_het, n_hom_alt)))
    )
    if (counts < 0).any():
        raise ValueError("genotype counts must not be negative")
    both = exact_and_mid_p(*counts.reshape(3, -1))
    return both[1 if mid_p else 0].reshape(counts.shape[1:])


@njit(nogil=True, cache=True)
def exact_and_mid_p(
    n_hom_ref: NDArray[np.int64], n_het: NDArray[np.int64], n_hom_alt: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Exact and mid-p values of many variants; float64 (2, n). Counts must not be negative."""
    values = np.empty((2, len(n_het)))
    for i in range(len(n_het)):
        values[0, i], values[1, i] = _exact_and_mid_p(n_hom_ref[i], n_het[i], n_hom_alt[i])
    return values


@njit(nogil=True, cache=True)
def _exact_and_mid_p(n_hom_ref: int, n_het: int, n_hom_alt: int) -> tuple[float, float]:
    """Walk both ways from the observed table, whose weight is 1, adding up the weights of the others."""
    n_rare = float(min(n_hom_ref, n_hom_alt))
    n_common = float(max(n_hom_ref, n_hom_alt))
    # Sums of weights above, about equal to, and below the observed one.
    likelier, as_likely, rarer = 0.0, 1.0, 0.0
    for fewer in (True, False):
        weight, het, rare, common = 1.0, float(n_het), n_rare, n_common
        while (het >= 2.0) if fewer else (rare >= 1.0):
            if fewer:
                ratio = het * (het - 1.0) / (4.0 * (rare + 1.0) * (common + 1.0))
                het, rare, common = het - 2.0, rare + 1.0, common + 1.0
            else:
                ratio = 4.0 * rare * common / ((het + 2.0) * (het + 1.0))
                het, rare, common = het + 2.0, rare - 1.0, common - 1.0
            weight *= ratio
            if weight > 1.0 + _TIE:
                likelier += weight
            elif weight >= 1.0 - _TIE:
                as_likely += weight
            else:
                rarer += weight
                # The weights have one peak: beyond it they only fall.
                if weight < _NEGLIGIBLE * (as_likely + rarer) and ratio < 1.0:
                    break
            if likelier > 1e308:
                return 0.0, 0.0
    total = likelier + as_likely + rarer
    return min(1.0, (as_likely + rarer) / total), (0.5 * as_likely + rarer) / total


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
