"""What lies beside a BGEN file: its .sample file and its .bgi index.

References
----------
https://www.chg.ox.ac.uk/~gav/qctool/documentation/sample_file_formats.html;
https://enkre.net/cgi-bin/code/bgen/doc/trunk/doc/wiki/bgenix.md
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from genomics.errors import InputError
from genomics.readers.text_table import table_lines

if TYPE_CHECKING:
    import bgen

_COLUMN_TYPES = "0DCPB"


@dataclass(frozen=True)
class BgenSamples:
    """The samples of a BGEN file, their families, and where their names come from."""

    samples: tuple[str, ...]
    families: tuple[str, ...]
    note: str


def bgen_samples(path: Path, file: bgen.BgenReader, sample: str | os.PathLike[str] | None) -> BgenSamples:
    """Name the samples: by the .sample file that is given, by the BGEN file, or by the one beside it.

    Raises
    ------
    InputError
        The .sample file is missing or bad, or has another number of samples.
    """
    n_samples = int(file.header.nsamples)
    if sample is None and file.header.has_sample_ids:
        samples = tuple(file.samples)
        _check(samples, path, n_samples)
        return BgenSamples(samples, ("0",) * n_samples, "samples are named by the BGEN file")
    beside = [path.with_suffix(".sample"), path.with_name(path.name + ".sample")]
    found = Path(sample) if sample is not None else next((p for p in beside if p.is_file()), None)
    if found is None:
        samples = tuple(f"sample_{number}" for number in range(1, n_samples + 1))
        return BgenSamples(
            samples, ("0",) * n_samples, "neither the BGEN file nor a .sample file names samples: numbered"
        )
    rows = read_sample_file(found)
    samples = tuple(identifier for _, identifier in rows)
    _check(samples, found, n_samples)
    return BgenSamples(samples, tuple(family for family, _ in rows), f"samples are named by {found.name}")


def _check(samples: tuple[str, ...], path: Path, n_samples: int) -> None:
    if len(samples) != n_samples:
        raise InputError(f"{len(samples)} samples", file=path, expected=f"{n_samples}, as in the BGEN file")
    if len(set(samples)) < len(samples):
        raise InputError(
            "a sample identifier occurs twice", file=path, field="ID_2", expected="every identifier once"
        )


def read_sample_file(path: Path) -> list[tuple[str, str]]:
    """Read ID_1 and ID_2 of each sample of a .sample file; ID_1 is ``0`` where there is one identifier only.

    Raises
    ------
    InputError
        The file is missing or has not the two header lines of its kind.
    """
    lines = [line.split() for line in table_lines(path)]
    types = lines[1] if len(lines) > 1 else []
    if types[:1] != ["0"] or len(types) != len(lines[0]) or not set(types) <= set(_COLUMN_TYPES):
        raise InputError(
            "not a .sample file", file=path, record=2, expected="a line of names, then one of types (0 0 0 D)"
        )
    two = len(types) > 1 and types[1] == "0" and lines[0][1].lower() != "missing"
    short = next((number for number, row in enumerate(lines, start=1) if len(row) < 1 + two), None)
    if short is not None:
        raise InputError("too few columns", file=path, record=short, expected=" ".join(lines[0]))
    return [(row[0] if two else "0", row[1] if two else row[0]) for row in lines[2:]]


def indexed_rows(path: Path, n_variants: int, is_wanted: Callable[[str, int, int], bool]) -> list[int] | None:
    """Look up variants in the .bgi index beside a BGEN file.

    Parameters
    ----------
    path
        The BGEN file.
    n_variants
        Variants that it counts.
    is_wanted
        Called with chromosome, position and length of the longest allele of every variant.

    Returns
    -------
    list or None
        Places of the wanted variants in the file, ascending; None where there is no index that fits it.
    """
    index = path.with_name(path.name + ".bgi")
    if not index.is_file():
        return None
    try:
        with closing(sqlite3.connect(f"{index.absolute().as_uri()}?mode=ro", uri=True)) as database:
            if not _fits(database, path, n_variants):
                return None
            rows = database.execute(
                "SELECT chromosome, position, MAX(LENGTH(allele1), COALESCE(LENGTH(allele2), 1)) "
                "FROM Variant ORDER BY file_start_position"
            )
            return [place for place, row in enumerate(rows) if is_wanted(*row)]
    except sqlite3.Error:
        return None


def _fits(database: sqlite3.Connection, path: Path, n_variants: int) -> bool:
    (counted,) = database.execute("SELECT COUNT(*) FROM Variant").fetchone()
    described = database.execute("SELECT file_size, first_1000_bytes FROM Metadata").fetchone()
    if described is None:
        return False
    with path.open("rb") as stream:
        start = stream.read(1000)
    size, first = described
    return counted == n_variants and size == path.stat().st_size and bytes(first)[: len(start)] == start
