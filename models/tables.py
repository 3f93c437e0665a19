"""Tables of text as users write them: read whole or refused, naming the file and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd

from chem.errors import InputError


def read_table(
    path: str | PathLike[str], required: tuple[str, ...], what: str, *, distinct: bool = True
) -> pd.DataFrame:
    """Read a TSV, CSV or Parquet table with the columns asked for, all values as text.

    Raises
    ------
    InputError
        It is not there, empty or no table, a column is missing, or where they are to be `distinct` stands twice.
    """
    name = require_there(path, what)
    try:
        if name.suffix == ".parquet":
            table = pd.read_parquet(name).astype(str).fillna("")
        else:
            separator = "," if ".csv" in name.suffixes else "\t"
            # The header is read as a row: pandas would rename the second of two columns of one name.
            rows = pd.read_csv(name, sep=separator, header=None, dtype=str, keep_default_na=False)
            table = rows.iloc[1:].reset_index(drop=True).set_axis(rows.iloc[0].tolist(), axis=1)
    except pd.errors.EmptyDataError:
        raise InputError(
            f"{what} table is empty", file=name,
            expected=f"a header{' with the columns ' * bool(required)}{', '.join(required)}, and lines under it",
            hint="write the file again, or check the path",
        ) from None  # fmt: skip
    except (EOFError, OSError, ValueError) as error:  # pandas' and pyarrow's own errors are ValueErrors
        reason = " ".join(str(error).split())
        raise InputError(
            f"{what} table cannot be read: {reason}", file=name, hint="write it again"
        ) from error
    missing = [column for column in required if column not in table.columns]
    if missing:
        raise InputError(
            f"{what} table has no column {missing[0]!r}; its columns are {', '.join(table.columns)}",
            file=name, record="header", field=missing[0], expected=f"columns {', '.join(required)}",
        )  # fmt: skip
    twice = [str(column) for column in table.columns[table.columns.duplicated()] if column]
    if twice and distinct:
        raise InputError(
            f"{what} table has two columns {twice[0]!r}", file=name, record="header", field=twice[0],
            expected="distinct names of columns", hint="rename or remove one of them",
        )  # fmt: skip
    return table


def require_there(path: str | PathLike[str], what: str) -> Path:
    """Refuse a table that does not exist; what takes long to load waits until all of them do."""
    if not Path(path).exists():
        raise InputError(f"{what} table not found", file=path, hint="check the path")
    return Path(path)


def require_lines(table: pd.DataFrame, path: str | PathLike[str], what: str) -> None:
    """Refuse the table of drugs or targets of some pairs that has none."""
    if table.empty:
        raise InputError(
            f"{what}s table has a header and no lines", file=path, expected=f"a line for each {what} of the pairs",
            hint=f"add the {what}s, or check the path",
        )  # fmt: skip


def require_distinct(identifiers: pd.Series, path: str | PathLike[str]) -> None:
    """Refuse a table in which an identifier stands twice, naming the line."""
    twice = np.flatnonzero(identifiers.duplicated())
    if len(twice):
        raise InputError(
            f"{identifiers.iloc[twice[0]]!r} stands twice", file=path, record=int(twice[0]) + 2,
            field=str(identifiers.name), expected="distinct identifiers", hint="remove one of the two",
        )  # fmt: skip


def differ_in_case(names: Iterable[str], what: str) -> list[str]:
    """Say which names are one but for the case of their letters, and are taken as different.

    Examples
    --------
    >>> differ_in_case(["Skin", "lung", "skin"], "levels of tissue")
    ['levels of tissue that differ only in case are taken as different: Skin, skin']
    """
    groups: dict[str, list[str]] = {}
    for name in map(str, names):
        groups.setdefault(name.casefold(), []).append(name)
    return [
        f"{what} that differ only in case are taken as different: {', '.join(group)}"
        for group in groups.values()
        if len(group) > 1
    ]
