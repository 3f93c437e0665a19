"""Find the records of some regions through a .tbi or .csi index.

References
----------
The tabix index file format, and the coordinate-sorted index (CSI) of the SAM/VCF specifications.
"""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from genomics.errors import InputError
from genomics.readers.bcf import BcfRecords, read_bcf_records
from genomics.readers.vcf_header import VcfHeader
from genomics.readers.vcf_lines import SlowLines
from genomics.readers.vcf_stream import BgzfStream, naming_damage, read_lines
from genomics.regions import Region


@dataclass(frozen=True)
class _Bins:
    """Bins of one contig: chunks of virtual file offsets, and where the first record of a bin or window lies."""

    chunks: dict[int, list[tuple[int, int]]]
    first: dict[int, int]  # by bin (CSI)
    windows: tuple[int, ...]  # by 16 kb (TBI)


@dataclass(frozen=True)
class VariantIndex:
    """Where the records of each contig lie in a bgzip file.

    Attributes
    ----------
    contigs
        Names, in the order of the index; of a BCF file's index, none.
    """

    contigs: tuple[str, ...]
    bins: tuple[_Bins, ...]
    min_shift: int
    depth: int

    def chunks(self, contig: int, start: int, end: int) -> list[tuple[int, int]]:
        """List the chunks that may hold records of contig number `contig` from `start` to `end`, 1-based."""
        if not 0 <= contig < len(self.bins):
            return []
        bins = self.bins[contig]
        low = self._first_offset(bins, max(0, start - 1))
        found = []
        for number in _overlapping_bins(
            max(0, start - 1), max(1, end), self.min_shift, self.depth, bins.chunks
        ):
            found += [(begin, stop) for begin, stop in bins.chunks[number] if stop > low]
        return found

    def _first_offset(self, bins: _Bins, start: int) -> int:
        """Return an offset before which no record reaches `start`."""
        if bins.windows:
            return bins.windows[min(start >> 14, len(bins.windows) - 1)]
        number = _first_bin(self.depth) + (start >> self.min_shift)
        while number > 0:
            if number in bins.first:
                return bins.first[number]
            number = (number - 1) >> 3
        return bins.first.get(0, 0)


def _first_bin(level: int) -> int:
    return ((1 << 3 * level) - 1) // 7


def _overlapping_bins(
    start: int, end: int, min_shift: int, depth: int, present: dict[int, list[tuple[int, int]]]
) -> list[int]:
    """List the bins present that overlap start to end, 0-based and half open."""
    found = []
    for level in range(depth + 1):
        shift = min_shift + 3 * (depth - level)
        low, high = _first_bin(level) + (start >> shift), _first_bin(level) + ((end - 1) >> shift)
        high = min(high, _first_bin(level + 1) - 1)
        if high - low < len(present):
            found += [number for number in range(low, high + 1) if number in present]
        else:
            found += [number for number in present if low <= number <= high]
    return found


def read_index(path: Path) -> VariantIndex:
    """Read the .csi or .tbi index that lies beside a file.

    Raises
    ------
    InputError
        It cannot be read.
    """
    index = next(found for suffix in (".csi", ".tbi") if (found := Path(f"{path}{suffix}")).exists())
    try:
        with gzip.open(index) as stream:
            magic = stream.read(4)
            if magic == b"TBI\1":
                return _read_tbi(stream)
            if magic == b"CSI\1":
                return _read_csi(stream)
    except (OSError, EOFError, zlib.error, struct.error, UnicodeDecodeError):
        pass
    raise InputError(
        "the index cannot be read",
        file=index,
        expected="a tabix or CSI index",
        hint="make it again (tabix -f)",
    )


def _numbers(stream: gzip.GzipFile | io.BytesIO, layout: str) -> tuple[int, ...]:
    packed = struct.Struct("<" + layout)
    return packed.unpack(stream.read(packed.size))


def _names(text: bytes) -> tuple[str, ...]:
    return tuple(name.decode() for name in text.split(b"\0")[:-1])


def _read_tbi(stream: gzip.GzipFile) -> VariantIndex:
    n_contigs, *_, n_text = _numbers(stream, "8i")
    contigs = _names(stream.read(n_text))
    bins = []
    for _ in range(n_contigs):
        chunks = {}
        for _ in range(*_numbers(stream, "i")):
            number, n_chunks = _numbers(stream, "Ii")
            chunks[number] = _chunks(stream, n_chunks)
        (n_windows,) = _numbers(stream, "i")
        bins.append(_Bins(chunks, {}, _numbers(stream, f"{n_windows}Q")))
    return VariantIndex(contigs, tuple(bins), min_shift=14, depth=5)


def _read_csi(stream: gzip.GzipFile) -> VariantIndex:
    min_shift, depth, n_aux = _numbers(stream, "3i")
    aux = stream.read(n_aux)
    # tabix puts its own header there; a BCF file's index has none and counts contigs as the file does
    contigs = _names(aux[28:]) if n_aux >= 28 else ()
    bins = []
    for _ in range(*_numbers(stream, "i")):
        chunks, first = {}, {}
        for _ in range(*_numbers(stream, "i")):
            number, offset, n_chunks = _numbers(stream, "IQi")
            chunks[number], first[number] = _chunks(stream, n_chunks), offset
        bins.append(_Bins(chunks, first, ()))
    return VariantIndex(contigs, tuple(bins), min_shift, depth)


def _chunks(stream: gzip.GzipFile, n: int) -> list[tuple[int, int]]:
    flat = _numbers(stream, f"{2 * n}Q")
    return list(zip(flat[::2], flat[1::2], strict=True))


def indexed_records(
    path: Path,
    header: VcfHeader,
    regions: Sequence[Region],
    parser: SlowLines | BcfRecords,
    seen: set[str],
) -> Iterator[tuple[str, bytes]]:
    """Yield the records that may overlap some regions, each once, in file order.

    Parameters
    ----------
    path, header
        The file.
    regions
        What is asked for.
    parser
        Tells a record's contig and position, by which it is named.
    seen
        The contigs of the index are added to it.

    Raises
    ------
    InputError
        The index or the file cannot be read.
    """
    index = read_index(path)
    names = dict(enumerate(index.contigs)) or header.contig_numbers
    seen.update(names.values())
    numbers = {name: number for number, name in names.items()}
    asked = [(numbers[r.contig], r.start, r.end) for r in regions if r.contig in numbers]
    for begin, stop in _merged([chunk for place in asked for chunk in index.chunks(*place)]):
        yield from _records_between(path, header, begin, stop, parser)


def _merged(chunks: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for begin, stop in sorted(chunks):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((begin, stop))
    return merged


def _records_between(
    path: Path, header: VcfHeader, begin: int, stop: int, parser: SlowLines | BcfRecords
) -> Iterator[tuple[str, bytes]]:
    """Yield the records from one virtual offset up to another: a block's place << 16, plus a place in it."""
    with path.open("rb") as source, naming_damage(path):
        source.seek(begin >> 16)
        blocks = BgzfStream(source, offset=begin >> 16, stop=stop)
        with io.BufferedReader(blocks, 1 << 17) as stream:
            stream.read(begin & 0xFFFF)
            records = (read_bcf_records if header.is_bcf else read_lines)(stream, path, None)
            for record in records:
                if not header.is_bcf and record.startswith(b"#"):
                    continue
                locus = parser.locus(record)
                yield "record" if locus is None else f"{locus[0]}:{locus[1]}", record
