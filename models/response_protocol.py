"""The one protocol of the plain models of responses: ``fit(values, features)`` and ``predict(features)``.

Values are (n_lines, n_compounds) responses with NaN where nothing was measured; features are any numbers of the lines,
(n_lines, n_features). A feature that is NaN is filled with the mean of the training lines, which says nothing of
the line and is not zero or wild type; a feature that no training line has is left out.

A response is the compound's mean, plus the line's mean over its measured compounds, plus an interaction. The models
predict the interaction of every compound and the line's mean, from features; the compound's mean is added.
Nothing is taken from lines that are predicted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from chem.errors import InputError
from models.response_parts import Features, Matrix, ResponseParts, Responses


class ResponseBaseline(ABC):
    """A model of responses by features of lines.

    Parameters
    ----------
    seed
        Of inner folds and of whatever is random.
    """

    name: ClassVar[str]

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, values: Responses, features: Features) -> None:
        """Learn from training lines.

        Parameters
        ----------
        values
            Responses, NaN where nothing was measured.
        features
            Of the same lines, NaN where missing.

        Raises
        ------
        InputError
            The two have other lines, nothing was measured, or a feature is infinite.
        """
        if len(values) != len(features):
            raise InputError(
                f"{len(features)} lines have features and {len(values)} responses", field="features",
                expected="the same lines in the same order",
            )  # fmt: skip
        _require_finite(features)
        self.n_features = features.shape[1]
        self.parts = ResponseParts.of(values)
        self._learn(self.parts.targets, features)

    def predict(self, features: Features) -> Responses:
        """Responses of lines to the training compounds, in their unit.

        Raises
        ------
        InputError
            The features are others than those trained on, or one is infinite.
        """
        if features.shape[1] != self.n_features:
            raise InputError(
                f"lines have {features.shape[1]} features", field="features",
                expected=f"the {self.n_features} that the model was fitted to",
            )  # fmt: skip
        _require_finite(features)
        told = self._told(features)
        return np.asarray(self.parts.compound_means + told[:, :-1] + told[:, -1:])

    @abstractmethod
    def _learn(self, targets: Matrix, features: Features) -> None:
        """Learn (n_lines, n_compounds + 1) targets, those of `ResponseParts`."""

    @abstractmethod
    def _told(self, features: Features) -> Matrix:
        """Targets of other lines."""


def _require_finite(features: Features) -> None:
    if np.isinf(features).any():
        line, column = np.argwhere(np.isinf(features))[0]
        raise InputError(
            f"feature {column} of line {line} is infinite",
            field="features",
            expected="numbers, or NaN for missing",
        )
