"""One named way from a structure as drawn to the structure that is modelled."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Literal

from rdkit import Chem, rdBase

from chem.errors import InputError
from chem.interrupts import python_interrupts
from chem.parse import explain_smiles, parse_smiles
from chem.standardise_chembl import chembl_parent, chembl_standardizer
from chem.standardise_steps import (
    canonical_tautomer,
    cleanup,
    is_ordinary,
    largest_fragment,
    lost_metals,
    perceive_again,
    uncharge,
    without_isotopes,
    without_stereo,
)

_CHOICES = {
    "metals": ("disconnect", "keep"),
    "isotopes": ("keep", "remove"),
    "stereo": ("keep", "remove"),
    "tautomer": ("keep", "canonical"),
    "pipeline": ("rdkit", "chembl"),
}
_IN_EVERY_HASH = ("name", "version", "cleanup", "largest_fragment", "uncharge")


@dataclass(frozen=True)
class StandardisationRecipe:
    """What is done to a structure before anything is computed from it.

    The steps are done in the order of the settings below. Tautomers are left as drawn unless asked for:
    RDKit's canonical tautomer loses stereocentres. Any change to the steps takes a new version, so that the
    hash tells two differently standardised tables apart.

    Parameters
    ----------
    name, version
        The recipe's name and the version of its code.
    cleanup
        Disconnect metals, normalise functional groups, move charges to the strongest acids.
    largest_fragment
        Keep the largest organic fragment that is no known counter-ion: salts and solvents go.
    uncharge
        Add or remove hydrogens until the molecule is neutral, where it can be.
    metals
        'disconnect' cuts metals from organic atoms as a part of `cleanup`, 'keep' leaves bonds as drawn. A
        metal that stands beside its ligands, as in ferrocene drawn as ions, is a fragment in both.
    isotopes
        'remove' makes labelled atoms ordinary, before any other step.
    stereo
        'remove' forgets stereocentres and double-bond geometry, after the other steps.
    tautomer
        'canonical' takes RDKit's canonical tautomer; the note of the outcome tells the stereo labels lost.
    pipeline
        'chembl' lets the ChEMBL structure pipeline do cleanup, fragments, charges and isotopes in its own
        way; it needs the extra `chembl`.

    Raises
    ------
    InputError
        A setting has none of its values, or contradicts what the ChEMBL pipeline does.

    Examples
    --------
    >>> StandardisationRecipe().hash == StandardisationRecipe(uncharge=False).hash
    False
    """

    name: str = "parent"
    version: int = 1
    cleanup: bool = True
    largest_fragment: bool = True
    uncharge: bool = True
    metals: Literal["disconnect", "keep"] = "disconnect"
    isotopes: Literal["keep", "remove"] = "keep"
    stereo: Literal["keep", "remove"] = "keep"
    tautomer: Literal["keep", "canonical"] = "keep"
    pipeline: Literal["rdkit", "chembl"] = "rdkit"

    def __post_init__(self) -> None:
        for setting, choices in _CHOICES.items():
            if getattr(self, setting) not in choices:
                raise InputError(
                    f"{getattr(self, setting)!r} is no policy of a recipe",
                    field=setting,
                    expected=" or ".join(repr(choice) for choice in choices),
                )
        does = self.cleanup and self.largest_fragment and self.uncharge
        if self.pipeline == "chembl" and not (does and self.metals == "keep" and self.isotopes == "remove"):
            raise InputError(
                "the ChEMBL pipeline does all its steps, keeps metals and removes isotopes",
                field="pipeline",
                expected="metals='keep' and isotopes='remove' with pipeline='chembl', and no step left out",
            )

    @property
    def hash(self) -> str:
        """Sixteen hexadecimal digits over every setting."""
        # Later settings enter where they differ from what was done before they existed, so that a recipe
        # keeps the hash that tables and networks have recorded.
        settings = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name in _IN_EVERY_HASH or getattr(self, field.name) != field.default
        }
        text = json.dumps(settings, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


DEFAULT_RECIPE = StandardisationRecipe()
"""The recipe of the shipped tables and networks."""

RECIPES: dict[str, StandardisationRecipe] = {
    recipe.name: recipe
    for recipe in (
        DEFAULT_RECIPE,
        StandardisationRecipe("as-drawn", cleanup=False, largest_fragment=False, uncharge=False),
        StandardisationRecipe("flat", isotopes="remove", stereo="remove"),
        StandardisationRecipe("metals-kept", metals="keep"),
        StandardisationRecipe("tautomer-parent", tautomer="canonical"),
        StandardisationRecipe("chembl-parent", metals="keep", isotopes="remove", pipeline="chembl"),
    )
}
"""Recipes by name: what `recipe_named` finds."""


def recipe_named(name: str) -> StandardisationRecipe:
    """Find one of `RECIPES`.

    Parameters
    ----------
    name
        Its name.

    Returns
    -------
    StandardisationRecipe
        The recipe.

    Raises
    ------
    InputError
        There is none of that name.

    Examples
    --------
    >>> recipe_named("flat").stereo
    'remove'
    """
    if name not in RECIPES:
        raise InputError(f"no recipe is called {name!r}", field="recipe", expected=", ".join(RECIPES))
    return RECIPES[name]


@dataclass(frozen=True)
class StandardisedMolecule:
    """The outcome for one structure: a SMILES, or the reason why there is none.

    Parameters
    ----------
    smiles
        Canonical isomeric SMILES of the parent; empty where `reason` is set.
    inchikey
        Standard InChIKey of the parent; empty where InChI has none.
    removed_fragments
        Canonical SMILES of the fragments that were taken off, joined by dots.
    reason
        Why the structure could not be used; empty when it could.
    note
        What the recipe lost on the way, such as the metal of a complex, or stereo labels of a canonical
        tautomer; empty as a rule.
    """

    smiles: str = ""
    inchikey: str = ""
    removed_fragments: str = ""
    reason: str = ""
    note: str = ""

    @property
    def problem(self) -> str:
        """Why the parent does not stand for the structure: unreadable, without atoms, or a complex without its metal.

        Examples
        --------
        >>> standardise_smiles("[NH3][Pt]([NH3])(Cl)Cl").problem
        'the parent is without its Pt'
        >>> standardise_smiles("CC(=O)[O-].[Na+]").problem
        ''
        """
        return self.reason or self.note or ("" if self.smiles else "has no atoms")


@lru_cache(maxsize=65_536)
def standardise_smiles(smiles: str, recipe: StandardisationRecipe = DEFAULT_RECIPE) -> StandardisedMolecule:
    """Standardise one structure; a structure that cannot be used comes back with its reason.

    Results are cached by input text, so repeated records cost nothing.

    Parameters
    ----------
    smiles
        The structure as given.
    recipe
        The steps.

    Returns
    -------
    StandardisedMolecule
        Parent SMILES, InChIKey and removed fragments, or the reason.

    Raises
    ------
    InputError
        The recipe needs the ChEMBL pipeline, and that is not installed.

    References
    ----------
    Bento et al., J. Cheminform. 2020, 12, 51, doi:10.1186/s13321-020-00456-1.

    Examples
    --------
    >>> parent = standardise_smiles("[Na+].CC(=O)[O-]")
    >>> parent.smiles, parent.inchikey, parent.removed_fragments
    ('CC(=O)O', 'QTBSBXVTEAMEQO-UHFFFAOYSA-N', '[Na+]')
    >>> standardise_smiles("C1CC").reason
    "SMILES Parse Error: unclosed ring for input: 'C1CC'"
    """
    if isinstance(recipe, str):
        raise InputError(f"{recipe!r} is a name", field="recipe", expected="a recipe: recipe_named(name)")
    molecule = parse_smiles(smiles)
    if molecule is None:
        return StandardisedMolecule(reason=explain_smiles(smiles))
    return standardise_molecule(molecule, recipe, smiles=smiles)[0]


def standardise_molecule(
    molecule: Chem.Mol, recipe: StandardisationRecipe = DEFAULT_RECIPE, *, smiles: str = ""
) -> tuple[StandardisedMolecule, Chem.Mol | None]:
    """Standardise a molecule that is already parsed, and return the parent's molecule too.

    For callers who go on from the parent to graphs and fingerprints: nothing has to be parsed again.

    Parameters
    ----------
    molecule
        The molecule as `chem.parse.parse_smiles` returns it; it is not changed.
    recipe
        The steps.
    smiles
        The text that `molecule` was parsed from, if there is one; results are the same without it, but an
        ordinary molecule whose text is canonical already takes a third of the time with it.

    Returns
    -------
    outcome : StandardisedMolecule
        Parent SMILES, InChIKey and removed fragments, or the reason.
    parent : rdkit.Chem.Mol or None
        What `outcome.smiles` parses to, atom for atom; `molecule` itself where that is the same. None where
        there is a reason.

    Raises
    ------
    InputError
        The recipe needs the ChEMBL pipeline, and that is not installed.

    Examples
    --------
    >>> outcome, parent = standardise_molecule(parse_smiles("Cl.CCN"))
    >>> outcome.smiles, parent.GetNumAtoms(), outcome.removed_fragments
    ('CCN', 3, 'Cl')
    """
    if recipe.pipeline == "chembl":
        chembl_standardizer()
    try:
        with rdBase.BlockLogs(), python_interrupts():
            return _standardised(molecule, recipe, smiles.strip())
    except _UnreadableParentError as error:
        # Asked outside the block: RDKit's words would be blocked there too.
        reason = f"standardisation left a structure that cannot be read back: {explain_smiles(error.smiles)}"
    except (ValueError, RuntimeError) as error:
        said = str(error).strip().splitlines() or ["no reason given"]
        reason = f"standardisation failed: {said[0]}"
    return StandardisedMolecule(reason=reason), None


class _UnreadableParentError(ValueError):
    def __init__(self, smiles: str) -> None:
        super().__init__(smiles)
        self.smiles = smiles


def _standardised(
    molecule: Chem.Mol, recipe: StandardisationRecipe, text: str
) -> tuple[StandardisedMolecule, Chem.Mol]:
    if recipe.pipeline == "chembl":
        return _finished(*chembl_parent(molecule), recipe)
    if recipe.isotopes == "remove":
        molecule = without_isotopes(molecule)
    try:
        if is_ordinary(molecule):
            return _ordinary_parent(molecule, recipe, text)
        return _careful_parent(molecule, recipe)
    except _UnreadableParentError:
        if not recipe.cleanup:
            raise
        # RDKit's normalisation leaves a few charged aromatic rings, such as sydnonimines, without a Kekule
        # form; drawn as they came they are fine.
        return _split_and_uncharged(molecule, recipe)


def _ordinary_parent(
    molecule: Chem.Mol, recipe: StandardisationRecipe, text: str
) -> tuple[StandardisedMolecule, Chem.Mol]:
    """Return the parent of a molecule that has nothing to clean, split or uncharge."""
    if recipe.stereo == "keep" and recipe.tautomer == "keep" and text and Chem.MolToSmiles(molecule) == text:
        # The text says the very aromaticity and stereochemistry that were perceived from it, so perceiving
        # them again, and reading the text back, gives this molecule once more.
        return StandardisedMolecule(text, Chem.MolToInchiKey(molecule)), molecule
    return _finished(perceive_again(molecule) if recipe.cleanup else molecule, "", "", recipe)


def _careful_parent(
    molecule: Chem.Mol, recipe: StandardisationRecipe
) -> tuple[StandardisedMolecule, Chem.Mol]:
    """Return the parent of any molecule: every step of the recipe is done."""
    if recipe.cleanup:
        molecule = cleanup(molecule, disconnect_metals=recipe.metals == "disconnect")
    return _split_and_uncharged(molecule, recipe)


def _split_and_uncharged(
    molecule: Chem.Mol, recipe: StandardisationRecipe
) -> tuple[StandardisedMolecule, Chem.Mol]:
    removed = note = ""
    if recipe.largest_fragment:
        whole = molecule
        molecule, removed = largest_fragment(whole)
        note = lost_metals(whole, molecule)
    if recipe.uncharge:
        molecule = uncharge(molecule)
    return _finished(molecule, removed, note, recipe)


def _finished(
    molecule: Chem.Mol, removed: str, note: str, recipe: StandardisationRecipe
) -> tuple[StandardisedMolecule, Chem.Mol]:
    notes = [note]
    if recipe.tautomer == "canonical":
        molecule, lost = canonical_tautomer(molecule)
        notes.append(lost)
    if recipe.stereo == "remove":
        molecule = without_stereo(molecule)
    # The SMILES is read back, so that what is modelled is exactly what the table says.
    text = Chem.MolToSmiles(molecule)
    parent = Chem.MolFromSmiles(text)
    if parent is None or not parent.GetNumAtoms():
        raise _UnreadableParentError(text)
    smiles, inchikey = Chem.MolToSmiles(parent), Chem.MolToInchiKey(parent)
    outcome = StandardisedMolecule(smiles, inchikey, removed, note="; ".join(filter(None, notes)))
    return outcome, parent if smiles == text else Chem.MolFromSmiles(smiles)
