"""Reads that carry REF and each ALT, by the ways in which callers write them.

Every way returns the reads of REF (n, samples) and of each ALT (n, samples, alts), int32, -1 where they
are not known. Nothing here is a field of the VCF specification but AD: each way states its source.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from genomics.block import VariantBlock

Counts = tuple[np.ndarray, np.ndarray]


def count_reads(block: VariantBlock, way: str) -> Counts | None:
    """Count reads in one way of `genomics.dialect_table.READ_COUNTS`; None where the block lacks its fields.

    Parameters
    ----------
    block
        With the fields that the way needs, as far as the file has them.
    way
        Key of `genomics.dialect_table.READ_COUNTS`.

    Returns
    -------
    tuple of int32 (n, samples) and int32 (n, samples, alts)
        Reads of REF and of each ALT, -1 where unknown. The last axis is as long as the block's largest
        number of ALTs.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from genomics.block import empty_block
    >>> count_reads(empty_block(2), "AD") is None
    True
    """
    return _WAYS[way](block)


def alternates_per_record(block: VariantBlock) -> np.ndarray:
    """Return the number of ALTs of each record, int64 (n,).

    Examples
    --------
    >>> from genomics.block import empty_block
    >>> alternates_per_record(empty_block(1)).tolist()
    []
    """
    return np.fromiter((len(alleles) - 1 for alleles in block.alleles), np.int64, len(block))


def per_alternate(values: np.ndarray, n_alts: np.ndarray) -> np.ndarray:
    """Bring an array of one value per ALT, or per allele, to one value per ALT.

    A record with one value more than it has ALTs has one per allele, the first of them for REF. A
    floating-point array is read as one per allele where its last axis has room for that.

    Parameters
    ----------
    values : (n, values) or (n, samples, values)
    n_alts : int (n,)

    Returns
    -------
    (n, alts) or (n, samples, alts)

    Examples
    --------
    >>> per_alternate(np.array([[10, 5, -2], [3, 4, 5]]), np.array([1, 2])).tolist()
    [[5, -2], [4, 5]]
    >>> per_alternate(np.array([[5, -2], [4, 5]]), np.array([1, 2])).tolist()
    [[5, -2], [4, 5]]
    """
    width = int(n_alts.max(initial=0))
    if values.dtype.kind == "f":
        counts = np.full(len(values), values.shape[-1] - width + n_alts)
    else:
        counts = (values != -2).sum(axis=-1)
        counts = counts.max(axis=1, initial=0) if counts.ndim == 2 else counts
    first = (counts == n_alts + 1).astype(np.int64)
    columns = np.arange(width) + first[:, None]
    short = int(columns.max(initial=0)) + 1 - values.shape[-1]
    fill = np.nan if values.dtype.kind == "f" else -2
    padded = _pad_last(values, short, fill)
    return np.take_along_axis(padded, columns.reshape(len(values), *(1,) * (values.ndim - 2), width), axis=-1)


def _pad_last(values: np.ndarray, more: int, fill: float) -> np.ndarray:
    if more <= 0:
        return values
    return np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, more)], constant_values=fill)


def _table(block: VariantBlock, name: str) -> np.ndarray | None:
    """FORMAT field as integers (n, samples, values), -1 missing, -2 fill; None where it is not there."""
    values = block.formats.get(name)
    if values is None or values.dtype.kind not in "iuf":
        return None
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), -1, values).astype(np.int32)
    return values if values.ndim == 3 else values[:, :, None]


def _unknown(counts: np.ndarray) -> np.ndarray:
    return np.where(counts < 0, np.int32(-1), counts.astype(np.int32))


def _allele_depths(block: VariantBlock) -> Counts | None:
    """FORMAT/AD, one value per allele (VCF 4.3, section 1.6.2)."""
    table = _table(block, "AD")
    if table is None or block.formats["AD"].ndim != 3:
        return None
    width = int(alternates_per_record(block).max(initial=0))
    table = _pad_last(table, width + 1 - table.shape[2], -1)
    return _unknown(table[:, :, 0]), _unknown(table[:, :, 1 : width + 1])


def _observations(block: VariantBlock) -> Counts | None:
    """FORMAT/RO and AO: observations of REF and of each ALT (FreeBayes, header lines RO and AO)."""
    reference, alternates = _table(block, "RO"), _table(block, "AO")
    if reference is None or alternates is None:
        return None
    return _unknown(reference[:, :, 0]), _unknown(_fit(alternates, block))


def _fit(table: np.ndarray, block: VariantBlock) -> np.ndarray:
    width = int(alternates_per_record(block).max(initial=0))
    return _pad_last(table, width - table.shape[2], -1)[:, :, :width]


def _covering(block: VariantBlock) -> Counts | None:
    """FORMAT/NR and NV: reads that cover the place of each ALT, and those with the ALT (Platypus).

    REF is what covers and does not carry. With several ALTs a read without one may carry another: REF is
    not known there.
    """
    covering, carrying = _table(block, "NR"), _table(block, "NV")
    if covering is None or carrying is None:
        return None
    alternates = _unknown(_fit(carrying, block))
    single = (alternates_per_record(block) == 1)[:, None]
    known = single & (covering[:, :, 0] >= 0) & (carrying[:, :, 0] >= 0)
    reference = np.where(known, covering[:, :, 0] - carrying[:, :, 0], -1)
    return _unknown(reference), alternates


def _stranded(block: VariantBlock) -> Counts | None:
    """FORMAT/DP4: REF forward and reverse, ALT forward and reverse (bcftools mpileup -a FORMAT/DP4)."""
    table = _table(block, "DP4")
    return None if table is None or table.shape[2] < 4 else _from_strands(table, block)


def _site_stranded(block: VariantBlock) -> Counts | None:
    """INFO/DP4, high-quality bases over all samples: those of the call where there is one sample."""
    values = block.info.get("DP4")
    if values is None or block.n_samples != 1 or values.ndim != 2 or values.shape[1] < 4:
        return None
    return _from_strands(values[:, None, :].astype(np.int32), block)


def _from_strands(table: np.ndarray, block: VariantBlock) -> Counts:
    known = (table[:, :, :4] >= 0).all(axis=2)
    reference = np.where(known, table[:, :, 0] + table[:, :, 1], -1)
    return _unknown(reference), _only_alternate(np.where(known, table[:, :, 2] + table[:, :, 3], -1), block)


def _only_alternate(counts: np.ndarray, block: VariantBlock) -> np.ndarray:
    """Give reads that are not REF to the ALT where there is only one."""
    n_alts = alternates_per_record(block)
    alternates = np.full((*counts.shape, int(n_alts.max(initial=0))), -1, np.int32)
    if alternates.shape[2]:
        alternates[:, :, 0] = np.where((n_alts == 1)[:, None], counts, -1)
    return alternates


def _not_reference(block: VariantBlock) -> Counts | None:
    """FORMAT/DP and DV: high-quality bases, and those that are not REF (samtools 0.1, mpileup -t DV)."""
    depth, other = _table(block, "DP"), _table(block, "DV")
    if depth is None or other is None:
        return None
    known = (depth[:, :, 0] >= 0) & (other[:, :, 0] >= 0)
    reference = np.where(known, depth[:, :, 0] - other[:, :, 0], -1)
    return _unknown(reference), _only_alternate(other[:, :, 0], block)


def _tiers(block: VariantBlock) -> Counts | None:
    """Tier 1 of AU, CU, GU, TU for substitutions, of TAR and TIR for indels.

    Strelka's user guide, "Somatic variant allele frequencies": for an SNV the counts are those named after
    the bases of REF and ALT, for an indel TAR and TIR; the first value of each is tier 1. TIR speaks of
    the record's one ALT.
    """
    n_alts = alternates_per_record(block)
    width = int(n_alts.max(initial=0))
    reference = np.full(block.states.shape, -1, np.int32)
    alternates = np.full((*block.states.shape, width), -1, np.int32)
    bases = [_table(block, f"{base}U") for base in "ACGT"]
    if any(table is not None for table in bases):
        tier1 = np.stack(
            [np.full(block.states.shape, -1) if t is None else t[:, :, 0] for t in bases], axis=2
        )
        codes = _base_codes(block, width)
        reference = _pick(tier1, codes[:, 0])
        for alt in range(width):
            alternates[:, :, alt] = _pick(tier1, codes[:, alt + 1])
    other, indel = _table(block, "TAR"), _table(block, "TIR")
    if other is not None and indel is not None:
        rows = (n_alts == 1)[:, None] & (indel[:, :, 0] >= 0)
        reference = np.where(rows, other[:, :, 0], reference)
        alternates[:, :, 0] = np.where(rows, indel[:, :, 0], alternates[:, :, 0])
    elif all(table is None for table in bases):
        return None
    return _unknown(reference), _unknown(alternates)


def _base_codes(block: VariantBlock, width: int) -> np.ndarray:
    """Place of each allele in ACGT, -1 where it is no single base: int (n, 1 + width)."""
    codes = np.full((len(block), width + 1), -1, np.int64)
    place = {base: code for code, base in enumerate("ACGT")}
    for row, alleles in enumerate(block.alleles):
        codes[row, : len(alleles)] = [place.get(allele.upper(), -1) for allele in alleles]
    return codes


def _pick(tier1: np.ndarray, codes: np.ndarray) -> np.ndarray:
    rows = np.arange(len(codes))
    return np.where((codes >= 0)[:, None], tier1[rows, :, np.maximum(codes, 0)], -1)


_WAYS: Mapping[str, Callable[[VariantBlock], Counts | None]] = {
    "AD": _allele_depths,
    "RO,AO": _observations,
    "NR,NV": _covering,
    "DP4": _stranded,
    "DV": _not_reference,
    "INFO/DP4": _site_stranded,
    "tiers": _tiers,
}
