"""The compiled BCF reader gives what the careful one gives, for clean records, odd ones and damaged ones."""

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
from typing import Any

import cyvcf2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genomics.block import VariantBlock, join_blocks
from genomics.errors import InputError
from genomics.readers import fast_bcf
from genomics.readers.protocol import Selection
from genomics.readers.vcf import VcfReader, read_blocks
from genomics.readers.vcf_stream import NO_END_MARKER

HEADER = (
    "##fileformat=VCFv4.2\n"
    '##FILTER=<ID=PASS,Description="passed">\n'
    '##FILTER=<ID=q10,Description="low">\n##FILTER=<ID=s50,Description="few">\n'
    "##contig=<ID=1>\n##contig=<ID=HLA:1,IDX=3>\n"
    '##INFO=<ID=END,Number=1,Type=Integer,Description="end">\n'
    '##INFO=<ID=AC,Number=A,Type=Integer,Description="count">\n'
    '##INFO=<ID=TX,Number=1,Type=String,Description="text">\n'
    '##INFO=<ID=FL,Number=0,Type=Flag,Description="flag">\n'
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="g">\n'
    '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="d">\n'
    '##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="q">\n'
    '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="a">\n'
    '##FORMAT=<ID=DS,Number=1,Type=Float,Description="s">\n'
    '##FORMAT=<ID=FT,Number=1,Type=String,Description="f">\n'
)
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
# PASS, q10 and s50 are 0 to 2, then in the order of the header
NUMBERS = {"END": 3, "AC": 4, "TX": 5, "FL": 6, "GT": 7, "DP": 8, "GQ": 9, "AD": 10, "DS": 11, "FT": 12}
needs_bcftools = pytest.mark.skipif(shutil.which("bcftools") is None, reason="bcftools is not on the PATH")
_INTEGERS = {1: "b", 2: "h", 3: "i"}
_LOWEST = {1: -(2**7), 2: -(2**15), 3: -(2**31)}

Rejects = list[tuple[int | str, str, str]]


def _read(path: Path, fast: bool, selection: Selection) -> tuple[VariantBlock | str, Counter[str]]:
    header = VcfReader(path).header
    notes: Counter[str] = Counter()
    n_samples = len(header.samples if selection.samples is None else selection.samples)
    if fast:
        blocks = fast_bcf.read_bcf_fast(path, header, selection, notes)
        assert blocks is not None
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


def _assert_same_both_ways(path: Path, **selection: Any) -> None:
    """Compare the readers, with and without leaving out bad records."""
    kept = []
    for fast in (True, False):
        rejects: Rejects = []
        reject = lambda *row, rejects=rejects: rejects.append(row)  # noqa: E731
        kept.append((*_read(path, fast, Selection(reject=reject, threads=2, **selection)), rejects))
    _assert_same(kept[0][0], kept[1][0])
    if not isinstance(kept[0][0], str):
        assert kept[0][1:] == kept[1][1:]
    raising = [_read(path, fast, Selection(threads=2, **selection))[0] for fast in (True, False)]
    assert isinstance(raising[0], str) == isinstance(raising[1], str)
    if not isinstance(kept[0][0], str):  # else either error may come first
        _assert_same(*raising)


# Files that bcftools writes.

_GENOTYPES = st.sampled_from(
    ["0/0", "0|1", "1|1", "0/1", "./.", ".|.", ".", "0", "1", "0/.", "./1", ".|1", "1/2", "2|2"]
)
_ODD_GENOTYPES = st.sampled_from(["0/1/1", "0|0|1", "70/0", "3|3", "130/1", "0/1|1"])
_VALUES: dict[str, st.SearchStrategy[str]] = {
    "GT": _GENOTYPES,
    "DP": st.sampled_from(["0", "7", "99", ".", "300", "70000", "123456789", "-1", "-2", "120", "-120"]),
    "GQ": st.sampled_from(["0", "99", ".", "32767", "-32760"]),
    "AD": st.sampled_from(["1,2", ".", "1,300", "1,2,3"]),
    "DS": st.sampled_from(["0.5", "1", ".", "-1.25", "1e-3", "nan", "inf"]),
    "FT": st.sampled_from(["PASS", ".", "q10", "PASS;q10", "pass", "q10xxxxxxxxxxxxxxxxxxxxx"]),
}
_FIXED = [
    st.sampled_from(["1", "1", "HLA:1"]),
    st.integers(1, 2**31 - 2).map(str),
    st.sampled_from([".", "rs1", "rs1;x", "é", "a" * 20, "b" * 300]),
    st.sampled_from(["A", "AT", "N", "ACGT" * 50]),
    st.sampled_from(["G", ".", "G,T", "<DEL>", "*", "<NON_REF>", "G,<NON_REF>", "]1:5]A", "G,T,C,AA,AAA"]),
    st.sampled_from([".", "30", "0.5", "1e2", "inf", "nan"]),
    st.sampled_from(["PASS", ".", "q10", "q10;s50", "s50"]),
    st.sampled_from([".", "AC=1", "END=2147483000", "AC=1;END=90", "TX=a,b;FL", "END=.;TX=.", "AC=1,.,300"]),
]


@st.composite
def _text(draw: st.DrawFn) -> tuple[str, int]:
    n_samples = draw(st.integers(0, 4))
    lines = []
    for _ in range(draw(st.integers(0, 8))):
        keys = [k for k in _VALUES if k == "GT" or draw(st.booleans())][draw(st.sampled_from([0, 0, 0, 1])) :]
        odd = draw(st.integers(0, 9)) == 0
        cells = [
            ":".join(draw(_ODD_GENOTYPES if odd and k == "GT" else _VALUES[k]) for k in keys)
            for _ in range(n_samples)
        ]
        fixed = [draw(part) for part in _FIXED]
        lines.append("\t".join([*fixed, ":".join(keys) or ".", *(c or "." for c in cells)][: 9 + n_samples]))
        if not n_samples:
            lines[-1] = "\t".join(fixed)
    names = "".join(f"\tS{i}" for i in range(n_samples))
    return HEADER + COLUMNS + ("\tFORMAT" + names if n_samples else "") + "\n" + "".join(
        line + "\n" for line in lines
    ), n_samples


def _to_bcf(vcf: Path, bcf: Path, kind: str = "-Ob") -> bool:
    done = subprocess.run(["bcftools", "view", kind, "-o", str(bcf), str(vcf)], capture_output=True)
    return done.returncode == 0


@needs_bcftools
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    file=_text(), size=st.sampled_from([7, 64, 1 << 21]), kind=st.sampled_from(["-Ob", "-Ou"]), data=st.data()
)
def test_read_bcf_fast__same_as_careful(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    file: tuple[str, int],
    size: int,
    kind: str,
    data: st.DataObject,
) -> None:
    text, n_samples = file
    vcf, path = tmp_path / "a.vcf", tmp_path / "a.bcf"
    vcf.write_text(text, encoding="utf-8")
    assert _to_bcf(vcf, path, kind)
    samples = None
    if n_samples and data.draw(st.booleans()):
        names = [f"S{i}" for i in range(n_samples)]
        samples = tuple(data.draw(st.permutations(names))[: data.draw(st.integers(1, n_samples))])
    fields = data.draw(st.sampled_from([None, (), ("FORMAT/GQ",), ("FORMAT/DS", "FORMAT/DP")]))
    monkeypatch.setattr(fast_bcf, "SEGMENT_BYTES", size)
    monkeypatch.setattr(fast_bcf, "MAX_CELLS", data.draw(st.sampled_from([1, 5, 1 << 21])))
    _assert_same_both_ways(path, samples=samples, fields=fields)


# Files written here, with types that bcftools never chooses.


def _typed(kind: int, values: bytes, n: int) -> bytes:
    return (
        bytes([n << 4 | kind]) + values
        if n < 15
        else bytes([0xF0 | kind, 0x12]) + struct.pack("<h", n) + values
    )


def _text_value(text: str) -> bytes:
    return _typed(7, text.encode(), len(text.encode()))


def _whole(kind: int, *values: int) -> bytes:
    return _typed(kind, struct.pack(f"<{len(values)}{_INTEGERS[kind]}", *values), len(values))


def _call_field(name: str, kind: int, rows: list[list[int]]) -> bytes:
    """A FORMAT field of whole numbers: values of each sample."""
    flat = [value for row in rows for value in row]
    head = _whole(1, NUMBERS[name]) + bytes([len(rows[0]) << 4 | kind])
    return head + struct.pack(f"<{len(flat)}{_INTEGERS[kind]}", *flat)


def _record(
    formats: list[bytes],
    n_samples: int,
    alleles: tuple[str, ...] = ("A", "G"),
    filters: bytes = b"\x11\0",
    info: tuple[bytes, ...] = (),
    position: int = 99,
    identifier: str = "rs1",
) -> bytes:
    shared = struct.pack(
        "<iiifII", 0, position, 1, 30.0, len(alleles) << 16 | len(info), len(formats) << 24 | n_samples
    )
    shared += _text_value(identifier) + b"".join(map(_text_value, alleles)) + filters + b"".join(info)
    calls = b"".join(formats)
    return struct.pack("<II", len(shared), len(calls)) + shared + calls


def _bcf(records: list[bytes], n_samples: int) -> bytes:
    names = "".join(f"\tS{i}" for i in range(n_samples))
    text = (HEADER + COLUMNS + ("\tFORMAT" + names if n_samples else "") + "\n\0").encode()
    return b"BCF\2\2" + struct.pack("<I", len(text)) + text + b"".join(records)


def _mostly(usual: Any, *odd: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from([usual] * 6 * len(odd) + list(odd))


@st.composite
def _odd_record(draw: st.DrawFn, n_samples: int) -> bytes:
    formats = []
    for name in draw(st.lists(st.sampled_from(["GT", "GT", "DP", "GQ", "FT", "DS", "AD"]), max_size=4)):
        kind = draw(st.sampled_from([1, 2, 3]))
        low, width = _LOWEST[kind], draw(_mostly(2 if name == "GT" else 1, 0, 1, 2, 3))
        if name == "FT":
            cells = [draw(st.sampled_from(["PASS", "", ".", "q10", "pass"])) for _ in range(n_samples)]
            packed = b"".join(cell.encode().ljust(4, b"\0") for cell in cells)
            formats.append(_whole(1, NUMBERS[name]) + b"\x47" + packed)
        elif name == "DS":
            bits = st.sampled_from([0x7F800001, 0x7F800002, 0x3F000000, 0x7FC00000])
            packed = b"".join(struct.pack("<I", draw(bits)) for _ in range(n_samples))
            formats.append(_whole(1, NUMBERS[name]) + b"\x15" + packed)
        else:
            usual = [2, 3, 4, 5, 0, 1, low, low + 1]
            odd = [6, 100, -1, -2, 256, 70000, low + 2]
            values = st.sampled_from([v for v in usual * 10 + odd if low <= v < -low])
            rows = [[draw(values) for _ in range(width)] for _ in range(n_samples)]
            formats.append(_call_field(name, kind, rows or [[0] * width]) if n_samples else b"\x11\x07\x11")
    end = st.sampled_from([-1, 5, 2**31 - 1, -(2**31), -(2**31) + 1])
    infos = st.one_of(
        end.map(lambda v: _whole(1, NUMBERS["END"]) + _whole(3, v)),
        st.just(_whole(2, NUMBERS["END"]) + _whole(2, 7, 8)),
        st.just(_whole(1, NUMBERS["FL"]) + b"\0"),
        st.just(_whole(1, NUMBERS["END"]) + b"\0"),
        st.just(_whole(3, NUMBERS["TX"]) + _text_value("x" * 40)),
        st.just(_whole(1, 99) + b"\0"),
    )
    return _record(
        formats,
        n_samples,
        draw(_mostly(("A", "G"), ("A",), (), ("A", "."), ("A", "G", "T"), ("", "G"), ("A", "é"))),
        draw(
            _mostly(
                b"\x11\0", b"\0", b"\x11\1", b"\x21\1\2", b"\x21\1\0", b"\x12\1\0", b"\x11\x80", b"\x11\x63"
            )
        ),
        tuple(draw(st.lists(infos, max_size=2))) if draw(st.booleans()) else (),
        draw(_mostly(99, -1, -2, 2**31 - 2, 2**31 - 1)),
        draw(_mostly("rs1", "", ".", "a\0", "é", "\n", "x" * 15)),
    )


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), n_samples=st.integers(0, 3), size=st.sampled_from([5, 50, 1 << 21]))
def test_read_bcf_fast__odd_types_same_as_careful(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: st.DataObject, n_samples: int, size: int
) -> None:
    monkeypatch.setattr(fast_bcf, "SEGMENT_BYTES", size)
    path = tmp_path / "a.bcf"
    path.write_bytes(_bcf(data.draw(st.lists(_odd_record(n_samples), max_size=6)), n_samples))
    _assert_same_both_ways(path)


def _clean_record(i: int, n_samples: int) -> bytes:
    calls = [[2 * (i % 2) + 2, 2 * (j % 2) + 3] for j in range(n_samples)]
    depths = [[(i + j) % 100] for j in range(n_samples)]
    qualities = [[300 + j] for j in range(n_samples)]
    return _record(
        [_call_field("GT", 1, calls), _call_field("DP", 1, depths), _call_field("GQ", 2, qualities)],
        n_samples,
        filters=[b"\0", b"\x11\0", b"\x11\1", b"\x21\1\2", b"\x21\1\0"][i % 5],
        info=(_whole(1, NUMBERS["END"]) + _whole(2, i + 1),),
        position=i,
    )


def _clean(n_records: int, n_samples: int = 5) -> bytes:
    return _bcf([_clean_record(i, n_samples) for i in range(n_records)], n_samples)


_START = len(_bcf([], 3))


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    flips=st.lists(st.tuples(st.integers(0, 1 << 12), st.integers(0, 255)), max_size=3),
    cut=st.integers(0, 1 << 12) | st.none(),
    size=st.sampled_from([30, 1 << 21]),
)
def test_read_bcf_fast__damaged_bytes_same_as_careful(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    flips: list[tuple[int, int]],
    cut: int | None,
    size: int,
) -> None:
    data = bytearray(_clean(8, 3))
    for at, value in flips:
        data[_START + at % (len(data) - _START)] = value
    path = tmp_path / "a.bcf"
    path.write_bytes(data if cut is None else data[: _START + cut % (len(data) - _START)])
    monkeypatch.setattr(fast_bcf, "SEGMENT_BYTES", size)
    _assert_same_both_ways(path)


def test_read_bcf_fast__clean_records_never_reach_the_careful_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a clean record was taken for an odd one")

    path = tmp_path / "a.bcf"
    path.write_bytes(_clean(300))
    monkeypatch.setattr("genomics.readers.bcf.BcfRecords.parse", refuse)
    block, _ = _read(path, True, Selection())
    assert isinstance(block, VariantBlock) and len(block) == 300
    assert block.formats["DP"][7].tolist() == [7, 8, 9, 10, 11]
    assert block.formats["GQ"][7].tolist() == [300, 301, 302, 303, 304]
    assert block.filters[:5] == [(), ("PASS",), ("q10",), ("q10", "s50"), ("q10", "PASS")]
    assert block.states[:5, 0].tolist() == [0, 0, 2, 2, 2] and block.ends[7] == 8
    assert block.genotypes[7].tolist() == [[1, 0], [1, 1]] * 2 + [[1, 0]] and block.phased.all()


def _bgzip(data: bytes, size: int = 500) -> bytes:
    """Bgzip written by hand, in blocks of a few hundred bytes."""
    blocks = []
    for start in [*range(0, len(data), size), len(data)]:
        part = data[start : start + size]
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        body = packer.compress(part) + packer.flush()
        head = b"\x1f\x8b\x08\x04" + bytes(5) + b"\xff\x06\x00BC\x02\x00" + struct.pack("<H", len(body) + 25)
        blocks.append(head + body + struct.pack("<II", zlib.crc32(part), len(part)))
    return b"".join(blocks)


@pytest.mark.parametrize("kind", ["plain", "gzip", "bgzip"])
@pytest.mark.parametrize("size", [20, 3000])
def test_read_bcf_fast__same_from_every_kind_of_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, size: int
) -> None:
    data = _clean(200)
    path = tmp_path / "a.bcf"
    path.write_bytes({"plain": data, "gzip": gzip.compress(data), "bgzip": _bgzip(data)}[kind])
    monkeypatch.setattr(fast_bcf, "SEGMENT_BYTES", size)  # records are longer than the shorter segments
    at: list[int] = []
    block, notes = _read(path, True, Selection(threads=3, consumed=at.append))
    _assert_same(block, _read(path, False, Selection())[0])
    assert not notes and at == sorted(at) and at[-1] >= 0.9 * path.stat().st_size


@pytest.mark.parametrize("looks", [False, True])
def test_read_bcf_fast__same_from_a_pipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looks: bool
) -> None:
    path, pipe = tmp_path / "a.bcf", tmp_path / "pipe"
    path.write_bytes(_bgzip(_clean(100)))
    monkeypatch.setattr(fast_bcf, "SEGMENT_BYTES", 3000)
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(path.read_bytes()))
    writer.start()
    reader = VcfReader(pipe)
    assert not looks or reader.first_record() == ("1", 1)
    block = join_blocks(list(reader.blocks(Selection(threads=2))), 5)
    writer.join()
    _assert_same(block, _read(path, False, Selection())[0])


def test_read_bcf_fast__many_short_records_are_read_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.bcf"
    path.write_bytes(_bcf([_record([], 0, position=i) for i in range(1000)], 3))
    monkeypatch.setattr(fast_bcf, "MAX_CELLS", 300)
    blocks = fast_bcf.read_bcf_fast(path, VcfReader(path).header, Selection(), Counter())
    assert blocks is not None
    assert [len(block) for block in blocks] == [100] * 10


def test_read_bcf_fast__names_the_offset_of_a_damaged_block(tmp_path: Path) -> None:
    data = bytearray(_bgzip(_clean(500)))
    tenth = [i for i in range(len(data)) if data[i : i + 4] == b"\x1f\x8b\x08\x04"][10]
    path = tmp_path / "a.bcf"
    for place in (tenth + 30, tenth + 2, tenth + 14):
        broken = data.copy()
        broken[place] ^= 0x55
        path.write_bytes(broken)
        answer, _ = _read(path, True, Selection())
        assert isinstance(answer, str) and f"block at byte {tenth} " in answer
    path.write_bytes(data[: tenth + 40])
    answer, _ = _read(path, True, Selection())
    assert isinstance(answer, str) and f"block at byte {tenth} is cut off" in answer


def test_read_bcf_fast__what_lies_before_the_damage_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.bcf"
    path.write_bytes(_clean(50)[:-3])
    blocks = fast_bcf.read_bcf_fast(path, VcfReader(path).header, Selection(), Counter())
    assert blocks is not None
    assert len(next(blocks)) == 49
    with pytest.raises(InputError, match=r"record 50: .* it ends within a record"):
        next(blocks)


@pytest.mark.parametrize("short", [1, 3, 4])
def test_read_bcf_fast__calls_never_reach_into_the_next_record(tmp_path: Path, short: int) -> None:
    genotypes, depths = _call_field("GT", 1, [[2, 4]] * 5), _call_field("DP", 1, [[7]] * 5)
    path = tmp_path / "a.bcf"
    for formats in ([genotypes], [genotypes, depths]):
        cut = [*formats[:-1], formats[-1][:-short]]
        path.write_bytes(_bcf([_record(cut, 5), _clean_record(1, 5)], 5))
        _assert_same_both_ways(path)
        rejects: Rejects = []
        block, _ = _read(path, True, Selection(reject=lambda *row, kept=rejects: kept.append(row)))
        assert len(block) == 1 and [row[0] for row in rejects] == [1]


def test_read_bcf_fast__a_length_that_cannot_be(tmp_path: Path) -> None:
    path = tmp_path / "a.bcf"
    path.write_bytes(_clean(3) + b"\xff" * 40)
    answer, _ = _read(path, True, Selection())
    assert isinstance(answer, str) and "record 4: " in answer and "a record of 4,294,967,295" in answer


def test_read_bcf_fast__no_end_marker_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "a.bcf"
    path.write_bytes(_bgzip(_clean(50))[:-28])
    assert _read(path, True, Selection())[1] == Counter({NO_END_MARKER: 1})


def test_read_bcf_fast__numbers_too_large_for_a_table(tmp_path: Path) -> None:
    text = HEADER.replace("ID=AC,", "ID=AC,IDX=2000000000,").encode() + COLUMNS.encode() + b"\n\0"
    path = tmp_path / "a.bcf"
    path.write_bytes(b"BCF\2\2" + struct.pack("<I", len(text)) + text)
    assert fast_bcf.read_bcf_fast(path, VcfReader(path).header, Selection(), Counter()) is None


def test_read_bcf_fast__same_calls_as_cyvcf2(tmp_path: Path) -> None:
    path = tmp_path / "a.bcf"
    rows = [[[2, 4], [0, 0], [5, 3], [4, -127], [2, 1]], [[4, 5], [-128, -127], [0, 3], [2, 3], [4, 2]]]
    depths = [[[7], [-128], [0], [127], [-127]], [[1], [2], [3], [4], [5]]]
    records = [_record([_call_field("GT", 1, g), _call_field("DP", 1, d)], 5) for g, d in zip(rows, depths)]
    path.write_bytes(_bgzip(_bcf(records, 5)))
    block, _ = _read(path, True, Selection())
    assert isinstance(block, VariantBlock)
    for row, variant in enumerate(cyvcf2.VCF(str(path))):
        calls = variant.genotype.array()
        np.testing.assert_array_equal(block.genotypes[row], calls[:, :2])
        is_pair = calls[:, 1] != -2
        np.testing.assert_array_equal(block.phased[row, is_pair], calls[is_pair, 2] == 1)
        known = np.where(variant.format("DP")[:, 0] <= -(2**31) + 1, -1, variant.format("DP")[:, 0])
        np.testing.assert_array_equal(block.formats["DP"][row], known)


def test_read_bcf_fast__real_files_same_as_careful(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "variants"
    paths = sorted(path for path in folder.rglob("*.bcf*") if not path.name.endswith(".csi"))
    if shutil.which("bcftools") is not None:
        texts = sorted(path for path in folder.rglob("*.vcf") if path.stat().st_size < 300_000)
        for i, vcf in enumerate(texts[::6]):
            if _to_bcf(vcf, tmp_path / f"{i}.bcf"):
                paths.append(tmp_path / f"{i}.bcf")
    compared = 0
    for path in paths:
        try:
            header = VcfReader(path).header
        except InputError:
            continue
        if header.is_bcf and fast_bcf.read_bcf_fast(path, header, Selection(), Counter()) is not None:
            _assert_same_both_ways(path)
            compared += 1
    assert compared > 4
