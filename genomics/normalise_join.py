"""Join records at one position into records of several alternate alleles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from genomics.block import (
    ABSENT,
    FILL,
    FILTERED,
    Consequence,
    VariantBlock,
    call_states,
    is_filtered,
)
from genomics.fields import Field, fill_value, missing_value
from genomics.normalise_align import is_sequence, trim
from genomics.normalise_genotypes import join_genotypes
from genomics.normalise_order import has_shared_place, places
from genomics.normalise_values import (
    PER_ALLELE,
    Kept,
    count_values,
    fields_of,
    is_missing,
    move_values,
    value_ploidy,
)

JOIN = ("none", "by-type", "any")
_NO_CONSEQUENCE: Consequence = ("", "", "")


@dataclass
class JoinCounts:
    """What joining did.

    Attributes
    ----------
    joined
        Records that went into joined ones.
    refused_refs
        Records left apart since their REFs contradict each other.
    conflicting_calls
        Calls that carry more alleles than they have chromosomes, or that differ in ploidy: missing now.
    conflicting_values
        Values, by field, that differ between the joined records: the first record's is kept, for fields
        of Number A, R and G the last's.
    """

    joined: int = 0
    refused_refs: int = 0
    conflicting_calls: int = 0
    conflicting_values: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class _Joined:
    """One record to be made of several.

    Attributes
    ----------
    rows
        The records.
    alleles
        Of the joined record.
    numbers
        For each record, the number that each of its alleles has in the joined one.
    kept
        For each record, the number that each allele of the joined one has in it, or -1.
    """

    rows: list[int]
    alleles: tuple[str, ...]
    numbers: tuple[Kept, ...]
    kept: tuple[Kept, ...]


def join_block(
    block: VariantBlock, fields: Mapping[str, Field], counts: JoinCounts, *, how: str = "by-type"
) -> VariantBlock:
    """Join the records of each position; the same block where there is nothing to join.

    A call of the joined record is known where every record knows it: a chromosome is the reference only if
    each record says so, and missing where one says it and another does not know. Alleles keep their place
    in a call where the records agree on places, so phase is kept. QUAL is the highest, ID and FILTER are
    those of all records, other values are the first record's.

    Parameters
    ----------
    block
        Sorted records; no position may go on in another block.
    fields
        Declared fields by key.
    counts
        Added to.
    how
        ``by-type``: substitutions of one base with each other, all else with each other, as ``bcftools
        norm -m+``; ``any``: all with each other. Symbolic alleles and breakends are never joined.

    Examples
    --------
    >>> from genomics.block import empty_block
    >>> join_block(empty_block(2), {}, JoinCounts()).alleles
    []
    """
    if not has_shared_place(block):
        return block
    planned = [item for rows in places(block) for item in _plan(block, rows, how, counts)]
    merged = {at: item for at, item in enumerate(planned) if len(item.rows) > 1}
    if not merged:
        return block
    counts.joined += sum(len(item.rows) for item in merged.values())
    return _Joiner(block, planned, merged, counts).join(fields)


def _plan(block: VariantBlock, rows: list[int], how: str, counts: JoinCounts) -> list[_Joined]:
    """Group the records of one position by what may be joined."""
    if len(rows) == 1:
        return [_alone(block, rows[0])]
    classes = {row: _class(block.alleles[row], how) for row in rows}
    if "snp" not in classes.values():
        classes = {row: "other" if name == "reference" else name for row, name in classes.items()}
    groups: dict[str, list[int]] = {}
    for row, name in classes.items():
        name = {"reference": "snp", "apart": f"apart {row}"}.get(name, name)
        groups.setdefault(name, []).append(row)
    planned: list[_Joined] = []
    for some in groups.values():
        joined = _merge_alleles(block, some) if len(some) > 1 else _alone(block, some[0])
        if joined is None:
            counts.refused_refs += len(some)
            planned += [_alone(block, row) for row in some]
        else:
            planned.append(joined)
    return planned


def _alone(block: VariantBlock, row: int) -> _Joined:
    alleles = block.alleles[row]
    same = tuple(range(len(alleles)))
    return _Joined([row], alleles, (same,), (same,))


def _class(alleles: tuple[str, ...], how: str) -> str:
    alts = [alt for alt in alleles[1:] if alt != "*"]
    if not all(map(is_sequence, alts)):
        return "apart"
    if how == "any":
        return "snp"
    if not alts:
        return "reference"
    return "snp" if any(_is_snp(alleles[0], alt) for alt in alts) else "other"


def _is_snp(ref: str, alt: str) -> bool:
    if len(ref) != len(alt) or ref.upper() == alt.upper():
        return False
    return len(trim((ref, alt), 1)[0][0]) == 1


def _merge_alleles(block: VariantBlock, rows: list[int]) -> _Joined | None:
    """Write all ALTs against the longest REF; None where the REFs contradict each other."""
    ref = max((block.alleles[row][0] for row in rows), key=len)
    number = {ref.upper(): 0}
    alleles, maps = [ref], list[list[int]]()
    for row in rows:
        own = block.alleles[row][0]
        if not ref.upper().startswith(own.upper()):
            return None
        rest = ref[len(own) :]
        written = [alt if alt == "*" else alt + rest for alt in block.alleles[row][1:]]
        for alt in written:
            if alt.upper() not in number:
                number[alt.upper()] = len(alleles)
                alleles.append(alt)
        maps.append([0, *(number[alt.upper()] for alt in written)])
    kept = tuple(
        tuple(numbers.index(new) if new in numbers else -1 for new in range(len(alleles))) for numbers in maps
    )
    return _Joined(rows, tuple(alleles), tuple(map(tuple, maps)), kept)


class _Joiner:
    """Make the joined records of one block."""

    def __init__(
        self,
        block: VariantBlock,
        planned: Sequence[_Joined],
        merged: Mapping[int, _Joined],
        counts: JoinCounts,
    ) -> None:
        self.block, self.planned, self.merged, self.counts = block, planned, merged, counts
        self.first = np.array([item.rows[0] for item in planned], dtype=np.intp)
        self.ploidy = (block.genotypes != FILL).sum(axis=2)

    def join(self, fields: Mapping[str, Field]) -> VariantBlock:
        """Return the records, those to be joined at the place of their first."""
        block, taken = self.block, self.block.take(self.first)
        genotypes, phased, states = self._genotypes(taken)
        quality, ends = taken.quality.copy(), taken.ends.copy()
        from_block = None if taken.from_block is None else taken.from_block.copy()
        for at, item in self.merged.items():
            known = block.quality[item.rows]
            quality[at] = np.nan if np.isnan(known).all() else np.nanmax(known)
            ends[at] = block.ends[item.rows].max()
            if from_block is not None and block.from_block is not None:
                from_block[at] = block.from_block[item.rows].all(axis=0)
        return replace(
            taken,
            alleles=[item.alleles for item in self.planned],
            identifiers=[_union(block.identifiers[row] for row in item.rows) for item in self.planned],
            filters=[self._filters(item) for item in self.planned],
            quality=quality,
            ends=ends,
            genotypes=genotypes,
            phased=phased,
            states=states,
            info=self._values(block.info, taken.info, fields, "INFO"),
            formats=self._values(block.formats, taken.formats, fields, "FORMAT"),
            consequences=self._consequences(),
            from_block=from_block,
        )

    def _filters(self, item: _Joined) -> tuple[str, ...]:
        filters = [self.block.filters[row] for row in item.rows]
        failed = dict.fromkeys(name for names in filters for name in names if name != "PASS")
        return tuple(failed) if failed else filters[0]

    def _genotypes(self, taken: VariantBlock) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        block = self.block
        largest = max(len(item.alleles) for item in self.planned) - 1
        dtype = block.genotypes.dtype if largest <= 127 else np.dtype(np.int16)
        genotypes = taken.genotypes.astype(dtype)
        phased, states = taken.phased.copy(), taken.states.copy()
        for at, item in self.merged.items():
            numbered = np.stack(
                [
                    _renumber(block.genotypes[row], numbers)
                    for row, numbers in zip(item.rows, item.numbers, strict=True)
                ]
            )
            star = item.alleles.index("*") if "*" in item.alleles else -1
            calls, is_phased, conflict = join_genotypes(numbered, block.phased[item.rows], star)
            self.counts.conflicting_calls += int(conflict.sum())
            genotypes[at], phased[at] = calls, is_phased
            filtered = (block.states[item.rows] == FILTERED).any(axis=0) | is_filtered(self._filters(item))
            absent = (block.states[item.rows] == ABSENT).all(axis=0)
            states[at] = np.where(absent, np.int8(ABSENT), call_states(calls, filtered))
        return genotypes, phased, states

    def _consequences(self) -> list[tuple[Consequence, ...]] | None:
        given = self.block.consequences
        if given is None:
            return None
        return [
            given[item.rows[0]]
            if len(item.rows) == 1
            else tuple(_consequence(given, item, new) for new in range(1, len(item.alleles)))
            for item in self.planned
        ]

    def _values(
        self,
        old: Mapping[str, np.ndarray],
        taken: dict[str, np.ndarray],
        fields: Mapping[str, Field],
        category: str,
    ) -> dict[str, np.ndarray]:
        declared = fields_of(fields, category)
        out = dict(taken)
        for name, values in old.items():
            known = declared.get(name)
            if known is not None and known.number in PER_ALLELE and known.kind != "Flag":
                out[name] = self._joined_values(known, values, taken[name])
            else:
                self._count_differences(f"{category}/{name}", values)
        return out

    def _count_differences(self, key: str, values: np.ndarray) -> None:
        for item in self.merged.values():
            first = values[item.rows[0]]
            for row in item.rows[1:]:
                same = np.equal(values[row], first)
                if values.dtype.kind == "f":
                    same |= np.isnan(values[row]) & np.isnan(first)
                self.counts.conflicting_values[key] += int((~np.asarray(same, dtype=bool)).any())

    def _joined_values(self, known: Field, values: np.ndarray, taken: np.ndarray) -> np.ndarray:
        parts = {at: self._joined_record(known, values, item) for at, item in self.merged.items()}
        width = max(taken.shape[-1], *(part.shape[-1] for part in parts.values()))
        out = np.full((*taken.shape[:-1], width), fill_value(taken.dtype), taken.dtype)
        out[..., : taken.shape[-1]] = taken
        for at, part in parts.items():
            out[at] = fill_value(taken.dtype)
            out[at, ..., : part.shape[-1]] = part
        return out

    def _joined_record(self, known: Field, values: np.ndarray, item: _Joined) -> np.ndarray:
        """Gather the values of one joined record: (values,) of INFO, (samples, values) of FORMAT."""
        missing = missing_value(values.dtype)
        ploidies = [self._ploidies(known, values, row) for row in item.rows]
        highest = np.max(ploidies, axis=0)
        for ploidy in ploidies:
            differs = (ploidy > 0) & (ploidy != highest)
            self.counts.conflicting_values[known.key] += int(differs.sum())
            ploidy[differs] = 0
        width = count_values(known.number, len(item.alleles), max(1, int(highest.max(initial=0))))
        joined = np.full((*values.shape[1:-1], width), missing, values.dtype)
        for row, kept, ploidy in zip(item.rows, item.kept, ploidies, strict=True):
            new = move_values(known.number, values[row], kept, ploidy, width)
            given = np.asarray((new != missing) & (new != fill_value(values.dtype)), dtype=bool)
            given &= new == new  # a NaN is not itself
            had = np.asarray(joined != missing, dtype=bool) & (joined == joined)
            self.counts.conflicting_values[known.key] += int((given & had & (joined != new)).sum())
            joined[given] = new[given]
        for ploidy in np.unique(highest).tolist():
            length = count_values(known.number, len(item.alleles), ploidy) if ploidy else 1
            joined[highest == ploidy, length:] = fill_value(values.dtype)
        return joined

    def _ploidies(self, known: Field, values: np.ndarray, row: int) -> np.ndarray:
        ploidy = self.ploidy[row] if known.category == "FORMAT" else np.array(2)
        fits = value_ploidy(known.number, values[row], len(self.block.alleles[row]), ploidy)
        return np.array(np.where(is_missing(values[row]), 0, fits))


def _union(identifiers: Iterable[str]) -> str:
    names = dict.fromkeys(name for text in identifiers for name in text.split(";"))
    names.pop("", None)
    return ";".join(names)


def _renumber(genotypes: np.ndarray, numbers: Kept) -> np.ndarray:
    """Write allele numbers of one record as those of the joined one."""
    new = np.array(numbers, dtype=np.int16)
    return np.where(genotypes > 0, new[np.maximum(genotypes, 0)], genotypes.astype(np.int16))


def _consequence(given: Sequence[Sequence[Consequence]], item: _Joined, new: int) -> Consequence:
    for row, kept in zip(item.rows, item.kept, strict=True):
        if kept[new] > 0 and given[row]:
            return given[row][kept[new] - 1]
    return _NO_CONSEQUENCE
