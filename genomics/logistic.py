"""Logistic regression of a binary trait on many variants at once, by maximum likelihood.

All variants of a block share covariates, so the information matrices of the block come from one matrix
product of the weights with the products of covariate pairs. A missing genotype gets weight 0, which drops
that sample for that variant alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]

_MAX_STEP = 5.0
_MAX_LINEAR = 30.0  # beyond it the fitted probability is 0 or 1 in double precision for all that matters


@dataclass(frozen=True)
class Design:
    """Covariates and trait of the samples that are used, made ready for many variants.

    Attributes
    ----------
    covariates
        (n_samples, n_covariates), the intercept among them, columns orthogonal with mean square 1. The
        genotype's coefficient does not depend on how the covariates' space is spanned.
    trait
        (n_samples,), 0 or 1 for a binary trait.
    """

    covariates: Array
    trait: Array
    pairs: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        left, right = np.triu_indices(self.covariates.shape[1])
        object.__setattr__(self, "pairs", self.covariates[:, left] * self.covariates[:, right])

    @property
    def n_covariates(self) -> int:
        """Number of covariate columns, the intercept among them."""
        return self.covariates.shape[1]


@dataclass(frozen=True)
class Fit:
    """Genotype coefficients of a block of variants: arrays of shape (n_variants,).

    Attributes
    ----------
    beta, se
        Log odds ratio per copy of the effect allele, and its standard error.
    log_likelihood
        Log likelihood, penalised for Firth's method.
    converged
        False where the iterations did not settle: complete separation, for one.
    """

    beta: Array
    se: Array
    log_likelihood: Array
    converged: NDArray[np.bool_]


def fit_null(design: Design, *, max_iterations: int = 50) -> Array:
    """Covariates' coefficients without any genotype.

    Parameters
    ----------
    design
        Covariates and binary trait.
    max_iterations
        Most Newton steps.

    Returns
    -------
    numpy.ndarray
        (n_covariates,) coefficients, where the iterations ended: under separation by the covariates alone
        they are large but finite.
    """
    alpha = np.zeros(design.n_covariates)
    for _ in range(max_iterations):
        mu = special.expit(np.clip(design.covariates @ alpha, -_MAX_LINEAR, _MAX_LINEAR))
        information = (design.covariates * (mu * (1 - mu))[:, None]).T @ design.covariates
        step = np.linalg.lstsq(information, design.covariates.T @ (design.trait - mu), rcond=None)[0]
        alpha = alpha + np.clip(step, -_MAX_STEP, _MAX_STEP)
        if np.abs(step).max() < 1e-10:
            break
    return alpha


def fit_logistic(
    genotypes: Array,
    observed: Array,
    design: Design,
    start: Array,
    *,
    max_iterations: int = 16,
    tolerance: float = 1e-7,
) -> Fit:
    """Maximum likelihood for each variant, by Newton's method.

    Parameters
    ----------
    genotypes
        (n_variants, n_samples) dosages, 0 where missing.
    observed
        (n_variants, n_samples), 1 where the genotype is observed, else 0.
    design
        Covariates and binary trait.
    start
        (n_covariates,) coefficients to start from.
    max_iterations, tolerance
        When to stop: largest Newton step below `tolerance`.

    Returns
    -------
    Fit
        Not converged where the likelihood has no maximum (separation).
    """
    n_variants = len(genotypes)
    coefficients = starting_coefficients(start, n_variants)
    se = np.full(n_variants, np.nan)
    log_likelihood = np.full(n_variants, np.nan)
    converged = np.zeros(n_variants, dtype=bool)
    active = np.arange(n_variants)
    g, seen = genotypes, observed
    for _ in range(max_iterations):
        linear = linear_predictor(coefficients[active], g, design)
        mu = special.expit(linear)
        residual = (design.trait - mu) * seen
        information = information_matrices(mu * (1 - mu) * seen, g, design)
        covariance = inverses(information)
        step = np.einsum("bij,bj->bi", covariance, score_vectors(residual, g, design))
        coefficients[active] += limit_step(step)
        size = np.abs(step).max(axis=1)
        done = size < tolerance
        converged[active[done]] = True
        se[active] = standard_errors(covariance[:, -1, -1])
        if done.any():
            log_likelihood[active[done]] = log_likelihoods(linear[done], seen[done], design)
            keep = ~done
            active, g, seen = active[keep], g[keep], seen[keep]
        if not len(active):
            break
    return Fit(coefficients[:, -1], se, log_likelihood, converged)


def starting_coefficients(start: Array, n_variants: int) -> Array:
    """Coefficients to start from, (n_variants, n_covariates + 1): `start`, and 0 for the genotype."""
    coefficients = np.zeros((n_variants, len(start) + 1))
    coefficients[:, :-1] = start
    return coefficients


def linear_predictor(coefficients: Array, g: Array, design: Design) -> Array:
    """Log odds of each sample under each variant's coefficients, (n_variants, n_samples), within +-30."""
    linear = coefficients[:, :-1] @ design.covariates.T
    linear += coefficients[:, -1:] * g
    return np.clip(linear, -_MAX_LINEAR, _MAX_LINEAR, out=linear)


def score_vectors(residual: Array, g: Array, design: Design) -> Array:
    """X'r of each variant, (n_variants, n_covariates + 1); the genotype comes last."""
    return np.column_stack([residual @ design.covariates, np.einsum("bn,bn->b", residual, g)])


def information_matrices(weights: Array, g: Array, design: Design) -> Array:
    """X'WX of each variant, (n_variants, n_covariates + 1, n_covariates + 1); the genotype comes last."""
    k = design.n_covariates
    left, right = np.triu_indices(k)
    packed = weights @ design.pairs
    weighted = weights * g
    information = np.empty((len(g), k + 1, k + 1))
    information[:, left, right] = packed
    information[:, right, left] = packed
    information[:, :k, k] = information[:, k, :k] = weighted @ design.covariates
    information[:, k, k] = np.einsum("bn,bn->b", weighted, g)
    return information


def log_likelihoods(linear: Array, seen: Array, design: Design) -> Array:
    """Log likelihood of each variant's linear predictor over its observed samples, (n_variants,)."""
    signed = np.where(design.trait > 0.5, linear, -linear)
    return np.asarray(np.einsum("bn,bn->b", special.log_expit(signed), seen))


def inverses(matrices: Array) -> Array:
    """Inverse of each symmetric matrix; pseudo-inverses where one of them is singular."""
    try:
        return np.asarray(np.linalg.inv(matrices))
    except np.linalg.LinAlgError:
        # Information vanishes under separation; the pseudo-inverse keeps the rest of the block going.
        return np.asarray(np.linalg.pinv(matrices, hermitian=True))


def limit_step(step: Array) -> Array:
    """Shorten steps (n_variants, n_coefficients) whose largest entry is above 5, keeping their direction."""
    largest = np.abs(step).max(axis=1, keepdims=True)
    return np.asarray(step * np.minimum(1.0, _MAX_STEP / np.maximum(largest, 1e-300)))


def standard_errors(variance: Array) -> Array:
    """Square roots of variances; NaN where rounding left none above 0."""
    return np.sqrt(np.where(variance > 0, variance, np.nan))
