"""Clusters: RDKit's Butina and leader on the same fingerprints, and what makes a cluster one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem, DataStructs, RDConfig, rdBase
from rdkit.Chem import rdFingerprintGenerator
from rdkit.ML.Cluster import Butina
from rdkit.SimDivFilters import rdSimDivPickers

from chem.cluster import Clusters, butina_clusters, scaffold_clusters, sphere_exclusion
from chem.errors import InputError
from chem.fingerprint import fingerprints
from chem.scaffold import murcko_scaffold

N = 600


@pytest.fixture(scope="module")
def molecules() -> list[Chem.Mol]:
    """Return molecules of RDKit's sample of the NCI collection."""
    file = Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi"
    with rdBase.BlockLogs():
        read = [Chem.MolFromSmiles(line.split()[0]) for line in file.read_text().splitlines()[: N + 50]]
    return [molecule for molecule in read if molecule is not None][:N]


@pytest.fixture(scope="module")
def packed(molecules: list[Chem.Mol]) -> np.ndarray:
    """Return their packed Morgan fingerprints."""
    return fingerprints(molecules, packed=True)


@pytest.fixture(scope="module")
def rdkit_bits(molecules: list[Chem.Mol]) -> list[DataStructs.ExplicitBitVect]:
    """Return the fingerprints as RDKit has them."""
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    return [generator.GetFingerprint(molecule) for molecule in molecules]


def groups(clusters: Clusters) -> list[tuple[int, frozenset[int]]]:
    """Centre and members of each cluster, in order."""
    return [
        (int(centre), frozenset(np.flatnonzero(clusters.label == number).tolist()))
        for number, centre in enumerate(clusters.centre)
    ]


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.65])
def test_butina__equal_to_rdkit(
    packed: np.ndarray, rdkit_bits: list[DataStructs.ExplicitBitVect], threshold: float
) -> None:
    """RDKit takes the last of equals first, so it gets the molecules in reverse."""
    bits = rdkit_bits[::-1]
    distances = [
        1 - similarity
        for place in range(1, len(bits))
        for similarity in DataStructs.BulkTanimotoSimilarity(bits[place], bits[:place])
    ]
    # Half a step of the similarities, so that a rounded 1 - s decides nothing.
    theirs = Butina.ClusterData(distances, len(bits), 1 - threshold + 1e-9, isDistData=True)
    last = len(bits) - 1
    expected = [(last - members[0], frozenset(last - member for member in members)) for members in theirs]
    ours = groups(butina_clusters(packed, threshold))
    assert ours == expected


def test_butina__every_member_is_near_its_centre(packed: np.ndarray) -> None:
    clusters = butina_clusters(packed, 0.4)
    bits = np.unpackbits(packed, axis=1).astype(int)
    shared = (bits * bits[clusters.centre[clusters.label]]).sum(axis=1)
    union = np.maximum(bits, bits[clusters.centre[clusters.label]]).sum(axis=1)
    assert (shared / union >= 0.4).all()
    assert clusters.size.sum() == len(packed) and (np.diff(clusters.size[:3]) <= 0).all()
    assert (clusters.label[clusters.centre] == np.arange(len(clusters))).all()


def test_butina__same_by_threads_and_shows_progress(packed: np.ndarray) -> None:
    seen: list[float] = []
    one = butina_clusters(packed, 0.5, progress=seen.append)
    two = butina_clusters(packed, 0.5, threads=2)
    assert (one.label == two.label).all() and seen


@pytest.mark.parametrize("threshold", [0.3, 0.65])
def test_sphere_exclusion__picks_equal_to_rdkit(
    packed: np.ndarray, rdkit_bits: list[DataStructs.ExplicitBitVect], threshold: float
) -> None:
    theirs = rdSimDivPickers.LeaderPicker().LazyBitVectorPick(
        rdkit_bits, len(rdkit_bits), 1 - threshold + 1e-9
    )
    assert sphere_exclusion(packed, threshold).centre.tolist() == list(theirs)


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 1.0))
def test_sphere_exclusion__covers_and_keeps_apart(seed: int, threshold: float) -> None:
    rng = np.random.default_rng(seed)
    bits = (rng.random((60, 24)) < 0.4).astype(np.uint8)
    clusters = sphere_exclusion(np.packbits(bits, axis=1), threshold, order=rng.permutation(60))
    shared = bits.astype(int) @ bits.T
    counts = bits.sum(axis=1, dtype=int)
    similarity = shared / np.maximum(counts[:, None] + counts - shared, 1)
    among = similarity[np.ix_(clusters.centre, clusters.centre)] - 2 * np.eye(len(clusters))
    assert (among < threshold).all()
    others = np.setdiff1d(np.arange(60), clusters.centre)
    assert (similarity[others, clusters.centre[clusters.label[others]]] >= threshold).all()


def test_clusters__of_none_one_and_blank() -> None:
    blank = np.zeros((3, 8), np.uint8)
    for cluster in (butina_clusters, sphere_exclusion):
        assert len(cluster(blank[:0])) == 0
        assert cluster(blank[:1]).label.tolist() == [0]
        assert cluster(blank, 0.5).label.tolist() == [0, 1, 2]  # nothing is known of them


def test_scaffold_clusters__one_scaffold_each(molecules: list[Chem.Mol]) -> None:
    smiles = [Chem.MolToSmiles(molecule) for molecule in molecules[:200]]
    clusters = scaffold_clusters(smiles)
    scaffolds = np.array([murcko_scaffold(text) for text in smiles])
    for number, centre in enumerate(clusters.centre):
        assert (scaffolds[clusters.label == number] == scaffolds[centre]).all()
    assert len(clusters) == len(set(scaffolds))


def test_clusters__refused(packed: np.ndarray) -> None:
    with pytest.raises(InputError, match="threshold"):
        butina_clusters(packed, 2.0)
    with pytest.raises(InputError, match="field order"):
        sphere_exclusion(packed, 0.5, order=[0, 0])
    with pytest.raises(InputError, match="packed bits"):
        butina_clusters(packed.astype(np.float64))
