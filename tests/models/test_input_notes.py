"""What is said of drugs and proteins that a network does not know, and that they are predicted all the same."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem

from chem.graph_encode import encode_graphs
from chem.graph_version import schema_of_version
from models.input_notes import atom_types, drug_notes, residue_notes, unknown_residues
from models.kinase import UNKNOWN, encode_residues, seed_profile
from models.parts.batch import molecule_batch
from models.parts.molecule import molecule_encoder
from models.protein import Target, encode_proteins

KNOWN = ("CCO", "c1ccncc1", "CC(=O)[O-]", "C[NH3+]")


def test_atom_types__as_rdkit_reads_them() -> None:
    smiles = [*KNOWN, "", "C[Se]C", "F[Si](F)(F)F"]
    atoms = [atom for text in smiles for atom in Chem.MolFromSmiles(text).GetAtoms()]
    found = json.loads(json.dumps(atom_types(smiles)))
    assert set(found["element"]) == {atom.GetSymbol() for atom in atoms}
    assert set(found["formal_charge"]) == {atom.GetFormalCharge() for atom in atoms}
    assert set(found["hybridisation"]) == {str(atom.GetHybridization()) for atom in atoms}


@pytest.mark.parametrize(
    ("smiles", "note"),
    [
        ("CCN", ""),
        ("", ""),
        ("C[Se]C", "element Se not in training"),
        ("CC#N", "hybridisation SP not in training"),
        ("C[Ru]", "element Ru has no code of its own, read as unknown"),
    ],
)
def test_drug_notes__each_drug_has_its_own(smiles: str, note: str) -> None:
    seen = atom_types(KNOWN)
    assert drug_notes(["CCO", smiles, "CCO", smiles], seen) == ("", note, "", note)


def test_drug_notes__a_newer_schema_knows_more() -> None:
    seen = atom_types(KNOWN)
    assert "Ru not in training" in drug_notes(["C[Ru]"], seen, schema_version=2)[0]
    assert drug_notes(["C[Ru]"], atom_types([*KNOWN, "C[Ru]"]), schema_version=2) == ("",)
    assert drug_notes([], seen) == ()


def test_drug_notes__training_molecules_have_none() -> None:
    assert drug_notes(KNOWN, atom_types(KNOWN)) == ("",) * len(KNOWN)


@pytest.mark.parametrize(("encoder", "version"), [("gine", 1), ("dmpnn", 2)])
def test_drug_notes__what_is_noted_is_encoded(encoder: str, version: int) -> None:
    """Where the note says so the element has the unknown code, and an encoder gives a finite vector."""
    smiles = ["C[Ru]", "[U+4]", "*CC", "CCO"]
    graphs = encode_graphs(smiles).project(version)
    element = graphs.node_features[:, schema_of_version(version)["node_fields"].index("element")]
    unknown = [
        bool((element[a:b] == 0).any())
        for a, b in zip(graphs.node_offsets, graphs.node_offsets[1:], strict=False)
    ]
    notes = drug_notes(smiles, atom_types(smiles), schema_version=version)
    assert ["element" in note and "read as unknown" in note for note in notes] == unknown
    network = molecule_encoder(
        encoder, graphs.node_cardinalities, graphs.edge_cardinalities, 16, n_layers=2
    ).eval()
    with torch.no_grad():
        _, vectors = network(molecule_batch(graphs, np.arange(len(graphs))))
    assert torch.isfinite(vectors).all()


@given(st.text("ACDEFGHIKLMNPQRSTVWYXUOBZJacx*", min_size=1, max_size=60))
def test_unknown_residues__are_those_that_the_network_reads_so(sequence: str) -> None:
    n = int((encode_residues(sequence) == UNKNOWN).sum())
    note = unknown_residues(sequence)
    assert note.startswith(f"{n} of {len(sequence)} residues") if n else note == ""


def test_residue_notes__proteins_with_unknown_residues_are_encoded() -> None:
    sequences = ["MKLUXO" * 5, "MKL"]
    assert residue_notes(sequences) == [
        "1 of 2 sequences have residues that are none of the twenty amino acids, read as unknown: U 5, X 5, O 5"
    ]
    arrays = encode_proteins([Target(s, s) for s in sequences], seed_profile())
    assert np.isfinite(arrays.composition).all()
    assert (arrays.window[0] == UNKNOWN).sum() == 15


def test_residue_notes__nothing_to_say() -> None:
    assert residue_notes(["GAT", "MKL"]) == [] and residue_notes([]) == []


def test_residue_notes__no_protein_of_davis_looks_like_nucleotides(shared_data: Path) -> None:
    lines = (shared_data / "affinity" / "davis" / "targets.tsv").read_text().splitlines()
    column = lines[0].split("\t").index("sequence")
    sequences = sorted({line.split("\t")[column] for line in lines[1:]})
    assert residue_notes(sequences) == [
        "1 of 379 sequences have residues that are none of the twenty amino acids, read as unknown: X 2"
    ]


def test_elements__are_those_of_the_molecules() -> None:
    """Beside RDKit's own atoms, on the shipped drugs."""
    from rdkit import Chem

    from models.input_notes import elements
    from varimol.tables import drugs

    for smiles in [
        *drugs()["smiles"][::5],
        "C[Si](C)(C)c1cc[nH]c1",
        "c1cc[se]c1",
        "[Na+].[Cl-]",
        "[2H]C([2H])Br",
    ]:
        molecule = Chem.MolFromSmiles(smiles)
        assert elements(smiles) == {atom.GetSymbol() for atom in molecule.GetAtoms()}, smiles
