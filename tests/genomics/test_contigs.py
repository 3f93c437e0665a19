from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genomics.contigs import (
    CHROMOSOMES,
    canonical_contig,
    canonical_plink_contig,
    contig_naming,
    contig_rank,
    is_chromosome,
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("chr1", "1"),
        ("Chr22", "22"),
        ("chrM", "MT"),
        ("MT", "MT"),
        ("M", "MT"),
        ("chrX", "X"),
        ("y", "Y"),
        ("NC_000001.11", "NC_000001.11"),
        ("HLA-A*01:01:01:01", "HLA-A*01:01:01:01"),
        ("chr", "chr"),
    ],
)
def test_canonical_contig__known_spellings(name: str, expected: str) -> None:
    assert canonical_contig(name) == expected


@given(st.text(max_size=20))
def test_canonical_contig__leaves_a_chromosome_as_it_is(name: str) -> None:
    once = canonical_contig(name)
    if once in CHROMOSOMES:
        assert canonical_contig(once) == once
        assert canonical_contig("chr" + once) == once


@given(st.permutations(CHROMOSOMES))
def test_contig_rank__sorts_chromosomes_naturally(names: list[str]) -> None:
    assert sorted(["chr" + name for name in names], key=contig_rank) == ["chr" + n for n in CHROMOSOMES]


def test_contig_rank__others_come_last_by_name() -> None:
    assert sorted(["GL2", "MT", "GL1", "1"], key=contig_rank) == ["1", "MT", "GL1", "GL2"]


def test_canonical_plink_contig__numbers_beyond_22() -> None:
    names = ["23", "24", "25", "26", "5"]
    assert [canonical_plink_contig(name) for name in names] == ["X", "Y", "X", "MT", "5"]


def test_contig_naming__and_is_chromosome() -> None:
    assert contig_naming(["chr1", "chrX"]) == "chr"
    assert contig_naming(["1", "X", "GL000192.1"]) == "plain"
    assert contig_naming(["1", "chrX"]) == "mixed"
    assert contig_naming(["NC_000001.11"]) == "unknown"
    assert not is_chromosome("23")
