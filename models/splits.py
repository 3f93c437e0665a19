"""Folds that keep duplicates, and what a question asks to be new, on one side.

`split_folds` is the one entry: it takes the rows and the settings, and gives every row its fold, or the reason
why it has none, together with a report of what the folds still share (`models.leakage`). No row is dropped,
and the same seed gives the same folds, whatever order the rows come in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chem.errors import InputError
from chem.scaffold import scaffold_groups
from models.pairs import PairData
from models.split_groups import combine, group_folds, join_groups, molecule_clusters, time_blocks
from models.split_records import RecordKeys, SplitRecords, days, identify_records, with_families

if TYPE_CHECKING:
    from models.leakage import LeakageReport

SplitKind = Literal[
    "random", "scaffold", "cluster", "time", "cold_drug", "cold_target", "cold_both",
    "leave_line_out", "leave_tissue_out",
]  # fmt: skip
SPLIT_KINDS: tuple[str, ...] = get_args(SplitKind)
UNPLACED = -1
NEVER_TESTED = 0
_HELD_BY_FAMILY = ("cold_target", "cold_both")
_NEEDS = {
    "random": (), "scaffold": ("smiles",), "cluster": ("smiles",), "time": ("date",), "cold_drug": ("smiles",),
    "cold_target": ("sequence",), "cold_both": ("smiles", "sequence"), "leave_line_out": ("line",),
    "leave_tissue_out": ("tissue",),
}  # fmt: skip


@dataclass(frozen=True)
class SplitSettings:
    """How rows are split.

    Attributes
    ----------
    kind
        What a test fold holds that training has not seen: random (no row twice), scaffold, cluster, time
        (later rows), cold_drug, cold_target (no protein of a family that is in training), cold_both,
        leave_line_out, leave_tissue_out.
    n_folds
        Folds, from 2; 0 makes every group a fold of its own.
    seed
        Of the order in which groups are dealt out; has no effect on time.
    same_molecule
        What makes two molecules one: the InChIKey, or its first block (the skeleton), which puts
        stereoisomers together.
    cluster_threshold
        Tanimoto similarity from which molecules are neighbours in clusters.
    leakage
        Report what the folds share.

    Examples
    --------
    >>> SplitSettings("cold_drug", n_folds=10).same_molecule
    'inchikey'
    """

    kind: SplitKind = "random"
    n_folds: int = 5
    seed: int = 0
    same_molecule: Literal["inchikey", "skeleton"] = "inchikey"
    cluster_threshold: float = 0.6
    leakage: bool = True

    def __post_init__(self) -> None:
        if self.kind not in SPLIT_KINDS:
            raise InputError(f"no split is called {self.kind!r}", expected=f"one of {', '.join(SPLIT_KINDS)}")
        if self.n_folds < 2 and self.n_folds != 0:
            raise InputError(f"{self.n_folds} folds", expected="2 or more, or 0 for one per group")
        if self.n_folds == 0 and self.kind in ("time", "cold_both"):
            raise InputError(f"{self.kind} needs a number of folds", expected="2 or more")
        if self.same_molecule not in ("inchikey", "skeleton"):
            raise InputError(f"same_molecule {self.same_molecule!r}", expected="inchikey or skeleton")


@dataclass(frozen=True)
class Round:
    """One training and test set: fold number, rows to train on, rows to test on; the others are left out."""

    fold: int
    train: NDArray[np.bool_]
    test: NDArray[np.bool_]


@dataclass(frozen=True)
class Split:
    """Where every row went.

    Attributes
    ----------
    settings
        How it was made.
    fold
        (n,) folds from 1; -1 (`UNPLACED`) for rows that cannot be placed, and 0 (`NEVER_TESTED`) for rows of
        cold_both whose drug and protein are held out in different folds.
    group
        (n,) group that stays together; -1 where unplaced.
    reason
        n texts, why a row has no fold; empty for the others.
    drug_fold, target_fold
        (n,) folds of the row's molecule and protein; None but for cold_both.
    report
        What the folds share; None where it was not asked for.
    """

    settings: SplitSettings
    fold: NDArray[np.int64]
    group: NDArray[np.int64]
    reason: tuple[str, ...]
    drug_fold: NDArray[np.int64] | None = None
    target_fold: NDArray[np.int64] | None = None
    report: LeakageReport | None = None

    def rounds(self) -> Iterator[Round]:
        """Training and test rows of each fold.

        Time trains on earlier folds alone, so its first fold is never tested. Cold_both trains on rows
        whose drug and protein are both elsewhere: rows with one of them held out are in neither.

        Yields
        ------
        Round
            In order of the folds.
        """
        yield from split_rounds(self.fold, self.settings.kind, self.drug_fold, self.target_fold)

    def table(self) -> pd.DataFrame:
        """One row per input row: fold, group, reason."""
        return pd.DataFrame({"fold": self.fold, "group": self.group, "reason": list(self.reason)})

    def summary(self) -> str:
        """Sizes of the folds, their deviation from equal ones, rows without a fold, and what is shared."""
        placed = self.fold[self.fold > 0]
        sizes = np.bincount(placed)[1:] if len(placed) else np.zeros(1, np.int64)
        groups = self.group[self.fold > 0]
        largest = int(np.bincount(groups).max()) if len(groups) else 0
        deviation = np.abs(sizes / max(sizes.mean(), 1) - 1).max()
        lines = [
            f"{self.settings.kind} split, seed {self.settings.seed}: {len(sizes)} folds of {sizes.min()} to "
            f"{sizes.max()} rows, at most {deviation:.1%} off the mean; the largest of "
            f"{len(np.unique(groups))} groups has {largest} rows"
        ]
        nowhere = [reason for reason, fold in zip(self.reason, self.fold, strict=True) if fold == UNPLACED]
        reasons = pd.Series(nowhere, dtype="str").value_counts()
        lines += [f"no fold for {count} rows: {reason}" for reason, count in reasons.head(5).items()]
        if len(reasons) > 5:
            lines.append(
                f"no fold for {int(reasons.iloc[5:].sum())} rows for {len(reasons) - 5} other reasons"
            )
        if crossed := int((self.fold == NEVER_TESTED).sum()):
            lines.append(
                f"never tested: {crossed} rows whose drug and protein are held out in different folds"
            )
        return "\n".join(lines + ([self.report.text()] if self.report else []))

    def __str__(self) -> str:
        return self.summary()


def split_folds(records: SplitRecords, settings: SplitSettings | None = None, threads: int = 1) -> Split:
    """Give every row a fold, or the reason why it has none.

    Parameters
    ----------
    records
        The rows: molecules, pairs or responses.
    settings
        Kind, folds and seed.
    threads
        For the report; the result is the same.

    Returns
    -------
    Split
        Folds in the rows' order; `print` it for sizes and leakage.

    Raises
    ------
    InputError
        A column that the kind needs was not given, or there are fewer groups than folds.

    Examples
    --------
    >>> rows = SplitRecords(smiles=["OCC", "CCO", "CCN", "c1ccccc1", "C1CC"])
    >>> split = split_folds(rows, SplitSettings("scaffold", n_folds=3))
    >>> bool(split.fold[0] == split.fold[1]), sorted(set(split.fold.tolist()))
    (True, [-1, 1, 2, 3])
    >>> split.reason[4]
    "SMILES Parse Error: unclosed ring for input: 'C1CC'"
    """
    plan = settings or SplitSettings()
    missing = [name for name in _NEEDS[plan.kind] if getattr(records, name) is None]
    if missing:
        raise InputError(f"a {plan.kind} split needs the column {missing[0]}", field=missing[0])
    keys = identify_records(with_families(records) if plan.kind in _HELD_BY_FAMILY else records)
    day, reasons = _placeable(records, keys, plan)
    usable = np.array([not reason for reason in reasons], bool)
    drug_fold: NDArray[np.int64] | None = None
    target_fold: NDArray[np.int64] | None = None
    if plan.kind == "cold_both":
        fold, group, drug_fold, target_fold = _both_folds(keys, plan, usable)
        reasons = [
            f"its drug is held out in fold {d}, its protein in fold {t}" if f == NEVER_TESTED else reason
            for reason, f, d, t in zip(reasons, fold, drug_fold, target_fold, strict=True)
        ]
    else:
        fold, group = _whole_group_folds(keys, plan, usable, day)
    report = None
    if plan.leakage:
        from models.leakage import leakage_report

        report = leakage_report(keys, list(split_rounds(fold, plan.kind, drug_fold, target_fold)), threads)
    return Split(plan, fold, group, tuple(reasons), drug_fold, target_fold, report)


def split_rounds(
    fold: NDArray[np.int64],
    kind: str = "random",
    drug_fold: NDArray[np.int64] | None = None,
    target_fold: NDArray[np.int64] | None = None,
) -> Iterator[Round]:
    """Training and test rows of each fold, for folds of any origin.

    Parameters
    ----------
    fold
        (n,) folds from 1; rows below 1 are never tested.
    kind
        Of the split; "time" trains on earlier folds alone.
    drug_fold, target_fold
        (n,) folds of molecules and proteins of a cold_both split.

    Yields
    ------
    Round
        In order of the folds.

    Examples
    --------
    >>> [int(round.test.sum()) for round in split_rounds(np.array([1, 2, 2, -1]))]
    [1, 2]
    """
    for number in np.unique(fold[fold > 0]).tolist():
        test = fold == number
        if drug_fold is not None and target_fold is not None:
            train = (drug_fold > 0) & (drug_fold != number) & (target_fold != number)
        elif kind == "time":
            train = (fold > 0) & (fold < number)
            if not train.any():
                continue
        else:
            train = (fold > 0) & ~test
        yield Round(number, train, test)


def _placeable(
    records: SplitRecords, keys: RecordKeys, plan: SplitSettings
) -> tuple[NDArray[np.int64], list[str]]:
    """Days of the rows, where they are needed, and why rows cannot be placed."""
    reasons = list(keys.reason)
    day = np.full(len(reasons), -1, np.int64)
    if plan.kind == "time" and records.date is not None:
        day, undated = days(records.date)
        reasons = [reason or no_date for reason, no_date in zip(reasons, undated, strict=True)]
    for column, what in (("sequence", "sequence"), ("line", "cell line"), ("tissue", "tissue")):
        if column in _NEEDS[plan.kind]:
            known = getattr(keys, column) >= 0
            reasons = [
                reason or ("" if k else f"no {what}") for reason, k in zip(reasons, known, strict=True)
            ]
    return day, reasons


def _whole_group_folds(
    keys: RecordKeys, plan: SplitSettings, usable: NDArray[np.bool_], day: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Folds and groups of the rows, each group in one fold."""
    fold = np.full(len(keys), UNPLACED, np.int64)
    group = fold.copy()
    if not usable.any():
        return fold, group
    group[usable] = np.unique(_groups(keys, plan)[usable], return_inverse=True)[1].reshape(-1)
    if plan.kind == "time":
        earliest = np.full(group.max() + 1, np.iinfo(np.int64).max)
        np.minimum.at(earliest, group[usable], day[usable])
        fold[usable] = time_blocks(earliest[group[usable]], plan.n_folds)
    else:
        fold[usable] = _dealt(group[usable], plan, "groups")
    return fold, group


def _both_folds(
    keys: RecordKeys, plan: SplitSettings, usable: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Folds and groups of the rows, folds of their molecules and folds of their proteins, dealt independently."""
    fold, group, drug_fold, target_fold = np.full((4, len(keys)), UNPLACED, np.int64)
    molecule, protein = getattr(keys, plan.same_molecule), join_groups(keys.sequence, keys.family)
    drug_fold[usable] = _dealt(molecule[usable], plan, "molecules")
    # Another stream than the drugs': the two must not be dealt out in step.
    target_fold[usable] = _dealt(protein[usable], plan, "families of proteins", stream=1)
    group[usable] = combine(molecule[usable], protein[usable])
    fold[usable] = np.where(drug_fold == target_fold, drug_fold, NEVER_TESTED)[usable]
    return fold, group, drug_fold, target_fold


def _groups(keys: RecordKeys, plan: SplitSettings) -> NDArray[np.int64]:
    """Rows that stay together under a kind of split; duplicates always do."""
    molecule = getattr(keys, plan.same_molecule)
    if plan.kind == "scaffold":
        return join_groups(molecule, keys.scaffold)
    if plan.kind == "cluster":
        return join_groups(molecule, molecule_clusters(keys, plan.cluster_threshold))
    if plan.kind == "cold_drug":
        return molecule
    if plan.kind == "cold_target":
        return join_groups(keys.sequence, keys.family)
    if plan.kind == "leave_line_out":
        return keys.line
    if plan.kind == "leave_tissue_out":
        return join_groups(keys.tissue, keys.line)
    return combine(molecule, keys.sequence, keys.line)


def _dealt(groups: NDArray[np.int64], plan: SplitSettings, what: str, stream: int = 0) -> NDArray[np.int64]:
    number = np.unique(groups, return_inverse=True)[1].reshape(-1).astype(np.int64)
    n_groups = int(number.max(initial=-1)) + 1
    if n_groups < plan.n_folds:
        raise InputError(
            f"{n_groups} different {what} cannot make {plan.n_folds} folds of a {plan.kind} split",
            expected="at least as many as folds", hint="ask for fewer folds",
        )  # fmt: skip
    if plan.n_folds == 0:
        return number + 1
    # Seeds of later streams lie beyond any that a person would give.
    return group_folds(number, plan.n_folds, plan.seed + stream * 2**32)


def random_folds(pairs: PairData, n_folds: int = 5, seed: int = 0) -> NDArray[np.int64]:
    """Folds of pairs, the same molecule with the same sequence always in one fold."""
    molecule = np.unique(np.array(pairs.smiles), return_inverse=True)[1][pairs.drug]
    sequence = np.unique(np.array([t.sequence for t in pairs.targets]), return_inverse=True)[1][pairs.target]
    pair = np.unique(np.stack([molecule, sequence]), axis=1, return_inverse=True)[1]
    return group_folds(pair.reshape(-1), n_folds, seed)


def scaffold_folds(endpoints: Sequence[PairData], n_folds: int = 5, seed: int = 0) -> list[NDArray[np.int64]]:
    """Folds of pairs by the molecule's scaffold, the same over all endpoints: every drug is new when held out.

    Parameters
    ----------
    endpoints
        Pair tables that are trained together.
    n_folds, seed
        As in `models.split_groups.group_folds`.

    Returns
    -------
    list[NDArray[np.int64]]
        One array of folds per endpoint.
    """
    smiles = [text for pairs in endpoints for text in pairs.smiles]
    folds = group_folds(scaffold_groups(smiles), n_folds, seed)
    ends = np.cumsum([len(pairs.smiles) for pairs in endpoints])[:-1]
    return [part[pairs.drug] for part, pairs in zip(np.split(folds, ends), endpoints, strict=True)]
