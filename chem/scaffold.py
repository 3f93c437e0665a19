"""Groups of related molecules: for splits that keep relatives on one side."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem.Scaffolds import MurckoScaffold

from chem.errors import InputError
from chem.interrupts import python_interrupts
from chem.molecules import Structure, map_blocks, molecule_at
from chem.parse import explain_smiles, parse_smiles

_BLOCK = 5000


def murcko_scaffold(smiles: str) -> str:
    """Bemis-Murcko scaffold: the rings and the chains that join them.

    An acyclic molecule has no scaffold. It is its own group here (its SMILES without stereochemistry),
    since one shared empty scaffold would put thousands of unrelated molecules on one side of a split.

    Parameters
    ----------
    smiles
        One molecule.

    Returns
    -------
    str
        Canonical SMILES of the scaffold, without stereochemistry.

    Raises
    ------
    InputError
        The SMILES does not parse.

    References
    ----------
    Bemis and Murcko, J. Med. Chem. 1996, 39, 2887-2893, doi:10.1021/jm9602928.

    Examples
    --------
    >>> murcko_scaffold("Cc1ccccc1CCN")
    'c1ccccc1'
    >>> murcko_scaffold("OCC"), murcko_scaffold("CCC")
    ('CCO', 'CCC')
    """
    return _scaffold(_required(smiles))


def _scaffold(molecule: Chem.Mol) -> str:
    scaffold = MurckoScaffold.MurckoScaffoldSmiles(mol=molecule, includeChirality=False)
    return scaffold or Chem.MolToSmiles(molecule, isomericSmiles=False)


def scaffold_groups(smiles: Iterable[Structure], *, threads: int = 1) -> np.ndarray:
    """Number the molecules' scaffolds in order of first appearance.

    Parameters
    ----------
    smiles
        One SMILES, or RDKit molecule, per molecule; any iterable, read once.
    threads
        Processes; more than one are used for more than 5,000 molecules. The result is the same.

    Returns
    -------
    np.ndarray
        int64 (n_molecules,): equal numbers share a scaffold.

    Raises
    ------
    InputError
        A SMILES does not parse; the message names its index.

    Examples
    --------
    >>> scaffold_groups(["CCO", "c1ccccc1C", "CCC", "OCC", "c1ccccc1"]).tolist()
    [0, 1, 2, 0, 1]
    """
    numbers: dict[str, int] = {}
    blocks = map_blocks(_scaffolds, smiles, block=_BLOCK, threads=threads)
    groups = [numbers.setdefault(scaffold, len(numbers)) for block in blocks for scaffold in block]
    return np.array(groups, dtype=np.int64)


def _scaffolds(first: int, items: list[Structure]) -> list[str]:
    return [_scaffold(molecule_at(first + place, item)) for place, item in enumerate(items)]


def inchikey_first_block(smiles: str) -> str:
    """First block of the InChIKey: the skeleton, without stereochemistry and isotopes.

    Parameters
    ----------
    smiles
        One molecule.

    Returns
    -------
    str
        Fourteen letters; empty where InChI has no key for the molecule.

    Raises
    ------
    InputError
        The SMILES does not parse.

    Examples
    --------
    >>> inchikey_first_block("C[C@H](N)C(=O)O") == inchikey_first_block("C[C@@H](N)C(=O)O")
    True
    """
    molecule = _required(smiles)
    with rdBase.BlockLogs(), python_interrupts():
        return Chem.MolToInchiKey(molecule)[:14]


def _required(smiles: str) -> Chem.Mol:
    molecule = parse_smiles(smiles)
    if molecule is None:
        raise InputError(
            f"{smiles!r} does not parse: {explain_smiles(smiles)}",
            field="smiles",
            expected="a SMILES with at least one atom",
        )
    return molecule
