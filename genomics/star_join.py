"""Put together what several records tell of one site.

A file may split a site's alternates over records, write one variant twice, or describe a deletion over the
site in a record of its own. Each record's calls are codes of two haplotypes; in phased calls the first of
one record and the first of another are the same haplotype, in unphased ones the order means nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Int8, Int32

from genomics.star_changes import Change, find_changes
from genomics.star_find import Told
from genomics.star_match import FILL, UNKNOWN
from genomics.star_records import SILENT

Pair: TypeAlias = tuple[int, int]
# Two records, numbered as in the list of a site, that write the same alternates for a code.
Shared: TypeAlias = tuple[int, int, int]

_NOTHING = (UNKNOWN, SILENT)


@dataclass(frozen=True)
class JoinedCalls:
    """The calls of one site, of all records together.

    Attributes
    ----------
    codes
        Codes of each sample's two haplotypes.
    phase_sets
        Phase set of each sample's call, 0 where it is not phased.
    contradicting
        (samples,): the records contradict each other; the call is unknown.
    """

    codes: Int8[np.ndarray, "samples 2"]
    phase_sets: Int32[np.ndarray, " samples"]
    contradicting: Bool[np.ndarray, " samples"]


def join_calls(
    codes: Sequence[Int8[np.ndarray, "samples 2"]],
    sets: Sequence[Int32[np.ndarray, " samples"]],
    shared: Sequence[Shared] = (),
    reference: int = 0,
) -> JoinedCalls:
    """Join the calls of the records of one site.

    Parameters
    ----------
    codes
        By record, the codes of each sample's two haplotypes.
    sets
        By record, the phase set of each sample's call, 0 where it is not phased.
    shared
        From `shared_alternates`: what more than one record should say the same of.
    reference
        Code of the build's reference, which a record gives to haplotypes with another record's alternate.
    """
    if len(codes) > 1 and reference > 0:
        renamed = [(i, j, {0: reference, reference: 0}.get(code, code)) for i, j, code in shared]
        found = join_calls([_exchange(part, reference) for part in codes], sets, renamed)
        return replace(found, codes=_exchange(found.codes, reference))
    if len(codes) == 1:
        told = np.where(codes[0] == SILENT, UNKNOWN, codes[0]).astype(np.int8)
        return JoinedCalls(told, sets[0], np.zeros(len(told), dtype=bool))
    stacked_codes, stacked_sets = np.stack(codes, axis=1), np.stack(sets, axis=1)
    same = (stacked_sets[:, :, None] == stacked_sets[:, None, :]) & (stacked_sets[:, :, None] > 0)
    # The first record of the same set stands for the set, so that samples of one pattern are joined once.
    labels = np.where(same.any(axis=2), same.argmax(axis=2), -1).astype(np.int8)
    flat = np.concatenate([stacked_codes.reshape(len(labels), -1), labels], axis=1).astype(np.int8)
    keys = np.ascontiguousarray(flat).view(np.dtype((np.void, flat.shape[1]))).ravel()
    _, first, pattern_of = np.unique(keys, return_index=True, return_inverse=True)
    patterns = [([(int(a), int(b)) for a, b in stacked_codes[s]], labels[s].tolist()) for s in first]
    joined = [join_call(calls, label, shared) for calls, label in patterns]
    pairs = np.array([pair for pair, _, _ in joined], dtype=np.int8).reshape(-1, 2)[pattern_of]
    record = np.array([label for _, label, _ in joined], dtype=int)[pattern_of]
    contradicting = np.array([odd for _, _, odd in joined], dtype=bool)[pattern_of]
    chosen = np.take_along_axis(stacked_sets, np.maximum(record, 0)[:, None], axis=1)[:, 0]
    return JoinedCalls(pairs, np.where(record >= 0, chosen, 0).astype(np.int32), contradicting)


def _exchange(codes: np.ndarray, reference: int) -> np.ndarray:
    """Let the reference be code 0, or turn it back."""
    return np.where(codes == 0, reference, np.where(codes == reference, 0, codes)).astype(np.int8)


def shared_alternates(told: Sequence[Told], alleles: Sequence[tuple[int, list[str]]]) -> list[Shared]:
    """Find what several records of a site write alike, and so have to say the same of.

    A record says nothing of variants that it does not list, nor of a variant that it lists together with
    another one on the same haplotype.

    Parameters
    ----------
    told
        The records of the site: their numbers, and the code of each of their alleles.
    alleles
        Position, and REF and ALTs, of each record.

    Examples
    --------
    >>> told = [(0, np.array([0, 1])), (1, np.array([0, 2, 1])), (2, np.array([0, 1]))]
    >>> shared_alternates(told, [(5, ["C", "T"]), (4, ["AC", "AG", "AT"]), (5, ["CA", "TG"])])
    [(0, 1, 1)]
    """
    if len(told) < 2:
        return []
    written = [_alternates(codes, *alleles[record]) for record, codes in told]
    return [
        (i, j, code)
        for (i, one), (j, two) in itertools.combinations(enumerate(written), 2)
        for code in one.keys() & two.keys()
        if _are_alike(one[code], two[code])
    ]


def _alternates(
    codes: Int8[np.ndarray, " alleles"], position: int, alleles: Sequence[str]
) -> dict[int, list[tuple[Change, ...]]]:
    """By code, the changes of each ALT of a record that has it."""
    found: dict[int, list[tuple[Change, ...]]] = {}
    ref, *alts = (allele.upper() for allele in alleles)
    for code, alt in zip(codes.tolist()[1:], alts):
        if code >= 0 and alt.isalpha():
            found.setdefault(code, []).append(find_changes(position, ref, alt))
    return found


def _are_alike(one: Sequence[tuple[Change, ...]], two: Sequence[tuple[Change, ...]]) -> bool:
    def is_in(alt: tuple[Change, ...], others: Sequence[tuple[Change, ...]]) -> bool:
        return any(len(alt) == len(o) and all(a.is_same(b) for a, b in zip(alt, o)) for o in others)

    return all(is_in(alt, two) for alt in one) and all(is_in(alt, one) for alt in two)


def join_call(
    calls: Sequence[Pair], labels: Sequence[int], shared: Sequence[Shared] = ()
) -> tuple[Pair, int, bool]:
    """Join one sample's calls of several records.

    Parameters
    ----------
    calls
        Codes of the two haplotypes by record.
    labels
        Phase set of each call, -1 where it is not phased.
    shared
        What more than one record should say the same of.

    Returns
    -------
    tuple
        The codes; the label of the phase set that they belong to; and whether the records contradict each
        other, which leaves the codes unknown.

    Examples
    --------
    >>> join_call([(0, 1), (0, 2)], [-1, -1])
    ((2, 1), -1, False)
    >>> join_call([(0, 1), (2, 0)], [0, 0])
    ((2, 1), 0, False)
    >>> join_call([(0, 1), (0, 0)], [-1, -1], [(0, 1, 1)])
    ((-1, -1), -1, True)
    """
    told = [(call, label) for call, label in zip(calls, labels) if not set(call) <= {*_NOTHING}]
    if not told:
        return (UNKNOWN, UNKNOWN), -1, False
    haploid = all(call[1] == FILL for call, _ in told)
    pairs = [(a, SILENT if b == FILL else b) for (a, b), _ in told]
    uneven = {label for (a, b), (_, label) in zip(pairs, told) if a != b}
    in_phase = haploid or (-1 not in uneven and len(uneven) < 2)
    if _disagree([call for call, _ in told]) or _differ(calls, shared) or _exceed(pairs, in_phase=in_phase):
        return (UNKNOWN, FILL if haploid else UNKNOWN), -1, True
    if haploid:
        return (_join_slot([a for a, _ in pairs]), FILL), -1, False
    if in_phase:
        label = uneven.pop() if uneven else told[0][1]
        return (_join_slot([a for a, _ in pairs]), _join_slot([b for _, b in pairs])), label, False
    return _join_unphased(pairs), -1, False


def _disagree(calls: Sequence[Pair]) -> bool:
    """Whether two full calls of one known variant give it different numbers of copies."""
    full = [call for call in calls if not set(call) & {*_NOTHING}]
    return any(
        len({call.count(code) for call in full} - {0}) > 1
        for code in {c for call in full for c in call if c > 0}
    )


def _differ(calls: Sequence[Pair], shared: Sequence[Shared]) -> bool:
    """Whether two records of one variant cannot both be right about its copies."""
    for first, second, code in shared:
        ranges = [_copies(calls[record], code) for record in (first, second)]
        if max(low for low, _ in ranges) > min(high for _, high in ranges):
            return True
    return False


def _copies(call: Pair, code: int) -> tuple[int, int]:
    """Fewest and most copies of a code that a call may hold; a call of one copy may stand for two."""
    seen = call.count(code)
    return seen, seen + sum(c in (FILL, *_NOTHING) for c in call)


def _exceed(pairs: Sequence[Pair], *, in_phase: bool) -> bool:
    """Whether there are more variants than haplotypes to carry them."""
    variants = [[code for code in pair if code not in (0, *_NOTHING)] for pair in pairs]
    if in_phase:
        return any(len({pair[slot] for pair in pairs} - {0, *_NOTHING}) > 1 for slot in (0, 1))
    return sum(_most_copies(variants).values()) > 2


def _most_copies(variants: Sequence[Sequence[int]]) -> dict[int, int]:
    return {code: max(found.count(code) for found in variants) for found in variants for code in found}


def _join_slot(codes: Sequence[int]) -> int:
    """Code of one haplotype, from what each record says of it."""
    variants = {code for code in codes if code not in (0, *_NOTHING)}
    if variants:
        return variants.pop()
    return 0 if 0 in codes and UNKNOWN not in codes else UNKNOWN


def _join_unphased(pairs: Sequence[Pair]) -> Pair:
    """Join by counting: a variant has the most copies that any record gives it."""
    variants = [[code for code in pair if code not in (0, *_NOTHING)] for pair in pairs]
    copies = _most_copies(variants)
    n_variants = sum(copies.values())
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
