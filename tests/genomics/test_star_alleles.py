"""The prior of star alleles: what was counted, what was never seen, and what nobody could count."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genomics.star_alleles import (
    SMOOTHING,
    UNCOUNTED_FREQUENCY,
    UNSEEN_FREQUENCY,
    StarGene,
    StarSite,
    floor_frequencies,
    read_definitions,
    smooth_frequencies,
)
from genomics.star_match import UNKNOWN, CallPattern, emissions, match_diplotypes
from varimol import tables

ONE_SHARE = st.floats(0, 1)


@given(st.lists(st.tuples(ONE_SHARE, ONE_SHARE, ONE_SHARE), min_size=1, max_size=4), ONE_SHARE)
def test_smooth_frequencies__keeps_the_mean_and_the_order(
    shares: list[tuple[float, ...]], amount: float
) -> None:
    plain = np.array(shares)
    found = smooth_frequencies(plain, amount)
    np.testing.assert_allclose(found.mean(axis=0), plain.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(
        found - found.mean(axis=0), (1 - amount) * (plain - plain.mean(axis=0)), atol=1e-12
    )
    np.testing.assert_allclose(
        found.sum(axis=1), (1 - amount) * plain.sum(axis=1) + amount * plain.sum() / len(plain)
    )


def test_floor_frequencies__tells_never_seen_from_never_counted() -> None:
    assert UNSEEN_FREQUENCY < UNCOUNTED_FREQUENCY < 1 / 5008
    found = floor_frequencies(np.array([[0.5, 0.0, np.nan, UNSEEN_FREQUENCY / 2]]))
    assert found.tolist() == [[0.5, UNSEEN_FREQUENCY, UNCOUNTED_FREQUENCY, UNSEEN_FREQUENCY]]


def test_read_definitions__weights_are_of_the_counts() -> None:
    """NUDT15: *3 was counted in five populations, *7 never seen, *2 has an insertion that the panel has not."""
    definitions = tables.allele_definitions().query("gene == 'NUDT15'")
    gene = next(read_definitions(definitions))
    counted = tables.allele_frequencies().query("gene == 'NUDT15'").set_index("allele")
    plain = counted.loc["*3", list(tables.POPULATIONS)].to_numpy(float)
    star = gene.alleles.index
    np.testing.assert_allclose(
        gene.weights[:, star("*3")], (1 - SMOOTHING) * plain + SMOOTHING * plain.mean()
    )
    assert counted.loc["*7", "count"] == 0 and np.isnan(counted.loc["*2", "count"])
    assert (gene.weights[:, star("*7")] == UNSEEN_FREQUENCY).all()
    assert (gene.weights[:, star("*2")] == UNCOUNTED_FREQUENCY).all()
    # What the status is told by stays as counted.
    assert gene.frequencies[star("*7")] == 0 and np.isnan(gene.frequencies[star("*2")])


def test_read_definitions__a_share_of_one_population_stands_in_for_all() -> None:
    definitions = tables.allele_definitions().query("gene == 'CYP2B6'")
    gene = next(read_definitions(definitions))
    assert gene.weights[:, gene.alleles.index("*6")] == pytest.approx([0.328] * 5)


def test_read_definitions__optional_variants_are_as_common_as_was_counted() -> None:
    """CYP2C19*2 may have rs58973490 (A); 4 of its 1,108 haplotypes in 1000 Genomes do."""
    counted = tables.allele_frequencies().query("gene == 'CYP2C19' and allele == '*2'").iloc[0]
    assert counted["count"] == 1108 and counted["optional_variants"] == "rs58973490 A 0.00406"
    definitions = tables.allele_definitions().query("gene == 'CYP2C19'")
    shares = tables.allele_frequencies()[["gene", "allele", "optional_variants"]]
    told = definitions.drop(columns="optional_variants", errors="ignore").merge(shares, on=["gene", "allele"])
    gene = next(read_definitions(told))
    place = gene.alleles.index("*2"), [site.name for site in gene.sites].index("rs58973490")
    assert emissions(gene)[place].tolist()[:2] == [0.5, 0.5]
    assert emissions(gene, counted=True)[place].tolist()[:2] == pytest.approx([0.99594, 0.00406])
    assert set(gene.optional_shares) == {
        place,
        (gene.alleles.index("*35"), [site.name for site in gene.sites].index("rs17882687")),
    }
    assert not next(read_definitions(told.drop(columns="optional_variants"))).optional_shares


def test_match_diplotypes__optional_variants_count_with_frequencies_alone() -> None:
    """A second allele that has the variant one time in ten, or not; with all alleles alike, one time in two."""
    sites = tuple(StarSite(f"rs{n}", {}, {}, ("A", "C")) for n in (1, 2))
    allowed = np.array([[[1, 0], [1, 0]], [[0, 1], [1, 1]]], dtype=bool)
    gene = StarGene(
        "G", "1", ("*1", "*2"), sites, allowed, np.array([0.6, 0.4]), np.full(2, np.nan),
        optional_shares={(1, 1): np.array([0.9, 0.1])},
    )  # fmt: skip
    calls = CallPattern(np.array([[UNKNOWN, UNKNOWN], [0, 0]]), np.zeros(2, dtype=int))
    found = match_diplotypes(gene, calls)
    weights = {(0, 0): 0.6**2, (0, 1): 2 * 0.6 * 0.36, (1, 1): 0.36**2}
    said = dict(zip(map(tuple, found.pairs), found.posterior, strict=True))
    assert said == pytest.approx({pair: weight / 0.96**2 for pair, weight in weights.items()})
    alike = match_diplotypes(gene.without_frequencies(), calls)
    for told in (found.posterior_no_prior, alike.posterior):
        np.testing.assert_allclose(sorted(told), np.array([1, 4, 4]) / 9)
    one = match_diplotypes(gene, replace(calls, haploid=True))
    np.testing.assert_allclose(one.posterior, np.array([0.6, 0.36]) / 0.96)
    np.testing.assert_allclose(one.posterior_no_prior, [2 / 3, 1 / 3])
