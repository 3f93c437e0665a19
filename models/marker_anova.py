"""Analysis of variance of every marker with every compound, tissue as covariate, by matrix products.

The model of one test is ``response ~ tissue + marker`` over the lines in which the compound was measured and the marker
is known. With tissue a set of groups, what it explains are group means, so the sums of squares of all tests are
products of the matrix of markers and that of responses, taken per tissue. No test has a loop of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.special import stdtr
from scipy.stats import false_discovery_control

from chem.errors import InputError

COLUMNS = (
    "marker", "compound", "n_positive", "n_negative", "effect", "standard_error", "f_statistic", "degrees_of_freedom",
    "p_value", "fdr", "cohens_d", "glass_delta_positive", "glass_delta_negative",
)  # fmt: skip
_CONFOUNDED = 1e-9
"""Sum of squares of a marker within tissues below which it is a function of tissue."""
_PERFECT = 1e-12
"""Share of a sum of squares that is rounding."""

Matrix = NDArray[np.float64]


def marker_anova(
    values: Float[NDArray[np.float64], "n_lines n_compounds"],
    markers: Float[NDArray[np.float64], "n_lines n_markers"],
    tissue: Sequence[object] | None = None,
    *,
    marker_ids: Sequence[str] | None = None,
    compound_ids: Sequence[str] | None = None,
    min_lines: int = 3,
) -> pd.DataFrame:
    """Test every binary marker for every compound.

    Parameters
    ----------
    values
        Responses, NaN where nothing was measured.
    markers
        1 where a line has the marker, 0 where not, NaN where that is not known: such a line is left out of the
        marker's tests, and is never taken for one without.
    tissue
        (n_lines,) tissue, or any other grouping; lines whose tissue is empty or missing form a group of their own.
        Without, no covariate.
    marker_ids, compound_ids
        Names for the result; numbers where they are not given.
    min_lines
        Lines with the marker, and lines without, that a test needs.

    Returns
    -------
    pd.DataFrame
        One row per test that can be made, smallest p first, with the columns

        - marker, compound
        - n_positive, n_negative: lines with and without the marker
        - effect: difference of the responses of the two within tissues, in their unit; negative is sensitive
        - standard_error: of the effect
        - f_statistic: of the marker, given tissue, with 1 and degrees_of_freedom
        - p_value; fdr: Benjamini-Hochberg over all rows
        - cohens_d: difference of the means over the pooled standard deviation, tissue left aside
        - glass_delta_positive, glass_delta_negative: the same over that of the lines with, and without

        A marker that tissue determines has no test.

    Raises
    ------
    InputError
        A marker is neither 0, 1 nor missing, or the lines of the three differ in number.

    References
    ----------
    Garnett, M. et al. (2012) Nature 483:570; Cokelaer, T. et al. (2018) Bioinformatics 34:1226 (GDSCTools), for the
    test and the effect sizes. Benjamini, Y., Hochberg, Y. (1995) J. R. Stat. Soc. B 57:289.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> mutated = (rng.random((60, 4)) < 0.3).astype(float)
    >>> response = rng.normal(size=(60, 2))
    >>> response[:, 1] -= 3 * mutated[:, 2]
    >>> tests = marker_anova(response, mutated, ["lung", "skin", "bone"] * 20, marker_ids=list("abcd"))
    >>> len(tests), tests.loc[0, "marker"], int(tests.loc[0, "compound"]), bool(tests.loc[0, "effect"] < -2)
    (8, 'c', 1, True)
    """
    group = _groups(tissue, len(values))
    _require(values, markers, group)
    marker_names = np.array(range(markers.shape[1]) if marker_ids is None else marker_ids, object)
    compound_names = np.array(range(values.shape[1]) if compound_ids is None else compound_ids, object)
    # Most genes are mutated in next to no line: their tests are not made at all.
    often = np.flatnonzero(
        ((markers == 1).sum(axis=0) >= min_lines) & ((markers == 0).sum(axis=0) >= min_lines)
    )
    sums = _sums(values, markers[:, often], group)
    tested = (sums.n_positive >= min_lines) & (sums.n_negative >= min_lines) & sums.solvable
    row, column = np.nonzero(tested)
    table = pd.DataFrame(_statistics(sums.of(row, column)))
    table.insert(0, "compound", compound_names[column])
    table.insert(0, "marker", marker_names[often[row]])
    table["fdr"] = false_discovery_control(table["p_value"]) if len(table) else np.zeros(0)
    order = np.argsort(table["p_value"].to_numpy(), kind="stable")
    return table.iloc[order].reset_index(drop=True)[list(COLUMNS)]


@dataclass(frozen=True)
class _Sums:
    """Sums over lines, all (n_markers, n_compounds); x is the marker and y the response.

    `xx`, `xy` and `yy` are within tissues; the others are over all lines of a test.
    """

    n_positive: Matrix
    n_negative: Matrix
    n_tissues: Matrix
    positive_y: Matrix
    negative_y: Matrix
    positive_yy: Matrix
    negative_yy: Matrix
    xx: Matrix
    xy: Matrix
    yy: Matrix

    @property
    def freedom(self) -> Matrix:
        return self.n_positive + self.n_negative - self.n_tissues - 1

    @property
    def solvable(self) -> NDArray[np.bool_]:
        """Tests with a marker and a response that vary within tissues, and lines to spare."""
        total = self.positive_yy + self.negative_yy
        return (self.freedom > 0) & (self.xx > _CONFOUNDED) & (self.yy > _PERFECT * total)

    def of(self, row: NDArray[np.int64], column: NDArray[np.int64]) -> _Sums:
        """Sums of some tests, each a vector."""
        return _Sums(*(getattr(self, name)[row, column] for name in self.__dataclass_fields__))


def _sums(values: Matrix, markers: Matrix, group: NDArray[np.int64]) -> _Sums:
    measured = ~np.isnan(values)
    n = np.maximum(measured.sum(axis=0), 1)
    y = np.where(
        measured, values - np.where(measured, values, 0).sum(axis=0) / n, 0.0
    )  # squares must not cancel
    there, yy = measured.astype(float), y**2
    with_marker, known = (markers == 1).astype(float), (~np.isnan(markers)).astype(float)
    without = known - with_marker
    n_positive, positive_y, positive_yy = (with_marker.T @ of for of in (there, y, yy))
    n_negative, negative_y, negative_yy = (without.T @ of for of in (there, y, yy))
    n_tissues, xx, xy = np.zeros_like(n_positive), n_positive.copy(), positive_y.copy()
    within = positive_yy + negative_yy
    for number in range(group.max(initial=-1) + 1):
        lines = group == number
        n_here, y_here = known[lines].T @ there[lines], known[lines].T @ y[lines]
        x_here = with_marker[lines].T @ there[lines]
        inverse = np.divide(1.0, n_here, out=np.zeros_like(n_here), where=n_here > 0)
        n_tissues += n_here > 0
        xx -= x_here**2 * inverse
        xy -= x_here * y_here * inverse
        within -= y_here**2 * inverse
    return _Sums(
        n_positive, n_negative, n_tissues, positive_y, negative_y, positive_yy, negative_yy, xx, xy, within
    )


def _statistics(sums: _Sums) -> dict[str, NDArray[np.float64] | NDArray[np.int64]]:
    freedom = sums.freedom
    effect = sums.xy / sums.xx
    explained = effect * sums.xy
    residual = np.maximum(sums.yy - explained, _PERFECT * sums.yy)
    f = explained / (residual / freedom)
    n1, n0 = sums.n_positive, sums.n_negative
    difference = sums.positive_y / n1 - sums.negative_y / n0
    square1 = np.maximum(sums.positive_yy - sums.positive_y**2 / n1, 0)
    square0 = np.maximum(sums.negative_yy - sums.negative_y**2 / n0, 0)
    return {
        "n_positive": n1.astype(np.int64),
        "n_negative": n0.astype(np.int64),
        "effect": effect,
        "standard_error": np.sqrt(residual / freedom / sums.xx),
        "f_statistic": f,
        "degrees_of_freedom": freedom.astype(np.int64),
        "p_value": np.minimum(2 * stdtr(freedom, -np.sqrt(f)), 1.0),
        "cohens_d": _ratio(difference, (square1 + square0) / (n1 + n0 - 2)),
        "glass_delta_positive": _ratio(difference, square1 / (n1 - 1)),
        "glass_delta_negative": _ratio(difference, square0 / (n0 - 1)),
    }


def _ratio(difference: NDArray[np.float64], variance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Difference over the root of a variance; NaN where that is 0."""
    return np.divide(difference, np.sqrt(variance), out=np.full_like(difference, np.nan), where=variance > 0)


def _groups(tissue: Sequence[object] | None, n_lines: int) -> NDArray[np.int64]:
    if tissue is None:
        return np.zeros(n_lines, np.int64)
    names = pd.Series(list(tissue), dtype=object)
    return pd.factorize(names.where(names.notna(), "").astype(str).str.strip(), sort=True)[0].astype(np.int64)


def _require(values: Matrix, markers: Matrix, group: NDArray[np.int64]) -> None:
    if not len(values) == len(markers) == len(group):
        raise InputError(
            f"{len(values)} lines have responses, {len(markers)} markers and {len(group)} a tissue", field="markers",
            expected="the same lines in the same order",
        )  # fmt: skip
    odd = np.argwhere(~(np.isnan(markers) | np.isin(markers, (0, 1))))
    if len(odd):
        line, marker = odd[0]
        raise InputError(
            f"{markers[line, marker]:g} of line {line} and marker {marker} is neither 0 nor 1", field="markers",
            expected="0, 1, or NaN where it is not known", hint="choose a threshold for what is counted or measured",
        )  # fmt: skip
