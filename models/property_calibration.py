"""What held-out predictions tell of one property: weights of the models, intervals, error and domain.

Models are blended by weights that fit the held-out labels best; in every figure the weights of a fold come from the
other folds. Intervals are conformal, scaled by the expected error and calibrated in bins of the similarity to the
nearest training molecule. The domain begins where the blend is better than the mean (`models.domain_threshold`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from models.blend import convex_weights
from models.conformal import MIN_POINTS
from models.coverage import count_coverage
from models.domain_threshold import Threshold, gain_threshold
from models.intervals import Intervals, cross_conformal, similarity_group
from models.pair_model import Task

Array = NDArray[np.float64]
EDGES = (0.3, 0.4, 0.5, 0.6, 0.7)
"""Of the bins of similarity; those with too few molecules are joined."""
MIN_WEIGHT = 0.02
"""Of a model in the blend: a smaller one is 0."""
MIN_OF_SCAFFOLD = 20
"""Molecules of a scaffold whose coverage is counted by itself."""
_N_BINS = 3


@dataclass(frozen=True)
class HeldOutProperty:
    """Predictions of the molecules that have a label, each by models that had not seen it.

    Attributes
    ----------
    label
        (n,) in the label's unit, or 0 and 1.
    fold
        (n,) in which each was held out.
    predictions
        (n,) by model.
    means
        (n,) what the mean of the training labels said.
    similarity
        (n,) to the nearest molecule of the training folds with this label.
    spread
        (n,) expected errors, or None.
    scaffold
        (n,) SMILES of the scaffolds, or None where they are not told apart.
    """

    label: Array
    fold: NDArray[np.int64]
    predictions: Mapping[str, Array]
    means: Array
    similarity: Array
    spread: Array | None = None
    scaffold: NDArray[np.object_] | None = None


@dataclass(frozen=True)
class PropertyEndpoint:
    """One property of a trained model: how its models are blended, and how far that can be trusted.

    Attributes
    ----------
    name, task
        Of the label.
    n
        Molecules it was measured of.
    weights
        Of the models, with sum 1.
    intervals
        Calibrated on held-out molecules.
    edges
        Bins of similarity in which they are.
    sd
        Standard deviation of the held-out errors.
    sd_factor
        That of one molecule, in units of its expected error.
    threshold
        Similarity from which a molecule is in the domain; None where too few molecules tell.
    elements
        Of the molecules it was measured of; a molecule with another is outside the domain. None where unknown.
    """

    name: str
    task: Task
    n: int
    weights: dict[str, float]
    intervals: Intervals
    edges: tuple[float, ...]
    sd: float
    sd_factor: float
    threshold: Threshold | None
    elements: frozenset[str] | None = None

    @classmethod
    def fit(
        cls, name: str, task: Task, held_out: HeldOutProperty, elements: frozenset[str] | None = None
    ) -> Self:
        """Learn from what was held out."""
        prediction = nested_blend(held_out)
        edges = similarity_edges(held_out.similarity)
        group = _group(held_out.similarity, edges)
        intervals = Intervals.fit(held_out.label, prediction, held_out.spread, group, n_bins=_N_BINS)
        sd = float(np.sqrt(np.mean((held_out.label - prediction) ** 2)))
        factor = 1.0
        if intervals.scale is not None:
            scale = intervals.scale.scale(prediction, held_out.spread)
            factor = sd / float(np.sqrt(np.mean(scale**2)))
        threshold = gain_threshold(
            held_out.similarity, np.arange(len(prediction)), held_out.label, prediction, held_out.means
        )
        return cls(
            name, task, len(prediction), blend_weights(held_out.predictions, held_out.label), intervals, edges,
            sd, factor, threshold, elements,
        )  # fmt: skip

    def bounds(
        self, prediction: Array, similarity: Array, spread: Array | None, level: float
    ) -> tuple[Array, Array]:
        """Interval of each prediction, (n,) each; of classes within 0 and 1."""
        used = spread if self.intervals.scale is not None else None
        lower, upper = self.intervals.interval(prediction, level, used, _group(similarity, self.edges))
        # A prediction below the limit of an assay still stands inside its interval.
        lower, upper = np.minimum(lower, prediction), np.maximum(upper, prediction)
        if self.task == "classification":
            lower, upper = np.clip(lower, 0, 1), np.clip(upper, 0, 1)
        return lower, upper

    def error(self, prediction: Array, spread: Array | None) -> Array:
        """(n,) standard deviation of the error that is expected of each prediction."""
        if self.intervals.scale is None:
            return np.where(np.isnan(prediction), np.nan, self.sd)
        return np.asarray(self.sd_factor * self.intervals.scale.scale(prediction, spread))

    def to_dict(self) -> dict[str, Any]:
        """As plain numbers for a JSON card."""
        return {
            "name": self.name, "task": self.task, "n": self.n, "weights": self.weights,
            "intervals": self.intervals.to_dict(), "edges": list(self.edges), "sd": self.sd,
            "sd_factor": self.sd_factor,
            "threshold": None if self.threshold is None else self.threshold.to_dict(),
            "elements": None if self.elements is None else sorted(self.elements),
        }  # fmt: skip

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote."""
        threshold, elements = plain["threshold"], plain.get("elements")
        return cls(
            str(plain["name"]), plain["task"], int(plain["n"]), dict(plain["weights"]),
            Intervals.from_dict(plain["intervals"]), tuple(plain["edges"]), float(plain["sd"]),
            float(plain["sd_factor"]), None if threshold is None else Threshold.from_dict(threshold),
            None if elements is None else frozenset(elements),
        )  # fmt: skip


def blend_weights(predictions: Mapping[str, Array], label: Array) -> dict[str, float]:
    """Weights from 0, with sum 1, of least squared error; those below `MIN_WEIGHT` are 0.

    Examples
    --------
    >>> label = np.array([1.0, 2.0, 3.0])
    >>> blend_weights({"a": label + 1, "b": label - 1}, label)
    {'a': 0.5, 'b': 0.5}
    """
    found = convex_weights(np.column_stack(list(predictions.values())), label)
    found = np.where(found < MIN_WEIGHT, 0, found)
    return dict(zip(predictions, np.round(found / found.sum(), 6).tolist(), strict=True))


def nested_blend(held_out: HeldOutProperty) -> Array:
    """(n,) blend of held-out predictions, the weights of each fold found on the other folds."""
    blended = np.empty(len(held_out.label))
    for number in np.unique(held_out.fold):
        here = held_out.fold == number
        others = ~here if not here.all() else here
        told = {name: values[others] for name, values in held_out.predictions.items()}
        weights = blend_weights(told, held_out.label[others])
        blended[here] = sum(weight * held_out.predictions[name][here] for name, weight in weights.items())
    return blended


def property_coverage(held_out: HeldOutProperty, level: float = 0.9) -> pd.DataFrame:
    """How often intervals hold the label, those of each fold calibrated on the other folds.

    Returns
    -------
    pandas.DataFrame
        As `models.coverage.count_coverage`: all molecules, by similarity to the nearest training molecule, by fold,
        and by scaffold, those of fewer than `MIN_OF_SCAFFOLD` molecules together.
    """
    prediction = nested_blend(held_out)
    edges = similarity_edges(held_out.similarity)
    lower, upper = cross_conformal(
        held_out.label, prediction, held_out.fold, level, spread=held_out.spread,
        group=_group(held_out.similarity, edges), n_bins=_N_BINS,
    )  # fmt: skip
    bins: dict[str, ArrayLike] = {"similarity": similarity_group(held_out.similarity), "fold": held_out.fold}
    if held_out.scaffold is not None:
        bins["scaffold"] = _frequent(held_out.scaffold)
    return count_coverage(held_out.label, lower, upper, bins, level=level)


def _frequent(scaffold: NDArray[np.object_]) -> NDArray[np.object_]:
    """Scaffolds, those of few molecules by one name."""
    _, which, count = np.unique(scaffold.astype(str), return_inverse=True, return_counts=True)
    frequent = count[which.reshape(-1)] >= MIN_OF_SCAFFOLD
    return np.where(frequent, scaffold, f"each of fewer than {MIN_OF_SCAFFOLD} molecules")


def similarity_edges(similarity: Array) -> tuple[float, ...]:
    """Bounds of bins of similarity that hold `MIN_POINTS` molecules or more; none where there are too few.

    Examples
    --------
    >>> similarity_edges(np.linspace(0.2, 0.7, 500))
    (0.3, 0.4, 0.5, 0.6)
    >>> similarity_edges(np.linspace(0.2, 0.7, 50))
    ()
    """
    edges: list[float] = []
    left = np.sort(similarity)
    for edge in EDGES:
        below = int(np.searchsorted(left, edge))
        if below >= MIN_POINTS and len(left) - below >= MIN_POINTS:
            edges.append(edge)
            left = left[below:]
    return tuple(edges)


def _group(similarity: Array, edges: tuple[float, ...]) -> list[str] | None:
    return similarity_group(similarity, edges) if edges else None
