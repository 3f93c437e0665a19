"""Kernel ridge over pairs against dense solutions of the whole system, and what it makes of bad input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.kernel_ridge import KernelRidge

from chem.errors import InputError
from models.kernel_fit import MOLECULE, OFFSET
from models.kernel_ridge import (
    KernelSettings,
    PairwiseKernelRidge,
    distinct,
    fit_kernel,
)
from models.landmarks import molecule_kernel, molecule_tables, protein_kernel, protein_tables
from models.pair_model import PairFeatures
from models.pairs import PairData
from models.protein import Target, encode_proteins

MakePairs = Callable[..., PairData]
EXACT = KernelSettings(n_rounds=0, n_iterations=2000)


def kernel_of(rng: np.random.Generator, n: int) -> NDArray[np.float32]:
    """Positive definite, ones on its diagonal."""
    points = rng.normal(size=(n, 4))
    return np.exp(-((points[:, None] - points[None]) ** 2).sum(axis=2) / 4).astype(np.float32)


def dense_weights(
    near: NDArray[np.float32], alike: NDArray[np.float32], count: NDArray[np.float64],
    total: NDArray[np.float64], noise: float,
) -> NDArray[np.float64]:  # fmt: skip
    """Solve the system of all distinct pairs, written out, in double precision."""
    m, p = np.nonzero(count)
    same = alike[np.ix_(p, p)].astype(float)
    pairs = OFFSET * same + near[np.ix_(m, m)].astype(float) * (same + MOLECULE)
    mean = total[m, p] / count[m, p]
    weight = np.zeros(count.shape)
    weight[m, p] = np.linalg.solve(pairs + np.diag(noise / count[m, p]), mean)
    return weight


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), n_molecules=st.integers(1, 9), n_proteins=st.integers(1, 7))
def test_fit_kernel__solves_the_dense_system(seed: int, n_molecules: int, n_proteins: int) -> None:
    """With pairs that are missing and pairs that are there several times."""
    rng = np.random.default_rng(seed)
    near, alike = kernel_of(rng, n_molecules), kernel_of(rng, n_proteins)
    n = n_molecules * n_proteins
    drug, target = rng.integers(n_molecules, size=n), rng.integers(n_proteins, size=n)
    label = rng.normal(7, 2, size=n)
    fit = fit_kernel(near, alike, drug, target, label, EXACT)
    count, total = np.zeros((n_molecules, n_proteins)), np.zeros((n_molecules, n_proteins))
    np.add.at(count, (drug, target), 1)
    np.add.at(total, (drug, target), (label - fit.mean) / fit.sd)
    expected = dense_weights(near, alike, count, total, EXACT.noise)
    np.testing.assert_allclose(fit.first.weight, expected, atol=2e-3 * max(1, np.abs(expected).max()))
    np.testing.assert_array_equal(fit.first.weight != 0, (count > 0) & (fit.first.weight != 0))


def test_fit_kernel__is_scikit_learns_kernel_ridge() -> None:
    """With the pair kernel precomputed; of molecules that training did not hold."""
    rng = np.random.default_rng(1)
    everything, alike = kernel_of(rng, 16), kernel_of(rng, 6)
    drug, target = (part.ravel() for part in np.meshgrid(np.arange(12), np.arange(6), indexing="ij"))
    keep = rng.random(72) < 0.8
    drug, target = drug[keep], target[keep]
    label = rng.normal(6, 1.5, size=len(drug))
    fit = fit_kernel(everything[:12, :12], alike, drug, target, label, EXACT)
    found = fit.predict(everything[12:, :12], alike)

    def pair_kernel(m: NDArray[np.int64], p: NDArray[np.int64]) -> NDArray[np.float64]:
        same = alike[np.ix_(p, target)]
        return OFFSET * same + everything[np.ix_(m, drug)] * (same + MOLECULE)

    ridge = KernelRidge(alpha=EXACT.noise, kernel="precomputed")
    ridge.fit(pair_kernel(drug, target), (label - label.mean()) / label.std())
    new, protein = (part.ravel() for part in np.meshgrid(np.arange(12, 16), np.arange(6), indexing="ij"))
    expected = label.mean() + label.std() * ridge.predict(pair_kernel(new, protein))
    # What is carried over to proteins is damped by a jitter of 0.001, hence not to more digits.
    np.testing.assert_allclose(found.ravel(), expected, atol=0.03 * label.std())
    assert np.corrcoef(found.ravel(), expected)[0, 1] > 0.9999


def test_pairwise_kernel_ridge__is_scikit_learns_on_real_molecules(make_pairs: MakePairs) -> None:
    pairs = make_pairs()
    train, test = pairs.select(pairs.drug < 9), pairs.select(pairs.drug >= 9)
    features = PairFeatures(pairs.smiles, pairs.targets)
    model = PairwiseKernelRidge(settings=EXACT)
    model.fit(train, features)
    molecules = molecule_tables(pairs.smiles)
    proteins = protein_tables(pairs.targets, encode_proteins(pairs.targets, model.profile))
    near, alike = molecule_kernel(molecules, molecules), protein_kernel(proteins, proteins)

    def pair_kernel(a: PairData) -> NDArray[np.float64]:
        same = alike[np.ix_(a.target, train.target)]
        return OFFSET * same + near[np.ix_(a.drug, train.drug)] * (same + MOLECULE)

    ridge = KernelRidge(alpha=EXACT.noise, kernel="precomputed")
    mean, sd = train.label.mean(), train.label.std()
    ridge.fit(pair_kernel(train), (train.label - mean) / sd)
    expected = mean + sd * ridge.predict(pair_kernel(test))
    np.testing.assert_allclose(model.predict(test, features), expected, atol=0.02 * sd)


def test_fit_kernel__learns_which_proteins_bind_alike() -> None:
    """Sequences say nothing, labels say that proteins fall into two groups: new cells are then filled better."""
    rng = np.random.default_rng(2)
    near, alike = kernel_of(rng, 60), np.eye(12, dtype=np.float32)
    root = np.linalg.cholesky(near + 1e-4 * np.eye(60))
    truth = (root @ rng.normal(size=(60, 2)))[:, np.arange(12) % 2] + 6
    label = truth + 0.1 * rng.normal(size=truth.shape)
    there = rng.random(truth.shape) < 0.3
    drug, target = np.nonzero(there)
    errors, kernels = [], []
    for n_rounds in (0, 6):
        fit = fit_kernel(near, alike, drug, target, label[there], KernelSettings(n_rounds=n_rounds))
        found = fit.predict(near, alike)
        errors.append(np.mean((found - truth)[~there] ** 2))
        kernels.append(fit.first.learned)
    assert errors[1] < 0.75 * errors[0]
    learned = kernels[1].astype(float)
    np.testing.assert_allclose(learned, learned.T, atol=1e-5)
    assert np.linalg.eigvalsh((learned + learned.T) / 2).min() > 0
    same = (np.arange(12)[:, None] % 2 == np.arange(12) % 2) & ~np.eye(12, dtype=bool)
    different = np.arange(12)[:, None] % 2 != np.arange(12) % 2
    assert learned[same].min() > learned[different].max()


def test_fit_kernel__equal_labels_are_predicted_everywhere() -> None:
    rng = np.random.default_rng(3)
    near, alike = kernel_of(rng, 4), kernel_of(rng, 3)
    fit = fit_kernel(near, alike, np.arange(4), np.array([0, 1, 2, 0]), np.full(4, 5.0), KernelSettings())
    np.testing.assert_allclose(fit.predict(near, alike), 5.0)


def test_pairwise_kernel_ridge__rows_may_come_in_any_order(make_pairs: MakePairs) -> None:
    pairs = make_pairs()
    features = PairFeatures(pairs.smiles, pairs.targets)
    order = np.random.default_rng(4).permutation(len(pairs))
    one, other = PairwiseKernelRidge(), PairwiseKernelRidge()
    one.fit(pairs, features)
    other.fit(pairs.select(order), features)
    np.testing.assert_allclose(other.predict(pairs, features), one.predict(pairs, features), atol=2e-3)
    np.testing.assert_allclose(
        one.predict(pairs.select(order), features), one.predict(pairs, features)[order], atol=1e-6
    )


def test_pairwise_kernel_ridge__is_finite_for_what_training_did_not_hold(make_pairs: MakePairs) -> None:
    """A new drug, one that cannot be read, and a protein of unknown letters."""
    pairs = make_pairs()
    model = PairwiseKernelRidge()
    model.fit(pairs, PairFeatures(pairs.smiles, pairs.targets))
    strange = replace(
        pairs.select(np.arange(4)), smiles=("OCC(O)CO", "[Rf]"), drug_ids=("new", "odd"), drug_reasons=("", ""),
        targets=(Target("X", "XUO*X"), Target("Y", "")), target_ids=("X", "Y"),
        drug=np.array([0, 0, 1, 1]), target=np.array([0, 1, 0, 1]),
    )  # fmt: skip
    for smiles in (strange.smiles, ("", strange.smiles[1])):
        asked = replace(strange, smiles=smiles)
        assert np.isfinite(model.predict(asked, PairFeatures(asked.smiles, asked.targets))).all()
    none = pairs.select(np.zeros(len(pairs), bool))
    assert model.predict(none, PairFeatures(none.smiles, none.targets)).shape == (0,)


def test_pairwise_kernel_ridge__probabilities_lie_between_0_and_1(make_pairs: MakePairs) -> None:
    pairs = make_pairs()
    yes = replace(pairs, label=(pairs.label > np.median(pairs.label)).astype(float))
    features = PairFeatures(pairs.smiles, pairs.targets)
    model = PairwiseKernelRidge(task="classification")
    assert model.settings.n_rounds == 0
    model.fit(yes, features)
    found = model.predict(yes, features)
    assert found.min() >= 0.001 and found.max() <= 0.999
    assert found[yes.label == 1].mean() > found[yes.label == 0].mean() + 0.3


def test_pairwise_kernel_ridge__refuses_missing_labels(make_pairs: MakePairs) -> None:
    pairs = make_pairs()
    label = pairs.label.copy()
    label[3] = np.nan
    with pytest.raises(InputError, match="record 4, field pkd: the label of abacavir - BTK is nan"):
        PairwiseKernelRidge().fit(replace(pairs, label=label), PairFeatures(pairs.smiles, pairs.targets))


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=6), st.data())
def test_distinct__gives_back_the_keys(keys: list[str], data: st.DataObject) -> None:
    index = data.draw(st.lists(st.integers(0, len(keys) - 1), max_size=10))
    places, which = distinct(keys, np.array(index, dtype=np.int64))
    assert [keys[places[k]] for k in which] == [keys[k] for k in index]
    assert len({keys[place] for place in places}) == len(places)
