"""One record of a compound file, before anything is decided about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CompoundRecord:
    """A record as its file has it.

    Parameters
    ----------
    row
        Number of the record in the file, from 1.
    line
        Line of the file it starts on, from 1; 0 where the format has no lines (Parquet).
    id
        Identifier; the row number as text where the file gives none.
    name
        Name; empty where the file gives none.
    input
        The structure as SMILES; empty where there is none.
    reason
        Why the record could not even be read as a record; empty when it could.

    Examples
    --------
    >>> CompoundRecord(row=1, line=2, id="aspirin", input="CC(=O)Oc1ccccc1C(=O)O").place
    'line 2'
    """

    row: int
    line: int
    id: str
    name: str = ""
    input: str = ""
    reason: str = ""

    @property
    def place(self) -> str:
        """Where the record stands, as a person looks it up."""
        return f"line {self.line}" if self.line else f"row {self.row}"
