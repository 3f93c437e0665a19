"""Calls as VCF writes them."""

from __future__ import annotations

import numpy as np

from genomics.block import FILL, MISSING

# Distinct calls are found by a table of marks up to this many possible ones, by sorting beyond.
_TABLE_SIZE = 1 << 22


def genotype_text(genotypes: np.ndarray, phased: np.ndarray) -> np.ndarray:
    """Write calls as VCF does.

    Parameters
    ----------
    genotypes : (..., ploidy)
        Allele numbers, -1 missing, -2 fill.
    phased : bool (...)

    Returns
    -------
    Array of str (...), ``.`` for a call without any allele.

    Examples
    --------
    >>> calls = np.array([[0, 1, -2], [1, 1, 0], [-1, 1, -2], [1, -2, -2], [-2, -2, -2]])
    >>> genotype_text(calls, np.array([False, True, False, False, False])).tolist()
    ['0/1', '1|1|0', './1', '1', '.']
    """
    texts, codes = _distinct_calls(genotypes, phased)
    return np.array(texts, dtype=object)[codes].reshape(phased.shape)


def genotype_bytes(genotypes: np.ndarray, phased: np.ndarray) -> np.ndarray:
    r"""Write calls as VCF does, each padded with zero bytes to the width of the longest.

    Parameters
    ----------
    genotypes : (..., ploidy)
    phased : bool (...)

    Returns
    -------
    uint8 (..., width)

    Examples
    --------
    >>> cells = genotype_bytes(np.array([[0, 1], [-2, -2]], np.int8), np.array([True, False]))
    >>> [row.tobytes() for row in cells]
    [b'0|1', b'.\x00\x00']
    """
    texts, codes = _distinct_calls(genotypes, phased)
    table = np.array([text.encode() for text in texts], dtype=bytes)
    width = table.dtype.itemsize
    return table[codes].view(np.uint8).reshape(*phased.shape, width)


def _distinct_calls(genotypes: np.ndarray, phased: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Return the text of each distinct call, and for each call which of them it is.

    Few distinct calls stand for millions: each is written once.
    """
    ploidy = genotypes.shape[-1]
    base = int(genotypes.max(initial=0)) + 3
    keys: np.ndarray = phased.reshape(-1).astype(np.int32 if base**ploidy * 2 < 2**31 else np.int64)
    for column in genotypes.reshape(-1, ploidy).T:
        keys *= base
        keys += column
        keys += 2
    distinct, codes = factorise(keys, 2 * base**ploidy)
    return [_call_text(int(key), base, ploidy) for key in distinct] or [""], codes


def _call_text(key: int, base: int, ploidy: int) -> str:
    alleles = []
    for _ in range(ploidy):
        key, rest = divmod(key, base)
        alleles.append(rest - 2)
    shown = ["." if number == MISSING else str(number) for number in reversed(alleles) if number != FILL]
    return ("|" if key else "/").join(shown) or "."


def factorise(keys: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the distinct ones of whole numbers from 0 up to but without `size`.

    Returns
    -------
    distinct : (d,)
        Ascending.
    codes : (n,)
        For each key, its place among the distinct ones.

    Examples
    --------
    >>> distinct, codes = factorise(np.array([7, 2, 7]), 8)
    >>> distinct.tolist(), codes.tolist()
    ([2, 7], [1, 0, 1])
    """
    if size > _TABLE_SIZE:
        distinct, codes = np.unique(keys, return_inverse=True)
        return distinct, codes.reshape(-1)
    seen = np.zeros(size, bool)
    seen[keys] = True
    place = np.cumsum(seen, dtype=np.int32) - 1
    return np.flatnonzero(seen), place[keys]
