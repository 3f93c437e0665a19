from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fuzz_vcf import HEADER, assert_equal, assert_same_blocks, plain_rows, read_plainly
from genomics.block import FILL, VariantBlock, join_blocks
from genomics.errors import InputError
from genomics.export import genotype_text
from genomics.readers.protocol import Selection
from genomics.readers.vcf import SlowLines, VcfReader, read_blocks
from genomics.readers.vcf_header import parse_header, read_header

# What the random records name beyond HEADER: bcftools writes no BCF record with a name it has not declared.
DECLARED = (
    b'##INFO=<ID=DP,Number=1,Type=Integer,Description="d">\n##INFO=<ID=FLAG,Number=0,Type=Flag,Description="f">\n'
    b'##FORMAT=<ID=XX,Number=.,Type=String,Description="x">\n##FILTER=<ID=new,Description="n">\n'
    b"##contig=<ID=new:1>\n##contig=<ID=HLA*1>\n#CHROM"
)
SITES = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


def _read(path: Path, **options: object) -> VariantBlock:
    header = read_header(path)
    blocks = list(read_blocks(path, header, **options))  # type: ignore[arg-type]
    return join_blocks(blocks, len(header.samples))


def _parse(lines: list[str], **options: object) -> VariantBlock:
    header = parse_header(HEADER, Path("a.vcf"), False)
    slow = SlowLines(Path("a.vcf"), header, **options)  # type: ignore[arg-type]
    raw = [line.replace(" ", "\t").encode() for line in lines]
    return join_blocks(list(slow.parse(raw, list(range(1, len(raw) + 1)))), 2)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("|0|1", "0|1"),
        ("/0|1", "0/1"),
        ("|1", "1"),
        ("/1", "1"),
        ("0|1/2", "0/1/2"),
        ("0/1|2", "0/1/2"),
        ("0|1|2|0", "0|1|2|0"),
        (".|1", ".|1"),
        ("./.", "./."),
        (".", "."),
        ("0", "0"),
    ],
)
def test_slow_lines__phase_and_ploidy(call: str, text: str) -> None:
    block = _parse([f"1 5 . A G,C . . . GT:DP {call}:3 {call}:4"])
    assert genotype_text(block.genotypes, block.phased).tolist() == [[text, text]]
    assert block.formats["DP"].tolist() == [[3, 4]]


def test_slow_lines__call_left_off_at_the_end_is_missing() -> None:
    block = _parse(["1 5 . A G . . . DP:GT 3 4", "1 6 . A G . . . DP:GT 3:0/1 4"])
    assert genotype_text(block.genotypes, block.phased).tolist() == [[".", "."], ["0/1", "."]]
    assert block.states.tolist() == [[1, 1], [0, 1]]


def test_slow_lines__columns_as_bcftools_takes_them() -> None:
    notes: Counter[str] = Counter()
    lines = ["1 5 . A G . . . GT 0/1 1/1 0/0", "1 6 . A G . . .", "1 7 . A . . . . GT 0/1 0/0"]
    block = _parse(lines, notes=notes)
    assert genotype_text(block.genotypes, block.phased).tolist() == [
        ["0/1", "1/1"],
        [".", "."],
        ["0/1", "0/0"],
    ]
    assert notes == {"surplus_columns": 1, "no_call_columns": 1, "alleles_beyond_alt": 1}


def test_slow_lines__samples_in_the_order_asked_for() -> None:
    block = _parse(["1 5 . A G . . . GT:DP 0|1/1:3 1:4"], samples=["B", "A"])
    assert genotype_text(block.genotypes, block.phased).tolist() == [["1", "0/1/1"]]
    assert block.formats["DP"].tolist() == [[4, 3]]


@pytest.mark.parametrize("contig", ["HLA-A*01:01:01:01", "a,b", "x>y", 'q"', "two words"])
def test_slow_lines__contig_and_filter_of_any_name(contig: str) -> None:
    header = parse_header(HEADER, Path("a.vcf"), False)
    line = f"{contig}\t5\t.\tA\tG\t.\tx>y;a,b\t~<\tGT\t0/1\t1/1".encode()
    [block] = SlowLines(Path("a.vcf"), header).parse([line], [1])
    assert block.contigs == [contig] and block.filters == [("x>y", "a,b")]


def test_slow_lines__text_beyond_ascii() -> None:
    block = _parse(["1 5 é A G . ü . GT:FT 0/1:ö 1/1:PASS"])
    assert block.identifiers == ["é"] and block.filters == [("ü",)]
    assert block.states.tolist() == [[2, 2]]


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (b"1 5 \xff A G . . . GT 0/1 0/1", "ID"),
        (b"1 5 . A G . \xff . GT 0/1 0/1", "FILTER"),
        (b"\xff 5 . A G . . . GT 0/1 0/1", "CHROM"),
        (b"1 5 . A G . . . GT:FT 0/1:\xff 0/1:a", "record"),
        (b"1 2147483648 . A G . . . GT 0/1 0/1", "POS"),
        (b"1 " + b"9" * 5000 + b" . A G . . . GT 0/1 0/1", "POS"),
        (b"1 5 . A G " + b"1" * 50_000 + b"x . . GT 0/1 0/1", "QUAL"),
        (b"1 5 . A G 1e . . GT 0/1 0/1", "QUAL"),
        (b"1 5 a\0b A G . . . GT 0/1 0/1", "record"),
        (b"1 5 . A G . . . GT 0/ 0/1", "GT"),
        (b"1 5 . A G . . . GT:DP 0/1:3:4 0/1", "FORMAT"),
        (b"1 5 . A G . . . GT:DP 0/1:x 0/1", "record"),
        (b"1 5 . A G . . . GT 0/65537 0/1", "GT"),
        (b"#CHROM 5 . A G . . . GT 0/1 0/1", "CHROM"),
        (b" 5 . A G . . . GT 0/1 0/1", "CHROM"),
    ],
)
def test_slow_lines__bad_line_is_named(line: bytes, field: str) -> None:
    header = parse_header(HEADER, Path("a.vcf"), False)
    lines = [b"1 4 . A G . . . GT 0/1 0/1".replace(b" ", b"\t"), line.replace(b" ", b"\t")]
    with pytest.raises(InputError, match=rf"a\.vcf, record 2, field {field}: "):
        list(SlowLines(Path("a.vcf"), header).parse(lines, [1, 2]))
    rejected: list[tuple[object, ...]] = []
    slow = SlowLines(Path("a.vcf"), header, reject=lambda *row: rejected.append(row))
    [block] = slow.parse(lines, [1, 2])
    assert len(block) == 1 and [row[:2] for row in rejected] == [(2, field)]


def test_slow_lines__position_zero_and_the_largest() -> None:
    block = _parse(["1 0 . N <DEL> . . END=7 GT 0/1 0/0", "1 2147483647 . A G . . . GT 0/1 0/0"])
    assert block.positions.tolist() == [0, 2**31 - 1] and block.ends.tolist() == [7, -1]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n  \n"])
def test_read_blocks__sites_without_samples(tmp_path: Path, end: str) -> None:
    path = tmp_path / "sites.vcf"
    body = "1\t5\trs1\tA\tG\t7\tPASS\tDP=3\n1\t9\t.\tC\t.\t.\t.\t.\tGT\t0/1\n".rstrip("\n")
    path.write_bytes(
        (SITES + body + "\n").replace("\n", end if end == "\r\n" else "\n").encode() + end.encode()
    )
    for block in (_read(path), join_blocks(list(VcfReader(path).blocks(Selection())), 0)):
        assert block.positions.tolist() == [5, 9] and block.genotypes.shape[:2] == (2, 0)
        assert block.alleles == [("A", "G"), ("C",)]


def test_read_blocks__blank_line_among_the_records(make_vcf: Callable[..., Path]) -> None:
    record = "1 5 . A G . . . GT 0/1 0/1"
    rejected: list[tuple[object, ...]] = []
    block = _read(make_vcf([record, "", "", record, ""]), reject=lambda *row: rejected.append(row))
    assert len(block) == 2 and [row[0] for row in rejected] == [2, 3]


# -- records of every kind, against a few lines of plain Python and against bcftools ---------------------

_ALLELE = st.sampled_from([".", "0", "1", "2", "02", "120"])
_SEPARATORS = st.text("/|", min_size=3, max_size=3)


@st.composite
def _call(draw: st.DrawFn, leading: bool = True) -> str:
    alleles = draw(st.lists(_ALLELE, min_size=1, max_size=4))
    separators = draw(_SEPARATORS)
    text = alleles[0] + "".join(s + a for s, a in zip(separators, alleles[1:], strict=False))
    return draw(st.sampled_from(["", "", "", "/", "|"])) + text if leading else text


@st.composite
def _record(draw: st.DrawFn, leading: bool = True) -> str:
    keys = draw(st.permutations(["GT", "DP", "GQ", "FT", "XX"]))[: draw(st.integers(1, 5))]
    if draw(st.booleans()):
        keys = ["GT", *(key for key in keys if key != "GT")]
    values = {
        "DP": st.sampled_from([".", "7", "1000000"]),
        "GQ": st.sampled_from([".", "99"]),
        "FT": st.sampled_from([".", "PASS", "low;x"]),
        "XX": st.sampled_from([".", "a,b", "3"]),
    }
    cells = []
    for _ in range(2):
        cell = [draw(_call(leading)) if key == "GT" else draw(values[key]) for key in keys]
        cells.append(":".join(cell[: draw(st.integers(1, len(cell)))]))
    alts = draw(st.lists(st.sampled_from(["G", "ac", "<DEL>", "*", "G]17:198982]", "]13:1]T"]), max_size=3))
    return "\t".join(
        [
            draw(st.sampled_from(["1", "chr2", "new:1", "HLA*1"])),
            str(draw(st.integers(0, 2**31 - 1))),
            draw(st.sampled_from([".", "rs1", "a;b"])),
            draw(st.sampled_from(["A", "ACGT", "n"])),
            ",".join(alts) or ".",
            draw(st.sampled_from([".", "0", "30.5", "1e3", "3e-08"])),
            draw(st.sampled_from([".", "PASS", "q10", "q10;new"])),
            draw(st.sampled_from([".", "DP=3", "END=2147483647;FLAG"])),
            ":".join(keys),
            *cells,
        ]
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(_record(), min_size=1, max_size=12))
def test_slow_lines__same_as_plain_python(lines: list[str]) -> None:
    header = parse_header(HEADER, Path("a.vcf"), False)
    raw = [line.encode() for line in lines]
    [block] = SlowLines(Path("a.vcf"), header).parse(raw, list(range(len(raw))))
    assert_equal(plain_rows(block), [read_plainly(line) for line in raw])
    halves = [
        b for part in (raw[:5], raw[5:]) if part for b in SlowLines(Path("a.vcf"), header).parse(part, part)
    ]
    assert_same_blocks(join_blocks(halves, 2), block)


@settings(max_examples=20, deadline=None)
@given(st.lists(_record(leading=False), min_size=5, max_size=40))
def test_bcf_records__same_as_text(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    _need("bcftools")
    folder = tmp_path_factory.mktemp("bcf")
    (folder / "a.vcf").write_bytes(
        HEADER.replace(b"#CHROM", DECLARED) + "".join(line + "\n" for line in lines).encode()
    )
    for kind in "ub":
        subprocess.run(
            ["bcftools", "view", f"-O{kind}", "-o", folder / "a.bcf", folder / "a.vcf"],
            check=True, capture_output=True,
        )  # fmt: skip
        assert_same_blocks(_read(folder / "a.bcf"), _read(folder / "a.vcf"))


def _need(program: str) -> None:
    import shutil

    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")


def test_records_without_calls__are_fill() -> None:
    block = _parse(["1 5 . A G . . . DP 3 4", "1 6 . A G . . . . . ."])
    assert (block.genotypes == FILL).all() and block.states.tolist() == [[1, 1], [1, 1]]
    np.testing.assert_array_equal(block.formats["DP"], [[3, 4], [-1, -1]])


@pytest.mark.parametrize("call", ["./+", "+|1", "0/-1", "-"])
def test_slow_lines__a_sign_is_no_allele(call: str) -> None:
    with pytest.raises(InputError, match=r"record 1, field GT: .* is not a genotype"):
        _parse([f"1 5 . A G,C . . . GT:DP {call}:3 0/1:-4"])
    assert _parse(["1 5 . A G,C . . . GT:DP 0/1:-3 0/1:4"]).genotypes.shape == (1, 2, 2)
