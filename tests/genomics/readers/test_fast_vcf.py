"""The compiled reader gives what the careful one gives, for clean records and for any other."""

from __future__ import annotations

import gzip
import os
import shutil
import struct
import subprocess
import threading
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genomics.block import VariantBlock, join_blocks
from genomics.errors import InputError
from genomics.readers import bgzf, fast_vcf, vcf_stream
from genomics.readers.protocol import Selection
from genomics.readers.vcf import VcfReader, read_blocks

HEADER = (
    "##fileformat=VCFv4.2\n##contig=<ID=1>\n"
    '##INFO=<ID=END,Number=1,Type=Integer,Description="end">\n'
    '##INFO=<ID=AC,Number=A,Type=Integer,Description="count">\n'
    '##FILTER=<ID=q10,Description="low">\n'
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="g">\n'
    '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="d">\n'
    '##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="q">\n'
    '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="a">\n'
    '##FORMAT=<ID=GL,Number=G,Type=Float,Description="l">\n'
    '##FORMAT=<ID=DS,Number=1,Type=Float,Description="s">\n'
    '##FORMAT=<ID=FT,Number=1,Type=String,Description="f">\n'
)
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"

_GENOTYPES = st.sampled_from(
    [
        "0/0",
        "0|1",
        "1|1",
        "0/1",
        "./.",
        ".|.",
        ".",
        "0",
        "1",
        "0/.",
        "./1",
        ".|1",
        "1/2",
        "2|2",
        "0/1/1",
        "0|0|1",
    ]
    + ["/0/1", "|1", "0/1|1", "10/0", "127/0", "128/1", "01/1", "+1/0", "0/", "x", "", "-1/0", "0/1 "]
)
_INTEGERS = st.sampled_from(
    ["0", "7", "99", ".", "300", "70000", "123456789", "1234567890", "-1", "", "x", "1.5", "007"]
)
_VALUES: dict[str, st.SearchStrategy[str]] = {
    "GT": _GENOTYPES,
    "DP": _INTEGERS,
    "GQ": _INTEGERS,
    "AD": st.sampled_from(["1,2", ".", "1", "1,2,3", "x", "", "1,,2"]),
    "GL": st.sampled_from(["-0.1,-1e-3,2", ".", "1.5", "nan", "-inf,0,0", "z"]),
    "DS": st.sampled_from(
        [
            "0.5",
            "1",
            ".",
            "-1.25",
            "1e-3",
            "nan",
            "",
            ".5",
            "1.",
            "0.12345678901234567",
            "1,2",
            "2.0x",
            "-",
            "-.",
            ".",
        ]
    )
    | st.floats(0, 2).map(lambda x: f"{x:.6f}"),
    "FT": st.sampled_from(["PASS", ".", "q10", "", "PASS;q10", "pass"]),
    "XX": st.sampled_from(["anything", ".", "", "a b"]),
}
_USUAL = {"GT": st.sampled_from(["0/0", "0|1", "1|1"]), "DP": st.integers(0, 300).map(str)}
_FIXED = [
    st.sampled_from(["1", "1", "1", "chrUn_x", "HLA:1", "a b"]),
    st.sampled_from(["1", "100", "100", "2147483646", "0", "2147483647", "1e3", "0100", ""]),
    st.sampled_from([".", "rs1", "rs1;x", "", "é"]),
    st.sampled_from(["A", "AT", "a", "N", "<X>", ".", "", "A*"]),
    st.sampled_from(["G", ".", "G,T", "<DEL>", "*", "<NON_REF>", "G,<NON_REF>", "]1:5]A", "G,,T", "", ","]),
    st.sampled_from(
        [".", "30", "0.5", "1e2", "3.25", "inf", "nan", "123456.789012345678", "x", "", "1.", ".5"]
    ),
    st.sampled_from(
        [
            "PASS",
            ".",
            "q10",
            "q10;s50",
            "undeclared",
            "",
            "0",
            "q10;",
            ";",
            "PASS;q10",
            "PASS;",
            ";PASS",
            "PASS;PASS",
            "PASSED",
            "PASS;.",
        ]
    ),
    st.sampled_from(
        [".", "AC=1", "END=200", "AC=1;END=90", "END=x", "END", ";", "AC=1;", "=", "XEND=7", "é=1", ""]
    ),
]
_KEYS = st.lists(st.sampled_from(list(_VALUES)), max_size=5, unique=True).map(
    lambda keys: ["GT", *[key for key in keys if key != "GT"]] if "GT" in keys else keys
)


@st.composite
def _line(draw: st.DrawFn, n_samples: int) -> str:
    odd = draw(st.integers(0, 9)) == 0
    if odd:
        fixed = [draw(part) for part in _FIXED]
    else:
        fixed = [
            "1",
            str(draw(st.integers(1, 10**9))),
            ".",
            "A",
            draw(st.sampled_from(["G", "G,T"])),
            "30",
            "PASS",
            ".",
        ]
    if draw(st.integers(0, 5)) == 0:
        fixed[-1] = draw(_FIXED[-1])
    keys = draw(_KEYS) if draw(st.booleans()) else ["GT", "DP"]
    cells = []
    for _ in range(n_samples + draw(st.sampled_from([0] * 30 + [1, -1]))):
        usual = draw(st.integers(0, 3)) > 0
        values = [draw(_USUAL[k] if usual and k in _USUAL else _VALUES[k]) for k in keys]
        if draw(st.integers(0, 9)) == 0:
            values = values[: draw(st.integers(1, max(1, len(values))))]
        cells.append(":".join(values) or ".")
    return "\t".join([*fixed, ":".join(keys) or ".", *cells] if n_samples else fixed)


@st.composite
def _file(draw: st.DrawFn) -> tuple[str, int]:
    n_samples = draw(st.integers(0, 4))
    lines = draw(st.lists(_line(n_samples), max_size=8))
    if lines and draw(st.integers(0, 9)) == 0:
        lines.insert(draw(st.integers(0, len(lines))), draw(st.sampled_from(["", "#odd", " "])))
    names = "".join(f"\tS{i}" for i in range(n_samples))
    header = HEADER
    if draw(st.integers(0, 9)) == 0:
        header = draw(
            st.sampled_from(
                [
                    HEADER.replace("ID=GT,Number=1,Type=String", "ID=GT,Number=1,Type=Integer"),
                    HEADER.replace("ID=FT,Number=1,Type=String", "ID=FT,Number=1,Type=Integer"),
                    HEADER.replace("##contig=<ID=1>\n", "\n\r\n##contig=<ID=1>\n"),
                ]
            )
        )
    head = header + COLUMNS + ("\tFORMAT" + names if n_samples else "") + "\n"
    end = draw(st.sampled_from(["\n", "\n", "", "\n\n", "\r\n"]))
    return head + "\n".join(lines) + end, n_samples


Rejects = list[tuple[int | str, str, str]]


def _read(path: Path, fast: bool, selection: Selection) -> tuple[VariantBlock | str, Counter[str]]:
    header = VcfReader(path).header
    notes: Counter[str] = Counter()
    n_samples = len(header.samples if selection.samples is None else selection.samples)
    if fast:
        blocks = fast_vcf.read_text_fast(path, header, selection, notes)
        if blocks is None:  # a file for the careful reader alone
            return _read(path, False, selection)
    else:
        blocks = read_blocks(
            path,
            header,
            samples=selection.samples,
            reject=selection.reject,
            fields=selection.fields,
            notes=notes,
        )
    try:
        return join_blocks(list(blocks), n_samples), notes
    except InputError as error:
        return str(error), notes


def _assert_same(one: VariantBlock | str, other: VariantBlock | str) -> None:
    if isinstance(one, str) or isinstance(other, str):
        assert one == other
        return
    for name in ("contigs", "identifiers", "alleles", "filters", "consequences"):
        assert getattr(one, name) == getattr(other, name), name
    for name in ("positions", "quality", "ends", "genotypes", "phased", "states"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert one.formats.keys() == other.formats.keys()
    for name, values in one.formats.items():
        np.testing.assert_array_equal(values, other.formats[name], err_msg=name)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(file=_file(), size=st.sampled_from([7, 64, 300, 1 << 22]), keep=st.booleans(), data=st.data())
def test_read_text_fast__same_as_careful(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    file: tuple[str, int],
    size: int,
    keep: bool,
    data: st.DataObject,
) -> None:
    text, n_samples = file
    path = tmp_path / "a.vcf"
    path.write_text(text, encoding="utf-8", newline="")
    samples = None
    if n_samples and data.draw(st.booleans()):
        names = [f"S{i}" for i in range(n_samples)]
        samples = tuple(data.draw(st.permutations(names))[: data.draw(st.integers(1, n_samples))])
    fields = data.draw(st.sampled_from([None, (), ("FORMAT/GQ",), ("FORMAT/DS", "FORMAT/DP")]))
    monkeypatch.setattr(fast_vcf, "SEGMENT_BYTES", size)
    results = []
    for fast in (True, False):
        rejects: Rejects = []
        reject = (lambda *row, rejects=rejects: rejects.append(row)) if keep else None
        selection = Selection(samples=samples, fields=fields, reject=reject, threads=2)
        results.append((*_read(path, fast, selection), sorted(rejects, key=str)))
    _assert_same(results[0][0], results[1][0])
    if keep:
        assert results[0][1:] == results[1][1:]


def _clean_text(n_records: int, n_samples: int = 5) -> str:
    rows = [
        f"1\t{i + 1}\t.\tA\tG\t{i}\tPASS\t.\tGT:DP\t"
        + "\t".join(f"{i % 2}|{j % 2}:{i + j}" for j in range(n_samples))
        for i in range(n_records)
    ]
    names = "".join(f"\tS{j}" for j in range(n_samples))
    return HEADER + COLUMNS + "\tFORMAT" + names + "\n" + "\n".join(rows) + "\n"


def test_read_text_fast__clean_records_never_reach_the_careful_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a clean record was taken for an odd one")

    path = tmp_path / "a.vcf"
    path.write_text(_clean_text(300))
    monkeypatch.setattr("genomics.readers.vcf_lines.SlowLines.parse", refuse)
    block, _ = _read(path, True, Selection())
    assert isinstance(block, VariantBlock) and len(block) == 300
    assert block.formats["DP"][7].tolist() == [7, 8, 9, 10, 11]


def _bgzip(text: bytes, size: int = 500) -> bytes:
    """Bgzip written by hand, in blocks of a few hundred bytes."""
    blocks = []
    for start in [*range(0, len(text), size), len(text)]:
        part = text[start : start + size]
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        body = packer.compress(part) + packer.flush()
        head = b"\x1f\x8b\x08\x04" + bytes(5) + b"\xff\x06\x00BC\x02\x00" + struct.pack("<H", len(body) + 25)
        blocks.append(head + body + struct.pack("<II", zlib.crc32(part), len(part)))
    return b"".join(blocks)


@pytest.mark.parametrize("kind", ["plain", "gzip", "bgzip", "many members"])
def test_read_text_fast__same_from_every_kind_of_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    text = _clean_text(500).encode()
    half = len(text) // 2
    packed = {
        "plain": text,
        "gzip": gzip.compress(text),
        "bgzip": _bgzip(text),
        "many members": gzip.compress(text[:half]) + gzip.compress(text[half:]),
    }
    path = tmp_path / "a.vcf.gz"
    path.write_bytes(packed[kind])
    monkeypatch.setattr(fast_vcf, "SEGMENT_BYTES", 3000)
    _assert_same(_read(path, True, Selection(threads=3))[0], _read(path, False, Selection())[0])


def test_read_text_fast__names_the_offset_of_a_damaged_block(tmp_path: Path) -> None:
    data = bytearray(_bgzip(_clean_text(500).encode()))
    third = [i for i in range(len(data)) if data[i : i + 4] == b"\x1f\x8b\x08\x04"][3]
    path = tmp_path / "a.vcf.gz"
    for place in (third + 30, third + 2, third + 14):
        broken = data.copy()
        broken[place] ^= 0x55
        path.write_bytes(broken)
        answer, _ = _read(path, True, Selection())
        assert isinstance(answer, str) and f"block at byte {third} " in answer
    path.write_bytes(data[: third + 40])
    answer, _ = _read(path, True, Selection())
    assert isinstance(answer, str) and f"block at byte {third} is cut off" in answer


def test_read_text_fast__no_end_marker_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "a.vcf.gz"
    path.write_bytes(_bgzip(_clean_text(50).encode())[:-28])
    assert _read(path, True, Selection())[1] == Counter({vcf_stream.NO_END_MARKER: 1})


def test_read_text_fast__a_line_that_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.vcf"
    path.write_text(_clean_text(3) + "1\t5" + "x" * 10_000)
    monkeypatch.setattr(vcf_stream, "MAX_LINE_BYTES", 5000)
    monkeypatch.setattr(fast_vcf, "SEGMENT_BYTES", 1000)
    answer, _ = _read(path, True, Selection())
    assert answer == (
        "a.vcf, record 4: a line of more than 5,000 bytes; expected lines that fit in memory; "
        "check that this is a VCF file"
    )


@pytest.mark.skipif(shutil.which("bgzip") is None, reason="bgzip is not on the PATH")
def test_inflate__as_bgzip_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "a.vcf"
    path.write_text(_clean_text(2000))
    subprocess.run(["bgzip", str(path)], check=True)
    packed = path.with_name("a.vcf.gz")
    text = b"".join(read() for read, _ in bgzf.text_segments(packed, 10_000))
    assert text == _clean_text(2000).encode() and bgzf.has_end_marker(packed)


def test_read_text_fast__real_files_same_as_careful(shared_data: Path) -> None:
    paths = [
        path
        for path in sorted((shared_data / "variants").rglob("*.vcf*"))
        if path.suffix in (".vcf", ".gz", ".bgz") and path.stat().st_size < 2_000_000
    ]
    compared = 0
    for path in paths[::3]:
        try:
            header = VcfReader(path).header
        except InputError:
            continue
        if header.is_bcf or fast_vcf.read_text_fast(path, header, Selection(), Counter()) is None:
            continue
        _assert_same(_read(path, True, Selection())[0], _read(path, False, Selection())[0])
        compared += 1
    assert compared > 100


def test_blocks__from_a_pipe_same_as_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.vcf"
    path.write_text(_clean_text(500) + "1\t900\tlast\tA\tG\t.\tPASS\t.\tGT\t0/1/1\t./.\t0\t.\t1|0\n")
    text = path.read_bytes()
    for kind, packed in (("plain", text), ("gzip", gzip.compress(text)), ("bgzip", _bgzip(text))):
        fifo = tmp_path / kind  # one for each: a pipe that is still open takes in what the next writer writes
        os.mkfifo(fifo)
        writer = threading.Thread(target=fifo.write_bytes, args=(packed,))
        writer.start()
        reader = VcfReader(fifo)
        assert reader.first_record() == ("1", 1)
        block = join_blocks(list(reader.blocks(Selection(threads=2))), 5)
        writer.join()
        _assert_same(block, _read(path, False, Selection())[0])
        with pytest.raises(InputError, match="a pipe can be read once"):
            list(reader.blocks(Selection()))
