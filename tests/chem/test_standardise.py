"""The recipe against known parents, and as a projection: doing it twice changes nothing."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import rdkit
from rdkit import Chem
from rdkit.Chem import RDConfig
from rdkit.Chem.MolStandardize import rdMolStandardize

from chem import DEFAULT_RECIPE, InputError, StandardisationRecipe, standardise_smiles
from chem.counterions import COUNTERIONS
from chem.standardise import RECIPES, recipe_named

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


def test_recipe__hash_that_networks_and_tables_recorded() -> None:
    """Hashes as they were before there were policies: a recipe that uses none must keep them."""
    assert DEFAULT_RECIPE.hash == "b1fe78fc1718e924"
    text = '{"cleanup":true,"largest_fragment":true,"name":"parent","uncharge":false,"version":1}'
    expected = hashlib.sha256(text.encode()).hexdigest()[:16]
    assert StandardisationRecipe(uncharge=False).hash == expected
    assert len({recipe.hash for recipe in RECIPES.values()}) == len(RECIPES)
    policies = [{"metals": "keep"}, {"isotopes": "remove"}, {"stereo": "remove"}, {"tautomer": "canonical"}]
    assert len({StandardisationRecipe(**policy).hash for policy in policies}) == len(policies)  # type: ignore[arg-type]


def test_recipe__found_by_name() -> None:
    assert recipe_named("parent") is DEFAULT_RECIPE
    with pytest.raises(
        InputError, match=r"field recipe: no recipe is called 'flatt'; expected parent, as-drawn, flat"
    ):
        recipe_named("flatt")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"metals": "cut"}, "field metals: 'cut' is no policy of a recipe; expected 'disconnect' or 'keep'"),
        ({"stereo": True}, "field stereo: True is no policy"),
        ({"pipeline": "chembl"}, "expected metals='keep' and isotopes='remove'"),
    ],
)
def test_recipe__setting_that_cannot_be(settings: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        StandardisationRecipe(**settings)  # type: ignore[arg-type]


@pytest.mark.skipif(rdkit.__version__ != "2026.03.5", reason="the outcomes were recorded with RDKit 2026.3.5")
@pytest.mark.parametrize(
    ("source", "step", "digest"), [("drugs", 3, "db825afbdfb02ca1"), ("nci", 5, "230289e6245bef50")]
)
def test_default_recipe__outcomes_as_recorded(source: str, step: int, digest: str) -> None:
    """Digest of SMILES, InChIKey and removed fragments, made with the code before the short way was added."""
    if source == "drugs":
        texts = pd.read_csv(DRUGS, sep="\t")["smiles"].tolist()
    else:
        lines = (Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi").read_text().splitlines()
        texts = [line.split()[0] for line in lines if line.split()]
    found = [standardise_smiles(text) for text in texts[::step]]
    told = "\n".join(f"{each.smiles}\t{each.inchikey}\t{each.removed_fragments}" for each in found)
    assert hashlib.sha256(told.encode()).hexdigest()[:16] == digest


def test_chembl__same_parents_of_the_shipped_drugs() -> None:
    """ChEMBL's own pipeline as an independent check; where it differs, it is by rules of its own.

    It makes labelled atoms ordinary, and forgets the stereochemistry of tartaric acid.
    """
    pytest.importorskip("chembl_structure_pipeline", reason="the extra 'chembl' is not installed")
    smiles = pd.read_csv(DRUGS, sep="\t")["smiles"]
    special = smiles[smiles.str.contains("[2H]", regex=False) | (smiles == "O=C(O)[C@@H](O)[C@H](O)C(=O)O")]
    for text in smiles.drop(special.index)[::3]:
        assert (
            standardise_smiles(text, RECIPES["chembl-parent"]).inchikey == standardise_smiles(text).inchikey
        )
    assert len(special) < 5
    for text in special:
        assert (
            standardise_smiles(text, RECIPES["chembl-parent"]).inchikey != standardise_smiles(text).inchikey
        )


@pytest.mark.parametrize(
    ("drawn", "ours", "theirs"),
    [
        # A drug's salt: both leave the drug.
        ("[Na+].CCCSc1ccc(cc1)C(=O)[O-]", "CCCSc1ccc(C(=O)O)cc1", "CCCSc1ccc(C(=O)O)cc1"),
        # Nothing but what ChEMBL lists as salts or solvents: ChEMBL keeps all of it, we the largest.
        ("[Na+].CC(=O)[O-]", "CC(=O)O", "CC(=O)[O-].[Na+]"),
        # Two components, neither a listed salt: ChEMBL keeps both.
        ("CCC(F)(F)F.c1ccccc1CCCC", "CCCCc1ccccc1", "CCC(F)(F)F.CCCCc1ccccc1"),
        # Radiolabels are isotopes: ChEMBL's parent has none.
        ("O=C([O-])CNC(=O)c1ccccc1[123I].[Na+]", "O=C(O)CNC(=O)c1ccccc1[123I]", "O=C(O)CNC(=O)c1ccccc1I"),
        # Metals: we disconnect, ChEMBL excludes.
        ("O[Al](O)O", "O", "[OH][Al]([OH])[OH]"),
    ],
    ids=["salt", "only salts", "mixture", "isotope", "metal"],
)
def test_chembl__differs_by_rule(drawn: str, ours: str, theirs: str) -> None:
    pytest.importorskip("chembl_structure_pipeline", reason="the extra 'chembl' is not installed")
    assert standardise_smiles(drawn).smiles == ours
    assert standardise_smiles(drawn, RECIPES["chembl-parent"]).smiles == theirs


def test_chembl__what_it_removes_and_excludes() -> None:
    pytest.importorskip("chembl_structure_pipeline", reason="the extra 'chembl' is not installed")
    salt = standardise_smiles("[Na+].CCCSc1ccc(cc1)C(=O)[O-].O", RECIPES["chembl-parent"])
    assert (salt.removed_fragments, salt.note) == ("O.[Na+]", "")
    assert standardise_smiles("C[Hg]C", RECIPES["chembl-parent"]).note == "excluded by ChEMBL's rules"


def test_chembl__not_installed_is_said_and_no_reason_of_a_row() -> None:
    code = (
        "import sys; sys.modules['chembl_structure_pipeline'] = None\n"
        "from chem.standardise import RECIPES, standardise_smiles\n"
        "print(standardise_smiles('CCO').smiles)\n"
        "try:\n    standardise_smiles('CCO', RECIPES['chembl-parent'])\n"
        "except ValueError as error:\n    print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert first == "CCO"
    assert second.startswith(
        "InputError field pipeline: the ChEMBL structure pipeline is not installed; install"
    )


FERROCENE = "[Fe+2].c1cc[cH-]c1.c1cc[cH-]c1"
PEPTIDE = "N" + "[C@@H](C)C(=O)N" * 250 + "[C@@H](C)C(=O)O"


@pytest.mark.parametrize(
    ("odd", "smiles", "said"),
    [
        ("*c1ccccc1", "*c1ccccc1", ""),
        ("*CC* |$star_e;;;star_e$,Sg:n:1,2::ht|", "*CC*", ""),
        ("C[CH]C", "C[CH]C", ""),
        ("[O]N=O", "[O]N=O", ""),
        ("[2H]O[2H]", "[2H]O[2H]", ""),
        ("[13CH3]C(=O)[O-].[Na+]", "[13CH3]C(=O)O", ""),
        ("[H][H]", "[H][H]", ""),
        ("[H+]", "[H+]", ""),
        ("C[Hg]C", "[CH3][Hg][CH3]", ""),
        (FERROCENE, "", "cannot be read back: Can't kekulize mol.  Unkekulized atoms"),
        (".".join("C" * length for length in range(1, 51)), "C" * 50, ""),
        (".".join(["CCO"] * 50), "CCO", ""),
        (".", "", "SMILES Parse Error"),
        ("|$$|", "", "SMILES Parse Error"),
        ("   ", "", "empty SMILES"),
        ("[Xx]C", "", "SMILES Parse Error"),
        ("CC(C)(C)(C)F", "", "valence"),
    ],
)
def test_standardise__odd_structures(
    odd: str, smiles: str, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    for recipe in (DEFAULT_RECIPE, RECIPES["metals-kept"]):
        outcome = standardise_smiles(odd, recipe)
        assert outcome.smiles == smiles
        assert (said in outcome.reason) if said else not outcome.reason
    assert capfd.readouterr() == ("", "")


def test_standardise__fifty_fragments_all_kept_on_record() -> None:
    mixture = ".".join("C" * length for length in range(1, 51))
    removed = standardise_smiles(mixture).removed_fragments.split(".")
    assert sorted(map(len, removed)) == list(range(1, 50))


def test_standardise__peptide_of_a_thousand_atoms() -> None:
    """InChI stops at 1,023 atoms: there is a parent, and no key."""
    outcome = standardise_smiles(PEPTIDE)
    assert outcome.reason == outcome.inchikey == ""
    assert Chem.MolFromSmiles(outcome.smiles).GetNumAtoms() > 1000
    assert standardise_smiles(outcome.smiles) == outcome


def test_standardise__the_known_molecule_that_moves_twice() -> None:
    """RDKit's choice of which acid to protonate beside a quaternary nitrogen is no projection (1 in 48,736)."""
    drawn = "CCO/N=C(/c1nc(sn1)NP(=O)([O-])[O-])\\C(=O)N[C@H]2[C@@H]3N(C2=O)C(=C(CS3)Sc4nc(cs4)c5cc[n+](cc5)C)C(=O)[O-]"
    once = standardise_smiles(drawn)
    twice = standardise_smiles(once.smiles)
    assert once.smiles != twice.smiles
    assert once.inchikey == twice.inchikey


def test_recipe__steps_can_be_left_out() -> None:
    raw = StandardisationRecipe(cleanup=False, largest_fragment=False, uncharge=False)
    assert standardise_smiles("[Na+].CC(=O)[O-]", raw).smiles == "CC(=O)[O-].[Na+]"
    charged = StandardisationRecipe(uncharge=False)
    assert standardise_smiles("[Na+].CC(=O)[O-]", charged).smiles == "CC(=O)[O-]"


def test_standardise__the_known_mixture_that_forgets_a_centre() -> None:
    """Beside the carbanions that cutting a metal's bonds leaves, RDKit's reioniser takes a proton off a centre.

    Kept as it is, since the recipe's outcomes must not change; the note warns, and keeping metals avoids it.
    """
    mixture = "C[Pt](C)Cl.C[C@H](N)C(=O)O"
    cut, kept = standardise_smiles(mixture), standardise_smiles(mixture, RECIPES["metals-kept"])
    assert (cut.smiles, cut.note) == ("CC(N)C(=O)O", "the parent is without its Pt")
    assert (kept.smiles, kept.removed_fragments) == ("C[C@H](N)C(=O)O", "[CH3][Pt]([CH3])[Cl]")
