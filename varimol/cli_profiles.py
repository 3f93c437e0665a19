"""The command that makes genotype profiles of patients."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import varimol
from varimol.cli_options import Build, Out, Quiet, Seed, Threads, command
from varimol.progress import CommandProgress


@command
def profiles(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Annotated variant file, or a store.")],
    out: Out,
    genes: Annotated[
        Path | None, typer.Option(help="Genes to keep, one symbol per line; all unless given.")
    ] = None,
    assessed: Annotated[
        Path | None,
        typer.Option(
            help="Genes that the assay reads in full, one symbol per line: no record in them means no variant."
        ),
    ] = None,
    pairs: Annotated[
        Path | None,
        typer.Option(help="Table with columns tumour and normal; as the header says unless given."),
    ] = None,
    germline: Annotated[
        bool, typer.Option("--germline", help="Read every sample as germline, whatever the header says.")
    ] = False,
    frequencies: Annotated[
        Path | None,
        typer.Option(help="Table with variant_id and frequency of a population; the cohort's unless given."),
    ] = None,
    max_frequency: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="Alleles of this frequency or more do not count; 1: all do."),
    ] = 0.01,
    min_gq: Annotated[
        float | None, typer.Option(help="Calls of lower genotype quality count as missing.")
    ] = None,
    id_column: Annotated[str, typer.Option(help="Name of the column of patients.")] = "sample_id",
    build: Build = "auto",
    seed: Seed = 0,
    threads: Threads = 2,
    quiet: Quiet = False,
) -> None:
    """Make genotype profiles per patient and gene, as `varimol predict` reads them for a response network."""
    with CommandProgress("reading variants", quiet) as progress:
        made = varimol.profiles(
            source, out, genes=genes, assessed=assessed, pairs=pairs, germline=germline, frequencies=frequencies,
            max_frequency=max_frequency, min_gq=min_gq, build=build, id_column=id_column,
            progress=progress.share,
        )  # fmt: skip
    if not quiet:
        typer.echo(f"{out}: {len(made.sample_ids)} patients")
        for remark in made.remarks:
            typer.echo(f"  {remark}")
