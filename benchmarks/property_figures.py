"""What docs/properties.md says was measured, made from the raw results of ``python -m benchmarks.properties``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.property_tables import SOURCES

ORDER = ("esol", "lipophilicity", "bbbp", "bace", "tox21", "ames", "cyp3a4", "hlm")
"""Tables that come first."""
N_FOLDS = 5
OTHERS = ("chemprop", "attentive_fp")
"""Programs and networks of others."""


def shipped_figures(card: dict[str, Any]) -> str:
    """Held-out figures of the shipped network, from its card.

    Parameters
    ----------
    card
        card.json of a property network.
    """
    told: dict[str, dict[str, Any]] = {}
    for row in card["figures"]:
        if row["setting"] == card["settings"][0]:
            told.setdefault(row["endpoint"], {})[row["model"]] = row
    notes = card["endpoint_notes"]
    covered = {row["endpoint"]: row["coverage"] for row in card["coverage"]}
    rows = [
        "| property | figure | blend | kernel | network | 90% intervals hold | what is predicted |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, models in told.items():
        metric = "rmse" if "rmse" in models["blend"] else "auroc"
        cells = [
            f"{models[model][metric]:.3f}" if model in models else "-"
            for model in ("blend", "kernel", "network")
        ]
        rows.append(
            f"| {name} | {metric.upper()} | {' | '.join(cells)} | {covered[name]:.1%} | {notes[name]} |"
        )
    lead = (
        f"The shipped network, {card['n_molecules']:,} molecules: {card['splits']}; all folds together, the blend's weights for a "
        "fold found on the others."
    )
    return lead + "\n\n" + "\n".join(rows)


def property_figures(results: Path) -> str:
    """Every model on identical splits as Markdown, and what is left to run.

    Parameters
    ----------
    results
        Folder of the raw TSVs.
    """
    path = results / "property_differences.tsv"
    if not path.exists():
        return ""
    table = pd.read_csv(path, sep="\t")
    judged = table[table["metric"].isin(["rmse", "auroc", "aupr"])]
    rows = [
        "| table | figure | model | value | folds (of) | worse than the best by [95%] |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for (name, metric), part in judged.groupby(["table", "metric"], sort=False):
        for row in part.itertuples():
            away = (
                "best" if row.model == row.best else f"{row.worse_by:.3f} [{row.lower:.3f}, {row.upper:.3f}]"
            )
            model = str(row.model).replace("_", " ")
            rows.append(
                f"| {name} | {str(metric).upper()} | {model} | {row.value:.3f} | {int(row.n_shared)} ({row.n_folds}) | {away} |"
            )
    return "\n\n".join(filter(None, [_lead(judged), _ranks(table), "\n".join(rows), _left(judged)]))


def _ranks(table: pd.DataFrame) -> str:
    """Mean ranks over the tables that every model has been run on."""
    ranks = table[table["metric"] == "mean_rank"].sort_values("value")
    if ranks.empty:
        return ""
    told = ", ".join(f"{str(row.model).replace('_', ' ')} {row.value:.2f}" for row in ranks.itertuples())
    n_tables = int(ranks["n_folds"].iloc[0])
    return f"Mean rank over the {n_tables} {'table' if n_tables == 1 else 'tables'} that every model has been run on: {told}."


def _lead(judged: pd.DataFrame) -> str:
    return (
        "Every model on the same five folds of whole scaffolds (`python -m benchmarks.properties`), one seed; mean over the folds "
        "that all models of a table have (in brackets those that a model has). Differences are paired over the molecules of the folds "
        "that both have. The network's settings were chosen on folds 2 "
        "and 3 of ESOL and HLM, the kernel's features on all of them: figures there are slightly flattered. "
        f"Commit {judged['commit'].iloc[0]}."
    )


def _left(judged: pd.DataFrame) -> str:
    """Say which comparisons are not complete."""
    done = judged[judged["n_folds"] == N_FOLDS]
    absent = [name for name in dict.fromkeys((*ORDER, *SOURCES)) if name not in set(judged["table"])]
    partial = [
        f"{model.replace('_', ' ')} on {name}"
        for name in dict.fromkeys(judged["table"])
        for model in ("network", *OTHERS)
        if model not in set(done.loc[done["table"] == name, "model"])
    ]
    told = []
    if partial:
        told.append(f"Not on all folds: {'; '.join(partial)}.")
    if absent:
        told.append(f"Left to run: {', '.join(absent)}.")
    return " ".join(told)


def cliff_figures(results: Path) -> str:
    """Errors on activity cliffs as Markdown; nothing where they were not measured.

    Parameters
    ----------
    results
        Folder of the raw TSVs.
    """
    path = results / "activity_cliffs.tsv"
    if not path.exists():
        return ""
    table = pd.read_csv(path, sep="\t")
    n_targets = table["target"].nunique()
    counts = table["model"].value_counts()
    table = table[table["model"].isin(counts.index[counts == n_targets])]
    rows = [
        "| model | RMSE | of molecules on cliffs | mean rank | worse than the best by [95%] | on cliffs |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    errors = {
        name: table.pivot_table(index="target", columns="model", values=name)
        for name in ("rmse", "rmse_cliff")
    }
    means = {name: each.mean() for name, each in errors.items()}
    ranks = errors["rmse"].rank(axis=1).mean()
    for model in means["rmse"].sort_values().index:
        away = [_worse_by(errors[name], model, str(means[name].idxmin())) for name in errors]
        rows.append(
            f"| {model.replace('_', ' ')} | {means['rmse'][model]:.3f} | {means['rmse_cliff'][model]:.3f} | "
            f"{ranks[model]:.2f} | {' | '.join(away)} |"
        )
    lead = (
        f"Potency (pKi, pEC50) on {n_targets} targets of MoleculeACE, trained and judged on its own split "
        "(`python -m benchmarks.activity_cliffs`): root mean squared errors, mean over targets, on all test molecules and on "
        "those that differ little from another one and act differently. Intervals are of targets drawn with replacement. "
        f"Commit {table['commit'].iloc[0]}."
    )
    return lead + "\n\n" + "\n".join(rows)


def _worse_by(errors: pd.DataFrame, model: str, best: str) -> str:
    """Mean difference over targets with its 95% interval."""
    if model == best:
        return "best"
    away = (errors[model] - errors[best]).to_numpy()
    draws = np.random.default_rng(0).choice(away, (1000, len(away))).mean(axis=1)
    lower, upper = np.quantile(draws, [0.025, 0.975])
    return f"{away.mean():.3f} [{lower:.3f}, {upper:.3f}]"
