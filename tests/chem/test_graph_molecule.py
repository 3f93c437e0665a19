"""Graphs back to molecules: the canonical isomeric SMILES and every atom's label are those of the original."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem, RDConfig, rdBase
from rdkit.Chem import rdCIPLabeler
from rdkit.Chem.EnumerateStereoisomers import EnumerateStereoisomers, StereoEnumerationOptions

import chem.graph_cip
import chem.graph_molecule
from chem import GRAPH_SCHEMA, InputError, encode_graphs
from chem.graph_molecule import rebuild_molecule, rebuild_molecules

DRUGS = Path(__file__).resolve().parents[2] / "varimol" / "data" / "drugs.tsv"
NODE = {name: place for place, name in enumerate(GRAPH_SCHEMA["node_fields"])}
EDGE = {name: place for place, name in enumerate(GRAPH_SCHEMA["edge_fields"])}


def readable(smiles: list[str]) -> list[str]:
    """Drop what RDKit does not read, and repeats."""
    with rdBase.BlockLogs():
        found = {text: Chem.MolFromSmiles(text) for text in smiles}
    return [text for text, molecule in found.items() if molecule is not None and molecule.GetNumAtoms()]


def labels(molecule: Chem.Mol) -> tuple[list[str], list[str]]:
    """Label of every atom and bond, straight from RDKit."""
    for part in (*molecule.GetAtoms(), *molecule.GetBonds()):
        part.ClearProp("_CIPCode")
    rdCIPLabeler.AssignCIPLabels(molecule, maxRecursiveIterations=1_000_000)
    atoms = [a.GetProp("_CIPCode") if a.HasProp("_CIPCode") else "" for a in molecule.GetAtoms()]
    return atoms, [b.GetProp("_CIPCode") if b.HasProp("_CIPCode") else "" for b in molecule.GetBonds()]


def assert_unchanged(smiles: list[str]) -> None:
    """By canonical SMILES, and by the labels of every atom and bond in the input's own order."""
    for text, rebuilt in zip(smiles, rebuild_molecules(encode_graphs(smiles)), strict=True):
        original = Chem.MolFromSmiles(text)
        assert rebuilt.reason == "", text
        assert rebuilt.smiles == Chem.MolToSmiles(original)
        assert rebuilt.molecule is not None
        assert labels(rebuilt.molecule) == labels(original), text


@pytest.fixture(scope="module")
def drugs() -> list[str]:
    return readable(pd.read_csv(DRUGS, sep="\t")["smiles"].tolist())


def test_round_trip__approved_drugs(drugs: list[str]) -> None:
    marked = [text for text in drugs if "@" in text or "/" in text]
    assert len(marked) > 700
    assert_unchanged(drugs)


def test_round_trip__nci() -> None:
    path = Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi"
    smiles = readable([line.split()[0] for line in path.read_text().splitlines() if line.split()])
    assert len(smiles) > 4800
    assert_unchanged(smiles)


def test_round_trip__kiba(shared_data: Path) -> None:
    table = pd.read_csv(shared_data / "affinity" / "kiba" / "drugs.tsv", sep="\t")
    smiles = readable(table["isomeric_smiles"].tolist())
    assert_unchanged([text for text in smiles if "@" in text or "/" in text or "\\" in text])


@pytest.mark.parametrize(
    ("flat", "n_isomers"),
    [
        ("OC1C(O)C(O)C(O)C(O)C1O", 9),  # the inositols
        ("CC1CC(C)CC(C)C1", 2),
        ("OCC(O)C(O)C(O)C(O)CO", 10),  # the hexitols: pseudo-asymmetric centres
        ("CC1C(C)C(C)C1C", 4),
        ("CC=CC(O)C=CC", 4),  # a centre that exists by its double bonds
        ("CC1CC(=CC)CC(C)C1", 4),
        ("CC1CC2(C1)CC(C)C2", 1),
        ("C1CC2CCC3CCCC4CCC(C1)C2C34", 20),
        ("CS(=O)CCS(C)=O", 3),
        ("CC=NN=CC", 3),
        ("CC12C3C4C1(F)C5C2(Cl)C3C45", 64),
    ],
)
def test_round_trip__every_stereoisomer(flat: str, n_isomers: int) -> None:
    """Isomers as RDKit lists them; all are told apart and come back."""
    options = StereoEnumerationOptions(unique=True, maxIsomers=64)
    isomers = EnumerateStereoisomers(Chem.MolFromSmiles(flat), options=options)
    smiles = sorted({Chem.MolToSmiles(Chem.MolFromSmiles(Chem.MolToSmiles(mol))) for mol in isomers})
    assert len(smiles) == n_isomers
    assert [rebuilt.smiles for rebuilt in rebuild_molecules(encode_graphs(smiles))] == smiles


@pytest.mark.parametrize(
    "smiles",
    [
        "[2H]C", "[13CH3][O-]", "[CH3]", "[CH2]", "[H][H]", "[H+]", "[H]/N=C/C", "[2H]O[2H]", "*C[1*]",
        "[NH3]->[Pt](Cl)Cl", "[Fe+2].[cH-]1cccc1.[cH-]1cccc1", "F[P-](F)(F)(F)(F)F", "[U+6]", "N#[N+][C-]=O",
        "C[N@+]1(CC)CC1C", "O=[Cr](=O)=O", "c1cc[te]c1", "B1BO1", "[Na+].[Cl-]", "[O][O]", "[C-]#[O+]",
    ],
)  # fmt: skip
def test_round_trip__unusual_atoms(smiles: str) -> None:
    assert_unchanged([smiles])


@settings(max_examples=40)
@given(data=st.data())
def test_round_trip__random_smiles_of_the_same_molecule(drugs: list[str], data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([text for text in drugs if "@" in text or "/" in text]))
    order = data.draw(st.permutations(range(Chem.MolFromSmiles(text).GetNumAtoms())))
    renumbered = Chem.RenumberAtoms(Chem.MolFromSmiles(text), order)
    rewritten = Chem.MolToSmiles(renumbered, canonical=False)
    rebuilt = rebuild_molecule(encode_graphs([rewritten]), 0)
    assert rebuilt.reason == ""
    assert rebuilt.smiles == Chem.MolToSmiles(Chem.MolFromSmiles(rewritten))


def test_rebuild__keeps_the_numbers_of_the_atoms() -> None:
    rebuilt = rebuild_molecule(encode_graphs(["CC", "OCN"]), 1).molecule
    assert rebuilt is not None
    assert [atom.GetSymbol() for atom in rebuilt.GetAtoms()] == ["O", "C", "N"]


@pytest.mark.parametrize("smiles", ["C[Pt@SP1](F)(Cl)Br", "C[Co@OH1](F)(Cl)(Br)(I)N"])
def test_rebuild__centres_without_a_label_are_told(smiles: str) -> None:
    rebuilt = rebuild_molecule(encode_graphs([smiles]), 0)
    flat = Chem.MolFromSmiles(smiles)
    Chem.RemoveStereochemistry(flat)
    assert rebuilt.reason == "stereochemistry without a label at atom 1"
    assert rebuilt.smiles == Chem.MolToSmiles(flat)


def test_rebuild__unresolved_centres_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A labeller that has to give up leaves a graph that says so, and a molecule without tags."""
    monkeypatch.setattr(chem.graph_cip, "MAX_ITERATIONS", 1)
    graphs = encode_graphs(["C[C@H](O)[C@@H](C)[C@H](O)C"])
    monkeypatch.undo()
    unresolved = 1 + GRAPH_SCHEMA["node_vocabulary"]["cip"].index("unresolved")
    assert (graphs.node_features[:, NODE["cip"]] == unresolved).sum() == 3
    rebuilt = rebuild_molecule(graphs, 0)
    assert rebuilt.reason == "stereochemistry without a label at atom 1, atom 3, atom 5"
    assert rebuilt.smiles == "CC(O)C(C)C(C)O"


def test_rebuild__impossible_labels_are_told() -> None:
    graphs = encode_graphs(["C[C@H](N)C(=O)O"])
    codes = graphs.node_features.copy()
    codes[1, NODE["cip"]] = 1 + GRAPH_SCHEMA["node_vocabulary"]["cip"].index("r")
    rebuilt = rebuild_molecule(replace(graphs, node_features=codes), 0)
    assert "no arrangement with the stored labels" in rebuilt.reason
    assert rebuilt.smiles == "CC(N)C(=O)O"


def test_rebuild__search_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chem.graph_molecule, "MAX_TRIES", 2)
    rebuilt = rebuild_molecule(encode_graphs(["Cl[C@H]1[C@H](Cl)[C@@H](Cl)[C@@H](Cl)[C@H](Cl)[C@H]1Cl"]), 0)
    assert "no arrangement" in rebuilt.reason and "@" not in rebuilt.smiles


@pytest.mark.parametrize("field", ["element", "total_hydrogens", "bond_type"])
def test_rebuild__unknown_codes_give_no_molecule(field: str) -> None:
    graphs = encode_graphs(["CC"])
    nodes, edges = graphs.node_features.copy(), graphs.edge_features.copy()
    if field in NODE:
        nodes[1, NODE[field]] = 0
    else:
        edges[:, EDGE[field]] = 0
    rebuilt = rebuild_molecule(replace(graphs, node_features=nodes, edge_features=edges), 0)
    assert rebuilt.molecule is None and rebuilt.smiles == ""
    assert rebuilt.reason.startswith(f"{field} of ") and rebuilt.reason.endswith("is unknown")


def test_rebuild__impossible_valence_is_told() -> None:
    graphs = encode_graphs(["CC"])
    nodes = graphs.node_features.copy()
    nodes[0, NODE["total_hydrogens"]] = 1 + 9
    rebuilt = rebuild_molecule(replace(graphs, node_features=nodes), 0)
    assert rebuilt.molecule is None
    assert rebuilt.reason.startswith("RDKit refuses the molecule: Explicit valence")


def test_rebuild__older_graphs_are_refused() -> None:
    graphs = encode_graphs(["[13CH4]"]).project(1)
    with pytest.raises(InputError, match="schema 1 do not hold"):
        list(rebuild_molecules(graphs))
    with pytest.raises(InputError, match="schema 1 do not hold"):
        rebuild_molecule(graphs, 0)


def test_rebuild__double_bond_of_unknown_geometry() -> None:
    """Crossed bonds come from mol blocks, not from SMILES: STEREOANY stays."""
    graphs = encode_graphs(["CC=CC"])
    edges = graphs.edge_features.copy()
    edges[2:4, EDGE["stereo"]] = 1 + GRAPH_SCHEMA["edge_vocabulary"]["stereo"].index("any")
    rebuilt = rebuild_molecule(replace(graphs, edge_features=edges), 0)
    assert rebuilt.molecule is not None
    assert rebuilt.molecule.GetBondWithIdx(1).GetStereo() == Chem.BondStereo.STEREOANY
