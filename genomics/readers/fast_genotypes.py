"""Compiled reading of genotypes alone, many bytes at a time, where nothing else of a call is kept.

First the four bytes that each call begins with are gathered, and what follows them is only checked to be
whole numbers; then all calls of the record are turned into alleles together. Calls of another shape than
``0|1`` leave the record to `genomics.readers.fast_calls`, which takes longer and takes more.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from genomics.readers.byte_masks import N_BYTES, count_bits, digit_mask, equal_mask, load_word, lowest_bit

TAB, NEWLINE, COLON, DOT, SLASH, PIPE, COMMA = (np.uint8(ord(c)) for c in "\t\n:./|,")
BYTES_PER_CALL = 4
NO_CALL = np.uint8(1)
_NONE, _ALL = np.uint64(0), np.uint64(2**64 - 1)
_1, _2, _3, _4, _8 = (np.uint64(i) for i in (1, 2, 3, 4, 8))
_BITS = np.uint64(N_BYTES)
_WORD = np.uint32(255)
_MISSING_ALLELE = np.uint32(255)  # -1 in eight bits


@njit(nogil=True, cache=True)
def _moved(mask, before, places):  # type: ignore[no-untyped-def]
    """Move bits up, those from the end of the 64 bytes before among them."""
    return (mask << places) | (before >> (_BITS - places))


@njit(nogil=True, cache=True)
def gather_calls(text, at, n_columns, n_keys, calls):  # type: ignore[no-untyped-def]
    """Copy the first four bytes of each sample column, if all that follows them is whole numbers.

    Parameters
    ----------
    text : uint8 (bytes,)
    at : int
        Where the first sample column begins.
    n_columns : int
    n_keys : int
        Keys of FORMAT; a column may leave out the last ones.
    calls : uint32 (columns,)
        Written.

    Returns
    -------
    int
        The byte after the line; -1 where the line is not of this kind, or too near the end of the text.
    """
    column, start, n_colons = 0, at, 0
    tabs0, joints0, points0, run1, run2, run4 = _1 << (_BITS - _1), _NONE, _NONE, _NONE, _NONE, _NONE
    while at + N_BYTES <= text.size:
        digits = digit_mask(text, at)
        colons, tabs = equal_mask(text, at, COLON), equal_mask(text, at, TAB)
        points, commas = equal_mask(text, at, DOT), equal_mask(text, at, COMMA)
        newline = equal_mask(text, at, NEWLINE)
        inside = _ALL
        if newline != _NONE:
            newline &= ~newline + _1  # the first alone
            inside = newline | (newline - _1)
            tabs = (tabs & inside) | newline
        # The second byte behind a tab stands between two alleles, which may be points.
        separators = _moved(tabs, tabs0, _2)
        joints = colons | commas
        numbers = _moved(joints, joints0, _1)
        wrong = ~(digits | joints | tabs | points | separators)
        wrong |= numbers & ~(digits | points)
        wrong |= _moved(points, points0, _1) & ~(joints | tabs | separators)
        wrong |= points & ~(numbers | _moved(tabs, tabs0, _1) | _moved(tabs, tabs0, _3))
        # Runs of 2, 4, 8 and at last 10 digits: too long for a whole number.
        two = digits & _moved(digits, run1, _1)
        four = two & _moved(two, run2, _2)
        eight = four & _moved(four, run4, _4)
        wrong |= eight & _moved(two, run2, _8)
        if wrong & inside != _NONE:
            return -1
        tabs0, joints0, points0, run1, run2, run4 = tabs, joints, points, digits, two, four
        known = -n_colons
        while tabs != _NONE:
            end = lowest_bit(tabs)
            n_colons = count_bits(colons & ((_1 << np.uint64(end)) - _1))
            if n_colons - known >= n_keys or column == n_columns:
                return -1
            known = n_colons
            calls[column] = load_word(text, start)
            column += 1
            start = at + end + 1
            tabs &= tabs - _1
        if newline != _NONE:
            return start if column == n_columns else -1
        n_colons = count_bits(colons) - known
        at += N_BYTES
    return -1


@njit(nogil=True, cache=True)
def decode_calls(text, at, n_columns, n_alts, state, genotypes, phased, states):  # type: ignore[no-untyped-def]
    """Turn calls of four bytes, ``0|1`` and what ends it, into alleles; written for the vectoriser.

    Parameters
    ----------
    text : uint8 (bytes,)
    at : int
        Where the first call begins; the others lie behind it without a gap.
    n_columns, n_alts : int
    state : uint8
        Of calls without a missing allele.
    genotypes : uint16 (columns,)
        Written: two alleles of eight bits.
    phased, states : (columns,)
        Written.

    Returns
    -------
    bool
        Whether all calls are of this kind.
    """
    wrong = np.uint32(0)
    largest = np.uint32(min(n_alts, 9))
    point, zero = np.uint32(DOT), np.uint32(ord("0"))
    for column in range(n_columns):
        call = load_word(text, at + BYTES_PER_CALL * column)
        first, separator = call & _WORD, (call >> np.uint32(8)) & _WORD
        second, after = (call >> np.uint32(16)) & _WORD, call >> np.uint32(24)
        no_first, no_second = first == point, second == point
        one = _MISSING_ALLELE if no_first else first - zero
        two = _MISSING_ALLELE if no_second else second - zero
        genotypes[column] = np.uint16(one | (two << np.uint32(8)))
        phased[column] = separator == PIPE
        states[column] = NO_CALL if no_first | no_second else state
        odd = ((one > largest) & (not no_first)) | ((two > largest) & (not no_second))
        odd |= (separator != PIPE) & (separator != SLASH)
        odd |= (after != TAB) & (after != COLON) & (after != NEWLINE)
        wrong |= np.uint32(odd)
    return wrong == 0
