from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genomics.ingest import ingest
from genomics.star_alleles import StarGene, StarSite
from genomics.star_find import RecordIndex, covered_sites, find_records, index_records

SITES = tuple(
    StarSite(f"rs{p}", {"GRCh38": p, "GRCh37": None}, {"GRCh38": "G", "GRCh37": ""}, ("G", "A"))
    for p in (50_000, 50_010, 90_000)
)
GENE = StarGene("GENE", "2", ("*1",), SITES, np.ones((1, 3, 2), dtype=bool), np.ones(1), np.ones(1))


@pytest.fixture
def cohort(make_vcf: Callable[..., Path], tmp_path: Path) -> Any:
    records = [
        "chr2 49990 . ACCCCCCCCCG ACCCCCCCCCA . PASS . GT 0/1",
        "chr2 50005 . A C . PASS . GT 0/1",
        "chr2 90000 . G A . PASS . GT 0/1",
        "chr3 50010 . G A . PASS . GT 0/1",
        "chrUn_KI270302v1 50010 . G A . PASS . GT 0/1",
    ]
    return ingest(make_vcf(records, samples=["A"]), tmp_path / "c.vcz", build="GRCh38")


def test_find_records__long_records_and_chr_names(cohort: Any) -> None:
    found = find_records(cohort, index_records(cohort), GENE, "GRCh38")
    assert found.records.tolist() == [0, 2]
    told = {site: [(k, codes.tolist()) for k, codes in records] for site, records in found.told.items()}
    assert told == {0: [(0, [0, 1])], 2: [(1, [0, 1])]}


def test_find_records__reasons_for_what_is_not_used_stay_short(
    make_vcf: Callable[..., Path], tmp_path: Path
) -> None:
    bases = ["GC"] * 8 + ["CT", "TC", "AC", "CA", "GA"]
    sites = tuple(
        StarSite(f"rs{p}", {"GRCh38": p, "GRCh37": None}, {"GRCh38": ref, "GRCh37": ""}, (ref, alt))
        for p, (ref, alt) in enumerate(bases, start=100)
    )
    gene = StarGene("GENE", "2", ("*1",), sites, np.ones((1, 13, 2), dtype=bool), np.ones(1), np.ones(1))
    other = dict(zip("ACGT", "GTAC", strict=True))
    records = [
        f"2 {p} . {ref if alt == 'C' and ref == 'G' else other[ref]} N . PASS . GT 0/0"
        for p, (ref, alt) in enumerate(bases, start=100)
    ]
    cohort = ingest(make_vcf(records, samples=["A"]), tmp_path / "odd.vcz", build="GRCh38")
    notes = find_records(cohort, index_records(cohort), gene, "GRCh38", use_palindromic=False).notes
    assert [note.split(":")[0] for note in notes] == [
        "rs100, rs101, rs102, rs103, rs104 and 3 more", "rs108", "rs109", "nor are records at 3 more sites",
    ]  # fmt: skip
    assert "other strand" in notes[0] and "has T where the reference has C" in notes[1]


def test_index_records__contigs_are_named_one_way(cohort: Any) -> None:
    assert index_records(cohort).contigs.tolist() == ["2", "2", "2", "3", "other"]
    assert index_records(cohort).lengths.tolist() == [11, 1, 1, 1, 1]


def test_find_records__gene_without_a_place_on_the_build(cohort: Any) -> None:
    found = find_records(cohort, index_records(cohort), GENE, "GRCh37")
    assert not len(found.records) and not found.told


def test_overlapping__counts_the_whole_of_a_record() -> None:
    index = RecordIndex(np.array(["2", "2", "3"]), np.array([10, 20, 10]), np.array([5, 1, 5]))
    assert index.overlapping("2", 14, 19).tolist() == [0]
    assert index.overlapping("2", 15, 20).tolist() == [1]


def test_covered_sites__records_on_both_sides_within_ten_thousand_bases() -> None:
    assert covered_sites(GENE, "GRCh38", np.array([45_000, 55_000])).tolist() == [True, True, False]
    assert covered_sites(GENE, "GRCh38", np.array([50_005, 95_000])).tolist() == [False, False, False]
    assert covered_sites(GENE, "GRCh38", np.array([90_000])).tolist() == [False, False, True]
    assert not covered_sites(GENE, "GRCh38", np.array([], dtype=int)).any()
