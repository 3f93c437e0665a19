"""Which molecules of a collection repeat an earlier one, in little memory."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_BUCKET = 1 << 18
_ENTRY = np.dtype([("place", np.int64), ("high", np.uint64), ("low", np.uint64)])


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


def find_repeats(parts: Iterable[np.ndarray], n_records: int, scratch: Path) -> Repeats:
    """Find the records whose key has occurred before.

    The keys are dealt out to files by their hash, and compared within each file alone, so that memory grows with the
    repeated and rejected records and not with the others. With 128 bits, two of a billion molecules share a
    key by chance in one of 10^20 libraries.

    Parameters
    ----------
    parts
        uint64 (n, 2) keys, in order; 0 for a rejected record.
    n_records
        How many there are in all.
    scratch
        A folder for the files; it is made anew, and removed in the end.

    Returns
    -------
    Repeats
        Repeated and rejected records.

    Examples
    --------
    >>> import tempfile
    >>> keys = np.array([[7, 1], [0, 0], [7, 2], [7, 1]], np.uint64)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = find_repeats([keys[:2], keys[2:]], 4, Path(folder) / "keys")
    >>> found.repeats.tolist(), found.originals.tolist(), found.rejected.tolist()
    ([3], [0], [1])
    >>> found.graph_number(found.original_of(2, 4)).tolist()
    [1, 0]
    """
    shutil.rmtree(scratch, ignore_errors=True)  # what a killed program has left
    scratch.mkdir()
    try:
        files = [scratch / str(bucket) for bucket in range(1 + n_records // _BUCKET)]
        rejected = _deal(parts, files)
        found = [_repeats_in(np.fromfile(file, _ENTRY)) for file in files]
    finally:
        shutil.rmtree(scratch)
    repeats = np.concatenate([places for places, _ in found])
    originals = np.concatenate([firsts for _, firsts in found])
    order = np.argsort(repeats)
    return Repeats(n_records, repeats[order], originals[order], rejected)


def _deal(parts: Iterable[np.ndarray], files: Sequence[Path]) -> np.ndarray:
    """Write place and key of each record to the file of its hash; return the places of rejected ones."""
    rejected, start = [np.zeros(0, np.int64)], 0
    with ExitStack() as stack:
        handles = [stack.enter_context(file.open("wb")) for file in files]
        for keys in parts:
            entries = np.empty(len(keys), _ENTRY)
            entries["place"] = np.arange(start, start + len(keys))
            entries["high"], entries["low"] = keys.T
            usable = keys.any(axis=1)
            rejected.append(entries["place"][~usable])
            buckets = entries["high"] % np.uint64(len(files))
            for bucket, handle in enumerate(handles):
                handle.write(entries[usable & (buckets == bucket)].data)
            start += len(keys)
    return np.concatenate(rejected)


def _repeats_in(entries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places of the repeated keys among some, and of the first of each."""
    # Stable, and so the places of one key ascend.
    entries = entries[np.lexsort((entries["low"], entries["high"]))]
    new = np.ones(len(entries), bool)
    new[1:] = (entries["high"][1:] != entries["high"][:-1]) | (entries["low"][1:] != entries["low"][:-1])
    first = entries["place"][np.maximum.accumulate(np.where(new, np.arange(len(entries)), 0))]
    return entries["place"][~new], first[~new]
