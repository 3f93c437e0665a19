"""Hard filters: mark records and calls that fail a caller's recommended thresholds.

A missing annotation never fails a record, as GATK's VariantFiltration has it by default, but it is counted.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from genomics.block import FILTERED, OBSERVED, VariantBlock
from genomics.dialects import UNKNOWN, CallerGuess
from genomics.errors import InputError
from genomics.filter_expression import FilterExpression
from genomics.hard_filter_presets import HARD_FILTERS, HardFilterPreset, HardFilterRule

__all__ = ["HARD_FILTERS", "HardFilter", "HardFilterPreset", "HardFilterRule", "choose_hard_filter"]

_NOT_VARIATION = ("*", "<*>", "<NON_REF>", ".")
_NO_VARIANT, _SNP, _INDEL = 0, 1, 2
_CLASSES = {"any": (_SNP, _INDEL), "snp": (_SNP,), "indel": (_INDEL,)}


class HardFilter:
    """Step between reader and store that marks what fails a preset; see `genomics.transform.BlockTransform`.

    A record fails where each of its ALTs fails some rule; FILTER then holds the names of the rules that
    failed, after those that it already had. A record that fails none and has no FILTER gets ``PASS``. A
    rule over a FORMAT field makes single calls filtered and leaves FILTER alone. Calls of failed records are
    filtered; a no-call stays a no-call. Nothing is removed.

    Rules judge records with an ALT other than ``*``, ``<*>`` and ``<NON_REF>``. GATK's classes tell SNPs
    from indels: a record whose ALTs are all as long as REF is a SNP (MNPs too), any other an indel (mixed
    and symbolic ones too).

    Parameters
    ----------
    preset
        Rules to apply; one of `HARD_FILTERS` or your own.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from genomics.block import empty_block
    >>> block = replace(
    ...     empty_block(1), contigs=["1"], positions=np.array([9]), identifiers=[""], alleles=[("A", "G")],
    ...     quality=np.array([50.0]), filters=[("PASS",)], states=np.zeros((1, 1), np.int8),
    ...     genotypes=np.array([[[0, 1]]]), info={"QD": np.array([1.5])})
    >>> step = HardFilter(HARD_FILTERS["gatk"])
    >>> [(b.filters, b.states.tolist()) for b in step.apply(iter([block]))]
    [([('gatk-snp-QD2',)], [[2]])]
    >>> step.attributes()["failed"]
    {'gatk-snp-QD2': 1}
    """

    name = "hard_filter"

    def __init__(self, preset: HardFilterPreset) -> None:
        self.preset = preset
        self._rules = [(rule, FilterExpression(rule.expression)) for rule in preset.rules]
        self._failed: Counter[str] = Counter()
        self._missing: Counter[str] = Counter()
        self._records: Counter[str] = Counter(seen=0, judged=0, failed=0)
        self._calls_filtered = 0

    @property
    def filter_names(self) -> tuple[str, ...]:
        """Names that FILTER may be given, to be declared in the store."""
        return self.preset.filter_names

    @property
    def needed_fields(self) -> tuple[str, ...]:
        """Keys of the INFO and FORMAT fields that the rules read."""
        return tuple(dict.fromkeys(key for _, expression in self._rules for key in expression.fields))

    def apply(self, blocks: Iterator[VariantBlock]) -> Iterator[VariantBlock]:
        """Yield the blocks with FILTER and states set; one in which nothing changes is handed on."""
        for block in blocks:
            yield self._mark(block) if len(block) else block

    def attributes(self) -> dict[str, Any]:
        """Return the preset, its rules and what they did, as JSON values.

        ``failed`` and ``missing`` count records by filter name, or calls for a rule over a FORMAT field.
        """
        rules = {
            self._filter_name(rule): {
                "expression": rule.expression,
                "applies_to": rule.applies_to,
                "source": rule.source,
            }
            for rule, _ in self._rules
        }
        return {
            "preset": self.preset.name,
            "description": self.preset.description,
            "rules": rules,
            "missing_annotation": "never fails",
            "records": self._records["seen"],
            "records_judged": self._records["judged"],
            "records_failed": self._records["failed"],
            "calls_filtered": self._calls_filtered,
            "failed": dict(self._failed),
            "missing": dict(self._missing),
        }

    def _filter_name(self, rule: HardFilterRule) -> str:
        return f"{self.preset.name}-{rule.name}"

    def _mark(self, block: VariantBlock) -> VariantBlock:
        classes, real = _classify(block.alleles)
        judged = classes != _NO_VARIANT
        alts_failed = ~real
        by_rule: list[tuple[str, np.ndarray]] = []
        calls_failed: np.ndarray | None = None
        for rule, expression in self._rules:
            holds, missing = expression.evaluate(block)
            name = self._filter_name(rule)
            if expression.judges_calls:
                rows = judged if rule.applies_to == "any" else np.isin(classes, _CLASSES[rule.applies_to])
                failing = self._judge_calls(name, holds, missing, rows, block)
                if failing.any():
                    calls_failed = failing if calls_failed is None else calls_failed | failing
                continue
            rows = np.isin(classes, _CLASSES[rule.applies_to])[:, None] & real
            self._missing[name] += int((missing & rows).any(axis=1).sum())
            alts_failed |= holds & rows
            by_rule.append((name, (holds & rows).any(axis=1)))
        failed = alts_failed.all(axis=1) & judged
        self._records.update(seen=len(block), judged=int(judged.sum()), failed=int(failed.sum()))
        return self._marked(block, judged, failed, by_rule, calls_failed)

    def _judge_calls(
        self, name: str, holds: np.ndarray, missing: np.ndarray, rows: np.ndarray, block: VariantBlock
    ) -> np.ndarray:
        observed = (block.states == OBSERVED) & rows[:, None]
        failed = holds & observed
        self._missing[name] += int(np.count_nonzero(missing & observed))
        self._failed[name] += int(np.count_nonzero(failed))
        return failed

    def _marked(
        self,
        block: VariantBlock,
        judged: np.ndarray,
        failed: np.ndarray,
        by_rule: Sequence[tuple[str, np.ndarray]],
        calls_failed: np.ndarray | None,
    ) -> VariantBlock:
        filters = list(block.filters)
        for row in np.flatnonzero(failed).tolist():
            names = [name for name, rows in by_rule if rows[row]]
            self._failed.update(names)
            kept = [name for name in filters[row] if name != "PASS"]
            filters[row] = tuple(dict.fromkeys(kept + names))
        for row in np.flatnonzero(judged & ~failed).tolist():
            filters[row] = filters[row] or ("PASS",)
        states = self._filter_calls(block.states, np.flatnonzero(failed), calls_failed)
        if states is block.states and filters == block.filters:
            return block
        return replace(block, filters=filters, states=states)

    def _filter_calls(
        self, states: np.ndarray, rows: np.ndarray, calls_failed: np.ndarray | None
    ) -> np.ndarray:
        """States with the observed calls of failed records, and failed calls, filtered."""
        if not len(rows) and calls_failed is None:
            return states
        changed = states.copy()
        if calls_failed is not None:  # observed calls only
            self._calls_filtered += int(np.count_nonzero(calls_failed))
            np.putmask(changed, calls_failed, FILTERED)
        observed = changed[rows] == OBSERVED
        self._calls_filtered += int(np.count_nonzero(observed))
        changed[rows] = np.where(observed, np.int8(FILTERED), changed[rows])
        return changed


def _classify(alleles: Sequence[tuple[str, ...]]) -> tuple[np.ndarray, np.ndarray]:
    """Class of each record, int8 (n,), and which of its ALTs are variation, bool (n, alts)."""
    width = max(1, max((len(names) - 1 for names in alleles), default=1))
    classes = np.zeros(len(alleles), np.int8)
    real = np.zeros((len(alleles), width), bool)
    for row, (ref, *alts) in enumerate(alleles):
        if len(alts) == 1 and len(alts[0]) == len(ref) == 1 and alts[0] not in _NOT_VARIATION:
            classes[row], real[row, 0] = _SNP, True  # most records
            continue
        for place, alt in enumerate(alts):
            if alt not in _NOT_VARIATION:
                real[row, place] = True
                substitution = len(alt) == len(ref) and not set(alt) & set("<>[].*")
                classes[row] = max(classes[row], _SNP if substitution else _INDEL)
    return classes, real


def choose_hard_filter(
    name: str,
    guess: CallerGuess,
    *,
    declared: Mapping[str, Any] | None = None,
    force: bool = False,
    file: str | os.PathLike[str] | None = None,
) -> HardFilter:
    """Return the hard filter of a name, after comparing it with the file's header.

    Parameters
    ----------
    name
        Key of `HARD_FILTERS`, or ``auto`` for the first that is meant for the caller detected.
    guess
        What the header says of the caller.
    declared
        INFO and FORMAT fields that the header declares, by key; not compared where None.
    force
        Apply it although the header contradicts.
    file
        Named in errors.

    Returns
    -------
    HardFilter

    Raises
    ------
    InputError
        There is no preset of that name, it is meant for another caller than the header tells, or the
        header declares none of the fields that it reads.

    Examples
    --------
    >>> from genomics.dialects import detect_caller
    >>> choose_hard_filter("auto", detect_caller("##source=HaplotypeCaller")).preset.name
    'gatk'
    """
    preset = _preset_for(guess, file) if name == "auto" else HARD_FILTERS.get(name)
    if preset is None:
        raise InputError(
            f"no hard filters are called {name!r}", field="hard filter", expected=f"auto, {_names()}"
        )
    step = HardFilter(preset)
    if not force:
        _compare_caller(preset, guess, file)
        if declared is not None and step.needed_fields:
            _compare_fields(step, declared, file)
    return step


def _names() -> str:
    return ", ".join(HARD_FILTERS)


def _preset_for(guess: CallerGuess, file: str | os.PathLike[str] | None) -> HardFilterPreset:
    for preset in HARD_FILTERS.values():
        if guess.caller in preset.callers:
            return preset
    named = f" (it names {', '.join(guess.candidates)})" if guess.candidates else ""
    raise InputError(
        f"the header does not tell which program made the calls{named}", file=file, field="hard filter",
        expected=f"the name of hard filters: {_names()}",
    )  # fmt: skip


def _compare_caller(
    preset: HardFilterPreset, guess: CallerGuess, file: str | os.PathLike[str] | None
) -> None:
    told = guess.candidates if guess.caller == UNKNOWN else (guess.caller,)
    if told and not set(told) & set(preset.callers):
        raise InputError(
            f"hard filters {preset.name!r} are meant for {', '.join(preset.callers)}, and the header says "
            f"{', '.join(told)} ({guess.evidence[0] if guess.evidence else 'no evidence'})",
            file=file,
            field="hard filter",
            expected=f"one of: {_names()}",
            hint="force it if you know better",
        )


def _compare_fields(
    step: HardFilter, declared: Mapping[str, Any], file: str | os.PathLike[str] | None
) -> None:
    if not set(step.needed_fields) & set(declared):
        raise InputError(
            f"the header declares none of the fields that hard filters {step.preset.name!r} read",
            file=file,
            field="hard filter",
            expected=", ".join(step.needed_fields),
            hint="annotate the file, or choose other filters",
        )
