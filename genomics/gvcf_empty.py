"""Empty calls of a gVCF: those that a reference block which began earlier has answered already."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from genomics.block import ABSENT, FILL, FILTERED, MISSING, OBSERVED, VariantBlock, is_filtered, join_blocks
from genomics.gvcf_sites import ContigSites, covered_sites, names_site
from genomics.normalise_values import is_missing

if TYPE_CHECKING:
    from genomics.gvcf_calls import SiteCalls

_OF_EMPTY_CALLS = ("LAA",)  # the only field that the specification lets an empty call have


def empty_calls(block: VariantBlock) -> np.ndarray:
    """Tell the calls whose GT is a single ``.`` and whose fields are all missing; bool (n, n_samples).

    VCF 4.5 writes so where a block that began earlier has called the position already. ``./.`` is not empty:
    it says that somebody looked.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from genomics.block import empty_block
    >>> calls = np.array([[[-1, -2], [-1, -2], [-1, -1], [0, -2]]], np.int8)
    >>> block = replace(empty_block(4), contigs=["1"], genotypes=calls, formats={"DP": np.array([[-1, 0, -1, -1]])})
    >>> empty_calls(block).tolist()
    [[True, False, False, False]]
    """
    empty = block.genotypes[..., 0] == MISSING
    for allele in range(1, block.genotypes.shape[-1]):
        empty &= block.genotypes[..., allele] == FILL
    rows = np.flatnonzero(empty.any(axis=1))
    for name, values in block.formats.items():
        if len(rows) and name not in _OF_EMPTY_CALLS:
            given = values[rows]
            empty[rows] &= is_missing(given if given.ndim > 2 else given[..., None])
    return np.asarray(empty)


def empty_at_sites(variants: VariantBlock, sites: ContigSites, at: int) -> dict[int, int]:
    """Find the variants with empty calls that have a site as written.

    Parameters
    ----------
    variants
        Records of a contig.
    sites
        Of the same.
    at
        Sites that are decided already, and not looked at.

    Returns
    -------
    dict
        Rows in ascending order, and the number of the first site of each.
    """
    rows = np.flatnonzero(empty_calls(variants).any(axis=1))
    starts = variants.positions[rows]
    lengths = np.array([len(variants.alleles[row][0]) for row in rows.tolist()], np.int64)
    site_of: dict[int, int] = {}
    pairs = covered_sites(starts, starts + lengths - 1, sites.positions[at:])
    for row, number in zip(rows[pairs[0]].tolist(), (at + pairs[1]).tolist(), strict=True):
        if row not in site_of and names_site(
            int(variants.positions[row]), variants.alleles[row],
            int(sites.positions[number]), sites.alleles[number],
        ):  # fmt: skip
            site_of[row] = number
    return site_of


def released(
    variants: VariantBlock, sites: ContigSites, site_of: dict[int, int], last: int
) -> tuple[int, int]:
    """Say before which position sites can be decided, and how many variants need not wait.

    A variant with empty calls waits until its site can be decided, and all that comes after it waits with it.

    Parameters
    ----------
    variants
        In the order of positions.
    sites
    site_of
        See `empty_at_sites`.
    last
        Position that has been read up to: more records may lie at it.
    """
    border, n_now = last, len(variants)
    for row, number in reversed(site_of.items()):
        if sites.positions[number] >= border:
            border = min(border, int(variants.positions[row]))
            n_now = int(np.searchsorted(variants.positions, border, "left"))
    return border, n_now


def fill_empty_calls(
    variants: VariantBlock, rows: np.ndarray, calls: SiteCalls
) -> tuple[VariantBlock, int, int]:
    """Put what reference blocks say in the place of empty calls of variants.

    Parameters
    ----------
    variants
        Records of a contig.
    rows
        Those with empty calls.
    calls
        What is known at the site of each of `rows`, with `blocks_first`.

    Returns
    -------
    variants : VariantBlock
        The same object where no call changes.
    n_from_block, n_absent : int
        Calls that a block answers for, and calls that no record says anything of.
    """
    has_lengths = variants.positions[rows] >= calls.cover.lengths_from
    absent = (calls.states == ABSENT) & has_lengths[:, None]
    taken = empty_calls(variants.take(rows)) & (calls.from_block | absent)
    if not taken.any():
        return variants, 0, 0
    # the values of a block's alleles have to fit those of the record
    calls.alleles = [list(variants.alleles[row]) for row in rows.tolist()]
    joined = join_blocks([variants, calls.block([""] * len(rows))], variants.n_samples)
    assert joined.from_block is not None
    at, sample = np.nonzero(taken)
    to, source = (rows[at], sample), (len(variants) + at, sample)
    arrays = (joined.genotypes, joined.phased, joined.states, joined.from_block, *joined.formats.values())
    for values in arrays:
        values[to] = values[source]
    fails = np.array([is_filtered(variants.filters[row]) for row in rows.tolist()])
    hidden = fails[at] & (joined.states[to] == OBSERVED)
    joined.states[to[0][hidden], sample[hidden]] = FILTERED
    n_absent = int((taken & absent).sum())
    return joined.rows(0, len(variants)), len(at) - n_absent, n_absent
