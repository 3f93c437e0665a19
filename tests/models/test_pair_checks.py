"""Labels, folds and repeats that cannot be used or have to be said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from chem.errors import InputError
from models.pair_checks import (
    drop_unlabelled,
    drop_unreadable,
    fold_notes,
    is_negative_logarithm,
    label_notes,
    label_task,
    repeat_notes,
    require_trainable,
    training_notes,
)
from models.pairs import PairData
from models.protein import Target
from models.split_records import SplitRecords
from models.splits import Round, SplitSettings, split_folds

NAN = np.nan


def pairs_of(label: list[float], fold: list[int] | None = None, drug: list[int] | None = None) -> PairData:
    """Pairs of four molecules (the last cannot be read) with one protein, all different unless `drug` is given."""
    n = len(label)
    return PairData(
        "y", ("a", "b", "c", "d"), ("C", "CC", "CCC", ""), ("", "", "", "no ring closes"), ("t",), (Target("t", "MK"),),
        np.arange(n) % 4 if drug is None else np.array(drug), np.zeros(n, np.int64), np.array(label, float),
        np.full(n, -1) if fold is None else np.array(fold),
    )  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["pKd", "pkd", "PKI", "pIC50", "pEC50_mean", "pchembl_value", "affinity (pKi)", "pAffinity", "pact"],
)
def test_is_negative_logarithm__names_that_are(name: str) -> None:
    assert is_negative_logarithm(name)


@pytest.mark.parametrize(
    "name", ["Kd", "kiba_score", "ic50_nM", "Y", "potency", "percent", "probability", "pvalue", "p", ""]
)
def test_is_negative_logarithm__names_that_are_not(name: str) -> None:
    assert not is_negative_logarithm(name)


@given(st.lists(st.floats(0, 15), min_size=1, max_size=30))
def test_label_notes__every_pkd_is_silent(label: list[float]) -> None:
    assume(min(label) == 0 or max(label) >= 0.01)
    for name in ("pkd", "anything"):
        assert label_notes(np.array([*label, NAN]), name) == []


@given(st.lists(st.floats(3, 11), min_size=1, max_size=30), st.floats(3, 6.9))
def test_label_notes__the_same_in_nanomolar_is_seen(pkd: list[float], weak: float) -> None:
    """The formula of the message is the inverse of what the labels are."""
    nanomolar = 10 ** (9 - np.array([*pkd, weak]))
    with pytest.raises(InputError, match="look like concentrations in nM") as raised:
        label_notes(nanomolar, "pkd")
    assert "9 - log10(nM)" in (raised.value.hint or "")
    (note,) = label_notes(nanomolar, "kd")
    assert "9 - log10(nM)" in note
    assert label_notes(9 - np.log10(nanomolar), "pkd") == []


@given(st.lists(st.floats(2.1, 14), min_size=1, max_size=30))
def test_label_notes__the_same_in_molar_is_seen(pkd: list[float]) -> None:
    molar = np.array([NAN, *(10 ** -np.array(pkd))])
    with pytest.raises(InputError, match=r"p\.tsv, record 3, .* look like concentrations in M;") as raised:
        label_notes(molar, "pkd", file="p.tsv")
    assert "-log10(M)" in (raised.value.hint or "")
    (note,) = label_notes(molar, "kd")
    assert "concentrations in M (" in note and "-log10(M)" in note
    assert label_notes(-np.log10(molar), "pkd") == []


def test_label_notes__small_labels_that_are_no_concentrations() -> None:
    """A pKd among them, or one that is not positive, says that they are none."""
    assert label_notes(np.array([1e-6, 5.0]), "pkd") == []
    assert label_notes(np.array([0.0, 1e-6]), "pkd") == []


def test_label_notes__one_line_in_nanomolar_is_named() -> None:
    label = np.array([5.0, NAN, 7.0, 10000.0])
    with pytest.raises(InputError, match=r"p\.tsv, record 5, field pkd: 1 of 3 labels are above 15"):
        label_notes(label, "pkd", file="p.tsv")


def test_label_notes__what_else_lies_far_out() -> None:
    assert "1 of 3 lie outside 0 to 15" in label_notes(np.array([5.0, 6, -2]), "pki")[0]
    assert label_notes(np.array([-250.0, 300, 120]), "score") == []  # no concentration is negative
    assert label_notes(np.array([NAN, NAN]), "pkd") == []
    assert label_notes(np.array([]), "pkd") == []


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_label_notes__infinite(value: float) -> None:
    with pytest.raises(InputError, match="1 labels are infinite"):
        label_notes(np.array([1.0, value, NAN]), "score")


def test_drop_unlabelled__counts() -> None:
    pairs, notes = drop_unlabelled(pairs_of([1.0, NAN, 2.0, NAN]))
    assert pairs.label.tolist() == [1, 2] and pairs.drug.tolist() == [0, 2]
    assert notes == ["2 of 4 pairs have no label and are left out of training"]
    assert drop_unlabelled(pairs)[1] == []


def test_drop_unreadable__counts_and_names() -> None:
    pairs, notes = drop_unreadable(pairs_of([1.0, 2, 3, 4, 5]))
    assert pairs.drug.tolist() == [0, 1, 2, 0]
    assert notes == ["1 of 5 pairs are left out: 1 drugs cannot be used, the first is d (no ring closes)"]
    assert drop_unreadable(pairs)[1] == []


def test_label_task__seen_from_the_labels() -> None:
    assert label_task(np.array([0.0, 1, NAN])) == "classification"
    assert label_task(np.array([0.0, 1, 0.5])) == "regression"


@pytest.mark.parametrize(
    ("label", "task", "message"),
    [
        ([NAN, NAN], "regression", "no pair has a label"),
        ([], "classification", "no pair has a label"),
        ([1, 1, NAN], "classification", "all 2 labels are 1: one class"),
        ([0, 0], "classification", "all 2 labels are 0: one class"),
        ([6.5, 6.5], "regression", "all 2 labels are 6.5: one value"),
        ([0, 1, 2], "classification", "2 is no class"),
    ],
)
def test_require_trainable__refuses(label: list[float], task: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        require_trainable(pairs_of(label), task, file="p.tsv")  # type: ignore[arg-type]
    assert raised.value.field == "y" and raised.value.expected
    assert (raised.value.file, bool(raised.value.hint)) == ("p.tsv", True)


def test_fold_notes__test_part_of_one_class_is_named() -> None:
    assert fold_notes(pairs_of([0, 1, 0, 1], [1, 1, 2, 2])) == []
    (note,) = fold_notes(pairs_of([0, 1, 0, 0, NAN, 0, 1], [1, 1, 2, 2, 2, 3, 3]))
    assert note.startswith("fold 2 of 'y' is tested on one class (2 pairs, all 0)")
    (note,) = fold_notes(pairs_of([0, 1, 0, 1, NAN], [1, 1, 3, 3, 2]))
    assert note.startswith("fold 2 of 'y' is tested on no labelled pair")
    assert fold_notes(pairs_of([0, 0])) == []  # without folds


def test_fold_notes__training_part_of_one_class_is_refused() -> None:
    with pytest.raises(InputError, match="training part of fold 2 holds one class"):
        fold_notes(pairs_of([1, 1, 0, 1], [1, 1, 2, 2]))
    with pytest.raises(InputError, match=r"^p\.tsv, field y"):
        fold_notes(pairs_of([1, 1, 0, 1], [1, 1, 2, 2]), file="p.tsv")


def test_fold_notes__rounds_of_a_split() -> None:
    pairs = pairs_of([0, 1, 0, 1])
    train, test = np.array([1, 1, 0, 0], bool), np.array([0, 0, 1, 0], bool)
    assert "fold 4 of 'y'" in fold_notes(pairs, [Round(4, train, test)])[0]
    with pytest.raises(InputError, match="training part of fold 4"):
        fold_notes(pairs, [Round(4, test, train)])


def test_repeat_notes__nothing_to_say(make_pairs: Callable[..., PairData]) -> None:
    assert repeat_notes(make_pairs()) == []
    assert repeat_notes(pairs_of([])) == []


def test_repeat_notes__by_identifier() -> None:
    assert repeat_notes(pairs_of([5.0, 5.0, 6.0], drug=[0, 0, 1])) == [
        "2 labels are of 1 pairs of drug and target that stand more than once; all are kept"
    ]
    (note,) = repeat_notes(pairs_of([5.0, 7.0, 6.0, 6.0, NAN], drug=[0, 0, 1, 1, 2]))
    assert note == (
        "4 labels are of 2 pairs of drug and target that stand more than once; 1 of these have different labels, "
        "2 apart at most, 2 in the median; all are kept"
    )


def test_repeat_notes__by_what_they_are() -> None:
    """Two names of one molecule; a drug that cannot be read equals itself alone."""
    pairs = pairs_of([5.0, 5.5, 6.0], drug=[0, 1, 3])
    (note,) = repeat_notes(replace(pairs, smiles=("C", "C", "CCC", "")))
    assert note.startswith("2 labels are of 1 pairs of molecule and sequence")


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 2)), max_size=25))
def test_repeat_notes__as_pandas_counts(rows: list[tuple[int, int, int]]) -> None:
    table = pd.DataFrame(rows, columns=["drug", "target", "label"])
    targets = tuple(Target(name, name) for name in "MKL")
    pairs = PairData(
        "y", tuple("abcd"), ("C", "CC", "CCC", "CCCC"), ("",) * 4, tuple("MKL"), targets,
        table["drug"].to_numpy(np.int64), table["target"].to_numpy(np.int64), table["label"].to_numpy(float),
        np.full(len(rows), -1),
    )  # fmt: skip
    groups = table.groupby(["drug", "target"])["label"].agg(["size", "nunique"])
    several = groups[groups["size"] > 1]
    notes = repeat_notes(pairs)
    assert len(notes) == bool(len(several))
    if notes:
        assert notes[0].startswith(f"{several['size'].sum()} labels are of {len(several)} pairs")
        assert ("different labels" in notes[0]) == (several["nunique"] > 1).any()


def test_training_notes__everything_in_order(make_pairs: Callable[..., PairData]) -> None:
    pairs = make_pairs()
    assert training_notes(pairs)[1] == [] and training_notes(pairs)[0].label is pairs.label
    label = np.where(np.arange(len(pairs)) % 2, 1.0, 0.0)
    label[:3] = NAN
    wrong: NDArray[np.int64] = np.repeat([1, 2, 3], [50, len(pairs) - 51, 1])
    labelled, notes = training_notes(replace(pairs, label=label, fold=wrong, notes=("read",)))
    assert len(labelled) == len(pairs) - 3 and not np.isnan(labelled.label).any()
    assert [note.split()[0] for note in notes] == ["read", "3", "fold"]
    with pytest.raises(InputError, match=r"^p\.tsv.* one class"):
        training_notes(replace(pairs, label=np.ones(len(pairs))), file="p.tsv")


def test_training_notes__with_the_rounds_of_a_split(make_pairs: Callable[..., PairData]) -> None:
    """Folds by drug where every drug binds everything or nothing: each test part of one drug is named."""
    pairs = make_pairs(4, 6)
    label = (pairs.drug % 2).astype(float)
    records = SplitRecords(smiles=[pairs.smiles[d] for d in pairs.drug])
    split = split_folds(records, SplitSettings("cold_drug", n_folds=4, leakage=False))
    _, notes = training_notes(replace(pairs, label=label), rounds=split.rounds())
    assert len(notes) == 4 and all("one class (6 pairs" in note for note in notes)


def test_training_notes__reading_is_not_said_twice() -> None:
    label = [10.0, 500.0, 90000.0]
    said = label_notes(np.array(label), "y")
    assert training_notes(replace(pairs_of(label), notes=tuple(said)))[1] == said
