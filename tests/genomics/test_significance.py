import mpmath
import numpy as np
import pytest
from scipy import stats

from genomics.significance import chi2_from_log10p, log10p_chi2, log10p_normal, log10p_t


def _exact_t(t, df):
    with mpmath.workdps(60):
        x = mpmath.mpf(df) / (df + mpmath.mpf(t) ** 2)
        return float(-mpmath.log10(mpmath.betainc(mpmath.mpf(df) / 2, 0.5, 0, x, regularized=True)))


@pytest.mark.parametrize("t", [0.0, 0.5, 2.0, 12.0, 40.0, 300.0, 5000.0])
@pytest.mark.parametrize("df", [1, 7, 490, 2500])
def test_log10p_t__arbitrary_precision(t, df):
    assert float(log10p_t(t, df)) == pytest.approx(_exact_t(t, df), rel=1e-9, abs=1e-12)


def test_log10p_normal__beyond_double_range():
    with mpmath.workdps(60):
        expected = float(-mpmath.log10(mpmath.erfc(mpmath.mpf(100) / mpmath.sqrt(2))))
    assert float(log10p_normal(-100.0)) == pytest.approx(expected, rel=1e-12)


def test_log10p_chi2__scipy():
    statistic = np.array([0.0, 0.1, 1.0, 29.7, 600.0])
    np.testing.assert_allclose(
        log10p_chi2(statistic), -np.log10(stats.chi2.sf(statistic, 1)), rtol=1e-10, atol=1e-12
    )


def test_chi2_from_log10p__inverse():
    statistic = np.array([0.0, 1e-3, 1.0, 29.7, 5000.0])
    np.testing.assert_allclose(chi2_from_log10p(log10p_chi2(statistic)), statistic, rtol=1e-9, atol=1e-12)
    assert np.isnan(chi2_from_log10p(np.nan))


def test_log10p__nan_and_infinity():
    assert (
        np.isnan(log10p_t(np.nan, 10)) and np.isnan(log10p_normal(np.nan)) and np.isnan(log10p_chi2(np.nan))
    )
    assert np.isposinf(log10p_t(np.inf, 10))
