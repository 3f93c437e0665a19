"""Read VCF and BCF in blocks: text is checked line by line here, then parsed by htslib through cyvcf2.

htslib stops the program on a blank line, drops surplus columns in silence, takes a QUAL that is no number
for 0 and reads the whole part of a truncated file. Each of these is found here, before htslib sees the
text, and named with file, record and field.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from genomics import annotation
from genomics.block import (
    FILL,
    MISSING,
    Consequence,
    VariantBlock,
    call_states,
    is_filtered,
)
from genomics.errors import InputError

if TYPE_CHECKING:
    import cyvcf2

BLOCK_RECORDS = 1000
_BLOCK_BYTES = 64_000_000  # of text at most, so that a block of half a million samples still fits
_BGZF_EOF = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_INT32_MISSING, _INT32_END = -(2**31), -(2**31) + 1
_GT = re.compile(rb"^(?:\.|\d+)(?:[/|](?:\.|\d+))*$")
_QUAL = re.compile(rb"^(?:\.|[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:inf|nan|Inf|NaN))$")
_HEADER_LINE = re.compile(r"^##(contig|FILTER|FORMAT|INFO)=<(.*)>\s*$")
_HEADER_FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[^,]*)')

Reject = Callable[[int | str, str, str], None]  # record, field, reason


@dataclass(frozen=True)
class Region:
    """An interval of a contig, 1-based, closed at both ends."""

    contig: str
    start: int = 1
    end: int = 2**31 - 1


@dataclass(frozen=True)
class VcfHeader:
    """What a VCF header declares.

    Attributes
    ----------
    samples
        In file order.
    contigs
        Declared contigs and their lengths, None where no length is given.
    filters, formats, infos
        Declared tags; formats and infos with their Type and Description.
    reference
        Text of ``##reference`` and ``##assembly`` lines.
    text
        The header itself, ending with the #CHROM line.
    is_bcf
        The file is BCF.
    """

    samples: tuple[str, ...]
    contigs: dict[str, int | None]
    filters: tuple[str, ...]
    formats: dict[str, dict[str, str]]
    infos: dict[str, dict[str, str]]
    reference: str
    text: bytes = field(repr=False)
    is_bcf: bool = False

    @property
    def n_columns(self) -> int:
        """Columns of a record."""
        return 9 + len(self.samples) if self.samples else 8


def parse_region(text: str) -> Region:
    """Read ``contig``, ``contig:position`` or ``contig:start-end``.

    Raises
    ------
    InputError
        The text is not a region.

    Examples
    --------
    >>> parse_region("19:10,300,000-10400000")
    Region(contig='19', start=10300000, end=10400000)
    >>> parse_region("HLA-A*01:01:01:01").contig
    'HLA-A*01:01:01:01'
    """
    found = re.match(r"^(.+):([\d,]+)(?:-([\d,]*))?$", text.strip())
    if not text.strip():
        raise InputError("an empty region", field="region", expected="contig:start-end")
    if found is None or text.startswith("HLA"):
        return Region(text.strip())
    start = int(found.group(2).replace(",", ""))
    end = found.group(3)
    stop = start if end is None else (int(end.replace(",", "")) if end else Region.end)
    if start < 1 or stop < start:
        raise InputError(
            f"{text!r} ends before it starts", field="region", expected="contig:start-end, counted from 1"
        )
    return Region(found.group(1), start, stop)


def merge_regions(regions: Sequence[Region]) -> list[Region]:
    """Join regions that touch or overlap, sorted by contig in the order given and by start.

    Examples
    --------
    >>> merge_regions([Region("1", 50, 90), Region("1", 10, 60)])
    [Region(contig='1', start=10, end=90)]
    """
    merged: list[Region] = []
    for contig in dict.fromkeys(region.contig for region in regions):
        for region in sorted((r for r in regions if r.contig == contig), key=lambda r: (r.start, r.end)):
            last = merged[-1] if merged and merged[-1].contig == contig else None
            if last is not None and region.start <= last.end + 1:
                merged[-1] = Region(contig, last.start, max(last.end, region.end))
            else:
                merged.append(region)
    return merged


def open_text(path: Path) -> IO[bytes]:
    """Open a plain, gzip or bgzip file as a stream of bytes.

    Raises
    ------
    InputError
        The file is missing, empty, unreadable, or its end is missing.
    """
    check_complete(path)
    with path.open("rb") as raw:
        compressed = raw.read(2) == b"\x1f\x8b"
    if compressed:
        return io.BufferedReader(gzip.open(path), 1 << 20)  # type: ignore[arg-type]
    return path.open("rb", buffering=1 << 20)


def check_complete(path: Path) -> None:
    """Refuse a file that is missing, empty, or a bgzip file without its end marker.

    Raises
    ------
    InputError
        As said above. A plain gzip file has no such marker: its end is checked while it is read.
    """
    try:
        with path.open("rb") as raw:
            start = raw.read(18)
            size = raw.seek(0, os.SEEK_END)
            raw.seek(max(0, size - len(_BGZF_EOF)))
            end = raw.read()
    except FileNotFoundError:
        raise InputError("no such file", file=path, hint="check the path") from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", file=path) from error
    if size == 0:
        raise InputError("the file is empty", file=path, expected="a VCF or BCF file")
    is_bgzf = start[:4] == b"\x1f\x8b\x08\x04" and start[12:14] == b"BC"
    if is_bgzf and end != _BGZF_EOF:
        raise truncated(path)


def truncated(path: Path, record: int | None = None) -> InputError:
    """Make the error for a compressed file whose end is missing."""
    return InputError(
        "the compressed file is truncated or damaged",
        file=path,
        record=record,
        expected="a complete gzip or bgzip stream",
        hint="copy or download the file again",
    )


def read_header(path: str | os.PathLike[str]) -> VcfHeader:
    """Read and check the header of a VCF (plain, gzip, bgzip) or BCF file.

    Raises
    ------
    InputError
        The file is missing, empty or truncated, is no VCF, has no #CHROM line, or names a sample twice.
    """
    path = Path(path)
    try:
        with open_text(path) as stream:
            is_bcf = stream.peek(3)[:3] == b"BCF"  # type: ignore[attr-defined]
            text = _bcf_header(stream) if is_bcf else _vcf_header(stream, path)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise truncated(path) from None
    return _parse_header(text, path, is_bcf)


def _bcf_header(stream: IO[bytes]) -> bytes:
    stream.read(5)
    length = int.from_bytes(stream.read(4), "little")
    return stream.read(length).rstrip(b"\0")


def _vcf_header(stream: IO[bytes], path: Path) -> bytes:
    lines: list[bytes] = []
    for line in stream:
        if not line.startswith(b"#"):
            break
        lines.append(line)
        if line.startswith(b"#CHROM"):
            return b"".join(lines)
    if not lines:
        raise InputError(
            "the file has no VCF header",
            file=path,
            record=1,
            expected="a first line ##fileformat=VCFv4.x",
            hint="add the header, or check that this is a VCF file",
        )
    raise InputError(
        "the header has no #CHROM line",
        file=path,
        field="#CHROM",
        expected="a line of column names starting with #CHROM and POS before the first record",
    )


def _parse_header(text: bytes, path: Path, is_bcf: bool) -> VcfHeader:
    lines = text.decode("utf-8", errors="replace").splitlines()
    tags: dict[str, dict[str, dict[str, str]]] = {"contig": {}, "FILTER": {}, "FORMAT": {}, "INFO": {}}
    for line in lines:
        if found := _HEADER_LINE.match(line):
            fields = {key: value.strip('"') for key, value in _HEADER_FIELD.findall(found.group(2))}
            if "ID" in fields:
                tags[found.group(1)][fields["ID"]] = fields
    reference = "; ".join(line[2:] for line in lines if line.startswith(("##reference=", "##assembly=")))
    filters = tuple(name for name in tags["FILTER"] if name != "PASS")
    return VcfHeader(
        samples=_samples(lines[-1], path),
        contigs={name: _length(fields.get("length")) for name, fields in tags["contig"].items()},
        filters=filters,
        formats=tags["FORMAT"],
        infos=tags["INFO"],
        reference=reference,
        text=text,
        is_bcf=is_bcf,
    )


def _length(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None


def _samples(line: str, path: Path) -> tuple[str, ...]:
    columns = line.rstrip("\r\n").split("\t")
    required = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"]
    if columns[:8] != required:
        raise InputError(
            "the #CHROM line does not name the columns of VCF",
            file=path,
            field="#CHROM",
            expected="tab-separated " + " ".join(required),
        )
    samples = columns[9:]
    if not samples:
        raise InputError(
            "the file holds no samples",
            file=path,
            field="#CHROM",
            expected="FORMAT and at least one sample column",
            hint="use a file with genotypes",
        )
    if len(set(samples)) < len(samples):
        first = next(index for index, name in enumerate(samples) if name in samples[:index])
        raise InputError(
            f"sample columns {samples.index(samples[first]) + 1} and {first + 1} have the same name",
            file=path,
            field="#CHROM",
            expected="every sample once",
            hint="rename one of them (bcftools reheader -s)",
        )
    return tuple(samples)


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


def has_index(path: Path) -> bool:
    """Tell whether a .tbi or .csi index lies beside the file."""
    return any(path.with_name(path.name + suffix).exists() for suffix in (".tbi", ".csi"))


def read_blocks(
    path: str | os.PathLike[str],
    header: VcfHeader,
    *,
    samples: Sequence[str] | None = None,
    regions: Sequence[Region] = (),
    reject: Reject | None = None,
    block_records: int = BLOCK_RECORDS,
    seen_contigs: set[str] | None = None,
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
    reader = _BlockReader(path, header, samples, regions, reject)
    reader.seen_contigs = set() if seen_contigs is None else seen_contigs
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
    ) -> None:
        self.path, self.header, self.regions, self.reject = path, header, regions, reject
        chosen = list(header.samples if samples is None else samples)
        self.subset = None if samples is None else chosen
        kept = [name for name in header.samples if name in set(chosen)]
        order = [kept.index(name) for name in chosen]
        self.order = None if order == list(range(len(order))) else np.array(order)
        self.n_samples = len(chosen)
        self.annotation_key = next((key for key in annotation.KEYS if key in header.infos), None)
        description = header.infos.get("CSQ", {}).get("Description", "")
        self.csq_fields = annotation.csq_fields(description)
        self.seen_contigs: set[str] = set()

    # -- where records come from -------------------------------------------------------------------

    def from_file(self, block_records: int) -> Iterator[VariantBlock]:
        """Let htslib read the file: BCF, or regions by index."""
        vcf = _open_htslib(str(self.path), self.subset)
        pending: list[_Record] = []
        for number, variant in self._htslib_records(vcf):
            record = self._convert(variant, number)
            if record is not None:
                pending.append(record)
            if len(pending) == block_records:
                yield self._block(pending)
                pending = []
        vcf.close()
        if pending:
            yield self._block(pending)

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
                    line = line.rstrip(b"\r\n")
                    if contigs and (name := line.split(b"\t", 1)[0]) not in contigs:
                        self.seen_contigs.add(name.decode("utf-8", errors="replace"))
                        continue
                    problem = _line_problem(line, n_tabs)
                    if problem is None:
                        yield number, line
                    elif line or not self._is_end(stream):
                        self._bad(number, *problem)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise truncated(self.path, number) from None

    @staticmethod
    def _is_end(stream: IO[bytes]) -> bool:
        return not stream.peek(1).strip()  # type: ignore[attr-defined]

    def _parse(self, lines: list[bytes], numbers: list[int]) -> Iterator[VariantBlock]:
        records = []
        with tempfile.TemporaryFile() as text:
            text.write(self.header.text.rstrip(b"\r\n") + b"\n")
            text.writelines(line + b"\n" for line in lines)
            text.flush()
            vcf = _open_htslib(f"/dev/fd/{text.fileno()}", self.subset)
            for number, line in zip(numbers, lines, strict=True):
                try:
                    variant = next(vcf)
                except Exception:  # cyvcf2 raises plain Exception for whatever htslib cannot read
                    self._bad(number, *_diagnose(line))
                    continue
                if self.regions and not any(_overlaps(variant, region) for region in self.regions):
                    continue
                record = self._convert(variant, number)
                if record is not None:
                    records.append(record)
            vcf.close()
        if records:
            yield self._block(records)

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

    # -- one record --------------------------------------------------------------------------------

    def _convert(self, variant: cyvcf2.Variant, number: int | str) -> _Record | None:
        alleles = (variant.REF, *variant.ALT)
        calls = variant.genotype.array() if "GT" in variant.FORMAT else None
        if calls is None:
            genotypes = np.full((self.n_samples, 1), FILL, np.int16)
            phased = np.zeros(self.n_samples, bool)
        else:
            genotypes = calls[:, :-1]
            phased = calls[:, -1].astype(bool)
            if int(genotypes.max(initial=0)) >= len(alleles):
                self._bad(
                    number,
                    "GT",
                    f"allele number {genotypes.max()} where the record has {len(alleles) - 1} ALT",
                    f"allele numbers 0 to {len(alleles) - 1}",
                )
                return None
        return _Record(
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

    # -- many records ------------------------------------------------------------------------------

    def _block(self, records: Sequence[_Record]) -> VariantBlock:
        n, n_samples = len(records), self.n_samples
        ploidy = max(2, *(record.genotypes.shape[1] for record in records)) if n > 1 else max(
            2, records[0].genotypes.shape[1]
        )
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

    def _stack(self, records: Sequence[_Record], name: str, tag: str) -> np.ndarray | None:
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


_NUMBER_TYPES = ("Integer", "Float")


@dataclass(frozen=True, eq=False)
class _Record:
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


def _reorder(block: VariantBlock, order: np.ndarray) -> VariantBlock:
    from dataclasses import replace

    return replace(
        block,
        genotypes=block.genotypes[:, order],
        phased=block.phased[:, order],
        states=block.states[:, order],
        depth=None if block.depth is None else block.depth[:, order],
        genotype_quality=None if block.genotype_quality is None else block.genotype_quality[:, order],
    )


def _open_htslib(path: str, samples: list[str] | None) -> cyvcf2.VCF:
    import cyvcf2
    from cyvcf2.cyvcf2 import set_htslib_log_level

    set_htslib_log_level(0)  # what htslib would print is found and said here
    return cyvcf2.VCF(path, samples=samples, strict_gt=True)


def _overlaps(variant: cyvcf2.Variant, region: Region) -> bool:
    return bool(
        region.contig == variant.CHROM and region.end >= variant.POS and variant.end >= region.start
    )


def _info_end(variant: cyvcf2.Variant) -> int:
    end = variant.INFO.get("END")
    return end if isinstance(end, int) else MISSING


def _line_problem(line: bytes, n_tabs: int) -> tuple[str, str, str] | None:
    """Check what htslib does not: return field, what is wrong, and what was expected."""
    if line.count(b"\t") != n_tabs:
        if not line:
            return "CHROM", "a blank line", "a record"
        found = line.count(b"\t") + 1
        return "columns", f"{found} columns", f"{n_tabs + 1}, as the #CHROM line names"
    contig, position, _, ref, alt, quality, _ = line.split(b"\t", 6)
    if not contig:
        return "CHROM", "an empty contig name", "a name such as 1 or chr1"
    if not position.isdigit():
        return "POS", f"{_show(position)} is not a position", "a whole number, counted from 1"
    if not ref or ref == b"." or not alt:
        return "REF" if alt else "ALT", "an empty allele", "bases"
    if not _QUAL.match(quality):
        return "QUAL", f"{_show(quality)} is not a quality", "a number or '.'"
    return None


def _diagnose(line: bytes) -> tuple[str, str, str]:
    """Say why htslib could not read a line that passed `_line_problem`."""
    columns = line.split(b"\t")
    keys = columns[8].split(b":")
    if int(columns[1]) > 2**31 - 1:
        return "POS", f"{_show(columns[1])} is too large", "at most 2147483647"
    if b"GT" in keys:
        at = keys.index(b"GT")
        for number, cell in enumerate(columns[9:], start=1):
            values = cell.split(b":")
            if at < len(values) and not _GT.match(values[at]):
                return (
                    "GT",
                    f"{_show(values[at])} in sample column {number} is not a genotype",
                    "allele numbers or '.' joined by '/' or '|'",
                )
    for number, cell in enumerate(columns[9:], start=1):
        if cell.count(b":") >= len(keys):
            return "FORMAT", f"sample column {number} has more values than FORMAT names", f"{len(keys)}"
    return "record", "htslib cannot read the record", "a record as the VCF specification has it"


def _show(text: bytes) -> str:
    shown = text.decode("utf-8", errors="replace")
    return repr(shown if len(shown) <= 40 else shown[:37] + "...")
