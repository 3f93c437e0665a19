"""The command that trains a response network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import varimol
from varimol.cli_options import Out, Quiet, Seed, Threads, command, limit_threads, names, this_command
from varimol.progress import CommandProgress

if TYPE_CHECKING:
    from models.trained_response import TrainedResponse

SETTINGS = "line,tissue,compound,both"
Profiles = Annotated[
    list[str],
    typer.Option(
        metavar="BLOCK=TABLE",
        help="Table of a block, mutation, copy_number, burden or expression; may be repeated.",
    ),
]


def block_tables(given: list[str], option: str) -> dict[str, Path]:
    """Tables by block from ``BLOCK=TABLE``.

    Examples
    --------
    >>> block_tables(["mutation=m.tsv"], "--profiles")["mutation"].name
    'm.tsv'
    """
    from chem.errors import InputError

    tables: dict[str, Path] = {}
    for text in given:
        block, separator, path = text.partition("=")
        if not (block and separator and path) or block in tables:
            raise InputError(
                f"{text!r} stands twice" if block in tables else f"{text!r} names no block and table", field=option,
                expected="BLOCK=TABLE, each block once, as mutation=mutation.tsv",
            )  # fmt: skip
        tables[block] = Path(path)
    return tables


@command
def train_response(
    response: Annotated[Path, typer.Option(help="Table with depmap_id, drug_name and the label.")],
    drugs: Annotated[Path, typer.Option(help="Table with drug_name and smiles.")],
    profiles: Profiles,
    out: Out,
    covariates: Annotated[Path | None, typer.Option(help="Table of the lines' tissue or disease.")] = None,
    covariate_columns: Annotated[
        str, typer.Option(help="Its columns to use; lines of one value of the first are held out together.")
    ] = "",
    teacher: Annotated[
        list[str],
        typer.Option(
            metavar="BLOCK=TABLE", help="Block that teaches and that lines to be predicted need not have."
        ),
    ] = [],  # noqa: B006
    label: Annotated[str, typer.Option(help="Column of the label, its unit in its name.")] = "ln_ic50",
    line_column: Annotated[str, typer.Option(help="Column that names lines or patients.")] = "depmap_id",
    drug_column: Annotated[str, typer.Option(help="Column that names compounds.")] = "drug_name",
    smiles_column: Annotated[
        str, typer.Option(help="Column of structures; found by its name unless given.")
    ] = "",
    folds: Annotated[
        str, typer.Option(help="Column with the fold of each line; made at random unless given.")
    ] = "",
    settings: Annotated[
        str, typer.Option(help="What is held out in turn, of line, tissue, compound (by scaffold) and both.")
    ] = SETTINGS,
    baselines: Annotated[
        bool, typer.Option(help="Fit every plain model on the same folds; the means are always fitted.")
    ] = True,
    diffusion: Annotated[
        float, typer.Option(min=0.0, max=0.95, help="Share that mutations spread to genes of one pathway.")
    ] = 0.0,
    copy_number_scale: Annotated[
        str, typer.Option(help="relative_log2, as log2(x + 1) of copies over two, or absolute.")
    ] = "relative_log2",
    terms: Annotated[str, typer.Option(help="Terms of use of the data, for the card.")] = "",
    seed: Seed = 0,
    threads: Threads = 2,
    quiet: Quiet = False,
) -> None:
    """Train a response network: judge it and plain models on unseen lines, tissues and compounds, and calibrate."""
    from models.response_experiment import ResponseExperiment

    limit_threads(1)  # of each process: `threads` of them work at the same time
    plan = ResponseExperiment(
        settings=names(settings), baselines=baselines, seed=seed, workers=threads,
        description={"name": out.name, "command": this_command(), "data": response.name, "terms": terms},
    )  # fmt: skip
    with CommandProgress("training", quiet) as progress:
        trained = varimol.train_response(
            response, drugs, block_tables(profiles, "--profiles"), out, covariates=covariates,
            covariate_columns=names(covariate_columns), teacher=block_tables(teacher, "--teacher"), label=label,
            line_column=line_column, drug_column=drug_column, smiles_column=smiles_column or None,
            folds=folds or None, diffusion=diffusion, copy_number_scale=copy_number_scale, experiment=plan,
            progress=progress.text_and_share,
        )  # fmt: skip
    if not quiet:
        typer.echo(summary(trained))


HELD_OUT = {
    "line": "unseen lines",
    "tissue": "unseen tissues",
    "compound": "unseen compounds, by scaffold",
    "both": "unseen compounds in unseen lines",
}


def summary(trained: TrainedResponse) -> str:
    """Say of a trained response network what was measured, plain models beside it, and what was read otherwise."""
    card = trained.card
    lines = [
        f"{card['n_values']:,} responses of {card['n_lines']} lines to {card['n_compounds']} compounds, {card['unit']}"
    ]
    for setting, title in HELD_OUT.items():
        told = [row for row in card["figures"] if row["setting"] == setting and row["metric"] == "residual_r"]
        figures = {row["model"]: row for row in told if not row["against"]}
        if not figures:
            continue
        lines.append(f"{title}: residual r [95% over lines]")
        ranked = sorted(figures.items(), key=lambda item: -(item[1]["value"] or 0.0))
        lines += [f"  {name:<18} {_figure(row)}" for name, row in ranked]
        lines += [f"  less {row['against']:<13} {_figure(row)}" for row in told if row["against"]]
    lines += [f"note: {note}" for note in card["notes"]]
    return "\n".join(lines)


def _figure(row: dict[str, float]) -> str:
    if row["value"] is None:
        return "-"
    return f"{row['value']:.3f} [{row['lower']:.3f}, {row['upper']:.3f}]"
