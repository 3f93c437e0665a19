"""Families of proteins: alike ones are never on both sides of a split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chem.errors import InputError
from models.families import SAME_WORDS, family_folds, protein_families
from models.kinase import build_profile
from models.leakage import folds_leakage
from models.pairs import PairData
from models.protein import PANEL_CONSTRUCTS, Target, encode_proteins, read_targets
from models.split_records import SplitRecords, records_of_pairs
from models.splits import UNPLACED, SplitSettings, split_folds

MakePairs = Callable[..., PairData]


def test_protein_families__variants_and_near_kinases_fall_together(kinases: dict[str, str]) -> None:
    mutant = kinases["ABL1"].replace("T", "I", 3)
    names = [*kinases, "mutant", "cut"]
    targets = [
        Target(n, s) for n, s in zip(names, [*kinases.values(), mutant, kinases["SRC"][80:]], strict=True)
    ]
    family = dict(zip(names, protein_families(targets).tolist(), strict=True))
    assert family["mutant"] == family["ABL1"]
    assert family["cut"] == family["SRC"]
    assert len({family[n] for n in ("ABL1", "BRAF", "CDK2", "PRKACA", "AURKA")}) > 2
    assert sorted(set(family.values())) == list(range(max(family.values()) + 1))


def test_protein_families__no_pair_alike_stands_in_two(kinases: dict[str, str]) -> None:
    """Identity on the profile and shared words counted by hand; those in one family hang together."""
    sequences = [*kinases.values(), kinases["KIT"][200:], "MKVLAAGG" * 9, "MKVLAAGG" * 8, ""]
    targets = [Target(f"T{k}", s) for k, s in enumerate(sequences)]
    family = protein_families(targets)
    aligned = encode_proteins(targets, build_profile(sequences)).aligned
    words = [[s[k : k + 3] for k in range(len(s) - 2)] for s in sequences]
    for i in range(len(targets)):
        for j in range(i):
            there = (aligned[i] < 20) & (aligned[j] < 20)
            same = (there & (aligned[i] == aligned[j])).sum()
            union = (aligned[i] < 20).sum() + (aligned[j] < 20).sum() - same
            shared = sum(min(words[i].count(w), words[j].count(w)) for w in set(words[i]))
            total = len(words[i]) + len(words[j]) - shared
            if (union and same / union >= 0.43) or (total and shared / total >= SAME_WORDS):
                assert family[i] == family[j], (i, j)
    assert family[-2] == family[-3] and (family == family[-1]).sum() == 1


def test_family_folds__hold_whole_families_over_all_endpoints(make_pairs: MakePairs) -> None:
    pairs = make_pairs(6, 12)
    keep = np.array([10, 3, 7])
    other = replace(
        pairs.select(pairs.target < 3), targets=tuple(pairs.targets[k] for k in keep),
        target_ids=tuple(pairs.target_ids[k] for k in keep),
    )  # fmt: skip
    folds = family_folds([pairs, other], n_folds=3, seed=1)
    assert [len(part) for part in folds] == [len(pairs), len(other)]
    assert set(folds[0]) == {1, 2, 3}
    families = protein_families(pairs.targets)
    fold_of = {int(f): set(folds[0][families[pairs.target] == f].tolist()) for f in families}
    assert all(len(each) == 1 for each in fold_of.values())
    for row, target in enumerate(other.target):
        assert folds[1][row] in fold_of[int(families[keep[target]])]
    again = family_folds([pairs, other], n_folds=3, seed=1)
    assert all((a == b).all() for a, b in zip(folds, again, strict=True))


CHAIN = st.text("ACDEFGHIKLMNPQRSTVWY", min_size=40, max_size=60)
COPY = st.tuples(CHAIN, st.sampled_from(["", "mutant", "cut", "tagged"]))


@settings(max_examples=25, deadline=None)
@given(st.lists(COPY, min_size=8, max_size=14, unique_by=lambda row: row[0]), st.integers(0, 3), st.data())
def test_split_folds__no_family_on_both_sides(
    chains: list[tuple[str, str]], seed: int, data: st.DataObject
) -> None:
    """Mutants, fragments and tagged forms go where their protein goes, in whatever order the rows come."""
    change = {
        "mutant": lambda s: s[:9] + "W" + s[10:],
        "cut": lambda s: s[8:],
        "tagged": lambda s: s + "HHHHHH",
    }
    proteins = [s for s, _ in chains] + [change[how](s) for s, how in chains if how]
    families = protein_families([Target(s, s) for s in proteins])
    rows = [(smiles, k) for k in range(len(proteins)) for smiles in ("CCO", "CCN", "c1ccccc1", "C1CCNC1")]
    order = data.draw(st.permutations(range(len(rows))))
    for kind in ("cold_target", "cold_both"):
        plan = SplitSettings(kind, 2, seed)
        made = []
        for kept in (range(len(rows)), order):
            records = SplitRecords([rows[i][0] for i in kept], [proteins[rows[i][1]] for i in kept])
            if families.max() < 1:
                with pytest.raises(InputError, match="at least as many as folds"):
                    split_folds(records, plan)
                return
            split = split_folds(records, plan)
            family = families[[rows[i][1] for i in kept]]
            for cut in split.rounds():
                assert not set(family[cut.train]) & set(family[cut.test])
            assert split.report is not None and (split.report.table["shared_family"] == 0).all()
            made.append(split.fold)
        np.testing.assert_array_equal(made[0][order], made[1])


def test_split_folds__families_that_are_given_come_first() -> None:
    """A column of families joins what the sequences do not, and sequences as families hold out no more than those."""
    chain = "MKVLAAGGWYCDEFHIKNPQRST" * 3
    sequence = [chain, chain[3:], "WYHDEM" * 9, "PQRNST" * 9, "PQRNST" * 9, ""]
    smiles = ["CCO"] * len(sequence)
    found = split_folds(SplitRecords(smiles, sequence), SplitSettings("cold_target", 3))
    assert found.fold[0] == found.fold[1] and found.fold[3] == found.fold[4]
    assert len(set(found.group[:5].tolist())) == 3 and found.reason[5] == "no sequence"
    given = SplitRecords(smiles, sequence, family=[1, 2, 2, 3, None, 4])
    groups = split_folds(given, SplitSettings("cold_target", 3)).group.tolist()
    assert groups[1] == groups[2] != groups[0] and groups[3] == groups[4] and groups[5] == UNPLACED
    apart = split_folds(SplitRecords(smiles, sequence, family=sequence), SplitSettings("cold_target", 4))
    assert len(set(apart.fold[:4].tolist())) == 4


def test_split_folds__families_of_davis(shared_data: Path) -> None:
    """Mutants, domains and phosphorylated forms of a gene are never apart, read with or without their variants."""
    rows = pd.read_csv(shared_data / "affinity" / "davis" / "targets.tsv", sep="\t", dtype=str)
    targets = read_targets(rows, constructs=PANEL_CONSTRUCTS)
    n = len(targets)
    zero = np.zeros(n, np.int64)
    pairs = PairData(
        "pkd", ("d",), ("CCO",), ("",), tuple(t.target_id for t in targets), targets, zero, np.arange(n), np.ones(n), zero
    )  # fmt: skip
    gene = np.unique([t.gene for t in targets], return_inverse=True)[1]
    assert len(np.unique(gene)) < n - 50
    records = records_of_pairs(pairs)
    plan = SplitSettings("cold_target", 5)
    for read_as in (records, SplitRecords(records.smiles, rows["sequence"].tolist(), standardised=True)):
        split = split_folds(read_as, plan)
        assert len(np.unique(np.stack([gene, split.fold]), axis=1).T) == len(np.unique(gene))
        assert split.report is not None and (split.report.table["shared_family"] == 0).all()
    folds = family_folds([pairs], plan.n_folds, plan.seed)[0]
    assert (folds_leakage(records, folds).table["shared_family"] == 0).all()
