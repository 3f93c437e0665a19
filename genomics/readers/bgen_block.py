"""From BGEN records to a block: calls and dosages of many records at once where they are all of one kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np

from genomics.block import FILL, MISSING, NO_CALL, OBSERVED, VariantBlock
from genomics.fields import Field, fill_value, missing_value
from genomics.readers.bgen_calls import Calls, call_diploids, call_genotypes

DOSAGE = Field("FORMAT", "DS", "1", "Float", "Expected copies of the ALT; NaN at multi-allelic records")
PROBABILITIES = Field("FORMAT", "GP", "G", "Float", "Probability of each genotype of an unphased record")
BY_HAPLOTYPE = Field(
    "FORMAT", "HP", ".", "Float", "Probability of each allele on each haplotype of a phased record"
)
_MISSING, _FILL = missing_value(np.dtype(np.float32)), fill_value(np.dtype(np.float32))


@dataclass(frozen=True)
class BgenRecord:
    """One record of a BGEN file.

    Attributes
    ----------
    probabilities : float32 (samples, genotypes), or (samples, haplotypes * alleles) where `phased`
        NaN where missing and beyond a sample's ploidy.
    ploidy : (samples,)
    phased
        The probabilities are those of haplotypes.
    is_plain
        Two alleles, two copies throughout, and the probabilities of each sample add up to 1.
    """

    contig: str
    position: int
    identifier: str
    alleles: tuple[str, ...]
    probabilities: np.ndarray
    ploidy: np.ndarray
    phased: bool
    is_plain: bool


def bgen_block(records: Sequence[BgenRecord], chosen: Sequence[Field], threshold: float) -> VariantBlock:
    """Make a block of records, with hard calls and the chosen ones of `DOSAGE`, `PROBABILITIES`, `BY_HAPLOTYPE`.

    Examples
    --------
    >>> probabilities = np.float32([[0.0, 1.0, 0.0], [0.5, 0.5, 0.0]])
    >>> record = BgenRecord("1", 7, "rs1", ("A", "G"), probabilities, np.array([2, 2]), False, True)
    >>> block = bgen_block([record], [DOSAGE], 0.1)
    >>> block.genotypes.tolist(), block.formats["DS"].tolist()
    ([[[0, 1], [-1, -1]]], [[1.0, 0.5]])
    """
    n = len(records)
    genotypes, phased, dosages = _calls(records, threshold)
    formats = {}
    for field in chosen:
        if field == DOSAGE:
            formats[field.name] = np.where(np.isnan(dosages), _MISSING, dosages)
        else:
            formats[field.name] = _probabilities(records, phased=field == BY_HAPLOTYPE)
    return VariantBlock(
        contigs=[record.contig for record in records],
        positions=np.array([record.position for record in records], np.int32),
        identifiers=[record.identifier for record in records],
        alleles=[record.alleles for record in records],
        quality=np.full(n, np.nan, np.float32),
        filters=[()] * n,
        ends=np.full(n, MISSING, np.int32),
        genotypes=genotypes,
        phased=phased,
        states=np.where(genotypes[:, :, 0] < 0, np.int8(NO_CALL), np.int8(OBSERVED)),
        formats=formats,
    )


def _calls(records: Sequence[BgenRecord], threshold: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Genotypes, phase and dosages of all records."""
    n, n_samples = len(records), len(records[0].ploidy)
    most = max(2, *(0 if record.is_plain else int(record.ploidy.max()) for record in records))
    dtype = np.int8 if max(len(record.alleles) for record in records) <= 128 else np.int16
    genotypes = np.full((n, n_samples, most), FILL, dtype)
    phased = np.zeros((n, n_samples), bool)
    dosages = np.empty((n, n_samples), np.float32)

    def keep(rows: list[int], calls: Calls) -> None:
        width = calls.genotypes.shape[1]
        genotypes[rows, :, :width] = calls.genotypes.reshape(len(rows), n_samples, width)
        phased[rows] = calls.phased.reshape(len(rows), n_samples)
        dosages[rows] = calls.dosages.reshape(len(rows), n_samples)

    for by_haplotype in (False, True):
        rows = [row for row, r in enumerate(records) if r.is_plain and r.phased == by_haplotype]
        if rows:
            joined = np.concatenate([records[row].probabilities for row in rows])
            keep(rows, call_diploids(joined, phased=by_haplotype, threshold=threshold))
    for row, record in enumerate(records):
        if not record.is_plain:
            found = call_genotypes(
                record.probabilities,
                record.ploidy.astype(np.int64),
                len(record.alleles),
                phased=record.phased,
                threshold=threshold,
            )
            keep([row], found)
    return genotypes, phased, dosages


def _probabilities(records: Sequence[BgenRecord], *, phased: bool) -> np.ndarray:
    """Probabilities of the records that are phased, or of those that are not; the others have none."""
    width = max((r.probabilities.shape[1] for r in records if r.phased == phased), default=1)
    values = np.full((len(records), len(records[0].ploidy), width), _FILL, np.float32)
    for row, record in enumerate(records):
        if record.phased == phased:
            found = _mark_absent(record)
            values[row, :, : found.shape[1]] = found
        else:
            values[row, :, 0] = _MISSING
    return values


def _mark_absent(record: BgenRecord) -> np.ndarray:
    """Tell missing probabilities from those that a sample of lower ploidy does not have."""
    ploidy, n_alleles = record.ploidy, len(record.alleles)
    marked = np.where(np.isnan(record.probabilities), _MISSING, record.probabilities)
    for each in np.unique(ploidy).tolist() if ploidy.min() < ploidy.max() else ():
        width = each * n_alleles if record.phased else comb(each + n_alleles - 1, each)
        marked[ploidy == each, width:] = _FILL
    return marked
