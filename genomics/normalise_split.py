"""Split records of several alternate alleles into records of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from genomics.block import ABSENT, FILL, MISSING, NO_CALL, VariantBlock
from genomics.errors import InputError
from genomics.fields import Field, fill_value, missing_value
from genomics.normalise_values import (
    LOCAL,
    PER_ALLELE,
    Kept,
    count_given,
    count_values,
    fields_of,
    is_missing,
    move_values,
    value_ploidy,
)

STAR = "*"
OTHER_ALLELES = ("star", "reference", "missing")

# FORMAT fields whose values follow a list of local alleles, whatever number they declare.
_LOCAL_NAMES = frozenset(
    ("LAA", "LA", "LGT", "LPGT", "LAD", "LADF", "LADR", "LEC", "LPL", "LGL", "LGP", "LPP")
)


@dataclass
class SplitCounts:
    """What splitting did.

    Attributes
    ----------
    split
        Records that became several.
    calls_with_other_allele
        Calls of the new records in which an allele of another record stood.
    values_missing
        Calls whose field had a number of values that fits no alleles, so that it is missing now, by field.
    values_dropped
        Calls whose field follows local alleles, which splitting does not carry over, by field.
    """

    split: int = 0
    calls_with_other_allele: int = 0
    values_missing: Counter[str] = field(default_factory=Counter)
    values_dropped: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class _Plan:
    """New records: the row each comes from, and its alleles there; None for a record as it was."""

    source: np.ndarray
    kept: tuple[Kept | None, ...]

    def changed(self) -> list[int]:
        return [row for row, kept in enumerate(self.kept) if kept is not None]


def split_block(
    block: VariantBlock,
    fields: Mapping[str, Field],
    counts: SplitCounts,
    *,
    other_alleles: str = "star",
    wrong_counts: str = "error",
) -> VariantBlock:
    """Give each alternate allele a record of its own; the same block where there is nothing to split.

    Values of Number A, R and G follow their alleles, whatever the ploidy. ID, QUAL, FILTER and all other
    values are those of the old record. Phase and order of the alleles of a call are kept.

    Parameters
    ----------
    block
        Records.
    fields
        Declared fields by key.
    counts
        Added to.
    other_alleles
        What stands in a call for an allele that is neither the reference nor the ALT of its record:
        ``star`` (the allele ``*``, added where a call needs it; an ALT ``*`` of the file gets no record
        of its own), ``reference`` (0, as bcftools does) or ``missing``.
    wrong_counts
        Where a call has a number of values that fits no alleles: ``error``, or ``missing`` to make that
        call's value missing. Text, and a field declared with ``Number=.``, is always made missing.

    Raises
    ------
    InputError
        A number of values fits no alleles.

    Examples
    --------
    >>> from genomics.block import empty_block
    >>> split_block(empty_block(2), {}, SplitCounts()).alleles
    []
    """
    if all(len(alleles) <= 2 for alleles in block.alleles):
        return block
    plan = _plan(block, other_alleles)
    changed = plan.changed()
    if not changed:
        return block
    counts.split += len(set(plan.source[changed].tolist()))
    taken = block.take(plan.source)
    genotypes, touched = _genotypes(taken, plan, other_alleles)
    counts.calls_with_other_allele += touched
    splitter = _ValueSplitter(block, plan, counts, wrong_counts)
    return replace(
        taken,
        alleles=_alleles(block, plan),
        genotypes=genotypes,
        states=_states(taken.states, genotypes, other_alleles, changed),
        info=splitter.split(taken.info, block.info, fields, "INFO"),
        formats=splitter.split(taken.formats, block.formats, fields, "FORMAT"),
        consequences=_consequences(taken, plan),
    )


def _plan(block: VariantBlock, other_alleles: str) -> _Plan:
    source: list[int] = []
    kept: list[Kept | None] = []
    for row, alleles in enumerate(block.alleles):
        records = _records(block, row, alleles, other_alleles) if len(alleles) > 2 else [None]
        source += [row] * len(records)
        kept += records
    return _Plan(np.array(source, dtype=np.intp), tuple(kept))


def _records(
    block: VariantBlock, row: int, alleles: tuple[str, ...], other_alleles: str
) -> Sequence[Kept | None]:
    if other_alleles != "star":
        return [(0, number) for number in range(1, len(alleles))]
    star = alleles.index(STAR) if STAR in alleles else -1
    targets = [number for number in range(1, len(alleles)) if number != star]
    if len(targets) < 2:
        return [None]
    seen = set(np.unique(block.genotypes[row]).tolist()) - {0, MISSING, FILL}
    return [(0, number, star) if star > 0 or seen - {number} else (0, number) for number in targets]


def _alleles(block: VariantBlock, plan: _Plan) -> list[tuple[str, ...]]:
    alleles = []
    for row, kept in zip(plan.source.tolist(), plan.kept, strict=True):
        old = block.alleles[row]
        alleles.append(old if kept is None else tuple(old[at] if at >= 0 else STAR for at in kept))
    return alleles


def _genotypes(taken: VariantBlock, plan: _Plan, other_alleles: str) -> tuple[np.ndarray, int]:
    """Renumber the alleles of the changed records; also count the calls that held another allele."""
    rows = np.array(plan.changed(), dtype=np.intp)
    own = np.array([kept[1] for kept in plan.kept if kept is not None])[:, None, None]
    old = taken.genotypes[rows]
    other = (old > 0) & (old != own)
    number = {"star": 2, "reference": 0, "missing": MISSING}[other_alleles]
    genotypes = taken.genotypes.copy()
    genotypes[rows] = np.where(other, number, np.where(old == own, 1, old))
    if genotypes.dtype != np.int8 and genotypes.max(initial=0) <= 127:
        genotypes = genotypes.astype(np.int8)
    return genotypes, int(other.any(axis=2).sum())


def _states(
    states: np.ndarray, genotypes: np.ndarray, other_alleles: str, changed: Sequence[int]
) -> np.ndarray:
    """Make a no-call of each call that became incomplete."""
    if other_alleles != "missing":
        return states
    states = states.copy()
    rows = np.array(changed, dtype=np.intp)
    incomplete = (genotypes[rows] == MISSING).any(axis=2) & (states[rows] != ABSENT)
    states[rows] = np.where(incomplete, np.int8(NO_CALL), states[rows])
    return states


def _consequences(taken: VariantBlock, plan: _Plan) -> list | None:
    if taken.consequences is None:
        return None
    nothing = ("", "", "")
    return [
        given if kept is None or not given else tuple(given[at - 1] if at > 0 else nothing for at in kept[1:])
        for given, kept in zip(taken.consequences, plan.kept, strict=True)
    ]


class _ValueSplitter:
    """Give the values of one block's fields to the new records."""

    def __init__(self, block: VariantBlock, plan: _Plan, counts: SplitCounts, wrong_counts: str) -> None:
        self.block, self.plan, self.counts, self.wrong_counts = block, plan, counts, wrong_counts
        self.ploidy = (block.genotypes != FILL).sum(axis=2)
        self.groups: dict[tuple[int, Kept], list[int]] = {}
        for row in plan.changed():
            key = (len(block.alleles[plan.source[row]]), plan.kept[row] or ())
            self.groups.setdefault(key, []).append(row)

    def split(
        self,
        taken: dict[str, np.ndarray],
        old: dict[str, np.ndarray],
        fields: Mapping[str, Field],
        category: str,
    ) -> dict[str, np.ndarray]:
        """Return all fields of a category for the new records."""
        declared = fields_of(fields, category)
        out = dict(taken)
        for name, values in old.items():
            known = declared.get(name)
            if category == "FORMAT" and (name in _LOCAL_NAMES or (known and known.number in LOCAL)):
                out[name] = self._dropped(f"{category}/{name}", taken[name])
            elif known is not None and known.number in PER_ALLELE and known.kind != "Flag":
                lenient = (
                    self.wrong_counts == "missing"
                    or fields[known.key].number == "."
                    or known.dtype.kind == "O"
                )
                out[name] = self._moved(known, values, taken[name], lenient)
        return out

    def _dropped(self, key: str, values: np.ndarray) -> np.ndarray:
        rows = self.plan.changed()
        values = values.copy()
        flat = values[rows]
        table = flat[..., None] if flat.ndim == 2 else flat
        self.counts.values_dropped[key] += int((~is_missing(table)).sum())
        values[rows] = fill_value(values.dtype) if values.ndim == 3 else missing_value(values.dtype)
        if values.ndim == 3:
            values[rows, :, 0] = missing_value(values.dtype)
        return values

    def _moved(self, known: Field, values: np.ndarray, taken: np.ndarray, lenient: bool) -> np.ndarray:
        """Move the values of one field, group by group of records with the same change of alleles."""
        parts = []
        for (n_alleles, kept), rows in self.groups.items():
            source = self.plan.source[rows]
            ploidies = self._ploidies(known, values[source], n_alleles, source, lenient)
            width = count_values(known.number, len(kept), max(1, int(ploidies.max(initial=0))))
            parts.append((rows, kept, values[source], ploidies, width))
        width = max(values.shape[-1] if None in self.plan.kept else 1, *(part[-1] for part in parts))
        out = np.full((*taken.shape[:-1], width), fill_value(values.dtype), values.dtype)
        unchanged = np.array([kept is None for kept in self.plan.kept])
        out[unchanged, ..., : values.shape[-1]] = values[self.plan.source[unchanged]][..., :width]
        for rows, kept, old, ploidies, _ in parts:
            out[rows] = move_values(known.number, old, kept, ploidies, width)
        return out

    def _ploidies(
        self, known: Field, calls: np.ndarray, n_alleles: int, source: np.ndarray, lenient: bool
    ) -> np.ndarray:
        """Tell how many values each call has, as a ploidy; 0 where they are missing."""
        ploidy = self.ploidy[source] if known.category == "FORMAT" else np.full(len(calls), 2)
        fits = value_ploidy(known.number, calls, n_alleles, ploidy)
        missing = is_missing(calls)
        wrong = (fits == 0) & ~missing
        if wrong.any():
            if not lenient:
                self._refuse(known, calls, wrong, (fits > 0) & ~missing, source, n_alleles)
            self.counts.values_missing[known.key] += int(wrong.sum())
        return np.where(missing, 0, fits)

    def _refuse(
        self,
        known: Field,
        calls: np.ndarray,
        wrong: np.ndarray,
        right: np.ndarray,
        source: np.ndarray,
        n_alleles: int,
    ) -> None:
        """Refuse a wrong number of values, unless a call only gives fewer than others of its record."""
        given = count_given(calls)
        beside_right = right.reshape(len(calls), -1).any(axis=1).reshape(-1, *[1] * (given.ndim - 1))
        bad = wrong & ~((given < count_values(known.number, n_alleles)) & beside_right)
        if bad.any():
            at = tuple(int(axis[0]) for axis in np.nonzero(bad))
            raise self._wrong(known, int(given[at]), int(source[at[0]]), n_alleles)

    def _wrong(self, known: Field, given: int, row: int, n_alleles: int) -> InputError:
        expected = count_values(known.number, n_alleles)
        return InputError(
            f"{given} values where {n_alleles} alleles ask for {expected}",
            record=f"{self.block.contigs[row]}:{self.block.positions[row]}",
            field=known.key,
            expected=f"Number={known.number}",
            hint="split with such values missing (wrong_counts), or leave the field out",
        )
