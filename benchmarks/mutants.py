"""Leave-mutant-out: the shift from wild type to mutant, where no pair of the mutant was seen.

``python -m benchmarks.mutants SOURCE [--list | --pairs]`` reads SOURCE/affinity/davis (training folds, all five) and judges what
is said of each mutant with all pairs of that variant held out, in both forms of it. A shift is the measured
affinity of the mutant less the wild type's, same drug; what counts is its sign where it exceeds 0.5 in size.
Intervals are bootstraps over variants, for the shifts of one variant are no independent draws. Mutants whose
sequence cannot be made are left out; ``--list`` shows them, with the numbering of the others;
``--pairs`` judges the parts of the shipped blend too, each by its prediction for the mutant less that for the wild
type; they are fitted with a fifth of all variants held out at a time (half an hour), so they see fewer siblings.

The wild type is the target with the gene's name alone (``gene``), or the one in the mutant's own form (``form``):
DAVIS has ABL1 mutants, and ABL1, in the phosphorylated form too. ``loose`` is ``gene`` over all mutants, made or not,
holding out one target at a time, which reproduces the figures known for three baselines (64, 80, 83%).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.record import write_results
from models.kinase import build_profile
from models.pairs import PairData, read_pairs
from models.protein import PANEL_CONSTRUCTS, read_targets
from models.shift_kernel import ShiftKernel
from models.tables import read_table
from models.variant_shift import (
    LARGE_SHIFT,
    calibrate_shifts,
    measured_shifts,
    mutant_table,
    shift_interval,
    shift_rows,
    wild_types,
)
from varimol import tables

LIMIT = 5.0
"""pKd that DAVIS gives where no binding was seen."""
N_BOOTSTRAP = 10_000
N_BLOCKS = 5
TIE = -1e-6
"""What a baseline says that knows nothing: weaker, by a hair."""


@dataclass(frozen=True)
class MutantTask:
    """Measured shifts, and the pairs behind them.

    Attributes
    ----------
    pairs
        Every labelled pair.
    shifts
        drug, mutant, wild (indices), gene, group (what is held out together), affinity (of the wild type),
        shift.
    """

    pairs: PairData
    shifts: pd.DataFrame

    @property
    def large(self) -> NDArray[np.bool_]:
        """(n,) shifts whose sign counts."""
        return np.asarray(self.shifts["shift"].abs() > LARGE_SHIFT)

    def rounds(self, n_blocks: int | None = None) -> Iterator[NDArray[np.bool_]]:
        """Yield the rows of one group after another, or of so many blocks of groups drawn at random."""
        groups = self.shifts["group"].to_numpy(str)
        names = np.unique(groups)
        if n_blocks is not None:
            names = np.random.default_rng(0).permutation(names)
        for block in np.array_split(names, n_blocks or len(names)):
            yield np.isin(groups, block)

    def without(self, held: NDArray[np.bool_]) -> PairData:
        """Pairs of all targets but the held-out mutants."""
        return self.pairs.select(~np.isin(self.pairs.target, self.shifts.loc[held, "mutant"].unique()))


ShiftPredictor = Callable[[MutantTask, NDArray[np.bool_]], NDArray[np.float64]]
"""Predicted shifts of the held-out rows, from anything but their mutants' labels."""
SaidShifts = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Predicted shifts and their standard deviations, (n,) each."""
PairPredictor = Callable[[PairData, PairData], NDArray[np.float64]]
"""Fit to the first pairs, predict the second."""


def read_davis(source: Path) -> PairData:
    """All training pairs of DAVIS, with the true sequences where they can be made."""
    folder = source / "affinity" / "davis"
    pairs = read_pairs(
        folder / "train.tsv.gz", folder / "drugs.tsv", folder / "targets.tsv", label="pkd", folds="fold"
    )
    table = read_table(folder / "targets.tsv", ("target_id", "sequence"), "targets")
    references = {str(row["symbol"]): str(row["sequence"]) for row in tables.proteins().to_dict("records")}
    return replace(pairs, targets=read_targets(table, constructs=PANEL_CONSTRUCTS, references=references))


def mutant_task(pairs: PairData, protocol: str) -> MutantTask:
    """Shifts under one of the protocols ``loose``, ``gene`` and ``form``."""
    wild = wild_types(pairs.targets, same_form=protocol == "form")
    if protocol != "loose":
        wild[[target.unplaced for target in pairs.targets]] = -1
    shifts = measured_shifts(affinities(pairs), pairs.targets, wild)
    if protocol == "loose":
        shifts["group"] = [pairs.target_ids[k] for k in shifts["mutant"]]
    return MutantTask(pairs, shifts)


def affinities(pairs: PairData) -> NDArray[np.float64]:
    """(n_drugs, n_targets) labels, NaN where nothing was measured."""
    table = np.full((len(pairs.drug_ids), len(pairs.targets)), np.nan)
    table[pairs.drug, pairs.target] = pairs.label
    return table


def always_weaker(task: MutantTask, held: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Every mutant binds less."""
    return np.full(held.sum(), -1.0)


def by_affinity(task: MutantTask, held: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Stronger where the wild type is too near the assay's limit to lose 0.5, else weaker."""
    return np.where(task.shifts.loc[held, "affinity"] < LIMIT + LARGE_SHIFT, 1.0, -1.0)


def drug_majority(task: MutantTask, held: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The sign most of the drug's large shifts have on other mutants; weaker in a tie."""
    known = task.shifts[~held & task.large]
    votes = np.sign(known["shift"]).groupby(known["drug"]).sum()
    return _or_weaker(task.shifts.loc[held, "drug"].map(votes))


def sibling_mean(task: MutantTask, held: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean shift of the same drug on the gene's other mutants; weaker where there is none."""
    means = task.shifts[~held].groupby(["gene", "drug"])["shift"].mean()
    keys = pd.MultiIndex.from_frame(task.shifts.loc[held, ["gene", "drug"]])
    return _or_weaker(pd.Series(means.reindex(keys).to_numpy()))


def sibling_mean_with_twins(task: MutantTask, held: NDArray[np.bool_]) -> NDArray[np.float64]:
    """`sibling_mean` that has seen the same variant in its other form: the bar as its figure was taken."""
    predicted = np.zeros(len(held))
    for mutant in task.shifts.loc[held, "mutant"].unique():
        rows = np.asarray(task.shifts["mutant"] == mutant)
        predicted[rows] = sibling_mean(task, rows)
    return predicted[held]


def sibling_mean_or_affinity(task: MutantTask, held: NDArray[np.bool_]) -> NDArray[np.float64]:
    """`sibling_mean`, but stronger where the wild type has nothing to lose."""
    near = np.asarray(task.shifts.loc[held, "affinity"] < LIMIT + LARGE_SHIFT)
    return np.where(near, 1.0, sibling_mean(task, held))


def _or_weaker(values: pd.Series) -> NDArray[np.float64]:
    known = values.fillna(0.0).to_numpy(float)
    return np.where(known == 0, TIE, known)


BASELINES: dict[str, ShiftPredictor] = {
    "always_weaker": always_weaker,
    "by_affinity": by_affinity,
    "drug_majority": drug_majority,
    "sibling_mean": sibling_mean,
    "sibling_mean_with_twins": sibling_mean_with_twins,
    "sibling_mean_or_affinity": sibling_mean_or_affinity,
}


def from_pairs(predict: PairPredictor) -> ShiftPredictor:
    """Judge a model of pairs: its prediction for the mutant less its prediction for the wild type."""

    def shifts(task: MutantTask, held: NDArray[np.bool_]) -> NDArray[np.float64]:
        rows = task.shifts[held]
        drug, n = rows["drug"].to_numpy(), len(rows)
        asked = replace(
            task.pairs, drug=np.tile(drug, 2), target=np.concatenate([rows["mutant"], rows["wild"]]),
            label=np.full(2 * n, np.nan), fold=np.full(2 * n, -1),
        )  # fmt: skip
        said = predict(task.without(held), asked)
        return said[:n] - said[n:]

    return shifts


def parts_of_the_blend() -> dict[str, ShiftPredictor]:
    """Kernel ridge and the networks that ship, with the epochs that they ship with."""
    from models.contenders import DEFAULT_NETWORKS, NETWORKS, fit_and_predict
    from varimol.curate.network import EPOCHS

    def fitted(name: str) -> ShiftPredictor:
        recipe = NETWORKS.get(name)
        if recipe is not None:
            recipe = replace(recipe, loop=replace(recipe.loop, stop_after=EPOCHS["pkd"]))
        return from_pairs(lambda train, asked: fit_and_predict(name, train, asked, recipe=recipe)[0])

    return {name: fitted(name) for name in ("kernel_ridge", *DEFAULT_NETWORKS)}


def kernel_shifts(task: MutantTask, *, n_blocks: int = 5, seed: int = 0) -> SaidShifts:
    """Held-out shifts of `ShiftKernel` and their standard deviations.

    The weights are fitted once per block of variants, on the other blocks alone; given those, each variant is
    predicted from all rows but its own.
    """
    pairs, shift = task.pairs, task.shifts["shift"].to_numpy()
    profile = build_profile([target.sequence for target in pairs.targets])
    rows = shift_rows(task.shifts, affinities(pairs), pairs.targets, pairs.smiles, profile)
    group = task.shifts["group"].to_numpy(str)
    predicted, sd = np.full((2, len(rows)), np.nan)
    for block in np.array_split(np.random.default_rng(seed).permutation(np.unique(group)), n_blocks):
        inside = np.isin(group, block)
        model = ShiftKernel(LIMIT)
        model.weights = model.fit_weights(rows.select(~inside), shift[~inside])
        model.condition(rows, shift)
        said = model.held_out(rows, group)
        predicted[inside], sd[inside] = said[0][inside], said[1][inside]
    return predicted, sd


def leave_mutant_out(
    task: MutantTask, predict: ShiftPredictor, n_blocks: int | None = None
) -> NDArray[np.float64]:
    """Predicted shift of every row, each with its group, or block of groups, held out."""
    predicted = np.full(len(task.shifts), np.nan)
    for held in task.rounds(n_blocks):
        predicted[held] = predict(task, held)
    return predicted


def judge(
    task: MutantTask,
    predicted: NDArray[np.float64],
    against: NDArray[np.float64],
    sd: NDArray[np.float64] | None = None,
) -> dict[str, float]:
    """Share of right signs among large shifts, with 95% intervals over variants, alone and against another.

    Returns
    -------
    dict
        n_shifts, n_mutants, sign_right, lower, upper, sign_right_where_both_ways (the wild type binds well
        enough to lose 0.5), ahead (of `against`), ahead_lower, ahead_upper, mse and
        pearson_r over all shifts, coverage_90 and width_90 (of intervals calibrated on the other variants),
        told (share of shifts whose interval does not hold 0). Of rules that say signs alone, the figures
        from mse on mean nothing.
    """
    large, truth = task.large, task.shifts["shift"].to_numpy()
    right = (np.sign(predicted) == np.sign(truth)).astype(float)[large]
    base = (np.sign(against) == np.sign(truth)).astype(float)[large]
    group = pd.factorize(task.shifts.loc[large, "group"])[0]
    count = np.bincount(group)
    draws = np.random.default_rng(0).integers(0, len(count), (N_BOOTSTRAP, len(count)))
    total = count[draws].sum(axis=1)
    shares = np.bincount(group, right)[draws].sum(axis=1) / total
    ahead = np.bincount(group, right - base)[draws].sum(axis=1) / total
    lower, upper = held_out_intervals(task, predicted, sd)
    spread = np.std(predicted) > 0
    binds = task.shifts.loc[large, "affinity"].to_numpy() >= LIMIT + LARGE_SHIFT
    return {
        "n_shifts": int(large.sum()), "n_mutants": len(count), "sign_right": right.mean(),
        "lower": np.quantile(shares, 0.025), "upper": np.quantile(shares, 0.975),
        "sign_right_where_both_ways": right[binds].mean(),
        "ahead": (right - base).mean(),
        "ahead_lower": np.quantile(ahead, 0.025), "ahead_upper": np.quantile(ahead, 0.975),
        "mse": float(np.mean((predicted - truth) ** 2)),
        "pearson_r": float(np.corrcoef(predicted, truth)[0, 1]) if spread else np.nan,
        "coverage_90": float(np.mean((lower <= truth) & (truth <= upper))),
        "width_90": float(np.mean(upper - lower)),
        "told": float(np.mean((lower > 0) | (upper < 0))),
    }  # fmt: skip


def held_out_intervals(
    task: MutantTask,
    predicted: NDArray[np.float64],
    sd: NDArray[np.float64] | None = None,
    level: float = 0.9,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Interval of every shift, calibrated on the held-out shifts of all other variants."""
    affinity, truth = task.shifts["affinity"].to_numpy(), task.shifts["shift"].to_numpy()
    lower, upper = np.empty((2, len(truth)))
    for held in task.rounds():
        rest, own = (None, None) if sd is None else (sd[~held], sd[held])
        intervals = calibrate_shifts(truth[~held], predicted[~held], affinity[~held], rest)
        lower[held], upper[held] = shift_interval(predicted[held], affinity[held], intervals, level, own)
    return lower, upper


def evaluate(pairs: PairData, protocol: str, blocked: dict[str, ShiftPredictor]) -> pd.DataFrame:
    """One row per model: `BASELINES`, `blocked` by blocks of variants and, but under ``loose``, the shift kernel."""
    task = mutant_task(pairs, protocol)
    said: dict[str, tuple[NDArray[np.float64], NDArray[np.float64] | None]] = {
        name: (leave_mutant_out(task, predict), None) for name, predict in BASELINES.items()
    }
    for name, predict in blocked.items():
        said[name] = leave_mutant_out(task, predict, N_BLOCKS), None
    if blocked:
        said["mean_of_these"] = np.mean([said[name][0] for name in blocked], axis=0), None
    if protocol != "loose":
        said["shift_kernel"] = kernel_shifts(task)
    rows = [
        {"protocol": protocol, "model": name} | judge(task, predicted, said["sibling_mean_with_twins"][0], sd)
        for name, (predicted, sd) in said.items()
    ]
    return pd.DataFrame(rows)


def main(source: str, *options: str) -> None:
    """List the mutants, or judge and write benchmarks/results/mutants.tsv."""
    pairs = read_davis(Path(source))
    if "--list" in options:
        print(mutant_table(pairs.targets).to_csv(sep="\t", index=False), end="")
        return
    blocked = parts_of_the_blend() if "--pairs" in options else {}
    parts = [
        evaluate(pairs, protocol, blocked if protocol == "gene" else {})
        for protocol in ("loose", "gene", "form")
    ]
    table = pd.concat(parts, ignore_index=True)
    write_results(table, "mutants")
    print(table.round(3).to_string(index=False))


if __name__ == "__main__":
    main(*sys.argv[1:])
