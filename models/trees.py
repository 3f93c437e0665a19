"""Random forest and gradient boosting on fingerprints, descriptors and sequence composition.

A table of pairs has far fewer drugs and targets than rows, so more than a thousand columns hold no more than a few
dozen directions: the trees read the principal components of the drugs' and of the targets' columns, found on
the training rows alone. On a fold of KIBA, 200 boosted trees had the same error (0.248) on 128 components as on
the 393 columns of greatest variance, in a fifth of the time.

What is fitted is kept as arrays (`models.tree_arrays`), and these predict: a model that was stored and read again is
the model that was fitted, without scikit-learn.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from chem.errors import InputError
from models.pair_columns import PairColumns, part_of
from models.pair_model import PairFeatures, PairModel, Task, smoothed_rate, training_labels
from models.pairs import PairData
from models.tree_arrays import TreeArrays

_AXES = ("drug_axes", "target_axes")
_N_COMPONENTS = 64
_ROWS_AT_ONCE = 50_000


class TreeModel(PairModel):
    """What the two share: their columns, and the case of one class alone.

    Where training holds one class, the smoothed rate is predicted for every pair.
    """

    @abstractmethod
    def estimator(self, n_rows: int) -> Any:
        """An unfitted scikit-learn estimator for so many training rows."""

    def fit(self, pairs: PairData, features: PairFeatures) -> None:
        """Grow the trees."""
        label = training_labels(pairs, self.task)
        with self.threads():
            self.components = PairComponents(pairs, features)
            if self.task == "classification" and np.ptp(label) == 0:
                self.trees = TreeArrays.constant(smoothed_rate(label), self.components.width)
                return
            rows = self.components.rows(pairs, features)
            self.trees = TreeArrays.of(self.estimator(len(label)).fit(rows, label))

    def predict(self, pairs: PairData, features: PairFeatures) -> NDArray[np.float64]:
        """Prediction of the trees, some rows at a time."""
        result = np.empty(len(pairs))
        with self.threads():
            for start in range(0, len(pairs), _ROWS_AT_ONCE):
                part = np.arange(start, min(start + _ROWS_AT_ONCE, len(pairs)))
                result[part] = self.trees.predict(self.components.rows(pairs.select(part), features))
        return result

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Trees, axes and columns of the fitted model by name, for a safetensors file."""
        parts = {"trees": self.trees.to_arrays(), "components": self.components.to_arrays()}
        return {f"{part}.{name}": array for part, arrays in parts.items() for name, array in arrays.items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], *, task: Task = "regression") -> Self:
        """Read what `to_arrays` wrote; the model predicts, bit for bit, as the one that was fitted.

        Parameters
        ----------
        arrays
            By name.
        task
            What the model was fitted to.

        Raises
        ------
        InputError
            An array is missing, or they do not fit together.
        """
        model = cls(task=task)
        model.trees = TreeArrays.from_arrays(part_of(arrays, "trees"))
        model.components = PairComponents.from_arrays(part_of(arrays, "components"))
        if model.trees.width != model.components.width:
            raise InputError(
                f"trees of {model.trees.width} columns", field="trees.shape",
                expected=f"{model.components.width}, the components of drugs and targets",
            )  # fmt: skip
        return model


class RandomForest(TreeModel):
    """Random forest of 60 trees, each on at most 40,000 pairs.

    References
    ----------
    Breiman, L. (2001) Mach. Learn. 45:5.
    """

    name = "random_forest"

    def estimator(self, n_rows: int) -> Any:
        """Full-grown trees, three tenths of the columns tried at each split; probabilities want larger leaves."""
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        make = RandomForestClassifier if self.task == "classification" else RandomForestRegressor
        return make(
            n_estimators=60, max_features=0.3, min_samples_leaf=3 if self.task == "classification" else 1,
            max_samples=min(1.0, 40_000 / n_rows), random_state=self.seed, n_jobs=self.n_threads,
        )  # fmt: skip


class GradientBoosting(TreeModel):
    """Gradient boosting of 500 trees on histograms, of 200 slower ones in classification.

    The more pairs, the more leaves a tree may have: one per 300, from 31 to 255.

    References
    ----------
    Friedman, J. H. (2001) Ann. Stat. 29:1189. Ke, G. et al. (2017) NeurIPS 30 (histograms).
    """

    name = "gradient_boosting"

    def estimator(self, n_rows: int) -> Any:
        """Shrunken trees on three tenths of the columns each split; no row is set aside to stop early."""
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        classes = self.task == "classification"
        make = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
        return make(
            max_iter=200 if classes else 500, learning_rate=0.05 if classes else 0.1, max_features=0.3,
            max_leaf_nodes=min(max(n_rows // 300, 31), 255), early_stopping=False, random_state=self.seed,
        )  # fmt: skip


class PairComponents:
    """Rows of pairs: principal components of the drug's columns and of the target's.

    Parameters
    ----------
    pairs
        Training pairs; each of their drugs and targets counts once.
    features
        Of their tables.
    n_components
        Of the drugs and of the targets, at most.
    """

    def __init__(self, pairs: PairData, features: PairFeatures, n_components: int = _N_COMPONENTS) -> None:
        self.columns = PairColumns(pairs, features)
        drugs = self.columns.drugs(features)[np.unique(pairs.drug)]
        targets = self.columns.targets(features)[np.unique(pairs.target)]
        self.axes = tuple(_principal_axes(rows, n_components) for rows in (drugs, targets))

    @property
    def width(self) -> int:
        """Columns of a row."""
        return sum(axes.shape[1] for axes in self.axes)

    def rows(self, pairs: PairData, features: PairFeatures) -> NDArray[np.float32]:
        """(n_pairs, at most 2 * n_components)."""
        drugs, targets = (
            (columns @ axes.astype(np.float64)).astype(np.float32)
            for columns, axes in zip(
                (self.columns.drugs(features), self.columns.targets(features)), self.axes, strict=True
            )
        )
        return np.hstack([drugs[pairs.drug], targets[pairs.target]])

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Columns and axes by name."""
        axes = dict(zip(_AXES, self.axes, strict=True))
        return axes | {f"columns.{name}": array for name, array in self.columns.to_arrays().items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Read what `to_arrays` wrote.

        Raises
        ------
        InputError
            An array is missing, or the axes are not those of the columns.
        """
        components = cls.__new__(cls)
        components.columns = PairColumns.from_arrays(part_of(arrays, "columns"))
        if missing := [name for name in _AXES if name not in arrays]:
            raise InputError("no such array", field=missing[0], expected=", ".join(_AXES))
        components.axes = tuple(arrays[name] for name in _AXES)
        for name, axes, width in zip(_AXES, components.axes, components.columns.widths, strict=True):
            if axes.ndim != 2 or len(axes) != width or not np.isfinite(axes).all():
                raise InputError(
                    f"axes of shape {axes.shape}", field=name, expected=f"({width}, n_components), finite"
                )
        return components


def _principal_axes(rows: NDArray[np.float32], n_components: int) -> NDArray[np.float32]:
    """Directions of greatest variance, (n_columns, n_components); those without any are left out.

    They are rounded to what is stored before anything is fitted to them.
    """
    centred = rows.astype(np.float64) - rows.mean(axis=0)
    _, size, axes = np.linalg.svd(centred, full_matrices=False)
    kept = (size > 1e-6 * max(float(size.max(initial=0.0)), 1e-12)).nonzero()[0][:n_components]
    return np.ascontiguousarray(axes[kept].T, np.float32)
