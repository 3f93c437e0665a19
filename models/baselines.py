"""The plain models that are fitted and printed beside every network, which has to beat them."""

from __future__ import annotations

from models.blend import Blend, BlendReport, blend_folds
from models.linear import RidgeRegression
from models.means import DrugTargetMeans
from models.neighbours import NearestNeighbour
from models.pair_model import PairFeatures, PairModel
from models.trees import GradientBoosting, RandomForest

BASELINES: tuple[type[PairModel], ...] = (
    DrugTargetMeans,
    NearestNeighbour,
    RidgeRegression,
    RandomForest,
    GradientBoosting,
)
"""Fitted beside every network, in the order printed."""


__all__ = [
    "BASELINES",
    "Blend",
    "BlendReport",
    "DrugTargetMeans",
    "GradientBoosting",
    "NearestNeighbour",
    "PairFeatures",
    "PairModel",
    "RandomForest",
    "RidgeRegression",
    "blend_folds",
]
