import numpy as np
import pytest
import statsmodels.api as sm

from genomics.linear import orthogonal_covariates
from genomics.logistic import Design, fit_logistic, fit_null


def _data(seed=0, n=400, n_variants=10, missing=0.05):
    rng = np.random.default_rng(seed)
    covariates = np.column_stack([np.ones(n), rng.normal(size=n), rng.integers(0, 2, n)])
    dosage = rng.binomial(2, rng.uniform(0.1, 0.5, (n_variants, 1)), (n_variants, n)).astype(float)
    observed = (rng.random((n_variants, n)) >= missing).astype(float)
    odds = np.exp(-1 + 0.5 * covariates[:, 1] + 0.6 * dosage[0])
    return covariates, dosage, observed, (rng.random(n) < odds / (1 + odds)).astype(float)


def test_fit_logistic__statsmodels():
    covariates, dosage, observed, trait = _data()
    design = Design(orthogonal_covariates(covariates)[0], trait)
    fit = fit_logistic(dosage * observed, observed, design, fit_null(design))
    assert fit.converged.all()
    for i in range(len(dosage)):
        seen = observed[i] > 0
        expected = sm.Logit(trait[seen], np.column_stack([covariates, dosage[i]])[seen]).fit(
            disp=0, tol=1e-12
        )
        assert fit.beta[i] == pytest.approx(expected.params[-1], rel=1e-7)
        assert fit.se[i] == pytest.approx(expected.bse[-1], rel=1e-6)
        assert fit.log_likelihood[i] == pytest.approx(expected.llf, rel=1e-10)


def test_fit_null__statsmodels():
    covariates, _, _, trait = _data()
    expected = sm.Logit(trait, covariates).fit(disp=0, tol=1e-12)
    np.testing.assert_allclose(fit_null(Design(covariates, trait)), expected.params, rtol=1e-8)


def test_fit_logistic__complete_separation_is_not_converged():
    n = 60
    trait = np.repeat([0.0, 1.0], n // 2)
    design = Design(np.ones((n, 1)), trait)
    separated, ordinary = np.where(trait > 0, 1.0, 0.0), np.tile([0.0, 1.0], n // 2)
    fit = fit_logistic(np.stack([separated, ordinary]), np.ones((2, n)), design, fit_null(design))
    assert fit.converged.tolist() == [False, True]
    assert fit.beta[1] == pytest.approx(0.0, abs=1e-8)


def test_fit_logistic__two_by_two_table():
    # 30 of 40 carriers and 20 of 60 others are cases: log odds ratio ln(30*40/(10*20)), Woolf's error.
    carrier = np.repeat([1.0, 0.0], [40, 60])
    trait = np.concatenate([np.repeat([1.0, 0.0], [30, 10]), np.repeat([1.0, 0.0], [20, 40])])
    design = Design(np.ones((100, 1)), trait)
    fit = fit_logistic(carrier[None], np.ones((1, 100)), design, fit_null(design))
    assert fit.beta[0] == pytest.approx(np.log(6.0))
    assert fit.se[0] == pytest.approx(np.sqrt(1 / 30 + 1 / 10 + 1 / 20 + 1 / 40))
