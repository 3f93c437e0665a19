"""Kernels of lines, against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.preprocessing import KernelCenterer
from torch import Tensor

from models.line_kernel import GaussianKernel, LinearKernel, ProductKernel, fit_line_kernel

WIDTHS = {"mutation": 6, "copy_number": 6, "amplification": 6, "known_copy_number": 6, "aneuploidy": 3,
          "covariates": 4, "expression": 6}  # fmt: skip
ARMS = (
    ("mutation",), ("covariates",), ("expression",), ("mutation", "covariates"),
    ("mutation", "copy_number", "aneuploidy"), ("covariates", "expression"), tuple(WIDTHS),
)  # fmt: skip


def features(n_lines: int, names: tuple[str, ...], seed: int = 0) -> dict[str, Tensor]:
    rng = np.random.default_rng(seed)
    return {name: torch.from_numpy(rng.normal(size=(n_lines, WIDTHS[name]))) for name in names}


def centred(training: np.ndarray, new: np.ndarray) -> np.ndarray:
    centre = KernelCenterer().fit(training)
    return np.asarray(centre.transform(new.copy()) / np.diag(centre.transform(training.copy())).mean())


def test_linear_kernel__as_scikit_learns_centred() -> None:
    x, new = features(10, ("mutation",)), features(4, ("mutation",), 1)
    a, b = x["mutation"].numpy(), new["mutation"].numpy()
    assert np.allclose(LinearKernel(x, "mutation")(new), centred(a @ a.T, b @ a.T))


def test_gaussian_kernel__as_scikit_learns_centred() -> None:
    x, new = features(10, ("copy_number",)), features(4, ("copy_number",), 1)
    kernel = GaussianKernel(x, "copy_number")
    a, b, gamma = x["copy_number"].numpy(), new["copy_number"].numpy(), 0.5 / kernel.median
    assert np.allclose(kernel(new), centred(rbf_kernel(a, gamma=gamma), rbf_kernel(b, a, gamma=gamma)))


def test_product_kernel__alike_in_both() -> None:
    x, new = features(10, ("mutation", "copy_number")), features(4, ("mutation", "copy_number"), 1)
    first, second = LinearKernel(x, "mutation"), GaussianKernel(x, "copy_number")
    training, product = (first(some).numpy() * second(some).numpy() for some in (x, new))
    assert np.allclose(ProductKernel(x, first, second)(new), centred(training, product))


@pytest.mark.parametrize("arm", ARMS)
def test_fit_line_kernel__centred_on_the_training_lines_and_scaled(arm: tuple[str, ...]) -> None:
    x = features(15, arm)
    gram = fit_line_kernel(x)(x).numpy()
    assert np.allclose(gram.mean(axis=0), 0) and np.diag(gram).mean() == pytest.approx(1)


@given(st.integers(0, 2**32 - 1), st.sampled_from(ARMS))
def test_fit_line_kernel__positive_semidefinite(seed: int, arm: tuple[str, ...]) -> None:
    x = features(12, arm, seed)
    gram = fit_line_kernel(x)(x).numpy()
    assert np.allclose(gram, gram.T) and np.linalg.eigvalsh(gram).min() > -1e-9


def test_fit_line_kernel__each_line_on_its_own() -> None:
    kernel, new = fit_line_kernel(features(10, tuple(WIDTHS))), features(5, tuple(WIDTHS), 1)
    one = kernel({name: x[2:3] for name, x in new.items()})
    assert torch.allclose(kernel(new)[2:3], one)


def test_gaussian_kernel__most_lines_the_same() -> None:
    x = {"covariates": torch.zeros(9, 2, dtype=torch.float64)}
    x["covariates"][0, 0] = 1
    assert bool(GaussianKernel(x, "covariates")(x).isfinite().all())
