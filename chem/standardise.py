"""One named way from a structure as drawn to the structure that is modelled."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import lru_cache, reduce

from rdkit import Chem, rdBase
from rdkit.Chem.MolStandardize import rdMolStandardize

from chem.counterions import is_counterion
from chem.interrupts import python_interrupts
from chem.parse import explain_smiles, parse_smiles


@dataclass(frozen=True)
class StandardisationRecipe:
    """What is done to a structure before anything is computed from it.

    Tautomers are left as drawn: RDKit's canonical tautomer loses stereocentres. Any change to the steps
    takes a new version, so that the hash tells two differently standardised tables apart.

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

    @property
    def hash(self) -> str:
        """Sixteen hexadecimal digits over every setting."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


DEFAULT_RECIPE = StandardisationRecipe()
"""The recipe of the shipped tables and networks."""


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
    """

    smiles: str = ""
    inchikey: str = ""
    removed_fragments: str = ""
    reason: str = ""


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
    molecule = parse_smiles(smiles)
    if molecule is None:
        return StandardisedMolecule(reason=explain_smiles(smiles))
    with rdBase.BlockLogs(), python_interrupts():
        try:
            return _standardise_molecule(molecule, recipe)
        except (ValueError, RuntimeError) as error:
            said = str(error).strip().splitlines() or ["no reason given"]
            return StandardisedMolecule(reason=f"standardisation failed: {said[0]}")


def _standardise_molecule(molecule: Chem.Mol, recipe: StandardisationRecipe) -> StandardisedMolecule:
    if recipe.cleanup:
        outcome = _parent(rdMolStandardize.Cleanup(molecule), recipe)
        if not outcome.reason:
            return outcome
        # RDKit's normalisation leaves a few charged aromatic rings, such as sydnonimines, without a Kekule
        # form; drawn as they came they are fine.
    return _parent(molecule, recipe)


def _parent(molecule: Chem.Mol, recipe: StandardisationRecipe) -> StandardisedMolecule:
    removed = ""
    if recipe.largest_fragment:
        molecule, removed = _largest_fragment(molecule)
    if recipe.uncharge:
        molecule = rdMolStandardize.Uncharger().uncharge(molecule)
    # The SMILES is read back, so that what is modelled is exactly what the table says.
    parent = Chem.MolFromSmiles(Chem.MolToSmiles(molecule))
    if parent is None or not parent.GetNumAtoms():
        return StandardisedMolecule(reason="standardisation left a structure that cannot be read back")
    return StandardisedMolecule(Chem.MolToSmiles(parent), Chem.MolToInchiKey(parent), removed)


def _largest_fragment(molecule: Chem.Mol) -> tuple[Chem.Mol, str]:
    """Split off everything but the largest organic fragment that is no known counter-ion, if there is one."""
    fragments = Chem.GetMolFrags(molecule, asMols=True, sanitizeFrags=True)
    if len(fragments) <= 1:
        return molecule, ""
    uncharger = rdMolStandardize.Uncharger()
    drugs = [fragment for fragment in fragments if not is_counterion(uncharger.uncharge(fragment))]
    candidates = reduce(Chem.CombineMols, drugs) if any(map(_holds_carbon, drugs)) else molecule
    kept = rdMolStandardize.LargestFragmentChooser(preferOrganic=True).choose(candidates)
    texts = sorted(Chem.MolToSmiles(fragment) for fragment in fragments)
    texts.remove(Chem.MolToSmiles(kept))
    return kept, ".".join(texts)


def _holds_carbon(fragment: Chem.Mol) -> bool:
    return any(atom.GetAtomicNum() == 6 for atom in fragment.GetAtoms())
