"""Stepwise signals against least squares of statsmodels and against plink2 --condition."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from genomics.associate import associate
from genomics.conditional import independent_signals
from genomics.phenotype import Phenotypes
from genomics.quality import QualityPolicy, assess_quality


@pytest.fixture
def linked(make_cohort):
    """Two causal variants, a proxy of the first, and noise."""
    rng = np.random.default_rng(7)
    n = 600
    first, second = rng.binomial(2, 0.4, n), rng.binomial(2, 0.3, n)
    proxy = np.where(rng.random(n) < 0.9, first, rng.binomial(2, 0.4, n))
    noise = rng.binomial(2, 0.3, (5, n))
    cohort = make_cohort(np.vstack([first, proxy, second, noise]).astype(int))
    values = 1.0 * first - 0.7 * second + rng.normal(size=n)
    covariates = pd.DataFrame({"age": rng.normal(size=n)})
    trait = Phenotypes("dose", "quantitative", values, covariates, n, 0)
    return cohort, trait, (first, proxy, second)


def scan(cohort, trait):
    quality = assess_quality(cohort, QualityPolicy(min_hwe_p=0.0))
    return quality, associate(cohort, quality, trait)


def test_independent_signals__proxy_is_not_a_signal(linked):
    cohort, trait, _ = linked
    quality, table = scan(cohort, trait)
    ids = cohort.variants["variant_id"].tolist()
    assert (table.set_index("variant_id").loc[ids[1], "log10p"]) > 7.3  # the proxy alone is significant
    found = independent_signals(cohort, quality, trait, None, table)
    assert found["variant_id"].tolist() == [ids[0], ids[2]]
    assert found["order"].tolist() == [1, 2]


def test_independent_signals__equals_statsmodels_given_the_first(linked):
    sm = pytest.importorskip("statsmodels.api")
    cohort, trait, (first, _, second) = linked
    quality, table = scan(cohort, trait)
    found = independent_signals(cohort, quality, trait, None, table)
    design = sm.add_constant(np.column_stack([second, trait.covariates["age"], first]))
    fit = sm.OLS(trait.values, design).fit()
    assert found["beta"].iloc[1] == pytest.approx(fit.params[1], rel=1e-6)
    assert found["se"].iloc[1] == pytest.approx(fit.bse[1], rel=1e-6)
    assert found["log10p"].iloc[1] == pytest.approx(-np.log10(fit.pvalues[1]), rel=1e-5)


def test_independent_signals__nothing_in_a_shuffled_trait(linked):
    cohort, trait, _ = linked
    shuffled = np.random.default_rng(1).permutation(trait.values)
    null = Phenotypes("dose", "quantitative", shuffled, trait.covariates, len(shuffled), 0)
    quality, table = scan(cohort, null)
    assert independent_signals(cohort, quality, null, None, table).empty
