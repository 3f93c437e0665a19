"""Molecules with measured properties, read from tables as users have them: one row per molecule, a column per label.

Structures are standardised, rows of one molecule (one InChIKey) are joined. Rows that cannot be used are listed with
the reason (`PropertyTable.rejects`), what is read otherwise than it is written is told (`PropertyTable.notes`), and
what is wrong in a whole column is refused, naming file, record and field.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chem.errors import InputError
from chem.standardise import StandardisedMolecule, standardise_smiles
from models.pair_model import TASKS, Task
from models.property_protocol import Labels
from models.tables import read_table

REJECT_COLUMNS = ("file", "record", "smiles", "label", "reason")
_MISSING = ("", "na", "nan", "n/a", "none", "null", "<na>")


@dataclass(frozen=True)
class PropertyTable:
    """Distinct molecules and what was measured of them.

    Attributes
    ----------
    smiles
        n standardised SMILES, in the order of their first rows.
    labels
        (n, n_labels) float64, NaN where nothing was measured; every molecule has one label or more.
    label_names, tasks
        Of the columns.
    rejects
        Columns `REJECT_COLUMNS`: rows that were left out, or one label of them where `label` is filled, and why.
    notes
        What was read otherwise than it is written, one line each.
    fold
        (n,) from 1, where the table has a column of folds.
    """

    smiles: tuple[str, ...]
    labels: Labels
    label_names: tuple[str, ...]
    tasks: tuple[Task, ...]
    rejects: pd.DataFrame
    notes: tuple[str, ...] = ()
    fold: NDArray[np.int64] | None = None


def read_properties(
    paths: Sequence[str | PathLike[str]],
    smiles_column: str,
    label_names: Sequence[str],
    tasks: Sequence[str] = (),
    fold_column: str | None = None,
) -> PropertyTable:
    r"""Read tables of molecules and labels.

    Parameters
    ----------
    paths
        TSV, CSV or Parquet files; each has the column of SMILES and one of the labels or more.
    smiles_column
        Its name.
    label_names
        Columns of labels; empty, NA or NaN where nothing was measured.
    tasks
        ``"regression"`` or ``"classification"`` for all labels, or for each. Without, labels that are 0 and 1
        alone are classes, and that is noted.
    fold_column
        Names the fold of each row; a molecule has one.

    Raises
    ------
    InputError
        A column is missing, a label is no number (or, in classification, neither 0 nor 1), has no value, or the
        same one everywhere; there is no molecule that can be read; a molecule is in two folds.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "solubility.csv"
    >>> _ = path.write_text("smiles,logS\nCCO,1.0\nOCC,1.2\nc1ccccc1,-1.6\nC1CC,0.1\n")
    >>> table = read_properties([path], "smiles", ["logS"])
    >>> table.smiles, table.labels.round(2).ravel().tolist(), table.tasks
    (('CCO', 'c1ccccc1'), [1.1, -1.6], ('regression',))
    >>> table.rejects[["record", "smiles"]].values.tolist()
    [[5, 'C1CC']]
    """
    names = tuple(label_names)
    _require_names(paths, smiles_column, names)
    read = [_read(path, smiles_column, names, fold_column) for path in paths]
    rows = pd.concat(read, ignore_index=True)
    for name in names:
        if rows[name].isna().all():
            raise InputError(
                "no row has a value, or no table has such a column",
                file=str(paths[0]),
                field=name,
                expected="numbers",
                hint="fill the column",
            )
    found, notes = _tasks(rows, names, tasks)
    molecules, rejects = _molecules(rows)
    notes += _notes_of_molecules(molecules, rejects, len(rows))
    unmeasured = molecules[list(names)].isna().all(axis=1)
    rejects += _rejects(molecules[unmeasured], "no label has a value")
    joined, conflicts, said = _join(molecules[~unmeasured], names, found)
    for place, name in enumerate(names):
        _require_variety(joined[name], name, found[place], str(paths[0]))
    table = pd.DataFrame(rejects + conflicts, columns=list(REJECT_COLUMNS))
    return PropertyTable(
        tuple(joined["parent"]), joined[list(names)].to_numpy(float), names, found,
        table.sort_values(["file", "record"], kind="stable", ignore_index=True), (*notes, *said),
        _folds(molecules, joined, fold_column),
    )  # fmt: skip


def require_columns(
    path: str | PathLike[str], columns: Sequence[str], wanted: str, what: str = "property"
) -> None:
    """Refuse a table without a column, naming the one that is most like it.

    Examples
    --------
    >>> require_columns("a.csv", ["Smiles", "logS [mol/l]"], "logS")
    Traceback (most recent call last):
    ...
    chem.errors.InputError: a.csv, record header, field logS: property table has no column 'logS'; expected one of Smiles, logS [mol/l]; did you mean 'logS [mol/l]'?
    """
    if wanted in columns:
        return
    by_case = {column.lower(): column for column in columns}
    longer = [column for key, column in by_case.items() if key.startswith(wanted.lower())]
    close = longer or [by_case[key] for key in get_close_matches(wanted.lower(), by_case, n=1, cutoff=0.5)]
    shown = ", ".join(columns[:12]) + (", ..." if len(columns) > 12 else "")
    raise InputError(
        f"{what} table has no column {wanted!r}", file=path, record="header", field=wanted,
        expected=f"one of {shown}",
        hint=f"did you mean {close[0]!r}?" if close else "name the column as it stands in the header",
    )  # fmt: skip


def _require_names(paths: Sequence[str | PathLike[str]], smiles_column: str, names: tuple[str, ...]) -> None:
    if not paths:
        raise InputError("there is no table", field="table", expected="one file or more")
    if not names:
        raise InputError("no label is named", field="labels", expected="one column of labels or more")
    for name in names:
        if names.count(name) > 1 or name == smiles_column:
            raise InputError(
                f"the column {name!r} is asked for twice", field="labels", expected="distinct columns"
            )


def _read(
    path: str | PathLike[str], smiles_column: str, names: tuple[str, ...], fold_column: str | None
) -> pd.DataFrame:
    """Rows of one file: file, record, smiles, fold, and each label as float64."""
    table = read_table(path, (), "property")
    columns = [str(column) for column in table.columns]
    for wanted in (smiles_column, *([fold_column] if fold_column else [])):
        require_columns(path, columns, wanted)
    if not any(name in columns for name in names):
        require_columns(path, columns, names[0])
    if table.empty:
        raise InputError(
            "property table has a header and no lines", file=path, expected="a line per molecule"
        )
    smiles = table[smiles_column].str.strip()
    if smiles.str.lower().isin(_MISSING).all():
        raise InputError(
            "the column of structures is empty", file=path, field=smiles_column, expected="SMILES",
            hint="name the column that holds the structures",
        )  # fmt: skip
    rows = pd.DataFrame(
        {"file": Path(path).name, "record": np.arange(len(table)) + 2, "smiles": smiles.to_numpy()}
    )
    rows["fold"] = table[fold_column].str.strip() if fold_column else ""
    for name in names:
        rows[name] = _numbers(table[name], path) if name in columns else np.nan
    return rows


def _numbers(column: pd.Series, path: str | PathLike[str]) -> NDArray[np.float64]:
    text = column.str.strip()
    missing = text.str.lower().isin(_MISSING).to_numpy()
    values = pd.to_numeric(text.mask(missing, "nan"), errors="coerce").to_numpy(np.float64)
    bad = np.flatnonzero((np.isnan(values) & ~missing) | np.isinf(values))
    if not len(bad):
        return values
    first = text.iloc[bad[0]]
    hint = "write classes as 0 and 1, and leave a cell empty where nothing was measured"
    if first[:1] in "<>=~":
        hint = "leave out measurements that are only bounds, or decide on a number for them"
    elif bad[0] == 0 and len(bad) == 1:
        hint = "remove the line of units under the header, units belong into the column's name"
    raise InputError(
        f"{first!r} is not a number", file=path, record=int(bad[0]) + 2, field=str(column.name),
        expected="a finite number, or empty for missing", hint=hint,
    )  # fmt: skip


def _tasks(
    rows: pd.DataFrame, names: tuple[str, ...], tasks: Sequence[str]
) -> tuple[tuple[Task, ...], list[str]]:
    """Task of each label, and what is said of it."""
    if len(tasks) not in (0, 1, len(names)):
        raise InputError(
            f"{len(tasks)} tasks for {len(names)} labels", field="task", expected="one, or one per label"
        )
    if unknown := [task for task in tasks if task not in TASKS]:
        raise InputError(
            f"no task is called {unknown[0]!r}", field="task", expected=f"one of {', '.join(TASKS)}"
        )
    asked = list(tasks) * (len(names) if len(tasks) == 1 else 1)
    found: list[Task] = []
    notes = []
    for place, name in enumerate(names):
        classes = rows[name].isin((0, 1)) | rows[name].isna()
        task: Task = "classification" if classes.all() else "regression"
        if asked and asked[place] == "classification" and task == "regression":
            bad = rows[~classes].iloc[0]
            raise InputError(
                f"{bad[name]:g} is no class", file=bad["file"], record=int(bad["record"]), field=name,
                expected="0 or 1 in classification", hint="ask for the task regression, or set a threshold",
            )  # fmt: skip
        if asked and asked[place] == "regression" and task == "classification":
            notes.append(f"{name} holds 0 and 1 alone and is fitted as numbers, as asked; are these classes?")
            task = "regression"
        elif not asked and task == "classification":
            notes.append(f"{name} holds 0 and 1 alone: taken as classes")
        found.append(task)
    return tuple(found), notes


def _molecules(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[tuple[object, ...]]]:
    """Rows that can be read, with their parent, key and what was taken off; and the others with the reason."""
    outcomes = [_standardised(text) for text in rows["smiles"]]
    why = [outcome.problem for outcome in outcomes]
    readable = np.array([not reason for reason in why])
    rejects: list[tuple[object, ...]] = [
        (row.file, row.record, row.smiles, "", reason)
        for row, reason in zip(rows.itertuples(), why, strict=True)
        if reason
    ]
    if not readable.any():
        raise InputError(
            f"none of {len(rows)} structures can be read; the first: {rejects[0][4]}", file=rows["file"].iloc[0],
            record=int(rows["record"].iloc[0]), field="smiles", expected="SMILES",
            hint="name the column that holds the structures",
        )  # fmt: skip
    molecules = rows.assign(
        parent=[outcome.smiles for outcome in outcomes],
        key=[outcome.inchikey or outcome.smiles for outcome in outcomes],
        removed=[bool(outcome.removed_fragments) for outcome in outcomes],
    )
    return molecules[readable].reset_index(drop=True), rejects


def _standardised(text: str) -> StandardisedMolecule:
    if text.lower() in _MISSING:
        return StandardisedMolecule(reason="has no structure")
    return standardise_smiles(text)


def _rejects(rows: pd.DataFrame, reason: str) -> list[tuple[object, ...]]:
    return [(row.file, row.record, row.smiles, "", reason) for row in rows.itertuples()]


def _notes_of_molecules(molecules: pd.DataFrame, rejects: list[tuple[object, ...]], n_rows: int) -> list[str]:
    notes = []
    if rejects:
        notes.append(f"{len(rejects)} of {n_rows} rows have no readable structure and are left out")
    if n_removed := int(molecules["removed"].sum()):
        notes.append(f"{n_removed} of {n_rows} rows lost a salt or solvent")
    return notes


def _join(
    molecules: pd.DataFrame, names: tuple[str, ...], tasks: tuple[Task, ...]
) -> tuple[pd.DataFrame, list[tuple[object, ...]], list[str]]:
    """One row per molecule; labels that were left out for their conflict; and what is said of both."""
    groups = molecules.groupby("key", sort=False)
    joined = groups[["parent", "fold"]].first()
    conflicts: list[tuple[object, ...]] = []
    notes = []
    if repeats := len(molecules) - len(joined):
        notes.append(f"{repeats} rows repeat a molecule (one InChIKey) and are joined")
    for name, task in zip(names, tasks, strict=True):
        values = groups[name].mean()
        spans = groups[name].max() - groups[name].min()
        differ = spans[spans > (0 if task == "classification" else 1e-9)]
        if task == "classification" and len(differ):
            values[differ.index] = np.nan
            notes.append(f"{len(differ)} molecules have both classes of {name}, which is left out for them")
            rows = molecules[molecules["key"].isin(differ.index) & molecules[name].notna()]
            conflicts += [
                (row.file, row.record, row.smiles, name, "the molecule has both classes")
                for row in rows.itertuples()
            ]
        elif len(differ):
            notes.append(
                f"{len(differ)} molecules have different values of {name} (by up to {differ.max():.4g}), of which the "
                "mean is taken"
            )
        joined[name] = values
    measured = joined[list(names)].notna().any(axis=1)
    return joined[measured].reset_index(), conflicts, notes


def _folds(
    molecules: pd.DataFrame, joined: pd.DataFrame, fold_column: str | None
) -> NDArray[np.int64] | None:
    """Fold of each molecule, numbered from 1 in the order of their names."""
    if fold_column is None:
        return None
    first = molecules["key"].map(joined.set_index("key")["fold"])
    other = molecules[first.notna() & (molecules["fold"] != first)]
    for row in other.itertuples():
        raise InputError(
            f"{row.smiles!r} is in fold {row.fold!r}, and in another in an earlier row", file=str(row.file),
            record=int(str(row.record)), field=fold_column, expected="one fold for all rows of a molecule",
            hint="put all rows of a molecule into one fold",
        )  # fmt: skip
    number, _ = pd.factorize(joined["fold"], sort=True)
    return np.asarray(number + 1, np.int64)


def _require_variety(column: pd.Series, name: str, task: Task, file: str) -> None:
    values = column.dropna()
    if len(values.unique()) > 1:
        return
    only = "no molecule with a label is left" if values.empty else f"all values are {values.iloc[0]:g}"
    raise InputError(
        only, file=file, field=name,
        expected="both classes, 0 and 1" if task == "classification" else "two values or more",
        hint="nothing can be learnt from it: leave the label out",
    )  # fmt: skip
