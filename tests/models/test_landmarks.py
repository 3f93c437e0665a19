"""Kernels of molecules and proteins against RDKit, and their principal components against plain linear algebra."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator as generators
from rdkit.DataStructs import TanimotoSimilarity
from scipy.sparse.linalg import eigsh

from chem.errors import InputError
from models.landmarks import (
    N_BITS,
    PROTEIN_WEIGHTS,
    fit_landmarks,
    molecule_kernel,
    molecule_tables,
    protein_kernel,
    protein_tables,
)
from models.protein import Target, encode_proteins

SEQUENCES = st.text("ACDEFGHIKLMNPQRSTVWYXUO*", min_size=0, max_size=60)


def test_molecule_kernel__is_rdkits_similarities(drug_smiles: dict[str, str]) -> None:
    """The square of the mean over the six kinds, each made by RDKit's own generator."""
    smiles = list(drug_smiles.values())
    features = generators.GetMorganFeatureAtomInvGen()
    kinds = [
        generators.GetMorganGenerator(radius=1, fpSize=N_BITS),
        generators.GetMorganGenerator(radius=2, fpSize=N_BITS, includeChirality=True),
        generators.GetMorganGenerator(radius=3, fpSize=N_BITS, includeChirality=True),
        generators.GetMorganGenerator(radius=2, fpSize=N_BITS, atomInvariantsGenerator=features),
        generators.GetAtomPairGenerator(fpSize=N_BITS, countSimulation=False),
        generators.GetTopologicalTorsionGenerator(fpSize=N_BITS, countSimulation=False),
    ]
    molecules = [Chem.MolFromSmiles(text) for text in smiles]
    parts = []
    for kind in kinds:
        vectors = [kind.GetCountFingerprint(molecule) for molecule in molecules]
        parts.append([[TanimotoSimilarity(a, b) for b in vectors] for a in vectors])
    tables = molecule_tables(smiles)
    np.testing.assert_allclose(
        molecule_kernel(tables, tables), np.mean(parts, axis=0) ** 2, rtol=1e-5, atol=1e-7
    )


def test_molecule_kernel__is_positive_definite(drug_smiles: dict[str, str]) -> None:
    tables = molecule_tables(list(drug_smiles.values()))
    kernel = molecule_kernel(tables, tables)
    np.testing.assert_array_equal(kernel, kernel.T)
    assert np.linalg.eigvalsh(kernel.astype(float)).min() > 0
    assert kernel.max() == 1.0 and kernel.min() >= 0.0


def test_molecule_tables__an_unreadable_structure_is_like_nothing() -> None:
    tables = molecule_tables(["CCCO", "", "CCCO"])
    assert molecule_kernel(tables, tables).tolist() == [[1, 0, 1], [0, 0, 0], [1, 0, 1]]
    with pytest.raises(InputError, match="does not parse"):
        molecule_tables(["CC("])


def test_molecule_tables__stereoisomers_differ_a_little() -> None:
    tables = molecule_tables(["C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "CCCCCC"])
    kernel = molecule_kernel(tables, tables)
    assert 0.7 < kernel[0, 1] < 1.0 and kernel[0, 2] < kernel[0, 1]


@settings(max_examples=20)
@given(sequences=st.lists(SEQUENCES, min_size=1, max_size=6))
def test_protein_kernel__is_positive_semidefinite(sequences: list[str], profile: NDArray[np.float32]) -> None:
    """Also of chains that are empty, too short for a word, or hold letters outside the twenty."""
    targets = [Target(f"T{k}", sequence) for k, sequence in enumerate(sequences)]
    tables = protein_tables(targets, encode_proteins(targets, profile))
    kernel = protein_kernel(tables, tables)
    np.testing.assert_array_equal(kernel, kernel.T)
    assert np.linalg.eigvalsh(kernel.astype(float)).min() > -1e-6


def test_protein_kernel__of_kinases(kinases: dict[str, str], profile: NDArray[np.float32]) -> None:
    targets = [Target(name, sequence) for name, sequence in kinases.items()]
    tables = protein_tables(targets, encode_proteins(targets, profile))
    kernel = protein_kernel(tables, tables)
    np.testing.assert_allclose(np.diag(kernel), 1.0, rtol=1e-6)
    assert np.linalg.eigvalsh(kernel.astype(float)).min() > 0
    names = list(kinases)
    assert (
        kernel[names.index("ABL1"), names.index("SRC")] > kernel[names.index("ABL1"), names.index("PRKACA")]
    )


def test_protein_kernel__tells_forms_of_one_sequence_apart(
    kinases: dict[str, str], profile: NDArray[np.float32]
) -> None:
    sequence = kinases["ABL1"]
    forms = [
        Target("ABL1", sequence), Target("other name", sequence), Target("ABL1p", sequence, phosphorylated=True),
        Target("ABL1(X)", sequence, unplaced=True),
    ]  # fmt: skip
    tables = protein_tables(forms, encode_proteins(forms, profile))
    kernel = protein_kernel(tables, tables)
    assert kernel[0, 1] == kernel[0, 0]
    np.testing.assert_allclose(kernel[0, 2:], kernel[0, 0] - PROTEIN_WEIGHTS[0], rtol=1e-6)


def test_fit_landmarks__are_the_leading_eigenvectors(drug_smiles: dict[str, str]) -> None:
    """Those that Lanczos iterations find, up to one scale for all and a sign for each."""
    tables = molecule_tables(list(drug_smiles.values()))
    kernel = molecule_kernel(tables, tables).astype(float)
    value, vector = eigsh(kernel, k=6, which="LA", v0=np.ones(len(kernel)))
    expected = (vector * np.sqrt(value))[:, ::-1]
    expected /= np.sqrt(np.mean(expected**2))
    found = fit_landmarks(tables, rank=6).coordinates(tables)
    signs = np.sign((found * expected).sum(axis=0))
    np.testing.assert_allclose(found, expected * signs, atol=1e-4)
    assert (np.diff((found**2).sum(axis=0)) < 0).all()
    assert np.mean(found**2) == pytest.approx(1, rel=1e-4)


def test_fit_landmarks__coordinates_of_all_components_reproduce_the_kernel(
    drug_smiles: dict[str, str],
) -> None:
    tables = molecule_tables(list(drug_smiles.values()))
    kernel = molecule_kernel(tables, tables)
    landmarks = fit_landmarks(tables, rank=512)
    assert landmarks.rank == len(kernel)
    found = landmarks.coordinates(tables).astype(float)
    scale = np.trace(kernel) / (len(kernel) * landmarks.rank)
    np.testing.assert_allclose(found @ found.T * scale, kernel, atol=1e-4)


def test_fit_landmarks__new_molecules_are_placed_by_the_same_rule(drug_smiles: dict[str, str]) -> None:
    """A kernel value with a training molecule is the product of coordinates, for a new molecule too."""
    smiles = list(drug_smiles.values())
    tables, new = molecule_tables(smiles[:15]), molecule_tables(smiles[15:])
    landmarks = fit_landmarks(tables, rank=15)
    scale = np.trace(molecule_kernel(tables, tables)) / 15**2
    product = landmarks.coordinates(new) @ landmarks.coordinates(tables).T * scale
    np.testing.assert_allclose(product, molecule_kernel(new, tables), atol=1e-4)


def test_fit_landmarks__repeated_molecules_add_no_component() -> None:
    twice = molecule_tables(["CCO", "c1ccccc1", "CCO", "CCO"])
    landmarks = fit_landmarks(twice, rank=4)
    assert landmarks.rank == 2
    assert np.isfinite(landmarks.coordinates(twice)).all()


def test_fit_landmarks__refuses_no_molecules() -> None:
    with pytest.raises(InputError, match="no training item"):
        fit_landmarks(molecule_tables([]), rank=2)
