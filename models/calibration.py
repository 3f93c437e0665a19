"""Prediction intervals from the residuals of held-out folds (split conformal, per bin of the prediction)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

N_QUANTILES = 400
MIN_POINTS = 40
"""Residuals a bin needs; with fewer it joins its neighbour."""


@dataclass(frozen=True)
class Calibration:
    """Signed residuals of held-out predictions, in bins of the prediction.

    Attributes
    ----------
    edges
        (n_bins - 1,) ascending bounds between the bins, in the label's unit.
    residuals
        Per bin, label minus prediction, sorted; thinned to at most `N_QUANTILES` order statistics.
    counts
        (n_bins,) residuals before thinning.
    """

    edges: NDArray[np.float64]
    residuals: tuple[NDArray[np.float64], ...]
    counts: NDArray[np.int64]

    def interval(
        self, prediction: ArrayLike, level: float = 0.9
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Interval that holds the label of an exchangeable new pair with at least `level` probability.

        Each side leaves out half of ``1 - level``. Where a bin has too few residuals for that level the
        bound is infinite rather than clamped.

        Parameters
        ----------
        prediction
            (n,) predictions in the label's unit.
        level
            Coverage asked for.

        Returns
        -------
        lower, upper
            (n,) bounds in the label's unit.

        References
        ----------
        Vovk, V. et al. (2005) Algorithmic Learning in a Random World; Mondrian bins, ch. 4.
        """
        point = np.asarray(prediction, float)
        which = np.searchsorted(self.edges, point, side="right")
        low = np.array([self._quantile(k, (1 - level) / 2, below=True) for k in range(len(self.counts))])
        high = np.array([self._quantile(k, (1 - level) / 2, below=False) for k in range(len(self.counts))])
        return point + low[which], point + high[which]

    def _quantile(self, which: int, tail: float, *, below: bool) -> float:
        n, kept = int(self.counts[which]), self.residuals[which]
        rank = int(np.floor((n + 1) * tail + 1e-9))
        if rank < 1:
            return -np.inf if below else np.inf
        place = (rank - 1) / max(1, n - 1) * (len(kept) - 1)
        # Rounding towards the tail keeps the interval conservative after thinning.
        index = int(np.floor(place))
        return float(kept[index] if below else kept[len(kept) - 1 - index])

    def to_dict(self) -> dict[str, Any]:
        """As plain numbers for a JSON card."""
        return {
            "edges": [round(float(edge), 6) for edge in self.edges],
            "residuals": [[round(float(r), 5) for r in part] for part in self.residuals],
            "counts": [int(n) for n in self.counts],
        }

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Calibration:
        """Read what `to_dict` wrote."""
        return cls(
            np.array(plain["edges"], float),
            tuple(np.array(part, float) for part in plain["residuals"]),
            np.array(plain["counts"], np.int64),
        )


def calibrate(label: ArrayLike, prediction: ArrayLike, *, n_bins: int = 5) -> Calibration:
    """Collect held-out residuals in bins of equal size at the low, and finer at the high end.

    Parameters
    ----------
    label, prediction
        (n,) of held-out pairs, in the label's unit.
    n_bins
        Bins at most; each keeps at least `MIN_POINTS` residuals.

    Returns
    -------
    Calibration
        For `Calibration.interval`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> prediction = rng.normal(size=2000)
    >>> noise = rng.normal(size=2000)
    >>> lower, upper = calibrate(prediction + noise, prediction).interval([0.0])
    >>> bool(-2.2 < lower[0] < -1.3 and 1.3 < upper[0] < 2.2)
    True
    """
    y, p = np.asarray(label, float), np.asarray(prediction, float)
    marks = 1 - 0.5 ** np.arange(1, n_bins)
    edges = np.unique(np.quantile(p, marks)) if len(p) else np.zeros(0)
    while len(edges):
        counts = np.bincount(np.searchsorted(edges, p, side="right"), minlength=len(edges) + 1)
        small = np.flatnonzero(counts < MIN_POINTS)
        if not len(small):
            break
        edges = np.delete(edges, max(0, small[-1] - 1))
    which = np.searchsorted(edges, p, side="right")
    parts = [np.sort((y - p)[which == k]) for k in range(len(edges) + 1)]
    return Calibration(edges, tuple(_thin(part) for part in parts), np.array([len(part) for part in parts]))


def _thin(ordered: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(ordered) <= N_QUANTILES:
        return ordered
    return ordered[np.round(np.linspace(0, len(ordered) - 1, N_QUANTILES)).astype(int)]
