"""The error that every reader in this package raises for input that cannot be used."""

from __future__ import annotations

import os
from pathlib import PurePath


class InputError(ValueError):
    """Input that cannot be used: one line naming file, record, field, what was expected and how to go on.

    Parameters
    ----------
    message
        What is wrong, in a few words.
    file
        The file; only its last path component is shown.
    record
        Record number, counted from 1, or a name such as ``"1:1234"``.
    field
        The column or tag.
    expected
        What would have been accepted.
    hint
        How to go on.

    Examples
    --------
    >>> str(InputError("'0/x' is not a genotype", file="/data/cohort.vcf.gz", record=12, field="GT"))
    "cohort.vcf.gz, record 12, field GT: '0/x' is not a genotype"
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
        super().__init__(self._one_line())

    def _one_line(self) -> str:
        where = []
        if self.file is not None:
            where.append(PurePath(self.file).name or self.file)
        if self.record is not None:
            where.append(f"record {self.record}")
        if self.field is not None:
            where.append(f"field {self.field}")
        what = [self.message]
        if self.expected:
            what.append(f"expected {self.expected}")
        if self.hint:
            what.append(self.hint)
        line = "; ".join(what)
        line = f"{', '.join(where)}: {line}" if where else line
        return " ".join(line.split())
