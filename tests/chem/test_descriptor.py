"""The small set of descriptors against RDKit's own."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import Descriptors

from chem import DESCRIPTOR_NAMES, InputError, descriptors

SMILES = [
    "CC(=O)Oc1ccccc1C(=O)O",
    "CN1C=NC2=C1C(=O)N(C(=O)N2C)C",
    "C[C@@H]1CCN(C(=O)CC#N)C[C@@H]1N(C)c1ncnc2[nH]ccc12",
    "CC(C)Cc1ccc(cc1)C(C)C(=O)O",
    "C",
    "C1CCCCC1",
]


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


def test_descriptors__bad_smiles_names_its_index() -> None:
    with pytest.raises(InputError, match=r"record 1, field smiles: 'C1CC' does not parse: .*unclosed ring"):
        descriptors(["CC", "C1CC"])


def test_descriptors__nothing_and_odd_molecules() -> None:
    assert descriptors([]).shape == (0, len(DESCRIPTOR_NAMES)) and descriptors([]).dtype == np.float64
    assert np.isfinite(descriptors(["*CC*", "[Na+].[Cl-]", "[H][H]", "C" * 900])).all()
    np.testing.assert_array_equal(
        descriptors(iter(SMILES)), descriptors([Chem.MolFromSmiles(s) for s in SMILES])
    )
