"""Common quantities of a block of records, whatever the caller that wrote them calls them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genomics.block import FILL, VariantBlock
from genomics.dialect_counts import alternates_per_record, count_reads, per_alternate
from genomics.dialect_table import CallerDialect


@dataclass(frozen=True, eq=False)
class CommonFields:
    """Quantities of a block under common names; None where the caller, or the file, has no such thing.

    ``alts`` is the block's largest number of ALTs. A missing count is -1, a missing number NaN; for an ALT
    that a record does not have, counts hold -2 and numbers NaN.

    Attributes
    ----------
    call_depth : int32 (n, samples)
        Reads at the site.
    genotype_quality : float32 (n, samples)
        Phred-scaled.
    reference_reads : int32 (n, samples)
        Reads that carry REF.
    alternate_reads : int32 (n, samples, alts)
        Reads that carry each ALT.
    allele_balance : float32 (n, samples, alts)
        Share of the counted reads, REF and all ALTs, that carry the ALT. Reads of Platypus are counted at
        each ALT's own place. Where reads are not counted, the share that the caller states.
    dosage : float32 (n, samples, alts)
        Expected copies of each ALT: the caller's own, or else from its genotype probabilities.
    probabilities : float32 (n, samples, genotypes)
        Posterior of each genotype, in the order of the VCF specification.
    site_quality, mapping_quality, strand_bias, imputation_quality : float32 (n, alts)
        Of the record, or of each ALT where the caller writes one value for each. `CallerDialect` states the
        units.
    quality_by_depth : float32 (n, alts)
    site_depth : int32 (n,)
        Reads over all samples.
    """

    call_depth: np.ndarray | None = None
    genotype_quality: np.ndarray | None = None
    reference_reads: np.ndarray | None = None
    alternate_reads: np.ndarray | None = None
    allele_balance: np.ndarray | None = None
    dosage: np.ndarray | None = None
    probabilities: np.ndarray | None = None
    site_quality: np.ndarray | None = None
    site_depth: np.ndarray | None = None
    mapping_quality: np.ndarray | None = None
    strand_bias: np.ndarray | None = None
    quality_by_depth: np.ndarray | None = None
    imputation_quality: np.ndarray | None = None


def common_fields(block: VariantBlock, dialect: CallerDialect) -> CommonFields:
    """Compute the common quantities of a block from the fields of its caller.

    Parameters
    ----------
    block
        With the fields of ``dialect.needed_fields``, as far as the file declares them.
    dialect
        Of the program that made the calls; see `genomics.dialects.detect_caller`.

    Returns
    -------
    CommonFields

    Examples
    --------
    >>> from dataclasses import replace
    >>> from genomics.block import empty_block
    >>> from genomics.dialects import DIALECTS
    >>> block = replace(
    ...     empty_block(1), contigs=["1"], positions=np.array([9]), identifiers=[""], alleles=[("A", "G")],
    ...     quality=np.array([50.0]), filters=[()], states=np.zeros((1, 1), np.int8),
    ...     genotypes=np.array([[[0, 1]]]), formats={"RO": np.array([[6]]), "AO": np.array([[[2]]])})
    >>> common = common_fields(block, DIALECTS["freebayes"])
    >>> common.allele_balance.tolist(), common.call_depth is None
    ([[[0.25]]], True)
    """
    present = np.arange(_width(block)) < alternates_per_record(block)[:, None]
    reference, alternates, balance = _reads(block, dialect, present)
    probabilities = _first_probabilities(block, dialect.probabilities)
    depth = _call_values(block, dialect.call_depth)
    site_depth = _site_values(block, dialect.site_depth)
    return CommonFields(
        call_depth=None if depth is None else _counts(depth),
        genotype_quality=_call_values(block, dialect.genotype_quality),
        reference_reads=reference,
        alternate_reads=alternates,
        allele_balance=balance,
        dosage=_dosage(block, dialect.dosage, probabilities),
        probabilities=probabilities,
        site_quality=_site_values(block, dialect.site_quality),
        site_depth=None if site_depth is None else _counts(_largest(site_depth)),
        mapping_quality=_site_values(block, dialect.mapping_quality),
        strand_bias=_strand_bias(block, dialect),
        quality_by_depth=_site_values(block, dialect.quality_by_depth),
        imputation_quality=_site_values(block, dialect.imputation_quality),
    )


def _width(block: VariantBlock) -> int:
    return int(alternates_per_record(block).max(initial=0))


def _counts(values: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(values), -1, values).astype(np.int32)


def _largest(values: np.ndarray) -> np.ndarray:
    """Largest known value of the last axis, NaN where none is."""
    known = np.where(np.isnan(values), -np.inf, values).max(axis=-1, initial=-np.inf)
    return np.where(np.isneginf(known), np.nan, known).astype(np.float32)


def _numbers(values: np.ndarray) -> np.ndarray:
    """Field as float32, NaN where missing or fill."""
    if values.dtype.kind == "f":
        return values.astype(np.float32, copy=False)
    if values.dtype.kind == "O":
        return np.array([_number(text) for text in values.ravel()], np.float32).reshape(values.shape)
    return np.where(values < 0, np.nan, values).astype(np.float32)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan


# -- calls -----------------------------------------------------------------------------------------------


def _call_values(block: VariantBlock, keys: Sequence[str]) -> np.ndarray | None:
    """One number per call from the first field that has one; the largest where a field has several."""
    result = None
    for key in keys:
        values = block.formats.get(key.removeprefix("FORMAT/"))
        if values is None:
            continue
        numbers = _numbers(values)
        numbers = _largest(numbers) if numbers.ndim == 3 else numbers
        result = numbers if result is None else np.where(np.isnan(result), numbers, result)
    return result


def _reads(
    block: VariantBlock, dialect: CallerDialect, present: np.ndarray
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """Reads of REF, of each ALT, and the share of each ALT."""
    reference = alternates = None
    for way in dialect.read_counts:
        counts = count_reads(block, way)
        if counts is None:
            continue
        if reference is None or alternates is None:
            reference, alternates = counts
            continue
        unknown = (reference < 0) & (alternates < 0).all(axis=2)
        reference = np.where(unknown, counts[0], reference)
        alternates = np.where(unknown[:, :, None], counts[1], alternates)
    balance = None
    if reference is not None and alternates is not None:
        balance = _share(reference, alternates, present)
        alternates = np.where(present[:, None, :], alternates, np.int32(FILL))
    if "NR,NV" in dialect.read_counts and alternates is not None:
        balance = _share_of_covering(block, alternates)
    stated = _stated_share(block, dialect.allele_balance, present)
    if stated is not None:
        balance = stated if balance is None else np.where(np.isnan(balance), stated, balance)
    return reference, alternates, balance


def _share(reference: np.ndarray, alternates: np.ndarray, present: np.ndarray) -> np.ndarray:
    here = present[:, None, :]
    total = (reference + np.where(here, alternates, 0).sum(axis=2)).astype(np.float32)
    known = (reference >= 0) & ((alternates >= 0) | ~here).all(axis=2) & (total > 0)
    share = alternates / np.where(known, total, np.nan)[:, :, None]
    return np.where(here, share, np.nan).astype(np.float32)


def _share_of_covering(block: VariantBlock, alternates: np.ndarray) -> np.ndarray:
    """Reads with an ALT over the reads that cover its own place (Platypus)."""
    covering = _numbers(block.formats["NR"])
    covering = covering[:, :, None] if covering.ndim == 2 else covering
    covering = np.where(covering > 0, covering, np.nan)
    covering = covering[:, :, : alternates.shape[2]]
    short = alternates.shape[2] - covering.shape[2]
    covering = np.pad(covering, ((0, 0), (0, 0), (0, max(0, short))), constant_values=np.nan)
    return np.where(alternates < 0, np.nan, alternates / covering).astype(np.float32)


def _stated_share(block: VariantBlock, keys: Sequence[str], present: np.ndarray) -> np.ndarray | None:
    for key in keys:
        values = block.formats.get(key.removeprefix("FORMAT/"))
        if values is not None:
            table = _numbers(values)
            table = table[:, :, None] if table.ndim == 2 else table
            shares = per_alternate(table, present.sum(axis=1))
            return np.where(present[:, None, :], shares, np.nan)
    return None


# -- imputed calls ---------------------------------------------------------------------------------------


def _first_probabilities(block: VariantBlock, keys: Sequence[str]) -> np.ndarray | None:
    for key in keys:
        values = block.formats.get(key.removeprefix("FORMAT/"))
        if values is not None and values.ndim == 3:
            return _numbers(values)
    return None


def _dosage(block: VariantBlock, keys: Sequence[str], probabilities: np.ndarray | None) -> np.ndarray | None:
    n_alts = alternates_per_record(block)
    computed = None if probabilities is None else dosage_of_probabilities(block, probabilities)
    for key in keys:
        values = block.formats.get(key.removeprefix("FORMAT/"))
        if values is None:
            continue
        numbers = _numbers(values)
        if numbers.ndim == 2:  # one number speaks of the one ALT
            numbers = np.where((n_alts == 1)[:, None], numbers, np.nan)[:, :, None]
        short = _width(block) - numbers.shape[2]
        numbers = np.pad(numbers, ((0, 0), (0, 0), (0, max(0, short))), constant_values=np.nan)
        numbers = numbers[:, :, : _width(block)]
        return numbers if computed is None else np.where(np.isnan(numbers), computed, numbers)
    return computed


def dosage_of_probabilities(block: VariantBlock, probabilities: np.ndarray) -> np.ndarray:
    """Return the expected copies of each ALT, GP1 + 2 GP2 for a diploid call with one ALT.

    Parameters
    ----------
    block
        Its alleles and genotypes tell how many genotypes a call may have; a call whose second allele is
        fill is haploid.
    probabilities : float32 (n, samples, genotypes)
        In the order of the VCF specification (section 1.6.2, GL): allele ``b`` of REF and ALTs and ``a <= b``
        stand at ``b (b + 1) / 2 + a``.

    Returns
    -------
    float32 (n, samples, alts)
        NaN where a probability is missing, or for more than two alleles to a call.
    """
    n_alts = alternates_per_record(block)
    dosage = np.full((*block.states.shape, _width(block)), np.nan, np.float32)
    filled = block.genotypes == FILL
    diploid = ~filled[:, :, 1] & filled[:, :, 2:].all(axis=2)
    haploid = filled[:, :, 1:].all(axis=2) & ~filled[:, :, 0]
    for alts in np.unique(n_alts[n_alts > 0]):
        rows = np.flatnonzero(n_alts == alts)
        for calls, copies in ((diploid, _copies(int(alts))), (haploid, np.eye(alts + 1, dtype=np.float32))):
            if probabilities.shape[2] < len(copies):
                continue
            expected = probabilities[rows][:, :, : len(copies)] @ copies[:, 1:]
            dosage[rows, :, :alts] = np.where(
                calls[rows][:, :, None], expected, dosage[rows][:, :, : int(alts)]
            )
    return dosage


def _copies(n_alts: int) -> np.ndarray:
    """Copies of each allele in each diploid genotype, float32 (genotypes, alleles)."""
    pairs = [(a, b) for b in range(n_alts + 1) for a in range(b + 1)]
    copies = np.zeros((len(pairs), n_alts + 1), np.float32)
    for row, (a, b) in enumerate(pairs):
        copies[row, a] += 1
        copies[row, b] += 1
    return copies


# -- records ---------------------------------------------------------------------------------------------


def _site_values(block: VariantBlock, keys: Sequence[str]) -> np.ndarray | None:
    """One number per ALT from the first field that has one, float32 (n, alts), (n, 1) without any ALT."""
    result = None
    for key in keys:
        values = _site_table(block, key)
        if values is not None:
            result = values if result is None else np.where(np.isnan(result), values, result)
    return result


def _site_table(block: VariantBlock, key: str) -> np.ndarray | None:
    n_alts = alternates_per_record(block)
    width = max(1, int(n_alts.max(initial=0)))
    present = np.arange(width) < np.maximum(n_alts, 1)[:, None]
    name = key.rpartition("/")[2]
    values = block.quality if key == "QUAL" else (block.formats if "FORMAT/" in key else block.info).get(name)
    if values is None:
        return None
    if key.startswith("FORMAT/"):  # of a caller that writes it for a single sample
        if block.n_samples != 1:
            return None
        values = values[:, 0]
    if values.ndim == 1:
        table = np.repeat(_numbers(values)[:, None], width, axis=1)
    else:
        table = _numbers(per_alternate(values, np.maximum(n_alts, 1)))
    return np.where(present, table, np.nan).astype(np.float32)


def _strand_bias(block: VariantBlock, dialect: CallerDialect) -> np.ndarray | None:
    values = _site_values(block, dialect.strand_bias)
    if values is None or dialect.strand_bias_unit != "p":
        return values
    with np.errstate(divide="ignore"):
        return (-10 * np.log10(values)).astype(np.float32) + np.float32(0)  # no negative zero
