"""Responses to compounds never measured, from those to compounds of alike structure.

Kernel ridge on Tanimoto similarity, with the training compounds' means, and their interactions with a line, as what is
regressed. Far from every training compound the mean of all is left, and no interaction.

References
----------
Ralaivola, L. et al. (2005) Graph kernels for chemical informatics. Neural Networks 18:1093, for Tanimoto as a kernel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chem.fingerprint import tanimoto

Array = NDArray[np.float64]
MEAN_RIDGE, INTERACTION_RIDGE = 1.0, 1.0
"""Noise of a compound's mean and of its interactions, where the kernel's diagonal is 1."""


@dataclass(frozen=True)
class CompoundMap:
    """Training compounds that others are compared with.

    Attributes
    ----------
    bits
        (compounds, bits) uint8.
    """

    bits: NDArray[np.uint8]

    @classmethod
    def fit(cls, fingerprints: NDArray[np.integer]) -> CompoundMap:
        """Keep the fingerprints of the training compounds; counts as whether there are any."""
        return cls((np.asarray(fingerprints) > 0).astype(np.uint8))

    def mean(self, fingerprints: NDArray[np.integer], means: Array) -> Array:
        """(n,) means of new compounds with (n, bits) fingerprints, from the (compounds,) training means."""
        return means.mean() + self._shares(fingerprints, MEAN_RIDGE) @ (means - means.mean())

    def interaction(self, fingerprints: NDArray[np.integer], interaction: Array) -> Array:
        """(lines, n) interactions with new compounds, from (lines, compounds) with the training ones."""
        return interaction @ self._shares(fingerprints, INTERACTION_RIDGE).T

    def _shares(self, fingerprints: NDArray[np.integer], ridge: float) -> Array:
        """(n, compounds) how much of each training compound goes into a new one."""
        near = tanimoto((np.asarray(fingerprints) > 0).astype(np.uint8), self.bits).astype(np.float64)
        alike = tanimoto(self.bits, self.bits).astype(np.float64) + ridge * np.eye(len(self.bits))
        return np.asarray(np.linalg.solve(alike, near.T).T)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays to keep on disk."""
        return {"bits": self.bits}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> CompoundMap:
        """Read what `to_arrays` wrote."""
        return cls(arrays["bits"])
