"""What docs/affinity-figures.md says was measured, made from the raw results of the benchmarks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.learning_curve import forecasts
from benchmarks.measured_model import model_note
from benchmarks.sweep_figures import sweep_figures

_TABLES = ("davis", "kiba")
MSE_OF_SIGNS = 0.5
"""Squared error above which a rule says a sign alone."""


def affinity_figures(results: Path, card: dict[str, Any]) -> str:
    """Measured figures as Markdown; what was not measured is left out.

    Parameters
    ----------
    results
        Folder of the raw TSVs.
    card
        card.json of the shipped model.
    """
    sweep = sweep_figures(results / "sweep.tsv")
    expected = forecasts(card, results)
    parts = [
        f"### What a test should give\n\n{expected}" if expected else "",
        f"### The sweep\n\n{sweep}" if sweep else "",
        _attribution(results, card),
        _domain(results / "domain.tsv", card),
        _mutants(results / "mutants.tsv"),
        _message_passing(results / "message_passing.tsv"),
        _epoch(results / "affinity_epoch.tsv"),
    ]
    return "\n\n".join(part for part in parts if part)


def _read(path: Path) -> pd.DataFrame | None:
    return pd.read_csv(path, sep="\t") if path.exists() else None


def _markdown(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _attribution(results: Path, card: dict[str, Any]) -> str:
    found = [_read(results / f"attribution_{name}.tsv") for name in _TABLES]
    tables = [table for table in found if table is not None]
    if not tables:
        return ""
    lead = (
        "How much more of a prediction goes when the atoms or residues are hidden that the attribution names than when "
        "as many drawn at random are (`python -m benchmarks.attribution`): mean over pairs of the area between "
        "the two deletion curves, in the label's unit, with its 95% interval. An interval that holds 0 means that the "
        "attribution is not shown to be better than chance."
    )
    rows = [
        [
            str(row["endpoint"]), str(row["part"]), str(row["method"]), str(row["n_pairs"]),
            f"{row['mean']:.3f} [{row['lower']:.3f}, {row['upper']:.3f}]", f"{row['better']:.0%}",
        ]
        for table in tables
        for row in table.to_dict("records")
    ]  # fmt: skip
    header = ["endpoint", "part", "method", "pairs", "beyond random", "pairs where better"]
    notes = " ".join(dict.fromkeys(model_note(table, card) for table in tables))
    return "\n\n".join(["### Attributions", f"{lead} {notes}", _markdown(header, rows)])


def _domain(path: Path, card: dict[str, Any]) -> str:
    table = _read(path)
    if table is None:
        return ""
    lead = (
        "Error on held-out scaffolds by the similarity to the nearest training compound (`python -m benchmarks.domain`). "
        "Where the mean squared error is not below the variance of the labels, the model knows no more than the mean."
    )
    rows = [
        [
            str(row["endpoint"]), f"{row['above']:g} to {row['to']:g}", f"{row['n_drugs']:,}", f"{row['n_pairs']:,}",
            f"{row['mse']:.3f}" if row["mse"] < row["variance"] else f"**{row['mse']:.3f}**",
            f"{row['variance']:.3f}", f"{row['pearson_r']:.2f}",
        ]
        for row in table.to_dict("records")
    ]  # fmt: skip
    header = ["endpoint", "similarity", "compounds", "pairs", "mean squared error", "variance", "Pearson r"]
    return "\n\n".join(
        [
            "### Distance from the training compounds",
            f"{lead} {model_note(table, card)}",
            _markdown(header, rows),
        ]
    )


def _mutants(path: Path) -> str:
    table = _read(path)
    if table is None:
        return ""
    table = table[table["protocol"] == "gene"]
    names = {
        "always_weaker": "every mutant binds less", "by_affinity": "less, but where nothing is left to lose",
        "drug_majority": "the drug's majority on other mutants", "sibling_mean": "mean shift on the gene's other mutants",
        "sibling_mean_with_twins": "the same, having seen the variant's other form",
        "sibling_mean_or_affinity": "mean of siblings, but where nothing is left to lose",
        "kernel_ridge": "kernel ridge, mutant less wild type*", "landmark_network": "landmark network, likewise*",
        "profile_network": "profile network, likewise*", "mean_of_these": "mean of these three*",
        "shift_kernel": "Gaussian process on shifts (`models.shift_model`)",
    }  # fmt: skip
    rows = [
        [
            names.get(row["model"], row["model"]),
            f"{row['sign_right']:.1%} [{row['lower']:.1%}, {row['upper']:.1%}]",
            f"{row['ahead']:+.1%} [{row['ahead_lower']:+.1%}, {row['ahead_upper']:+.1%}]",
            "" if row["mse"] > MSE_OF_SIGNS else f"{row['mse']:.3f}", f"{row['coverage_90']:.1%}",
        ]
        for row in table.to_dict("records")
    ]  # fmt: skip
    first = table.iloc[0]
    lead = (
        "The shift from wild type to mutant on DAVIS, each variant predicted without any pair of it "
        f"(`python -m benchmarks.mutants`): share of right signs among the {first['n_shifts']} shifts of {first['n_mutants']} "
        "variants that exceed 0.5, with a 95% bootstrap interval over variants; how far that is ahead of the mean of "
        "siblings with twins, paired; and over all shifts the squared error and the coverage of 90% intervals. Models "
        "with * are fitted with a fifth of the variants left out at a time. Rules that say signs alone have no squared error. "
        f"Commit {first['commit']}."
    )
    header = ["model", "sign right", "ahead of siblings", "mean squared error", "covered"]
    return "\n\n".join(["### Mutants left out", lead, _markdown(header, rows)])


def _message_passing(path: Path) -> str:
    table = _read(path)
    if table is None:
        return ""
    ours = table[table["program"] == "varimol"]
    originals = table[table["program"] != "varimol"].set_index("case")["program"].to_dict()
    rows = [
        [
            str(row["case"]), str(originals[row["case"]]), "forward and back" if row["gradients"] else "forward",
            f"{row['rate']:,.0f}", f"{row['ratio']:.2f} [{row['ratio_low']:.2f}, {row['ratio_high']:.2f}]",
            f"{row['difference']:.0e}",
        ]
        for row in ours.to_dict("records")
    ]  # fmt: skip
    lead = (
        "Message passing beside its originals, equal weights, single precision, one core, in turns "
        f"(`python -m benchmarks.message_passing`; medians of {int(ours['rounds'].iloc[0])} rounds with their quartiles; "
        f"{ours['host'].iloc[0]}, commit {ours['commit'].iloc[0]}):"
    )
    header = ["case", "original", "pass", "molecules per CPU second", "times the original", "difference"]
    return "\n\n".join(["### Speed", lead, _markdown(header, rows)])


def _epoch(path: Path) -> str:
    table = _read(path)
    if table is None:
        return ""
    ratio = table["ratio"]
    return (
        "An epoch over DAVIS with every distinct molecule and protein of a step encoded once takes "
        f"{table['encoded_once_s'].median():.0f} CPU s, pair by pair {table['pair_by_pair_s'].median():,.0f} CPU s: "
        f"{ratio.median():.0f} times ({ratio.min():.0f} to {ratio.max():.0f} in {len(table)} rounds; "
        f"`python -m benchmarks.affinity_epoch`; commit {table['commit'].iloc[0]}). The second is scaled up from some of "
        "its batches."
    )
