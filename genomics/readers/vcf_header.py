"""The header of VCF and BCF files."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from genomics.errors import InputError
from genomics.fields import Field, declared_fields
from genomics.readers.vcf_stream import damaged, naming_damage, open_stream, read_lines

MAX_HEADER_BYTES = 64_000_000
"""Of all lines but the last, which names the samples."""
MAX_SAMPLES = 2_000_000
_HEADER_LINE = re.compile(r"^##(contig|FILTER|FORMAT|INFO)=<(.*)>\s*$")
_DEFINES = (b"##fileformat=", b"##INFO=", b"##FORMAT=", b"##FILTER=")
_HEADER_FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[^,]*)')


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
    def fields(self) -> dict[str, Field]:
        """Declared INFO and FORMAT fields by key."""
        return declared_fields(self.infos, self.formats)

    @property
    def meta_information(self) -> list[list[str]]:
        """Key and value of each header line that is not of a contig, filter or field: what exports write back."""
        lines = self.text.decode("utf-8", errors="replace").splitlines()
        pairs = [line[2:].split("=", 1) for line in lines if line.startswith("##") and "=" in line]
        return [pair for pair in pairs if pair[0] not in ("contig", "FILTER", "INFO", "FORMAT")]

    @property
    def filter_descriptions(self) -> dict[str, str]:
        """The header's words on each filter."""
        lines = self.text.decode("utf-8", errors="replace").splitlines()
        parts = [
            found.group(2) for line in lines if (found := _HEADER_LINE.match(line)) and found[1] == "FILTER"
        ]
        tags = [dict(_HEADER_FIELD.findall(part)) for part in parts]
        return {tag["ID"]: tag.get("Description", "").strip('"') for tag in tags if "ID" in tag}

    @property
    def contig_numbers(self) -> dict[int, str]:
        """Contigs by the number that BCF records give them."""
        return _numbered(self.text, ("contig",))

    @property
    def string_numbers(self) -> dict[int, str]:
        """Filters and fields by the number that BCF records give them."""
        return _numbered(b"##FILTER=<ID=PASS>\n" + self.text, ("FILTER", "INFO", "FORMAT"))

    @property
    def definitions(self) -> bytes:
        """Lines that say how records are read: the version and what INFO, FORMAT and FILTER mean."""
        return b"\n".join(line.rstrip(b"\r") for line in self.text.split(b"\n") if line.startswith(_DEFINES))

    @property
    def n_columns(self) -> int:
        """Columns of a record."""
        return 9 + len(self.samples) if self.samples else 8


def read_header(path: str | os.PathLike[str]) -> VcfHeader:
    """Read and check the header of a VCF (plain, gzip, bgzip) or BCF file.

    Raises
    ------
    InputError
        The file is missing, empty or truncated, is no VCF, has no #CHROM line, or names a sample twice.
    """
    path = Path(path)
    with open_stream(path) as stream:
        return header_of(stream, path)


def header_of(stream: io.BufferedReader, path: Path) -> VcfHeader:
    """Read the header from a stream and leave the stream at the first record.

    Raises
    ------
    InputError
        As in `read_header`.
    """
    with naming_damage(path):
        is_bcf = stream.peek(3)[:3] == b"BCF"
        text = _bcf_header(stream, path) if is_bcf else _vcf_header(stream, path)
    return parse_header(text, path, is_bcf)


def _bcf_header(stream: io.BufferedReader, path: Path) -> bytes:
    magic = stream.read(5)
    if magic not in (b"BCF\2\1", b"BCF\2\2"):
        raise InputError(
            "a BCF file of an unknown version", file=path, expected="BCF 2.1 or 2.2", hint="convert it to VCF"
        )
    length = int.from_bytes(stream.read(4), "little")
    if length > MAX_HEADER_BYTES + 64 * MAX_SAMPLES:
        raise damaged(path, f"its header would have {length:,} bytes")
    text = stream.read(length)
    if len(text) < length:
        raise damaged(path, "it ends in the header")
    return text.rstrip(b"\0").rstrip()


def _vcf_header(stream: io.BufferedReader, path: Path) -> bytes:
    lines: list[bytes] = []
    size = 0
    for line in read_lines(stream, path, record=None):
        if not lines and not line.startswith(b"##fileformat=VCF"):
            raise InputError(
                "the file has no VCF header",
                file=path,
                record=1,
                expected="a first line ##fileformat=VCFv4.x",
                hint="add the header, or check that this is a VCF file",
            )
        if line.startswith(b"#CHROM"):
            return b"".join([*lines, line])
        if line.strip() and not line.startswith(b"##"):
            break
        lines.append(line)
        size += len(line)
        if size > MAX_HEADER_BYTES:
            raise InputError(
                f"a header of more than {MAX_HEADER_BYTES:,} bytes",
                file=path,
                field="#CHROM",
                expected="a header that fits in memory",
            )
    raise InputError(
        "the header has no #CHROM line",
        file=path,
        field="#CHROM",
        expected="a line of column names starting with #CHROM and POS before the first record",
    )


def parse_header(text: bytes, path: Path, is_bcf: bool) -> VcfHeader:
    """Parse the text of a header that ends with its #CHROM line.

    Raises
    ------
    InputError
        The #CHROM line does not name the columns of VCF, or names a sample twice.
    """
    *meta, last = text.rstrip(b"\r\n").split(b"\n")
    lines = [line.decode("utf-8", errors="replace").rstrip("\r") for line in meta]
    tags: dict[str, dict[str, dict[str, str]]] = {"contig": {}, "FILTER": {}, "FORMAT": {}, "INFO": {}}
    for line in lines:
        if found := _HEADER_LINE.match(line):
            fields = {key: value.strip('"') for key, value in _HEADER_FIELD.findall(found.group(2))}
            if "ID" in fields:
                # of a contig, of which there may be millions, the length alone is used
                kept = {"length": fields.get("length", "")} if found.group(1) == "contig" else fields
                tags[found.group(1)][fields["ID"]] = kept
    reference = "; ".join(line[2:] for line in lines if line.startswith(("##reference=", "##assembly=")))
    filters = tuple(name for name in tags["FILTER"] if name != "PASS")
    return VcfHeader(
        samples=_samples(last, path),
        contigs={name: _length(fields.get("length")) for name, fields in tags["contig"].items()},
        filters=filters,
        formats=tags["FORMAT"],
        infos=tags["INFO"],
        reference=reference,
        text=text,
        is_bcf=is_bcf,
    )


def _numbered(text: bytes, kinds: Sequence[str]) -> dict[int, str]:
    """Number the identifiers of some header lines: by IDX, or in the order in which they come first."""
    numbers: dict[str, int] = {}
    for line in text.decode("utf-8", errors="replace").split("\n"):
        found = _HEADER_LINE.match(line)
        if found is None or found.group(1) not in kinds:
            continue
        fields = {key: value.strip('"') for key, value in _HEADER_FIELD.findall(found.group(2))}
        if "ID" in fields and fields["ID"] not in numbers:
            given = fields.get("IDX", "")
            numbers[fields["ID"]] = int(given) if given.isdigit() else max(numbers.values(), default=-1) + 1
    return {number: name for name, number in numbers.items()}


def _length(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None


def _samples(line: bytes, path: Path) -> tuple[str, ...]:
    required = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]
    n_columns = line.count(b"\t") + 1
    if n_columns > len(required) + MAX_SAMPLES:
        raise InputError(
            f"the #CHROM line names {n_columns - len(required):,} samples",
            file=path,
            field="#CHROM",
            expected=f"at most {MAX_SAMPLES:,}",
            hint="split the file by samples",
        )
    try:
        columns = line.decode().split("\t")
    except UnicodeDecodeError as error:
        number = line.count(b"\t", 0, error.start) + 1
        raise InputError(
            f"the name in column {number} is not valid UTF-8",
            file=path,
            field="#CHROM",
            expected="sample names in UTF-8",
            hint="rename it (bcftools reheader -s)",
        ) from None
    if columns[:9] != required[: len(columns)] or len(columns) < 8:
        raise InputError(
            "the #CHROM line does not name the columns of VCF",
            file=path,
            field="#CHROM",
            expected="tab-separated " + " ".join(required[:8]),
        )
    samples = columns[9:]
    if "" in samples:
        raise InputError(
            f"sample column {samples.index('') + 1} has no name",
            file=path,
            field="#CHROM",
            expected="a name for every sample",
            hint="name it (bcftools reheader -s)",
        )
    if len(set(samples)) < len(samples):
        raise _named_twice(samples, path)
    return tuple(samples)


def _named_twice(samples: list[str], path: Path) -> InputError:
    first: dict[str, int] = {}
    for index, name in enumerate(samples, start=1):
        if first.setdefault(name, index) != index:
            break
    return InputError(
        f"sample columns {first[name]} and {index} have the same name",
        file=path,
        field="#CHROM",
        expected="every sample once",
        hint="rename one of them (bcftools reheader -s)",
    )
