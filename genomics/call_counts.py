"""Count alleles, genotypes and states of a block of calls: one pass over whole numbers, without floats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from genomics.block import ABSENT, STATE_NAMES
from genomics.readers.byte_masks import N_BYTES, equal_mask, lowest_bit

N_STATES = len(STATE_NAMES)
# Columns of what is counted for each allele and for each sample.
_COPIES, _HET, _HOM, _HAPLOID = range(4)
# Numbers below this can be added in 16 bits, twice as many at once as in 32.
_MAX_SHORT = 32_768
_SAMPLE_HET, _SAMPLE_SINGLETONS = 0, 4  # between them no-call, filtered, absent at their state's number


class CallOutOfRangeError(ValueError):
    """A call names an allele or a state that there is not.

    Attributes
    ----------
    row
        Row of the block.
    """

    def __init__(self, row: int, n_alleles: int) -> None:
        self.row = row
        super().__init__(
            f"row {row} has an allele number above {n_alleles - 1} or a state outside 0 to {ABSENT}"
        )


@dataclass(frozen=True, eq=False)
class CallCounts:
    """What a block of calls holds. Alleles and genotypes are of observed calls alone.

    Attributes
    ----------
    states : int64 (n_variants, 4)
        Calls that are observed, not called, filtered, absent.
    copies : int64 (n_variants, n_alleles)
        Copies of each allele in calls of any ploidy.
    het, hom : int64 (n_variants, n_alleles)
        Diploid calls with one copy, with two copies of the allele.
    haploid : int64 (n_variants, n_alleles)
        Haploid calls of the allele.
    diploid : int64 (n_variants,)
        Diploid calls. Those without a copy of an allele are ``diploid - het - hom``.
    sample_states : int64 (4, n_samples)
    sample_het : int64 (n_samples,)
        Diploid calls of two different alleles.
    sample_singletons : int64 (n_samples,)
        Alternate alleles of which the sample holds the only copy.
    """

    states: NDArray[np.int64]
    copies: NDArray[np.int64]
    het: NDArray[np.int64]
    hom: NDArray[np.int64]
    haploid: NDArray[np.int64]
    diploid: NDArray[np.int64]
    sample_states: NDArray[np.int64]
    sample_het: NDArray[np.int64]
    sample_singletons: NDArray[np.int64]


def count_calls(
    genotypes: NDArray[np.integer[Any]], states: NDArray[np.int8] | None, n_alleles: int
) -> CallCounts:
    """Count a block of calls, by variant and by sample.

    Parameters
    ----------
    genotypes
        int8 or int16 (n_variants, n_samples, ploidy): allele numbers, -1 missing, -2 fill.
    states
        (n_variants, n_samples): 0 observed, 1 no-call, 2 filtered, 3 absent; None where all are observed.
    n_alleles
        Alleles of the record that has most, REF included.

    Returns
    -------
    CallCounts

    Raises
    ------
    CallOutOfRangeError
        A call names an allele or a state that there is not.

    Examples
    --------
    A heterozygote, a half call, a haploid call and a homozygote:

    >>> calls = np.array([[[0, 1], [0, -1], [1, -2], [2, 2]]], dtype=np.int8)
    >>> counts = count_calls(calls, np.array([[0, 1, 0, 0]], dtype=np.int8), n_alleles=3)
    >>> counts.copies.tolist(), counts.diploid.tolist(), counts.haploid.tolist()
    ([[1, 2, 2]], [2], [[0, 1, 0]])
    """
    genotypes = np.ascontiguousarray(genotypes)
    n_variants, n_samples, ploidy = genotypes.shape
    known = np.zeros((0, n_samples)) if states is None else states
    # A diploid call is two bytes, so that two alleles are looked at in one go.
    paired = ploidy == 2 and genotypes.dtype == np.int8
    pairs = genotypes.view(np.uint16)[:, :, 0] if paired else np.zeros((0, n_samples), np.uint16)
    by_state = np.zeros((n_variants, N_STATES), np.int64)
    by_allele = np.zeros((n_variants, 4, max(2, n_alleles)), np.int64)
    diploid = np.zeros(n_variants, np.int64)
    # Whole numbers of 32 bits: the processor adds eight samples at once.
    by_sample = np.zeros((5, n_samples), np.int32)
    bad = _count_rows(
        genotypes,
        np.ascontiguousarray(pairs),
        np.ascontiguousarray(known, dtype=np.int8),
        by_state,
        by_allele,
        diploid,
        by_sample,
    )
    if bad >= 0:
        raise CallOutOfRangeError(bad, by_allele.shape[2])
    sample_states = np.empty((N_STATES, n_samples), np.int64)
    sample_states[1:] = by_sample[1:N_STATES]
    sample_states[0] = n_variants - sample_states[1:].sum(axis=0)
    copies, het, hom, haploid = by_allele.transpose(1, 0, 2)
    sample_het, singletons = by_sample[[_SAMPLE_HET, _SAMPLE_SINGLETONS]].astype(np.int64)
    return CallCounts(by_state, copies, het, hom, haploid, diploid, sample_states, sample_het, singletons)


@njit(nogil=True, cache=True)
def _count_rows(
    genotypes: NDArray[Any],
    pairs: NDArray[np.uint16],
    known: NDArray[np.int8],
    by_state: NDArray[np.int64],
    by_allele: NDArray[np.int64],
    diploid: NDArray[np.int64],
    by_sample: NDArray[np.int32],
) -> int:
    """Fill the counts; return the first row with a number out of range, or -1."""
    all_observed = np.zeros(genotypes.shape[1], np.int8)
    for i in range(len(genotypes)):
        state = known[i] if len(known) else all_observed
        diploid[i] = -1
        if len(pairs):
            diploid[i] = _count_diploid(pairs[i], state, by_state[i], by_allele[i], by_sample)
        if diploid[i] < 0 and len(pairs) and _has_two_alleles(pairs[i], state):
            diploid[i] = _count_two_alleles(pairs[i], state, by_state[i], by_allele[i], by_sample)
        elif diploid[i] < 0:
            diploid[i] = _count_any(genotypes[i], state, by_state[i], by_allele[i], by_sample)
            if diploid[i] < 0:
                return i
        for allele in range(1, by_allele.shape[2]):
            if by_allele[i, _COPIES, allele] == 1:
                by_sample[_SAMPLE_SINGLETONS, _carrier(genotypes[i], state, allele)] += 1
    return -1


@njit(nogil=True, cache=True)
def _has_two_alleles(row: NDArray[np.uint16], state: NDArray[np.int8]) -> bool:
    """Tell whether no allele number is above 1 and no state out of range."""
    largest, states = 0, 0
    for j in range(len(row)):
        largest = max(largest, int(np.int8(row[j] & 0xFF)), int(np.int8(row[j] >> 8)))
        states |= state[j]
    return largest <= 1 and not states & ~3


@njit(nogil=True, cache=True)
def _count_diploid(
    row: NDArray[np.uint16],
    state: NDArray[np.int8],
    by_state: NDArray[np.int64],
    by_allele: NDArray[np.int64],
    by_sample: NDArray[np.int32],
) -> int:
    """Count a row whose observed calls are all diploid, of alleles 0 and 1; -1 where it is another."""
    bits = np.uint16(0)
    for j in range(len(row)):
        bits = np.uint16(bits | (row[j] if state[j] == 0 else np.uint16(0)))
    if bits & 0xFEFE or not _count_states(state, by_state, by_sample):
        return -1
    n_het = n_hom = 0
    sample_het = by_sample[_SAMPLE_HET]
    for start in range(0, len(row), _MAX_SHORT):
        part = slice(start, start + _MAX_SHORT)
        het, hom = _sum_diploid(row[part], state[part], sample_het[part])
        n_het += het
        n_hom += hom
    _put_two_alleles(by_allele, by_state[0], n_het, n_hom, 0, 0)
    return by_state[0]


@njit(nogil=True, cache=True)
def _sum_diploid(
    row: NDArray[np.uint16], state: NDArray[np.int8], sample_het: NDArray[np.int32]
) -> tuple[int, int]:
    """Count heterozygous and homozygous calls of allele 1, all in 16 bits; written for the vectoriser."""
    n_het = n_hom = np.uint16(0)
    for j in range(len(row)):
        call = row[j] if state[j] == 0 else np.uint16(0)
        other = np.uint16(call >> np.uint16(8))
        differ = np.uint16((call ^ other) & np.uint16(1))
        n_het = np.uint16(n_het + differ)
        n_hom = np.uint16(n_hom + np.uint16(call & other))
        sample_het[j] += np.int32(differ)
    return int(n_het), int(n_hom)


@njit(nogil=True, cache=True)
def _count_states(state, by_state, by_sample):  # type: ignore[no-untyped-def]
    """Count the calls that are not observed, of which there are few; False for an unknown state."""
    at = 0
    while at < len(state):
        if at + N_BYTES <= len(state):
            others = ~equal_mask(state, at, np.uint8(0))
        else:
            others = np.uint64(0)
            for bit in range(len(state) - at):
                others |= np.uint64(state[at + bit] != 0) << np.uint64(bit)
        while others:
            j = at + lowest_bit(others)
            if not 0 < state[j] < N_STATES:
                return False
            by_state[state[j]] += 1
            by_sample[state[j], j] += 1
            others &= others - np.uint64(1)
        at += N_BYTES
    by_state[0] = len(state) - by_state[1] - by_state[2] - by_state[3]
    return True


@njit(nogil=True, cache=True)
def _count_two_alleles(
    row: NDArray[np.uint16],
    state: NDArray[np.int8],
    by_state: NDArray[np.int64],
    by_allele: NDArray[np.int64],
    by_sample: NDArray[np.int32],
) -> int:
    """Count a row of calls of alleles 0 and 1, some of them not observed or haploid."""
    # Sums of 32 bits are added eight samples at a time, those of 64 bits four.
    n_diploid = n_haploid = n_het = n_hom = n_single = n_no_call = n_filtered = n_absent = np.int32(0)
    sample_het, no_calls, filtered, absent = by_sample[0], by_sample[1], by_sample[2], by_sample[3]
    for j in range(len(row)):
        first, second = np.int8(row[j] & 0xFF), np.int8(row[j] >> 8)
        observed = state[j] == 0
        of_two = observed & (first >= 0) & (second >= 0)
        of_one = observed & ((first >= 0) ^ (second >= 0))
        differ = of_two & (first != second)
        n_diploid = np.int32(n_diploid + of_two)
        n_haploid = np.int32(n_haploid + of_one)
        n_het = np.int32(n_het + differ)
        n_hom = np.int32(n_hom + (of_two & (first == 1) & (second == 1)))
        n_single = np.int32(n_single + (of_one & ((first == 1) | (second == 1))))
        n_no_call = np.int32(n_no_call + (state[j] == 1))
        n_filtered = np.int32(n_filtered + (state[j] == 2))
        n_absent = np.int32(n_absent + (state[j] == 3))
        sample_het[j] += differ
        no_calls[j] += state[j] == 1
        filtered[j] += state[j] == 2
        absent[j] += state[j] == 3
    _put_two_alleles(by_allele, int(n_diploid), int(n_het), int(n_hom), int(n_haploid), int(n_single))
    by_state[1], by_state[2], by_state[3] = n_no_call, n_filtered, n_absent
    by_state[0] = len(row) - n_no_call - n_filtered - n_absent
    return int(n_diploid)


@njit(nogil=True, cache=True)
def _put_two_alleles(
    by_allele: NDArray[np.int64], n_diploid: int, n_het: int, n_hom: int, n_haploid: int, n_single: int
) -> None:
    """Derive the counts of both alleles from those of allele 1."""
    by_allele[_HET, 0] = by_allele[_HET, 1] = n_het
    by_allele[_HOM, 0], by_allele[_HOM, 1] = n_diploid - n_het - n_hom, n_hom
    by_allele[_HAPLOID, 0], by_allele[_HAPLOID, 1] = n_haploid - n_single, n_single
    for allele in range(2):
        by_allele[_COPIES, allele] = n_het + 2 * by_allele[_HOM, allele] + by_allele[_HAPLOID, allele]


@njit(nogil=True, cache=True)
def _count_any(
    calls: NDArray[Any],
    state: NDArray[np.int8],
    by_state: NDArray[np.int64],
    by_allele: NDArray[np.int64],
    by_sample: NDArray[np.int32],
) -> int:
    """Count a row of calls of any ploidy and any alleles; -1 where a number is out of range."""
    n_diploid = 0
    for j in range(len(calls)):
        if not 0 <= state[j] <= 3:
            return -1
        by_state[state[j]] += 1
        if state[j]:
            by_sample[state[j], j] += 1
            continue
        n_present, first, last = 0, 0, 0
        for k in range(calls.shape[1]):
            allele = int(calls[j, k])
            if allele < 0:
                continue
            if allele >= by_allele.shape[1]:
                return -1
            by_allele[_COPIES, allele] += 1
            first = allele if n_present == 0 else first
            last = allele
            n_present += 1
        if n_present == 1:
            by_allele[_HAPLOID, first] += 1
        elif n_present == 2 and first == last:
            by_allele[_HOM, first] += 1
            n_diploid += 1
        elif n_present == 2:
            by_allele[_HET, first] += 1
            by_allele[_HET, last] += 1
            by_sample[_SAMPLE_HET, j] += 1
            n_diploid += 1
    return n_diploid


@njit(nogil=True, cache=True)
def _carrier(calls: NDArray[Any], state: NDArray[np.int8], allele: int) -> int:
    """Find the first sample with an observed call of the allele."""
    for j in range(len(calls)):
        if state[j] == 0:
            for k in range(calls.shape[1]):
                if calls[j, k] == allele:
                    return j
    return 0


@njit(nogil=True, cache=True)
def tally_samples(
    genotypes: NDArray[Any],
    states: NDArray[np.int8],
    record: NDArray[np.int64],
    alt_index: NDArray[np.int64],
    usable: NDArray[np.bool_],
    telling: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Count over some alternate alleles in which of them each sample is observed, and heterozygous.

    Parameters
    ----------
    genotypes
        int8 or int16 (n_records, n_samples, ploidy): allele numbers, -1 missing, -2 fill.
    states
        (n_records, n_samples): 0 observed.
    record, alt_index
        Row of `genotypes` and allele number of each alternate allele.
    usable
        Count calls of the allele.
    telling
        Count heterozygotes of the allele too, where it is usable.

    Returns
    -------
    numpy.ndarray
        int64 (3, n_samples): observed calls, diploid calls with one copy of the allele, diploid calls.
    """
    n_samples, ploidy = genotypes.shape[1:]
    tallies = np.zeros((3, n_samples), np.int32)
    called, het, diploid = tallies[0], tallies[1], tallies[2]
    present, copies = np.zeros(n_samples, np.int8), np.zeros(n_samples, np.int8)
    for row in range(len(record)):
        if not usable[row]:
            continue
        calls, state, allele = genotypes[record[row]], states[record[row]], alt_index[row]
        for j in range(n_samples):
            called[j] += state[j] == 0
        if not telling[row]:
            continue
        present[:], copies[:] = 0, 0
        for k in range(ploidy):
            for j in range(n_samples):
                present[j] += calls[j, k] >= 0
                copies[j] += calls[j, k] == allele
        for j in range(n_samples):
            of_two = (state[j] == 0) & (present[j] == 2)
            diploid[j] += of_two
            het[j] += of_two & (copies[j] == 1)
    return tallies.astype(np.int64)
