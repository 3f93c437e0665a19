from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import zarr
from numcodecs import Blosc

from genomics.quality_blocks import chunks_of_zeros, cut_blocks


def _array(folder, values, chunks, compressor, fill=None):
    array = zarr.create_array(
        folder / "call_state",
        shape=values.shape,
        chunks=chunks,
        dtype=values.dtype,
        compressors=compressor,
        zarr_format=2,
        fill_value=fill,
        config={"write_empty_chunks": fill is None},
    )
    array[...] = values
    return array


def test_chunks_of_zeros__told_by_their_bytes(tmp_path):
    values = np.zeros((50, 40), np.int8)
    values[12, 39] = 3
    values[49, 0] = 1
    for number, compressor in enumerate((Blosc("lz4", shuffle=2), Blosc("zstd"), None)):
        array = _array(tmp_path / str(number), values, (10, 30), compressor)
        assert chunks_of_zeros(array).tolist() == [True, False, True, True, False]


def test_chunks_of_zeros__chunks_that_were_not_stored(tmp_path):
    values = np.zeros((30, 8), np.int8)
    values[25] = 1
    assert chunks_of_zeros(_array(tmp_path / "0", values, (10, 8), Blosc(), fill=0)).tolist() == [
        True,
        True,
        False,
    ]
    ones = _array(tmp_path / "1", values, (10, 8), Blosc(), fill=1)
    assert chunks_of_zeros(ones).tolist() == [True, True, False]


def test_chunks_of_zeros__not_a_local_folder():
    array = zarr.create_array({}, shape=(4, 2), chunks=(2, 2), dtype="int8", zarr_format=2)
    assert chunks_of_zeros(array).tolist() == [False, False]


def _cohort(shape, chunk):
    array = SimpleNamespace(shape=shape, chunks=(chunk, 1000, 2), dtype=np.dtype("int8"))
    return SimpleNamespace(arrays={"call_genotype": array}, n_variants=shape[0], n_samples=shape[1])


def test_cut_blocks__whole_chunks_of_a_narrow_cohort():
    blocks = cut_blocks(_cohort((9500, 1000, 2), 1000), np.arange(9500))
    assert [(block.start, block.stop) for block in blocks] == [(0, 4000), (4000, 8000), (8000, 9500)]
    assert blocks[1].n_alleles.tolist() == list(range(4000, 8000))


def test_cut_blocks__bounded_for_a_wide_cohort():
    blocks = cut_blocks(_cohort((1000, 500_000, 2), 1000), np.full(1000, 2))
    assert max(block.stop - block.start for block in blocks) * 500_000 * 2 <= 128_000_000
    assert blocks[0].start == 0 and blocks[-1].stop == 1000
    assert all(one.stop == other.start for one, other in pairwise(blocks))
