"""Why a compound stands where it does: claims, paths and the atoms behind a score."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem

from genomics.errors import InputError
from models.kinase import SEED_DOMAIN, seed_profile
from models.landmarks import molecule_kernel, molecule_tables, protein_kernel, protein_tables
from models.protein import Target, encode_proteins
from varimol.explain import atom_contributions, atoms_text, explain
from varimol.explain_pairs import LIKENESS


@pytest.fixture(scope="module")
def predicted(linked: Path) -> pd.Series:
    """Return a record of the predicted lane, or skip: a network may abstain on every compound."""
    evidence = pd.read_parquet(linked / "evidence.parquet")
    speaking = evidence[evidence["lane"].eq("predicted") & ~evidence["abstain"]]
    if not len(speaking):
        pytest.skip("the shipped network claims nothing about the compounds of this run")
    return speaking.iloc[0]


def test_explain__tells_claims_score_and_atoms(linked: Path, predicted: pd.Series, tmp_path: Path) -> None:
    told = explain(linked, predicted["sample_id"], predicted["compound_id"], out=tmp_path / "told")
    assert predicted["path"] in told.text
    assert predicted["evidence_id"] in set(told.evidence["evidence_id"])
    assert "scored on" in told.text and "research use only" in told.text
    assert len(told.atoms) and np.isfinite(told.atoms["contribution"]).all()
    names = {path.name for path in (tmp_path / "told").iterdir()}
    assert {"explanation.tsv", "atoms.tsv", "pairs.tsv", "residues.tsv"} < names
    assert f"nearest measured pairs ({LIKENESS}): " in told.text and "residue" in told.text
    assert told.text.count("\n") < 12 + 8 * len(told.evidence) + 5 * told.atoms["gene"].nunique()
    near = told.pairs.groupby("gene")["similarity"]
    assert (near.size() == 3).all() and near.apply(lambda s: s.is_monotonic_decreasing).all()
    chain = pd.read_parquet(linked / "targets.parquet").set_index("gene")["sequence"]
    for gene, part in told.residues.groupby("gene"):
        assert "".join(part["residue"]) == chain[gene] and part["position"].iloc[0] == 1
    (picture,) = (tmp_path / "told").glob("*.svg")
    assert picture.read_text().lstrip().startswith("<")
    atoms = pd.read_csv(tmp_path / "told" / "atoms.tsv", sep="\t")
    assert len(atoms) == len(told.atoms)
    library = pd.read_parquet(linked / "library" / "library.parquet").set_index("id")
    written = Chem.MolFromSmiles(library.loc[predicted["compound_id"], "input"])
    of_input = [written.GetAtomWithIdx(int(k)).GetSymbol() for k in told.atoms["input_atom"]]
    assert of_input == told.atoms["symbol"].tolist()


@given(st.lists(st.floats(-2, 2), min_size=1, max_size=9))
def test_atoms_text__names_only_atoms_that_raise_it(contributions: list[float]) -> None:
    atoms = pd.DataFrame(
        {"symbol": "C", "atom": range(len(contributions)), "contribution": contributions, "gene": "X"}
    )
    text = atoms_text(atoms)
    visible = [c for c in sorted((float(f"{c:.2f}") for c in contributions), reverse=True) if c > 0]
    told = [float(word.rstrip(",")) for word in text.split() if word.startswith(("+", "-"))]
    assert (text == "no atom alone raises it") == (not told)
    assert told == visible[:5]


def test_likeness__is_1_for_the_same() -> None:
    """What the text says of the two numbers beside a measured pair."""
    same = molecule_kernel(*[molecule_tables(["Cc1ccccc1N", "NCCc1ccc(O)cc1"])] * 2)
    np.testing.assert_allclose(np.diag(same), 1.0, atol=1e-6)
    assert same[0, 1] < 0.5
    targets = [Target("X", SEED_DOMAIN), Target("Y", SEED_DOMAIN[:77] + "I" + SEED_DOMAIN[78:])]
    proteins = protein_tables(targets, encode_proteins(targets, seed_profile()))
    near = protein_kernel(proteins, proteins)
    np.testing.assert_allclose(np.diag(near), 1.0, atol=1e-6)
    assert near[0, 1] < 1


def test_explain__by_name_as_by_identifier(linked: Path, predicted: pd.Series) -> None:
    one = explain(linked, predicted["sample_id"], predicted["compound_id"])
    two = explain(linked, predicted["sample_id"], predicted["compound_name"].upper())
    pd.testing.assert_frame_equal(one.evidence, two.evidence)
    pd.testing.assert_frame_equal(one.atoms, two.atoms)


def test_explain__compound_without_a_claim(linked: Path) -> None:
    evidence = pd.read_parquet(linked / "evidence.parquet")
    affinity = pd.read_parquet(linked / "affinity.parquet")
    claimed = set(evidence["compound_id"])
    compound = next(name for name in affinity["compound_id"] if name not in claimed)
    told = explain(linked, evidence["sample_id"].iloc[0], compound)
    assert not len(told.evidence) and "no claim is made" in told.text


@pytest.mark.parametrize(
    ("patient", "compound", "field"), [("nobody", "", "--patient"), ("", "unobtainium", "--compound")]
)
def test_explain__unknown_patient_or_compound(linked: Path, patient: str, compound: str, field: str) -> None:
    affinity = pd.read_parquet(linked / "affinity.parquet")
    samples = pd.read_parquet(linked / "quality_samples.parquet")
    with pytest.raises(InputError, match=f"field {field}: .* is not in this run; expected"):
        explain(linked, patient or samples["sample_id"].iloc[0], compound or affinity["compound_id"].iloc[0])


def test_explain__unfinished_run(linked: Path, tmp_path: Path) -> None:
    shutil.copy(linked / "evidence.parquet", tmp_path)
    with pytest.raises(InputError, match=r"no manifest\.json; expected the folder of a finished"):
        explain(tmp_path, "S0001", "x")


def test_atom_contributions__do_not_depend_on_the_order_of_atoms() -> None:
    from models.protein import Target
    from varimol import tables
    from varimol.networks import load_network

    sequence = tables.proteins().set_index("symbol").loc["ABL1", "sequence"]
    target = Target("ABL1", sequence)
    molecule = Chem.MolFromSmiles("Cc1ccc(NC(=O)c2ccncc2)cc1")
    order = list(np.random.default_rng(0).permutation(molecule.GetNumAtoms()))
    renumbered = Chem.MolToSmiles(Chem.RenumberAtoms(molecule, [int(i) for i in order]), canonical=False)
    one = atom_contributions(load_network(), Chem.MolToSmiles(molecule, canonical=False), target)
    two = atom_contributions(load_network(), renumbered, target)
    assert len(one) == molecule.GetNumAtoms()
    assert np.abs(one).max() > 0.01
    assert np.sort(one) == pytest.approx(np.sort(two), abs=1e-4)
