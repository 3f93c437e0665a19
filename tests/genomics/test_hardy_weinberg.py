from fractions import Fraction
from math import factorial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genomics.hardy_weinberg import hardy_weinberg_exact, heterozygote_log_probabilities


def _enumerated(hom_ref, het, hom_alt):
    """Rational arithmetic over every genotype table with these allele counts."""
    n, rare = hom_ref + het + hom_alt, het + 2 * min(hom_ref, hom_alt)
    weight = {
        h: Fraction(2**h, factorial(h) * factorial((rare - h) // 2) * factorial(n - h - (rare - h) // 2))
        for h in range(rare % 2, rare + 1, 2)
    }
    return float(sum(w for w in weight.values() if w <= weight[het]) / sum(weight.values()))


def test_hardy_weinberg_exact__published_table():
    # Wigginton et al. (2005), table 1: 100 people, 21 copies of the rarer allele.
    p = hardy_weinberg_exact([84, 83], [11, 13], [5, 4])
    np.testing.assert_allclose(p, [0.000919, 0.010293], atol=5e-7)


def test_hardy_weinberg_exact__mn_blood_group():
    # 298 MM, 489 MN, 213 NN: p = 0.6557 (Graffelman, HardyWeinberg, J Stat Softw 64(3), 2015).
    assert float(hardy_weinberg_exact(298, 489, 213)) == pytest.approx(0.6556635, abs=5e-7)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_hardy_weinberg_exact__enumeration(hom_ref, het, hom_alt):
    p = float(hardy_weinberg_exact(hom_ref, het, hom_alt))
    assert p == pytest.approx(_enumerated(hom_ref, het, hom_alt), rel=1e-8)
    assert p == float(hardy_weinberg_exact(hom_alt, het, hom_ref))


def test_hardy_weinberg_exact__monomorphic_and_empty():
    assert hardy_weinberg_exact([10, 0, 0], [0, 0, 0], [0, 10, 0]).tolist() == [1.0, 1.0, 1.0]


def test_hardy_weinberg_exact__large_cohort():
    assert float(hardy_weinberg_exact(250_000, 0, 250_000)) == 0.0
    assert 0.9 < float(hardy_weinberg_exact(250_000, 500_000, 250_000)) <= 1.0


def test_hardy_weinberg_exact__negative_count():
    with pytest.raises(ValueError, match="negative"):
        hardy_weinberg_exact(1, -1, 1)


def test_heterozygote_log_probabilities__sum_to_one():
    het, log_p = heterozygote_log_probabilities(21, 100)
    assert het[0] == 1 and het[-1] == 21
    assert np.exp(log_p).sum() == pytest.approx(1.0)
