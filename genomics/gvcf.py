"""Genome VCF: reference blocks told apart from variants, and expanded at the sites that are asked for.

A reference block is a record without an ALT that was seen (none at all, ``<NON_REF>`` or ``<*>``). It covers
POS to INFO/END, each call POS to POS + FORMAT/LEN - 1 where the file writes that (VCF 4.5), and the bases of
REF where it writes neither.

Where a call begins no block and a block that began earlier covers it, VCF 4.5 (section 5.5) has GT ``.`` and no
other field written: the call is empty. A site that is asked for takes an empty call from the block. ``./.``, and
``.`` with a value of its own such as a depth, say that somebody looked and could not call: they stay no-calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from genomics.block import ABSENT, VariantBlock, empty_block, join_blocks
from genomics.contigs import canonical_contig, contig_naming, is_chromosome
from genomics.gvcf_alleles import UNSEEN, has_unseen
from genomics.gvcf_calls import NEVER, Cover, SiteCalls
from genomics.gvcf_empty import empty_at_sites, fill_empty_calls, released
from genomics.gvcf_sites import ContigSites, SiteList, covered_sites, names_site

if TYPE_CHECKING:
    from genomics.readers import VariantReader

_SITES_AT_ONCE = 1000
_LOOKED_AT = 500
REQUIRED_FIELDS = ("FORMAT/LEN", "FORMAT/DP", "FORMAT/GQ")
"""Fields that say how far a call's block reaches and whether a call is empty, to be read where declared."""


def is_reference_block(block: VariantBlock) -> np.ndarray:
    """Tell which records have no ALT that was seen; bool (n,).

    Examples
    --------
    >>> from dataclasses import replace
    >>> block = replace(empty_block(1), alleles=[("A", "<NON_REF>"), ("A", "G", "<NON_REF>"), ("A",)])
    >>> is_reference_block(block).tolist()
    [True, False, True]
    """
    known = {names: UNSEEN.issuperset(names[1:]) for names in set(block.alleles)}
    return np.fromiter((known[names] for names in block.alleles), bool, len(block.alleles))


def record_ends(block: VariantBlock) -> np.ndarray:
    """Last position that each record covers for any sample; int64 (n,).

    Examples
    --------
    >>> from dataclasses import replace
    >>> block = replace(empty_block(1), contigs=["1"] * 2, positions=np.array([5, 9]), ends=np.array([-1, 20]),
    ...                 alleles=[("ACG", "A"), ("A",)])
    >>> record_ends(block).tolist()
    [7, 20]
    """
    lengths = np.fromiter((len(names[0]) for names in block.alleles), np.int64, len(block.alleles))
    ends = np.maximum(block.positions + lengths - 1, block.ends)
    if "LEN" in block.formats and block.n_samples:
        ends = np.maximum(ends, block.positions + block.formats["LEN"].max(axis=1) - 1)
    return np.asarray(ends, np.int64)


def is_gvcf(reader: VariantReader) -> bool:
    """Tell whether a file has reference blocks, from its first records.

    Headers do not decide: genotyped files keep the lines of the gVCF that they were made of.

    Parameters
    ----------
    reader
        An open file.

    Returns
    -------
    bool
        One of the first 500 records lists ``<NON_REF>`` or ``<*>``, or has no ALT and reaches beyond its REF.
    """
    from genomics.readers import Selection

    first = next(iter(reader.blocks(Selection(fields=(), block_records=_LOOKED_AT))), None)
    if first is None:
        return False
    if any(map(has_unseen, first.alleles)):
        return True
    lengths = np.array([len(names[0]) for names in first.alleles])
    beyond = first.ends > first.positions + lengths - 1
    return bool((beyond & is_reference_block(first)).any())


@dataclass
class _Counts:
    """What became of sites and blocks."""

    sites: int = 0
    found_as_written: int = 0
    from_blocks: int = 0
    from_other_records: int = 0
    absent: int = 0
    empty_calls_from_blocks: int = 0
    empty_calls_absent: int = 0
    ref_mismatch: int = 0
    contradictory_calls: int = 0
    reference_records: int = 0
    reference_records_not_asked_for: int = 0


@dataclass
class _Place:
    """How far one contig has been read.

    Attributes
    ----------
    contig
    sites
        None where none is asked for.
    at
        Sites that are decided.
    lengths_from
        See `genomics.gvcf_calls.Cover`.
    carry
        Records that reach the next site to be decided.
    held
        Variants that wait for the site that they are at.
    """

    contig: str
    sites: ContigSites | None
    lengths_from: int = NEVER
    at: int = 0
    carry: VariantBlock | None = field(default=None)
    held: VariantBlock | None = field(default=None)


class ExpandReferenceBlocks:
    """Answer for given sites from the reference blocks that cover them; a `BlockTransform`.

    Each site becomes a record of its own, unless a record has its ALTs already. Where a reference block
    covers the site, a call takes the block's genotype, state, phase and fields, and ``from_block`` is true.
    Where a record of another variant covers it, the call says what that variant does to the site: an
    unchanged base is the reference, another base a further ALT, a deleted base ``*``, and what cannot be told
    is a no-call. Where no record covers it, the state is absent: never the reference.

    A record that has the site's ALTs is kept. Its empty calls (GT ``.`` and no other value) are answered from the
    sample's block that covers the site, unless another variant changes the site: the record's REF and ALT are not
    touched, and a call that it does not name stays a no-call. Where nothing covers the site, an empty call is
    absent in a file that gives each call's own length, from the first LEN on: such a file has nothing to say
    there. In other files it stays a no-call, as ``./.`` and calls with values of their own do in all.

    Reference records themselves are left out, and counted; other variants are kept as they are. Without sites,
    nothing changes. To be applied once, to the blocks of all files one after the other, each contig in one piece
    and in the order of positions.

    Parameters
    ----------
    sites
        See `genomics.gvcf_sites`; None to leave all as it is.
    n_samples
        Samples of the files, for sites asked of a file without records.

    References
    ----------
    VCF 4.5 specification, sections 1.6.1 and 5.5 (``<*>``, LEN); GATK, "GVCF - Genomic Variant Call Format".

    Examples
    --------
    >>> import pandas as pd
    >>> from genomics.gvcf_sites import sites_of_table
    >>> block = VariantBlock(
    ...     contigs=["1"], positions=np.array([100], np.int32), identifiers=[""], alleles=[("A", "<NON_REF>")],
    ...     quality=np.array([np.nan], np.float32), filters=[()], ends=np.array([199], np.int32),
    ...     genotypes=np.zeros((1, 1, 2), np.int8), phased=np.zeros((1, 1), bool), states=np.zeros((1, 1), np.int8),
    ...     formats={"DP": np.array([[31]], np.int32)})
    >>> table = pd.DataFrame({"contig": "1", "position": [150, 200], "ref": "C", "alt": "T"})
    >>> step = ExpandReferenceBlocks(sites_of_table(table))
    >>> expanded = join_blocks(list(step.apply(iter([block]))), 1)
    >>> expanded.positions.tolist(), expanded.genotypes.tolist(), expanded.states.tolist()
    ([150, 200], [[[0, 0]], [[-2, -2]]], [[0], [3]])
    >>> expanded.formats["DP"].tolist(), expanded.from_block.tolist()
    ([[31], [-1]], [[True], [False]])
    """

    name = "gvcf"

    def __init__(self, sites: SiteList | None = None, *, n_samples: int | None = None) -> None:
        self.sites = sites
        self.n_samples = n_samples
        self._has_lengths = False
        self.counts = _Counts(sites=0 if sites is None else len(sites))

    def attributes(self) -> dict[str, Any]:
        """Return how many sites were asked for and what answered for them."""
        return {"expanded": self.sites is not None, "counts": dict(vars(self.counts))}

    def apply(self, blocks: Iterator[VariantBlock]) -> Iterator[VariantBlock]:
        """Yield variants and sites in the order of positions."""
        if self.sites is None:
            yield from blocks
            return
        place: _Place | None = None
        seen: list[str] = []
        for block in blocks:
            self.n_samples = block.n_samples
            for contig, part in _by_contig(block):
                if place is None or place.contig != contig:
                    if place is not None:
                        yield from self._finish(place)
                    seen.append(contig)
                    sites = self.sites.contigs.get(canonical_contig(contig))
                    place = _Place(contig, sites, 0 if self._has_lengths else NEVER)
                yield from self._advance(place, part)
        if place is not None:
            yield from self._finish(place)
        yield from self._never_seen(seen)

    def _advance(self, place: _Place, part: VariantBlock) -> Iterator[VariantBlock]:
        """Decide the sites before the last record's position: nothing that follows can cover them."""
        self._note_lengths(place, part)
        is_reference = is_reference_block(part)
        self.counts.reference_records += int(is_reference.sum())
        ends = record_ends(part)
        if place.sites is None:
            self.counts.reference_records_not_asked_for += int(is_reference.sum())
            yield from _not_empty(_without(part, is_reference))
            return
        pending = place.sites.positions[place.at :]
        first = np.searchsorted(pending, part.positions, "left")
        covers = np.searchsorted(pending, ends, "right") > first
        self.counts.reference_records_not_asked_for += int((is_reference & ~covers).sum())
        near = [] if place.carry is None else [place.carry]
        if covers.any():
            near.append(part.take(np.flatnonzero(covers)))
        cover = _cover(place, join_blocks(near, part.n_samples))
        variants = _without(part, is_reference)
        if place.held is not None:
            variants = join_blocks([place.held, variants], part.n_samples)
        empty = empty_at_sites(variants, place.sites, place.at)
        border, n_now = released(variants, place.sites, empty, int(part.positions[-1]))
        stop = place.at + int(np.searchsorted(pending, border, "left"))
        variants = self._answer_empty(place, cover, variants, {r: s for r, s in empty.items() if s < stop})
        place.held = None if n_now == len(variants) else variants.rows(n_now, len(variants))
        yield from self._decide(
            place, cover, stop, variants if place.held is None else variants.rows(0, n_now)
        )
        place.carry = _reaching(cover.block, place)

    def _note_lengths(self, place: _Place, part: VariantBlock) -> None:
        """Take note of the first record with a LEN."""
        if not self._has_lengths and "LEN" in part.formats:
            rows = np.flatnonzero((part.formats["LEN"] > 0).any(axis=1))
            if len(rows):
                self._has_lengths, place.lengths_from = True, int(part.positions[rows[0]])

    def _finish(self, place: _Place) -> Iterator[VariantBlock]:
        """Decide the sites of a contig that no record follows any more."""
        if place.sites is not None and self.n_samples is not None:
            nothing = empty_block(self.n_samples)
            cover = _cover(place, nothing if place.carry is None else place.carry)
            variants = nothing if place.held is None else place.held
            empty = empty_at_sites(variants, place.sites, place.at)
            variants = self._answer_empty(place, cover, variants, empty)
            yield from self._decide(place, cover, len(place.sites), variants)

    def _never_seen(self, seen: list[str]) -> Iterator[VariantBlock]:
        """Sites on contigs without any record: absent, on a contig named the way the files name theirs."""
        assert self.sites is not None
        done = {canonical_contig(name) for name in seen}
        style = contig_naming(seen)
        for name, sites in self.sites.contigs.items():
            if name not in done:
                yield from self._finish(_Place(_styled(sites.contig, style), sites))

    def _answer_empty(
        self, place: _Place, cover: Cover, variants: VariantBlock, site_of: dict[int, int]
    ) -> VariantBlock:
        """Fill the empty calls of the variants that `site_of` gives the number of a site for."""
        assert place.sites is not None
        if not site_of:
            return variants
        rows, numbers = (np.array(pair, np.int64) for pair in zip(*site_of.items(), strict=True))
        order = np.argsort(numbers, kind="stable")
        rows, numbers = rows[order], numbers[order]
        calls = SiteCalls(
            cover, place.contig, place.sites.positions[numbers],
            [list(place.sites.alleles[number]) for number in numbers.tolist()], blocks_first=True,
        )  # fmt: skip
        calls.fill(*covered_sites(cover.block.positions, record_ends(cover.block), calls.positions))
        filled, n_from_block, n_absent = fill_empty_calls(variants, rows, calls)
        self.counts.empty_calls_from_blocks += n_from_block
        self.counts.empty_calls_absent += n_absent
        return filled

    def _decide(
        self, place: _Place, cover: Cover, stop: int, variants: VariantBlock
    ) -> Iterator[VariantBlock]:
        """Yield the sites up to `stop` among the variants that lie between them."""
        assert place.sites is not None
        done = 0
        while place.at < stop:
            upto = min(stop, place.at + _SITES_AT_ONCE)
            expanded = self._expand(place, cover, upto)
            is_last = upto == stop
            border = place.sites.positions[upto - 1]
            n_before = len(variants) if is_last else int(np.searchsorted(variants.positions, border, "right"))
            n_before = max(done, n_before)
            yield from _not_empty(_merged(variants.rows(done, n_before), expanded))
            place.at, done = upto, n_before
        yield from _not_empty(variants if done == 0 else variants.rows(done, len(variants)))

    def _expand(self, place: _Place, cover: Cover, stop: int) -> VariantBlock:
        """Make records of sites `place.at` to `stop`, but of those that a record has as written."""
        sites = place.sites
        assert sites is not None
        chosen = np.arange(place.at, stop)
        near = cover.block
        rows, places = covered_sites(near.positions, record_ends(near), sites.positions[chosen])
        found = np.zeros(len(chosen), bool)
        for row, site in zip(rows.tolist(), places.tolist(), strict=True):
            if not cover.is_reference[row] and not found[site]:
                found[site] = names_site(
                    int(near.positions[row]), near.alleles[row],
                    int(sites.positions[chosen[site]]), sites.alleles[chosen[site]],
                )  # fmt: skip
        self.counts.found_as_written += int(found.sum())
        left = np.flatnonzero(~found)
        number = np.full(len(chosen), -1)
        number[left] = np.arange(len(left))
        usable = ~found[places]
        calls = SiteCalls(
            cover, place.contig, sites.positions[chosen[left]],
            [list(sites.alleles[site]) for site in chosen[left].tolist()],
        )  # fmt: skip
        calls.fill(rows[usable], number[places[usable]])
        self._count(calls)
        return calls.block([sites.identifiers[site] for site in chosen[left].tolist()])

    def _count(self, calls: SiteCalls) -> None:
        covered = (calls.states != ABSENT).any(axis=1)
        from_block = calls.from_block.any(axis=1)
        self.counts.from_blocks += int(from_block.sum())
        self.counts.from_other_records += int((covered & ~from_block).sum())
        self.counts.absent += int((~covered).sum())
        self.counts.ref_mismatch += calls.n_ref_mismatch
        self.counts.contradictory_calls += calls.n_contradictory


def _by_contig(block: VariantBlock) -> Iterator[tuple[str, VariantBlock]]:
    start = 0
    for contig, run in groupby(block.contigs):
        stop = start + sum(1 for _ in run)
        yield contig, block if stop - start == len(block) else block.rows(start, stop)
        start = stop


def _without(block: VariantBlock, unwanted: np.ndarray) -> VariantBlock:
    return block.take(np.flatnonzero(~unwanted)) if unwanted.any() else block


def _not_empty(block: VariantBlock) -> Iterator[VariantBlock]:
    if len(block):
        yield block


def _cover(place: _Place, block: VariantBlock) -> Cover:
    return Cover(block, is_reference_block(block), place.lengths_from)


def _reaching(cover: VariantBlock, place: _Place) -> VariantBlock | None:
    """Records that reach the next site to be decided."""
    assert place.sites is not None
    if place.at >= len(place.sites) or not len(cover):
        return None
    reach = record_ends(cover) >= place.sites.positions[place.at]
    return cover.take(np.flatnonzero(reach)) if reach.any() else None


def _merged(variants: VariantBlock, sites: VariantBlock) -> VariantBlock:
    """Variants and sites of one contig in the order of positions, variants first at the same one."""
    if not len(variants) or not len(sites):
        return sites if len(sites) else variants
    joined = join_blocks([variants, sites], sites.n_samples)
    return joined.take(np.argsort(joined.positions, kind="stable"))


def _styled(contig: str, style: str) -> str:
    """Name a chromosome the way the files do."""
    if not is_chromosome(contig) or style not in ("chr", "plain"):
        return contig
    name = canonical_contig(contig)
    return name if style == "plain" else "chrM" if name == "MT" else f"chr{name}"
