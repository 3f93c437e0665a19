"""Similarity of fingerprints packed eight bits to the byte: compiled, for libraries of millions."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from chem.errors import InputError


def packed_tanimoto(a: NDArray[np.uint8], b: NDArray[np.uint8], *, threads: int = 1) -> NDArray[np.float32]:
    """Tanimoto similarity of every row of `a` with every row of `b`, both packed.

    The shared bits over the bits of either. Two fingerprints without any bit have similarity 0, as
    `chem.tanimoto` has it (RDKit says 1).

    Parameters
    ----------
    a, b
        Packed fingerprints, uint8 (n, n_bytes) and (m, n_bytes), as ``fingerprints(..., packed=True)`` gives.
    threads
        Threads over the rows of `b`.

    Returns
    -------
    np.ndarray
        float32 of shape (n, m), from 0 to 1.

    Raises
    ------
    InputError
        The arrays are not packed fingerprints of one length.

    References
    ----------
    Tanimoto, IBM internal report, 1957; Willett, Barnard and Downs, J. Chem. Inf. Comput. Sci. 1998, 38,
    983-996, doi:10.1021/ci9800211.

    Examples
    --------
    >>> packed = np.packbits(np.array([[1, 1, 0], [1, 0, 1]], dtype=np.uint8), axis=1)
    >>> packed_tanimoto(packed[:1], packed).round(3).tolist()
    [[1.0, 0.3330000042915344]]
    """
    return packed_tversky(a, b, alpha=1.0, beta=1.0, threads=threads)


def packed_tversky(
    a: NDArray[np.uint8], b: NDArray[np.uint8], *, alpha: float, beta: float, threads: int = 1
) -> NDArray[np.float32]:
    """Tversky similarity of every row of `a`, the prototypes, with every row of `b`, both packed.

    The shared bits over shared + alpha * (bits of the row of a alone) + beta * (bits of the row of b alone):
    alpha 1 and beta 0 is the part of a that is found in b; both 1 is Tanimoto, both 0.5 Dice. Where that
    sum is 0 the similarity is 0.

    Parameters
    ----------
    a, b
        Packed fingerprints, uint8 (n, n_bytes) and (m, n_bytes).
    alpha, beta
        Weights of what only `a` and only `b` has; 0 or more.
    threads
        Threads over the rows of `b`.

    Returns
    -------
    np.ndarray
        float32 of shape (n, m), computed in double precision.

    Raises
    ------
    InputError
        The arrays are not packed fingerprints of one length, or a weight is negative.

    References
    ----------
    Tversky, Psychol. Rev. 1977, 84, 327-352, doi:10.1037/0033-295X.84.4.327.

    Examples
    --------
    >>> packed = np.packbits(np.array([[1, 0, 0], [1, 0, 1]], dtype=np.uint8), axis=1)
    >>> packed_tversky(packed[:1], packed, alpha=1, beta=0).tolist()
    [[1.0, 1.0]]
    """
    if not (np.isfinite([alpha, beta]).all() and alpha >= 0 and beta >= 0):
        raise InputError(f"weights {alpha} and {beta}", field="alpha, beta", expected="numbers of 0 or more")
    if threads < 1:
        raise InputError(f"{threads} threads", field="threads", expected="1 or more")
    queries, rows = _words(a), _words(b)
    if queries.shape[1] != rows.shape[1] or a.shape[1] != b.shape[1]:
        raise InputError(
            f"fingerprints of {a.shape[1]} and {b.shape[1]} bytes cannot be compared",
            expected="fingerprints of one length",
        )
    similarity = np.empty((len(queries), len(rows)), dtype=np.float32)
    weights = float(alpha), float(beta)
    if threads == 1:
        _tversky(queries, bit_counts(queries), rows, bit_counts(rows), *weights, similarity)
    else:
        _in_threads(queries, rows, weights, similarity, threads)
    return similarity


def bit_counts(words: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Set bits of each row.

    Parameters
    ----------
    words
        uint64 (n, n_words).

    Returns
    -------
    np.ndarray
        int64 (n,).

    Examples
    --------
    >>> bit_counts(np.array([[0, 1], [3, 2**63]], dtype=np.uint64)).tolist()
    [1, 3]
    """
    return np.bitwise_count(words).sum(axis=1, dtype=np.int64)


def _words(packed: NDArray[Any]) -> NDArray[np.uint64]:
    """View bytes as 64-bit words, with empty bytes added where the length is not a multiple of eight."""
    if not isinstance(packed, np.ndarray) or packed.ndim != 2 or packed.dtype != np.uint8:
        found = f"{packed.dtype} {packed.shape}" if isinstance(packed, np.ndarray) else type(packed).__name__
        raise InputError(f"{found} is no packed fingerprint", expected="uint8 (n, n_bytes)")
    missing = -packed.shape[1] % 8
    if missing:
        packed = np.pad(packed, ((0, 0), (0, missing)))
    return np.ascontiguousarray(packed).view(np.uint64)


def _in_threads(
    queries: NDArray[np.uint64],
    rows: NDArray[np.uint64],
    weights: tuple[float, float],
    similarity: NDArray[np.float32],
    threads: int,
) -> None:
    """Give each thread its own columns; the compiled loop holds no lock."""
    from concurrent.futures import ThreadPoolExecutor

    counts, row_counts = bit_counts(queries), bit_counts(rows)
    edges = np.linspace(0, len(rows), threads + 1).astype(int)
    with ThreadPoolExecutor(threads) as pool:
        parts = [
            pool.submit(
                _tversky,
                queries,
                counts,
                rows[start:stop],
                row_counts[start:stop],
                *weights,
                similarity[:, start:stop],
            )
            for start, stop in pairwise(edges)
        ]
        for part in parts:
            part.result()


@intrinsic
def _ones(typing_context: Any, word: Any) -> Any:
    """Count the set bits of a word by the processor's own instruction."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        count = builder.module.declare_intrinsic("llvm.ctpop", [ir.IntType(64)])
        return builder.call(count, arguments)

    return types.int64(types.uint64), generate


@njit(nogil=True, cache=True)
def _tversky(queries, query_counts, rows, row_counts, alpha, beta, similarity):  # type: ignore[no-untyped-def]
    for j in range(rows.shape[0]):  # a row stays in the cache while all queries pass over it
        for i in range(queries.shape[0]):
            shared = 0
            for word in range(rows.shape[1]):
                shared += _ones(queries[i, word] & rows[j, word])
            either = alpha * query_counts[i] + beta * row_counts[j] + (1.0 - alpha - beta) * shared
            similarity[i, j] = shared / either if either > 0 else 0.0
