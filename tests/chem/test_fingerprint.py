"""Fingerprints and similarities against RDKit's own bit vectors and scikit-fingerprints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skfp.fingerprints as skfp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

import chem
from chem import InputError, morgan_fingerprints, tanimoto
from chem.fingerprint import fingerprint_blocks, fingerprints, molecule_fingerprint
from chem.fingerprint_kinds import FINGERPRINT_KINDS, settle

SMILES = [
    "CC(=O)Oc1ccccc1C(=O)O",
    "CN1C=NC2=C1C(=O)N(C(=O)N2C)C",
    "C[C@@H]1CCN(C(=O)CC#N)C[C@@H]1N(C)c1ncnc2[nH]ccc12",
    "CC(C)Cc1ccc(cc1)C(C)C(=O)O",
    "C",
    "C1CCCCC1",
]
ODD = ["*CCO", "[Na+].[Cl-]", "[H][H]", "[13CH4]", "CC[CH2]", "Cl[Pt](Cl)(N)N", "*", "C" * 400]
DRUGS = Path(chem.__file__).parents[1] / "varimol" / "data" / "drugs.tsv"
# kind, options, the transformer of scikit-fingerprints
PEERS: list[tuple[str, dict[str, Any], Any]] = [
    ("morgan", {}, skfp.ECFPFingerprint()),
    ("morgan", {"radius": 3, "n_bits": 1000}, skfp.ECFPFingerprint(radius=3, fp_size=1000)),
    ("morgan", {"counts": True}, skfp.ECFPFingerprint(count=True)),
    ("morgan", {"chirality": True}, skfp.ECFPFingerprint(include_chirality=True)),
    ("feature_morgan", {}, skfp.ECFPFingerprint(use_pharmacophoric_invariants=True)),
    ("atom_pair", {}, skfp.AtomPairFingerprint()),
    ("atom_pair", {"counts": True}, skfp.AtomPairFingerprint(count=True)),
    (
        "atom_pair",
        {"chirality": True, "counts": True},
        skfp.AtomPairFingerprint(include_chirality=True, count=True),
    ),
    ("topological_torsion", {}, skfp.TopologicalTorsionFingerprint()),
    ("topological_torsion", {"counts": True}, skfp.TopologicalTorsionFingerprint(count=True)),
    ("rdkit", {}, skfp.RDKitFingerprint()),
    ("rdkit", {"counts": True}, skfp.RDKitFingerprint(count=True)),
    ("layered", {}, skfp.LayeredFingerprint()),
    ("pattern", {}, skfp.PatternFingerprint()),
    ("avalon", {}, skfp.AvalonFingerprint()),
    ("avalon", {"counts": True, "n_bits": 1024}, skfp.AvalonFingerprint(count=True, fp_size=1024)),
]


@pytest.fixture(scope="module")
def drugs() -> list[str]:
    return pd.read_csv(DRUGS, sep="\t")["smiles"].iloc[::16].tolist()


@pytest.mark.parametrize(("kind", "options", "peer"), PEERS)
def test_kind__same_as_scikit_fingerprints(
    kind: str, options: dict[str, Any], peer: Any, drugs: list[str]
) -> None:
    ours = fingerprints(drugs, kind, **options)
    theirs = peer.transform(drugs)
    np.testing.assert_array_equal(ours, theirs)
    assert ours.dtype == (np.uint32 if options.get("counts") else np.uint8)
    assert ours.any(axis=1).all()


def test_maccs__same_as_scikit_fingerprints_and_published_keys(drugs: list[str]) -> None:
    """Key i is bit i: 166 means more than one fragment, 165 a ring, 164 oxygen, 161 nitrogen, 103 chlorine."""
    np.testing.assert_array_equal(
        fingerprints(drugs, "maccs")[:, 1:], skfp.MACCSFingerprint().transform(drugs)
    )
    keys = {text: set(np.flatnonzero(row)) for text, row in zip(ODD, fingerprints(ODD, "maccs"))}
    assert {166, 103} <= keys["[Na+].[Cl-]"]
    phenol = set(np.flatnonzero(fingerprints(["c1ccccc1O"], "maccs")[0]))
    assert {165, 164, 163, 162, 139} <= phenol and not {161, 166, 103} & phenol


@pytest.mark.parametrize(
    ("kind", "peer"),
    [
        ("erg", skfp.ERGFingerprint()),
        ("pubchem", skfp.PubChemFingerprint()),
        ("klekota_roth", skfp.KlekotaRothFingerprint()),
        ("ghose_crippen", skfp.GhoseCrippenFingerprint()),
        ("functional_groups", skfp.FunctionalGroupsFingerprint()),
        ("map", skfp.MAPFingerprint()),
        ("secfp", skfp.SECFPFingerprint()),
    ],
)
def test_kind__from_scikit_fingerprints(kind: str, peer: Any) -> None:
    """Computed from SMILES there, from molecules here."""
    np.testing.assert_array_equal(
        fingerprints(SMILES, kind), peer.transform(SMILES).astype(settle(kind).dtype)
    )


@pytest.mark.parametrize("kind", FINGERPRINT_KINDS)
def test_kind__shapes_packing_and_odd_molecules(kind: str) -> None:
    plain = fingerprints([*SMILES, *ODD], kind)
    assert plain.shape == (len(SMILES) + len(ODD), FINGERPRINT_KINDS[kind].n_bits)
    assert np.isfinite(plain).all()
    assert fingerprints([], kind).shape == (0, plain.shape[1]) and fingerprints([], kind).dtype == plain.dtype
    if not FINGERPRINT_KINDS[kind].real:
        packed = fingerprints([*SMILES, *ODD], kind, packed=True)
        np.testing.assert_array_equal(packed, np.packbits(plain, axis=1))
        assert fingerprints([], kind, packed=True).shape == (0, packed.shape[1])
    if "counts" in FINGERPRINT_KINDS[kind].options:
        counts = fingerprints(SMILES, kind, counts=True)
        assert counts.dtype == np.uint32 and counts.max() > 1


@pytest.mark.parametrize("n_bits", [1, 7, 64, 100, 2048])
def test_packed__any_length(n_bits: int) -> None:
    packed = fingerprints(SMILES, n_bits=n_bits, packed=True)
    assert packed.shape == (len(SMILES), -(-n_bits // 8))
    np.testing.assert_array_equal(
        np.unpackbits(packed, axis=1, count=n_bits), morgan_fingerprints(SMILES, n_bits=n_bits)
    )


@pytest.mark.parametrize("options", [{}, {"packed": True}, {"counts": True}])
def test_molecule__same_as_in_a_list(options: dict[str, bool]) -> None:
    chosen = settle("morgan", **options)
    expected = fingerprints(SMILES, **options)
    for row, text in zip(expected, SMILES):
        np.testing.assert_array_equal(molecule_fingerprint(Chem.MolFromSmiles(text), chosen), row)
    np.testing.assert_array_equal(
        fingerprints([Chem.MolFromSmiles(text) for text in SMILES], **options), expected
    )


@pytest.mark.parametrize(
    "kind", ["morgan", "feature_morgan", "atom_pair", "topological_torsion", "rdkit", "maccs", "avalon"]
)
def test_bits__do_not_depend_on_how_the_smiles_is_written(kind: str, drugs: list[str]) -> None:
    options = {"chirality": True} if kind.endswith("morgan") else {}
    three_ring = Chem.MolFromSmarts("[r3]")
    molecules = [Chem.MolFromSmiles(text) for text in drugs]
    if kind == "topological_torsion":  # RDKit walks a three-membered ring in the order of its atoms
        molecules = [molecule for molecule in molecules if not molecule.HasSubstructMatch(three_ring)]
    for seed in range(1, 4):
        rewritten = [Chem.MolToRandomSmilesVect(molecule, 1, randomSeed=seed)[0] for molecule in molecules]
        np.testing.assert_array_equal(
            fingerprints(molecules, kind, **options), fingerprints(rewritten, kind, **options)
        )


@pytest.mark.parametrize("kind", ["morgan", "feature_morgan", "atom_pair", "topological_torsion"])
def test_chirality__tells_enantiomers_apart(kind: str) -> None:
    pair = ["C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"]
    left, right = fingerprints(pair, kind, chirality=True, counts=True)
    assert (left != right).any()
    left, right = fingerprints(pair, kind, counts=True)
    np.testing.assert_array_equal(left, right)


def test_chirality__atom_pair_bits_would_lose_it() -> None:
    """RDKit gives the two alanines equal bits though chirality was asked for; here that is refused."""
    generator = rdFingerprintGenerator.GetAtomPairGenerator(fpSize=2048, includeChirality=True)
    left, right = (generator.GetFingerprint(Chem.MolFromSmiles(f"C[{c}H](N)C(=O)O")) for c in ("C@", "C@@"))
    assert left == right
    with pytest.raises(InputError, match=r"drops the chirality of atom pairs.*; expected counts"):
        fingerprints(["C[C@H](N)C(=O)O"], "atom_pair", chirality=True)


def test_blocks__streamed_and_over_processes(drugs: list[str]) -> None:
    smiles = (drugs * 60)[:5100]
    whole = fingerprints(smiles, packed=True)
    streamed = list(fingerprint_blocks(iter(smiles), settle(packed=True)))
    assert [len(block) for block in streamed] == [5000, 100]
    np.testing.assert_array_equal(np.concatenate(streamed), whole)
    np.testing.assert_array_equal(fingerprints(iter(smiles), packed=True, threads=2), whole)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "ecfp"}, "no fingerprint 'ecfp'; expected one of morgan, feature_morgan"),
        ({"kind": "maccs", "radius": 2}, "the maccs fingerprint has no radius; expected none of"),
        ({"kind": "rdkit", "chirality": True}, "the rdkit fingerprint has no chirality; expected counts"),
        ({"kind": "maccs", "n_bits": 2048}, "the maccs fingerprint has 167 positions; leave n_bits out"),
        ({"n_bits": 0}, "a fingerprint of 0 bits; expected 1 to"),
        ({"n_bits": 2.5}, "a fingerprint of 2.5 bits"),
        ({"radius": -1}, "a radius of -1; expected 0 to 20 bonds"),
        ({"counts": True, "packed": True}, "only bits can be packed"),
        ({"kind": "erg", "packed": True}, "only bits can be packed"),
    ],
)
def test_options__bad_ones_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        fingerprints(["CCO"], **options)


@pytest.mark.parametrize("encode", [morgan_fingerprints, fingerprints])
def test_bad_smiles__names_its_index(encode: Any) -> None:
    with pytest.raises(InputError, match=r"record 1, field smiles: 'C1CC' does not parse: .*unclosed ring"):
        encode(["CC", "C1CC"])


def test_unencodable_molecule__names_its_index() -> None:
    """A molecule that was never sanitised has no rings yet, which RDKit refuses."""
    raw = Chem.MolFromSmiles("c1ccccc1O", sanitize=False)
    with pytest.raises(InputError, match="record 2: no morgan fingerprint"):
        fingerprints(["C", "CC", raw])


@pytest.mark.parametrize(("radius", "n_bits"), [(2, 2048), (3, 1024)])
def test_morgan__same_bits_as_rdkit(radius: int, n_bits: int) -> None:
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=radius, fpSize=n_bits)
    ours = morgan_fingerprints(SMILES, radius=radius, n_bits=n_bits)
    assert ours.dtype == np.uint8
    for row, smiles in zip(ours, SMILES, strict=True):
        theirs = generator.GetFingerprint(Chem.MolFromSmiles(smiles))
        assert np.flatnonzero(row).tolist() == list(theirs.GetOnBits())


def test_tanimoto__same_as_rdkit() -> None:
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    theirs = [generator.GetFingerprint(Chem.MolFromSmiles(smiles)) for smiles in SMILES]
    expected = [DataStructs.BulkTanimotoSimilarity(one, theirs) for one in theirs]
    bits = morgan_fingerprints(SMILES)
    np.testing.assert_allclose(tanimoto(bits, bits), expected, rtol=1e-6)
    assert tanimoto(bits, bits).dtype == np.float32


bit_rows = arrays(np.uint8, st.tuples(st.integers(0, 6), st.just(33)), elements=st.integers(0, 1))


@settings(deadline=None)
@given(bit_rows, bit_rows)
def test_tanimoto__symmetric_and_bounded(a: np.ndarray, b: np.ndarray) -> None:
    similarity = tanimoto(a, b)
    assert similarity.shape == (len(a), len(b))
    np.testing.assert_array_equal(similarity, tanimoto(b, a).T)
    assert ((similarity >= 0) & (similarity <= 1)).all()
    assert (np.diag(tanimoto(a, a)) == a.any(axis=1)).all()


def test_tanimoto__more_rows_than_one_block() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 2, (5000, 40), dtype=np.uint8), rng.integers(0, 2, (3, 40), dtype=np.uint8)
    shared = (a[:, None, :] & b[None]).sum(-1)
    expected = shared / (a[:, None, :] | b[None]).sum(-1)
    np.testing.assert_allclose(tanimoto(a, b), expected, rtol=1e-6)


def test_tanimoto__lengths_must_agree() -> None:
    with pytest.raises(InputError, match="n_bits"):
        tanimoto(np.zeros((1, 4)), np.zeros((1, 5)))


def test_morgan__enantiomers_share_bits() -> None:
    left, right = morgan_fingerprints(["C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"])
    np.testing.assert_array_equal(left, right)


def test_morgan__nothing() -> None:
    assert morgan_fingerprints([]).shape == (0, 2048)
