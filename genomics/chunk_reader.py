"""Read rows of one array of a store straight from its chunk files.

zarr's own path costs as much again as the decompression for the small chunks of genotypes; here a chunk is
decompressed into its place in the result. It serves Zarr format 2 arrays of numbers in a local folder; every
other array (zip files, remote stores, text, format 3) is read by zarr, with the same result.
"""

from __future__ import annotations

import itertools
import json
import zlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from genomics.errors import InputError
from genomics.store_files import INTEGRITY


def listed_files(root: Path) -> dict[str, list[int]]:
    """Return size and CRC-32 of each file of a store, as they were written with it; nothing where they were not.

    Examples
    --------
    >>> listed_files(Path("/nowhere"))
    {}
    """
    try:
        written = (root / INTEGRITY).stat().st_mtime_ns
    except OSError:
        return {}
    return _listed_files(root, written)


@lru_cache(maxsize=4)
def _listed_files(root: Path, written: int) -> dict[str, list[int]]:
    return dict(json.loads((root / INTEGRITY).read_bytes())["files"])


class ChunkReader:
    """Rows of one array of a folder store.

    Parameters
    ----------
    array
        A zarr array for which `is_direct` is true.
    """

    def __init__(self, array: Any) -> None:
        self.name = str(array.path)
        self.shape: tuple[int, ...] = tuple(array.shape)
        self.chunks: tuple[int, ...] = tuple(array.chunks)
        self.dtype = np.dtype(array.dtype)
        self._root = Path(array.store.root)
        self._separator = str(array.metadata.dimension_separator)
        self._fill = array.metadata.fill_value
        self._codec = array.metadata.compressor
        self._listed = listed_files(self._root)
        self._kept: tuple[tuple[int, ...], np.ndarray] | None = None

    def read(self, start: int, stop: int) -> np.ndarray:
        """Read rows `start` up to but without `stop`.

        Returns
        -------
        Array (stop - start, ...), of the array's type.

        Raises
        ------
        InputError
            A chunk is missing, or damaged, or of another size than its array says.
        """
        start, stop = max(0, start), min(stop, self.shape[0])
        out = np.empty((max(0, stop - start), *self.shape[1:]), self.dtype)
        if not out.size:
            return out
        grid = [range(start // self.chunks[0], (stop - 1) // self.chunks[0] + 1)]
        grid += [
            range(-(-size // chunk)) for size, chunk in zip(self.shape[1:], self.chunks[1:], strict=True)
        ]
        for index in itertools.product(*grid):
            self._place(index, out, start, stop)
        return out

    def _place(self, index: tuple[int, ...], out: np.ndarray, start: int, stop: int) -> None:
        """Copy the part of one chunk that belongs to rows start..stop into `out`."""
        top = index[0] * self.chunks[0]
        first, last = max(start, top), min(stop, top + self.chunks[0])
        lows = [at * chunk for at, chunk in zip(index[1:], self.chunks[1:], strict=True)]
        highs = [
            min(low + chunk, size)
            for low, chunk, size in zip(lows, self.chunks[1:], self.shape[1:], strict=True)
        ]
        inside = tuple(slice(low, high) for low, high in zip(lows, highs, strict=True))
        target = out[(slice(first - start, last - start), *inside)]
        if target.shape == self.chunks and target.flags.c_contiguous:
            self._decode(index, target)
            return
        chunk = self._chunk(index)
        cut = tuple(slice(0, high - low) for low, high in zip(lows, highs, strict=True))
        target[...] = chunk[(slice(first - top, last - top), *cut)]

    def _chunk(self, index: tuple[int, ...]) -> np.ndarray:
        """Return one whole chunk; the last one is kept, since blocks of records may meet inside a chunk."""
        kept = self._kept
        if kept is not None and kept[0] == index:
            return kept[1]
        chunk = np.empty(self.chunks, self.dtype)
        self._decode(index, chunk)
        self._kept = (index, chunk)
        return chunk

    def _decode(self, index: tuple[int, ...], target: np.ndarray) -> None:
        path = self._root / self.name / self._separator.join(map(str, index))
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            self._fill_in(path, target)
            return
        listed = self._listed.get(f"{self.name}/{path.name}")
        if listed is not None and zlib.crc32(data) != listed[1]:
            raise damaged_chunk(self._root, self.name, path.name, "wrong checksum")
        try:
            self._decompress(data, target)
        except (RuntimeError, ValueError, TypeError) as error:
            raise damaged_chunk(self._root, self.name, path.name, str(error)) from error

    def _decompress(self, data: bytes, target: np.ndarray) -> None:
        # A flat view of bytes: codecs neither know of bool nor of more than one axis.
        flat = target.reshape(-1).view(np.uint8)
        if self._codec is None:
            decoded = np.frombuffer(data, np.uint8)
        else:
            size = _blosc_size(data) if self._codec.codec_id == "blosc" else flat.nbytes
            if size != flat.nbytes:
                raise ValueError(f"it holds {size} bytes")
            decoded = np.frombuffer(self._codec.decode(data, out=flat), np.uint8)
        if decoded.nbytes != flat.nbytes:
            raise ValueError(f"it holds {decoded.nbytes} bytes, not {flat.nbytes}")
        if decoded.ctypes.data != flat.ctypes.data:
            flat[:] = decoded

    def _fill_in(self, path: Path, target: np.ndarray) -> None:
        if self._fill is None:
            raise InputError(
                f"chunk {self.name}/{path.name} is missing",
                file=self._root,
                field=self.name,
                expected="every chunk of the array",
                hint="copy the store again, or ingest again",
            )
        target[...] = self._fill


def is_direct(array: Any) -> bool:
    """Tell whether an array can be read from its chunk files.

    Parameters
    ----------
    array
        A zarr array.

    Examples
    --------
    >>> import zarr
    >>> is_direct(zarr.create_array({}, shape=(2,), dtype="int8"))
    False
    """
    from zarr.storage import LocalStore

    metadata = array.metadata
    return (
        isinstance(array.store, LocalStore)
        and metadata.zarr_format == 2
        and not metadata.filters
        and metadata.order == "C"
        and np.dtype(array.dtype).kind in "biuf"
        and np.dtype(array.dtype).isnative
        and 0 not in array.chunks
    )


def damaged_chunk(store: Path, array: str, chunk: str, reason: str) -> InputError:
    """Make the error for a chunk that cannot be read back.

    Examples
    --------
    >>> print(damaged_chunk(Path("/d/c.vcz"), "call_DP", "3.0", "wrong checksum"))
    c.vcz, field call_DP: chunk call_DP/3.0 is damaged (wrong checksum); expected the bytes that were written; \
copy the store again, or ingest again
    """
    return InputError(
        f"chunk {array}/{chunk} is damaged ({reason})",
        file=store,
        field=array,
        expected="the bytes that were written",
        hint="copy the store again, or ingest again",
    )


def _blosc_size(data: bytes) -> int:
    """Read the size of the decompressed chunk from Blosc's header of 16 bytes."""
    if len(data) < 16 or int.from_bytes(data[12:16], "little") != len(data):
        raise ValueError("it is cut off")
    return int.from_bytes(data[4:8], "little")


class ZarrReader:
    """Rows of any array, read by zarr.

    Parameters
    ----------
    array
        A zarr array.
    """

    def __init__(self, array: Any) -> None:
        self.name = str(array.path)
        self.shape: tuple[int, ...] = tuple(array.shape)
        self.chunks: tuple[int, ...] = tuple(array.chunks)
        self._array = array

    def read(self, start: int, stop: int) -> np.ndarray:
        """Read rows `start` up to but without `stop`."""
        return np.asarray(self._array[start:stop])


def row_reader(array: Any) -> ChunkReader | ZarrReader:
    """Return the fastest reader that fits an array.

    Examples
    --------
    >>> import zarr
    >>> array = zarr.create_array({}, shape=(4, 2), dtype="int8", fill_value=7)
    >>> row_reader(array).read(1, 3).tolist()
    [[7, 7], [7, 7]]
    """
    return ChunkReader(array) if is_direct(array) else ZarrReader(array)


def gather_rows(
    reader: ChunkReader | ZarrReader, rows: np.ndarray | range, columns: np.ndarray | None = None
) -> np.ndarray:
    """Read some rows in any order, and of each some columns, holding little more than the result.

    Parameters
    ----------
    reader
        Where they are read.
    rows : int64 (n,), or a range
        Rows of the array, each from 0 to its length, repeated or not.
    columns : int64 (m,)
        Positions on the second axis; None for all.

    Returns
    -------
    Array (n, ...) or (n, m, ...)

    Examples
    --------
    >>> import zarr
    >>> array = zarr.array(np.arange(12, dtype="int32").reshape(6, 2), chunks=(2, 2))
    >>> gather_rows(row_reader(array), np.array([5, 0, 5]), np.array([1])).tolist()
    [[11], [1], [11]]
    """
    if isinstance(rows, range):
        if rows.step == 1 and columns is None:
            return reader.read(rows.start, rows.stop)
        rows = np.arange(rows.start, rows.stop, rows.step)
    if len(rows) and (rows.min() < 0 or rows.max() >= reader.shape[0]):
        raise IndexError(f"{reader.name} has rows 0 to {reader.shape[0] - 1}")
    if not len(rows):
        return _cut(reader.read(0, 0), slice(None), columns)
    ascending = bool((np.diff(rows) > 0).all())
    wanted, inverse = (rows, None) if ascending else np.unique(rows, return_inverse=True)
    if columns is None and wanted[-1] - wanted[0] + 1 == len(wanted):
        found = reader.read(int(wanted[0]), int(wanted[-1]) + 1)
    else:
        found = np.concatenate(list(_pieces(reader, wanted, columns)))
    return found if inverse is None else found[inverse]


def _pieces(
    reader: ChunkReader | ZarrReader, rows: np.ndarray, columns: np.ndarray | None
) -> Iterator[np.ndarray]:
    """Yield ascending rows, those of one chunk at a time."""
    cuts = np.flatnonzero(np.diff(rows // reader.chunks[0])) + 1
    for part in np.split(rows, cuts):
        first, last = int(part[0]), int(part[-1])
        whole = last - first + 1 == len(part)
        yield _cut(reader.read(first, last + 1), slice(None) if whole else part - first, columns)


def _cut(values: np.ndarray, rows: np.ndarray | slice, columns: np.ndarray | None) -> np.ndarray:
    chosen = values[rows]
    return chosen if columns is None else chosen[:, columns]
