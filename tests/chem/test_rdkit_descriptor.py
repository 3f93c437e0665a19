"""RDKit's descriptors by name, against RDKit's published test data and its other route."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem, RDConfig
from rdkit.Chem import Descriptors

from chem.errors import InputError
from chem.rdkit_descriptor import RDKIT_DESCRIPTOR_NAMES, rdkit_descriptor_table, rdkit_descriptors

SMILES = [
    "CC(=O)Oc1ccccc1C(=O)O",
    "C[C@@H]1CCN(C(=O)CC#N)C[C@@H]1N(C)c1ncnc2[nH]ccc12",
    "[Na+].[Cl-]",
    "C/C=C/C",
]


def test_descriptors__same_as_rdkits_own_table() -> None:
    ours = rdkit_descriptors(SMILES)
    theirs = pd.DataFrame([Descriptors.CalcMolDescriptors(Chem.MolFromSmiles(text)) for text in SMILES])
    pd.testing.assert_frame_equal(ours, theirs.astype(float), check_exact=True)
    assert tuple(ours) == RDKIT_DESCRIPTOR_NAMES and len(ours.columns) > 200


def test_tpsa__published_values_of_the_nci_set() -> None:
    """RDKit's data folder has the TPSA of molecules of the NCI set, from its author's own program."""
    with (Path(RDConfig.RDDataDir) / "NCI" / "first_200.tpsa.csv").open() as lines:
        rows = [row for row in csv.reader(lines) if row and not row[0].startswith("#")]
    table = rdkit_descriptors([row[0] for row in rows], ["TPSA"])
    np.testing.assert_allclose(table["TPSA"], [float(row[1]) for row in rows], atol=0.01)


def test_descriptors__of_aspirin_as_published() -> None:
    """PubChem CID 2244: 180.16 g/mol, exact mass 180.04226; Ertl et al. 2000: TPSA 63.6."""
    row = rdkit_descriptors(SMILES[:1], ["ExactMolWt", "MolWt", "TPSA", "NumRotatableBonds"]).iloc[0]
    assert row["ExactMolWt"] == pytest.approx(180.04226, abs=1e-5)
    assert row["MolWt"] == pytest.approx(180.16, abs=0.005)
    assert row["TPSA"] == pytest.approx(63.6, abs=0.01)


def test_names__chosen_ones_in_the_order_asked() -> None:
    whole = rdkit_descriptors(SMILES)
    chosen = ["qed", "BalabanJ", "MolWt", "Chi1v"]
    pd.testing.assert_frame_equal(rdkit_descriptors(iter(SMILES), chosen), whole[chosen], check_exact=True)


def test_policy__what_rdkit_cannot_compute_is_nan() -> None:
    table = rdkit_descriptors(["*CCO", "Cl[Pt](Cl)(N)N", "CCO", "[He]", "[H][H]"])
    assert not np.isinf(table.to_numpy()).any()
    assert table.loc[[0, 1], ["MaxPartialCharge", "BCUT2D_MWHI"]].isna().all(axis=None)
    assert table.loc[2].notna().all()
    assert table["MolWt"].notna().all()


def test_policy__large_molecules_do_not_stall() -> None:
    """RDKit alone takes more than a minute for the information content of a thousand atoms, then overflows."""
    peptide = "N[C@@H](C)C(=O)" * 70 + "O"
    start = time.process_time()
    row = rdkit_descriptors([peptide]).iloc[0]
    assert time.process_time() - start < 20
    assert row[["Ipc", "AvgIpc"]].isna().all()
    assert row.drop(["Ipc", "AvgIpc"]).notna().all()


def test_descriptors__same_over_processes() -> None:
    smiles = SMILES * 60
    names = ["MolWt", "MaxPartialCharge", "fr_phenol"]
    pd.testing.assert_frame_equal(
        rdkit_descriptors(smiles, names, threads=2), rdkit_descriptors(smiles, names), check_exact=True
    )


def test_table__has_versions() -> None:
    table = rdkit_descriptor_table()
    assert tuple(table["name"]) == RDKIT_DESCRIPTOR_NAMES
    counted = table["name"].str.startswith("fr_")  # counts of functional groups have none
    assert table.loc[~counted, "version"].str.fullmatch(r"\d+\.\d+\.\d+").all()
    assert table["description"].str.len().gt(0).mean() > 0.5


def test_descriptors__nothing() -> None:
    table = rdkit_descriptors([])
    assert table.shape == (0, len(RDKIT_DESCRIPTOR_NAMES))
    assert {kind.name for kind in table.dtypes} == {"float64"}


def test_descriptors__bad_input() -> None:
    with pytest.raises(InputError, match="record 1, field smiles: 'C1CC' does not parse"):
        rdkit_descriptors(["C", "C1CC"])
    with pytest.raises(
        InputError, match=r"has no descriptor 'Beauty'; expected names of rdkit_descriptor_table"
    ):
        rdkit_descriptors(["C"], ["MolWt", "Beauty"])
