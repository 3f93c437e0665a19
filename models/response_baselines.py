"""The plain models that are fitted and printed beside every response network, which has to beat them.

Their protocol stands in `models.response_protocol`, the linear ones in `models.response_linear`.
"""

from __future__ import annotations

import numpy as np

from chem.errors import InputError
from models.response_linear import AnovaRidge, ElasticNet, KernelRidge
from models.response_parts import Features, FeatureScale, Matrix, ResponseParts
from models.response_protocol import ResponseBaseline


class CompoundMeans(ResponseBaseline):
    """The mean of every compound over the training lines, for every line: it knows nothing of the line."""

    name = "means"

    def _learn(self, targets: Matrix, features: Features) -> None: ...

    def _told(self, features: Features) -> Matrix:
        return np.zeros((len(features), len(self.parts.compound_means) + 1))


class ResponseForest(ResponseBaseline):
    """One random forest for all compounds: a leaf holds the interactions of its lines with all of them.

    What was not measured counts as no interaction.

    Parameters
    ----------
    n_trees, max_features, min_lines
        Trees, share of the features that a split may choose from, and lines of a leaf.
    seed
        Of the trees.

    References
    ----------
    Breiman, L. (2001) Machine Learning 45:5.
    """

    name = "random_forest"

    def __init__(
        self, n_trees: int = 300, max_features: float = 0.15, min_lines: int = 3, seed: int = 0
    ) -> None:
        super().__init__(seed)
        self.n_trees, self.max_features, self.min_lines = n_trees, max_features, min_lines

    def _learn(self, targets: Matrix, features: Features) -> None:
        from sklearn.ensemble import RandomForestRegressor

        there = ~np.isnan(targets)
        filled = np.where(there, targets, 0.0)
        sd = np.sqrt((filled**2).sum(axis=0) / np.maximum(there.sum(axis=0), 1))
        self.sd = np.where(sd > 0, sd, 1.0)
        self.scale = FeatureScale.fit(features, standardised=np.zeros(features.shape[1], bool))
        self.forest = RandomForestRegressor(
            self.n_trees,
            max_features=self.max_features,
            min_samples_leaf=self.min_lines,
            random_state=self.seed,
        )
        if not len(self.scale.used):
            raise InputError(
                "no feature differs between the training lines", field="features", expected="one that does"
            )
        self.forest.fit(self.scale(features), filled / self.sd)

    def _told(self, features: Features) -> Matrix:
        return np.asarray(self.forest.predict(self.scale(features)) * self.sd)


RESPONSE_BASELINES: tuple[type[ResponseBaseline], ...] = (
    CompoundMeans,
    KernelRidge,
    ElasticNet,
    AnovaRidge,
    ResponseForest,
)
"""Fitted beside every network, in the order printed."""

__all__ = [
    "RESPONSE_BASELINES",
    "AnovaRidge",
    "CompoundMeans",
    "ElasticNet",
    "KernelRidge",
    "ResponseBaseline",
    "ResponseForest",
    "ResponseParts",
]
