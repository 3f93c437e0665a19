"""Responses to compounds never measured, from those to compounds of alike structure.

A new compound's mean is regressed on Tanimoto similarity (kernel ridge); far from every training compound the mean of
all is left. Its interaction with a line is the mean of those of the training compounds, weighted by a power of their
similarity: few compounds share a target with it, and a ridge spreads over all the others too. Fingerprints may be bits
or counts; two counts have in common the smaller one, and their union is the larger one. With compounds held out by
scaffold, counts of Morgan environments and atom pairs side by side told more of GDSC2 than either, or than bits.

References
----------
Ralaivola, L. et al. (2005) Graph kernels for chemical informatics. Neural Networks 18:1093, for Tanimoto as a kernel.
Nadaraya, E. A. (1964) On estimating regression. Theory of Probability and its Applications 9:141, for weighted means.
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
"""Noise of a compound's mean, where the kernel's diagonal is 1."""
SHARPNESS = 8
"""Power of similarity that interactions are weighted with."""
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
        alike = count_tanimoto(self.counts, self.counts) + RIDGE * np.eye(len(self.counts))
        weights = np.linalg.solve(alike, means - means.mean())
        return np.asarray(means.mean() + count_tanimoto(fingerprints, self.counts) @ weights)

    def interaction(self, fingerprints: NDArray[np.integer], interaction: Array) -> Array:
        """(lines, n) interactions with new compounds, from (lines, compounds) with the training ones.

        A compound that has nothing in common with any training one has no interaction.
        """
        near = count_tanimoto(fingerprints, self.counts) ** SHARPNESS
        total = near.sum(axis=1, keepdims=True)
        shares = np.divide(near, total, out=np.zeros_like(near), where=total > 0)
        return np.asarray(interaction @ shares.T)

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
