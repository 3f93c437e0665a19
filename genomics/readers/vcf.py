"""Read VCF and BCF in blocks: raw records from a file, through an index or from a pipe, then parsed with care."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from genomics.block import VariantBlock
from genomics.errors import InputError
from genomics.fields import Field
from genomics.readers.bcf import BcfRecords, read_bcf_records
from genomics.readers.bgzf import Segment, stream_segments
from genomics.readers.fast_bcf import read_bcf_fast
from genomics.readers.fast_vcf import read_text_fast
from genomics.readers.protocol import BLOCK_RECORDS, Reject, Selection
from genomics.readers.vcf_checks import line_locus
from genomics.readers.vcf_header import VcfHeader, header_of, read_header
from genomics.readers.vcf_index import indexed_records
from genomics.readers.vcf_lines import SlowLines
from genomics.readers.vcf_stream import (
    NO_END_MARKER,
    bytes_read,
    has_index,
    is_pipe,
    lacks_end,
    naming_damage,
    open_stream,
    read_lines,
)
from genomics.regions import Region, merge_regions

__all__ = ["SlowLines", "VcfReader", "first_record", "read_blocks", "read_header"]

_BLOCK_BYTES = 64_000_000  # of records at most, so that a block of half a million samples still fits


class VcfReader:
    """A VCF or BCF file, or a pipe of one; see `genomics.readers.protocol.VariantReader`.

    Parameters
    ----------
    path
        The file; ``-`` for standard input. A pipe is read once.

    Raises
    ------
    InputError
        The header cannot be read.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        stream = open_stream(self.path)
        self._pipe: _Pipe | None = None
        try:
            self.header = header_of(stream, self.path)
            self.is_pipe = is_pipe(self.path)
            if self.is_pipe:
                self._pipe = _Pipe(stream, self.header, self.path)
        finally:
            if self._pipe is None:
                stream.close()
        self.samples = self.header.samples
        self.contigs: Mapping[str, int | None] = self.header.contigs
        self.filters = self.header.filters
        self.fields: Mapping[str, Field] = self.header.fields
        self.reference = self.header.reference
        self.notes: dict[str, str] = {}
        self.seen_contigs: set[str] = set(self.header.contigs)

    def first_record(self) -> tuple[str, int] | None:
        """Return contig and position of the first record; None where there is none, or it is unreadable."""
        if self._pipe is not None:
            return _locus(self._pipe.first(), self.header)
        return first_record(self.path, self.header)

    def blocks(self, selection: Selection) -> Iterator[VariantBlock]:
        """Yield the selected records in file order.

        What had to be mended or is strange stands in `notes` afterwards, with the number of records.
        """
        counts: Counter[str] = Counter()
        if not selection.regions:
            read = read_bcf_fast if self.header.is_bcf else read_text_fast
            fast = read(self.path, self.header, selection, counts, pipe=self._pipe)
            if fast is not None:
                yield from fast
                self.notes.update({kind: f"{count}" for kind, count in counts.items()})
                return
        yield from read_blocks(
            self.path,
            self.header,
            samples=selection.samples,
            regions=selection.regions,
            reject=selection.reject,
            block_records=selection.block_records,
            seen_contigs=self.seen_contigs,
            consumed=selection.consumed,
            fields=selection.fields,
            notes=counts,
            pipe=self._pipe,
        )
        self.notes.update({kind: f"{count}" for kind, count in counts.items()})


def first_record(path: Path, header: VcfHeader) -> tuple[str, int] | None:
    """Return contig and position of a file's first record; None where it has none or it cannot be read.

    Whatever is wrong with the record is said when the records are read.
    """
    with open_stream(path) as stream:
        header_of(stream, path)
        return _locus(_first(stream, header, path), header)


def _first(stream: io.BufferedReader, header: VcfHeader, path: Path) -> bytes:
    with naming_damage(path):
        records = read_bcf_records(stream, path) if header.is_bcf else read_lines(stream, path)
        return next((record for record in records if header.is_bcf or not record.startswith(b"#")), b"")


def _locus(record: bytes, header: VcfHeader) -> tuple[str, int] | None:
    return BcfRecords(Path(), header).locus(record) if header.is_bcf else line_locus(record)


class _Pipe:
    """Records that can be read once, the first of which may be looked at before."""

    def __init__(self, stream: io.BufferedReader, header: VcfHeader, path: Path) -> None:
        self.stream, self._header, self._path = stream, header, path
        self._held: bytes | None = None
        self._is_spent = False
        self._n_read = 0

    def first(self) -> bytes:
        """Look at the first record."""
        if self._held is None:
            self._held = _first(self.stream, self._header, self._path)
            self._n_read = 1
        return self._held

    def records(self) -> Iterator[bytes]:
        """Yield every record, once."""
        self._spend()
        if self._held:
            first, self._held = self._held, None
            yield first
            del first  # it may be long
        more = read_bcf_records if self._header.is_bcf else read_lines
        yield from more(self.stream, self._path, self._n_read + 1)

    def segments(self, size: int) -> Iterator[Segment]:
        """Yield the text of all records, once, about `size` bytes at a time."""
        self._spend()
        held, self._held = self._held or b"", None
        yield from stream_segments(self.stream, self._path, size, lambda: 0, held)

    def _spend(self) -> None:
        if self._is_spent:
            raise InputError(
                "a pipe can be read once", file=self._path, hint="write it to a file, and read that"
            )
        self._is_spent = True


def read_blocks(
    path: str | os.PathLike[str],
    header: VcfHeader,
    *,
    samples: Sequence[str] | None = None,
    regions: Sequence[Region] = (),
    reject: Reject | None = None,
    block_records: int = BLOCK_RECORDS,
    seen_contigs: set[str] | None = None,
    consumed: Callable[[int], None] | None = None,
    fields: Sequence[str] | None = None,
    notes: Counter[str] | None = None,
    pipe: _Pipe | None = None,
) -> Iterator[VariantBlock]:
    """Read the records of a VCF or BCF file, block by block.

    Parameters
    ----------
    path
        The file.
    header
        As `read_header` gave it.
    samples
        Samples to keep, in this order; all, in file order, by default.
    regions
        Records that overlap one of these; all by default. An index is used where there is one.
    reject
        Called with record, field and reason for each bad record, which is then left out. Without it the
        first bad record raises.
    block_records
        Records of a block, at most.
    seen_contigs
        Contigs that the file turns out to have, inside the regions or not, are added to it.
    consumed
        Called now and then with the bytes read of the file so far.
    fields
        Keys of the INFO and FORMAT fields to keep; None for the default ones.
    notes
        Counts of records that were read although something is wrong with them, by kind.
    pipe
        An open pipe to read in place of the file.

    Yields
    ------
    VariantBlock

    Raises
    ------
    InputError
        A record cannot be read.
    """
    path = Path(path)
    regions = merge_regions(regions)
    counts = Counter() if notes is None else notes
    seen = set() if seen_contigs is None else seen_contigs
    kind = BcfRecords if header.is_bcf else SlowLines
    parser = kind(path, header, samples, regions, reject, fields, counts)
    raws: Iterator[tuple[int | str, bytes]]
    if pipe is not None:
        raws = _numbered(pipe.records(), pipe.stream, parser, seen, consumed, counts)
    elif regions and has_index(path):
        raws = indexed_records(path, header, regions, parser, seen)
    else:
        raws = _numbered_of_file(path, header, parser, seen, consumed, counts)
    yield from _in_blocks(raws, parser, block_records)


def _in_blocks(
    raws: Iterator[tuple[int | str, bytes]], parser: SlowLines | BcfRecords, block_records: int
) -> Iterator[VariantBlock]:
    records: list[bytes] = []
    numbers: list[int | str] = []
    size = 0
    for number, raw in raws:
        records.append(raw)
        numbers.append(number)
        size += len(raw)
        if len(records) == block_records or size > _BLOCK_BYTES:
            yield from parser.parse(records, numbers)
            records, numbers, size = [], [], 0
    if records:
        yield from parser.parse(records, numbers)


def _numbered_of_file(
    path: Path,
    header: VcfHeader,
    parser: SlowLines | BcfRecords,
    seen: set[str],
    consumed: Callable[[int], None] | None,
    notes: Counter[str],
) -> Iterator[tuple[int | str, bytes]]:
    with open_stream(path) as stream:
        header_of(stream, path)
        records = read_bcf_records(stream, path) if header.is_bcf else read_lines(stream, path)
        yield from _numbered(records, stream, parser, seen, consumed, notes)


def _numbered(
    records: Iterator[bytes],
    stream: IO[bytes],
    parser: SlowLines | BcfRecords,
    seen: set[str],
    consumed: Callable[[int], None] | None,
    notes: Counter[str],
) -> Iterator[tuple[int | str, bytes]]:
    """Number the records, and leave out those of contigs that no region names."""
    contigs = {region.contig for region in parser.regions}
    for number, raw in _from_one(records, parser):
        if consumed is not None and number % 1000 == 0:
            consumed(bytes_read(stream))
        if contigs:
            name = parser.contig(raw)
            seen.add(name)
            if name not in contigs:
                continue
        yield number, raw
    if lacks_end(stream):
        notes[NO_END_MARKER] += 1


def _from_one(records: Iterator[bytes], parser: SlowLines | BcfRecords) -> Iterator[tuple[int, bytes]]:
    """Count records from 1, without header lines that follow #CHROM and blank lines at the end."""
    number, blank = 0, 0
    while True:
        with naming_damage(parser.path, number + 1):
            raw = next(records, None)
        if raw is None:
            return
        if isinstance(parser, SlowLines):
            if number == 0 and raw.startswith(b"#"):
                continue
            if not raw.strip():
                number, blank = number + 1, blank + 1
                continue
        for back in range(blank, 0, -1):  # blank lines that were not at the end
            yield number - back + 1, b""
        number, blank = number + 1, 0
        yield number, raw
