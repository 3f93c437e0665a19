"""INFO and FORMAT fields: what a header declares of them, and which of them are kept.

Missing values and fill follow the VCF Zarr specification: -1 and -2 for integers, the two NaN of BCF for
floating-point numbers, ``.`` and the empty string for text. Fill pads a record that has fewer values than
others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genomics.errors import InputError

DEFAULT_FIELDS: tuple[str, ...] = ("FORMAT/DP", "FORMAT/GQ", "FORMAT/DS", "FORMAT/PS")
"""What is kept unless other fields are asked for, where a file declares it."""

# These have arrays of their own in the store.
_OWN_ARRAYS = ("FORMAT/GT", "INFO/END")
# The specification gives these one value, whatever some headers write.
_ONE_VALUE = ("FORMAT/DP", "FORMAT/GQ", "FORMAT/FT", "FORMAT/PS")
# The bit patterns that BCF uses. They survive copies of float32 arrays, not the way through float64.
_FLOAT_MISSING, _FLOAT_FILL = np.array([0x7F800001, 0x7F800002], np.uint32).view(np.float32)
_RESERVED = ("contig", "position", "id", "id_mask", "allele", "quality", "filter", "length", "END")


@dataclass(frozen=True)
class Field:
    """An INFO or FORMAT field as a header declares it.

    Attributes
    ----------
    category
        ``INFO`` or ``FORMAT``.
    name
        Its identifier, such as ``AD``.
    number
        Values per record or call: a whole number, ``A`` (one per ALT), ``R`` (one per allele), ``G`` (one
        per genotype) or ``.`` (any).
    kind
        ``Integer``, ``Float``, ``Flag``, ``Character`` or ``String``.
    description
        The header's words.
    """

    category: str
    name: str
    number: str
    kind: str
    description: str = ""

    @property
    def key(self) -> str:
        """Category and name, as in ``FORMAT/AD``."""
        return f"{self.category}/{self.name}"

    @property
    def is_scalar(self) -> bool:
        """One value for each record or call: its array has no axis for values."""
        return self.kind == "Flag" or self.number == "1"

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of its array."""
        names = {"Integer": np.int32, "Float": np.float32, "Flag": np.bool_}
        return np.dtype(names.get(self.kind, np.object_))

    @property
    def array_name(self) -> str:
        """Name of its array in a VCF Zarr store."""
        return f"{'call' if self.category == 'FORMAT' else 'variant'}_{self.name}"


def missing_value(dtype: np.dtype[Any]) -> Any:
    """Return what stands for a missing value: -1, a NaN, False or ``.``.

    Examples
    --------
    >>> missing_value(np.dtype("int32")), missing_value(np.dtype("object"))
    (-1, '.')
    """
    return {"i": -1, "u": -1, "f": _FLOAT_MISSING, "b": False}.get(dtype.kind, ".")


def fill_value(dtype: np.dtype[Any]) -> Any:
    """Return what pads a shorter record: -2, another NaN, False or the empty string.

    Examples
    --------
    >>> fill_value(np.dtype("int32")), fill_value(np.dtype("object"))
    (-2, '')
    """
    return {"i": -2, "u": -2, "f": _FLOAT_FILL, "b": False}.get(dtype.kind, "")


def declared_fields(
    infos: Mapping[str, Mapping[str, str]], formats: Mapping[str, Mapping[str, str]]
) -> dict[str, Field]:
    """Turn the header's INFO and FORMAT lines into fields, by key.

    Examples
    --------
    >>> declared_fields({}, {"AD": {"Number": "R", "Type": "Integer"}})["FORMAT/AD"].number
    'R'
    """
    fields = [
        Field(
            category,
            name,
            "1" if f"{category}/{name}" in _ONE_VALUE else line.get("Number", "."),
            line.get("Type", "String"),
            line.get("Description", ""),
        )
        for category, lines in (("INFO", infos), ("FORMAT", formats))
        for name, line in lines.items()
    ]
    return {field.key: field for field in fields}


def choose_fields(declared: Mapping[str, Field], asked: Sequence[str] | None) -> dict[str, Field]:
    """Select the fields to keep of those that a file declares.

    Parameters
    ----------
    declared
        Fields by key.
    asked
        Keys such as ``FORMAT/AD``; ``INFO/*`` and ``FORMAT/*`` stand for all. None for `DEFAULT_FIELDS`. A
        field that this file does not declare is left out: `check_asked` refuses what no file declares.

    Returns
    -------
    dict
        Without GT and END, which have arrays of their own.

    Examples
    --------
    >>> fields = declared_fields({"AF": {"Number": "A", "Type": "Float"}}, {"GT": {}, "DP": {"Type": "Integer"}})
    >>> list(choose_fields(fields, ["INFO/*"])), list(choose_fields(fields, None))
    (['INFO/AF'], ['FORMAT/DP'])
    """
    keys = DEFAULT_FIELDS if asked is None else asked
    wanted = {name for key in keys for name in _expand(key, declared)}
    if asked is None:
        wanted = {name for name in wanted if declared[name].kind in ("Integer", "Float")}
    return {key: field for key, field in declared.items() if key in wanted and key not in _OWN_ARRAYS}


def check_asked(declared: Iterable[Mapping[str, Field]], asked: Sequence[str] | None) -> None:
    """Refuse a field that no file declares, or whose array would take another's name.

    Raises
    ------
    InputError
        The field is in no header, or its name is that of an array of the store.
    """
    known: dict[str, Field] = {}
    for fields in declared:
        known.update(fields)
    for key in asked or ():
        if not _expand(key, known) and not key.endswith("/*"):
            shown = ", ".join(sorted(known)[:12]) or "none"
            raise InputError(
                f"no header declares {key!r}", field="fields", expected=f"one of those declared: {shown}"
            )
        for name in _expand(key, known):
            if name.startswith("INFO/") and name[5:] in _RESERVED and name not in _OWN_ARRAYS:
                raise InputError(
                    f"{name} would take the name of another array of the store", field="fields",
                    expected="fields without it", hint="rename it (bcftools annotate -c)",
                )  # fmt: skip


def _expand(key: str, declared: Mapping[str, Field]) -> list[str]:
    if key.endswith("/*"):
        return [name for name in declared if name.startswith(key[:-1])]
    return [key] if key in declared else []
