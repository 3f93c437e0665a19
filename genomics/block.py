"""A run of consecutive records in memory, between a reader and the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from genomics.fields import fill_value, missing_value

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
    genotypes : int8, or int16 beyond 127 alleles (n, samples, ploidy)
        Allele numbers, -1 missing, -2 fill.
    phased : bool (n, samples)
        The call has two alleles or more, all joined with ``|``.
    states : int8 (n, samples)
    info : dict
        Chosen INFO fields by name: (n,) for a scalar, (n, values) otherwise. See `genomics.fields` for
        missing values and fill.
    formats : dict
        Chosen FORMAT fields by name: (n, samples) for a scalar, (n, samples, values) otherwise.
    consequences
        One (gene, consequence, amino-acid change) for each ALT; None where the file carries no annotation.
    from_block : bool (n, samples)
        The call was expanded from a gVCF reference block; None where none was.
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
    info: dict[str, np.ndarray] = field(default_factory=dict)
    formats: dict[str, np.ndarray] = field(default_factory=dict)
    consequences: list[tuple[Consequence, ...]] | None = None
    from_block: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.contigs)

    @property
    def n_samples(self) -> int:
        """Samples of the block."""
        return int(self.states.shape[1])

    def rows(self, start: int, stop: int) -> VariantBlock:
        """Return the records from `start` up to but without `stop`; arrays are views.

        Examples
        --------
        >>> block = empty_block(n_samples=2)
        >>> len(block.rows(0, 10))
        0
        """
        return self._cut(slice(start, stop), range(len(self))[start:stop])

    def take(self, rows: Sequence[int] | np.ndarray) -> VariantBlock:
        """Return some records, in the order given.

        Examples
        --------
        >>> len(empty_block(n_samples=2).take([]))
        0
        """
        index = np.asarray(rows, dtype=np.int64)
        return self._cut(index, index.tolist())

    def _cut(self, cut: slice | np.ndarray, rows: Sequence[int]) -> VariantBlock:
        return replace(
            self,
            contigs=[self.contigs[row] for row in rows],
            positions=self.positions[cut],
            identifiers=[self.identifiers[row] for row in rows],
            alleles=[self.alleles[row] for row in rows],
            quality=self.quality[cut],
            filters=[self.filters[row] for row in rows],
            ends=self.ends[cut],
            genotypes=self.genotypes[cut],
            phased=self.phased[cut],
            states=self.states[cut],
            info={name: values[cut] for name, values in self.info.items()},
            formats={name: values[cut] for name, values in self.formats.items()},
            consequences=None if self.consequences is None else [self.consequences[row] for row in rows],
            from_block=None if self.from_block is None else self.from_block[cut],
        )

    def with_samples(self, order: np.ndarray) -> VariantBlock:
        """Return the same records with their samples in another order, or some of them.

        Examples
        --------
        >>> empty_block(n_samples=3).with_samples(np.array([2, 0])).n_samples
        2
        """
        return replace(
            self,
            genotypes=self.genotypes[:, order],
            phased=self.phased[:, order],
            states=self.states[:, order],
            formats={name: values[:, order] for name, values in self.formats.items()},
            from_block=None if self.from_block is None else self.from_block[:, order],
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
        genotypes=np.zeros((0, n_samples, 2), np.int8),
        phased=np.zeros((0, n_samples), bool),
        states=np.zeros((0, n_samples), np.int8),
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
    no_call = genotypes[..., 0] < 0  # fill comes after alleles, so a call that begins with it has none
    for allele in range(1, genotypes.shape[-1]):
        no_call |= genotypes[..., allele] == MISSING
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
        info=_join_fields([block.info for block in blocks], [(len(block),) for block in blocks]),
        formats=_join_fields([block.formats for block in blocks], [block.states.shape for block in blocks]),
        consequences=[item for block in blocks for item in _consequences(block)] if annotated else None,
        from_block=_join_from_block(blocks),
    )


def _consequences(block: VariantBlock) -> list[tuple[Consequence, ...]]:
    if block.consequences is not None:
        return block.consequences
    return [(("", "", ""),) * (len(alleles) - 1) for alleles in block.alleles]


def _join_fields(
    parts: Sequence[dict[str, np.ndarray]], shapes: Sequence[tuple[int, ...]]
) -> dict[str, np.ndarray]:
    joined = {}
    for name in dict.fromkeys(name for part in parts for name in part):
        arrays = [part.get(name) for part in parts]
        known = [array for array in arrays if array is not None]
        dtype = np.result_type(*(array.dtype for array in known))
        width = max((array.shape[-1] for array in known if array.ndim > len(shapes[0])), default=0)
        joined[name] = np.concatenate(
            [_as_wide(array, shape, width, dtype) for array, shape in zip(arrays, shapes, strict=True)]
        )
    return joined


def _as_wide(
    array: np.ndarray | None, shape: tuple[int, ...], width: int, dtype: np.dtype[Any]
) -> np.ndarray:
    """Give an array the width and type of its neighbours; all missing where there is none."""
    if array is None:
        array = np.full((*shape, 1) if width else shape, missing_value(dtype), dtype)
    return widen_values(array.astype(dtype, copy=False), width) if width else array.astype(dtype, copy=False)


def widen_values(values: np.ndarray, width: int) -> np.ndarray:
    """Fill the last axis of a field's array up to `width` values.

    Examples
    --------
    >>> widen_values(np.array([[1], [2]], dtype=np.int32), 2).tolist()
    [[1, -2], [2, -2]]
    """
    short = width - values.shape[-1]
    if short <= 0:
        return values
    wide = np.full((*values.shape[:-1], width), fill_value(values.dtype), values.dtype)
    wide[..., : values.shape[-1]] = values
    return wide


def _join_from_block(blocks: Sequence[VariantBlock]) -> np.ndarray | None:
    if all(block.from_block is None for block in blocks):
        return None
    return np.concatenate(
        [
            np.zeros(block.states.shape, bool) if b is None else b
            for block in blocks
            for b in (block.from_block,)
        ]
    )
