"""Trees as arrays: scikit-learn's own predictions, and what does not fit together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.ensemble import (
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import Ridge

from chem.errors import InputError
from models.tree_arrays import LEAF, TreeArrays

MODELS: dict[str, Callable[[], Any]] = {
    "boosting": lambda: HistGradientBoostingRegressor(max_iter=6, min_samples_leaf=1, random_state=0),
    "boosting_classes": lambda: HistGradientBoostingClassifier(
        max_iter=6, min_samples_leaf=1, random_state=0
    ),
    "forest": lambda: RandomForestRegressor(5, random_state=0),
    "forest_classes": lambda: RandomForestClassifier(5, random_state=0),
}
# Few distinct values, neighbours in float32 among them, so that thresholds fall between the closest there are.
VALUES = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, float(np.nextafter(np.float32(1), np.float32(2))), 1e-30, float("nan")]),
    st.floats(-1e6, 1e6, width=32),
)
TABLES = st.tuples(st.integers(6, 30), st.integers(1, 4)).flatmap(
    lambda shape: arrays(np.float32, shape, elements=VALUES)
)


def predicted(model: Any, rows: np.ndarray) -> np.ndarray:
    return np.asarray(
        model.predict_proba(rows)[:, 1] if hasattr(model, "predict_proba") else model.predict(rows)
    )


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=15, deadline=None)
@given(rows=TABLES, seed=st.integers(0, 99))
def test_tree_arrays__predict_as_sklearn_does(name: str, rows: np.ndarray, seed: int) -> None:
    """On training rows with NaN, and on others at and beside every threshold, from arrays that were written."""
    rows[:2] = [[0.0], [1.0]]  # boosting bins no column without a value
    rng = np.random.default_rng(seed)
    label = rng.normal(6, 1, len(rows))
    if name.endswith("classes"):
        label = (np.arange(len(rows)) % 2).astype(float)
    model = MODELS[name]().fit(rows, label)
    trees = TreeArrays.of(model)
    assert trees.n_trees == (6 if name.startswith("boosting") else 5)
    stored = TreeArrays.from_arrays(trees.to_arrays())
    near = [rows]
    split = trees.feature != LEAF
    for column in range(rows.shape[1]):
        at = trees.number[split & (trees.feature == column)]
        at = at[np.isfinite(at)]
        for beside in (at, np.nextafter(at, np.float32(-np.inf)), np.nextafter(at, np.float32(np.inf))):
            more = rows[rng.integers(len(rows), size=len(at))]
            more[:, column] = beside
            near.append(more)
    new = np.concatenate(near)
    np.testing.assert_allclose(stored.predict(new), predicted(model, new), rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(stored.predict(new), trees.predict(new))


def test_tree_arrays__nan_goes_its_way() -> None:
    """A column of which only the missing values tell, learnt by both kinds of trees."""
    rows = np.array([[np.nan], [1], [np.nan], [2], [np.nan], [3], [np.nan], [4]] * 5, np.float32)
    label = np.isnan(rows[:, 0]).astype(float)
    for model in (HistGradientBoostingRegressor(min_samples_leaf=1, max_iter=300), RandomForestRegressor(9)):
        trees = TreeArrays.of(model.fit(rows, label))
        np.testing.assert_allclose(trees.predict([[np.nan], [2.5]]), [1, 0], atol=1e-3)
        np.testing.assert_allclose(trees.predict(rows), model.predict(rows), atol=1e-7)


def test_tree_arrays__are_compact() -> None:
    rows = np.random.default_rng(0).normal(size=(400, 8)).astype(np.float32)
    trees = TreeArrays.of(HistGradientBoostingRegressor(max_iter=20).fit(rows, rows[:, 0]))
    size = sum(array.nbytes for array in trees.to_arrays().values())
    assert size <= 6.125 * len(trees.feature) + 17


def test_tree_arrays__constant() -> None:
    trees = TreeArrays.from_arrays(TreeArrays.constant(0.25, 3).to_arrays())
    assert trees.n_trees == 0 and trees.predict(np.zeros((2, 3))).tolist() == [0.25, 0.25]


ROWS = np.random.default_rng(1).normal(size=(60, 2)).astype(np.float32)
CODES = (np.arange(60) % 3).astype(float)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: RandomForestClassifier(2).fit(ROWS, CODES), "3 classes; expected two"),
        (lambda: RandomForestRegressor(2).fit(ROWS, np.column_stack([CODES, CODES])), "2 outputs"),
        (
            lambda: HistGradientBoostingRegressor(max_iter=2, categorical_features=[0]).fit(
                np.column_stack([CODES, ROWS]), CODES
            ),
            "categorical columns",
        ),
        # Its trees sum to the logarithm: read as they stand they would be wrong, and the rows tried show it.
        (
            lambda: HistGradientBoostingRegressor(loss="poisson", max_iter=5).fit(ROWS, CODES),
            r"scikit-learn \d.* are not read \(predictions differ\)",
        ),
        (lambda: HistGradientBoostingRegressor(), "no attribute"),
        (lambda: Ridge().fit(ROWS, CODES), "the trees of Ridge of scikit-learn"),
    ],
)
def test_tree_arrays__refuses_other_models(make: Callable[[], Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        TreeArrays.of(make())


def test_tree_arrays__refuses_another_layout() -> None:
    """What a version of scikit-learn would do that keeps its boosted trees elsewhere, or scales their leaves later."""
    model = HistGradientBoostingRegressor(max_iter=3).fit(ROWS, ROWS[:, 0])
    for (part,) in model._predictors:
        part.nodes["value"] *= 10
    expected = TreeArrays.of(model).predict(ROWS)
    model.predict = lambda rows: expected[0] + np.zeros(len(rows))
    with pytest.raises(InputError, match="predictions differ"):
        TreeArrays.of(model)
    del model._predictors
    with pytest.raises(InputError, match=r"HistGradientBoostingRegressor of scikit-learn .* are not read"):
        TreeArrays.of(model)


def test_tree_arrays__other_forests_are_forests() -> None:
    model = ExtraTreesRegressor(4, random_state=0).fit(ROWS, ROWS[:, 0])
    np.testing.assert_allclose(TreeArrays.of(model).predict(ROWS), model.predict(ROWS), rtol=1e-6, atol=1e-7)


STUMP = TreeArrays(np.array([1, -1, -1]), np.array([0.5, -2, 2]), np.zeros(3, bool), 10.0, 2).to_arrays()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"feature": None}, "field feature: trees do not fit together: no such array"),
        ({"feature": np.array([1.0, -1, -1])}, "float64 of shape"),
        ({"feature": np.array([2, -1, -1], np.int16)}, "node 0 reads column 2; expected -1 .a leaf. to 1"),
        ({"feature": np.array([1, -2, -1], np.int16)}, "node 1 reads column -2"),
        ({"feature": np.array([1, -1, 0], np.int16)}, "a branch without an end"),
        ({"feature": np.array([1, 0, -1], np.int16)}, "a branch without an end"),
        ({"feature": np.array([-1, 1, -1], np.int16)}, "a branch without an end"),
        (
            {"number": np.zeros(4, np.float32)},
            "field number: .*shape .4,.; expected .3,., one value per node",
        ),
        ({"number": np.array([0.5, np.inf, 2], np.float32)}, "not finite"),
        ({"number": np.array([np.nan, 1, 2], np.float32)}, "not finite"),
        ({"missing_left": np.zeros(2, np.uint8)}, "field missing_left: .*2 values; expected 1"),
        ({"baseline": np.array([np.nan])}, "field baseline"),
        ({"baseline": np.zeros(2)}, "2 values; expected 1"),
        ({"shape": np.array([-1, 0], np.int32)}, "-1 columns"),
        ({"shape": np.array([1], np.int32)}, "1 values; expected 2"),
    ],
)
def test_from_arrays__refuses_what_does_not_fit(changed: dict[str, Any], said: str) -> None:
    made = {name: array for name, array in (STUMP | changed).items() if array is not None}
    with pytest.raises(InputError, match=said):
        TreeArrays.from_arrays(made)


def test_predict__refuses_rows_of_another_width() -> None:
    with pytest.raises(InputError, match=r"rows of shape \(4, 3\); expected \(n, 2\)"):
        TreeArrays.from_arrays(STUMP).predict(np.zeros((4, 3)))


@given(st.lists(st.integers(-1, 3), max_size=40))
def test_tree_arrays__any_nodes_make_whole_trees_or_none(feature: list[int]) -> None:
    """Against a parser that reads one branch after another: as many trees, and every row reaches a leaf."""

    def read(place: int) -> int:
        if place >= len(feature):
            raise IndexError
        return place + 1 if feature[place] < 0 else read(read(place + 1))

    place, n_trees = 0, 0
    try:
        while place < len(feature):
            place, n_trees = read(place), n_trees + 1
    except IndexError:
        n_trees = -1
    number = np.where(np.array(feature, int) < 0, 1.0, 0.0)
    if n_trees < 0:
        with pytest.raises(InputError, match="without an end"):
            TreeArrays(np.array(feature), number, number, 0.0, 4)
        return
    trees = TreeArrays(np.array(feature, np.int16), number, number, 0.0, 4)
    assert trees.n_trees == n_trees
    rows = np.random.default_rng(0).normal(size=(9, 4))
    assert trees.predict(rows).tolist() == [n_trees] * 9
