"""Read VCF and BCF in blocks: text is checked line by line here, then parsed by htslib through cyvcf2.

htslib stops the program on a blank line, drops surplus columns in silence, takes a QUAL that is no number
for 0 and reads the whole part of a truncated file. Each of these is found here, before htslib sees the
text, and named with file, record and field.
"""

from __future__ import annotations

import gzip
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from genomics.block import VariantBlock
from genomics.errors import InputError
from genomics.fields import Field
from genomics.readers.protocol import BLOCK_RECORDS, Reject, Selection
from genomics.readers.vcf_checks import diagnose_line, line_problem
from genomics.readers.vcf_header import (
    VcfHeader,
    bytes_read,
    has_index,
    open_text,
    read_header,
    truncated,
)
from genomics.readers.vcf_record import Record, RecordConverter
from genomics.regions import Region, merge_regions

if TYPE_CHECKING:
    import cyvcf2

_BLOCK_BYTES = 64_000_000  # of text at most, so that a block of half a million samples still fits


class VcfReader:
    """A VCF or BCF file; see `genomics.readers.protocol.VariantReader`.

    Raises
    ------
    InputError
        The header cannot be read.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.header = read_header(self.path)
        self.samples = self.header.samples
        self.contigs: Mapping[str, int | None] = self.header.contigs
        self.filters = self.header.filters
        self.fields: Mapping[str, Field] = self.header.fields
        self.reference = self.header.reference
        self.notes: Mapping[str, str] = {}
        self.seen_contigs: set[str] = set(self.header.contigs)

    def first_record(self) -> tuple[str, int] | None:
        """Return contig and position of the first record; None where there is none, or it is unreadable."""
        return first_record(self.path, self.header)

    def blocks(self, selection: Selection) -> Iterator[VariantBlock]:
        """Yield the selected records in file order."""
        return read_blocks(
            self.path,
            self.header,
            samples=selection.samples,
            regions=selection.regions,
            reject=selection.reject,
            block_records=selection.block_records,
            seen_contigs=self.seen_contigs,
            consumed=selection.consumed,
            fields=selection.fields,
        )


def first_record(path: Path, header: VcfHeader) -> tuple[str, int] | None:
    """Return contig and position of a file's first record; None where it has none or it cannot be read.

    Whatever is wrong with the record is said when the records are read.
    """
    if header.is_bcf:
        vcf = _open_htslib(str(path), [])
        try:
            variant = next(vcf)
        except Exception:  # cyvcf2 raises plain Exception for whatever htslib cannot read
            return None
        finally:
            vcf.close()
        return variant.CHROM, variant.POS
    try:
        with open_text(path) as stream:
            line = next((line for line in stream if not line.startswith(b"#")), b"")
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise truncated(path) from None
    columns = line.split(b"\t", 2)
    if len(columns) < 3 or not columns[1].isdigit():
        return None
    return columns[0].decode("utf-8", errors="replace"), int(columns[1])


def read_blocks(
    path: str | os.PathLike[str],
    header: VcfHeader,
    *,
    samples: Sequence[str] | None = None,
    regions: Sequence[Region] = (),
    reject: Reject | None = None,
    block_records: int = BLOCK_RECORDS,
    seen_contigs: set[str] | None = None,
    consumed: Callable[[int], None] | None = None,
    fields: Sequence[str] | None = None,
) -> Iterator[VariantBlock]:
    """Read the records of a VCF or BCF file, block by block.

    Parameters
    ----------
    path
        The file.
    header
        As `read_header` gave it.
    samples
        Samples to keep, in this order; all, in file order, by default.
    regions
        Records that overlap one of these; all by default. An index is used where there is one.
    reject
        Called with record, field and reason for each bad record, which is then left out. Without it the
        first bad record raises.
    block_records
        Records of a block, at most.
    seen_contigs
        Contigs that the file turns out to have, inside the regions or not, are added to it.
    consumed
        Called now and then with the bytes read of a text file so far.
    fields
        Keys of the INFO and FORMAT fields to keep; None for the default ones.

    Yields
    ------
    VariantBlock

    Raises
    ------
    InputError
        A record cannot be read.
    """
    path = Path(path)
    regions = merge_regions(regions)
    reader = _BlockReader(path, header, samples, regions, reject, fields)
    reader.seen_contigs = set() if seen_contigs is None else seen_contigs
    reader.consumed = consumed
    if header.is_bcf or (regions and has_index(path)):
        yield from reader.from_file(block_records)
    else:
        yield from reader.from_text(block_records)


class _BlockReader:
    """Turn records of one file into blocks."""

    def __init__(
        self,
        path: Path,
        header: VcfHeader,
        samples: Sequence[str] | None,
        regions: Sequence[Region],
        reject: Reject | None,
        fields: Sequence[str] | None,
    ) -> None:
        self.path, self.header, self.regions, self.reject = path, header, regions, reject
        self.subset = None if samples is None else list(samples)
        self.converter = RecordConverter(header, samples, fields)
        self.seen_contigs: set[str] = set()
        self.consumed: Callable[[int], None] | None = None

    # -- where records come from -------------------------------------------------------------------

    def from_file(self, block_records: int) -> Iterator[VariantBlock]:
        """Let htslib read the file: BCF, or regions by index."""
        vcf = _open_htslib(str(self.path), self.subset)
        pending: list[Record] = []
        for number, variant in self._htslib_records(vcf):
            record = self._convert(variant, number)
            if record is not None:
                pending.append(record)
            if len(pending) == block_records:
                yield self.converter.block(pending)
                pending = []
        vcf.close()
        if pending:
            yield self.converter.block(pending)

    def _htslib_records(self, vcf: cyvcf2.VCF) -> Iterator[tuple[int | str, cyvcf2.Variant]]:
        if self.regions and has_index(self.path):
            known = set(vcf.seqnames)
            self.seen_contigs |= known
            for index, region in enumerate(self.regions):
                if region.contig not in known:
                    continue
                for variant in self._iterate(vcf(f"{region.contig}:{region.start}-{region.end}")):
                    if not any(_overlaps(variant, earlier) for earlier in self.regions[:index]):
                        yield f"{variant.CHROM}:{variant.POS}", variant
            return
        for number, variant in enumerate(self._iterate(iter(vcf)), start=1):
            if not self.regions or any(_overlaps(variant, region) for region in self.regions):
                yield number, variant

    def _iterate(self, variants: Iterator[cyvcf2.Variant]) -> Iterator[cyvcf2.Variant]:
        number = 0
        while True:
            number += 1
            try:
                variant = next(variants)
            except StopIteration:
                return
            except Exception:  # cyvcf2 raises plain Exception for whatever htslib cannot read
                raise truncated(self.path, number) from None
            yield variant

    def from_text(self, block_records: int) -> Iterator[VariantBlock]:
        """Read text here, check each line, and hand whole blocks of good lines to htslib."""
        lines: list[bytes] = []
        numbers: list[int] = []
        size = 0
        for number, line in self._checked_lines():
            lines.append(line)
            numbers.append(number)
            size += len(line)
            if len(lines) == block_records or size > _BLOCK_BYTES:
                yield from self._parse(lines, numbers)
                lines, numbers, size = [], [], 0
        if lines:
            yield from self._parse(lines, numbers)

    def _checked_lines(self) -> Iterator[tuple[int, bytes]]:
        contigs = {region.contig.encode() for region in self.regions}
        n_tabs = self.header.n_columns - 1
        number = 0
        try:
            with open_text(self.path) as stream:
                for line in stream:
                    if line.startswith(b"#") and number == 0:
                        continue
                    number += 1
                    if self.consumed is not None and number % 1000 == 0:
                        self.consumed(bytes_read(stream))
                    line = line.rstrip(b"\r\n")
                    if contigs:
                        name = line.split(b"\t", 1)[0]
                        self.seen_contigs.add(name.decode("utf-8", errors="replace"))
                        if name not in contigs:
                            continue
                    problem = line_problem(line, n_tabs)
                    if problem is None:
                        yield number, line
                    elif line or not self._is_end(stream):
                        self._bad(number, *problem)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise truncated(self.path, number) from None

    @staticmethod
    def _is_end(stream: IO[bytes]) -> bool:
        return not stream.peek(1).strip()  # type: ignore[attr-defined]

    def _header_for(self, lines: list[bytes]) -> bytes:
        """Header that declares every contig of some lines.

        cyvcf2 takes a record on an undeclared contig for read even where htslib failed on it, and then
        stops the program.
        """
        head, columns = self.header.text.rstrip(b"\r\n").rsplit(b"\n", 1)
        declared = {name.encode() for name in self.header.contigs}
        found = dict.fromkeys(line.split(b"\t", 1)[0] for line in lines)
        contigs = b"".join(b"\n##contig=<ID=%s>" % name for name in found if name not in declared)
        return head + contigs + b"\n" + columns + b"\n"

    def _parse(self, lines: list[bytes], numbers: list[int]) -> Iterator[VariantBlock]:
        records = []
        with tempfile.TemporaryFile() as text:
            text.write(self._header_for(lines))
            text.writelines(line + b"\n" for line in lines)
            text.flush()
            text.seek(0)
            vcf = _open_htslib(f"/dev/fd/{text.fileno()}", self.subset)
            for number, line in zip(numbers, lines, strict=True):
                try:
                    variant = next(vcf)
                except Exception:  # cyvcf2 raises plain Exception for whatever htslib cannot read
                    self._bad(number, *diagnose_line(line))
                    continue
                if self.regions and not any(_overlaps(variant, region) for region in self.regions):
                    continue
                record = self._convert(variant, number)
                if record is not None:
                    if record.genotypes.shape[1] > 2:
                        record = replace(record, phased=self.converter.phase_of_text(line))
                    records.append(record)
            vcf.close()
        if records:
            yield self.converter.block(records)

    def _convert(self, variant: cyvcf2.Variant, number: int | str) -> Record | None:
        record = self.converter.convert(variant)
        largest, n_alts = int(record.genotypes.max(initial=0)), len(record.alleles) - 1
        if largest <= n_alts:
            return record
        problem = f"allele number {largest} where the record has {n_alts} ALT"
        self._bad(number, "GT", problem, f"allele numbers 0 to {n_alts}")
        return None

    def _bad(self, record: int | str, field_name: str, reason: str, expected: str) -> None:
        if self.reject is not None:
            self.reject(record, field_name, f"{reason}; expected {expected}")
            return
        raise InputError(
            reason,
            file=self.path,
            record=record,
            field=field_name,
            expected=expected,
            hint="correct the record, or leave bad records out with --keep-going",
        )


def _open_htslib(path: str, samples: list[str] | None) -> cyvcf2.VCF:
    import cyvcf2
    from cyvcf2.cyvcf2 import set_htslib_log_level

    set_htslib_log_level(0)  # what htslib would print is found and said here
    return cyvcf2.VCF(path, samples=samples, strict_gt=True)


def _overlaps(variant: cyvcf2.Variant, region: Region) -> bool:
    return bool(region.contig == variant.CHROM and region.end >= variant.POS and variant.end >= region.start)
