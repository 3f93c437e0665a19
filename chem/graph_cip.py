"""CIP labels of the marked stereocentres, double bonds and axes of a molecule.

Only labels enter a graph: they are properties of the molecule, whereas the clockwise and counter-clockwise tags
of a SMILES are properties of how it was written.
"""

from __future__ import annotations

from collections.abc import Sequence

from rdkit import Chem
from rdkit.Chem import rdCIPLabeler

from chem.graph_marks import KNOWN
from chem.graph_schema import EDGE_VOCABULARY, NODE_VOCABULARY
from chem.interrupts import python_interrupts

MAX_ITERATIONS = 1_250_000  # about a second; without a bound some cages never finish

_ATOM = {value: code for code, value in enumerate(NODE_VOCABULARY["cip"], start=1)}
_BOND = {value: code for code, value in enumerate(EDGE_VOCABULARY["stereo"], start=1)}
_LABEL = "_CIPCode"


def cip_codes(molecule: Chem.Mol, atoms: Sequence[int], bonds: Sequence[int]) -> tuple[list[int], list[int]]:
    """Codes of the schema for the atoms and bonds of a molecule that carry a mark of stereochemistry.

    Parameters
    ----------
    molecule
        Its labels are written into it.
    atoms, bonds
        Places of the atoms with a chiral tag, and of the bonds with a stereo mark, in the molecule.

    Returns
    -------
    tuple of list of int
        A code of the field ``cip`` for each of the atoms, one of the field ``stereo`` for each of the bonds.

    References
    ----------
    Hanson et al., J. Chem. Inf. Model. 2018, 58, 1755-1765, doi:10.1021/acs.jcim.8b00324.

    Examples
    --------
    >>> cip_codes(Chem.MolFromSmiles("C[C@H](N)C(=O)O"), [1], [])
    ([3], [])
    """
    centres = [molecule.GetAtomWithIdx(place) for place in atoms]
    doubles = [molecule.GetBondWithIdx(place) for place in bonds]
    for centre in centres:
        centre.ClearProp(_LABEL)  # of RDKit's older algorithm, which may differ
    if not _assign(molecule):
        return [_ATOM["unresolved"]] * len(centres), [_bond_without_label(b, "unresolved") for b in doubles]
    return [_atom_code(atom) for atom in centres], [_bond_code(bond) for bond in doubles]


def _assign(molecule: Chem.Mol) -> bool:
    """Label the molecule; false where it is too symmetric a cage for the iterations allowed."""
    try:
        with python_interrupts():
            rdCIPLabeler.AssignCIPLabels(molecule, maxRecursiveIterations=MAX_ITERATIONS)
    except RuntimeError:
        return False
    return True


def _atom_code(atom: Chem.Atom) -> int:
    return _ATOM[atom.GetProp(_LABEL)] if atom.HasProp(_LABEL) else _ATOM["unlabelled"]


def _bond_code(bond: Chem.Bond) -> int:
    return _BOND[bond.GetProp(_LABEL)] if bond.HasProp(_LABEL) else _bond_without_label(bond, "unlabelled")


def _bond_without_label(bond: Chem.Bond, why: str) -> int:
    unknown = bond.GetStereo() == Chem.BondStereo.STEREOANY and not bond.HasProp(KNOWN)
    return _BOND["any" if unknown else why]
