"""Which molecules of a collection repeat an earlier one, in little memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Repeats:
    """The records without a graph of their own, and the graph of every record.

    Parameters
    ----------
    n_records
        Number of records.
    repeats
        int64 (n_repeats,): places, from 0 and ascending, of the records that repeat an earlier one.
    originals
        int64 (n_repeats,): places of the first records of the same molecule.
    rejected
        int64 (n_rejected,): places of the rejected records, ascending.
    """

    n_records: int
    repeats: np.ndarray
    originals: np.ndarray
    rejected: np.ndarray

    @property
    def n_usable(self) -> int:
        """Records with a graph of their own."""
        return self.n_records - len(self.repeats) - len(self.rejected)

    def original_of(self, start: int, stop: int) -> np.ndarray:
        """Place of the first record of each record's molecule; its own where it repeats none.

        Parameters
        ----------
        start, stop
            Range of records.

        Returns
        -------
        np.ndarray
            int64 (stop - start,).
        """
        places = np.arange(start, stop, dtype=np.int64)
        low, high = np.searchsorted(self.repeats, (start, stop))
        places[self.repeats[low:high] - start] = self.originals[low:high]
        return places

    def graph_number(self, originals: np.ndarray) -> np.ndarray:
        """Number of the graph of records that are the first of their molecule.

        Parameters
        ----------
        originals
            int64 (n,) places of records.

        Returns
        -------
        np.ndarray
            int64 (n,).
        """
        return (
            originals - np.searchsorted(self.repeats, originals) - np.searchsorted(self.rejected, originals)
        )


def find_repeats(parts: Iterable[np.ndarray], scratch: Path) -> Repeats:
    """Find the records whose key has occurred before.

    The keys go to a file and are compared a bucket at a time, so that memory depends on the number of repeats and
    rejected records alone. With 128 bits two of a billion molecules share a key by chance once in 10^20 libraries.

    Parameters
    ----------
    parts
        uint64 (n, 2) keys, in order; 0 for a rejected record.
    scratch
        A file that can be written and is removed in the end.

    Returns
    -------
    Repeats
        Repeated and rejected records.

    Examples
    --------
    >>> import tempfile
    >>> keys = np.array([[7, 1], [0, 0], [7, 2], [7, 1]], np.uint64)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = find_repeats([keys[:2], keys[2:]], Path(folder) / "keys")
    >>> found.repeats.tolist(), found.originals.tolist(), found.rejected.tolist()
    ([3], [0], [1])
    >>> found.graph_number(found.original_of(2, 4)).tolist()
    [1, 0]
    """
    n_records = 0
    rejected = []
    try:
        with scratch.open("wb") as file:
            for keys in parts:
                rejected.append(n_records + np.flatnonzero(~keys.any(axis=1)))
                n_records += len(keys)
                file.write(np.ascontiguousarray(keys).data)
        n_buckets = 1 << max(0, (n_records - 1) // _BLOCK).bit_length()
        found = [_repeats_in_bucket(scratch, bucket, n_buckets) for bucket in range(n_buckets)]
    finally:
        scratch.unlink(missing_ok=True)
    repeats = np.concatenate([places for places, _ in found])
    originals = np.concatenate([firsts for _, firsts in found])
    order = np.argsort(repeats)
    return Repeats(n_records, repeats[order], originals[order], np.concatenate([np.zeros(0, int), *rejected]))


def _repeats_in_bucket(file: Path, bucket: int, n_buckets: int) -> tuple[np.ndarray, np.ndarray]:
    places, keys = _bucket(file, bucket, n_buckets)
    order = np.lexsort((keys[:, 1], keys[:, 0]))  # stable: the places of one key ascend
    places, keys = places[order], keys[order]
    new = np.ones(len(keys), bool)
    new[1:] = (keys[1:] != keys[:-1]).any(axis=1)
    first = places[np.maximum.accumulate(np.where(new, np.arange(len(keys)), 0))]
    return places[~new], first[~new]


def _bucket(file: Path, bucket: int, n_buckets: int) -> tuple[np.ndarray, np.ndarray]:
    """Places and keys of the records whose hash falls into a bucket."""
    places, chosen, start = [np.zeros(0, np.int64)], [np.zeros((0, 2), np.uint64)], 0
    with file.open("rb") as handle:
        while len(keys := np.fromfile(handle, np.uint64, 2 * _BLOCK).reshape(-1, 2)):
            inside = np.flatnonzero((keys[:, 0] % np.uint64(n_buckets) == bucket) & keys.any(axis=1))
            places.append(start + inside)
            chosen.append(keys[inside])
            start += len(keys)
    return np.concatenate(places), np.concatenate(chosen)
