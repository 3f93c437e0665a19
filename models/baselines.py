"""Plain models that every network has to beat, behind one interface.

Each is fitted on training pairs and predicts pairs over the same drug and target tables. Features are the
Morgan fingerprint of the molecule and the composition and flags of the protein.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chem.fingerprint import morgan_fingerprints, tanimoto
from models.pairs import PairData
from models.protein import ProteinArrays


@dataclass(frozen=True)
class PairFeatures:
    """Features of the distinct drugs and targets of a pair table.

    Attributes
    ----------
    fingerprints
        (n_drugs, n_bits) uint8 Morgan bits.
    proteins
        (n_targets, 423) float32 composition and flags.
    """

    fingerprints: NDArray[np.uint8]
    proteins: NDArray[np.float32]

    def rows(self, pairs: PairData) -> NDArray[np.float32]:
        """One row of features per pair, (n_pairs, n_bits + 423) float32."""
        return np.hstack([self.fingerprints[pairs.drug].astype(np.float32), self.proteins[pairs.target]])


def pair_features(pairs: PairData, proteins: ProteinArrays, *, n_bits: int = 1024) -> PairFeatures:
    """Features for the baselines of one endpoint."""
    return PairFeatures(
        morgan_fingerprints(pairs.smiles, n_bits=n_bits),
        np.hstack([proteins.composition * 10, proteins.flags]).astype(np.float32),
    )


class Baseline(ABC):
    """A model of one endpoint.

    Parameters
    ----------
    seed
        Seed of what is random in it.
    """

    name: str

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    @abstractmethod
    def fit(self, pairs: PairData, features: PairFeatures) -> None:
        """Fit to labelled pairs."""

    @abstractmethod
    def predict(self, pairs: PairData, features: PairFeatures) -> NDArray[np.float64]:
        """(n_pairs,) predictions in the label's unit."""


class DrugTargetMeans(Baseline):
    """Mean of the drug plus mean of the target minus the grand mean; an unseen one counts as average."""

    name = "means"

    def fit(self, pairs: PairData, features: PairFeatures) -> None:
        """Average the training labels."""
        self.grand = float(pairs.label.mean())
        self.drug = _means(pairs.drug, pairs.label, len(pairs.smiles), self.grand)
        self.target = _means(pairs.target, pairs.label, len(pairs.targets), self.grand)

    def predict(self, pairs: PairData, features: PairFeatures) -> NDArray[np.float64]:
        """Add the two effects."""
        return self.drug[pairs.drug] + self.target[pairs.target] - self.grand


def _means(
    index: NDArray[np.int64], label: NDArray[np.float64], n: int, default: float
) -> NDArray[np.float64]:
    count = np.bincount(index, minlength=n)
    total = np.bincount(index, weights=label, minlength=n)
    return np.where(count > 0, total / np.maximum(count, 1), default)


class NearestNeighbour(Baseline):
    """Labels of the same target, weighted by the cube of the Tanimoto similarity of their drugs.

    The classic similarity search; a target without labels gets the drug's weighted mean over all targets.
    """

    name = "nearest_neighbour"

    def fit(self, pairs: PairData, features: PairFeatures) -> None:
        """Keep the training labels as a drug x target table."""
        shape = (len(pairs.smiles), len(pairs.targets))
        self.total, self.count = np.zeros(shape), np.zeros(shape)
        np.add.at(self.total, (pairs.drug, pairs.target), pairs.label)
        np.add.at(self.count, (pairs.drug, pairs.target), 1.0)
        self.grand = float(pairs.label.mean())

    def predict(self, pairs: PairData, features: PairFeatures) -> NDArray[np.float64]:
        """Average over similar drugs, with a weak pull to the target's mean."""
        drugs, place = np.unique(pairs.drug, return_inverse=True)
        weight = tanimoto(features.fingerprints[drugs], features.fingerprints).astype(np.float64) ** 3
        target_mean = (self.total.sum(0) + self.grand) / (self.count.sum(0) + 1)
        prior = 0.1
        estimate = (weight @ self.total + prior * target_mean) / (weight @ self.count + prior)
        return estimate[place, pairs.target]


class RidgeRegression(Baseline):
    """Ridge on fingerprint and composition."""

    name = "ridge"

    def fit(self, pairs: PairData, features: PairFeatures) -> None:
        """Solve the normal equations."""
        from sklearn.linear_model import Ridge

        self.model = Ridge(alpha=10.0, solver="cholesky")
        self.model.fit(features.rows(pairs), pairs.label)

    def predict(self, pairs: PairData, features: PairFeatures) -> NDArray[np.float64]:
        """Linear prediction."""
        return np.asarray(self.model.predict(features.rows(pairs)), float)


class RandomForest(Baseline):
    """Random forest on fingerprint and composition."""

    name = "random_forest"

    def fit(self, pairs: PairData, features: PairFeatures) -> None:
        """Grow 60 trees, each on at most 20,000 pairs."""
        from sklearn.ensemble import RandomForestRegressor

        self.model = RandomForestRegressor(
            n_estimators=60, max_features=0.15, min_samples_leaf=2,
            max_samples=min(1.0, 20_000 / len(pairs)), random_state=self.seed, n_jobs=1,
        )  # fmt: skip
        self.model.fit(features.rows(pairs), pairs.label)

    def predict(self, pairs: PairData, features: PairFeatures) -> NDArray[np.float64]:
        """Mean of the trees."""
        return np.asarray(self.model.predict(features.rows(pairs)), float)


BASELINES: tuple[type[Baseline], ...] = (DrugTargetMeans, NearestNeighbour, RidgeRegression, RandomForest)
"""Fitted beside every network."""
