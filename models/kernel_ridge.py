"""Kernel ridge regression on pairs: molecule kernel times protein kernel, the proteins' part learned from labels.

The kernel of two pairs (m, p) and (n, q) is ``a k(p, q) + K(m, n) (B(p, q) + b k(p, q))``, with `K` and `k` of
`models.landmarks`: affinities of one protein go together over all molecules, those of similar molecules go
together on similar proteins. `B` says which training proteins bind alike. The bracket starts as `k` and a constant; `B` is then
estimated from the fit itself, as in multi-task Gaussian processes. A second stage compares molecules, and proteins,
by the affinities that the first one fitted to them as well (`models.kernel_fit`). Most of the accuracy comes from these two.
The equations are solved by conjugate gradients with Kronecker products, so that 100,000 pairs take seconds.

References
----------
Bonilla, E. et al. (2007) Multi-task Gaussian process prediction, NIPS 20. Pahikkala, T. et al. (2015) Briefings in
Bioinformatics 16:325, for Kronecker kernels of drugs and targets.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.conformal import censoring_limit
from models.kernel_fit import (
    OFFSET,
    KernelFit,
    Matrix,
    Profiles,
    Stage,
    gaussian,
    joint_kernel,
    squared_distances,
    unlearned,
)
from models.kinase import build_profile
from models.landmarks import molecule_kernel, molecule_tables, protein_kernel, protein_tables
from models.pair_model import PairFeatures, PairModel, Task, training_labels
from models.pairs import PairData
from models.protein import encode_proteins

SHRINK = 0.5
"""Weight of the sequence kernel beside the learned one."""
LEARNED, PROFILE = 0.5, 0.3
"""Weights of the learned kernel of proteins, and of that of their fitted affinities, in the second stage."""
RIDGE = 0.05
"""Added to the molecules' kernel where the proteins' covariance is estimated."""


@dataclass(frozen=True)
class KernelSettings:
    """Settings of the regression.

    Attributes
    ----------
    noise
        Variance of the labels' noise, in units of the labels' variance.
    n_rounds
        Estimates of the proteins' kernel from the labels; 0 keeps that of the sequences, and to one stage.
    n_iterations
        Of the conjugate gradients, each time.
    """

    noise: float = 0.1
    n_rounds: int = 6
    n_iterations: int = 150

    @classmethod
    def of(cls, task: Task) -> KernelSettings:
        """Settings of a task: from yes and no the proteins' kernel is not learned."""
        return cls(n_rounds=0) if task == "classification" else cls()


def fit_kernel(
    near: Matrix,
    alike: Matrix,
    drug: NDArray[np.int64],
    target: NDArray[np.int64],
    label: NDArray[np.float64],
    settings: KernelSettings,
) -> KernelFit:
    """Fit the regression to labelled pairs.

    Parameters
    ----------
    near, alike
        Kernels of the training molecules and of the training proteins.
    drug, target
        (n_pairs,) rows of those two; several labels of one pair count as their mean, with less noise.
    label
        (n_pairs,) float64.
    settings
        How.

    Returns
    -------
    KernelFit
        That predicts.
    """
    mean, sd = float(label.mean()), float(label.std()) or 1.0
    count = np.zeros((len(near), len(alike)), np.float32)
    np.add.at(count, (drug, target), 1.0)
    total = np.zeros_like(count)
    np.add.at(total, (drug, target), (label - mean) / sd)
    learned = unlearned(alike)
    stage = Stage(_conjugate_gradients(near, alike, learned, count, total, settings), learned)
    for _ in range(settings.n_rounds):
        learned = _covariance(stage.fitted(alike, near), near) + np.float32(SHRINK) * alike
        stage = Stage(_conjugate_gradients(near, alike, learned, count, total, settings), learned)
    profiles = second = None
    if settings.n_rounds:
        fitted = stage.fitted(alike, near)
        profiles = Profiles.of(fitted)
        learned = LEARNED * _covariance(fitted, near) + SHRINK * alike + PROFILE * _alike_fitted(fitted)
        joint = joint_kernel(near, profiles.kernel(fitted))
        second = Stage(_conjugate_gradients(joint, alike, learned, count, total, settings), learned)
    return KernelFit(alike, stage, profiles, second, mean, sd, limit_of(label))


def limit_of(label: NDArray[np.float64]) -> float:
    """Value below which nothing is predicted: the limit of the assay where labels were cut off, else -inf.

    Examples
    --------
    >>> limit_of(np.array([5.0, 5.0, 6.2])), limit_of(np.array([5.1, 5.3, 6.2]))
    (5.0, -inf)
    """
    limit = censoring_limit(label)
    return -np.inf if limit is None else limit


def _alike_fitted(fitted: Matrix) -> Matrix:
    """(n_proteins, n_proteins) Gaussian kernel of the proteins' fitted affinities, less those of all proteins."""
    of_protein = (fitted - fitted.mean(axis=0)).T
    squares = squared_distances(of_protein, of_protein)
    return gaussian(squares, float(np.median(squares)) or 1.0)


def _conjugate_gradients(
    near: Matrix, alike: Matrix, both: Matrix, count: Matrix, total: Matrix, settings: KernelSettings
) -> Matrix:
    """Weights of the training pairs, preconditioned by the diagonal of the system."""
    there = count > 0
    mean = np.divide(total, count, out=np.zeros_like(total), where=there)
    noises = np.divide(np.float32(settings.noise), count, out=np.ones_like(total), where=there)

    def times(x: Matrix) -> Matrix:
        common = OFFSET * (x.sum(axis=0) @ alike)
        return np.asarray(np.where(there, common + near @ (x @ both) + noises * x, 0), np.float32)

    diagonal = OFFSET * np.diag(alike) + np.diag(near)[:, None] * np.diag(both) + noises
    x = np.zeros_like(mean)
    rest = mean
    direction = rest / diagonal
    square = float((rest * direction).sum())
    enough = 1e-10 * square
    for _ in range(settings.n_iterations):
        if square <= enough:
            break
        image = times(direction)
        length = np.float32(square / float((direction * image).sum()))
        x = x + length * direction
        rest = rest - length * image
        scaled = rest / diagonal
        next_square = float((rest * scaled).sum())
        direction = scaled + np.float32(next_square / square) * direction
        square = next_square
    return np.asarray(x, np.float32)


def _covariance(fitted: Matrix, near: Matrix) -> Matrix:
    """Covariance (n_proteins, n_proteins) of fitted affinities over molecules that are related as `near` says."""
    ridge = RIDGE * np.eye(len(near), dtype=np.float32)
    solved = np.linalg.solve(near + ridge, fitted)
    return np.asarray(fitted.T @ solved / len(near), np.float32)


class PairwiseKernelRidge(PairModel):
    """Kernel ridge regression over pairs with a learned kernel of the proteins.

    Parameters
    ----------
    seed, task, n_threads
        As in `PairModel`; nothing here is random.
    settings
        Of the regression.
    """

    name = "kernel_ridge"

    def __init__(
        self, seed: int = 0, *, task: Task = "regression", n_threads: int = 1,
        settings: KernelSettings | None = None,
    ) -> None:  # fmt: skip
        super().__init__(seed, task=task, n_threads=n_threads)
        self.settings = settings or KernelSettings.of(task)

    def fit(self, pairs: PairData, features: PairFeatures) -> None:
        """Solve for the weights of the training molecules and proteins."""
        label = training_labels(pairs, self.task)
        molecules, drug = distinct(features.drug_key, pairs.drug)
        proteins, target = distinct(features.target_key, pairs.target)
        targets = [features.targets[p] for p in proteins]
        self.molecules = molecule_tables([features.smiles[m] for m in molecules])
        self.profile = build_profile([target.sequence for target in targets])
        self.proteins = protein_tables(targets, encode_proteins(targets, self.profile))
        with self.threads():
            near = molecule_kernel(self.molecules, self.molecules)
            alike = protein_kernel(self.proteins, self.proteins)
            self.fitted = fit_kernel(near, alike, drug, target, label, self.settings)

    def predict(self, pairs: PairData, features: PairFeatures) -> NDArray[np.float64]:
        """Predictions; a probability is cut to between 0.001 and 0.999."""
        molecules, drug = distinct(features.drug_key, pairs.drug)
        proteins, target = distinct(features.target_key, pairs.target)
        if not molecules:
            return np.zeros(0)
        targets = [features.targets[p] for p in proteins]
        tables = protein_tables(targets, encode_proteins(targets, self.profile))
        with self.threads():
            near = molecule_kernel(molecule_tables([features.smiles[m] for m in molecules]), self.molecules)
            alike = protein_kernel(tables, self.proteins)
            values = self.fitted.predict(near, alike)[drug, target]
        return as_task(values, self.task)


def as_task(values: NDArray[np.float64], task: Task) -> NDArray[np.float64]:
    """Predictions of the regression as a task wants them: probabilities are cut to between 0.001 and 0.999.

    Examples
    --------
    >>> as_task(np.array([-0.2, 0.5]), "classification").tolist()
    [0.001, 0.5]
    """
    return np.clip(values, 1e-3, 1 - 1e-3) if task == "classification" else values


def distinct(keys: Sequence[Hashable], index: NDArray[np.int64]) -> tuple[list[int], NDArray[np.int64]]:
    """First place of every distinct key that `index` uses, and for each entry of `index` which of them it is.

    Examples
    --------
    >>> distinct(("b", "a", "b"), np.array([2, 1, 0]))
    ([2, 1], array([0, 1, 0]))
    """
    number: dict[Hashable, int] = {}
    places: list[int] = []
    which = np.empty(len(index), dtype=np.int64)
    for row, place in enumerate(index):
        which[row] = number.setdefault(keys[place], len(places))
        if which[row] == len(places):
            places.append(int(place))
    return places, which
