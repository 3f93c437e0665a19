"""What every table that varimol writes has in it: the columns in their order, with types, units and meaning.

``docs/schemas/NAME.json`` is made from this module and describes one row of each table (JSON Schema, draft
2020-12), for programs that read the tables. A change of a table needs a new `SCHEMA_VERSION` there.

A missing value is null in Parquet and empty in TSV; in a row's JSON it is ``null``. A prediction whose
interval was never measured has infinite bounds (``-inf``, ``inf``); a shift that cannot be judged is missing.

Examples
--------
>>> [column.name for column in TABLES["therapies"].columns][:4]
['sample_id', 'rank', 'compound_id', 'compound_name']
>>> TABLES["structure"].row_schema()["patternProperties"]["^pc[0-9]+$"]["type"]
'number'
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from varimol.schema_text import PREDICTION, TEXT
from varimol.schema_text_models import MODELS
from varimol.schema_text_pharmacogenes import PHARMACOGENES

SCHEMA_VERSION = 3
"""Of all tables together; raised whenever one of them changes."""


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    name
        As written in the file.
    type
        ``string``, ``integer``, ``number`` or ``boolean``.
    description
        What it says.
    unit
        Unit of a number; empty where it has none.
    nullable
        Whether a value may be missing.
    values
        All that a text may be, where that is a closed list.
    optional
        Whether the table has the column only when it was asked for.
    """

    name: str
    type: str
    description: str
    unit: str = ""
    nullable: bool = False
    values: tuple[str, ...] = ()
    optional: bool = False

    def schema(self) -> dict[str, Any]:
        """Schema of a value.

        Examples
        --------
        >>> Column("sd", "number", "spread of the ensemble", unit="pKd", nullable=True).schema()
        {'type': ['number', 'null'], 'description': 'spread of the ensemble', 'x-unit': 'pKd'}
        """
        result: dict[str, Any] = {"type": [self.type, "null"] if self.nullable else self.type}
        result["description"] = self.description
        if self.values:
            result["enum"] = [*self.values, *([None] if self.nullable else [])]
        if self.unit:
            result["x-unit"] = self.unit
        return result


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes
    ----------
    name
        Its name, without suffix.
    description
        What a row is, and the order of the rows.
    written_by
        The commands that write it, and as which files.
    columns
        In the order of the file.
    pattern
        Of the names of further columns, where their number depends on the data; empty where it does not.
    """

    name: str
    description: str
    written_by: str
    columns: tuple[Column, ...]
    pattern: tuple[str, Column] | None = None

    @property
    def names(self) -> list[str]:
        """Names of the columns that are always there, in their order."""
        return [column.name for column in self.columns if not column.optional]

    def row_schema(self) -> dict[str, Any]:
        """JSON Schema of one row as an object."""
        result: dict[str, Any] = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": self.name,
            "description": self.description,
            "x-schema-version": SCHEMA_VERSION,
            "x-written-by": self.written_by,
            "x-column-order": [column.name for column in self.columns],
            "type": "object",
            "properties": {column.name: column.schema() for column in self.columns},
            "required": self.names,
            "additionalProperties": False,
        }
        if self.pattern is not None:
            result["patternProperties"] = {self.pattern[0]: self.pattern[1].schema()}
        return result


# Per table: "# name | commands that write it", what a row is and the order of the rows, then the columns as
# "name type [unit] description {all values}". "?" after the type: a value may be missing, after the name: the
# column may be. "*" after the name: numbered columns. "@prediction" stands for the columns of every prediction.
_LINE = re.compile(
    r"(?P<name>\S+)\s+(?P<type>string|integer|number|boolean)(?P<missing>\?)?\s+"
    r"(?:\[(?P<unit>[^]]+)\]\s+)?(?P<description>[^{]+?)(?:\s+\{(?P<values>.*)\})?"
)


def _column(line: str) -> Column:
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError(f"not a column: {line!r}")
    values = tuple(value.strip() for value in match["values"].split(",")) if match["values"] else ()
    name, nullable = match["name"], match["missing"] is not None
    return Column(
        name.removesuffix("?"), match["type"], match["description"], match["unit"] or "", nullable, values,
        name.endswith("?"),
    )  # fmt: skip


def _table(text: str) -> Table:
    title, description, *lines = text.replace("@prediction", PREDICTION.strip()).strip().splitlines()
    name, written_by = title.removeprefix("# ").split(" | ")
    columns = [_column(line) for line in lines]
    numbered = [column for column in columns if column.name.endswith("*")]
    return Table(
        name,
        description,
        written_by,
        tuple(column for column in columns if column not in numbered),
        (f"^{numbered[0].name.removesuffix('*')}[0-9]+$", numbered[0]) if numbered else None,
    )


_TEXTS = "\n".join((TEXT, PHARMACOGENES, MODELS)).strip().split("\n\n")
TABLES: dict[str, Table] = {table.name: table for table in map(_table, _TEXTS)}
"""Every table by its name."""
