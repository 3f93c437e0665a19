"""The measured parts of the README and of the pages of figures, from raw results and the network's card.

``python -m benchmarks.readme`` writes them between the markers of those pages.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.affinity_figures import affinity_figures
from benchmarks.compound_figures import compound_figures
from benchmarks.measured_model import model_note
from benchmarks.pharmacogene_figures import pharmacogene_figures, pharmacogene_summary
from benchmarks.property_figures import cliff_figures, property_figures, shipped_figures
from benchmarks.reading_figures import reading_figures
from benchmarks.response_figures import response_figures
from benchmarks.sweep_summary import sweep_summary
from models.blend import BLEND
from varimol.curate.docs import with_figures
from varimol.networks import network_folder
from varimol.training_summary import ERRORS, HELD_OUT, model_order

ROOT = Path(__file__).resolve().parents[1]


def readme_figures(root: Path, card: dict[str, Any]) -> str:
    """Measured figures as Markdown; what was not measured is left out.

    Parameters
    ----------
    root
        Root of the repository.
    card
        card.json of the shipped network.

    Returns
    -------
    str
        Sentences and tables.
    """
    results = root / "benchmarks" / "results"
    parts = [
        _power(results / "power.tsv"),
        _enrichment(results / "enrichment.tsv", card),
        _network(card),
        sweep_summary(results / "sweep.tsv"),
        _response(results),
        pharmacogene_summary(results),
        reading_figures(results),
        compound_figures(results),
        _times(results / "demo_time.tsv"),
    ]
    return "\n\n".join(part for part in parts if part)


def _read(path: Path) -> pd.DataFrame | None:
    return pd.read_csv(path, sep="\t") if path.exists() else None


def _power(path: Path) -> str:
    table = _read(path)
    if table is None:
        return ""
    planted = table[table["planted"]]
    null = table[~table["planted"]]
    return (
        f"Measured over simulated cohorts (`python -m benchmarks.power`): the planted variant reaches 5e-8 in "
        f"{int(planted['found'].sum())} of {len(planted)} cohorts; with nothing planted, the locus reaches it in "
        f"{int((null['n_hits_at_locus'] > 0).sum())} of {len(null)}, and the rest of the genome in "
        f"{int((null['n_hits_elsewhere'] > 0).sum())}."
    )


def _enrichment(path: Path, card: dict[str, Any]) -> str:
    table = _read(path)
    if table is None:
        return ""
    rows = [
        "| ranking of the approved drugs on TYK2 | drugs | JAK inhibitors (in training) | AUROC [95% interval] | in the top 5% |",
        "|---|---|---|---|---|",
    ]
    for row in table.to_dict("records"):
        rows.append(
            f"| {row['ranking']} | {row['drugs']}, {row['n_drugs']:,} | {row['n_inhibitors']} "
            f"({row['n_inhibitors_in_training']}) | {row['auroc']:.3f} [{row['lower']:.3f}, {row['upper']:.3f}] | "
            f"{row['in_top_5pc']} |"
        )
    lead = (
        "Do JAK-family inhibitors stand high among the approved drugs (`python -m benchmarks.enrichment`)? The network "
        "without JAK inhibitors was trained again without any compound that shares their skeleton or has a Tanimoto "
        f"similarity above 0.6 to one. The baseline is the similarity to known JAK ligands of the same training data. "
        f"The network: {table['network'].iloc[0]}. {model_note(table, card)}"
    )
    return lead + "\n\n" + "\n".join(rows) + "\n\n" + _verdict(table)


def _verdict(table: pd.DataFrame) -> str:
    """What the figures say, wins and losses alike."""
    everyone = table[table["drugs"] == "all"].set_index("ranking")
    shipped, blind = everyone.loc["shipped network"], everyone.loc["network without JAK inhibitors"]
    similar = everyone.loc["similarity to JAK ligands"]
    blind_similar = everyone.loc["similarity to JAK ligands, without JAK inhibitors"]
    found = "finds" if blind["lower"] > 0.5 else "does not find"
    words = [
        f"So the shipped ranking rests on the {shipped['n_inhibitors_in_training']:.0f} inhibitors the network was trained "
        f"on and their likes: trained without them it {found} the family (AUROC {blind['auroc']:.2f})."
    ]
    for ours, theirs, which in ((shipped, similar, "with"), (blind, blind_similar, "without")):
        better = "ahead of" if ours["auroc"] > theirs["auroc"] else "behind"
        words.append(
            f"Over all drugs the network is {better} plain similarity {which} JAK inhibitors in training "
            f"({ours['auroc']:.2f} and {theirs['auroc']:.2f})."
        )
    return " ".join(words)


def _network(card: dict[str, Any]) -> str:
    figures = pd.DataFrame(card.get("figures", []))
    if figures.empty:
        return ""
    errors = figures[figures["metric"].isin(ERRORS)]
    models = sorted(errors["model"].unique(), key=model_order)
    header = ["label", "held out", *(model.replace("_", " ") for model in models)]
    rows = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    for (endpoint, setting), part in errors.groupby(["endpoint", "setting"], sort=False):
        known = part.set_index("model")
        best = known["mean"].idxmin()
        cells = [_cell(known.loc[model], model, best) if model in known.index else "-" for model in models]
        rows.append("| " + " | ".join([str(endpoint), HELD_OUT[str(setting)], *cells]) + " |")
    lead = (
        "The shipped model (a blend of its parts, each judged alone as well) beside plain models on the same folds: mean "
        "squared error, mean over folds, of the blend with its 95% interval; the others' are in "
        "[docs/network.md](docs/network.md). The lowest is bold. What ships was then fitted to all folds."
    )
    if "brier" in set(errors["metric"]):
        lead += " Of probabilities it is the Brier score."
    return f"{lead}\n\n" + "\n".join(rows)


def _cell(row: pd.Series, model: str, best: str) -> str:
    """Mean, bold where it is the lowest, and of the blend its interval."""
    told = f"**{row['mean']:.3f}**" if model == best else f"{row['mean']:.3f}"
    return told + (f" [{row['lower']:.3f}, {row['upper']:.3f}]" if model == BLEND else "")


ARMS = {
    "genotype": "mutation and copy number",
    "genotype_tissue": "and tissue",
    "genotype_tissue_expression": "and expression",
}


def _response(results: Path) -> str:
    """Residual r of unseen lines by arm: the response model, and the best plain one."""
    sweep, less = _read(results / "response_sweep.tsv"), _read(results / "response_differences.tsv")
    if sweep is None or less is None:
        return ""
    plain = ("kernel_ridge", "elastic_net", "anova_ridge", "random_forest")
    rows = [
        "| unseen lines of GDSC2, known of a line | response model | best plain model | difference |",
        "|---|---|---|---|",
    ]
    for arm, title in ARMS.items():
        here = sweep[(sweep["arm"] == arm) & (sweep["setting"] == "line") & (sweep["seed"] == 0)].set_index(
            "model"
        )
        judged = [name for name in plain if name in here.index]
        if "response_model" not in here.index or not judged:
            continue
        best = here.loc[judged, "residual_r"].idxmax()
        told = less[
            (less["arm"] == arm) & (less["setting"] == "line") & (less["seed"] == 0) & (less["other"] == best)
            & (less["model"] == "response_model") & (less["metric"] == "residual_r")
        ]  # fmt: skip
        own, other = here.loc["response_model"], here.loc[best]
        between = "-" if told.empty else _bounds(told.iloc[0], "difference")
        rows.append(
            f"| {title} | {_bounds(own, 'residual_r')} | {str(best).replace('_', ' ')} {other['residual_r']:.3f} | {between} |"
        )
    lead = (
        "Response of cell lines that were never treated (`python -m benchmarks.response_sweep`): correlation with what was measured "
        "once the means of compound and line are taken out, per compound, averaged; five folds by line, 95% intervals over "
        "lines. Unseen tissues and compounds, parts, known biomarkers and kill tests: "
        "[figures of response](docs/response-figures.md)."
    )
    return lead + "\n\n" + "\n".join(rows) if len(rows) > 2 else ""


def _bounds(row: pd.Series, name: str) -> str:
    return f"{row[name]:.3f} [{row['lower']:.3f}, {row['upper']:.3f}]"


def _times(path: Path) -> str:
    table = _read(path)
    if table is None:
        return ""
    rows = [
        "| measured on " + str(table["host"].iloc[0]) + " | wall s | CPU s | peak MB |",
        "|---|---|---|---|",
    ]
    rows += [
        f"| {row['what']} | {row['wall_s']:.0f} | {row['cpu_s']:.0f} | {row['peak_mb']:,.0f} |"
        for row in table.to_dict("records")
    ]
    return "\n".join(rows)


def pages(root: Path = ROOT) -> dict[Path, str]:
    """Pages with measured parts as they should stand, by their path below `root`."""
    card = _card("kinase-affinity")
    results = root / "benchmarks" / "results"
    measured = {
        Path("README.md"): readme_figures(root, card),
        Path("docs", "affinity-figures.md"): affinity_figures(results, card),
        Path("docs", "pharmacogene-figures.md"): pharmacogene_figures(results),
        Path("docs", "properties.md"): "\n\n".join(
            filter(None, [property_figures(results), cliff_figures(results), shipped_figures(_card("admet"))])
        ),
        Path("docs", "response-figures.md"): response_figures(results),
    }
    return {
        path: with_figures((root / path).read_text(encoding="utf-8"), text) for path, text in measured.items()
    }


def _card(name: str) -> dict[str, Any]:
    return dict(json.loads((network_folder(name) / "card.json").read_text(encoding="utf-8")))


if __name__ == "__main__":
    for page, content in pages().items():
        (ROOT / page).write_text(content, encoding="utf-8")
