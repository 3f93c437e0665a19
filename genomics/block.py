"""A run of consecutive records in memory, between a reader and the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

MISSING = -1
FILL = -2

OBSERVED, NO_CALL, FILTERED, ABSENT = 0, 1, 2, 3
STATE_NAMES: tuple[str, ...] = ("observed", "no-call", "filtered", "absent")

# gene, consequence, amino-acid change of one ALT; empty strings where the file says nothing
Consequence = tuple[str, str, str]


@dataclass(frozen=True, eq=False)
class VariantBlock:
    """Records of one file, in file order.

    Attributes
    ----------
    contigs, identifiers
        One string per record; an empty identifier where the file has ``.``.
    positions : int32 (n,)
        1-based.
    alleles
        REF and the ALTs of each record.
    quality : float32 (n,)
        QUAL, NaN where missing.
    filters
        Names in FILTER; an empty tuple for ``.``.
    ends : int32 (n,)
        INFO/END, -1 where the record has none.
    genotypes : int16 (n, samples, ploidy)
        Allele numbers, -1 missing, -2 fill.
    phased : bool (n, samples)
        The call has two alleles or more, all joined with ``|``.
    states : int8 (n, samples)
    depth : int32 (n, samples)
        FORMAT/DP, -1 missing; None where the file declares none.
    genotype_quality : int32 or float32 (n, samples)
        FORMAT/GQ, -1 missing; None where the file declares none.
    consequences
        One (gene, consequence, amino-acid change) for each ALT; None where the file carries no annotation.
    """

    contigs: list[str]
    positions: np.ndarray
    identifiers: list[str]
    alleles: list[tuple[str, ...]]
    quality: np.ndarray
    filters: list[tuple[str, ...]]
    ends: np.ndarray
    genotypes: np.ndarray
    phased: np.ndarray
    states: np.ndarray
    depth: np.ndarray | None
    genotype_quality: np.ndarray | None
    consequences: list[tuple[Consequence, ...]] | None

    def __len__(self) -> int:
        return len(self.contigs)

    def rows(self, start: int, stop: int) -> VariantBlock:
        """Return the records from `start` up to but without `stop`.

        Examples
        --------
        >>> block = empty_block(n_samples=2)
        >>> len(block.rows(0, 10))
        0
        """
        cut = slice(start, stop)
        return replace(
            self,
            contigs=self.contigs[cut],
            positions=self.positions[cut],
            identifiers=self.identifiers[cut],
            alleles=self.alleles[cut],
            quality=self.quality[cut],
            filters=self.filters[cut],
            ends=self.ends[cut],
            genotypes=self.genotypes[cut],
            phased=self.phased[cut],
            states=self.states[cut],
            depth=None if self.depth is None else self.depth[cut],
            genotype_quality=None if self.genotype_quality is None else self.genotype_quality[cut],
            consequences=None if self.consequences is None else self.consequences[cut],
        )


def empty_block(n_samples: int) -> VariantBlock:
    """Make a block without records.

    Examples
    --------
    >>> empty_block(3).genotypes.shape
    (0, 3, 2)
    """
    return VariantBlock(
        contigs=[],
        positions=np.zeros(0, np.int32),
        identifiers=[],
        alleles=[],
        quality=np.zeros(0, np.float32),
        filters=[],
        ends=np.zeros(0, np.int32),
        genotypes=np.zeros((0, n_samples, 2), np.int16),
        phased=np.zeros((0, n_samples), bool),
        states=np.zeros((0, n_samples), np.int8),
        depth=None,
        genotype_quality=None,
        consequences=None,
    )


def widen_ploidy(genotypes: np.ndarray, ploidy: int) -> np.ndarray:
    """Fill the last axis with -2 up to `ploidy` alleles.

    Examples
    --------
    >>> widen_ploidy(np.array([[[0, 1]]], dtype=np.int8), 3).tolist()
    [[[0, 1, -2]]]
    """
    missing = ploidy - genotypes.shape[-1]
    if missing <= 0:
        return genotypes
    return np.pad(genotypes, ((0, 0), (0, 0), (0, missing)), constant_values=FILL)


def call_states(genotypes: np.ndarray, filtered: np.ndarray) -> np.ndarray:
    """Tell observed, not called and filtered calls apart.

    A call is a no-call where any allele is missing, or where it has no allele at all, whatever the
    filters say: there is nothing to filter.

    Parameters
    ----------
    genotypes : (n, samples, ploidy)
    filtered : bool, broadcast to (n, samples)

    Returns
    -------
    int8 (n, samples)

    Examples
    --------
    >>> calls = np.array([[[0, 1], [0, -1], [1, -2], [-2, -2]]])
    >>> call_states(calls, np.array([[False]])).tolist()
    [[0, 1, 0, 1]]
    >>> call_states(calls, np.array([[True]])).tolist()
    [[2, 1, 2, 1]]
    """
    no_call = (genotypes == MISSING).any(axis=-1) | (genotypes == FILL).all(axis=-1)
    states = np.where(filtered, np.int8(FILTERED), np.int8(OBSERVED))
    return np.where(no_call, np.int8(NO_CALL), states).astype(np.int8)


def is_filtered(filters: Sequence[str]) -> bool:
    """Tell whether FILTER names anything but PASS.

    Examples
    --------
    >>> is_filtered(()), is_filtered(("PASS",)), is_filtered(("q10",))
    (False, False, True)
    """
    return any(name != "PASS" for name in filters)


def join_blocks(blocks: Sequence[VariantBlock], n_samples: int) -> VariantBlock:
    """Join blocks one after the other, filling what only some of them carry with missing values.

    Examples
    --------
    >>> len(join_blocks([empty_block(2), empty_block(2)], 2))
    0
    """
    blocks = [block for block in blocks if len(block)]
    if not blocks:
        return empty_block(n_samples)
    if len(blocks) == 1:
        return blocks[0]
    ploidy = max(block.genotypes.shape[2] for block in blocks)
    annotated = any(block.consequences is not None for block in blocks)
    return VariantBlock(
        contigs=[name for block in blocks for name in block.contigs],
        positions=np.concatenate([block.positions for block in blocks]),
        identifiers=[name for block in blocks for name in block.identifiers],
        alleles=[alleles for block in blocks for alleles in block.alleles],
        quality=np.concatenate([block.quality for block in blocks]),
        filters=[names for block in blocks for names in block.filters],
        ends=np.concatenate([block.ends for block in blocks]),
        genotypes=np.concatenate([widen_ploidy(block.genotypes, ploidy) for block in blocks]),
        phased=np.concatenate([block.phased for block in blocks]),
        states=np.concatenate([block.states for block in blocks]),
        depth=_join_optional([block.depth for block in blocks], blocks),
        genotype_quality=_join_optional([block.genotype_quality for block in blocks], blocks),
        consequences=[item for block in blocks for item in _consequences(block)] if annotated else None,
    )


def _consequences(block: VariantBlock) -> list[tuple[Consequence, ...]]:
    if block.consequences is not None:
        return block.consequences
    return [(("", "", ""),) * (len(alleles) - 1) for alleles in block.alleles]


def _join_optional(parts: list[np.ndarray | None], blocks: Sequence[VariantBlock]) -> np.ndarray | None:
    if all(part is None for part in parts):
        return None
    return np.concatenate(
        [
            np.full(block.states.shape, MISSING, np.int32) if part is None else part
            for part, block in zip(parts, blocks, strict=True)
        ]
    )
