"""How isolated a pair is in a network's latent space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chem.errors import InputError
from models.vectors import Floats

N_NEIGHBOURS = 5
"""Neighbours whose mean distance tells how isolated a pair is."""
MAX_LATENT = 2000
"""Training pairs kept of the latent space; of more, a random part."""
MIN_DENSITY = 0.01
"""Density below which a new molecule or protein is outside, as one training pair in a hundred is."""
_AT_ONCE = 256


@dataclass(frozen=True)
class LatentDensity:
    """Where training pairs lie in the latent space.

    Attributes
    ----------
    points
        (n_kept, dim) float32 standardised latent vectors.
    mean, sd
        (dim,) of the training pairs; a constant dimension has sd infinity and counts for nothing.
    isolation
        (n_kept,) ascending mean distances of the kept pairs to their own nearest neighbours.
    """

    points: NDArray[np.float32]
    mean: Floats
    sd: Floats
    isolation: Floats

    @classmethod
    def fit(cls, latent: ArrayLike, seed: int = 0) -> LatentDensity:
        """Keep at most `MAX_LATENT` training pairs, drawn by `seed`, and their isolation, leaving each out.

        Raises
        ------
        InputError
            A value that is not finite, or no more pairs than neighbours.
        """
        table = _finite_rows(latent, "latent")
        if len(table) <= N_NEIGHBOURS:
            raise InputError(
                f"has {len(table)} rows", field="latent", expected=f"more training pairs than {N_NEIGHBOURS}"
            )
        mean, sd = table.mean(axis=0), table.std(axis=0)
        sd = np.where(sd > 1e-9 * np.maximum(1.0, np.abs(mean)), sd, np.inf)
        kept = np.sort(np.random.default_rng(seed).permutation(len(table))[:MAX_LATENT])
        points = ((table[kept] - mean) / sd).astype(np.float32)
        return cls(points, mean, sd, np.sort(_isolation(points, points, leave_out=True)))

    def density(self, latent: ArrayLike) -> Floats:
        """(n,) share of training pairs that are at least as isolated as each new one.

        References
        ----------
        Bates et al. (2023) Ann. Stat. 51:149 (outlier p-values); Laxhammar, Falkman (2010) (neighbours).
        """
        table = _finite_rows(latent, "latent")
        if table.shape[1] != len(self.mean):
            raise InputError(
                f"has {table.shape[1]} columns", field="latent", expected=f"{len(self.mean)}, as in training"
            )
        distance = _isolation(((table - self.mean) / self.sd).astype(np.float32), self.points)
        n = len(self.isolation)
        return (1 + n - np.searchsorted(self.isolation, distance, side="left")) / (n + 1)


def _finite_rows(table: ArrayLike, field: str) -> Floats:
    rows = np.asarray(table, float)
    if rows.ndim != 2:
        raise InputError(f"has {rows.ndim} axes", field=field, expected="one row per pair")
    bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if len(bad):
        raise InputError("holds a value that is not finite", record=int(bad[0]) + 1, field=field)
    return rows


def _isolation(
    queries: NDArray[np.float32], points: NDArray[np.float32], *, leave_out: bool = False
) -> Floats:
    """Mean Euclidean distance to the nearest points, without the point itself where they are the same set."""
    squares = (points.astype(float) ** 2).sum(axis=1)
    mean = np.empty(len(queries))
    k = min(N_NEIGHBOURS, len(points) - leave_out)
    for start in range(0, len(queries), _AT_ONCE):
        part = queries[start : start + _AT_ONCE].astype(float)
        square = (part**2).sum(axis=1)[:, None] + squares - 2 * part @ points.T.astype(float)
        if leave_out:
            square[np.arange(len(part)), start + np.arange(len(part))] = np.inf
        nearest = np.partition(np.maximum(square, 0), k - 1, axis=1)[:, :k]
        mean[start : start + len(part)] = np.sqrt(nearest).mean(axis=1)
    return mean
