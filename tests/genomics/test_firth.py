import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special

from genomics.firth import fit_firth
from genomics.linear import orthogonal_covariates, residualise
from genomics.logistic import Design, fit_null


def _penalised(coefficients, columns, trait):
    """Return the negative penalised log likelihood, written out for one variant."""
    linear = columns @ coefficients
    mu = special.expit(linear)
    information = (columns * (mu * (1 - mu))[:, None]).T @ columns
    return -(trait @ linear - np.logaddexp(0, linear).sum() + 0.5 * np.linalg.slogdet(information)[1])


def _maximised(columns, trait, free):
    def value(x):
        return _penalised(np.concatenate([x, np.zeros(columns.shape[1] - free)]), columns, trait)

    found = optimize.minimize(
        value,
        np.zeros(free),
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 20_000},
    )
    return found.x, -found.fun


def _rare(seed=0, n=150, n_variants=4):
    rng = np.random.default_rng(seed)
    covariates = np.column_stack([np.ones(n), rng.normal(size=n)])
    dosage = rng.binomial(2, 0.03, (n_variants, n)).astype(float)
    trait = (rng.random(n) < special.expit(-1 + 0.4 * covariates[:, 1])).astype(float)
    dosage[0] = np.where(trait > 0, 0.0, dosage[0])  # no case carries it
    dosage[0, np.flatnonzero(trait == 0)[:3]] = 1.0
    dosage[1:, :2] = 1.0
    return covariates, dosage, trait


def test_fit_firth__direct_maximisation():
    covariates, dosage, trait = _rare()
    design = Design(orthogonal_covariates(covariates)[0], trait)
    g, observed, start = residualise(dosage, design.covariates), np.ones_like(dosage), fit_null(design)
    full, null = (fit_firth(g, observed, design, start, null=flag) for flag in (False, True))
    assert full.converged.all() and null.converged.all()
    for i in range(len(dosage)):
        columns = np.column_stack([covariates, dosage[i]])
        coefficients, best = _maximised(columns, trait, 3)
        _, without = _maximised(columns, trait, 2)
        assert full.beta[i] == pytest.approx(coefficients[-1], abs=1e-4)
        assert full.log_likelihood[i] - null.log_likelihood[i] == pytest.approx(best - without, abs=1e-6)


def test_fit_firth__two_by_two_table_adds_half_to_each_cell():
    # For one binary variable Firth's estimate is the log odds ratio with 1/2 added to each cell (Firth 1993).
    carrier = np.repeat([1.0, 0.0], [10, 60])
    trait = np.concatenate([np.zeros(10), np.repeat([1.0, 0.0], [20, 40])])
    design = Design(np.ones((70, 1)), trait)
    fit = fit_firth(carrier[None], np.ones((1, 70)), design, fit_null(design))
    assert fit.beta[0] == pytest.approx(np.log(0.5 * 40.5 / (10.5 * 20.5)), abs=1e-5)


def test_fit_firth__single_carrier():
    # The table with 1/2 added to each cell again: one control carries the allele, 30 of 99 others are cases.
    carrier, trait = (
        np.repeat([1.0, 0.0], [1, 99]),
        np.concatenate([np.zeros(1), np.repeat([1.0, 0.0], [30, 69])]),
    )
    design = Design(np.ones((100, 1)), trait)
    g = residualise(carrier[None], design.covariates)
    full, null = (
        fit_firth(g, np.ones((1, 100)), design, fit_null(design), null=flag) for flag in (False, True)
    )
    assert full.converged.all() and null.converged.all()
    assert full.beta[0] == pytest.approx(np.log(0.5 * 69.5 / (1.5 * 30.5)), abs=1e-5)


def test_fit_firth__missing_genotypes_are_left_out():
    covariates, dosage, trait = _rare(1)
    keep = np.random.default_rng(3).random(len(trait)) > 0.2
    keep[:2] = True
    whole, part = Design(covariates, trait), Design(covariates[keep], trait[keep])
    observed = np.tile(keep.astype(float), (len(dosage), 1))
    masked = fit_firth(dosage * observed, observed, whole, fit_null(whole))
    subset = fit_firth(dosage[:, keep], np.ones((len(dosage), keep.sum())), part, fit_null(part))
    np.testing.assert_allclose(masked.beta, subset.beta, atol=1e-5)
    np.testing.assert_allclose(masked.log_likelihood, subset.log_likelihood, atol=1e-6)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_fit_firth__flipped_alleles(seed):
    covariates, dosage, trait = _rare(seed, n=100)
    design = Design(orthogonal_covariates(covariates)[0], trait)
    observed, start = np.ones_like(dosage), fit_null(design)
    fit = fit_firth(residualise(dosage, design.covariates), observed, design, start)
    flipped = fit_firth(residualise(2 - dosage, design.covariates), observed, design, start)
    np.testing.assert_allclose(flipped.beta, -fit.beta, atol=1e-5)
    np.testing.assert_allclose(flipped.log_likelihood, fit.log_likelihood, atol=1e-6)
