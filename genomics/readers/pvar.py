"""Read the tables of a PLINK 2 fileset: variants (.pvar, .pvar.zst) and people (.psam).

References
----------
https://www.cog-genomics.org/plink/2.0/formats#pvar and #psam
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from genomics.contigs import canonical_plink_contig
from genomics.errors import InputError
from genomics.fields import Field, declared_fields, missing_value
from genomics.readers.text_table import table_lines

_HEADER_LINE = re.compile(r"^##(contig|FILTER|INFO)=<(.*)>\s*$")
_HEADER_FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[^,]*)')
_BIM_COLUMNS = {5: ("#CHROM", "ID", "POS", "ALT", "REF"), 6: ("#CHROM", "ID", "CM", "POS", "ALT", "REF")}
_NEEDED = ("#CHROM", "POS", "ID", "REF", "ALT")
_PSEUDOAUTOSOMAL = ("XY", "PAR1", "PAR2")
_SEXES = {"1": "male", "M": "male", "m": "male", "2": "female", "F": "female", "f": "female"}


@dataclass(frozen=True)
class PvarHeader:
    """What the lines before the first variant say.

    Attributes
    ----------
    columns
        Place of each column by name; those of a .bim file where there is no header.
    contigs, filters, fields, reference
        As in `genomics.readers.protocol.VariantReader`.
    """

    columns: Mapping[str, int]
    contigs: dict[str, int | None]
    filters: tuple[str, ...]
    fields: dict[str, Field]
    reference: str


@dataclass(frozen=True)
class PvarRecord:
    """One variant.

    `end` is INFO/END, -1 where there is none; `info` the values of the chosen fields, in their order, None
    where the record does not carry one.
    """

    contig: str
    position: int
    identifier: str
    alleles: tuple[str, ...]
    quality: float
    filters: tuple[str, ...]
    end: int
    info: list[list[Any] | None]


@dataclass(frozen=True)
class Person:
    """One line of a .psam file; `sex` is empty where it is not known."""

    family: str
    identifier: str
    sex: str


class BadRecord(ValueError):
    """A line that cannot be read: its column, and what is wrong."""

    def __init__(self, column: str, reason: str) -> None:
        self.column, self.reason = column, reason
        super().__init__(f"{column}: {reason}")


def read_pvar_header(path: Path) -> PvarHeader:
    """Read the header of a .pvar file.

    Raises
    ------
    InputError
        The file is missing or empty, or its header lacks a column.
    """
    tags: dict[str, dict[str, dict[str, str]]] = {"contig": {}, "FILTER": {}, "INFO": {}}
    reference: list[str] = []
    for line in table_lines(path):
        if line.startswith("##"):
            if found := _HEADER_LINE.match(line):
                values = {key: value.strip('"') for key, value in _HEADER_FIELD.findall(found.group(2))}
                tags[found.group(1)][values.get("ID", "")] = values
            elif line.startswith(("##reference=", "##assembly=")):
                reference.append(line[2:])
            continue
        lengths = {name: values.get("length", "") for name, values in tags["contig"].items() if name}
        return PvarHeader(
            columns={name: place for place, name in enumerate(_column_names(line, path))},
            contigs={name: int(text) if text.isdecimal() else None for name, text in lengths.items()},
            filters=tuple(name for name in tags["FILTER"] if name not in ("", "PASS")),
            fields=declared_fields({name: line for name, line in tags["INFO"].items() if name}, {}),
            reference="; ".join(reference),
        )
    raise InputError("the file is empty", file=path, expected="one line per variant")


def _column_names(line: str, path: Path) -> Sequence[str]:
    columns = _split(line)
    if not line.startswith("#"):
        if len(columns) not in _BIM_COLUMNS:
            raise InputError(
                f"no header, and {len(columns)} columns",
                file=path,
                record=1,
                expected="a line #CHROM POS ID REF ALT, or the columns of a .bim file",
            )
        return _BIM_COLUMNS[len(columns)]
    absent = [name for name in _NEEDED if name not in columns]
    if absent:
        raise InputError(
            f"the header has no column {absent[0]}", file=path, field="#CHROM", expected=" ".join(_NEEDED)
        )
    return columns


def _split(line: str) -> list[str]:
    return line.split("\t") if "\t" in line else line.split()


def pvar_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a .pvar file that hold a variant."""
    return (line for line in table_lines(path) if not line.startswith("#"))


def count_alleles(path: Path, header: PvarHeader) -> np.ndarray:
    """Count the alleles of each variant, REF included; a line without an ALT column counts two.

    Returns
    -------
    int64 (n,)
    """
    place = header.columns["ALT"]
    counts = (
        2 + columns[place].count(",") if len(columns := _split(line)) > place else 2
        for line in pvar_lines(path)
    )
    return np.fromiter(counts, np.int64)


def pvar_parser(header: PvarHeader, fields: Sequence[Field] = ()) -> Callable[[str], PvarRecord]:
    """Return the function that reads a line of this file and the chosen INFO fields; it raises `BadRecord`.

    Examples
    --------
    >>> columns = {"#CHROM": 0, "POS": 1, "ID": 2, "REF": 3, "ALT": 4}
    >>> parse = pvar_parser(PvarHeader(columns, {}, (), {}, ""))
    >>> parse("PAR1 70000 . A C,T").alleles, parse("PAR1 70000 . A C").contig
    (('A', 'C', 'T'), 'X')
    """
    places = [header.columns[name] for name in _NEEDED]
    optional = [header.columns.get(name) for name in ("QUAL", "FILTER", "INFO")]
    width = max(header.columns.values()) + 1

    def parse(line: str) -> PvarRecord:
        columns = _split(line)
        if len(columns) < width:
            raise BadRecord("columns", f"{len(columns)} columns; expected {width}")
        contig, position, identifier, ref, alt = (columns[place] for place in places)
        quality, filters, info = ("." if place is None else columns[place] for place in optional)
        tags = {} if info == "." else dict(_tag(item) for item in info.split(";") if item)
        return PvarRecord(
            contig=contig_name(contig),
            position=_position(position),
            identifier="" if identifier == "." else identifier,
            alleles=(ref,) if alt == "." else (ref, *alt.split(",")),
            quality=_quality(quality),
            filters=() if filters == "." else tuple(filters.split(";")),
            end=int(tags["END"]) if tags.get("END", "").isdecimal() else -1,
            info=[_info_values(field, tags) for field in fields],
        )

    return parse


def contig_name(text: str) -> str:
    """Name a contig as the file does, but for PLINK's own codes: 23 to 26, and XY, PAR1, PAR2, which lie on X.

    Examples
    --------
    >>> contig_name("chr2"), contig_name("23"), contig_name("PAR2")
    ('chr2', 'X', 'X')
    """
    if text in _PSEUDOAUTOSOMAL:
        return "X"
    return canonical_plink_contig(text) if text in ("23", "24", "25", "26") else text


def _position(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) < 2**31:
        return int(text)
    raise BadRecord("POS", f"{text!r} is not a position; expected a whole number, counted from 1")


def _quality(text: str) -> float:
    try:
        return float("nan") if text == "." else float(text)
    except ValueError:
        raise BadRecord("QUAL", f"{text!r} is not a number") from None


def _tag(item: str) -> tuple[str, str]:
    name, _, value = item.partition("=")
    return name, value


def _info_values(field: Field, tags: Mapping[str, str]) -> list[Any] | None:
    text = tags.get(field.name)
    if field.kind == "Flag":
        return [text is not None]
    if text is None:
        return None
    values = [text] if field.dtype.kind == "O" and field.is_scalar else text.split(",")
    return [_value(field, value) for value in values]


def _value(field: Field, text: str) -> Any:
    if text == ".":
        return missing_value(field.dtype)
    try:
        return int(text) if field.dtype.kind == "i" else float(text) if field.dtype.kind == "f" else text
    except ValueError:
        raise BadRecord(field.key, f"{text!r} is not of the declared type {field.kind}") from None


def read_psam(path: Path) -> list[Person]:
    """Read the people of a .psam file, or of one with the columns of a .fam file.

    An IID that occurs twice is told apart by the SID column, as ``IID_SID``.

    Raises
    ------
    InputError
        The file is missing or empty, a line is too short, or two people have the same identifier.
    """
    columns: dict[str, int] = {"#FID": 0, "IID": 1, "SEX": 4}
    rows: list[list[str]] = []
    for line in table_lines(path):
        if line.startswith(("#FID", "#IID")):
            columns = {name: place for place, name in enumerate(line.split())}
        elif not line.startswith("#"):
            rows.append(line.split())
    needed = columns.get("#IID", columns.get("IID"))
    if needed is None:
        raise InputError("the header has no column IID", file=path, field="IID", expected="#IID or #FID IID")
    short = next((number for number, row in enumerate(rows, start=1) if len(row) <= needed), None)
    if short is not None or not rows:
        raise InputError(
            "no sample identifier", file=path, record=short, field="IID", expected="one per line"
        )
    names = [row[needed] for row in rows]
    sid = columns.get("SID")
    if sid is not None and len(set(names)) < len(names):
        names = [f"{name}_{row[sid]}" for name, row in zip(names, rows, strict=True) if len(row) > sid]
    if len(set(names)) < len(rows):
        raise InputError(
            "a sample identifier occurs twice",
            file=path,
            field="IID",
            expected="every IID once, or a column SID that tells them apart",
            hint="make them unique (plink2 --update-ids)",
        )
    family, sex = columns.get("#FID"), columns.get("SEX")
    return [
        Person(
            family=row[family] if family is not None else "0",
            identifier=name,
            sex=_SEXES.get(row[sex], "") if sex is not None and len(row) > sex else "",
        )
        for name, row in zip(names, rows, strict=True)
    ]
