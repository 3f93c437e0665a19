"""The prior of star alleles: what was counted, what was never seen, and what nobody could count."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genomics.star_alleles import (
    SMOOTHING,
    UNCOUNTED_FREQUENCY,
    UNSEEN_FREQUENCY,
    floor_frequencies,
    read_definitions,
    smooth_frequencies,
)
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
