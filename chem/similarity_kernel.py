"""The most similar fingerprints among millions, from their columns: compiled code.

The fingerprints are sorted by their number of bits. All those with the same number c share with a query of q bits at
most min(q, c), which bounds their similarity; the groups are searched from the highest bound down and left out once
it cannot reach the results any more. Within a group the similarity grows with the number of shared bits alone. That number
is counted for 64 molecules at once: every column of the query's bits is added to a binary counter whose digits
are words, 64 counters side by side, and one comparison per word says which of them are high enough.

References
----------
Swamidass and Baldi, Bounds and algorithms for fast exact searches of chemical fingerprints in linear and
sublinear time, J. Chem. Inf. Model. 2007, 47, 302-317, doi:10.1021/ci600358f (the bound).
O'Neil and Quass, SIGMOD Record 1997, 26, 38-49, doi:10.1145/253262.253268 (adding in columns).
Tversky, Features of similarity, Psychological Review 1977, 84, 327-352, doi:10.1037/0033-295X.84.4.327.
"""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np
from numba import njit

_WORDS_AT_ONCE = 128


@njit(cache=True, nogil=True)
def tversky_index(shared: int, q: int, c: int, alpha: float, beta: float) -> float:
    """Tversky's index of a query of q bits and a molecule of c bits; Tanimoto's where both weights are 1.

    Where neither has a weighted bit it is 0, as for two molecules of which nothing is known.

    Examples
    --------
    >>> tversky_index(1, 2, 3, 1.0, 1.0)
    0.25
    """
    weight = shared + alpha * (q - shared) + beta * (c - shared)
    return shared / weight if weight > 0.0 else 0.0


@njit(cache=True, nogil=True)
def _least_shared(cutoff: float, q: int, c: int, alpha: float, beta: float) -> int:
    """How many bits must be shared to reach the cutoff; one more than can be where none suffice."""
    most = min(q, c)
    for shared in range(most + 1):
        if tversky_index(shared, q, c, alpha, beta) >= cutoff:
            return shared
    return most + 1


@njit(cache=True, nogil=True)
def _add_three(a: Any, b: Any, total: Any, carry: Any) -> None:
    """Add two words' bits to a digit: the sum replaces the digit, what is carried to the next goes to `carry`."""
    for word in range(total.size):
        either, before = a[word] ^ b[word], total[word]
        carry[word] = (a[word] & b[word]) | (either & before)
        total[word] = either ^ before


@njit(cache=True, nogil=True)
def _add_carried(digits: Any, carry: Any, digit: int, largest: int) -> None:
    """Add bits of the value of a digit to the counters, none of which exceeds `largest` then."""
    while largest >> digit:
        total = digits[digit]
        for word in range(total.size):
            before, added = total[word], carry[word]
            total[word] = before ^ added
            carry[word] = before & added
        digit += 1


@njit(cache=True, nogil=True)
def _count_shared(tile: Any, bits: Any, first: int, n_words: int, digits: Any, carries: Any) -> None:
    """Count, for each molecule of some words, how many of the bits it has: digit by digit, as binary numbers.

    Four columns at a time, so that the higher digits are touched once for four.
    """
    digits[:] = 0
    end = first + n_words
    twos, more_twos, fours = carries[0], carries[1], carries[2]
    fourfold = bits.size - bits.size % 4
    for place in range(0, fourfold, 4):
        _add_three(tile[bits[place], first:end], tile[bits[place + 1], first:end], digits[0], twos)
        _add_three(tile[bits[place + 2], first:end], tile[bits[place + 3], first:end], digits[0], more_twos)
        _add_three(twos, more_twos, digits[1], fours)
        _add_carried(digits, fours, 2, place + 4)
    for place in range(fourfold, bits.size):
        twos[:] = tile[bits[place], first:end]
        _add_carried(digits, twos, 0, place + 1)


@njit(cache=True, nogil=True)
def _mark_at_least(digits: Any, least: int, n_words: int, marked: Any, equal: Any) -> None:
    """Set the bits of the molecules whose counter is `least` or more."""
    for word in range(n_words):
        marked[word] = 0
        equal[word] = ~np.uint64(0)
    for digit in range(digits.shape[0] - 1, -1, -1):
        if (least >> digit) & 1:
            for word in range(n_words):
                equal[word] &= digits[digit, word]
        else:
            for word in range(n_words):
                marked[word] |= equal[word] & digits[digit, word]
                equal[word] &= ~digits[digit, word]
    for word in range(n_words):
        marked[word] |= equal[word]


@njit(cache=True, nogil=True)
def _keep_between(marked: Any, n_words: int, begin: int, end: int) -> None:
    """Clear what lies before bit `begin` and from bit `end` on, counted over all words."""
    marked[0] &= ~np.uint64(0) << np.uint64(begin)
    left = end - 64 * (n_words - 1)
    if left < 64:
        marked[n_words - 1] &= (np.uint64(1) << np.uint64(left)) - np.uint64(1)


@njit(cache=True, nogil=True)
def _group_order(starts: Any, q: int, alpha: float, beta: float) -> Any:
    """Return the numbers of bits that molecules have, those with the highest possible similarity first."""
    groups = np.flatnonzero(starts[1:] > starts[:-1])
    bounds = np.empty(groups.size)
    for place in range(groups.size):
        c = groups[place]
        bounds[place] = -tversky_index(min(q, c), q, c, alpha, beta)
    return groups[np.argsort(bounds, kind="mergesort")]


@njit(cache=True, nogil=True)
def _counter(digits: Any, word: int, place: int) -> int:
    """Read one of the counters whose digits stand side by side."""
    value = np.int64(0)
    for digit in range(digits.shape[0]):
        value |= np.int64((digits[digit, word] >> np.uint64(place)) & np.uint64(1)) << digit
    return value  # type: ignore[return-value]  # compiled, it is one of numpy's whole numbers


@njit(cache=True, nogil=True)
def _collect(
    found: Any, k: int, marked: Any, digits: Any, n_words: int, first: int, order: Any, query: Any
) -> None:
    """Add the marked molecules to what is found; where k of them are wanted, it is a heap with the worst first."""
    q, c, alpha, beta = query
    for word in range(n_words):
        left, place = marked[word], 0
        while left:
            if left & np.uint64(1):
                shared = _counter(digits, word, place)
                # Of equals, the one that stands further behind is the worse.
                item = (tversky_index(shared, q, c, alpha, beta), -order[first + 64 * word + place])
                if k < 0:
                    found.append(item)
                elif len(found) < k:
                    heapq.heappush(found, item)
                elif item > found[0]:
                    heapq.heapreplace(found, item)
            left >>= np.uint64(1)
            place += 1


@njit(cache=True, nogil=True)
def find_similar(
    columns: Any, starts: Any, order: Any, bits: Any, alpha: float, beta: float, threshold: float, k: int
) -> tuple[Any, Any]:
    """Find the molecules of at least some similarity, or the k best of them.

    Parameters
    ----------
    columns
        uint64 (n_tiles, n_bits, words): columns of the molecules, sorted by their number of bits, then by position.
    starts
        int64 (n_bits + 2,): where those with each number of bits begin.
    order
        int64 (n_molecules,): position of each sorted molecule.
    bits
        int64: the query's bits.
    alpha, beta
        Tversky's weights of the query's own and the molecules' own bits.
    threshold
        Least similarity.
    k
        How many to find, 1 or more; -1 for all.

    Returns
    -------
    tuple
        float64 similarities and int64 positions, in no order; of equals the lower positions are kept.
    """
    q = bits.size
    n_digits = 0
    while q >> n_digits:
        n_digits += 1
    digits = np.zeros((n_digits, _WORDS_AT_ONCE), np.uint64)
    carries, marked = np.zeros((3, _WORDS_AT_ONCE), np.uint64), np.zeros(_WORDS_AT_ONCE, np.uint64)
    found = [(0.0, np.int64(0)) for _ in range(0)]
    cutoff = threshold
    tile_words = columns.shape[2]
    for c in _group_order(starts, q, alpha, beta):
        slot, end = starts[c], starts[c + 1]
        while slot < end:
            least = _least_shared(cutoff, q, c, alpha, beta)
            if least > min(q, c):
                break
            word = slot >> 6
            tile, first = word // tile_words, word % tile_words
            n_words = min(_WORDS_AT_ONCE, tile_words - first, ((end - 1) >> 6) - word + 1)
            stop = min(end, (word + n_words) << 6)
            some = digits[:, :n_words]
            _count_shared(columns[tile], bits, first, n_words, some, carries[:, :n_words])
            _mark_at_least(digits, least, n_words, marked, carries[0])
            _keep_between(marked, n_words, slot & 63, stop - (word << 6))
            _collect(found, k, marked, digits, n_words, word << 6, order, (q, c, alpha, beta))
            if len(found) == k:
                cutoff = max(threshold, found[0][0])
            slot = stop
    similarity, position = np.empty(len(found), np.float64), np.empty(len(found), np.int64)
    for place in range(len(found)):
        similarity[place], position[place] = found[place][0], -found[place][1]
    return similarity, position
