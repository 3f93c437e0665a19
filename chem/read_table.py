"""Tables of text, with commas, tabs or semicolons between their cells."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from itertools import chain

from chem.columns import TableColumns, choose_columns
from chem.read_origin import Origin
from chem.read_structure import cut_text, structure_record
from chem.record import CompoundRecord
from chem.text_source import MAX_LINE, CutLine

_SAMPLE_ROWS = 200
_SAMPLE_SIZE = 1 << 23
_NO_HEADER = "the table has no header: its first line holds a structure; the columns have no names"


class TableRow:
    """Cells of one row, the line it starts on, and what is wrong with it as a row."""

    __slots__ = ("cells", "line", "problem", "size")

    def __init__(self, line: int, cells: list[str], size: int, problem: str = "") -> None:
        self.line, self.cells, self.size, self.problem = line, cells, size, problem


def read_table(blocks: Iterable[list[str]], origin: Origin, delimiters: str) -> Iterator[CompoundRecord]:
    r"""Records of a table; one that has more or fewer cells than the first line is kept with that as reason.

    Cells may be quoted as in RFC 4180, also over several lines. A quote that is opened and not closed is a
    letter like others: it spoils its own line at most, never the following ones. Lines without anything
    in them are no records. A table whose first line holds a structure has no header (see
    `chem.columns.choose_columns`), and its first record says so in `note`.

    Parameters
    ----------
    blocks
        Lines, as `chem.text_source.read_line_blocks` gives them.
    origin
        Where they come from.
    delimiters
        What may stand between the cells; the first one that is in the first line does.

    Yields
    ------
    CompoundRecord
        In order.

    Raises
    ------
    InputError
        No column holds structures, or it cannot be told which.

    Examples
    --------
    >>> lines = ["smiles,name\n", 'CCO,"ethanol, dry"\n', "CC\n"]
    >>> [(record.input, record.name, record.reason) for record in read_table([lines], Origin("a.csv"), ",")]
    [('CCO', 'ethanol, dry', ''), ('CC', '', '1 fields where the header has 2')]
    """
    lines = _Lines(blocks)
    first = next((text for text in lines if text.strip()), None)
    if first is None:
        return
    delimiter = next((mark for mark in delimiters if mark in first), delimiters[0])
    start = lines.number
    header = _row(first, start, lines, delimiter, 0)
    rows = _rows(lines, delimiter, len(header.cells))
    sample = _sample(rows)
    cells = [row.cells for row in sample]
    columns = choose_columns(header.cells, cells, origin.smiles_column, origin.id_column, origin.name)
    rows = chain([header] if columns.header_is_data else [], sample, rows)
    yield from _records(rows, len(header.cells), columns, origin)


def _records(
    rows: Iterable[TableRow], width: int, columns: TableColumns, origin: Origin
) -> Iterator[CompoundRecord]:
    structure_at, id_at, name_at, no_header = columns
    number, file = origin.rows_before, origin.folder_name
    note = _NO_HEADER if no_header else ""
    for row in rows:
        number += 1
        cells = row.cells
        problem = row.problem or _ragged(cells, width)
        if problem:
            yield _rejected(number, row, problem, columns, file, note)
        else:
            name = "" if name_at is None else cells[name_at].strip()
            label = name if id_at is None else cells[id_at].strip()
            yield structure_record(number, row.line, label, name, cells[structure_at].strip(), file, note)
        note = ""


def _ragged(cells: list[str], width: int) -> str:
    # Spreadsheets leave empty cells behind the last column.
    if len(cells) == width or (len(cells) > width and not any(cell.strip() for cell in cells[width:])):
        return ""
    return f"{len(cells)} fields where the header has {width}"


def _rejected(
    number: int, row: TableRow, problem: str, columns: TableColumns, file: str, note: str
) -> CompoundRecord:
    """Keep what there is of the row for the person who looks for it."""

    def cell(at: int | None) -> str:
        return row.cells[at].strip() if at is not None and at < len(row.cells) else ""

    structure, name = cell(columns.structure), cell(columns.name)
    if len(structure) > 1_000:
        structure = cut_text(structure, max(len(structure), row.size))
    label = cell(columns.id) or name or str(number)
    return CompoundRecord(number, row.line, label, name, structure, problem, file=file, note=note)


def _sample(rows: Iterator[TableRow]) -> list[TableRow]:
    taken: list[TableRow] = []
    size = 0
    for row in rows:
        taken.append(row)
        size += sum(map(len, row.cells))
        if len(taken) == _SAMPLE_ROWS or size > _SAMPLE_SIZE:
            break
    return taken


class _Lines:
    """Lines one by one, numbered, some of which can be given back."""

    def __init__(self, blocks: Iterable[list[str]]) -> None:
        self._blocks = iter(blocks)
        self._block: list[str] = []
        self._at = 0
        self.number = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        while self._at == len(self._block):
            self._block, self._at = next(self._blocks), 0
        text = self._block[self._at]
        self._at += 1
        self.number += 1
        return text

    def give_back(self, texts: list[str]) -> None:
        self._block, self._at = [*texts, *self._block[self._at :]], 0
        self.number -= len(texts)


def _rows(lines: _Lines, delimiter: str, width: int) -> Iterator[TableRow]:
    for text in lines:
        if text.isspace() and delimiter not in text and (width > 1 or not text.strip("\r\n")):
            continue
        yield _row(text, lines.number, lines, delimiter, width)


def _row(text: str, line: int, lines: _Lines, delimiter: str, width: int) -> TableRow:
    if type(text) is CutLine:
        problem = f"a line of {text.length:,} characters; the limit is {MAX_LINE:,}"
        return TableRow(line, text.split(delimiter), text.length, problem)
    if '"' in text:
        return _quoted_row(text, line, lines, delimiter, width)
    return TableRow(line, text.rstrip("\r\n").split(delimiter), len(text))


def _quoted_row(text: str, line: int, lines: _Lines, delimiter: str, width: int) -> TableRow:
    following: list[str] = []
    cells = _parse_quoted(text, lines, following, delimiter)
    if cells is None or (following and width and _ragged(cells, width)):
        lines.give_back(following)
        cells = text.rstrip("\r\n").split(delimiter)
        problem = _ragged(cells, width) and "a quote is opened and not closed"
        return TableRow(line, cells, len(text), problem if width else "")
    return TableRow(line, cells, len(text) + sum(map(len, following)))


def _parse_quoted(text: str, lines: _Lines, following: list[str], delimiter: str) -> list[str] | None:
    """Cells of a row with quotes, which may take further lines; None where a quote is never closed."""
    closed = True

    def row_lines() -> Iterator[str]:
        nonlocal closed
        yield text
        size = len(text)
        for more in lines:
            following.append(more)
            size += len(more)
            if type(more) is CutLine or size > MAX_LINE:
                break
            yield more
        closed = False

    # 131,072 characters unless somebody sets it. It is one for the process, so it is only ever raised: put back
    # it would fall on the tables that other threads read.
    if csv.field_size_limit() <= 2 * MAX_LINE:
        csv.field_size_limit(2 * MAX_LINE + 1)
    try:
        cells = next(csv.reader(row_lines(), delimiter=delimiter))
    except csv.Error:
        return None
    return cells if closed else None
