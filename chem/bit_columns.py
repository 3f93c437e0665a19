"""Fingerprints turned on their side: for each bit, which molecules have it.

A question about a molecule with 40 bits then reads 40 columns instead of every fingerprint: over a million molecules of
2,048 bits 5 MB instead of 256. The columns come in tiles of up to 65,536 molecules, so that they can be written one tile
after the other and read without jumping; in a tile, molecule m is bit m % 64 of word m // 64.

References
----------
O'Neil and Quass, Improved query performance with variant indexes, SIGMOD Record 1997, 26, 38-49,
doi:10.1145/253262.253268 (bit-sliced indexes).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

MOLECULES_PER_WORD = 64
_LARGEST_TILE = 1024


def columns_shape(n_molecules: int, n_bits: int) -> tuple[int, int, int]:
    """Shape of the columns of so many molecules: tiles, bits, words per tile.

    Examples
    --------
    >>> columns_shape(100, 2048), columns_shape(100_000, 2048), columns_shape(0, 8)
    ((1, 2048, 2), (2, 2048, 782), (0, 8, 1))
    """
    words = -(-n_molecules // MOLECULES_PER_WORD)
    n_tiles = -(-words // _LARGEST_TILE)
    return (
        n_tiles,
        n_bits,
        -(-words // n_tiles) if n_tiles else 1,
    )  # of one size, so that little is left empty


def column_tiles(
    packed: NDArray[np.uint8], n_bits: int, order: NDArray[np.int64] | None = None
) -> Iterator[NDArray[np.uint64]]:
    """Turn packed fingerprints into columns, tile by tile.

    Parameters
    ----------
    packed
        uint8 (n_molecules, ceil(n_bits / 8)), the first bit in the highest bit of a byte; may be memory-mapped.
    n_bits
        Length of a fingerprint.
    order
        Take the molecules in this order instead of as they stand.

    Yields
    ------
    np.ndarray
        uint64 (n_bits, words per tile); what is beyond the last molecule is 0.

    Examples
    --------
    >>> rows = np.packbits(np.array([[1, 0, 1], [1, 1, 0]], dtype=np.uint8), axis=1)
    >>> next(column_tiles(rows, 3))[:, 0].tolist()
    [3, 2, 1]
    """
    n_tiles, _, words = columns_shape(len(packed), n_bits)
    size = words * MOLECULES_PER_WORD
    for tile in range(n_tiles):
        here = slice(tile * size, (tile + 1) * size)
        rows = packed[here] if order is None else packed[order[here]]
        columns = np.zeros((-(-n_bits // 8) * 8, words), dtype=np.uint64)
        _transpose(np.ascontiguousarray(rows), columns)
        yield columns[:n_bits]


@njit(cache=True, nogil=True)
def _transpose(rows: Any, columns: Any) -> None:
    for molecule in range(rows.shape[0]):
        word = molecule >> 6
        bit = np.uint64(1) << np.uint64(molecule & 63)
        for byte in range(rows.shape[1]):
            value = rows[molecule, byte]
            if value:
                for place in range(8):
                    if (value >> (7 - place)) & 1:
                        columns[byte * 8 + place, word] |= bit


def molecules_with_all(
    columns: NDArray[np.uint64], n_molecules: int, bits: Sequence[int]
) -> NDArray[np.int64]:
    """Find the molecules that have every one of some bits.

    Parameters
    ----------
    columns
        uint64 (n_tiles, n_bits, words).
    n_molecules
        How many molecules there are.
    bits
        Numbers of the bits.

    Returns
    -------
    np.ndarray
        int64: places of the molecules, ascending.

    Examples
    --------
    >>> rows = np.packbits(np.array([[1, 0, 1], [1, 1, 0], [1, 1, 1]], dtype=np.uint8), axis=1)
    >>> molecules_with_all(np.stack(list(column_tiles(rows, 3))), 3, [0, 2]).tolist()
    [0, 2]
    """
    found = []
    size = columns.shape[2] * MOLECULES_PER_WORD
    for tile in range(columns.shape[0]):
        words = np.full(columns.shape[2], ~np.uint64(0))
        for bit in bits:
            words &= columns[tile, bit]
        # Bit m % 64 of a word is bit m % 8 of its byte m // 8 only in little-endian order.
        members = np.unpackbits(words.astype("<u8").view(np.uint8), bitorder="little")
        found.append(np.flatnonzero(members[: max(n_molecules - tile * size, 0)]) + tile * size)
    return np.concatenate([np.empty(0, np.int64), *found])
