"""Tests of one variant at a time for a trait, many variants per call."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from genomics.firth import fit_firth
from genomics.linear import MIN_UNEXPLAINED, fit_linear, residualise
from genomics.logistic import Array, Design, fit_logistic, fit_null
from genomics.significance import log10p_chi2, log10p_normal, log10p_t

# Wald p values are poor for strong effects and for few carriers: there Firth's test takes over.
FIRTH_MIN_LOG10P = -np.log10(0.05)
FIRTH_MAX_COUNT = 20
_MAX_STARTING_LOG_ODDS = 10.0

# beta, se, -log10 p, name of the test
Result = tuple[Array, Array, Array, NDArray[np.object_]]
Test = Callable[[Array, Array], Result]


def make_test(design: Design, trait_type: str) -> Test:
    """Choose the test of a trait: linear regression if it is quantitative, else logistic with Firth's.

    Parameters
    ----------
    design
        Covariates and trait.
    trait_type
        'quantitative' or 'binary'.

    Returns
    -------
    Test
        Function of dosages (n_variants, n_samples) and of 1 where observed, else 0: beta, se, -log10 p and
        the test's name, each (n_variants,).
    """
    if trait_type == "quantitative":
        return lambda dosage, observed: linear_test(dosage, observed, design)
    start = fit_null(design)
    return lambda dosage, observed: logistic_test(dosage, observed, design, start)


def linear_test(dosage: Array, observed: Array, design: Design) -> Result:
    """Student's test of linear regression; parameters and result as of `logistic_test`, for any trait."""
    beta, se, freedom = fit_linear(dosage, observed, design)
    with np.errstate(divide="ignore", invalid="ignore"):
        log10p = log10p_t(beta / se, np.maximum(freedom, 1))
    return beta, se, log10p, np.full(len(beta), "linear", dtype=object)


def logistic_test(dosage: Array, observed: Array, design: Design, start: Array) -> Result:
    """Wald's test of logistic regression, and Firth's likelihood ratio test where that is not to be trusted.

    Parameters
    ----------
    dosage
        (n_variants, n_samples), any value where missing.
    observed
        (n_variants, n_samples), 1 where observed, else 0.
    design
        Covariates and binary trait.
    start
        Coefficients of the covariates alone.

    Returns
    -------
    tuple
        beta, se, -log10 p and the name of the test, each (n_variants,).
    """
    genotypes = residualise(dosage, design.covariates) * observed
    usable = _varies(genotypes, dosage, observed)
    beta, se, log10p = (np.full(len(dosage), np.nan) for _ in range(3))
    name = np.full(len(dosage), "logistic", dtype=object)
    fit = fit_logistic(genotypes[usable], observed[usable], design, start)
    beta[usable], se[usable] = fit.beta, fit.se
    log10p[usable] = log10p_normal(fit.beta / fit.se)
    doubtful = usable.copy()
    doubtful[usable] = ~fit.converged | ~(log10p[usable] < FIRTH_MIN_LOG10P)
    doubtful |= usable & (_smallest_count(dosage, observed, design.trait) < FIRTH_MAX_COUNT)
    if doubtful.any():
        # Coefficients that run away, where covariates separate cases from controls, are no place to start.
        safe = (
            start
            if np.abs(design.covariates @ start).max() < _MAX_STARTING_LOG_ODDS
            else np.zeros_like(start)
        )
        full = fit_firth(genotypes[doubtful], observed[doubtful], design, safe)
        null = fit_firth(genotypes[doubtful], observed[doubtful], design, safe, null=True)
        ok = full.converged & null.converged
        ratio = np.maximum(2 * (full.log_likelihood - null.log_likelihood), 0.0)
        beta[doubtful] = np.where(ok, full.beta, np.nan)
        se[doubtful] = np.where(ok, full.se, np.nan)
        log10p[doubtful] = np.where(ok, log10p_chi2(ratio), np.nan)
        name[doubtful] = "firth"
    return beta, se, log10p, name


def _varies(genotypes: Array, dosage: Array, observed: Array) -> NDArray[np.bool_]:
    """Whether the genotype varies among observed samples and the covariates leave some of that."""
    n = np.maximum(observed.sum(axis=1), 1)
    total = (
        np.einsum("bn,bn->b", dosage * observed, dosage) - np.einsum("bn,bn->b", dosage, observed) ** 2 / n
    )
    left = np.einsum("bn,bn->b", genotypes, genotypes) - np.einsum("bn,bn->b", genotypes, observed) ** 2 / n
    return np.asarray((total > 1e-9) & (left > MIN_UNEXPLAINED * np.maximum(total, 1e-12)))


def _smallest_count(dosage: Array, observed: Array, trait: Array) -> Array:
    """Copies of the rarer allele among cases or among controls, whichever are fewer."""
    counts = []
    for group in (trait, 1.0 - trait):
        copies = (dosage * observed) @ group
        counts.append(np.minimum(copies, 2 * (observed @ group) - copies))
    return np.asarray(np.minimum(*counts))
