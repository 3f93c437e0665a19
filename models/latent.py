"""Where pairs lie in a network's latent space: leading directions of its vectors of molecules and of proteins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.affinity_fit import FittedNetwork, encode_towers
from models.affinity_inputs import MoleculeInputs, ProteinInputs
from models.domain_density import LatentDensity

N_DIRECTIONS = 8
"""Directions of molecules, and of proteins."""
Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class LatentSpace:
    """Principal directions of the vectors that a network gives its training molecules and proteins.

    Attributes
    ----------
    molecule_mean, protein_mean
        (dim,) float32 of the training molecules and proteins.
    molecule, protein
        (dim, n) float32 directions.
    density
        Of the training pairs.
    """

    molecule_mean: Matrix
    molecule: Matrix
    protein_mean: Matrix
    protein: Matrix
    density: LatentDensity

    @property
    def n_directions(self) -> int:
        """Numbers of a pair's latent vector."""
        return self.molecule.shape[1] + self.protein.shape[1]

    @classmethod
    def fit(
        cls,
        network: FittedNetwork,
        molecules: MoleculeInputs,
        proteins: ProteinInputs,
        drug: NDArray[np.int64],
        target: NDArray[np.int64],
    ) -> LatentSpace:
        """Fit directions to all of the molecules and proteins, and the density to the pairs.

        Parameters
        ----------
        network
            Whose vectors they are.
        molecules, proteins
            Training molecules and proteins.
        drug, target
            (n_pairs,) rows of those two.

        Raises
        ------
        InputError
            There are no more pairs than the density asks for neighbours.
        """
        left, right = encode_towers(network, molecules, proteins)
        means = left.mean(axis=0), right.mean(axis=0)
        directions = _directions(left - means[0]), _directions(right - means[1])
        table = np.hstack(
            [((left - means[0]) @ directions[0])[drug], ((right - means[1]) @ directions[1])[target]]
        )
        return cls(means[0], directions[0], means[1], directions[1], LatentDensity.fit(table))

    def vectors(
        self,
        network: FittedNetwork,
        molecules: MoleculeInputs,
        proteins: ProteinInputs,
        drug: NDArray[np.int64],
        target: NDArray[np.int64],
    ) -> Matrix:
        """(n_pairs, n_directions) float32 latent vectors of pairs; parameters as in `fit`."""
        left, right = encode_towers(network, molecules, proteins)
        near = (left - self.molecule_mean) @ self.molecule
        far = (right - self.protein_mean) @ self.protein
        return np.hstack([near[drug], far[target]])

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays to keep on disk; the points in half precision."""
        density = self.density
        return {
            "molecule_mean": self.molecule_mean,
            "molecule": self.molecule,
            "protein_mean": self.protein_mean,
            "protein": self.protein,
            "points": density.points.astype(np.float16),
            "mean": density.mean.astype(np.float32),
            "sd": density.sd.astype(np.float32),
            "isolation": density.isolation.astype(np.float32),
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> LatentSpace:
        """Read what `to_arrays` wrote.

        Raises
        ------
        KeyError
            An array is missing.
        """
        wide = {name: array.astype(np.float64) for name, array in arrays.items()}
        density = LatentDensity(
            arrays["points"].astype(np.float32), wide["mean"], wide["sd"], wide["isolation"]
        )
        return cls(
            arrays["molecule_mean"], arrays["molecule"], arrays["protein_mean"], arrays["protein"], density
        )


def _directions(centred: Matrix) -> Matrix:
    """(dim, n) directions of largest variance, at most `N_DIRECTIONS` and no more than there are."""
    _, size, axes = np.linalg.svd(centred, full_matrices=False)
    n = int((size[:N_DIRECTIONS] > 1e-6 * max(size[0], 1e-12)).sum())
    chosen = axes[: max(n, 1)].T
    # The sign of a direction is arbitrary; fixed, so that two machines agree.
    sign = np.sign(chosen[np.abs(chosen).argmax(axis=0), np.arange(chosen.shape[1])])
    return np.ascontiguousarray(chosen * sign, np.float32)
