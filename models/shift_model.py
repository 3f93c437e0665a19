"""The model of shifts that an affinity model can make of its own training labels, for drugs and proteins in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chem.errors import InputError
from chem.scaffold import inchikey_first_block
from models.affinity_inputs import InputEncoder
from models.conformal import censoring_limit
from models.intervals import Intervals
from models.protein import Target, encode_proteins, parse_target
from models.shift_kernel import ShiftKernel, ShiftRows, VariantKey, variant_key, variant_name
from models.variant_shift import (
    LARGE_SHIFT,
    calibrate_shifts,
    is_mutant,
    measured_shifts,
    shift_interval,
    shift_rows,
    wild_types,
)

MIN_SHIFTS = 100
"""Measured shifts of drugs that bind the wild type, from which the model of shifts is fitted."""


@dataclass(frozen=True)
class ShiftModel:
    """Shifts of training drugs from training proteins to any variant of them.

    Attributes
    ----------
    inputs
        Training molecules and proteins of an endpoint, mutants with the changes that their names say.
    labels
        (n_molecules, n_proteins) affinities, log10 units, NaN where nothing was measured.
    kernel
        Fitted to the mutants among them.
    rows
        Drugs and mutants as `kernel` knows them.
    shifts
        `measured_shifts`, with what is said of each with its variant left out: predicted and sd.
    intervals
        Calibrated on those.
    """

    inputs: InputEncoder
    labels: NDArray[np.float64]
    kernel: ShiftKernel
    rows: ShiftRows
    shifts: pd.DataFrame
    intervals: Intervals

    @classmethod
    def fit(cls, inputs: InputEncoder, labels: NDArray[np.floating] | None) -> ShiftModel:
        """Fit to the labels of an endpoint.

        The kernel's eleven weights are fitted once to all shifts; what the intervals are calibrated on leaves
        each variant out of everything else.

        Parameters
        ----------
        inputs, labels
            Of a `models.affinity.EndpointModel`.

        Raises
        ------
        InputError
            There are no labels, or too few mutants with their wild types among them.
        """
        if labels is None:
            raise InputError("the model keeps no training labels", hint="train it again")
        targets, wild = _with_wild_types(inputs)
        table = np.asarray(labels, float)
        shifts = measured_shifts(table, targets, wild)
        limit = censoring_limit(table[~np.isnan(table)])
        kernel = ShiftKernel(-np.inf if limit is None else limit)
        n_binding = int((shifts["affinity"] > kernel.limit).sum())
        if n_binding < MIN_SHIFTS:
            raise InputError(
                f"the training labels hold {n_binding} shifts from a wild type to a mutant",
                expected=f"{MIN_SHIFTS} or more",
            )  # fmt: skip
        rows = shift_rows(shifts, table, targets, inputs.smiles, inputs.profile)
        kernel.fit(rows, shifts["shift"].to_numpy())
        predicted, sd = kernel.held_out(rows, shifts["group"].to_numpy(str))
        shifts = shifts.assign(predicted=predicted, sd=sd)
        intervals = calibrate_shifts(shifts["shift"], predicted, shifts["affinity"], sd)
        return cls(inputs, table, kernel, rows, shifts, intervals)

    @property
    def judged(self) -> pd.DataFrame:
        """Rows of `shifts` above `LARGE_SHIFT`, and of each whether its sign is right with the variant left out.

        at_limit tells where the wild type lies at the assay's limit, so that no other sign can be measured or said.
        """
        large = self.shifts[self.shifts["shift"].abs() > LARGE_SHIFT]
        return large.assign(
            right=np.sign(large["shift"]) == np.sign(large["predicted"]),
            at_limit=large["affinity"] <= self.kernel.limit,
        )

    @cached_property
    def _drugs(self) -> dict[str, int]:
        return {inchikey_first_block(text): k for k, text in enumerate(self.inputs.smiles)}

    @cached_property
    def _wild(self) -> dict[tuple[bytes, bool], int]:
        """Training protein without a variant, by what its kinase domain is read as."""
        own = [k for k, t in enumerate(self.inputs.targets) if not is_mutant(_as_named(t))]
        keys = self._keys([self.inputs.targets[k] for k in own])
        return dict(zip(reversed(keys), reversed(own), strict=True))

    @cached_property
    def _columns(self) -> dict[str, list[int]]:
        """Training mutants by `variant_name`; by their sequence where they have no wild type in training."""
        found: dict[str, list[int]] = {}
        targets, wild = _with_wild_types(self.inputs)
        for k, target in enumerate(targets):
            if is_mutant(target) and not target.unplaced:
                name = variant_name(target, targets[wild[k]]) if wild[k] >= 0 else target.sequence
                found.setdefault(name, []).append(k)
        return found

    def _measured(self, drug: int, wild: Target, mutant: Target) -> bool:
        """Whether a drug was measured on this variant, in either form."""
        names = (variant_name(mutant, wild), mutant.sequence)
        columns = [k for name in names for k in self._columns.get(name, [])]
        return drug >= 0 and not bool(np.isnan(self.labels[drug, columns]).all())

    def _keys(self, targets: Sequence[Target]) -> list[tuple[bytes, bool]]:
        arrays = encode_proteins(targets, self.inputs.profile)
        return [
            (aligned.tobytes() if found else target.sequence.encode(), target.phosphorylated)
            for target, aligned, found in zip(targets, arrays.aligned, arrays.flags[:, 2] > 0, strict=True)
        ]

    def shift(
        self, smiles: Sequence[str], wild: Sequence[Target], mutants: Sequence[Target], *, level: float = 0.9
    ) -> pd.DataFrame:
        """Shifts of pairs.

        A protein is known by its kinase domain, so the isoform does not matter.

        Parameters
        ----------
        smiles
            n standardised SMILES.
        wild, mutants
            n proteins without and with their variant.
        level
            Coverage of the interval.

        Returns
        -------
        pd.DataFrame
            shift, lower, upper (log10 units), at_limit (the wild type was measured at the assay's limit, so the
            kernel learned from no such row), in_training (the drug was measured on this very variant), reason; where
            a reason says why the model cannot speak, the numbers are NaN.
        """
        keys = self._keys(wild)
        place = [self._drugs.get(inchikey_first_block(text), -1) if text else -1 for text in smiles]
        known = [self._wild.get(key, self._wild.get((key[0], not key[1]), -1)) for key in keys]
        pairs = list(zip(place, known, wild, mutants, strict=True))
        reasons = [self._why_not(d, k, w, mutant) for d, k, w, mutant in pairs]
        measured = [self._measured(d, w, mutant) for d, _, w, mutant in pairs]
        result = pd.DataFrame({"shift": np.nan, "lower": np.nan, "upper": np.nan, "at_limit": False,
                               "in_training": measured, "reason": reasons})  # fmt: skip
        asked = [k for k, reason in enumerate(reasons) if not reason]
        if asked:
            told = self._told(
                np.array(place)[asked], np.array(known)[asked], [wild[k] for k in asked],
                [mutants[k] for k in asked], level,
            ).set_index(pd.Index(asked))  # fmt: skip
            result.loc[asked, told.columns] = told
        return result

    def _why_not(self, drug: int, known: int, wild: Target, mutant: Target) -> str:
        if drug < 0:
            return "no variant was measured with this drug"
        if known < 0:
            return "the wild type is not among the training proteins"
        if np.isnan(self.labels[drug, known]):
            return "this drug's affinity for the wild type was not measured"
        if len(mutant.changes) > 1 and variant_name(mutant, wild) not in self._columns:
            return "this combination of changes was not measured, and what the model says of others was not judged"
        return ""

    def _told(
        self, drug: NDArray[np.int64], known: NDArray[np.int64], wild: Sequence[Target],
        mutants: Sequence[Target], level: float,
    ) -> pd.DataFrame:  # fmt: skip
        named = {
            (m.form, int(w)): self._key(m, own, int(w))
            for m, own, w in zip(mutants, wild, known, strict=True)
        }
        keys, order = list(named.values()), {form: k for k, form in enumerate(named)}
        variant = np.array([order[m.form, int(w)] for m, w in zip(mutants, known, strict=True)], np.int64)
        affinity = self.labels[drug, known]
        rows = ShiftRows(affinity, drug, variant, self.rows.profiles, self.rows.bits, tuple(keys))
        moved, sd = self.kernel.predict(rows)
        lower, upper = shift_interval(moved, affinity, self.intervals, level, sd)
        return pd.DataFrame(
            {"shift": moved, "lower": lower, "upper": upper, "at_limit": affinity <= self.kernel.limit}
        )

    def _key(self, mutant: Target, wild: Target, known: int) -> VariantKey:
        """Variant of a training protein, under the gene's name in the training data."""
        key = variant_key(mutant, wild, self.inputs.profile)
        other = self.inputs.targets[known]
        gene = next((g for k, g in self._genes if k == known), other.gene)
        form = mutant.phosphorylated and not other.phosphorylated
        return VariantKey(gene, key.name, key.regions, form)

    @cached_property
    def _genes(self) -> list[tuple[int, str]]:
        """Training wild types that have mutants, with the gene as the mutants' names say it."""
        return list(self.shifts[["wild", "gene"]].drop_duplicates().itertuples(index=False, name=None))


def _with_wild_types(inputs: InputEncoder) -> tuple[list[Target], NDArray[np.int64]]:
    """Training proteins with the changes of their names, and of each mutant that was made its wild type, else -1."""
    targets = [_as_named(target) for target in inputs.targets]
    return targets, np.where([t.unplaced for t in targets], -1, wild_types(targets))


def _as_named(target: Target) -> Target:
    """Training target with the changes of its name; a checkpoint keeps names and changed sequences alone."""
    if target.changes or target.unplaced:
        return target
    named = parse_target(target.target_id, target.sequence)
    return Target(
        target.target_id, target.sequence, target.domain, named.changes, target.phosphorylated, False
    )
