"""Values of pairs (labels, predictions, folds, groups), checked before anything is computed from them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chem.errors import InputError

Floats = NDArray[np.float64]


def finite_vector(values: ArrayLike, field: str) -> Floats:
    """Values as a vector of finite numbers, or an `InputError` that names the first other."""
    try:
        vector = np.asarray(values, float)
    except (TypeError, ValueError) as error:
        raise InputError("holds something that is no number", field=field, expected="numbers") from error
    if vector.ndim != 1:
        raise InputError(f"has {vector.ndim} axes", field=field, expected="one value per pair")
    refuse(~np.isfinite(vector), vector, field, "a finite number")
    return vector


def refuse(bad: NDArray[np.bool_], values: ArrayLike, field: str, expected: str) -> None:
    """Raise an `InputError` about the first value that is bad, if there is one."""
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        raise InputError(
            f"{np.asarray(values)[at]} cannot be used", record=at + 1, field=field, expected=expected
        )


def require_same_length(**vectors: ArrayLike | None) -> None:
    """Raise an `InputError` where vectors that belong together have other lengths; None is left out."""
    lengths = {name: len(np.asarray(v)) for name, v in vectors.items() if v is not None}
    if len(set(lengths.values())) > 1:
        text = ", ".join(f"{name} {n}" for name, n in lengths.items())
        raise InputError(f"lengths differ: {text}", expected="one value per pair in each")


def require_level(level: float) -> None:
    """Raise an `InputError` for a coverage that is not between 0 and 1."""
    if not 0 < level < 1:
        raise InputError(
            f"{level} is no coverage", field="level", expected="a number between 0 and 1, as 0.9"
        )


def require_two_folds(fold: ArrayLike) -> None:
    """Raise an `InputError` where a fold has no others to be calibrated on."""
    if len(np.unique(np.asarray(fold))) < 2:
        raise InputError("there is one fold alone", field="fold", expected="two folds or more")


def rows_of_groups(group: ArrayLike | None, n: int) -> dict[str, NDArray[np.int64]]:
    """Rows of each group, by name; without groups all rows under an empty name."""
    if group is None:
        return {"": np.arange(n)}
    names = np.asarray(group).astype(str).ravel()
    require_same_length(group=names, pairs=np.empty(n))
    return {str(name): np.flatnonzero(names == name) for name in np.unique(names)}
