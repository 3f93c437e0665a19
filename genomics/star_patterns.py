"""Group samples whose calls of a gene say the same, so that each pattern is solved once.

The order of the two alleles of an unphased call carries no meaning, nor does the number of a phase set or
which of its haplotypes stands first: all three are brought to one form before calls are compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Int8

from genomics.star_match import FILL, OTHER, UNKNOWN, CallPattern

# An imputed genotype of this probability is a call.
CERTAIN = 0.9999
OBSERVED, NO_CALL, FILTERED, ABSENT = 0, 1, 2, 3


@dataclass(frozen=True)
class Pattern:
    """Calls that one or more samples have, and why sites are missing from them.

    Attributes
    ----------
    calls
        What the kernel reads.
    states
        (sites,): 0 observed, 1 no-call, 2 filtered, 3 absent; observed where at least one copy is known.
    """

    calls: CallPattern
    states: Int8[np.ndarray, " sites"]

    @property
    def unknown(self) -> Bool[np.ndarray, " sites"]:
        """Sites of which a copy is not known."""
        unknown: np.ndarray = (self.calls.codes == UNKNOWN).any(axis=1)
        unknown[list(self.calls.probabilities)] = False
        return unknown


def settle_ploidy(
    codes: Int8[np.ndarray, "sites samples 2"],
) -> tuple[Int8[np.ndarray, "sites samples 2"], Bool[np.ndarray, " samples"]]:
    """Tell haploid samples from diploid ones; in a diploid sample a haploid call leaves a copy unknown."""
    second = codes[:, :, 1]
    haploid = (second == FILL).any(axis=0) & ~((second >= 0) | (second == OTHER)).any(axis=0)
    settled = np.where(codes == FILL, UNKNOWN, codes).astype(np.int8)
    settled[:, haploid, 1] = FILL
    return settled, haploid


def settle_phase(
    codes: Int8[np.ndarray, "sites samples 2"], phase_sets: Int[np.ndarray, "sites samples"]
) -> tuple[Int8[np.ndarray, "sites samples 2"], Int[np.ndarray, "sites samples"]]:
    """Bring calls to the one form in which patients with the same calls are equal.

    Parameters
    ----------
    codes
        Code of each haplotype.
    phase_sets
        0 for not phased; sites of one positive number are phased with each other.

    Returns
    -------
    tuple of numpy.ndarray
        Codes, unphased ones in order and each phase set with its first heterozygous site in order; and phase
        sets numbered by their first site (from 1), 0 where a call is alone in its set or homozygous.
    """
    codes, numbers = codes.copy(), np.zeros(phase_sets.shape, dtype=np.int32)
    heterozygous = (codes[:, :, 0] != codes[:, :, 1]) & (codes != FILL).all(axis=2)
    phased = heterozygous & (phase_sets > 0)
    sites = np.flatnonzero(phased.any(axis=1))
    members = np.zeros(phase_sets.shape, dtype=np.int32)
    for site in sites:
        here = phased[site] & (numbers[site] == 0)
        if not here.any():
            continue
        same = phased[sites] & (phase_sets[sites] == phase_sets[site]) & here
        numbers[sites] = np.where(same, site + 1, numbers[sites])
        members[sites] = np.where(same, same.sum(axis=0), members[sites])
        turned = here & (codes[site, :, 0] > codes[site, :, 1])
        codes[sites] = np.where((same & turned)[:, :, None], codes[sites][:, :, ::-1], codes[sites])
    numbers[members <= 1] = 0
    loose = heterozygous & (numbers == 0)
    codes[loose] = np.sort(codes[loose], axis=1)
    return codes, numbers


def distinct_patterns(
    codes: Int8[np.ndarray, "sites samples 2"],
    phase_sets: Int[np.ndarray, "sites samples"],
    states: Int8[np.ndarray, "sites samples"],
    probabilities: dict[int, Float[np.ndarray, "samples codes codes"]],
) -> tuple[list[Pattern], Int[np.ndarray, " samples"]]:
    """Find the distinct patterns of a cohort's calls of one gene.

    Parameters
    ----------
    codes
        Code of each haplotype, with `FILL` for a copy that is not there.
    phase_sets, states
        As `genomics.star_sites.SiteCalls` has them.
    probabilities
        By site; NaN for samples that have a call instead.

    Returns
    -------
    tuple
        The patterns, and the pattern of each sample.
    """
    written, haploid = settle_ploidy(codes)
    codes, numbers = settle_phase(written, phase_sets)
    reasons = np.where((codes == UNKNOWN).any(axis=2), states, OBSERVED)
    imputed = {site: doubt for site, p in probabilities.items() if (doubt := _doubtful(p)).any()}
    alone = np.zeros(codes.shape[1], dtype=bool)
    for doubt in imputed.values():
        alone |= doubt
    # An imputed haplotype is the first or the second as the file has them.
    codes[:, alone], numbers[:, alone] = written[:, alone], phase_sets[:, alone]
    own = np.where(alone, np.arange(codes.shape[1]) + 1, 0)
    flat = np.concatenate(
        [codes[:, :, 0], codes[:, :, 1], numbers, reasons, haploid[None], own[None]], axis=0
    ).astype(np.int32)
    keys = np.ascontiguousarray(flat.T).view(np.dtype((np.void, flat.shape[0] * 4))).ravel()
    _, first, pattern_of = np.unique(keys, return_index=True, return_inverse=True)
    patterns = [
        Pattern(
            CallPattern(
                codes[:, sample].astype(int),
                numbers[:, sample],
                {site: probabilities[site][sample] for site, doubt in imputed.items() if doubt[sample]},
                bool(haploid[sample]),
            ),
            reasons[:, sample].astype(np.int8),
        )
        for sample in first
    ]
    return patterns, pattern_of


def _doubtful(probabilities: Float[np.ndarray, "samples codes codes"]) -> Bool[np.ndarray, " samples"]:
    """Samples whose genotype is imputed and not all but certain."""
    unordered = probabilities + probabilities.transpose(0, 2, 1)
    diagonal = np.arange(probabilities.shape[1])
    unordered[:, diagonal, diagonal] /= 2
    most = unordered.max(axis=(1, 2), initial=-np.inf)
    doubtful: np.ndarray = most < CERTAIN
    return doubtful
