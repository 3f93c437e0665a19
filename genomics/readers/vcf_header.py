"""Open VCF and BCF files, plain or compressed, and read their header."""

from __future__ import annotations

import gzip
import io
import os
import re
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from genomics.errors import InputError
from genomics.fields import Field, declared_fields

_BGZF_EOF = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_HEADER_LINE = re.compile(r"^##(contig|FILTER|FORMAT|INFO)=<(.*)>\s*$")
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
    def n_columns(self) -> int:
        """Columns of a record."""
        return 9 + len(self.samples) if self.samples else 8


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
        return io.BufferedReader(gzip.open(path), 1 << 20)
    return path.open("rb", buffering=1 << 20)


def bytes_read(stream: IO[bytes]) -> int:
    """Tell how far a stream of `open_text` is in its file, in bytes as they lie on disk."""
    raw: Any = getattr(stream, "raw", None)
    return int(getattr(raw, "fileobj", stream).tell())


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
        if not lines and not line.startswith(b"##fileformat=VCF"):
            raise InputError(
                "the file has no VCF header",
                file=path,
                record=1,
                expected="a first line ##fileformat=VCFv4.x",
                hint="add the header, or check that this is a VCF file",
            )
        if not line.startswith(b"#"):
            break
        lines.append(line)
        if line.startswith(b"#CHROM"):
            return b"".join(lines)
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


def has_index(path: Path) -> bool:
    """Tell whether a .tbi or .csi index lies beside the file."""
    return any(path.with_name(path.name + suffix).exists() for suffix in (".tbi", ".csi"))
