"""Density against scikit-learn's neighbours, and its promise: a new training-like pair is rarely called far out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chem.errors import InputError
from models.domain_density import MAX_LATENT, N_NEIGHBOURS, LatentDensity


def test_density__against_scikit_learns_neighbours() -> None:
    from sklearn.neighbors import NearestNeighbors

    rng = np.random.default_rng(0)
    latent = rng.normal(size=(400, 6)) * [1, 5, 0.1, 1, 1, 2] + 3
    new = rng.normal(size=(50, 6)) * [2, 5, 0.1, 1, 3, 2] + 3
    points = (latent - latent.mean(axis=0)) / latent.std(axis=0)
    search = NearestNeighbors(n_neighbors=N_NEIGHBOURS).fit(points)
    own = search.kneighbors()[0].mean(axis=1)
    far = search.kneighbors((new - latent.mean(axis=0)) / latent.std(axis=0))[0].mean(axis=1)
    fitted = LatentDensity.fit(latent)
    np.testing.assert_allclose(fitted.isolation, np.sort(own), rtol=1e-4)
    expected = [(1 + np.sum(own >= distance)) / 401 for distance in far]
    np.testing.assert_allclose(fitted.density(new), expected, atol=1 / 401 + 1e-9)


def test_density__of_exchangeable_pairs_is_an_outlier_p_value() -> None:
    rng, low = np.random.default_rng(1), []
    for _ in range(60):
        latent = rng.standard_t(4, size=(340, 4))
        low.append(LatentDensity.fit(latent[:300]).density(latent[300:]) <= 0.1)
    assert 0.07 < np.mean(low) < 0.13
    assert LatentDensity.fit(latent).density(np.full((1, 4), 50.0))[0] == pytest.approx(1 / 341)


@settings(max_examples=20)
@given(st.integers(0, 200), st.sampled_from([0.25, 2.0, 64.0]), st.integers(-8, 8))
def test_density__does_not_feel_unit_and_shift_of_the_latent_space(
    seed: int, unit: float, shift: int
) -> None:
    rng = np.random.default_rng(seed)
    latent, new = rng.normal(size=(60, 3)), rng.normal(size=(10, 3))
    plain = LatentDensity.fit(latent).density(new)
    moved = LatentDensity.fit(latent * unit + shift).density(new * unit + shift)
    np.testing.assert_allclose(moved, plain, atol=1.5 / 61)


def test_density__keeps_a_part_and_ignores_constant_dimensions() -> None:
    rng = np.random.default_rng(2)
    latent = np.column_stack([rng.normal(size=(MAX_LATENT + 500, 2)), np.full(MAX_LATENT + 500, 7.0)])
    fitted = LatentDensity.fit(latent, seed=3)
    assert fitted.points.shape == (MAX_LATENT, 3) and np.isinf(fitted.sd[2])
    np.testing.assert_array_equal(fitted.points, LatentDensity.fit(latent, seed=3).points)
    near = fitted.density([[0.0, 0.0, 7.0], [0.0, 0.0, 1e6]])
    assert near[0] == near[1] > 0.3


def test_density__refuses_what_it_cannot_use() -> None:
    with pytest.raises(InputError, match="record 2, field latent"):
        LatentDensity.fit([[0.0], [np.nan], [1.0]])
    with pytest.raises(InputError, match="has 5 rows"):
        LatentDensity.fit(np.zeros((5, 2)))
    with pytest.raises(InputError, match="1 axes"):
        LatentDensity.fit(np.zeros(9))
    fitted = LatentDensity.fit(np.random.default_rng(0).normal(size=(20, 2)))
    with pytest.raises(InputError, match="has 3 columns"):
        fitted.density(np.zeros((1, 3)))
    assert fitted.density(np.zeros((0, 2))).shape == (0,)
