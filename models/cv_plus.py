"""Intervals of new pairs from the networks of all folds of a cross-validation (CV+).

Each residual is taken around the network it belongs to, the one that had not seen its pair; where the
networks differ about a new pair, the interval widens by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from chem.errors import InputError
from models.vectors import Floats, finite_vector, require_level, require_same_length, require_two_folds

_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class CVPlus:
    """Absolute out-of-fold residuals of K networks, each trained without one fold.

    Attributes
    ----------
    residuals
        K vectors, sorted, in the order of the networks.

    References
    ----------
    Barber, Candes, Ramdas, Tibshirani (2021) Ann. Stat. 49:486-507: coverage is 2 level - 1 at the worst
    (less a term of the order of sqrt(2/n)), and about `level` with stable models.
    """

    residuals: tuple[Floats, ...]

    @classmethod
    def fit(
        cls, label: ArrayLike, prediction: ArrayLike, fold: ArrayLike, *, most: int = 5000, seed: int = 0
    ) -> CVPlus:
        """Collect the residuals of out-of-fold predictions.

        Parameters
        ----------
        label, prediction
            (n,) out-of-fold pairs in the label's unit.
        fold
            (n,) number of each pair's fold, from 0; network k is the one trained without fold k.
        most
            Pairs kept; of more, a random part, which is as exchangeable as the whole.
        seed
            Of that part.

        Raises
        ------
        InputError
            Unequal lengths, a value that is not finite, a fold that is not numbered from 0, fewer than two.
        """
        y, p, folds = finite_vector(label, "label"), finite_vector(prediction, "prediction"), np.asarray(fold)
        require_same_length(label=y, prediction=p, fold=folds)
        require_two_folds(folds)
        numbers = np.unique(folds)
        if not np.array_equal(numbers, np.arange(len(numbers))):
            raise InputError(f"folds are {numbers.tolist()}", field="fold", expected="0, 1, 2 and so on")
        kept = np.arange(len(y))
        if len(y) > most:
            kept = np.random.default_rng(seed).permutation(len(y))[:most]
        residual = np.abs(y - p)
        return cls(tuple(np.sort(residual[kept[folds[kept] == number]]) for number in numbers))

    def interval(self, members: ArrayLike, level: float = 0.9) -> tuple[Floats, Floats]:
        """Intervals of new pairs.

        Parameters
        ----------
        members
            (n, K) predictions of the K networks in the label's unit.
        level
            Coverage asked for.

        Returns
        -------
        lower, upper
            (n,) bounds; infinite where there are too few residuals for the level.

        Raises
        ------
        InputError
            Another number of networks than residuals, or a level outside 0 to 1.

        Examples
        --------
        >>> residuals = CVPlus((np.array([1.0, 2.0]), np.array([1.0, 4.0])))
        >>> [bound.tolist() for bound in residuals.interval([[0.0, 10.0]], level=0.6)]
        [[-1.0], [11.0]]
        """
        require_level(level)
        points = np.asarray(members, float)
        if points.ndim != 2 or points.shape[1] != len(self.residuals):
            raise InputError(
                f"predictions have the shape {points.shape}", field="members",
                expected=f"a column for each of {len(self.residuals)} networks",
            )  # fmt: skip
        owner = np.repeat(np.arange(len(self.residuals)), [len(part) for part in self.residuals])
        residual = np.concatenate(self.residuals)
        rank = int(np.ceil((len(residual) + 1) * level - 1e-9))
        if rank > len(residual):
            return np.full(len(points), -np.inf), np.full(len(points), np.inf)
        lower, upper = np.empty(len(points)), np.empty(len(points))
        step = max(1, _AT_ONCE // len(residual))
        for start in range(0, len(points), step):
            part = slice(start, start + step)
            centre = points[part][:, owner]
            upper[part] = np.partition(centre + residual, rank - 1, axis=1)[:, rank - 1]
            # floor(level' (n + 1))-th smallest from below is the same place counted from the top.
            lower[part] = np.partition(centre - residual, len(residual) - rank, axis=1)[
                :, len(residual) - rank
            ]
        return lower, upper

    def to_dict(self) -> dict[str, Any]:
        """As plain numbers for a JSON card; residuals are rounded up."""
        return {"residuals": [(np.ceil(part * 1e6) / 1e6).tolist() for part in self.residuals]}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> CVPlus:
        """Read what `to_dict` wrote."""
        return cls(tuple(np.array(part, float) for part in plain["residuals"]))
