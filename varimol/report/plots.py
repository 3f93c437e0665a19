"""Plots of the report: the scan along the genome, its p-values, and the samples' structure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genomics.contigs import canonical_contig, contig_rank
from varimol.report.plot_style import ACCENT, INK, TONES, figure_with_axes, style, thin, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: -log10 of the genome-wide significance level 5e-8.
GENOME_WIDE = 7.301029995663981


def manhattan_svg(association: pd.DataFrame, markers: pd.DataFrame) -> str:
    """Draw -log10(p) along the genome.

    Parameters
    ----------
    association
        Columns contig, position (1-based) and log10p (-log10 of the p-value).
    markers
        Lead markers with contig, position, log10p and gene; each is drawn and the strongest are named.

    Returns
    -------
    str
        An ``<svg>`` element, or ``""`` where there is no tested variant.
    """
    tested = association.loc[np.isfinite(association["log10p"].astype(float))]
    if tested.empty:
        return ""
    contigs = sorted(tested["contig"].astype(str).map(canonical_contig).unique(), key=contig_rank)
    layout = _genome_layout(tested, contigs)
    with style("manhattan"):
        figure, axes = figure_with_axes(9.4, 3.5)
        _manhattan_points(axes, _on_genome(tested, layout), tested["log10p"].to_numpy(float), tested, contigs)
        axes.axhline(GENOME_WIDE, color=INK, linewidth=0.8, dashes=(4, 3))
        if len(markers):
            _name_markers(axes, _on_genome(markers, layout), markers)
        starts = np.array([layout[name][1] for name in contigs])
        ends = np.array([layout[name][2] for name in contigs])
        labels = _contig_labels(contigs, (ends - starts) / max(ends[-1], 1.0))
        axes.set_xticks((starts + ends) / 2, labels)
        axes.tick_params(axis="x", length=0)
        axes.set_xlim(-0.01 * ends[-1], 1.01 * ends[-1])
        axes.set_ylim(0, 1.12 * max(float(tested["log10p"].max()), GENOME_WIDE))
        axes.set(xlabel="Chromosome", ylabel="−log10 p")
        return to_svg(figure, "manhattan")


def quantile_svg(log10p: np.ndarray) -> str:
    """Draw observed against expected -log10(p), with the 95% band of independent uniform p-values.

    Parameters
    ----------
    log10p
        -log10 p-values of all tests, shape (n_tests,).

    Returns
    -------
    str
        An ``<svg>`` element, or ``""`` where there is no test.
    """
    from scipy.stats import beta

    observed = np.sort(log10p[np.isfinite(log10p)])[::-1]
    n = observed.size
    if n == 0:
        return ""
    rank = np.arange(1, n + 1)
    expected = -np.log10((rank - 0.5) / n)
    shown = thin(expected, observed, 0.004 * max(expected[0], 1), 0.004 * max(observed[0], 1))
    band = np.unique(np.geomspace(1, n, 120).astype(int))
    with style("quantile"):
        figure, axes = figure_with_axes(3.7, 3.5)
        lower, upper = (-np.log10(beta.ppf(q, band, n - band + 1)) for q in (0.975, 0.025))
        axes.fill_between(expected[band - 1], lower, upper, color=TONES[1], alpha=0.25, linewidth=0)
        axes.plot([0, expected[0]], [0, expected[0]], color=INK, linewidth=0.8)
        axes.scatter(expected[shown], observed[shown], s=7, color=TONES[0], linewidths=0, rasterized=True)
        axes.set(xlabel="Expected −log10 p", ylabel="Observed −log10 p")
        axes.set_xlim(0, 1.05 * expected[0])
        axes.set_ylim(0, 1.08 * max(float(observed[0]), float(expected[0])))
        return to_svg(figure, "quantile")


def components_svg(components: pd.DataFrame) -> str:
    """Draw the first two principal components of the samples.

    Parameters
    ----------
    components
        Columns pc1 and pc2, one row per sample.

    Returns
    -------
    str
        An ``<svg>`` element, or ``""`` where there are no two components.
    """
    if not {"pc1", "pc2"}.issubset(components.columns) or components.empty:
        return ""
    first, second = (components[name].to_numpy(float) for name in ("pc1", "pc2"))
    with style("components"):
        figure, axes = figure_with_axes(4.2, 3.5)
        axes.scatter(first, second, s=8, color=TONES[0], alpha=0.6, linewidths=0, rasterized=True)
        axes.set(xlabel="PC1", ylabel="PC2")
        axes.locator_params(nbins=5)
        return to_svg(figure, "components")


def _genome_layout(tested: pd.DataFrame, contigs: list[str]) -> dict[str, tuple[float, float, float]]:
    """Lay the contigs' tested spans side by side: name -> (first position, offset, end on the axis)."""
    names = tested["contig"].astype(str).map(canonical_contig)
    spans = tested["position"].astype(float).groupby(names.to_numpy()).agg(["min", "max"])
    widths = (spans["max"] - spans["min"]).clip(lower=1.0)
    # A panel of a few genes leaves slivers of contigs; a floor keeps each of them visible.
    widths = widths.clip(lower=0.012 * float(widths.sum()))
    gap = 0.006 * float(widths.sum())
    layout, offset = {}, 0.0
    for name in contigs:
        layout[name] = (float(spans["min"][name]), offset, offset + float(widths[name]))
        offset += float(widths[name]) + gap
    return layout


def _on_genome(table: pd.DataFrame, layout: dict[str, tuple[float, float, float]]) -> np.ndarray:
    names = table["contig"].astype(str).map(canonical_contig)
    first = names.map({name: start for name, (start, _, _) in layout.items()}).to_numpy(float)
    offset = names.map({name: at for name, (_, at, _) in layout.items()}).to_numpy(float)
    return offset + table["position"].to_numpy(float) - first


def _manhattan_points(
    axes: Axes, x: np.ndarray, y: np.ndarray, tested: pd.DataFrame, contigs: list[str]
) -> None:
    tone = tested["contig"].astype(str).map(canonical_contig).map({c: i % 2 for i, c in enumerate(contigs)})
    shown = thin(x, y, float(x.max() or 1.0) / 2000, max(float(y.max()), GENOME_WIDE) / 500)
    for index, colour in enumerate(TONES):
        chosen = shown & (tone.to_numpy() == index)
        axes.scatter(x[chosen], y[chosen], s=7, color=colour, linewidths=0, rasterized=True)


def _name_markers(axes: Axes, x: np.ndarray, markers: pd.DataFrame, n_named: int = 8) -> None:
    y = markers["log10p"].to_numpy(float)
    axes.scatter(x, y, s=26, facecolors="none", edgecolors=ACCENT, linewidths=1.4)
    named: set[str] = set()
    for row in np.argsort(-y, kind="stable"):
        gene = markers["gene"].iloc[row]
        if not isinstance(gene, str) or not gene or gene in named or len(named) == n_named:
            continue
        named.add(gene)
        left = x[row] > 0.9 * axes.dataLim.x1
        axes.annotate(
            gene.replace("$", r"\$"),
            (x[row], y[row]),
            xytext=(-6 if left else 6, 3),
            textcoords="offset points",
            ha="right" if left else "left",
            style="italic",
        )


def _contig_labels(contigs: list[str], shares: np.ndarray) -> list[str]:
    """Drop the names that would run into their neighbour."""
    labels, last, at = [], -1.0, 0.0
    for name, share in zip(contigs, shares):
        centre, at = at + share / 2, at + share
        room = 0.007 * (len(name) + 1)
        labels.append(name if centre - last >= room or last < 0 else "")
        last = centre if labels[-1] else last
    return labels
