"""Plots of markers: their effects on responses in a volcano, and what they contribute to one prediction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chem.errors import InputError
from varimol.report.plot_style import ACCENT, INK, TONES, figure_with_axes, plain, style, thin, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SENSITIVE, RESISTANT = TONES[0], ACCENT
_LARGEST = 300.0
"""-log10 p of a p-value too small for a floating number."""


def volcano_svg(tests: pd.DataFrame, *, fdr: float = 0.05, n_named: int = 12) -> str:
    """Draw the effect of every marker on every compound against its -log10 p.

    Parameters
    ----------
    tests
        Columns of `models.marker_anova.marker_anova`: marker, compound, effect (ln(umol/l); negative is sensitive),
        n_positive, p_value, fdr.
    fdr
        Share of false ones allowed among those coloured, whose size grows with the lines that have the marker; the
        dashed line parts them from the others.
    n_named
        Strongest of them that are named.

    Returns
    -------
    str
        An ``<svg>`` element, or ``""`` where there is no test.

    Raises
    ------
    InputError
        A column is missing, or `fdr` does not lie between 0 and 1.
    """
    require_columns(tests, ("marker", "compound", "effect", "n_positive", "p_value", "fdr"), "tests")
    if not 0 < fdr < 1:
        raise InputError(f"{fdr} is no rate", field="fdr", expected="a number between 0 and 1")
    tested = tests.loc[np.isfinite(tests["effect"].astype(float)) & tests["p_value"].notna()]
    if tested.empty:
        return ""
    p = tested["p_value"].to_numpy(float)
    y = np.minimum(-np.log10(np.maximum(p, 10.0**-_LARGEST)), _LARGEST)
    x, found = tested["effect"].to_numpy(float), tested["fdr"].to_numpy(float) <= fdr
    with style("volcano"):
        figure, axes = figure_with_axes(6.6, 4.6)
        # Names stand on the outer side of what is found.
        reach = max(1.08 * float(np.abs(x).max()), 1.7 * float(np.abs(x[found]).max(initial=0.0)), 1e-9)
        axes.set_xlim(-reach, reach)
        axes.set_ylim(0, 1.1 * max(float(y.max()), 1.0))
        _volcano_points(axes, x, y, found, tested["n_positive"].to_numpy(float))
        axes.axvline(0, color=INK, linewidth=0.6)
        if found.any():
            axes.axhline(_threshold(y, found), color=INK, linewidth=0.8, dashes=(4, 3))
            _name_tests(axes, tested.loc[found], x[found], y[found], n_named)
        axes.set_title(_volcano_title(x, found, fdr), loc="left", fontsize="medium")
        axes.set(xlabel="Effect on the response, ln(umol/l): sensitive < 0 < resistant", ylabel="−log10 p")
        return to_svg(figure, "volcano")


def contributions_svg(contributions: pd.DataFrame, *, n_shown: int = 12, title: str = "") -> str:
    """Draw what the strongest markers of a line contribute to one prediction, and all others together.

    Parameters
    ----------
    contributions
        Of `models.response_attribution.marker_table`: block, marker, value (NaN where missing), contribution in the
        unit of the labels; the strongest first.
    n_shown
        Markers drawn by themselves.
    title
        Above the plot.

    Returns
    -------
    str
        An ``<svg>`` element, or ``""`` where nothing contributes.

    Raises
    ------
    InputError
        A column is missing.
    """
    require_columns(contributions, ("block", "marker", "value", "contribution"), "contributions")
    size = contributions["contribution"].abs()
    if not (size > 0).any():
        return ""
    ordered = contributions.iloc[np.argsort(-size.to_numpy(float), kind="stable")]
    shown, rest = ordered.head(n_shown), ordered.iloc[n_shown:]
    names = [
        _marker_text(str(block), str(marker), float(value))
        for block, marker, value in shown[["block", "marker", "value"]].itertuples(index=False)
    ]
    values = shown["contribution"].to_list()
    if len(rest):
        names.append(f"{len(rest):,} others together")
        values.append(float(rest["contribution"].sum()))
    with style("contributions"):
        figure, axes = figure_with_axes(6.6, 0.9 + 0.24 * len(names))
        colours = [SENSITIVE if value < 0 else RESISTANT for value in values]
        if len(rest):
            colours[-1] = TONES[1]
        place = np.arange(len(names))
        axes.barh(place, values, color=colours, height=0.7)
        axes.axvline(0, color=INK, linewidth=0.6)
        axes.set_yticks(place, names)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set(xlabel="Contribution to the predicted response, ln(umol/l): sensitive < 0 < resistant")
        axes.set_title(plain(title), loc="left", fontsize="medium")
        return to_svg(figure, "contributions")


def require_columns(table: pd.DataFrame, columns: Sequence[str], name: str) -> None:
    """Refuse a table that lacks a column.

    Raises
    ------
    InputError
        One is missing.
    """
    for column in columns:
        if column not in table.columns:
            raise InputError(f"the table has no column {column!r}", field=name, expected=", ".join(columns))


def _volcano_points(
    axes: Axes, x: np.ndarray, y: np.ndarray, found: np.ndarray, n_positive: np.ndarray
) -> None:
    shown = thin(x, y, 2 * axes.get_xlim()[1] / 1500, axes.get_ylim()[1] / 1000)
    beside = shown & ~found
    axes.scatter(x[beside], y[beside], s=5, color=TONES[1], alpha=0.5, linewidths=0, rasterized=True)
    size = 8 + 60 * np.sqrt(n_positive / max(float(n_positive.max()), 1.0))
    for chosen, colour in ((found & (x < 0), SENSITIVE), (found & (x >= 0), RESISTANT)):
        axes.scatter(
            x[chosen], y[chosen], s=size[chosen], color=colour, alpha=0.7, linewidths=0, rasterized=True
        )


def _volcano_title(x: np.ndarray, found: np.ndarray, fdr: float) -> str:
    counts = f"{int((found & (x < 0)).sum()):,} sensitive, {int((found & (x >= 0)).sum()):,} resistant"
    return f"{counts if found.any() else 'none'} at a false discovery rate of {fdr:.0%}, of {len(x):,} tests"


def _threshold(y: np.ndarray, found: np.ndarray) -> float:
    """Halfway between the weakest test found and the strongest one that is not."""
    below = y[~found & (y < y[found].min())]
    return float(y[found].min() + below.max(initial=0.0)) / 2


def _name_tests(axes: Axes, found: pd.DataFrame, x: np.ndarray, y: np.ndarray, n_named: int) -> None:
    """Name the strongest in a column on their outer side; names that would lie on each other move down."""
    gap = 0.042 * axes.get_ylim()[1]
    free = {-1: np.inf, 1: np.inf}
    for row in np.argsort(-y, kind="stable")[:n_named]:
        side = -1 if x[row] < 0 else 1
        height = min(float(y[row]), free[side])
        free[side] = height - gap
        column = float(np.abs(x[np.sign(x) == np.sign(x[row])]).max()) + 0.06 * axes.get_xlim()[1]
        axes.annotate(
            f"{plain(str(found['marker'].iloc[row]))} · {plain(str(found['compound'].iloc[row]))}",
            (x[row], y[row]),
            xytext=(side * column, height),
            ha="right" if side < 0 else "left",
            va="center",
            fontsize="small",
            arrowprops={
                "arrowstyle": "-", "linewidth": 0.4, "color": INK, "shrinkA": 0, "shrinkB": 2,
                "relpos": (1.0 if side < 0 else 0.0, 0.5),
            },
        )  # fmt: skip


def _marker_text(block: str, marker: str, value: float) -> str:
    if block in ("covariates", "mutation"):
        yes, no = ("yes", "no") if block == "covariates" else ("mutated", "not mutated")
        state = "missing" if np.isnan(value) else yes if value else no
        return plain(f"{marker}: {state}" if block == "covariates" else f"{marker} {state}")
    return plain(f"{marker} {block.replace('_', ' ')} {'missing' if np.isnan(value) else f'{value:.2g}'}")
