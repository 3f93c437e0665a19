"""Copies of a gene from symbolic records."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genomics.ingest import ingest
from genomics.star_copy_number import COPY_NUMBER_COLUMNS, read_copy_numbers
from genomics.star_sites import index_records

FIELDS = ("FORMAT/CN", "FORMAT/GQ", "INFO/SVLEN")
REGIONS = pd.DataFrame([("CYP2D6", "22", 42126578, 42130782)], columns=["gene", "contig", "start", "end"])
BEFORE, BEHIND = 42123000, 42135000
HEADER = """##fileformat=VCFv4.2
##FILTER=<ID=low,Description="low">
##contig=<ID=chr21>
##contig=<ID=chr22>
##INFO=<ID=END,Number=1,Type=Integer,Description="end">
##INFO=<ID=SVLEN,Number=.,Type=Integer,Description="length">
##FORMAT=<ID=GT,Number=1,Type=String,Description="genotype">
##FORMAT=<ID=CN,Number=1,Type={cn},Description="copies">
##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="quality">
"""
# A record in few words: position, ALT, INFO, FORMAT, the samples' calls.
Record = tuple[int, str, str, str, list[str]]


@pytest.fixture
def copies(tmp_path: Path) -> Callable[..., pd.DataFrame]:
    """Return a function that ingests records of chr22 and reads the copies of CYP2D6."""

    def make(
        records: list[Record], *, contig: str = "chr22", status: str = "PASS", min_gq: int | None = None,
        fields: tuple[str, ...] | None = FIELDS, ref: str = "N", cn: str = "Integer", regions: pd.DataFrame = REGIONS,
    ) -> pd.DataFrame:  # fmt: skip
        names = "\t".join(f"S{i}" for i in range(len(records[0][4])))
        lines = [f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}"]
        for position, alt, info, keys, calls in sorted(records):
            fixed = [contig, str(position), ".", ref, alt, ".", status, info, keys]
            lines.append("\t".join([*fixed, *calls]))
        path = tmp_path / "in.vcf"
        path.write_text(HEADER.format(cn=cn) + "\n".join(lines) + "\n")
        cohort: Any = ingest(path, tmp_path / "in.vcz", build="GRCh38", fields=fields)
        return read_copy_numbers(cohort, index_records(cohort), regions, min_gq=min_gq)

    return make


def numbers(table: pd.DataFrame) -> list[float | None]:
    return [None if math.isnan(value) else value for value in table["copy_number"]]


@pytest.mark.parametrize(
    ("alt", "calls", "expected"),
    [
        ("<DEL>", ["0/0", "0/1", "1|1", "./.", "0/."], [None, 1, 0, None, None]),
        ("<DUP:TANDEM>", ["0/0", "0/1", "1/1", "./1", "."], [None, 3, 4, None, None]),
        ("<CN0>,<CN2>,<CN3>", ["0/0", "0/1", "0|2", "1/2", "3/3"], [2, 1, 3, 2, 6]),
        ("<CNV>", ["0/0", "0/1", "./.", "1/1", "0"], [2, None, None, None, 1]),
    ],
)
def test_read_copy_numbers__from_calls(
    copies: Callable[..., pd.DataFrame], alt: str, calls: list[str], expected: list[float | None]
) -> None:
    table = copies([(BEFORE, alt, f"END={BEHIND}", "GT", calls)])
    assert list(table.columns) == COPY_NUMBER_COLUMNS
    assert numbers(table) == expected
    assert not table["hybrid_suspected"].any()
    assert table.loc[0, "evidence"] == f"22:{BEFORE}-{BEHIND} {alt} {calls[0]}"
    # A call that tells nothing is no evidence.
    assert all(
        (not text) == ("." in call and "1" not in call) for text, call in zip(table["evidence"], calls)
    )


@pytest.mark.parametrize("cn", ["Integer", "Float"])
def test_read_copy_numbers__stated_number_comes_before_the_call(
    copies: Callable[..., pd.DataFrame], cn: str
) -> None:
    calls = ["0/1:4", "0/1:.", "0/0:2", "./.:3", "./1:3"]
    table = copies([(BEFORE, "<DUP>", f"END={BEHIND}", "GT:CN", calls)], cn=cn)
    assert numbers(table) == [4, 3, 2, 3, 3]
    alone = copies([(BEFORE, "<CNV>", f"END={BEHIND}", "CN", ["0", "1", "2", "5", "."])], cn=cn)
    assert numbers(alone) == [0, 1, 2, 5, None]


def test_read_copy_numbers__absence_is_never_two_copies(copies: Callable[..., pd.DataFrame]) -> None:
    snv = (42126611, "G", ".", "GT", ["0/1", "0/0"])
    for records in ([snv], [snv, (42000000, "<DEL>", "END=42010000", "GT", ["0/1", "0/0"])]):
        table = copies(records, ref="C")
        assert table["copy_number"].isna().all()
        assert not table["hybrid_suspected"].any() and not any(table["evidence"])
    elsewhere = copies([(BEFORE, "<DEL>", f"END={BEHIND}", "GT", ["0/1"])], contig="chr21")
    assert elsewhere["copy_number"].isna().all()


def test_read_copy_numbers__failed_and_doubtful_calls_say_nothing(
    copies: Callable[..., pd.DataFrame],
) -> None:
    record = (BEFORE, "<DEL>", f"END={BEHIND}", "GT:GQ", ["0/1:5", "0/1:60", "0/0:5"])
    assert numbers(copies([record], min_gq=20)) == [None, 1, None]
    assert numbers(copies([record])) == [1, 1, None]
    assert numbers(copies([record], status="low")) == [None, None, None]


def test_read_copy_numbers__length_stands_in_for_a_missing_end(copies: Callable[..., pd.DataFrame]) -> None:
    length = BEHIND - BEFORE
    deletion = (BEFORE, "<DEL>", f"SVLEN=-{length}", "GT", ["0/1"])
    assert numbers(copies([deletion])) == [1]
    # Without the length in the store its reach is not known, and nothing is said.
    assert numbers(copies([deletion], fields=("FORMAT/GQ",))) == [None]
    # The length of an insertion is no stretch of the reference.
    insertion = (BEFORE, "<INS>", f"SVLEN={length}", "GT", ["0/1"])
    assert not copies([insertion])["hybrid_suspected"].any()


@pytest.mark.parametrize(
    ("position", "alt", "info"),
    [
        (42128000, "<DEL>", f"END={BEHIND}"),
        (BEFORE, "<DUP>", "END=42128000"),
        (42127000, "N[chr22:42140000[", "."),
        (42127000, "]chr22:42140000]N", "."),
        (42127000, "<INV>", f"END={BEHIND}"),
        (42127000, "<INS>", "."),
    ],
)
def test_read_copy_numbers__a_change_of_part_of_the_gene_may_make_a_hybrid(
    copies: Callable[..., pd.DataFrame], position: int, alt: str, info: str
) -> None:
    table = copies([(position, alt, info, "GT", ["0/1", "0/0", "./."])])
    assert table["copy_number"].isna().all()
    assert table["hybrid_suspected"].tolist() == [True, False, False]
    assert alt in table.loc[0, "evidence"]


def test_read_copy_numbers__sequence_deleted_in_full(copies: Callable[..., pd.DataFrame]) -> None:
    small = REGIONS.assign(end=42126677)
    record = (42126500, "A", ".", "GT", ["0/1", "0/0", "1/1"])
    assert numbers(copies([record], ref="A" * 300, regions=small)) == [1, None, 0]


def test_read_copy_numbers__several_records(copies: Callable[..., pd.DataFrame]) -> None:
    where = f"END={BEHIND}"
    deletion = (BEFORE, "<DEL>", where, "GT", ["0/1", "0/0", "0/1", "0/1", "0/0"])
    gain = (BEFORE + 1, "<DUP>", where, "GT", ["0/0", "0/1", "0/1", "0/0", "./."])
    table = copies([deletion, gain])
    assert numbers(table) == [1, 3, None, 1, None]
    assert table.loc[2, "evidence"].endswith("these records contradict each other")
    depth = (BEFORE + 2, "<CNV>", where, "CN", ["1", "3", "2", "2", "2"])
    assert numbers(copies([deletion, gain, depth])) == [1, 3, None, None, 2]


def test_read_copy_numbers__no_deletion_is_no_word_on_duplications(
    copies: Callable[..., pd.DataFrame],
) -> None:
    deletion = (BEFORE, "<DEL>", f"END={BEHIND}", "GT", ["0/0", "0/0", "./."])
    gain = (BEFORE + 1, "<DUP>", f"END={BEHIND}", "GT", ["0/0", "./.", "0/0"])
    assert numbers(copies([deletion])) == [None] * 3
    assert numbers(copies([gain])) == [None] * 3
    assert numbers(copies([deletion, gain])) == [2, None, None]
    assert numbers(copies([(BEFORE, "<CNV>", f"END={BEHIND}", "GT", ["0/0"])])) == [2]


def test_read_copy_numbers__call_against_its_own_number(copies: Callable[..., pd.DataFrame]) -> None:
    table = copies([(BEFORE, "<DEL>", f"END={BEHIND}", "GT:CN", ["0/1:2", "0/0:1", "0/1:1"])])
    assert numbers(table) == [None, None, 1]
    assert "contradict" in table.loc[0, "evidence"] and "contradict" not in table.loc[2, "evidence"]


def test_read_copy_numbers__single_copy_of_x(copies: Callable[..., pd.DataFrame]) -> None:
    assert numbers(copies([(BEFORE, "<DEL>", f"END={BEHIND}", "GT", ["0", "1", "0/1"])])) == [None, 0, 1]


def test_read_copy_numbers__rows_by_sample_and_gene(copies: Callable[..., pd.DataFrame]) -> None:
    regions = pd.concat([REGIONS, REGIONS.assign(gene="OTHER", start=1, end=100)])
    table = copies([(BEFORE, "<DEL>", f"END={BEHIND}", "GT", ["0/1", "0/0"])], regions=regions)
    assert table[["sample_id", "gene"]].to_numpy().tolist() == [
        ["S0", "CYP2D6"], ["S0", "OTHER"], ["S1", "CYP2D6"], ["S1", "OTHER"],
    ]  # fmt: skip
    nothing = copies([(BEFORE, "<DEL>", f"END={BEHIND}", "GT", ["0/1"])], regions=REGIONS.iloc[:0])
    assert list(nothing.columns) == COPY_NUMBER_COLUMNS and not len(nothing)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(
    alleles=st.lists(st.integers(0, 4), min_size=4, max_size=4).map(lambda c: [0, *c]),
    calls=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=4),
)
def test_read_copy_numbers__sum_of_both_chromosomes_in_either_order(
    copies: Callable[..., pd.DataFrame], alleles: list[int], calls: list[tuple[int, int]]
) -> None:
    # Allele 0 is the reference, one copy; the others have the copies that their names tell.
    alt = ",".join(f"<CN{number}>" for number in alleles[1:])
    each = [1, *alleles[1:]]
    texts = [f"{a}/{b}" for a, b in calls] + [f"{b}|{a}" for a, b in calls]
    table = copies([(BEFORE, alt, f"END={BEHIND}", "GT", texts)])
    expected = [each[a] + each[b] for a, b in calls]
    assert numbers(table) == expected * 2
