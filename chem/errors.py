"""The one exception that bad input raises in this package."""

from __future__ import annotations

import os


class InputError(ValueError):
    """Input that cannot be used: one line naming file, record, field, what was expected and how to go on.

    Parameters
    ----------
    message
        What is wrong, in a few words.
    file
        The file it was found in.
    record
        Line or record number (from 1), or the record's name.
    field
        Column or field.
    expected
        What would have been right.
    hint
        How to go on.

    Examples
    --------
    >>> str(InputError("is not a number", file="drugs.tsv", record=3, field="smiles", expected="SMILES"))
    'drugs.tsv, record 3, field smiles: is not a number; expected SMILES'
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | os.PathLike[str] | None = None,
        record: int | str | None = None,
        field: str | None = None,
        expected: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.message = message
        self.file = None if file is None else os.fspath(file)
        self.record = record
        self.field = field
        self.expected = expected
        self.hint = hint
        super().__init__(self._line())

    def _line(self) -> str:
        place = [
            text
            for text, known in (
                (self.file, self.file),
                (f"record {self.record}", self.record is not None),
                (f"field {self.field}", self.field),
            )
            if known and text
        ]
        line = f"{', '.join(place)}: {self.message}" if place else self.message
        if self.expected:
            line += f"; expected {self.expected}"
        if self.hint:
            line += f"; {self.hint}"
        return " ".join(line.split())
