"""The short way for ordinary molecules gives what the long way gives, and each policy does its one thing."""

from __future__ import annotations

import gzip
import importlib.metadata
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem, RDLogger
from rdkit.Chem import RDConfig
from rdkit.Chem.MolStandardize import rdMolStandardize

from chem import DEFAULT_RECIPE, StandardisationRecipe, standardise_smiles
from chem.parse import parse_smiles
from chem.standardise import StandardisedMolecule, standardise_molecule
from chem.standardise_steps import cleanup, is_ordinary, largest_fragment, uncharge

METAL = re.compile(r"\[(?:Co|Cu|Fe|Hg|Mn|Ni|Pt|Sb|Sn|Zn|Pd|Ag|Au|Al|Ti|V|Cr|Bi|Pb|Tl|Cd|As|Ge)")
DRUGS = Path(__file__).resolve().parents[2] / "varimol" / "data" / "drugs.tsv"
NCI = Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi"

# Left sides of RDKit's rules of normalisation (Code/GraphMol/MolStandardize/TransformCatalog/normalizations.in),
# which is_ordinary must exclude by the charge or the valence of an atom.
MATCHED_BY_A_RULE = {
    "Nitro to N+(O-)=O": ["CP(=O)=O", "C[As](=O)=O"],
    "Sulfone to S(=O)(=O)": ["C[S+2]([O-])([O-])C"],
    "Pyridine oxide to n+O-": ["O=n1ccccc1"],
    "Azide to N=N+=N-": ["CN=[N]#N"],
    "Diazo/azo to =N+=N-": ["C=[N]#N"],
    "Sulfoxide to -S+(O-)-": ["CS(C)=O", "CS(=O)c1ccccc1", "CS(=O)N"],
    "Phosphate to P(O-)=O": ["C[P+](C)([O-])[O-]"],
    "C/S+N to C/S=N+": ["C[C+](N)NC"],
    "P+N to P=N+": ["C[P+](C)(N)NC"],
    "Recombine 1,3-separated charges": ["[O-]C=[NH+]C", "[N-](C)C=[O+]C"],
    "Recombine 1,5-separated charges": ["[O-]C=CC=[N+](C)C"],
    "Normalize 1,3 conjugated cation": ["NC=[N+](C)C"],
    "Normalize 1,5 conjugated cation": ["NC=CC=[N+](C)C"],
    "Charge normalization": ["O=[Cl-]"],
    "Charge recombination": ["C[N-]=[C+]C"],
}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    RDLogger.DisableLog("rdApp.*")
    yield
    RDLogger.EnableLog("rdApp.*")


def careful(smiles: str) -> StandardisedMolecule:
    """Do the steps of the recipe one after the other, for every molecule, and nothing else."""
    molecule = cleanup(parse_smiles(smiles))
    molecule, removed = largest_fragment(molecule)
    parent = Chem.MolFromSmiles(Chem.MolToSmiles(uncharge(molecule)))
    return StandardisedMolecule(Chem.MolToSmiles(parent), Chem.MolToInchiKey(parent), removed)


def moses(count: int) -> list[str]:
    try:
        (file,) = [
            file for file in importlib.metadata.files("molsets") or () if file.match("*/data/test.csv.gz")
        ]
    except (importlib.metadata.PackageNotFoundError, ValueError):
        pytest.skip("molsets is not installed")
    with gzip.open(file.locate(), "rt") as lines:
        all_smiles = [line.split(",")[0].strip() for line in lines][1:]
    return random.Random(7).sample(all_smiles, count)


def check_short_way(texts: list[str]) -> int:
    """Compare both ways for the ordinary ones, as given and with canonical text; return how many those are."""
    checked = 0
    for text in texts:
        molecule = parse_smiles(text)
        if molecule is None or not is_ordinary(molecule):
            continue
        checked += 1
        expected = careful(text)
        assert standardise_molecule(molecule)[0] == expected, text
        canonical = Chem.MolToSmiles(molecule)
        short = standardise_molecule(parse_smiles(canonical), smiles=canonical)[0]
        assert short == careful(canonical), canonical
    return checked


def test_short_way__equal_on_drugs_and_screening_compounds() -> None:
    drugs = pd.read_csv(DRUGS, sep="\t")["smiles"].tolist()[::4]
    nci = [line.split()[0] for line in NCI.read_text().splitlines()[::10]]
    assert check_short_way(drugs) > 0.75 * len(drugs)
    assert check_short_way(nci) > 0.75 * len(nci)


@pytest.mark.slow
def test_short_way__equal_on_moses() -> None:
    """``python -m benchmarks.standardisation`` does the same with 100,000 molecules and more."""
    assert check_short_way(moses(8_000)) > 7_900


def test_short_way__equal_on_kiba(shared_data: Path) -> None:
    kiba = pd.read_csv(shared_data / "affinity" / "kiba" / "drugs.tsv", sep="\t")["smiles"].tolist()[::4]
    assert check_short_way(kiba) > 0.75 * len(kiba)


@pytest.mark.parametrize(
    "smiles", [text for texts in MATCHED_BY_A_RULE.values() for text in texts], ids=lambda text: text
)
def test_ordinary__none_that_a_rule_changes(smiles: str) -> None:
    """Read without RDKit's own repairs, as its rules would see it."""
    molecule = Chem.MolFromSmiles(smiles, sanitize=False)
    molecule.UpdatePropertyCache(strict=False)
    Chem.FastFindRings(molecule)
    assert not is_ordinary(molecule)


@pytest.mark.parametrize(
    "smiles",
    ["[Na]OC", "C[Hg]C", "[CH3]", "[O]C", "*C", "[2H]C", "C[O-]", "C.C", "[H+]", "C[Si](C)C", "N=[N+]=[N-]"],
)
def test_ordinary__only_neutral_single_organic(smiles: str) -> None:
    assert not is_ordinary(Chem.MolFromSmiles(smiles))


@pytest.mark.parametrize(
    "smiles", ["CS(C)(=O)=O", "COP(=O)(OC)OC", "c1cc[nH]c1", "C[C@H](N)C(=O)O", "FC(Cl)Br"]
)
def test_ordinary__what_drugs_are_made_of(smiles: str) -> None:
    assert is_ordinary(Chem.MolFromSmiles(smiles))


def test_metals_kept__otherwise_as_rdkit_cleans() -> None:
    """Without metals, leaving the disconnector out changes nothing: the rest is RDKit's Cleanup."""
    texts = [line.split()[0] for line in NCI.read_text().splitlines()[::25]]
    texts += ["C[N+](C)(C)CC(=O)O.[O-]c1ccccc1", "CS(C)=O", "O=N(=O)c1ccccc1", "NC=[N+](C)C"]
    for text in texts:
        molecule = Chem.MolFromSmiles(text)
        if molecule is not None and rdMolStandardize.MetalDisconnector().Disconnect(
            molecule
        ).GetNumBonds() == (molecule.GetNumBonds()):
            kept = cleanup(molecule, disconnect_metals=False)
            assert Chem.MolToSmiles(kept) == Chem.MolToSmiles(rdMolStandardize.Cleanup(molecule))


def test_metals__disconnected_with_a_note_or_kept() -> None:
    cisplatin = "[NH3][Pt]([NH3])(Cl)Cl"
    ligand = standardise_smiles(cisplatin)
    assert (ligand.smiles, ligand.note) == ("N", "the parent is without its Pt")
    metal = standardise_smiles("Cl[Pt]Cl")
    assert (metal.smiles, metal.problem) == ("[Pt+2]", "the parent is without its ligands")
    kept = standardise_smiles(cisplatin, StandardisationRecipe("metals-kept", metals="keep"))
    assert "[Pt]" in kept.smiles
    assert kept.note == kept.removed_fragments == ""
    assert standardise_smiles("[Na+].CC(=O)[O-]").note == ""


def test_isotopes__removed_from_atoms_and_hydrogens() -> None:
    flat = StandardisationRecipe(isotopes="remove")
    labelled = "[2H]C([2H])([2H])[C@H](N)[13C](=O)O"
    assert standardise_smiles(labelled).smiles == "[2H]C([2H])([2H])[C@H](N)[13C](=O)O"
    assert standardise_smiles(labelled, flat) == standardise_smiles("C[C@H](N)C(=O)O", flat)


def test_stereo__removed_as_rdkit_removes_it() -> None:
    flat = StandardisationRecipe(stereo="remove")
    drugs = pd.read_csv(DRUGS, sep="\t")["smiles"]
    for smiles in drugs[drugs.str.contains("@|/")].iloc[::20]:
        # Another route: RDKit writes the SMILES without it.
        expected = Chem.CanonSmiles(Chem.MolToSmiles(Chem.MolFromSmiles(smiles), isomericSmiles=False))
        if "[2H]" not in smiles and "[1" not in smiles:
            assert standardise_smiles(smiles, flat).smiles == expected


def test_tautomer__canonical_says_what_it_lost() -> None:
    recipe = StandardisationRecipe("tautomer-parent", tautomer="canonical")
    enol, keto = standardise_smiles("Oc1ccccn1", recipe), standardise_smiles("O=c1cccc[nH]1", recipe)
    assert enol.smiles == keto.smiles == "O=c1cccc[nH]1"
    assert enol.note == ""
    # An alpha-hydroxy ketone: its centre takes part in keto-enol tautomerism.
    lost = standardise_smiles("C[C@H](O)C(C)=O", recipe)
    assert "@" not in lost.smiles
    assert lost.note == "the canonical tautomer lost 1 of 1 stereo labels"
    assert standardise_smiles("C[C@H](O)C(C)=O").note == ""


def test_molecule__parent_is_what_its_smiles_parses_to() -> None:
    for text in ("OCC", "CCO", "Cl.CCN", "CC(=O)[O-].[Na+]", "OC(=O)[C@@H](N)C", "F/C=C/F"):
        outcome, parent = standardise_molecule(parse_smiles(text), smiles=text)
        again = Chem.MolFromSmiles(outcome.smiles)
        assert parent is not None
        assert [a.GetSymbol() for a in parent.GetAtoms()] == [a.GetSymbol() for a in again.GetAtoms()]
        assert parent.ToBinary() == again.ToBinary()
        assert outcome == standardise_smiles(text)


def test_molecule__is_not_changed() -> None:
    molecule = parse_smiles("[Na+].C[C@H](N)C(=O)[O-]")
    before = molecule.ToBinary()
    for recipe in (DEFAULT_RECIPE, StandardisationRecipe(isotopes="remove", stereo="remove")):
        standardise_molecule(molecule, recipe)
    assert molecule.ToBinary() == before


# Without metals: beside the strong bases that cutting their bonds leaves, RDKit's reioniser may take a proton off
# any acid, by the order of the atoms (1 mixture in 4,000); test_standardise pins one.
PARTS = st.sampled_from(
    [line.split()[0] for line in NCI.read_text().splitlines()[::40] if not METAL.search(line)]
    + pd.read_csv(DRUGS, sep="\t")["smiles"].tolist()[::30]
    + ["[Na+]", "[Cl-]", "Cl", "O", "OS(=O)(=O)O", "C[S@](=O)CC", "F/C=C/F", "C[N+](C)(C)C", "[2H]OC"]
)


@settings(max_examples=60, deadline=None)
@given(parts=st.lists(PARTS, min_size=1, max_size=3), seed=st.integers(1, 2**31 - 1), flat=st.booleans())
def test_standardise__projection_that_ignores_the_writing(parts: list[str], seed: int, flat: bool) -> None:
    """Doing it twice, shuffling atoms or spelling out hydrogens changes nothing, for any mixture."""
    recipe = StandardisationRecipe(stereo="remove", isotopes="remove") if flat else DEFAULT_RECIPE
    molecule = parse_smiles(".".join(parts))
    if molecule is None:
        return
    given_text = Chem.MolToSmiles(molecule)
    first = standardise_smiles(given_text, recipe)
    assert first.smiles
    again = standardise_smiles(first.smiles, recipe)
    assert (again.smiles, again.inchikey, again.removed_fragments) == (first.smiles, first.inchikey, "")
    order = list(range(molecule.GetNumAtoms()))
    random.Random(seed).shuffle(order)
    rewritten = [
        Chem.MolToSmiles(Chem.RenumberAtoms(molecule, order), canonical=False),
        Chem.MolToRandomSmilesVect(molecule, 1, randomSeed=seed)[0],
        Chem.MolToSmiles(Chem.AddHs(molecule)),
    ]
    for text in rewritten:
        assert standardise_smiles(text, recipe) == first, text
