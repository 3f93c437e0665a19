from fractions import Fraction
from math import factorial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genomics.hardy_weinberg import hardy_weinberg_exact, inbreeding_coefficients


def _enumerated(hom_ref, het, hom_alt):
    """P and mid-p by rational arithmetic over every genotype table with these allele counts."""
    n, rare = hom_ref + het + hom_alt, het + 2 * min(hom_ref, hom_alt)
    weight = {
        h: Fraction(2**h, factorial(h) * factorial((rare - h) // 2) * factorial(n - h - (rare - h) // 2))
        for h in range(rare % 2, rare + 1, 2)
    }
    total = sum(weight.values())
    as_likely = sum(w for w in weight.values() if w == weight[het])
    rarer = sum(w for w in weight.values() if w < weight[het])
    return float((as_likely + rarer) / total), float((as_likely / 2 + rarer) / total)


def test_hardy_weinberg_exact__published_table():
    # Wigginton et al. (2005), table 1: 100 people, 21 copies of the rarer allele.
    p = hardy_weinberg_exact([84, 83], [11, 13], [5, 4])
    np.testing.assert_allclose(p, [0.000919, 0.010293], atol=5e-7)


def test_hardy_weinberg_exact__mn_blood_group():
    # 298 MM, 489 MN, 213 NN: p = 0.6557 (Graffelman, HardyWeinberg, J Stat Softw 64(3), 2015).
    assert float(hardy_weinberg_exact(298, 489, 213)) == pytest.approx(0.6556635, abs=5e-7)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_hardy_weinberg_exact__enumeration(hom_ref, het, hom_alt):
    p, mid_p = (float(hardy_weinberg_exact(hom_ref, het, hom_alt, mid_p=mid)) for mid in (False, True))
    assert (p, mid_p) == pytest.approx(_enumerated(hom_ref, het, hom_alt), rel=1e-12)
    assert p == float(hardy_weinberg_exact(hom_alt, het, hom_ref))
    assert mid_p == float(hardy_weinberg_exact(hom_alt, het, hom_ref, mid_p=True))


def test_hardy_weinberg_exact__monomorphic_and_empty():
    assert hardy_weinberg_exact([10, 0, 0], [0, 0, 0], [0, 10, 0]).tolist() == [1.0, 1.0, 1.0]


def test_hardy_weinberg_exact__large_cohort():
    assert float(hardy_weinberg_exact(250_000, 0, 250_000)) == 0.0
    assert 0.9 < float(hardy_weinberg_exact(250_000, 500_000, 250_000)) <= 1.0


def test_hardy_weinberg_exact__negative_count():
    with pytest.raises(ValueError, match="negative"):
        hardy_weinberg_exact(1, -1, 1)


@pytest.mark.parametrize("counts", [(600, 0, 150), (0, 450, 1), (350, 360, 40), (3, 900, 200)])
def test_hardy_weinberg_exact__enumeration_of_hundreds(counts):
    p, mid_p = _enumerated(*counts)
    assert float(hardy_weinberg_exact(*counts)) == pytest.approx(p, rel=1e-10)
    assert float(hardy_weinberg_exact(*counts, mid_p=True)) == pytest.approx(mid_p, rel=1e-10)


def test_hardy_weinberg_exact__mid_p_published():
    # MN blood group: 0.6330965 (Graffelman, HardyWeinberg, J Stat Softw 64(3), 2015).
    assert float(hardy_weinberg_exact(298, 489, 213, mid_p=True)) == pytest.approx(0.6330965, abs=5e-7)


def test_hardy_weinberg_exact__tables_as_likely_as_the_observed_count_half_in_mid_p():
    ties = [
        (n, rare, het)
        for n in range(2, 40)
        for rare in range(2, n + 1)
        for het in range(rare % 2, rare + 1, 2)
        if _ties(n, rare, het) > 1
    ]
    assert ties
    for n, rare, het in ties:
        counts = ((rare - het) // 2, het, n - het - (rare - het) // 2)
        expected = _enumerated(*counts)
        found = [float(hardy_weinberg_exact(*counts, mid_p=mid)) for mid in (False, True)]
        assert found == pytest.approx(expected, rel=1e-12)


def _ties(n, rare, het):
    def weight(h):
        return Fraction(2**h, factorial(h) * factorial((rare - h) // 2) * factorial(n - h - (rare - h) // 2))

    return sum(weight(h) == weight(het) for h in range(rare % 2, rare + 1, 2))


@given(st.integers(0, 3000), st.integers(0, 3000), st.integers(0, 3000))
def test_hardy_weinberg_exact__mid_p_between_half_of_p_and_p(hom_ref, het, hom_alt):
    p, mid_p = (float(hardy_weinberg_exact(hom_ref, het, hom_alt, mid_p=mid)) for mid in (False, True))
    assert 0 <= p / 2 <= mid_p * (1 + 1e-12)
    assert mid_p <= p <= 1


def test_hardy_weinberg_exact__snphwe():
    # The package snphwe 1.1.0 on the same counts (its function takes heterozygotes first).
    counts = [(57, 14, 50), (5, 0, 20), (412, 108, 3), (250, 500, 250), (90, 300, 280), (1406, 187, 5)]
    expected = [5.562047311095338e-19, 5.17217301953185e-06, 0.18035843369578042, 0.9999999999999997]
    expected += [0.5019116977567956, 0.8289752505990197]
    np.testing.assert_allclose(hardy_weinberg_exact(*np.transpose(counts)), expected, rtol=1e-12)


def test_inbreeding_coefficients__no_heterozygotes_expected():
    counts = (np.array([5, 0]), np.array([0, 0]), np.array([0, 0]))
    assert np.isnan(inbreeding_coefficients(*counts)).all()
