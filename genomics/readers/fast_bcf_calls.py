"""Compiled reading of the typed values and the sample columns of one BCF record; see `fast_bcf_kernels`."""

from __future__ import annotations

import numpy as np
from numba import njit

from genomics.block import FILL, FILTERED, MISSING, NO_CALL, OBSERVED

# What a number of the header's dictionary names.
UNKNOWN, KNOWN, PASS = 0, 1, 2
# What a FORMAT field is read for; whole numbers and decimals to keep have slots of their own.
SKIP, GENOTYPE, CALL_FILTER, FIRST_SLOT, FIRST_FLOAT = 0, 1, 2, 10, 1000
FAILED = -1
"""In place of the next byte: what stands there is not simple."""

TEXT, DOT = 7, np.uint8(46)
MISSING_FLOAT = 0x7F800001
_FLOAT, _ABSENT = 5, -1
_BYTE_MISSING, _BYTE_END = np.uint8(0x80), np.uint8(0x81)


@njit(nogil=True, cache=True)
def unsigned(data, at):  # type: ignore[no-untyped-def]
    """Read 32 bits."""
    low = np.int64(data[at]) | np.int64(data[at + 1]) << 8
    return low | np.int64(data[at + 2]) << 16 | np.int64(data[at + 3]) << 24


@njit(nogil=True, cache=True)
def signed(data, at, size):  # type: ignore[no-untyped-def]
    """Read a whole number of 1, 2 or 4 bytes."""
    if size == 1:
        return np.int64(np.int8(data[at]))
    if size == 2:
        return np.int64(np.int16(np.int64(data[at]) | np.int64(data[at + 1]) << 8))
    return np.int64(np.int32(unsigned(data, at)))


@njit(nogil=True, cache=True)
def value_bytes(kind):  # type: ignore[no-untyped-def]
    """Bytes of a value; -1 for an unknown type."""
    if kind == 0:
        return 0
    if kind == 1 or kind == TEXT:
        return 1
    if kind == 2:
        return 2
    return 4 if kind == 3 or kind == _FLOAT else -1


@njit(nogil=True, cache=True)
def is_whole(kind):  # type: ignore[no-untyped-def]
    """Tell whether a type is one of whole numbers."""
    return 1 <= kind <= 3


@njit(nogil=True, cache=True)
def read_typed(data, at, end, n):  # type: ignore[no-untyped-def]
    """Type, values and first byte of `n` vectors of one length, which end before `end`; -1 for the byte where not."""
    if at >= end:
        return 0, 0, FAILED
    kind, count = np.int64(data[at] & 15), np.int64(data[at] >> 4)
    at += 1
    if count == 15:
        if at >= end or data[at] >> 4 != 1 or not is_whole(np.int64(data[at] & 15)):
            return 0, 0, FAILED
        size = value_bytes(np.int64(data[at] & 15))
        if size > end - at - 1:
            return 0, 0, FAILED
        count = signed(data, at + 1, size)
        at += 1 + size
    size = value_bytes(kind)
    if size < 0 or count < 0 or size * count * n > end - at:
        return 0, 0, FAILED
    return kind, count, at


@njit(nogil=True, cache=True)
def read_key(data, at, end, strings):  # type: ignore[no-untyped-def]
    """Read a number of the dictionary and find the byte after it, -1 where it is not one."""
    kind, count, at = read_typed(data, at, end, 1)
    if at == FAILED or not is_whole(kind) or count != 1:
        return 0, FAILED
    key = signed(data, at, value_bytes(kind))
    if key < 0 or key >= strings.size or strings[key] == UNKNOWN:
        return 0, FAILED
    return key, at + value_bytes(kind)


@njit(nogil=True, cache=True)
def _are_plain(data, at, n, size, n_alleles):  # type: ignore[no-untyped-def]
    """Tell whether all allele numbers are missing, fill, or of an allele that the record has."""
    most = min(2 * n_alleles + 1, 255)
    if size == 1:
        limit = np.uint8(min(most, 127))
        cells = data[at : at + n]
        wrong = np.uint8(0)
        for i in range(n):
            cell = cells[i]
            wrong |= np.uint8((cell > limit) & (cell != _BYTE_MISSING) & (cell != _BYTE_END))
        return wrong == 0
    low = -(1 << (8 * size - 1))
    for i in range(n):
        coded = signed(data, at + i * size, size)
        if coded > most or (coded < 0 and coded > low + 1):
            return False
    return True


@njit(nogil=True, cache=True)
def _byte_pairs(cells, genotypes, phased, states, state):  # type: ignore[no-untyped-def]
    """Decode calls of two alleles of one byte each, all in their order; written for the vectoriser."""
    for j in range(phased.size):
        first, second = cells[2 * j], cells[2 * j + 1]
        one, two = np.int8((first >> 1) - 1), np.int8((second >> 1) - 1)
        one = np.int8(MISSING) if first == _BYTE_MISSING else one
        one = np.int8(FILL) if first == _BYTE_END else one
        two = np.int8(MISSING) if second == _BYTE_MISSING else two
        two = np.int8(FILL) if second == _BYTE_END else two
        genotypes[2 * j] = one
        genotypes[2 * j + 1] = two
        phased[j] = (second & 1 == 1) & (second != _BYTE_END)
        states[j] = np.int8(NO_CALL) if (one < 0) | (two == MISSING) else state


@njit(nogil=True, cache=True)
def _allele(data, at, size):  # type: ignore[no-untyped-def]
    """Allele number and phase bit; a plain cell alone."""
    coded = signed(data, at, size)
    low = -(1 << (8 * size - 1))
    if coded <= low + 1:
        return np.int64(MISSING if coded == low else FILL), False
    return (coded >> 1) - 1, coded & 1 == 1


@njit(nogil=True, cache=True)
def _read_genotypes(  # type: ignore[no-untyped-def]
    data, at, kind, width, n_alleles, order, in_order, state, genotypes, phased, states, n_columns
):
    """Read calls of one or two alleles; false where they are not plain."""
    size = value_bytes(kind)
    if not is_whole(kind) or width < 1 or width > 2:
        return False
    if not _are_plain(data, at, n_columns * width, size, n_alleles):
        return False
    if in_order and size == 1 and width == 2:
        _byte_pairs(data[at : at + 2 * n_columns], genotypes.reshape(-1), phased, states, state)
        return True
    for i in range(order.size):
        cell = at + order[i] * width * size
        one, _ = _allele(data, cell, size)
        two, joined = np.int64(FILL), False
        if width == 2:
            two, joined = _allele(data, cell + size, size)
        genotypes[i, 0], genotypes[i, 1] = one, two
        phased[i] = joined
        states[i] = NO_CALL if one < 0 or two == MISSING else state
    return True


@njit(nogil=True, cache=True)
def _read_integers(data, at, kind, width, order, in_order, out):  # type: ignore[no-untyped-def]
    """Read the first number of each call: -1 where it is missing, fill, or what stands for fill in memory."""
    size = value_bytes(kind)
    low = -(1 << (8 * size - 1))
    if in_order and width == 1 and size == 1:
        cells = data[at : at + out.size]
        for i in range(out.size):
            value = np.int8(cells[i])
            out[i] = MISSING if (value <= -127) | (value == FILL) else value
        return
    for i in range(order.size):
        value = signed(data, at + order[i] * width * size, size)
        out[i] = MISSING if value <= low + 1 or value == FILL else value


@njit(nogil=True, cache=True)
def _filter_calls(data, at, width, order, states):  # type: ignore[no-untyped-def]
    """Mark the calls whose FT says anything but PASS."""
    for i in range(order.size):
        begin = at + order[i] * width
        n = width
        while n > 0 and data[begin + n - 1] == 0:
            n -= 1
        passes = n == 0 or (n == 1 and data[begin] == DOT)
        if n == 4:
            passes = data[begin] == 80 and data[begin + 1] == 65 and data[begin + 2] == 83
            passes = passes and data[begin + 3] == 83
        if not passes and states[i] == OBSERVED:
            states[i] = FILTERED


@njit(nogil=True, cache=True)
def read_calls(  # type: ignore[no-untyped-def]
    data, at, end, n_formats, n_alleles, n_columns, filtered, strings, roles, order, in_order,
    genotypes, phased, states, slots, floats, row, seen,
):  # fmt: skip
    """Read the FORMAT fields of one record; false where it is not simple."""
    seen[:] = _ABSENT
    n_slots = slots.shape[0]
    filters_at, filters_width = np.int64(_ABSENT), np.int64(0)
    has_genotypes = False
    state = np.int8(FILTERED if filtered else OBSERVED)
    for _ in range(n_formats):
        key, at = read_key(data, at, end, strings)
        if at == FAILED:
            return False
        kind, width, at = read_typed(data, at, end, n_columns)
        if at == FAILED:
            return False
        role = roles[key]
        if role == GENOTYPE:
            if has_genotypes or not _read_genotypes(
                data, at, kind, width, n_alleles, order, in_order, state,
                genotypes[row], phased[row], states[row], n_columns,
            ):  # fmt: skip
                return False
            has_genotypes = True
        elif role == CALL_FILTER:
            if filters_at != _ABSENT or kind != TEXT:
                return False
            filters_at, filters_width = at, width
        elif role != SKIP:
            slot = n_slots + role - FIRST_FLOAT if role >= FIRST_FLOAT else role - FIRST_SLOT
            if seen[slot] != _ABSENT or width < 1:
                return False
            seen[slot] = at
            if role < FIRST_FLOAT and is_whole(kind):
                _read_integers(data, at, kind, width, order, in_order, slots[slot, row])
            elif role >= FIRST_FLOAT and kind == _FLOAT:
                for i in range(order.size):
                    floats[slot - n_slots, row, i] = unsigned(data, at + 4 * width * order[i])
            else:
                return False
        at += value_bytes(kind) * width * n_columns
    if not has_genotypes:
        genotypes[row, :, :] = FILL
        phased[row, :] = False
        states[row, :] = NO_CALL
    elif filters_at != _ABSENT:
        _filter_calls(data, filters_at, filters_width, order, states[row])
    for slot in range(n_slots):
        if seen[slot] == _ABSENT:
            slots[slot, row, :] = MISSING
    for slot in range(floats.shape[0]):
        if seen[n_slots + slot] == _ABSENT:
            floats[slot, row, :] = MISSING_FLOAT
    return True
