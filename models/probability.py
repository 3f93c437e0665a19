"""Probabilities that come true as often as they say, and sets of classes that hold the right one.

A network's probability of an interaction is a score. `ProbabilityCalibration` maps it, by held-out pairs, to the
share of pairs with that score that do interact. `ConformalSets` gives the classes that cannot be excluded: one
class is a decision, both mean that the model cannot tell, none that the pair is unlike either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chem.errors import InputError
from models.conformal import OrderStatistics
from models.vectors import Floats, finite_vector, refuse, require_level, require_same_length

Method = Literal["platt", "beta", "isotonic"]
METHODS: tuple[str, ...] = get_args(Method)
_EDGE = 1e-6
"""Scores are kept this far from 0 and 1, so that their logits are finite."""


@dataclass(frozen=True)
class ProbabilityCalibration:
    """Map from a score to a probability, never decreasing.

    Attributes
    ----------
    method
        ``"platt"``: a logistic curve in the score's logit; ``"beta"``: in ln s and -ln(1 - s) each with a slope
        of its own, which holds the identity and skewed maps too; ``"isotonic"``: the best non-decreasing
        steps, for thousands of pairs.
    coefficients
        (3,) slopes of ln s and of -ln(1 - s), and the intercept; empty for isotonic.
    scores, probabilities
        Ends of the isotonic steps, joined linearly; empty for the others.

    Examples
    --------
    >>> calibration = ProbabilityCalibration.fit([0, 0, 1, 1], [0.2, 0.6, 0.4, 0.9], method="isotonic")
    >>> calibration.probability([0.1, 0.5, 0.95]).tolist()
    [0.0, 0.5, 1.0]
    """

    method: Method
    coefficients: Floats
    scores: Floats
    probabilities: Floats

    @classmethod
    def fit(cls, label: ArrayLike, score: ArrayLike, *, method: Method = "beta") -> ProbabilityCalibration:
        """Fit to out-of-fold scores.

        Parameters
        ----------
        label
            (n,) 0 or 1.
        score
            (n,) scores between 0 and 1 of pairs that the model has not seen.
        method
            One of `METHODS`.

        Raises
        ------
        InputError
            Unequal lengths, a label that is not 0 or 1, a score outside 0 to 1, one class alone, no such method.

        References
        ----------
        Platt (1999) Advances in Large Margin Classifiers 61 (with its smoothed targets); Kull, Silva Filho, Flach
        (2017) AISTATS 54:623 (beta); Zadrozny, Elkan (2002) KDD 694 (isotonic).
        """
        y, s = finite_vector(label, "label"), finite_vector(score, "score")
        require_same_length(label=y, score=s)
        refuse((y != 0) & (y != 1), y, "label", "0 or 1")
        refuse((s < 0) | (s > 1), s, "score", "a number from 0 to 1")
        if len(np.unique(y)) < 2:
            found = f"the class {y[0]:g} alone" if len(y) else "no pair"
            raise InputError(f"there is {found}", field="label", expected="pairs of both classes")
        if method not in METHODS:
            raise InputError(f"no calibration is called {method!r}", expected=f"one of {', '.join(METHODS)}")
        none = np.zeros(0)
        if method == "isotonic":
            return cls(method, none, *_isotonic(y, s))
        return cls(method, _logistic(y, s, tied=method == "platt"), none, none)

    def probability(self, score: ArrayLike) -> Floats:
        """(n,) calibrated probabilities of the class 1; NaN where the score is."""
        s = np.asarray(score, float)
        if self.method == "isotonic":
            return np.interp(s, self.scores, self.probabilities)
        from scipy.special import expit

        return np.asarray(expit(_features(s) @ self.coefficients), float)

    def to_dict(self) -> dict[str, Any]:
        """As plain numbers for a JSON card."""
        return {
            "method": self.method,
            "coefficients": self.coefficients.tolist(),
            "scores": self.scores.tolist(),
            "probabilities": self.probabilities.tolist(),
        }

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> ProbabilityCalibration:
        """Read what `to_dict` wrote."""
        arrays = [np.array(plain[name], float) for name in ("coefficients", "scores", "probabilities")]
        return cls(plain["method"], *arrays)


def _features(score: Floats) -> Floats:
    s = np.clip(score, _EDGE, 1 - _EDGE)
    return np.column_stack([np.log(s), -np.log1p(-s), np.ones(len(s))])


def _logistic(label: Floats, score: Floats, *, tied: bool) -> Floats:
    """Most likely slopes, 0 or more, and intercept; `tied` slopes are one slope of the logit."""
    from scipy.optimize import minimize
    from scipy.special import expit

    features = _features(score)
    if tied:
        features = np.column_stack([features[:, 0] + features[:, 1], features[:, 2]])
    target = label
    if tied:  # Platt's targets: what the rule of succession says of each class, so no slope is infinite
        n_positive, n_negative = label.sum(), (1 - label).sum()
        target = np.where(label == 1, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))

    def loss(weights: Floats) -> tuple[float, Floats]:
        logit = features @ weights
        value = np.mean(np.logaddexp(0, logit) - target * logit)
        return float(value), features.T @ (expit(logit) - target) / len(target)

    n_slopes = features.shape[1] - 1
    start = np.r_[np.ones(n_slopes), 0.0]
    # A slope of 1,000 is a step: classes that the score separates have no finite best one.
    bounds = [(0.0, 1e3)] * n_slopes + [(-1e4, 1e4)]
    found = minimize(
        loss, start, jac=True, bounds=bounds, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-10}
    )
    return np.r_[found.x[0], found.x] if tied else np.asarray(found.x, float)


def _isotonic(label: Floats, score: Floats) -> tuple[Floats, Floats]:
    """Pooled adjacent violators: first and last score of each step, and its share of ones."""
    from scipy.optimize import isotonic_regression

    values, place, counts = np.unique(score, return_inverse=True, return_counts=True)
    share = np.bincount(place, label) / counts
    steps = isotonic_regression(share, weights=counts).x
    ends = np.ones(len(steps), dtype=bool)
    ends[1:-1] = (steps[1:-1] != steps[:-2]) | (steps[1:-1] != steps[2:])
    return values[ends], steps[ends]


@dataclass(frozen=True)
class ConformalSets:
    """Sets of classes, each class calibrated on its own pairs.

    Attributes
    ----------
    strangeness
        Per class, one minus the probability given to it, of the calibration pairs that belong to it.

    References
    ----------
    Vovk, Gammerman, Shafer (2005) ch. 4 (label-conditional); Sadinle, Lei, Wasserman (2019) JASA 114:223 (least
    ambiguous sets).

    Examples
    --------
    >>> label = [0] * 20 + [1] * 20
    >>> probability = [0.1] * 18 + [0.4] * 2 + [0.9] * 17 + [0.6] * 3
    >>> ConformalSets.fit(label, probability).sets([0.05, 0.5, 0.95], level=0.8).astype(int).tolist()
    [[1, 0], [0, 0], [0, 1]]
    """

    strangeness: tuple[OrderStatistics, ...]

    @classmethod
    def fit(cls, label: ArrayLike, probability: ArrayLike) -> ConformalSets:
        """Calibrate on out-of-fold probabilities.

        Parameters
        ----------
        label
            (n,) classes, numbered from 0.
        probability
            (n, n_classes), or (n,) of the class 1.

        Raises
        ------
        InputError
            Unequal lengths, a label that is no class, a probability outside 0 to 1.
        """
        y, table = finite_vector(label, "label"), _table(probability)
        require_same_length(label=y, probability=table)
        n_classes = table.shape[1]
        refuse(~np.isin(y, np.arange(n_classes)), y, "label", f"a class from 0 to {n_classes - 1}")
        refuse(np.asarray(np.isnan(table).any(axis=1)), table, "probability", "a number from 0 to 1")
        return cls(tuple(OrderStatistics.of(1 - table[y == k, k]) for k in range(n_classes)))

    def sets(self, probability: ArrayLike, level: float = 0.9) -> NDArray[np.bool_]:
        """Classes of which an exchangeable pair's own is one with probability `level` or more, in every class.

        Parameters
        ----------
        probability
            (n, n_classes), or (n,) of the class 1.
        level
            Coverage asked for.

        Returns
        -------
        NDArray[np.bool_]
            (n, n_classes). A class with too few calibration pairs is in every set, and so is every class
            where the probability is NaN.

        Raises
        ------
        InputError
            Another number of classes, a probability outside 0 to 1, a level outside 0 to 1.
        """
        require_level(level)
        table = _table(probability)
        if table.shape[1] != len(self.strangeness):
            raise InputError(
                f"probabilities of {table.shape[1]} classes", field="probability",
                expected=f"of {len(self.strangeness)}",
            )  # fmt: skip
        bounds = np.array([part.bound(level) for part in self.strangeness])
        return ~(1 - table > bounds)

    def to_dict(self) -> dict[str, Any]:
        """As plain numbers for a JSON card; distances are rounded up."""
        return {"strangeness": [part.to_dict() for part in self.strangeness]}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> ConformalSets:
        """Read what `to_dict` wrote."""
        return cls(tuple(OrderStatistics.from_dict(part) for part in plain["strangeness"]))


def _table(probability: ArrayLike) -> Floats:
    """(n, n_classes) probabilities; a single column is the class 1 of two."""
    table = np.asarray(probability, float)
    if table.ndim == 1:
        table = np.column_stack([1 - table, table])
    if table.ndim != 2:
        raise InputError(f"has {table.ndim} axes", field="probability", expected="one row per pair")
    refuse(np.asarray(((table < 0) | (table > 1)).any(axis=1)), table, "probability", "numbers from 0 to 1")
    return table
