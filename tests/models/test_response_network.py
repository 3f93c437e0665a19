"""The ensemble: each member is the network written out, trained the same each time, kept without a change."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.decomposition import PCA

from models.kronecker import compound_correlation
from models.response_network import NetworkSettings, Projection, ResponseEnsemble, ResponseNetwork, _start

SMALL = NetworkSettings(n_members=3, hidden=16, rank=4, n_steps=40, learning_rate=1e-2)


def table(seed: int = 0) -> tuple[dict[str, torch.Tensor], np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(80, 6))
    response = np.outer(x[:, 0], [1, -1, 1, -1, 1]) + 0.3 * rng.normal(size=(80, 5))
    response[rng.random(response.shape) < 0.2] = np.nan
    return {"mutation": torch.from_numpy(x)}, response / np.nanstd(response, axis=0)


def fit(seed: int = 0) -> ResponseNetwork:
    features, response = table()
    return ResponseNetwork.fit(features, response, compound_correlation(response), SMALL, seed)


def test_projection__principal_components_as_scikit_learns() -> None:
    x = np.random.default_rng(0).normal(size=(30, 5)) * np.arange(1, 6)
    scores = Projection.fit(x, 2.0, 3)(torch.from_numpy(x)).numpy()
    theirs = PCA(3).fit_transform(x)
    theirs *= 2 / np.sqrt((theirs**2).sum(axis=1).mean())
    assert np.allclose(np.abs(scores), np.abs(theirs), atol=1e-5)


def test_ensemble__each_member_is_a_network_of_its_own() -> None:
    generator = torch.Generator().manual_seed(0)
    ensemble = ResponseEnsemble(6, torch.randn(4, 5, generator=generator), SMALL, generator)
    x = torch.randn(7, 6, generator=generator)
    for k, predicted in enumerate(ensemble(x)):
        hidden = torch.relu(x @ ensemble.into[k] + ensemble.bias[k])
        lines = hidden @ ensemble.out[k] + x @ ensemble.straight[k]
        assert torch.allclose(predicted, lines @ ensemble.compounds[k] + ensemble.offset[k], atol=1e-5)


def test_start__leading_directions_of_the_correlation() -> None:
    correlation = compound_correlation(table()[1])
    every = _start(correlation, 5).numpy()
    assert np.allclose(every.T @ every * 5, correlation, atol=1e-5)
    assert np.array_equal(_start(correlation, 1).numpy(), every[:1])
    assert (np.diff(np.linalg.norm(every, axis=1)) <= 0).all()


def test_fit__learns_what_was_planted() -> None:
    new, truth = table(1)
    predicted = fit().predict(new).numpy()
    there = ~np.isnan(truth)
    assert np.corrcoef(predicted[there], truth[there])[0, 1] > 0.8


def test_fit__same_seed_same_bytes_and_the_callers_generator_untouched() -> None:
    new = table(1)[0]
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first = fit().predict(new)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(6)
    assert torch.equal(first, fit().predict(new))
    assert not torch.equal(first, fit(1).predict(new))


def test_fit__what_was_not_measured_does_not_matter() -> None:
    """A compound without values has no gradient, so that its offset stays where it starts."""
    features, response = table()
    gone = response.copy()
    gone[:, 4] = np.nan
    correlation = compound_correlation(response)
    a = ResponseNetwork.fit(features, gone, correlation, SMALL, 0)
    assert torch.equal(a.ensemble.offset[:, 0, 4], torch.zeros(3))


def test_arrays__give_the_same_network() -> None:
    network, new = fit(), table(1)[0]
    again = ResponseNetwork.from_arrays(network.to_arrays(), SMALL)
    assert torch.equal(network.predict(new), again.predict(new))
