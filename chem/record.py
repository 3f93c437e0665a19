"""One record of a compound file, before anything is decided about it."""

from __future__ import annotations

from typing import NamedTuple


class CompoundRecord(NamedTuple):
    """A record as its file has it; a named tuple, since a screen makes millions of them.

    Parameters
    ----------
    row
        Number of the record in the file (in the folder, where one is read), from 1.
    line
        Line of the file it starts on, from 1; 0 where the format has no lines (Parquet).
    id
        Identifier; the row number as text where the file gives none.
    name
        Name; empty where the file gives none.
    input
        The structure as the file has it, in the notation that `kind` says; the SMILES of a mol block; empty
        where there is none; cut, with a mark, where it is over the limit on lengths.
    reason
        Why the record could not even be read as a record; empty when it could.
    kind
        Notation of `input`: 'smiles', 'inchi' or 'molblock'. `chem.read_structure.structure_smiles` makes a
        SMILES of each.
    file
        Name of the file, where a folder is read; empty otherwise.
    note
        What a reader of the record should know though it is used: a polymer drawn as its repeat unit, a
        table without a header, an SDF record without an end. Empty in nearly all.

    Examples
    --------
    >>> CompoundRecord(row=1, line=2, id="aspirin", input="CC(=O)Oc1ccccc1C(=O)O").place
    'line 2'
    >>> CompoundRecord(row=9, line=2, id="9", input="CCO", file="a.smi").place
    'a.smi line 2'
    """

    row: int
    line: int
    id: str
    name: str = ""
    input: str = ""
    reason: str = ""
    kind: str = "smiles"
    file: str = ""
    note: str = ""

    @property
    def place(self) -> str:
        """Where the record stands, as a person looks it up."""
        where = f"line {self.line}" if self.line else f"row {self.row}"
        return f"{self.file} {where}" if self.file else where
