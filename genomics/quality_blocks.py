"""Cut a cohort into blocks to count, and tell in which of them every call is observed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from genomics.cohort import Cohort

# Genotypes of one block in memory, per thread, in bytes: enough for the work around a block not to count. The
# chunks of a wide store may be larger.
_BLOCK_BYTES = 8_000_000
_MAX_BLOCK_BYTES = 128_000_000


@dataclass(frozen=True, eq=False)
class Block:
    """A run of records to count.

    Attributes
    ----------
    start, stop
        From record `start` up to but without `stop`.
    n_alleles : int64 (stop - start,)
        Alleles of each record.
    observed
        Every call is known to be observed, so that no states need be read.
    """

    start: int
    stop: int
    n_alleles: NDArray[np.int64]
    observed: bool


def cut_blocks(cohort: Cohort, n_alleles: NDArray[np.int64]) -> list[Block]:
    """Cut the records into runs of whole chunks, or of parts of chunks where the cohort is very wide.

    Parameters
    ----------
    cohort
        The cohort, or a selection of it.
    n_alleles
        (n_variants,) Alleles of each record.

    Returns
    -------
    list
        Blocks, in the order of the records.
    """
    array, n = cohort.arrays["call_genotype"], cohort.n_variants
    row_bytes = max(1, cohort.n_samples * array.shape[2] * array.dtype.itemsize)
    chunk = int(array.chunks[0])
    size = chunk * max(1, _BLOCK_BYTES // (chunk * row_bytes))
    size = max(1, min(size, _MAX_BLOCK_BYTES // row_bytes))
    observed = np.zeros(n, bool)
    if "call_state" in cohort.arrays and n == array.shape[0]:
        states = cohort.arrays["call_state"]
        observed = np.repeat(chunks_of_zeros(states), states.chunks[0])[:n]
    cuts = [(start, min(start + size, n)) for start in range(0, n, size)]
    return [
        Block(start, stop, n_alleles[start:stop], bool(observed[start:stop].all())) for start, stop in cuts
    ]


def chunks_of_zeros(array: Any) -> NDArray[np.bool_]:
    """Tell which rows of chunks hold nothing but 0, without decompressing them.

    The file of such a chunk equals what its codec makes of zeros. Where another version of the codec wrote it, it
    is taken for one that holds something else, and is read like those.

    Parameters
    ----------
    array
        A zarr array.

    Returns
    -------
    numpy.ndarray
        bool, one for each row of chunks.
    """
    from zarr.storage import LocalStore

    n_rows = -(-array.shape[0] // array.chunks[0])
    metadata = array.metadata
    if not isinstance(array.store, LocalStore) or metadata.zarr_format != 2 or metadata.filters:
        return np.zeros(n_rows, bool)
    zeros = np.zeros(array.chunks, array.dtype)
    expected = bytes(zeros if metadata.compressor is None else metadata.compressor.encode(zeros))
    folder = Path(array.store.root) / array.path
    n_columns = [-(-size // chunk) for size, chunk in zip(array.shape[1:], array.chunks[1:], strict=True)]

    def is_zero(index: tuple[int, ...]) -> bool:
        path = folder / metadata.dimension_separator.join(map(str, index))
        try:
            return path.stat().st_size == len(expected) and path.read_bytes() == expected
        except FileNotFoundError:
            return bool(metadata.fill_value == 0)

    return np.array(
        [all(is_zero((row, *column)) for column in np.ndindex(*n_columns)) for row in range(n_rows)],
        dtype=bool,
    )
