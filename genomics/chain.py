"""UCSC chain files: which stretches of one genome build are which of another, base by base."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genomics.contigs import canonical_contig
from genomics.errors import InputError

_HEADER = "chain SCORE NAME SIZE STRAND START END NAME SIZE STRAND START END ID"


@dataclass(frozen=True)
class Stretch:
    """Bases of the old build that stand in the same order, without a gap, on the new one.

    Attributes
    ----------
    start, end
        On the old build, 1-based, closed.
    contig
        Of the new build, as the chain file names it.
    target_start, target_end
        On the new build's forward strand, 1-based, closed.
    is_reversed
        The stretch lies on the reverse strand of the new build.
    """

    start: int
    end: int
    contig: str
    target_start: int
    target_end: int
    is_reversed: bool

    def lift(self, start: int, end: int) -> tuple[int, int]:
        """Return where bases of the stretch lie on the new build's forward strand.

        Examples
        --------
        >>> Stretch(11, 20, "chr1", 101, 110, True).lift(11, 12)
        (109, 110)
        """
        if self.is_reversed:
            return self.target_end - (end - self.start), self.target_end - (start - self.start)
        return self.target_start + start - self.start, self.target_start + end - self.start


class Chain:
    r"""The stretches of a chain file, plain or gzip.

    Parameters
    ----------
    path
        Such as ``hg19ToHg38.over.chain.gz``.

    Attributes
    ----------
    old_lengths, new_lengths
        Bases of the contigs that chains name, on the old build and the new one.

    Raises
    ------
    InputError
        It is no chain file.

    References
    ----------
    Kent et al., Evolution's cauldron, PNAS 100 (2003) 11484, doi:10.1073/pnas.1932072100, and the format's
    description at the UCSC Genome Browser.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "small.chain"
    >>> _ = path.write_text("chain 9 chr1 50 + 10 30 chr1 60 + 15 37 1\n8 0 2\n12\n\n")
    >>> [stretch.lift(12, 12) for stretch in Chain(path).find("1", 12, 12)]
    [(17, 17)]
    >>> [stretch.lift(19, 19) for stretch in Chain(path).find("1", 19, 19)]
    [(26, 26)]
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.old_lengths: dict[str, int] = {}
        self.new_lengths: dict[str, int] = {}
        self._stretches: dict[str, list[Stretch]] = {}
        for header, stretch in _read(self.path):
            contig = header[2]
            self.old_lengths[contig], self.new_lengths[header[7]] = int(header[3]), int(header[8])
            self._stretches.setdefault(canonical_contig(contig), []).append(stretch)
        if not self._stretches:
            raise InputError("the file holds no chain", file=self.path, expected=f"lines {_HEADER}")
        self._starts: dict[str, np.ndarray] = {}
        self._reach: dict[str, np.ndarray] = {}
        for contig, stretches in self._stretches.items():
            stretches.sort(key=lambda stretch: (stretch.start, stretch.end))
            self._starts[contig] = np.array([stretch.start for stretch in stretches])
            self._reach[contig] = np.maximum.accumulate([stretch.end for stretch in stretches])

    def find(self, contig: str, start: int, end: int) -> list[Stretch]:
        """Return the stretches that hold all bases from `start` to `end`, on any contig of the new build."""
        name = canonical_contig(contig)
        if name not in self._starts:
            return []
        at = int(np.searchsorted(self._starts[name], start, side="right")) - 1
        found = []
        while at >= 0 and self._reach[name][at] >= start:
            if self._stretches[name][at].end >= end:
                found.append(self._stretches[name][at])
            at -= 1
        return found

    def touches(self, contig: str, start: int, end: int) -> bool:
        """Tell whether any of the bases from `start` to `end` is in a stretch."""
        name = canonical_contig(contig)
        if name not in self._starts:
            return False
        at = int(np.searchsorted(self._starts[name], end, side="right")) - 1
        return at >= 0 and bool(self._reach[name][at] >= start)


def _read(path: Path) -> Iterator[tuple[list[str], Stretch]]:
    header: list[str] | None = None
    source = target = 0
    try:
        for number, line in _lines(path):
            parts = line.split()
            if not parts or line.startswith("#"):
                continue
            if parts[0] == "chain":
                header = parts
                source, target = _check_header(path, number, parts)
                continue
            sizes = _whole_numbers(path, number, parts)
            if header is None or len(sizes) not in (1, 3):
                raise _bad(path, number, "SIZE, or SIZE DT DQ, after a chain line")
            yield header, _stretch(header, source, target, sizes[0])
            source += sizes[0] + sum(sizes[1:2])
            target += sizes[0] + sum(sizes[2:3])
            if len(sizes) == 1:
                if (source, target) != (int(header[6]), int(header[11])):
                    raise _bad(path, number, "stretches and gaps that add up to the chain's ends")
                header = None
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InputError(f"the chain file cannot be read ({error})", file=path) from None
    if header is not None:
        raise InputError("the file ends within a chain", file=path, expected="a last line SIZE")


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    opener = gzip.open if packed else open
    with opener(path, "rt", encoding="ascii") as stream:
        yield from enumerate(stream, start=1)


def _check_header(path: Path, number: int, parts: list[str]) -> tuple[int, int]:
    if len(parts) not in (12, 13) or parts[4] != "+" or parts[9] not in ("+", "-"):
        raise _bad(path, number, _HEADER)
    places = _whole_numbers(path, number, [*parts[5:7], parts[3], *parts[10:12], parts[8]])
    if not (places[0] < places[1] <= places[2] and places[3] < places[4] <= places[5]):
        raise _bad(path, number, "START below END, both within SIZE")
    return places[0], places[3]


def _whole_numbers(path: Path, number: int, parts: list[str]) -> list[int]:
    if not all(part.isdecimal() for part in parts):
        raise _bad(path, number, "whole numbers")
    return [int(part) for part in parts]


def _stretch(header: list[str], source: int, target: int, size: int) -> Stretch:
    is_reversed = header[9] == "-"
    first = int(header[8]) - target - size if is_reversed else target
    return Stretch(source + 1, source + size, header[7], first + 1, first + size, is_reversed)


def _bad(path: Path, number: int, expected: str) -> InputError:
    return InputError("not a line of a chain file", file=path, record=number, expected=expected)
