"""Families of proteins: alike ones are never on both sides of a split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from models.families import SAME_WORDS, family_folds, protein_families
from models.kinase import build_profile
from models.pairs import PairData
from models.protein import Target, encode_proteins

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
