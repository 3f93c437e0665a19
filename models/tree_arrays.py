"""Fitted trees as plain arrays, and their predictions from these alone.

Trees stand one behind another, each in preorder: a split is followed by its left branch, then by its right one. Which
nodes are leaves therefore says all about the shape, and no place of a child is kept: a node takes a little over six
bytes. Rows are float32, and thresholds are rounded down to float32, so every row takes the branch it takes in
scikit-learn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from chem.errors import InputError

LEAF = -1
"""What stands for the column of a node that is no split."""
_MOST_COLUMNS = 2**15 - 1
_N_PROBES = 32
_HINT = "make the file again with `to_arrays`"


@dataclass(frozen=True)
class TreeArrays:
    """Trees whose sum, from a baseline on, is the prediction.

    Attributes
    ----------
    feature
        (n_nodes,) int16 column that a split reads; `LEAF` at leaves.
    number
        (n_nodes,) float32: the threshold of a split, up to which rows go left; the value of a leaf, scaled so that
        the values of all trees are added.
    missing_left
        (n_nodes,) whether NaN goes left at a split.
    baseline
        What the values are added to.
    width
        Columns of a row.
    logistic
        The sum is the log odds of class 1.

    Raises
    ------
    InputError
        The arrays do not fit together.

    Examples
    --------
    >>> stump = TreeArrays(np.array([1, -1, -1]), np.array([0.5, -2, 2]), np.array([True, False, False]), 10, 2)
    >>> stump.predict([[9, 0.5], [9, 0.6], [9, np.nan]]).tolist()
    [8.0, 12.0, 8.0]
    """

    feature: NDArray[np.int16]
    number: NDArray[np.float32]
    missing_left: NDArray[np.bool_]
    baseline: float
    width: int
    logistic: bool = False

    def __post_init__(self) -> None:
        for name, dtype in (("feature", np.int16), ("number", np.float32), ("missing_left", np.bool_)):
            values = np.ascontiguousarray(getattr(self, name), dtype)
            if values.ndim != 1 or len(values) != len(self.feature):
                raise _misfit(f"shape {values.shape}", name, f"({len(self.feature)},), one value per node")
            object.__setattr__(self, name, values)
        if not 0 <= self.width <= _MOST_COLUMNS:
            raise _misfit(f"{self.width} columns", "width", f"0 to {_MOST_COLUMNS:,}")
        outside = (self.feature < LEAF) | (self.feature >= self.width)
        if outside.any():
            node = int(outside.argmax())
            raise _misfit(
                f"node {node} reads column {self.feature[node]}",
                "feature",
                f"-1 (a leaf) to {self.width - 1}",
            )
        unusable = np.isnan(self.number) | (np.isinf(self.number) & (self.feature == LEAF))
        if unusable.any() or not np.isfinite(self.baseline):
            raise _misfit(
                "a number that is not finite", "number" if unusable.any() else "baseline", "numbers"
            )
        # Each split opens one branch more and each leaf closes one: a tree ends where all are closed.
        open_branches = np.cumsum(np.append(0, np.where(self.feature == LEAF, -1, 1)))
        if open_branches.argmin() != len(self.feature):
            raise _misfit(
                "the last tree has a branch without an end", "feature", "two branches for each split"
            )

    @classmethod
    def of(cls, model: Any) -> TreeArrays:
        """Take the trees out of a fitted model of scikit-learn.

        Parameters
        ----------
        model
            A fitted random forest or histogram gradient boosting, of one output, in classification of two classes,
            without categorical columns.

        Raises
        ------
        InputError
            For another model, and where the trees do not predict what the model does: scikit-learn's boosting has
            no public trees, so another version may lay them out otherwise.

        References
        ----------
        `sklearn.tree._tree.Tree` (public as ``tree_``); `sklearn.ensemble._hist_gradient_boosting.predictor`.
        """
        classes = getattr(model, "classes_", None)
        if classes is not None and len(classes) != 2:
            raise InputError(f"{len(classes)} classes", field="classes_", expected="two")
        try:
            made = _forest(model) if hasattr(model, "estimators_") else _boosting(model)
            if not made._agrees(model):
                raise ValueError("predictions differ")
        except (AttributeError, TypeError, ValueError, IndexError, KeyError) as error:
            if isinstance(error, InputError):
                raise
            from sklearn import __version__

            raise InputError(
                f"the trees of {type(model).__name__} of scikit-learn {__version__} are not read ({error})",
                expected="a fitted random forest or histogram gradient boosting of one output, numeric columns",
                hint="tested with scikit-learn 1.9",
            ) from error
        return made

    @classmethod
    def constant(cls, value: float, width: int = 0) -> TreeArrays:
        """No tree: every row is predicted the same."""
        return cls(np.zeros(0, np.int16), np.zeros(0, np.float32), np.zeros(0, np.bool_), value, width)

    @property
    def n_trees(self) -> int:
        """Trees."""
        return len(self._places[1])

    def predict(self, rows: ArrayLike) -> NDArray[np.float64]:
        """Prediction of rows: the sum of the leaves they fall into, as a probability where `logistic`.

        Parameters
        ----------
        rows
            (n, width), read as float32; NaN is missing.

        Returns
        -------
        NDArray[np.float64]
            (n,) predictions.

        Raises
        ------
        InputError
            The rows have another width.
        """
        table = np.ascontiguousarray(rows, np.float32)
        if table.ndim != 2 or table.shape[1] != self.width:
            raise InputError(f"rows of shape {table.shape}", field="rows", expected=f"(n, {self.width})")
        right, root = self._places
        total = np.full(len(table), self.baseline, np.float64)
        _add_leaves(table, self.feature, self.number, self.missing_left, right, root, total)
        if not self.logistic:
            return total
        from scipy.special import expit

        return np.asarray(expit(total), np.float64)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays by name, for a safetensors file: feature, number, missing_left (8 nodes a byte), baseline, shape."""
        return {
            "feature": self.feature,
            "number": self.number,
            "missing_left": np.packbits(self.missing_left),
            "baseline": np.array([self.baseline], np.float64),
            "shape": np.array([self.width, self.logistic], np.int32),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> TreeArrays:
        """Read what `to_arrays` wrote.

        Raises
        ------
        InputError
            An array is missing, of another type or size, or they do not fit together.
        """
        kinds = {
            "feature": np.int16, "number": np.float32, "missing_left": np.uint8, "baseline": np.float64,
            "shape": np.int32,
        }  # fmt: skip
        for name, dtype in kinds.items():
            if name not in arrays:
                raise _misfit("no such array", name, ", ".join(kinds))
            if arrays[name].dtype != dtype or arrays[name].ndim != 1:
                said = f"{arrays[name].dtype} of shape {arrays[name].shape}"
                raise _misfit(said, name, f"{np.dtype(dtype)} of one dimension")
        n_nodes = len(arrays["feature"])
        for name, size in (("missing_left", -(-n_nodes // 8)), ("baseline", 1), ("shape", 2)):
            if len(arrays[name]) != size:
                raise _misfit(f"{len(arrays[name])} values", name, str(size))
        width, logistic = arrays["shape"].tolist()
        missing_left = np.unpackbits(arrays["missing_left"], count=n_nodes).astype(bool)
        return cls(
            arrays["feature"],
            arrays["number"],
            missing_left,
            float(arrays["baseline"][0]),
            width,
            bool(logistic),
        )

    @cached_property
    def _places(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Right branch of each split, and where each tree begins."""
        right, root = _branches(self.feature)
        return right, root

    def _agrees(self, model: Any) -> bool:
        """Whether the model predicts the same for a few rows about its thresholds."""
        rng, split = np.random.default_rng(0), self.feature != LEAF
        rows = rng.normal(size=(_N_PROBES, self.width)).astype(np.float32)
        if split.any():
            spread = self.number[split][np.isfinite(self.number[split])]
            rows = rows * np.float32(spread.std() if len(spread) else 1)
        theirs = model.predict(rows) if _is_regressor(model) else model.predict_proba(rows)[:, 1]
        scale = max(float(np.abs(theirs).max(initial=0)), abs(self.baseline), 1e-30)
        return bool(np.allclose(self.predict(rows), theirs, rtol=0, atol=1e-5 * scale))


class _Nodes(NamedTuple):
    """One tree as scikit-learn keeps it, by node: children (-1 at leaves), column, threshold, value, way of NaN."""

    left: NDArray[Any]
    right: NDArray[Any]
    feature: NDArray[Any]
    threshold: NDArray[Any]
    value: NDArray[Any]
    missing_left: NDArray[Any]


def _forest(model: Any) -> TreeArrays:
    n_trees = len(model.estimators_)

    def nodes() -> Iterator[_Nodes]:
        for part in model.estimators_:
            tree = part.tree_
            if tree.n_outputs != 1:
                raise ValueError(f"{tree.n_outputs} outputs")
            value = tree.value[:, 0, :]
            value = value[:, 0] if _is_regressor(model) else value[:, 1] / value.sum(axis=1)
            yield _Nodes(
                tree.children_left, tree.children_right, tree.feature, tree.threshold, value / n_trees,
                tree.missing_go_to_left,
            )  # fmt: skip

    return _packed(nodes(), 0.0, model.n_features_in_, logistic=False)


def _boosting(model: Any) -> TreeArrays:
    def nodes() -> Iterator[_Nodes]:
        for (part,) in model._predictors:
            node = part.nodes
            if node["is_categorical"].any():
                raise ValueError("categorical columns")
            leaf = node["is_leaf"].astype(bool)
            left, right = (np.where(leaf, -1, node[side].astype(np.int64)) for side in ("left", "right"))
            yield _Nodes(
                left,
                right,
                node["feature_idx"],
                node["num_threshold"],
                node["value"],
                node["missing_go_to_left"],
            )

    (baseline,) = np.ravel(model._baseline_prediction)
    return _packed(nodes(), float(baseline), model.n_features_in_, logistic=not _is_regressor(model))


def _is_regressor(model: Any) -> bool:
    return not hasattr(model, "predict_proba")


def _packed(trees: Iterator[_Nodes], baseline: float, width: int, *, logistic: bool) -> TreeArrays:
    """Trees in preorder, one behind another."""
    parts: list[tuple[NDArray[Any], ...]] = []
    for tree in trees:
        order = _preorder(np.asarray(tree.left, np.int64), np.asarray(tree.right, np.int64))
        leaf = tree.left[order] < 0
        number = np.where(leaf, tree.value[order].astype(np.float32), _rounded_down(tree.threshold[order]))
        column = np.where(leaf, LEAF, tree.feature[order])
        parts.append((column, number, ~leaf & tree.missing_left[order].astype(bool)))
    feature, numbers, missing_left = (np.concatenate(each) for each in zip(*parts, strict=True))
    return TreeArrays(feature, numbers, missing_left, baseline, width, logistic)


def _rounded_down(threshold: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the largest float32 that is not above: a float32 is below the one where it is below the other."""
    with np.errstate(over="ignore"):
        near = threshold.astype(np.float32)
    below = np.nextafter(near, np.float32(-np.inf))
    return np.where(near.astype(np.float64) > threshold, below, near)


def _misfit(said: str, field: str, expected: str) -> InputError:
    return InputError(f"trees do not fit together: {said}", field=field, expected=expected, hint=_HINT)


@njit(cache=True)
def _preorder(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places of a tree's nodes, each split before its left branch and that before its right one."""
    order = np.empty(len(left), np.int64)
    waiting = np.empty(len(left), np.int64)
    waiting[0], n_waiting, n_seen = 0, 1, 0
    while n_waiting:
        n_waiting -= 1
        node = waiting[n_waiting]
        order[n_seen] = node
        n_seen += 1
        if left[node] >= 0:
            waiting[n_waiting], waiting[n_waiting + 1] = right[node], left[node]
            n_waiting += 2
    return order[:n_seen]


@njit(cache=True)
def _branches(feature: NDArray[np.int16]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Right branch of each split of complete trees, and their first nodes."""
    right = np.full(len(feature), -1, np.int32)
    root = np.empty(len(feature), np.int32)
    waiting = np.empty(len(feature), np.int32)
    n_trees, n_waiting, begins = 0, 0, True
    for node in range(len(feature)):
        if begins:
            root[n_trees] = node
            n_trees += 1
        begins = False
        if feature[node] >= 0:
            waiting[n_waiting] = node
            n_waiting += 1
        elif n_waiting:  # a leaf ends the left branch of the last split that waits for its right one
            n_waiting -= 1
            right[waiting[n_waiting]] = node + 1
        else:
            begins = True
    return right, root[:n_trees].copy()


@njit(nogil=True, cache=True)
def _add_leaves(
    rows: NDArray[np.float32],
    feature: NDArray[np.int16],
    number: NDArray[np.float32],
    missing_left: NDArray[np.bool_],
    right: NDArray[np.int32],
    root: NDArray[np.int32],
    total: NDArray[np.float64],
) -> None:
    """Add to each row's total the leaf it falls into in every tree."""
    for row in range(len(rows)):
        for tree in range(len(root)):
            node = root[tree]
            while feature[node] >= 0:
                value = rows[row, feature[node]]
                goes_left = missing_left[node] if np.isnan(value) else value <= number[node]
                node = node + 1 if goes_left else right[node]
            total[row] += number[node]
