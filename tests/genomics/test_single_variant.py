import numpy as np
import pytest
import statsmodels.api as sm

from genomics.associate import genomic_control
from genomics.linear import orthogonal_covariates
from genomics.logistic import Design, fit_null
from genomics.single_variant import linear_test, logistic_test, make_test


def _genotypes(seed=0, n_variants=40, n_samples=150, missing=0.02):
    rng = np.random.default_rng(seed)
    dosage = rng.binomial(2, rng.uniform(0.1, 0.9, (n_variants, 1)), (n_variants, n_samples))
    return np.where(rng.random(dosage.shape) < missing, -1, dosage), rng


def test_logistic_test__flipped_permuted_and_named():
    dosage, rng = _genotypes(11, n_variants=30, n_samples=300)
    observed = (dosage >= 0).astype(float)
    dosage = np.maximum(dosage, 0).astype(float)
    dosage[0] = 0
    dosage[0, :6] = 1
    trait = (rng.random(300) < 0.2 + 0.2 * dosage[1]).astype(float)
    covariates = orthogonal_covariates(np.column_stack([np.ones(300), rng.normal(size=300)]))[0]
    design = Design(covariates, trait)
    beta, se, log10p, name = logistic_test(dosage, observed, design, fit_null(design))
    assert name[0] == "firth" and name[1] == "firth" and (name == "logistic").any()
    assert (log10p[name == "logistic"] <= -np.log10(0.05)).all()
    flipped = logistic_test(2 - dosage, observed, design, fit_null(design))
    np.testing.assert_allclose(flipped[0], -beta, atol=1e-5)
    np.testing.assert_allclose(flipped[2], log10p, atol=1e-5)
    order = rng.permutation(300)
    permuted = Design(covariates[order], trait[order])
    again = logistic_test(dosage[:, order], observed[:, order], permuted, fit_null(permuted))
    np.testing.assert_allclose(again[0], beta, atol=1e-5)
    np.testing.assert_allclose(again[1], se, atol=1e-5)


def test_logistic_test__complete_separation_is_finite():
    trait = np.repeat([0.0, 1.0], 100)
    dosage = np.stack([trait, np.tile([0.0, 1.0, 2.0, 1.0], 50)])
    design = Design(np.ones((200, 1)), trait)
    beta, se, log10p, name = logistic_test(dosage, np.ones_like(dosage), design, fit_null(design))
    assert name[0] == "firth" and np.isfinite([beta[0], se[0]]).all() and log10p[0] > 40


def test_logistic_test__covariate_separates():
    rng = np.random.default_rng(14)
    trait = (rng.random(400) < 0.3).astype(float)
    only_cases = trait * (rng.random(400) < 0.5)
    dosage = rng.binomial(2, 0.3, (30, 400)).astype(float)
    dosage[0] = np.arange(400) == 0
    covariates = orthogonal_covariates(np.column_stack([np.ones(400), only_cases]))[0]
    design = Design(covariates, trait)
    beta, se, log10p, name = logistic_test(dosage, np.ones_like(dosage), design, fit_null(design))
    assert set(name) == {"firth"} and np.isfinite([beta, se, log10p]).all()
    assert 0.5 < genomic_control(log10p) < 2


def test_linear_test__statsmodels():
    dosage, rng = _genotypes(15, n_variants=3, missing=0)
    trait = dosage[0] + rng.normal(size=150)
    design = Design(np.ones((150, 1)), trait)
    beta, _, log10p, name = linear_test(dosage.astype(float), np.ones((3, 150)), design)
    expected = sm.OLS(trait, sm.add_constant(dosage[0])).fit()
    assert beta[0] == pytest.approx(expected.params[1])
    assert log10p[0] == pytest.approx(-np.log10(expected.pvalues[1])) and set(name) == {"linear"}


def test_make_test__by_trait_type():
    dosage, rng = _genotypes(16, n_variants=20, missing=0)
    design = Design(np.ones((150, 1)), (rng.random(150) < 0.5).astype(float))
    given = dosage.astype(float), np.ones(dosage.shape)
    assert set(make_test(design, "quantitative")(*given)[3]) == {"linear"}
    assert set(make_test(design, "binary")(*given)[3]) <= {"logistic", "firth"}
