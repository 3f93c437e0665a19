"""Compound files as a stream of records: SMILES, CSV, TSV, SDF (each also gzipped) and Parquet."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from rdkit import Chem

from chem.columns import id_column as find_id_column
from chem.columns import name_column as find_name_column
from chem.columns import smiles_column as find_smiles_column
from chem.errors import InputError
from chem.parse import captured_rdkit_log, first_complaint
from chem.record import CompoundRecord

_FORMATS = "a file ending in .smi, .smiles, .csv, .tsv, .tab, .txt, .sdf, .sd (each also .gz) or .parquet"
_PARQUET_ROWS = 65_536


def read_compounds(
    path: str | Path, *, smiles_column: str | None = None, id_column: str | None = None
) -> Iterator[CompoundRecord]:
    r"""Read a compound file record by record; nothing but the current record is held in memory.

    A record that is broken as such (too few fields, a damaged mol block) comes with its reason; whether
    its SMILES means anything is decided later. Blank lines are no records, nor are lines of a SMILES file
    that begin with #.

    Parameters
    ----------
    path
        The file; its extension says what it is. A SMILES file holds the SMILES, a blank, and the rest of the
        line as identifier. Tables have a header.
    smiles_column, id_column
        Columns of a table; found by their usual names where not given.

    Yields
    ------
    CompoundRecord
        Rows numbered from 1, in order.

    Raises
    ------
    InputError
        The file is missing, empty, truncated, of an unknown kind or without the column.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "two.smi"
    ...     _ = path.write_text("CCO ethanol\nC1CC broken\n")
    ...     [(record.row, record.id, record.input) for record in read_compounds(path)]
    [(1, 'ethanol', 'CCO'), (2, 'broken', 'C1CC')]
    """
    file = Path(path)
    read = _reader_for(file)
    _check_readable(file)
    count = 0
    for record in read(file, smiles_column, id_column):
        count += 1
        yield record
    if not count:
        raise InputError("no compounds in it", file=file, expected="at least one record")


_Reader = Callable[[Path, str | None, str | None], Iterator[CompoundRecord]]


def _reader_for(file: Path) -> _Reader:
    suffixes = [suffix.lower() for suffix in file.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    kind = suffixes[-1] if suffixes else ""
    gzipped = file.suffix.lower() == ".gz"
    if kind in (".parquet", ".pq") and not gzipped:
        return _read_parquet
    readers: dict[str, _Reader] = {
        **dict.fromkeys((".smi", ".smiles", ".ism"), _read_smiles),
        **dict.fromkeys((".csv", ".tsv", ".tab", ".txt"), _read_table),
        **dict.fromkeys((".sdf", ".sd"), _read_sdf),
    }
    if kind not in readers:
        raise InputError("not a kind of compound file that can be read", file=file, expected=_FORMATS)
    return readers[kind]


def _check_readable(file: Path) -> None:
    if not file.exists():
        raise InputError("no such file", file=file, expected="a compound file", hint="check the path")
    if file.is_dir():
        raise InputError("is a directory", file=file, expected=_FORMATS)
    try:
        with file.open("rb") as handle:
            empty = not handle.read(1)
    except OSError as error:
        raise InputError(f"cannot be opened: {error.strerror}", file=file) from error
    if empty:
        raise InputError("the file is empty", file=file, expected="at least one compound")


@contextmanager
def _text(file: Path) -> Iterator[TextIO]:
    """Open text, plain or gzipped, and turn what can go wrong while reading into one line."""
    opener = gzip.open if file.suffix.lower() == ".gz" else Path.open
    try:
        with opener(file, "rb") as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text:
            yield text
    except (EOFError, zlib.error) as error:
        raise InputError(
            f"the gzip stream is cut off or damaged ({error})",
            file=file,
            expected="a whole gzip file",
            hint="copy or download it again",
        ) from error
    except gzip.BadGzipFile as error:
        raise InputError(
            f"is not gzip ({error})", file=file, hint="decompress it or take .gz off its name"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"byte {error.start} of a block is not UTF-8 text", file=file, hint="convert the file to UTF-8"
        ) from error


def _read_smiles(file: Path, smiles: str | None, identifier: str | None) -> Iterator[CompoundRecord]:
    if smiles is not None or identifier is not None:
        raise InputError(
            "a SMILES file has no named columns", file=file, hint="leave out --smiles-column and --id-column"
        )
    row = 0
    with _text(file) as handle:
        for line, text in enumerate(handle, start=1):
            fields = text.strip().split(maxsplit=1)
            if not fields or fields[0].startswith("#") or (row == 0 and fields[0].lower() == "smiles"):
                continue
            row += 1
            label = fields[1].strip() if len(fields) > 1 else ""
            yield CompoundRecord(row, line, label or str(row), label, fields[0])


def _read_table(file: Path, smiles: str | None, identifier: str | None) -> Iterator[CompoundRecord]:
    with _text(file) as handle:
        try:
            yield from _table_records(file, handle, smiles, identifier)
        except csv.Error as error:
            raise InputError(f"is not a table ({error})", file=file, expected=_FORMATS) from error


def _table_records(
    file: Path, handle: TextIO, smiles: str | None, identifier: str | None
) -> Iterator[CompoundRecord]:
    first = handle.readline()
    delimiter = _delimiter(file, first)
    header = next(csv.reader([first], delimiter=delimiter), [])
    structure_at = header.index(find_smiles_column(header, smiles, file))
    id_name, name_name = find_id_column(header, identifier, file), find_name_column(header)
    id_at = None if id_name is None else header.index(id_name)
    name_at = None if name_name is None else header.index(name_name)
    rows = csv.reader(handle, delimiter=delimiter)
    row, line = 0, 2
    for fields in rows:
        start, line = line, rows.line_num + 2
        if not any(field.strip() for field in fields):
            continue
        row += 1
        if len(fields) != len(header):
            reason = f"{len(fields)} fields where the header has {len(header)}"
            yield CompoundRecord(row, start, str(row), reason=reason)
            continue
        name = "" if name_at is None else fields[name_at].strip()
        label = name if id_at is None else fields[id_at].strip()
        yield CompoundRecord(row, start, label or str(row), name, fields[structure_at].strip())


def _delimiter(file: Path, first: str) -> str:
    kinds = [suffix.lower() for suffix in file.suffixes[-2:]]
    return "," if ".csv" in kinds or (".txt" in kinds and "\t" not in first) else "\t"


def _read_parquet(file: Path, smiles: str | None, identifier: str | None) -> Iterator[CompoundRecord]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(file)
    except (pa.ArrowException, OSError) as error:
        said = str(error).splitlines()[0]
        raise InputError(f"is not Parquet ({said})", file=file, expected="a Parquet file") from error
    names = table.schema_arrow.names
    structure, label, name = (
        find_smiles_column(names, smiles, file),
        find_id_column(names, identifier, file),
        find_name_column(names),
    )
    columns = sorted({column for column in (structure, label, name) if column is not None})
    row = 0
    with table:
        for batch in table.iter_batches(batch_size=_PARQUET_ROWS, columns=columns):
            values = {column: batch.column(column).to_pylist() for column in columns}
            for at in range(batch.num_rows):
                row += 1
                named = "" if name is None else _cell(values[name][at])
                known = named if label is None else _cell(values[label][at])
                yield CompoundRecord(row, 0, known or str(row), named, _cell(values[structure][at]))


def _cell(value: object) -> str:
    return "" if value is None or value != value else str(value).strip()


def _read_sdf(file: Path, smiles: str | None, identifier: str | None) -> Iterator[CompoundRecord]:
    if smiles is not None:
        raise InputError("an SDF has no SMILES column", file=file, hint="leave out --smiles-column")
    with _text(file) as handle:
        for row, (line, lines) in enumerate(_sdf_blocks(handle), start=1):
            yield _sdf_record(row, line, lines, identifier)


def _sdf_blocks(handle: TextIO) -> Iterator[tuple[int, list[str]]]:
    start = 1
    lines: list[str] = []
    for number, text in enumerate(handle, start=1):
        text = text.rstrip("\r\n")
        if text.startswith("$$$$"):
            yield start, lines
            start, lines = number + 1, []
        else:
            lines.append(text)
    if any(text.strip() for text in lines):
        yield start, lines


def _sdf_record(row: int, line: int, lines: list[str], identifier: str | None) -> CompoundRecord:
    title = lines[0].strip() if lines else ""
    properties = _sdf_properties(lines)
    label = properties.get(identifier, "") if identifier else _usual_id(properties) or title
    molecule, reason = _mol_block("\n".join(lines) + "\n")
    structure = "" if molecule is None else Chem.MolToSmiles(molecule)
    return CompoundRecord(row, line, label or str(row), title, structure, reason)


def _usual_id(properties: dict[str, str]) -> str:
    column = find_id_column(list(properties), None, "")
    return properties[column] if column else ""


def _sdf_properties(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, text in enumerate(lines[:-1]):
        if text.startswith(">") and "<" in text:
            found.setdefault(text[text.index("<") + 1 :].rsplit(">", 1)[0], lines[number + 1].strip())
    return found


def _mol_block(block: str) -> tuple[Chem.Mol | None, str]:
    if "M  END" not in block:
        return None, "the mol block has no 'M  END': it is cut off"
    with captured_rdkit_log() as said:
        try:
            molecule = Chem.MolFromMolBlock(block)
        except RuntimeError as error:
            return None, str(error).strip().splitlines()[0]
    if molecule is None:
        return None, first_complaint(said) or "RDKit could not read the mol block"
    return (molecule, "") if molecule.GetNumAtoms() else (None, "no atoms")
