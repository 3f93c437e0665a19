"""Change blocks of records as the declared policies say, and count what each policy met."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np

from genomics.block import FILL, FILTERED, MISSING, NO_CALL, OBSERVED, VariantBlock, is_filtered
from genomics.errors import InputError
from genomics.fields import Field
from genomics.gvcf_alleles import UNSEEN, drop_unseen, has_unseen
from genomics.policy import CHOICES, CallPolicy, haploid_calls
from genomics.sex_chromosomes import haploid_by_sex

_COUNTED = {
    "calls": (
        "half_calls", "haploid_calls", "over_ploidy_calls", "spanning_deletion_records",
        "spanning_deletion_calls", "non_ref_records", "non_ref_calls", "symbolic_records", "men_made_haploid",
        "men_heterozygous", "women_on_y",
    ),
    "filters": ("filtered_calls", "filtered_records"),
}  # fmt: skip


class ApplyPolicy:
    """Change blocks as a `CallPolicy` says, and count what it met; a `genomics.transform.BlockTransform`.

    Where records are normalised, that stands between two steps: one with ``parts=("calls",)`` before it, since
    splitting gives ``<NON_REF>`` a record and calls of other ALTs the allele ``*``, which no caller wrote;
    and one with ``parts=("filters",)`` at the end, when hard filters have had their say.

    Parameters
    ----------
    policy
        The choices.
    fields
        Declared fields by key, of all files: they tell which values belong to which allele.
    sexes : (n_samples,)
        1 male, 2 female, 0 unknown, in the order of the samples; needed by ``sex_chromosomes=by-sex``.
    build
        ``GRCh37`` or ``GRCh38``; needed by the same.
    parts
        ``calls`` (all policies but one), ``filters`` (the policy ``filtered``); the latter after the former.

    Raises
    ------
    InputError
        By sex, and no sexes are given; or a call that the policy makes an error.

    Examples
    --------
    >>> from genomics.block import empty_block
    >>> step, block = ApplyPolicy(CallPolicy()), empty_block(2)
    >>> next(step.apply(iter([block]))) is block, step.attributes()["counts"]["half_calls"]
    (True, 0)
    """

    def __init__(
        self,
        policy: CallPolicy | None = None,
        *,
        fields: Mapping[str, Field] | None = None,
        sexes: Sequence[int] | np.ndarray | None = None,
        build: str | None = None,
        parts: Sequence[str] = ("calls", "filters"),
    ) -> None:
        self.parts = tuple(parts)
        self.name = "call_policy" if "calls" in parts else "filter_policy"
        self.policy = CallPolicy() if policy is None else policy
        self.fields = {} if fields is None else fields
        self.sexes = None if sexes is None else np.asarray(sexes)
        self.build = build
        if "calls" in self.parts and self.policy.sex_chromosomes == "by-sex" and self.sexes is None:
            raise InputError(
                "the policy by-sex needs the samples' sexes", field="sex_chromosomes",
                expected="a sex for each sample, 1 male and 2 female", hint="give a table of sexes",
            )  # fmt: skip
        self.counts = dict.fromkeys((name for part in self.parts for name in _COUNTED[part]), 0)
        self.counts["records_left_out"] = 0

    def attributes(self) -> dict[str, Any]:
        """Return the choices, and how many calls and records each policy met, whatever it did with them."""
        return {"choices": self.policy.as_json(), "counts": dict(self.counts)}

    def apply(self, blocks: Iterator[VariantBlock]) -> Iterator[VariantBlock]:
        """Yield the blocks as the policy wants them; one with nothing to change is the same object."""
        for block in blocks:
            changed = self._calls(self._alleles(block)) if "calls" in self.parts else block
            changed = self._filters(changed) if "filters" in self.parts else changed
            if len(changed) or not len(block):
                yield changed

    # -- what a policy says of alleles and filters -----------------------------------------------------

    def _alleles(self, block: VariantBlock) -> VariantBlock:
        # Joined once: most blocks hold nothing but bases, and then no allele has to be looked at.
        text = "\t".join(chain.from_iterable(block.alleles))
        if any(mark in text for mark in "<[].*"):
            block = self._spanning_deletions(self._unseen(self._symbolic(block)))
        return block

    def _filters(self, block: VariantBlock) -> VariantBlock:
        n_filtered = int(np.count_nonzero(block.states == FILTERED)) if block.states.any() else 0
        self.counts["filtered_calls"] += n_filtered
        if any(map(is_filtered, set(block.filters))):
            failed = _failed_records(block)
            self.counts["filtered_records"] += int(failed.sum())
            if self.policy.filtered == "drop":
                return self._leave_out(block, failed)
        if self.policy.filtered == "keep" and n_filtered:
            states = np.where(block.states == FILTERED, np.int8(OBSERVED), block.states)
            return replace(block, states=states)
        return block

    def _leave_out(self, block: VariantBlock, unwanted: np.ndarray) -> VariantBlock:
        self.counts["records_left_out"] += int(unwanted.sum())
        return block.take(np.flatnonzero(~unwanted))

    def _symbolic(self, block: VariantBlock) -> VariantBlock:
        symbolic = np.array([any(map(is_symbolic, names[1:])) for names in block.alleles], bool)
        self.counts["symbolic_records"] += int(symbolic.sum())
        if self.policy.symbolic == "drop-record" and symbolic.any():
            return self._leave_out(block, symbolic)
        return block

    def _unseen(self, block: VariantBlock) -> VariantBlock:
        if self.policy.non_ref == "keep":
            self.counts["non_ref_records"] += sum(map(has_unseen, block.alleles))
            return block
        changed, n_records, n_calls = drop_unseen(block, self.fields)
        self.counts["non_ref_records"] += n_records
        self.counts["non_ref_calls"] += n_calls
        return changed

    def _spanning_deletions(self, block: VariantBlock) -> VariantBlock:
        rows = [row for row, names in enumerate(block.alleles) if "*" in names]
        if not rows:
            return block
        self.counts["spanning_deletion_records"] += len(rows)
        numbers = np.array([block.alleles[row].index("*") for row in rows])
        carried = np.zeros(block.states.shape, bool)
        carried[rows] = (block.genotypes[rows] == numbers[:, None, None]).any(axis=-1)
        self.counts["spanning_deletion_calls"] += int(carried.sum())
        return no_calls(block, carried) if self.policy.spanning_deletion == "no-call" else block

    # -- what a policy says of genotypes ---------------------------------------------------------------

    def _calls(self, block: VariantBlock) -> VariantBlock:
        if block.genotypes.min(initial=0) == FILL:
            self.counts["haploid_calls"] += int(haploid_calls(block.genotypes).sum())
        return self._by_sex(self._half_calls(self._over_ploidy(block)))

    def _over_ploidy(self, block: VariantBlock) -> VariantBlock:
        if block.genotypes.shape[2] <= 2:
            return block
        over = (block.genotypes[:, :, 2:] != FILL).any(axis=-1)
        self.counts["over_ploidy_calls"] += int(over.sum())
        if self.policy.over_ploidy == "error":
            _refuse(block, over, "a call of more than two alleles", "over_ploidy")
        return no_calls(block, over) if self.policy.over_ploidy == "no-call" and over.any() else block

    def _half_calls(self, block: VariantBlock) -> VariantBlock:
        if not block.states.any():
            return block
        half = block.genotypes[:, :, 0] >= 0
        for place in range(1, block.genotypes.shape[2]):
            half |= block.genotypes[:, :, place] >= 0
        half &= block.states == NO_CALL
        n_half = int(np.count_nonzero(half))
        self.counts["half_calls"] += n_half
        if self.policy.half_calls == "no-call" or not n_half:
            return block
        rows, samples = np.nonzero(half)
        if self.policy.half_calls == "error":
            _refuse_at(block, int(rows[0]), int(samples[0]), "a half call", "half_calls")
        calls = block.genotypes[rows, samples]
        if self.policy.half_calls == "reference":
            calls = np.where(calls == MISSING, 0, calls)
        else:  # the known alleles, moved to the front
            calls = np.where(calls == MISSING, FILL, calls)
            calls = np.take_along_axis(calls, np.argsort(calls < 0, axis=-1, kind="stable"), axis=-1)
        genotypes, states, phased = block.genotypes.copy(), block.states.copy(), block.phased.copy()
        genotypes[rows, samples] = calls
        states[rows, samples] = np.where(_failed(block, rows, samples), FILTERED, OBSERVED)
        phased[rows, samples] &= calls[:, 1] != FILL
        return replace(block, genotypes=genotypes, states=states, phased=phased)

    def _by_sex(self, block: VariantBlock) -> VariantBlock:
        if self.policy.sex_chromosomes == "as-written" or self.sexes is None:
            return block
        changed, counts = haploid_by_sex(block, self.sexes, self.build)
        for name, count in counts.items():
            self.counts[name] += count
        return changed


def is_symbolic(allele: str) -> bool:
    """Tell a symbolic allele or a breakend; ``*`` and the unseen allele are neither.

    Examples
    --------
    >>> [is_symbolic(allele) for allele in ("<DEL>", "G]17:198982]", "G.", "<*>", "*", "AT")]
    [True, True, True, False, False, False]
    """
    return any(mark in allele for mark in "<[].") and allele not in UNSEEN


def no_calls(block: VariantBlock, which: np.ndarray) -> VariantBlock:
    """Make some calls no-calls, each allele missing, of the ploidy they had.

    Parameters
    ----------
    which : bool (n, n_samples)

    Examples
    --------
    >>> from genomics.block import empty_block
    >>> len(no_calls(empty_block(2), np.zeros((0, 2), bool)))
    0
    """
    genotypes, states = block.genotypes.copy(), block.states.copy()
    calls = genotypes[which]
    genotypes[which] = np.where(calls == FILL, calls, MISSING)
    states[which] = NO_CALL
    return replace(block, genotypes=genotypes, states=states)


def _failed_records(block: VariantBlock) -> np.ndarray:
    return np.array([is_filtered(names) for names in block.filters], bool)


def _failed(block: VariantBlock, rows: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Tell which calls are filtered, by FILTER, and by FT where the block carries it."""
    failed = _failed_records(block)[rows]
    if "FT" in block.formats:
        failed |= ~np.isin(block.formats["FT"][rows, samples].astype(str), ["PASS", ".", ""])
    return failed


def _refuse(block: VariantBlock, calls: np.ndarray, what: str, policy: str) -> None:
    rows, samples = np.nonzero(calls)
    if len(rows):
        _refuse_at(block, int(rows[0]), int(samples[0]), what, policy)


def _refuse_at(block: VariantBlock, row: int, sample: int, what: str, policy: str) -> None:
    raise InputError(
        f"{what} in sample number {sample + 1}",
        record=f"{block.contigs[row]}:{block.positions[row]}",
        field="GT",
        expected=f"none, by the policy {policy}=error",
        hint=f"choose {policy}={' or '.join(name for name in CHOICES[policy] if name != 'error')}",
    )
