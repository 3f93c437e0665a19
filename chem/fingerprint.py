"""Morgan fingerprints, their Tanimoto similarity, and a few two-dimensional descriptors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from rdkit import Chem
from rdkit.Chem import QED, Lipinski, rdFingerprintGenerator, rdMolDescriptors

from chem.errors import InputError
from chem.parse import explain_smiles, parse_smiles


def _log_p(molecule: Chem.Mol) -> float:
    return rdMolDescriptors.CalcCrippenDescriptors(molecule)[0]


def _molar_refractivity(molecule: Chem.Mol) -> float:
    return rdMolDescriptors.CalcCrippenDescriptors(molecule)[1]


_DESCRIPTORS: dict[str, Callable[[Chem.Mol], float]] = {
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

DESCRIPTOR_NAMES: tuple[str, ...] = tuple(_DESCRIPTORS)
"""Columns of `descriptors`: molecular_weight in Da, tpsa in square angstrom, log_p and the rest unitless."""

_ROWS_AT_ONCE = 4096


def morgan_fingerprints(smiles: Sequence[str], radius: int = 2, n_bits: int = 2048) -> np.ndarray:
    """Fold the circular environments of each molecule's atoms into bits.

    Chirality is off: two enantiomers share their fingerprint.

    Parameters
    ----------
    smiles
        One SMILES per molecule.
    radius
        Bonds from the central atom; 2 corresponds to ECFP4.
    n_bits
        Length of the folded fingerprint.

    Returns
    -------
    np.ndarray
        uint8 of shape (n_molecules, n_bits), each 0 or 1.

    Raises
    ------
    InputError
        A SMILES does not parse; the message names its index.

    References
    ----------
    Rogers and Hahn, J. Chem. Inf. Model. 2010, 50, 742-754, doi:10.1021/ci100050t.

    Examples
    --------
    >>> bits = morgan_fingerprints(["CCO", "OCC"])
    >>> bits.shape, int(bits[0].sum()), bool((bits[0] == bits[1]).all())
    ((2, 2048), 6, True)
    """
    generator = rdFingerprintGenerator.GetMorganGenerator(
        radius=radius, fpSize=n_bits, includeChirality=False
    )
    bits = np.zeros((len(smiles), n_bits), dtype=np.uint8)
    for index, text in enumerate(smiles):
        bits[index] = generator.GetFingerprintAsNumPy(_molecule_at(index, text))
    return bits


def tanimoto(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Tanimoto similarity of every row of `a` with every row of `b`.

    Two fingerprints without any bit have similarity 0, as two molecules of which nothing is known.

    Parameters
    ----------
    a, b
        Fingerprints of 0 and 1, shapes (n, n_bits) and (m, n_bits).

    Returns
    -------
    np.ndarray
        float32 of shape (n, m), from 0 to 1.

    Raises
    ------
    InputError
        The fingerprints differ in length.

    Examples
    --------
    >>> tanimoto(np.array([[1, 1, 0]]), np.array([[1, 1, 0], [1, 0, 1], [0, 0, 1]])).round(3).tolist()
    [[1.0, 0.3330000042915344, 0.0]]
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise InputError(
            f"fingerprints of shapes {a.shape} and {b.shape} cannot be compared",
            expected="two arrays (n, n_bits) and (m, n_bits) of the same n_bits",
        )
    columns = np.ascontiguousarray(b.T, dtype=np.float32)
    b_counts = columns.sum(axis=0)
    similarity = np.empty((a.shape[0], b.shape[0]), dtype=np.float32)
    for start in range(0, a.shape[0], _ROWS_AT_ONCE):  # bounds the float copy of a
        rows = a[start : start + _ROWS_AT_ONCE].astype(np.float32)
        shared = rows @ columns
        union = rows.sum(axis=1)[:, None] + b_counts[None, :] - shared
        similarity[start : start + len(rows)] = shared / np.maximum(union, 1.0)
    return similarity


def descriptors(smiles: Sequence[str]) -> np.ndarray:
    """Two-dimensional descriptors of each molecule, in the order of `DESCRIPTOR_NAMES`.

    Parameters
    ----------
    smiles
        One SMILES per molecule.

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
    table = np.empty((len(smiles), len(_DESCRIPTORS)), dtype=np.float64)
    for index, text in enumerate(smiles):
        molecule = _molecule_at(index, text)
        table[index] = [describe(molecule) for describe in _DESCRIPTORS.values()]
    return table


def _molecule_at(index: int, smiles: str) -> Chem.Mol:
    molecule = parse_smiles(smiles)
    if molecule is None:
        raise InputError(
            f"{smiles!r} does not parse: {explain_smiles(smiles)}",
            record=index,
            field="smiles",
            expected="a SMILES with at least one atom",
            hint="remove or correct this item",
        )
    return molecule
