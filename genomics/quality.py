"""Which samples and variants can be trusted: call rates, frequencies, Hardy-Weinberg, heterozygosity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genomics.contigs import AUTOSOMES, canonical_contig
from genomics.errors import InputError
from genomics.hardy_weinberg import hardy_weinberg_exact, inbreeding_coefficients

if TYPE_CHECKING:
    from genomics.cohort import Cohort

__all__ = [
    "Quality",
    "QualityPolicy",
    "assess_quality",
    "autosomal",
    "call_ploidy",
    "genotype_thresholds",
    "hardy_weinberg_exact",
]

# Heterozygosity over fewer variants, or over neighbours on a few genes, says nothing about a sample.
MIN_HETEROZYGOSITY_REGIONS = 300
REGION_SIZE = 1_000_000
# A variant missing in most samples, as one absent from a whole batch, must not fail every sample.
_MIN_CALL_RATE_TO_COUNT = 0.5
_MIN_FREQUENCY_TO_COUNT = 0.05
_MIN_VARIANTS_FOR_INBREEDING = 100


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
    counts, tallies = _count(cohort, policy, everyone, in_hwe, progress)
    samples = _judge_samples(cohort, tallies, policy)
    kept = samples["passed"].to_numpy()
    if kept.any() and not kept.all():
        counts, _ = _count(cohort, policy, kept, in_hwe & kept, progress)
    inbreeding = median_inbreeding(counts[autosomal(cohort.variants["contig"])])
    return Quality(samples, _judge_variants(cohort, counts, policy, inbreeding), policy, inbreeding)


def genotype_thresholds(cohort: Cohort, policy: QualityPolicy) -> dict[str, Any]:
    """Thresholds on single calls that the cohort has fields for: arguments of ``Cohort.dosage_blocks``."""
    fields = cohort.dataset.data_vars
    known = {"min_gq": ("call_GQ", policy.min_gq), "min_dp": ("call_DP", policy.min_dp)}
    return {name: value if field in fields else None for name, (field, value) in known.items()}


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


def autosomal(contigs: pd.Series) -> NDArray[np.bool_]:
    """Tell for each contig name whether it is one of chromosomes 1 to 22."""
    names = {name: canonical_contig(name) in AUTOSOMES for name in contigs.unique()}
    return contigs.map(names).to_numpy(dtype=bool)


def count_genotypes(
    dosage: NDArray[np.floating[Any]], ploidy: NDArray[np.int8]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Diploid genotypes of each variant: without the ALT, with one copy, with two.

    Parameters
    ----------
    dosage
        (n_variants, n_samples) copies of the ALT, NaN where missing.
    ploidy
        (n_variants, n_samples) alleles of each call.

    Returns
    -------
    tuple
        n_hom_ref, n_het, n_hom_alt, each (n_variants,).

    Examples
    --------
    >>> count_genotypes(np.array([[0, 1, 2, 1, np.nan]]), np.array([[2, 2, 2, 1, 2]], dtype=np.int8))
    (array([1]), array([1]), array([1]))
    """
    diploid = ploidy == 2
    zero, one, two = (((dosage == copies) & diploid).sum(axis=1, dtype=np.int64) for copies in (0, 1, 2))
    return zero, one, two


@dataclass
class _SampleTallies:
    called: NDArray[np.int64]
    n_counted: int
    het: NDArray[np.int64]
    het_called: NDArray[np.int64]
    regions: set[tuple[str, int]]

    @classmethod
    def start(cls, n_samples: int) -> _SampleTallies:
        called, het, het_called = np.zeros((3, n_samples), dtype=np.int64)
        return cls(called, 0, het, het_called, set())


def _count(
    cohort: Cohort,
    policy: QualityPolicy,
    counted: NDArray[np.bool_],
    in_hwe: NDArray[np.bool_],
    progress: Callable[[float], None] | None,
) -> tuple[pd.DataFrame, _SampleTallies]:
    n_counted, n_rows, done = int(counted.sum()), len(cohort.variants), 0
    tallies = _SampleTallies.start(n_counted)
    blocks = []
    for rows, dosage in cohort.dosage_blocks(None, min_gq=policy.min_gq, min_dp=policy.min_dp):
        ploidy = call_ploidy(cohort.genotypes(rows["record"].to_numpy()))
        block = _variant_counts(rows, dosage[:, counted], ploidy[:, counted])
        hwe = count_genotypes(dosage[:, in_hwe], ploidy[:, in_hwe])
        block["lacks_het"] = inbreeding_coefficients(*hwe) > 0
        block["hwe_p"] = np.where(autosomal(rows["contig"]), hardy_weinberg_exact(*hwe), np.nan)
        _tally_samples(tallies, rows, block, dosage[:, counted], ploidy[:, counted])
        blocks.append(block)
        done += len(rows)
        if progress is not None:
            progress(done / n_rows)
    return pd.concat(blocks), tallies


def _variant_counts(
    rows: pd.DataFrame, dosage: NDArray[np.floating[Any]], ploidy: NDArray[np.int8]
) -> pd.DataFrame:
    observed = ~np.isnan(dosage)
    alleles = (ploidy * observed).sum(axis=1, dtype=np.int64)
    copies = np.nansum(dosage, axis=1, dtype=np.float64)
    hom_ref, het, hom_alt = count_genotypes(dosage, ploidy)
    return pd.DataFrame(
        {
            "call_rate": observed.mean(axis=1) if observed.shape[1] else np.zeros(len(rows)),
            "allele_frequency": np.where(alleles > 0, copies / np.maximum(alleles, 1), np.nan),
            "n_hom_ref": hom_ref,
            "n_het": het,
            "n_hom_alt": hom_alt,
        },
        index=rows.index,
    )


def _tally_samples(
    tallies: _SampleTallies,
    rows: pd.DataFrame,
    block: pd.DataFrame,
    dosage: NDArray[np.floating[Any]],
    ploidy: NDArray[np.int8],
) -> None:
    usable = rows["filter_pass"].to_numpy(dtype=bool) & (
        block["call_rate"].to_numpy() >= _MIN_CALL_RATE_TO_COUNT
    )
    observed = ~np.isnan(dosage)
    tallies.called += observed[usable].sum(axis=0)
    tallies.n_counted += int(usable.sum())
    frequency = block["allele_frequency"].to_numpy(dtype=np.float64)
    minor = np.nan_to_num(np.minimum(frequency, 1 - frequency))
    telling = usable & autosomal(rows["contig"]) & (minor >= _MIN_FREQUENCY_TO_COUNT)
    diploid = ploidy[telling] == 2
    tallies.het += ((dosage[telling] == 1) & diploid).sum(axis=0)
    tallies.het_called += (observed[telling] & diploid).sum(axis=0)
    tallies.regions.update(
        zip(rows["contig"][telling], rows["position"][telling] // REGION_SIZE, strict=True)
    )


def _judge_samples(cohort: Cohort, tallies: _SampleTallies, policy: QualityPolicy) -> pd.DataFrame:
    call_rate = tallies.called / max(tallies.n_counted, 1)
    heterozygosity = np.where(tallies.het_called > 0, tallies.het / np.maximum(tallies.het_called, 1), np.nan)
    distance = np.zeros(cohort.n_samples)
    if len(tallies.regions) >= MIN_HETEROZYGOSITY_REGIONS:
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
    common = counts[np.minimum(frequency, 1 - frequency) >= _MIN_FREQUENCY_TO_COUNT]
    if len(common) < _MIN_VARIANTS_FOR_INBREEDING:
        return float("nan")
    genotypes = (common[name].to_numpy(dtype=np.int64) for name in ("n_hom_ref", "n_het", "n_hom_alt"))
    return float(np.nanmedian(inbreeding_coefficients(*genotypes)))


def _company(distance: NDArray[np.float64]) -> NDArray[np.int64]:
    """Other samples within two standard deviations of each."""
    ordered = np.sort(distance)
    first = np.searchsorted(ordered, distance - 2.0, side="left")
    return np.asarray(np.searchsorted(ordered, distance + 2.0, side="right") - first - 1)


def _judge_variants(
    cohort: Cohort, counts: pd.DataFrame, policy: QualityPolicy, inbreeding: float
) -> pd.DataFrame:
    variants = cohort.variants
    forgiven = counts.pop("lacks_het").to_numpy() & (inbreeding > policy.hwe_max_inbreeding)
    frame = pd.concat([variants[["variant_id", "contig", "position"]], counts], axis=1)
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
