"""Where a model stops being clearly better than the means: thresholds of the applicability domain, estimated.

The evidence is held-out: pairs of molecules (or proteins) that a cold split kept from training, each with its
similarity to the nearest one that was in training. The gain of the model is nine tenths of the squared error of the
means less its own. It is taken to rise with the similarity, and the threshold is the smallest similarity from which
it is above zero with confidence. A model that is better than the means by a hair everywhere has no domain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.vectors import Floats, finite_vector, require_level, require_same_length

MIN_UNITS = 10
"""Molecules, or proteins, without which a threshold is not estimated."""
N_RESAMPLES = 200
MIN_GAIN = 0.1
"""Share of the means' squared error by which the model has to be better. Below that a prediction says of a molecule
little more than how its protein does on average, and a kernel regression reaches that for anything at all."""
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Threshold:
    """Smallest value inside the domain, and the rule it comes from.

    Attributes
    ----------
    value
        In the unit of what it bounds; None where nothing is inside.
    rule
        One clause, for the reason of an abstention.
    n
        Molecules, proteins or pairs behind it.
    """

    value: float | None
    rule: str
    n: int

    def holds(self, values: ArrayLike) -> NDArray[np.bool_]:
        """Whether values are inside; NaN is not."""
        v = np.asarray(values, float)
        return np.zeros(v.shape, bool) if self.value is None else v >= self.value

    def at_least(self, floor: float, reason: str) -> Threshold:
        """Raise to a floor, where the value is below it, and say why.

        Examples
        --------
        >>> Threshold(0.1, "measured", 20).at_least(0.2, "chance")
        Threshold(value=0.2, rule='measured, raised to chance', n=20)
        """
        if self.value is None or self.value >= floor:
            return self
        return Threshold(floor, f"{self.rule}, raised to {reason}", self.n)

    def to_dict(self) -> dict[str, Any]:
        """As plain numbers for a JSON card."""
        return {"value": self.value, "rule": self.rule, "n": self.n}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Threshold:
        """Read what `to_dict` wrote."""
        value = plain["value"]
        return cls(None if value is None else float(value), str(plain["rule"]), int(plain["n"]))


def gain_threshold(
    similarity: ArrayLike,
    unit: ArrayLike,
    label: ArrayLike,
    prediction: ArrayLike,
    means: ArrayLike,
    *,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> Threshold | None:
    """Estimate the similarity below which the model does not beat the means by `MIN_GAIN`.

    Pairs are averaged per unit first, as those of one molecule err together. A non-decreasing curve of the gain
    over the similarity is fitted to the units (weighted by their pairs), and again to resamples of them; the
    threshold is the smallest similarity at which `confidence` of the curves are above zero. Below the least
    similar unit nothing was measured, so the threshold is never lower than that.

    Parameters
    ----------
    similarity
        (n,) of each held-out pair's molecule (or protein) to the nearest one in that fold's training part.
    unit
        (n,) names or numbers of the molecules (or proteins) that the split held out.
    label, prediction, means
        (n,) labels, and what the model and the means said, in the label's unit.
    confidence
        Share of the resampled curves that have to be above zero.
    seed
        Of the resamples.

    Returns
    -------
    Threshold or None
        With the value None where the model is nowhere better with confidence; None altogether for fewer than
        `MIN_UNITS` units.

    Raises
    ------
    InputError
        Unequal lengths, or a value that is not finite.

    References
    ----------
    Barlow et al. (1972) Statistical Inference under Order Restrictions; Sheridan (2012) J. Chem. Inf. Model. 52:814
    (error against similarity); Efron, Tibshirani (1993) An Introduction to the Bootstrap.

    Examples
    --------
    >>> similarity = np.repeat(np.linspace(0.1, 0.9, 40), 5)
    >>> truth = np.tile([5.0, 6.0, 7.0, 8.0, 9.0], 40)
    >>> prediction = np.where(similarity > 0.5, truth, 14 - truth)
    >>> found = gain_threshold(similarity, similarity, truth, prediction, np.full(200, 7.0))
    >>> 0.5 < found.value < 0.6
    True
    """
    require_level(confidence)
    x, y, p, m = (
        finite_vector(values, name)
        for values, name in (
            (similarity, "similarity"), (label, "label"), (prediction, "prediction"), (means, "means"),
        )
    )  # fmt: skip
    units = np.asarray(unit)
    require_same_length(similarity=x, unit=units, label=y, prediction=p, means=m)
    at, gain, weight = _per_unit(x, units, (1 - MIN_GAIN) * (y - m) ** 2 - (y - p) ** 2)
    if len(np.unique(units)) < MIN_UNITS:
        return None
    curves = _resampled_curves(at, gain, weight, np.random.default_rng(seed))
    above = np.quantile(curves, 1 - confidence, axis=0) > 0
    rule = (
        f"from which its squared error is {MIN_GAIN:.0%} below that of the means, with {confidence:.0%} confidence on "
        "held-out data"
    )
    if not above.any():
        return Threshold(None, rule, len(at))
    return Threshold(float(at[np.argmax(above)]), rule, len(at))


def _per_unit(x: Floats, units: NDArray[Any], gain: Floats) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Similarity, mean gain and pairs of each unit, sorted by similarity; one held out at two is two."""
    _, number = np.unique(units, return_inverse=True)
    keys, place = np.unique(np.column_stack([x, number]), axis=0, return_inverse=True)
    weight = np.bincount(place.ravel())
    return keys[:, 0], np.bincount(place.ravel(), gain) / weight, weight


def _resampled_curves(
    at: Floats, gain: Floats, weight: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """(N_RESAMPLES, n_units) non-decreasing fits to units drawn with replacement, read off at every unit."""
    from scipy.optimize import isotonic_regression

    curves = np.empty((N_RESAMPLES, len(at)))
    for row in range(N_RESAMPLES):
        drawn = np.bincount(rng.integers(0, len(at), len(at)), minlength=len(at))
        here = np.flatnonzero(drawn)
        fit = isotonic_regression(gain[here], weights=(drawn * weight)[here].astype(float)).x
        curves[row] = fit[np.maximum(np.searchsorted(here, np.arange(len(at)), side="right") - 1, 0)]
    return curves
