"""Atoms followed through standardisation, against isotopes that are put on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem, rdBase

from chem import InputError, StandardisationRecipe, encode_graphs, standardise_smiles
from chem.atom_origin import input_atoms

DRUGS = Path(__file__).resolve().parents[2] / "varimol" / "data" / "drugs.tsv"
SALTS = (".Cl", ".[Na+].[Cl-]", ".OC(=O)/C=C\\C(=O)O", ".Cl.Cl.O", ".CS(=O)(=O)O", ".[Ca+2].[Ca+2]")


def as_written(smiles: str) -> Chem.Mol:
    """Every atom of the text in its order, hydrogens too."""
    settings = Chem.SmilesParserParams()
    settings.removeHs = False
    return Chem.MolFromSmiles(smiles, settings)


def assert_same_skeleton(smiles: str) -> np.ndarray:
    """Distinct atoms of the same elements, with the same neighbours."""
    origin = input_atoms(smiles)
    written, parent = as_written(smiles), Chem.MolFromSmiles(standardise_smiles(smiles).smiles)
    assert len(set(origin.tolist())) == len(origin) == parent.GetNumAtoms()
    for atom, place in zip(parent.GetAtoms(), origin.tolist(), strict=True):
        assert atom.GetAtomicNum() == written.GetAtomWithIdx(place).GetAtomicNum()
    for bond in parent.GetBonds():
        ends = int(origin[bond.GetBeginAtomIdx()]), int(origin[bond.GetEndAtomIdx()])
        assert written.GetBondBetweenAtoms(*ends) is not None
    return origin


@pytest.fixture(scope="module")
def drugs() -> list[str]:
    with rdBase.BlockLogs():
        smiles = pd.read_csv(DRUGS, sep="\t")["smiles"].tolist()
        return [text for text in smiles if Chem.MolFromSmiles(text) is not None]


def test_input_atoms__drugs_with_salts(drugs: list[str]) -> None:
    n_compared = 0
    for number, text in enumerate(drugs[::12]):
        salt = SALTS[number % len(SALTS)]
        behind = assert_same_skeleton(text + salt)
        before = assert_same_skeleton(f"{salt[1:]}.{text}")
        n_salt, parent = as_written(salt[1:]).GetNumAtoms(), standardise_smiles(text + salt).smiles
        if (
            parent != standardise_smiles(salt[1:]).smiles
        ):  # some drugs are smaller than the acid, or that acid
            np.testing.assert_array_equal(behind + n_salt, before)
            n_compared += 1
    assert n_compared > 100


@settings(max_examples=30)
@given(data=st.data())
def test_input_atoms__is_where_an_isotope_goes(drugs: list[str], data: st.DataObject) -> None:
    """An atom that is marked as an isotope is found again in the graph at the place that was told."""
    plain = as_written(data.draw(st.sampled_from(drugs)) + data.draw(st.sampled_from(SALTS)))
    order = data.draw(st.permutations(range(plain.GetNumAtoms())))
    text = Chem.MolToSmiles(Chem.RenumberAtoms(plain, order), canonical=False)
    origin = input_atoms(text)
    place = data.draw(st.integers(0, len(origin) - 1))
    marked = as_written(text)
    atom = marked.GetAtomWithIdx(int(origin[place]))
    if atom.GetIsotope() or atom.GetDegree() == 0:
        return
    atom.SetIsotope(99)
    parent = Chem.MolFromSmiles(standardise_smiles(Chem.MolToSmiles(marked, canonical=False)).smiles)
    expected = Chem.MolFromSmiles(standardise_smiles(text).smiles)
    expected.GetAtomWithIdx(place).SetIsotope(99)
    # Which of two like acids loses its proton can depend on the mark: charges stay out of the comparison.
    assert skeleton(parent) == skeleton(expected)


def skeleton(molecule: Chem.Mol) -> str:
    """Elements, isotopes and neighbours alone."""
    plain = Chem.RWMol()
    for atom in molecule.GetAtoms():
        copy = Chem.Atom(atom.GetAtomicNum())
        copy.SetIsotope(atom.GetIsotope())
        copy.SetNoImplicit(True)
        plain.AddAtom(copy)
    for bond in molecule.GetBonds():
        plain.AddBond(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), Chem.BondType.SINGLE)
    return Chem.MolToSmiles(plain)


@pytest.mark.parametrize(
    ("smiles", "expected"),
    [
        ("CCO", [0, 1, 2]),
        ("OCC", [2, 1, 0]),
        ("[H]OC([H])([H])C", [5, 2, 1]),
        ("[H]C([H])([H])[C@]([H])(N([H])[H])C(=O)O[H]", [1, 4, 6, 9, 10, 11]),
        ("[Na+].CC(=O)[O-]", [1, 2, 3, 4]),
        ("[CH3:7][OH:7]", [0, 1]),
        ("[2H]OC", [0, 1, 2]),
        ("O.O.CN.Cl", [2, 3]),
    ],
)
def test_input_atoms__by_hand(smiles: str, expected: list[int]) -> None:
    if smiles.startswith("[CH3:7]"):
        assert sorted(input_atoms(smiles).tolist()) == expected
    else:
        assert input_atoms(smiles).tolist() == expected


def test_input_atoms__fits_the_graph_and_the_recipe() -> None:
    smiles, whole = "Cl.NCC", StandardisationRecipe(largest_fragment=False)
    for recipe in (StandardisationRecipe(), whole):
        graphs = encode_graphs([standardise_smiles(smiles, recipe).smiles])
        assert len(input_atoms(smiles, recipe)) == graphs.n_atoms[0]
    assert sorted(input_atoms(smiles, whole).tolist()) == [0, 1, 2, 3]


def test_input_atoms__unreadable_structure() -> None:
    with pytest.raises(InputError, match="'C1CC' cannot be used: SMILES Parse Error"):
        input_atoms("C1CC")
