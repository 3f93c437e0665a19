from __future__ import annotations

from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomics.chunk_reader import ChunkReader, ZarrReader, gather_rows, is_direct, row_reader
from genomics.errors import InputError

CODECS: list[Any] = [
    numcodecs.Blosc(cname="lz4", clevel=5, shuffle=numcodecs.Blosc.BITSHUFFLE),
    numcodecs.Blosc(cname="zstd", clevel=1, shuffle=numcodecs.Blosc.SHUFFLE),
    numcodecs.Zstd(level=1),
    numcodecs.Zlib(level=1),
    None,
]


def _array(folder: Path, values: np.ndarray, chunks: tuple[int, ...], codec: Any, fill: Any = None) -> Any:
    import zarr

    group = zarr.open_group(folder, mode="w", zarr_format=2)
    array = group.create_array(
        "a", shape=values.shape, chunks=chunks, dtype=values.dtype, compressors=codec, fill_value=fill,
        config={"write_empty_chunks": fill is None},
    )  # fmt: skip
    array[...] = values
    return zarr.open_group(folder, mode="r")["a"]


@pytest.mark.parametrize("codec", CODECS, ids=str)
@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "float32", "bool"])
def test_chunk_reader__same_as_zarr(tmp_path: Path, codec: Any, dtype: str) -> None:
    values = np.random.default_rng(1).integers(-2, 3, (25, 7, 2)).astype(dtype)
    array = _array(tmp_path / "z", values, (4, 3, 2), codec)
    assert is_direct(array)
    reader = ChunkReader(array)
    for start, stop in ((0, 25), (3, 5), (4, 8), (7, 25), (24, 30), (5, 5), (20, 10)):
        found = reader.read(start, stop)
        assert found.dtype == array.dtype and found.flags.c_contiguous
        np.testing.assert_array_equal(found, array[start:stop])


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.integers(0, 29), max_size=40),
    columns=st.none() | st.lists(st.integers(0, 4), max_size=6),
    chunk=st.integers(1, 31),
)
def test_gather_rows__same_as_numpy(
    tmp_path_factory: pytest.TempPathFactory, rows: list[int], columns: list[int] | None, chunk: int
) -> None:
    values = np.arange(30 * 5 * 2, dtype=np.int16).reshape(30, 5, 2)
    array = _array(tmp_path_factory.mktemp("store"), values, (chunk, 2, 2), CODECS[0])
    index = np.array(rows, np.int64)
    chosen = None if columns is None else np.array(columns, np.int64)
    expected = values[index] if chosen is None else values[index][:, chosen]
    for reader in (ChunkReader(array), ZarrReader(array)):
        np.testing.assert_array_equal(gather_rows(reader, index, chosen), expected)
        np.testing.assert_array_equal(gather_rows(reader, range(3, 30, 4)), values[3::4])


def test_gather_rows__beyond_the_end(tmp_path: Path) -> None:
    reader = row_reader(_array(tmp_path / "z", np.zeros((3, 1), np.int8), (2, 1), None))
    for row in (3, -1):
        with pytest.raises(IndexError, match="rows 0 to 2"):
            gather_rows(reader, np.array([0, row]))


def test_chunk_reader__chunks_that_are_the_fill_value(tmp_path: Path) -> None:
    values = np.full((8, 2), -2, np.int8)
    values[5, 1] = 1
    array = _array(tmp_path / "z", values, (2, 2), CODECS[0], fill=-2)
    assert len(list((tmp_path / "z" / "a").glob("[0-9]*"))) == 1
    np.testing.assert_array_equal(ChunkReader(array).read(0, 8), values)


def test_chunk_reader__missing_cut_off_and_damaged_chunks(tmp_path: Path) -> None:
    values = np.random.default_rng(2).integers(0, 3, (6, 100)).astype(np.int8)
    array = _array(tmp_path / "z", values, (2, 100), CODECS[0])
    reader = ChunkReader(array)
    chunk = tmp_path / "z" / "a" / "1.0"
    whole = chunk.read_bytes()
    for data, reason in (
        (whole[:-3], "it is cut off"),
        (b"", "it is cut off"),
        (whole[:4] + (7).to_bytes(4, "little") + whole[8:], "it holds 7 bytes"),
    ):
        chunk.write_bytes(data)
        with pytest.raises(InputError, match=rf"chunk a/1\.0 is damaged \({reason}"):
            reader.read(0, 6)
    chunk.unlink()
    with pytest.raises(InputError, match=r"z, field a: chunk a/1\.0 is missing"):
        reader.read(0, 6)
    np.testing.assert_array_equal(reader.read(4, 6), values[4:])


def test_row_reader__zarr_reads_the_rest(tmp_path: Path) -> None:
    import zarr

    group = zarr.open_group(tmp_path / "three.zarr", mode="w", zarr_format=3)
    array = group.create_array("a", data=np.arange(6).reshape(3, 2))
    assert isinstance(row_reader(array), ZarrReader)
    assert row_reader(array).read(1, 9).tolist() == [[2, 3], [4, 5]]
    text = zarr.open_group(tmp_path / "text.zarr", mode="w", zarr_format=2)
    names = text.create_array("s", shape=(2,), chunks=(1,), dtype=str, fill_value="")
    names[:] = np.array(["a", "b"], dtype=object)
    assert isinstance(row_reader(names), ZarrReader)
