"""Put together what several records tell of one site.

A file may split a site's alternates over records, write one variant twice, or describe a deletion over the
site in a record of its own. Each record's calls are codes of two haplotypes; in phased calls the first of
one record and the first of another are the same haplotype, in unphased ones the order means nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from jaxtyping import Int8, Int32

from genomics.star_match import FILL, UNKNOWN
from genomics.star_records import SILENT

Pair: TypeAlias = tuple[int, int]

_NOTHING = (UNKNOWN, SILENT)


def join_calls(
    codes: Sequence[Int8[np.ndarray, "samples 2"]], sets: Sequence[Int32[np.ndarray, " samples"]]
) -> tuple[Int8[np.ndarray, "samples 2"], Int32[np.ndarray, " samples"]]:
    """Join the calls of the records of one site.

    Parameters
    ----------
    codes
        By record, the codes of each sample's two haplotypes.
    sets
        By record, the phase set of each sample's call, 0 where it is not phased.

    Returns
    -------
    tuple of numpy.ndarray
        Codes and phase sets of the site. Records that contradict each other leave the call unknown.
    """
    if len(codes) == 1:
        return np.where(codes[0] == SILENT, UNKNOWN, codes[0]).astype(np.int8), sets[0]
    stacked_codes, stacked_sets = np.stack(codes, axis=1), np.stack(sets, axis=1)
    same = (stacked_sets[:, :, None] == stacked_sets[:, None, :]) & (stacked_sets[:, :, None] > 0)
    # The first record of the same set stands for the set, so that samples of one pattern are joined once.
    labels = np.where(same.any(axis=2), same.argmax(axis=2), -1).astype(np.int8)
    flat = np.concatenate([stacked_codes.reshape(len(labels), -1), labels], axis=1).astype(np.int8)
    keys = np.ascontiguousarray(flat).view(np.dtype((np.void, flat.shape[1]))).ravel()
    _, first, pattern_of = np.unique(keys, return_index=True, return_inverse=True)
    joined = [join_call([(int(a), int(b)) for a, b in stacked_codes[s]], labels[s].tolist()) for s in first]
    pairs = np.array([pair for pair, _ in joined], dtype=np.int8).reshape(-1, 2)[pattern_of]
    record = np.array([label for _, label in joined], dtype=int)[pattern_of]
    chosen = np.take_along_axis(stacked_sets, np.maximum(record, 0)[:, None], axis=1)[:, 0]
    return pairs, np.where(record >= 0, chosen, 0).astype(np.int32)


def join_call(calls: Sequence[Pair], labels: Sequence[int]) -> tuple[Pair, int]:
    """Join one sample's calls of several records.

    Parameters
    ----------
    calls
        Codes of the two haplotypes by record.
    labels
        Phase set of each call, -1 where it is not phased.

    Returns
    -------
    tuple
        The codes, and the label of the phase set that they belong to.

    Examples
    --------
    >>> join_call([(0, 1), (0, 2)], [-1, -1])
    ((2, 1), -1)
    >>> join_call([(0, 1), (2, 0)], [0, 0])
    ((2, 1), 0)
    """
    told = [(call, label) for call, label in zip(calls, labels) if not set(call) <= {*_NOTHING}]
    if not told:
        return (UNKNOWN, UNKNOWN), -1
    if _disagree([call for call, _ in told]):
        return (UNKNOWN, FILL if told[0][0][1] == FILL else UNKNOWN), -1
    if all(call[1] == FILL for call, _ in told):
        return (_join_slot([call[0] for call, _ in told]), FILL), -1
    pairs = [(a, SILENT if b == FILL else b) for (a, b), _ in told]
    uneven = {label for (a, b), (_, label) in zip(pairs, told) if a != b}
    if -1 not in uneven and len(uneven) < 2:
        label = uneven.pop() if uneven else told[0][1]
        return (_join_slot([a for a, _ in pairs]), _join_slot([b for _, b in pairs])), label
    return _join_unphased(pairs), -1


def _disagree(calls: Sequence[Pair]) -> bool:
    """Whether two full calls of one known variant give it different numbers of copies."""
    full = [call for call in calls if not set(call) & {*_NOTHING}]
    return any(
        len({call.count(code) for call in full} - {0}) > 1
        for code in {c for call in full for c in call if c > 0}
    )


def _join_slot(codes: Sequence[int]) -> int:
    """Code of one haplotype, from what each record says of it."""
    variants = {code for code in codes if code not in (0, *_NOTHING)}
    if variants:
        return variants.pop() if len(variants) == 1 else UNKNOWN
    return 0 if 0 in codes and UNKNOWN not in codes else UNKNOWN


def _join_unphased(pairs: Sequence[Pair]) -> Pair:
    """Join by counting: a variant has the most copies that any record gives it."""
    variants = [[code for code in pair if code not in (0, *_NOTHING)] for pair in pairs]
    copies = {code: max(found.count(code) for found in variants) for found in variants for code in found}
    n_variants = sum(copies.values())
    if n_variants > 2:
        return UNKNOWN, UNKNOWN
    open_ = max(pair.count(UNKNOWN) - (n_variants - len(found)) for pair, found in zip(pairs, variants))
    has_zero = any(0 in pair for pair in pairs)
    rest = UNKNOWN if open_ > 0 or not has_zero else 0
    joined = [code if code not in _NOTHING else rest for code in pairs[0]]
    for code in copies:
        for _ in range(copies[code] - joined.count(code)):
            joined[next(slot for slot in (0, 1) if joined[slot] in (0, UNKNOWN))] = code
    kept = [code if code not in (0, UNKNOWN) else rest for code in joined]
    if open_ == 1 and kept.count(UNKNOWN) == 2 and has_zero:
        kept[0] = 0
    return kept[0], kept[1]
