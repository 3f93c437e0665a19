"""One record of htslib as arrays, and many of them as a block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from genomics import annotation
from genomics.block import FILL, MISSING, Consequence, VariantBlock, call_states, is_filtered
from genomics.fields import choose_fields
from genomics.readers.vcf_checks import MAX_POSITION
from genomics.readers.vcf_fields import format_texts, format_values, info_values, stack_formats, stack_info
from genomics.readers.vcf_header import VcfHeader

if TYPE_CHECKING:
    from genomics.readers.bcf import BcfVariant

    Variant: TypeAlias = Any | BcfVariant  # cyvcf2 has no types


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
    info: dict[str, Any]
    formats: dict[str, np.ndarray]
    failed: np.ndarray | None
    consequences: tuple[Consequence, ...] | None


class RecordConverter:
    """Turn htslib's records into blocks.

    Parameters
    ----------
    header
        Header of their file.
    n_samples
        Samples of the records.
    fields
        Keys of the INFO and FORMAT fields to keep, as `genomics.fields.choose_fields` takes them.
    """

    def __init__(self, header: VcfHeader, n_samples: int, fields: Sequence[str] | None = None) -> None:
        self.header = header
        self.chosen = choose_fields(header.fields, fields)
        self.infos = {field.name: field for field in self.chosen.values() if field.category == "INFO"}
        self.formats = {field.name: field for field in self.chosen.values() if field.category == "FORMAT"}
        self.n_samples = n_samples
        # FT is text by the specification; a header that says otherwise means something else by it.
        self.has_filters = header.formats.get("FT", {}).get("Type", "String") == "String"
        self.annotation_key = next((key for key in annotation.KEYS if key in header.infos), None)
        self.csq_fields = annotation.csq_fields(header.infos.get("CSQ", {}).get("Description", ""))

    def convert(self, variant: Variant, contig: str, filters: Sequence[str]) -> Record:
        """Copy what the store keeps out of a record, whose arrays may die with it."""
        alleles = (variant.REF, *variant.ALT)
        formats = variant.FORMAT if self.n_samples else ()
        if "GT" in formats:
            calls = _genotype_array(variant)
            genotypes = calls[:, :-1]
            phased = calls[:, -1].astype(bool)
        else:
            genotypes = np.full((self.n_samples, 1), FILL, np.int16)
            phased = np.zeros(self.n_samples, bool)
        return Record(
            contig=contig,
            position=variant.POS,
            identifier=variant.ID or "",
            alleles=alleles,
            quality=np.nan if variant.QUAL is None else variant.QUAL,
            filters=tuple(filters),
            end=_info_end(variant),
            genotypes=genotypes,
            phased=phased,
            info={name: info_values(variant, field) for name, field in self.infos.items()},
            formats={
                name: format_values(variant, field) for name, field in self.formats.items() if name in formats
            },
            failed=self._failed(variant) if self.has_filters and "FT" in formats else None,
            consequences=self._consequences(variant, alleles),
        )

    @staticmethod
    def _failed(variant: Variant) -> np.ndarray:
        return ~np.isin(format_texts(variant, "FT"), ["PASS", ".", ""])

    def _consequences(self, variant: Variant, alleles: Sequence[str]) -> tuple[Consequence, ...] | None:
        if self.annotation_key is None:
            return None
        value = variant.INFO.get(self.annotation_key)
        if not isinstance(value, str):
            return (annotation.NO_CONSEQUENCE,) * (len(alleles) - 1)
        return annotation.parse_consequences(
            self.annotation_key, value, alleles[0], alleles[1:], self.csq_fields
        )

    def block(self, records: Sequence[Record]) -> VariantBlock:
        """Stack records."""
        n, n_samples = len(records), self.n_samples
        ploidy = max(2, max(record.genotypes.shape[1] for record in records))
        largest = max(int(record.genotypes.max(initial=0)) for record in records)
        dtype = np.int8 if largest <= 127 else np.int16
        genotypes = np.full((n, n_samples, ploidy), FILL, dtype)
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
        return VariantBlock(
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
            info={
                name: stack_info(field, [r.info[name] for r in records]) for name, field in self.infos.items()
            },
            formats={
                name: stack_formats(field, [r.formats.get(name) for r in records], self.n_samples)
                for name, field in self.formats.items()
            },
            consequences=None
            if self.annotation_key is None
            else [record.consequences or () for record in records],
        )


def _genotype_array(variant: Variant) -> np.ndarray:
    try:
        return np.asarray(variant.genotype.array())
    except Exception as error:  # cyvcf2 raises plain Exception where the header declares no text for GT
        raise ValueError(f"GT: {error}") from None


def _info_end(variant: Variant) -> int:
    end = variant.INFO.get("END")
    return end if isinstance(end, int) and 0 <= end <= MAX_POSITION else MISSING
