"""From SMILES or molecules to molecular graphs.

Stereochemistry enters only as CIP labels, which are properties of the molecule. The clockwise and
counter-clockwise tags of a SMILES are properties of how it was written, and never enter.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence

from rdkit import Chem, rdBase

from chem.errors import InputError
from chem.graph import MolecularGraphs, concatenate_graphs
from chem.graph_compiled import encode_compiled
from chem.graph_parse import Reading, read_smiles
from chem.graph_portable import encode_portable

_CHUNK = 512  # molecules held at a time
_WORTH_COMPILING = 2000  # molecules that pay for loading numba and the compiled code


def encode_graphs(
    smiles: Sequence[str], *, stereo: bool = True, compiled: bool | None = None
) -> MolecularGraphs:
    """Molecular graphs of many SMILES.

    The same molecule gives the same graph up to the order of its atoms, however its SMILES is written
    and whether or not its hydrogens are explicit.

    Parameters
    ----------
    smiles
        One SMILES per molecule.
    stereo
        Whether to work out CIP labels. Without, marks of stereochemistry count as not written.
    compiled
        Which way to take: compiled code, RDKit's Python functions alone, or (None) whichever is sooner done.
        Both give the same arrays.

    Returns
    -------
    MolecularGraphs
        In input order.

    Raises
    ------
    InputError
        A SMILES does not parse or holds no atom; the message names its index. Or a text was given for a list.

    References
    ----------
    CIP labels: Hanson et al., J. Chem. Inf. Model. 2018, 58, 1755-1765, doi:10.1021/acs.jcim.8b00324.

    Examples
    --------
    >>> left, right = encode_graphs(["C[C@H](N)C(=O)O"]), encode_graphs(["OC(=O)[C@@H](N)C"])
    >>> sorted(left.node_features.tolist()) == sorted(right.node_features.tolist())
    True
    """
    if isinstance(smiles, str):
        raise InputError("one SMILES was given", field="smiles", expected="a list of SMILES, even of one")

    def read(start: int, stop: int) -> Iterator[Reading]:
        return read_smiles(smiles, start, stop, stereo)

    return _encode_chunks(len(smiles), read, compiled)


def encode_molecules(
    molecules: Sequence[Chem.Mol], *, stereo: bool = True, compiled: bool | None = None
) -> MolecularGraphs:
    """Molecular graphs of molecules that are already parsed.

    Parameters
    ----------
    molecules
        Sanitised, as RDKit's readers give them; they are not changed. Hydrogen atoms that can be understood
        become implicit, as when a SMILES is read; the other atoms keep their order.
    stereo, compiled
        As for `encode_graphs`.

    Returns
    -------
    MolecularGraphs
        In input order.

    Raises
    ------
    InputError
        An item is no molecule, holds no atom or is not sanitised; the message names its index.

    Examples
    --------
    >>> molecule = Chem.AddHs(Chem.MolFromSmiles("CCO"))
    >>> encode_molecules([molecule]).n_atoms.tolist()
    [3]
    """

    def read(start: int, stop: int) -> Iterator[Reading]:
        with rdBase.BlockLogs():
            for index in range(start, stop):
                yield _copy(molecules[index], index, stereo), True

    return _encode_chunks(len(molecules), read, compiled)


def _encode_chunks(
    n_molecules: int, read: Callable[[int, int], Iterator[Reading]], compiled: bool | None
) -> MolecularGraphs:
    if compiled is None:
        compiled = n_molecules >= _WORTH_COMPILING or "chem.graph_binary" in sys.modules
    encode = encode_compiled if compiled else encode_portable
    parts = [
        encode(read(start, min(start + _CHUNK, n_molecules)))
        for start in range(0, max(n_molecules, 1), _CHUNK)
    ]
    return parts[0] if len(parts) == 1 else concatenate_graphs(parts)


def _copy(molecule: Chem.Mol, index: int, stereo: bool) -> Chem.Mol:
    """Copy a molecule to write labels into, without hydrogens that can be understood."""
    try:
        molecule.GetRingInfo().NumRings()
        usable = molecule.GetNumAtoms() > 0 and not molecule.NeedsUpdatePropertyCache()
    except (AttributeError, RuntimeError):
        usable = False
    if not usable:
        raise InputError(
            "is no sanitised molecule with atoms",
            record=index,
            field="molecules",
            expected="what RDKit's readers give, or Chem.SanitizeMol leaves behind",
        )
    some_light = molecule.GetNumHeavyAtoms() < molecule.GetNumAtoms()  # hydrogens, or atoms of no element
    with_hydrogens = some_light and 1 in map(Chem.Atom.GetAtomicNum, molecule.GetAtoms())
    copy = Chem.RemoveHs(molecule) if with_hydrogens else Chem.Mol(molecule)
    if not stereo:
        Chem.RemoveStereochemistry(copy)
    Chem.GetSymmSSSR(copy)  # renumbering and hasty readers leave other rings behind
    return copy
