"""What all plots share: inline SVG with points in a raster layer, axes and text as vectors.

Ink is written in one sentinel colour that becomes ``currentColor``, so that a plot follows the page's light
or dark colours. Ids are salted with the plot's name and no date is written: the same table, the same bytes.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#010203"
TONES = ("#4a7fb0", "#8a94a0")
"""Of points: one that is looked at, one beside it."""
ACCENT = "#d1672c"
_STYLE = {
    "svg.fonttype": "none",
    "path.simplify": False,
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "savefig.dpi": 150,
}


def style(salt: str) -> Any:
    """Settings of matplotlib to draw with; `salt` is the plot's name."""
    import matplotlib as mpl

    settings: Any = {**_STYLE, "svg.hashsalt": f"varimol-{salt}"}
    return mpl.rc_context(settings)


def empty_figure(width: float, height: float) -> Figure:
    """Make a figure, in inches, that no window and no notebook shows by itself."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasSVG(figure)
    return figure


def figure_with_axes(width: float, height: float) -> tuple[Figure, Axes]:
    """Make a figure with one pair of axes."""
    figure = empty_figure(width, height)
    return figure, figure.add_subplot()


def to_svg(figure: Figure, name: str) -> str:
    """Write a figure as an ``<svg>`` element, with ids that only `name` and the figure decide."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    referenced = set(re.findall(r"#([A-Za-z][\w-]*)", text))
    text = re.sub(r' id="([^"]*)"', lambda m: m[0] if m[1] in referenced else "", text)
    return text.replace("<svg ", f'<svg class="plot" aria-hidden="true" data-plot="{name}" ', 1)


def thin(x: np.ndarray, y: np.ndarray, step_x: float, step_y: float) -> np.ndarray:
    """Keep one point for each cell of a grid finer than a pixel: millions of tests, one picture."""
    column, row = (np.floor(v / step).astype(np.int64) for v, step in ((x, step_x), (y, step_y)))
    _, first = np.unique(column * (int(row.max()) + 2) + row, return_index=True)
    kept = np.zeros(x.size, dtype=bool)
    kept[first] = True
    return kept


def plain(text: str) -> str:
    """Text that matplotlib draws as it stands, without reading formulas into it."""
    return text.replace("$", r"\$")
