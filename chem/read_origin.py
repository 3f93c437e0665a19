"""Where records come from: what a reader of one kind of file has to know besides the lines."""

from __future__ import annotations

from typing import NamedTuple

from chem.errors import InputError


class Origin(NamedTuple):
    """A file on its way through a reader.

    Parameters
    ----------
    name
        The file, for messages.
    smiles_column, id_column
        What the user asks for, if anything.
    folder_name
        Name of the file for its records, where it is read as part of a folder.
    rows_before
        Records of the folder's earlier files.
    mol_blocks
        Leave mol blocks as they are.

    Examples
    --------
    >>> Origin("a.smi").rows_before
    0
    """

    name: str
    smiles_column: str | None = None
    id_column: str | None = None
    folder_name: str = ""
    rows_before: int = 0
    mol_blocks: bool = False

    def refuse_columns(self, kind: str, *, identifiers: bool = True) -> None:
        """Raise where the user names columns and the file has none."""
        if self.smiles_column is not None or (identifiers and self.id_column is not None):
            options = "--smiles-column and --id-column" if identifiers else "--smiles-column"
            raise InputError(f"{kind} has no named columns", file=self.name, hint=f"leave out {options}")
