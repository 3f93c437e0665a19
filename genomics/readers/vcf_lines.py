"""Lines of VCF text to blocks, one by one and with care: the slow way that every record can take."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from genomics.block import VariantBlock
from genomics.errors import InputError
from genomics.readers.protocol import Reject
from genomics.readers.vcf_checks import (
    ALLELES_BEYOND_ALT,
    NO_CALL_COLUMNS,
    SURPLUS_COLUMNS,
    Problem,
    diagnose_line,
    genotype_cells,
    has_leading_phase,
    is_phased,
    line_locus,
    line_problem,
    report_bad,
    with_call_in_every_cell,
    without_leading_phase,
)
from genomics.readers.vcf_header import VcfHeader
from genomics.readers.vcf_record import Record, RecordConverter
from genomics.regions import Region, overlaps

if TYPE_CHECKING:
    import cyvcf2

CONTIG = b"1"
FIXED_COLUMNS = ("CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO")


class SlowLines:
    """Parse lines of one file.

    Parameters
    ----------
    path
        The file, for error messages.
    header
        Its header.
    samples
        Samples to keep, in this order; all, in file order, where None.
    regions
        Records that overlap one of these; all where empty.
    reject
        Takes bad records; without it the first one raises.
    fields
        Keys of the INFO and FORMAT fields to keep; None for the default ones.
    notes
        Counts the records that were read although they are not as the header has them, by kind:
        ``surplus_columns`` (cut off), ``no_call_columns`` (all calls absent), ``alleles_beyond_alt`` (kept).

    Examples
    --------
    >>> from genomics.readers.vcf_header import parse_header
    >>> columns = "#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT A".replace(" ", chr(9))
    >>> header = parse_header(("##fileformat=VCFv4.2" + chr(10) + columns).encode(), Path("a.vcf"), False)
    >>> line = "1 100 . A G . . . GT 0|1".replace(" ", chr(9)).encode()
    >>> [block] = SlowLines(Path("a.vcf"), header).parse([line], [1])
    >>> block.genotypes.tolist(), block.phased.tolist()
    ([[[0, 1]]], [[True]])
    """

    def __init__(
        self,
        path: Path,
        header: VcfHeader,
        samples: Sequence[str] | None = None,
        regions: Sequence[Region] = (),
        reject: Reject | None = None,
        fields: Sequence[str] | None = None,
        notes: Counter[str] | None = None,
    ) -> None:
        self.path, self.header, self.regions, self.reject = path, header, regions, reject
        self.samples = header.samples if samples is None else tuple(samples)
        self.notes: Counter[str] = Counter() if notes is None else notes
        self.converter = RecordConverter(header, len(self.samples), fields)
        place = {name: index for index, name in enumerate(header.samples)}
        chosen = [place[name] for name in self.samples]
        self._columns = None if chosen == list(range(len(header.samples))) else [9 + i for i in chosen]
        self._reads_info = bool(self.converter.infos) or self.converter.annotation_key is not None
        self._head = self._header_text()
        self._n_tabs = len(FIXED_COLUMNS) + len(self.samples) if self.samples else len(FIXED_COLUMNS) - 1

    def contig(self, line: bytes) -> str:
        """Return the contig of a line."""
        return line.split(b"\t", 1)[0].decode("utf-8", errors="replace")

    def locus(self, line: bytes) -> tuple[str, int] | None:
        """Return contig and position of a line, None where they cannot be read."""
        return line_locus(line)

    def _opened(self, place: str) -> cyvcf2.VCF:
        """Open the lines with htslib, whose refusals of a header are bare exceptions."""
        try:
            return open_htslib(place)
        except Exception as error:
            raise InputError(
                f"htslib cannot read the header ({error})", file=self.path, record="header",
                expected="lines of a VCF header", hint="look for bytes that are no text in its ## lines",
            ) from error  # fmt: skip

    def parse(self, lines: Sequence[bytes], numbers: Sequence[int | str]) -> Iterator[VariantBlock]:
        """Yield the records of some lines as one block; nothing where none is left.

        Parameters
        ----------
        lines
            With or without their line ends.
        numbers
            What each record is called in errors: its number in the file, or contig and position.

        Raises
        ------
        InputError
            A record cannot be read, or htslib cannot read the header.
        """
        bare = [line.rstrip(b"\r\n") for line in lines]
        problems = [line_problem(line, len(self.header.samples)) for line in bare]
        records = []
        with tempfile.TemporaryFile() as text:
            text.write(self._head)
            for line, problem in zip(bare, problems, strict=True):
                if problem is None:
                    text.write(self._ready(line) + b"\n")
            text.flush()
            text.seek(0)
            variants = self._opened(f"/dev/fd/{text.fileno()}")
            for line, number, problem in zip(bare, numbers, problems, strict=True):
                record = self._record(variants, line, number, problem)
                if record is not None:
                    records.append(record)
            variants.close()
        if records:
            yield self.converter.block(records)

    def _ready(self, line: bytes) -> bytes:
        """Bring a good line into the form that htslib reads: the samples asked for, in their order.

        Contig and FILTER are kept from htslib, which does not read some that no header line can declare.
        """
        line = CONTIG + line[line.index(b"\t") :]
        fixed = line.split(b"\t", len(FIXED_COLUMNS))
        fixed[6] = b"."
        if not self._reads_info:  # what is not read is not checked either
            fixed[7] = b";".join(item for item in fixed[7].split(b";") if item.startswith(b"END="))
        line = b"\t".join([*(text or b"." for text in fixed[:8]), *fixed[8:]])  # empty says what a dot says
        if has_leading_phase(line):
            line = without_leading_phase(line)
        line = with_call_in_every_cell(line)
        n_tabs = line.count(b"\t")
        if self._columns is not None and n_tabs > len(FIXED_COLUMNS):
            cells = line.split(b"\t")
            return b"\t".join(cells[:9] + [cells[column] for column in self._columns])
        if n_tabs > self._n_tabs:
            return b"\t".join(line.split(b"\t", self._n_tabs + 1)[: self._n_tabs + 1])
        return line

    def _header_text(self) -> bytes:
        """Header of the samples kept, without what no record needs."""
        columns = [*FIXED_COLUMNS, *(("FORMAT", *self.samples) if self.samples else ())]
        lines = [self.header.definitions, b"##contig=<ID=%s>" % CONTIG, ("#" + "\t".join(columns)).encode()]
        return b"\n".join(lines) + b"\n"

    def _record(
        self, variants: cyvcf2.VCF, line: bytes, number: int | str, problem: Problem | None
    ) -> Record | None:
        if problem is not None:
            report_bad(self.reject, self.path, number, problem)
            return None
        try:
            variant = next(variants)
        except Exception:  # cyvcf2 raises plain Exception for whatever htslib cannot read
            report_bad(self.reject, self.path, number, diagnose_line(line))
            return None
        contig = line[: line.index(b"\t")].decode()
        if not overlaps(self.regions, contig, variant.POS, variant.end):
            return None
        try:
            record = self.converter.convert(variant, contig, _filters(line))
        except ValueError as error:  # such as text that is not UTF-8
            expected = "values of the types that the header declares"
            report_bad(
                self.reject, self.path, number, ("record", f"a value that is none ({error})", expected)
            )
            return None
        self._note(line, record)
        if record.genotypes.shape[1] > 2 or has_leading_phase(line):
            record = replace(record, phased=self._phase_of_text(line))
        return record

    def _phase_of_text(self, line: bytes) -> np.ndarray:
        """Tell which calls have ``|`` throughout: htslib's array tells one separator only."""
        calls = genotype_cells(line) or [b"."] * len(self.header.samples)
        phased = np.array([is_phased(call) for call in calls[: len(self.header.samples)]], dtype=bool)
        return phased if self._columns is None else phased[np.array(self._columns, dtype=int) - 9]

    def _note(self, line: bytes, record: Record) -> None:
        n_columns, n_samples = line.count(b"\t") + 1, len(self.header.samples)
        if n_columns > max(len(FIXED_COLUMNS), self.header.n_columns):
            self.notes[SURPLUS_COLUMNS] += 1
        elif n_columns == len(FIXED_COLUMNS) and n_samples:
            self.notes[NO_CALL_COLUMNS] += 1
        if int(record.genotypes.max(initial=0)) >= len(record.alleles):
            self.notes[ALLELES_BEYOND_ALT] += 1


def _filters(line: bytes) -> list[str]:
    text = line.split(b"\t", 7)[6]
    return [] if text == b"." else [name for name in text.decode().split(";") if name]


def open_htslib(path: str) -> cyvcf2.VCF:
    """Open a file with htslib, which keeps quiet: what it would print is found and said here."""
    import cyvcf2
    from cyvcf2.cyvcf2 import set_htslib_log_level

    set_htslib_log_level(0)
    return cyvcf2.VCF(path, strict_gt=True)
