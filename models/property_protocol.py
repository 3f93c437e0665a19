"""The one protocol of models of molecular properties: ``fit(molecules, labels)`` and ``predict(molecules)``.

Labels are (n_molecules, n_labels) float64 with NaN where nothing was measured; a missing label contributes nothing.
Every label has a task of its own: in regression predictions are in the label's unit, in classification labels are 0
and 1 and predictions are probabilities of 1. A label that has one class alone in training is predicted at its
smoothed rate (`models.pair_model.smoothed_rate`), whatever the molecule.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from chem.errors import InputError
from models.pair_model import TASKS, Task
from models.property_features import MoleculeFeatures

Labels = NDArray[np.float64]


class PropertyModel(ABC):
    """A model of one or more labels of molecules.

    Predictions are finite for every molecule and depend on those predicted beside it by rounding at most.

    Parameters
    ----------
    tasks
        ``"regression"`` or ``"classification"`` for each label.
    seed
        Of what is random in it; the same seed and rows give the same model.

    Raises
    ------
    InputError
        There is no label, or no such task.
    """

    name: ClassVar[str]

    def __init__(self, tasks: Sequence[Task], seed: int = 0) -> None:
        for place, task in enumerate(tasks):
            if task not in TASKS:
                raise InputError(
                    f"no task is called {task!r}", record=place, field="tasks",
                    expected=f"one of {', '.join(TASKS)}",
                )  # fmt: skip
        if not tasks:
            raise InputError("there is no label", field="tasks", expected="a task for each label")
        self.tasks, self.seed = tuple(tasks), seed

    def fit(self, molecules: MoleculeFeatures, labels: Labels) -> None:
        """Fit to labelled molecules.

        Parameters
        ----------
        molecules
            n distinct molecules.
        labels
            (n, n_labels), NaN where nothing was measured.

        Raises
        ------
        InputError
            The shape is another, a label has no value at all, or a value is infinite or, in classification,
            neither 0 nor 1; the message names the column and the row.
        """
        self._fit(molecules, training_values(labels, len(molecules), self.tasks))

    @abstractmethod
    def _fit(self, molecules: MoleculeFeatures, labels: Labels) -> None:
        """Fit to labels that `training_values` has seen."""

    @abstractmethod
    def predict(self, molecules: MoleculeFeatures) -> Labels:
        """(n, n_labels) predictions."""

    def spread(self, molecules: MoleculeFeatures) -> Labels | None:
        """(n, n_labels) standard deviations of the predictions, the label's unit, by which intervals are scaled.

        In classification that of the score between 0 and 1. None for a model that has none.
        """
        return None

    @abstractmethod
    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Everything fitted, by name, for a safetensors file."""

    @classmethod
    @abstractmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], tasks: Sequence[Task]) -> Self:
        """Read what `to_arrays` wrote; the model predicts as the one that was fitted.

        Raises
        ------
        InputError
            An array is missing, or they do not fit together.
        """


def training_values(labels: Labels, n_molecules: int, tasks: Sequence[Task]) -> Labels:
    """Labels as float64, if models of `tasks` can be fitted to them.

    Raises
    ------
    InputError
        As `PropertyModel.fit`.

    Examples
    --------
    >>> training_values(np.array([[1, 0.5], [0, np.nan]]), 2, ["classification", "regression"]).shape
    (2, 2)
    """
    values = np.asarray(labels, np.float64)
    if values.shape != (n_molecules, len(tasks)):
        raise InputError(
            f"labels of shape {values.shape}", field="labels", expected=f"({n_molecules}, {len(tasks)})"
        )
    for column, task in enumerate(tasks):
        there = ~np.isnan(values[:, column])
        if not there.any():
            raise InputError(
                f"label {column} has no value", field="labels", expected="one measured molecule or more"
            )
        usable = (
            np.isfinite(values[:, column]) if task == "regression" else np.isin(values[:, column], (0, 1))
        )
        if bad := np.flatnonzero(there & ~usable).tolist():
            raise InputError(
                f"label {column} of molecule {bad[0]} is {values[bad[0], column]:g}", record=bad[0] + 1,
                field="labels", expected="a finite number" if task == "regression" else "0 or 1",
                hint="leave it empty where nothing was measured",
            )  # fmt: skip
    return values
