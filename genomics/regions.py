"""Regions of the genome, 1-based and closed at both ends, as ``contig:start-end``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from genomics.errors import InputError


@dataclass(frozen=True)
class Region:
    """An interval of a contig, 1-based, closed at both ends."""

    contig: str
    start: int = 1
    end: int = 2**31 - 1


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


def overlaps(regions: Sequence[Region], contig: str, start: int, end: int) -> bool:
    """Tell whether an interval lies in one of some regions, or no region is asked for.

    Examples
    --------
    >>> overlaps([Region("1", 50, 90)], "1", 10, 50), overlaps([Region("1", 50, 90)], "2", 60, 60)
    (True, False)
    """
    return not regions or any(r.contig == contig and r.end >= start and end >= r.start for r in regions)
