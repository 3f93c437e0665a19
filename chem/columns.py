"""Which column of a table holds the structures, the identifiers and the names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from chem.errors import InputError
from chem.parse import parse_smiles

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
INCHI_COLUMNS = ("inchi", "standard_inchi", "std_inchi", "inchi_string")
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
    "zinc_id",
    "catalog_id",
    "id_number",
    "cmpd_id",
    "cmpd_no",
    "compound_no",
    "compound_number",
)
NAME_COLUMNS = ("name", "drug_name", "compound_name", "pref_name", "title", "generic_name", "molecule_name")

_SAMPLE_CELLS = 100
_LONGEST_SAMPLE = 1_000  # of a longer cell the letters say enough, and RDKit takes long for it
_HALF, _ENOUGH = 0.5, 0.8
_CLEAR = re.compile(r"[][()=#@]|[A-Za-z]\d")
_SMILES_LETTERS = re.compile(r"(?:Cl|Br|[BCNOPSFIbcnops*]|\[[^\]]*\]|[-()=#$:/\\.%\d+@~])+")


class TableColumns(NamedTuple):
    """Positions of the columns, from 0, and whether the first line of the table is a record already."""

    structure: int
    id: int | None
    name: int | None
    header_is_data: bool = False


def choose_columns(
    header: Sequence[str],
    sample: Sequence[Sequence[str]],
    structure: str | None,
    identifier: str | None,
    file: str | Path,
) -> TableColumns:
    """Find the columns: as asked for, by their usual names, or by what stands in them.

    A column whose name does not say so holds the structures when at least four in five of its first 100
    cells are InChI or look like SMILES, and half are read as molecules of more than one atom. When the cell in
    the header's place is a structure too, be it a broken one, the table has no header: the first line is a
    record and the columns have no names.

    Parameters
    ----------
    header
        Cells of the first line.
    sample
        Some of the following rows.
    structure, identifier
        What the user asks for: a name, or a number from 1 where no column has that name.
    file
        For messages.

    Returns
    -------
    TableColumns
        Where to look.

    Raises
    ------
    InputError
        A column asked for does not exist, none holds structures, or more than one could be meant; the
        message lists them.

    Examples
    --------
    >>> choose_columns(["key", "drawn"], [["1", "CCO"], ["2", "c1ccccc1"]], None, None, "a.csv")
    TableColumns(structure=1, id=None, name=None, header_is_data=False)
    >>> choose_columns(["CCO", "1"], [["c1ccccc1", "2"]], None, None, "a.csv").header_is_data
    True
    """
    at = _structure_position(header, sample, structure, file)
    if structure is None or structure not in header:
        known = structure is None and _known_structure(header, file) is not None
        if not known and _is_record(header[at].strip()):
            return TableColumns(at, _asked_for(header, identifier, file), None, header_is_data=True)
    found = _first_known(header, ID_COLUMNS, file) if identifier is None else None
    id_at = found if identifier is None else _asked_for(header, identifier, file)
    return TableColumns(at, id_at, _first_known(header, NAME_COLUMNS, file))


def names_structures(header: Sequence[str]) -> bool:
    """Whether a column is called as columns of structures usually are.

    Examples
    --------
    >>> names_structures(["id", "Canonical SMILES"]), names_structures(["CCO", "ethanol"])
    (True, False)
    """
    return any(
        "smiles" in _plain(name) or _plain(name) in (*SMILES_COLUMNS, *INCHI_COLUMNS) for name in header
    )


def usual_id(names: Sequence[str]) -> str | None:
    """First of the names that identifiers usually have."""
    plain = {_plain(name): name for name in reversed(names)}
    return next((plain[_plain(known)] for known in ID_COLUMNS if _plain(known) in plain), None)


def _structure_position(
    header: Sequence[str], sample: Sequence[Sequence[str]], wanted: str | None, file: str | Path
) -> int:
    if wanted is not None:
        position = _asked_for(header, wanted, file)
    else:
        position = _known_structure(header, file)
    if position is None:
        position = _structures_by_content(header, sample, file)
    return position


def _known_structure(header: Sequence[str], file: str | Path) -> int | None:
    for names, part in ((SMILES_COLUMNS, "smiles"), (INCHI_COLUMNS, "inchi")):
        position = _first_known(header, names, file)
        if position is None:
            holding = [
                at for at, name in enumerate(header) if part in _plain(name) and "key" not in _plain(name)
            ]
            position = holding[0] if len(holding) == 1 else None
        if position is not None:
            return position
    return None


def _structures_by_content(header: Sequence[str], sample: Sequence[Sequence[str]], file: str | Path) -> int:
    columns = [_cells(sample, at) for at in range(len(header))]
    columns = [[name, *cells] if _is_structure(name) else cells for name, cells in zip(header, columns)]
    candidates = [
        at
        for at, cells in enumerate(columns)
        if _share(cells, _is_structure) >= _HALF and _share(cells, _is_record) >= _ENOUGH
    ]
    clear = [at for at in candidates if _share(columns[at], _is_clear) >= _HALF]
    # A word that happens to be a SMILES, such as NS for "not specified", stands in many rows.
    varied = [at for at in candidates if 2 * len(set(columns[at])) >= len(columns[at])]
    # Beside a clear column, another of letters alone counts when every cell of it is a molecule.
    plain = [at for at in varied if at not in clear and _all_molecules(columns[at])]
    found = sorted([*clear, *plain]) if clear else varied
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(
            "more than one column could hold the structures",
            file=file,
            record=1,
            expected=f"one of {_listed([f'{header[at]} (column {at + 1})' for at in found])}",
            hint="name the column, or give its number, with --smiles-column",
        )
    raise InputError(
        "no column that holds SMILES",
        file=file,
        record=1,
        expected=f"a column 'smiles'; the columns are {_listed(header)}",
        hint="name the column with --smiles-column",
    )


def _cells(rows: Sequence[Sequence[str]], at: int) -> list[str]:
    cells = (row[at].strip() for row in rows if at < len(row))
    return [cell for cell in cells if cell][:_SAMPLE_CELLS]


def _all_molecules(cells: Sequence[str]) -> bool:
    return len(set(cells)) > 2 and all(map(_is_structure, cells))


def _share(cells: Sequence[str], is_so: object) -> float:
    return sum(map(is_so, cells)) / len(cells) if cells and callable(is_so) else 0.0


def _is_structure(cell: str) -> bool:
    if cell.startswith("InChI="):
        return True
    if len(cell) > _LONGEST_SAMPLE:
        return _looks_like_smiles(cell)
    molecule = parse_smiles(cell)
    return molecule is not None and molecule.GetNumAtoms() > 1


def _is_record(cell: str) -> bool:
    """Whether a cell in the header's place is a structure, be it a broken one, and no name."""
    return _is_structure(cell) or _looks_like_smiles(cell)


def _looks_like_smiles(cell: str) -> bool:
    return _is_clear(cell) and bool(_SMILES_LETTERS.fullmatch(cell))


def _is_clear(cell: str) -> bool:
    """CO, NO and CNS are words that happen to be SMILES; brackets, bonds and ring closures are in no word."""
    return cell.startswith("InChI=") or bool(_CLEAR.search(cell))


def _asked_for(header: Sequence[str], wanted: str | None, file: str | Path) -> int | None:
    """Position of a column the user asks for: by its name, else by its number from 1."""
    if wanted is None:
        return None
    if wanted in header:
        return _only(header, [at for at, name in enumerate(header) if name == wanted], file)
    if wanted.isdecimal() and 1 <= int(wanted) <= len(header):
        return int(wanted) - 1
    raise InputError(
        f"no column {wanted!r}",
        file=file,
        record=1,
        expected=f"one of {_listed(header)}",
        hint="column names are case-sensitive",
    )


def _first_known(header: Sequence[str], known: Sequence[str], file: str | Path) -> int | None:
    plain = [_plain(name) for name in header]
    name = next((_plain(name) for name in known if _plain(name) in plain), None)
    return None if name is None else _only(header, [at for at, one in enumerate(plain) if one == name], file)


def _only(header: Sequence[str], positions: Sequence[int], file: str | Path) -> int:
    if len(positions) == 1:
        return positions[0]
    raise InputError(
        f"{len(positions)} columns are called {header[positions[0]]!r}",
        file=file,
        record=1,
        expected=f"one, or its number: {', '.join(str(at + 1) for at in positions)}",
        hint="rename one, or give the number with --smiles-column or --id-column",
    )


def _listed(columns: Sequence[str]) -> str:
    short = [column if len(column) <= 60 else f"{column[:57]}..." for column in columns[:30]]
    shown = ", ".join(short)
    return shown if len(columns) <= 30 else f"{shown} and {len(columns) - 30} more"


@lru_cache(maxsize=1_024)  # every record of an SDF has the same names again
def _plain(column: str) -> str:
    """Letters and digits of a name: PubChem writes IsomericSMILES where others write isomeric_smiles."""
    return "".join(filter(str.isalnum, column.lower()))
