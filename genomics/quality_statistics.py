"""First figures of a cohort: call rates, states, allele and genotype counts, Hardy-Weinberg, by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genomics.block import STATE_NAMES
from genomics.errors import InputError
from genomics.quality_blocks import Block, cut_blocks
from genomics.quality_rows import allele_texts, count_alleles, naming_columns, rows_of_records

if TYPE_CHECKING:
    from distributed import Client

    from genomics.call_counts import CallCounts
    from genomics.cohort import Cohort

_STATES = [name.replace("-", "_") for name in STATE_NAMES]
# More tasks than threads, so that none waits long for the last one.
_TASKS_PER_THREAD = 4


@dataclass(frozen=True, eq=False)
class CallStatistics:
    """Counts and rates of a cohort's calls.

    Only observed calls count towards alleles and genotypes; a half call, a filtered call and an absent one do
    not. Calls are taken as written: a man's X counts once where it is written haploid, twice where
    it is written ``1/1``.

    Attributes
    ----------
    variants
        One row per record and ALT, in the order of the store; a record without ALT has one row, with alt
        ``.`` and alt_index 0. Columns:

        record, variant_id, contig, position, ref, alt, alt_index
            As in `Cohort.variants`.
        n_observed, n_no_call, n_filtered, n_absent
            Calls of the record in each state; their sum is the number of samples.
        call_rate, missing_rate
            Share of samples whose call is observed, and is not.
        allele_number
            Alleles in observed calls of any ploidy.
        ref_count, allele_count
            Those that are REF, and that are the row's ALT.
        ref_frequency, allele_frequency
            Their shares of allele_number; NaN where that is 0.
        n_hom_ref, n_het, n_hom_alt
            Diploid calls without, with one, with two copies of the row's ALT. Other ALTs count as REF here.
        n_haploid_ref, n_haploid_alt
            Haploid calls without and with the row's ALT.
        hwe_p, hwe_mid_p
            Exact and mid-p Hardy-Weinberg p value of the diploid calls, ALT against all else, on any contig;
            NaN without a diploid call or without an ALT. See `hardy_weinberg_exact`.
    samples
        One row per sample, in the cohort's order: sample_id; n_observed, n_no_call, n_filtered, n_absent (records);
        call_rate, missing_rate; n_het (diploid calls of two different alleles); n_singletons (ALT alleles of
        which the sample holds the cohort's only copy).
    """

    variants: pd.DataFrame
    samples: pd.DataFrame


@dataclass(frozen=True, eq=False)
class _Part:
    """Counts of a run of records: columns of the table, and sums over its records for each sample."""

    n_records: int
    columns: dict[str, NDArray[Any]]
    samples: NDArray[np.int64]


def call_statistics(
    cohort: Cohort,
    *,
    threads: int = 2,
    client: Client | None = None,
    progress: Callable[[float], None] | None = None,
) -> CallStatistics:
    """Count calls, alleles and genotypes of each variant and each sample, and test Hardy-Weinberg proportions.

    The store is read once, a block of records at a time and thread, so that memory depends on neither its
    length nor its width but for the tables. The tables are the same, byte for byte, for any number of
    threads and on a cluster.

    Parameters
    ----------
    cohort
        The cohort, or a selection of it.
    threads
        Blocks counted at the same time, in this process.
    client
        A dask cluster to count on instead; every worker must see the store under the same path.
    progress
        Called with the share of the records done.

    Returns
    -------
    CallStatistics

    Raises
    ------
    InputError
        A call names an allele that its record does not have, or a chunk cannot be read.

    References
    ----------
    `hardy_weinberg_exact` for the test. Frequencies and missing rates are those of PLINK 2's ``--freq`` and
    ``--missing``, except that PLINK counts filtered calls as observed.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from genomics.ingest import ingest
    >>> folder = Path(tempfile.mkdtemp())
    >>> text = '''##fileformat=VCFv4.2
    ... ##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
    ... #CHROM POS ID REF ALT QUAL FILTER INFO FORMAT A B C
    ... 1 100 rs1 A G,T . PASS . GT 0/1 ./. 2/2
    ... '''
    >>> _ = (folder / "three.vcf").write_text(text.replace(" ", chr(9)))
    >>> statistics = call_statistics(ingest(folder / "three.vcf", folder / "three.vcz"))
    >>> statistics.variants[["alt", "n_no_call", "allele_count", "allele_frequency"]].values.tolist()
    [['G', 1, 1, 0.25], ['T', 1, 2, 0.5]]
    >>> statistics.samples[["sample_id", "n_het", "n_singletons"]].values.tolist()
    [['A', 1, 1], ['B', 0, 0], ['C', 0, 0]]
    """
    texts = allele_texts(cohort)
    n_alleles = count_alleles(texts, cohort.n_variants)
    counting = _count_all(cohort, n_alleles, threads, client)
    parts = [next(counting)]
    columns = naming_columns(cohort, texts, n_alleles)
    done = 0
    for part in counting:
        parts.append(part)
        done += part.n_records
        if progress is not None:
            progress(done / cohort.n_variants)
    columns |= {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns}
    samples = _sample_table(cohort, np.sum([part.samples for part in parts], axis=0))
    return CallStatistics(_frame(columns), samples)


def _frame(columns: dict[str, Any]) -> pd.DataFrame:
    """Make a table of Arrow's texts and numpy's numbers."""
    import pyarrow as pa

    frame = pa.table(columns).to_pandas()
    return frame.astype({name: "str" for name, column in columns.items() if isinstance(column, pa.Array)})


def _count_all(
    cohort: Cohort, n_alleles: NDArray[np.int64], threads: int, client: Client | None
) -> Iterator[_Part]:
    """Yield the counts of all blocks in the order of the store.

    The first is of no records and comes when the others are being counted already, so that the caller can do
    other work meanwhile.
    """
    blocks = cut_blocks(cohort, n_alleles)
    # It opens the arrays and compiles the counting before threads meet there.
    nothing = _count_block(cohort, Block(0, 0, n_alleles[:0], False))
    if client is not None:
        yield from _count_on_cluster(client, cohort, blocks, nothing)
        return
    pool = ThreadPoolExecutor(threads)
    try:
        parts = pool.map(partial(_count_block, cohort), blocks)
        yield nothing
        yield from parts
    finally:
        pool.shutdown(cancel_futures=True)


def _count_on_cluster(
    client: Client, cohort: Cohort, blocks: Sequence[Block], nothing: _Part
) -> Iterator[_Part]:
    n_groups = max(1, _TASKS_PER_THREAD * sum(client.nthreads().values()))
    size = max(1, -(-len(blocks) // n_groups))
    # A selection of everything is the cohort without the tables that it keeps.
    shared = client.scatter(cohort.select(), broadcast=True, hash=False)
    futures = [
        client.submit(_count_blocks, shared, blocks[start : start + size], pure=False)
        for start in range(0, len(blocks), size)
    ]
    try:
        yield nothing
        for future in futures:
            yield from future.result()
    finally:
        client.cancel(futures)


def _count_blocks(cohort: Cohort, blocks: Sequence[Block]) -> list[_Part]:
    return [_count_block(cohort, block) for block in blocks]


def _count_block(cohort: Cohort, block: Block) -> _Part:
    from genomics.call_counts import CallOutOfRangeError, count_calls

    rows = slice(block.start, block.stop)
    width = max(2, int(block.n_alleles.max(initial=0)))
    genotypes = cohort.genotypes(rows)
    if cohort.has_alleles_beyond_alt:
        width = max(width, int(genotypes.max(initial=0)) + 1)
    try:
        counts = count_calls(genotypes, None if block.observed else cohort.states(rows), width)
    except CallOutOfRangeError as error:
        raise _out_of_range(cohort, block.start + error.row) from error
    beyond = ((counts.copies > 0) & (np.arange(width) >= block.n_alleles[:, None])).any(axis=1)
    if beyond.any() and not cohort.has_alleles_beyond_alt:
        raise _out_of_range(cohort, block.start + int(np.argmax(beyond)))
    samples = np.stack([*counts.sample_states, counts.sample_het, counts.sample_singletons])
    return _Part(block.stop - block.start, _variant_columns(counts, block), samples)


def _out_of_range(cohort: Cohort, record: int) -> InputError:
    return InputError(
        "a call has an allele number that its record does not have, or an unknown state",
        file=cohort.path,
        record=record + 1,
        field="call_genotype",
        expected="numbers of its REF and ALTs, -1 and -2; states 0 to 3",
        hint="ingest the variants again",
    )


def _variant_columns(counts: CallCounts, block: Block) -> dict[str, NDArray[Any]]:
    """Make the columns of one block, a row per record and ALT."""
    from genomics.hardy_weinberg import exact_and_mid_p

    row, alt = rows_of_records(block.n_alleles)
    n_samples = len(counts.sample_het)
    no_alt = alt == 0
    states, diploid, haploid = counts.states[row], counts.diploid[row], counts.haploid.sum(axis=1)[row]
    number, ref_count = counts.copies.sum(axis=1)[row], counts.copies[row, 0]
    # REF is allele 0: without an ALT, nothing counts as one.
    copies, het, hom, one = (
        np.where(no_alt, 0, values[row, alt])
        for values in (counts.copies, counts.het, counts.hom, counts.haploid)
    )
    hom_ref = diploid - het - hom
    p, mid_p = np.where(no_alt | (diploid == 0), np.nan, exact_and_mid_p(hom_ref, het, hom))
    return {
        **{f"n_{name}": states[:, index] for index, name in enumerate(_STATES)},
        "call_rate": _share(states[:, 0], n_samples),
        "missing_rate": _share(n_samples - states[:, 0], n_samples),
        "allele_number": number,
        "ref_count": ref_count,
        "allele_count": copies,
        "ref_frequency": _share(ref_count, number),
        "allele_frequency": _share(copies, number),
        "n_hom_ref": hom_ref,
        "n_het": het,
        "n_hom_alt": hom,
        "n_haploid_ref": haploid - one,
        "n_haploid_alt": one,
        "hwe_p": p,
        "hwe_mid_p": mid_p,
    }


def _share(part: NDArray[np.int64], whole: NDArray[np.int64] | int) -> NDArray[np.float64]:
    """Divide; NaN where the whole is 0."""
    return np.where(np.equal(whole, 0), np.nan, part / np.maximum(whole, 1))


def _sample_table(cohort: Cohort, totals: NDArray[np.int64]) -> pd.DataFrame:
    n_records = cohort.n_variants
    return pd.DataFrame(
        {
            "sample_id": pd.Series(cohort.sample_ids.astype(object), dtype="str"),
            **{f"n_{name}": totals[index] for index, name in enumerate(_STATES)},
            "call_rate": _share(totals[0], n_records),
            "missing_rate": _share(n_records - totals[0], n_records),
            "n_het": totals[4],
            "n_singletons": totals[5],
        }
    )
