"""Read BCF on all cores: clean records by compiled code, every other record by the careful reader.

Threads inflate segments of the file. Where a record begins is known only from the lengths of all records
before it, so the reader walks over those, and then threads read the records. What they return is put in
order, and each record that is not simple is handed to the careful reader, so that the blocks are the same
as the careful reader's own.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from genomics.block import VariantBlock
from genomics.errors import InputError
from genomics.fields import choose_fields
from genomics.readers import fast_bcf_calls as calls
from genomics.readers import fast_bcf_kernels as kernels
from genomics.readers import vcf_stream
from genomics.readers.bcf import BcfRecords
from genomics.readers.bgzf import Segment, noted_segments
from genomics.readers.fast_merge import CarefulLines, ScannedLines
from genomics.readers.fast_plan import Plan, make_plan
from genomics.readers.fast_vcf import TextPipe
from genomics.readers.protocol import Selection
from genomics.readers.vcf_header import VcfHeader
from genomics.readers.vcf_stream import damaged

SEGMENT_BYTES = 1 << 21
MAX_CELLS = 1 << 21
"""Calls that are read at once, so that memory stays small however short the records are."""

_MAX_ROWS = 1 << 16
_MAX_NUMBER = 1 << 20  # of contigs and dictionary; a header may state any number
_START_BYTES = 9  # magic and length of the header
_Result = TypeVar("_Result")


def read_bcf_fast(
    path: Path,
    header: VcfHeader,
    selection: Selection,
    notes: Counter[str],
    pipe: TextPipe | None = None,
) -> Iterator[VariantBlock] | None:
    """Read all records of a BCF file on several cores; None where that needs the careful reader throughout.

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
        An open pipe to read in place of the file, which stands behind the header.

    Raises
    ------
    InputError
        While the blocks are read: what the careful reader raises, or the file is damaged.
    """
    chosen = choose_fields(header.fields, selection.fields)
    plan = make_plan(header.samples, selection.samples, header.fields, chosen)
    tables = None if plan is None else make_tables(header, plan)
    if tables is None:
        return None
    careful = CarefulLines(
        selection.reject,
        lambda note: BcfRecords(path, header, selection.samples, (), note, selection.fields, notes),
    )
    segments = noted_segments(path, SEGMENT_BYTES, notes) if pipe is None else pipe.segments(SEGMENT_BYTES)
    return _read(path, segments, pipe is None, tables, careful, selection)


@dataclass(frozen=True, eq=False)
class Tables:
    """What the numbers in the records mean, and what to take from each record.

    Attributes
    ----------
    contigs, filters
        Names by number; the tuple of FILTER for each number of the dictionary, and for none, the last one.
    contig_known : bool (contigs,)
    strings, roles : int8 (numbers,), int64 (numbers,)
        What each number of the dictionary is as a filter, and as a FORMAT field.
    end_key
        Number of INFO/END, -1 for none.
    n_columns
        Samples of the file.
    order : int64 (samples,)
        Column of each sample kept.
    integers, decimals
        FORMAT fields to keep, each one whole number, or one decimal.
    """

    contigs: list[str]
    filters: list[tuple[str, ...]]
    contig_known: np.ndarray
    strings: np.ndarray
    roles: np.ndarray
    end_key: int
    n_columns: int
    order: np.ndarray
    integers: tuple[str, ...]
    decimals: tuple[str, ...]

    @property
    def in_order(self) -> bool:
        """All columns are kept where they are."""
        return bool(np.array_equal(self.order, np.arange(self.n_columns)))


def make_tables(header: VcfHeader, plan: Plan) -> Tables | None:
    r"""Turn a header's dictionaries into tables; None where its numbers are too large for one.

    Examples
    --------
    >>> from genomics.readers.vcf_header import parse_header
    >>> columns = "\t".join("#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT A B".split())
    >>> lines = ["##contig=<ID=1>", "##FORMAT=<ID=GT,Type=String>", "##FORMAT=<ID=DP,Type=Integer>", columns]
    >>> header = parse_header("\n".join(lines).encode(), Path("a.bcf"), True)
    >>> tables = make_tables(header, make_plan(["A", "B"], ["B"], {}, choose_fields(header.fields, None)))
    >>> tables.contigs, tables.roles.tolist(), tables.order.tolist()
    (['1'], [0, 1, 10], [1])
    """
    contigs, strings = header.contig_numbers, header.string_numbers
    if max([*contigs, *strings], default=0) > _MAX_NUMBER:
        return None
    names = _by_number(contigs)
    words = _by_number(strings)
    is_pass = {name: calls.PASS if name == "PASS" else calls.KNOWN for name in strings.values()}
    column = np.flatnonzero(plan.place >= 0)
    filter_is_text = header.formats.get("FT", {}).get("Type", "String") == "String"
    return Tables(
        contigs=names,
        filters=[*((word,) for word in words), ()],
        contig_known=np.array([name != "" for name in names], np.bool_),
        strings=np.array(
            [is_pass[word] if i in strings else calls.UNKNOWN for i, word in enumerate(words)], np.int8
        ),
        roles=np.array([_role(word, plan, filter_is_text) for word in words], np.int64),
        end_key=next((number for number, name in strings.items() if name == "END"), -1),
        n_columns=len(header.samples),
        order=column[np.argsort(plan.place[column])],
        integers=plan.integers,
        decimals=plan.decimals,
    )


def _by_number(names: dict[int, str]) -> list[str]:
    return [names.get(number, "") for number in range(max(names, default=-1) + 1)]


def _role(name: str, plan: Plan, filter_is_text: bool) -> int:
    if name == "GT":
        return calls.GENOTYPE
    if name in plan.integers:
        return calls.FIRST_SLOT + plan.integers.index(name)
    if name in plan.decimals:
        return calls.FIRST_FLOAT + plan.decimals.index(name)
    return calls.CALL_FILTER if name == "FT" and filter_is_text else calls.SKIP


def _read(
    path: Path,
    segments: Iterator[Segment],
    has_header: bool,
    tables: Tables,
    careful: CarefulLines,
    selection: Selection,
) -> Iterator[VariantBlock]:
    threads = max(1, selection.threads)
    with ThreadPoolExecutor(threads) as pool:
        texts = _in_order(pool, map(_inflation, segments), threads)
        runs = _runs(path, _without_header(path, texts) if has_header else texts, tables.n_columns)
        for records, end in _in_order(pool, (partial(_scan, run, tables) for run in runs), threads):
            yield from careful.complete(records)
            if selection.consumed is not None:
                selection.consumed(end)


def _in_order(
    pool: ThreadPoolExecutor, jobs: Iterator[Callable[[], _Result]], threads: int
) -> Iterator[_Result]:
    """Do jobs in threads, a few ahead, and give their results in order; an error comes after what was before."""
    waiting: deque[Future[_Result]] = deque()
    failure = None
    while failure is None:
        try:
            job = next(jobs, None)
        except InputError as error:
            failure = error
            break
        if job is None:
            break
        waiting.append(pool.submit(job))
        if len(waiting) > threads:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
    if failure is not None:
        raise failure


def _inflation(segment: Segment) -> Callable[[], tuple[bytes, int]]:
    read, end = segment
    return lambda: (read(), end)


def _without_header(path: Path, texts: Iterator[tuple[bytes, int]]) -> Iterator[tuple[bytes, int]]:
    start, length = b"", _START_BYTES
    for text, end in texts:
        start += text
        if len(start) >= _START_BYTES:
            length = _START_BYTES + int.from_bytes(start[5:_START_BYTES], "little")
        if len(start) >= length:
            yield start[length:], end
            break
    else:
        raise damaged(path, "it ends in the header")
    yield from texts


@dataclass(frozen=True, eq=False)
class _Run:
    """Whole records: where each begins, and where the last one ends; bytes of the file up to about there."""

    data: bytes
    starts: np.ndarray
    end: int


def _runs(path: Path, texts: Iterator[tuple[bytes, int]], n_columns: int) -> Iterator[_Run]:
    """Cut text at record boundaries; the record that two segments share is joined."""
    most = max(1, min(_MAX_ROWS, MAX_CELLS // max(1, n_columns)))
    longest = 4 * vcf_stream.MAX_LINE_BYTES
    number = 1
    parts: list[bytes] = []
    size, needed = 0, 1
    for text, end in texts:
        parts.append(text)
        size += len(text)
        if size < needed:
            continue
        data = b"".join(parts)
        view = np.frombuffer(data, np.uint8)
        at, n = 0, most
        while n == most:
            starts = np.empty(most + 1, np.int64)
            n, can_be = kernels.find_records(view, at, longest, starts)
            if n:
                yield _Run(data, starts[: n + 1], end)
            at, number = int(starts[n]), number + n
            shared, samples = (int.from_bytes(data[at + i : at + i + 4], "little") for i in (0, 4))
            if not can_be:
                raise damaged(path, f"a record of {shared:,} and {samples:,} bytes", number)
        parts = [data[at:]]
        size = len(parts[0])
        needed = kernels.LENGTHS_BYTES
        if size >= needed:
            needed += shared + samples
    if size:
        raise damaged(path, "it ends within a record", number)


def _scan(run: _Run, tables: Tables) -> tuple[ScannedLines, int]:
    return scan_records(run.data, run.starts, tables), run.end


def scan_records(data: bytes, starts: np.ndarray, tables: Tables) -> ScannedLines:
    """Read whole records.

    Parameters
    ----------
    data
        The records lie in it, one after the other.
    starts : int64 (n + 1,)
        Where each begins, and where the last one ends.
    tables
        What to take of them.
    """
    n, n_samples = len(starts) - 1, len(tables.order)
    size = int(starts[-1] - starts[0])
    status, filters = np.empty(n, np.int8), np.empty(n, np.int64)
    contigs, positions, ends = (np.empty(n, np.int32) for _ in range(3))
    qualities = np.empty(n, np.uint32)
    ids, alleles, filter_ids = np.empty(size, np.uint8), np.empty(size, np.uint8), np.empty(size, np.int32)
    used = np.zeros(3, np.int64)
    genotypes = np.empty((n, n_samples, 2), np.int8)
    phased, states = np.empty((n, n_samples), np.bool_), np.empty((n, n_samples), np.int8)
    slots = np.empty((len(tables.integers), n, n_samples), np.int32)
    floats = np.empty((len(tables.decimals), n, n_samples), np.uint32)
    kernels.read_records(
        np.frombuffer(data, np.uint8), starts, tables.contig_known, tables.strings, tables.roles,
        tables.end_key, tables.n_columns, tables.order, tables.in_order,
        status, contigs, positions, qualities, ends, filters, ids, alleles, filter_ids, used,
        genotypes, phased, states, slots, floats,
    )  # fmt: skip
    careful = [(int(i), data[starts[i] : starts[i + 1]]) for i in np.flatnonzero(status)]
    keep: slice | np.ndarray = slice(None) if not careful else status == kernels.SIMPLE
    block = VariantBlock(
        contigs=[tables.contigs[number] for number in contigs[keep].tolist()],
        positions=positions[keep],
        identifiers=_lines(ids, int(used[0])),
        alleles=_split_alleles(_lines(alleles, int(used[1]))),
        quality=qualities.view(np.float32)[keep],
        filters=_filters(filters[keep].tolist(), filter_ids, tables.filters),
        ends=ends[keep],
        genotypes=genotypes[keep],
        phased=phased[keep],
        states=states[keep],
        formats={
            **{name: slots[index][keep] for index, name in enumerate(tables.integers)},
            **{name: floats[index].view(np.float32)[keep] for index, name in enumerate(tables.decimals)},
        },
    )
    return ScannedLines(block, careful, n)


def _lines(text: np.ndarray, size: int) -> list[str]:
    """Split text into the lines of which each ends with a newline."""
    return str(text[: size - 1].data, "ascii").split("\n") if size else []


def _split_alleles(texts: list[str]) -> list[tuple[str, ...]]:
    parsed = {text: tuple(text.split("\t")) for text in set(texts)}
    return [parsed[text] for text in texts]


def _filters(codes: list[int], numbers: np.ndarray, names: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Names in FILTER of each record; `numbers` has those of records with several."""
    filters, at = [], 0
    for code in codes:
        if code == kernels.SEVERAL_FILTERS:
            after = at + 1 + int(numbers[at])
            filters.append(tuple(names[number][0] for number in numbers[at + 1 : after].tolist()))
            at = after
        else:
            filters.append(names[code])  # -1, for none, is the last
    return filters
