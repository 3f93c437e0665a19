"""The additive model against labels made additive."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from models.means import DrugTargetMeans
from models.pair_model import PairFeatures
from models.pairs import PairData

MakePairs = Callable[..., PairData]


@pytest.fixture(scope="module")
def pairs(make_pairs: MakePairs) -> PairData:
    return make_pairs(noise=0.0)


@pytest.fixture(scope="module")
def features(pairs: PairData) -> PairFeatures:
    return PairFeatures(pairs.smiles, pairs.targets)


def test_means__exact_on_additive_labels(pairs: PairData, features: PairFeatures) -> None:
    model = DrugTargetMeans()
    model.fit(pairs, features)
    np.testing.assert_allclose(model.predict(pairs, features), pairs.label, atol=1e-9)


def test_means__an_unseen_drug_counts_as_average(pairs: PairData, features: PairFeatures) -> None:
    model = DrugTargetMeans()
    train, new = pairs.select(pairs.drug != 3), pairs.select(pairs.drug == 3)
    model.fit(train, features)
    expected = [train.label[train.target == t].mean() for t in new.target]
    np.testing.assert_allclose(model.predict(new, features), expected)


def test_means__a_new_form_takes_the_mean_of_its_sequence(pairs: PairData, features: PairFeatures) -> None:
    model = DrugTargetMeans()
    model.fit(pairs, features)
    form = replace(pairs.targets[2], phosphorylated=True)
    asked = replace(pairs, targets=(form,) * len(pairs.targets))
    expected = model.predict(replace(pairs, target=np.full(len(pairs), 2)), features)
    np.testing.assert_allclose(model.predict(asked, PairFeatures(asked.smiles, asked.targets)), expected)


def test_means__rates_by_hand(pairs: PairData, features: PairFeatures) -> None:
    """Two drugs, one target, labels 1, 0: grand rate 1/2, drug rates (1 + 2/2)/3 and (0 + 2/2)/3."""
    some = pairs.select((pairs.target == 0) & (pairs.drug < 2))
    some = replace(some, label=np.array([1.0, 0.0]))
    model = DrugTargetMeans(task="classification")
    model.fit(some, features)
    np.testing.assert_allclose(model.predict(some, features), [2 / 3, 1 / 3])
