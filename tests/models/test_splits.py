"""Folds that keep together what belongs together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator
from rdkit.ML.Cluster import Butina
from sklearn.model_selection import GroupKFold, GroupShuffleSplit

from chem.errors import InputError
from chem.scaffold import murcko_scaffold
from models.pairs import PairData
from models.protein import Target
from models.split_groups import combine, group_folds, molecule_clusters
from models.split_records import SplitRecords, identify_records, records_of_pairs
from models.splits import (
    NEVER_TESTED,
    SPLIT_KINDS,
    UNPLACED,
    SplitSettings,
    random_folds,
    scaffold_folds,
    split_folds,
)
from varimol import tables

MakePairs = Callable[..., PairData]
OLD_GROUP_FOLDS = [2, 2, 2, 3, 1, 1, 1, 3]
OLD_RANDOM_FOLDS = [1, 1, 1, 3, 2, 1, 3, 3, 3, 3, 2, 2, 2, 2, 1, 2, 1, 3]
OLD_SCAFFOLD_FOLDS = [2, 2, 2, 1, 1, 1, 3, 3, 3, 3, 3, 3, 1, 1, 1, 2, 2, 2]


@pytest.fixture(scope="module")
def drug_table() -> pd.DataFrame:
    """Return six hundred shipped drugs."""
    return tables.drugs().iloc[:600]


@given(st.lists(st.integers(0, 12), min_size=1, max_size=80), st.integers(2, 6), st.integers(0, 5))
def test_group_folds__no_group_on_both_sides(raw: list[int], n_folds: int, seed: int) -> None:
    groups = np.unique(raw, return_inverse=True)[1]
    folds = group_folds(groups, n_folds, seed)
    assert set(folds) <= set(range(1, n_folds + 1))
    for group in np.unique(groups):
        assert len(set(folds[groups == group])) == 1
    # The largest first to the smallest fold: no two folds differ by more than the largest group.
    sizes = np.bincount(folds, minlength=n_folds + 1)[1:]
    assert np.ptp(sizes) <= np.bincount(groups).max()
    np.testing.assert_array_equal(folds, group_folds(groups, n_folds, seed))


def test_group_folds__seed_moves_groups_of_equal_size() -> None:
    groups = np.arange(50)
    assert not np.array_equal(group_folds(groups, 5, 0), group_folds(groups, 5, 1))
    assert np.bincount(group_folds(groups, 5, 0))[1:].tolist() == [10] * 5


def test_random_folds__duplicates_share_a_fold(make_pairs: MakePairs) -> None:
    """The same molecule under two names with the same sequence under two names is one pair."""
    pairs = make_pairs(10, 6)
    smiles = (pairs.smiles[0], pairs.smiles[0], *pairs.smiles[2:])
    targets = (pairs.targets[0], Target("copy", pairs.targets[0].sequence), *pairs.targets[2:])
    doubled = replace(pairs, smiles=smiles, targets=targets)
    folds = random_folds(doubled, 4, seed=3)
    twin_drugs, twin_targets = doubled.drug <= 1, doubled.target <= 1
    assert len(set(folds[twin_drugs & twin_targets])) == 1
    for target in range(2, len(targets)):
        assert len(set(folds[twin_drugs & (doubled.target == target)])) == 1
    sizes = np.bincount(folds)[1:]
    assert len(sizes) == 4 and sizes.min() >= len(pairs) / 4 - 4


def test_scaffold_folds__hold_out_whole_scaffolds_of_all_endpoints(make_pairs: MakePairs) -> None:
    first, second = make_pairs(20, 4), make_pairs(9, 6, name="kiba")
    folds = scaffold_folds([first, second], 3, seed=0)
    fold_of: dict[str, set[int]] = {}
    for pairs, part in zip((first, second), folds, strict=True):
        assert part.shape == (len(pairs),)
        for drug, fold in zip(pairs.drug, part, strict=True):
            scaffold = murcko_scaffold(pairs.smiles[drug]) or pairs.smiles[drug]
            fold_of.setdefault(scaffold, set()).add(int(fold))
    assert all(len(found) == 1 for found in fold_of.values())
    assert set(folds[0]) == {1, 2, 3}


SMILES = st.sampled_from(
    ["CCO", "OCC", "CCN", "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "c1ccccc1", "Cc1ccccc1", "c1ccncc1", "CC(=O)[O-].[Na+]",
     "CC(=O)O", "C1CCCCC1", "OC1CCCCC1", "CCCC", "CCCCC", "CC(C)=O", "CC(O)=C", "C1CC", "", "CCCCCC", "CCS", "CCCl"]
)  # fmt: skip
ROWS = st.lists(
    st.tuples(SMILES, st.sampled_from("ABCDEFG"), st.integers(1990, 2020), st.sampled_from("uvwxyz"),
              st.sampled_from("pqrst")), min_size=30, max_size=60)  # fmt: skip
KINDS = list(SPLIT_KINDS)


def records_of(rows: list[tuple[str, str, int, str, str]]) -> SplitRecords:
    smiles, protein, year, line, tissue = zip(*rows, strict=True)
    return SplitRecords(smiles, [p * 3 for p in protein], year, line, tissue)


def straddling(groups: np.ndarray, folds: np.ndarray) -> int:
    """Groups, numbered from 0, that stand in more than one fold of placed rows."""
    placed = (folds > 0) & (groups >= 0)
    pairs = np.unique(np.stack([groups[placed], folds[placed]]), axis=1)
    return int((np.bincount(pairs[0]) > 1).sum()) if pairs.size else 0


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(rows=ROWS, seed=st.integers(0, 3), n_folds=st.integers(2, 3), data=st.data())
def test_split_folds__invariants(
    kind: str, rows: list[tuple[str, str, int, str, str]], seed: int, n_folds: int, data: st.DataObject
) -> None:
    """Each row one fold or a reason; groups whole; balanced; rows in another order, the same folds."""
    records, plan = records_of(rows), SplitSettings(kind, n_folds, seed, leakage=False)  # type: ignore[arg-type]
    try:
        split = split_folds(records, plan)
    except InputError as error:
        if "at least as many" not in str(error):
            raise
        return
    keys = identify_records(records)
    assert len(split.fold) == len(split.reason) == len(rows)
    for fold, reason, (smiles, *_) in zip(split.fold, split.reason, rows, strict=True):
        assert (fold >= 1) == (reason == "")
        assert (fold == UNPLACED) == (smiles in ("", "C1CC"))
    held = {
        "cold_drug": keys.inchikey, "scaffold": keys.scaffold, "cold_target": keys.sequence,
        "leave_line_out": keys.line, "leave_tissue_out": keys.tissue,
    }  # fmt: skip
    duplicates = combine(keys.inchikey, keys.sequence, keys.line)
    assert straddling(held.get(kind, duplicates), split.fold) == 0
    assert straddling(split.group, split.fold) == 0
    assert straddling(duplicates, split.fold) == 0
    if kind not in ("time", "cold_both"):
        sizes = np.bincount(split.fold[split.fold > 0], minlength=n_folds + 1)[1:]
        assert np.ptp(sizes) <= np.bincount(split.group[split.fold > 0]).max()
    order = data.draw(st.permutations(range(len(rows))))
    again = split_folds(records_of([rows[i] for i in order]), plan)
    np.testing.assert_array_equal(again.fold, split.fold[list(order)])
    np.testing.assert_array_equal(again.group, split.group[list(order)])


@pytest.mark.parametrize("kind", ["random", "scaffold", "cold_drug"])
def test_split_folds__same_sizes_as_group_k_fold(kind: str, drug_table: pd.DataFrame) -> None:
    """scikit-learn's GroupKFold deals the same groups to folds of the same sizes."""
    records = SplitRecords(smiles=drug_table["smiles"].tolist(), standardised=True)
    split = split_folds(records, SplitSettings(kind, 5, leakage=False))  # type: ignore[arg-type]
    theirs = [len(test) for _, test in GroupKFold(5).split(split.group, groups=split.group)]
    assert sorted(theirs) == sorted(np.bincount(split.fold)[1:].tolist())
    for ours in split.rounds():
        assert not set(split.group[ours.train]) & set(split.group[ours.test])
        assert (ours.train ^ ours.test).all()
    tests = np.stack([ours.test for ours in split.rounds()])
    assert (tests.sum(axis=0) == 1).all()
    # GroupShuffleSplit's rule, groups whole, holds of its own cuts under our groups too: the groups mean the same.
    train, test = next(GroupShuffleSplit(1, random_state=0).split(split.group, groups=split.group))
    keys = identify_records(records)
    assert not set(keys.inchikey[train]) & set(keys.inchikey[test])


def test_split_folds__seeds_are_honoured(drug_table: pd.DataFrame) -> None:
    """Trap of DeepChem and TDC: the seed changes nothing."""
    records = SplitRecords(smiles=drug_table["smiles"].tolist(), standardised=True)
    for kind in ("random", "scaffold", "cold_drug"):
        first, same, other = (
            split_folds(records, SplitSettings(kind, seed=seed, leakage=False)).fold for seed in (0, 0, 1)
        )
        assert first.tobytes() == same.tobytes()
        assert (first != other).mean() > 0.5


def test_split_folds__loses_no_molecule() -> None:
    """Trap of DeepChem and TDC: molecules that cannot be read disappear."""
    smiles = ["CCO", "not a molecule", None, "c1ccccc1", "", "CCN", float("nan"), "[Na+].[Cl-]", "CCC"]
    split = split_folds(SplitRecords(smiles=smiles), SplitSettings("scaffold", 2))  # type: ignore[arg-type]
    assert split.fold.shape == (9,)
    assert [bool(reason) for reason in split.reason] == [fold == UNPLACED for fold in split.fold]
    assert [i for i, fold in enumerate(split.fold) if fold == UNPLACED] == [1, 2, 4, 6]
    assert split.reason[2] == split.reason[4] == split.reason[6] == "no structure"
    assert "SMILES Parse Error" in split.reason[1]
    assert "no fold for 3 rows: no structure" in split.summary()


def test_split_folds__acyclic_molecules_share_no_scaffold() -> None:
    """Trap of DeepChem and TDC: every chain falls into one group, the empty scaffold's."""
    split = split_folds(SplitRecords(smiles=["C" * n for n in range(1, 41)]), SplitSettings("scaffold", 5))
    assert np.bincount(split.fold)[1:].tolist() == [8] * 5
    assert split.report is not None and (split.report.table["shared_scaffold"] == 0).all()


def test_split_folds__salts_tautomers_and_doubled_names_are_one_molecule() -> None:
    smiles = [
        "CC(=O)O",
        "CC(=O)[O-].[Na+]",
        "CC(O)=O",
        "OCC(O)=O",
        "Oc1ccccn1",
        "O=c1cccc[nH]1",
        "CCN",
        "CCO",
    ]
    split = split_folds(SplitRecords(smiles=smiles), SplitSettings("scaffold", 3))
    assert len(set(split.fold[[0, 1, 2]])) == 1
    assert len(set(split.fold[[4, 5]])) == 1  # one InChIKey, two drawings


def test_split_folds__skeleton_puts_stereoisomers_together() -> None:
    smiles = ["C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "CC(N)C(=O)O", "CCO", "CCN", "CCC"]
    records = SplitRecords(smiles=smiles)
    apart = [split_folds(records, SplitSettings("cold_drug", 3, seed)).fold[:3] for seed in range(6)]
    assert any(len(set(folds)) > 1 for folds in apart)
    for seed in range(6):
        plan = SplitSettings("cold_drug", 3, seed, same_molecule="skeleton")
        assert len(set(split_folds(records, plan).fold[:3])) == 1


def test_split_folds__time_trains_on_the_past() -> None:
    dates = ["2001", "2001-06-01", 2003, 2003.0, "2005-01-01", "2010", "2011-12-24", 2012, "", "soon"]
    smiles = ["CCO", "CCN", "CCC", "CCS", "CCCl", "OCC", "CCBr", "CCF", "CCI", "CCP"]
    split = split_folds(SplitRecords(smiles=smiles, date=dates), SplitSettings("time", 3))
    assert split.fold[[8, 9]].tolist() == [UNPLACED, UNPLACED]
    assert split.reason[8:] == ("no date", "'soon' is no year and no ISO date")
    assert split.fold[0] == split.fold[5] == 1  # ethanol was known in 2001
    years = np.array([2001, 2001.5, 2003, 2003, 2005, 2001, 2011.98, 2012])
    rounds = list(split.rounds())
    assert [cut.fold for cut in rounds] == [2, 3]
    for cut in rounds:
        assert years[cut.train[:8]].max() < years[cut.test[:8]].min()


def test_split_folds__cold_both_says_what_it_leaves_out(make_pairs: MakePairs) -> None:
    records = records_of_pairs(make_pairs(20, 12))
    split = split_folds(records, SplitSettings("cold_both", 4))
    keys = identify_records(records)
    n_left = 0
    for cut in split.rounds():
        assert cut.test.any() and not (cut.train & cut.test).any()
        assert not set(keys.inchikey[cut.train]) & set(keys.inchikey[cut.test])
        assert not set(keys.sequence[cut.train]) & set(keys.sequence[cut.test])
        n_left += int((~cut.train & ~cut.test).sum())
    assert split.report is not None and split.report.table["n_left_out"].sum() == n_left > 0
    assert "left out of both" in str(split) and f"never tested: {(split.fold == 0).sum()} rows" in str(split)
    crossed = np.flatnonzero(split.fold == NEVER_TESTED)
    assert len(crossed) and all("is held out in fold" in split.reason[row] for row in crossed)


def test_split_folds__one_fold_per_tissue() -> None:
    records = SplitRecords(
        smiles=["CCO", "CCN"] * 4, line=["a", "a", "b", "b", "c", "c", "d", "d"],
        tissue=["lung", "lung", "lung", "lung", "skin", "skin", "bone", ""],
    )  # fmt: skip
    split = split_folds(records, SplitSettings("leave_tissue_out", n_folds=0))
    assert split.fold[:4].tolist() == [split.fold[0]] * 4
    assert len(set(split.fold[[0, 4, 6]])) == 3
    assert split.reason[7] == "no tissue" and split.fold[7] == UNPLACED
    lines = split_folds(records, SplitSettings("leave_line_out", n_folds=0)).fold
    assert sorted(set(lines.tolist())) == [1, 2, 3, 4]


def test_split_folds__clusters_stay_together(drug_table: pd.DataFrame) -> None:
    records = SplitRecords(smiles=drug_table["smiles"].tolist()[:300], standardised=True)
    split = split_folds(records, SplitSettings("cluster", 5, cluster_threshold=0.5))
    keys = identify_records(records)
    clusters = molecule_clusters(keys, 0.5)
    assert straddling(clusters, split.fold) == 0 and 50 < len(set(clusters.tolist())) < 300
    # RDKit's own Butina clusters, which order ties in another way: each of ours of a size has one of theirs.
    prints = [
        rdFingerprintGenerator.GetMorganGenerator(2).GetFingerprint(Chem.MolFromSmiles(s))
        for s in keys.structures
    ]
    away = [
        1 - s
        for i in range(1, len(prints))
        for s in DataStructs.BulkTanimotoSimilarity(prints[i], prints[:i])
    ]
    theirs = Butina.ClusterData(away, len(prints), 0.5, isDistData=True)
    largest = np.bincount(np.unique(clusters, return_inverse=True)[1]).max()
    assert abs(len(theirs) - len(set(clusters.tolist()))) <= 3 and abs(len(theirs[0]) - largest) <= 2
    random = split_folds(records, SplitSettings("random", 5))
    assert split.report is not None and random.report is not None
    # What clusters are for: fewer test molecules with a near relative in training.
    column = "nearest_ge_0.6"
    assert split.report.table[column].mean() < 0.5 * random.report.table[column].mean()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: SplitSettings("cold"), "no split is called 'cold'"),  # type: ignore[arg-type]
        (lambda: SplitSettings("random", 1), "1 folds"),
        (lambda: SplitSettings("time", 0), "needs a number of folds"),
        (lambda: SplitRecords(), "nothing to split"),
        (lambda: SplitRecords(smiles=[]), "nothing to split"),
        (lambda: SplitRecords(smiles=["C"], line=["a", "b"]), "different lengths: smiles 1, line 2"),
        (lambda: split_folds(SplitRecords(smiles=["C"]), SplitSettings("time")), "needs the column date"),
        (
            lambda: split_folds(SplitRecords(smiles=["C", "OC"]), SplitSettings("cold_drug")),
            "2 different groups",
        ),
        (
            lambda: split_folds(SplitRecords(smiles=["C", "N"], date=[2000, 2000]), SplitSettings("time", 2)),
            "1 distinct dates cannot make 2 folds",
        ),
    ],
)
def test_split_folds__bad_input(make: Callable[[], object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        make()


def test_old_folds__are_what_they_were(make_pairs: MakePairs) -> None:
    """Cards of shipped networks name these folds: they may never change."""
    assert group_folds(np.array([0, 0, 1, 2, 3, 3, 3, 4]), 3, 7).tolist() == OLD_GROUP_FOLDS
    pairs = make_pairs(6, 3)
    assert random_folds(pairs, 3, seed=1).tolist() == OLD_RANDOM_FOLDS
    assert scaffold_folds([pairs], 3, seed=1)[0].tolist() == OLD_SCAFFOLD_FOLDS


def test_split_folds__response_of_unseen_lines_and_tissues(shared_data: Path) -> None:
    """GDSC2: the same drug and line measured twice stays together, lines and tissues are new when held out."""
    folder = shared_data / "response"
    response = pd.read_csv(folder / "gdsc2_ln_ic50.tsv.gz", sep="\t")
    smiles = pd.read_csv(folder / "drugs.tsv", sep="\t").set_index("drug_name")["IsomericSMILES"]
    site = pd.read_csv(folder / "cell_annotations.tsv", sep="\t").drop_duplicates("depMapID")
    records = SplitRecords(
        smiles=response["drug_name"].map(smiles).tolist(), line=response["depmap_id"].tolist(),
        tissue=response["depmap_id"].map(site.set_index("depMapID")["Site_Primary"]).tolist(), standardised=True,
    )  # fmt: skip
    for kind, new in (("leave_line_out", "line"), ("leave_tissue_out", "tissue"), ("cold_drug", "inchikey")):
        split = split_folds(records, SplitSettings(kind, 5))  # type: ignore[arg-type]
        assert split.report is not None
        assert (split.report.table[f"shared_{new}"] == 0).all()
        other = "inchikey" if new != "inchikey" else "line"
        assert split.report.table[f"rows_{other}"].min() > 0.9
        assert len(split.fold) == len(response) and ((split.fold > 0) | (np.array(split.reason) != "")).all()
    lines = split_folds(records, SplitSettings("leave_tissue_out", 5, leakage=False))
    assert straddling(identify_records(records).line, lines.fold) == 0
