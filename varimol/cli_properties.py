"""The command that trains a network of molecular properties."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from varimol.cli_options import Out, Quiet, Seed, Threads, command, limit_threads, names, this_command
from varimol.progress import CommandProgress

if TYPE_CHECKING:
    from models.trained_properties import TrainedProperties

PARTS, SETTINGS = "kernel,network,boosted_trees", "scaffold,random"
_HELD_OUT = {
    "scaffold": "scaffolds held out",
    "random": "molecules held out",
    "given": "folds of the table held out",
}


@command
def train_property(
    table: Annotated[
        list[Path], typer.Option(help="Table with a row per molecule; may be repeated, with other labels.")
    ],
    labels: Annotated[
        str, typer.Option(help="Columns of labels, separated by commas; empty is not measured.")
    ],
    out: Out,
    smiles_column: Annotated[
        str, typer.Option(help="Column of structures; found by its name unless given.")
    ] = "",
    task: Annotated[
        str,
        typer.Option(
            help="regression or classification, for all labels or for each; labels of 0 and 1 alone are classes unless given."
        ),
    ] = "",
    parts: Annotated[
        str, typer.Option(help="Models that are blended, of kernel, network and boosted_trees.")
    ] = PARTS,
    settings: Annotated[
        str,
        typer.Option(
            help="What is held out in turn, of scaffold and random; weights and intervals are of the first."
        ),
    ] = SETTINGS,
    folds: Annotated[
        str, typer.Option(help="Column of the fold of each molecule, instead of the settings.")
    ] = "",
    n_folds: Annotated[int, typer.Option(min=2, help="Folds of each setting.")] = 5,
    baselines: Annotated[
        bool, typer.Option(help="Fit every plain model on the same folds; the means are always fitted.")
    ] = True,
    terms: Annotated[str, typer.Option(help="Terms of use of the data, for the card.")] = "",
    seed: Seed = 0,
    threads: Threads = 2,
    quiet: Quiet = False,
) -> None:
    """Train a network of molecular properties: judge models on unseen scaffolds and molecules, blend and calibrate."""
    from models.property_fits import PropertyExperiment
    from varimol.property_runs import train_property as train

    limit_threads(1)  # of each process: `threads` of them work at the same time
    plan = PropertyExperiment(
        parts=names(parts), settings=names(settings), n_folds=n_folds, baselines=baselines, seed=seed,
        workers=threads,
        description={
            "name": out.name, "command": this_command(), "data": ", ".join(path.name for path in table), "terms": terms,
        },
    )  # fmt: skip
    with CommandProgress("training", quiet) as progress:
        trained = train(
            table, smiles_column or None, names(labels), out, tasks=names(task), folds=folds or None, experiment=plan,
            progress=progress.text_and_share,
        )  # fmt: skip
    if not quiet:
        typer.echo(summary(trained))


def summary(trained: TrainedProperties) -> str:
    """Say of a trained network what was measured, plain models beside it, and what was read otherwise."""
    card = trained.card
    lines = []
    for endpoint in trained.endpoints:
        blend = " + ".join(f"{weight:.2f} {name}" for name, weight in endpoint.weights.items() if weight)
        lines.append(f"{endpoint.name}: {endpoint.n:,} molecules, {endpoint.task}, {blend}")
        metric = "rmse" if endpoint.task == "regression" else "auroc"
        for setting in card["settings"]:
            told = {
                row["model"]: row[metric]
                for row in card["figures"]
                if (row["setting"], row["endpoint"]) == (setting, endpoint.name) and metric in row
            }
            shown = ", ".join(f"{model} {value:.3f}" for model, value in sorted(told.items(), key=_by_model))
            covered = [
                row["coverage"]
                for row in card["coverage"]
                if (row["setting"], row["endpoint"]) == (setting, endpoint.name)
            ]
            lines.append(f"  {_HELD_OUT[setting]}: {metric} {shown}; 90% intervals hold {covered[0]:.1%}")
    return "\n".join([*lines, *(f"note: {text}" for text in card["notes"])])


def _by_model(item: tuple[str, float]) -> tuple[bool, str]:
    return (item[0] != "blend", item[0])
