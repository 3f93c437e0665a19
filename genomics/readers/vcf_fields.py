"""INFO and FORMAT values of htslib's records as arrays with one convention for missing values and fill."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from genomics.block import widen_values
from genomics.fields import Field, fill_value, missing_value

if TYPE_CHECKING:
    from genomics.readers.bcf import BcfVariant

    Variant: TypeAlias = Any | BcfVariant  # cyvcf2 has no types

_INT32_MISSING, _INT32_END = -(2**31), -(2**31) + 1


def info_values(variant: Variant, field: Field) -> list[Any] | None:
    """Read the values of an INFO field, None where the record does not carry it.

    Raises
    ------
    ValueError
        Text stands where the header declares numbers.
    """
    value = variant.INFO.get(field.name)
    if field.kind == "Flag":
        return [value is not None and value is not False]
    if value is None:
        return None
    if field.dtype.kind == "O":
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        return [text] if field.is_scalar else text.split(",")
    if isinstance(value, bool):  # a name without a value
        return None
    values = value if isinstance(value, tuple) else (value,)
    if any(isinstance(item, str | bytes) for item in values):
        raise ValueError(f"{field.name} is not a number")
    missing = missing_value(field.dtype)
    return [missing if item is None or item == _INT32_MISSING else item for item in values]


def format_texts(variant: Variant, name: str) -> np.ndarray:
    """Read a FORMAT field that the record carries as text: (n_samples,).

    Raises
    ------
    UnicodeDecodeError
        It is not valid UTF-8.
    ValueError
        It is not text.
    """
    try:
        texts = np.asarray(variant.format(name))
    except UnicodeDecodeError:  # cyvcf2 reads ASCII alone
        columns = str(variant).rstrip("\n").split("\t")
        at = columns[8].split(":").index(name)
        cells = (cell.split(":") for cell in columns[9:])
        return np.array([values[at] if at < len(values) else "." for values in cells], dtype=object)
    if texts.ndim != 1:
        raise ValueError(f"{name} is not text")
    return texts


def format_values(variant: Variant, field: Field) -> np.ndarray:
    """Read a FORMAT field that the record carries: (n_samples, values)."""
    if field.dtype.kind == "O":
        return _text_values(format_texts(variant, field.name), field)
    values = variant.format(field.name)
    if values.ndim != 2:
        raise ValueError(f"{field.name} is not a number")
    if values.dtype.kind == "f":
        return np.asarray(values, np.float32)
    values = np.where(values == _INT32_MISSING, missing_value(field.dtype), values)
    values = np.where(values == _INT32_END, fill_value(field.dtype), values)
    return values.astype(field.dtype)


def _text_values(values: np.ndarray, field: Field) -> np.ndarray:
    texts = [text if text else "." for text in (str(text).rstrip("\0") for text in np.ravel(values))]
    if field.is_scalar:
        return np.array(texts, dtype=object)[:, None]
    rows = [text.split(",") for text in texts]
    table = np.full((len(rows), max(map(len, rows), default=1)), "", dtype=object)
    for row, parts in enumerate(rows):
        table[row, : len(parts)] = parts
    return table


def stack_info(field: Field, rows: Sequence[list[Any] | None]) -> np.ndarray:
    """Stack the values of a field over records: (n,) for a scalar, else (n, values)."""
    width = 1 if field.is_scalar else max((len(row) for row in rows if row is not None), default=1)
    table = np.full((len(rows), width), fill_value(field.dtype), field.dtype)
    for index, row in enumerate(rows):
        values = [missing_value(field.dtype)] if row is None else row[:width]
        table[index, : len(values)] = values
    return table[:, 0] if field.is_scalar else table


def stack_formats(field: Field, rows: Sequence[np.ndarray | None], n_samples: int) -> np.ndarray:
    """Stack the values of a field over records: (n, samples) for a scalar, else (n, samples, values)."""
    width = 1 if field.is_scalar else max((row.shape[1] for row in rows if row is not None), default=1)
    absent = np.full((n_samples, 1), missing_value(field.dtype), field.dtype)
    table = np.stack([widen_values(absent if row is None else row[:, :width], width) for row in rows])
    if not field.is_scalar:
        return table
    scalar = table[:, :, 0]
    # A scalar has one value or none: fill is what htslib puts where a call ends early.
    if scalar.dtype.kind == "i":
        return np.where(scalar == fill_value(scalar.dtype), missing_value(scalar.dtype), scalar)
    return scalar
