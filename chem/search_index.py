"""An index of fingerprints on disk, and the most similar ones to a query from it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chem.atomic import new_directory
from chem.bit_columns import column_tiles, columns_shape
from chem.errors import InputError
from chem.fingerprint_kinds import FingerprintSettings, settle
from chem.index_files import DESCRIPTION, open_array, read_description, write_blocks, write_description

METRICS = ("tanimoto", "tversky")

_KIND = "similarity"
_ROWS_AT_ONCE = 65_536


@dataclass(frozen=True)
class Hits:
    """What a search found, the most similar first; of equals, the lower position.

    Parameters
    ----------
    position
        int64 (n_hits,): places in the list that the index was made of, from 0.
    similarity
        float64 (n_hits,), from 0 to 1.
    """

    position: NDArray[np.int64]
    similarity: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.position)


@dataclass(frozen=True, eq=False)
class SimilarityIndex:
    """Fingerprints of any number of molecules, arranged for searching.

    Parameters
    ----------
    columns
        uint64 (n_tiles, n_bits, words): `chem.bit_columns` of the molecules sorted by their number of bits and then by
        position; memory-mapped where opened from disk, and of that only the queries' bits are read.
    order
        int64 (n_molecules,): position of each sorted molecule.
    starts
        int64 (n_bits + 2,): where those with 0, 1, ... bits begin.
    settings
        What the fingerprints are, so that a query's is made in the same way.

    Examples
    --------
    >>> from chem.fingerprint import fingerprints
    >>> index = index_fingerprints(fingerprints(["CCO", "CCN", "CCCO"], packed=True))
    >>> hits = index.search(fingerprints(["OCC"], packed=True)[0], k=2)
    >>> hits.position.tolist(), hits.similarity.round(3).tolist()
    ([0, 2], [1.0, 0.556])
    """

    columns: NDArray[np.uint64]
    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    settings: FingerprintSettings

    def __len__(self) -> int:
        return len(self.order)

    def search(
        self,
        query: NDArray[np.uint8],
        *,
        k: int | None = None,
        threshold: float = 0.0,
        metric: str = "tanimoto",
        alpha: float | None = None,
        beta: float | None = None,
    ) -> Hits:
        """Find the molecules most similar to a query.

        Parameters
        ----------
        query
            Packed fingerprint, uint8 (ceil(n_bits / 8),), made with `settings`.
        k
            How many; all that reach the threshold where not given, all molecules where there are fewer.
        threshold
            Least similarity, from 0 to 1; one that is equal is found.
        metric
            'tanimoto', or 'tversky' with its weights.
        alpha, beta
            Tversky's weights of the bits that only the query has and that only the molecule has. With 1 and 0
            a molecule that contains all of the query's bits has similarity 1.

        Returns
        -------
        Hits
            Sorted by similarity, equals by position. Two fingerprints without any weighted bit have similarity 0.

        Raises
        ------
        InputError
            An argument is out of range, or the query has another length than the index.

        References
        ----------
        `chem.similarity_kernel` names them.
        """
        from chem.similarity_kernel import find_similar

        weights = metric_weights(metric, alpha, beta)
        check_limits(k, threshold)
        bits = self._bits_of(query)
        similarity, position = find_similar(
            self.columns, self.starts, self.order, bits, *weights, float(threshold), -1 if k is None else k
        )
        best = np.lexsort((position, -similarity))
        return Hits(position[best], similarity[best])

    def search_all(self, queries: NDArray[np.uint8], *, threads: int = 1, **limits: Any) -> Iterator[Hits]:
        """Search many queries, in order.

        Parameters
        ----------
        queries
            Packed fingerprints, uint8 (n_queries, ceil(n_bits / 8)).
        threads
            Queries searched at once; the results are the same.
        limits
            As `search` takes them.

        Yields
        ------
        Hits
            One per query.
        """
        if threads == 1:
            yield from (self.search(query, **limits) for query in queries)
            return
        with ThreadPoolExecutor(threads) as pool:
            for start in range(0, len(queries), 64 * threads):  # results wait in memory, but not all of them
                yield from pool.map(
                    lambda query: self.search(query, **limits), queries[start : start + 64 * threads]
                )

    def _bits_of(self, query: NDArray[np.uint8]) -> NDArray[np.int64]:
        width = -(-self.settings.n_bits // 8)
        if query.shape != (width,) or query.dtype != np.uint8:
            raise InputError(
                f"a query fingerprint {query.dtype} {query.shape}",
                field="query",
                expected=f"packed bits, uint8 ({width},)",
            )
        return np.flatnonzero(np.unpackbits(query, count=self.settings.n_bits))


def metric_weights(metric: str, alpha: float | None, beta: float | None) -> tuple[float, float]:
    """Weights of Tversky's index for a metric.

    Raises
    ------
    InputError
        The metric is unknown, or the weights are missing, negative, both 0 or not wanted.

    Examples
    --------
    >>> metric_weights("tanimoto", None, None), metric_weights("tversky", 0.9, 0.1)
    ((1.0, 1.0), (0.9, 0.1))
    """
    if metric not in METRICS:
        raise InputError(f"unknown metric {metric!r}", field="metric", expected=" or ".join(METRICS))
    if metric == "tanimoto":
        if alpha is not None or beta is not None:
            raise InputError(
                "alpha and beta are Tversky's", field="metric", hint="use --metric tversky with them"
            )
        return 1.0, 1.0
    given = (alpha, beta)
    if alpha is None or beta is None or not (alpha >= 0 and beta >= 0 and 0 < alpha + beta < np.inf):
        raise InputError(
            f"Tversky's alpha and beta are {given[0]} and {given[1]}",
            field="alpha, beta",
            expected="two numbers of 0 or more, not both 0",
        )
    return float(alpha), float(beta)


def check_limits(k: int | None, threshold: float) -> None:
    """Refuse a number of hits or a similarity that cannot be meant.

    Raises
    ------
    InputError
        `k` is below 1 or `threshold` outside 0 to 1.
    """
    if k is not None and k < 1:
        raise InputError(f"{k} hits asked for", field="k", expected="1 or more")
    if not 0.0 <= threshold <= 1.0:
        raise InputError(
            f"a threshold of {threshold}", field="threshold", expected="a similarity from 0 to 1"
        )


def index_fingerprints(
    packed: NDArray[np.uint8],
    directory: str | Path | None = None,
    *,
    settings: FingerprintSettings | None = None,
    source: str = "",
) -> SimilarityIndex:
    """Arrange fingerprints for searching, in memory or on disk.

    Parameters
    ----------
    packed
        uint8 (n_molecules, ceil(n_bits / 8)), as `chem.fingerprints(..., packed=True)`; may be memory-mapped: tile by tile
        is read, so that memory does not grow with their number where the index goes to disk.
    directory
        Where to write the index; an earlier one is replaced once the new one is whole.
    settings
        What the fingerprints are; Morgan of radius 2 and their own width unless given.
    source
        What they were made of, which `open_index` compares.

    Returns
    -------
    SimilarityIndex
        The index.

    Raises
    ------
    InputError
        The fingerprints are not packed bits of the settings, or the directory holds something else.
    """
    settings = settings or settle("morgan", n_bits=packed.shape[-1] * 8, packed=True)
    _check_packed(packed, settings)
    starts, order = _sorted_by_count(packed, settings.n_bits)
    tiles = column_tiles(packed, settings.n_bits, order)
    shape = columns_shape(len(packed), settings.n_bits)
    if directory is None:
        columns = np.empty(shape, np.uint64)
        for place, tile in enumerate(tiles):
            columns[place] = tile
        return SimilarityIndex(columns, order, starts, settings)
    with new_directory(directory, replaces=DESCRIPTION) as building:
        write_blocks(building / "columns.npy", shape, np.uint64, tiles)
        np.save(building / "order.npy", order, allow_pickle=False)
        np.save(building / "starts.npy", starts, allow_pickle=False)
        write_description(building, _KIND, len(packed), source, settings=asdict(settings))
    return open_index(directory, source=source)


def _check_packed(packed: NDArray[np.uint8], settings: FingerprintSettings) -> None:
    if settings.dtype != np.uint8 or not settings.packed or settings.counts:
        raise InputError(
            f"fingerprints of kind {settings.kind} that are not packed bits",
            expected="settings with packed=True",
        )
    if packed.ndim != 2 or packed.dtype != np.uint8 or packed.shape[1] != settings.width:
        raise InputError(
            f"fingerprints {packed.dtype} {packed.shape}",
            expected=f"packed bits, uint8 (n_molecules, {settings.width})",
        )


def _sorted_by_count(packed: NDArray[np.uint8], n_bits: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    counts = np.empty(len(packed), np.int64)
    for start in range(0, len(packed), _ROWS_AT_ONCE):
        rows = packed[start : start + _ROWS_AT_ONCE]
        counts[start : start + len(rows)] = np.bitwise_count(rows).sum(axis=1, dtype=np.int64)
    starts = np.zeros(n_bits + 2, np.int64)
    np.cumsum(np.bincount(counts, minlength=n_bits + 1), out=starts[1:])
    return starts, np.argsort(counts, kind="stable").astype(np.int64)


def open_index(directory: str | Path, *, source: str | None = None) -> SimilarityIndex:
    """Open an index that `index_fingerprints` wrote; its columns are mapped, not read.

    Parameters
    ----------
    directory
        The index.
    source
        What it must have been made of; not compared where None.

    Returns
    -------
    SimilarityIndex
        The index.

    Raises
    ------
    StaleIndexError
        It was made of something else, by another version of the program or of RDKit.
    InputError
        Not an index, or damaged.
    """
    folder = Path(directory)
    description = read_description(folder, _KIND, source)
    try:
        settings = FingerprintSettings(**description["settings"])
    except (KeyError, TypeError) as error:
        raise InputError(
            f"the search index is damaged ({error!r})", file=folder / DESCRIPTION, field="settings"
        ) from None
    n = description["n_molecules"]
    columns = open_array(folder / "columns.npy", columns_shape(n, settings.n_bits), np.uint64)
    order = open_array(folder / "order.npy", (n,), np.int64)
    starts = open_array(folder / "starts.npy", (settings.n_bits + 2,), np.int64)
    ascending = bool((starts[1:] >= starts[:-1]).all()) and starts[0] == 0 and starts[-1] == n
    if not ascending or (n and (order.min() < 0 or order.max() >= n)):
        raise InputError(
            "the search index is damaged: its parts do not fit", file=folder, hint="make it again"
        )
    return SimilarityIndex(columns, np.asarray(order), np.asarray(starts), settings)
