"""Diplotypes of imputed calls: what the imputation says of each site, and alleles of what goes together.

An imputed call comes with the probability of each genotype, a posterior already: neighbouring variants and the
frequencies of a panel are in it. Of all ways to weigh the pairs of alleles, the one is taken that gives each site the
probabilities which the imputation gives it and departs least from the pairs' weights before (in relative entropy). It
comes by scaling the weights to each site's probabilities in turn, again and again: iterative proportional fitting, over the
alleles and what each carries where it may carry either.
Where several sites make one allele they do not count as often as there are sites, and nothing becomes more certain
than the imputation was.

References
----------
Csiszar I. I-divergence geometry of probability distributions and minimization problems. Ann Probab 1975;3:146-158.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

MAXIMUM_SWEEPS = 100
TOLERANCE = 1e-3
"""Largest difference between a site's probabilities and those of the pairs at which the fitting ends: files have two or
three digits."""
PATIENCE = 10
"""Nor does it go on where so many sweeps brought it no nearer: sites contradict each other."""


def fit_to_sites(
    weights: Float[np.ndarray, "alleles second"],
    emission: Float[np.ndarray, "alleles sites codes"],
    probabilities: Mapping[int, Float[np.ndarray, "codes codes"]],
    *,
    tolerance: float = TOLERANCE,
    patience: int = PATIENCE,
) -> Float[np.ndarray, "alleles second"]:
    """Scale weights of ordered pairs of alleles to the probabilities of imputed sites.

    Parameters
    ----------
    weights
        Weight of each first and second allele before; one column for a single copy.
    emission
        Probability that each allele carries each code at a site.
    probabilities
        By site, that the first haplotype carries one code and the second the other; of a single copy only the sums
        over the second count.
    tolerance, patience
        When to end.

    Returns
    -------
    numpy.ndarray
        Weights that sum to 1; all 0 where no pair has what the imputation says. Where sites contradict each other,
        those of the last sweep.

    Examples
    --------
    Two sites make one allele, and each is imputed to be heterozygous with probability 0.6:

    >>> emission = np.zeros((2, 2, 2))
    >>> emission[0, :, 0] = emission[1, :, 1] = 1
    >>> site = np.array([[0.4, 0.3], [0.3, 0.0]])
    >>> fit_to_sites(np.array([[0.81, 0.09], [0.09, 0.01]]), emission, {0: site, 1: site}).round(3).tolist()
    [[0.4, 0.3], [0.3, 0.0]]
    """
    one_copy = weights.shape[1] == 1
    base = weights / max(weights.sum(), np.finfo(float).tiny)
    sites = {}
    for site, told in probabilities.items():
        first = emission[:, site, : len(told)]
        second = np.ones((1, 1)) if one_copy else first
        sites[site] = first, second, told.sum(axis=1, keepdims=True) if one_copy else told
    # How much more often than before each site has each pair of codes, and what this makes of each pair of alleles.
    odds = {site: np.ones_like(target, dtype=float) for site, (_, _, target) in sites.items()}
    factors = {site: np.ones_like(base) for site in sites}
    fitted = base
    nearest, since = np.inf, 0
    for _ in range(MAXIMUM_SWEEPS):
        furthest = 0.0
        for site, (first, second, target) in sites.items():
            others = np.divide(fitted, factors[site], out=np.zeros_like(base), where=factors[site] > 0)
            found = odds[site] * (first.T @ others @ second)
            furthest = max(furthest, float(np.abs(found - target).max()))
            odds[site] *= np.divide(target, found, out=np.zeros_like(found), where=found > 0)
            # Sites that contradict each other would drive them on for ever.
            odds[site] /= max(odds[site].max(), 1.0)
            factors[site] = first @ odds[site] @ second.T
            fitted = others * factors[site]
            total = fitted.sum()
            if not total > 0:
                return np.zeros_like(base)
            fitted = fitted / total
        since = 0 if furthest < 0.99 * nearest else since + 1
        nearest = min(nearest, furthest)
        if furthest < tolerance or since == patience:
            break
    return fitted
