"""A few two-dimensional descriptors, quick and always defined; `chem.rdkit_descriptor` has all of RDKit's."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from rdkit import Chem
from rdkit.Chem import QED, Lipinski, rdMolDescriptors

from chem.molecules import Structure, map_blocks, molecule_at

_BLOCK = 2000


def _log_p(molecule: Chem.Mol) -> float:
    return rdMolDescriptors.CalcCrippenDescriptors(molecule)[0]


def _molar_refractivity(molecule: Chem.Mol) -> float:
    return rdMolDescriptors.CalcCrippenDescriptors(molecule)[1]


DESCRIPTORS: dict[str, Callable[[Chem.Mol], float]] = {
    "molecular_weight": rdMolDescriptors._CalcMolWt,
    "log_p": _log_p,
    "molar_refractivity": _molar_refractivity,
    "tpsa": rdMolDescriptors.CalcTPSA,
    "n_heavy_atoms": Lipinski.HeavyAtomCount,
    "n_hydrogen_donors": rdMolDescriptors.CalcNumHBD,
    "n_hydrogen_acceptors": rdMolDescriptors.CalcNumHBA,
    "n_rotatable_bonds": rdMolDescriptors.CalcNumRotatableBonds,
    "n_rings": rdMolDescriptors.CalcNumRings,
    "n_aromatic_rings": rdMolDescriptors.CalcNumAromaticRings,
    "n_heteroatoms": rdMolDescriptors.CalcNumHeteroatoms,
    "fraction_sp3": rdMolDescriptors.CalcFractionCSP3,
    "formal_charge": Chem.GetFormalCharge,
    "qed": QED.qed,
}

DESCRIPTOR_NAMES: tuple[str, ...] = tuple(DESCRIPTORS)
"""Columns of `descriptors`: molecular_weight in Da, tpsa in square angstrom, log_p and the rest unitless."""


def descriptors(smiles: Iterable[Structure], *, threads: int = 1) -> np.ndarray:
    """Two-dimensional descriptors of each molecule, in the order of `DESCRIPTOR_NAMES`.

    Parameters
    ----------
    smiles
        One SMILES, or RDKit molecule, per molecule.
    threads
        Processes; more than one are used for more than 2,000 molecules.

    Returns
    -------
    np.ndarray
        float64 of shape (n_molecules, len(DESCRIPTOR_NAMES)).

    Raises
    ------
    InputError
        A SMILES does not parse; the message names its index.

    Examples
    --------
    >>> row = descriptors(["c1ccccc1O"])[0]
    >>> round(float(row[DESCRIPTOR_NAMES.index("molecular_weight")]), 2)
    94.11
    """
    blocks = list(map_blocks(_describe, smiles, block=_BLOCK, threads=threads))
    return np.concatenate([np.empty((0, len(DESCRIPTORS))), *blocks])


def _describe(first: int, items: list[Structure]) -> np.ndarray:
    table = np.empty((len(items), len(DESCRIPTORS)), dtype=np.float64)
    for row, item in enumerate(items):
        molecule = molecule_at(first + row, item)
        table[row] = [describe(molecule) for describe in DESCRIPTORS.values()]
    return table
