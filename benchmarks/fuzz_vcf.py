"""Feed the VCF and BCF readers damaged files: no crash, no hang, no wrong read.

``python -m benchmarks.fuzz_vcf [--seconds 60] [--corpus FOLDER]`` runs atheris (libFuzzer for Python). The first byte of
an input says what it becomes: records below a good header, a whole file, BCF records, or compressed bytes.
Whatever it is, the readers either return blocks or raise `genomics.errors.InputError`. Records must be
read as `read_plainly`, a few lines of plain Python, reads them, by the careful and by the quick reader alike. An input
that breaks this is left as crash-... in the folder given with --corpus, or in the working folder.
"""

from __future__ import annotations

import argparse
import re
import struct
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genomics.block import VariantBlock, join_blocks
from genomics.errors import InputError
from genomics.export import genotype_text
from genomics.readers.protocol import Selection
from genomics.readers.vcf import VcfReader, read_blocks, read_header

HEADER = (
    b"##fileformat=VCFv4.4\n##contig=<ID=1>\n##contig=<ID=chr2>\n"
    b'##FILTER=<ID=q10,Description="low">\n##INFO=<ID=END,Number=1,Type=Integer,Description="end">\n'
    b'##FORMAT=<ID=GT,Number=1,Type=String,Description="call">\n'
    b'##FORMAT=<ID=DP,Number=1,Type=Integer,Description="depth">\n'
    b'##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="quality">\n'
    b'##FORMAT=<ID=FT,Number=1,Type=String,Description="filter">\n'
    b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tA\tB\n"
)
N_SAMPLES = 2
RECORDS, FILE, BCF, COMPRESSED = range(4)

_CALL = rb"[|/]?(?:\d{1,3}|\.)(?:[|/](?:\d{1,3}|\.))*"
_CELL = rb"\t" + _CALL + rb"(?::(?:\d{1,6}|\.)(?::(?:\d{1,6}|\.))?)?"
_CLEAN = re.compile(
    rb"[\w.]+\t\d{1,9}\t[\w.;]+\t[ACGTN]+\t(?:\.|[ACGTN]+(?:,[ACGTN]+)*)\t(?:\.|\d+(?:\.\d+)?)\t"
    rb"(?:\.|[A-Za-z]\w*(?:;[A-Za-z]\w*)*)\t(?:\.|END=\d{1,9})\tGT:DP:GQ" + _CELL * N_SAMPLES
)


@dataclass(frozen=True)
class PlainRecord:
    """What a line says, read with no library."""

    contig: str
    position: int
    identifier: str
    alleles: tuple[str, ...]
    quality: float
    filters: tuple[str, ...]
    calls: tuple[str, ...]


def read_plainly(line: bytes, n_samples: int = N_SAMPLES) -> PlainRecord:
    r"""Read a line as the specification has it; calls as text with one kind of separator throughout.

    Examples
    --------
    >>> line = b"1 7 . A G,<DEL> 50 q10 . DP:GT 3:|0|1 4:./1|2".replace(b" ", b"\t")
    >>> record = read_plainly(line)
    >>> record.position, record.alleles, record.calls
    (7, ('A', 'G', '<DEL>'), ('0|1', './1/2'))
    """
    contig, position, identifier, ref, alt, quality, filters, *rest = line.decode("utf-8", "replace").split(
        "\t"
    )
    keys = rest[1].split(":") if len(rest) > 1 else []
    cells = rest[2 : 2 + n_samples] if "GT" in keys else ["."] * n_samples
    at = keys.index("GT") if "GT" in keys else 0
    values = [(cell.split(":") + ["."] * len(keys))[at] for cell in cells]
    return PlainRecord(
        contig=contig,
        position=int(position),
        identifier="" if identifier == "." else identifier,
        alleles=tuple(text or "." for text in (ref, *([] if alt in (".", "") else alt.split(",")))),
        quality=float("nan") if quality == "." else float(np.float32(quality)),
        filters=() if filters == "." else tuple(name for name in filters.split(";") if name),
        calls=tuple(_plain_call(value) for value in values),
    )


def _plain_call(text: str) -> str:
    # htslib reads an empty GT at the end of a line as a missing one
    alleles = [a if a == "." else str(int(a)) for a in re.split(r"[/|]", text.lstrip("/|") or ".")]
    phased = "/" not in text and "|" in text[1:]
    return ("|" if phased else "/").join(alleles)


def plain_rows(block: VariantBlock) -> list[PlainRecord]:
    """Write a block in the same form."""
    calls = genotype_text(block.genotypes, block.phased)
    return [
        PlainRecord(
            block.contigs[row],
            int(block.positions[row]),
            block.identifiers[row],
            block.alleles[row],
            float(block.quality[row]),
            block.filters[row],
            tuple(calls[row].tolist()),
        )
        for row in range(len(block))
    ]


def check(data: bytes, folder: Path) -> None:
    """Read one input in every way; AssertionError where a reader is wrong."""
    kind, body = (data[0] % 4, data[1:]) if data else (FILE, b"")
    path = folder / "fuzzed.vcf"
    if kind == RECORDS:
        _check_records(body, path)
    elif kind == BCF:
        header = HEADER + b"\0"
        path.write_bytes(b"BCF\2\2" + struct.pack("<I", len(header)) + header + body)
        read_or_refuse(path)
    else:
        path.write_bytes(body)
        read_or_refuse(path)


def read_or_refuse(path: Path) -> VariantBlock | None:
    """Read a file with the careful reader; None where it says what is wrong with it."""
    try:
        header = read_header(path)
        return join_blocks(list(read_blocks(path, header)), len(header.samples))
    except InputError:
        return None


def _check_records(body: bytes, path: Path) -> None:
    path.write_bytes(HEADER + body)
    good: list[bytes] = []
    bad: dict[int | str, str] = {}
    try:
        header = read_header(path)
        careful = join_blocks(
            list(read_blocks(path, header, reject=lambda number, *why: bad.update({number: why[1]}))),
            N_SAMPLES,
        )
    except InputError:  # what is no single record's fault
        return
    lines = [line.rstrip(b"\r\n") for line in body.split(b"\n")]
    while lines and lines[0].startswith(b"#"):
        del lines[0]
    for number, line in enumerate(lines, start=1):
        if number not in bad and line.strip():
            good.append(line)
        assert number not in bad or not _CLEAN.fullmatch(line), f"{line!r} was refused: {bad[number]}"
    assert_equal(plain_rows(careful), [read_plainly(line) for line in good])
    quick: dict[int | str, str] = {}
    selection = Selection(reject=lambda number, *why: quick.update({number: why[1]}))
    blocks = list(VcfReader(path).blocks(selection))
    assert quick == bad, f"quick {quick}, careful {bad}"
    assert_same_blocks(join_blocks(blocks, N_SAMPLES), careful)


def assert_equal(found: list[PlainRecord], expected: list[PlainRecord]) -> None:
    """Compare records, NaN equal to NaN."""
    assert [repr(row) for row in found] == [repr(row) for row in expected], (found, expected)


def assert_same_blocks(found: VariantBlock, expected: VariantBlock) -> None:
    """Compare blocks array by array."""
    assert_equal(plain_rows(found), plain_rows(expected))
    for name in ("genotypes", "phased", "states", "ends"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)
    for name in set(found.formats) | set(expected.formats):
        if len(expected):
            np.testing.assert_array_equal(found.formats[name], expected.formats[name], err_msg=name)


def write_seeds(folder: Path) -> None:
    """Write inputs to start from."""
    import gzip

    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        "1 100 rs1 A G 30 PASS . GT:DP:GQ 0/1:3:4 1|1:.:99",
        "chr2 7 . AT A,<DEL> 1e3 q10;x END=90 DP:GT 5:0|1/2 .:.",
        "un 0 a;b N . . . . GT:FT ./1:bad |0|1",
        "1 200 . A G . . .",
    ]
    records = [line.replace(" ", "\t").encode() + b"\n" for line in lines]
    for number, record in enumerate(records):
        (folder / f"record{number}").write_bytes(bytes([RECORDS]) + record + records[0])
    whole = HEADER + b"".join(records)
    (folder / "file").write_bytes(bytes([FILE]) + whole)
    (folder / "gzip").write_bytes(bytes([COMPRESSED]) + gzip.compress(whole, mtime=0))
    (folder / "bcf").write_bytes(bytes([BCF]) + _bcf_record())


def _bcf_record() -> bytes:
    text = b"\x37rs1\x17A\x17G"  # identifier, REF, ALT
    shared = struct.pack("<iiifII", 0, 99, 1, 30.0, 2 << 16 | 1, 2 << 24 | N_SAMPLES)
    shared += text + b"\x11\x00" + b"\x11\x02\x12\x5a\x00"  # FILTER PASS, INFO END=90
    calls = b"\x11\x03\x21\x02\x04\x04\x05" + b"\x11\x04\x11\x07\x80"  # GT 0/1 1|1, DP 7 .
    return struct.pack("<II", len(shared), len(calls)) + shared + calls


def main() -> None:
    """Run atheris."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    import atheris

    with tempfile.TemporaryDirectory() as scratch:
        corpus = arguments.corpus or Path(scratch) / "corpus"
        write_seeds(corpus)
        artifacts = f"{corpus if arguments.corpus else Path.cwd()}/"
        for module in ("vcf", "vcf_lines", "vcf_checks", "vcf_header", "vcf_stream", "bcf"):
            _instrument(atheris, sys.modules[f"genomics.readers.{module}"])
        check(bytes([RECORDS]) + b"1\t5\t.\tA\tG\t.\t.\t.\tGT\t0/1\t1/1\n", Path(scratch))  # compiles
        options = [
            f"-max_total_time={arguments.seconds}", "-timeout=20", "-rss_limit_mb=3000", "-max_len=2000",
            f"-seed={arguments.seed}", f"-artifact_prefix={artifacts}", "-print_final_stats=1",
        ]  # fmt: skip
        atheris.Setup([sys.argv[0], *options, str(corpus)], lambda data: check(data, Path(scratch)))
        atheris.Fuzz()


def _instrument(atheris: object, module: object) -> None:
    """Let atheris see which branches of a module's functions and methods are taken."""
    import types

    for holder in [module, *(v for v in vars(module).values() if isinstance(v, type))]:
        for name, value in list(vars(holder).items()):
            if isinstance(value, types.FunctionType) and value.__module__.startswith("genomics.readers."):
                setattr(holder, name, atheris.instrument_func(value))  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
