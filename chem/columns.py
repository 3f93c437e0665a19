"""Which column of a table holds the structures, the identifiers and the names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chem.errors import InputError

SMILES_COLUMNS = (
    "smiles",
    "isomeric_smiles",
    "canonical_smiles",
    "standardised_smiles",
    "standardized_smiles",
    "smiles_string",
    "structure",
    "mol",
)
ID_COLUMNS = (
    "id",
    "compound_id",
    "drug_id",
    "molecule_id",
    "chembl_id",
    "molecule_chembl_id",
    "compound",
    "mol_id",
    "cid",
)
NAME_COLUMNS = ("name", "drug_name", "compound_name", "pref_name", "title")


def smiles_column(columns: Sequence[str], wanted: str | None, file: str | Path) -> str:
    """Column of the structures: the one asked for, or the one that is called so.

    Parameters
    ----------
    columns
        The file's columns.
    wanted
        The column the user names, if any.
    file
        For the message.

    Returns
    -------
    str
        A member of `columns`.

    Raises
    ------
    InputError
        No such column, or none that can be taken for it; the message lists the columns.

    Examples
    --------
    >>> smiles_column(["Name", "SMILES"], None, "a.csv")
    'SMILES'
    """
    if wanted is not None:
        return _named(columns, wanted, file)
    found = _first_known(columns, SMILES_COLUMNS) or _only_one_containing(columns, "smiles")
    if found is None:
        raise InputError(
            "no column that holds SMILES",
            file=file,
            record=1,
            expected=f"a column 'smiles'; the columns are {_listed(columns)}",
            hint="name the column with --smiles-column",
        )
    return found


def id_column(columns: Sequence[str], wanted: str | None, file: str | Path) -> str | None:
    """Column of the identifiers: the one asked for, one that is called so, or none.

    Parameters
    ----------
    columns, wanted, file
        As for `smiles_column`.

    Returns
    -------
    str or None
        A member of `columns`, or None: records are then known by their number.

    Raises
    ------
    InputError
        The column asked for does not exist.
    """
    if wanted is not None:
        return _named(columns, wanted, file)
    return _first_known(columns, ID_COLUMNS)


def name_column(columns: Sequence[str]) -> str | None:
    """Column of the names, if one is called so."""
    return _first_known(columns, NAME_COLUMNS)


def _named(columns: Sequence[str], wanted: str, file: str | Path) -> str:
    if wanted in columns:
        return wanted
    raise InputError(
        f"no column {wanted!r}",
        file=file,
        record=1,
        expected=f"one of {_listed(columns)}",
        hint="column names are case-sensitive",
    )


def _listed(columns: Sequence[str]) -> str:
    shown = ", ".join(columns[:30])
    return shown if len(columns) <= 30 else f"{shown} and {len(columns) - 30} more"


def _first_known(columns: Sequence[str], known: Sequence[str]) -> str | None:
    plain = {_plain(column): column for column in reversed(columns)}
    return next((plain[name] for name in known if name in plain), None)


def _only_one_containing(columns: Sequence[str], part: str) -> str | None:
    found = [column for column in columns if part in _plain(column)]
    return found[0] if len(found) == 1 else None


def _plain(column: str) -> str:
    return column.strip().lower().replace(" ", "_").replace("-", "_")
