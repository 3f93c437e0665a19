"""Read BGEN files: genotype probabilities, as imputation writes them, with dosages and hard calls.

A BGEN file holds no calls. Genotypes are hard calls by the rule of PLINK 2: the expected copies of every
allele lie within 0.1 of a whole number; all others are no-calls. The dosage of a biallelic record's ALT is
FORMAT/DS; the probabilities themselves are FORMAT/GP (genotypes, in the order of VCF) of unphased and
FORMAT/HP (the alleles of the first haplotype, then those of the next) of phased records.

The format names no reference allele. The first allele is taken as REF unless the reader is asked for the
last one. Both choices stand in the reader's notes.

References
----------
Band and Marchini 2018, https://doi.org/10.1101/308296; https://www.chg.ox.ac.uk/~gav/bgen_format
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from math import comb
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from genomics.block import VariantBlock
from genomics.errors import InputError
from genomics.fields import Field, choose_fields
from genomics.readers.bgen_block import (
    BY_HAPLOTYPE,
    DOSAGE,
    PROBABILITIES,
    BgenRecord,
    bgen_block,
)
from genomics.readers.bgen_calls import (
    CALLS_NOTE,
    HARD_CALL_THRESHOLD,
)
from genomics.readers.bgen_samples import bgen_samples, indexed_rows
from genomics.readers.protocol import Selection
from genomics.readers.pvar import contig_name

if TYPE_CHECKING:
    import bgen

ReferenceAllele = Literal["first", "last"]

_FIELDS = (DOSAGE, PROBABILITIES, BY_HAPLOTYPE)
_BYTES_AT_ONCE = 100_000_000  # of a block while it is made
_ROUNDING = 0.01
_MOST_GENOTYPES = 100_000
# What the bgen package raises for a file that ends early or does not decompress.
_UNREADABLE = (ValueError, IndexError, RuntimeError, OverflowError, MemoryError)


class BgenReader:
    """A BGEN file; see `genomics.readers.protocol.VariantReader`.

    Parameters
    ----------
    path
        The .bgen file.
    sample
        Its .sample file; by default the one beside it, where the .bgen file itself names no samples.
    reference
        Which allele becomes REF: the ``first``, or the ``last`` of two.
    threshold
        Hard calls are made where the copies of every allele lie so close to a whole number.

    Attributes
    ----------
    families
        ID_1 of each sample, ``0`` where there is none.

    Raises
    ------
    InputError
        The file is missing or no BGEN file, or the .sample file does not fit it.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        sample: str | os.PathLike[str] | None = None,
        *,
        reference: ReferenceAllele = "first",
        threshold: float = HARD_CALL_THRESHOLD,
    ) -> None:
        self.path = Path(path)
        self.reference_allele: ReferenceAllele = reference
        self.threshold = threshold
        with open_bgen(self.path) as file:
            self.layout = int(file.header.layout)
            self.n_variants = int(file.header.nvariants)
            people = bgen_samples(self.path, file, sample)
        self.samples, self.families = people.samples, people.families
        self.contigs: Mapping[str, int | None] = {}
        self.filters: tuple[str, ...] = ()
        self.fields: Mapping[str, Field] = {field.key: field for field in _FIELDS}
        self.reference = ""
        self.notes: Mapping[str, str] = {
            "bgen_reference": f"REF is the {reference} allele of the record; the format does not tell the "
            "reference allele: provisional until REF is compared with a FASTA",
            "bgen_calls": CALLS_NOTE.format(threshold=threshold),
            "bgen_samples": people.note,
        }
        self.seen_contigs: set[str] = set()

    def first_record(self) -> tuple[str, int] | None:
        """Return contig and position of the first variant; None where there is none, or it is unreadable."""
        with open_bgen(self.path) as file:
            try:
                variant = next(iter(file))
                return _contig(variant.chrom), int(variant.pos)
            except (StopIteration, *_UNREADABLE):
                pass
        return None

    def blocks(self, selection: Selection) -> Iterator[VariantBlock]:
        """Yield the selected variants in file order; blocks are shorter where there are many samples."""
        chosen = tuple(choose_fields(self.fields, selection.fields).values())
        order = _order(self.samples, selection.samples)
        copies = 2 + len(chosen)  # the probabilities, joined for the calls, as they are in the block
        size = self.path.stat().st_size
        records: list[BgenRecord] = []
        held = 0
        with open_bgen(self.path) as file:
            for number, variant in self._variants(file, selection):
                record = self._record(variant, number, selection)
                if record is not None:
                    records.append(record)
                    held += copies * record.probabilities.nbytes
                if records and (len(records) == selection.block_records or held > _BYTES_AT_ONCE):
                    yield self._block(records, chosen, order)
                    records, held = [], 0
                if selection.consumed is not None:
                    selection.consumed(min(size, int(variant.next_variant_offset)))
        if records:
            yield self._block(records, chosen, order)

    def _variants(self, file: bgen.BgenReader, selection: Selection) -> Iterator[tuple[int, Any]]:
        """Yield the selected variants and their numbers; an index beside the file spares the others."""

        def is_wanted(chromosome: str, position: int, length: int) -> bool:
            contig = _contig(chromosome)
            self.seen_contigs.add(contig)
            if not selection.regions:
                return True
            end = position + length - 1
            return any(r.contig == contig and position <= r.end and end >= r.start for r in selection.regions)

        places = indexed_rows(self.path, self.n_variants, is_wanted) if selection.regions else None
        for place, variant in self._every(file) if places is None else self._some(file, places):
            try:
                wanted = is_wanted(variant.chrom, variant.pos, len(self._ordered(variant.alleles)[0]))
            except _UNREADABLE:
                raise _damaged(self.path, place + 1) from None
            if wanted:
                yield place + 1, variant

    def _ordered(self, alleles: Sequence[str]) -> tuple[str, ...]:
        """REF first."""
        return tuple(alleles) if self.reference_allele == "first" else tuple(alleles)[::-1]

    def _every(self, file: bgen.BgenReader) -> Iterator[tuple[int, Any]]:
        for place in range(self.n_variants):
            try:
                yield place, next(file)
            except (StopIteration, *_UNREADABLE):
                raise _damaged(self.path, place + 1) from None

    def _some(self, file: bgen.BgenReader, places: Iterable[int]) -> Iterator[tuple[int, Any]]:
        for place in places:
            try:
                yield place, file[place]
            except _UNREADABLE:
                raise _damaged(self.path, place + 1) from None

    def _record(self, variant: Any, number: int, selection: Selection) -> BgenRecord | None:
        try:
            return self._convert(variant, number)
        except InputError as error:
            if selection.reject is None:
                raise
            selection.reject(number, error.field or "record", error.message)
            return None

    def _block(
        self, records: Sequence[BgenRecord], chosen: Sequence[Field], order: np.ndarray | None
    ) -> VariantBlock:
        block = bgen_block(records, chosen, self.threshold)
        return block if order is None else block.with_samples(order)

    def _convert(self, variant: Any, number: int) -> BgenRecord:
        try:
            contig, identifiers = _contig(variant.chrom), (variant.rsid, variant.varid)
            alleles = self._ordered(variant.alleles)
            self._check(int(variant.pos), len(alleles), number)
            phased = bool(variant.is_phased)
            ploidy = variant.ploidy
            self._check_genotypes(len(alleles), int(ploidy.max(initial=0)), number)
            probabilities = variant.probabilities
        except InputError:
            raise
        except _UNREADABLE:
            raise _damaged(self.path, number) from None
        if ((probabilities < -_ROUNDING) | (probabilities > 1 + _ROUNDING)).any():
            raise InputError("probabilities add up to more than 1", file=self.path, record=number, field="GP")
        if self.reference_allele == "last":
            probabilities = _swap(probabilities, ploidy, phased)
        return BgenRecord(
            contig=contig,
            position=int(variant.pos),
            identifier=next((name for name in identifiers if name not in ("", ".")), ""),
            alleles=alleles,
            probabilities=probabilities,
            ploidy=ploidy,
            phased=phased,
            is_plain=len(alleles) == 2
            and self.layout == 2
            and probabilities.shape[1] == (4 if phased else 3)
            and bool((ploidy == 2).all()),
        )

    def _check(self, position: int, n_alleles: int, number: int) -> None:
        if not 1 <= position < 2**31:
            raise InputError(
                f"{position} is not a position", file=self.path, record=number, field="position",
                expected="a whole number, counted from 1",
            )  # fmt: skip
        if n_alleles < 1 or (self.reference_allele == "last" and n_alleles != 2):
            raise InputError(
                f"{n_alleles} alleles", file=self.path, record=number, field="alleles",
                expected="two, where the last allele is to be REF", hint="take the first allele for REF",
            )  # fmt: skip

    def _check_genotypes(self, n_alleles: int, ploidy: int, number: int) -> None:
        """Refuse, before memory is asked for, what only a damaged record claims."""
        n_genotypes = comb(ploidy + n_alleles - 1, ploidy)
        if n_genotypes > _MOST_GENOTYPES:
            raise InputError(
                f"{n_alleles} alleles at ploidy {ploidy} make {n_genotypes} genotypes", file=self.path,
                record=number, field="ploidy", expected=f"{_MOST_GENOTYPES} genotypes at most",
            )  # fmt: skip


def open_bgen(path: Path) -> bgen.BgenReader:
    """Open a BGEN file with the bgen package.

    Raises
    ------
    InputError
        The file is missing or no BGEN file.
    """
    import bgen

    if not path.is_file():
        raise InputError("no such file", file=path, expected="a BGEN file")
    try:
        return bgen.BgenReader(str(path), delay_parsing=True)
    except _UNREADABLE as error:
        raise InputError(f"cannot be read ({error})", file=path, expected="a BGEN file") from None


@lru_cache(maxsize=1024)
def _contig(text: str) -> str:
    """Name a contig; Oxford's programs write chromosome 1 as 01."""
    return contig_name(text.lstrip("0") or text if text.isdecimal() else text)


def _damaged(path: Path, number: int) -> InputError:
    return InputError(
        "the record is truncated or damaged", file=path, record=number, expected="a complete BGEN file",
        hint="copy or download the file again",
    )  # fmt: skip


def _swap(probabilities: np.ndarray, ploidy: np.ndarray, phased: bool) -> np.ndarray:
    """Order the probabilities of two alleles the other way round."""
    if phased:
        return probabilities.reshape(len(ploidy), -1, 2)[:, :, ::-1].reshape(len(ploidy), -1)
    swapped = np.full_like(probabilities, np.nan)
    for each in np.unique(ploidy).tolist():
        rows = ploidy == each
        swapped[rows, : each + 1] = probabilities[rows, : each + 1][:, ::-1]
    return swapped


def _order(every: Sequence[str], chosen: Sequence[str] | None) -> np.ndarray | None:
    if chosen is None:
        return None
    position_of = {name: index for index, name in enumerate(every)}
    return np.array([position_of[name] for name in chosen], np.int64)
