"""Nearest neighbours across a cut: how similar the most similar training molecule is, for every test molecule.

Fingerprints are packed to 64-bit words and compared by counting bits. The training molecules stand sorted by
their number of bits, and a search walks outwards from the test molecule's own number: the best similarity
that is still possible falls as the numbers part, and the search ends where it cannot beat what was found
(Swamidass and Baldi 2007). The result is exact; memory is that of the packed fingerprints, 256 bytes each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from chem.fingerprint import morgan_fingerprints

_AT_ONCE = 4096
_QUERIES_AT_ONCE = 64
_POOL_AT_ONCE = 64
_PARTS_PER_THREAD = 4
_Generated = tuple[Any, Callable[..., Any]]


def packed_fingerprints(smiles: Sequence[str], radius: int = 2, n_bits: int = 2048) -> NDArray[np.uint64]:
    """Morgan fingerprints of molecules, 64 bits to a word.

    Parameters
    ----------
    smiles
        n molecules.
    radius, n_bits
        As in `chem.morgan_fingerprints`; `n_bits` a multiple of 64.

    Returns
    -------
    NDArray[np.uint64]
        (n, n_bits / 64) words.

    Examples
    --------
    >>> packed_fingerprints(["CCO", "CCN"]).shape
    (2, 32)
    """
    packed = np.zeros((len(smiles), n_bits // 8), np.uint8)
    for start in range(0, len(smiles), _AT_ONCE):
        part = smiles[start : start + _AT_ONCE]
        packed[start : start + len(part)] = np.packbits(morgan_fingerprints(part, radius, n_bits), axis=1)
    return packed.view(np.uint64)


def nearest_similarity(
    queries: NDArray[np.uint64], references: NDArray[np.uint64], threads: int = 1
) -> NDArray[np.float64]:
    """Tanimoto similarity of every query to its most similar reference.

    Parameters
    ----------
    queries, references
        (n, n_words) and (m, n_words) packed fingerprints.
    threads
        Searches at once; the result is the same.

    Returns
    -------
    NDArray[np.float64]
        (n,) similarities from 0 to 1; NaN where there is no reference.

    References
    ----------
    Swamidass and Baldi, J. Chem. Inf. Model. 2007, 47, 302-317, doi:10.1021/ci600358f (bounds on bit counts).

    Examples
    --------
    >>> bits = packed_fingerprints(["CCO", "CCN", "c1ccccc1"])
    >>> nearest_similarity(bits[:1], bits[1:]).round(2).tolist()
    [0.33]
    """
    if not len(references):
        return np.full(len(queries), np.nan)
    distinct, back = np.unique(queries, axis=0, return_inverse=True)
    pool = np.unique(references, axis=0)
    counts = np.bitwise_count(pool).sum(axis=1, dtype=np.int64)
    order = np.argsort(counts, kind="stable")
    query_counts = np.bitwise_count(distinct).sum(axis=1, dtype=np.int64)
    pool, counts = pool[order], counts[order]
    query_order = np.argsort(query_counts, kind="stable")
    best = np.zeros(len(distinct))

    def search(part: NDArray[np.int64]) -> None:
        best[part] = _search(distinct[part], query_counts[part], pool, counts)

    with ThreadPoolExecutor(threads) as workers:
        list(workers.map(search, np.array_split(query_order, threads * _PARTS_PER_THREAD)))
    return best[back.reshape(-1)]


@intrinsic
def _count_bits(typing: Any, word: Any) -> _Generated:
    """Bits that are set in a word."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.int64(types.uint64), generate


@numba.njit(nogil=True, cache=True)
def _search(
    queries: NDArray[np.uint64],
    query_counts: NDArray[np.int64],
    pool: NDArray[np.uint64],
    counts: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Best similarity of queries to a pool, both sorted by bit count.

    Queries of like counts walk together, one stretch of the pool at a time, so that the stretch stays in the
    processor's cache: one by one they would wait for memory.
    """
    best = np.zeros(len(queries))
    for first in range(0, len(queries), _QUERIES_AT_ONCE):
        last = min(first + _QUERIES_AT_ONCE, len(queries))
        above = np.searchsorted(counts, query_counts[(first + last) // 2])
        below = above
        go_up, go_down = above < len(pool), below > 0
        while go_up or go_down:
            if go_up:
                end = min(above + _POOL_AT_ONCE, len(pool))
                _compare(queries, query_counts, pool, counts, first, last, above, end, best)
                above = end
            if go_down:
                begin = max(below - _POOL_AT_ONCE, 0)
                _compare(queries, query_counts, pool, counts, first, last, begin, below, best)
                below = begin
            go_up, go_down = False, False
            for i in range(first, last):
                n_bits = query_counts[i]
                if above < len(pool):
                    go_up |= counts[above] <= n_bits or n_bits > best[i] * counts[above]
                if below > 0:
                    go_down |= counts[below - 1] >= n_bits or counts[below - 1] > best[i] * n_bits
    return best


@numba.njit(nogil=True, cache=True)
def _compare(
    queries: NDArray[np.uint64],
    query_counts: NDArray[np.int64],
    pool: NDArray[np.uint64],
    counts: NDArray[np.int64],
    first: int,
    last: int,
    begin: int,
    end: int,
    best: NDArray[np.float64],
) -> None:
    """Compare queries first..last with the pool's rows begin..end, where those can still beat what was found."""
    for i in range(first, last):
        n_bits, found = query_counts[i], best[i]
        low, high = counts[begin], counts[end - 1]
        if n_bits <= found * low or high <= found * n_bits:
            continue
        for at in range(begin, end):
            shared = 0
            for word in range(queries.shape[1]):
                shared += _count_bits(queries[i, word] & pool[at, word])  # type: ignore[call-arg]
            union = n_bits + counts[at] - shared
            if shared > found * union:
                found = shared / union
        best[i] = found
