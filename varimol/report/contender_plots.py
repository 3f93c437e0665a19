"""Plot of the figures of a model and of the plain ones beside it: what was earned, and what a plain model gives."""

from __future__ import annotations

import numpy as np
import pandas as pd

from varimol.report.marker_plots import require_columns
from varimol.report.plot_style import ACCENT, INK, TONES, empty_figure, plain, style, to_svg


def contenders_svg(
    figures: pd.DataFrame,
    *,
    name: str = "residual r",
    panel: str = "setting",
    chosen: str = "response_model",
    nothing: float | None = 0.0,
) -> str:
    """Draw a figure of every model with its interval, a panel per setting, the best model first.

    Parameters
    ----------
    figures
        One row per `panel` and model: `panel`, model, value, lower, upper; NaN where there is no interval.
    name
        Of the figure, on the axis; more is better.
    panel
        Column that parts the panels, such as the setting or the endpoint.
    chosen
        The model that is looked at, in another colour.
    nothing
        Value of a model that says nothing, drawn as a line; None for none.

    Returns
    -------
    str
        An ``<svg>`` element, or ``""`` where no value is known. Models stand in the order of the first panel.

    Raises
    ------
    InputError
        A column is missing.
    """
    require_columns(figures, (panel, "model", "value", "lower", "upper"), "figures")
    known = figures.loc[figures["value"].notna()]
    if known.empty:
        return ""
    panels = list(known[panel].drop_duplicates())
    first = known.loc[known[panel] == panels[0]].sort_values("value", ascending=False, kind="stable")["model"]
    models = list(dict.fromkeys([*first, *known["model"]]))
    with style("contenders"):
        figure = empty_figure(1.6 + 2.3 * len(panels), 0.9 + 0.22 * len(models))
        every = figure.subplots(1, len(panels), sharey=True, squeeze=False).ravel()
        for axes, of in zip(every, panels):
            rows = known.loc[known[panel] == of]
            place = np.array([models.index(model) for model in rows["model"]])
            colours = np.where(rows["model"] == chosen, ACCENT, TONES[0])
            if nothing is not None:
                axes.axvline(nothing, color=INK, linewidth=0.6)
            lower, upper = (rows[c].to_numpy(float) for c in ("lower", "upper"))
            axes.hlines(place, lower, upper, colors=list(colours), linewidth=1.4)
            axes.scatter(rows["value"], place, s=20, color=list(colours), linewidths=0, zorder=3)
            axes.set_title(plain(str(of)), loc="left", fontsize="medium")
            axes.locator_params(axis="x", nbins=5)
            axes.tick_params(axis="y", length=0)
        every[0].set_yticks(np.arange(len(models)), [plain(model.replace("_", " ")) for model in models])
        every[0].set_ylim(len(models) - 0.5, -0.5)
        figure.supxlabel(plain(name), fontsize="medium")
        return to_svg(figure, "contenders")
