"""The commands on compounds: fetch a library, read one, search it, score it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import varimol
from varimol.cli_options import Out, Quiet, Seed, Threads, command, names
from varimol.progress import CommandProgress

SmilesColumn = Annotated[str, typer.Option(help="Column of the structures.")]
IdColumn = Annotated[str, typer.Option(help="Column of the identifiers.")]


@command
def library(
    source: Annotated[
        str,
        typer.Argument(
            metavar="IN",
            help="SMILES, InChI, CSV, TSV, SDF or Parquet file, a folder of them, - for standard input, "
            "or a library by name: drugs, moses, nci, or what varimol download has fetched.",
        ),
    ],
    out: Out,
    smiles_column: SmilesColumn = "",
    id_column: IdColumn = "",
    kind: Annotated[
        str, typer.Option("--format", help="What standard input is: smi, csv, tsv, sdf, inchi, parquet.")
    ] = "",
    recipe: Annotated[
        str, typer.Option(help="How structures are standardised: a named recipe; see the documentation.")
    ] = "parent",
    fingerprints: Annotated[
        str, typer.Option(help="Kinds of fingerprints to keep for searches, separated by commas; or none.")
    ] = "morgan",
    time_limit: Annotated[
        float, typer.Option(min=0.0, help="Seconds that one record may take; 0 for no limit.")
    ] = 10.0,
    downloads: Annotated[
        Path | None, typer.Option(help="Folder of named libraries; the user's cache folder unless given.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first record that cannot be read.")
    ] = False,
    seed: Seed = 0,
    threads: Threads = 2,
    quiet: Quiet = False,
) -> None:
    """Read, standardise and encode compounds; what a killed run has done is kept."""
    kept = () if fingerprints == "none" else names(fingerprints)
    with CommandProgress("reading compounds", quiet) as progress:
        made = varimol.library(
            source, out, smiles_column=smiles_column or None, id_column=id_column or None,
            format=kind or None, recipe=recipe, fingerprints=kept, time_limit=time_limit or None,
            strict=strict, threads=threads, downloads=downloads, progress=progress.count,
        )  # fmt: skip
    if not quiet:
        counts = made.manifest
        typer.echo(
            f"{out}: {counts['n_usable']} compounds of {counts['n_records']} records, "
            f"{counts['n_duplicates']} duplicates, {counts['n_rejected']} rejected"
        )


@command
def search(
    searched: Annotated[
        Path, typer.Argument(metavar="LIBRARY", help="Folder of a library, or a compound file.")
    ],
    query: Annotated[str, typer.Argument(metavar="QUERY", help="A SMILES or SMARTS, or a file of queries.")],
    out: Annotated[
        Path, typer.Option("--out", help="Table of what is found: TSV if its name ends so, else Parquet.")
    ],
    top: Annotated[
        int | None, typer.Option(min=1, help="How many of the most similar compounds; 100.")
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="Least similarity; with no --top, all that reach it."),
    ] = None,
    metric: Annotated[str, typer.Option(help="tanimoto or tversky.")] = "tanimoto",
    alpha: Annotated[float | None, typer.Option(help="Tversky: weight of what the query alone has.")] = None,
    beta: Annotated[
        float | None, typer.Option(help="Tversky: weight of what the compound alone has.")
    ] = None,
    fingerprint: Annotated[str, typer.Option(help="Kind of fingerprint.")] = "morgan",
    substructure: Annotated[
        str, typer.Option(help="smarts or smiles: find compounds that contain the query, read so.")
    ] = "",
    chirality: Annotated[
        bool, typer.Option("--chirality", help="Let the stereochemistry of a substructure count.")
    ] = False,
    max_results: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many compounds with a substructure.")
    ] = None,
    seed: Seed = 0,
    threads: Threads = 2,
    quiet: Quiet = False,
) -> None:
    """Find the compounds of a library that resemble a query, or contain it."""
    with CommandProgress("searching", quiet) as progress:
        found = varimol.search(
            searched, query, out, top=top, threshold=threshold, metric=metric, alpha=alpha, beta=beta,
            fingerprint=fingerprint, substructure=substructure or None, chirality=chirality,
            max_results=max_results, threads=threads, progress=progress.share,
        )  # fmt: skip
    if not quiet:
        typer.echo(f"{out}: {found} rows")


@command
def screen(
    compounds: Annotated[
        Path, typer.Argument(metavar="LIBRARY", help="Compound file, or folder of a library.")
    ],
    targets: Annotated[Path, typer.Option(help="FASTA, or a table with target_id and sequence.")],
    out: Out,
    model: Annotated[
        str, typer.Option(help="Folder of a run, or name of a shipped network.")
    ] = "kinase-affinity",
    smiles_column: SmilesColumn = "",
    id_column: IdColumn = "",
    seed: Seed = 0,
    threads: Threads = 2,
    quiet: Quiet = False,
) -> None:
    """Score every compound of a library against every target."""
    with CommandProgress("screening", quiet) as progress:
        hits = varimol.screen(
            compounds, targets, out, network=model, smiles_column=smiles_column or None,
            id_column=id_column or None, progress=progress.share,
        )  # fmt: skip
    if not quiet:
        from varimol.predictions import rows_text

        typer.echo(f"{out}: {rows_text(hits)}")


@command
def download(
    name: Annotated[str, typer.Argument(help="Name of a library; `varimol download list` tells them.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder; the user's cache folder unless given.")
    ] = None,
    mirror: Annotated[str, typer.Option(help="Address that serves the same paths as the provider.")] = "",
    again: Annotated[bool, typer.Option("--again", help="Fetch it even if it is there.")] = False,
    seed: Seed = 0,
    threads: Threads = 2,
    quiet: Quiet = False,
) -> None:
    """Fetch a public compound library and check it: the one command that uses the network."""
    from varimol.download import describe_download, downloads
    from varimol.download import download as fetch

    if name == "list":
        for entry in downloads().values():
            typer.echo(describe_download(entry) + "\n")
        return
    with CommandProgress(f"fetching {name}", quiet) as progress:
        path = fetch(
            name, out, base_url=mirror or None, again=again, progress=progress.bytes,
            tell=lambda text: typer.echo(text, err=True),
        )  # fmt: skip
    typer.echo(path)
