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
from genomics.star_undocumented import undocumented_carriers, undocumented_variants

REGIONS = pd.DataFrame(
    [("GENE", "2", 900, 2100, 500, 600), ("NOWHERE", "2", None, None, None, None)],
    columns=["gene", "contig", "start_grch38", "end_grch38", "start_grch37", "end_grch37"],
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


def test_undocumented_carriers__neither_known_variants_nor_their_other_writings(cohort: Any) -> None:
    blocks = undocumented_carriers(cohort, index_records(cohort), REGIONS, [GENE], "GRCh38")
    found = pd.concat(blocks, ignore_index=True)
    assert found.values.tolist() == [
        ["A", "GENE", "2", 1000, "G", "T", 1],
        ["A", "GENE", "2", 1010, "C", "G", 1],
        ["C", "GENE", "2", 1010, "C", "G", 2],
        ["A", "GENE", "2", 2010, "TA", "TAA", 1],
        ["B", "GENE", "2", 2010, "TA", "TAA", 2],
    ]


def test_undocumented_variants__count_what_the_carriers_list(cohort: Any) -> None:
    index = index_records(cohort)
    found = undocumented_variants(cohort, index, REGIONS, [GENE], "GRCh38")
    # Nobody carries the other deletion of the last record.
    assert found[["position", "alt", "n_called", "n_carriers", "n_copies"]].values.tolist() == [
        [1000, "T", 2, 1, 1], [1010, "G", 3, 2, 3], [2010, "TAA", 3, 2, 3],
    ]  # fmt: skip
    assert undocumented_variants(cohort, index, REGIONS, [GENE], "GRCh38", genes=["OTHER"]).empty
    assert undocumented_variants(cohort, index, REGIONS, [GENE], "GRCh37").empty


def test_undocumented_variants__table_without_a_column_is_refused(cohort: Any) -> None:
    with pytest.raises(InputError, match="field end_grch38"):
        undocumented_variants(
            cohort, index_records(cohort), REGIONS.drop(columns="end_grch38"), [GENE], "GRCh38"
        )
