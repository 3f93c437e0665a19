"""Plots of predicted properties, a panel per endpoint: measured against predicted, and what probabilities are worth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.coverage import reliability_table
from models.metrics import auroc
from varimol.report.marker_plots import require_columns
from varimol.report.plot_panels import panel_grid, scatter_panel
from varimol.report.plot_style import ACCENT, INK, TONES, plain, style, to_svg


def property_predicted_svg(
    out_of_fold: pd.DataFrame, *, units: Mapping[str, str] | None = None, n_shown: int = 12
) -> str:
    """Draw held-out predictions of measured properties against the measurements.

    Parameters
    ----------
    out_of_fold
        One model's rows in one setting: endpoint, label, prediction. Endpoints of 0 and 1 are left out: see
        `reliability_svg`.
    units
        Of each endpoint's label.
    n_shown
        Panels, in the order of the endpoints' names.

    Returns
    -------
    str
        An ``<svg>`` element, or ``""`` where there is no such endpoint.

    Raises
    ------
    InputError
        A column is missing.
    """
    shown = [item for item in _endpoints(out_of_fold) if not _is_class(item[1])][:n_shown]
    if not shown:
        return ""
    with style("property-predicted"):
        figure, panels = panel_grid(len(shown))
        for axes, (name, both) in zip(panels, shown):
            scatter_panel(axes, both)
            rmse = float(np.sqrt(np.mean((both[:, 0] - both[:, 1]) ** 2)))
            unit = (units or {}).get(name, "")
            text = f"{name}{', ' if unit else ''}{unit}\nRMSE {rmse:.2f}, n {len(both):,}"
            axes.set_title(plain(text), fontsize="small", loc="left")
        figure.supxlabel("Measured", fontsize="medium")
        figure.supylabel("Predicted, held out", fontsize="medium")
        return to_svg(figure, "property-predicted")


def reliability_svg(out_of_fold: pd.DataFrame, *, n_bins: int = 10, n_shown: int = 12) -> str:
    """Draw how often a property held among molecules of a predicted probability, with 95% intervals.

    Parameters
    ----------
    out_of_fold
        One model's rows in one setting: endpoint, label (0 or 1), prediction (probability). Other endpoints are left
        out.
    n_bins
        Bins from 0 to 1; the size of a point grows with the molecules in its bin.
    n_shown
        Panels, in the order of the endpoints' names.

    Returns
    -------
    str
        An ``<svg>`` element, or ``""`` where there is no such endpoint.

    Raises
    ------
    InputError
        A column is missing, or a prediction is no probability.
    """
    shown = [item for item in _endpoints(out_of_fold) if _is_class(item[1])][:n_shown]
    if not shown:
        return ""
    with style("reliability"):
        figure, panels = panel_grid(len(shown))
        for axes, (name, both) in zip(panels, shown):
            table = reliability_table(both[:, 0], both[:, 1], n_bins=n_bins)
            p, share = table["mean_probability"].to_numpy(float), table["share"].to_numpy(float)
            error = np.abs(table[["share_lower", "share_upper"]].to_numpy(float).T - share)
            size = 6 + 40 * np.sqrt(table["n"].to_numpy(float) / max(float(table["n"].max()), 1.0))
            axes.plot([0, 1], [0, 1], color=INK, linewidth=0.7, dashes=(4, 3))
            axes.errorbar(p, share, yerr=error, fmt="none", ecolor=TONES[1], elinewidth=0.8)
            axes.scatter(p, share, s=size, color=ACCENT, linewidths=0, zorder=3)
            axes.set(
                xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal", xticks=(0, 0.5, 1), yticks=(0, 0.5, 1)
            )
            axes.tick_params(labelsize="small")
            text = f"{name}\nAUROC {auroc(both[:, 0], both[:, 1]):.2f}, n {len(both):,}"
            axes.set_title(plain(text), fontsize="small", loc="left")
        figure.supxlabel("Predicted probability, held out", fontsize="medium")
        figure.supylabel("Share that had the property", fontsize="medium")
        return to_svg(figure, "reliability")


def _endpoints(out_of_fold: pd.DataFrame) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Names of endpoints with (n, 2) labels and predictions, where both are known."""
    require_columns(out_of_fold, ("endpoint", "label", "prediction"), "out_of_fold")
    known = out_of_fold.dropna(subset=["label", "prediction"])
    for name, rows in known.groupby("endpoint", sort=True):
        yield str(name), rows[["label", "prediction"]].to_numpy(float)


def _is_class(both: NDArray[np.float64]) -> bool:
    return bool(np.isin(both[:, 0], (0, 1)).all())
