"""Compiled scanning of VCF text: the calls of clean records straight into arrays.

A record is *simple* when everything in it is written the usual way: printable ASCII, POS and QUAL plain
numbers, as many columns as the header names, calls of one or two alleles below 128. Any other record is
only marked, and the careful reader takes it. Nothing here decides that a record is wrong.
"""
# ruff: noqa: SIM109, SIM110 -- as in fast_calls

from __future__ import annotations

import numpy as np
from numba import njit

from genomics.readers.fast_calls import (
    COMMA,
    DOT,
    FILTERED,
    FIRST_FLOAT,
    FIRST_SLOT,
    GENOTYPE,
    MISSING,
    NEWLINE,
    SKIP_INTEGER,
    TAB,
    read_calls,
)
from genomics.readers.fast_genotypes import BYTES_PER_CALL, decode_calls, gather_calls

# Why the scan of a run of lines ended.
DONE, UNKNOWN_FORMAT = 0, 1
SIMPLE, CAREFUL = 0, 1
N_FIXED = 8
"""Columns before FORMAT."""

_SEMICOLON, _EQUALS, _HASH = 59, 61, 35


@njit(nogil=True, cache=True)
def _to_line_end(text, at):  # type: ignore[no-untyped-def]
    while text[at] != NEWLINE:
        at += 1
    return at


@njit(nogil=True, cache=True)
def _whole_number(text, at, end, max_digits):  # type: ignore[no-untyped-def]
    """Value of the digits from `at` up to `end`, or -1."""
    if end - at < 1 or end - at > max_digits:
        return -1
    value = 0
    for i in range(at, end):
        digit = np.int64(text[i]) - 48
        if digit < 0 or digit > 9:
            return -1
        value = value * 10 + digit
    return value


@njit(nogil=True, cache=True)
def _quality(text, at, end):  # type: ignore[no-untyped-def]
    """QUAL and whether it is written plainly: digits with at most one point, 15 of them at most.

    Fifteen digits over a power of ten up to 22 are divided without a rounding error but the last.
    """
    if end - at == 1 and text[at] == DOT:
        return np.nan, True
    value, scale, digits = 0.0, 1.0, 0
    point = False
    for i in range(at, end):
        c = np.int64(text[i])
        if c == DOT and not point:
            point = True
        elif 48 <= c <= 57:
            value = value * 10.0 + (c - 48)
            digits += 1
            if point:
                scale *= 10.0
        else:
            return 0.0, False
    return value / scale, 0 < digits <= 15


@njit(nogil=True, cache=True)
def _fixed_columns(text, at, tabs, n_fixed):  # type: ignore[no-untyped-def]
    """Write the end of each fixed column; true where all are there, not empty and of plain characters."""
    column, start = 0, at
    while column < n_fixed:
        c = text[at]
        if c == TAB or c == NEWLINE:
            if at == start:
                return False
            tabs[column] = at
            column += 1
            start = at + 1
            if c == NEWLINE:
                return column == n_fixed
        elif c < 32 or c > 126:
            return False
        at += 1
    return True


@njit(nogil=True, cache=True)
def _count_alts(text, at, end):  # type: ignore[no-untyped-def]
    """ALT alleles, or -1 where one is empty."""
    if end - at == 1 and text[at] == DOT:
        return 0
    count, start = 1, at
    for i in range(at, end):
        if text[i] == COMMA:
            if i == start:
                return -1
            count += 1
            start = i + 1
    return -1 if start == end else count


@njit(nogil=True, cache=True)
def _info_end(text, at, end):  # type: ignore[no-untyped-def]
    """INFO/END, -1 where there is none, -2 where INFO needs a second look."""
    if end - at == 1 and text[at] == DOT:
        return np.int64(-1)
    found, start = np.int64(-1), at
    for i in range(at, end + 1):
        if i < end and text[i] != _SEMICOLON:
            continue
        if i == start or text[start] == _EQUALS:
            return np.int64(-2)
        is_end = i - start >= 3 and text[start] == 69 and text[start + 1] == 78 and text[start + 2] == 68
        if is_end and (i - start == 3 or text[start + 3] == _EQUALS):
            value = _whole_number(text, start + 4, i, 9)
            if value < 0 or found >= 0:
                return np.int64(-2)
            found = value
        start = i + 1
    return found


@njit(nogil=True, cache=True)
def _same(text, at, end, other, start, stop):  # type: ignore[no-untyped-def]
    if end - at != stop - start:
        return False
    for i in range(end - at):
        if text[at + i] != other[start + i]:
            return False
    return True


@njit(nogil=True, cache=True)
def _is_pass(text, at, end):  # type: ignore[no-untyped-def]
    """Tell whether FILTER is a point or names nothing but PASS; what is empty between semicolons is no name."""
    if end - at == 1 and text[at] == DOT:
        return True
    while at < end:
        if text[at] != _SEMICOLON:
            if (
                end - at < 4
                or text[at] != 80
                or text[at + 1] != 65
                or text[at + 2] != 83
                or text[at + 3] != 83
            ):
                return False
            at += 4
            if at < end and text[at] != _SEMICOLON:
                return False
        at += 1
    return True


@njit(nogil=True, cache=True)
def _genotype_alone(layout, n_keys):  # type: ignore[no-untyped-def]
    """Tell whether GT is all that is taken of a call, and whole numbers all that is left."""
    alone = layout[0] == GENOTYPE
    for key in range(1, n_keys):
        alone &= layout[key] == SKIP_INTEGER
    return alone


@njit(nogil=True, cache=True)
def _read_genotypes(  # type: ignore[no-untyped-def]
    text, at, stop, place, in_order, n_keys, n_alts, filtered, words, pairs, phased, states
):
    """Read calls of one digit each; the byte after the line, or -1 where it has others."""
    n_columns = place.size
    state = np.uint8(FILTERED if filtered else 0)
    calls, begin, after = text, at, at + BYTES_PER_CALL * n_columns
    if n_keys > 1 or after > stop or text[after - 1] != NEWLINE:
        calls, begin = words.view(np.uint8), 0
        after = gather_calls(text, at, n_columns, n_keys, words)
        if after < 0:
            return after
    if in_order:
        return after if decode_calls(calls, begin, n_columns, n_alts, state, pairs, phased, states) else -1
    all_pairs, all_phased = np.empty(n_columns, np.uint16), np.empty(n_columns, np.bool_)
    all_states = np.empty(n_columns, np.int8)
    if not decode_calls(calls, begin, n_columns, n_alts, state, all_pairs, all_phased, all_states):
        return -1
    for column in range(n_columns):
        sample = place[column]
        if sample >= 0:
            pairs[sample], phased[sample], states[sample] = (
                all_pairs[column], all_phased[column], all_states[column],
            )  # fmt: skip
    return after


@njit(nogil=True, cache=True)
def scan_lines(  # type: ignore[no-untyped-def]
    text, at, stop, place, in_order, format_text, format_starts, format_keys, layouts,
    row, lines, tabs, positions, qualities, ends, status, genotypes, phased, states, slots, floats, no_float,
):  # fmt: skip
    """Scan whole lines into the rows from `row` on.

    Parameters
    ----------
    text : uint8 (bytes,)
        Lines from `at` up to `stop`, each with its newline.
    place : int64 (columns,)
        Where each sample column goes, -1 for those not kept.
    in_order : bool
        All columns are kept where they are.
    format_text, format_starts, format_keys, layouts
        The FORMATs known: their bytes, where each begins, its number of keys (0: leave its records to the
        careful reader) and the meaning of its keys.
    lines : int64 (rows, 2)
        Written: where each line begins and ends, without its newline.
    tabs : int64 (rows, 8)
        Written: where each fixed column ends.
    positions, qualities, ends, status, genotypes, phased, states, slots, floats
        Written for simple records. `states` has to be zero before.
    no_float : float32
        What stands for a missing decimal.

    Returns
    -------
    reason : int
        DONE, or UNKNOWN_FORMAT where the line at `at` has a FORMAT that is not among those known.
    at, row
        Where to go on.
    """
    known = 0
    n_columns = place.size
    words = np.empty(n_columns, np.uint32)
    pairs = genotypes.view(np.uint16).reshape(genotypes.shape[:2])
    n_formats = format_keys.size
    while at < stop:
        lines[row, 0] = at
        status[row] = CAREFUL
        simple = text[at] != _HASH and _fixed_columns(text, at, tabs[row], N_FIXED)
        simple = simple and (text[tabs[row, 7]] == NEWLINE) == (n_columns == 0)
        n_alts = -1
        if simple:
            position = _whole_number(text, tabs[row, 0] + 1, tabs[row, 1], 10)
            quality, plain = _quality(text, tabs[row, 4] + 1, tabs[row, 5])
            n_alts = _count_alts(text, tabs[row, 3] + 1, tabs[row, 4])
            end = _info_end(text, tabs[row, 6] + 1, tabs[row, 7])
            simple = plain and 1 <= position <= 2147483646 and 0 <= n_alts <= 127 and end != -2
            positions[row], qualities[row], ends[row] = position, quality, end
        calls = tabs[row, 7] + 1
        if simple and n_columns == 0:
            at = calls
        elif simple:
            begin = calls
            while text[calls] != TAB and text[calls] != NEWLINE:
                calls += 1
            if known >= n_formats or not _same(
                text, begin, calls, format_text, format_starts[known], format_starts[known + 1]
            ):
                known = 0
                while known < n_formats and not _same(
                    text, begin, calls, format_text, format_starts[known], format_starts[known + 1]
                ):
                    known += 1
            if known == n_formats:
                return UNKNOWN_FORMAT, at, row
            filtered = not _is_pass(text, tabs[row, 5] + 1, tabs[row, 6])
            simple = format_keys[known] > 0 and text[calls] == TAB
            if simple:
                calls += 1
                after = -1
                if _genotype_alone(layouts[known], format_keys[known]):
                    after = _read_genotypes(
                        text, calls, stop, place, in_order, format_keys[known], n_alts, filtered,
                        words, pairs[row], phased[row], states[row],
                    )  # fmt: skip
                if after < 0:
                    after = read_calls(
                        text, calls, place, layouts[known], format_keys[known], n_alts, filtered,
                        genotypes, phased, states, slots, floats, no_float, row,
                    )  # fmt: skip
                simple = after >= 0
                at = after
        if simple:
            lines[row, 1] = at - 1
            status[row] = SIMPLE
            for slot in range(slots.shape[0]):
                in_format = False
                for key in range(format_keys[known] if n_columns else 0):
                    in_format |= layouts[known, key] == FIRST_SLOT + slot
                if not in_format:
                    slots[slot, row, :] = MISSING
            for slot in range(floats.shape[0]):
                in_format = False
                for key in range(format_keys[known] if n_columns else 0):
                    in_format |= layouts[known, key] == FIRST_FLOAT + slot
                if not in_format:
                    floats[slot, row, :] = no_float
        else:
            lines[row, 1] = _to_line_end(text, lines[row, 0])
            at = lines[row, 1] + 1
        row += 1
    return DONE, at, row


@njit(nogil=True, cache=True)
def count_lines(text):  # type: ignore[no-untyped-def]
    """Newlines in some text."""
    count = 0
    for i in range(text.size):
        count += text[i] == NEWLINE
    return count


@njit(nogil=True, cache=True)
def gather(text, starts, ends, out):  # type: ignore[no-untyped-def]
    """Copy pieces of text one after the other, a newline after each; the bytes written."""
    at = 0
    for row in range(starts.size):
        for i in range(starts[row], ends[row]):
            out[at] = text[i]
            at += 1
        out[at] = NEWLINE
        at += 1
    return at
