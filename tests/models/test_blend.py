"""Weights against a general optimiser, and that a blend never sees what it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from chem.errors import InputError
from models.blend import Blend, blend_folds, blend_report, convex_weights
from models.means import DrugTargetMeans
from models.neighbours import NearestNeighbour
from models.pair_model import PairFeatures, PairModel
from models.pairs import PairData
from models.splits import Round

MakePairs = Callable[..., PairData]


@pytest.fixture(scope="module")
def pairs(make_pairs: MakePairs) -> PairData:
    return make_pairs(noise=0.0)


@pytest.fixture(scope="module")
def features(pairs: PairData) -> PairFeatures:
    return PairFeatures(pairs.smiles, pairs.targets)


@pytest.mark.parametrize("seed", range(8))
def test_convex_weights__equal_a_general_optimiser(seed: int) -> None:
    rng = np.random.default_rng(seed)
    label = rng.normal(6, 1, 60)
    predictions = label[:, None] + rng.normal(0, 1, (60, 4)) + rng.normal(0, 0.5, 4)
    slow = minimize(
        lambda w: np.sum((predictions @ w - label) ** 2),
        np.full(4, 0.25),
        method="SLSQP",
        bounds=[(0, 1)] * 4,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    np.testing.assert_allclose(convex_weights(predictions, label), slow.x, atol=1e-4)


@given(st.integers(0, 10**6), st.integers(1, 5), st.sampled_from([1e-6, 1.0, 1e6]))
def test_convex_weights__on_the_simplex_and_no_worse_than_any_member(seed: int, n: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    label, predictions = scale * rng.normal(size=20), scale * rng.normal(size=(20, n))
    weights = convex_weights(predictions, label)
    assert weights.min() >= 0 and weights.sum() == pytest.approx(1)
    errors = np.sum((predictions - label[:, None]) ** 2, axis=0)
    assert np.sum((predictions @ weights - label) ** 2) <= errors.min() * (1 + 1e-9)


def test_convex_weights__perfect_and_equal_members() -> None:
    label = np.array([1.0, 2.0, 4.0])
    np.testing.assert_allclose(convex_weights(np.column_stack([label + 1, label]), label), [0, 1])
    assert convex_weights(np.column_stack([label, label]), label).sum() == pytest.approx(1)


@pytest.mark.parametrize("predictions", [np.array([[1.0, np.nan]]), np.empty((0, 2))])
def test_convex_weights__refuse(predictions: np.ndarray) -> None:
    with pytest.raises(InputError, match="finite values"):
        convex_weights(predictions, np.ones(len(predictions)))


def test_blend_report__tells_where_a_tree_wins() -> None:
    label = np.arange(10.0)
    rng = np.random.default_rng(0)
    near, far = label + 0.1 * rng.normal(size=10), label + rng.normal(size=10)
    assert blend_report({"ridge": far, "gradient_boosting": near}, label).tree_wins
    report = blend_report({"network": near, "gradient_boosting": far}, label)
    assert report.best == "network" and not report.tree_wins
    assert report.blend_error <= report.errors["network"]
    said = report.summary()
    assert "a tree model" not in said
    assert said.startswith("best part alone: network, ") and "pooled over all" in said


class _Spy(DrugTargetMeans):
    """Means that remember which labels they were given."""

    name = "spy"
    given: list[np.ndarray]

    def fit(self, pairs: PairData, features: PairFeatures) -> None:
        type(self).given.append(pairs.label)
        super().fit(pairs, features)


def test_blend__weights_come_from_rows_that_members_had_not_seen(
    pairs: PairData, features: PairFeatures
) -> None:
    """Each inner fit lacks the rows it is judged on; the last one has all."""
    _Spy.given = []
    blend = Blend(members=[_Spy])
    blend.fit(pairs, features)
    *inner, last = (set(label.tolist()) for label in _Spy.given)
    assert last == set(pairs.label.tolist())
    missing = [last - labels for labels in inner]
    assert len(inner) == 3 and all(missing)
    assert set().union(*missing) == last and sum(map(len, missing)) == len(last)


def test_blend__goes_with_the_better_member(pairs: PairData, features: PairFeatures) -> None:
    blend = Blend(members=[DrugTargetMeans, NearestNeighbour])
    held_out = np.random.default_rng(0).random(len(pairs)) < 0.25
    train, test = pairs.select(~held_out), pairs.select(held_out)
    blend.fit(train, features)
    alone: list[float] = []
    for make in (DrugTargetMeans, NearestNeighbour):
        model: PairModel = make()
        model.fit(train, features)
        alone.append(float(np.mean((model.predict(test, features) - test.label) ** 2)))
    error = np.mean((blend.predict(test, features) - test.label) ** 2)
    assert error < 1.5 * min(alone) + 0.01
    assert set(blend.fitted) == {name for name, weight in blend.report.weights.items() if weight > 0}


def test_blend__inner_split_can_be_another(pairs: PairData, features: PairFeatures) -> None:
    """Two rounds by drug; drugs in neither are left out of the weights."""

    def by_drug(training: PairData) -> Iterator[Round]:
        for fold in (1, 2):
            yield Round(fold, training.drug % 3 != fold, training.drug % 3 == fold)

    blend = Blend(members=[DrugTargetMeans, NearestNeighbour], rounds=by_drug)
    blend.fit(pairs, features)
    assert blend.report.n_rows == (pairs.drug % 3 != 0).sum()


def test_blend__gives_probabilities(pairs: PairData, features: PairFeatures) -> None:
    positive = replace(pairs, label=(pairs.label > pairs.label.mean()).astype(float))
    blend = Blend(task="classification", members=[DrugTargetMeans, NearestNeighbour])
    blend.fit(positive, features)
    probability = blend.predict(positive, features)
    assert probability.min() >= 0 and probability.max() <= 1


@pytest.fixture
def out_of_fold() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    label = rng.normal(6, 1, 60)
    rows: dict[str, Any] = {
        "setting": "random", "endpoint": "pkd", "fold": np.repeat([1, 2, 3], 20),
        "drug_id": [f"d{k}" for k in range(60)], "target_id": "T", "label": label,
    }  # fmt: skip
    tables = [
        pd.DataFrame(rows | {"model": name, "prediction": label + rng.normal(0, sd, 60)})
        for name, sd in (("network", 0.5), ("random_forest", 0.5), ("means", 2.0))
    ]
    return pd.concat(tables, ignore_index=True)


def test_blend_folds__better_than_its_members(out_of_fold: pd.DataFrame) -> None:
    blend, reports = blend_folds(out_of_fold)
    assert set(blend["model"]) == {"blend"} and len(blend) == 60
    assert sorted(reports) == [("random", "pkd", fold) for fold in (1, 2, 3)]
    errors = ((out_of_fold["prediction"] - out_of_fold["label"]) ** 2).groupby(out_of_fold["model"]).mean()
    assert np.mean((blend["prediction"] - blend["label"]) ** 2) < errors.min()


def test_blend_folds__a_folds_labels_have_no_part_in_its_weights(out_of_fold: pd.DataFrame) -> None:
    changed = out_of_fold.copy()
    changed.loc[changed["fold"] == 2, "label"] = 0.0
    before, after = (
        blend_folds(table)[0].set_index("fold")["prediction"] for table in (out_of_fold, changed)
    )
    np.testing.assert_array_equal(before.loc[2], after.loc[2])
    assert not np.array_equal(before.loc[1], after.loc[1])


def test_blend_folds__refuses_other_rows(out_of_fold: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="other rows"):
        blend_folds(out_of_fold.drop(index=3))
    with pytest.raises(InputError, match="one fold alone"):
        blend_folds(out_of_fold[out_of_fold["fold"] == 1])
    assert len(blend_folds(out_of_fold.drop(index=3), ["means", "random_forest"])[0]) == 60
