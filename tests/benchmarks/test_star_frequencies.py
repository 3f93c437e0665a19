"""Frequencies beside published ones: intervals against SciPy and Newcombe's own table, counts by hand, the record."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from benchmarks.record import RESULTS
from benchmarks.star_frequencies import (
    GENES,
    compare,
    count_called,
    difference_interval,
    read_published,
    wilson,
)
from varimol import tables


@pytest.mark.parametrize(("count", "total"), [(0, 30), (1, 30), (15, 148), (1320, 1320), (7, 5008)])
def test_wilson__against_scipy(count: int, total: int) -> None:
    expected = binomtest(count, total).proportion_ci(method="wilson")
    assert wilson(count, total) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((56, 70, 48, 80), (0.0524, 0.3339)),
        ((9, 10, 3, 10), (0.1705, 0.8090)),
        ((10, 10, 0, 20), (0.6791, 1.0)),
    ],
)
def test_difference_interval__newcombe_table_2(
    counts: tuple[int, ...], expected: tuple[float, float]
) -> None:
    assert difference_interval(*counts) == pytest.approx(expected, abs=5e-5)


def test_count_called__alleles_and_the_variants_they_carry() -> None:
    diplotypes = pd.DataFrame(
        [
            ("s1", "TPMT", 1, "*1/*3A", "called"),
            ("s2", "TPMT", 1, "*3A/*3C", "called"),
            ("s3", "TPMT", 1, "*1/*3B", "ambiguous"),
            ("s1", "TPMT", 2, "*3B/*3C", "called"),
            ("s1", "CYP2B6", 1, "*1/*6", "ambiguous"),
            ("s2", "CYP2B6", 1, "", "abstain"),
        ],
        columns=["sample_id", "gene", "rank", "diplotype", "status"],
    )
    populations = pd.Series({"s1": "EUR", "s2": "EUR", "s3": "EUR"})
    found = count_called(diplotypes, populations, tables.allele_definitions()).set_index(["gene", "what"])
    assert found.loc[("TPMT", "*3A"), "count"] == 2 and found.loc[("TPMT", "rs1142345"), "count"] == 3
    assert found.loc[("TPMT", "rs1800460"), "count"] == 2
    assert found.loc[("TPMT", "*3A"), "n_haplotypes"] == 4 and found.loc[("TPMT", "*3A"), "n_not_called"] == 1
    assert (
        found.loc[("CYP2B6", "rs3745274"), "count"] == 1 and found.loc[("CYP2B6", "*6"), "n_haplotypes"] == 2
    )


def test_compare__none_carries_it() -> None:
    counted = pd.DataFrame(
        [("TPMT", "*1", "EUR", 1000, 1000, 500, 6)],
        columns=["gene", "what", "population", "count", "n_haplotypes", "n_people", "n_not_called"],
    )
    published = pd.DataFrame(
        [("TPMT", "*2", "EUR", 0.002, 0, 0, "", "x"), ("TPMT", "*2", "EUR", 0.02, 1000, 0, "", "y")],
        columns=["gene", "what", "population", "frequency", "n_haplotypes", "same_people", "note", "source"],
    )
    found = compare(counted, published)
    assert found["count"].tolist() == [0, 0] and found["agrees"].tolist() == [True, False]
    assert np.isnan(found["difference_lower"][0]) and found["difference_upper"][1] < 0


def test_published__every_row_names_its_source_and_what_the_definitions_know() -> None:
    published = read_published()
    assert set(published["gene"]) == set(GENES) and published["source"].str.len().gt(8).all()
    assert published["frequency"].between(0, 1).all() and not published.duplicated().any()
    definitions = tables.allele_definitions()
    known = set(zip(definitions["gene"], definitions["allele"])) | set(
        zip(definitions["gene"], definitions["rsid"])
    )
    assert set(zip(published["gene"], published["what"])) <= known


def test_recorded_figures__agree() -> None:
    table = pd.read_csv(RESULTS / "star_frequencies.tsv", sep="\t")
    assert set(table["gene"]) == set(GENES)
    assert table.loc[table["same_people"], "agrees"].all()
    others = table[~table["same_people"]]
    # Of other people, and of the United States in part: most agree, and none is far off.
    assert others["agrees"].mean() > 0.7 and (others["difference"].abs() < 0.06).all()
    assert (table["lower"] <= table["frequency"] + 1e-4).all() and (
        table["frequency"] <= table["upper"] + 1e-4
    ).all()
