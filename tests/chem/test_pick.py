"""Diverse picks: each the farthest from those before, the same from run to run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem, RDConfig, rdBase

from chem.errors import InputError
from chem.fingerprint import fingerprints
from chem.pick import diverse_pick


@pytest.fixture(scope="module")
def smiles() -> list[str]:
    """Return SMILES of RDKit's sample of the NCI collection."""
    file = Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi"
    with rdBase.BlockLogs():
        texts = [line.split()[0] for line in file.read_text().splitlines()[:500]]
        return [text for text in texts if Chem.MolFromSmiles(text) is not None]


@pytest.fixture(scope="module")
def distance(smiles: list[str]) -> np.ndarray:
    """Return one minus Tanimoto between all, from sets of bits."""
    bits = fingerprints(smiles).astype(int)
    shared = bits @ bits.T
    return 1 - shared / (bits.sum(axis=1)[:, None] + bits.sum(axis=1) - shared)


@pytest.mark.parametrize("kept", [[], [17], [400, 3, 88]])
def test_pick__each_the_farthest_from_those_before(
    smiles: list[str], distance: np.ndarray, kept: list[int]
) -> None:
    picks = diverse_pick(smiles, 40, seed=1, must_include=kept)
    assert len(set(picks.tolist())) == 40 and picks.tolist()[: len(kept)] == kept
    for number in range(max(len(kept), 1), 40):
        nearest = distance[:, picks[:number]].min(axis=1)
        assert nearest[picks[number]] == pytest.approx(nearest.max())


def test_pick__more_diverse_than_chance(smiles: list[str], distance: np.ndarray) -> None:
    def least_distance(places: np.ndarray) -> float:
        among = distance[np.ix_(places, places)]
        return among[~np.eye(len(places), dtype=bool)].min()

    picked = least_distance(diverse_pick(smiles, 20))
    rng = np.random.default_rng(0)
    assert picked > max(least_distance(rng.choice(len(smiles), 20, replace=False)) for _ in range(50))


def test_pick__seeded(smiles: list[str]) -> None:
    packed = fingerprints(smiles, packed=True)
    assert diverse_pick(smiles, 10, seed=4).tolist() == diverse_pick(packed, 10, seed=4).tolist()
    firsts = {int(diverse_pick(packed, 1, seed=seed)[0]) for seed in range(20)}
    assert len(firsts) > 10


def test_pick__all_or_only_those_that_must(smiles: list[str]) -> None:
    assert sorted(diverse_pick(smiles[:8], 8)) == list(range(8))
    assert diverse_pick(smiles, 2, must_include=[5, 1]).tolist() == [5, 1]


@pytest.mark.parametrize(
    ("n", "options", "words"),
    [
        (501, {}, "field n"),
        (0, {}, "field n"),
        (1, {"must_include": [1, 2]}, "field n"),
        (3, {"must_include": [1, 1]}, "twice"),
        (3, {"must_include": [-1]}, "molecule -1"),
        (3, {"must_include": [9999]}, "molecule 9999"),
        (3, {"seed": -1}, "seed"),
    ],
)
def test_pick__refused(smiles: list[str], n: int, options: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        diverse_pick(smiles, n, **options)


def test_pick__bad_molecules() -> None:
    with pytest.raises(InputError, match="record 1"):
        diverse_pick(["CCO", "C1CC"], 1)
    with pytest.raises(InputError, match="packed bits"):
        diverse_pick(np.zeros((3, 8)), 1)
    with pytest.raises(InputError, match="field n"):
        diverse_pick([], 1)
