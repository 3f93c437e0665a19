"""Alleles that stand for "anything else": ``<NON_REF>`` and ``<*>``, told apart and taken out of records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations_with_replacement
from math import comb

import numpy as np

from genomics.block import FILL, MISSING, NO_CALL, VariantBlock
from genomics.fields import Field, fill_value, missing_value

UNSEEN = frozenset({"<NON_REF>", "<*>", "<X>"})
"""GATK's, the specification's (DeepVariant, bcftools) and old samtools' spelling of any allele not seen."""

_CARRIED = -3  # an allele number of the unseen allele, while numbers are being changed


def has_unseen(alleles: Sequence[str]) -> bool:
    """Tell whether a record lists an allele that stands for all that were not seen.

    Examples
    --------
    >>> has_unseen(("A", "G", "<NON_REF>")), has_unseen(("A", "<DEL>"))
    (True, False)
    """
    return not UNSEEN.isdisjoint(alleles)


def drop_unseen(block: VariantBlock, fields: Mapping[str, Field]) -> tuple[VariantBlock, int, int]:
    """Take ``<NON_REF>``, ``<*>`` and ``<X>`` out of ALT, and their values out of the per-allele fields.

    A call that carries such an allele becomes a no-call: which allele it has is not known. A record whose
    only ALT it was, a reference block, keeps REF alone and its END.

    Parameters
    ----------
    block
        Records.
    fields
        Declared fields by key, as a reader has them: those of Number A, R and G are cut to fit. A field that
        is not among them is left as it is.

    Returns
    -------
    block : VariantBlock
        The same object where no record lists such an allele.
    n_records, n_calls : int
        Records changed, and calls that became no-calls.

    References
    ----------
    VCF 4.5 specification, 1.6.1 (``<*>``) and 1.6.2 (order of values of Number G).

    Examples
    --------
    >>> from genomics.block import empty_block
    >>> block = replace(
    ...     empty_block(2), contigs=["1"], alleles=[("A", "<*>", "C")], states=np.zeros((1, 2), np.int8),
    ...     genotypes=np.array([[[0, 2], [0, 1]]], np.int8), formats={"AD": np.array([[[9, 0, 8], [9, 1, 0]]])})
    >>> cut, _, n_calls = drop_unseen(block, {"FORMAT/AD": Field("FORMAT", "AD", "R", "Integer")})
    >>> cut.alleles, cut.genotypes.tolist(), cut.formats["AD"].tolist(), n_calls
    ([('A', 'C')], [[[0, 1], [-1, -1]]], [[[9, 8], [9, 0]]], 1)
    """
    groups = _group(block.alleles)
    n_records = sum(len(rows) for rows in groups.values())
    if not n_records:
        return block, 0, 0
    genotypes, carried = _renumber(block.genotypes, groups)
    alleles = [_seen(names) for names in block.alleles]
    n_values = max(len(names) for names in alleles)
    info = {
        name: _cut_field(values[:, None], fields.get(f"INFO/{name}"), groups, n_values, None)[:, 0]
        for name, values in block.info.items()
    }
    formats = {
        name: _cut_field(values, fields.get(f"FORMAT/{name}"), groups, n_values, block.genotypes)
        for name, values in block.formats.items()
    }
    changed = replace(
        block,
        alleles=alleles,
        genotypes=genotypes,
        states=np.where(carried, np.int8(NO_CALL), block.states),
        info=info,
        formats=formats,
        consequences=_cut_consequences(block),
    )
    return changed, n_records, int(carried.sum())


def _seen(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in UNSEEN) if has_unseen(names) else names


def _group(alleles: Sequence[tuple[str, ...]]) -> dict[tuple[int, tuple[int, ...]], np.ndarray]:
    """Rows by number of alleles and the numbers of those that stay; only records that change."""
    groups: dict[tuple[int, tuple[int, ...]], list[int]] = {}
    for row, names in enumerate(alleles):
        if has_unseen(names):
            kept = tuple(number for number, name in enumerate(names) if name not in UNSEEN)
            groups.setdefault((len(names), kept), []).append(row)
    return {key: np.array(rows) for key, rows in groups.items()}


def _renumber(
    genotypes: np.ndarray, groups: Mapping[tuple[int, tuple[int, ...]], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Allele numbers after the cut, and which calls carried an allele that is gone; bool (n, samples)."""
    changed = genotypes.copy()
    carried = np.zeros(genotypes.shape[:2], bool)
    for (n_alleles, kept), rows in groups.items():
        number_of = np.full(n_alleles + 2, _CARRIED, genotypes.dtype)
        number_of[[0, 1]] = FILL, MISSING
        number_of[np.array(kept) + 2] = np.arange(len(kept))
        calls = number_of[genotypes[rows] + 2]
        gone = (calls == _CARRIED).any(axis=-1)
        calls[gone] = np.where(calls[gone] == FILL, FILL, MISSING)
        changed[rows], carried[rows] = calls, gone
    return changed, carried


def _cut_consequences(block: VariantBlock) -> list[tuple[tuple[str, str, str], ...]] | None:
    if block.consequences is None:
        return None
    return [
        tuple(item for name, item in zip(names[1:], items, strict=False) if name not in UNSEEN)
        for names, items in zip(block.alleles, block.consequences, strict=True)
    ]


def _cut_field(
    values: np.ndarray,
    field: Field | None,
    groups: Mapping[tuple[int, tuple[int, ...]], np.ndarray],
    n_alleles_left: int,
    genotypes: np.ndarray | None,
) -> np.ndarray:
    """Cut one field, (n, samples, values), of the records that change; others are returned as they are."""
    if field is None or field.number not in ("A", "R", "G"):
        return values
    changed = values.copy()
    for (n_alleles, kept), rows in groups.items():
        if field.number == "G":
            called = None if genotypes is None else genotypes[rows]
            changed[rows] = _cut_genotype_values(values[rows], n_alleles, kept, called)
        else:
            shift = field.number == "A"
            changed[rows] = _pick(values[rows], [n - shift for n in kept if n >= shift])
    most = {"A": n_alleles_left - 1, "R": n_alleles_left, "G": comb(n_alleles_left + 1, 2)}[field.number]
    return _trim(changed, max(1, most))


def _pick(values: np.ndarray, places: Sequence[int]) -> np.ndarray:
    """Keep some values of each call, filled to the old width; one missing value where none is left.

    A call that gave a single missing value for the whole field keeps it.
    """
    result = np.full_like(values, fill_value(values.dtype))
    inside = [place for place in places if place < values.shape[-1]]
    result[..., : len(inside)] = values[..., inside]
    if not places:
        result[..., 0] = missing_value(values.dtype)
        return result
    if values.shape[-1] > 1:
        alone = _is_missing(values[..., 0]) & _is_fill(values[..., 1:]).all(axis=-1)
        result[alone] = values[alone]
    return result


def _cut_genotype_values(
    values: np.ndarray, n_alleles: int, kept: Sequence[int], genotypes: np.ndarray | None
) -> np.ndarray:
    """Cut a field of Number G: which values stay depends on the ploidy of each call."""
    if values.dtype.kind in "iu":
        counts = (~_is_fill(values)).sum(axis=-1)
    else:  # fill cannot be told from missing: the call says its ploidy
        alleles = np.zeros(values.shape[:2]) if genotypes is None else (genotypes != FILL).sum(axis=-1)
        counts = np.array([comb(n_alleles + p - 1, p) for p in range(int(alleles.max(initial=0)) + 1)])[
            np.where(alleles == 0, 0, alleles).astype(int)
        ]
        counts = np.where(alleles == 0, comb(n_alleles + 1, 2), counts)
    result, ploidy = values.copy(), 1
    while (n_values := comb(n_alleles + ploidy - 1, ploidy)) <= values.shape[-1]:
        calls = counts == n_values
        result[calls] = _pick(values[calls], _places(n_alleles, ploidy, kept))
        ploidy += 1
    return result


def _places(n_alleles: int, ploidy: int, kept: Sequence[int]) -> list[int]:
    """Places of the genotypes made of the alleles that stay, in the order of the specification."""
    order = sorted(combinations_with_replacement(range(n_alleles), ploidy), key=lambda call: call[::-1])
    return [place for place, call in enumerate(order) if set(call) <= set(kept)]


def _is_missing(values: np.ndarray) -> np.ndarray:
    return np.isnan(values) if values.dtype.kind == "f" else values == missing_value(values.dtype)


def _is_fill(values: np.ndarray) -> np.ndarray:
    return np.isnan(values) if values.dtype.kind == "f" else values == fill_value(values.dtype)


def _trim(values: np.ndarray, width: int) -> np.ndarray:
    """Take off columns that no record uses any more."""
    return values[..., :width] if _is_fill(values[..., width:]).all() else values
