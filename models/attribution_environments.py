"""Which atoms each counted environment of a molecule holds, so that it can be counted without some of its atoms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator

from chem.count_similarity import CountTable
from chem.molecules import molecule_at
from models.landmarks import MOLECULE_COUNTS, N_BITS, Tables


@dataclass(frozen=True)
class Environments:
    """The environments of one molecule that one kind of fingerprint counts.

    Attributes
    ----------
    column
        (n_environments,) column of the count table that each counts in, 0 to `models.landmarks.N_BITS` - 1.
    member
        (n_environments, n_atoms) bool: the atoms that it holds; of a pair of atoms its two ends.
    """

    column: NDArray[np.int64]
    member: NDArray[np.bool_]

    def table(self, hidden: NDArray[np.bool_]) -> CountTable:
        """Counts without the environments that hold a hidden atom.

        Parameters
        ----------
        hidden
            (n_variants, n_atoms) bool, atoms that are taken away.

        Returns
        -------
        CountTable
            One row per variant.
        """
        columns, place = np.unique(self.column, return_inverse=True)
        counts = np.zeros((len(hidden), len(columns)), np.int64)
        for row, atoms in enumerate(hidden):
            left = place[~self.member[:, atoms].any(axis=1)]
            counts[row] = np.bincount(left, minlength=len(columns))
        narrow = CountTable.from_dense(counts)
        return replace(narrow, width=N_BITS, column=columns[narrow.column].astype(np.uint16))


def molecule_environments(smiles: str) -> tuple[Environments, ...]:
    """Environments of a molecule for each kind of `models.landmarks.MOLECULE_COUNTS`.

    A circular environment holds the atoms within its radius of the centre, a torsion its four atoms, an atom pair
    its two ends.

    Parameters
    ----------
    smiles
        Standardised SMILES; its atoms are numbered in its order.

    Raises
    ------
    InputError
        The SMILES does not parse.

    Examples
    --------
    >>> circular = molecule_environments("CO")[0]
    >>> sorted(circular.member.sum(axis=1).tolist())
    [1, 1, 2]
    """
    molecule = molecule_at(0, smiles)
    return tuple(
        _environments(_generator(kind, radius, chirality), molecule)
        for kind, radius, chirality in MOLECULE_COUNTS
    )


def counted_environments(smiles: str, kind: str = "morgan") -> Environments:
    """Environments of a molecule that `models.property_features.MoleculeFeatures.counts` counts.

    Parameters
    ----------
    smiles
        Standardised SMILES; its atoms are numbered in its order.
    kind
        morgan, feature_morgan (both of radius 2), atom_pair or topological_torsion.

    Examples
    --------
    >>> environments = counted_environments("CO")
    >>> environments.table(np.array([[False, False], [True, False]])).count.sum(dtype=int)
    np.int64(4)
    """
    radius = 2 if kind in ("morgan", "feature_morgan") else None
    return _environments(_generator(kind, radius, False), molecule_at(0, smiles))


def masked_tables(environments: tuple[Environments, ...], hidden: NDArray[np.bool_]) -> Tables:
    """`models.landmarks.molecule_tables` of a molecule of which some atoms are hidden.

    Parameters
    ----------
    environments
        Of the molecule.
    hidden
        (n_variants, n_atoms) bool.

    Examples
    --------
    >>> environments = molecule_environments("CCO")
    >>> tables = masked_tables(environments, np.array([[False, False, False], [False, False, True]]))
    >>> [len(table) for table in tables], int(tables[0].count.sum())
    ([2, 2, 2, 2, 2, 2], 9)
    """
    return tuple(kind.table(hidden) for kind in environments)


def _environments(generator: Any, molecule: Chem.Mol) -> Environments:
    output = rdFingerprintGenerator.AdditionalOutput()
    output.AllocateAtomsPerBit()
    generator.GetCountFingerprint(molecule, additionalOutput=output)
    found = [(bit, atoms) for bit, each in output.GetAtomsPerBit().items() for atoms in each]
    column = np.array([bit for bit, _ in found], np.int64)
    member = np.zeros((len(found), molecule.GetNumAtoms()), bool)
    for row, (_, atoms) in enumerate(found):
        member[row, list(atoms)] = True
    return Environments(column, member)


def _generator(kind: str, radius: int | None, chirality: bool) -> Any:
    """RDKit's generator with the settings of `chem.fingerprint`; a test holds the counts to be the same."""
    options: dict[str, Any] = {"fpSize": N_BITS, "includeChirality": chirality}
    if radius is not None:
        options["radius"] = radius
    if kind == "feature_morgan":
        options["atomInvariantsGenerator"] = rdFingerprintGenerator.GetMorganFeatureAtomInvGen()
    if kind == "atom_pair":
        return rdFingerprintGenerator.GetAtomPairGenerator(**options)
    if kind == "topological_torsion":
        return rdFingerprintGenerator.GetTopologicalTorsionGenerator(**options)
    return rdFingerprintGenerator.GetMorganGenerator(**options)
