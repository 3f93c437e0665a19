"""Linear regression of a quantitative trait on many variants at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from genomics.logistic import Array, Design

# Share of a genotype's variance that covariates must leave for its effect to be told from theirs.
MIN_UNEXPLAINED = 1e-8


def orthogonal_covariates(columns: Array) -> tuple[Array, list[int]]:
    """Span of the covariates as orthogonal columns of mean square 1, and which columns were kept.

    Parameters
    ----------
    columns
        (n_samples, n_columns), the intercept first. Columns that depend on earlier ones are left out.

    Returns
    -------
    tuple
        (n_samples, n_kept) array and the indices of the columns kept.

    Examples
    --------
    >>> basis, kept = orthogonal_covariates(np.array([[1, 2, 4], [1, 0, 0], [1, 5, 10.0]]))
    >>> kept
    [0, 1]
    """
    n_samples = len(columns)
    basis: list[Array] = []
    kept = []
    for index, column in enumerate(np.asarray(columns, dtype=np.float64).T):
        remainder = column.copy()
        for _ in range(2):  # a second sweep removes what rounding left of the first
            for direction in basis:
                remainder -= (direction @ remainder) / n_samples * direction
        size = np.sqrt(np.mean(remainder**2))
        if size > 1e-7 * max(np.sqrt(np.mean(column**2)), 1e-300):
            basis.append(remainder / size)
            kept.append(index)
    return np.column_stack(basis), kept


def residualise(genotypes: Array, covariates: Array) -> Array:
    """Genotypes less their projection on orthogonal covariates; no coefficient of theirs changes by that.

    Parameters
    ----------
    genotypes
        (n_variants, n_samples) dosages.
    covariates
        (n_samples, n_covariates), orthogonal with mean square 1.

    Returns
    -------
    numpy.ndarray
        (n_variants, n_samples).
    """
    return np.asarray(genotypes - (genotypes @ covariates) @ covariates.T / len(covariates))


def fit_linear(genotypes: Array, observed: Array, design: Design) -> tuple[Array, Array, NDArray[np.int64]]:
    """Least squares for each variant over the samples with an observed genotype.

    Parameters
    ----------
    genotypes
        (n_variants, n_samples) dosages, any value where missing.
    observed
        (n_variants, n_samples), 1 where the genotype is observed, else 0.
    design
        Covariates and quantitative trait.

    Returns
    -------
    tuple
        beta and se per copy of the effect allele (NaN where monomorphic or explained by the covariates),
        and the residual degrees of freedom.
    """
    trait = design.trait - design.covariates @ (design.covariates.T @ design.trait) / len(design.trait)
    n = observed.sum(axis=1)
    g = residualise(genotypes, design.covariates) * observed
    gg, gy = np.einsum("bn,bn->b", g, g), g @ trait
    yy = np.full(len(g), trait @ trait)
    incomplete = np.flatnonzero(n < len(trait))
    if len(incomplete):
        gg[incomplete], gy[incomplete], yy[incomplete] = _within_observed(
            g[incomplete], observed[incomplete], trait, design
        )
    total = np.einsum("bn,bn->b", genotypes * observed, genotypes)
    total -= np.einsum("bn,bn->b", genotypes, observed) ** 2 / np.maximum(n, 1)
    freedom = (n - design.n_covariates - 1).astype(np.int64)
    usable = (gg > MIN_UNEXPLAINED * np.maximum(total, 1e-12)) & (total > 1e-9) & (freedom > 0)
    safe = np.where(usable, gg, 1.0)
    beta = gy / safe
    residual_variance = np.maximum(yy - beta * gy, 0.0) / np.maximum(freedom, 1)
    se = np.sqrt(residual_variance / safe)
    return np.where(usable, beta, np.nan), np.where(usable, se, np.nan), freedom


def _within_observed(g: Array, observed: Array, trait: Array, design: Design) -> tuple[Array, Array, Array]:
    """Sums of squares and products of genotype and trait; covariates projected out within the observed."""
    k = design.n_covariates
    left, right = np.triu_indices(k)
    gram = np.empty((len(g), k, k))
    gram[:, left, right] = gram[:, right, left] = observed @ design.pairs
    cg, cy = g @ design.covariates, observed @ (design.covariates * trait[:, None])
    # A variant missing in a whole covariate level leaves the Gram matrix singular there.
    inverse = np.linalg.pinv(gram, hermitian=True)
    ig, iy = np.einsum("bij,bj->bi", inverse, cg), np.einsum("bij,bj->bi", inverse, cy)
    gg = np.einsum("bn,bn->b", g, g) - np.einsum("bi,bi->b", cg, ig)
    gy = g @ trait - np.einsum("bi,bi->b", cg, iy)
    yy = observed @ trait**2 - np.einsum("bi,bi->b", cy, iy)
    return gg, gy, yy
