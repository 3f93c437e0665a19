from __future__ import annotations

import gzip
import os
import struct
import subprocess
import sys
import threading
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from genomics.block import VariantBlock, join_blocks
from genomics.errors import InputError
from genomics.readers import vcf_header, vcf_stream
from genomics.readers.protocol import Selection
from genomics.readers.vcf import VcfReader, read_blocks, read_header
from genomics.readers.vcf_stream import open_stream

END_MARKER = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


def _block(data: bytes) -> bytes:
    """Compress one bgzip block by hand."""
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
    packed = deflate.compress(data) + deflate.flush()
    head = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff" + struct.pack("<H2sHH", 6, b"BC", 2, len(packed) + 25)
    return head + packed + struct.pack("<II", zlib.crc32(data), len(data))


def _blocks(text: bytes, size: int = 500) -> list[bytes]:
    return [_block(text[at : at + size]) for at in range(0, len(text), size)]


def _text(vcf_text: Callable[..., str], n: int = 200) -> bytes:
    return vcf_text([f"1 {i + 1} . A G . PASS . GT 0/1 1|1" for i in range(n)]).encode()


def _careful(path: Path, **options: object) -> VariantBlock:
    header = read_header(path)
    return join_blocks(list(read_blocks(path, header, **options)), len(header.samples))  # type: ignore[arg-type]


def test_bgzf_stream__same_as_gzip(tmp_path: Path) -> None:
    data = np.random.default_rng(1).integers(0, 40, 300_000, dtype=np.uint8).tobytes()
    (tmp_path / "a").write_bytes(b"".join(_blocks(data, 65_000)) + _block(b"") + _block(b"end") + END_MARKER)
    with open_stream(tmp_path / "a") as stream:
        assert stream.read() == gzip.decompress((tmp_path / "a").read_bytes()) == data + b"end"


@pytest.mark.parametrize("damage", ["flipped", "cut", "dropped", "header"])
def test_read__damaged_block_is_named_by_its_offset(
    tmp_path: Path, vcf_text: Callable[..., str], damage: str
) -> None:
    blocks = _blocks(_text(vcf_text))
    offset = sum(map(len, blocks[:6]))
    bad = blocks[6]
    changed = {
        "flipped": bad[:-5] + bytes([bad[-5] ^ 1]) + bad[-4:],
        "cut": bad[: len(bad) // 2],
        "dropped": bad[:40] + bad[50:],
        "header": b"\0" + bad[1:],
    }[damage]
    rest = [] if damage == "cut" else blocks[7:]
    path = tmp_path / "a.vcf.gz"
    path.write_bytes(b"".join([*blocks[:6], changed, *rest, END_MARKER if rest else b""]))
    with pytest.raises(InputError, match=rf"a\.vcf\.gz.*truncated or damaged.*block at byte {offset} "):
        _careful(path)


def test_read__missing_end_marker_is_noted(tmp_path: Path, vcf_text: Callable[..., str]) -> None:
    path = tmp_path / "a.vcf.gz"
    path.write_bytes(b"".join(_blocks(_text(vcf_text))))
    notes: Counter[str] = Counter()
    assert len(_careful(path, notes=notes)) == 200 and notes == {"no_end_marker": 1}
    reader = VcfReader(path)
    assert sum(map(len, reader.blocks(Selection()))) == 200 and reader.notes == {"no_end_marker": "1"}


@pytest.mark.parametrize("kind", ["plain", "gzip", "bgzip"])
def test_vcf_reader__named_pipe(tmp_path: Path, vcf_text: Callable[..., str], kind: str) -> None:
    text = _text(vcf_text)
    data = {"plain": text, "gzip": gzip.compress(text), "bgzip": b"".join(_blocks(text)) + END_MARKER}[kind]
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(data,))
    writer.start()
    reader = VcfReader(pipe)
    assert reader.is_pipe and reader.samples == ("A", "B") and reader.first_record() == ("1", 1)
    block = join_blocks(list(reader.blocks(Selection(block_records=7))), 2)
    writer.join()
    assert block.positions.tolist() == list(range(1, 201)) and reader.notes == {}
    with pytest.raises(InputError, match="a pipe can be read once"):
        list(reader.blocks(Selection()))


def test_vcf_reader__standard_input(vcf_text: Callable[..., str]) -> None:
    script = (
        "from genomics.readers import Selection, open_reader\n"
        "reader = open_reader('-')\n"
        "print(sum(len(block) for block in reader.blocks(Selection())), *reader.samples)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], input=_text(vcf_text), capture_output=True, check=True, cwd=Path.cwd()
    )
    assert run.stdout.split() == [b"200", b"A", b"B"]


def test_read__line_longer_than_memory_allows(
    monkeypatch: pytest.MonkeyPatch, make_vcf: Callable[..., Path]
) -> None:
    monkeypatch.setattr(vcf_stream, "MAX_LINE_BYTES", 2000)
    good = "1 1 . A G . . . GT 0/1 0/1"
    path = make_vcf([good, f"1 2 . {'A' * 3000} G . . . GT 0/1 0/1"])
    with pytest.raises(InputError, match=r"record 2: a line of more than 2,000 bytes"):
        _careful(path)
    with pytest.raises(InputError, match=r"a line of more than 2,000 bytes"):
        read_header(make_vcf([good], samples=[f"sample{i}" for i in range(300)]))


def test_read_header__bounds(monkeypatch: pytest.MonkeyPatch, make_vcf: Callable[..., Path]) -> None:
    path = make_vcf([], samples=["A", "B", "C", "D"], header=[f"##contig=<ID=c{i}>" for i in range(100)])
    assert len(read_header(path).contigs) == 100
    monkeypatch.setattr(vcf_header, "MAX_SAMPLES", 3)
    with pytest.raises(InputError, match="names 4 samples; expected at most 3"):
        read_header(path)
    monkeypatch.setattr(vcf_header, "MAX_HEADER_BYTES", 1000)
    with pytest.raises(InputError, match="a header of more than 1,000 bytes"):
        read_header(path)


def test_read_header__blank_lines_and_line_ends(tmp_path: Path, vcf_text: Callable[..., str]) -> None:
    text = vcf_text(["1 5 . A G . . . GT 0/1 1/1"], samples=("A b", " c"))
    for number, changed in enumerate((text.replace("\n", "\r\n"), text.replace("\n", "\n\n", 1))):
        path = tmp_path / f"{number}.vcf"
        path.write_bytes(changed.encode())
        assert read_header(path).samples == ("A b", " c")
        assert _careful(path).genotypes.tolist() == [[[0, 1], [1, 1]]]


@pytest.mark.parametrize(
    ("last", "part"),
    [
        (b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tA\t", "sample column 2 has no name"),
        (b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t\xff", "column 10 is not valid UTF-8"),
        (b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tA\tB", "does not name the columns"),
        (b"#CHROM POS ID REF ALT QUAL FILTER INFO", "does not name the columns"),
        (b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER", "does not name the columns"),
    ],
)
def test_read_header__columns_line(tmp_path: Path, last: bytes, part: str) -> None:
    (tmp_path / "a.vcf").write_bytes(b"##fileformat=VCFv4.2\n" + last + b"\n")
    with pytest.raises(InputError, match=rf"a\.vcf, field #CHROM: .*{part}"):
        read_header(tmp_path / "a.vcf")
