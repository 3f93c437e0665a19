"""Plain models of molecular properties, each label on its own: trees, a forest, ridge, the nearest molecule, means.

Trees, forest and ridge read RDKit's descriptors (as signed logarithms) beside the Morgan bits that are neither rare
nor everywhere in the training molecules.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from chem.errors import InputError
from models.domain_similarity import tanimoto
from models.pair_columns import part_of
from models.pair_model import Task, smoothed_rate
from models.property_features import MoleculeFeatures
from models.property_protocol import Labels, PropertyModel
from models.property_reference import require_arrays
from models.tree_arrays import TreeArrays

MIN_SHARE = 0.01
"""Share of the training molecules that have, or lack, a bit which is read."""
_PENALTIES = np.geomspace(1, 1e5, 11)
_AT_ONCE = 512


class Fitted(Protocol):
    """One label's fitted model."""

    def predict(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n,) predictions."""
        ...

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Everything by name."""
        ...


class LabelByLabel(PropertyModel):
    """A model of descriptors and bits for each label.

    Attributes
    ----------
    columns
        Of descriptors, then bits, that are read.
    fitted
        One for each label.
    """

    def _fit(self, molecules: MoleculeFeatures, labels: Labels) -> None:
        self.columns = _chosen_columns(molecules)
        rows = _rows(molecules, self.columns)
        self.fitted: list[Fitted] = []
        for column, task in enumerate(self.tasks):
            there = ~np.isnan(labels[:, column])
            label = labels[there, column]
            if np.ptp(label) == 0:
                level = smoothed_rate(label) if task == "classification" else float(label[0])
                self.fitted.append(self._constant(level, rows.shape[1]))
            else:
                self.fitted.append(self._one(rows[there], label, task))

    def predict(self, molecules: MoleculeFeatures) -> Labels:
        """(n, n_labels) predictions."""
        rows = _rows(molecules, self.columns)
        told = np.column_stack([model.predict(rows) for model in self.fitted])
        # A forest's shares are float32, and their sum can be a rounding error above 1.
        return np.where([task == "classification" for task in self.tasks], np.clip(told, 0, 1), told)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Columns and models by name."""
        arrays: dict[str, NDArray[Any]] = {"columns": self.columns.astype(np.int32)}
        for number, model in enumerate(self.fitted):
            arrays |= {f"{number}.{name}": array for name, array in model.to_arrays().items()}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], tasks: Sequence[Task]) -> Self:
        """Read what `to_arrays` wrote.

        Raises
        ------
        InputError
            An array is missing, or they do not fit together.
        """
        require_arrays(arrays, ["columns"])
        model = cls(tasks)
        model.columns = arrays["columns"].astype(np.int64)
        model.fitted = [cls._read(part_of(arrays, str(number))) for number in range(len(tasks))]
        return model

    @abstractmethod
    def _one(self, rows: NDArray[np.float32], label: NDArray[np.float64], task: Task) -> Fitted:
        """Fit a label that varies."""

    @staticmethod
    @abstractmethod
    def _constant(level: float, width: int) -> Fitted:
        """Predict one value."""

    @staticmethod
    @abstractmethod
    def _read(arrays: Mapping[str, NDArray[Any]]) -> Fitted:
        """Read a label's model."""


class _Trees(LabelByLabel):
    def _one(self, rows: NDArray[np.float32], label: NDArray[np.float64], task: Task) -> Fitted:
        return TreeArrays.of(self.estimator(task).fit(rows, label))

    @abstractmethod
    def estimator(self, task: Task) -> Any:
        """An unfitted scikit-learn estimator."""

    @staticmethod
    def _constant(level: float, width: int) -> Fitted:
        return TreeArrays.constant(level, width)

    @staticmethod
    def _read(arrays: Mapping[str, NDArray[Any]]) -> Fitted:
        return TreeArrays.from_arrays(arrays)


class BoostedTrees(_Trees):
    """Gradient boosting of 400 trees on histograms.

    References
    ----------
    Friedman, J. H. (2001) Ann. Stat. 29:1189. Ke, G. et al. (2017) NeurIPS 30 (histograms).

    Examples
    --------
    >>> molecules = MoleculeFeatures(["C" * n + "O" for n in range(1, 41)])
    >>> model = BoostedTrees(["regression"])
    >>> model.fit(molecules, np.arange(40.0)[:, None])
    >>> bool(15 < model.predict(MoleculeFeatures(["C" * 20 + "O"]))[0, 0] < 23)
    True
    """

    name: ClassVar[str] = "boosted_trees"

    def estimator(self, task: Task) -> Any:
        """Shrunken trees on a fifth of the columns each split; no molecule is set aside to stop early."""
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        make = HistGradientBoostingClassifier if task == "classification" else HistGradientBoostingRegressor
        return make(
            learning_rate=0.05, max_iter=400, max_features=0.2, min_samples_leaf=10, l2_regularization=1.0,
            early_stopping=False, random_state=self.seed,
        )  # fmt: skip


class PropertyForest(_Trees):
    """Random forest of 150 trees.

    References
    ----------
    Breiman, L. (2001) Mach. Learn. 45:5.
    """

    name: ClassVar[str] = "random_forest"

    def estimator(self, task: Task) -> Any:
        """Full-grown trees, a tenth of the columns tried at each split; probabilities want larger leaves."""
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        classes = task == "classification"
        make = RandomForestClassifier if classes else RandomForestRegressor
        return make(
            n_estimators=150, max_features=0.1, min_samples_leaf=3 if classes else 1, random_state=self.seed
        )


@dataclass(frozen=True)
class _Linear:
    """A weighted sum of standardised columns; probabilities are cut at 0 and 1."""

    centre: NDArray[np.float64]
    weight: NDArray[np.float64]
    level: NDArray[np.float64]

    def predict(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        filled = np.where(np.isnan(rows), self.centre, rows) - self.centre
        level, lowest, highest = self.level
        return np.asarray(np.clip(level + filled @ self.weight, lowest, highest))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        return {"centre": self.centre, "weight": self.weight, "level": self.level}


class PropertyRidge(LabelByLabel):
    """Ridge regression, its penalty of least leave-one-out error; of classes on 0 and 1, cut at these.

    Predictions stay within the span of the training labels.

    References
    ----------
    Hoerl, A. E., Kennard, R. W. (1970) Technometrics 12:55.
    """

    name: ClassVar[str] = "ridge"

    def _one(self, rows: NDArray[np.float32], label: NDArray[np.float64], task: Task) -> Fitted:
        from sklearn.linear_model import RidgeCV

        there = ~np.isnan(rows)
        centre = np.where(there, rows, 0).sum(axis=0, dtype=float) / np.maximum(there.sum(axis=0), 1)
        filled = np.where(there, rows, centre) - centre
        sd = np.sqrt((filled**2).mean(axis=0))
        scale = np.divide(1, sd, out=np.zeros_like(sd), where=sd > 1e-6)
        fitted = RidgeCV(alphas=_PENALTIES).fit(filled * scale, label)
        level = np.array([fitted.intercept_, label.min(), label.max()])
        return _Linear(centre, np.ascontiguousarray(fitted.coef_ * scale), level)

    @staticmethod
    def _constant(level: float, width: int) -> Fitted:
        return _Linear(np.zeros(width), np.zeros(width), np.full(3, level))

    @staticmethod
    def _read(arrays: Mapping[str, NDArray[Any]]) -> Fitted:
        require_arrays(arrays, ["centre", "weight", "level"])
        return _Linear(arrays["centre"], arrays["weight"], arrays["level"])


class NearestMolecule(PropertyModel):
    """The label of the most similar training molecule that has one, by Tanimoto similarity of Morgan bits.

    Examples
    --------
    >>> model = NearestMolecule(["regression"])
    >>> model.fit(MoleculeFeatures(["CCCCO", "c1ccccc1"]), np.array([[1.0], [5.0]]))
    >>> model.predict(MoleculeFeatures(["CCCCCO", "Cc1ccccc1"])).ravel().tolist()
    [1.0, 5.0]
    """

    name: ClassVar[str] = "nearest"

    def _fit(self, molecules: MoleculeFeatures, labels: Labels) -> None:
        self.bits, self.labels = molecules.bits, labels

    def predict(self, molecules: MoleculeFeatures) -> Labels:
        """(n, n_labels) labels of the nearest."""
        result = np.empty((len(molecules), len(self.tasks)))
        for start in range(0, len(molecules), _AT_ONCE):
            similarity = tanimoto(molecules.bits[start : start + _AT_ONCE], self.bits)
            for column in range(len(self.tasks)):
                there = np.flatnonzero(~np.isnan(self.labels[:, column]))
                nearest = there[similarity[:, there].argmax(axis=1)]
                result[start : start + len(similarity), column] = self.labels[nearest, column]
        return result

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Packed bits and labels."""
        return {"bits": np.packbits(self.bits, axis=1), "labels": np.ascontiguousarray(self.labels)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], tasks: Sequence[Task]) -> Self:
        """Read what `to_arrays` wrote."""
        require_arrays(arrays, ["bits", "labels"])
        model = cls(tasks)
        model.bits, model.labels = np.unpackbits(arrays["bits"], axis=1), arrays["labels"]
        return model


class PropertyMeans(PropertyModel):
    """The mean of the training labels; of classes the smoothed rate."""

    name: ClassVar[str] = "means"

    def _fit(self, molecules: MoleculeFeatures, labels: Labels) -> None:
        columns = [label[~np.isnan(label)] for label in labels.T]
        self.level = np.array([
            smoothed_rate(label) if task == "classification" else label.mean()
            for label, task in zip(columns, self.tasks, strict=True)
        ])  # fmt: skip

    def predict(self, molecules: MoleculeFeatures) -> Labels:
        """(n, n_labels), the same for every molecule."""
        return np.tile(self.level, (len(molecules), 1))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The means."""
        return {"level": self.level}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], tasks: Sequence[Task]) -> Self:
        """Read what `to_arrays` wrote."""
        require_arrays(arrays, ["level"])
        if arrays["level"].shape != (len(tasks),):
            raise InputError(
                f"means of shape {arrays['level'].shape}", field="level", expected=f"({len(tasks)},)"
            )
        model = cls(tasks)
        model.level = arrays["level"]
        return model


PROPERTY_BASELINES = (PropertyMeans, NearestMolecule, PropertyRidge, PropertyForest, BoostedTrees)
"""Every plain model."""


def _chosen_columns(molecules: MoleculeFeatures) -> NDArray[np.int64]:
    """Descriptors that differ between some molecules, then bits that are neither rare nor everywhere."""
    blocks = _descriptors(molecules)
    there = np.isfinite(blocks)
    low = np.where(there, blocks, np.inf).min(axis=0)
    high = np.where(there, blocks, -np.inf).max(axis=0)
    share = molecules.bits.mean(axis=0)
    common = np.flatnonzero((share >= MIN_SHARE) & (share <= 1 - MIN_SHARE))
    return np.concatenate([np.flatnonzero(high > low), blocks.shape[1] + common]).astype(np.int64)


def _rows(molecules: MoleculeFeatures, columns: NDArray[np.int64]) -> NDArray[np.float32]:
    blocks = _descriptors(molecules)
    n = blocks.shape[1]
    of_bits = molecules.bits[:, columns[columns >= n] - n].astype(np.float32)
    return np.hstack([blocks[:, columns[columns < n]], of_bits])


def _descriptors(molecules: MoleculeFeatures) -> NDArray[np.float32]:
    values = molecules.descriptors
    logs = np.sign(values) * np.log1p(np.abs(values))
    return np.where(np.isfinite(logs), logs, np.nan).astype(np.float32)
