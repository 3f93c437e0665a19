"""Measured responses of lines to compounds as a matrix, read from a table with one row per measurement.

What cannot be used is refused, naming file, line and field: a table that is wide, lies on its side or has its columns
exchanged, two different values of one pair, units mixed. What is read otherwise than it is written is told in
`ResponseTable.notes`. Which units a column holds, its name decides (`unit_of`); its values are judged by it in
`models.response_units`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike

import numpy as np
import pandas as pd
from jaxtyping import Float
from numpy.typing import NDArray

from chem.errors import InputError
from models.response_layout import refuse_exchanged, refuse_layout
from models.response_units import require_one_unit, unit_of
from models.tables import differ_in_case, read_table

_MISSING = {"", "na", "nan"}
_SAME = 1e-6
"""Two values of one pair are one value up to this difference: that of rounding when a table is written."""


@dataclass(frozen=True)
class ResponseTable:
    """Responses of lines (or patients) to compounds.

    Attributes
    ----------
    values
        (n_lines, n_compounds) float64, NaN where nothing was measured.
    line_ids, compound_ids
        Names of the rows and of the columns, distinct.
    unit
        Of the values, such as "ln(umol/l)".
    notes
        What was read otherwise than it is written, one line each.

    Raises
    ------
    InputError
        The values do not have a row per line and a column per compound, hold an infinity, or a name stands twice.

    Examples
    --------
    >>> table = ResponseTable(np.array([[1.0, np.nan], [2.0, 3.0]]), ("a", "b"), ("x", "y"), "ln(umol/l)")
    >>> table.n_values, table.select_lines(np.array([1])).values.tolist()
    (3, [[2.0, 3.0]])
    """

    values: Float[NDArray[np.float64], "n_lines n_compounds"]
    line_ids: tuple[str, ...]
    compound_ids: tuple[str, ...]
    unit: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shape = (len(self.line_ids), len(self.compound_ids))
        if self.values.shape != shape:
            raise InputError(
                f"values have the shape {self.values.shape}", field="values",
                expected=f"{shape}: a row per line and a column per compound", hint="transpose them, or correct the names",
            )  # fmt: skip
        if np.isinf(self.values).any():
            raise InputError(
                "a value is infinite", field="values", expected="finite numbers, NaN for missing"
            )
        for field, names in (("line_ids", self.line_ids), ("compound_ids", self.compound_ids)):
            if len(set(names)) < len(names):
                twice = next(name for place, name in enumerate(names) if name in names[:place])
                raise InputError(f"{twice!r} stands twice", field=field, expected="distinct names")

    @property
    def n_values(self) -> int:
        """Number of measured pairs."""
        return int((~np.isnan(self.values)).sum())

    def select_lines(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> ResponseTable:
        """Responses of some lines, to all compounds."""
        names = tuple(np.array(self.line_ids, object)[rows])
        return replace(self, values=self.values[rows], line_ids=names)

    def select_compounds(self, columns: NDArray[np.int64] | NDArray[np.bool_]) -> ResponseTable:
        """Responses of all lines, to some compounds."""
        names = tuple(np.array(self.compound_ids, object)[columns])
        return replace(self, values=self.values[:, columns], compound_ids=names)

    def long(self) -> pd.DataFrame:
        """One row per measured pair: line, compound, value; by line, then by compound."""
        line, compound = np.nonzero(~np.isnan(self.values))
        return pd.DataFrame(
            {
                "line": np.array(self.line_ids, object)[line],
                "compound": np.array(self.compound_ids, object)[compound],
                "value": self.values[line, compound],
            }
        )


def read_response(
    path: str | PathLike[str],
    compound_column: str = "drug_name",
    line_column: str = "depmap_id",
    value_column: str = "ln_ic50",
    unit: str | None = None,
) -> ResponseTable:
    r"""Read a table of responses, one row per line and compound.

    Parameters
    ----------
    path
        TSV, CSV or Parquet, compressed or not.
    compound_column, line_column, value_column
        Names of its columns. A value that is empty or NA is missing.
    unit
        Of the values; without, what the name of their column says (`models.response_units.unit_of`).

    Returns
    -------
    ResponseTable
        Lines and compounds in the order of their names, whatever that of the rows.

    Raises
    ------
    InputError
        A column is missing; the table is wide, lies on its side, or has lines and compounds exchanged; a name is
        empty; a value is no finite number; a pair has two different values; there is no value; the values do not all
        have the unit of the column.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "response.tsv"
    >>> _ = path.write_text("drug_name\tdepmap_id\tln_ic50\nB\tL1\t-1.5\nA\tL1\t2\nA\tL2\t\n")
    >>> table = read_response(path)
    >>> table.compound_ids, table.values.tolist(), table.unit
    (('A', 'B'), [[2.0, -1.5]], 'ln(umol/l)')
    >>> table.notes
    ('1 of 3 rows of response.tsv have no ln_ic50 and are left out',)
    """
    asked = (compound_column, line_column, value_column)
    try:
        table = read_table(path, asked, "response")
    except InputError as error:
        if error.record == "header":
            refuse_layout(path, compound_column, line_column, value_column)
        raise
    file = str(path)
    compounds, lines = (_names(table[column], file) for column in (compound_column, line_column))
    refuse_exchanged(lines, compounds, file, line_column, compound_column)
    values = _numbers(table[value_column], file)
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        raise InputError(
            "no row has a value", file=file, field=value_column, expected="numbers",
            hint="fill the column, or name the one that holds the responses",
        )  # fmt: skip
    name = file.rsplit("/", 1)[-1]
    left_out = len(values) - len(known)
    said = f"{left_out} of {len(values)} rows of {name} have no {value_column} and are left out"
    notes = [said] if left_out else []
    line, line_ids = pd.factorize(lines.iloc[known], sort=True)
    compound, compound_ids = pd.factorize(compounds.iloc[known], sort=True)
    pair = line.astype(np.int64) * len(compound_ids) + compound
    first, repeats = _distinct(pair, values[known], known, lines, compounds, file, value_column)
    if repeats:
        notes.append(f"{repeats} rows of {name} repeat a line, compound and value and are joined")
    notes += [*differ_in_case(line_ids, "lines"), *differ_in_case(compound_ids, "compounds")]
    matrix = np.full((len(line_ids), len(compound_ids)), np.nan)
    matrix[line[first], compound[first]] = values[known][first]
    named = unit or unit_of(value_column)
    notes += require_one_unit(matrix, tuple(map(str, compound_ids)), named, file=file, field=value_column)
    return ResponseTable(
        matrix,
        tuple(map(str, line_ids)),
        tuple(map(str, compound_ids)),
        named or f"that of {value_column}",
        tuple(notes),
    )


def _names(column: pd.Series, file: str) -> pd.Series:
    names = column.str.strip()
    empty = np.flatnonzero(names.str.lower().isin(_MISSING))
    if len(empty):
        raise InputError(
            f"{column.iloc[empty[0]]!r} is no name", file=file, record=int(empty[0]) + 2, field=str(column.name),
            expected="a name on every row", hint="fill it in, or remove that row",
        )  # fmt: skip
    return names


def _numbers(column: pd.Series, file: str) -> NDArray[np.float64]:
    missing = column.str.strip().str.lower().isin(_MISSING)
    values = pd.to_numeric(column.mask(missing, "nan"), errors="coerce").to_numpy(np.float64)
    bad = np.flatnonzero((np.isnan(values) & ~missing.to_numpy()) | np.isinf(values))
    if len(bad):
        raise InputError(
            f"{column.iloc[bad[0]]!r} is not a number", file=file, record=int(bad[0]) + 2, field=str(column.name),
            expected="a finite number in the column's unit, or empty for missing",
            hint="write limits and units in columns of their own",
        )  # fmt: skip
    return values


def _distinct(
    pair: NDArray[np.int64],
    values: NDArray[np.float64],
    row: NDArray[np.int64],
    lines: pd.Series,
    compounds: pd.Series,
    file: str,
    field: str,
) -> tuple[NDArray[np.int64], int]:
    """First place of every pair, and how many rows repeat one; two different values are refused."""
    _, first, inverse = np.unique(pair, return_index=True, return_inverse=True)
    earlier = first[inverse.reshape(-1)]
    differ = np.flatnonzero(np.abs(values - values[earlier]) > _SAME)
    if len(differ):
        one, two = row[earlier[differ[0]]], row[differ[0]]
        a, b = values[earlier[differ[0]]], values[differ[0]]
        raise InputError(
            f"records {one + 2} and {two + 2} give line {lines.iloc[two]!r} and compound {compounds.iloc[two]!r} "
            f"the different values {a:g} and {b:g} ({len(differ)} such rows)",
            file=file, record=int(two) + 2, field=field, expected="one value per line and compound",
            hint="keep one of them, or their mean; name replicates and other screens as compounds of their own",
        )  # fmt: skip
    return first, len(pair) - len(first)


@dataclass(frozen=True)
class LineMatch:
    """Responses and profiles of the same lines.

    Attributes
    ----------
    table
        Responses of the lines that have a profile.
    rows
        (n_lines,) for each of these lines, the place of its profile.
    left_out
        Lines without a profile.
    notes
        What is to be said of them.
    """

    table: ResponseTable
    rows: NDArray[np.int64]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


def match_lines(table: ResponseTable, ids: Sequence[str]) -> LineMatch:
    """Find each line's profile.

    Parameters
    ----------
    table
        Responses.
    ids
        Names of the profiles, distinct.

    Returns
    -------
    LineMatch
        Lines in the table's order; those without a profile are left out, and named.

    Raises
    ------
    InputError
        No line has a profile.

    Examples
    --------
    >>> table = ResponseTable(np.array([[1.0], [2.0]]), ("a", "b"), ("x",), "ln(umol/l)")
    >>> match = match_lines(table, ["c", "b"])
    >>> match.table.line_ids, match.rows.tolist(), match.left_out
    (('b',), [1], ('a',))
    >>> match.notes
    ('1 of 2 lines have no profile and are left out, with 1 values: a',)
    """
    place = {name: number for number, name in enumerate(ids)}
    if len(place) < len(ids):
        raise InputError("a profile's name stands twice", field="profiles", expected="distinct names")
    there = np.array([name in place for name in table.line_ids], bool)
    if not there.any():
        exchanged = sum(name in place for name in table.compound_ids)
        raise InputError(
            f"none of the {len(there)} lines has a profile; lines are named like {_first(table.line_ids)}, "
            f"profiles like {_first(ids)}",
            field="line", expected="the names of the profiles",
            hint=f"{exchanged} compounds are named like profiles: lines and compounds are exchanged, transpose the table"
            if exchanged else "name the column that holds the profiles' names, or translate the names",
        )  # fmt: skip
    left_out = tuple(name for name in table.line_ids if name not in place)
    kept = table.select_lines(there)
    lost = table.n_values - kept.n_values
    notes: tuple[str, ...] = ()
    if left_out:
        notes = (
            f"{len(left_out)} of {len(there)} lines have no profile and are left out, with {lost} values: "
            f"{_first(left_out, 5)}",
        )
    return LineMatch(kept, np.array([place[name] for name in kept.line_ids], np.int64), left_out, notes)


def _first(names: Sequence[str], n: int = 3) -> str:
    return ", ".join(names[:n]) + (", ..." if len(names) > n else "")
