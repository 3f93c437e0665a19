"""What quality control counts of a cohort: figures of each variant, and tallies of each sample over them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genomics.block import FILTERED, OBSERVED
from genomics.contigs import AUTOSOMES, canonical_contig

if TYPE_CHECKING:
    from genomics.cohort import Cohort
    from genomics.quality import QualityPolicy

REGION_SIZE = 1_000_000
# A variant missing in most samples, as one absent from a whole batch, must not fail every sample.
_MIN_CALL_RATE_TO_COUNT = 0.5
MIN_FREQUENCY_TO_COUNT = 0.05
_BLOCK_RECORDS = 1000
_BLOCK_CALLS = 32_000_000


@dataclass(frozen=True, eq=False)
class SampleTallies:
    """What samples are judged by. Rows are those of ``Cohort.variants``, one per ALT.

    Attributes
    ----------
    called : int64 (n_samples,)
        Rows observed in the sample, of those whose FILTER passes and that half of the samples have observed.
    n_counted
        How many such rows there are.
    het, het_called : int64 (n_samples,)
        Diploid calls with one copy of the ALT, and all diploid calls, over the autosomal ones of these rows whose
        rarer allele has a frequency of at least 5%.
    n_regions
        Regions of 1 Mb that these rows lie in.
    """

    called: NDArray[np.int64]
    n_counted: int
    het: NDArray[np.int64]
    het_called: NDArray[np.int64]
    n_regions: int


@dataclass(frozen=True, eq=False)
class _Rows:
    """Of the rows of ``Cohort.variants``, what counting needs; sorted by record."""

    record: NDArray[np.int64]
    alt_index: NDArray[np.int64]
    autosomal: NDArray[np.bool_]
    filter_pass: NDArray[np.bool_]

    def of_records(self, start: int, stop: int) -> _Rows:
        first, last = np.searchsorted(self.record, [start, stop])
        cut = slice(int(first), int(last))
        return _Rows(
            self.record[cut] - start, self.alt_index[cut], self.autosomal[cut], self.filter_pass[cut]
        )


@dataclass(frozen=True, eq=False)
class _Part:
    variants: dict[str, NDArray[Any]]
    samples: NDArray[np.int64]  # called, het, het_called


def autosomal(contigs: pd.Series) -> NDArray[np.bool_]:
    """Tell for each contig name whether it is one of chromosomes 1 to 22.

    Examples
    --------
    >>> autosomal(pd.Series(["chr1", "X", "22"])).tolist()
    [True, False, True]
    """
    names = {name: canonical_contig(name) in AUTOSOMES for name in contigs.unique()}
    return contigs.map(names).to_numpy(dtype=bool)


def genotype_thresholds(cohort: Cohort, policy: QualityPolicy) -> dict[str, Any]:
    """Thresholds on single calls that the cohort has fields for: arguments of ``Cohort.dosage_blocks``."""
    fields = cohort.dataset.data_vars
    known = {"min_gq": ("call_GQ", policy.min_gq), "min_dp": ("call_DP", policy.min_dp)}
    return {name: value if field in fields else None for name, (field, value) in known.items()}


def count_for_quality(
    cohort: Cohort,
    policy: QualityPolicy,
    counted: NDArray[np.bool_],
    in_hwe: NDArray[np.bool_],
    *,
    threads: int = 2,
    progress: Callable[[float], None] | None = None,
) -> tuple[pd.DataFrame, SampleTallies]:
    """Count the calls of some samples, block by block, in memory that the cohort's length does not change.

    Parameters
    ----------
    cohort
        The cohort.
    policy
        Its ``min_gq`` and ``min_dp`` tell which observed calls are good enough to count.
    counted
        (n_samples,) The samples to count.
    in_hwe
        (n_samples,) The samples in whom Hardy-Weinberg proportions are tested.
    threads
        Blocks counted at the same time.
    progress
        Called with the share done.

    Returns
    -------
    tuple
        call_rate, allele_frequency, n_hom_ref, n_het, n_hom_alt, lacks_het and hwe_p of each row of
        ``Cohort.variants``; and the tallies of the samples in `counted`.
    """
    table, n = cohort.variants, cohort.n_variants
    on_autosome, passes = autosomal(table["contig"]), table["filter_pass"].to_numpy(dtype=bool)
    rows = _Rows(table["record"].to_numpy(), table["alt_index"].to_numpy(), on_autosome, passes)
    size = max(1, min(_BLOCK_RECORDS, _BLOCK_CALLS // max(1, cohort.n_samples)))
    count = partial(_count_block, cohort, policy, rows, counted, in_hwe)
    # No record at all: it opens the arrays and compiles the counting before threads meet there.
    parts = [count(slice(0, 0))]
    pool = ThreadPoolExecutor(threads)
    try:
        blocks = [slice(start, min(start + size, n)) for start in range(0, n, size)]
        for block, part in zip(blocks, pool.map(count, blocks), strict=True):
            parts.append(part)
            if progress is not None:
                progress(block.stop / n)
    finally:
        pool.shutdown(cancel_futures=True)
    names = parts[0].variants
    counts = pd.DataFrame({name: np.concatenate([part.variants[name] for part in parts]) for name in names})
    telling = counts.pop("telling").to_numpy()
    regions = table.loc[telling, ["contig"]].assign(region=table["position"] // REGION_SIZE)
    called, het, het_called = np.sum([part.samples for part in parts], axis=0)
    n_counted = int(counts.pop("usable").sum())
    tallies = SampleTallies(called, n_counted, het, het_called, len(regions.drop_duplicates()))
    return counts.set_index(table.index), tallies


def _count_block(
    cohort: Cohort,
    policy: QualityPolicy,
    rows: _Rows,
    counted: NDArray[np.bool_],
    in_hwe: NDArray[np.bool_],
    records: slice,
) -> _Part:
    from genomics.call_counts import count_calls, tally_samples
    from genomics.hardy_weinberg import exact_and_mid_p, inbreeding_coefficients

    rows = rows.of_records(records.start, records.stop)
    genotypes, states = cohort.genotypes(records), good_states(cohort, policy, records)
    width = 1 + int(rows.alt_index.max(initial=1))
    if cohort.has_alleles_beyond_alt:
        width = max(width, int(genotypes.max(initial=0)) + 1)
    chosen = _of_samples(genotypes, counted), _of_samples(states, counted)
    counts = count_calls(*chosen, width)
    tested = counts
    if not np.array_equal(in_hwe, counted):
        tested = count_calls(_of_samples(genotypes, in_hwe), _of_samples(states, in_hwe), width)
    hom_ref, het, hom_alt = _genotypes_of_rows(counts, rows)
    hwe = _genotypes_of_rows(tested, rows)
    alleles = counts.copies.sum(axis=1)[rows.record]
    copies = counts.copies[rows.record, rows.alt_index]
    call_rate = counts.states[rows.record, OBSERVED] / max(1, counted.sum())
    frequency = np.where(alleles > 0, copies / np.maximum(alleles, 1), np.nan)
    usable = rows.filter_pass & (call_rate >= _MIN_CALL_RATE_TO_COUNT)
    minor = np.nan_to_num(np.minimum(frequency, 1 - frequency))
    telling = usable & rows.autosomal & (minor >= MIN_FREQUENCY_TO_COUNT)
    columns: dict[str, NDArray[Any]] = {
        "call_rate": call_rate,
        "allele_frequency": frequency,
        "n_hom_ref": hom_ref,
        "n_het": het,
        "n_hom_alt": hom_alt,
        "lacks_het": inbreeding_coefficients(*hwe) > 0,
        "hwe_p": np.where(rows.autosomal, exact_and_mid_p(*hwe)[0], np.nan),
        "usable": usable,
        "telling": telling,
    }
    return _Part(columns, tally_samples(*chosen, rows.record, rows.alt_index, usable, telling))


def good_states(cohort: Cohort, policy: QualityPolicy, records: slice) -> NDArray[np.int8]:
    """Read the states of calls, with those below ``min_gq`` or ``min_dp`` as filtered.

    A call without a value is below where others of its record have one. A record that carries no GQ (DP) at
    all is not held to it.

    Parameters
    ----------
    cohort
        The cohort.
    policy
        The thresholds.
    records
        Records to read.

    Returns
    -------
    numpy.ndarray
        int8 (n, n_samples)
    """
    states = np.array(cohort.states(records), dtype=np.int8)
    for name, threshold in (("call_GQ", policy.min_gq), ("call_DP", policy.min_dp)):
        if threshold is not None and name in cohort.arrays:
            values = cohort.read(name, records)
            held = np.greater_equal(values, 0).any(axis=1, keepdims=True)
            below = ~np.greater_equal(values, threshold) & held & (states == OBSERVED)
            states[below] = FILTERED
    return states


def _of_samples(values: NDArray[Any], samples: NDArray[np.bool_]) -> NDArray[Any]:
    return values if samples.all() else np.compress(samples, values, axis=1)


def _genotypes_of_rows(counts: Any, rows: _Rows) -> tuple[NDArray[np.int64], ...]:
    """Diploid calls without, with one and with two copies of each row's ALT."""
    het = counts.het[rows.record, rows.alt_index]
    hom_alt = counts.hom[rows.record, rows.alt_index]
    return counts.diploid[rows.record] - het - hom_alt, het, hom_alt
