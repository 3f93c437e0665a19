from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from genomics.errors import InputError
from genomics.ingest import ingest
from genomics.star_alleles import StarGene, StarSite
from genomics.star_find import index_records
from genomics.star_undocumented import find_undocumented

REGIONS = pd.DataFrame(
    [("GENE", "2", 900, 2100, 500, 600), ("NOWHERE", "2", None, None, None, None)],
    columns=["gene", "contig", "start_grch38", "end_grch38", "start_grch37", "end_grch37"],
)
EXONS = pd.DataFrame(
    [("GENE", "GRCh38", 2011, 2100), ("GENE", "GRCh37", 1, 9)], columns=["gene", "build", "start", "end"]
)
RECORDS = [
    "2 800 . G A . PASS . GT 0/1 0/1 0/1",  # beyond the gene
    "2 1000 . G A . PASS . GT 0/1 1/1 0/0",  # known
    "2 1000 . G T . PASS . GT 0/1 ./. 0/0",
    "2 1010 . C T,G . PASS . GT 1/2 0/0 2/2",  # T alone is known
    "2 1050 . A G . low . GT 0/1 0/1 0/1",  # filtered
    "2 1060 . A <DEL> . PASS . GT 0/1 0/1 0/1",
    "2 2004 . TAT T,TATAT . PASS . GT 0/1 1/2 0/0",  # known, one period further right
    "2 2010 . TA TAA,T . PASS . GT 0/1 1|1 0/0",
]


def site(position: int, *bases: str, shifts: tuple[int, ...] = ()) -> StarSite:
    return StarSite(
        f"rs{position}",
        {"GRCh38": position, "GRCh37": None},
        {"GRCh38": bases[0], "GRCh37": ""},
        bases,
        shifts,
    )


SITES = (
    site(1000, "G", "A"),
    site(1010, "C", "T"),
    site(2000, "CAT", "C", "CATAT", shifts=(0, 13, 15)),
)
GENE = StarGene("GENE", "2", ("*1",), SITES, np.ones((1, 3, 3), dtype=bool), np.ones(1), np.ones(1))


@pytest.fixture
def cohort(make_vcf: Callable[..., Path], tmp_path: Path) -> Any:
    records = [line.replace("low", "q10") for line in RECORDS]
    return ingest(make_vcf(records, samples=["A", "B", "C"]), tmp_path / "c.vcz", build="GRCh38")


def find(cohort: Any, build: str = "GRCh38", **options: Any) -> Any:
    return find_undocumented(cohort, index_records(cohort), REGIONS, EXONS, [GENE], build, **options)


def test_find_undocumented__neither_known_variants_nor_their_other_writings(cohort: Any) -> None:
    found = find(cohort).carriers
    columns = ["sample_id", "gene", "contig", "position", "ref", "alt", "copies"]
    assert found[columns].values.tolist() == [
        ["A", "GENE", "2", 1000, "G", "T", 1],
        ["A", "GENE", "2", 1010, "C", "G", 1],
        ["A", "GENE", "2", 2010, "TA", "TAA", 1],
        ["B", "GENE", "2", 2010, "TA", "TAA", 2],
        ["C", "GENE", "2", 1010, "C", "G", 2],
    ]


def test_find_undocumented__counts_what_the_carriers_list(cohort: Any) -> None:
    found = find(cohort)
    # Nobody carries the other deletion of the last record.
    assert found.variants[["position", "alt", "n_called", "n_carriers", "n_copies"]].values.tolist() == [
        [1000, "T", 2, 1, 1], [1010, "G", 3, 2, 3], [2010, "TAA", 3, 2, 3],
    ]  # fmt: skip
    keys = ["gene", "position", "ref", "alt"]
    summed = found.carriers.groupby(keys, as_index=False).agg(
        n_carriers=("copies", "size"), n_copies=("copies", "sum")
    )
    assert summed.values.tolist() == found.variants[[*keys, "n_carriers", "n_copies"]].values.tolist()


def test_find_undocumented__tells_sites_exons_and_the_rest_apart(cohort: Any) -> None:
    assert find(cohort).variants["place"].tolist() == ["site", "site", "exon"]
    elsewhere = EXONS.assign(start=2013)
    found = find_undocumented(cohort, index_records(cohort), REGIONS, elsewhere, [GENE], "GRCh38")
    assert found.variants["place"].tolist()[-1] == "exon"  # two bases of the intron belong to it
    elsewhere = EXONS.assign(start=2014)
    few = find_undocumented(
        cohort, index_records(cohort), REGIONS, elsewhere, [GENE], "GRCh38", named_elsewhere=False
    )
    assert few.variants["place"].tolist()[-1] == "elsewhere" and len(few.variants) == 3
    assert few.carriers["position"].tolist() == [1000, 1010, 1010]


def test_find_undocumented__no_gene_has_a_place_on_the_build(cohort: Any) -> None:
    nowhere = find_undocumented(cohort, index_records(cohort), REGIONS.tail(1), EXONS, [GENE], "GRCh38")
    assert nowhere.variants.empty and list(nowhere.variants) == list(find(cohort).variants)
    assert nowhere.carriers.empty and find(cohort, "GRCh37").variants.empty


@pytest.mark.parametrize(("table", "column"), [("genes", "end_grch38"), ("exons", "start")])
def test_find_undocumented__table_without_a_column_is_refused(cohort: Any, table: str, column: str) -> None:
    given = {"genes": REGIONS, "exons": EXONS}
    given[table] = given[table].drop(columns=column)
    with pytest.raises(InputError, match=f"field {column}: the table of {table}"):
        find_undocumented(cohort, index_records(cohort), *given.values(), [GENE], "GRCh38")
