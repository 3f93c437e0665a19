"""One record of htslib as arrays, and many of them as a block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from genomics import annotation
from genomics.block import FILL, MISSING, Consequence, VariantBlock, call_states, is_filtered
from genomics.vcf_header import VcfHeader

if TYPE_CHECKING:
    import cyvcf2

_NUMBER_TYPES = ("Integer", "Float")
_INT32_MISSING, _INT32_END = -(2**31), -(2**31) + 1


@dataclass(frozen=True, eq=False)
class Record:
    """What the store keeps of one record; arrays in the order of the file's samples."""

    contig: str
    position: int
    identifier: str
    alleles: tuple[str, ...]
    quality: float
    filters: tuple[str, ...]
    end: int
    genotypes: np.ndarray
    phased: np.ndarray
    depth: np.ndarray | None
    genotype_quality: np.ndarray | None
    failed: np.ndarray | None
    consequences: tuple[Consequence, ...] | None


class RecordConverter:
    """Turn htslib's records into blocks.

    Parameters
    ----------
    header
        Header of their file.
    samples
        Samples to keep, in this order; all, in file order, by default.
    """

    def __init__(self, header: VcfHeader, samples: Sequence[str] | None) -> None:
        self.header = header
        chosen = list(header.samples if samples is None else samples)
        kept = [name for name in header.samples if name in set(chosen)]
        rank = {name: index for index, name in enumerate(kept)}
        order = [rank[name] for name in chosen]
        self.order = None if order == list(range(len(order))) else np.array(order)
        self.n_samples = len(chosen)
        place = {name: index for index, name in enumerate(header.samples)}
        self.columns = [place[name] for name in kept]
        self.annotation_key = next((key for key in annotation.KEYS if key in header.infos), None)
        self.csq_fields = annotation.csq_fields(header.infos.get("CSQ", {}).get("Description", ""))

    def phase_of_text(self, line: bytes) -> np.ndarray:
        """Tell which calls have ``|`` throughout: htslib's array tells the first separator only."""
        columns = line.split(b"\t")
        at = columns[8].split(b":").index(b"GT")
        calls = (columns[9 + index].split(b":")[at] for index in self.columns)
        return np.array([b"|" in call and b"/" not in call for call in calls], dtype=bool)

    def convert(self, variant: cyvcf2.Variant) -> Record:
        """Copy what the store keeps out of an htslib record, whose arrays die with it."""
        alleles = (variant.REF, *variant.ALT)
        calls = variant.genotype.array() if "GT" in variant.FORMAT else None
        if calls is None:
            genotypes = np.full((self.n_samples, 1), FILL, np.int16)
            phased = np.zeros(self.n_samples, bool)
        else:
            genotypes = calls[:, :-1]
            phased = calls[:, -1].astype(bool)
        return Record(
            contig=variant.CHROM,
            position=variant.POS,
            identifier=variant.ID or "",
            alleles=alleles,
            quality=np.nan if variant.QUAL is None else variant.QUAL,
            filters=tuple(variant.FILTERS),
            end=_info_end(variant),
            genotypes=genotypes,
            phased=phased,
            depth=self._numbers(variant, "DP"),
            genotype_quality=self._numbers(variant, "GQ"),
            failed=self._failed(variant),
            consequences=self._consequences(variant, alleles),
        )

    def _numbers(self, variant: cyvcf2.Variant, tag: str) -> np.ndarray | None:
        if tag not in variant.FORMAT or self.header.formats.get(tag, {}).get("Type") not in _NUMBER_TYPES:
            return None
        values = variant.format(tag)[:, 0]
        if values.dtype.kind == "f":
            return np.where(np.isnan(values), MISSING, values).astype(np.float32)
        return np.where((values == _INT32_MISSING) | (values == _INT32_END), MISSING, values).astype(np.int32)

    def _failed(self, variant: cyvcf2.Variant) -> np.ndarray | None:
        if "FT" not in variant.FORMAT:
            return None
        return ~np.isin(variant.format("FT"), ["PASS", ".", ""])

    def _consequences(
        self, variant: cyvcf2.Variant, alleles: Sequence[str]
    ) -> tuple[Consequence, ...] | None:
        if self.annotation_key is None:
            return None
        value = variant.INFO.get(self.annotation_key)
        if not isinstance(value, str):
            return (annotation.NO_CONSEQUENCE,) * (len(alleles) - 1)
        return annotation.parse_consequences(
            self.annotation_key, value, alleles[0], alleles[1:], self.csq_fields
        )

    def block(self, records: Sequence[Record]) -> VariantBlock:
        """Stack records, in the order of samples asked for."""
        n, n_samples = len(records), self.n_samples
        ploidy = max(2, max(record.genotypes.shape[1] for record in records))
        genotypes = np.full((n, n_samples, ploidy), FILL, np.int16)
        phased = np.zeros((n, n_samples), bool)
        filtered = np.zeros((n, n_samples), bool)
        for row, record in enumerate(records):
            genotypes[row, :, : record.genotypes.shape[1]] = record.genotypes
            phased[row] = record.phased
            filtered[row] = is_filtered(record.filters)
            if record.failed is not None:
                filtered[row] |= record.failed
        # htslib counts a haploid call as phased; here phase needs two alleles
        phased &= genotypes[:, :, 1] != FILL
        block = VariantBlock(
            contigs=[record.contig for record in records],
            positions=np.array([record.position for record in records], np.int32),
            identifiers=[record.identifier for record in records],
            alleles=[record.alleles for record in records],
            quality=np.array([record.quality for record in records], np.float32),
            filters=[record.filters for record in records],
            ends=np.array([record.end for record in records], np.int32),
            genotypes=genotypes,
            phased=phased,
            states=call_states(genotypes, filtered),
            depth=self._stack(records, "depth", "DP"),
            genotype_quality=self._stack(records, "genotype_quality", "GQ"),
            consequences=None
            if self.annotation_key is None
            else [record.consequences or () for record in records],
        )
        return block if self.order is None else _reorder(block, self.order)

    def _stack(self, records: Sequence[Record], name: str, tag: str) -> np.ndarray | None:
        kind = self.header.formats.get(tag, {}).get("Type")
        if kind not in _NUMBER_TYPES:
            return None
        dtype = np.int32 if kind == "Integer" else np.float32
        stacked = np.full((len(records), self.n_samples), MISSING, dtype)
        for row, record in enumerate(records):
            values = getattr(record, name)
            if values is not None:
                stacked[row] = values
        return stacked


def _reorder(block: VariantBlock, order: np.ndarray) -> VariantBlock:
    return replace(
        block,
        genotypes=block.genotypes[:, order],
        phased=block.phased[:, order],
        states=block.states[:, order],
        depth=None if block.depth is None else block.depth[:, order],
        genotype_quality=None if block.genotype_quality is None else block.genotype_quality[:, order],
    )


def _info_end(variant: cyvcf2.Variant) -> int:
    end = variant.INFO.get("END")
    return end if isinstance(end, int) else MISSING
