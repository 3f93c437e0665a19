"""The recipe against known parents, and as a projection: doing it twice changes nothing."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from rdkit import Chem
from rdkit.Chem import RDConfig
from rdkit.Chem.MolStandardize import rdMolStandardize

from chem import DEFAULT_RECIPE, StandardisationRecipe, standardise_smiles
from chem.counterions import COUNTERIONS

DRUGS = Path(__file__).resolve().parents[2] / "varimol" / "data" / "drugs.tsv"


@pytest.mark.parametrize(
    ("given", "inchikey", "removed"),
    [
        # InChIKeys as PubChem lists them for the parent.
        ("[Na+].CC(=O)Oc1ccccc1C(=O)[O-]", "BSYNRYMUTXBXSQ-UHFFFAOYSA-N", "[Na+]"),
        (
            "CN1CCN(CC1)Cc1ccc(cc1)C(=O)Nc1ccc(C)c(c1)Nc1nccc(n1)-c1cccnc1.CS(=O)(=O)O",
            "KTUFNOKKBVMGRW-UHFFFAOYSA-N",
            "CS(=O)(=O)O",
        ),
        ("C[N+](C)(C)CC(=O)[O-]", "KWIUHFFTVRNATP-UHFFFAOYSA-N", ""),
        ("CN(C)CCCN1c2ccccc2CCc2ccccc21.OC(=O)c1cc2ccccc2c(c1O)Cc1c(O)c(cc2ccccc12)C(O)=O", None, None),
    ],
    ids=["aspirin sodium", "imatinib mesylate", "betaine stays charged", "imipramine pamoate"],
)
def test_standardise__known_parents(given: str, inchikey: str | None, removed: str | None) -> None:
    parent = standardise_smiles(given)
    assert parent.reason == ""
    if inchikey is None:
        assert parent.smiles == "CN(C)CCCN1c2ccccc2CCc2ccccc21"
    else:
        assert (parent.inchikey, parent.removed_fragments) == (inchikey, removed)
    assert Chem.MolToInchiKey(Chem.MolFromSmiles(parent.smiles)) == parent.inchikey


def test_standardise__keeps_stereochemistry() -> None:
    assert standardise_smiles("N[C@@H](CS)C(=O)[O-].[Na+]").inchikey == "XUJNEKJLAYXESH-REOHCLBHSA-N"
    assert standardise_smiles("C/C=C/C(=O)O").smiles == "C/C=C/C(=O)O"


def test_standardise__leaves_tautomers_as_drawn() -> None:
    assert standardise_smiles("Oc1ccccn1").smiles != standardise_smiles("O=c1cccc[nH]1").smiles


def test_standardise__normalisation_that_cannot_be_read_back() -> None:
    """RDKit's normalisation breaks the ring of mesocarb; the molecule is kept as drawn."""
    drawn = "[O+]1=N[N](C=C1[N-]C(NC2=CC=CC=C2)=O)C(CC3=CC=CC=C3)C"
    parent = standardise_smiles(drawn)
    assert parent.reason == ""
    assert parent.inchikey == Chem.MolToInchiKey(Chem.MolFromSmiles(drawn))


def test_standardise__twice_changes_nothing() -> None:
    drugs = pd.read_csv(DRUGS, sep="\t")
    for smiles, inchikey in zip(drugs["smiles"].iloc[::4], drugs["inchikey"].iloc[::4], strict=True):
        again = standardise_smiles(smiles)
        assert (again.smiles, again.inchikey, again.removed_fragments) == (smiles, inchikey, "")


def test_standardise__writing_does_not_matter() -> None:
    source = Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi"
    lines = source.read_text().splitlines()[::50]
    for line in lines:
        molecule = Chem.MolFromSmiles(line.split()[0])
        if molecule is None:
            continue
        rewritten = Chem.MolToRandomSmilesVect(molecule, 1, randomSeed=5)[0]
        first, second = standardise_smiles(line.split()[0]), standardise_smiles(rewritten)
        assert (first.smiles, first.inchikey) == (second.smiles, second.inchikey)


def test_standardise__same_as_rdkit_fragment_parent() -> None:
    """On salts of plain ions our recipe gives what RDKit's ChargeParent gives."""
    for smiles in ("[Na+].[O-]C(=O)c1ccccc1", "Cl.CCN(CC)CC", "[K+].[O-]c1ccccc1", "Br.NCCc1ccccc1"):
        theirs = rdMolStandardize.ChargeParent(Chem.MolFromSmiles(smiles))
        assert standardise_smiles(smiles).smiles == Chem.MolToSmiles(theirs)


@pytest.mark.parametrize("smiles", sorted(COUNTERIONS.values()))
def test_counterion__alone_is_kept_beside_a_drug_removed(smiles: str) -> None:
    alone = standardise_smiles(smiles)
    assert alone.smiles
    assert alone.removed_fragments == ""
    drug = "CN1CCCC1c1cccnc1"
    assert standardise_smiles(f"{smiles}.{drug}").smiles == Chem.CanonSmiles(drug)


@pytest.mark.parametrize(
    ("bad", "said"),
    [("", "empty"), ("C1CC", "unclosed ring"), ("N(C)(C)(C)(C)C", "valence"), ("xyz", "Parse")],
)
def test_standardise__bad_input_has_a_reason(bad: str, said: str, capfd: pytest.CaptureFixture[str]) -> None:
    outcome = standardise_smiles(bad)
    assert outcome.smiles == outcome.inchikey == ""
    assert said in outcome.reason
    assert "\n" not in outcome.reason
    assert capfd.readouterr() == ("", "")


def test_recipe__hash_names_the_steps() -> None:
    assert StandardisationRecipe().hash == DEFAULT_RECIPE.hash
    hashes = {
        StandardisationRecipe(**{step: False}).hash for step in ("cleanup", "largest_fragment", "uncharge")
    }
    assert len(hashes | {DEFAULT_RECIPE.hash, StandardisationRecipe(version=2).hash}) == 5


def test_recipe__steps_can_be_left_out() -> None:
    raw = StandardisationRecipe(cleanup=False, largest_fragment=False, uncharge=False)
    assert standardise_smiles("[Na+].CC(=O)[O-]", raw).smiles == "CC(=O)[O-].[Na+]"
    charged = StandardisationRecipe(uncharge=False)
    assert standardise_smiles("[Na+].CC(=O)[O-]", charged).smiles == "CC(=O)[O-]"
