"""Read BCF records: binary VCF, decoded here so that a damaged record is an error and never a crash.

References
----------
The Variant Call Format Specification, section 6: BCF.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from genomics.block import VariantBlock
from genomics.readers import vcf_stream
from genomics.readers.protocol import Reject
from genomics.readers.vcf_checks import ALLELES_BEYOND_ALT, MAX_ALLELE, MAX_POSITION, report_bad
from genomics.readers.vcf_header import VcfHeader
from genomics.readers.vcf_record import Record, RecordConverter
from genomics.readers.vcf_stream import damaged
from genomics.regions import Region, overlaps

_LENGTHS = struct.Struct("<II")
_SHARED = struct.Struct("<iiifII")
_INT_TYPES: dict[int, np.dtype[Any]] = {1: np.dtype("<i1"), 2: np.dtype("<i2"), 3: np.dtype("<i4")}
_FLOAT, _TEXT = 5, 7
_SIZES = {0: 0, 1: 1, 2: 2, 3: 4, _FLOAT: 4, _TEXT: 1}  # bytes of a value
_INT32_MISSING, _INT32_END = -(2**31), -(2**31) + 1
_FLOAT_MISSING = 0x7F800001


def read_bcf_records(stream: IO[bytes], path: Path, number: int | None = 1) -> Iterator[bytes]:
    """Yield the raw records of a stream that stands behind the header.

    Parameters
    ----------
    stream
        The decompressed bytes.
    path
        The file, for error messages.
    number
        Number of the next record, None where it is not known.

    Raises
    ------
    InputError
        A record is cut off, or its length cannot be.
    """
    while head := stream.read(_LENGTHS.size):
        if len(head) < _LENGTHS.size:
            raise damaged(path, "it ends within a record", number)
        shared, calls = _LENGTHS.unpack(head)
        if shared < _SHARED.size or shared + calls > 4 * vcf_stream.MAX_LINE_BYTES:
            raise damaged(path, f"a record of {shared:,} and {calls:,} bytes", number)
        body = stream.read(shared + calls)
        if len(body) < shared + calls:
            raise damaged(path, "it ends within a record", number)
        yield head + body
        number = None if number is None else number + 1


class BcfRecords:
    """Parse raw records of one BCF file; the parameters are those of `SlowLines`."""

    def __init__(
        self,
        path: Path,
        header: VcfHeader,
        samples: Sequence[str] | None = None,
        regions: Sequence[Region] = (),
        reject: Reject | None = None,
        fields: Sequence[str] | None = None,
        notes: Counter[str] | None = None,
    ) -> None:
        self.path, self.header, self.regions, self.reject = path, header, regions, reject
        self.notes: Counter[str] = Counter() if notes is None else notes
        self._contigs, self._strings = header.contig_numbers, header.string_numbers
        self._converter = RecordConverter(header, len(header.samples), fields)
        place = {name: index for index, name in enumerate(header.samples)}
        order = [place[name] for name in (header.samples if samples is None else samples)]
        self._order = None if order == list(range(len(header.samples))) else np.array(order, dtype=int)

    def contig(self, raw: bytes) -> str:
        """Return the contig of a record; an empty name where the header does not number it."""
        return self._contigs.get(_SHARED.unpack_from(raw, _LENGTHS.size)[0], "")

    def locus(self, raw: bytes) -> tuple[str, int] | None:
        """Return contig and position of a record, None where they cannot be read."""
        if len(raw) < _LENGTHS.size + _SHARED.size or not self.contig(raw):
            return None
        return self.contig(raw), _SHARED.unpack_from(raw, _LENGTHS.size)[1] + 1

    def parse(self, raws: Sequence[bytes], numbers: Sequence[int | str]) -> Iterator[VariantBlock]:
        """Yield some records as one block; nothing where none is left.

        Raises
        ------
        InputError
            A record cannot be read.
        """
        records = [
            record
            for raw, number in zip(raws, numbers, strict=True)
            if (record := self._record(raw, number)) is not None
        ]
        if records:
            block = self._converter.block(records)
            yield block if self._order is None else block.with_samples(self._order)

    def _record(self, raw: bytes, number: int | str) -> Record | None:
        try:
            contig, variant = self.contig(raw), BcfVariant(raw, self._strings, len(self.header.samples))
            if not contig:
                raise ValueError("its contig is not in the header")
            if not overlaps(self.regions, contig, variant.POS, variant.end):
                return None
            record = self._converter.convert(variant, contig, variant.FILTERS)
        except (ValueError, IndexError, KeyError, struct.error) as error:
            report_bad(
                self.reject, self.path, number, ("record", f"the BCF record is damaged ({error})", "BCF 2.2")
            )
            return None
        if int(record.genotypes.max(initial=0)) >= len(record.alleles):
            self.notes[ALLELES_BEYOND_ALT] += 1
        return record


class BcfVariant:
    """One BCF record under the names that cyvcf2's records have.

    Parameters
    ----------
    raw
        The record with its two lengths.
    strings
        The header's dictionary of FILTER, INFO and FORMAT.
    n_samples
        Samples of the header.

    Raises
    ------
    ValueError, IndexError, KeyError, struct.error
        The record is damaged.
    """

    def __init__(self, raw: bytes, strings: dict[int, str], n_samples: int) -> None:
        length, _ = _LENGTHS.unpack_from(raw)
        _, position, span, quality, counts, calls = _SHARED.unpack_from(raw, _LENGTHS.size)
        if not -1 <= position < MAX_POSITION:
            raise ValueError(f"POS is {position + 1}")
        self.POS, self.end = position + 1, position + span
        bits = int.from_bytes(raw[20:24], "little")
        self.QUAL = None if bits == _FLOAT_MISSING else quality
        shared = _Cursor(raw[: _LENGTHS.size + length], strings, _LENGTHS.size + _SHARED.size)
        self.ID = shared.text()
        alleles = [shared.text() or "." for _ in range(counts >> 16)] or ["."]
        self.REF, self.ALT = alleles[0], alleles[1:]
        if self.ALT == ["."]:
            self.ALT = []
        self.FILTERS = [strings[number] for number in shared.integers()]
        self.INFO = {shared.key(): shared.value() for _ in range(counts & 0xFFFF)}
        self.n_samples = calls & 0xFFFFFF
        calls_at = _Cursor(raw, strings, _LENGTHS.size + length)
        self._formats: dict[str, tuple[int, int, bytes]] = {}
        for _ in range(calls >> 24):
            self._formats.setdefault(calls_at.key(), calls_at.table(self.n_samples))
        if self._formats and self.n_samples != n_samples:
            raise ValueError(f"{self.n_samples} samples where the header has {n_samples}")
        self.FORMAT = tuple(self._formats)

    @property
    def genotype(self) -> _Genotypes:
        """The calls."""
        kind, width, packed = self._formats["GT"]
        if kind == 0 or not width:  # left off at the end by every sample
            return _Genotypes(np.zeros((self.n_samples, 1), np.int8))
        if kind not in _INT_TYPES:
            raise ValueError("GT is not of whole numbers")
        return _Genotypes(np.frombuffer(packed, _INT_TYPES[kind]).reshape(self.n_samples, width))

    def format(self, name: str) -> np.ndarray:
        """Return the values of a FORMAT field: (n_samples, values), or (n_samples,) of text."""
        kind, width, packed = self._formats[name]
        if kind == _TEXT:
            cells = [packed[at * width : (at + 1) * width] for at in range(self.n_samples)]
            return np.array([cell.rstrip(b"\0").decode("utf-8", "replace") for cell in cells], dtype=object)
        if kind == 0 or not width:
            return np.full((self.n_samples, 1), _INT32_MISSING, np.int32)
        return _numbers(kind, packed).reshape(self.n_samples, width)


class _Genotypes:
    """Calls as BCF encodes them: (allele + 1) << 1 | phased."""

    def __init__(self, coded: np.ndarray) -> None:
        self._coded = coded

    def array(self) -> np.ndarray:
        """Return alleles and, in the last column, whether the call is phased throughout."""
        coded = self._coded
        calls = np.empty((len(coded), coded.shape[1] + 1), np.int16)
        if coded.dtype.itemsize == 1:
            calls[:, :-1] = _ALLELE_OF_BYTE[coded.view(np.uint8)]
        else:
            calls[:, :-1] = _alleles(coded)
        if (calls[:, :-1] < -2).any():
            raise ValueError("GT has an allele number that cannot be")
        present = calls[:, 1:-1] != -2
        joined = (coded[:, 1:] & 1 == 1) | ~present
        calls[:, -1] = joined.all(axis=1) & present.any(axis=1)
        return calls


def _alleles(coded: np.ndarray) -> np.ndarray:
    """Decode allele numbers: -1 missing, -2 fill, -3 what cannot be."""
    low = np.iinfo(coded.dtype).min
    alleles = (coded.astype(np.int64) >> 1) - 1
    wrong = (alleles < -1) | (alleles > MAX_ALLELE)
    alleles[wrong] = -3
    alleles[coded == low] = -1
    alleles[coded == low + 1] = -2
    return alleles.astype(np.int16)


_ALLELE_OF_BYTE = _alleles(np.arange(256, dtype=np.uint8).view(np.int8))


class _Cursor:
    """Typed values one after the other."""

    def __init__(self, data: bytes, strings: dict[int, str], at: int) -> None:
        self.data, self.strings, self.at = data, strings, at

    def _take(self, size: int) -> bytes:
        part = self.data[self.at : self.at + size]
        if len(part) < size:
            raise ValueError("it ends early")
        self.at += size
        return part

    def _typed(self) -> tuple[int, int]:
        descriptor = self._take(1)[0]
        kind, count = descriptor & 15, descriptor >> 4
        if count == 15:
            lengths = self.integers()
            if len(lengths) != 1 or lengths[0] < 0:
                raise ValueError("a length that is no number")
            count = lengths[0]
        return kind, count

    def integers(self) -> list[int]:
        """Read whole numbers, without missing ones."""
        kind, count = self._typed()
        if kind == 0 or count == 0:
            return []
        if kind not in _INT_TYPES:
            raise ValueError(f"type {kind} for a whole number")
        if count == 1:  # most of them
            return [int.from_bytes(self._take(_SIZES[kind]), "little", signed=True)]
        values = _numbers(kind, self._take(count * _SIZES[kind]))
        return [value for value in values.tolist() if value > _INT32_END]

    def text(self) -> str | None:
        """Read text; None where it is missing."""
        kind, count = self._typed()
        if kind == 0 or count == 0:
            return None
        if kind != _TEXT:
            raise ValueError(f"type {kind} for text")
        text = self._take(count).rstrip(b"\0").decode()
        return None if text in ("", ".") else text

    def key(self) -> str:
        """Read the name of an INFO or FORMAT field."""
        (number,) = self.integers()
        return self.strings[number]

    def value(self) -> Any:
        """Read an INFO value: True for a flag, text, a number, or a tuple of numbers with None for missing."""
        kind, count = self._typed()
        if kind == 0:
            return True
        if kind == _TEXT:
            return self._take(count).rstrip(b"\0").decode("utf-8", "replace")
        if kind not in _SIZES:
            raise ValueError(f"unknown type {kind}")
        values = _numbers(kind, self._take(_SIZES[kind] * count))
        if values.dtype.kind == "f":
            bits = values.view("<u4")
            found = [
                None if bit == _FLOAT_MISSING else value
                for value, bit in zip(values.tolist(), bits.tolist(), strict=True)
                if bit != _FLOAT_MISSING + 1
            ]
        else:
            found = [None if v == _INT32_MISSING else v for v in values.tolist() if v != _INT32_END]
        return found[0] if len(found) == 1 else tuple(found) or None

    def table(self, n_samples: int) -> tuple[int, int, bytes]:
        """Read a FORMAT field: its type, values per sample, and the packed values."""
        kind, width = self._typed()
        if kind not in _SIZES:
            raise ValueError(f"unknown type {kind}")
        return kind, width, self._take(_SIZES[kind] * width * n_samples)


def _numbers(kind: int, packed: bytes) -> np.ndarray:
    """Unpack numbers: int32 or float32."""
    if kind == _FLOAT:
        return np.frombuffer(packed, "<f4")
    return _widened(np.frombuffer(packed, _INT_TYPES[kind]))


def _widened(values: np.ndarray) -> np.ndarray:
    """Return 32-bit numbers, with the missing and end values of that width."""
    if values.dtype.itemsize == 4:
        return values
    low = np.iinfo(values.dtype).min
    wide = values.astype(np.int32)
    wide[values == low] = _INT32_MISSING
    wide[values == low + 1] = _INT32_END
    return wide
