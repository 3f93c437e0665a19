"""Parquet tables of compounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from chem.columns import choose_columns
from chem.errors import InputError
from chem.read_origin import Origin
from chem.read_structure import structure_record
from chem.record import CompoundRecord

_ROWS = 16_384
_SAMPLE_ROWS = 100
_BUFFER = 1 << 20  # without one a whole column of a row group is read at once


def read_parquet(file: BinaryIO, origin: Origin) -> Iterator[CompoundRecord]:
    """Records of a Parquet table; the columns are found as in a text table.

    Parameters
    ----------
    file
        A file that can seek.
    origin
        Where it comes from.

    Yields
    ------
    CompoundRecord
        In order; a missing value is an empty text.

    Raises
    ------
    InputError
        Not Parquet, or no column holds structures.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file, buffer_size=_BUFFER) as table:
            yield from _records(table, origin)
    except (pa.ArrowException, OSError) as error:
        said = str(error).strip().splitlines()[0]
        raise InputError(f"is not Parquet ({said})", file=origin.name, expected="a Parquet file") from error


def _records(table: Any, origin: Origin) -> Iterator[CompoundRecord]:
    header = list(table.schema_arrow.names)
    # A column's name is no cell: what header_is_data says is for text.
    columns = choose_columns(header, _sample(table), origin.smiles_column, origin.id_column, origin.name)
    wanted = [at for at in dict.fromkeys(columns[:3]) if at is not None]
    _refuse_repeated([header[at] for at in wanted], header, origin.name)
    row, folder = origin.rows_before, origin.folder_name
    for batch in table.iter_batches(batch_size=_ROWS, columns=[header[at] for at in wanted]):
        values = {at: _texts(batch.column(batch.schema.get_field_index(header[at]))) for at in wanted}
        blank = [""] * batch.num_rows
        names = blank if columns.name is None else values[columns.name]
        labels = names if columns.id is None else values[columns.id]
        for structure, label, name in zip(values[columns.structure], labels, names):
            row += 1
            yield structure_record(row, 0, label, name, structure, folder)


def _sample(table: Any) -> list[list[str]]:
    """First rows of the columns that hold text; cells of the others are empty."""
    import pyarrow as pa

    types = [
        field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        for field in table.schema_arrow
    ]
    texts = [pa.types.is_string(kind) or pa.types.is_large_string(kind) for kind in types]
    names = [name for name, is_text in zip(table.schema_arrow.names, texts) if is_text]
    batch = (
        next(table.iter_batches(batch_size=_SAMPLE_ROWS, columns=names), None)
        if len(set(names)) == len(names)
        else None
    )
    if batch is None:
        return []
    cells = iter(_texts(column) for column in batch.columns)
    return [
        list(row) for row in zip(*(next(cells) if is_text else [""] * batch.num_rows for is_text in texts))
    ]


def _refuse_repeated(wanted: list[str], header: list[str], file: str) -> None:
    for name in wanted:
        if header.count(name) > 1:
            raise InputError(
                f"{header.count(name)} columns are called {name!r}", file=file, hint="rename one"
            )


def _texts(column: Any) -> list[str]:
    return [_text(value) for value in column.to_pylist()]


def _text(value: object) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace").strip()
    return str(value).strip()
