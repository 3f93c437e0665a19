"""Read VCF text on all cores: clean records by compiled code, every other record by the careful reader.

A thread inflates a segment of text and scans the lines that lie in it whole, while they are still in its
cache. The reader joins the line that two segments share, puts what the threads return in order, and hands
each record that is not simple to the careful reader, so that the blocks are the same as the careful
reader's own.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from genomics.block import VariantBlock
from genomics.errors import InputError
from genomics.fields import choose_fields, missing_value
from genomics.readers import fast_kernels as kernels
from genomics.readers import vcf_stream
from genomics.readers.bgzf import Segment, noted_segments
from genomics.readers.fast_merge import CarefulLines, ScannedLines
from genomics.readers.fast_plan import FormatTable, Plan, make_plan
from genomics.readers.protocol import Selection
from genomics.readers.vcf_header import VcfHeader
from genomics.readers.vcf_lines import SlowLines

SEGMENT_BYTES = 1 << 22
_NO_FLOAT = missing_value(np.dtype(np.float32))


class TextPipe(Protocol):
    """Text that can be read once."""

    def segments(self, size: int) -> Iterator[Segment]:
        """Yield the text of all records, about `size` bytes at a time."""
        ...


def read_text_fast(
    path: Path,
    header: VcfHeader,
    selection: Selection,
    notes: Counter[str],
    pipe: TextPipe | None = None,
) -> Iterator[VariantBlock] | None:
    """Read all records of a text file on several cores; None where that needs the careful reader throughout.

    Parameters
    ----------
    path
        Plain, gzip or bgzip.
    header
        Its header.
    selection
        Without regions.
    notes
        Counts of records that were read although something is wrong with them, by kind.
    pipe
        An open pipe to read in place of the file.
    """
    chosen = choose_fields(header.fields, selection.fields)
    plan = make_plan(header.samples, selection.samples, header.fields, chosen)
    if plan is None:
        return None
    careful = CarefulLines(
        selection.reject,
        lambda note: SlowLines(path, header, selection.samples, (), note, selection.fields, notes),
    )
    segments = noted_segments(path, SEGMENT_BYTES, notes) if pipe is None else pipe.segments(SEGMENT_BYTES)
    return read_fast(path, segments, plan, careful, selection.threads, selection.consumed)


def scan_text(
    text: bytes, plan: Plan, formats: FormatTable, start: int = 0, stop: int | None = None
) -> ScannedLines:
    """Scan whole lines, from `start` up to `stop`, which is behind a newline."""
    buffer = np.frombuffer(text, np.uint8)
    stop = len(buffer) if stop is None else stop
    n_rows = int(kernels.count_lines(buffer[start:stop]))
    lines = np.empty((n_rows, 2), np.int64)
    tabs = np.empty((n_rows, kernels.N_FIXED), np.int64)
    positions, ends = np.empty(n_rows, np.int32), np.empty(n_rows, np.int32)
    qualities, status = np.empty(n_rows, np.float32), np.empty(n_rows, np.int8)
    genotypes = np.empty((n_rows, plan.n_samples, 2), np.int8)
    phased = np.empty((n_rows, plan.n_samples), np.bool_)
    states = np.zeros((n_rows, plan.n_samples), np.int8)
    slots = np.empty((len(plan.integers), n_rows, plan.n_samples), np.int32)
    floats = np.empty((len(plan.decimals), n_rows, plan.n_samples), np.float32)
    reason, at, row = kernels.UNKNOWN_FORMAT, start, 0
    known = formats.current
    while reason != kernels.DONE:
        reason, at, row = kernels.scan_lines(
            buffer, at, stop, plan.place, plan.in_order, known.text, known.starts, known.keys,
            known.layouts, row, lines, tabs, positions, qualities, ends, status,
            genotypes, phased, states, slots, floats, _NO_FLOAT,
        )  # fmt: skip
        if reason == kernels.UNKNOWN_FORMAT:
            begin = int(tabs[row, kernels.N_FIXED - 1]) + 1
            known = formats.add(text[begin : text.index(b"\n", begin)].split(b"\t", 1)[0])
    careful = [(int(i), text[lines[i, 0] : lines[i, 1]]) for i in np.flatnonzero(status)]
    keep: slice | np.ndarray = slice(None) if not careful else status == kernels.SIMPLE
    fixed = _FixedColumns(buffer, lines[keep, 0], tabs[keep])
    block = VariantBlock(
        contigs=fixed.texts(0),
        positions=positions[keep],
        identifiers=["" if name == "." else name for name in fixed.texts(2)],
        alleles=fixed.alleles(),
        quality=qualities[keep],
        filters=fixed.filters(),
        ends=ends[keep],
        genotypes=genotypes[keep],
        phased=phased[keep],
        states=states[keep],
        formats={
            **{name: slots[index][keep] for index, name in enumerate(plan.integers)},
            **{name: floats[index][keep] for index, name in enumerate(plan.decimals)},
        },
    )
    return ScannedLines(block, careful, n_rows)


class _FixedColumns:
    """The text of the columns before FORMAT, a column at a time."""

    def __init__(self, text: np.ndarray, starts: np.ndarray, tabs: np.ndarray) -> None:
        self.text, self.starts, self.tabs = text, starts, tabs

    def texts(self, column: int) -> list[str]:
        """Text of a column in each record."""
        starts = self.starts if column == 0 else self.tabs[:, column - 1] + 1
        ends = self.tabs[:, column]
        if not len(starts):
            return []
        out = np.empty(int((ends - starts).sum()) + len(starts), np.uint8)
        kernels.gather(self.text, starts, ends, out)
        return str(out[:-1].data, "ascii").split("\n")

    def alleles(self) -> list[tuple[str, ...]]:
        """REF and ALTs of each record."""
        refs, alts = self.texts(3), self.texts(4)
        alleles: list[tuple[str, ...]] = list(zip(refs, alts, strict=True))
        for row, alt in enumerate(alts):
            if alt == "." or "," in alt:
                alleles[row] = (refs[row],) if alt == "." else (refs[row], *alt.split(","))
        return alleles

    def filters(self) -> list[tuple[str, ...]]:
        """Names in FILTER of each record."""
        texts = self.texts(6)
        parsed = {text: () if text == "." else tuple(filter(None, text.split(";"))) for text in set(texts)}
        return [parsed[text] for text in texts]


@dataclass(frozen=True, eq=False)
class _Piece:
    """A segment after its scan: what belongs to the line before, its whole lines, and the line's begin."""

    head: bytes
    lines: ScannedLines | None
    tail: bytes | None
    end: int


def _scan_segment(
    read: Callable[[], bytes], end: int, at_line_start: bool, plan: Plan, formats: FormatTable
) -> _Piece:
    text = read()
    first = 0 if at_line_start else text.find(b"\n") + 1
    last = text.rfind(b"\n") + 1
    if first == 0 and not at_line_start:
        return _Piece(text, None, None, end)
    lines = scan_text(text, plan, formats, first, last) if first < last else None
    return _Piece(text[:first], lines, text[last:], end)


def read_fast(
    path: Path,
    segments: Iterator[Segment],
    plan: Plan,
    careful: CarefulLines,
    threads: int,
    consumed: Callable[[int], None] | None = None,
) -> Iterator[VariantBlock]:
    """Read VCF text, from its header on.

    Parameters
    ----------
    path
        For messages.
    segments
        The file's text.
    plan
        What to take.
    careful
        Takes the records that are not simple.
    threads
        Threads that inflate and scan.
    consumed
        Called now and then with the bytes of the file read.

    Yields
    ------
    VariantBlock
        Of any number of records, in file order.

    Raises
    ------
    InputError
        What the careful reader raises, a damaged block, or a line that is too long.
    """
    formats = FormatTable(plan)
    carried: list[bytes] = []
    with ThreadPoolExecutor(max(1, threads)) as pool:
        for piece in _scanned(segments, plan, formats, pool, threads):
            carried.append(piece.head)
            if sum(map(len, carried)) > vcf_stream.MAX_LINE_BYTES:
                raise _long_line(path, careful.n_lines + 1)
            if piece.tail is None:
                continue
            crossing = b"".join(carried)
            if crossing:
                yield from careful.complete(scan_text(crossing, plan, formats))
            if piece.lines is not None:
                yield from careful.complete(piece.lines)
            carried = [piece.tail]
            if consumed is not None:
                consumed(piece.end)
        last = b"".join(carried)
        if last:
            yield from careful.complete(scan_text(last + b"\n", plan, formats))


def _long_line(path: Path, number: int) -> InputError:
    return InputError(
        f"a line of more than {vcf_stream.MAX_LINE_BYTES:,} bytes",
        file=path,
        record=number,
        expected="lines that fit in memory",
        hint="check that this is a VCF file",
    )


def _scanned(
    segments: Iterator[Segment], plan: Plan, formats: FormatTable, pool: ThreadPoolExecutor, threads: int
) -> Iterator[_Piece]:
    """Scan segments in threads, a few ahead, and give them in order."""
    waiting: deque[Future[_Piece]] = deque()
    for read, end, at_line_start in _after_header(segments):
        waiting.append(pool.submit(_scan_segment, read, end, at_line_start, plan, formats))
        if len(waiting) > threads + 1:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _after_header(segments: Iterator[Segment]) -> Iterator[tuple[Callable[[], bytes], int, bool]]:
    """Leave out the header; say of each segment whether it begins with a line."""
    rest = b""
    for read, end in segments:
        rest += read()
        start = _header_end(rest)
        if start is not None:
            yield partial(bytes, rest[start:]), end, True
            break
    for read, end in segments:
        yield read, end, False


def _header_end(text: bytes) -> int | None:
    """Where the first record begins; None where it lies further on."""
    at, is_over = 0, False
    while at < len(text):
        if text.startswith(b"#", at):
            is_over |= text.startswith(b"#CHROM", at)
        elif is_over or text[at : at + 1] not in (b"\n", b"\r"):
            return at
        at = text.find(b"\n", at) + 1
        if at == 0:
            return None
    return None
