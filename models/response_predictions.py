"""Predictions of held-out responses, as matrices of lines and compounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.response_data import ResponseData

Array = NDArray[np.float64]


@dataclass
class HeldOut:
    """What models said of what they were not fitted to.

    Attributes
    ----------
    data
        What was held out of.
    folds
        Fold of each line (``line``, ``tissue``) or compound (``compound``), from 1.
    final
        Arrays of the model fitted to all data, where it was asked for.
    tables
        (lines, compounds) predictions by setting and model, NaN where nothing was predicted.
    means
        (lines, compounds) mean of each compound, by setting: over the training lines of the line's fold, or of a
        compound that was held out over all lines.
    """

    data: ResponseData
    folds: dict[str, NDArray[np.int64]]
    final: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    tables: dict[str, dict[str, Array]] = field(default_factory=dict)
    means: dict[str, Array] = field(default_factory=dict)

    @property
    def settings(self) -> list[str]:
        """What was held out."""
        return list(self.tables)

    def matrix(self, setting: str, model: str) -> Array:
        """Predictions of a model, to be filled in; NaN to begin with."""
        told = self.tables.setdefault(setting, {})
        return told.setdefault(model, np.full(self.data.table.values.shape, np.nan))

    def fold_of(self, setting: str) -> NDArray[np.int64]:
        """(lines, compounds) fold in which each pair was held out."""
        by_compound = setting in ("compound", "both")
        fold = self.folds["compound"][None, :] if by_compound else self.folds[setting][:, None]
        return np.broadcast_to(fold, self.data.table.values.shape)

    def long(self, seed: int) -> pd.DataFrame:
        """One row per measured pair, model and setting: the table of folds.tsv."""
        table = self.data.table
        parts = []
        for setting, models in self.tables.items():
            fold = self.fold_of(setting)
            for model, prediction in models.items():
                line, compound = np.nonzero(~np.isnan(table.values) & np.isfinite(prediction))
                parts.append(
                    pd.DataFrame(
                        {
                            "setting": setting,
                            "model": model,
                            "fold": fold[line, compound],
                            "seed": seed,
                            "line": np.array(table.line_ids, object)[line],
                            "compound": np.array(table.compound_ids, object)[compound],
                            "label": table.values[line, compound],
                            "prediction": prediction[line, compound],
                        }
                    )
                )
        return pd.concat(parts, ignore_index=True)
