"""Alleles that stand for "anything else": ``<NON_REF>`` and ``<*>``, told apart and taken out of records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from genomics.block import FILL, MISSING, NO_CALL, VariantBlock
from genomics.fields import Field
from genomics.normalise_values import (
    PER_ALLELE,
    count_given,
    fields_of,
    is_missing,
    move_values,
    value_ploidy,
)

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
    ploidy = (block.genotypes != FILL).sum(axis=2)
    ploidy[ploidy == 0] = 2
    infos, formats = fields_of(fields, "INFO"), fields_of(fields, "FORMAT")
    both = np.full(len(block), 2)
    changed = replace(
        block,
        alleles=[_seen(names) for names in block.alleles],
        genotypes=genotypes,
        states=np.where(carried, np.int8(NO_CALL), block.states),
        info={name: _cut_field(v, infos.get(name), groups, both) for name, v in block.info.items()},
        formats={name: _cut_field(v, formats.get(name), groups, ploidy) for name, v in block.formats.items()},
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
    ploidy: np.ndarray,
) -> np.ndarray:
    """Cut the values, (n, ..., values), of the records that change; other fields are returned as they are.

    Values whose number fits neither alleles nor genotypes become missing: whose they are is not known.
    """
    if field is None or field.number not in PER_ALLELE:
        return values
    changed, most = values.copy(), values.shape[-1]
    for (n_alleles, kept), rows in groups.items():
        old = values[rows]
        fits = value_ploidy(field.number, old, n_alleles, ploidy[rows])
        fits[is_missing(old)] = 0
        if field.number == "A" and len(kept) == 1:
            fits[:] = 0  # no ALT is left, and so no value
        changed[rows] = move_values(field.number, old, kept, fits, most)
    used = int(count_given(changed).max(initial=1))
    return changed[..., : max(1, used)]
