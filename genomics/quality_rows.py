"""The rows of a table of variants, one per record and ALT, and the columns that name them.

Texts stay Arrow arrays throughout: for a table of figures that take a tenth of a second, a Python string per
allele would cost as much as the figures.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from genomics.chunk_reader import damaged_chunk

if TYPE_CHECKING:
    import pyarrow as pa

    from genomics.cohort import Cohort


def allele_texts(cohort: Cohort) -> pa.Array:
    """Read REF and ALTs of all records, in one flat list: as many for each record as the widest one has.

    Parameters
    ----------
    cohort
        The cohort, or a selection of it.

    Returns
    -------
    pyarrow.Array
        Strings; empty where a record has fewer alleles.

    Raises
    ------
    InputError
        A chunk is damaged.
    """
    import pyarrow as pa

    array = cohort.arrays["variant_allele"]
    if cohort.n_variants == array.shape[0] and _is_plain_text(array):
        texts = _decode_chunks(array)
        if texts is not None:
            return texts
    return pa.array(np.asarray(cohort.read("variant_allele")).astype(object).ravel(), pa.string())


def _is_plain_text(array: Any) -> bool:
    """Tell whether an array is texts of variable length in chunks of whole rows, in a local folder."""
    from zarr.storage import LocalStore

    if not isinstance(array.store, LocalStore) or array.metadata.zarr_format != 2:
        return False
    filters = array.metadata.filters or ()
    coded = [item.codec_id for item in filters] == ["vlen-utf8"] and array.metadata.compressor is not None
    return coded and array.metadata.order == "C" and tuple(array.chunks[1:]) == tuple(array.shape[1:])


def _decode_chunks(array: Any) -> pa.Array | None:
    """Decode the chunk files one after the other, without an object per text; None where one is not stored."""
    import pyarrow as pa

    root, parts = Path(array.store.root), [pa.array([], pa.string())]
    for row in range(-(-array.shape[0] // array.chunks[0])):
        name = array.metadata.dimension_separator.join([str(row), "0"])
        try:
            data = array.metadata.compressor.decode((root / array.path / name).read_bytes())
            part = _arrow_texts(data, int(np.prod(array.chunks)))
        except FileNotFoundError:
            return None
        except (RuntimeError, ValueError) as error:
            raise damaged_chunk(root, array.path, name, str(error)) from error
        parts.append(part)
    return pa.concat_arrays(parts).slice(0, array.size)


def _arrow_texts(data: bytes, n_texts: int) -> pa.Array:
    """Turn what the codec vlen-utf8 wrote into an Arrow array.

    Raises
    ------
    ValueError
        It holds another number of texts, is cut off, or is not UTF-8.
    """
    import pyarrow as pa

    packed = np.frombuffer(data, np.uint8)
    found = int.from_bytes(data[:4], "little")
    if found != n_texts:
        raise ValueError(f"it holds {found} texts")
    offsets, letters = np.empty(n_texts + 1, np.int32), np.empty(len(packed), np.uint8)
    if not _unpack_texts(packed, offsets, letters):
        raise ValueError("it is cut off")
    texts = pa.StringArray.from_buffers(n_texts, pa.py_buffer(offsets), pa.py_buffer(letters))
    texts.validate(full=True)
    return texts


@njit(nogil=True, cache=True)
def _unpack_texts(packed, offsets, letters):  # type: ignore[no-untyped-def]
    """Copy texts, each behind its length in four bytes, one after the other; False where they end too soon."""
    at, end = 4, 0
    offsets[0] = 0
    for text in range(offsets.size - 1):
        if at + 4 > packed.size:
            return False
        length = 0
        for byte in range(4):
            length |= int(packed[at + byte]) << (8 * byte)
        at += 4
        if at + length > packed.size:
            return False
        for byte in range(length):
            letters[end + byte] = packed[at + byte]
        at += length
        end += length
        offsets[text + 1] = end
    return True


def count_alleles(texts: pa.Array, n_records: int) -> NDArray[np.int64]:
    """Count the alleles of each record, REF included.

    Examples
    --------
    >>> import pyarrow as pa
    >>> count_alleles(pa.array(["A", "G", "T", "C", "", ""]), n_records=2)
    array([3, 1])
    """
    import pyarrow.compute as pc

    lengths = pc.binary_length(texts).to_numpy().reshape(n_records, -1 if len(texts) else 0)
    return np.asarray((lengths > 0).sum(axis=1), dtype=np.int64)


def rows_of_records(n_alleles: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return record and allele number of each row: one per ALT, one with 0 for a record without.

    Examples
    --------
    >>> rows_of_records(np.array([2, 3, 1]))
    (array([0, 1, 1, 2]), array([1, 1, 2, 0]))
    """
    n_rows = np.maximum(n_alleles - 1, 1)
    record = np.repeat(np.arange(len(n_rows)), n_rows)
    alt_index = np.arange(len(record)) - np.repeat(np.cumsum(n_rows) - n_rows, n_rows) + 1
    alt_index[n_alleles[record] < 2] = 0
    return record, alt_index


def naming_columns(cohort: Cohort, texts: pa.Array, n_alleles: NDArray[np.int64]) -> dict[str, Any]:
    """Make record, variant_id, contig, position, ref, alt and alt_index of each row.

    Parameters
    ----------
    cohort
        The cohort, or a selection of it.
    texts, n_alleles
        What `allele_texts` and `count_alleles` return.

    Returns
    -------
    dict
        Arrow arrays of texts, numpy arrays of numbers.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    record, alt_index = rows_of_records(n_alleles)
    contigs = pa.array([str(name) for name in cohort.read("contig_id")], pa.string())
    contig = contigs.take(pa.array(cohort.read("variant_contig")[record]))
    position = np.asarray(cohort.read("variant_position")[record], dtype=np.int64)
    first = record * (len(texts) // max(1, len(n_alleles)))
    ref, alt = texts.take(pa.array(first)), texts.take(pa.array(first + alt_index))
    alt = pc.if_else(pa.array(alt_index > 0), alt, ".")
    name = pc.binary_join_element_wise(contig, pc.cast(pa.array(position), pa.string()), ref, alt, ":")
    columns = {"record": record, "variant_id": name, "contig": contig, "position": position}
    return columns | {"ref": ref, "alt": alt, "alt_index": alt_index}
