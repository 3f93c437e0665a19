"""A table of responses with known markers, and the profiles that they come from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

N_GENES, N_COMPOUNDS, N_BITS = 20, 12, 64


@dataclass(frozen=True)
class Planted:
    """Responses in which gene 3 helps the even compounds and harms the odd ones, and tissue matters beside it."""

    values: NDArray[np.float64]
    profiles: dict[str, NDArray[np.float32]]
    fingerprints: NDArray[np.uint8]

    def lines(self, which: slice) -> dict[str, NDArray[np.float32]]:
        return {name: block[which] for name, block in self.profiles.items()}


def planted_response(n_lines: int = 120, missing: float = 0.2, seed: int = 0) -> Planted:
    """Make responses in the unit of ln IC50; the two kinds of compounds differ in their fingerprints."""
    rng = np.random.default_rng(seed)
    mutation = (rng.random((n_lines, N_GENES)) < 0.3).astype(np.float32)
    copies = (1 + 0.2 * rng.normal(size=(n_lines, N_GENES))).astype(np.float32)
    tissue = np.eye(3, dtype=np.float32)[rng.integers(0, 3, n_lines)]
    kind = np.where(np.arange(N_COMPOUNDS) % 2 == 0, -1.0, 1.0)
    interaction = np.outer(mutation[:, 3] - 0.3, 2 * kind) + tissue @ rng.normal(size=(3, N_COMPOUNDS))
    values = rng.normal(2, 2, N_COMPOUNDS) + copies[:, :1] + interaction
    values = values + 0.3 * rng.normal(size=values.shape)
    values[rng.random(values.shape) < missing] = np.nan
    likely = np.where((np.arange(N_BITS) % 2 == 0) == (kind[:, None] < 0), 0.7, 0.05)
    bits = (rng.random((N_COMPOUNDS, N_BITS)) < likely).astype(np.uint8)
    return Planted(values, {"mutation": mutation, "copy_number": copies, "covariates": tissue}, bits)
