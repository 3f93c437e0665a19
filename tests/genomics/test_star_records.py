from __future__ import annotations

import pytest

from genomics.star_alleles import StarSite
from genomics.star_match import OTHER
from genomics.star_records import allele_codes

UGT1A1 = StarSite(
    "rs3064744", {"GRCh38": 100, "GRCh37": None}, {"GRCh38": "CAT", "GRCh37": "CAT"}, ("CAT", "C", "CATAT")
)


@pytest.mark.parametrize(
    ("position", "alleles", "expected"),
    [
        (100, ("CAT", "CATAT", "C"), [0, 2, 1]),
        (100, ("C", "CAT"), [0, 2]),
        (100, ("CAT", "CATATAT"), [0, OTHER]),
        (100, ("CATG", "CATATG", "G"), [0, 2, OTHER]),
        (100, ("C", "G"), None),
        (100, ("C",), [0]),
        (102, ("T", "G"), None),
    ],
)
def test_allele_codes__repeat_written_in_many_ways(
    position: int, alleles: tuple[str, ...], expected: list[int] | None
) -> None:
    told = allele_codes(UGT1A1, "GRCh38", position, alleles)
    assert (told if told is None else told.tolist()) == expected


SNV = StarSite("rs1", {"GRCh38": 101, "GRCh37": 201}, {"GRCh38": "G", "GRCh37": "A"}, ("G", "A"))


@pytest.mark.parametrize(
    ("build", "position", "alleles", "expected"),
    [
        ("GRCh38", 101, ("G", "A", "T"), [0, 1, OTHER]),
        ("GRCh38", 101, ("G", "<NON_REF>"), [0, OTHER]),
        ("GRCh38", 101, ("G", "A", "*"), [0, 1, OTHER]),
        ("GRCh37", 201, ("A", "G"), [1, 0]),
        ("GRCh38", 101, ("A", "G"), [1, 0]),
        ("GRCh38", 101, ("T", "G"), None),
        ("GRCh38", 101, ("G", "GT"), None),
        ("GRCh38", 100, ("TG", "TA", "T"), [0, 1, OTHER]),
        ("GRCh38", 99, ("CT", "C"), None),
    ],
)
def test_allele_codes__substitution(
    build: str, position: int, alleles: tuple[str, ...], expected: list[int] | None
) -> None:
    told = allele_codes(SNV, build, position, alleles)
    assert (told if told is None else told.tolist()) == expected
