"""Molecular graphs against RDKit's own reading of the molecule, and against rewriting it."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem, rdBase
from rdkit.Chem import rdCIPLabeler

from chem import GRAPH_SCHEMA, InputError, MolecularGraphs, concatenate_graphs, encode_graphs

DRUGS = Path(__file__).resolve().parents[2] / "varimol" / "data" / "drugs.tsv"
NODE, EDGE = GRAPH_SCHEMA["node_fields"], GRAPH_SCHEMA["edge_fields"]


@pytest.fixture(scope="module")
def stereo_drugs() -> list[str]:
    smiles = pd.read_csv(DRUGS, sep="\t")["smiles"]
    return smiles[smiles.str.contains(r"[@/\\]")].iloc[::3].tolist()


def neighbourhoods(graphs: MolecularGraphs) -> list[Counter[tuple[int, ...]]]:
    """Each molecule's bonds with both ends' codes, whatever the numbering: a fingerprint of the graph."""
    found = []
    for index in range(len(graphs)):
        batch = graphs.batch_arrays([index])
        x, (source, target) = batch["x"], batch["edge_index"]
        rows = np.hstack([batch["edge_attr"], x[source], x[target]])
        found.append(Counter(map(tuple, rows.tolist())) + Counter(map(tuple, x.tolist())))
    return found


def refined(graphs: MolecularGraphs, rounds: int = 4) -> list[Counter[int]]:
    """Weisfeiler-Lehman colours: equal for renumbered graphs, unequal for nearly all others."""
    found = []
    for index in range(len(graphs)):
        batch = graphs.batch_arrays([index])
        colours = [hash(tuple(row)) for row in batch["x"].tolist()]
        for _ in range(rounds):
            around: list[list[tuple[int, ...]]] = [[] for _ in colours]
            for source, target, bond in zip(
                *batch["edge_index"].tolist(), batch["edge_attr"].tolist(), strict=True
            ):
                around[target].append((*bond, colours[source]))
            colours = [hash((colour, *sorted(near))) for colour, near in zip(colours, around, strict=True)]
        found.append(Counter(colours))
    return found


def test_graphs__unchanged_by_rewriting_smiles(stereo_drugs: list[str]) -> None:
    assert len(stereo_drugs) > 250
    original = refined(encode_graphs(stereo_drugs))
    for seed in range(2):
        rewritten = [
            Chem.MolToRandomSmilesVect(Chem.MolFromSmiles(smiles), 1, randomSeed=seed + 1)[0]
            for smiles in stereo_drugs
        ]
        assert sum(a != b for a, b in zip(stereo_drugs, rewritten, strict=True)) > 250
        assert refined(encode_graphs(rewritten)) == original


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_graphs__unchanged_by_renumbering_atoms(stereo_drugs: list[str], data: st.DataObject) -> None:
    smiles = data.draw(st.sampled_from(stereo_drugs))
    molecule = Chem.MolFromSmiles(smiles)
    order = data.draw(st.permutations(range(molecule.GetNumAtoms())))
    renumbered = Chem.MolToSmiles(Chem.RenumberAtoms(molecule, order), canonical=False)
    assert refined(encode_graphs([renumbered])) == refined(encode_graphs([smiles]))


def test_graphs__unchanged_by_explicit_hydrogens(stereo_drugs: list[str]) -> None:
    """Except where RDKit itself reads another molecule: it flips some ring double bonds written with H."""
    bracketed = [Chem.MolToSmiles(Chem.MolFromSmiles(text), allHsExplicit=True) for text in stereo_drugs]
    assert refined(encode_graphs(bracketed)) == refined(encode_graphs(stereo_drugs))
    spelled_out = [Chem.MolToSmiles(Chem.AddHs(Chem.MolFromSmiles(text))) for text in stereo_drugs]
    same = [
        Chem.CanonSmiles(a) == Chem.CanonSmiles(b) for a, b in zip(stereo_drugs, spelled_out, strict=True)
    ]
    assert sum(same) >= len(same) - 3
    before = refined(encode_graphs([text for text, ok in zip(stereo_drugs, same, strict=True) if ok]))
    after = refined(encode_graphs([text for text, ok in zip(spelled_out, same, strict=True) if ok]))
    assert after == before


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"),
        ("C/C=C/C", "C/C=C\\C"),
        ("C/C=C/C", "CC=CC"),
        ("C[C@H]1CC[C@H](O)CC1", "C[C@H]1CC[C@@H](O)CC1"),
        ("O[C@H](C(=O)O)[C@H](O)C(=O)O", "O[C@H](C(=O)O)[C@@H](O)C(=O)O"),
    ],
    ids=["enantiomers", "E-Z", "E-unknown", "cis-trans ring", "diastereomers"],
)
def test_graphs__stereoisomers_differ(one: str, other: str) -> None:
    first, second = neighbourhoods(encode_graphs([one, other]))
    assert first != second


def test_node_codes__agree_with_rdkit(stereo_drugs: list[str]) -> None:
    graphs = encode_graphs(stereo_drugs[:60])
    vocabulary = GRAPH_SCHEMA["node_vocabulary"]
    for index, smiles in enumerate(stereo_drugs[:60]):
        molecule = Chem.MolFromSmiles(smiles)
        rdCIPLabeler.AssignCIPLabels(molecule)
        rows = graphs.take([index]).node_features
        for atom, row in zip(molecule.GetAtoms(), rows.tolist(), strict=True):
            told = {name: vocabulary[name][code - 1] for name, code in zip(NODE, row, strict=True) if code}
            assert told["element"] == atom.GetSymbol()
            assert told["degree"] == atom.GetDegree()
            assert told["formal_charge"] == atom.GetFormalCharge()
            assert told["total_hydrogens"] == atom.GetTotalNumHs()
            assert told["hybridisation"] == str(atom.GetHybridization())
            assert told["aromatic"] == atom.GetIsAromatic()
            sizes = [size for size in range(3, 40) if atom.IsInRingSize(size)]
            size = min(sizes, default=0)
            assert told["smallest_ring"] == (">8" if size > 8 else size)
            assert told["cip"] == (atom.GetProp("_CIPCode") if atom.HasProp("_CIPCode") else "none")


def test_edge_codes__agree_with_rdkit(stereo_drugs: list[str]) -> None:
    graphs = encode_graphs(stereo_drugs[:60])
    vocabulary = GRAPH_SCHEMA["edge_vocabulary"]
    for index, smiles in enumerate(stereo_drugs[:60]):
        molecule = Chem.MolFromSmiles(smiles)
        rdCIPLabeler.AssignCIPLabels(molecule)
        part = graphs.take([index])
        assert part.edge_index.shape[1] == 2 * molecule.GetNumBonds()
        for (source, target), row in zip(
            part.edge_index.T.tolist(), part.edge_features.tolist(), strict=True
        ):
            bond = molecule.GetBondBetweenAtoms(source, target)
            told = {name: vocabulary[name][code - 1] for name, code in zip(EDGE, row, strict=True) if code}
            assert told["bond_type"] == str(bond.GetBondType())
            assert told["conjugated"] == bond.GetIsConjugated()
            assert told["in_ring"] == bond.IsInRing()
            assert told["stereo"] == (bond.GetProp("_CIPCode") if bond.HasProp("_CIPCode") else "none")


def test_cip_labels__published_names() -> None:
    """(S)-alanine is L, (R)-cysteine is L, tamoxifen is Z, (2E,4E)-hexadienoic acid is sorbic acid."""
    labels = {
        "C[C@H](N)C(=O)O": "S",
        "N[C@@H](CS)C(=O)O": "R",
    }
    cip, stereo = NODE.index("cip"), EDGE.index("stereo")
    for smiles, expected in labels.items():
        codes = set(encode_graphs([smiles]).node_features[:, cip].tolist())
        assert codes == {1, 1 + GRAPH_SCHEMA["node_vocabulary"]["cip"].index(expected)}
    for smiles, expected in {
        "CC/C(=C(\\c1ccccc1)c1ccc(OCCN(C)C)cc1)c1ccccc1": "Z",
        "C/C=C/C=C/C(=O)O": "E",
    }.items():
        codes = set(encode_graphs([smiles]).edge_features[:, stereo].tolist())
        assert codes == {1, 1 + GRAPH_SCHEMA["edge_vocabulary"]["stereo"].index(expected)}


def test_unknown_bucket__beyond_the_vocabulary() -> None:
    features = encode_graphs(["[U+16]", "[400*]"]).node_features
    assert features[:, NODE.index("element")].all()
    assert features[:, NODE.index("formal_charge")].tolist() == [0, 4]
    assert features[:, NODE.index("isotope")].tolist() == [1, 0]


def test_codes__within_cardinalities(stereo_drugs: list[str]) -> None:
    graphs = encode_graphs([*stereo_drugs, "[U+6]", "Cl[Pt](Cl)(N)N", "C" * 70])
    assert (graphs.node_features >= 0).all()
    assert (graphs.edge_features >= 0).all()
    assert (graphs.node_features < np.array(graphs.node_cardinalities)).all()
    assert (graphs.edge_features < np.array(graphs.edge_cardinalities)).all()
    assert graphs.node_features.dtype == np.int16
    assert graphs.edge_index.dtype == np.int32


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(-7, 6), max_size=12))
def test_take__same_as_one_by_one(indices: list[int]) -> None:
    smiles = ["C", "CC", "c1ccccc1", "C1CC1O", "[Na+].[Cl-]", "N#N", "OCC(=O)N"]
    together = encode_graphs(smiles).take(indices)
    alone = concatenate_graphs([encode_graphs([smiles[index]]) for index in indices])
    for name in ("node_features", "edge_index", "edge_features", "node_offsets", "edge_offsets"):
        np.testing.assert_array_equal(getattr(together, name), getattr(alone, name))


def test_batch_arrays__edges_stay_within_molecules(stereo_drugs: list[str]) -> None:
    graphs = encode_graphs(stereo_drugs[:40])
    batch = graphs.batch_arrays([5, 3, 3, 30])
    source, target = batch["edge_index"]
    assert (batch["batch"][source] == batch["batch"][target]).all()
    assert np.bincount(batch["batch"]).tolist() == graphs.n_atoms[[5, 3, 3, 30]].tolist()
    assert batch["edge_index"].max() == len(batch["x"]) - 1


def test_take__boolean_mask_and_out_of_range() -> None:
    graphs = encode_graphs(["C", "CC", "CCC"])
    assert graphs.take(np.array([True, False, True])).n_atoms.tolist() == [1, 3]
    with pytest.raises(IndexError, match="3"):
        graphs.take([3])
    with pytest.raises(IndexError, match="mask"):
        graphs.take(np.array([True, False]))


def test_encode__nothing() -> None:
    empty = encode_graphs([])
    assert len(empty) == 0
    assert empty.node_features.shape == (0, len(NODE))
    assert empty.edge_index.shape == (2, 0)
    assert len(concatenate_graphs([])) == 0
    assert empty.batch_arrays([])["x"].shape == (0, len(NODE))


@pytest.mark.parametrize("bad", ["", "  ", "C1CC", "c1ccc", "C(C)(C)(C)(C)C", "not smiles", "CCO ethanol"])
def test_encode__bad_smiles_names_its_index(bad: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match=r"record 2, field smiles"):
        encode_graphs(["CC", "CCO", bad])
    assert capfd.readouterr() == ("", "")


def test_encode__too_symmetric_for_labels_is_unresolved(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one iteration allowed the labeller gives up, and says so however the SMILES is written."""
    import chem.graph_cip

    monkeypatch.setattr(chem.graph_cip, "MAX_ITERATIONS", 1)
    cage = "O=C1C(=O)c2ccccc2C(O)=C1[C@H]1CC[C@H](c2ccc(Cl)cc2)CC1"
    codes = encode_graphs([cage]).node_features[:, NODE.index("cip")]
    assert 1 + GRAPH_SCHEMA["node_vocabulary"]["cip"].index("unresolved") in codes
    rewritten = Chem.MolToRandomSmilesVect(Chem.MolFromSmiles(cage), 1, randomSeed=3)[0]
    assert neighbourhoods(encode_graphs([rewritten])) == neighbourhoods(encode_graphs([cage]))


def test_encode__same_bytes_in_another_interpreter() -> None:
    script = (
        "import hashlib; from chem import encode_graphs; g = encode_graphs(['C[C@H](N)C(=O)O', 'c1ccncc1']);"
        "print(hashlib.sha256(g.node_features.tobytes() + g.edge_features.tobytes()).hexdigest())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=True,
            cwd=DRUGS.parents[2],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
        ).stdout
        for seed in ("0", "7")
    }
    assert len(outputs) == 1


def test_rdkit_log__restored(capfd: pytest.CaptureFixture[str]) -> None:
    """Reading a bad SMILES here must not silence RDKit for the rest of the session."""
    with pytest.raises(InputError):
        encode_graphs(["C1CC"])
    assert capfd.readouterr().err == ""
    Chem.MolFromSmiles("C1CC")
    assert "unclosed ring" in capfd.readouterr().err
    with rdBase.BlockLogs():
        Chem.MolFromSmiles("C1CC")
    assert capfd.readouterr().err == ""
