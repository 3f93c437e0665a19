"""Plain models against what they must give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from chem.fingerprint import morgan_fingerprints
from models.baselines import (
    BASELINES,
    Baseline,
    DrugTargetMeans,
    NearestNeighbour,
    PairFeatures,
    RandomForest,
    RidgeRegression,
    pair_features,
)
from models.pairs import PairData
from models.protein import encode_proteins

MakePairs = Callable[..., PairData]


@pytest.fixture
def pairs(make_pairs: MakePairs) -> PairData:
    return make_pairs(noise=0.0)


@pytest.fixture
def features(pairs: PairData, profile: NDArray[np.float32]) -> PairFeatures:
    return pair_features(pairs, encode_proteins(pairs.targets, profile))


def test_pair_features__a_row_is_a_drug_and_a_target(pairs: PairData, features: PairFeatures) -> None:
    rows = features.rows(pairs)
    assert rows.shape == (len(pairs), 1024 + 423)
    np.testing.assert_array_equal(
        rows[9, :1024], morgan_fingerprints(pairs.smiles, n_bits=1024)[pairs.drug[9]]
    )
    np.testing.assert_array_equal(rows[9, 1024:], features.proteins[pairs.target[9]])


def test_means__exact_on_additive_labels(pairs: PairData, features: PairFeatures) -> None:
    baseline = DrugTargetMeans()
    baseline.fit(pairs, features)
    np.testing.assert_allclose(baseline.predict(pairs, features), pairs.label, atol=1e-9)


def test_means__an_unseen_drug_counts_as_average(pairs: PairData, features: PairFeatures) -> None:
    baseline = DrugTargetMeans()
    train, new = pairs.select(pairs.drug != 3), pairs.select(pairs.drug == 3)
    baseline.fit(train, features)
    expected = [train.label[train.target == t].mean() for t in new.target]
    np.testing.assert_allclose(baseline.predict(new, features), expected)


def test_ridge__equals_the_closed_form(pairs: PairData, features: PairFeatures) -> None:
    """Centred normal equations, (X'X + 10 I)^-1 X'y, in the dual form."""
    baseline = RidgeRegression()
    baseline.fit(pairs, features)
    x = features.rows(pairs).astype(float)
    centre, mean = x.mean(axis=0), pairs.label.mean()
    kernel = (x - centre) @ (x - centre).T
    dual = np.linalg.solve(kernel + 10.0 * np.eye(len(x)), pairs.label - mean)
    np.testing.assert_allclose(baseline.predict(pairs, features), kernel @ dual + mean, atol=1e-3)


def test_nearest_neighbour__takes_the_label_of_the_twin(pairs: PairData, features: PairFeatures) -> None:
    """A held-out drug that is another one's twin gets nearly that one's labels."""
    fingerprints = np.zeros((len(pairs.smiles), 64), np.uint8)
    for drug in range(len(fingerprints)):
        fingerprints[drug, 4 * drug : 4 * drug + 4] = 1
    fingerprints[1] = fingerprints[0]
    twins = replace(features, fingerprints=fingerprints)
    baseline = NearestNeighbour()
    baseline.fit(pairs.select(pairs.drug != 1), twins)
    predicted = baseline.predict(pairs.select(pairs.drug == 1), twins)
    shared = pairs.label[pairs.drug == 0]
    others = [pairs.label[(pairs.drug != 1) & (pairs.target == t)] for t in range(len(pairs.targets))]
    prior = np.array([(labels.sum() + baseline.grand) / (len(labels) + 1) for labels in others])
    np.testing.assert_allclose(predicted, (shared + 0.1 * prior) / 1.1)


def test_nearest_neighbour__without_any_similar_drug_is_the_target_mean(
    pairs: PairData, features: PairFeatures
) -> None:
    alone = replace(features, fingerprints=np.eye(len(pairs.smiles), 64, dtype=np.uint8))
    train, new = pairs.select(pairs.drug != 2), pairs.select(pairs.drug == 2)
    baseline = NearestNeighbour()
    baseline.fit(train, alone)
    n = len(pairs.smiles) - 1
    expected = [(train.label[train.target == t].sum() + baseline.grand) / (n + 1) for t in new.target]
    np.testing.assert_allclose(baseline.predict(new, alone), expected)


def test_random_forest__same_seed_same_trees(pairs: PairData, features: PairFeatures) -> None:
    first, again, other = (RandomForest(seed) for seed in (0, 0, 1))
    for forest in (first, again, other):
        forest.fit(pairs, features)
    np.testing.assert_array_equal(first.predict(pairs, features), again.predict(pairs, features))
    assert not np.array_equal(first.predict(pairs, features), other.predict(pairs, features))


@pytest.mark.parametrize("make", BASELINES)
def test_baselines__stay_within_reason_and_learn(
    make: type[Baseline], pairs: PairData, features: PairFeatures
) -> None:
    """On held-out pairs of additive labels each beats the grand mean."""
    held_out = np.random.default_rng(0).random(len(pairs)) < 0.25
    baseline = make(0)
    baseline.fit(pairs.select(~held_out), features)
    predicted = baseline.predict(pairs.select(held_out), features)
    assert predicted.shape == (held_out.sum(),)
    error = np.mean((predicted - pairs.label[held_out]) ** 2)
    assert error < np.mean((pairs.label[~held_out].mean() - pairs.label[held_out]) ** 2)


def test_baselines__have_distinct_names() -> None:
    assert len({make.name for make in BASELINES}) == len(BASELINES)
