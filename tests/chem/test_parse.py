"""Reading a SMILES: hydrogens that are written out change nothing, and complaints are kept."""

from __future__ import annotations

import logging
from pathlib import Path

import pandas as pd
import pytest
from rdkit import Chem

from chem.parse import captured_rdkit_log, explain_smiles, parse_smiles

DRUGS = Path(__file__).resolve().parents[2] / "varimol" / "data" / "drugs.tsv"


def inchikey_with_hydrogens(smiles: str) -> str:
    """InChIKey of the molecule as written: InChI takes the hydrogens away itself."""
    parameters = Chem.SmilesParserParams()
    parameters.removeHs = False  # type: ignore[assignment]
    return Chem.MolToInchiKey(Chem.MolFromSmiles(smiles, parameters))


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        # Ring closures: RDKit 2026.3 alone turns the first three round.
        (r"[H]/C1=C(\[H])CCCCCCCC1", r"C1=C\CCCCCCCC/1"),
        (r"[H]/C1=C(/[H])CCCCCCCC1", r"C1=C/CCCCCCCC/1"),
        (r"[H]/C1=C(\C)CCCCCCCC1", r"C/C1=C/CCCCCCCC1"),
        (r"C/C1=C(\[H])CCCCCCCC1", r"C/C1=C/CCCCCCCC1"),
        (r"[H]/C(CC)=C(\[H])CC", r"CC/C=C\CC"),
        (r"[H]/C(F)=C(/[H])F", "F/C=C/F"),
        (r"[H]/N=C(\C)CC", r"[H]/N=C(\C)CC"),
        ("[H]C([H])=C([H])C", "C=CC"),
    ],
)
def test_parse__geometry_marked_on_hydrogens(written: str, plain: str) -> None:
    molecule = parse_smiles(written)
    assert molecule is not None
    assert Chem.MolToSmiles(molecule) == Chem.CanonSmiles(plain)
    assert Chem.MolToInchiKey(molecule) == inchikey_with_hydrogens(written)


def test_parse__hydrogens_of_drugs_with_double_bonds() -> None:
    drugs = pd.read_csv(DRUGS, sep="\t")["smiles"]
    for smiles in drugs[drugs.str.contains(r"[/\\]")]:
        molecule = Chem.MolFromSmiles(smiles)
        for seed in (1, 2):
            written = Chem.MolToRandomSmilesVect(Chem.AddHs(molecule), 1, randomSeed=seed)[0]
            read = parse_smiles(written)
            assert read is not None
            assert Chem.MolToSmiles(read) == Chem.MolToSmiles(molecule), written
            assert Chem.MolToInchiKey(read) == inchikey_with_hydrogens(written)


@pytest.mark.parametrize(
    "text", ["", "  ", "C1CC", "c1cccc1", "CCO name", "[H]/C1=C(", ".", "\x00", "C" * 10 + "("]
)
def test_parse__none_with_an_explanation(text: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert parse_smiles(text) is None
    assert explain_smiles(text)
    assert "\n" not in explain_smiles(text)
    assert capfd.readouterr() == ("", "")


def test_log__is_given_back() -> None:
    before = logging.getLogger("rdkit").handlers
    with captured_rdkit_log() as lines:
        assert Chem.MolFromSmiles("C1CC") is None
    assert any("unclosed ring" in line for line in lines)
    assert logging.getLogger("rdkit").handlers is before
