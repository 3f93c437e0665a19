"""Summary tables of benchmarks/results/sweep.tsv as Markdown: every model beside the others, wins and losses alike.

A figure is the mean over folds of the mean over seeds, with the 95% t interval over folds (over seeds where there
is one fold), and says how many of each there are. Models are compared on the folds that both have.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmarks.sweep_record import LEAKAGE, POOLED
from models.blend import BLEND
from models.metrics import mean_interval

LOWER_IS_BETTER = frozenset({"mse", "log_loss", "brier", "calibration_error"})
MORE = {"regression": ("mse", "concordance", "rm2_deepdta", "pearson_r", "aupr"),
        "classification": ("auroc", "aupr", "brier", "calibration_error")}  # fmt: skip
_NAMES = {
    "mse": "mean squared error", "concordance": "concordance", "rm2_deepdta": "rm2 (DeepDTA's form)",
    "pearson_r": "Pearson r", "aupr": "AUPR", "auroc": "AUROC", "brier": "Brier score",
    "calibration_error": "calibration error",
}  # fmt: skip


def is_plain(model: str) -> bool:
    """Whether a model has no network in it.

    Examples
    --------
    >>> is_plain("kernel_ridge"), is_plain("blend"), is_plain("graph_network")
    (True, False, False)
    """
    from models.contenders import NETWORKS

    return model not in (*NETWORKS, BLEND)


def read_sweep(path: Path) -> pd.DataFrame | None:
    """Read the rows of the results; None where there are none."""
    if not path.exists():
        return None
    rows = pd.read_csv(path, sep="\t", dtype={"fold": str})
    return None if rows.empty else rows


def main_metric(rows: pd.DataFrame) -> str | None:
    """Figure that models of a table are compared by; None where it has none."""
    first = MORE[_task(rows)][0]
    return first if first in set(rows["metric"]) else None


def metric_name(metric: str) -> str:
    """Name of a figure in words.

    Examples
    --------
    >>> metric_name("mse")
    'mean squared error'
    """
    return _NAMES.get(metric, metric)


def _task(rows: pd.DataFrame) -> str:
    return "classification" if "auroc" in set(rows["metric"]) else "regression"


def summarise(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Mean and interval of a figure for every model in every split.

    Parameters
    ----------
    rows
        Of the results.
    metric
        Name of the figure.

    Returns
    -------
    pandas.DataFrame
        table, arm, split, model, mean, lower, upper (NaN where there is one value), n_folds, n_seeds (the fewest
        of a fold), wins (best of the models that have the most folds).
    """
    chosen = rows[(rows["metric"] == metric) & (rows["fold"] != POOLED) & (rows["model"] != LEAKAGE)]
    found = []
    for place, part in chosen.groupby(["table", "arm", "split", "model"], sort=False):
        per_fold = part.groupby("fold")["value"].agg(["mean", "size"])
        values = per_fold["mean"] if len(per_fold) > 1 else part["value"]
        found.append((*place, *mean_interval(values), len(per_fold), int(per_fold["size"].min())))
    columns = ["table", "arm", "split", "model", "mean", "lower", "upper", "n_folds", "n_seeds"]
    summary = pd.DataFrame(found, columns=columns).assign(wins=False)
    for _, part in summary.groupby(["table", "arm", "split"], sort=False):
        fair = part[part["n_folds"] == part["n_folds"].max()]["mean"]
        summary.loc[fair.idxmin() if metric in LOWER_IS_BETTER else fair.idxmax(), "wins"] = True
    return summary


def paired_difference(
    rows: pd.DataFrame, metric: str, model: str, other: str
) -> tuple[float, float, float, int] | None:
    """Difference of two models over the folds that both have: mean, 95% t interval, number of folds.

    Parameters
    ----------
    rows
        Of one table, arm and split.
    metric
        Name of the figure.
    model, other
        The difference is the first less the second; None where they have no fold in common.
    """
    chosen = rows[(rows["metric"] == metric) & (rows["fold"] != POOLED)]
    mean = chosen.groupby(["model", "fold"])["value"].mean()
    both = [
        mean.loc[name] if name in mean.index.get_level_values(0) else mean.iloc[:0] for name in (model, other)
    ]
    folds = [fold for fold in both[0].index if fold in both[1].index] if len(both[1]) else []
    if not folds:
        return None
    return (*mean_interval([both[0].loc[fold] - both[1].loc[fold] for fold in folds]), len(folds))


def sweep_figures(path: Path) -> str:
    """All tables as Markdown; an empty text where there are no results.

    Parameters
    ----------
    path
        benchmarks/results/sweep.tsv.
    """
    rows = read_sweep(path)
    if rows is None:
        return ""
    lead = (
        "Mean over folds of the mean over seeds, with its 95% t interval over folds (over seeds where there is one "
        "fold; none for a single value); behind it folds x seeds. The best of the models with the most folds is "
        "bold. `blend` weights kernel ridge and the networks by their predictions of the other folds."
    )
    parts = [lead]
    for (table, arm), part in rows.groupby(["table", "arm"], sort=False):
        metrics = [name for name in MORE[_task(part)] if name in set(part["metric"])]
        if not metrics:
            continue
        title = f"**{table}, {arm}**: {_NAMES[metrics[0]]}"
        parts += [title, _split_table(part, metrics[0]), _verdicts(part, metrics[0])]
        if (part["split"] == "random").any():
            at_random = part[part["split"] == "random"]
            parts += [f"{table}, {arm}, random split: more figures", _metric_table(at_random, metrics)]
    parts += [_shares(rows), _coverage(rows), _leakage(rows)]
    return "\n\n".join(part for part in parts if part)


def _cell(row: pd.Series) -> str:
    interval = "" if pd.isna(row["lower"]) else f" [{row['lower']:.3f}, {row['upper']:.3f}]"
    value = f"**{row['mean']:.3f}**" if row["wins"] else f"{row['mean']:.3f}"
    return f"{value}{interval} {row['n_folds']}x{row['n_seeds']}"


def _markdown(table: pd.DataFrame, first: str) -> str:
    """A table of texts, its index in the first column."""
    lines = [
        f"| {first} | " + " | ".join(map(str, table.columns)) + " |",
        "|---" * (table.shape[1] + 1) + "|",
    ]
    lines += [
        f"| {name} | " + " | ".join(row) + " |"
        for name, row in zip(table.index, table.to_numpy(), strict=True)
    ]
    return "\n".join(lines)


def _wide(summary: pd.DataFrame, column: str) -> pd.DataFrame:
    """Models by splits or figures, in the order they come."""
    texts = summary.assign(text=summary.apply(_cell, axis=1))
    wide = texts.pivot_table(index="model", columns=column, values="text", aggfunc="first")
    return wide.loc[texts["model"].unique(), texts[column].unique()].fillna("")


def _split_table(rows: pd.DataFrame, metric: str) -> str:
    return _markdown(_wide(summarise(rows, metric), "split"), "model")


def _metric_table(rows: pd.DataFrame, metrics: list[str]) -> str:
    named = [summarise(rows, name).assign(metric=_NAMES[name]) for name in metrics]
    return _markdown(_wide(pd.concat(named, ignore_index=True), "metric"), "model")


def _verdicts(rows: pd.DataFrame, metric: str) -> str:
    """Who wins each split, and the best network's distance from the best plain model."""
    summary, lines = summarise(rows, metric), []
    sign = 1 if metric in LOWER_IS_BETTER else -1
    for split, part in summary.groupby("split", sort=False):
        plain = part["model"].map(is_plain)
        text = f"- {split}: {part.loc[part['wins'], 'model'].iloc[0]} is best"
        if plain.any() and not plain.all():
            ours, theirs = _best(part[~plain], sign), _best(part[plain], sign)
            found = paired_difference(rows[rows["split"] == split], metric, ours, theirs)
            if found is not None:
                difference = _difference(found, int(part["n_folds"].max()))
                text += f"; {ours} less {theirs}: {difference}{_judged(found, sign)}"
        elif plain.all():
            text += "; no network was run"
        lines.append(text + ".")
    return "\n".join(lines)


def _best(summary: pd.DataFrame, sign: int) -> str:
    """Best of the models that have the most folds."""
    fair = summary[summary["n_folds"] == summary["n_folds"].max()]
    return str(fair.loc[(sign * fair["mean"]).idxmin(), "model"])


def _difference(difference: tuple[float, float, float, int], most: int) -> str:
    mean, lower, upper, n = difference
    interval = "" if pd.isna(lower) else f" [{lower:+.4f}, {upper:+.4f}]"
    return f"{mean:+.4f}{interval} over {n} fold{'s' if n > 1 else ''}{' alone' if n < most else ''}"


def _judged(difference: tuple[float, float, float, int], sign: int) -> str:
    mean, lower, upper, _ = difference
    if pd.isna(lower):
        return ", one fold, so no interval"
    if lower <= 0 <= upper:
        return ", no difference that the folds can tell"
    return ", the network is ahead" if sign * mean < 0 else ", **the plain model is ahead**"


def _shares(rows: pd.DataFrame) -> str:
    """What the blend is made of, mean over folds and seeds."""
    shares = rows[rows["metric"].str.startswith("share_")]
    if shares.empty:
        return ""
    keys = ["table", "arm", "split"]
    mean = shares.pivot_table(index=keys, columns="metric", values="value", aggfunc="mean", sort=False)
    texts = mean.map(lambda share: "" if pd.isna(share) else f"{share:.2f}")
    texts.columns = pd.Index([str(name).removeprefix("share_") for name in mean.columns])
    texts.index = pd.Index([f"{table}, {arm}, {split}" for table, arm, split in mean.index])
    return "Shares of the blend, mean over folds and seeds\n\n" + _markdown(texts, "split")


def _coverage(rows: pd.DataFrame) -> str:
    """What 90% intervals cover, pooled over folds, mean over seeds."""
    pooled = rows[rows["fold"] == POOLED]
    if pooled.empty:
        return ""
    keys = ["table", "arm", "split", "model"]
    wide = pooled.pivot_table(index=keys, columns="metric", values="value", aggfunc="mean", sort=False)
    counts = pooled.groupby(keys, sort=False).agg(n=("n", "max"), seeds=("seed", "nunique"))
    lines = [
        "90% intervals (calibrated on the other folds, pooled), with 95% Clopper-Pearson interval, and what those of "
        "the random split cover elsewhere",
        "",
        "| table | split | model | pairs | seeds | covered | mean width | covered by the random split's |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in wide.join(counts).loc[counts.index].reset_index().to_dict("records"):
        shifted = row.get("coverage_90_from_random", float("nan"))
        lines.append(
            f"| {row['table']}, {row['arm']} | {row['split']} | {row['model']} | {int(row['n']):,} | {int(row['seeds'])} | "
            f"{row['coverage_90']:.1%} [{row['coverage_90_lower']:.1%}, {row['coverage_90_upper']:.1%}] | "
            f"{row['width_90']:.2f} | {'' if pd.isna(shifted) else f'{shifted:.1%}'} |"
        )
    return "\n".join(lines)


def _leakage(rows: pd.DataFrame) -> str:
    """What test rows share with training rows, the worst of the folds."""
    leaks = rows[rows["model"] == LEAKAGE]
    if leaks.empty:
        return ""
    keys = ["table", "arm", "split"]
    worst = leaks.pivot_table(index=keys, columns="metric", values="value", aggfunc="max", sort=False)
    names = {
        "rows_inchikey": "molecule", "rows_scaffold": "scaffold", "rows_sequence": "sequence",
        "rows_family": "family of proteins", "rows_pair": "both", "nearest_median": "median similarity of the nearest molecule",
    }  # fmt: skip
    shown = [name for name in names if name in worst]
    texts = pd.DataFrame(
        {
            names[name]: worst[name].map(
                (lambda v: f"{v:.2f}") if name == "nearest_median" else (lambda v: f"{v:.1%}")
            )
            for name in shown
        }
    )
    texts.index = pd.Index([f"{table}, {arm}, {split}" for table, arm, split in worst.index])
    return "Share of test rows whose part is in training too, worst fold\n\n" + _markdown(texts, "split")
