"""Put records that moved back into order, and keep those of one position in one block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from genomics.block import VariantBlock, join_blocks

_LARGE = 2000


def restore_order(moved: Iterable[tuple[VariantBlock, np.ndarray]], window: int) -> Iterator[VariantBlock]:
    """Sort records by position, contig by contig, holding back those that a later one may come before.

    Records at one position keep the order they came in. A block that needs no change is handed on as it
    is.

    Parameters
    ----------
    moved
        Blocks, and the position that each of their records had before it moved to the left. Those
        positions ascend within a contig.
    window
        Bases that a record moved, at most.

    Yields
    ------
    VariantBlock

    Examples
    --------
    >>> list(restore_order([], 1000))
    []
    """
    pending: list[VariantBlock] = []
    for block, before in moved:
        for part, last in _by_contig(block, before):
            if pending and pending[-1].contigs[-1] != part.contigs[0]:
                yield from pending
                pending = []
            pending = _insert(pending, part)
            ready, pending = _release(pending, last - window)
            yield from ready
    yield from pending


def _by_contig(block: VariantBlock, before: np.ndarray) -> Iterator[tuple[VariantBlock, int]]:
    """Cut a block where the contig changes; also tell the last position of each part before it moved."""
    if not len(block):
        return
    if block.contigs[0] == block.contigs[-1] and len(set(block.contigs)) == 1:
        yield block, int(before.max())
        return
    starts = [row for row in range(len(block)) if row == 0 or block.contigs[row] != block.contigs[row - 1]]
    for start, stop in zip(starts, [*starts[1:], len(block)], strict=True):
        yield block.rows(start, stop), int(before[start:stop].max())


def _insert(pending: list[VariantBlock], part: VariantBlock) -> list[VariantBlock]:
    part = _sorted(part)
    start = part.positions[0]
    first = len(pending)
    while first and pending[first - 1].positions[-1] > start:
        first -= 1
    if first == len(pending):
        return [*pending, part]
    return [*pending[:first], _sorted(join_blocks([*pending[first:], part], part.n_samples))]


def _sorted(block: VariantBlock) -> VariantBlock:
    if (np.diff(block.positions) >= 0).all():
        return block
    return block.take(np.argsort(block.positions, kind="stable"))


def _release(pending: list[VariantBlock], bound: int) -> tuple[list[VariantBlock], list[VariantBlock]]:
    """Part the blocks that no later record comes before from the others."""
    n_ready = 0
    while n_ready < len(pending) and pending[n_ready].positions[-1] <= bound:
        n_ready += 1
    ready, pending = pending[:n_ready], pending[n_ready:]
    if pending and len(pending[0]) > _LARGE:
        cut = int(np.searchsorted(pending[0].positions, bound, side="right"))
        if cut:
            ready.append(pending[0].rows(0, cut))
            pending[0] = pending[0].rows(cut, len(pending[0]))
    return ready, pending


def keep_positions_whole(blocks: Iterable[VariantBlock]) -> Iterator[VariantBlock]:
    """Move records from the end of a block to the next, where that goes on at the same position.

    Examples
    --------
    >>> list(keep_positions_whole([]))
    []
    """
    held: VariantBlock | None = None
    for block in blocks:
        if not len(block):
            continue
        if held is None:
            held = block
        elif _place(held, len(held) - 1) != _place(block, 0):
            yield held
            held = block
        else:
            start = _last_place_starts(held)
            if start:
                yield held.rows(0, start)
            held = join_blocks([held.rows(start, len(held)), block], block.n_samples)
    if held is not None:
        yield held


def _place(block: VariantBlock, row: int) -> tuple[str, int]:
    return block.contigs[row], int(block.positions[row])


def _last_place_starts(block: VariantBlock) -> int:
    row = len(block) - 1
    while row and _place(block, row - 1) == _place(block, row):
        row -= 1
    return row


def places(block: VariantBlock) -> list[list[int]]:
    """Group the rows of a sorted block by contig and position.

    Examples
    --------
    >>> from genomics.block import empty_block
    >>> places(empty_block(1))
    []
    """
    groups: list[list[int]] = []
    for row in range(len(block)):
        if row and _place(block, row - 1) == _place(block, row):
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def has_shared_place(block: VariantBlock) -> bool:
    """Tell whether two records of a sorted block stand at one position."""
    same = np.flatnonzero(np.diff(block.positions) == 0).tolist()
    return any(block.contigs[row] == block.contigs[row + 1] for row in same)


def without_duplicates(block: VariantBlock, which: str) -> VariantBlock:
    """Keep the first of the records that duplicate each other; no position may go on in another block.

    Parameters
    ----------
    block
        Sorted records.
    which
        ``exact``: the same REF and the same ALTs in any order; ``any``: the same position.
    """
    if not has_shared_place(block):
        return block
    kept: list[int] = []
    for rows in places(block):
        seen = set()
        for row in rows:
            alleles = tuple(allele.upper() for allele in block.alleles[row])
            key = (alleles[0], frozenset(alleles[1:])) if which == "exact" else ("", frozenset())
            if key not in seen:
                kept.append(row)
            seen.add(key)
    return block if len(kept) == len(block) else block.take(kept)
