"""How many held-out responses the intervals held, those of each fold from the errors of the other folds."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chem.scaffold import scaffold_groups
from models.coverage import count_coverage
from models.response_fits import MODEL
from models.response_intervals import CompoundErrors, GroupErrors
from models.response_predictions import HeldOut

Array = NDArray[np.float64]
LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Coverages asked for; single compounds are counted at `TOLD` alone."""
TOLD = 0.9


def response_coverage(held_out: HeldOut) -> pd.DataFrame:
    """Count what intervals held.

    Returns
    -------
    pd.DataFrame
        setting, and the columns of `models.coverage.count_coverage`; ``line -> tissue`` is what the intervals of held-out
        lines hold in whole tissues that were held out.
    """
    values = held_out.data.table.values
    parts = []
    for level in LEVELS:
        bounds: dict[str, tuple[str, Array]] = {}
        for setting in held_out.settings:
            bounds[setting] = (setting, _bounds(held_out, setting, level))
        if "tissue" in bounds:
            errors = CompoundErrors.fit(values, held_out.tables["line"][MODEL])
            shape = values.shape
            bounds["line -> tissue"] = ("tissue", np.broadcast_to(errors.bound(level), shape))
        for name, (setting, bound) in bounds.items():
            prediction = held_out.tables[setting][MODEL]
            line, compound = np.nonzero(~np.isnan(values) & np.isfinite(prediction))
            y, p, b = values[line, compound], prediction[line, compound], bound[line, compound]
            groups = None
            if level == TOLD:
                groups = {"compound": np.array(held_out.data.table.compound_ids, object)[compound]}
            table = count_coverage(y, p - b, p + b, groups, level=level)
            table.insert(0, "setting", name)
            parts.append(table)
    every = pd.concat(parts, ignore_index=True)
    return every.sort_values(["setting", "by", "level", "bin"], kind="stable", ignore_index=True)


def _bounds(held_out: HeldOut, setting: str, level: float) -> Array:
    """(lines, compounds) half widths, those of each fold from the other folds."""
    values, prediction = held_out.data.table.values, held_out.tables[setting][MODEL]
    fold = held_out.fold_of(setting)
    bound = np.full(values.shape, np.inf)
    groups = scaffold_groups(held_out.data.smiles) if setting in ("compound", "both") else None
    for number in np.unique(fold):
        here = fold == number
        error = np.where(here, np.nan, values - prediction)
        if groups is None:
            told = CompoundErrors.fit(error, np.zeros_like(error)).bound(level)
            bound[here] = np.broadcast_to(told, values.shape)[here]
            continue
        line, column = np.nonzero(~np.isnan(error))
        known = GroupErrors.fit(error[line, column], np.zeros(len(line)), groups[column])
        bound[here] = known.bound(level)
    return bound
