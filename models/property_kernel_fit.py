"""Labels that were measured on the same molecules: fit of their Gaussian process, and what is kept of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from chem.errors import InputError
from models.gaussian_process import (
    choose_settings,
    inducing_weights,
    leave_one_out,
    rational_quadratic,
    squared_distances,
    squared_gradients,
)
from models.pair_model import Task, smoothed_rate
from models.probability import ProbabilityCalibration
from models.property_protocol import Labels
from models.property_reference import ReferenceMolecules, require_arrays

NOISES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
WIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Of the rational quadratic kernel, in units of the median squared distance of two molecules."""
SHARES = (0.0, 0.15, 0.3, 0.5, 0.7)
"""Of the environments in the kernel."""
LEAST_RELEVANCE = 0.05
"""Of a descriptor, where the mean relevance is 1."""
LARGEST = 5.0
"""Deviations from the mean at which a descriptor is cut."""
N_ALIKE = 30
"""Training molecules whose errors tell of another's."""
PRIOR = 5
"""Molecules for which the mean error counts beside those."""
_ROWS_AT_ONCE = 1024
_VECTORS = ("columns", "row", "mean", "sd", "centre", "scale", "relevance")
_TABLES = ("weight", "error", "curve", "mix")


@dataclass(frozen=True)
class KernelOptions:
    """How the regression is fitted.

    Attributes
    ----------
    n_sample
        Molecules on which settings are chosen, at most.
    n_exact
        Molecules up to which the regression is exact; of more, so many are kept, and their weights fitted to all.
    n_rounds
        Estimates of the descriptors' relevance; 0 weighs all alike.
    """

    n_sample: int = 1000
    n_exact: int = 6000
    n_rounds: int = 1


@dataclass(frozen=True)
class Mix:
    """A kernel of molecules.

    Attributes
    ----------
    centre, scale
        (n_columns,) float32 mean and deviation of the steps of the descriptors over the group's own molecules.
    relevance
        (n_columns,) float32 weights of the descriptors in the squared distance; 0 for one that does not differ.
    width
        Of the rational quadratic kernel.
    share
        Of the environments.
    noise
        Variance of what the kernel does not explain.
    """

    centre: NDArray[np.float32]
    scale: NDArray[np.float32]
    relevance: NDArray[np.float32]
    width: float = 1.0
    share: float = 0.0
    noise: float = 1.0

    @classmethod
    def of(cls, reference: ReferenceMolecules) -> Mix:
        """All descriptors that differ between molecules weigh alike."""
        centre, scale = reference.codes.mean(axis=0), reference.codes.std(axis=0)
        differs = scale > 0
        return cls(
            centre.astype(np.float32),
            np.where(differs, scale, 1).astype(np.float32),
            differs.astype(np.float32),
        )

    def points(self, reference: ReferenceMolecules) -> NDArray[np.float32]:
        """(n, n_columns) float32 descriptors, scaled and cut at `LARGEST`, times the root of their relevance."""
        scaled = np.clip((reference.codes - self.centre) / self.scale, -LARGEST, LARGEST)
        return np.asarray(scaled * np.sqrt(self.relevance), np.float32)

    def kernel(
        self, a: ReferenceMolecules, b: ReferenceMolecules, alike: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """(n_a, n_b) float32 kernel of molecules; `alike` is the similarity of their environments."""
        kernel = rational_quadratic(squared_distances(self.points(a), self.points(b)), self.width)
        kernel *= 1 - self.share
        kernel += np.float32(self.share) * alike
        return kernel


@dataclass(frozen=True)
class LabelGroup:
    """Labels that were measured on the same molecules.

    Attributes
    ----------
    columns
        (n_labels,) places of the labels.
    row
        (n,) training molecules kept, ascending numbers of the reference; none for a constant label.
    mix
        The kernel.
    weight
        (n, n_labels) float32.
    error
        (n, n_labels) float16 leave-one-out errors in standard deviations, in classification of the probability.
    mean, sd
        (n_labels,) of the labels.
    curve
        (n_labels, 2) slope and intercept of the logistic curve; NaN in regression.
    """

    columns: NDArray[np.int64]
    row: NDArray[np.int64]
    mix: Mix
    weight: NDArray[np.float32]
    error: NDArray[np.float16]
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    curve: NDArray[np.float64]

    def predicted(self, kernel: NDArray[np.float32]) -> Labels:
        """(k, n_labels) predictions from the kernel (k, n) of molecules with those kept."""
        return self._in_unit((kernel @ self.weight).astype(np.float64))

    def spread(self, kernel: NDArray[np.float32]) -> Labels:
        """(k, n_labels) expected error from the kernel (k, n): that of the molecules most alike."""
        squares = self.error.astype(np.float64) ** 2
        if not len(squares):
            return np.zeros((len(kernel), len(self.columns)))
        n_alike = min(N_ALIKE, len(squares))
        nearest = np.argpartition(-kernel, n_alike - 1, axis=1)[:, :n_alike]
        total = squares[nearest].sum(axis=1) + PRIOR * squares.mean(axis=0)
        return np.asarray(np.where(self._classes, 1, self.sd) * np.sqrt(total / (n_alike + PRIOR)))

    @property
    def _classes(self) -> NDArray[np.bool_]:
        """(n_labels,) which are probabilities."""
        return ~np.isnan(self.curve[:, 0])

    def _in_unit(self, scaled: Labels) -> Labels:
        slope, intercept = np.where(self._classes[:, None], self.curve, 0).T
        return np.where(self._classes, expit(slope * scaled + intercept), self.mean + self.sd * scaled)

    def of_labels(self, new_column: Mapping[int, int]) -> LabelGroup:
        """Those of the labels that have a new column."""
        kept = [k for k, column in enumerate(self.columns) if int(column) in new_column]
        columns = np.array([new_column[int(self.columns[k])] for k in kept], np.int64)
        return replace(
            self, columns=columns, weight=np.ascontiguousarray(self.weight[:, kept]),
            error=np.ascontiguousarray(self.error[:, kept]),
            mean=self.mean[kept], sd=self.sd[kept], curve=self.curve[kept],
        )  # fmt: skip

    def renumbered(self, rows: NDArray[np.int64]) -> LabelGroup:
        """The same for a reference of which only `rows` (ascending) are kept."""
        return replace(self, row=np.searchsorted(rows, self.row).astype(np.int64))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Everything by name."""
        return {
            "columns": self.columns.astype(np.int32), "row": self.row.astype(np.int32),
            "centre": self.mix.centre, "scale": self.mix.scale, "relevance": self.mix.relevance, "mean": self.mean, "sd": self.sd, "weight": self.weight,
            "error": self.error, "curve": self.curve,
            "mix": np.array([self.mix.width, self.mix.share, self.mix.noise]),
        }  # fmt: skip

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], name: str) -> LabelGroup:
        """Read what `to_arrays` wrote; `name` is what an error calls it.

        Raises
        ------
        InputError
            An array is missing, or they do not fit together.
        """
        require_arrays(arrays, [*_VECTORS, *_TABLES])
        columns, row, mean, sd, centre, scale, relevance = (arrays[part] for part in _VECTORS)
        weight, error, curve, mix = (arrays[part] for part in _TABLES)
        shapes = weight.shape == error.shape == (len(row), len(columns)) and curve.shape == (len(columns), 2)
        if not (shapes and len(mean) == len(sd) == len(columns) and mix.shape == (3,)):
            raise InputError(
                f"weights of shape {weight.shape}", field=f"{name}.weight",
                expected=f"({len(row)}, {len(columns)}), and errors, curves, means and deviations for them",
            )  # fmt: skip
        kernel = Mix(centre, scale, relevance, *(float(value) for value in mix))
        return cls(columns.astype(np.int64), row.astype(np.int64), kernel, weight, error, mean, sd, curve)

    def require_within(self, n_molecules: int, n_descriptors: int, name: str) -> None:
        """Refuse rows or descriptors that are not there."""
        if len(self.row) and not 0 <= self.row.min() <= self.row.max() < n_molecules:
            raise InputError(
                f"molecule {self.row.max()}", field=f"{name}.row", expected=f"0 to {n_molecules - 1}"
            )
        if len(self.mix.relevance) != n_descriptors:
            raise InputError(
                f"{len(self.mix.relevance)} relevances",
                field=f"{name}.relevance",
                expected=f"{n_descriptors}",
            )


def fit_group(
    reference: ReferenceMolecules, labels: Labels, columns: NDArray[np.int64], tasks: Sequence[Task],
    seed: int, options: KernelOptions,
) -> LabelGroup:  # fmt: skip
    """Fit labels that were measured on the same molecules.

    Parameters
    ----------
    reference
        All training molecules.
    labels
        (n_molecules, all labels), NaN where nothing was measured.
    columns
        Labels to fit.
    tasks
        Of all labels.
    seed
        Of the samples.
    options
        Of the fit.
    """
    rows = np.flatnonzero(~np.isnan(labels[:, columns[0]]))
    values = labels[np.ix_(rows, columns)]
    if np.ptp(values[:, 0]) == 0:
        return _constant(reference, values, columns, tasks[columns[0]])
    mean, sd = values.mean(axis=0), values.std(axis=0)
    scaled = (values - mean) / sd
    rng = np.random.default_rng(seed)
    sample = _sample(scaled, options.n_sample, rng)
    mix = choose_mix(
        Mix.of(reference.take(rows)), reference.take(rows[sample]), scaled[sample], options.n_rounds
    )
    kept = _sample(scaled, options.n_exact, rng)
    own = reference.take(rows[kept])
    kernel = mix.kernel(own, own, own.similarity(own)).astype(np.float64)
    weight, without = leave_one_out(kernel, scaled[kept], mix.noise)
    if len(kept) < len(rows):
        blocks = _kernel_blocks(reference, rows, scaled, own, mix)
        weight = inducing_weights(kernel, blocks, mix.noise, len(columns))
    curve = np.array([
        _curve(values[kept, k], without[:, k]) if tasks[column] == "classification" else (np.nan, np.nan)
        for k, column in enumerate(columns)
    ])  # fmt: skip
    group = LabelGroup(
        columns, rows[kept], mix, np.ascontiguousarray(weight, np.float32), np.zeros(weight.shape, np.float16),
        mean, sd, curve,
    )  # fmt: skip
    error = (values[kept] - group._in_unit(without)) / np.where(group._classes, 1, sd)
    return replace(group, error=np.ascontiguousarray(error, np.float16))


def choose_mix(mix: Mix, reference: ReferenceMolecules, scaled: Labels, n_rounds: int) -> Mix:
    """Kernel of least leave-one-out error on some molecules.

    Parameters
    ----------
    mix
        With the scale of the descriptors.
    reference
        The molecules.
    scaled
        (n, n_labels) of mean 0 and variance 1.
    n_rounds
        Estimates of the descriptors' relevance.
    """
    alike = reference.similarity(reference).astype(np.float64)
    at: tuple[float, ...] = (0.1, 1.0, 0.3)
    for round_ in range(n_rounds + 1):
        points = mix.points(reference).astype(np.float64)
        squares = squared_distances(points, points)
        typical = float(np.median(squares)) or 1.0

        def kernel(
            width: float, share: float, squares: Any = squares, typical: float = typical
        ) -> NDArray[np.float64]:
            return (1 - share) * rational_quadratic(squares, width * typical) + share * alike

        def error(at: tuple[float, ...], kernel: Any = kernel) -> float:
            return float(np.mean((scaled - leave_one_out(kernel(*at[1:]), scaled, at[0])[1]) ** 2))

        at = choose_settings(error, (NOISES, WIDTHS, SHARES), at)
        noise, width, share = at
        mix = replace(mix, width=width * typical, share=share, noise=noise)
        if round_ < n_rounds:
            found, _ = leave_one_out(kernel(width, share), scaled, noise)
            gradients = squared_gradients(points, found, mix.width) * mix.relevance[:, None]
            mix = replace(mix, relevance=_relevance(gradients, mix.relevance > 0).astype(np.float32))
    return mix


def _relevance(gradients: NDArray[np.float64], differs: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(n_columns,) from the mean squared derivatives (n_columns, n_labels) of the labels."""
    total = gradients.sum(axis=0)
    shares = np.divide(gradients, total, out=np.zeros_like(gradients), where=total > 0)
    root = np.sqrt(shares.mean(axis=1))
    if not root.any():
        return differs.astype(np.float64)
    relevance = (1 - LEAST_RELEVANCE) * root / root[differs].mean() + LEAST_RELEVANCE
    return np.asarray(np.where(differs, relevance, 0))


def _sample(scaled: Labels, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Up to n rows, ascending, evenly over the values: the smallest and the largest are among them."""
    if len(scaled) <= n:
        return np.arange(len(scaled))
    order = np.lexsort((rng.permutation(len(scaled)), scaled.mean(axis=1)))
    return np.sort(order[np.unique(np.linspace(0, len(order) - 1, n).round().astype(np.int64))])


def _kernel_blocks(
    reference: ReferenceMolecules, rows: NDArray[np.int64], scaled: Labels, kept: ReferenceMolecules, mix: Mix
) -> Iterator[tuple[NDArray[np.float64], Labels]]:
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = reference.take(rows[start : start + _ROWS_AT_ONCE])
        block = mix.kernel(part, kept, part.similarity(kept))
        yield block.astype(np.float64), scaled[start : start + _ROWS_AT_ONCE]


def _curve(label: NDArray[np.float64], value: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and intercept of the logistic curve from values that leave each molecule out."""
    if np.ptp(label) == 0:  # the sample has none of the other class
        return 0.0, float(logit(smoothed_rate(label)))
    fitted = ProbabilityCalibration.fit(label, expit(value), method="platt")
    return float(fitted.coefficients[0]), float(fitted.coefficients[2])


def _constant(
    reference: ReferenceMolecules, values: Labels, columns: NDArray[np.int64], task: Task
) -> LabelGroup:
    level = smoothed_rate(values[:, 0]) if task == "classification" else float(values[0, 0])
    none, mix = np.zeros((0, 1)), Mix.of(reference)
    return LabelGroup(
        columns, np.zeros(0, np.int64), mix, none.astype(np.float32), none.astype(np.float16),
        np.array([level]), np.ones(1), np.full((1, 2), np.nan),
    )  # fmt: skip
