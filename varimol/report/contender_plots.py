"""Plot of the figures of a model and of the plain ones beside it: what was earned, and what a plain model gives."""

from __future__ import annotations

import numpy as np
import pandas as pd

from chem.errors import InputError
from varimol.report.marker_plots import require_columns
from varimol.report.plot_style import ACCENT, INK, TONES, empty_figure, plain, style, to_svg


def pooled_figures(metrics: pd.DataFrame, metric: str = "residual_r", panel: str = "setting") -> pd.DataFrame:
    """Take the figures of all folds together, with their intervals, out of a run's metrics.tsv.

    Parameters
    ----------
    metrics
        `panel`, model, fold (0 for all folds together), metric, value; bounds are metrics of their own, as
        ``residual_r_lower``.
    metric
        Which figure.
    panel
        Column that is kept beside the model.

    Returns
    -------
    pd.DataFrame
        What `contenders_svg` draws: `panel`, model, value, lower, upper (NaN where there are no bounds).

    Raises
    ------
    InputError
        A column or the metric is missing.

    Examples
    --------
    >>> rows = [("line", "means", 0, "residual_r", 0.0), ("line", "means", 0, "residual_r_upper", 0.1)]
    >>> metrics = pd.DataFrame(rows, columns=["setting", "model", "fold", "metric", "value"])
    >>> pooled_figures(metrics).to_dict("records")
    [{'setting': 'line', 'model': 'means', 'value': 0.0, 'lower': nan, 'upper': 0.1}]
    """
    require_columns(metrics, (panel, "model", "fold", "metric", "value"), "metrics")
    names = {metric: "value", f"{metric}_lower": "lower", f"{metric}_upper": "upper"}
    rows = metrics.loc[(metrics["fold"] == 0) & metrics["metric"].isin(list(names))]
    if metric not in set(rows["metric"]):
        raise InputError(
            f"there is no metric {metric!r} of all folds", field="metric", expected="one of the table"
        )
    wide = rows.pivot_table("value", [panel, "model"], "metric", sort=False).rename(columns=names)
    return wide.reindex(columns=["value", "lower", "upper"]).reset_index().rename_axis(columns=None)


def contenders_svg(
    figures: pd.DataFrame,
    *,
    name: str = "residual r",
    panel: str = "setting",
    chosen: str = "response_model",
    nothing: float | None = 0.0,
) -> str:
    """Draw a figure of every model with its interval, the best model first, a panel per setting.

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
        An ``<svg>`` element, or ``""`` where no value is known. The panel with most models is the first,
        and gives them their order.

    Raises
    ------
    InputError
        A column is missing.
    """
    require_columns(figures, (panel, "model", "value", "lower", "upper"), "figures")
    known = figures.loc[figures["value"].notna()]
    if known.empty:
        return ""
    panels = list(known[panel].value_counts(sort=False).sort_values(ascending=False, kind="stable").index)
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
