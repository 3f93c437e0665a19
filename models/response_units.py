"""Units of responses: which a column's name states, and whether its values can all be in it.

The name decides; no value is changed. Logarithms and concentrations differ in shape: over the lines, ln IC50 of one
compound spreads by one or two about its mean, so a concentration has a long tail. Of 133 compounds of GDSC2, 40 have
positive ln IC50 alone, with a maximum of 1.4 to 3 times the median; the same as concentrations, of all 133, is 7 to
1,900 times the median.
"""

from __future__ import annotations

import re
from os import PathLike

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike, NDArray

from chem.errors import InputError

LN_UM, UM, NM, AREA = "ln(umol/l)", "umol/l", "nmol/l", "area under the curve"
LOWEST, HIGHEST = float(np.log(1e-9)), float(np.log(1e6))
"""ln(umol/l) of 1 fmol/l and of 1 mol/l: between them lies every response."""
HIGHEST_MEDIAN = float(np.log(1e4))
"""ln(umol/l) of 10 mmol/l: the median of a compound's lines beyond it is a logarithm of nmol/l."""
LONG_TAIL = 5.0
"""Maximum over median from which positive values of a compound are concentrations and no logarithms."""
_ENOUGH = 8
"""Lines of a compound from which its values have a shape."""
Fault = tuple[str, str, str]
"""What is wrong, what was expected, and how to go on."""


def unit_of(column: str) -> str | None:
    """Unit that the name of a column states, or None.

    Examples
    --------
    >>> [unit_of(name) for name in ("ln_ic50", "LN_IC50", "ic50_um", "IC50 (nM)", "auc", "response")]
    ['ln(umol/l)', 'ln(umol/l)', 'umol/l', 'nmol/l', 'area under the curve', None]
    """
    words = set(re.split(r"[^a-z0-9]+", column.lower()))
    if words & {"ln", "lnic50", "logn"}:
        return LN_UM
    if words & {"um", "µm", "umol", "micromolar"}:
        return UM
    if words & {"nm", "nmol", "nanomolar"}:
        return NM
    return AREA if words & {"auc", "aac", "actarea"} else None


def looks_like_concentrations(
    values: Float[NDArray[np.float64], "n_lines n_compounds"],
) -> Bool[NDArray[np.bool_], " n_compounds"]:
    """Compounds whose values are positive with a long tail, as of concentrations and never of their logarithms.

    Parameters
    ----------
    values
        NaN where nothing was measured.

    Examples
    --------
    >>> logarithm = np.array([[-1.0], [0.2], [1.1], [1.3], [2.0], [2.2], [3.1], [4.5]])
    >>> looks_like_concentrations(np.hstack([logarithm, np.exp(logarithm)])).tolist()
    [False, True]
    """
    there = ~np.isnan(values)
    judged = (there.sum(axis=0) >= _ENOUGH) & (np.where(there, values, np.inf).min(axis=0) > 0)
    result = np.zeros(values.shape[1], bool)
    known = values[:, judged]
    result[judged] = (
        np.nanmax(known, axis=0) > LONG_TAIL * np.nanmedian(known, axis=0) if judged.any() else False
    )
    return result


def require_one_unit(
    values: Float[NDArray[np.float64], "n_lines n_compounds"],
    compound_ids: tuple[str, ...],
    unit: str | None,
    *,
    file: str | PathLike[str] | None = None,
    field: str | None = None,
) -> list[str]:
    """Refuse values that cannot all have one unit.

    Parameters
    ----------
    values, compound_ids
        As of a `models.response_table.ResponseTable`.
    unit
        What the values are said to be, or None.
    file, field
        For messages.

    Returns
    -------
    list of str
        A note where the unit is not stated.

    Raises
    ------
    InputError
        Values in ln(umol/l) lie beyond 1 fmol/l or 1 mol/l, or those of some compounds have the shape of
        concentrations, or the median of logarithms in nmol/l; concentrations or areas are negative; of an unknown unit,
        some compounds' values look like concentrations beside others' logarithms.
    """
    if unit in (UM, NM, AREA):
        fault = _not_positive(values, compound_ids, str(unit))
    elif unit == LN_UM:
        fault = _no_logarithms(values, compound_ids)
    else:
        fault = _mixed(values, compound_ids) if unit is None else None
    if fault is not None:
        message, expected, hint = fault
        raise InputError(message, file=file, field=field, expected=expected, hint=hint)
    if unit is not None:
        return []
    shape = "concentrations" if looks_like_concentrations(values).any() else "logarithms or areas"
    return [f"unit of {field or 'the values'} is not stated; they look like {shape} and are used as they are"]


def _not_positive(values: NDArray[np.float64], compound_ids: tuple[str, ...], unit: str) -> Fault | None:
    below = values < 0
    if not below.any():
        return None
    return (
        f"{below.sum()} values are negative, of {_some(compound_ids, below.any(axis=0))}, and cannot be in {unit}: "
        "units are mixed, or these are logarithms",
        f"{unit}, 0 or more",
        "name the column after what it holds, as ln_ic50",
    )


def _no_logarithms(values: NDArray[np.float64], compound_ids: tuple[str, ...]) -> Fault | None:
    take = "take logarithms of concentrations in umol/l"
    beyond = (values > HIGHEST) | (values < LOWEST)
    if beyond.any():
        return (
            f"{beyond.sum()} of {(~np.isnan(values)).sum()} values, of {_some(compound_ids, beyond.any(axis=0))}, are no "
            f"logarithms of umol/l: they run to {values[beyond].max():g}, beyond 1 mol/l or 1 fmol/l",
            f"{LN_UM}, from {LOWEST:.1f} to {HIGHEST:.1f}",
            take,
        )
    like = looks_like_concentrations(values)
    if like.any():
        return (
            f"{like.sum()} of {len(like)} compounds ({_some(compound_ids, like)}) have values that are all positive, "
            f"with a maximum over {LONG_TAIL:g} times the median, as of concentrations",
            LN_UM,
            take,
        )
    high = np.zeros(len(compound_ids), bool)
    measured = ~np.isnan(values).all(axis=0)
    high[measured] = np.nanmedian(values[:, measured], axis=0) > HIGHEST_MEDIAN
    if not high.any():
        return None
    return (
        f"{_some(compound_ids, high)}: medians above {HIGHEST_MEDIAN:.1f}, beyond 10 mmol/l, as of logarithms of nmol/l",
        LN_UM,
        "subtract ln(1000) from logarithms of nmol/l",
    )


def _mixed(values: NDArray[np.float64], compound_ids: tuple[str, ...]) -> Fault | None:
    like, negative = looks_like_concentrations(values), (values < 0).any(axis=0)
    if not (like.any() and negative.any()):
        return None
    return (
        f"units are mixed: {_some(compound_ids, like)} look like concentrations, and {_some(compound_ids, negative)} "
        "have negative values",
        "one unit",
        "take logarithms of the concentrations",
    )


def _some(names: tuple[str, ...], chosen: ArrayLike) -> str:
    places = np.flatnonzero(chosen)
    return ", ".join(names[place] for place in places[:3]) + (", ..." if len(places) > 3 else "")
