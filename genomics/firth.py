"""Firth's penalised logistic regression of a binary trait on many variants at once."""

from __future__ import annotations

import numpy as np
from scipy import special

from genomics.logistic import (
    Array,
    Design,
    Fit,
    information_matrices,
    inverses,
    limit_step,
    linear_predictor,
    log_likelihoods,
    score_vectors,
    standard_errors,
    starting_coefficients,
)


def fit_firth(
    genotypes: Array,
    observed: Array,
    design: Design,
    start: Array,
    *,
    null: bool = False,
    max_iterations: int = 100,
    tolerance: float = 1e-6,
) -> Fit:
    """Penalised likelihood for each variant: finite under separation, nearly unbiased for few carriers.

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
    null
        Hold the genotype's coefficient at 0 but keep it in the penalty: the null model of the penalised
        likelihood ratio test.
    max_iterations, tolerance
        When to stop: largest step below `tolerance`.

    Returns
    -------
    Fit
        Coefficients, standard errors from the information matrix, penalised log likelihoods.

    References
    ----------
    Firth D (1993). Bias reduction of maximum likelihood estimates. Biometrika 80:27-38.
    Heinze G, Schemper M (2002). A solution to the problem of separation in logistic regression.
    Stat Med 21:2409-2419.
    """
    n_variants = len(genotypes)
    accepted = starting_coefficients(start, n_variants)
    step = np.zeros_like(accepted)
    se, best = np.full(n_variants, np.nan), np.full(n_variants, -np.inf)
    converged = np.zeros(n_variants, dtype=bool)
    active = np.arange(n_variants)
    g, seen = genotypes, observed
    for _ in range(max_iterations):
        candidate = accepted[active] + step[active]
        value, proposal, variance = _penalised_step(candidate, g, seen, design, null)
        worse = value < best[active] - 1e-9 * np.abs(value)
        better = active[~worse]
        accepted[better], best[better] = candidate[~worse], value[~worse]
        se[better] = standard_errors(variance[~worse])
        # A step that lowers the penalised likelihood is tried again at half its length.
        step[active] = np.where(worse[:, None], 0.5 * step[active], proposal)
        done = np.abs(step[active]).max(axis=1) < tolerance
        converged[active[done]] = True
        if done.any():
            active, g, seen = active[~done], g[~done], seen[~done]
        if not len(active):
            break
    return Fit(accepted[:, -1], se, best, converged)


def _penalised_step(
    coefficients: Array, g: Array, seen: Array, design: Design, null: bool
) -> tuple[Array, Array, Array]:
    """Penalised log likelihood at `coefficients`, the step from there, and the genotype's variance."""
    linear = linear_predictor(coefficients, g, design)
    mu = special.expit(linear)
    weights = mu * (1 - mu) * seen
    information = information_matrices(weights, g, design)
    covariance = inverses(information)
    value = log_likelihoods(linear, seen, design) + 0.5 * np.linalg.slogdet(information)[1]
    leverage = weights * _quadratic_forms(covariance, g, design)
    score = score_vectors((design.trait - mu) * seen + leverage * (0.5 - mu), g, design)
    free = design.n_covariates if null else design.n_covariates + 1
    # The penalty acts like further observations of weight h (Heinze and Schemper 2002): without them in the
    # curvature the step is twice too long for a single carrier, and swings about the maximum for ever.
    curvature = information_matrices(weights * (1 + leverage), g, design)[:, :free, :free]
    step = np.zeros_like(score)
    step[:, :free] = limit_step(np.einsum("bij,bj->bi", inverses(curvature), score[:, :free]))
    return value, step, covariance[:, -1, -1]


def _quadratic_forms(matrices: Array, g: Array, design: Design) -> Array:
    """Quadratic form x'Ax for each variant's matrix A and each sample's row x, (n_variants, n_samples)."""
    k = design.n_covariates
    left, right = np.triu_indices(k)
    packed = matrices[:, left, right] * np.where(left == right, 1.0, 2.0)
    forms = packed @ design.pairs.T
    forms += 2.0 * g * (matrices[:, :k, k] @ design.covariates.T)
    forms += matrices[:, k, k][:, None] * g * g
    return np.asarray(forms)
