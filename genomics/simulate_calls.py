"""What a sequencer makes of true genotypes: depth, quality, wrong, low-quality and missing calls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NO_CALL = -1
FILL = -2


@dataclass(frozen=True)
class CallNoise:
    """How imperfect the calls are.

    Parameters
    ----------
    mean_depth
        Reads over a site.
    missing
        Mean share of calls that are missing; varies from variant to variant.
    missing_defined
        The same at sites of known haplotypes, which assays cover better.
    low_quality
        Share of calls with few reads and GQ below 20.
    error_low_quality, error
        Chance that a low-quality, or any other, call of a genotype with an alternative allele is wrong.
    reference_error
        Reference homozygotes are wrong this many times as often: reads are lost more easily than invented.
    bad_variants
        Share of invented variants that come from a bad batch: a low call rate, or hets called too often.
    filtered
        Share of invented variants whose record fails the caller's filter.
    bad_samples
        How many people have 15% of their calls missing; one more has homozygotes called as hets.
    """

    mean_depth: float = 32.0
    missing: float = 0.012
    missing_defined: float = 0.002
    low_quality: float = 0.008
    error_low_quality: float = 0.15
    error: float = 0.0005
    reference_error: float = 0.02
    bad_variants: float = 0.015
    filtered: float = 0.01
    bad_samples: int = 4


@dataclass(frozen=True)
class Calls:
    """Calls as a file states them, each array (n_records, n_samples) or with a ploidy axis.

    Parameters
    ----------
    genotypes
        int8 alleles (n_records, n_samples, 2); -1 missing, -2 no second allele.
    depth, quality
        uint8; 0 where the call is missing.
    bad_variants, filtered
        bool (n_records,): of the bad batch; failing the filter.
    bad_samples
        bool (n_samples,).
    """

    genotypes: np.ndarray
    depth: np.ndarray
    quality: np.ndarray
    bad_variants: np.ndarray
    filtered: np.ndarray
    bad_samples: np.ndarray


def call_genotypes(
    truth: np.ndarray,
    noise: CallNoise,
    rng: np.random.Generator,
    *,
    defined: np.ndarray,
    invented: np.ndarray,
    block: int = 1000,
) -> Calls:
    """Turn true genotypes into calls with depth, quality, errors and gaps.

    Parameters
    ----------
    truth
        int8 alleles, shape (n_records, n_samples, 2); -2 where there is no second allele.
    noise
        How imperfect the calls are.
    rng
        Random generator.
    defined
        bool (n_records,): sites of known haplotypes, called better.
    invented
        bool (n_records,): sites that may belong to the bad batch or fail the filter.
    block
        Records at a time, which bounds the memory.

    Returns
    -------
    Calls
    """
    n_records, n_samples = truth.shape[:2]
    bad_variants = invented & (rng.random(n_records) < noise.bad_variants)
    filtered = invented & ~bad_variants & (rng.random(n_records) < noise.filtered)
    worst = rng.permutation(n_samples)[: noise.bad_samples + 1]
    gaps = np.where(defined, noise.missing_defined, noise.missing) * rng.gamma(2.0, 0.5, n_records)
    sparse = bad_variants & (rng.random(n_records) < 0.5)
    gaps = np.where(sparse, rng.uniform(0.08, 0.25, n_records), np.minimum(gaps, 0.04))
    sample_depth = np.asarray(noise.mean_depth * rng.gamma(40.0, 1 / 40.0, n_samples), np.float32)
    extra = np.zeros(n_samples, np.float32)
    extra[worst[1:]] = 0.15
    het_excess = np.zeros(n_samples, np.float32)
    het_excess[worst[:1]] = 0.15

    genotypes = truth.copy()
    depth = np.empty((n_records, n_samples), np.uint8)
    quality = np.empty((n_records, n_samples), np.uint8)
    for start in range(0, n_records, block):
        part = slice(start, min(start + block, n_records))
        calls, shape = genotypes[part], (part.stop - start, n_samples)
        draw = rng.random(shape, dtype=np.float32)
        low = draw < noise.low_quality
        spread = rng.standard_normal(shape, dtype=np.float32) * np.sqrt(sample_depth)
        reads = np.clip(sample_depth + spread, 7, 90)
        reads[low] = 2 + np.floor(draw[low] * (4.0 / noise.low_quality))
        depth[part] = reads
        quality[part] = np.minimum(99, 3 * depth[part])
        chance = np.where(low, np.float32(noise.error_low_quality), np.float32(noise.error))
        chance[~(calls > 0).any(axis=2)] *= np.float32(noise.reference_error)
        wrong = rng.random(shape, dtype=np.float32) < chance
        batch = (bad_variants[part] & ~sparse[part])[:, None] * np.float32(0.6)
        _flip(calls, wrong, rng)
        _call_het(calls, rng.random(shape, dtype=np.float32) < np.maximum(batch, het_excess))
        lost = rng.random(shape, dtype=np.float32) < gaps[part, None] + extra
        calls[lost] = np.where(calls[lost] == FILL, FILL, NO_CALL)
        depth[part][lost] = 0
        quality[part][lost] = 0
    bad_samples = np.zeros(n_samples, bool)
    bad_samples[worst] = True
    return Calls(genotypes, depth, quality, bad_variants, filtered, bad_samples)


def _flip(calls: np.ndarray, wrong: np.ndarray, rng: np.random.Generator) -> None:
    """Exchange one allele of a wrong call: reference for alternative, any alternative for the reference."""
    record, sample = np.nonzero(wrong)
    side = rng.integers(0, 2, len(record)) * (calls[record, sample, 1] != FILL)
    calls[record, sample, side] = calls[record, sample, side] == 0


def _call_het(calls: np.ndarray, chosen: np.ndarray) -> None:
    """Call diploid reference homozygotes heterozygous, as foreign reads or a bad probe do."""
    record, sample = np.nonzero(chosen & (calls[:, :, 0] == 0) & (calls[:, :, 1] == 0))
    calls[record, sample, 1] = 1
