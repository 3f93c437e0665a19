"""Read PLINK 1 genotypes: .bed, .bim and .fam.

The .bim file names two alleles and does not say which is the reference. A2 is taken as REF and A1 as ALT,
as PLINK 2 does, and the store says so in its attribute ``plink_alleles``: an effect of "ALT" is one of A1.

References
----------
PLINK 1 binary format, https://www.cog-genomics.org/plink/1.9/formats#bed
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from genomics.block import MISSING, VariantBlock, call_states
from genomics.contigs import canonical_plink_contig
from genomics.errors import InputError
from genomics.fields import Field
from genomics.readers.protocol import Reject, Selection

ALLELE_NOTE = "REF is A2 and ALT is A1 of the .bim file, which does not tell the reference allele"
_MAGIC = b"\x6c\x1b\x01"
# Two bits per call, lowest first: 00 two A1, 01 missing, 10 one of each, 11 two A2.
_CALLS = np.array([[1, 1], [MISSING, MISSING], [0, 1], [0, 0]], dtype=np.int8)
_CODES_OF_BYTE = np.array([[(byte >> shift) & 3 for shift in (0, 2, 4, 6)] for byte in range(256)], np.uint8)


class PlinkReader:
    """A PLINK 1 fileset; see `genomics.readers.protocol.VariantReader`.

    Raises
    ------
    InputError
        The .fam file is missing or bad.
    """

    def __init__(self, prefix: str | os.PathLike[str]) -> None:
        self.path = Path(prefix)
        self.samples = read_fam(self.path)
        self.contigs: Mapping[str, int | None] = {}
        self.filters: tuple[str, ...] = ()
        self.fields: Mapping[str, Field] = {}
        self.reference = ""
        self.notes: Mapping[str, str] = {"plink_alleles": ALLELE_NOTE}
        self.seen_contigs: set[str] = set()

    def first_record(self) -> tuple[str, int] | None:
        """Return contig and position of the first variant; None where there is none, or it is unreadable."""
        return first_variant(self.path)

    def blocks(self, selection: Selection) -> Iterator[VariantBlock]:
        """Yield the selected variants in the order of the .bim file."""

        def keep(contig: str, start: int, end: int) -> bool:
            self.seen_contigs.add(contig)
            inside = (r.contig == contig and start <= r.end and end >= r.start for r in selection.regions)
            return not selection.regions or any(inside)

        return read_plink_blocks(
            self.path,
            self.samples,
            samples=selection.samples,
            keep=keep,
            reject=selection.reject,
            block_records=selection.block_records,
        )


def plink_prefix(path: str | os.PathLike[str]) -> Path | None:
    """Return the common prefix of a PLINK fileset given by prefix or by its .bed; None for anything else.

    Examples
    --------
    >>> plink_prefix("cohort.bed").name
    'cohort'
    >>> plink_prefix("cohort.vcf.gz") is None
    True
    """
    path = Path(path)
    if path.suffix in (".bed", ".bim", ".fam"):
        return path.with_suffix("")
    return path if path.with_name(path.name + ".bed").is_file() else None


def read_fam(prefix: Path) -> tuple[str, ...]:
    """Read the sample identifiers (IID) of a .fam file.

    Raises
    ------
    InputError
        The file is missing, a line has too few columns, or an IID occurs twice.
    """
    path = prefix.with_name(prefix.name + ".fam")
    samples: list[str] = []
    seen: set[str] = set()
    for number, line in enumerate(_lines(path), start=1):
        columns = line.split()
        if len(columns) < 2:
            raise InputError("one column", file=path, record=number, expected="FID and IID first")
        if columns[1] in seen:
            raise InputError(
                "the sample identifier occurs twice",
                file=path,
                record=number,
                field="IID",
                expected="every IID once",
                hint="make them unique (plink2 --update-ids)",
            )
        seen.add(columns[1])
        samples.append(columns[1])
    if not samples:
        raise InputError("the file names no samples", file=path, expected="one line per sample")
    return tuple(samples)


def first_variant(prefix: Path) -> tuple[str, int] | None:
    """Return contig and position of the first line of the .bim file; None where it cannot be read.

    Whatever is wrong with the line is said when the variants are read.
    """
    bim = prefix.with_name(prefix.name + ".bim")
    variants = [_variant(line, 1, bim, lambda *_: None) for line in _lines(bim)[:1]]
    return next(((variant[0], variant[1]) for variant in variants if variant), None)


def read_plink_blocks(
    prefix: Path,
    all_samples: Sequence[str],
    *,
    samples: Sequence[str] | None = None,
    keep: Callable[[str, int, int], bool] | None = None,
    reject: Reject | None = None,
    block_records: int = 1000,
) -> Iterator[VariantBlock]:
    """Read the variants of a PLINK fileset, block by block, in the order of the .bim file.

    Parameters
    ----------
    prefix
        Path without .bed, .bim, .fam.
    all_samples
        As `read_fam` gave them.
    samples
        Samples to keep, in this order; all by default.
    keep
        Called with contig, first and last position of each variant; leaves out where false.
    reject
        Called with record, field and reason for each bad line of the .bim file, which is then left out.
        Without it the first one raises.
    block_records
        Variants of a block, at most.

    Yields
    ------
    VariantBlock

    Raises
    ------
    InputError
        The files do not fit each other, or a line of the .bim file is bad.
    """
    bed, bim = (prefix.with_name(prefix.name + suffix) for suffix in (".bed", ".bim"))
    lines = _lines(bim)
    width = -(-len(all_samples) // 4)
    _check_bed(bed, len(lines), width)
    position_of = {name: index for index, name in enumerate(all_samples)}
    order = None if samples is None else np.array([position_of[name] for name in samples], dtype=np.int64)
    with bed.open("rb") as stream:
        for start in range(0, len(lines), block_records):
            part = lines[start : start + block_records]
            packed = np.frombuffer(_read(stream, 3 + start * width, len(part) * width), np.uint8)
            codes = _CODES_OF_BYTE[packed.reshape(len(part), width)].reshape(len(part), -1)
            variants = [_variant(line, start + i + 1, bim, reject) for i, line in enumerate(part)]
            rows = [row for row, variant in enumerate(variants) if variant and _is_kept(variant, keep)]
            if rows:
                codes = codes[rows][:, : len(all_samples)]
                yield _block([variants[row] for row in rows], codes if order is None else codes[:, order])


def _read(stream: IO[bytes], offset: int, size: int) -> bytes:
    stream.seek(offset)
    return stream.read(size)


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(
            "no such file", file=path, expected=".bed, .bim and .fam with the same name, side by side"
        ) from None
    except UnicodeDecodeError:
        raise InputError("not a text file", file=path, expected=f"a PLINK {path.suffix} file") from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", file=path) from error
    return [line for line in text.splitlines() if line.strip()]


def _check_bed(bed: Path, n_variants: int, width: int) -> None:
    try:
        with bed.open("rb") as stream:
            magic = stream.read(3)
        size = bed.stat().st_size
    except FileNotFoundError:
        raise InputError("no such file", file=bed, expected=".bed beside .bim and .fam") from None
    if magic[:2] != _MAGIC[:2]:
        raise InputError("not a PLINK 1 .bed file", file=bed, expected="the bytes 6c 1b 01 at its start")
    if magic[2:] != _MAGIC[2:]:
        raise InputError(
            "the .bed file is sample-major", file=bed, expected="variant-major", hint="plink1.9 --make-bed"
        )
    expected = 3 + n_variants * width
    if size != expected:
        raise InputError(
            f"the file has {size} bytes",
            file=bed,
            expected=f"{expected} for {n_variants} variants in the .bim file",
            hint="the file is truncated, or .bim and .fam belong to another one",
        )


_Variant = tuple[str, int, str, tuple[str, ...]]


def _is_kept(variant: _Variant, keep: Callable[[str, int, int], bool] | None) -> bool:
    contig, position, _, alleles = variant
    return keep is None or keep(contig, position, position + len(alleles[0]) - 1)


def _variant(line: str, number: int, bim: Path, reject: Reject | None) -> _Variant | None:
    columns = line.split()
    problem = None
    if len(columns) < 6:
        problem = ("columns", f"{len(columns)} columns; expected 6")
    elif _position(columns[3]) is None:
        problem = ("position", f"{columns[3]!r} is not a position; expected a whole number, counted from 1")
    if problem is None:
        contig, identifier, _, position, a1, a2 = columns[:6]
        ref = "N" if a2 == "0" else a2
        alleles = (ref,) if a1 == "0" else (ref, a1)
        place = _position(position) or 0
        return canonical_plink_contig(contig), place, "" if identifier == "." else identifier, alleles
    if reject is None:
        raise InputError(
            problem[1],
            file=bim,
            record=number,
            field=problem[0],
            hint="correct the record, or leave bad records out with --keep-going",
        )
    reject(number, *problem)
    return None


def _position(text: str) -> int | None:
    # R writes 100000 as 1e+05, and PLINK reads it.
    try:
        value = float(text)
    except ValueError:
        return None
    return int(value) if value.is_integer() and 1 <= value < 2**31 else None


def _block(variants: Sequence[_Variant | None], codes: np.ndarray) -> VariantBlock:
    rows = [variant for variant in variants if variant is not None]
    genotypes = _CALLS[codes]
    n, n_samples = codes.shape
    return VariantBlock(
        contigs=[row[0] for row in rows],
        positions=np.array([row[1] for row in rows], np.int32),
        identifiers=[row[2] for row in rows],
        alleles=[row[3] for row in rows],
        quality=np.full(n, np.nan, np.float32),
        filters=[()] * n,
        ends=np.full(n, MISSING, np.int32),
        genotypes=genotypes,
        phased=np.zeros((n, n_samples), bool),
        states=call_states(genotypes, np.zeros((n, 1), bool)),
    )
