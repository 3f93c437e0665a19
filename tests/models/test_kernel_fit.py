"""The two stages of the kernel regression against scikit-learn's, their slopes against small steps, and storage."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.gaussian_process.kernels import RBF
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import euclidean_distances

from models.kernel_fit import (
    OFFSET,
    SHARPNESS,
    STRUCTURE,
    KernelFit,
    Profiles,
    gaussian,
    joint_kernel,
    squared_distances,
    stored_pairs,
)
from models.kernel_ridge import KernelSettings, fit_kernel
from tests.models.test_kernel_ridge import kernel_of

N_MOLECULES, N_PROTEINS, N_NEW = 14, 6, 4


@pytest.fixture(scope="module")
def kernels() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Of known and new molecules with each other, and of the proteins."""
    rng = np.random.default_rng(5)
    return kernel_of(rng, N_MOLECULES + N_NEW), kernel_of(rng, N_PROTEINS)


@pytest.fixture(scope="module")
def pairs() -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    rng = np.random.default_rng(6)
    drug, target = np.nonzero(rng.random((N_MOLECULES, N_PROTEINS)) < 0.7)
    return drug, target, rng.normal(7, 1.3, size=len(drug))


@pytest.fixture(scope="module")
def fit(kernels, pairs) -> KernelFit:  # type: ignore[no-untyped-def]
    everything, alike = kernels
    near = everything[:N_MOLECULES, :N_MOLECULES]
    return fit_kernel(near, alike, *pairs, KernelSettings(n_rounds=2, n_iterations=3000))


def test_predict__second_stage_is_scikit_learns_on_the_joint_kernel(kernels, pairs, fit: KernelFit) -> None:  # type: ignore[no-untyped-def]
    everything, alike = kernels
    drug, target, label = pairs
    assert fit.profiles is not None and fit.second is not None
    near = everything[:, :N_MOLECULES]
    # The profiles of all molecules, by the first stage written out; those of training are kept.
    profile = OFFSET * fit.first.weight.sum(axis=0) @ alike + near @ fit.first.weight @ fit.first.learned
    np.testing.assert_allclose(profile[:N_MOLECULES], fit.profiles.values, atol=1e-4)
    known = profile[:N_MOLECULES]
    width = np.median(euclidean_distances(known, known, squared=True))
    assert fit.profiles.width == pytest.approx(width, rel=1e-3)
    of_profiles = RBF(np.sqrt(width / SHARPNESS / 2))(profile, known)
    joint = STRUCTURE * near + (1 - STRUCTURE) * np.sqrt(near) * of_profiles

    def pair_kernel(m: NDArray[np.int64], p: NDArray[np.int64]) -> NDArray[np.float64]:
        both = fit.second.learned[np.ix_(p, target)]  # type: ignore[union-attr]
        return OFFSET * alike[np.ix_(p, target)] + joint[np.ix_(m, drug)] * both

    ridge = KernelRidge(alpha=KernelSettings().noise, kernel="precomputed")
    ridge.fit(pair_kernel(drug, target), (label - label.mean()) / label.std())
    new, protein = (part.ravel() for part in np.indices((N_MOLECULES + N_NEW, N_PROTEINS)))
    expected = label.mean() + label.std() * ridge.predict(pair_kernel(new, protein))
    found = fit.predict(near, alike).ravel()
    np.testing.assert_allclose(found, expected, atol=0.05 * label.std())
    assert np.corrcoef(found, expected)[0, 1] > 0.999


def test_slope__agrees_with_small_steps(kernels, fit: KernelFit) -> None:  # type: ignore[no-untyped-def]
    everything, alike = kernels
    near = everything[N_MOLECULES:, :N_MOLECULES]
    slope = fit.slope(near, alike[2])
    assert slope.shape == near.shape
    for column in range(N_MOLECULES):
        step = np.zeros_like(near)
        step[:, column] = 0.002
        up, down = (fit.predict(near + sign * step, alike[2:3])[:, 0] for sign in (1, -1))
        np.testing.assert_allclose(slope[:, column], (up - down) / 0.004, atol=0.02 * np.abs(slope).max())


def test_slope__of_one_stage_is_what_the_landmarks_weigh(kernels, pairs) -> None:  # type: ignore[no-untyped-def]
    everything, alike = kernels
    near = everything[:N_MOLECULES, :N_MOLECULES]
    plain = fit_kernel(near, alike, *pairs, KernelSettings(n_rounds=0))
    assert plain.profiles is None and plain.near(near) is near
    base = plain.predict(np.zeros_like(near[:1]), alike[:1])[0, 0]
    change = plain.slope(near[:1], alike[0]) @ near[0]
    assert plain.predict(near[:1], alike[:1])[0, 0] - base == pytest.approx(float(change[0]), abs=1e-3)


@pytest.mark.parametrize("n_rounds", [0, 2])
def test_from_arrays__predicts_nearly_as_before(kernels, pairs, n_rounds: int) -> None:  # type: ignore[no-untyped-def]
    """Half precision moves predictions by little; a pair that was not measured has no weight."""
    everything, alike = kernels
    near = everything[:N_MOLECULES, :N_MOLECULES]
    fitted = fit_kernel(near, alike, *pairs, KernelSettings(n_rounds=n_rounds))
    there = np.zeros((N_MOLECULES, N_PROTEINS), bool)
    there[pairs[0], pairs[1]] = True
    arrays = fitted.to_arrays(there)
    assert len(arrays["weight"]) == there.sum() and ("profiles" in arrays) == (n_rounds > 0)
    again = KernelFit.from_arrays(arrays, alike, N_MOLECULES)
    new = everything[N_MOLECULES:, :N_MOLECULES]
    np.testing.assert_allclose(again.predict(new, alike), fitted.predict(new, alike), atol=0.01)
    np.testing.assert_array_equal(stored_pairs(arrays, N_MOLECULES, N_PROTEINS), there)
    with pytest.raises(ValueError, match="not of 2 molecules"):
        KernelFit.from_arrays(arrays, alike, 2)
    with pytest.raises(zlib.error):
        KernelFit.from_arrays(arrays | {"there": arrays["there"][:-4]}, alike, N_MOLECULES)


def test_predict__is_never_below_the_limit_of_the_assay(kernels, pairs) -> None:  # type: ignore[no-untyped-def]
    everything, alike = kernels
    near = everything[:N_MOLECULES, :N_MOLECULES]
    label = np.maximum(pairs[2], 6.8)
    fitted = fit_kernel(near, alike, pairs[0], pairs[1], label, KernelSettings(n_rounds=1))
    assert fitted.limit == 6.8
    assert fitted.predict(everything[:, :N_MOLECULES], alike).min() == pytest.approx(6.8)


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 8), m=st.integers(1, 8), shift=st.floats(-1e3, 1e3))
def test_squared_distances__are_scikit_learns(seed: int, n: int, m: int, shift: float) -> None:
    """Also far from the origin, where the usual formula loses its digits."""
    rng = np.random.default_rng(seed)
    a = (rng.normal(size=(n, 3)) + shift).astype(np.float32)
    b = (rng.normal(size=(m, 3)) + shift).astype(np.float32)
    expected = euclidean_distances(a.astype(float), b.astype(float), squared=True)
    np.testing.assert_allclose(squared_distances(a, b), expected, atol=1e-3)


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 12))
def test_joint_kernel__is_positive_definite(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    near, values = kernel_of(rng, n), rng.normal(size=(n, 4)).astype(np.float32)
    joint = joint_kernel(near, Profiles.of(values).kernel(values)).astype(float)
    np.testing.assert_allclose(np.diag(joint), 1, atol=1e-5)
    assert np.linalg.eigvalsh((joint + joint.T) / 2).min() > -1e-4


def test_gaussian__has_its_sharpness_at_the_median() -> None:
    assert gaussian(np.float32([[0, 2]]), 2.0)[0] == pytest.approx([1, np.exp(-SHARPNESS)])
