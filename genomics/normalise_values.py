"""Values of INFO and FORMAT fields that belong to alleles or genotypes, when the alleles of a record change.

A change of alleles is written as `kept`: for each allele of the new record, the number that it has in the
old one, or -1 where the old record does not have it. It starts with 0, the reference.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache

import numpy as np

from genomics.block import widen_values
from genomics.fields import Field, fill_value, missing_value

Kept = tuple[int, ...]

PER_ALLELE = ("A", "R", "G")
LOCAL = ("LA", "LR", "LG")
"""Numbers of values that follow FORMAT/LAA, the alleles that matter to a call (VCF 4.5)."""

# The specification reserves these for one value per allele or genotype (VCF 4.3, tables 1 and 2). Older
# callers declare them with Number=. and then nothing else says which value belongs to which allele.
_RESERVED = {
    "FORMAT/AD": "R", "FORMAT/ADF": "R", "FORMAT/ADR": "R", "FORMAT/EC": "A",
    "FORMAT/GL": "G", "FORMAT/GP": "G", "FORMAT/PL": "G", "FORMAT/PP": "G",
    "INFO/AC": "A", "INFO/AD": "R", "INFO/ADF": "R", "INFO/ADR": "R", "INFO/AF": "A",
}  # fmt: skip


def with_reserved_number(field: Field) -> Field:
    """Give a field that is declared with Number=. the number that the specification reserves for it.

    Examples
    --------
    >>> with_reserved_number(Field("FORMAT", "AD", ".", "Integer")).number
    'R'
    """
    number = _RESERVED.get(field.key)
    return replace(field, number=number) if field.number == "." and number else field


def count_values(number: str, n_alleles: int, ploidy: int = 2) -> int:
    """Values of a field of Number A, R or G.

    Examples
    --------
    >>> count_values("A", 3), count_values("R", 3), count_values("G", 3), count_values("G", 3, ploidy=4)
    (2, 3, 6, 15)
    """
    if number == "G":
        return math.comb(ploidy + n_alleles - 1, ploidy)
    return n_alleles - 1 if number == "A" else n_alleles


@lru_cache(maxsize=256)
def genotypes_in_order(n_alleles: int, ploidy: int) -> tuple[tuple[int, ...], ...]:
    """Genotypes in the order of Number=G values (VCF 4.5, section 1.6.2).

    Examples
    --------
    >>> genotypes_in_order(3, 2)
    ((0, 0), (0, 1), (1, 1), (0, 2), (1, 2), (2, 2))
    >>> genotypes_in_order(2, 3)
    ((0, 0, 0), (0, 0, 1), (0, 1, 1), (1, 1, 1))
    """
    return tuple(_genotypes(n_alleles, ploidy))


def _genotypes(n_alleles: int, ploidy: int) -> Iterator[tuple[int, ...]]:
    for allele in range(n_alleles):
        for others in _genotypes(allele + 1, ploidy - 1) if ploidy > 1 else [()]:
            yield (*others, allele)


def genotype_index(alleles: tuple[int, ...]) -> int:
    """Place of a genotype among Number=G values.

    Examples
    --------
    >>> genotype_index((1, 2)), genotype_index((2, 1)), genotype_index((0, 1, 1))
    (4, 4, 2)
    """
    return sum(math.comb(allele + place, place + 1) for place, allele in enumerate(sorted(alleles)))


@lru_cache(maxsize=4096)
def sources(number: str, kept: Kept, ploidy: int = 2) -> np.ndarray:
    """For each value of the new record, its place among the old record's values; -1 where there is none.

    Examples
    --------
    >>> sources("A", (0, 2)).tolist(), sources("R", (0, 2)).tolist(), sources("G", (0, 2)).tolist()
    ([1], [0, 2], [0, 3, 5])
    """
    if number == "A":
        return np.array([old - 1 if old > 0 else -1 for old in kept[1:]], dtype=np.intp)
    if number == "R":
        return np.array(kept, dtype=np.intp)
    old = [tuple(kept[allele] for allele in new) for new in genotypes_in_order(len(kept), ploidy)]
    return np.array([-1 if -1 in alleles else genotype_index(alleles) for alleles in old], dtype=np.intp)


def count_given(values: np.ndarray) -> np.ndarray:
    """Values that each record or call gives: up to the last that is not fill.

    A floating-point field has NaN for missing values and fill alike, so missing values at its end are not
    counted.

    Examples
    --------
    >>> count_given(np.array([[5, -1, 3, -2], [-1, -2, -2, -2]])).tolist()
    [3, 1]
    """
    given = _is_given(values)
    width = values.shape[-1]
    last = width - np.argmax(given[..., ::-1], axis=-1)
    return np.where(given.any(axis=-1), last, 0)


def _is_given(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind == "f":
        return ~np.isnan(values)
    return np.asarray(values != fill_value(values.dtype), dtype=bool)


def is_missing(values: np.ndarray) -> np.ndarray:
    """Tell the records or calls that give no value but missing ones.

    Examples
    --------
    >>> is_missing(np.array([[-1, -2], [0, -2]])).tolist()
    [True, False]
    """
    given = _is_given(values)
    if values.dtype.kind != "f":
        given &= np.asarray(values != missing_value(values.dtype), dtype=bool)
    return np.logical_not(given.any(axis=-1))


def value_ploidy(number: str, values: np.ndarray, n_alleles: int, ploidy: np.ndarray) -> np.ndarray:
    """Ploidy that the number of values of each call speaks for; 0 where the number fits none.

    Parameters
    ----------
    number
        A, R or G.
    values : (..., values)
    n_alleles
        Of the record.
    ploidy : int, the shape of `values` but its last axis
        Alleles of each call's genotype, 0 where it has none. It decides where missing floating-point
        numbers at the end hide the number of values.

    Returns
    -------
    int, the shape of `values` but its last axis
        For A and R, 1 where the number fits.

    Examples
    --------
    >>> values = np.array([[1, 2, 3, -2, -2, -2], [1, 2, 3, 4, 5, 6], [1, 2, -2, -2, -2, -2]])
    >>> value_ploidy("G", values, 3, np.array([2, 2, 2])).tolist()
    [1, 2, 0]
    """
    given = count_given(values)
    may_be_short = values.dtype.kind == "f"
    if number != "G":
        expected = count_values(number, n_alleles)
        return ((given <= expected) if may_be_short else (given == expected)).astype(np.intp)
    found = np.zeros(given.shape, dtype=np.intp)
    highest = max(2, int(ploidy.max(initial=0)))
    for candidate in range(1, highest + 1):
        found[given == count_values("G", n_alleles, candidate)] = candidate
    if may_be_short:
        for candidate in range(1, highest + 1):
            fits = (found == 0) & (ploidy == candidate)
            found[fits & (given <= count_values("G", n_alleles, candidate))] = candidate
    return found


def move_values(number: str, values: np.ndarray, kept: Kept, ploidies: np.ndarray, width: int) -> np.ndarray:
    """Give records that share a change of alleles their new values.

    Parameters
    ----------
    number
        A, R or G.
    values : (..., values)
    kept
        The change.
    ploidies : int, the shape of `values` but its last axis
        As `value_ploidy` tells them; 0 gives a missing value.
    width
        Values of the result.

    Examples
    --------
    >>> move_values("R", np.array([[7, 8, 9]]), (0, 2), np.array([1]), 3).tolist()
    [[7, 9, -2]]
    """
    dtype = values.dtype
    moved = np.full((*values.shape[:-1], width), fill_value(dtype), dtype)
    moved[..., 0] = missing_value(dtype)
    for ploidy in np.unique(ploidies[ploidies > 0]).tolist():
        place = sources(number, kept, ploidy if number == "G" else 2)
        calls = values[ploidies == ploidy]
        short = int(place.max(initial=0)) + 1 - calls.shape[-1]
        calls = widen_values(calls, calls.shape[-1] + max(0, short))
        new = calls[..., place]
        new[..., place < 0] = missing_value(dtype)
        absent = np.asarray(new == fill_value(dtype), dtype=bool)
        new[absent] = missing_value(dtype)
        rows = np.full((len(new), width), fill_value(dtype), dtype)
        rows[:, : new.shape[-1]] = new
        moved[ploidies == ploidy] = rows
    return moved


def fields_of(fields: Mapping[str, Field], category: str) -> dict[str, Field]:
    """Return the fields of INFO or FORMAT by bare name, with reserved numbers.

    Examples
    --------
    >>> list(fields_of({"INFO/AF": Field("INFO", "AF", "A", "Float")}, "INFO"))
    ['AF']
    """
    return {
        field.name: with_reserved_number(field) for field in fields.values() if field.category == category
    }
