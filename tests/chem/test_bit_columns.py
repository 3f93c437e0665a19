"""Fingerprints as columns: the same bits, turned on their side."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chem.bit_columns import column_tiles, columns_shape, molecules_with_all


def bits_of(columns: np.ndarray, n_molecules: int) -> np.ndarray:
    """Read columns back, bit by bit as the documentation says it: (n_molecules, n_bits) of 0 and 1."""
    _, n_bits, words = columns.shape
    bits = np.zeros((n_molecules, n_bits), np.uint8)
    for molecule in range(n_molecules):
        tile, word = divmod(molecule // 64, words)
        for bit in range(n_bits):
            bits[molecule, bit] = (int(columns[tile, bit, word]) >> (molecule % 64)) & 1
    return bits


@given(st.integers(0, 200), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_columns__hold_every_bit_once(n_molecules: int, n_bits: int, seed: int) -> None:
    bits = np.random.default_rng(seed).integers(0, 2, (n_molecules, n_bits), dtype=np.uint8)
    tiles = list(column_tiles(np.packbits(bits, axis=1), n_bits))
    assert len(tiles) == columns_shape(n_molecules, n_bits)[0]
    columns = np.stack(tiles) if tiles else np.empty(columns_shape(0, n_bits), np.uint64)
    assert (bits_of(columns, n_molecules) == bits).all()
    assert np.bitwise_count(columns).sum() == bits.sum()  # and nothing beyond the last molecule


def test_columns__several_tiles_and_another_order() -> None:
    rng = np.random.default_rng(3)
    bits = rng.integers(0, 2, (70_000, 8), dtype=np.uint8)
    order = rng.permutation(len(bits))
    tiles = np.stack(list(column_tiles(np.packbits(bits, axis=1), 8, order)))
    assert tiles.shape == (2, 8, 547)
    for place in (0, 547 * 64 - 1, 547 * 64, 65_536, 69_999):
        tile, word = divmod(place // 64, 547)
        found = [(int(tiles[tile, bit, word]) >> (place % 64)) & 1 for bit in range(8)]
        assert found == bits[order[place]].tolist()


@pytest.mark.parametrize("wanted", [[], [0], [3, 7], list(range(8))])
def test_molecules_with_all__as_a_table_of_bits_has_it(wanted: list[int]) -> None:
    bits = np.random.default_rng(5).integers(0, 4, (66_000, 8), dtype=np.uint8).clip(0, 1)
    columns = np.stack(list(column_tiles(np.packbits(bits, axis=1), 8)))
    found = molecules_with_all(columns, len(bits), wanted)
    assert found.tolist() == np.flatnonzero(bits[:, wanted].all(axis=1)).tolist()


def test_molecules_with_all__none_of_none() -> None:
    assert molecules_with_all(np.empty(columns_shape(0, 8), np.uint64), 0, [1]).tolist() == []
