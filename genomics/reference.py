"""Bases of a reference genome: windows of a FASTA file, and the build that its lengths are those of."""

from __future__ import annotations

import os
import shutil
import struct
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genomics.build import build_from_lengths
from genomics.contigs import canonical_contig
from genomics.errors import InputError

_WINDOW = 1 << 16
# What pyfaidx, and Biopython's reader of bgzip below it, raise for damaged files.
_DAMAGE = (
    ValueError, LookupError, TypeError, AttributeError, RuntimeError, OSError, EOFError, AssertionError,
    struct.error, zlib.error,
)  # fmt: skip
# Any base that is not A, C, G or T stands for an unknown one, as in bcftools.
_BASES = bytes(ord(chr(code).upper()) if chr(code).upper() in "ACGT" else ord("N") for code in range(256))


class Reference:
    r"""A reference genome in FASTA, plain or bgzip, read in windows of some 64 kb.

    An index (.fai, and .gzi for bgzip) beside the file is used where it is newer than the file. Otherwise
    one is made, and kept beside the file where that folder may be written.

    Parameters
    ----------
    path
        The file; gzip must be bgzip, and its name end in .gz or .bgz.

    Attributes
    ----------
    lengths
        Bases of each contig, by the name that the file gives it.

    Raises
    ------
    InputError
        There is no such file, or it cannot be indexed.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "two.fa"
    >>> _ = path.write_text(">chr1 first\nACGTNacgtr\n>chr2\nTTTT\n")
    >>> reference = Reference(path)
    >>> reference.fetch("1", 3, 10), dict(reference.lengths)
    ('GTNACGTN', {'chr1': 10, 'chr2': 4})
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._faidx = _open(self.path)
        self.lengths: Mapping[str, int] = {name: int(entry.rlen) for name, entry in self._faidx.index.items()}
        self._canonical: dict[str, str] = {}
        for name in self.lengths:
            self._canonical.setdefault(canonical_contig(name), name)
        self._window: tuple[str, int, str] = ("", 0, "")

    def contig_of(self, contig: str) -> str:
        """Return the file's name of a contig, with or without ``chr``.

        Raises
        ------
        InputError
            The file has no such contig.
        """
        if contig in self.lengths:
            return contig
        name = self._canonical.get(canonical_contig(contig))
        if name is None:
            shown = ", ".join(list(self.lengths)[:5]) or "none"
            raise InputError(
                f"the reference has no contig {contig!r}", file=self.path, field="CHROM",
                expected=f"one of its {len(self.lengths)} contigs: {shown}",
                hint="give the FASTA that the calls were made against",
            )  # fmt: skip
        return name

    def has(self, contig: str) -> bool:
        """Tell whether the file has a contig, with or without ``chr``."""
        return contig in self.lengths or canonical_contig(contig) in self._canonical

    def length(self, contig: str) -> int:
        """Return the bases of a contig."""
        return self.lengths[self.contig_of(contig)]

    def fetch(self, contig: str, start: int, end: int) -> str:
        """Read bases in capitals; what is not A, C, G or T comes as N.

        Parameters
        ----------
        contig
            With or without ``chr``.
        start, end
            1-based, closed. What lies beyond the contig is left out.
        """
        name = self.contig_of(contig)
        start, end = max(1, start), min(end, self.lengths[name])
        if end < start:
            return ""
        held, first, bases = self._window
        if held != name or start < first or end >= first + len(bases):
            first = max(1, start - _WINDOW // 8)
            bases = self._read(name, first, min(self.lengths[name], max(end, first + _WINDOW)))
            self._window = (name, first, bases)
        return bases[start - first : end - first + 1]

    def _read(self, name: str, start: int, end: int) -> str:
        try:
            raw = str(self._faidx.fetch(name, start, end))
        except _DAMAGE:
            raw = ""
        if len(raw) != end - start + 1:
            raise InputError(
                f"the file ends within {name}, or is damaged there", file=self.path, record=name,
                expected=f"{self.lengths[name]} bases, as its index says",
                hint="remove the index (.fai) to have it made anew",
            )  # fmt: skip
        return raw.encode("latin-1", "replace").translate(_BASES).decode("ascii")

    def close(self) -> None:
        """Close the file."""
        self._faidx.close()

    def __enter__(self) -> Reference:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def build_from_reference(reference: Reference) -> str:
    """Tell the build of a FASTA by the lengths of its chromosomes: GRCh37, GRCh38 or unknown."""
    return build_from_lengths(dict(reference.lengths))


def require_same_build(reference: Reference, build: str) -> None:
    """Refuse a FASTA that is on another build than the calls.

    Parameters
    ----------
    reference
        The genome.
    build
        Build of the calls; ``unknown`` is checked against nothing.

    Raises
    ------
    InputError
        Both builds are known and differ.
    """
    found = build_from_reference(reference)
    if "unknown" not in (found, build) and found != build:
        raise InputError(
            f"the FASTA's chromosome lengths are those of {found}, the calls are on {build}",
            file=reference.path, field="build", expected=f"a FASTA of {build}",
            hint="give that FASTA, or lift the calls over first",
        )  # fmt: skip


def _open(path: Path) -> Any:
    """Open a FASTA through pyfaidx, with an index that is newer than it."""
    if not path.is_file():
        raise InputError("there is no such file", file=path, expected="a FASTA file")
    packed = path.name.lower().endswith((".gz", ".bgz"))
    with path.open("rb") as stream:
        magic = stream.read(2)
    if (magic == b"\x1f\x8b") != packed:
        raise InputError(
            "the file's name and content differ", file=path,
            expected="plain text, or bgzip with a name in .gz or .bgz",
        )  # fmt: skip
    kinds = (".fai", ".gzi") if packed else (".fai",)
    beside = [path.with_name(path.name + kind) for kind in kinds]
    if not all(_is_current(index, path) for index in beside):
        return _open_indexing(path, beside)
    return _faidx(path, beside)


def _is_current(index: Path, path: Path) -> bool:
    return index.is_file() and index.stat().st_mtime >= path.stat().st_mtime


def _open_indexing(path: Path, beside: list[Path]) -> Any:
    """Make the index apart and whole, then put it beside the file where that is allowed."""
    with tempfile.TemporaryDirectory() as folder:
        made = [Path(folder) / index.name for index in beside]
        faidx = _faidx(path, made)
        if len(made) == 1:
            _check_lines(path, faidx)
        for index, place in zip(made, beside, strict=True):
            part = place.with_name(f"{place.name}.tmp-{os.getpid()}")
            try:
                shutil.copyfile(index, part)
                os.replace(part, place)
            except OSError:
                continue  # the folder may not be written: the index lives as long as this object
        return faidx


def _check_lines(path: Path, faidx: Any) -> None:
    """Refuse lines of unequal length, some of which pyfaidx indexes without a word, and then misreads."""
    with path.open("rb") as stream:
        for name, entry in faidx.index.items():
            if not entry.rlen:
                continue
            lines, rest = divmod(entry.rlen - 1, entry.lenc)
            stream.seek(entry.offset + lines * entry.lenb + rest)
            end = stream.read(2)
            if end[:1].isspace() or not (end[1:].isspace() or not end[1:]):
                faidx.close()
                raise InputError(
                    "lines of unequal length", file=path, record=name,
                    expected="lines of equal length within a contig", hint="wrap them (seqtk seq -l 60)",
                )  # fmt: skip


def _faidx(path: Path, indexes: list[Path]) -> Any:
    import pyfaidx

    try:
        return pyfaidx.Faidx(
            str(path), indexname=str(indexes[0]), as_raw=True, rebuild=False,
            gzi_indexname=str(indexes[1]) if len(indexes) > 1 else None,
        )  # fmt: skip
    except (pyfaidx.FastaIndexingError, *_DAMAGE) as error:
        raise InputError(
            f"the FASTA cannot be indexed ({error})", file=path,
            expected="lines of equal length within a contig, names that differ, plain text or bgzip",
            hint="samtools faidx names the line",
        ) from None  # fmt: skip
