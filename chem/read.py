"""Compound files as a stream of records: SMILES, CSV, TSV, SDF, InChI (each also gzipped) and Parquet."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from chem.errors import InputError
from chem.read_format import (
    DELIMITERS,
    EXPECTED,
    is_wide_table,
    kind_of_format,
    kind_of_name,
    kind_of_text,
    refuse_foreign,
)
from chem.read_lines import read_inchi_lines, read_smiles_lines
from chem.read_origin import Origin
from chem.read_parquet import read_parquet
from chem.read_sdf import read_sdf
from chem.read_table import read_table
from chem.record import CompoundRecord
from chem.text_source import ByteSource, open_source, read_line_blocks

_LIBRARY_MARK = "library.json"
_LINES_THAT_TELL = 10


def read_compounds(
    path: str | Path,
    *,
    smiles_column: str | None = None,
    id_column: str | None = None,
    format: str | None = None,
    mol_blocks: bool = False,
) -> Iterator[CompoundRecord]:
    r"""Read compounds record by record from a file, a pipe or a folder; memory stays bounded.

    One record comes for each in the file, in order. One that is broken as such (too few cells, a damaged mol
    block, a line without an end) comes with its reason; whether its structure means anything is decided
    later. `chem.read_lines`, `chem.read_table` and `chem.read_sdf` say what each kind of file may hold,
    `chem.text_source` how bytes become text.

    Parameters
    ----------
    path
        A file, whose extension says what it is; "-" for standard input, or a named pipe, whose first lines say
        it; or a folder, whose compound files are read in the order of their names and whose rows are
        numbered through.
    smiles_column, id_column
        Columns of a table, by name or by number from 1; found by their usual names, else by what stands in
        them, where not given. `id_column` is a property in an SDF.
    format
        What the file is, whatever its name: 'smiles', 'csv', 'tsv', 'txt', 'sdf', 'inchi' or 'parquet'.
    mol_blocks
        Leave the mol blocks of an SDF as they are (kind 'molblock') instead of having RDKit read them here:
        for work that is spread over processes, or that limits the time a molecule may take.

    Yields
    ------
    CompoundRecord
        Rows numbered from 1, in order.

    Raises
    ------
    InputError
        The file is missing, empty, truncated (after the records before it), of an unknown kind or without
        the column.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "two.smi"
    ...     _ = path.write_text("CCO ethanol\nC1CC broken\n")
    ...     [(record.row, record.id, record.input) for record in read_compounds(path)]
    [(1, 'ethanol', 'CCO'), (2, 'broken', 'C1CC')]
    """
    kind = None if format is None else kind_of_format(format)
    origin = Origin(str(path), smiles_column, id_column, mol_blocks=mol_blocks)
    if str(path) != "-" and Path(path).is_dir():
        yield from _read_folder(Path(path), kind, origin)
    else:
        yield from _read_file(path, kind, origin)


def _read_folder(folder: Path, kind: str | None, origin: Origin) -> Iterator[CompoundRecord]:
    if (folder / _LIBRARY_MARK).exists():
        raise InputError(
            "is a compound library", file=folder, expected="compound files", hint="open it with open_library"
        )
    files = sorted(
        file
        for file in folder.iterdir()
        if file.is_file() and not file.name.startswith(".") and kind_of_name(file) is not None
    )
    if not files:
        raise InputError("is a directory without compound files", file=folder, expected=EXPECTED)
    rows = 0
    for file in files:
        for record in _read_file(
            file, kind, origin._replace(name=str(file), folder_name=file.name, rows_before=rows)
        ):
            yield record
            rows = record.row


def _read_file(path: str | Path, kind: str | None, origin: Origin) -> Iterator[CompoundRecord]:
    promised = None if str(path) == "-" else kind_of_name(Path(path))
    is_pipe = str(path) == "-" or (Path(path).exists() and not Path(path).is_file())
    if kind is None and promised is None and not is_pipe and Path(path).exists():
        raise InputError(
            "not a kind of compound file that can be read",
            file=origin.name,
            expected=EXPECTED,
            hint="say what it is with --format",
        )
    row = origin.rows_before
    with open_source(path) as source:
        origin = origin._replace(name=source.name)
        for record in _read_source(source, kind or promised, origin):
            yield record
            row = record.row
    if row == origin.rows_before:
        raise InputError("no compounds in it", file=origin.name, expected="at least one record")


def _read_source(source: ByteSource, kind: str | None, origin: Origin) -> Iterator[CompoundRecord]:
    if kind == "parquet" or (kind is None and source.head == b"PAR1"):
        yield from _read_parquet_source(source, origin)
        return
    refuse_foreign(source.head, origin.name)
    blocks: Iterable[list[str]] = read_line_blocks(source)
    if kind is None or (kind == "txt" and origin.smiles_column is None):
        first, blocks = _look_ahead(iter(blocks), _LINES_THAT_TELL)
        kind = kind_of_text(first) or kind
    elif kind == "smiles":
        first, blocks = _look_ahead(iter(blocks), 1)
        kind = "tsv" if first and is_wide_table(first[0]) else kind
    if kind is None:
        raise InputError(
            "cannot be told for a compound file by its first lines",
            file=origin.name,
            expected="SMILES, a table, SDF, InChI or Parquet",
            hint="say what it is with --format",
        )
    yield from _read_text(kind, blocks, origin)


def _look_ahead(blocks: Iterator[list[str]], n_lines: int) -> tuple[list[str], Iterator[list[str]]]:
    taken: list[list[str]] = []
    for block in blocks:
        taken.append(block)
        if sum(map(len, taken)) >= n_lines:
            break
    return [line for block in taken for line in block], chain(taken, blocks)


def _read_text(kind: str, blocks: Iterable[list[str]], origin: Origin) -> Iterator[CompoundRecord]:
    if kind == "smiles":
        origin.refuse_columns("a SMILES file")
        return read_smiles_lines(blocks, origin)
    if kind == "inchi":
        origin.refuse_columns("an InChI file")
        return read_inchi_lines(blocks, origin)
    if kind == "sdf":
        origin.refuse_columns("an SDF", identifiers=False)
        return read_sdf(blocks, origin)
    return read_table(blocks, origin, DELIMITERS[kind])


def _read_parquet_source(source: ByteSource, origin: Origin) -> Iterator[CompoundRecord]:
    """Parquet begins at its end: what comes through a pipe is laid down first."""
    file = source.seekable()
    if file is not None:
        yield from read_parquet(file, origin)
        return
    with tempfile.TemporaryFile() as spooled:
        shutil.copyfileobj(source, spooled, 1 << 20)
        yield from read_parquet(spooled, origin)
