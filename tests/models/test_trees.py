"""Trees: their components against scikit-learn, their seeds, and one class alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sklearn.decomposition import PCA

from models.pair_columns import PairColumns
from models.pair_model import PairFeatures
from models.pairs import PairData
from models.trees import GradientBoosting, PairComponents, RandomForest, TreeModel

MakePairs = Callable[..., PairData]


@pytest.fixture(scope="module")
def pairs(make_pairs: MakePairs) -> PairData:
    return make_pairs(noise=0.0)


@pytest.fixture(scope="module")
def features(pairs: PairData) -> PairFeatures:
    return PairFeatures(pairs.smiles, pairs.targets)


def test_pair_components__are_sklearns_principal_components(pairs: PairData, features: PairFeatures) -> None:
    training = pairs.select(pairs.drug < 9)
    rows = PairComponents(training, features, 3).rows(pairs, features)
    drugs = PairColumns(training, features).drugs(features)
    oracle = PCA(3, svd_solver="full").fit(drugs[:9])
    expected = np.abs(oracle.transform(drugs) + oracle.mean_ @ oracle.components_.T)
    np.testing.assert_allclose(np.abs(rows[:, :3]), expected[pairs.drug], rtol=1e-3, atol=1e-3)


def test_pair_components__no_more_than_there_are(pairs: PairData, features: PairFeatures) -> None:
    rows = PairComponents(pairs, features).rows(pairs, features)
    assert rows.shape == (len(pairs), 12 - 1 + 8 - 1)
    alone = pairs.select(np.array([0]))
    assert PairComponents(alone, features).rows(pairs, features).shape == (len(pairs), 0)


@pytest.mark.parametrize("make", [RandomForest, GradientBoosting])
def test_trees__same_seed_same_trees(make: type[TreeModel], pairs: PairData, features: PairFeatures) -> None:
    first, again, other = (make(seed) for seed in (0, 0, 1))
    for model in (first, again, other):
        model.fit(pairs, features)
    np.testing.assert_array_equal(first.predict(pairs, features), again.predict(pairs, features))
    assert not np.array_equal(first.predict(pairs, features), other.predict(pairs, features))


def test_trees__do_not_depend_on_threads(pairs: PairData, features: PairFeatures) -> None:
    one, two = RandomForest(0, n_threads=1), RandomForest(0, n_threads=2)
    one.fit(pairs, features)
    two.fit(pairs, features)
    np.testing.assert_allclose(one.predict(pairs, features), two.predict(pairs, features), rtol=1e-9)


@pytest.mark.parametrize("make", [RandomForest, GradientBoosting])
def test_trees__learn_an_interaction(make: type[TreeModel], make_pairs: MakePairs) -> None:
    """Labels that no sum of drug and target can tell: like parts attract."""
    pairs = make_pairs(20, 12)
    features = PairFeatures(pairs.smiles, pairs.targets)
    drug, target = features.descriptors[:, 0], features.composition[:, 0]
    label = (drug > np.median(drug))[pairs.drug] == (target > np.median(target))[pairs.target]
    held_out = np.random.default_rng(0).random(len(pairs)) < 0.2
    task = replace(pairs, label=label.astype(float))
    model = make(0, task="classification")
    model.fit(task.select(~held_out), features)
    probability = model.predict(task.select(held_out), features)
    assert np.mean((probability > 0.5) == label[held_out]) > 0.7


@pytest.mark.parametrize("make", [RandomForest, GradientBoosting])
def test_trees__one_class_alone_is_a_rate(
    make: type[TreeModel], pairs: PairData, features: PairFeatures
) -> None:
    model = make(0, task="classification")
    model.fit(replace(pairs, label=np.zeros(len(pairs))), features)
    np.testing.assert_allclose(model.predict(pairs, features), 0.5 / (len(pairs) + 1))
