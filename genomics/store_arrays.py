"""Arrays of a VCF Zarr store, written a chunk of variants at a time, straight to their files.

Chunks are compressed in threads. An array whose later chunks need longer axes or a wider type than its
earlier ones has those written again at the end. No chunk is left out and no fill value is declared: readers
that mask fill values would otherwise turn genotypes into floating-point numbers.

References
----------
Zarr storage specification, version 2.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

VARIANTS, SAMPLES = "variants", "samples"
MAX_SAMPLES_CHUNK = 10_000
MAX_CHUNK_BYTES = 64_000_000
_MOSTLY_ZERO = {"call_state"}  # small numbers that are as quickly packed and unpacked as flags

Make = Callable[[Sequence[np.ndarray]], np.ndarray]

Files = dict[str, list[int]]
"""Bytes and CRC-32 of each file of a store, by its path in it."""


@lru_cache
def _codec(kind: str) -> Any:
    """Blosc with what measured best: bit planes for small integers, no shuffle for text and flags."""
    import numcodecs

    if kind == "text":
        return numcodecs.Blosc(cname="zstd", clevel=1, shuffle=numcodecs.Blosc.NOSHUFFLE)
    if kind == "flags":
        return numcodecs.Blosc(cname="lz4", clevel=9, shuffle=numcodecs.Blosc.NOSHUFFLE)
    if kind == "bytes":
        return numcodecs.Blosc(cname="lz4", clevel=9, shuffle=numcodecs.Blosc.BITSHUFFLE)
    return numcodecs.Blosc(cname="zstd", clevel=1, shuffle=numcodecs.Blosc.SHUFFLE)


def _kind(name: str, dtype: np.dtype[Any]) -> str:
    if dtype.kind == "O":
        return "text"
    if dtype.kind == "b" or name in _MOSTLY_ZERO:
        return "flags"
    return "bytes" if dtype.itemsize == 1 else "numbers"


@lru_cache(maxsize=64)
def _encode_constant(kind: str, shape: tuple[int, ...], dtype: str, value: bytes) -> bytes:
    return _compress(kind, np.full(shape, np.frombuffer(value, dtype)[0]))


def _compress(kind: str, values: np.ndarray) -> bytes:
    import numcodecs

    if kind == "text":
        return bytes(_codec(kind).encode(numcodecs.VLenUTF8().encode(values)))
    return bytes(_codec(kind).encode(np.ascontiguousarray(values)))


def encode_chunk(kind: str, values: np.ndarray) -> bytes:
    """Compress one chunk; one that holds a single value is compressed once for all its likes."""
    if values.dtype.kind in "biu" and values.size and values.dtype.itemsize == 1:
        first = values.flat[0]
        if (values[-1] == first).all() and values.min() == values.max():  # the last row alone mostly tells
            return _encode_constant(kind, values.shape, values.dtype.str, first.tobytes())
    return _compress(kind, values)


def decode_chunk(data: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    """Read back what `encode_chunk` wrote; Blosc's header says how."""
    import numcodecs

    raw = _codec("text" if dtype.kind == "O" else "numbers").decode(data)
    if dtype.kind == "O":
        return np.asarray(numcodecs.VLenUTF8().decode(raw), dtype=object).reshape(shape)
    return np.frombuffer(raw, dtype).reshape(shape)


def join_rows(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Join arrays along their first axis; one alone is not copied.

    Examples
    --------
    >>> join_rows([np.array([1, 2]), np.array([3])]).tolist()
    [1, 2, 3]
    """
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def narrow_integers(values: np.ndarray) -> np.ndarray:
    """Use the smallest signed type that holds all values.

    Examples
    --------
    >>> narrow_integers(np.array([1, 300], dtype=np.int32)).dtype
    dtype('int16')
    """
    low, high = int(values.min(initial=0)), int(values.max(initial=0))
    for dtype in (np.int8, np.int16):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return values.astype(dtype)
    return values


@dataclass(eq=False)
class ArrayWriter:
    """One array of a store.

    Attributes
    ----------
    folder
        The array's own folder.
    dimensions
        Names of its axes.
    missing, fill
        What stands where a chunk of variants has no values at all, and what pads its last axis.
    rows_per_chunk
        Rows of a chunk along the first axis.
    files
        Sizes and checksums of the store's files, noted here.
    attributes
        Its metadata: description, number, type.
    written
        Shape beyond the first axis, and type, of each chunk of rows as it was written.
    """

    folder: Path
    dimensions: tuple[str, ...]
    missing: Any
    fill: Any
    rows_per_chunk: int
    files: Files
    attributes: dict[str, Any] = field(default_factory=dict)
    written: dict[int, tuple[tuple[int, ...], np.dtype[Any]]] = field(default_factory=dict)

    def submit(
        self, pool: Executor, index: int, parts: Sequence[np.ndarray], make: Make = join_rows
    ) -> Future[None]:
        """Join rows with `make`, compress them and write them as chunk `index`, all in a thread."""
        return pool.submit(self._write, index, parts, make)

    def _write(self, index: int, parts: Sequence[np.ndarray], make: Make = join_rows) -> None:
        values = make(parts)
        self.written[index] = values.shape[1:], values.dtype
        if not len(values):
            return
        chunk = self.chunk_shape(values.shape[1:], values.dtype)
        for place, cut in _grid(values.shape[1:], chunk[1:]):
            name = ".".join(map(str, (index, *place)))
            kind = _kind(self.folder.name, values.dtype)
            data = encode_chunk(kind, _padded(values[(slice(None), *cut)], chunk))
            key = f"{self.folder.name}/{name}"
            if key in self.files:  # never into a file that an older store shares
                (self.folder / name).unlink()
            with (self.folder / name).open("xb", buffering=0) as stream:
                stream.write(data)
            self.files[key] = [len(data), zlib.crc32(data)]

    def chunk_shape(self, tail: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[int, ...]:
        """Shape of a chunk for an array with these axes after the first."""
        chunk = [max(1, self.rows_per_chunk), *(max(1, length) for length in tail)]
        if SAMPLES in self.dimensions[1:]:
            at = self.dimensions.index(SAMPLES)
            chunk[at] = min(chunk[at], MAX_SAMPLES_CHUNK)
            while np.prod(chunk, dtype=float) * dtype.itemsize > MAX_CHUNK_BYTES and chunk[at] > 1:
                chunk[at] = -(-chunk[at] // 2)
        return tuple(chunk)

    def complete(
        self, n_rows: int, widths: Mapping[str, int], pool: Executor
    ) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Give all chunks one shape and one type, and write those that never came.

        Parameters
        ----------
        n_rows
            Rows of the whole array.
        widths
            Length of each axis; an axis that is not named keeps its own.
        pool
            Threads.

        Returns
        -------
        Shape beyond the first axis, and type.
        """
        tails = [tail for tail, _ in self.written.values()]
        own = [max(lengths) for lengths in zip(*tails, strict=True)]
        tail = tuple(widths.get(axis, now) for axis, now in zip(self.dimensions[1:], own, strict=True))
        dtype = np.result_type(*(dtype for _, dtype in self.written.values()))
        jobs = []
        for index in range(-(-n_rows // self.rows_per_chunk)):
            if index not in self.written:
                rows = min(self.rows_per_chunk, n_rows - index * self.rows_per_chunk)
                jobs.append(self.submit(pool, index, [self._absent((rows, *tail), dtype)]))
            elif self.written[index] != (tail, dtype):
                jobs.append(pool.submit(self._rewrite, index, tail, dtype))
        for job in jobs:
            job.result()
        return tail, dtype

    def _absent(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
        values = np.full(shape, self.fill, dtype)
        if len(self.dimensions) > 1 and self.dimensions[-1] != SAMPLES:
            values[..., :1] = self.missing
        else:
            values[...] = self.missing
        return values

    def _rewrite(self, index: int, tail: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        values = self.read(index).astype(dtype, copy=False)
        old = self.chunk_shape(*self.written[index])
        for place, _ in _grid(values.shape[1:], old[1:]):
            name = ".".join(map(str, (index, *place)))
            (self.folder / name).unlink()
            del self.files[f"{self.folder.name}/{name}"]
        wide = np.full((len(values), *tail), self.fill, dtype)
        wide[tuple(slice(0, length) for length in values.shape)] = values
        self._write(index, [wide])

    def read(self, index: int) -> np.ndarray:
        """Read back a chunk of rows as it was written, with the rows that pad the last one."""
        tail, dtype = self.written[index]
        chunk = self.chunk_shape(tail, dtype)
        out = np.empty((chunk[0], *tail), dtype)
        for place, cut in _grid(tail, chunk[1:]):
            data = (self.folder / ".".join(map(str, (index, *place)))).read_bytes()
            part = out[(slice(None), *cut)]
            part[...] = decode_chunk(data, chunk, dtype)[tuple(slice(0, n) for n in part.shape)]
        return out

    def describe(self, n_rows: int, tail: tuple[int, ...], dtype: np.dtype[Any]) -> dict[str, Any]:
        """Return what .zarray holds."""
        text = dtype.kind == "O"
        return {
            "chunks": list(self.chunk_shape(tail, dtype)),
            "dimension_separator": ".",
            "compressor": _codec(_kind(self.folder.name, dtype)).get_config(),
            "dtype": "|O" if text else dtype.str,
            "fill_value": None,
            "filters": [{"id": "vlen-utf8"}] if text else None,
            "order": "C",
            "shape": [n_rows, *tail],
            "zarr_format": 2,
        }


def _grid(
    lengths: tuple[int, ...], sizes: tuple[int, ...]
) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...]]]:
    """Places of the chunks along all axes but the first, and what each holds."""
    counts = [range(-(-length // size)) for length, size in zip(lengths, sizes, strict=True)]
    for place in product(*counts):
        yield place, tuple(slice(i * size, (i + 1) * size) for i, size in zip(place, sizes, strict=True))


def _padded(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Extend a chunk at the edge of an array to the full size that Zarr stores."""
    if values.shape == shape:
        return values
    full = np.full(shape, "" if values.dtype.kind == "O" else 0, values.dtype)
    full[tuple(slice(0, length) for length in values.shape)] = values
    return full
