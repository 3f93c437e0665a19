"""Networks are trained the same way twice, on the rows they are given and no others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from chem.errors import InputError
from models.affinity_fit import (
    FittedNetwork,
    LabelScaler,
    _Sampler,
    fit_network,
    network_sizes,
    score_pairs,
    task_of,
)
from models.affinity_inputs import EncodedPairs, encode_pairs, fit_inputs
from models.affinity_network import NetworkShape
from models.history import Progress
from models.loop import LoopConfig
from models.pairs import PairData

MakePairs = Callable[..., PairData]
SHAPE = NetworkShape(dim=12, aligned=4, rank=6, dropout=0.1)
LOOP = LoopConfig(n_epochs=4, learning_rate=3e-3, ema=0.9, seed=5, device="cpu")


@pytest.fixture(scope="module")
def data(make_pairs: MakePairs) -> EncodedPairs:
    pairs = make_pairs(8, 5)
    return encode_pairs(pairs, fit_inputs([pairs], rank=6))


@pytest.fixture(scope="module")
def yes_no(data: EncodedPairs) -> EncodedPairs:
    pairs = data.pairs
    label = (pairs.label > np.median(pairs.label)).astype(float)
    return replace(data, pairs=replace(pairs, name="binds", label=label))


@pytest.fixture(scope="module")
def fitted(data: EncodedPairs) -> FittedNetwork:
    return fit_network([data], SHAPE, LOOP)[0]


def scores(fitted: FittedNetwork, data: EncodedPairs, endpoint: str = "pkd") -> np.ndarray:
    return score_pairs(fitted, endpoint, data.molecules, data.proteins, data.pairs.drug, data.pairs.target)


def same_weights(one: FittedNetwork, other: FittedNetwork) -> bool:
    a, b = one.network.state_dict(), other.network.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_fit_network__one_seed_gives_one_network(data: EncodedPairs, fitted: FittedNetwork) -> None:
    torch.manual_seed(99)  # the caller's generators have no part in it
    again, history = fit_network([data], SHAPE, LOOP)
    assert same_weights(again, fitted)
    assert len(history.records) == 4 and not again.network.training
    other, _ = fit_network([data], SHAPE, replace(LOOP, seed=6))
    assert not same_weights(other, fitted)


def test_fit_network__rows_may_come_in_any_order(data: EncodedPairs, fitted: FittedNetwork) -> None:
    again, _ = fit_network([data.select(np.arange(len(data.pairs))[::-1].copy())], SHAPE, LOOP)
    # The mean label is added up in another order, so not to the last bit.
    np.testing.assert_allclose(scores(again, data), scores(fitted, data), atol=1e-3)


def test_fit_network__goes_on_after_an_interruption_to_the_same_weights(
    data: EncodedPairs, fitted: FittedNetwork, tmp_path: Path
) -> None:
    class Killed(BaseException):
        pass

    seen: list[int] = []

    def stop(progress: Progress) -> None:
        if progress.record.epoch == 2:
            raise Killed

    def watch(progress: Progress) -> None:
        seen.append(progress.record.epoch)

    state = tmp_path / "state.safetensors"
    with pytest.raises(Killed):
        fit_network([data], SHAPE, LOOP, state=state, progress=stop)
    again, history = fit_network([data], SHAPE, LOOP, state=state, progress=watch)
    assert seen == [3, 4] and len(history.records) == 4
    assert same_weights(again, fitted)
    with pytest.raises(InputError, match="another run"):
        fit_network([data], SHAPE, replace(LOOP, learning_rate=1e-3), state=state)


def test_fit_network__validation_decides_when_to_stop_and_nothing_else(data: EncodedPairs) -> None:
    """The weights kept are those of a run that never saw the validation rows and stopped at that epoch."""
    held_out = data.pairs.drug == 0
    train, validation = data.select(~held_out), data.select(held_out)
    rng = np.random.default_rng(0)
    for label in (validation.pairs.label, rng.normal(1e3, 1e3, size=len(validation.pairs))):
        poisoned = replace(validation, pairs=replace(validation.pairs, label=label))
        with_rows, history = fit_network([train], SHAPE, LOOP, validation=[poisoned])
        blind, _ = fit_network([train], SHAPE, replace(LOOP, stop_after=history.best_epoch))
        assert same_weights(with_rows, blind)
        assert all(record.validation is not None for record in history.records)


def test_fit_network__rows_not_given_leave_no_trace(data: EncodedPairs) -> None:
    keep = data.pairs.drug != 2
    label = np.where(keep, data.pairs.label, 1e9)
    poisoned = replace(data, pairs=replace(data.pairs, label=label))
    one, _ = fit_network([data.select(keep)], SHAPE, LOOP)
    other, _ = fit_network([poisoned.select(keep)], SHAPE, LOOP)
    assert same_weights(one, other)


def test_fit_network__learns_its_training_pairs(data: EncodedPairs) -> None:
    """Scaled labels come back in their own unit, far from mean 0 and variance 1."""
    far = replace(data, pairs=replace(data.pairs, label=1000 + 50 * data.pairs.label))
    config = replace(LOOP, n_epochs=25, learning_rate=1e-2)
    fitted, _ = fit_network([far], replace(SHAPE, dropout=0.0), config)
    found = scores(fitted, far)
    assert found.dtype == np.float64
    assert np.mean((found - far.pairs.label) ** 2) < 0.1 * far.pairs.label.var()


def test_fit_network__trains_a_head_per_endpoint(data: EncodedPairs, yes_no: EncodedPairs) -> None:
    fitted, _ = fit_network([data, yes_no], SHAPE, replace(LOOP, n_epochs=12, learning_rate=1e-2))
    assert fitted.endpoints == ("pkd", "binds")
    assert fitted.tasks == ("regression", "classification")
    assert fitted.scalers[1] == LabelScaler(0.0, 1.0)
    probability = scores(fitted, yes_no, "binds")
    assert probability.min() >= 0 and probability.max() <= 1
    assert probability[yes_no.pairs.label == 1].mean() > probability[yes_no.pairs.label == 0].mean() + 0.2
    assert abs(scores(fitted, data).mean() - data.pairs.label.mean()) < 1
    with pytest.raises(ValueError, match="not in tuple"):
        scores(fitted, data, "kiba")


def test_fit_network__starts_from_the_towers_and_the_named_heads(
    data: EncodedPairs, yes_no: EncodedPairs, fitted: FittedNetwork
) -> None:
    """A learning rate of nearly nothing leaves what was taken over where it was."""
    still = replace(LOOP, n_epochs=1, learning_rate=1e-12, seed=6)
    tuned, _ = fit_network([yes_no, data], SHAPE, still, start=fitted)
    old, new = fitted.network.state_dict(), tuned.network.state_dict()
    for name, weight in old.items():
        place = name.replace("heads.0.", "heads.1.").replace("forms.0.", "forms.1.")
        torch.testing.assert_close(new[place], weight, atol=1e-6, rtol=0)
    fresh, _ = fit_network([yes_no, data], SHAPE, still)
    assert torch.equal(new["heads.0.body.3.weight"], fresh.network.state_dict()["heads.0.body.3.weight"])
    renamed = replace(
        yes_no, pairs=replace(yes_no.pairs, name="pkd")
    )  # the same name for another kind of label
    other, _ = fit_network([renamed], SHAPE, still, start=fitted)
    assert not torch.allclose(
        other.network.state_dict()["heads.0.body.3.weight"], old["heads.0.body.3.weight"]
    )


def test_fit_network__refuses_a_start_of_another_shape(data: EncodedPairs, fitted: FittedNetwork) -> None:
    with pytest.raises(InputError, match="field start: the network to start from has"):
        fit_network([data], replace(SHAPE, dim=8), LOOP, start=fitted)
    smaller = encode_pairs(data.pairs, fit_inputs([data.pairs], rank=3))
    with pytest.raises(InputError, match="inputs of its own encoder"):
        fit_network([smaller], SHAPE, LOOP, start=fitted)


def test_sampler__draws_every_molecule_once_per_pass(
    data: EncodedPairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.affinity_fit.BATCH_MOLECULES", 2)
    part = data.select(data.pairs.drug != 3)
    sampler = _Sampler(part, LabelScaler(0.0, 1.0))
    assert sampler.size == 2 and len(sampler.drugs) == 7
    steps = list(sampler.draw(14, np.random.default_rng(0)))
    drawn = np.concatenate(steps[:3])
    assert len(set(drawn)) == len(drawn) == 6
    # A step over the end of a pass may meet the same molecule twice, and then reads it once.
    times = np.bincount(np.concatenate(steps), minlength=8)
    assert times[3] == 0 and times[sampler.drugs].min() >= 3 and times.max() <= 4


def test_sampler__its_loss_is_the_mean_over_pairs(data: EncodedPairs, fitted: FittedNetwork) -> None:
    """Of landmarks alone, which no random choice touches."""
    scaler = fitted.scalers[0]
    sampler = _Sampler(data, scaler)
    drugs = np.array([1, 4, 6])
    with torch.no_grad():
        loss = sampler.loss(fitted.network, 0, drugs, np.random.default_rng(0)).item()
    rows = np.isin(data.pairs.drug, drugs)
    errors = (scores(fitted, data) - data.pairs.label)[rows] / scaler.sd
    assert loss == pytest.approx(np.mean(errors**2), rel=1e-4)


def test_score_pairs__many_pairs_equal_one_by_one(data: EncodedPairs, fitted: FittedNetwork) -> None:
    whole = scores(fitted, data)
    index = np.random.default_rng(2).integers(len(data.pairs), size=100_000)
    many = score_pairs(
        fitted, "pkd", data.molecules, data.proteins, data.pairs.drug[index], data.pairs.target[index]
    )
    np.testing.assert_allclose(many, whole[index], atol=1e-5)
    alone = [scores(fitted, data.select(np.array([row])))[0] for row in range(len(data.pairs))]
    np.testing.assert_allclose(alone, whole, atol=1e-5)
    assert len(scores(fitted, data.select(np.zeros(len(data.pairs), bool)))) == 0


def test_network_sizes__and_tasks(data: EncodedPairs) -> None:
    sizes = network_sizes(data)
    assert sizes.ranks == (6, 0) and sizes.n_columns == data.proteins.arrays.aligned.shape[1]
    assert task_of(np.array([0.0, 1.0, 1.0])) == "classification"
    assert task_of(np.array([0.0, 1.0, 1.5])) == "regression"
    assert LabelScaler.of(np.full(3, 7.0), "regression") == LabelScaler(7.0, 1.0)
