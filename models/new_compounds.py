"""Responses to compounds never measured, from those to compounds of alike structure.

Kernel ridge on Tanimoto similarity, with the training compounds' means, and their interactions with a line, as what is
regressed. Far from every training compound the mean of all is left, and no interaction. Fingerprints may be bits or counts; two
counts have in common the smaller one, and their union is the larger one. With compounds held out by scaffold, counts
of Morgan environments and atom pairs side by side told more of GDSC2 than either, or than bits.

References
----------
Ralaivola, L. et al. (2005) Graph kernels for chemical informatics. Neural Networks 18:1093, for Tanimoto as a kernel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chem.errors import InputError
from chem.fingerprint import tanimoto

Array = NDArray[np.float64]
RIDGE = 0.3
"""Noise of a compound's mean and of its interactions, where the kernel's diagonal is 1."""
MAX_COUNT = 8
"""Larger counts are taken for this."""
_ROWS_AT_ONCE = 256


@dataclass(frozen=True)
class CompoundMap:
    """Training compounds that others are compared with.

    Attributes
    ----------
    counts
        (compounds, length) uint8 of their fingerprints, at most `MAX_COUNT`.
    """

    counts: NDArray[np.uint8]

    @classmethod
    def fit(cls, fingerprints: NDArray[np.integer]) -> CompoundMap:
        """Keep the fingerprints of the training compounds.

        Raises
        ------
        InputError
            They are no table, or have negative numbers.
        """
        return cls(_clipped(fingerprints))

    def mean(self, fingerprints: NDArray[np.integer], means: Array) -> Array:
        """(n,) means of new compounds with (n, length) fingerprints, from the (compounds,) training means."""
        return means.mean() + self._shares(fingerprints) @ (means - means.mean())

    def interaction(self, fingerprints: NDArray[np.integer], interaction: Array) -> Array:
        """(lines, n) interactions with new compounds, from (lines, compounds) with the training ones."""
        return interaction @ self._shares(fingerprints).T

    def _shares(self, fingerprints: NDArray[np.integer]) -> Array:
        """(n, compounds) how much of each training compound goes into a new one."""
        alike = count_tanimoto(self.counts, self.counts) + RIDGE * np.eye(len(self.counts))
        return np.asarray(np.linalg.solve(alike, count_tanimoto(fingerprints, self.counts).T).T)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays to keep on disk."""
        return {"counts": self.counts}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> CompoundMap:
        """Read what `to_arrays` wrote."""
        return cls(arrays["counts"])


def count_tanimoto(a: NDArray[np.integer], b: NDArray[np.integer]) -> Array:
    """Tanimoto similarity (n, m) of fingerprints (n, length) and (m, length) of counts.

    Raises
    ------
    InputError
        They are no tables, have negative numbers, or differ in length.

    Examples
    --------
    >>> count_tanimoto(np.array([[2, 1]]), np.array([[1, 1], [2, 1]])).round(3).tolist()
    [[0.667, 1.0]]
    """
    a, columns = _clipped(a), _as_bits(_clipped(b))
    starts = range(0, len(a), _ROWS_AT_ONCE)  # bounds the bits of a
    near = [tanimoto(_as_bits(a[k : k + _ROWS_AT_ONCE]), columns) for k in starts] or [
        np.zeros((0, len(columns)))
    ]
    return np.concatenate(near).astype(np.float64)


def _clipped(fingerprints: NDArray[np.integer]) -> NDArray[np.uint8]:
    counts = np.asarray(fingerprints)
    if counts.ndim != 2 or (counts < 0).any():
        raise InputError("fingerprints are no table of counts", expected="(compounds, length), 0 or more")
    return np.minimum(counts, MAX_COUNT).astype(np.uint8)


def _as_bits(counts: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A bit for each step up to the count, so that the bits' Tanimoto is that of the counts."""
    return np.concatenate([counts >= step for step in range(1, MAX_COUNT + 1)], axis=1).astype(np.uint8)
