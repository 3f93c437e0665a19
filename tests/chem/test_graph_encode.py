"""Encoding: both ways give the same arrays, version 1 is kept to the byte, every kind of stereo is told."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem, RDConfig, rdBase
from rdkit.Chem import AllChem

import chem.graph_compiled
from benchmarks.graph_rewriting import WAYS, GraphText, rewrite
from chem.errors import InputError
from chem.graph import MolecularGraphs
from chem.graph_encode import encode_graphs, encode_molecules
from chem.graph_schema import EDGE_VOCABULARY, NODE_VOCABULARY, codes_of_version_1
from chem.parse import parse_smiles

DRUGS = Path(__file__).resolve().parents[2] / "varimol" / "data" / "drugs.tsv"
DRUG_SMILES = pd.read_csv(DRUGS, sep="\t")["smiles"].tolist()
ARRAYS = ("node_features", "edge_index", "edge_features", "node_offsets", "edge_offsets")
CIP, STEREO = list(NODE_VOCABULARY).index("cip"), list(EDGE_VOCABULARY).index("stereo")
STRANGE = (
    "*CC", "[2*]c1ccccc1", "[*:3]C", "[CH3:200]C", "C~C", "[Og]", "[H][H]", "[H-]", "[2H]C([3H])F", "[CH3]", "[CH2]",
    "[Cu+15]", "[U+16]", "[400*]C", "C12C3C4C1C5C2C3C45", "c1ccccc1->[Fe]", "[Fe+2].[cH-]1cccc1.[cH-]1cccc1",
    "[CH-]12->[Fe+2]3456789(<-[CH]1=[CH]->3[CH]->4=[CH]25)<-[CH-]1[CH]->6=[CH]->7[CH]->8=[CH]19",
    "C" * 300 + "1CC1", "[NH4+].[Cl-]", "[13CH4]", "F[P-](F)(F)(F)(F)F", "[Hg+]C", "c1cc[nH]c1", "C1CC1C1CCCCCCCCC1",
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    with rdBase.BlockLogs():
        yield


@pytest.fixture(scope="module")
def drugs() -> list[str]:
    return list(DRUG_SMILES)


@pytest.fixture(scope="module")
def nci() -> list[str]:
    lines = (Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi").read_text().splitlines()
    return [text for text in (line.split()[0] for line in lines if line.strip()) if parse_smiles(text)]


def assert_same(one: MolecularGraphs, other: MolecularGraphs) -> None:
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
        assert getattr(one, name).dtype == getattr(other, name).dtype


def stereo_of(smiles: str) -> tuple[list[str], list[str]]:
    """What is told of the stereochemistry, other than none, of atoms and of bonds."""
    graphs = encode_graphs([smiles])
    atoms = [NODE_VOCABULARY["cip"][code - 1] for code in graphs.node_features[:, CIP] if code != 1]
    bonds = [EDGE_VOCABULARY["stereo"][code - 1] for code in graphs.edge_features[::2, STEREO] if code != 1]
    return atoms, bonds


def texts_of(graphs: MolecularGraphs, canonical: GraphText) -> list[str]:
    parts = (graphs.take([place]) for place in range(len(graphs)))
    return [
        canonical.of(part.node_features, part.edge_index[:, ::2], part.edge_features[::2]) for part in parts
    ]


def version_1(graphs: MolecularGraphs) -> dict[str, np.ndarray]:
    arrays = {name: getattr(graphs, name) for name in ARRAYS}
    for fields in ("node", "edge"):
        codes = arrays[f"{fields}_features"]
        tables = codes_of_version_1(fields).values()
        arrays[f"{fields}_features"] = np.stack(
            [table[codes[:, k]] for k, table in enumerate(tables)], axis=1
        )
    return arrays


@pytest.mark.parametrize(
    ("molecules", "expected"), [("drugs", "b3f3ddc74a90d4aa"), ("nci", "242865400e7a098f")]
)
def test_version_1__arrays_of_before(molecules: str, expected: str, request: pytest.FixtureRequest) -> None:
    """Hashes of the arrays that version 1's own encoder made (commit f032e0c, RDKit 2026.3.5)."""
    if not rdBase.rdkitVersion.startswith("2026.03"):
        pytest.skip("the stored hashes are those of RDKit 2026.3")
    arrays = version_1(encode_graphs(request.getfixturevalue(molecules)))
    digest = hashlib.sha256(b"".join(arrays[name].tobytes() for name in ARRAYS)).hexdigest()
    assert digest[:16] == expected


@pytest.mark.parametrize("stereo", [True, False])
def test_compiled__same_arrays_as_portable(drugs: list[str], nci: list[str], stereo: bool) -> None:
    smiles = [*STRANGE, *drugs, *nci]
    portable = encode_graphs(smiles, compiled=False, stereo=stereo)
    assert_same(encode_graphs(smiles, compiled=True, stereo=stereo), portable)


PIECES = (
    "C", "N(C)", "[C@H](F)", "[C@@](C)(O)", "c1ccccc1", "/C=C/", "C=C", "*", "[2H]", "[CH]", "[N+](C)", "S(=O)", "C1CC1",
    "[C@@H]1CC[C@@H](C)CC1", ".", "[Na+].", "C#C", "[Si]", "O", "[P@](=O)(O)", "[Fe]", "C12CCC(C1)C2", "n1cccc1",
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(PIECES), min_size=1, max_size=12).map("".join), max_size=6),
    st.booleans(),
)
def test_compiled__same_arrays_for_anything_that_parses(texts: list[str], stereo: bool) -> None:
    smiles = [text for text in texts if parse_smiles(text) is not None]
    portable = encode_graphs(smiles, compiled=False, stereo=stereo)
    assert_same(encode_graphs(smiles, compiled=True, stereo=stereo), portable)


def test_compiled__another_layout_takes_the_portable_way(
    drugs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = encode_graphs(drugs[:50], compiled=True)
    monkeypatch.setattr(chem.graph_compiled, "_PREFIX", b"\xef\xbe\xad\xde another")
    chem.graph_compiled.reads_binary.cache_clear()
    try:
        assert not chem.graph_compiled.reads_binary()
        assert_same(encode_graphs(drugs[:50], compiled=True), expected)
    finally:
        chem.graph_compiled.reads_binary.cache_clear()


def test_compiled__this_rdkit_is_read() -> None:
    """Where RDKit changes its layout all still works, but slowly: somebody should know."""
    if not rdBase.rdkitVersion.startswith("2026.03"):
        pytest.skip("made for RDKit 2026.3")
    chem.graph_compiled.reads_binary.cache_clear()
    assert chem.graph_compiled.reads_binary()


def test_stereo_false__as_if_not_marked(drugs: list[str]) -> None:
    marked = [text for text in drugs if set("@/\\") & set(text)][::7]
    flat = []
    for text in marked:
        molecule = Chem.MolFromSmiles("".join(c for c in text if c not in "@/\\"))
        flat.append(Chem.MolToSmiles(molecule, canonical=False))
    written = encode_graphs(marked, stereo=False)
    assert not (written.node_features[:, CIP] != 1).any()
    assert not (written.edge_features[:, STEREO] != 1).any()
    canonical = GraphText()
    assert texts_of(written, canonical) == texts_of(encode_graphs(flat), canonical)
    assert stereo_of("C[C@H](O)F") == (["R"], [])
    assert len(encode_graphs(["N[Pt@SP1](N)(Cl)Cl", "F[As@TB15](Cl)(Br)(N)O"], stereo=False)) == 2


def test_graphs__unchanged_by_rewriting(drugs: list[str], nci: list[str]) -> None:
    """As labelled graphs; what RDKit reads as another molecule is its writer's, and rare."""
    marked = [text for text in drugs if set("@/\\") & set(text)]
    before = list(map(Chem.CanonSmiles, [*marked[::2], *nci[::25]]))
    after = [rewrite(text, WAYS[k % len(WAYS)], k) for k, text in enumerate(before)]
    pairs = [(a, b) for a, b in zip(before, after, strict=True) if Chem.CanonSmiles(b) == a]
    assert len(pairs) > 0.99 * len(before) > 500
    canonical = GraphText()
    texts = [texts_of(encode_graphs(list(part)), canonical) for part in zip(*pairs, strict=True)]
    assert texts[0] == texts[1]


def test_graphs__a_changed_code_is_seen(drugs: list[str]) -> None:
    """The comparison by canonical texts, broken on purpose: one code of one atom or bond."""
    graphs, canonical = encode_graphs(drugs[:20]), GraphText()
    before = texts_of(graphs, canonical)
    graphs.node_features[graphs.node_offsets[3], CIP] += 1
    graphs.edge_features[graphs.edge_offsets[7] : graphs.edge_offsets[7] + 2, STEREO] += 1
    after = texts_of(graphs, canonical)
    assert [k for k in range(20) if before[k] != after[k]] == [3, 7]


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 1636), st.integers(0, 2**32))
def test_molecules__renumbered_atom_by_atom(place: int, seed: int) -> None:
    molecule = Chem.MolFromSmiles(DRUG_SMILES[place])
    order = random.Random(seed).sample(range(molecule.GetNumAtoms()), molecule.GetNumAtoms())
    both = [molecule, Chem.RenumberAtoms(molecule, order)]
    graphs = encode_molecules(both, compiled=True)
    assert_same(encode_molecules(both, compiled=False), graphs)
    before, after = graphs.take([0]), graphs.take([1])
    np.testing.assert_array_equal(after.node_features, before.node_features[order])
    old = {
        (a, b): row
        for a, b, row in zip(*before.edge_index.tolist(), before.edge_features.tolist(), strict=True)
    }
    for a, b, row in zip(*after.edge_index.tolist(), after.edge_features.tolist(), strict=True):
        assert old[order[a], order[b]] == row


@pytest.mark.parametrize("compiled", [True, False])
def test_molecules__as_their_smiles(drugs: list[str], compiled: bool) -> None:
    molecules = [Chem.MolFromSmiles(text) for text in drugs[:200]]
    before = [Chem.MolToCXSmiles(molecule) for molecule in molecules]
    graphs = encode_molecules(molecules, compiled=compiled)
    assert_same(graphs, encode_graphs(drugs[:200]))
    assert_same(encode_molecules([Chem.AddHs(m) for m in molecules], compiled=compiled), graphs)
    assert [Chem.MolToCXSmiles(molecule) for molecule in molecules] == before


def test_molecules__with_residues_coordinates_and_queries() -> None:
    """What the compiled way does not read itself: parts of it come from the portable way."""
    peptide = Chem.MolFromSequence("ACDW")
    drawn = Chem.MolFromSmiles("C[C@H](O)F")
    AllChem.Compute2DCoords(drawn)
    query = Chem.MolFromSmiles("C~CC[C@H](F)O")
    molecules = [peptide, drawn, query, Chem.MolFromSmiles("CC")]
    assert_same(encode_molecules(molecules, compiled=True), encode_molecules(molecules, compiled=False))


@pytest.mark.parametrize("bad", [None, Chem.MolFromSmiles("c1ccccc1O", sanitize=False), Chem.Mol()])
def test_molecules__bad_item_names_its_index(bad: Chem.Mol | None) -> None:
    with pytest.raises(InputError, match="record 1, field molecules"):
        encode_molecules([Chem.MolFromSmiles("C"), bad])


@pytest.mark.parametrize("compiled", [True, False])
def test_encode__bad_smiles_late_in_the_list(compiled: bool) -> None:
    with pytest.raises(InputError, match=r"record 700, field smiles.*(unclosed ring|does not parse)"):
        encode_graphs(["CC"] * 700 + ["C1CC"], compiled=compiled)


@pytest.mark.parametrize(
    ("smiles", "atoms", "bonds"),
    [
        ("C[C@H]1CC[C@@H](C)CC1", ["s", "s"], []),  # cis, by RDKit's own labels
        ("C[C@H]1CC[C@H](C)CC1", ["r", "r"], []),
        ("O[C@@H](C)[C@@H](O)[C@@H](C)O", ["S", "r", "R"], []),  # pseudo-asymmetric
        ("C[C@H](O)[C@H](O)[C@@H](C)O", ["S", "s", "R"], []),
        ("C[P@](=O)(O)c1ccccc1", ["S"], []),
        ("C[S@](=O)CC", ["S"], []),
        ("C[S@@](=O)CC", ["R"], []),
        ("C[S@+](CC)CCC", ["R"], []),
        ("C[N@+](CC)(CCC)CCCC", ["S"], []),
        ("C[Si@](F)(Cl)Br", ["S"], []),
        ("C[C@]([2H])(O)F", ["R"], []),  # isotopes decide
        ("[13CH3][C@H](C)O", ["S"], []),
        ("C[N@]1CC1C", ["R"], []),  # an aziridine cannot invert
        ("C[N@](CC)CCC", [], []),  # an amine does, so nothing is lost
        ("C[C@](C)(O)F", [], []),  # no stereocentre
        ("C=C[C@H]1C[N@]2CC[C@H]1C[C@H]2CO", ["R", "S", "S", "S"], []),
        ("Cc1ccc2c(c1)C[N@@]1C[N@]2Cc2cc(C)ccc21", ["unlabelled", "unlabelled"], []),  # Troger's base
        ("C[C@H]1CC[C@]2(CC1)CC[C@@H](C)CC2", ["unlabelled", "unlabelled"], []),  # axial, through a spiro atom
        ("N[Pt@SP1](N)(Cl)Cl", ["unlabelled"], []),
        ("F[As@TB1](Cl)(Br)(N)O", ["unlabelled"], []),
        ("N[Co@OH1](N)(N)(Cl)(Cl)Cl", ["unlabelled"], []),
        ("CC=[C@]=CC", ["unlabelled"], []),  # allenes
        ("CC=[C@AL2]=CC", ["unlabelled"], []),
        ("[C@@](=C(C)Br)=C(C)Br", ["unlabelled"], []),
        ("CC=C=CC", [], []),
        ("C/C=C=C=C/C", [], ["unlabelled"]),
        ("CC=C=C=CC", [], []),
        (r"[H]/C1=C(\[H])CCCCCCCC1", [], ["Z"]),  # RDKit reads E
        ("[H]/C1=C(/[H])CCCCCCCC1", [], ["E"]),
        ("C/C=N/O", [], ["E"]),
        ("C/N=N\\C", [], ["Z"]),
        ("CC=CC |w:1.0|", [], ["any"]),
        (
            "Cc1cccc(I)c1-c1c(C)cccc1Cl |(2.679,0.4142,;1.3895,1.15,;1.3866,2.64,;0.0953,3.3836,;-1.1937,2.6358,;"
            "-1.1908,1.1458,;-2.4795,0.3984,;0.1,0.4,;0.1,-1.1,;-1.1908,-1.8458,;-2.48,-1.1,;-1.1937,-3.3358,;"
            "0.0953,-4.08,;1.3866,-3.34,;1.3895,-1.85,;2.68,-1.1,),wU:7.7|",
            [],
            ["P"],
        ),  # biaryl
    ],
)  # fmt: skip
def test_stereo__every_kind_is_told(smiles: str, atoms: list[str], bonds: list[str]) -> None:
    assert stereo_of(smiles) == (atoms, bonds)


def test_stereo__same_molecule_other_tags() -> None:
    """The example of the trap: an alanine whose tag differs with the order it is written in."""
    assert stereo_of("C[C@H](N)C(=O)O") == stereo_of("N[C@@H](C)C(=O)O") == (["S"], [])


def test_ring_sizes__smallest_ring_of_each_bond() -> None:
    """Against breadth-first search without the bond, in molecules where sets of smallest rings are a choice."""
    for smiles in (
        "C12C3C4C1C5C2C3C45",
        "C1CC2CCC1CC2",
        "C1CCC2(CC1)CCCC2",
        "C1CCCCCCCCC1C1CC1",
        "c1ccc2ccccc2c1",
    ):
        molecule, graphs = Chem.MolFromSmiles(smiles), encode_graphs([smiles])
        expected: list[set[object]] = [set() for _ in range(molecule.GetNumAtoms())]
        for bond in molecule.GetBonds():
            one, other = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
            without = Chem.RWMol(molecule)
            without.RemoveBond(one, other)
            if len(Chem.GetMolFrags(without)) == 1:
                size = len(Chem.GetShortestPath(without, one, other))
                for atom in (one, other):
                    expected[atom].add(size if size <= 8 else ">8")
        sizes = list(NODE_VOCABULARY).index("ring_sizes")
        told = [set(NODE_VOCABULARY["ring_sizes"][code - 1]) for code in graphs.node_features[:, sizes]]
        assert told == expected


def test_appended_fields__isotopes_radicals_and_elements() -> None:
    graphs = encode_graphs(["[14C]", "[CH3]", "[O][O]", "[238U]", "[Og]", "*"])
    rows = [dict(zip(NODE_VOCABULARY, row, strict=True)) for row in graphs.node_features.tolist()]
    assert [row["isotope"] - 1 for row in rows] == [14, 0, 0, 0, 238, 0, 0]
    assert [row["radical_electrons"] - 1 for row in rows][:4] == [4, 1, 1, 1]
    told = [NODE_VOCABULARY["element"][row["element"] - 1] for row in rows]
    assert told == ["C", "C", "O", "O", "U", "Og", "*"]


def test_encode__dative_bond_runs_from_donor_to_acceptor() -> None:
    for smiles in ("[NH3]->[Fe]", "[Fe]<-[NH3]"):
        graphs = encode_graphs([smiles])
        first = graphs.edge_index[0, 0]
        assert NODE_VOCABULARY["element"][graphs.node_features[first, 0] - 1] == "N"


@pytest.mark.parametrize("compiled", [True, False])
def test_encode__large_molecules(compiled: bool) -> None:
    peptide = "".join(f"N[C@@H](C{side})C(=O)" for side in ("", "O", "c1ccccc1", "CCCN", "C(=O)O") * 26) + "O"
    graphs = encode_graphs([peptide, "CCO" * 3400], compiled=compiled)
    assert graphs.n_atoms.tolist() == [1015, 10200]
    assert set(graphs.take([0]).node_features[:, CIP].tolist()) == {1, 3}


def test_encode_graphs__a_text_is_no_list() -> None:
    with pytest.raises(InputError, match="one SMILES was given"):
        encode_graphs("CCO")
