"""Which samples and variants pass quality control, by what was counted of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genomics.hardy_weinberg import inbreeding_coefficients
from genomics.quality_counts import MIN_FREQUENCY_TO_COUNT, SampleTallies

if TYPE_CHECKING:
    from genomics.cohort import Cohort
    from genomics.quality import QualityPolicy

# Heterozygosity over fewer variants, or over neighbours on a few genes, says nothing about a sample.
MIN_HETEROZYGOSITY_REGIONS = 300
_MIN_VARIANTS_FOR_INBREEDING = 100


def judge_samples(cohort: Cohort, tallies: SampleTallies, policy: QualityPolicy) -> pd.DataFrame:
    """Make the table of samples: sample_id, n_called, call_rate, heterozygosity, passed, reason."""
    call_rate = tallies.called / max(tallies.n_counted, 1)
    heterozygosity = np.where(tallies.het_called > 0, tallies.het / np.maximum(tallies.het_called, 1), np.nan)
    distance = np.zeros(cohort.n_samples)
    if tallies.n_regions >= MIN_HETEROZYGOSITY_REGIONS:
        distance = np.nan_to_num(robust_deviation(heterozygosity))
    checks = [
        (call_rate < policy.min_sample_call_rate, f"call rate below {policy.min_sample_call_rate:g}"),
        (
            (np.abs(distance) > policy.het_outlier_sd) & (_company(distance) < policy.het_company),
            f"heterozygosity more than {policy.het_outlier_sd:g} robust standard deviations from the median",
        ),
    ]
    frame = pd.DataFrame(
        {
            "sample_id": np.asarray(cohort.sample_ids, dtype=object).astype(str),
            "n_called": tallies.called,
            "call_rate": call_rate,
            "heterozygosity": heterozygosity,
        }
    )
    return _with_verdict(frame, checks)


def robust_deviation(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of each value from the median in robust standard deviations; 0 where all are alike.

    Examples
    --------
    >>> robust_deviation(np.array([1.0, 2.0, 3.0, 4.0, 50.0])).round(2)
    array([-1.35, -0.67,  0.  ,  0.67, 31.7 ])
    """
    known = values[~np.isnan(values)]
    if not len(known):
        return np.full_like(values, np.nan)
    center = np.median(known)
    spread = 1.4826 * np.median(np.abs(known - center))
    return (values - center) / spread if spread > 0 else np.zeros_like(values)


def median_inbreeding(counts: pd.DataFrame) -> float:
    """Median inbreeding coefficient over common variants; NaN with fewer than 100.

    Parameters
    ----------
    counts
        n_hom_ref, n_het, n_hom_alt and allele_frequency of autosomal variants.

    Returns
    -------
    float
        About 0 in one randomly mating population.
    """
    frequency = counts["allele_frequency"].to_numpy(dtype=np.float64)
    common = counts[np.minimum(frequency, 1 - frequency) >= MIN_FREQUENCY_TO_COUNT]
    if len(common) < _MIN_VARIANTS_FOR_INBREEDING:
        return float("nan")
    genotypes = (common[name].to_numpy(dtype=np.int64) for name in ("n_hom_ref", "n_het", "n_hom_alt"))
    return float(np.nanmedian(inbreeding_coefficients(*genotypes)))


def _company(distance: NDArray[np.float64]) -> NDArray[np.int64]:
    """Other samples within two standard deviations of each."""
    ordered = np.sort(distance)
    first = np.searchsorted(ordered, distance - 2.0, side="left")
    return np.asarray(np.searchsorted(ordered, distance + 2.0, side="right") - first - 1)


def judge_variants(
    cohort: Cohort, counts: pd.DataFrame, policy: QualityPolicy, inbreeding: float
) -> pd.DataFrame:
    """Make the table of variants from their counts; see `Quality` for its columns."""
    variants = cohort.variants
    forgiven = counts["lacks_het"].to_numpy() & (inbreeding > policy.hwe_max_inbreeding)
    names = variants[["variant_id", "contig", "position"]]
    frame = pd.concat([names, counts.drop(columns="lacks_het")], axis=1)
    frequency = frame["allele_frequency"].to_numpy()
    minor = np.minimum(frequency, 1 - frequency)
    fails_filter = ~variants["filter_pass"].to_numpy(dtype=bool) & policy.require_filter_pass
    # Calls of a filtered record are not counted, so that it would fail all other checks too.
    frame.loc[fails_filter, "hwe_p"] = np.nan
    checks = [
        (fails_filter, "FILTER is not PASS"),
        (
            (frame["call_rate"].to_numpy() < policy.min_variant_call_rate) & ~fails_filter,
            f"call rate below {policy.min_variant_call_rate:g}",
        ),
        ((np.isnan(frequency) | (minor == 0)) & ~fails_filter, "monomorphic"),
        (
            (minor > 0) & (minor < policy.min_minor_allele_frequency),
            f"minor allele frequency below {policy.min_minor_allele_frequency:g}",
        ),
        (
            (np.nan_to_num(frame["hwe_p"].to_numpy(), nan=1.0) < policy.min_hwe_p) & ~forgiven,
            f"Hardy-Weinberg p below {policy.min_hwe_p:g}",
        ),
    ]
    return _with_verdict(frame, checks)


def _with_verdict(frame: pd.DataFrame, checks: list[tuple[NDArray[np.bool_], str]]) -> pd.DataFrame:
    """Add ``passed`` and ``reason``, the texts of all failed checks in order, joined by '; '."""
    reasons = np.full(len(frame), "", dtype=object)
    for failed, text in checks:
        joined = np.where(reasons == "", text, reasons + ("; " + text))
        reasons = np.where(failed, joined, reasons)
    return frame.assign(passed=reasons == "", reason=reasons.astype(str))
