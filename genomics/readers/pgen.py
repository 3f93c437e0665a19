"""Read PLINK 2 genotypes: .pgen with .pvar (or .pvar.zst) and .psam, through pgenlib.

A .pgen file stores hard calls as two alleles whatever the chromosome: a haploid call of a man's X, of Y or
MT is stored as homozygous. The calls are given as they are stored and the reader's notes say so, with the
number of men and women that the .psam file names; what to make of them is a matter of policy.

Phase is stored for heterozygous calls only. Homozygous calls count as phased, as pgenlib has it, where the
file holds phase at all; calls that are missing never do.

References
----------
Chang et al. 2015, https://doi.org/10.1186/s13742-015-0047-8; PGEN specification,
https://github.com/chrchang/plink-ng/tree/master/pgen_spec
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from genomics.block import FILTERED, MISSING, NO_CALL, OBSERVED, VariantBlock, is_filtered
from genomics.errors import InputError
from genomics.fields import Field, choose_fields, missing_value
from genomics.readers.pgen_header import read_pgen_header
from genomics.readers.protocol import Reject, Selection
from genomics.readers.pvar import (
    BadRecord,
    PvarRecord,
    count_alleles,
    pvar_lines,
    pvar_parser,
    read_psam,
    read_pvar_header,
)
from genomics.readers.vcf_fields import stack_info

if TYPE_CHECKING:
    import pgenlib

DOSAGE = Field("FORMAT", "DS", "1", "Float", "Copies of the ALT, from 0 to 2; NaN at multi-allelic records")
PHASED_DOSAGE = Field("FORMAT", "HDS", "2", "Float", "Copies of the ALT on either haplotype, from 0 to 1")
PROVISIONAL = Field("INFO", "PR", "0", "Flag", "Provisional REF, which may not be that of a reference genome")
_PARTS = (".pgen", ".pvar", ".psam", ".pvar.zst")
_CELLS_AT_ONCE = 4_000_000  # pgenlib gives alleles as 8 bytes a call
# Copies of the ALT as pgenlib counts them, -9 (3 in its two lowest bits) where missing, as two alleles.
_ALLELES_OF_COUNT = np.array([[0, 0], [0, 1], [1, 1], [MISSING, MISSING]], np.int8).view(np.uint16).ravel()


class PgenReader:
    """A PLINK 2 fileset; see `genomics.readers.protocol.VariantReader`.

    Parameters
    ----------
    prefix
        Path without .pgen, .pvar, .psam.

    Attributes
    ----------
    families
        FID of each sample, ``0`` where there is none.
    sexes
        ``male``, ``female`` or empty, for each sample.

    Raises
    ------
    InputError
        A file is missing, or they do not fit each other.
    """

    def __init__(self, prefix: str | os.PathLike[str]) -> None:
        self.path = Path(prefix)
        self.pgen, plain, psam = (
            self.path.with_name(self.path.name + suffix) for suffix in (".pgen", ".pvar", ".psam")
        )
        packed = plain.with_name(plain.name + ".zst")
        self.pvar = packed if packed.is_file() and not plain.is_file() else plain
        people = read_psam(psam)
        self.samples = tuple(person.identifier for person in people)
        self.families = tuple(person.family for person in people)
        self.sexes = tuple(person.sex for person in people)
        self.variants = read_pvar_header(self.pvar)
        self.header = read_pgen_header(self.pgen)
        if self.header.n_samples not in (None, len(people)):
            raise InputError(
                f"{len(people)} samples",
                file=psam,
                expected=f"{self.header.n_samples}, as in {self.pgen.name}",
            )
        self.contigs: Mapping[str, int | None] = self.variants.contigs
        self.filters = self.variants.filters
        self.fields: Mapping[str, Field] = self._fields()
        self.reference = self.variants.reference
        self.notes: Mapping[str, str] = self._notes()
        self.seen_contigs: set[str] = set(self.contigs)

    def _fields(self) -> dict[str, Field]:
        found = dict(self.variants.fields)
        added = [
            *([PROVISIONAL] if self._any_provisional() else []),
            *([DOSAGE] if self.header.has_dosages else []),
            *([PHASED_DOSAGE] if self.header.has_phased_dosages else []),
        ]
        return found | {field.key: field for field in added}

    def _any_provisional(self) -> bool:
        return bool(np.any(self.header.provisional)) if self.header.provisional is not None else False

    def _notes(self) -> dict[str, str]:
        sexes = Counter(self.sexes)
        counts = f"{sexes['male']} men, {sexes['female']} women, {sexes['']} of unknown sex"
        notes = {
            "pgen_ploidy": "calls have two alleles as .pgen stores them: haploid calls of X, Y and MT are "
            f"homozygous; the .psam file names {counts}",
            "pgen_reference": _reference_note(self.header.provisional, self.header.n_variants),
        }
        if self.header.has_dosages:
            notes["pgen_dosage"] = (
                "FORMAT/DS holds the dosages stored, and the count of ALT alleles of the hard call where none "
                "is stored; hard calls are those of the file"
            )
        return notes

    def first_record(self) -> tuple[str, int] | None:
        """Return contig and position of the first variant; None where there is none, or it is unreadable."""
        for line in islice(pvar_lines(self.pvar), 1):
            try:
                record = pvar_parser(self.variants)(line)
            except BadRecord:
                return None
            return record.contig, record.position
        return None

    def blocks(self, selection: Selection) -> Iterator[VariantBlock]:
        """Yield the selected variants in the order of the .pvar file."""
        lines = pvar_lines(self.pvar)
        size, start = self.pgen.stat().st_size, 0
        with _Calls(self, selection) as calls:
            parse = pvar_parser(self.variants, calls.info_fields)
            while part := list(islice(lines, selection.block_records)):
                read = [self._record(parse, line, start + i, selection) for i, line in enumerate(part)]
                rows = [start + i for i, record in enumerate(read) if record is not None]
                records = [record for record in read if record is not None]
                if records:
                    yield from calls.block(rows, records)
                start += len(part)
                if selection.consumed is not None:
                    selection.consumed(size * start // calls.n_variants)

    def _record(
        self, parse: Callable[[str], PvarRecord], line: str, index: int, selection: Selection
    ) -> PvarRecord | None:
        try:
            record = parse(line)
        except BadRecord as bad:
            _refuse(self.pvar, index, bad.column, bad.reason, selection.reject)
            return None
        self.seen_contigs.add(record.contig)
        end = max(record.end, record.position + len(record.alleles[0]) - 1)
        inside = (
            r.contig == record.contig and record.position <= r.end and end >= r.start
            for r in selection.regions
        )
        return record if not selection.regions or any(inside) else None


class _Calls:
    """The .pgen file: calls, phase and dosages of chosen variants and samples."""

    def __init__(self, reader: PgenReader, selection: Selection) -> None:
        self.reader, self.selection = reader, selection
        self.fields = choose_fields(reader.fields, selection.fields)
        self.info_fields = [
            field for field in self.fields.values() if field.category == "INFO" and field != PROVISIONAL
        ]
        self.n_alleles = count_alleles(reader.pvar, reader.variants)
        self.n_variants = len(self.n_alleles)
        if reader.header.n_variants not in (None, self.n_variants):
            raise InputError(
                f"{self.n_variants} variants",
                file=reader.pvar,
                expected=f"{reader.header.n_variants}, as in {reader.pgen.name}",
            )
        self.order, self.n_samples = _sample_order(reader.samples, selection.samples)
        self.file = self._open()
        self.is_phased = bool(self.file.hardcall_phase_present())

    def _open(self) -> pgenlib.PgenReader:
        import pgenlib

        offsets = np.concatenate([[0], np.cumsum(self.n_alleles)]).astype(np.uintp)
        chosen = self.selection.samples is not None
        try:
            return pgenlib.PgenReader(
                os.fsencode(self.reader.pgen),
                raw_sample_ct=len(self.reader.samples),
                variant_ct=self.n_variants,
                sample_subset=np.sort(self.order).astype(np.uint32) if chosen else None,
                allele_idx_offsets=offsets if self.n_alleles.max(initial=2) > 2 else None,
            )
        except RuntimeError as error:
            raise InputError(f"pgenlib cannot open it ({_said(error)})", file=self.reader.pgen) from None

    def __enter__(self) -> _Calls:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def block(self, rows: list[int], records: list[PvarRecord]) -> Iterator[VariantBlock]:
        """Yield the block of some variants, without those whose calls are damaged."""
        try:
            block = self._block(np.array(rows, np.uint32), records)
        except RuntimeError:
            good = [place for place, row in enumerate(rows) if self._is_readable(row, records[place])]
            if not good:
                return
            index = np.array([rows[place] for place in good], np.uint32)
            block = self._block(index, [records[place] for place in good])
        yield block

    def _is_readable(self, row: int, record: PvarRecord) -> bool:
        try:
            self._block(np.array([row], np.uint32), [record])
        except RuntimeError as error:
            _refuse(self.reader.pgen, row, "genotypes", f"damaged ({_said(error)})", self.selection.reject)
            return False
        return True

    def _block(self, rows: np.ndarray, records: list[PvarRecord]) -> VariantBlock:
        genotypes, phased = self._genotypes(rows)
        _check_alleles(genotypes, [len(record.alleles) for record in records])
        filtered = np.array([is_filtered(record.filters) for record in records], bool)
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
            states=_states(genotypes, filtered),
            info=self._info(rows, records),
            formats={
                field.name: self._dosages(rows, field)
                for field in (DOSAGE, PHASED_DOSAGE)
                if field.key in self.fields
            },
        )
        # pgenlib gives samples in file order.
        in_file_order = bool(np.all(np.diff(self.order) > 0))
        return block if in_file_order else block.with_samples(np.argsort(np.argsort(self.order)))

    def _info(self, rows: np.ndarray, records: list[PvarRecord]) -> dict[str, np.ndarray]:
        info = {
            field.name: stack_info(field, [record.info[place] for record in records])
            for place, field in enumerate(self.info_fields)
        }
        if PROVISIONAL.key in self.fields and self.reader.header.provisional is not None:
            info["PR"] = np.broadcast_to(self.reader.header.provisional, self.n_variants)[rows].copy()
        return info

    def _genotypes(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        shape = (len(rows), self.n_samples)
        most = int(self.n_alleles[rows].max(initial=2))
        if not self.is_phased and most == 2:
            counts = np.empty(shape, np.int8)
            self.file.read_list(rows, counts)
            genotypes = np.take(_ALLELES_OF_COUNT, counts & 3).view(np.int8).reshape(*shape, 2)
            return genotypes, np.zeros(shape, bool)
        genotypes = np.empty((*shape, 2), np.int8 if most <= 128 else np.int16)
        phased = np.zeros(shape, bool)
        step = max(1, _CELLS_AT_ONCE // max(1, self.n_samples))
        for start in range(0, len(rows), step):
            part = slice(start, min(start + step, len(rows)))
            genotypes[part], phased[part] = self._alleles(rows[part])
        return genotypes, phased

    def _alleles(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        alleles = np.empty((len(rows), 2 * self.n_samples), np.int32)
        phase = np.empty((len(rows), self.n_samples), np.uint8)
        self.file.read_alleles_and_phasepresent_list(rows, alleles, phase)
        calls = np.where(alleles < 0, MISSING, alleles).reshape(*phase.shape, 2)
        return calls, (phase != 0) & self.is_phased

    def _dosages(self, rows: np.ndarray, field: Field) -> np.ndarray:
        by_haplotype = field == PHASED_DOSAGE
        shape = (self.n_samples, 2) if by_haplotype else (self.n_samples,)
        values = np.full((len(rows), *shape), missing_value(np.dtype(np.float32)), np.float32)
        single = self.n_alleles[rows] == 2
        found = np.empty((int(single.sum()), int(np.prod(shape))), np.float32)
        if len(found):
            read = self.file.read_phased_dosages_list if by_haplotype else self.file.read_dosages_list
            read(rows[single], found)
            found[found < 0] = missing_value(found.dtype)
            values[single] = found.reshape(-1, *shape)
        return values


def pgen_prefix(path: str | os.PathLike[str]) -> Path | None:
    """Return the common prefix of a PLINK 2 fileset given by prefix or by a file of it; None for anything else.

    Examples
    --------
    >>> pgen_prefix("cohort.pvar.zst").name
    'cohort'
    >>> pgen_prefix("cohort.vcf.gz") is None
    True
    """
    path = Path(path)
    suffix = next((suffix for suffix in _PARTS if path.name.endswith(suffix)), None)
    if suffix is not None:
        return path.with_name(path.name[: -len(suffix)])
    return path if path.with_name(path.name + ".pgen").is_file() else None


def _check_alleles(genotypes: np.ndarray, n_alleles: Sequence[int]) -> None:
    """Refuse allele numbers that a record does not have; two alleles leave no room for them."""
    for row in np.flatnonzero(np.array(n_alleles) != 2).tolist():
        largest = int(genotypes[row].max(initial=0))
        if largest >= n_alleles[row]:
            raise RuntimeError(f"allele number {largest} where the record has {n_alleles[row] - 1} ALT")


def _states(genotypes: np.ndarray, filtered: np.ndarray) -> np.ndarray:
    """As `genomics.block.call_states`, for calls that are missing as a whole or not at all."""
    states = np.repeat(np.where(filtered, FILTERED, OBSERVED).astype(np.int8)[:, None], genotypes.shape[1], 1)
    states[genotypes[:, :, 0] == MISSING] = NO_CALL
    return states


def _sample_order(every: Sequence[str], chosen: Sequence[str] | None) -> tuple[np.ndarray, int]:
    if chosen is None:
        return np.arange(len(every)), len(every)
    position_of = {name: index for index, name in enumerate(every)}
    return np.array([position_of[name] for name in chosen], np.int64), len(chosen)


def _reference_note(provisional: np.ndarray | bool | None, n_variants: int | None) -> str:
    if provisional is None:
        return "REF is that of the .pvar file; the .pgen file does not say whether it is provisional"
    count = int(np.sum(provisional)) if isinstance(provisional, np.ndarray) else None
    if count == 0 or provisional is False:
        return "REF is that of the .pvar file; none is marked as provisional"
    which = "every variant is" if count is None else f"{count} of {n_variants} variants are"
    return f"REF is that of the .pvar file; {which} marked as provisional (INFO/PR)"


def _refuse(path: Path, index: int, column: str, reason: str, reject: Reject | None) -> None:
    if reject is None:
        raise InputError(
            reason,
            file=path,
            record=index + 1,
            field=column,
            hint="correct the record, or leave bad records out with --keep-going",
        )
    reject(index + 1, column, reason)


def _said(error: RuntimeError) -> str:
    text = error.args[0] if error.args else ""
    return (text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)).strip()
