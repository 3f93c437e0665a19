"""Trees: their components against scikit-learn, their seeds, and one class alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from sklearn.decomposition import PCA

from chem.errors import InputError
from models.pair_columns import PairColumns
from models.pair_model import PairFeatures, Task
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


@pytest.mark.parametrize("task", ["regression", "classification"])
@pytest.mark.parametrize("make", [RandomForest, GradientBoosting])
def test_trees__stored_is_what_was_fitted(
    make: type[TreeModel], task: Task, pairs: PairData, features: PairFeatures, tmp_path: Path
) -> None:
    """Through a safetensors file, on drugs and targets in another order: the same bits."""
    labelled = replace(pairs, label=(pairs.label > 6).astype(float)) if task == "classification" else pairs
    model = make(0, task=task)
    model.fit(labelled.select(pairs.drug < 9), features)
    save_file(model.to_arrays(), tmp_path / "trees.safetensors")
    stored = make.from_arrays(load_file(tmp_path / "trees.safetensors"), task=task)
    assert stored.task == task
    expected = model.predict(pairs, features)
    np.testing.assert_array_equal(stored.predict(pairs, features), expected)
    assert np.ptp(expected) > 0.1
    turned = replace(pairs, smiles=pairs.smiles[::-1], targets=pairs.targets[::-1])
    turned = replace(turned, drug=11 - pairs.drug, target=7 - pairs.target)
    again = stored.predict(turned, PairFeatures(turned.smiles, turned.targets))
    np.testing.assert_allclose(again, expected, rtol=1e-6)


def test_trees__one_class_alone_is_stored(pairs: PairData, features: PairFeatures) -> None:
    model = GradientBoosting(0, task="classification")
    model.fit(replace(pairs, label=np.ones(len(pairs))), features)
    stored = GradientBoosting.from_arrays(model.to_arrays(), task="classification")
    assert stored.trees.n_trees == 0
    np.testing.assert_array_equal(stored.predict(pairs, features), model.predict(pairs, features))


def test_trees__stored_parts_have_to_fit(pairs: PairData, features: PairFeatures) -> None:
    model, other = RandomForest(0), RandomForest(0)
    model.fit(pairs, features)
    other.fit(pairs.select(pairs.drug < 5), features)
    arrays = model.to_arrays()
    foreign = {k: v for k, v in other.to_arrays().items() if k.startswith("components.")}
    with pytest.raises(InputError, match="trees of 18 columns; expected 11"):
        RandomForest.from_arrays(arrays | foreign)
    with pytest.raises(InputError, match="target_axes: axes of shape"):
        RandomForest.from_arrays(arrays | {"components.target_axes": arrays["components.target_axes"][1:]})
    for name in arrays:
        with pytest.raises(InputError, match="no such array"):
            RandomForest.from_arrays({k: v for k, v in arrays.items() if k != name})


def test_pair_columns__descriptors_are_known_by_name(pairs: PairData, features: PairFeatures) -> None:
    """In another order they are the same columns; one that RDKit does not have is refused, not replaced."""
    columns = PairColumns(pairs, features)
    arrays = columns.to_arrays()
    names = bytes(arrays["descriptors.names"]).decode().split("\n")
    turned = {f"descriptors.{name}": arrays[f"descriptors.{name}"][::-1] for name in ("mean", "sd")}
    turned["descriptors.names"] = np.frombuffer("\n".join(names[::-1]).encode(), np.uint8)
    mine, theirs = columns.drugs(features), PairColumns.from_arrays(arrays | turned).drugs(features)
    n = len(names)
    np.testing.assert_array_equal(mine[:, :-n], theirs[:, :-n])
    np.testing.assert_array_equal(mine[:, -n:], theirs[:, -n:][:, ::-1])
    with pytest.raises(InputError, match="RDKit has no descriptor Weight"):
        PairColumns.from_arrays(arrays | {"descriptors.names": np.frombuffer(b"Weight", np.uint8)})
    with pytest.raises(InputError, match="flags: 0 columns, 1 means"):
        PairColumns.from_arrays(arrays | {"flags.mean": np.zeros(1)})
    with pytest.raises(InputError, match="counts: no columns with mean and deviation"):
        PairColumns.from_arrays(arrays | {"counts.sd": -arrays["counts.sd"]})
