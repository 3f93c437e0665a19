"""Calls at the sites asked of a gVCF, put together from the records that cover each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from genomics.block import ABSENT, FILL, FILTERED, MISSING, NO_CALL, OBSERVED, VariantBlock
from genomics.fields import fill_value, missing_value
from genomics.gvcf_alleles import UNSEEN
from genomics.gvcf_empty import empty_calls
from genomics.gvcf_sites import UNKNOWN_ALLELE, agrees_with_reference, is_sequence, translate_alleles

NEVER = 2**31
"""Past the last position of any contig."""

_NOTHING, _BESIDE, _BLOCK, _UNCHANGED, _CHANGED = range(5)


@dataclass(frozen=True, eq=False)
class Cover:
    """Records that cover sites, and which of them are reference blocks.

    Attributes
    ----------
    block
    is_reference : bool (n,)
    lengths_from
        Position of the contig from which on the file gives each call's own length; `NEVER` where it does not.
    """

    block: VariantBlock
    is_reference: np.ndarray
    lengths_from: int = NEVER

    @cached_property
    def says_nothing(self) -> np.ndarray:
        """Empty calls of a file that gives each call's own length: they cover no position; bool (n, n_samples)."""
        result = np.zeros(self.block.states.shape, bool)
        rows = np.flatnonzero(self.block.positions >= self.lengths_from)
        if len(rows):
            result[rows] = empty_calls(self.block.take(rows))
        return result

    @cached_property
    def ends(self) -> np.ndarray:
        """Last position of each record for calls without a length; int64 (n,).

        Beside lengths, END of a record of sequences is the farthest end of any sample's block (VCF 4.5,
        INFO/END): it says nothing of the calls that begin none.
        """
        block, n = self.block, len(self.block)
        length = np.fromiter((len(names[0]) for names in block.alleles), np.int64, n)
        ends = block.positions + length - 1
        uses_end = self.is_reference | (block.positions < self.lengths_from)
        uses_end |= np.fromiter(map(_has_symbolic, block.alleles), bool, n)
        return np.where(uses_end, np.maximum(ends, block.ends), ends)

    def reach(self, rows: np.ndarray) -> np.ndarray:
        """Last position that each record covers for each sample; int64 (rows, n_samples)."""
        block = self.block
        reach = np.repeat(self.ends[rows][:, None], block.n_samples, axis=1)
        if "LEN" in block.formats:
            given = block.formats["LEN"][rows]
            own = block.positions[rows][:, None] + given - 1
            own = np.where(self.is_reference[rows][:, None], own, np.maximum(own, reach))
            reach = np.where(given > 0, own, reach)
        return np.asarray(reach, np.int64)

    def answers_as_block(self, rows: np.ndarray, changed: np.ndarray) -> np.ndarray:
        """Tell which calls are reference blocks: of a reference record, or unchanged with a LEN; as `changed`.

        A record of a variant may begin the block of another sample (VCF 4.5).
        """
        answers = np.repeat(self.is_reference[rows][:, None], self.block.n_samples, axis=1)
        if "LEN" in self.block.formats:
            answers |= (self.block.formats["LEN"][rows] > 0) & ~changed
        return np.asarray(answers)


class SiteCalls:
    """Calls of all samples at some sites of a contig.

    A record of a variant goes before a reference block, one that changes the site before one that does not,
    and a call that is known before one that is not. Two records that change the site in two ways make the
    call a no-call.

    Parameters
    ----------
    cover
        Records that cover the sites.
    contig
        Of all sites.
    positions : (n,)
    alleles
        REF and ALTs of each site; alleles that calls turn out to have are added.
    blocks_first
        A record of a variant that does not change the site comes after a reference block, not before it.
    """

    def __init__(
        self,
        cover: Cover,
        contig: str,
        positions: np.ndarray,
        alleles: list[list[str]],
        *,
        blocks_first: bool = False,
    ) -> None:
        self.cover, self.contig, self.positions, self.alleles = cover, contig, positions, alleles
        self._unchanged = _BESIDE if blocks_first else _UNCHANGED
        shape = (len(positions), cover.block.n_samples)
        self.genotypes = np.full((*shape, cover.block.genotypes.shape[2]), FILL, cover.block.genotypes.dtype)
        self.states = np.full(shape, ABSENT, np.int8)
        self.phased = np.zeros(shape, bool)
        self.source = np.full(shape, -1, np.int64)
        self.kind = np.zeros(shape, np.int8)
        self.n_ref_mismatch = self.n_contradictory = 0

    @property
    def from_block(self) -> np.ndarray:
        """Calls that a reference block answers for; bool (n, n_samples)."""
        return self.kind == _BLOCK

    def fill(self, rows: np.ndarray, sites: np.ndarray) -> None:
        """Take in the records `rows`, each at one of the `sites`."""
        rows, sites = self._agreeing(rows, sites)
        is_reference = self.cover.is_reference[rows]
        starts = self.cover.block.positions[rows]
        order = np.lexsort((rows, starts, ~is_reference, sites))
        rows, sites = rows[order], sites[order]
        rank = np.arange(len(sites)) - np.searchsorted(sites, sites, "left")
        for turn in range(int(rank.max(initial=-1)) + 1):
            now = rank == turn
            self._take_in(rows[now], sites[now])

    def _agreeing(self, rows: np.ndarray, sites: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Leave out records whose REF shows another base than the site's; learn a REF that was not given."""
        block = self.cover.block
        good = np.ones(len(rows), bool)
        for pair, (row, site) in enumerate(zip(rows.tolist(), sites.tolist(), strict=True)):
            ref, start, names = block.alleles[row][0], int(block.positions[row]), self.alleles[site]
            offset = int(self.positions[site]) - start
            if offset >= len(ref):
                continue
            if names[0] == "N":
                names[0] = ref[offset].upper()
            good[pair] = agrees_with_reference(start, ref, start + offset, names[0])
        self.n_ref_mismatch += len(np.unique(sites[~good]))
        return rows[good], sites[good]

    def _take_in(self, rows: np.ndarray, sites: np.ndarray) -> None:
        """Take in one record for each of some sites."""
        block = self.cover.block
        covers = self.cover.reach(rows) >= self.positions[sites][:, None]
        covers &= ~self.cover.says_nothing[rows]
        calls, states = block.genotypes[rows].copy(), block.states[rows].copy()
        self._translate(rows, sites, calls, states)
        changed = (calls > 0).any(axis=-1)
        kind = np.where(changed, _CHANGED, self._unchanged)
        kind[self.cover.answers_as_block(rows, changed)] = _BLOCK
        known, had_known = _is_known(states), _is_known(self.states[sites])
        clash = covers & (kind == _CHANGED) & (self.kind[sites] == _CHANGED) & known & had_known
        clash &= (np.sort(calls, axis=-1) != np.sort(self.genotypes[sites], axis=-1)).any(axis=-1)
        self.n_contradictory += int(clash.sum())
        calls[clash] = np.where(calls[clash] == FILL, FILL, MISSING)
        states[clash] = NO_CALL
        wins = (kind >= self.kind[sites]) & (known | ~had_known) | known & ~had_known
        wins = covers & wins | clash
        at, sample = np.nonzero(wins)
        place = sites[at], sample
        self.genotypes[place], self.states[place] = calls[at, sample], states[at, sample]
        self.phased[place], self.kind[place] = block.phased[rows[at], sample], kind[at, sample]
        self.source[place] = rows[at]

    def _translate(self, rows: np.ndarray, sites: np.ndarray, calls: np.ndarray, states: np.ndarray) -> None:
        """Turn the records' allele numbers into the sites', in place."""
        block = self.cover.block
        for index in np.flatnonzero((calls > 0).any(axis=(1, 2))).tolist():
            row, site = int(rows[index]), int(sites[index])
            numbers = _allele_numbers(
                int(block.positions[row]), block.alleles[row], int(self.positions[site]), self.alleles[site]
            )
            # FILL and MISSING are their own numbers at the end, where negative indices find them
            number_of = np.array([*numbers, FILL, MISSING], calls.dtype)
            told = number_of[calls[index]]
            unknown = ((calls[index] > 0) & (told == UNKNOWN_ALLELE)).any(axis=-1)
            told[unknown] = np.where(told[unknown] == FILL, FILL, MISSING)
            calls[index] = told
            states[index][unknown] = NO_CALL

    # -- as records ------------------------------------------------------------------------------------

    def block(self, identifiers: Sequence[str]) -> VariantBlock:
        """Return the sites as records."""
        n, block = len(self.positions), self.cover.block
        alone = self._only_block()
        quality = np.full(n, np.nan, np.float32)
        quality[alone >= 0] = block.quality[alone[alone >= 0]]
        return VariantBlock(
            contigs=[self.contig] * n,
            positions=self.positions.astype(np.int32),
            identifiers=list(identifiers),
            alleles=[tuple(names) for names in self.alleles],
            quality=quality,
            filters=[self._filters(site, row) for site, row in enumerate(alone.tolist())],
            ends=np.full(n, -1, np.int32),
            genotypes=self.genotypes,
            phased=self.phased,
            states=self.states,
            info={name: self._info(values, alone) for name, values in block.info.items()},
            formats={name: self._format(name, values) for name, values in block.formats.items()},
            from_block=self.from_block,
        )

    def _only_block(self) -> np.ndarray:
        """Row of the reference block that answers for all samples of a site, else -1; (n,)."""
        if not self.source.shape[1]:
            return np.full(len(self.positions), -1)
        first = self.source[:, 0]
        alone = (self.source == first[:, None]).all(axis=1) & self.from_block.all(axis=1)
        return np.where(alone, first, -1)

    def _filters(self, site: int, alone: int) -> tuple[str, ...]:
        """Filters that the records failed that the calls are from; PASS if one passed and none failed."""
        if alone >= 0:
            return self.cover.block.filters[alone]
        rows = [row for row in np.unique(self.source[site]).tolist() if row >= 0]
        names = dict.fromkeys(name for row in rows for name in self.cover.block.filters[row])
        return tuple(name for name in names if name != "PASS") or tuple(names)

    def _info(self, values: np.ndarray, alone: np.ndarray) -> np.ndarray:
        result = _missing_like(values, (len(alone),))
        at = np.flatnonzero(alone >= 0)
        if values.ndim > 1:
            at = at[self._same_alleles(at, alone[at])]
        result[at] = values[alone[at]]
        return result

    def _format(self, name: str, values: np.ndarray) -> np.ndarray:
        """Take values from the record that each call is from.

        Those that belong to alleles are of use only where the block has as many as the site: then those of
        ``<NON_REF>``, any other allele, are those of the ALT asked for.
        """
        result = _missing_like(values, self.source.shape)
        if name == "LEN":
            return result
        at, sample = np.nonzero(self.source >= 0)
        rows = self.source[at, sample]
        if values.ndim > 2:
            same = self.from_block[at, sample] & self._same_alleles(at, rows)
            at, sample, rows = at[same], sample[same], rows[same]
        result[at, sample] = values[rows, sample]
        return result

    def _same_alleles(self, sites: np.ndarray, rows: np.ndarray) -> np.ndarray:
        names = self.cover.block.alleles
        return np.array(
            [len(self.alleles[site]) == len(names[row]) for site, row in zip(sites.tolist(), rows.tolist(), strict=True)],
            bool,
        )  # fmt: skip


def _allele_numbers(position: int, alleles: Sequence[str], site: int, site_alleles: list[str]) -> list[int]:
    """As `translate_alleles`, but where END reaches beyond REF: there, bases say nothing."""
    numbers = translate_alleles(position, alleles, site, site_alleles)
    if site < position + len(alleles[0]):
        return numbers
    told = [UNKNOWN_ALLELE if is_sequence(alt) else n for alt, n in zip(alleles, numbers, strict=True)]
    return [0, *told[1:]]


def _has_symbolic(names: Sequence[str]) -> bool:
    return any(not is_sequence(name) and name != "*" and name not in UNSEEN for name in names[1:])


def _is_known(states: np.ndarray) -> np.ndarray:
    return (states == OBSERVED) | (states == FILTERED)


def _missing_like(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """All missing: a single missing value, then fill, where a field has several."""
    if values.ndim == len(shape):
        return np.full(shape, missing_value(values.dtype), values.dtype)
    result = np.full((*shape, values.shape[-1]), fill_value(values.dtype), values.dtype)
    result[..., 0] = missing_value(values.dtype)
    return result
