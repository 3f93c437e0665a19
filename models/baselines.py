"""The plain models that are fitted and printed beside every network, which has to beat them."""

from __future__ import annotations

from models.blend import Blend, BlendReport, blend_folds
from models.linear import RidgeRegression
from models.means import DrugTargetMeans
from models.neighbours import NearestNeighbour
from models.pair_model import PairFeatures, PairModel
from models.pairs import PairData
from models.protein import ProteinArrays
from models.trees import GradientBoosting, RandomForest

BASELINES: tuple[type[PairModel], ...] = (
    DrugTargetMeans,
    NearestNeighbour,
    RidgeRegression,
    RandomForest,
    GradientBoosting,
)
"""Fitted beside every network, in the order printed."""


def pair_features(
    pairs: PairData, proteins: ProteinArrays | None = None, *, n_bits: int = 1024
) -> PairFeatures:
    """Features of a table's drugs and targets for the baselines.

    Parameters
    ----------
    pairs
        Their table; its labels are not looked at.
    proteins
        Not needed: the features are those of the sequences.
    n_bits
        Width of the fingerprints.
    """
    return PairFeatures(pairs.smiles, pairs.targets, n_bits=n_bits)


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
    "pair_features",
]
