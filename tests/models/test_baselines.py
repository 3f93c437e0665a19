"""What every plain model must do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from chem.errors import InputError
from models.baselines import BASELINES
from models.metrics import log_loss
from models.pair_model import PairFeatures, PairModel, Task
from models.pairs import PairData, read_pairs
from models.protein import Target

MakePairs = Callable[..., PairData]


@pytest.fixture(scope="module")
def pairs(make_pairs: MakePairs) -> PairData:
    return make_pairs(noise=0.0)


@pytest.fixture(scope="module")
def features(pairs: PairData) -> PairFeatures:
    return PairFeatures(pairs.smiles, pairs.targets)


@pytest.mark.parametrize("make", BASELINES)
def test_baselines__learn(make: type[PairModel], pairs: PairData, features: PairFeatures) -> None:
    """On held-out pairs of additive labels each beats the grand mean."""
    held_out = np.random.default_rng(0).random(len(pairs)) < 0.25
    model = make(0)
    model.fit(pairs.select(~held_out), features)
    predicted = model.predict(pairs.select(held_out), features)
    assert predicted.shape == (held_out.sum(),)
    error = np.mean((predicted - pairs.label[held_out]) ** 2)
    assert error < np.mean((pairs.label[~held_out].mean() - pairs.label[held_out]) ** 2)


@pytest.mark.parametrize("make", BASELINES)
def test_baselines__learn_nothing_from_shuffled_labels(
    make: type[PairModel], pairs: PairData, features: PairFeatures
) -> None:
    rng = np.random.default_rng(0)
    shuffled = replace(pairs, label=rng.permutation(pairs.label))
    held_out = rng.random(len(pairs)) < 0.3
    model = make(0)
    model.fit(shuffled.select(~held_out), features)
    predicted = model.predict(shuffled.select(held_out), features)
    error = np.mean((predicted - shuffled.label[held_out]) ** 2)
    assert error > 0.8 * np.mean((shuffled.label[~held_out].mean() - shuffled.label[held_out]) ** 2)


@pytest.mark.parametrize("make", BASELINES)
def test_baselines__give_probabilities(
    make: type[PairModel], pairs: PairData, features: PairFeatures
) -> None:
    label = (pairs.label > np.quantile(pairs.label, 0.6)).astype(float)
    positive = replace(pairs, label=label)
    held_out = np.random.default_rng(0).random(len(pairs)) < 0.25
    model = make(0, task="classification")
    model.fit(positive.select(~held_out), features)
    probability = model.predict(positive.select(held_out), features)
    assert probability.min() >= 0 and probability.max() <= 1
    rate = np.full(held_out.sum(), label[~held_out].mean())
    assert log_loss(label[held_out], np.clip(probability, 0.02, 0.98)) < log_loss(label[held_out], rate)


@pytest.mark.parametrize("task", ["regression", "classification"])
@pytest.mark.parametrize("make", BASELINES)
def test_baselines__finite_on_what_training_does_not_hold(
    make: type[PairModel], task: Task, pairs: PairData, features: PairFeatures
) -> None:
    """Another table: a salt of a metal, a drug that cannot be read, a chain of unknown residues, and one pair."""
    label = (pairs.label > pairs.label.mean()).astype(float) if task == "classification" else pairs.label
    model = make(0, task=task)
    model.fit(replace(pairs, label=label), features)
    asked = PairData(
        "pkd", ("a", "b", "c"), ("[Na+].[Cl-]", "", pairs.smiles[2]), ("", "unreadable", ""), ("X", "Y"),
        (Target("X", "XUO*X"), Target("Y", "M")), np.array([0, 1, 2, 0]), np.array([0, 0, 1, 1]),
        np.full(4, np.nan), np.full(4, -1),
    )  # fmt: skip
    predicted = model.predict(asked, PairFeatures(asked.smiles, asked.targets))
    assert predicted.shape == (4,) and np.isfinite(predicted).all()
    low, high = label.min(), label.max()
    assert predicted.min() > low - 3 * (high - low) and predicted.max() < high + 3 * (high - low)
    assert len(model.predict(asked.select(np.zeros(4, bool)), PairFeatures(asked.smiles, asked.targets))) == 0


@pytest.mark.parametrize("make", BASELINES)
def test_baselines__do_not_need_the_same_tables(
    make: type[PairModel], pairs: PairData, features: PairFeatures
) -> None:
    """The same pairs over tables in reverse order are predicted the same."""
    model = make(0)
    model.fit(pairs, features)
    turned = replace(
        pairs,
        smiles=pairs.smiles[::-1],
        targets=pairs.targets[::-1],
        drug=len(pairs.smiles) - 1 - pairs.drug,
        target=len(pairs.targets) - 1 - pairs.target,
    )
    expected = model.predict(pairs, features)
    np.testing.assert_allclose(
        model.predict(turned, PairFeatures(turned.smiles, turned.targets)), expected, rtol=1e-5
    )


@pytest.mark.parametrize("make", BASELINES)
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_baselines__one_class_alone(
    make: type[PairModel], value: float, pairs: PairData, features: PairFeatures
) -> None:
    model = make(0, task="classification")
    model.fit(replace(pairs, label=np.full(len(pairs), value)), features)
    np.testing.assert_allclose(model.predict(pairs, features), value, atol=0.02)


@pytest.mark.parametrize("make", BASELINES)
def test_baselines__refuse_a_missing_label(
    make: type[PairModel], pairs: PairData, features: PairFeatures
) -> None:
    with pytest.raises(InputError, match="is nan"):
        make(0).fit(replace(pairs, label=np.full(len(pairs), np.nan)), features)


def test_baselines__have_distinct_names() -> None:
    assert len({make.name for make in BASELINES}) == len(BASELINES)


def test_means__the_published_figure_of_davis(shared_data: Path) -> None:
    """Cross-validated over the five folds: 0.558 read elsewhere for drug mean + target mean."""
    folder = shared_data / "affinity" / "davis"
    data = read_pairs(
        folder / "train.tsv.gz", folder / "drugs.tsv", folder / "targets.tsv", label="pkd", folds="fold"
    )
    features = PairFeatures(data.smiles, data.targets)
    errors = []
    for fold in range(1, 6):
        model = BASELINES[0]()
        model.fit(data.select(data.fold != fold), features)
        held_out = data.select(data.fold == fold)
        errors.append(np.mean((model.predict(held_out, features) - held_out.label) ** 2))
    assert np.mean(errors) == pytest.approx(0.558, abs=0.03)
