"""Compiled reading of the sample columns of one VCF record; see `genomics.readers.fast_kernels`."""
# ruff: noqa: SIM109 -- compiled code has no membership tests, and plain loops are what it compiles best.

from __future__ import annotations

import numpy as np
from numba import njit

# What a key of FORMAT means to the scanner; whole numbers and decimals to keep have slots of their own.
SKIP_TEXT, SKIP_INTEGER, SKIP_FLOAT, GENOTYPE, CALL_FILTER, FIRST_SLOT, FIRST_FLOAT = 0, 1, 2, 3, 4, 10, 1000
TAB, NEWLINE, COLON, DOT, SLASH, PIPE, COMMA, MINUS = 9, 10, 58, 46, 47, 124, 44, 45
NO_CALL, FILTERED, MISSING, FILL = 1, 2, -1, -2
_ZERO = np.uint8(48)


@njit(nogil=True, cache=True)
def _allele(text, at):  # type: ignore[no-untyped-def]
    """Allele number at `at` (-1 for a point, -3 for anything else) and the byte after it."""
    c = np.int64(text[at])
    if c == DOT:
        return -1, at + 1
    if c < 48 or c > 57:
        return -3, at
    value = c - 48
    at += 1
    while 48 <= text[at] <= 57:
        value = value * 10 + (np.int64(text[at]) - 48)
        at += 1
        if value > 127:
            return -3, at
    return value, at


@njit(nogil=True, cache=True)
def _call_passes(text, at):  # type: ignore[no-untyped-def]
    """Whether FT at `at` is PASS, a point or nothing, and the byte after it; -1 where it is not plain."""
    start = at
    while text[at] != COLON and text[at] != TAB and text[at] != NEWLINE:
        if text[at] < 33 or text[at] > 126:
            return -1, at
        at += 1
    n = at - start
    if n == 0 or (n == 1 and text[start] == DOT):
        return 1, at
    is_pass = n == 4 and text[start] == 80 and text[start + 1] == 65
    return int(is_pass and text[start + 2] == 83 and text[start + 3] == 83), at


@njit(nogil=True, cache=True)
def _genotype(text, at):  # type: ignore[no-untyped-def]
    """Alleles, phase and the byte after a call of any number of digits; -3 where it is not simple."""
    first, at = _allele(text, at)
    separator = text[at]
    if separator != SLASH and separator != PIPE:
        return first, np.int64(FILL), False, at
    second, at = _allele(text, at + 1)
    return first, second, separator == PIPE, at


@njit(nogil=True, cache=True)
def _skip_integers(text, at):  # type: ignore[no-untyped-def]
    """Pass over whole numbers and points, separated by commas; -1 for anything else."""
    while True:
        start = at
        while np.uint8(text[at] - _ZERO) <= 9:
            at += 1
        if at - start > 9:
            return -1
        if at == start:
            if text[at] != DOT:
                return -1
            at += 1
        if text[at] != COMMA:
            return at
        at += 1


@njit(nogil=True, cache=True)
def _skip_floats(text, at):  # type: ignore[no-untyped-def]
    """Pass over plain decimal numbers and points, separated by commas; -1 for anything else."""
    while True:
        start = at
        if text[at] == MINUS:
            at += 1
        first = at
        while np.uint8(text[at] - _ZERO) <= 9:
            at += 1
        digits = at - first
        if text[at] == DOT:
            at += 1
            first = at
            while np.uint8(text[at] - _ZERO) <= 9:
                at += 1
            digits += at - first
        if digits == 0 and (at - start != 1 or text[start] != DOT):
            return -1
        if text[at] != COMMA:
            return at
        at += 1


@njit(nogil=True, cache=True)
def read_decimal(text, at, no_float):  # type: ignore[no-untyped-def]
    """Value of a plain decimal number, or `no_float` for a point, and the byte after it; -1 for anything else.

    Fifteen digits over a power of ten up to 22 are divided without a rounding error but the last.
    """
    if text[at] == DOT and not np.uint8(text[at + 1] - _ZERO) <= 9:
        return no_float, at + 1
    negative = text[at] == MINUS
    if negative:
        at += 1
    value, scale, digits = 0.0, 1.0, 0
    while np.uint8(text[at] - _ZERO) <= 9:
        value = value * 10.0 + np.float64(text[at] - _ZERO)
        digits += 1
        at += 1
    if text[at] == DOT:
        at += 1
        while np.uint8(text[at] - _ZERO) <= 9:
            value = value * 10.0 + np.float64(text[at] - _ZERO)
            scale *= 10.0
            digits += 1
            at += 1
    if digits == 0 or digits > 15:
        return no_float, -1
    return np.float32(-value / scale if negative else value / scale), at


@njit(nogil=True, cache=True)
def read_calls(  # type: ignore[no-untyped-def]
    text, at, place, layout, n_keys, n_alts, filtered, genotypes, phased, states, slots, floats, no_float, row
):
    """Read the sample columns of one record; the byte after them, or -1 where it is not simple."""
    n_columns = place.size
    for column in range(n_columns):
        sample = place[column]
        keep = sample >= 0
        state = FILTERED if filtered else 0
        key = 0
        c = np.uint8(0)
        while True:
            code = layout[key]
            if code == GENOTYPE:
                one, two = np.uint8(text[at] - _ZERO), np.uint8(text[at + 2] - _ZERO)
                separator, c = text[at + 1], text[at + 3]
                usual = one <= 9 and two <= 9 and (separator == PIPE or separator == SLASH)
                if usual and (c == COLON or c == TAB or c == NEWLINE):
                    first, second, is_phased = np.int64(one), np.int64(two), separator == PIPE
                    at += 3
                else:
                    first, second, is_phased, at = _genotype(text, at)
                    c = text[at]
                    if first == -3 or second == -3:
                        return -1
                    if first == MISSING or second == MISSING:
                        state = NO_CALL
                if first > n_alts or second > n_alts:
                    return -1
                if keep:
                    genotypes[row, sample, 0] = first
                    genotypes[row, sample, 1] = second
                    phased[row, sample] = is_phased
            elif code >= FIRST_FLOAT:
                decimal, at = read_decimal(text, at, no_float)
                if at < 0:
                    return -1
                c = text[at]
                if keep:
                    floats[code - FIRST_FLOAT, row, sample] = decimal
            elif code >= FIRST_SLOT:
                value, start = np.int64(0), at
                c = text[at]
                digit = np.uint8(c - _ZERO)
                while digit <= 9:
                    value = value * 10 + np.int64(digit)
                    at += 1
                    c = text[at]
                    digit = np.uint8(c - _ZERO)
                if at - start > 9:
                    return -1
                if at == start:
                    if c != DOT:
                        return -1
                    value = MISSING
                    at += 1
                    c = text[at]
                if keep:
                    slots[code - FIRST_SLOT, row, sample] = value
            elif code == CALL_FILTER:
                passes, at = _call_passes(text, at)
                if passes < 0:
                    return -1
                if passes == 0 and state == 0:
                    state = FILTERED
                c = text[at]
            else:
                if code == SKIP_INTEGER:
                    at = _skip_integers(text, at)
                elif code == SKIP_FLOAT:
                    at = _skip_floats(text, at)
                else:
                    while 32 <= text[at] <= 126 and text[at] != COLON:
                        at += 1
                if at < 0:
                    return -1
                c = text[at]
            if c == COLON:
                key += 1
                at += 1
                if key == n_keys:
                    return -1
            elif c == TAB or c == NEWLINE:
                break
            else:
                return -1
        if keep:
            states[row, sample] = state
            for rest in range(key + 1, n_keys):
                if layout[rest] >= FIRST_FLOAT:
                    floats[layout[rest] - FIRST_FLOAT, row, sample] = no_float
                elif layout[rest] >= FIRST_SLOT:
                    slots[layout[rest] - FIRST_SLOT, row, sample] = MISSING
        if (c == NEWLINE) != (column == n_columns - 1):
            return -1
        at += 1
    return at
