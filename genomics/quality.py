"""Which samples and variants can be trusted: call rates, frequencies, Hardy-Weinberg, heterozygosity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genomics.errors import InputError
from genomics.hardy_weinberg import hardy_weinberg_exact
from genomics.quality_counts import REGION_SIZE, autosomal, count_for_quality, genotype_thresholds
from genomics.quality_statistics import CallStatistics, call_statistics
from genomics.quality_verdicts import judge_samples, judge_variants, median_inbreeding

if TYPE_CHECKING:
    from genomics.cohort import Cohort

__all__ = [
    "REGION_SIZE",
    "CallStatistics",
    "Quality",
    "QualityPolicy",
    "assess_quality",
    "autosomal",
    "call_ploidy",
    "call_statistics",
    "genotype_thresholds",
    "hardy_weinberg_exact",
]


@dataclass(frozen=True)
class QualityPolicy:
    """Thresholds of quality control.

    Attributes
    ----------
    min_gq
        Calls of lower genotype quality (phred) count as missing; None, or a cohort without GQ, keeps all.
    min_dp
        Calls of lower read depth count as missing; None keeps all.
    min_sample_call_rate
        Share of variants called in a sample, over the variants called in at least half of the samples.
    min_variant_call_rate
        Share of samples called at a variant.
    min_hwe_p
        Exact Hardy-Weinberg p value, without mid-p, over autosomal diploid calls (of controls, where given).
    hwe_max_inbreeding
        Where the cohort's own inbreeding coefficient is above this, a lack of heterozygotes fails no variant,
        only an excess does: people of several populations lack heterozygotes at every variant whose
        frequency differs between them (Wahlund's effect), the most at variants of most interest.
    min_minor_allele_frequency
        Frequency of the rarer of the ALT and all other alleles.
    het_outlier_sd
        A sample fails whose heterozygosity is further from the median than this many standard deviations
        and that stands alone there: populations differ in heterozygosity too, and a smaller one must not
        fail as a whole. The deviation is 1.4826 times the median absolute deviation, which outliers
        inflate little.
    het_company
        Other samples within two such standard deviations that make a sample not stand alone.
    require_filter_pass
        Variants whose FILTER is neither PASS nor missing fail.
    """

    min_gq: float | None = 20
    min_dp: float | None = None
    min_sample_call_rate: float = 0.9
    min_variant_call_rate: float = 0.95
    min_hwe_p: float = 1e-10
    hwe_max_inbreeding: float = 0.01
    min_minor_allele_frequency: float = 0.01
    het_outlier_sd: float = 6.0
    het_company: int = 10
    require_filter_pass: bool = True


@dataclass(frozen=True)
class Quality:
    """What quality control measured and decided.

    Attributes
    ----------
    samples
        sample_id, n_called, call_rate, heterozygosity, passed, reason; in the cohort's order.
    variants
        variant_id, contig, position, call_rate, allele_frequency (of the ALT), n_hom_ref, n_het, n_hom_alt,
        hwe_p, passed, reason; one row per row of ``Cohort.variants``, in its order. All alleles but the
        row's ALT count as reference here. The genotype counts are of diploid calls; a haploid call counts
        in the call rate and in the frequency. Figures are over the samples that passed.
    policy
        The thresholds.
    inbreeding
        Median over common autosomal variants of 1 - observed / expected heterozygotes; NaN with fewer than
        100 of them. Above 0 in a cohort of several populations.
    """

    samples: pd.DataFrame
    variants: pd.DataFrame
    policy: QualityPolicy = field(default_factory=QualityPolicy)
    inbreeding: float = float("nan")


def assess_quality(
    cohort: Cohort,
    policy: QualityPolicy | None = None,
    controls: NDArray[np.bool_] | None = None,
    *,
    threads: int = 2,
    progress: Callable[[float], None] | None = None,
) -> Quality:
    """Measure each sample and each variant, and say which pass and why the others do not.

    The cohort is read block by block once, and once more where samples failed, so that they do not count
    against the variants.

    Parameters
    ----------
    cohort
        The cohort.
    policy
        Thresholds; the defaults where None.
    controls
        (n_samples,) True for the people in whom Hardy-Weinberg proportions are tested: the controls of a
        binary trait, since a causal variant departs from them among cases. All people where None.
    threads
        Blocks counted at the same time; the tables do not depend on it.
    progress
        Called with the share of the work done.

    Returns
    -------
    Quality
        Tables of samples and variants.

    Raises
    ------
    InputError
        If no sample or no variant is there.
    """
    policy = policy or QualityPolicy()
    if not cohort.n_samples or not cohort.n_variants:
        raise InputError(
            "the cohort has no samples or no variants", file=cohort.path, expected="at least one of each"
        )
    if controls is not None and np.shape(controls) != (cohort.n_samples,):
        raise ValueError(f"controls has shape {np.shape(controls)}, expected ({cohort.n_samples},)")
    everyone = np.ones(cohort.n_samples, dtype=bool)
    in_hwe = everyone if controls is None else np.asarray(controls, dtype=bool)
    count = partial(count_for_quality, cohort, policy, threads=threads, progress=progress)
    counts, tallies = count(everyone, in_hwe)
    samples = judge_samples(cohort, tallies, policy)
    kept = samples["passed"].to_numpy()
    if kept.any() and not kept.all():
        counts, _ = count(kept, in_hwe & kept)
    inbreeding = median_inbreeding(counts[autosomal(cohort.variants["contig"])])
    return Quality(samples, judge_variants(cohort, counts, policy, inbreeding), policy, inbreeding)


def call_ploidy(genotypes: NDArray[np.integer[Any]]) -> NDArray[np.int8]:
    """Alleles in each call: those that are not fill.

    Parameters
    ----------
    genotypes
        (n_variants, n_samples, ploidy) allele numbers, -1 missing, -2 fill.

    Returns
    -------
    numpy.ndarray
        (n_variants, n_samples).

    Examples
    --------
    >>> call_ploidy(np.array([[[0, 1], [1, -2], [-1, -1]]]))
    array([[2, 1, 2]], dtype=int8)
    """
    return (genotypes != -2).sum(axis=2, dtype=np.int8)
