"""Read PLINK 1 genotypes: .bed, .bim and .fam.

The .bim file names two alleles and does not say which is the reference. A2 is taken as REF and A1 as ALT
unless the reader is asked for the contrary, as PLINK 2 does, and the store says so in its attribute
``plink_alleles``: an effect of "ALT" is then one of A1.

References
----------
PLINK 1 binary format, https://www.cog-genomics.org/plink/1.9/formats#bed
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import IO, Literal

import numpy as np

from genomics.block import MISSING, NO_CALL, OBSERVED, VariantBlock
from genomics.contigs import canonical_plink_contig
from genomics.errors import InputError
from genomics.fields import Field
from genomics.readers.protocol import BLOCK_RECORDS, Reject, Selection
from genomics.readers.pvar import contig_name

ReferenceAllele = Literal["a2", "a1"]

ALLELE_NOTE = (
    "REF is {} and ALT is {} of the .bim file, which does not tell the reference allele: "
    "provisional until REF is compared with a FASTA"
)
_MAGIC = b"\x6c\x1b\x01"
# Two bits per call, lowest first: 00 two A1, 01 missing, 10 one of each, 11 two A2.
_A2_IS_REF = np.array([[1, 1], [MISSING, MISSING], [0, 1], [0, 0]], np.int8)
_A1_IS_REF = np.array([[0, 0], [MISSING, MISSING], [0, 1], [1, 1]], np.int8)
_STATES = np.array([OBSERVED, NO_CALL, OBSERVED, OBSERVED], np.int8)
_CODES_OF_BYTE = np.array([[(byte >> shift) & 3 for shift in (0, 2, 4, 6)] for byte in range(256)])
# Four calls of a byte at once, as one number: their alleles take eight bytes, their states four.
_ALLELES_OF_BYTE = {
    "a2": _A2_IS_REF[_CODES_OF_BYTE].reshape(256, 8).view(np.uint64).ravel(),
    "a1": _A1_IS_REF[_CODES_OF_BYTE].reshape(256, 8).view(np.uint64).ravel(),
}
_STATES_OF_BYTE = _STATES[_CODES_OF_BYTE].view(np.uint32).ravel()


class PlinkReader:
    """A PLINK 1 fileset; see `genomics.readers.protocol.VariantReader`.

    Parameters
    ----------
    prefix
        Path without .bed, .bim, .fam.
    reference
        Which allele of the .bim file becomes REF: ``a2``, or ``a1`` for files that count it as the other.

    Attributes
    ----------
    families
        FID of each sample.

    Raises
    ------
    InputError
        The .fam file is missing or bad.
    """

    def __init__(self, prefix: str | os.PathLike[str], reference: ReferenceAllele = "a2") -> None:
        self.path = Path(prefix)
        people = _read_people(self.path)
        self.samples = tuple(iid for _, iid in people)
        self.families = tuple(fid for fid, _ in people)
        self.contigs: Mapping[str, int | None] = {}
        self.filters: tuple[str, ...] = ()
        self.fields: Mapping[str, Field] = {}
        self.reference = ""
        self.reference_allele: ReferenceAllele = reference
        names = ("A2", "A1") if reference == "a2" else ("A1", "A2")
        self.notes: Mapping[str, str] = {"plink_alleles": ALLELE_NOTE.format(*names)}
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
            consumed=selection.consumed,
            reference=self.reference_allele,
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
    return tuple(iid for _, iid in _read_people(prefix))


def _read_people(prefix: Path) -> list[tuple[str, str]]:
    path = prefix.with_name(prefix.name + ".fam")
    people: list[tuple[str, str]] = []
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
        people.append((columns[0], columns[1]))
    if not people:
        raise InputError("the file names no samples", file=path, expected="one line per sample")
    return people


def first_variant(prefix: Path) -> tuple[str, int] | None:
    """Return contig and position of the first line of the .bim file; None where it cannot be read.

    Whatever is wrong with the line is said when the variants are read.
    """
    bim = prefix.with_name(prefix.name + ".bim")
    variants = [_variant(line, 1, bim, lambda *_: None) for line in islice(_lines(bim), 1)]
    return next(((variant[0], variant[1]) for variant in variants if variant), None)


def read_plink_blocks(
    prefix: Path,
    all_samples: Sequence[str],
    *,
    samples: Sequence[str] | None = None,
    keep: Callable[[str, int, int], bool] | None = None,
    reject: Reject | None = None,
    block_records: int = BLOCK_RECORDS,
    consumed: Callable[[int], None] | None = None,
    reference: ReferenceAllele = "a2",
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
    consumed
        Called with the bytes of the .bed file read so far.
    reference
        Which allele becomes REF.

    Yields
    ------
    VariantBlock

    Raises
    ------
    InputError
        The files do not fit each other, or a line of the .bim file is bad.
    """
    bed, bim = (prefix.with_name(prefix.name + suffix) for suffix in (".bed", ".bim"))
    width = -(-len(all_samples) // 4)
    _check_bed(bed, sum(1 for _ in _lines(bim)), width)
    position_of = {name: index for index, name in enumerate(all_samples)}
    order = None if samples is None else np.array([position_of[name] for name in samples], dtype=np.int64)
    lines = _lines(bim)
    with bed.open("rb") as stream:
        stream.seek(len(_MAGIC))
        start = 0
        while part := list(islice(lines, block_records)):
            packed = _packed_calls(stream, len(part), width, bed)
            variants = [_variant(line, start + i + 1, bim, reject) for i, line in enumerate(part)]
            rows = [row for row, found in enumerate(variants) if found and _is_kept(found, keep, reference)]
            if rows:
                kept = [variant for row in rows for variant in (variants[row],) if variant is not None]
                packed = packed if len(rows) == len(part) else packed[rows]
                block = _block(kept, packed, len(all_samples), reference)
                yield block if order is None else block.with_samples(order)
            start += len(part)
            if consumed is not None:
                consumed(stream.tell())


def _packed_calls(stream: IO[bytes], n_variants: int, width: int, bed: Path) -> np.ndarray:
    data = stream.read(n_variants * width)
    if len(data) < n_variants * width:
        raise InputError("the file ends early", file=bed, expected="a file that nobody writes to meanwhile")
    return np.frombuffer(data, np.uint8).reshape(n_variants, width)


def _lines(path: Path) -> Iterator[str]:
    """Yield the lines of a text file that are not blank."""
    try:
        with path.open(encoding="utf-8") as stream:
            yield from (line for line in stream if line.strip())
    except FileNotFoundError:
        raise InputError(
            "no such file", file=path, expected=".bed, .bim and .fam with the same name, side by side"
        ) from None
    except UnicodeDecodeError:
        raise InputError("not a text file", file=path, expected=f"a PLINK {path.suffix} file") from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", file=path) from error


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


# contig, position, identifier, A1, A2
_Variant = tuple[str, int, str, str, str]


def _is_kept(
    variant: _Variant, keep: Callable[[str, int, int], bool] | None, reference: ReferenceAllele
) -> bool:
    contig, position, _, a1, a2 = variant
    return keep is None or keep(contig, position, position + len(_alleles(a1, a2, reference)[0]) - 1)


def _variant(line: str, number: int, bim: Path, reject: Reject | None) -> _Variant | None:
    columns = line.split()
    position = _position(columns[3]) if len(columns) >= 6 else None
    if position is not None:
        contig, identifier, _, _, a1, a2 = columns[:6]
        return _contig(contig), position, "" if identifier == "." else identifier, a1, a2
    if len(columns) < 6:
        problem = ("columns", f"{len(columns)} columns; expected 6")
    else:
        problem = ("position", f"{columns[3]!r} is not a position; expected a whole number, counted from 1")
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


@lru_cache(maxsize=1024)
def _contig(text: str) -> str:
    return canonical_plink_contig(contig_name(text))


def _position(text: str) -> int | None:
    if text.isdecimal():
        value = int(text)
        return value if 1 <= value < 2**31 else None
    # R writes 100000 as 1e+05, and PLINK reads it.
    try:
        number = float(text)
    except ValueError:
        return None
    return int(number) if number.is_integer() and 1 <= number < 2**31 else None


def _alleles(a1: str, a2: str, reference: ReferenceAllele) -> tuple[str, ...]:
    """REF and ALT; ``0`` is an allele that nobody carries, and its base is not known."""
    ref, alt = (a2, a1) if reference == "a2" else (a1, a2)
    ref = "N" if ref == "0" else ref
    return (ref,) if alt == "0" else (ref, alt)


def _block(
    variants: Sequence[_Variant], packed: np.ndarray, n_samples: int, reference: ReferenceAllele
) -> VariantBlock:
    n = len(variants)
    alleles = np.take(_ALLELES_OF_BYTE[reference], packed).view(np.int8).reshape(n, -1, 2)
    return VariantBlock(
        contigs=[variant[0] for variant in variants],
        positions=np.array([variant[1] for variant in variants], np.int32),
        identifiers=[variant[2] for variant in variants],
        alleles=[_alleles(variant[3], variant[4], reference) for variant in variants],
        quality=np.full(n, np.nan, np.float32),
        filters=[()] * n,
        ends=np.full(n, MISSING, np.int32),
        genotypes=alleles[:, :n_samples],
        phased=np.zeros((n, n_samples), bool),
        states=np.take(_STATES_OF_BYTE, packed).view(np.int8)[:, :n_samples],
    )
