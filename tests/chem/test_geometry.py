"""Partial charges and conformers: RDKit's figures, in their place, whatever the order of the atoms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem, rdBase
from rdkit.Chem import rdPartialCharges

from chem import InputError, encode_graphs, load_graphs, save_graphs
from chem.geometry import add_conformers, add_partial_charges, pair_distances

DRUGS = Path(__file__).resolve().parents[2] / "varimol" / "data" / "drugs.tsv"


@pytest.fixture(scope="module")
def drugs() -> list[str]:
    with rdBase.BlockLogs():
        smiles = pd.read_csv(DRUGS, sep="\t")["smiles"].iloc[::5].tolist()
        return [text for text in smiles if Chem.MolFromSmiles(text) is not None]


def charges(smiles: list[str]) -> np.ndarray:
    return add_partial_charges(encode_graphs(smiles), smiles).atom_values["partial_charge"]


def test_partial_charges__are_rdkits_in_place(drugs: list[str]) -> None:
    expected = []
    for text in drugs:
        molecule = Chem.MolFromSmiles(text)
        with rdBase.BlockLogs():
            rdPartialCharges.ComputeGasteigerCharges(molecule)
        expected += [atom.GetDoubleProp("_GasteigerCharge") for atom in molecule.GetAtoms()]
    found = charges(drugs)
    assert found.dtype == np.float32 and np.isfinite(found).mean() > 0.98
    wanted = np.array(expected)
    np.testing.assert_allclose(found, np.where(np.isfinite(wanted), wanted, np.nan), atol=1e-6)


def test_partial_charges__published_values() -> None:
    """Methane, ethane, methyl fluoride: carbons of table 1 of Gasteiger and Marsili (1980)."""
    found = charges(["C", "CC", "CF"])
    np.testing.assert_allclose(found[[0, 1, 3]], [-0.078, -0.068, 0.079], atol=2e-3)


@settings(max_examples=60)
@given(data=st.data())
def test_partial_charges__follow_the_atoms(drugs: list[str], data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(drugs))
    molecule = Chem.MolFromSmiles(text)
    order = data.draw(st.permutations(range(molecule.GetNumAtoms())))
    renumbered = Chem.RenumberAtoms(molecule, order)
    rewritten = Chem.MolToSmiles(renumbered, canonical=False)
    written = list(renumbered.GetPropsAsDict(True, True)["_smilesAtomOutputOrder"])
    before = charges([text])[np.array(order)[written]]
    np.testing.assert_allclose(charges([rewritten]), before, atol=1e-5)


def test_partial_charges__elements_without_parameters_are_missing() -> None:
    found = charges(["C[Se]C", "CC", "*C"])
    assert np.isnan(found).tolist() == [True] * 3 + [False] * 2 + [True] * 2


def test_partial_charges__add_up_with_their_hydrogens() -> None:
    """The charges of all atoms, hydrogens spelled out, are the molecule's charge."""
    for text, total in (("CC(=O)Oc1ccccc1C(=O)O", 0), ("C[NH3+]", 1), ("CC(=O)[O-]", -1)):
        molecule = Chem.AddHs(Chem.MolFromSmiles(text))
        rdPartialCharges.ComputeGasteigerCharges(molecule)
        heavy = [atom for atom in molecule.GetAtoms() if atom.GetAtomicNum() > 1]
        hydrogens = sum(
            atom.GetDoubleProp("_GasteigerCharge") for atom in molecule.GetAtoms() if atom.GetAtomicNum() == 1
        )
        assert len(heavy) == len(charges([text]))
        assert charges([text]).sum() + hydrogens == pytest.approx(total, abs=1e-4)


def test_conformers__distances_are_those_of_the_positions(drugs: list[str]) -> None:
    smiles = sorted(drugs, key=len)[20:50]
    placed, reasons = add_conformers(encode_graphs(smiles), smiles)
    assert reasons == [""] * len(smiles)
    for index in range(len(smiles)):
        part = placed.take([index])
        matrix = pair_distances(placed, index)
        assert matrix.dtype == np.float32
        np.testing.assert_allclose(matrix, matrix.T)
        begin, end = part.edge_index
        np.testing.assert_allclose(part.edge_values["distance"], matrix[begin, end], atol=1e-4)
        bonded = part.edge_values["distance"]
        if len(bonded):
            assert bonded.min() > 0.9 and bonded.max() < 2.8
        np.fill_diagonal(matrix, 9.0)
        assert matrix.min() > 0.9


def test_conformers__published_bond_lengths() -> None:
    """Ethane, ethene, ethyne, benzene (CRC handbook), as far as ETKDG without a force field keeps them."""
    smiles = ["CC", "C=C", "C#C", "c1ccccc1"]
    placed, _ = add_conformers(encode_graphs(smiles), smiles)
    lengths = [placed.take([index]).edge_values["distance"].mean() for index in range(4)]
    np.testing.assert_allclose(lengths, [1.535, 1.339, 1.203, 1.397], atol=0.05)


def test_conformers__have_the_molecules_handedness() -> None:
    """The sign of the volume spanned by the neighbours of a centre, for both enantiomers."""
    smiles = ["C[C@H](O)F", "C[C@@H](O)F"]
    placed, _ = add_conformers(encode_graphs(smiles), smiles)
    volumes = []
    for index in range(2):
        position = placed.take([index]).atom_values["position"]
        volumes.append(np.linalg.det(position[[0, 2, 3]] - position[1]))
    assert volumes[0] * volumes[1] < 0 and min(abs(v) for v in volumes) > 0.5


def test_conformers__are_repeatable_and_independent_of_neighbours() -> None:
    one, _ = add_conformers(encode_graphs(["CCO", "CCCCN"]), ["CCO", "CCCCN"], seed=7)
    two, _ = add_conformers(encode_graphs(["CCCCN"]), ["CCCCN"], seed=7)
    other, _ = add_conformers(encode_graphs(["CCCCN"]), ["CCCCN"], seed=8)
    same = one.take([1]).atom_values["position"]
    np.testing.assert_array_equal(same, two.atom_values["position"])
    assert not np.array_equal(same, other.atom_values["position"])


def test_conformers__failure_is_a_reason() -> None:
    """Camphor, and the isomer whose bridge would have to pass through the ring."""
    smiles = ["CC1(C)[C@H]2CC[C@]1(C)C(=O)C2", "CC1(C)[C@@H]2CC[C@]1(C)C(=O)C2", "CC"]
    placed, reasons = add_conformers(encode_graphs(smiles), smiles, max_seconds=5)
    failed = [bool(reason) for reason in reasons]
    assert sorted(failed[:2]) == [False, True] and not failed[2]
    assert reasons[failed.index(True)] == "no conformer was found"
    for index in range(3):
        part = placed.take([index])
        assert np.isnan(part.atom_values["position"]).all() == failed[index]
        assert np.isnan(part.edge_values["distance"]).all() == failed[index]
        assert np.isnan(pair_distances(placed, index)).all() == failed[index]


def test_values__survive_the_store(tmp_path: Path) -> None:
    smiles = ["CCO", "c1ccccc1"]
    placed, _ = add_conformers(add_partial_charges(encode_graphs(smiles), smiles), smiles)
    save_graphs(placed, tmp_path / "graphs")
    back = load_graphs(tmp_path / "graphs").take([1])
    for name in ("partial_charge", "position"):
        np.testing.assert_array_equal(back.atom_values[name], placed.take([1]).atom_values[name])
    assert set(back.batch_arrays([0])) >= {"partial_charge", "position", "distance"}
    save_graphs(encode_graphs(smiles), tmp_path / "plain")
    later = add_partial_charges(load_graphs(tmp_path / "plain"), smiles)
    np.testing.assert_array_equal(
        later.take([1]).atom_values["partial_charge"], back.atom_values["partial_charge"]
    )


@pytest.mark.parametrize(
    "other", [["CCO"], ["CCO", "CCN", "C"], ["CCO", "CN"], ["CCO", "C1CC1"], ["CCO", "("]]
)
def test_refused__smiles_of_other_graphs(other: list[str]) -> None:
    graphs = encode_graphs(["CCO", "CCC"])
    with pytest.raises(InputError, match="field smiles"):
        add_partial_charges(graphs, other)
    with pytest.raises(InputError, match="field smiles"):
        add_conformers(graphs, other)


def test_pair_distances__need_positions() -> None:
    with pytest.raises(InputError, match="call add_conformers first"):
        pair_distances(encode_graphs(["CC"]), 0)
