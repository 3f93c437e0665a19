"""What is wrong, or has to be said, about pairs before a model is trained on them or predicts them.

Input that cannot be used raises `InputError`. Everything else is told in notes, one line of text each, which
belong on the card of what is trained and beside what is predicted; no label is changed, and rows are left out
only by the functions that say so in their names.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from chem.errors import InputError

if TYPE_CHECKING:
    from models.pair_model import Task
    from models.pairs import PairData
    from models.splits import Round

P_RANGE = (0.0, 15.0)
"""Where pKd, pKi and pIC50 lie: from molar to femtomolar."""
MEDIAN_OF_P, LARGEST_P = 20.0, 100.0
"""A median or a maximum above these is no negative logarithm of a concentration."""
LARGEST_MOLAR = 1e-2
"""Labels that all lie between 0 and this are no negative logarithms: what binds at 10 mM was hardly measured."""
_P_NAME = re.compile(r"p(k[a-z]?|[aegilx]?[cdi]\d+|[aegilx]c|gi\d+|a\d|chembl|act\w*|aff\w*)")
_TO_P, _MOLAR_TO_P = "9 - log10(nM)", "-log10(M)"


def is_negative_logarithm(name: str) -> bool:
    """Whether a label is called like the negative logarithm of a concentration: pKd, pKi, pIC50, pchembl_value.

    Examples
    --------
    >>> [is_negative_logarithm(name) for name in ("pKd", "davis_pic50", "Kd_nM", "probability")]
    [True, True, False, False]
    """
    return any(_P_NAME.fullmatch(word) for word in re.split(r"[^a-z0-9]+", name.lower()))


def label_unit(name: str, *, is_probability: bool) -> str:
    """Unit of what is predicted for a label, as far as its name tells it.

    Examples
    --------
    >>> label_unit("pkd", is_probability=False), label_unit("interaction", is_probability=True)
    ('-log10(mol/l)', 'probability of yes')
    >>> label_unit("kiba_score", is_probability=False)
    'that of the training labels'
    """
    if is_probability:
        return "probability of yes"
    return "-log10(mol/l)" if is_negative_logarithm(name) else "that of the training labels"


def label_notes(
    label: NDArray[np.float64], name: str, *, file: str | PathLike[str] | None = None
) -> list[str]:
    """Judge labels by their range: they may be concentrations where pKd are meant.

    Parameters
    ----------
    label
        (n,) labels, NaN where there is none; in the order of the lines where `file` is given.
    name
        Of the column.
    file
        Where they were read, for the message.

    Returns
    -------
    list of str
        Empty where nothing is to be said.

    Raises
    ------
    InputError
        A label is infinite; or the column is called pKd or the like (`is_negative_logarithm`) and holds what no pKd
        is: its median is above 20 or its maximum above 100, as of concentrations in nM, or a mixture; or all labels
        lie between 0 and 0.01, as of concentrations in M.

    Examples
    --------
    >>> label_notes(np.array([5.0, 7.2]), "pkd")
    []
    >>> label_notes(np.array([10000.0, 43.0]), "kd")[0][:49]
    "label 'kd' looks like concentrations in nM (media"
    >>> label_notes(np.array([1e-5, 4.3e-8]), "kd")[0][:47]
    "label 'kd' looks like concentrations in M (medi"
    """
    if np.isinf(label).any():
        raise InputError(
            f"{np.isinf(label).sum()} labels are infinite", file=file, record=_line(np.isinf(label), file),
            field=name, expected="finite numbers, or empty for missing",
            hint="leave out what was not measured",
        )  # fmt: skip
    known = label[~np.isnan(label)]
    if not len(known):
        return []
    named, (lowest, highest) = is_negative_logarithm(name), P_RANGE
    median, largest = float(np.median(known)), float(known.max())
    range_text = f"median {median:g}, from {known.min():g} to {largest:g}"
    if median > MEDIAN_OF_P or largest > LARGEST_P:
        outside = np.nan_to_num(label, nan=highest) > highest
        if named:
            raise InputError(
                f"{outside.sum()} of {len(known)} labels are above {highest:g} ({range_text}) and look like "
                "concentrations in nM",
                file=file, record=_line(outside, file), field=name,
                expected=f"{name} from {lowest:g} to {highest:g}",
                hint=f"write {_TO_P}, or name the column after what it holds",
            )  # fmt: skip
        if known.min() >= 0:
            return [_looks_like(name, "nM", range_text, _TO_P)]
    if known.min() > 0 and largest < LARGEST_MOLAR:
        if named:
            raise InputError(
                f"all {len(known)} labels lie between 0 and {LARGEST_MOLAR:g} ({range_text}) and look like "
                "concentrations in M",
                file=file, record=_line(~np.isnan(label), file), field=name,
                expected=f"{name} from {lowest:g} to {highest:g}",
                hint=f"write {_MOLAR_TO_P}, or name the column after what it holds",
            )  # fmt: skip
        return [_looks_like(name, "M", range_text, _MOLAR_TO_P)]
    n_outside = int(((known < lowest) | (known > highest)).sum()) if named else 0
    if n_outside:
        return [
            f"label {name!r}: {n_outside} of {len(known)} lie outside {lowest:g} to {highest:g} "
            f"({range_text}); used as they are"
        ]
    return []


def _looks_like(name: str, unit: str, range_text: str, to_p: str) -> str:
    return (
        f"label {name!r} looks like concentrations in {unit} ({range_text}): if so, {to_p} is what a network should "
        "learn; used as it is"
    )


def _line(wrong: NDArray[np.bool_], file: str | PathLike[str] | None) -> int | None:
    return None if file is None else int(np.flatnonzero(wrong)[0]) + 2


def drop_unlabelled(pairs: PairData) -> tuple[PairData, list[str]]:
    """Pairs that have a label, and a note with the number of those left out."""
    labelled = ~np.isnan(pairs.label)
    n = int((~labelled).sum())
    notes = [f"{n} of {len(pairs)} pairs have no label and are left out of training"] if n else []
    return (pairs.select(labelled) if n else pairs), notes


def drop_unreadable(pairs: PairData) -> tuple[PairData, list[str]]:
    """Pairs whose drug could be read, and a note with the number of those left out and the first reason."""
    unread = np.array([bool(reason) for reason in pairs.drug_reasons], dtype=bool)[pairs.drug]
    if not unread.any():
        return pairs, []
    drugs = np.unique(pairs.drug[unread])
    note = (
        f"{unread.sum()} of {len(pairs)} pairs are left out: {len(drugs)} drugs cannot be used, the first is "
        f"{pairs.drug_ids[drugs[0]]} ({pairs.drug_reasons[drugs[0]]})"
    )
    return pairs.select(~unread), [note]


def label_task(label: NDArray[np.float64]) -> Literal["regression", "classification"]:
    """Classification where every label is 0 or 1, else regression."""
    return "classification" if np.isin(label[~np.isnan(label)], (0, 1)).all() else "regression"


def require_trainable(pairs: PairData, task: Task, *, file: str | PathLike[str] | None = None) -> None:
    """Refuse pairs that nothing can be learnt from.

    Parameters
    ----------
    pairs, task
        As read, and what the labels are.
    file
        Where the pairs were read, for the message.

    Raises
    ------
    InputError
        No pair has a label; all labels are one value (a single class); or labels of a classification are not
        0 and 1.
    """
    known = pairs.label[~np.isnan(pairs.label)]
    if not len(known):
        why = f"all {len(pairs)} are empty" if len(pairs) else "the table has a header and no lines"
        raise InputError(
            f"no pair has a label: {why}", file=file, field=pairs.name, expected="numbers, or yes and no",
            hint="fill the column, or name the one that holds the labels",
        )  # fmt: skip
    if task == "classification" and not np.isin(known, (0, 1)).all():
        odd = known[~np.isin(known, (0, 1))][0]
        raise InputError(
            f"{odd:g} is no class", file=file, field=pairs.name, expected="0 or 1, or yes or no",
            hint="correct those labels",
        )  # fmt: skip
    if (known == known[0]).all():
        what = "one class" if task == "classification" else "one value"
        raise InputError(
            f"all {len(known)} labels are {known[0]:g}: {what}", file=file, field=pairs.name,
            expected="pairs of both classes" if task == "classification" else "labels that differ",
            hint="add pairs with other labels",
        )  # fmt: skip


def fold_notes(
    pairs: PairData, rounds: Iterable[Round] | None = None, *, file: str | PathLike[str] | None = None
) -> list[str]:
    """Name the folds of a classification whose test part holds one class.

    Parameters
    ----------
    pairs
        Labels 0 and 1, NaN where there is none.
    rounds
        Training and test rows of each fold, as `models.splits.Split.rounds` gives them; without, each fold of
        `pairs` is tested once and the others train.
    file
        Where the pairs were read, for the message.

    Returns
    -------
    list of str
        A fold is kept whose test part holds one class or no label: its ranking figures (AUROC, average
        precision) do not exist and are left out of means.

    Raises
    ------
    InputError
        The training part of a fold holds one class, or no label.

    Examples
    --------
    >>> from models.pairs import PairData
    >>> index = np.zeros(4, np.int64)
    >>> label, fold = np.array([0.0, 1, 1, 1]), np.array([1, 1, 2, 2])
    >>> pairs = PairData("binds", ("d",), ("C",), ("",), ("t",), (), index, index, label, fold)
    >>> fold_notes(pairs.select(np.array([0, 2, 1, 3])))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    chem.errors.InputError: field binds: the training part of fold 1 holds one class (2 pairs, all 1); ...
    """
    notes = []
    for number, train, test in _parts(pairs.fold, rounds):
        trained, tested = (_one_class(pairs.label[rows]) for rows in (train, test))
        if trained:
            raise InputError(
                f"the training part of fold {number} holds {trained}", file=file, field=pairs.name,
                expected="both classes", hint="make other folds: fewer, random or grouped otherwise",
            )  # fmt: skip
        if tested:
            notes.append(
                f"fold {number} of {pairs.name!r} is tested on {tested}: it has no AUROC and no average precision"
            )
    return notes


def _parts(
    fold: NDArray[np.int64], rounds: Iterable[Round] | None
) -> Iterable[tuple[int, NDArray[np.bool_], NDArray[np.bool_]]]:
    if rounds is not None:
        return ((part.fold, part.train, part.test) for part in rounds)
    return ((int(k), (fold >= 0) & (fold != k), fold == k) for k in np.unique(fold[fold >= 0]))


def _one_class(label: NDArray[np.float64]) -> str:
    known = label[~np.isnan(label)]
    if not len(known):
        return "no labelled pair"
    if (known != known[0]).any():
        return ""
    return f"one class ({len(known)} pairs, all {known[0]:g})"


def repeat_notes(pairs: PairData) -> list[str]:
    """Count pairs that stand more than once, by identifier, and by molecule and sequence; all are kept.

    Targets with one sequence, domain and phosphorylation count as one, so a mutant whose variant is not in its
    sequence counts as the wild type. No model can tell such pairs apart by their input.
    """
    labelled = pairs.select(~np.isnan(pairs.label))
    targets = [(t.sequence, t.domain, t.phosphorylated) for t in labelled.targets]
    smiles = [text or name for text, name in zip(labelled.smiles, labelled.drug_ids, strict=True)]
    molecule, sequence = _number(smiles)[labelled.drug], _number(targets)[labelled.target]
    named, note = _repeats("drug and target", labelled.label, labelled.drug, labelled.target)
    read, other_note = _repeats("molecule and sequence", labelled.label, molecule, sequence)
    return [text for text, n in ((note, named), (other_note, read - named)) if n]


def _number(keys: Sequence[Hashable]) -> NDArray[np.int64]:
    place: dict[Hashable, int] = {}
    return np.array([place.setdefault(key, len(place)) for key in keys], dtype=np.int64)


def _repeats(
    what: str, label: NDArray[np.float64], first: NDArray[np.int64], second: NDArray[np.int64]
) -> tuple[int, str]:
    """Labels whose pair stands more than once, and what is to be said of them."""
    _, group, size = np.unique(np.stack([first, second]), axis=1, return_inverse=True, return_counts=True)
    lowest, highest = np.full(len(size), np.inf), np.full(len(size), -np.inf)
    np.minimum.at(lowest, group, label)
    np.maximum.at(highest, group, label)
    several, differ = size > 1, highest > lowest
    n = int(size[several].sum())
    note = f"{n} labels are of {several.sum()} pairs of {what} that stand more than once"
    if differ.any():
        far = (highest - lowest)[differ]
        note += (
            f"; {differ.sum()} of these have different labels, {far.max():g} apart at most, "
            f"{np.median(far):g} in the median"
        )
    return n, f"{note}; all are kept"


def training_notes(
    pairs: PairData,
    *,
    task: Task | None = None,
    rounds: Iterable[Round] | None = None,
    file: str | PathLike[str] | None = None,
) -> tuple[PairData, list[str]]:
    """Check everything about one endpoint's training pairs.

    Parameters
    ----------
    pairs
        As read.
    task
        What the labels are; seen from them (`label_task`) where it is not given.
    rounds
        See `fold_notes`; row for row those of `pairs`.
    file
        Where the pairs were read, for messages.

    Returns
    -------
    pairs, notes
        The pairs that have a label, and all notes: those of the reading, and those of this module.

    Raises
    ------
    InputError
        See `label_notes`, `require_trainable` and `fold_notes`.
    """
    chosen = task or label_task(pairs.label)
    said = [*pairs.notes, *(note for note in label_notes(pairs.label, pairs.name) if note not in pairs.notes)]
    require_trainable(pairs, chosen, file=file)
    folds = fold_notes(pairs, rounds, file=file) if chosen == "classification" else []
    labelled, dropped = drop_unlabelled(pairs)
    return labelled, [*said, *dropped, *repeat_notes(labelled), *folds]
