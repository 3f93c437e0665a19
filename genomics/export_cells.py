"""Field values as the text of VCF, millions at a time: arrays of bytes, padded with zeros.

A cell is a row of bytes; where its text is shorter than the longest, zeros follow, which VCF text never
contains. `cell_text` joins cells and drops them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from genomics.genotype_text import factorise

# Bit patterns of BCF for a missing float and for the end of a vector.
FLOAT_MISSING, FLOAT_FILL = 0x7F800001, 0x7F800002
_TABLE_RANGE = 1 << 20


def cell_text(cells: np.ndarray) -> bytes:
    """Return cells, one after the other, as one text.

    Examples
    --------
    >>> cell_text(np.array([[65, 0], [66, 67]], np.uint8))
    b'ABC'
    """
    return cells.tobytes().translate(None, b"\0")


def joined_cells(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Put parts of cells side by side: uint8 arrays (..., width) that agree but for the width.

    Examples
    --------
    >>> joined_cells([np.zeros((2, 1), np.uint8), np.ones((2, 3), np.uint8)]).shape
    (2, 4)
    """
    shape = np.broadcast_shapes(*(part.shape[:-1] for part in parts))
    return np.concatenate([np.broadcast_to(part, (*shape, part.shape[-1])) for part in parts], axis=-1)


def float_text(value: float) -> str:
    """Write a float of 32 bits with six digits as bcftools does, with as many more as tell it apart.

    Examples
    --------
    >>> float_text(np.float32(0.1)), float_text(np.float32(1e-5)), float_text(np.float32(16777217))
    ('0.1', '1e-05', '16777216')
    """
    if np.isnan(value):
        return "."
    text = f"{value:g}"
    return text if np.float32(text) == np.float32(value) else f"{value:.9g}"


def value_cells(values: np.ndarray, *, in_vector: bool = False) -> np.ndarray:
    """Write one value for each record or call.

    Parameters
    ----------
    values : (...)
        Integers (-1 missing, -2 fill), floats (NaN; `FLOAT_FILL` is fill) or text (``.``, empty is fill).
    in_vector
        The values are the second or later of a field: each is written after a comma, fill as nothing. Else fill
        is written as missing.

    Returns
    -------
    uint8 (..., width)

    Examples
    --------
    >>> cell_text(value_cells(np.array([5, -1]))), cell_text(value_cells(np.array([7, -2]), in_vector=True))
    (b'5.', b',7')
    """
    flat = values.reshape(-1)
    if values.dtype.kind in "iu":
        texts, codes = _integer_texts(flat)
    elif values.dtype.kind == "f":
        texts, codes = _float_texts(flat)
    else:
        distinct, codes = np.unique(flat.astype(object).astype(str), return_inverse=True)
        texts = [str(text) for text in distinct]
    if in_vector:
        texts = ["," + text if text else "" for text in texts]
    else:
        texts = [text or "." for text in texts]
    table = np.array([text.encode() for text in texts] or [b""], dtype=bytes)
    return table[codes.reshape(-1)].view(np.uint8).reshape(*values.shape, table.dtype.itemsize)


def _integer_texts(flat: np.ndarray) -> tuple[list[str], np.ndarray]:
    low, high = int(flat.min(initial=0)), int(flat.max(initial=0))
    if high - low < _TABLE_RANGE:
        distinct, codes = factorise(flat.astype(np.int64) - low, high - low + 1)
        distinct = distinct + low
    else:
        distinct, codes = np.unique(flat, return_inverse=True)
    return [{-1: ".", -2: ""}.get(int(number), str(number)) for number in distinct], codes


def _float_texts(flat: np.ndarray) -> tuple[list[str], np.ndarray]:
    bits = flat.astype(np.float32, copy=False).view(np.int32)
    distinct, codes = np.unique(bits, return_inverse=True)
    numbers = distinct.view(np.float32)
    texts = [
        "" if pattern == FLOAT_FILL else float_text(number)
        for pattern, number in zip(distinct.tolist(), numbers, strict=True)
    ]
    return texts, codes


def field_cells(values: np.ndarray, n_axes: int) -> tuple[np.ndarray, np.ndarray]:
    """Write a field with one or several values for each record (one axis) or call (two axes).

    Parameters
    ----------
    values : (n, ...) or (n, samples, ...)
    n_axes
        1 for INFO, 2 for FORMAT.

    Returns
    -------
    cells : uint8 (n, width) or (n, samples, width)
    present : bool (n,) or (n, samples)
        There is a value that is not missing.

    Examples
    --------
    >>> cells, present = field_cells(np.array([[3, 4], [1, -2], [-1, -2]]), 1)
    >>> [cell_text(cell) for cell in cells], present.tolist()
    ([b'3,4', b'1', b'.'], [True, True, False])
    """
    if values.ndim == n_axes:
        return value_cells(values), has_value(values)
    if values.dtype.kind == "f":
        values = _end_vectors(values)
    present = has_value(values)
    width = values.shape[-1]
    while width > 1 and not (~_is_fill(values[..., width - 1])).any():
        width -= 1  # columns that no record of this block fills
    parts = [value_cells(values[..., at], in_vector=at > 0) for at in range(width)]
    cells = joined_cells(parts) if parts else value_cells(np.full(values.shape[:-1], -1))
    all_missing: np.ndarray = np.logical_not(present.any(axis=-1))
    if all_missing.any():  # a field without any value is one dot, however many places it has
        cells[all_missing] = 0
        cells[all_missing, 0] = ord(".")
    return cells, ~all_missing


def _end_vectors(values: np.ndarray) -> np.ndarray:
    """Write fill over trailing NaN that are not the missing value: some programs pad with any NaN."""
    bits = values.astype(np.float32).view(np.int32)
    holds = ~np.isnan(values) | (bits == FLOAT_MISSING)
    before_end = np.logical_or.accumulate(holds[..., ::-1], axis=-1)[..., ::-1]
    return np.where(before_end, bits, np.int32(FLOAT_FILL)).view(np.float32)


def has_value(values: np.ndarray) -> np.ndarray:
    """Tell which values are neither missing nor fill.

    Examples
    --------
    >>> has_value(np.array([0, -1, -2])).tolist(), has_value(np.array(["a", ".", ""], object)).tolist()
    ([True, False, False], [True, False, False])
    """
    if values.dtype.kind in "iu":
        return np.asarray((values != -1) & (values != -2))
    if values.dtype.kind == "f":
        return ~np.isnan(values)
    if values.dtype.kind == "b":
        return values
    texts = values.astype(object)
    return np.asarray((texts != ".") & (texts != ""), dtype=bool)


def _is_fill(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind in "iu":
        return np.asarray(values == -2)
    if values.dtype.kind == "f":
        return np.asarray(values.astype(np.float32).view(np.int32) == FLOAT_FILL)
    return np.asarray(values.astype(object) == "", dtype=bool)
