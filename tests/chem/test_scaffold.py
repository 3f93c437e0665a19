"""Scaffolds and skeletons: relatives together, strangers apart."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem.Scaffolds import MurckoScaffold

from chem import InputError, inchikey_first_block, murcko_scaffold, scaffold_groups


def test_scaffold__published_example_diazepam() -> None:
    """Diazepam's framework is the 5-phenyl-1,4-benzodiazepin-2-one; RDKit keeps exocyclic double bonds."""
    assert murcko_scaffold("CN1C(=O)CN=C(c2ccccc2)c2cc(Cl)ccc21") == Chem.CanonSmiles(
        "O=C1CN=C(c2ccccc2)c2ccccc2N1"
    )


@pytest.mark.parametrize(
    "smiles", ["CC(C)Cc1ccc(cc1)C(C)C(=O)O", "C[C@H]1CC[C@@H](O)CC1", "c1ccc2[nH]ccc2c1C"]
)
def test_scaffold__same_as_rdkit(smiles: str) -> None:
    framework = MurckoScaffold.GetScaffoldForMol(Chem.MolFromSmiles(smiles))
    assert murcko_scaffold(smiles) == Chem.MolToSmiles(framework, isomericSmiles=False)


def test_scaffold__acyclic_molecules_stay_apart() -> None:
    acyclic = ["CCO", "CCN", "C/C=C/C", "CC(=O)O"]
    assert len({murcko_scaffold(smiles) for smiles in acyclic}) == len(acyclic)
    assert murcko_scaffold("C/C=C/C") == murcko_scaffold("C/C=C\\C")


def test_groups__numbered_by_first_appearance() -> None:
    groups = scaffold_groups(["c1ccccc1C", "CCO", "c1ccccc1N", "OCC", "C1CC1"])
    assert groups.dtype == np.int64
    assert groups.tolist() == [0, 1, 0, 1, 2]
    assert scaffold_groups([]).tolist() == []


def test_first_block__published_keys() -> None:
    assert inchikey_first_block("CC(=O)Oc1ccccc1C(=O)O") == "BSYNRYMUTXBXSQ"
    assert inchikey_first_block("CCO") == "LFQSCWFLJHTTHZ"
    assert inchikey_first_block("C([2H])([2H])([2H])O") == inchikey_first_block("CO")


@pytest.mark.parametrize("function", [murcko_scaffold, inchikey_first_block])
def test_bad_smiles__one_line(function: object) -> None:
    with pytest.raises(InputError, match="unclosed ring"):
        function("C1CC")  # type: ignore[operator]


def test_groups__same_by_processes_and_for_molecules() -> None:
    smiles = [
        f"{'C' * (number % 40 + 1)}c1ccccc1" if number % 3 else "C" * (number % 7 + 1)
        for number in range(6000)
    ]
    groups = scaffold_groups(smiles)
    assert (scaffold_groups(smiles, threads=2) == groups).all()
    assert (scaffold_groups(Chem.MolFromSmiles(text) for text in smiles) == groups).all()
    assert len(set(groups.tolist())) == 8


def test_groups__a_bad_one_is_named() -> None:
    with pytest.raises(InputError, match=r"record 2.*unclosed ring"):
        scaffold_groups(["CCO", "CC", "C1CC"])
