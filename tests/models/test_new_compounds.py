"""Unseen compounds, against scikit-learn's kernel ridge and weighted neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.kernel_ridge import KernelRidge
from sklearn.neighbors import KNeighborsRegressor

from chem.errors import InputError
from chem.fingerprint import tanimoto
from models.new_compounds import MAX_COUNT, RIDGE, SHARPNESS, CompoundMap, count_tanimoto


def bits(n: int, seed: int) -> np.ndarray:
    return (np.random.default_rng(seed).random((n, 32)) < 0.3).astype(np.uint8)


def test_mean__as_scikit_learns_kernel_ridge() -> None:
    old, new = bits(9, 0), bits(4, 1)
    means = np.random.default_rng(2).normal(size=9)
    ridge = KernelRidge(alpha=RIDGE, kernel="precomputed").fit(tanimoto(old, old), means - means.mean())
    expected = means.mean() + ridge.predict(tanimoto(new, old))
    assert np.allclose(CompoundMap.fit(old).mean(new, means), expected, atol=1e-6)


def test_interaction__as_scikit_learns_weighted_neighbours() -> None:
    old, new = bits(9, 0), bits(4, 1)
    interaction = np.random.default_rng(2).normal(size=(5, 9))
    near = KNeighborsRegressor(9, metric="precomputed", weights=lambda far: (1 - far) ** SHARPNESS)
    expected = near.fit(1 - tanimoto(old, old), interaction.T).predict(1 - tanimoto(new, old))
    assert np.allclose(CompoundMap.fit(old).interaction(new, interaction).T, expected, atol=1e-6)


@given(seed=st.integers(0, 1000))
def test_interaction__within_those_of_the_training_compounds(seed: int) -> None:
    interaction = np.random.default_rng(seed).normal(size=(5, 9))
    told = CompoundMap.fit(bits(9, seed)).interaction(bits(4, seed + 1), interaction)
    assert (told <= interaction.max(axis=1, keepdims=True) + 1e-9).all()
    assert (told >= interaction.min(axis=1, keepdims=True) - 1e-9).all()


def test_map__nothing_alike_is_the_mean_and_no_interaction() -> None:
    old, means = bits(6, 0), np.arange(6.0)
    compounds = CompoundMap.fit(old)
    assert compounds.mean(np.zeros((1, 32), np.uint8), means).tolist() == [2.5]
    assert not compounds.interaction(np.zeros((1, 32), np.uint8), np.ones((3, 6))).any()


def test_map__fingerprints_of_another_length() -> None:
    with pytest.raises(InputError, match="cannot be compared"):
        CompoundMap.fit(bits(3, 0)).mean(np.zeros((1, 16), np.uint8), np.zeros(3))


def test_count_tanimoto__as_rdkits_on_counts() -> None:
    from rdkit import Chem
    from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator
    from rdkit.DataStructs import TanimotoSimilarity

    molecules = [Chem.MolFromSmiles(text) for text in ("CCO", "CCCCN", "c1ccccc1O", "CC(=O)Nc1ccc(O)cc1")]
    theirs = [GetMorganGenerator(radius=2, fpSize=1024).GetCountFingerprint(m) for m in molecules]
    counts = np.array([fp.ToList() for fp in theirs])
    assert 1 < counts.max() <= MAX_COUNT
    expected = [[TanimotoSimilarity(a, b) for b in theirs] for a in theirs]
    assert np.allclose(count_tanimoto(counts, counts), expected, atol=1e-6)


def test_count_tanimoto__bits_as_chems() -> None:
    assert np.allclose(count_tanimoto(bits(5, 0), bits(3, 1)), tanimoto(bits(5, 0), bits(3, 1)))
    assert count_tanimoto(bits(0, 0), bits(3, 1)).shape == (0, 3)


def test_map__negative_counts() -> None:
    with pytest.raises(InputError, match="no table of counts"):
        CompoundMap.fit(np.array([[1, -1]]))
