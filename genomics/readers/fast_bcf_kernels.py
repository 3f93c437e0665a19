"""Compiled reading of BCF records: the calls of simple records straight into arrays.

A record is *simple* when every length in it lies within the record, every number it names stands in the
header, its texts are printable ASCII, and its calls have one or two alleles of those in REF and ALT. Any
other record is only marked, and the careful reader takes it. Nothing here decides that a record is wrong,
and nothing is read that lies outside the record.

References
----------
The Variant Call Format Specification, section 6: BCF.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from genomics.block import MISSING
from genomics.readers.fast_bcf_calls import (
    DOT,
    FAILED,
    MISSING_FLOAT,
    PASS,
    TEXT,
    UNKNOWN,
    is_whole,
    read_calls,
    read_key,
    read_typed,
    signed,
    unsigned,
    value_bytes,
)

SIMPLE, CAREFUL = 0, 1
NO_FILTER, SEVERAL_FILTERS = -1, -2
LENGTHS_BYTES, _SHARED_BYTES = 8, 24
_NO_QUALITY = np.uint32(0x7FC00000)  # the usual NaN
_TAB, _NEWLINE = np.uint8(9), np.uint8(10)
_IDS, _ALLELES, _FILTERS = 0, 1, 2  # counters of what is written


@njit(nogil=True, cache=True)
def find_records(data, at, longest, starts):  # type: ignore[no-untyped-def]
    """Find where records begin that lie whole in `data`.

    Parameters
    ----------
    data : uint8 (bytes,)
    at : int
        Where the first begins.
    longest : int
        Bytes that a record may have.
    starts : int64 (records + 1,)
        Written: where each begins, and where the last one ends.

    Returns
    -------
    n : int
        Records found, as many as `starts` takes at most.
    can_be : bool
        Whether the lengths of the record after them can be.
    """
    n = 0
    starts[0] = at
    while n < starts.size - 1 and data.size - at >= LENGTHS_BYTES:
        shared, calls = unsigned(data, at), unsigned(data, at + 4)
        if shared < _SHARED_BYTES or shared + calls > longest:
            return n, False
        if shared + calls > data.size - at - LENGTHS_BYTES:
            break
        at += LENGTHS_BYTES + shared + calls
        n += 1
        starts[n] = at
    return n, True


@njit(nogil=True, cache=True)
def _copy_text(data, at, end, out, used):  # type: ignore[no-untyped-def]
    """Copy text; the byte after it and what `out` then holds, -1 where it is missing or not plain."""
    kind, count, at = read_typed(data, at, end, 1)
    if at == FAILED or kind != TEXT or count == 0:
        return FAILED, used
    for i in range(at, at + count):
        if data[i] < 32 or data[i] > 126:
            return FAILED, used
        out[used] = data[i]
        used += 1
    return at + count, used


@njit(nogil=True, cache=True)
def _identifier(data, at, end, out, used):  # type: ignore[no-untyped-def]
    """Copy ID and a newline, nothing for a missing one; the byte after it, -1 where it is not plain."""
    kind, count, after = read_typed(data, at, end, 1)
    if after == FAILED:
        return FAILED
    written = used[_IDS]
    if kind != 0 and count > 0 and not (kind == TEXT and count == 1 and data[after] == DOT):
        after, written = _copy_text(data, at, end, out, written)
        if after == FAILED:
            return FAILED
    elif kind != 0:
        after += count
    out[written] = _NEWLINE
    used[_IDS] = written + 1
    return after


@njit(nogil=True, cache=True)
def _copy_alleles(data, at, end, n_alleles, out, used):  # type: ignore[no-untyped-def]
    """Copy REF and ALTs, a tab or newline after each; the byte after them, -1 where they are not plain."""
    written = used[_ALLELES]
    for allele in range(n_alleles):
        begin = written
        at, written = _copy_text(data, at, end, out, written)
        if at == FAILED or (allele > 0 and written - begin == 1 and out[begin] == DOT):
            return FAILED
        out[written] = _NEWLINE if allele == n_alleles - 1 else _TAB
        written += 1
    used[_ALLELES] = written
    return at


@njit(nogil=True, cache=True)
def _read_filters(data, at, end, strings, ids, used):  # type: ignore[no-untyped-def]
    """Read FILTER: its number, whether it names anything but PASS, and the byte after it, -1 where not plain.

    The numbers of a record with several filters are written to `ids`, after how many there are.
    """
    kind, count, at = read_typed(data, at, end, 1)
    if at == FAILED or kind == 0 or count == 0:
        return NO_FILTER, False, at
    if not is_whole(kind):
        return NO_FILTER, False, FAILED
    code, filtered, size = np.int64(SEVERAL_FILTERS), False, value_bytes(kind)
    written = used[_FILTERS]
    ids[written] = count
    for i in range(count):
        number = signed(data, at + i * size, size)
        if number < 0 or number >= strings.size or strings[number] == UNKNOWN:
            return NO_FILTER, False, FAILED
        filtered |= strings[number] != PASS
        ids[written + 1 + i] = number
    if count == 1:
        code = ids[written + 1]
    else:
        used[_FILTERS] = written + 1 + count
    return code, filtered, at + count * size


@njit(nogil=True, cache=True)
def _info_end(data, at, end, n_info, strings, end_key):  # type: ignore[no-untyped-def]
    """INFO/END, -1 where there is none, and whether all of INFO is plain."""
    found = np.int64(MISSING)
    for _ in range(n_info):
        key, at = read_key(data, at, end, strings)
        if at == FAILED:
            return found, False
        kind, count, at = read_typed(data, at, end, 1)
        if at == FAILED:
            return found, False
        if key == end_key:
            if not is_whole(kind) or count != 1:
                return found, False
            found = max(signed(data, at, value_bytes(kind)), np.int64(MISSING))
        at += count * value_bytes(kind)
    return found, True


@njit(nogil=True, cache=True)
def read_records(  # type: ignore[no-untyped-def]
    data, starts, contig_known, strings, roles, end_key, n_columns, order, in_order,
    status, contigs, positions, qualities, ends, filters, ids, alleles, filter_ids, used,
    genotypes, phased, states, slots, floats,
):  # fmt: skip
    """Read whole records; what is not simple is marked, and leaves nothing in the texts.

    Parameters
    ----------
    data : uint8 (bytes,)
    starts : int64 (records + 1,)
        Where each record begins, and where the last one ends.
    contig_known : bool (contigs,)
        Which numbers name a contig.
    strings, roles : int8 (numbers,), int64 (numbers,)
        What each number of the dictionary is as a filter, and as a FORMAT field.
    end_key : int
        Number of INFO/END, -1 for none.
    n_columns : int
        Samples of the file.
    order : int64 (samples,), in_order : bool
        The column of each sample kept; whether these are all columns as they stand.
    status : int8 (records,)
        Written: SIMPLE or CAREFUL.
    contigs, positions, qualities, ends, filters, genotypes, phased, states, slots, floats
        Written for simple records; decimals as their bits.
    ids, alleles : uint8 (bytes,), filter_ids : int64
        Written: texts with a newline after those of a record, and the numbers of several filters.
    used : int64 (3,)
        Written: how much of these three is written.
    """
    seen = np.empty(slots.shape[0] + floats.shape[0], np.int64)
    before = np.zeros(3, np.int64)
    for row in range(starts.size - 1):
        before[:] = used
        fixed = starts[row] + LENGTHS_BYTES
        at, end = fixed + _SHARED_BYTES, starts[row + 1]
        shared_end = fixed + unsigned(data, starts[row])
        contig, position = signed(data, fixed, 4), signed(data, fixed + 4, 4)
        quality = unsigned(data, fixed + 12)
        counts, calls = unsigned(data, fixed + 16), unsigned(data, fixed + 20)
        n_alleles, n_formats = counts >> 16, calls >> 24
        code, filtered = np.int64(NO_FILTER), False
        simple = 0 <= contig < contig_known.size and contig_known[contig] and n_alleles > 0
        simple = simple and -1 <= position < 2147483647
        simple = simple and (n_formats == 0 or calls & 0xFFFFFF == n_columns)
        if simple:
            at = _identifier(data, at, shared_end, ids, used)
            simple = at != FAILED
        if simple:
            at = _copy_alleles(data, at, shared_end, n_alleles, alleles, used)
            simple = at != FAILED
        if simple:
            code, filtered, at = _read_filters(data, at, shared_end, strings, filter_ids, used)
            simple = at != FAILED
            filters[row] = code
        if simple:
            ends[row], simple = _info_end(data, at, shared_end, counts & 0xFFFF, strings, end_key)
        simple = simple and read_calls(
            data, shared_end, end, n_formats, n_alleles, n_columns, filtered, strings, roles, order, in_order,
            genotypes, phased, states, slots, floats, row, seen,
        )  # fmt: skip
        contigs[row], positions[row] = contig, position + 1
        qualities[row] = _NO_QUALITY if quality == MISSING_FLOAT else quality
        status[row] = SIMPLE if simple else CAREFUL
        if not simple:
            used[:] = before
