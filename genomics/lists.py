"""Lists of samples and variants as PLINK users know them: --keep, --remove, --extract, --exclude.

Sample lists have one column (IID) or two and more (FID IID), with or without a header. Identifiers are
matched by IID; where a list and the data both know the family, that must match too. Unlike PLINK 2, a list of
IID alone also matches people with an FID, because readers here refuse data in which an IID occurs twice.

Variant lists hold identifiers, any number on a line, or intervals. An interval takes a variant by its
position alone, as in PLINK, not by how far its REF reaches.

References
----------
https://www.cog-genomics.org/plink/2.0/filter
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from genomics.block import VariantBlock
from genomics.contigs import canonical_plink_contig
from genomics.errors import InputError
from genomics.readers.text_table import table_lines

PathLike = str | os.PathLike[str]
_NO_FAMILY = "0"
_KINDS = {"bed0": 0, "bed1": 1, "range": 1}
_TRACK_LINES = ("#", "track", "browser")
_N_SHOWN = 10


@dataclass(frozen=True)
class SampleLists:
    """The samples that lists leave, in the order of the data.

    Attributes
    ----------
    samples
        Their identifiers.
    attributes
        Numbers of samples kept and of listed ones that the data do not hold, as JSON values.
    """

    samples: tuple[str, ...]
    attributes: dict[str, Any]


def select_samples(
    samples: Sequence[str],
    *,
    keep: Sequence[PathLike] = (),
    remove: Sequence[PathLike] = (),
    families: Sequence[str] | None = None,
) -> SampleLists:
    r"""Apply --keep and --remove lists.

    Parameters
    ----------
    samples
        Identifiers (IID) of the data, in order.
    keep
        Files that name who stays; several count as one list. Everybody where there is none.
    remove
        Files that name who goes.
    families
        FID of each sample, ``0`` for none; None where the data have no families.

    Raises
    ------
    InputError
        A list cannot be read, or nobody is left.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "keep.txt"
    >>> _ = path.write_text("#IID\nC\nA\nZ\n")
    >>> lists = select_samples(["A", "B", "C"], keep=[path])
    >>> lists.samples, lists.attributes["keep"]["unknown"]
    (('A', 'C'), 1)
    """
    family_of = dict(zip(samples, families or [_NO_FAMILY] * len(samples), strict=True))
    attributes: dict[str, Any] = {"samples_read": len(samples)}
    left = set(samples)
    for name, paths in (("keep", keep), ("remove", remove)):
        if not paths:
            continue
        listed = {person for path in paths for person in read_sample_list(path)}
        named = {iid for fid, iid in listed if iid in family_of and _is_family(fid, family_of[iid])}
        left = left & named if name == "keep" else left - named
        unknown = sum(1 for fid, iid in listed if iid not in named)
        attributes[name] = {
            "files": [Path(path).name for path in paths],
            "listed": len(listed),
            "unknown": unknown,
        }
    if not left:
        raise InputError(
            "no sample is left",
            file=[*keep, *remove][0] if keep or remove else None,
            field="keep" if keep else "remove",
            expected="a list that names samples of the data",
            hint="check the identifiers: one column IID, or two columns FID IID",
        )
    attributes["samples_kept"] = len(left)
    return SampleLists(tuple(name for name in samples if name in left), attributes)


def _is_family(listed: str, held: str) -> bool:
    return _NO_FAMILY in (listed, held) or listed == held


def read_sample_list(path: PathLike) -> list[tuple[str, str]]:
    r"""Read FID and IID of each line of a sample list; FID is ``0`` where the list has none.

    Raises
    ------
    InputError
        The file is missing or no text, or a line has fewer columns than its header.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "list.txt"
    >>> _ = path.write_text("F1 A\nB\n")
    >>> read_sample_list(path)
    [('F1', 'A'), ('0', 'B')]
    """
    path = Path(path)
    header: list[str] | None = None
    people = []
    for number, line in enumerate(table_lines(path), start=1):
        columns = line.split()
        if _is_header(columns):
            header = [name.lstrip("#") for name in columns]
        elif not line.startswith("#"):
            people.append(_person(columns, header, path, number))
    return people


def _is_header(columns: Sequence[str]) -> bool:
    return columns[0] in ("#FID", "#IID") or columns[:2] == ["FID", "IID"] or columns == ["IID"]


def _person(columns: Sequence[str], header: Sequence[str] | None, path: Path, number: int) -> tuple[str, str]:
    if header is None:
        return (_NO_FAMILY, columns[0]) if len(columns) == 1 else (columns[0], columns[1])
    if "IID" not in header or len(columns) <= header.index("IID"):
        raise InputError("no IID", file=path, record=number, field="IID", expected=" ".join(header))
    family = columns[header.index("FID")] if "FID" in header else _NO_FAMILY
    return family, columns[header.index("IID")]


@dataclass
class VariantList:
    """Identifiers and intervals of one --extract or --exclude, and which of them were met.

    Attributes
    ----------
    files
        Names of the files.
    names
        Identifiers: those of the ID column, or ``contig:position:ref:alt`` of any ALT.
    intervals
        Starts and ends by canonical contig, 1-based and closed, ascending and disjoint.
    """

    files: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    intervals: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.unseen = set(self.names)
        self.hit = {contig: np.zeros(len(spans), bool) for contig, spans in self.intervals.items()}
        self.by_locus = any(name.count(":") >= 3 for name in self.names)

    def contains(self, block: VariantBlock) -> np.ndarray:
        """Tell which records the list names: bool (n,)."""
        found = np.zeros(len(block), bool)
        if self.names:
            found |= np.fromiter((self._is_named(block, row) for row in range(len(block))), bool, len(block))
        if self.intervals:
            found |= self._inside(block)
        return found

    def _is_named(self, block: VariantBlock, row: int) -> bool:
        met = self.names.intersection(_names_of(block, row, self.by_locus))
        self.unseen -= met
        return bool(met)

    def _inside(self, block: VariantBlock) -> np.ndarray:
        found = np.zeros(len(block), bool)
        contigs = np.array(block.contigs, dtype=object)
        for contig in dict.fromkeys(block.contigs):
            spans = self.intervals.get(canonical_plink_contig(contig))
            if spans is None:
                continue
            rows = np.flatnonzero(contigs == contig)
            positions = block.positions[rows].astype(np.int64)
            place = np.searchsorted(spans[:, 0], positions, side="right") - 1
            inside = (place >= 0) & (positions <= spans[place, 1])
            self.hit[canonical_plink_contig(contig)][place[inside]] = True
            found[rows[inside]] = True
        return found

    def attributes(self) -> dict[str, Any]:
        """Return what the list holds and how much of it was met, as JSON values."""
        return {
            "files": self.files,
            "names": len(self.names),
            "names_never_seen": len(self.unseen),
            "first_never_seen": sorted(self.unseen)[:_N_SHOWN],
            "intervals": sum(len(hit) for hit in self.hit.values()),
            "intervals_never_hit": int(sum((~hit).sum() for hit in self.hit.values())),
        }


def _names_of(block: VariantBlock, row: int, by_locus: bool) -> list[str]:
    identifier = block.identifiers[row]
    names = [identifier, *identifier.split(";")] if identifier else []
    if by_locus:
        ref, *alts = block.alleles[row]
        place = f"{block.contigs[row]}:{block.positions[row]}:{ref}"
        names += [f"{place}:{alt}" for alt in alts]
    return names


def read_variant_list(paths: Sequence[PathLike]) -> VariantList:
    r"""Read --extract or --exclude files as one list.

    Parameters
    ----------
    paths
        Files of identifiers, or of intervals where the name has a prefix: ``bed0:FILE`` counts from 0 and
        leaves the end out, as UCSC does, ``bed1:FILE`` and ``range:FILE`` count from 1 with both ends.

    Raises
    ------
    InputError
        A file is missing or bad.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "regions"
    >>> _ = path.write_text("chr1 9 12 set\n1 11 20\n")
    >>> read_variant_list([f"bed0:{path}"]).intervals["1"].tolist()
    [[10, 20]]
    """
    files, names = [], set()
    spans: dict[str, list[tuple[int, int]]] = {}
    for text in paths:
        kind, path = _kind_and_path(text)
        files.append(path.name)
        if kind is None:
            names |= {name for line in table_lines(path) if line[0] != "#" for name in line.split()}
            continue
        for contig, start, end in _read_intervals(path, _KINDS[kind]):
            spans.setdefault(canonical_plink_contig(contig), []).append((start, end))
    return VariantList(files, names, {contig: _joined(each) for contig, each in spans.items()})


def _kind_and_path(text: PathLike) -> tuple[str | None, Path]:
    prefix, colon, rest = os.fspath(text).partition(":")
    if colon and prefix in _KINDS:
        return prefix, Path(rest)
    path = Path(text)
    if path.name.endswith((".bed", ".bed.gz")):
        raise InputError(
            "a .bed file is no list of identifiers",
            file=path,
            expected=f"bed0:{path.name} (from 0, as UCSC counts) or bed1:{path.name} (from 1, both ends)",
        )
    return None, path


def _read_intervals(path: Path, first: int) -> Iterator[tuple[str, int, int]]:
    for number, line in enumerate(table_lines(path), start=1):
        if line.startswith(_TRACK_LINES):
            continue
        columns = line.split()
        if len(columns) < 3 or not (columns[1].isdecimal() and columns[2].isdecimal()):
            raise InputError("no interval", file=path, record=number, expected="contig, start and end")
        start, end = int(columns[1]) + 1 - first, int(columns[2])
        if end < start:
            raise InputError("the interval ends before it starts", file=path, record=number)
        yield columns[0], start, end


def _joined(spans: list[tuple[int, int]]) -> np.ndarray:
    """Sort intervals and join those that touch or overlap: int64 (n, 2)."""
    joined: list[list[int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1] + 1:
            joined[-1][1] = max(joined[-1][1], end)
        else:
            joined.append([start, end])
    return np.array(joined, np.int64).reshape(-1, 2)


class VariantLists:
    r"""Keep the variants that --extract names and leave out those that --exclude names.

    See `genomics.transform.BlockTransform`.

    Parameters
    ----------
    extract, exclude
        Files, as `read_variant_list` takes them. Without extract every variant counts as named.

    Raises
    ------
    InputError
        A file is missing or bad.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "ids"
    >>> _ = path.write_text("rs1 rs2\n")
    >>> lists = VariantLists(extract=[path])
    >>> list(lists.apply(iter([]))), lists.attributes()["extract"]["names_never_seen"]
    ([], 2)
    """

    name = "variant_lists"

    def __init__(self, *, extract: Sequence[PathLike] = (), exclude: Sequence[PathLike] = ()) -> None:
        self.extract = read_variant_list(extract) if extract else None
        self.exclude = read_variant_list(exclude) if exclude else None
        self.counts = {"variants_read": 0, "not_extracted": 0, "excluded": 0}

    def apply(self, blocks: Iterator[VariantBlock]) -> Iterator[VariantBlock]:
        """Yield the blocks without the records left out; one that keeps all its records as it is."""
        for block in blocks:
            kept = self._kept(block)
            if kept.all():
                yield block
            elif kept.any():
                yield block.take(np.flatnonzero(kept))

    def _kept(self, block: VariantBlock) -> np.ndarray:
        named = np.ones(len(block), bool) if self.extract is None else self.extract.contains(block)
        banned = np.zeros(len(block), bool) if self.exclude is None else self.exclude.contains(block)
        self.counts["variants_read"] += len(block)
        self.counts["not_extracted"] += int((~named).sum())
        self.counts["excluded"] += int((named & banned).sum())
        return named & ~banned

    def attributes(self) -> dict[str, Any]:
        """Return the lists and the numbers of variants read and left out, as JSON values."""
        lists = {"extract": self.extract, "exclude": self.exclude}
        left_out = self.counts["not_extracted"] + self.counts["excluded"]
        return {
            **self.counts,
            "variants_kept": self.counts["variants_read"] - left_out,
            **{name: found.attributes() for name, found in lists.items() if found is not None},
        }
