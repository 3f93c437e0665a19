"""Small multiples: a grid of panels, and what they hold of predicted and measured values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from varimol.report.plot_style import INK, TONES, empty_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ACROSS = 4


def panel_grid(n: int) -> tuple[Figure, list[Axes]]:
    """Make a figure of `n` square panels, four in a row."""
    across, down = min(_ACROSS, n), -(-n // _ACROSS)
    figure = empty_figure(1.95 * across + 0.4, 2.05 * down + 0.4)
    panels = list(figure.subplots(down, across, squeeze=False).ravel())
    for axes in panels[n:]:
        axes.set_axis_off()
    return figure, panels[:n]


def scatter_panel(axes: Axes, both: Float[NDArray[np.float64], "n 2"]) -> None:
    """Draw measured and predicted values on axes of one range, whatever their order."""
    both = both[np.lexsort(both.T)]
    low, high = float(both.min()), float(both.max())
    room = 0.05 * max(high - low, 1e-6)
    axes.plot([low, high], [low, high], color=INK, linewidth=0.7, dashes=(4, 3))
    alpha = 0.5 if len(both) < 1000 else 0.2
    axes.scatter(both[:, 0], both[:, 1], s=7, color=TONES[0], alpha=alpha, linewidths=0, rasterized=True)
    axes.set(xlim=(low - room, high + room), ylim=(low - room, high + room), aspect="equal")
    axes.locator_params(nbins=4)
    axes.set_yticks([tick for tick in axes.get_xticks() if low - room <= tick <= high + room])
    axes.tick_params(labelsize="small")
