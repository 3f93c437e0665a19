"""Plots of predicted responses: against the measured ones, of one patient's compounds, and how often intervals hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chem.errors import InputError
from models.response_metrics import MIN_LINES, residual_r
from varimol.report.marker_plots import RESISTANT, SENSITIVE, require_columns
from varimol.report.plot_panels import panel_grid, scatter_panel
from varimol.report.plot_style import ACCENT, INK, TONES, figure_with_axes, plain, style, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def predicted_measured_svg(
    out_of_fold: pd.DataFrame,
    *,
    compound: str = "drug_name",
    line: str = "depmap_id",
    n_shown: int = 12,
    unit: str = "ln IC50, ln(umol/l)",
) -> str:
    """Draw held-out predictions against measurements, a panel per compound from the best predicted to the worst.

    Parameters
    ----------
    out_of_fold
        One model's rows of a run's folds.tsv in one setting: `compound`, `line`, label, prediction; optional
        compound_mean, the compound's mean over the training lines, with which the residual correlation is written too.
    compound, line
        Names of the keys.
    n_shown
        Panels: compounds at even ranks of their correlation, so that bad ones are shown with the good ones.
    unit
        Of the axes.

    Returns
    -------
    str
        An ``<svg>`` element, or ``""`` where no compound has `models.response_metrics.MIN_LINES` lines.

    Raises
    ------
    InputError
        A column is missing.
    """
    require_columns(out_of_fold, (compound, line, "label", "prediction"), "out_of_fold")
    twice = out_of_fold.duplicated([compound, line])
    if twice.any():
        pair = out_of_fold.loc[twice, [line, compound]].iloc[0].tolist()
        raise InputError(
            f"{pair} stands twice", field="out_of_fold", expected="one model's rows in one setting and seed"
        )
    figures = correlations(out_of_fold, compound, line)
    if figures.empty:
        return ""
    ranks = np.unique(np.linspace(0, len(figures) - 1, min(n_shown, len(figures))).round().astype(int))
    shown = figures.iloc[ranks]
    with style("predicted-measured"):
        figure, panels = panel_grid(len(shown))
        for axes, name in zip(panels, shown.index):
            rows = out_of_fold.loc[out_of_fold[compound] == name, ["label", "prediction"]].dropna()
            scatter_panel(axes, rows.to_numpy(float))
            text = f"{plain(str(name))}\n{_correlation_text(shown.loc[name])}"
            axes.set_title(text, fontsize="small", loc="left")
        figure.supxlabel(f"Measured {unit}", fontsize="medium")
        figure.supylabel("Predicted, held out", fontsize="medium")
        return to_svg(figure, "predicted-measured")


def held_out_rows(
    folds: pd.DataFrame,
    model: str = "response_model",
    setting: str = "line",
    *,
    compound: str = "drug_name",
    line: str = "depmap_id",
) -> pd.DataFrame:
    """Take one model's rows in one setting out of a run's folds.tsv, with the compounds' means over training lines.

    Parameters
    ----------
    folds
        setting, model, `line`, `compound`, label, prediction.
    model, setting
        Which. Where the setting is that of unseen lines, ``line`` or ``tissue``, and the model ``means`` is in the
        table, its predictions are the means.
    compound, line
        Names of the keys.

    Returns
    -------
    pd.DataFrame
        The rows, with compound_mean where it is known.

    Raises
    ------
    InputError
        A column is missing, or there is no such row.
    """
    require_columns(folds, ("setting", "model", line, compound, "label", "prediction"), "folds")
    of_setting = folds.loc[folds["setting"] == setting]
    rows = of_setting.loc[of_setting["model"] == model]
    if rows.empty:
        known = of_setting["model"].unique() if len(of_setting) else folds["setting"].unique()
        raise InputError(
            f"no row of model {model!r} in setting {setting!r}",
            field="folds",
            expected=", ".join(map(str, known)),
        )
    means = of_setting.loc[of_setting["model"] == "means"]
    if setting not in ("line", "tissue") or means.empty:
        return rows
    told = means[[line, compound, "prediction"]].rename(columns={"prediction": "compound_mean"})
    return rows.merge(told, "left", [line, compound], validate="one_to_one")


def correlations(
    out_of_fold: pd.DataFrame, compound: str = "drug_name", line: str = "depmap_id"
) -> pd.DataFrame:
    """Correlate predictions with measurements over lines, per compound.

    Parameters
    ----------
    out_of_fold, compound, line
        As in `predicted_measured_svg`.

    Returns
    -------
    pd.DataFrame
        Indexed by compound, the best first: n lines, r, and residual_r where compound_mean is known. Compounds of
        fewer than `models.response_metrics.MIN_LINES` lines are left out, and those with a constant measurement; r of
        a constant prediction is 0.
    """

    def wide(column: str) -> pd.DataFrame:
        return out_of_fold.pivot_table(column, line, compound, dropna=False)

    measured, predicted = wide("label"), wide("prediction")
    rows = {"n": measured.notna().sum(), "r": [_r(measured[name], predicted[name]) for name in measured]}
    table = pd.DataFrame(rows, index=measured.columns)
    if "compound_mean" in out_of_fold.columns:
        means = wide("compound_mean").reindex_like(measured).to_numpy(float)
        each = residual_r(measured.to_numpy(float), predicted.to_numpy(float), means).each
        table["residual_r"] = each
    table = table[(table["n"] >= MIN_LINES) & table["r"].notna()]
    return table.sort_values("r", ascending=False, kind="stable")


def waterfall_svg(
    predictions: pd.DataFrame,
    compound_means: Mapping[str, float],
    *,
    compound: str = "drug_name",
    n_shown: int = 40,
    title: str = "",
) -> str:
    """Draw one patient's compounds by predicted response less the compound's mean, with intervals.

    Potent compounds have low means in everybody; what is left speaks of this patient.

    Parameters
    ----------
    predictions
        Rows of one patient as ``varimol predict`` writes them: `compound`, prediction, lower, upper, in_domain,
        abstain; optional label, a measured response.
    compound_means
        Mean response of each compound over the training lines, in the same unit.
    compound
        Name of the key.
    n_shown
        Compounds drawn: half of them the most sensitive, half the least.
    title
        Above the plot.

    Returns
    -------
    str
        An ``<svg>`` element, or ``""`` where no compound has a prediction and a mean. Compounds on which the network
        abstains are drawn hollow; how many are not drawn is said below.

    Raises
    ------
    InputError
        A column is missing, or a compound stands twice.
    """
    require_columns(
        predictions, (compound, "prediction", "lower", "upper", "in_domain", "abstain"), "predictions"
    )
    if predictions[compound].duplicated().any():
        twice = predictions.loc[predictions[compound].duplicated(), compound].iloc[0]
        raise InputError(f"{twice!r} stands twice", field=compound, expected="the rows of one patient")
    mean = predictions[compound].map(dict(compound_means)).astype(float)
    known = predictions.loc[predictions["prediction"].notna() & mean.notna()]
    if known.empty:
        return ""
    bars = _less_mean(known, mean[known.index]).sort_values("prediction", kind="stable")
    half = max(n_shown // 2, 1)
    between = len(bars) - 2 * half
    top, bottom = (bars, bars.head(0)) if between <= 0 else (bars.head(half), bars.tail(half))
    names = [*top[compound], *([f"{between} between"] if between > 0 else []), *bottom[compound]]
    with style("waterfall"):
        figure, axes = figure_with_axes(6.6, 1.3 + 0.185 * len(names))
        _bars(axes, top, 0)
        _bars(axes, bottom, len(names) - len(bottom))
        axes.axvline(0, color=INK, linewidth=0.6)
        axes.set_yticks(np.arange(len(names)), [plain(str(name)) for name in names], fontsize="small")
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_ylim(len(names) - 0.4, -0.6)
        left_out = len(predictions) - len(known)
        note = f"\n{left_out} compounds without a prediction or a mean are not drawn" if left_out else ""
        axes.set(xlabel=f"Predicted response less the compound's mean, ln(umol/l){note}")
        axes.set_title(plain(title), loc="left", fontsize="medium")
        _waterfall_legend(figure, bars)
        return to_svg(figure, "waterfall")


def calibration_svg(coverage: pd.DataFrame, *, by: str = "compound") -> str:
    """Draw the share of measurements that intervals held against the share asked for.

    Parameters
    ----------
    coverage
        Of `models.coverage.count_coverage` at one or more levels: by, bin, n, level, coverage, coverage_lower,
        coverage_upper. Rows of ``by == "all"`` are the line, those of `by` the spread beside it.
    by
        What the spread is over.

    Returns
    -------
    str
        An ``<svg>`` element, or ``""`` where there is no row over all pairs.

    Raises
    ------
    InputError
        A column is missing.
    """
    columns = ("by", "bin", "n", "level", "coverage", "coverage_lower", "coverage_upper")
    require_columns(coverage, columns, "coverage")
    pooled = coverage.loc[coverage["by"] == "all"].sort_values("level")
    if pooled.empty:
        return ""
    with style("calibration"):
        figure, axes = figure_with_axes(3.9, 3.7)
        axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, dashes=(4, 3))
        _spread(axes, coverage.loc[coverage["by"] == by], by)
        error = np.abs(
            pooled[["coverage_lower", "coverage_upper"]].to_numpy(float).T
            - pooled["coverage"].to_numpy(float)
        )
        axes.errorbar(
            pooled["level"], pooled["coverage"], yerr=error, color=ACCENT, marker="o", markersize=4, linewidth=1.2,
            label="all pairs",
        )  # fmt: skip
        shown = coverage.loc[coverage["by"].isin(["all", by]), ["level", "coverage"]].to_numpy(float)
        low = min(0.5, float(np.floor(10 * shown.min()) / 10))
        axes.set(xlabel="Coverage asked for", ylabel="Coverage measured", xlim=(low, 1), ylim=(low, 1.01))
        axes.legend(frameon=False, loc="upper left", fontsize="small")
        return to_svg(figure, "calibration")


def _r(measured: pd.Series, predicted: pd.Series) -> float:
    both = pd.concat([measured, predicted], axis=1).dropna().to_numpy(float)
    if len(both) < 2 or np.ptp(both[:, 0]) == 0:
        return float("nan")
    if np.ptp(both[:, 1]) < 1e-9 * max(float(np.abs(both[:, 1]).max()), 1e-300):
        return 0.0
    return float(np.corrcoef(both.T)[0, 1])


def _correlation_text(row: pd.Series) -> str:
    text = f"r {row['r']:.2f}"
    return f"{text}, residual {row['residual_r']:.2f}" if "residual_r" in row.index else text


def _less_mean(known: pd.DataFrame, mean: pd.Series) -> pd.DataFrame:
    columns = [name for name in ("prediction", "lower", "upper", "label") if name in known.columns]
    return known.assign(**{name: known[name].astype(float) - mean for name in columns})


def _bars(axes: Axes, bars: pd.DataFrame, first: int) -> None:
    place = first + np.arange(len(bars))
    values = bars["prediction"].to_numpy(float)
    hollow = bars["abstain"].to_numpy(bool) | ~bars["in_domain"].to_numpy(bool)
    colours = np.where(values < 0, SENSITIVE, RESISTANT)
    axes.barh(
        place, values, height=0.7, color=np.where(hollow, "none", colours), edgecolor=colours, linewidth=0.8
    )  # fmt: skip
    axes.hlines(
        place,
        bars["lower"].to_numpy(float),
        bars["upper"].to_numpy(float),
        color=INK,
        linewidth=0.6,
        alpha=0.6,
    )
    if "label" in bars.columns:
        axes.scatter(
            bars["label"],
            place,
            s=12,
            marker="D",
            facecolors="none",
            edgecolors=INK,
            linewidths=0.8,
            zorder=3,
        )


def _waterfall_legend(figure: Figure, bars: pd.DataFrame) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    shown: list[Patch | Line2D] = [
        Patch(color=SENSITIVE, label="more sensitive than usual"),
        Patch(color=RESISTANT, label="more resistant than usual"),
        Line2D([], [], color=INK, linewidth=0.6, label="interval"),
    ]
    if (bars["abstain"].astype(bool) | ~bars["in_domain"].astype(bool)).any():
        shown.append(Patch(facecolor="none", edgecolor=TONES[1], label="abstains"))
    if "label" in bars.columns:
        shown.append(
            Line2D(
                [], [], color=INK, marker="D", markersize=4, fillstyle="none", linestyle="", label="measured"
            )
        )
    figure.legend(handles=shown, frameon=False, fontsize="small", loc="outside lower left", ncols=3)


def _spread(axes: Axes, bins: pd.DataFrame, by: str) -> None:
    """Tenth to ninetieth percentile of the bins' coverage at each level, and each bin as a point."""
    if bins.empty:
        return
    grouped = bins.groupby("level")["coverage"]
    levels = np.unique(bins["level"].to_numpy(float))
    low, high = (grouped.quantile(q).reindex(levels).to_numpy(float) for q in (0.1, 0.9))
    n = bins["bin"].nunique()
    if len(levels) > 1:
        axes.fill_between(
            levels, low, high, color=TONES[0], alpha=0.2, linewidth=0, label=f"80% of {n} {by}s"
        )
    shift = np.random.default_rng(0).uniform(-0.006, 0.006, len(bins))
    axes.scatter(
        bins["level"].to_numpy(float) + shift, bins["coverage"], s=5, color=TONES[0], alpha=0.4, linewidths=0,
        rasterized=True, label="" if len(levels) > 1 else f"each of {n} {by}s",
    )  # fmt: skip
