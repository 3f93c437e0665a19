"""Labels that Rule 1a settles, against RDKit's labeller, atom by atom and bond by bond."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem, RDConfig, rdBase
from rdkit.Chem import rdCIPLabeler

import chem.graph_compiled
from chem.graph_encode import encode_graphs
from chem.graph_schema import EDGE_VOCABULARY, NODE_VOCABULARY
from chem.parse import parse_smiles

DRUGS = Path(__file__).resolve().parents[2] / "varimol" / "data" / "drugs.tsv"
DRUG_SMILES = [text for text in pd.read_csv(DRUGS, sep="\t")["smiles"] if set("@/\\") & set(text)]
CIP, STEREO = list(NODE_VOCABULARY).index("cip"), list(EDGE_VOCABULARY).index("stereo")

Labels = tuple[list[str | None], dict[frozenset[int], str]]


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    with rdBase.BlockLogs():
        yield


def labels_by_rdkit(smiles: str) -> Labels:
    """Labels of all atoms and bonds that have one, whatever else they are."""
    molecule = Chem.MolFromSmiles(smiles)
    for atom in molecule.GetAtoms():
        atom.ClearProp("_CIPCode")
    rdCIPLabeler.AssignCIPLabels(molecule, maxRecursiveIterations=1_250_000)
    atoms = [atom.GetPropsAsDict().get("_CIPCode") for atom in molecule.GetAtoms()]
    bonds = {
        frozenset((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())): bond.GetProp("_CIPCode")
        for bond in molecule.GetBonds()
        if bond.HasProp("_CIPCode")
    }
    return atoms, bonds


def labels_of_graphs(smiles: list[str]) -> list[Labels]:
    graphs, found = encode_graphs(smiles, compiled=True), []
    for place in range(len(smiles)):
        part = graphs.take([place])
        cip = [NODE_VOCABULARY["cip"][code - 1] for code in part.node_features[:, CIP]]
        bonds = {
            frozenset(ends): EDGE_VOCABULARY["stereo"][code - 1]
            for ends, code in zip(part.edge_index.T.tolist(), part.edge_features[:, STEREO], strict=True)
            if EDGE_VOCABULARY["stereo"][code - 1] not in ("none", "any", "unlabelled", "unresolved")
        }
        found.append(
            ([label if label not in ("none", "unlabelled", "unresolved") else None for label in cip], bonds)
        )
    return found


@pytest.fixture
def left_to_rdkit(monkeypatch: pytest.MonkeyPatch) -> list[Chem.Mol]:
    """Molecules that the labeller was asked for."""
    asked: list[Chem.Mol] = []
    label = chem.graph_compiled.cip_codes

    def recorded(molecule: Chem.Mol, atoms: list[int], bonds: list[int]) -> tuple[list[int], list[int]]:
        asked.append(molecule)
        return label(molecule, atoms, bonds)

    monkeypatch.setattr(chem.graph_compiled, "cip_codes", recorded)
    return asked


def test_labels__those_of_rdkit_in_drugs_and_nci(left_to_rdkit: list[Chem.Mol]) -> None:
    lines = (Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi").read_text().splitlines()
    texts = [line.split()[0] for line in lines if set("@/\\") & set(line)]
    smiles = [*DRUG_SMILES, *(text for text in texts if parse_smiles(text) is not None)]
    found = labels_of_graphs(smiles)
    assert [k for k, text in enumerate(smiles) if found[k] != labels_by_rdkit(text)] == []
    assert len(left_to_rdkit) < 0.1 * len(smiles)  # nearly all were settled here, so this was a test


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(DRUG_SMILES) - 1), st.integers(0, 2**32))
def test_labels__those_of_rdkit_in_another_order(place: int, seed: int) -> None:
    molecule = Chem.MolFromSmiles(DRUG_SMILES[place])
    order = random.Random(seed).sample(range(molecule.GetNumAtoms()), molecule.GetNumAtoms())
    text = Chem.MolToSmiles(Chem.RenumberAtoms(molecule, order), canonical=False)
    assert labels_of_graphs([text]) == [labels_by_rdkit(text)]


PARTS = (
    "C", "N", "O", "C(C)", "C(O)", "C(=O)", "C(F)(Cl)", "c1ccccc1", "c1ccncc1", "c1cccnc1", "c1ccoc1", "C#C", "S(=O)(=O)",
    "[C@H](C)", "[C@@H](O)", "[C@](C)(N)", "/C=C/", "/C(C)=C\\", "C1CC1", "[C@@H]1CCC[C@H](C)C1", "[C@H]([2H])",
    "C1=CC(=O)C=CC1=O", "[N+](C)(C)", "[Si](C)(C)", "P(=O)(O)", "n1cccc1", "C(C#N)", "[C@H](c1ccccn1)",
    "[C@H](C1=CC=CC1)", "[C@@H](c1ccc2ccccc2c1)", "[C@H](C=C)", "[C@H](C(C)C)", "[N-]", "[C@]1(C)CO1",
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PARTS), min_size=1, max_size=9), st.sampled_from(PARTS))
def test_labels__those_of_rdkit_for_anything_that_parses(chain: list[str], end: str) -> None:
    text = "".join(chain) + end
    if parse_smiles(text) is not None:
        assert labels_of_graphs([text]) == [labels_by_rdkit(text)]


@pytest.mark.parametrize(
    ("smiles", "settled"),
    [
        ("C[C@H](N)C(=O)O", True),
        ("C/C=C/C", True),
        ("C[C@H](c1ccccc1)C1CCCCC1", True),  # duplicates of an aromatic ring
        ("C[C@H](c1ccncc1)c1ccccc1", True),  # five bonds away
        ("CCCCC[C@H](C)CCCC", True),
        ("C[C@H]1CC[C@@H](C)CC1", False),  # takes Rule 5
        ("C[C@]([2H])(O)F", True),  # nothing else is as light as the isotope
        ("C[C@H]([2H])O", False),  # takes Rule 2
        ("C[S@](=O)CC", False),
        ("O[C@@H](C)[C@@H](O)[C@@H](C)O", False),
        ("C[C@H](O)[n+]1cc[nH]c1", False),
    ],
)
def test_settled__by_rule_1a_alone(smiles: str, settled: bool, left_to_rdkit: list[Chem.Mol]) -> None:
    assert labels_of_graphs([smiles]) == [labels_by_rdkit(smiles)]
    assert (not left_to_rdkit) == settled


@pytest.mark.parametrize("smiles", ["C[C@](C)(O)F", "C[C@](C)(C)[C@H](C)CC", "F[C@@](=C)C", "CC[N@](C)CCC"])
def test_marks__those_that_mean_nothing_are_sifted_out(smiles: str) -> None:
    expected = labels_by_rdkit(smiles)[0]
    for compiled in (True, False):
        codes = encode_graphs([smiles], compiled=compiled).node_features[:, CIP]
        told = [NODE_VOCABULARY["cip"][code - 1] for code in codes]
        assert told == [label or "none" for label in expected]
