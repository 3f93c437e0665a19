"""A fitted kernel regression on pairs: weights of the training pairs in one stage or two, and what they predict.

The first stage compares molecules by their structure. It predicts a profile, the affinities for all training proteins,
of every molecule; the second stage compares molecules by structure and by profile. Predictions of the second stage
therefore know that two molecules bind alike although they do not look it.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
OFFSET = 0.3
"""Weight of what all molecules share on one protein."""
MOLECULE = 0.5
"""Weight, before anything is learned, of what all proteins share on one molecule."""
STRUCTURE = 0.2
"""Share of the structure alone in the second stage's kernel of molecules."""
SHARPNESS = 1.5
"""Of the kernel of profiles: minus the logarithm of it at the median squared distance."""
_JITTER = 1e-3


@dataclass(frozen=True)
class Stage:
    """Weights of one stage.

    Attributes
    ----------
    weight
        (n_molecules, n_proteins) float32 of the training pairs, 0 where there is none.
    learned
        (n_proteins, n_proteins) float32 kernel of the training proteins, learned part and sequence part.
    """

    weight: Matrix
    learned: Matrix

    def fitted(self, alike: Matrix, near: Matrix) -> Matrix:
        """(n, n_proteins) scaled predictions for the training proteins; `near` (n, n_molecules)."""
        return np.asarray(self.common(alike) + near @ (self.weight @ self.learned), np.float32)

    def common(self, alike: Matrix) -> Matrix:
        """(n_proteins,) what all molecules share."""
        return np.asarray(OFFSET * self.weight.sum(axis=0) @ alike, np.float32)

    def carried(self, alike: Matrix) -> tuple[Matrix, Matrix]:
        """What a protein takes over from the training proteins.

        Returns
        -------
        level, carried
            (n_molecules + 1,) mean over the training proteins, which every protein takes; and
            (n_proteins, n_molecules + 1) the rest, which it takes by its similarity to them. The last column is
            common to all molecules.
        """
        both = np.vstack([self.weight @ self.learned, self.common(alike)])
        level = both.mean(axis=1)
        jitter = _JITTER * np.eye(len(alike), dtype=np.float32)
        rest = np.linalg.solve(alike + jitter, (both - level[:, None]).T)
        return np.asarray(level, np.float32), np.asarray(rest, np.float32)


@dataclass(frozen=True)
class Profiles:
    """Profiles of the training molecules, as the first stage predicts them.

    Attributes
    ----------
    values
        (n_molecules, n_proteins) float32, scaled as the labels are.
    width
        Median squared distance of two of them.
    """

    values: Matrix
    width: float

    @classmethod
    def of(cls, values: Matrix) -> Profiles:
        """Profiles with their width."""
        return cls(values, float(np.median(squared_distances(values, values))) or 1.0)

    def kernel(self, values: Matrix) -> Matrix:
        """(n, n_molecules) float32 Gaussian kernel of the profiles of n molecules with those of training."""
        return gaussian(squared_distances(values, self.values), self.width)


def squared_distances(a: Matrix, b: Matrix) -> Matrix:
    """(n, m) float32 squared distances of the rows of two matrices.

    Examples
    --------
    >>> squared_distances(np.zeros((1, 2), np.float32), np.float32([[3, 4]])).tolist()
    [[25.0]]
    """
    middle = b.mean(axis=0)  # differences of large numbers lose digits
    a, b = a - middle, b - middle
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * (a @ b.T)
    return np.asarray(np.maximum(squares, 0), np.float32)


def gaussian(squares: Matrix, width: float) -> Matrix:
    """Gaussian kernel of squared distances whose median is `width`."""
    return np.asarray(np.exp(-SHARPNESS / width * squares), np.float32)


@dataclass(frozen=True)
class KernelFit:
    """A fitted regression over training molecules and proteins.

    Attributes
    ----------
    alike
        (n_proteins, n_proteins) float32 kernel of the training proteins.
    first
        The stage that compares molecules by structure.
    profiles, second
        The stage that compares them by profile too; None where there is one stage only.
    mean, sd
        Of the labels.
    limit
        Smallest value that is predicted.
    """

    alike: Matrix
    first: Stage
    profiles: Profiles | None
    second: Stage | None
    mean: float
    sd: float
    limit: float = -np.inf

    @cached_property
    def carried(self) -> tuple[Matrix, Matrix]:
        """`Stage.carried` of the last stage."""
        return (self.second or self.first).carried(self.alike)

    def taken(self, alike: Matrix) -> Matrix:
        """(m, n_molecules + 1) what m proteins take over; `alike` (m, n_proteins) as in `predict`."""
        level, rest = self.carried
        return np.asarray(level + alike @ rest, np.float32)

    @cached_property
    def _response(self) -> Matrix:
        return np.asarray(self.first.weight @ self.first.learned, np.float32)

    def near(self, near: Matrix) -> Matrix:
        """(n, n_molecules) kernel of molecules with the training molecules, in the last stage.

        Parameters
        ----------
        near
            (n, n_molecules) the same by structure.
        """
        if self.profiles is None:
            return near
        profile = self.first.common(self.alike) + near @ self._response
        return joint_kernel(near, self.profiles.kernel(profile))

    def predict(self, near: Matrix, alike: Matrix) -> NDArray[np.float64]:
        """Predictions of every molecule with every protein.

        Parameters
        ----------
        near
            (n, n_molecules) kernel of molecules with the training molecules, by structure.
        alike
            (m, n_proteins) kernel of proteins with the training proteins.

        Returns
        -------
        np.ndarray
            float64 (n, m) in the label's unit.
        """
        mine = self.taken(alike)
        scaled = mine[:, -1] + self.near(near) @ mine[:, :-1].T
        return np.maximum(self.mean + self.sd * scaled.astype(np.float64), self.limit)

    def slope(self, near: Matrix, alike: Matrix) -> NDArray[np.float64]:
        """Derivative of the predictions for one protein in each entry of `near`; the limit is not looked at.

        Parameters
        ----------
        near
            (n, n_molecules), as in `predict`.
        alike
            (n_proteins,) kernel of the protein with the training proteins.

        Returns
        -------
        np.ndarray
            float64 (n, n_molecules) in the label's unit.
        """
        mine = self.sd * self.taken(alike)[:-1].astype(np.float64)
        return self.slope_through(near, np.broadcast_to(mine, near.shape))

    def slope_through(self, near: Matrix, slope: NDArray[np.float64]) -> NDArray[np.float64]:
        """Derivative of a function of `near(near)` in each entry of `near`.

        Parameters
        ----------
        near
            (n, n_molecules) kernel by structure.
        slope
            (n, n_molecules) derivative of the function in each entry of `near(near)`.

        Returns
        -------
        np.ndarray
            float64 (n, n_molecules).
        """
        if self.profiles is None:
            return np.asarray(slope, np.float64)
        profile = self.first.common(self.alike) + near @ self._response
        kernel = self.profiles.kernel(profile).astype(np.float64)
        root = np.sqrt(np.maximum(near, 1e-12).astype(np.float64))
        direct = slope * (STRUCTURE + (1 - STRUCTURE) * kernel / (2 * root))
        pull = slope * (1 - STRUCTURE) * root * kernel * (-2 * SHARPNESS / self.profiles.width)
        through = pull.sum(axis=1)[:, None] * profile - pull @ self.profiles.values
        return np.asarray(direct + through @ self._response.T, np.float64)

    def to_arrays(self, there: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
        """Arrays to keep on disk, in half precision where that is enough.

        Parameters
        ----------
        there
            (n_molecules, n_proteins) whether a pair was in the training data.
        """
        half = np.float16
        packed = zlib.compress(np.packbits(there).tobytes(), 9)
        arrays: dict[str, NDArray[Any]] = {
            "there": np.frombuffer(packed, np.uint8).copy(),
            "weight": self.first.weight[there].astype(half),
            "scaling": np.array([self.mean, self.sd, self.limit], np.float32),
        }
        if self.profiles is not None and self.second is not None:
            arrays |= {
                "learned": self.first.learned.astype(half),
                "second_weight": self.second.weight[there].astype(half),
                "second_learned": self.second.learned.astype(half),
                "profiles": self.profiles.values.astype(half),
                "width": np.array([self.profiles.width], np.float32),
            }
        return arrays

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]], alike: Matrix, n_molecules: int) -> KernelFit:
        """Read what `to_arrays` wrote, given the kernel of the training proteins.

        Raises
        ------
        KeyError, ValueError, zlib.error
            The arrays are not those of a fit of this size.
        """
        mean, sd, limit = arrays["scaling"].tolist()
        there = stored_pairs(arrays, n_molecules, len(alike))

        def dense(name: str) -> Matrix:
            weight = np.zeros(there.shape, np.float32)
            weight[there] = arrays[name]
            return weight

        if "profiles" not in arrays:
            return cls(alike, Stage(dense("weight"), unlearned(alike)), None, None, mean, sd, limit)
        profiles = Profiles(arrays["profiles"].astype(np.float32), float(arrays["width"][0]))
        first = Stage(dense("weight"), arrays["learned"].astype(np.float32))
        second = Stage(dense("second_weight"), arrays["second_learned"].astype(np.float32))
        return cls(alike, first, profiles, second, mean, sd, limit)


def stored_pairs(arrays: dict[str, NDArray[Any]], n_molecules: int, n_proteins: int) -> NDArray[np.bool_]:
    """(n_molecules, n_proteins) whether a pair was in the training data, as `KernelFit.to_arrays` stored it.

    Raises
    ------
    KeyError, ValueError, zlib.error
        The arrays are not those of a fit of this size.
    """
    bits = np.frombuffer(zlib.decompress(arrays["there"].tobytes()), np.uint8)
    n_pairs = n_molecules * n_proteins
    if len(bits) != -(-n_pairs // 8):
        raise ValueError(
            f"pairs of {len(bits)} bytes, not of {n_molecules} molecules and {n_proteins} proteins"
        )
    return np.unpackbits(bits, count=n_pairs).astype(bool).reshape(n_molecules, n_proteins)


def unlearned(alike: Matrix) -> Matrix:
    """Kernel of the proteins beside a molecule's before anything is learned from labels."""
    return np.asarray(alike + MOLECULE, np.float32)


def joint_kernel(near: Matrix, profile: Matrix) -> Matrix:
    """Kernel of molecules by structure and profile.

    The square root of the kernel by structure is a kernel itself (a mean of min-max kernels), and so is its
    product with that of the profiles.
    """
    return np.asarray(STRUCTURE * near + (1 - STRUCTURE) * np.sqrt(near) * profile, np.float32)
