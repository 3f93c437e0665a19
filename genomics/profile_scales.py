"""Which values a block of genotype profiles can hold, and on which scale copy numbers are.

The scale of copy numbers is told from the median of all values, since most genes of most samples are not
changed: two copies are 2 as absolute copies, 1 as relative log2(x + 1) and 0 as a log ratio. A plain ratio x
also has 1 at two copies and cannot be told from log2(x + 1) by its median; its largest values can tell, since
log2(x + 1) of 10 stands for more than a thousandfold gain.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from genomics.errors import InputError

SCALES: tuple[str, ...] = ("relative_log2", "absolute")
_MEDIANS = {"relative_log2": (0.7, 1.3), "absolute": (1.5, 5.0)}
_LARGEST_LOG2 = 10.0
# Values of fewer genes and samples than this say too little of a median.
_FEWEST = 20

Names = tuple[Sequence[str], Sequence[str]]


def copy_number_scale(values: Float64[np.ndarray, "samples genes"]) -> str:
    """Tell what copy numbers look like.

    Parameters
    ----------
    values
        NaN is missing.

    Returns
    -------
    str
        'relative_log2', 'absolute', 'log_ratio' (values below 0) or 'unclear'.

    Examples
    --------
    >>> copy_number_scale(np.array([[1.0, 0.98, 1.4]])), copy_number_scale(np.array([[2.0, 2.0, 6.0]]))
    ('relative_log2', 'absolute')
    >>> copy_number_scale(np.array([[0.0, -0.4, 0.1]])), copy_number_scale(np.array([[1.0, 1.0, 40.0]]))
    ('log_ratio', 'unclear')
    """
    present = values[~np.isnan(values)]
    if not len(present):
        return "unclear"
    if present.min() < 0:
        return "log_ratio"
    median = float(np.median(present))
    for name, (low, high) in _MEDIANS.items():
        if low <= median <= high:
            return name if name == "absolute" or present.max() <= _LARGEST_LOG2 else "unclear"
    return "unclear"


def to_relative_log2(copies: Float64[np.ndarray, " *cells"]) -> Float64[np.ndarray, " *cells"]:
    """Convert absolute copies to log2(copies / 2 + 1).

    Parameters
    ----------
    copies
        Copies per cell, 0 or more; NaN is missing.

    Returns
    -------
    numpy.ndarray
        1 at two copies, 0 at none.

    Examples
    --------
    >>> to_relative_log2(np.array([0.0, 2.0, 6.0]))
    array([0., 1., 2.])
    """
    return np.log2(np.asarray(copies, dtype=np.float64) / 2 + 1)


def check_values(
    block: str, values: Float64[np.ndarray, "samples genes"], names: Names, path: Path, scale: str
) -> Float64[np.ndarray, "samples genes"]:
    """Check the values of a block.

    Parameters
    ----------
    block
        Its name.
    values
        NaN is missing.
    names
        Samples and genes, named in errors.
    path
        The table.
    scale
        Of copy numbers, as declared; see `SCALES`.

    Returns
    -------
    numpy.ndarray
        `values`.

    Raises
    ------
    InputError
        A mutation is not 0 or 1, a burden no count, or copy numbers do not look like the declared scale.
    """
    if block == "mutation":
        _require(np.isin(values, (0, 1)), values, names, path, "0, 1 or empty")
    elif block == "burden":
        _require(
            (values >= 0) & (values == np.rint(values)), values, names, path, "a count of alleles or empty"
        )
    elif block == "copy_number":
        _require_scale(values, path, scale)
    return values


def _require(
    good: np.ndarray, values: Float64[np.ndarray, "samples genes"], names: Names, path: Path, expected: str
) -> None:
    bad = np.argwhere(~good & ~np.isnan(values))
    if len(bad):
        row, column = bad[0]
        raise InputError(
            f"{values[row, column]:g} of sample {names[0][row]} is no such value",
            file=path,
            record=int(row) + 1,
            field=names[1][column],
            expected=expected,
            hint=f"{len(bad)} values of the table are not" if len(bad) > 1 else None,
        )


def _require_scale(values: Float64[np.ndarray, "samples genes"], path: Path, scale: str) -> None:
    if scale not in SCALES:
        raise InputError(
            f"no scale {scale!r} of copy numbers", field="copy_number_scale", expected=" or ".join(SCALES)
        )
    present = values[~np.isnan(values)]
    if len(present) and present.min() < 0:
        raise _wrong_scale(path, scale, present, "log_ratio")
    if len(present) < _FEWEST:
        return
    found = copy_number_scale(values)
    if found != scale:
        raise _wrong_scale(path, scale, present, found)


def _wrong_scale(path: Path, scale: str, present: np.ndarray, found: str) -> InputError:
    about = f"median {np.median(present):.3g}, {present.min():.3g} to {present.max():.3g}"
    hints = {
        "absolute": "they look like absolute copies: declare that and they are converted",
        "relative_log2": "they look like relative log2(x + 1): declare that",
        "log_ratio": "values below 0 look like log ratios, log2(x): convert them to log2(x + 1)",
        "unclear": "convert them to log2(x + 1), x relative to two copies",
    }
    expected = {
        "relative_log2": "log2(x + 1), 0 or more and about 1 at two copies",
        "absolute": "copies, 0 or more and about 2",
    }
    return InputError(
        f"the copy numbers are not on the declared scale {scale} ({about})",
        file=path,
        field="copy_number",
        expected=expected[scale],
        hint=hints[found],
    )
