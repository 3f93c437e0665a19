"""Marks of stereochemistry that RDKit reads and drops although they mean something.

RDKit keeps no stereochemistry of allenes and cumulenes, and none of nitrogen at most bridgeheads (which cannot invert).
A graph that said "not marked" there would be wrong, so those places get a mark again: one that the CIP labeller
passes over, which makes them ``unlabelled``.
"""

from __future__ import annotations

import re

from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

_ALLENE = Chem.MolFromSmarts("[#6;D2](=*)=*")
_MARKED_CARBON = re.compile(r"C@+(?:AL\d+)?[:\]]")  # one without hydrogens
_CUMULENE = Chem.MolFromSmarts("*~[#6]=[#6;D2]=[#6;D2]=[#6]~*")
KNOWN = "_varimol_known"
"""Property of a bond whose stereochemistry is given although it stands as `STEREOANY`."""
_DIRECTED = (Chem.BondDir.ENDUPRIGHT, Chem.BondDir.ENDDOWNRIGHT)


def _as_written() -> Chem.SmilesParserParams:
    parameters = Chem.SmilesParserParams()
    parameters.parseName = parameters.sanitize = parameters.removeHs = False  # type: ignore[assignment]
    return parameters


_AS_WRITTEN = _as_written()


def keep_marks(molecule: Chem.Mol, smiles: str) -> Chem.Mol:
    """Mark again the axes and bridgeheads whose marks RDKit dropped.

    Parameters
    ----------
    molecule
        As RDKit read it; it is changed.
    smiles
        What it was read from.

    Returns
    -------
    rdkit.Chem.Mol
        The molecule.

    Examples
    --------
    >>> allene = keep_marks(Chem.MolFromSmiles("CC=[C@]=CC"), "CC=[C@]=CC")
    >>> str(allene.GetAtomWithIdx(2).GetChiralTag())
    'CHI_ALLENE'
    """
    places = suspects(molecule, smiles)
    if places:
        written = Chem.MolFromSmiles(smiles, _AS_WRITTEN)
        same = dict(zip(_heavy(molecule), _heavy(written)))
        for place in places:
            _mark(molecule, written, place, same)
    return molecule


def _heavy(molecule: Chem.Mol) -> list[int]:
    """Atoms that reading keeps, in their order."""
    return [atom.GetIdx() for atom in molecule.GetAtoms() if atom.GetAtomicNum() != 1]


def suspects(molecule: Chem.Mol, smiles: str) -> list[tuple[int, ...]]:
    """Places where a mark may have been dropped.

    Parameters
    ----------
    molecule
        As RDKit read it.
    smiles
        What it was read from.

    Returns
    -------
    list of tuple of int
        Atoms of allenes and nitrogens at bridgeheads, one each, and six atoms of each cumulene.

    Examples
    --------
    >>> suspects(Chem.MolFromSmiles("CC=[C@]=CC"), "CC=[C@]=CC")
    [(2,)]
    """
    found: list[tuple[int, ...]] = []
    if _MARKED_CARBON.search(smiles):
        found += [(centre,) for centre, *_ in molecule.GetSubstructMatches(_ALLENE)]
    if "N@" in smiles:
        bridgeheads: list[int] = []
        rdMolDescriptors.CalcNumBridgeheadAtoms(molecule, bridgeheads)  # type: ignore[arg-type]
        found += [(atom,) for atom in bridgeheads if molecule.GetAtomWithIdx(atom).GetAtomicNum() == 7]
    if smiles.count("=") >= 3 and ("/" in smiles or "\\" in smiles):
        found += molecule.GetSubstructMatches(_CUMULENE, uniquify=False)
    return found


def _mark(molecule: Chem.Mol, written: Chem.Mol, place: tuple[int, ...], same: dict[int, int]) -> None:
    if not all(atom in same for atom in place):
        return
    before = [same[atom] for atom in place]
    if len(place) == 1:
        atom = molecule.GetAtomWithIdx(place[0])
        dropped = atom.GetChiralTag() == _NO_TAG != written.GetAtomWithIdx(before[0]).GetChiralTag()
        if dropped:
            atom.SetChiralTag(
                Chem.ChiralType.CHI_ALLENE if atom.GetDegree() == 2 else Chem.ChiralType.CHI_OTHER
            )
        return
    ends = [written.GetBondBetweenAtoms(*pair) for pair in (before[:2], before[-2:])]
    if all(bond.GetBondDir() in _DIRECTED for bond in ends):
        middle = molecule.GetBondBetweenAtoms(*place[2:4])
        middle.SetStereo(Chem.BondStereo.STEREOANY)  # E or Z would make the labeller judge by the inner atoms
        middle.SetBoolProp(KNOWN, True)


_NO_TAG = Chem.ChiralType.CHI_UNSPECIFIED
