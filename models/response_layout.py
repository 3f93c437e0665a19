"""Tables of responses that are not one row per line and compound: told apart, so that the error says what to do."""

from __future__ import annotations

import re
from os import PathLike

import numpy as np
import pandas as pd

from chem.errors import InputError
from models.tables import read_table

_LINE_ID = re.compile(r"(ACH-\d{6}|SIDM\d{5}|CVCL_\w{4})$")
"""Identifiers of cell lines in DepMap, Cell Model Passports and Cellosaurus: no compound is called like that."""
_LOOKED_AT = 200


def refuse_layout(
    path: str | PathLike[str], compound_column: str, line_column: str, value_column: str
) -> None:
    """Refuse a table without the columns asked for, where it can be told what it is instead.

    Parameters
    ----------
    path
        The table.
    compound_column, line_column, value_column
        Of which at least one is not there.

    Raises
    ------
    InputError
        The columns' names stand in the first column: it lies on its side. Or all columns but the first hold numbers:
        it is wide, a column per compound or per line. Nothing is raised of any other table.
    """
    table = read_table(path, (), "response", distinct=False)
    asked = (compound_column, line_column, value_column)
    expected = f"one row per line and compound, columns {', '.join(asked)}"
    down = {str(table.columns[0]), *table.iloc[:, 0].head(len(asked))}
    if len(down & set(asked)) > 1:
        raise InputError(
            "response table lies on its side: its columns' names stand in its first column", file=path,
            record="header", expected=expected, hint="transpose it",
        )  # fmt: skip
    if table.shape[1] < 3 or not _numeric(table.iloc[:, 1:]):
        return
    header, first = (_share_of_lines(names) for names in (table.columns[1:], table.iloc[:, 0]))
    lines_across = header > first or table.columns[0] == compound_column
    rows, columns = ("compound", "line") if lines_across else ("line", "compound")
    names = (line_column, compound_column) if lines_across else (compound_column, line_column)
    raise InputError(
        f"response table is wide{', and transposed' if lines_across else ''}: a row per {rows} and a column per "
        f"{columns} ({len(table)} x {table.shape[1] - 1})",
        file=path, record="header", expected=expected,
        hint=f"bring it into that form, as by table.melt({str(table.columns[0])!r}, var_name={names[0]!r}, "
        f"value_name={value_column!r})",
    )  # fmt: skip


def refuse_exchanged(
    lines: pd.Series, compounds: pd.Series, file: str, line_column: str, compound_column: str
) -> None:
    """Refuse a table whose compounds are named like cell lines, and its lines not.

    Raises
    ------
    InputError
        More than half of the compounds have identifiers of cell lines, and of the lines fewer.
    """
    share = _share_of_lines(compounds.unique())
    if share > 0.5 and share > _share_of_lines(lines.unique()):
        raise InputError(
            f"compounds are named like cell lines ({compounds.iloc[0]!r}) and lines are not ({lines.iloc[0]!r}): the "
            "table is transposed",
            file=file, record=2, field=compound_column, expected=f"compounds in it, and lines in {line_column}",
            hint="exchange the names of the two columns",
        )  # fmt: skip


def _share_of_lines(names: object) -> float:
    text = [str(name) for name in np.asarray(names, object)[:_LOOKED_AT]]
    return float(np.mean([bool(_LINE_ID.match(name)) for name in text])) if text else 0.0


def _numeric(table: pd.DataFrame) -> bool:
    """Whether nearly all cells that hold something are numbers, and some are."""
    cells = table.iloc[:_LOOKED_AT, :_LOOKED_AT].to_numpy(str).ravel()
    cells = cells[~np.isin(np.char.lower(cells), ("", "na", "nan"))]
    numbers = pd.to_numeric(pd.Series(cells, dtype="str"), errors="coerce").notna()
    return bool(len(cells)) and float(numbers.mean()) > 0.9
