"""The calls of some records of a cohort as the reading of star alleles needs them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int8, Int32

from genomics.block import FILL, FILTERED, MISSING, NO_CALL, OBSERVED
from genomics.sex_chromosomes import MALE, in_pseudo_autosomal, to_haploid
from genomics.star_probabilities import allele_probabilities, have_probabilities, of_one_copy

if TYPE_CHECKING:
    from genomics.cohort import Cohort


@dataclass(frozen=True)
class RecordCalls:
    """Calls of some records.

    Attributes
    ----------
    genotypes
        (records, samples, 2) allele numbers, -1 missing, -2 fill.
    written
        The same as the file has them, before calls of one copy were made.
    states
        0 observed, 1 no-call, 2 filtered (low quality among them), 3 absent.
    phase_sets
        0 where the call is not phased; equal numbers are phased with each other.
    genotype_probabilities, haplotype_dosages
        FORMAT GP and HDS (records, samples, values), or None.
    unusable
        Calls whose probabilities are none, such as those that do not sum to 1, so that the genotype counts.
    n_copies
        Copies of a call of more than two with a known allele, which is taken as not called; else 0.
    mixed
        Calls of unlike alleles where there is one copy, which are taken as not called.
    """

    genotypes: np.ndarray
    written: np.ndarray
    states: Int8[np.ndarray, "records samples"]
    phase_sets: Int32[np.ndarray, "records samples"]
    genotype_probabilities: np.ndarray | None
    haplotype_dosages: np.ndarray | None
    unusable: Bool[np.ndarray, "records samples"]
    n_copies: Int8[np.ndarray, "records samples"]
    mixed: Bool[np.ndarray, "records samples"]

    def probabilities(
        self, record: int, n_alleles: int
    ) -> Float[np.ndarray, "samples alleles alleles"] | None:
        """Probabilities of the pairs of alleles at one record; NaN for filtered calls, None without any."""
        gp, hds = self.genotype_probabilities, self.haplotype_dosages
        if gp is None and hds is None:
            return None
        pairs = allele_probabilities(
            self.written[record],
            self.phase_sets[record] > 0,
            n_alleles,
            genotype_probabilities=None if gp is None else gp[record],
            haplotype_dosages=None if hds is None else hds[record],
        )
        pairs = of_one_copy(pairs, self.genotypes[record, :, 1] == FILL)
        pairs[(self.states[record] >= FILTERED) | self.mixed[record]] = np.nan
        return None if np.isnan(pairs).all() else pairs


def read_calls(cohort: Cohort, records: np.ndarray, *, min_gq: int | None = None) -> RecordCalls:
    """Read the calls of some records.

    Parameters
    ----------
    cohort
        The cohort.
    records
        Rows of the store.
    min_gq
        Calls of lower genotype quality count as filtered, where the record gives it and has no genotype
        probabilities, which say the same better. Calls without a read are no calls, unless they are imputed.
    """
    genotypes, n_copies = two_copies(cohort.genotypes(records))
    states = cohort.states(records)
    gp, hds = (_optional(cohort, name, records) for name in ("call_GP", "call_HDS"))
    imputed = _imputed(cohort, records, genotypes, gp, hds)
    # Some callers write the reference where they saw nothing.
    unread = _without_reads(cohort, records) & ~imputed
    genotypes = np.where(unread[:, :, None], MISSING, genotypes)
    states = np.where(unread & (states == OBSERVED), NO_CALL, states)
    if min_gq is not None and "call_GQ" in cohort.arrays:
        quality = cohort.read("call_GQ", records)
        doubtful = (quality < min_gq) & (quality >= 0).any(axis=1, keepdims=True) & ~imputed
        called = ((genotypes >= 0).any(axis=2) | (n_copies > 0)) & (states <= NO_CALL)
        states = np.where(doubtful & called, FILTERED, states)
    given = np.zeros(states.shape, dtype=bool)
    for values in (gp, hds):
        if values is not None:
            given |= np.isfinite(values).any(axis=2)
    known = (genotypes >= 0).any(axis=2) & (states <= NO_CALL)
    return RecordCalls(
        genotypes=genotypes,
        written=genotypes,
        states=states.astype(np.int8),
        phase_sets=phase_sets(cohort.phased(records), _optional(cohort, "call_PS", records)),
        genotype_probabilities=gp,
        haplotype_dosages=hds,
        unusable=given & ~imputed & known,
        n_copies=np.where(unread | (states > NO_CALL), 0, n_copies).astype(np.int8),
        mixed=np.zeros(states.shape, dtype=bool),
    )


def _imputed(
    cohort: Cohort, records: np.ndarray, genotypes: np.ndarray, gp: np.ndarray | None, hds: np.ndarray | None
) -> Bool[np.ndarray, "records samples"]:
    """Calls with probabilities that can be used."""
    imputed = np.zeros(genotypes.shape[:2], dtype=bool)
    if gp is None and hds is None:
        return imputed
    for k, alleles in enumerate(cohort.read("variant_allele", records)):
        imputed[k] = have_probabilities(
            genotypes[k],
            sum(map(bool, alleles)),
            genotype_probabilities=None if gp is None else gp[k],
            haplotype_dosages=None if hds is None else hds[k],
        )
    return imputed


def _without_reads(cohort: Cohort, records: np.ndarray) -> Bool[np.ndarray, "records samples"]:
    """Calls at a depth of 0, or without a read of any allele where no depth is given."""
    unread = np.zeros((len(records), cohort.n_samples), dtype=bool)
    depth, of_alleles = (_optional(cohort, name, records) for name in ("call_DP", "call_AD"))
    if of_alleles is not None:
        unread |= (of_alleles[:, :, 0] == 0) & (of_alleles <= 0).all(axis=2)
    if depth is not None:
        unread = np.where(depth[:, :, 0] >= 0, depth[:, :, 0] == 0, unread)
    return unread


def _optional(cohort: Cohort, name: str, records: np.ndarray) -> np.ndarray | None:
    if name not in cohort.arrays:
        return None
    values = cohort.read(name, records)
    return values[:, :, None] if values.ndim == 2 and name != "call_PS" else values


def two_copies(genotypes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bring calls to two copies; more copies cannot be told apart into two haplotypes and are missing.

    A call written as a single ``.`` says nothing of the number of copies, and counts as ``./.``.

    Returns
    -------
    tuple of numpy.ndarray
        (records, samples, 2) genotypes; and (records, samples) copies of the calls of more than two that have a
        known allele, 0 elsewhere.

    Examples
    --------
    >>> calls, copies = two_copies(np.array([[[0, 1, 1], [0, 1, -2], [1, -2, -2]]], dtype=np.int8))
    >>> calls.tolist(), copies.tolist()
    ([[[-1, -1], [0, 1], [1, -2]]], [[3, 0, 0]])
    """
    if genotypes.shape[2] == 1:
        genotypes = np.concatenate([genotypes, np.full_like(genotypes, FILL)], axis=2)
    nothing = (genotypes[:, :, 0] < 0) & (genotypes[:, :, 1] == FILL)
    genotypes = np.where(nothing[:, :, None], MISSING, genotypes)
    if genotypes.shape[2] == 2:
        return genotypes, np.zeros(genotypes.shape[:2], dtype=np.int8)
    n_copies = (genotypes != FILL).sum(axis=2, dtype=np.int8)
    known = (genotypes >= 0).any(axis=2)
    two = np.where((n_copies > 2)[:, :, None], MISSING, genotypes[:, :, :2]).astype(genotypes.dtype)
    return two, np.where(known & (n_copies > 2), n_copies, 0).astype(np.int8)


def phase_sets(
    phased: Bool[np.ndarray, "records samples"], sets: np.ndarray | None
) -> Int32[np.ndarray, "records samples"]:
    """Number the phase sets of calls on one contig: 0 not phased, 1 phased without PS, else PS + 1.

    Parameters
    ----------
    phased
        Whether the call is written with ``|``.
    sets
        FORMAT PS of each call, if there is one: a position, or a text.

    Examples
    --------
    >>> phase_sets(np.array([[True, True, False]]), np.array([[7001, -1, 7001]])).tolist()
    [[7002, 1, 0]]
    """
    if sets is None:
        return phased.astype(np.int32)
    if sets.dtype.kind not in "iu":
        names, numbers = np.unique(sets.astype(object).astype(str), return_inverse=True)
        named = np.array([name not in ("", ".") for name in names])[numbers]
        sets = np.where(named, numbers + 1, -1).reshape(sets.shape)
    return np.where(phased, np.where(sets > 0, sets.astype(np.int64) + 1, 1), 0).astype(np.int32)


def one_copy_calls(
    calls: RecordCalls, contig: str, positions: np.ndarray, build: str, sexes: np.ndarray | None
) -> RecordCalls:
    """Give calls one copy on MT, and on X in men outside the pseudo-autosomal regions.

    Two equal alleles become one, and so does half a call, which is of the one copy. Unlike ones cannot be, and
    are taken as not called.

    Parameters
    ----------
    calls
        Calls of records of one contig.
    contig
        Its canonical name.
    positions
        (records,) 1-based.
    build
        GRCh37 or GRCh38.
    sexes
        (samples,) 1 male, 2 female, 0 unknown (`genomics.sex_chromosomes`); None where nothing is known, and
        calls on X stay as they are written.
    """
    n_records, n_samples = calls.states.shape
    if contig == "MT":
        single = np.ones((n_records, n_samples), dtype=bool)
    elif contig == "X" and sexes is not None:
        single = ~in_pseudo_autosomal("X", positions, build)[:, None] & (np.asarray(sexes) == MALE)
    else:
        return calls
    # Of half a call the allele that is known is the greater number.
    most = calls.genotypes.max(axis=2, keepdims=True)
    whole = np.where((calls.genotypes == MISSING) & (most >= 0), most, calls.genotypes)
    made, _, mixed = to_haploid(whole)
    mixed &= single & (calls.genotypes >= 0).all(axis=2)
    return replace(
        calls,
        genotypes=np.where(single[:, :, None], made, calls.genotypes),
        states=np.where(mixed & (calls.states == 0), NO_CALL, calls.states).astype(np.int8),
        mixed=mixed,
    )
