"""Fingerprints and similarities against RDKit's own bit vectors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from rdkit import Chem, DataStructs
from rdkit.Chem import Descriptors, rdFingerprintGenerator

from chem import DESCRIPTOR_NAMES, InputError, descriptors, morgan_fingerprints, tanimoto

SMILES = [
    "CC(=O)Oc1ccccc1C(=O)O",
    "CN1C=NC2=C1C(=O)N(C(=O)N2C)C",
    "C[C@@H]1CCN(C(=O)CC#N)C[C@@H]1N(C)c1ncnc2[nH]ccc12",
    "CC(C)Cc1ccc(cc1)C(C)C(=O)O",
    "C",
    "C1CCCCC1",
]


@pytest.mark.parametrize(("radius", "n_bits"), [(2, 2048), (3, 1024)])
def test_morgan__same_bits_as_rdkit(radius: int, n_bits: int) -> None:
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=radius, fpSize=n_bits)
    ours = morgan_fingerprints(SMILES, radius=radius, n_bits=n_bits)
    assert ours.dtype == np.uint8
    for row, smiles in zip(ours, SMILES, strict=True):
        theirs = generator.GetFingerprint(Chem.MolFromSmiles(smiles))
        assert np.flatnonzero(row).tolist() == list(theirs.GetOnBits())


def test_tanimoto__same_as_rdkit() -> None:
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    theirs = [generator.GetFingerprint(Chem.MolFromSmiles(smiles)) for smiles in SMILES]
    expected = [DataStructs.BulkTanimotoSimilarity(one, theirs) for one in theirs]
    bits = morgan_fingerprints(SMILES)
    np.testing.assert_allclose(tanimoto(bits, bits), expected, rtol=1e-6)
    assert tanimoto(bits, bits).dtype == np.float32


bit_rows = arrays(np.uint8, st.tuples(st.integers(0, 6), st.just(33)), elements=st.integers(0, 1))


@settings(deadline=None)
@given(bit_rows, bit_rows)
def test_tanimoto__symmetric_and_bounded(a: np.ndarray, b: np.ndarray) -> None:
    similarity = tanimoto(a, b)
    assert similarity.shape == (len(a), len(b))
    np.testing.assert_array_equal(similarity, tanimoto(b, a).T)
    assert ((similarity >= 0) & (similarity <= 1)).all()
    assert (np.diag(tanimoto(a, a)) == a.any(axis=1)).all()


def test_tanimoto__more_rows_than_one_block() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 2, (5000, 40), dtype=np.uint8), rng.integers(0, 2, (3, 40), dtype=np.uint8)
    shared = (a[:, None, :] & b[None]).sum(-1)
    expected = shared / (a[:, None, :] | b[None]).sum(-1)
    np.testing.assert_allclose(tanimoto(a, b), expected, rtol=1e-6)


def test_tanimoto__lengths_must_agree() -> None:
    with pytest.raises(InputError, match="n_bits"):
        tanimoto(np.zeros((1, 4)), np.zeros((1, 5)))


def test_morgan__enantiomers_share_bits() -> None:
    left, right = morgan_fingerprints(["C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"])
    np.testing.assert_array_equal(left, right)


def test_morgan__nothing() -> None:
    assert morgan_fingerprints([]).shape == (0, 2048)


@pytest.mark.parametrize("encode", [morgan_fingerprints, descriptors])
def test_bad_smiles__names_its_index(encode: object) -> None:
    with pytest.raises(InputError, match=r"record 1, field smiles: 'C1CC' does not parse: .*unclosed ring"):
        encode(["CC", "C1CC"])  # type: ignore[operator]


def test_descriptors__same_as_rdkit() -> None:
    table = descriptors(SMILES)
    assert table.shape == (len(SMILES), len(DESCRIPTOR_NAMES))
    assert np.isfinite(table).all()
    names = {
        "molecular_weight": "MolWt",
        "log_p": "MolLogP",
        "molar_refractivity": "MolMR",
        "tpsa": "TPSA",
        "n_heavy_atoms": "HeavyAtomCount",
        "n_hydrogen_donors": "NumHDonors",
        "n_hydrogen_acceptors": "NumHAcceptors",
        "n_rotatable_bonds": "NumRotatableBonds",
        "n_rings": "RingCount",
        "n_aromatic_rings": "NumAromaticRings",
        "n_heteroatoms": "NumHeteroatoms",
        "fraction_sp3": "FractionCSP3",
        "qed": "qed",
    }
    for row, smiles in zip(table, SMILES, strict=True):
        theirs = Descriptors.CalcMolDescriptors(Chem.MolFromSmiles(smiles))
        for ours, name in names.items():
            assert row[DESCRIPTOR_NAMES.index(ours)] == pytest.approx(theirs[name])


def test_descriptors__published_values_of_aspirin() -> None:
    """PubChem CID 2244: 180.16 g/mol, TPSA 63.6, 1 donor, 13 heavy atoms."""
    row = dict(zip(DESCRIPTOR_NAMES, descriptors(SMILES[:1])[0], strict=True))
    assert row["molecular_weight"] == pytest.approx(180.16, abs=0.01)
    assert row["tpsa"] == pytest.approx(63.6)
    assert (row["n_hydrogen_donors"], row["n_heavy_atoms"]) == (1, 13)
