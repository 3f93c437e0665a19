"""Structures of the compounds of a response table: one per compound, whatever the number of its rows."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike

import numpy as np

from chem.errors import InputError
from chem.standardise import StandardisationRecipe, StandardisedMolecule, standardise_smiles
from models.tables import read_table, require_lines

_WHOLE = StandardisationRecipe("whole", largest_fragment=False)


@dataclass(frozen=True)
class Structures:
    """Compounds with one structure each.

    Attributes
    ----------
    compound_ids
        Names, distinct, in the order of their first rows.
    smiles
        Standardised SMILES, empty where one cannot be read; a complex of a metal is whole, with all its fragments.
    reasons
        Why a structure cannot be read, empty for the others.
    notes
        Rows that were joined, and compounds of one structure, one line each.
    """

    compound_ids: tuple[str, ...]
    smiles: tuple[str, ...]
    reasons: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read_structures(
    path: str | PathLike[str], compound_column: str = "drug_name", smiles_column: str = "smiles"
) -> Structures:
    r"""Read the table of compounds.

    Parameters
    ----------
    path
        TSV, CSV or Parquet.
    compound_column, smiles_column
        Names of its columns.

    Returns
    -------
    Structures
        Rows of one compound that give the same standardised structure are joined, and said.

    Raises
    ------
    InputError
        A column is missing, a name is empty, or a compound has two structures, naming both rows.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "drugs.tsv"
    >>> _ = path.write_text("drug_name\tsmiles\nethanol\tOCC\nwater\tO\nethanol\tCCO\n")
    >>> structures = read_structures(path)
    >>> structures.compound_ids, structures.smiles
    (('ethanol', 'water'), ('CCO', 'O'))
    >>> structures.notes
    ('1 rows of drugs.tsv repeat a compound and its structure and are joined',)
    """
    table = read_table(path, (compound_column, smiles_column), "drugs")
    require_lines(table, path, "drug")
    names = table[compound_column].str.strip()
    empty = np.flatnonzero(names == "")
    if len(empty):
        raise InputError(
            "a compound has no name", file=path, record=int(empty[0]) + 2, field=compound_column,
            expected="a name on every row", hint="fill it in, or remove that row",
        )  # fmt: skip
    texts = table[smiles_column].str.strip().tolist()
    read = [_structure(text) for text in texts]
    place: dict[str, int] = {}
    for row, name in enumerate(names):
        first = place.setdefault(name, row)
        if (read[first].smiles or texts[first]) != (read[row].smiles or texts[row]):
            raise InputError(
                f"compound {name!r} has two structures, in records {first + 2} and {row + 2}: {texts[first]} and "
                f"{texts[row]}",
                file=path, record=row + 2, field=smiles_column, expected="one structure per compound",
                hint="keep one, or name the second as a compound of its own",
            )  # fmt: skip
    rows = list(place.values())
    file = str(path).rsplit("/", 1)[-1]
    notes = []
    if len(names) > len(rows):
        notes.append(
            f"{len(names) - len(rows)} rows of {file} repeat a compound and its structure and are joined"
        )
    smiles = tuple(read[row].smiles for row in rows)
    notes += _shared(smiles, list(place))
    return Structures(tuple(place), smiles, tuple(read[row].reason for row in rows), tuple(notes))


def _structure(text: str) -> StandardisedMolecule:
    """The parent of a structure, or all of it where the parent is but the ligand of a metal (oxaliplatin)."""
    parent = standardise_smiles(text)
    return standardise_smiles(text, _WHOLE) if parent.note else parent


def _shared(smiles: tuple[str, ...], names: list[str]) -> list[str]:
    """Say which compounds have one structure: a split has to keep them together."""
    by_structure: dict[str, list[str]] = {}
    for text, name in zip(smiles, names, strict=True):
        if text:
            by_structure.setdefault(text, []).append(name)
    return [
        f"compounds of one structure: {', '.join(group)}" for group in by_structure.values() if len(group) > 1
    ]
