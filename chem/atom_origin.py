"""Which atom of a structure, as somebody wrote it, is which atom of its graph.

What is computed for the atoms of a graph, such as attributions, is to be shown on the user's own structure, with
its salts, its explicit hydrogens and its numbering.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from rdkit import Chem, rdBase

from chem.errors import InputError
from chem.parse import parse_smiles
from chem.standardise import DEFAULT_RECIPE, StandardisationRecipe, standardise_smiles


def input_atoms(smiles: str, recipe: StandardisationRecipe = DEFAULT_RECIPE) -> np.ndarray:
    """Number of the input's atom for each atom of the standardised molecule's graph.

    The atoms are numbered by atom maps and sent through the same standardisation, fragment by fragment, and the
    outcome that is the standardised molecule, maps aside, tells where its atoms come from. Charges, hydrogens
    and bonds that standardisation moves do not disturb that.

    Parameters
    ----------
    smiles
        The structure as it was written. Its own atom maps are not looked at.
    recipe
        How it is standardised.

    Returns
    -------
    numpy.ndarray
        int64 (n_atoms,): for each atom of ``encode_graphs([standardise_smiles(smiles).smiles])`` its place
        among the atoms of `smiles`, from 0, explicit hydrogens and removed fragments counted. Of several equal
        fragments the first is taken; atoms that are alike by symmetry may be exchanged.

    Raises
    ------
    InputError
        The structure cannot be standardised, or its atoms cannot be followed: numbering them changed what
        standardisation makes of it.

    Examples
    --------
    >>> standardise_smiles("[Na+].[O-]C(=O)C").smiles
    'CC(=O)O'
    >>> input_atoms("[Na+].[O-]C(=O)C").tolist()
    [4, 2, 3, 1]
    """
    outcome = standardise_smiles(smiles, recipe)
    if outcome.reason:
        raise InputError(f"{smiles!r} cannot be used: {outcome.reason}", field="smiles")
    parent = parse_smiles(outcome.smiles)
    assert parent is not None  # the recipe read it back
    text, order = _canonical(parent)
    with rdBase.BlockLogs():
        for numbered in _numbered_parts(smiles):
            followed = parse_smiles(standardise_smiles(numbered, recipe).smiles)
            if followed is None:
                continue
            origin = np.array([atom.GetAtomMapNum() - 1 for atom in followed.GetAtoms()], dtype=np.int64)
            own_text, own_order = _canonical(followed)
            if own_text == text and (origin >= 0).all():
                found = np.empty(len(origin), dtype=np.int64)
                found[order] = origin[own_order]
                return found
    raise InputError(
        f"the atoms of {smiles!r} cannot be followed through standardisation",
        field="smiles",
        hint=f"write the structure as its parent, {outcome.smiles}",
    )


def _numbered_parts(smiles: str) -> Iterator[str]:
    """The fragments of a structure, the whole of it first, their atoms numbered from 1 by atom maps."""
    settings = Chem.SmilesParserParams()
    settings.removeHs = False  # type: ignore[assignment]
    molecule = Chem.MolFromSmiles(smiles, settings)
    for atom in molecule.GetAtoms():
        atom.SetAtomMapNum(atom.GetIdx() + 1)
    molecule = Chem.RemoveHs(molecule)
    yield Chem.MolToSmiles(molecule)
    fragments = Chem.GetMolFrags(molecule, asMols=True)
    if len(fragments) > 1:
        yield from (Chem.MolToSmiles(fragment) for fragment in fragments)


def _canonical(molecule: Chem.Mol) -> tuple[str, list[int]]:
    """Canonical SMILES without atom maps, and the atoms of the molecule in its order."""
    for atom in molecule.GetAtoms():
        atom.SetAtomMapNum(0)
    Chem.AssignStereochemistry(molecule, cleanIt=True, force=True)
    text = Chem.MolToSmiles(molecule)
    return text, list(
        molecule.GetPropsAsDict(includePrivate=True, includeComputed=True)["_smilesAtomOutputOrder"]
    )
