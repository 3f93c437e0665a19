"""Every model behind one call: none sees held-out labels, each finds what is there and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from chem.errors import InputError
from models.affinity_inputs import encode_pairs, fit_inputs
from models.affinity_network import NetworkShape
from models.contenders import (
    CONTENDERS,
    NETWORKS,
    NetworkRecipe,
    choose_epochs,
    fit_and_predict,
    fit_members,
    score_members,
)
from models.loop import LoopConfig
from models.metrics import pearson_r
from models.pairs import PairData
from models.splits import random_folds

MakePairs = Callable[..., PairData]
TINY = NetworkRecipe(
    NetworkShape(dim=16, aligned=8, rank=12, dropout=0.0),
    LoopConfig(n_epochs=10, stop_after=10, learning_rate=1e-2, ema=0.9, device="cpu"),
)


def halves(pairs: PairData) -> tuple[PairData, PairData]:
    held_out = random_folds(pairs, 3, 0) == 1
    return pairs.select(~held_out), pairs.select(held_out)


@pytest.mark.parametrize("name", ["kernel_ridge", "landmark_network", "means"])
def test_fit_and_predict__finds_what_is_there_and_nothing_in_shuffled_labels(
    name: str, make_pairs: MakePairs
) -> None:
    """Additive labels; out of fold, the correlation with shuffled ones is that of chance."""
    pairs = make_pairs(16, 10)
    shuffled = replace(pairs, label=np.random.default_rng(3).permutation(pairs.label))
    recipe = TINY if name in NETWORKS else None
    r = []
    for table in (pairs, shuffled):
        train, test = halves(table)
        prediction, _ = fit_and_predict(name, train, test, recipe=recipe)
        r.append(pearson_r(test.label, prediction))
    assert r[0] > 0.7
    assert abs(r[1]) < 0.4  # 53 held-out pairs: two standard errors are 0.27


@pytest.mark.parametrize("name", ["kernel_ridge", "landmark_network", "ridge"])
def test_fit_and_predict__held_out_labels_are_not_looked_at(name: str, make_pairs: MakePairs) -> None:
    train, test = halves(make_pairs(8, 5))
    short = replace(TINY, loop=replace(TINY.loop, stop_after=1))
    recipe = short if name in NETWORKS else None
    expected = fit_and_predict(name, train, test, recipe=recipe)[0]
    for poison in (np.nan, 1e9):
        poisoned = replace(test, label=np.full(len(test), poison))
        np.testing.assert_array_equal(fit_and_predict(name, train, poisoned, recipe=recipe)[0], expected)


def test_fit_and_predict__an_ensemble_is_the_mean_of_its_members(make_pairs: MakePairs) -> None:
    train, test = halves(make_pairs(8, 5))
    two = replace(TINY, n_members=2, loop=replace(TINY.loop, stop_after=2))
    prediction, spread = fit_and_predict("mine", train, test, recipe=two, seed=3)
    data = encode_pairs(train, fit_inputs([train], rank=12))
    members = fit_members(data, two, 3)
    scores = score_members(members, replace(data, pairs=test))
    assert scores.shape == (2, len(test)) and not np.allclose(scores[0], scores[1])
    np.testing.assert_allclose(prediction, scores.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(spread, np.abs(scores[0] - scores[1]) / np.sqrt(2), atol=1e-6)
    alone = replace(two, n_members=1)
    assert np.isnan(fit_and_predict("mine", train, test, recipe=alone)[1]).all()


def test_fit_members__goes_on_where_it_stopped(make_pairs: MakePairs, tmp_path: Path) -> None:
    pairs = make_pairs(8, 5)
    data = encode_pairs(pairs, fit_inputs([pairs], rank=12))
    two = replace(TINY, n_members=2, loop=replace(TINY.loop, stop_after=2))
    seen: list[int] = []
    first = fit_members(data, two, 0, state=tmp_path)
    again = fit_members(data, two, 0, state=tmp_path, progress=lambda _: seen.append(1))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "member-0.safetensors",
        "member-1.safetensors",
    ]
    assert not seen
    np.testing.assert_array_equal(score_members(again, data), score_members(first, data))


def test_choose_epochs__within_the_recipes_and_the_same_twice(make_pairs: MakePairs) -> None:
    pairs = make_pairs(8, 5)
    data = encode_pairs(pairs, fit_inputs([pairs], rank=12))
    recipe = replace(TINY, loop=replace(TINY.loop, n_epochs=6, stop_after=None))
    chosen = choose_epochs(data, recipe, seed=0)
    assert chosen in (2, 4, 6)
    assert chosen == choose_epochs(data, recipe, seed=0)
    one = data.select(np.array([0]))
    assert choose_epochs(one, recipe, seed=0) == 6


def test_fit_and_predict__refuses_an_unknown_name(make_pairs: MakePairs) -> None:
    pairs = make_pairs(4, 3)
    with pytest.raises(InputError, match="no model is called 'transformer'; expected one of means") as raised:
        fit_and_predict("transformer", pairs, pairs)
    assert all(name in str(raised.value) for name in CONTENDERS)
