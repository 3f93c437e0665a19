import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from genomics.linear import fit_linear, orthogonal_covariates, residualise
from genomics.logistic import Design


def _data(seed=0, n=300, n_variants=12, missing=0.1):
    rng = np.random.default_rng(seed)
    covariates = np.column_stack([np.ones(n), rng.normal(50, 10, n), rng.integers(0, 2, n)])
    dosage = rng.binomial(2, rng.uniform(0.05, 0.5, (n_variants, 1)), (n_variants, n)).astype(float)
    observed = (rng.random((n_variants, n)) >= missing).astype(float)
    observed[0] = 1.0
    trait = 0.05 * covariates[:, 1] + 0.4 * dosage[1] + rng.normal(size=n)
    return covariates, dosage, observed, trait


def test_fit_linear__statsmodels():
    covariates, dosage, observed, trait = _data()
    basis, _ = orthogonal_covariates(covariates)
    filled = np.where(observed > 0, dosage, 0.77)
    beta, se, freedom = fit_linear(filled, observed, Design(basis, trait))
    for i in range(len(dosage)):
        seen = observed[i] > 0
        expected = sm.OLS(trait[seen], np.column_stack([covariates, dosage[i]])[seen]).fit()
        assert beta[i] == pytest.approx(expected.params[-1], rel=1e-9)
        assert se[i] == pytest.approx(expected.bse[-1], rel=1e-9)
        assert freedom[i] == expected.df_resid


def test_fit_linear__monomorphic_or_collinear():
    covariates, dosage, observed, trait = _data()
    dosage[0], dosage[1] = 1.0, covariates[:, 2]
    dosage[2] = np.where(observed[2] > 0, 2.0, 0.5)
    observed[3] = 0.0
    basis, _ = orthogonal_covariates(covariates)
    beta, se, _ = fit_linear(dosage, observed, Design(basis, trait))
    assert np.isnan(beta[:4]).all() and np.isnan(se[:4]).all()
    assert np.isfinite(beta[4:]).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(-1e4, 1e4), st.floats(0.01, 100))
def test_fit_linear__shift_and_scale_of_trait(seed, shift, scale):
    covariates, dosage, observed, trait = _data(seed, n=60, n_variants=3)
    basis, _ = orthogonal_covariates(covariates)
    beta, se, _ = fit_linear(dosage, observed, Design(basis, trait))
    moved, moved_se, _ = fit_linear(dosage, observed, Design(basis, trait * scale + shift))
    np.testing.assert_allclose(moved, beta * scale, rtol=1e-6, atol=1e-8 * scale)
    np.testing.assert_allclose(moved_se, se * scale, rtol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_fit_linear__flipped_alleles_and_permuted_samples(seed):
    covariates, dosage, observed, trait = _data(seed, n=60, n_variants=3)
    order = np.random.default_rng(seed).permutation(60)
    basis, _ = orthogonal_covariates(covariates)
    beta, se, _ = fit_linear(dosage, observed, Design(basis, trait))
    flipped, flipped_se, _ = fit_linear(2 - dosage, observed, Design(basis, trait))
    permuted, _, _ = fit_linear(dosage[:, order], observed[:, order], Design(basis[order], trait[order]))
    np.testing.assert_allclose(flipped, -beta, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(flipped_se, se, rtol=1e-8)
    np.testing.assert_allclose(permuted, beta, rtol=1e-8, atol=1e-10)


def test_orthogonal_covariates__dependent_columns_left_out():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 50))
    basis, kept = orthogonal_covariates(np.column_stack([np.ones(50), a, 3 * a - 2, b, np.full(50, 7.0)]))
    assert kept == [0, 1, 3]
    np.testing.assert_allclose(basis.T @ basis / 50, np.eye(3), atol=1e-12)


def test_residualise__orthogonal_to_covariates():
    covariates, dosage, _, _ = _data()
    basis, _ = orthogonal_covariates(covariates)
    np.testing.assert_allclose(residualise(dosage, basis) @ covariates, 0.0, atol=1e-8)
