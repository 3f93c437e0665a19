"""Ridge regression and logistic ridge on the features of drug and target, without a row per pair.

A row of pair (d, t) is [1, x_d, x_t], so the normal equations X'WX fall into products of the drugs' and the
targets' tables with the n_drugs x n_targets table of weights; 100,000 pairs cost no more than their drugs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.means import to_scale
from models.metrics import log_loss, mean_squared_error
from models.pair_columns import PairColumns
from models.pair_model import PairFeatures, PairModel, Task, smoothed_rate, training_labels
from models.pairs import PairData

Vector: TypeAlias = NDArray[np.float64]
Matrix: TypeAlias = NDArray[np.float64]
ALPHAS = (1000.0, 100.0, 10.0, 1.0)
_N_BITS = 512
_MOST_STEPS, _TOLERANCE = 25, 1e-3


class RidgeRegression(PairModel):
    """Ridge on fingerprint counts, descriptors, composition and flags; logistic ridge in classification.

    The penalty is the one of the smallest leave-one-out error, which the leverages give exactly in regression and
    approximately in classification.

    Parameters
    ----------
    seed
        Has no effect.
    alphas
        Penalties on the squared coefficients of standardised columns to choose from.

    References
    ----------
    Hoerl, A. E., Kennard, R. W. (1970) Technometrics 12:55. Rahnama Rad, K., Maleki, A. (2020) J. R. Stat. Soc. B
    82:965 (leave-one-out of penalised regression from one fit).
    """

    name = "ridge"

    def __init__(
        self,
        seed: int = 0,
        *,
        task: Task = "regression",
        n_threads: int = 1,
        alphas: Sequence[float] = ALPHAS,
    ) -> None:
        super().__init__(seed, task=task, n_threads=n_threads)
        self.alphas = tuple(alphas)

    def fit(self, pairs: PairData, features: PairFeatures) -> None:
        """Solve the normal equations for each penalty and keep the best."""
        label = training_labels(pairs, self.task)
        self.columns = PairColumns(pairs, features, n_bits=_N_BITS)
        design = _Design(self.columns.drugs(features), self.columns.targets(features), pairs)
        classes = self.task == "classification"
        solve = _logistic_regressions if classes else _regressions
        errors: dict[float, tuple[float, Vector]] = {}
        with self.threads():
            for alpha, (solution, left_out) in zip(
                self.alphas, solve(design, label, self.alphas), strict=True
            ):
                error = (
                    log_loss(label, _sigmoid(left_out)) if classes else mean_squared_error(label, left_out)
                )
                errors[alpha] = error, solution
        self.alpha = min(errors, key=lambda alpha: (errors[alpha][0], alpha))
        self.coefficients = errors[self.alpha][1]

    def predict(self, pairs: PairData, features: PairFeatures) -> NDArray[np.float64]:
        """Linear prediction, through the logistic function in classification."""
        design = _Design(self.columns.drugs(features), self.columns.targets(features), pairs)
        linear = design.times(self.coefficients)
        return _sigmoid(linear) if self.task == "classification" else linear


class _Design:
    """The matrix X of rows [1, x_d, x_t], kept as its two tables."""

    def __init__(self, drugs: NDArray[np.float32], targets: NDArray[np.float32], pairs: PairData) -> None:
        self.drug, self.target = pairs.drug, pairs.target
        self.drugs: Matrix = np.hstack([np.ones((len(drugs), 1)), drugs])
        self.targets: Matrix = targets.astype(np.float64)

    def times(self, coefficients: Vector) -> Vector:
        """X b, (n_pairs,)."""
        width = self.drugs.shape[1]
        by_drug, by_target = self.drugs @ coefficients[:width], self.targets @ coefficients[width:]
        return by_drug[self.drug] + by_target[self.target]

    def gram(self, weight: Vector) -> Matrix:
        """X' W X, with the pairs' weights on the diagonal of W."""
        from scipy.sparse import csr_array

        shape = len(self.drugs), len(self.targets)
        table = csr_array((weight, (self.drug, self.target)), shape)
        cross = self.drugs.T @ (table @ self.targets)
        by_drug = self.drugs.T @ (self.drugs * np.asarray(table.sum(axis=1))[:, None])
        by_target = self.targets.T @ (self.targets * np.asarray(table.sum(axis=0))[:, None])
        return np.block([[by_drug, cross], [cross.T, by_target]])

    def transposed_times(self, value: Vector) -> Vector:
        """X' v, (n_columns,)."""
        by_drug = np.bincount(self.drug, weights=value, minlength=len(self.drugs))
        by_target = np.bincount(self.target, weights=value, minlength=len(self.targets))
        return np.concatenate([self.drugs.T @ by_drug, self.targets.T @ by_target])

    def quadratic(self, middle: Matrix) -> Vector:
        """Quadratic form x' M x of every row, for a symmetric M."""
        width = self.drugs.shape[1]
        by_drug = np.einsum("ij,ij->i", self.drugs @ middle[:width, :width], self.drugs)
        by_target = np.einsum("ij,ij->i", self.targets @ middle[width:, width:], self.targets)
        cross = self.drugs @ middle[:width, width:] @ self.targets.T
        return by_drug[self.drug] + by_target[self.target] + 2 * cross[self.drug, self.target]


def _regressions(design: _Design, label: Vector, alphas: Sequence[float]) -> Iterator[tuple[Vector, Vector]]:
    """Coefficients of the ridge for each penalty, and what each row is predicted when it is left out."""
    gram, moments = design.gram(np.ones(len(label))), design.transposed_times(label)
    for alpha in alphas:
        inverse = np.asarray(np.linalg.inv(_penalised(gram, alpha)), np.float64)
        coefficients = inverse @ moments
        residual = label - design.times(coefficients)
        yield coefficients, label - residual / (1 - _within_one(design.quadratic(inverse)))


def _logistic_regressions(
    design: _Design, label: Vector, alphas: Sequence[float]
) -> Iterator[tuple[Vector, Vector]]:
    """Coefficients of the logistic ridge for each penalty, and each row's log odds when it is left out.

    Newton's method with halved steps, from the solution of the penalty before; the leverages of its last step
    leave rows out.
    """
    coefficients: Vector = np.zeros(design.drugs.shape[1] + design.targets.shape[1])
    coefficients[0] = to_scale(smoothed_rate(label), "classification")
    for alpha in alphas:
        for _ in range(_MOST_STEPS):
            linear = design.times(coefficients)
            probability = _sigmoid(linear)
            weight: Vector = np.maximum(probability - probability**2, 1e-6)
            gram = _penalised(design.gram(weight), alpha)
            slope = design.transposed_times(label - probability)
            slope[1:] -= alpha * coefficients[1:]
            step = np.asarray(np.linalg.solve(gram, slope), np.float64)
            change = design.times(step)
            if np.abs(change).max() < _TOLERANCE:
                break
            coefficients = coefficients + step * _step_length(
                linear, change, coefficients, step, label, alpha
            )
        inverse = np.asarray(np.linalg.inv(gram), np.float64)
        leverage = _within_one(weight * design.quadratic(inverse))
        yield coefficients + step, linear - leverage / (1 - leverage) * (label - probability) / weight


def _step_length(
    linear: Vector, change: Vector, coefficients: Vector, step: Vector, label: Vector, alpha: float
) -> float:
    """The first of 1, 1/2, 1/4, ... that lowers the penalised negative log-likelihood."""

    def loss(length: float) -> float:
        value = linear + length * change
        penalty = 0.5 * alpha * np.sum((coefficients + length * step)[1:] ** 2)
        return float(np.sum(np.logaddexp(0.0, value) - label * value) + penalty)

    start, length = loss(0.0), 1.0
    while loss(length) > start and length > 1e-4:
        length /= 2
    return length


def _penalised(gram: Matrix, alpha: float) -> Matrix:
    """Add the penalty of all columns but the constant."""
    diagonal = np.full(len(gram), alpha)
    diagonal[0] = 0.0
    return gram + np.diag(diagonal)


def _within_one(leverage: Vector) -> Vector:
    return np.clip(leverage, 0.0, 1 - 1e-9)


def _sigmoid(value: Vector) -> Vector:
    from scipy.special import expit

    return np.asarray(expit(value), float)
