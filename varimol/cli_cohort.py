"""The commands that read variant files into a store and write them back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import varimol
from varimol.cli_options import Build, Out, Quiet, Seed, Threads, command, lines, names
from varimol.progress import CommandProgress

Regions = Annotated[
    list[str] | None, typer.Option(help="Region such as chr19:10300000-10400000; may be repeated.")
]
Samples = Annotated[
    Path | None, typer.Option(help="File with one sample name per line, in the order wanted.")
]
Keep = Annotated[list[Path] | None, typer.Option(help="List of samples to keep: IID, or FID and IID.")]
Remove = Annotated[list[Path] | None, typer.Option(help="List of samples to leave out.")]
Extract = Annotated[
    list[str] | None, typer.Option(help="List of variants to keep: identifiers, or bed1:FILE for intervals.")
]
Exclude = Annotated[list[str] | None, typer.Option(help="List of variants to leave out.")]


@command
def ingest(
    inputs: Annotated[
        list[Path],
        typer.Argument(help="VCF, BCF, PLINK or BGEN files, a folder of them, or - for standard input."),
    ],
    out: Out,
    regions: Regions = None,
    samples: Samples = None,
    keep: Keep = None,
    remove: Remove = None,
    extract: Extract = None,
    exclude: Exclude = None,
    fields: Annotated[
        str,
        typer.Option(
            help="INFO and FORMAT fields to keep, such as FORMAT/AD,INFO/*; DP, GQ, DS and PS if empty."
        ),
    ] = "",
    normalise: Annotated[
        str, typer.Option(help="split, join, trim or align (--reference), or several: split,align.")
    ] = "",
    reference: Annotated[
        Path | None, typer.Option(help="FASTA of the calls' build: REF is checked against it.")
    ] = None,
    hard_filter: Annotated[
        str, typer.Option(help="Preset of a caller's recommended filters, or auto; see the documentation.")
    ] = "",
    force_hard_filter: Annotated[
        bool, typer.Option("--force-hard-filter", help="Apply it to another caller's file.")
    ] = False,
    policy: Annotated[
        list[str] | None,
        typer.Option(help="Call policy such as half_calls=error; may be repeated; see the documentation."),
    ] = None,
    sexes: Annotated[Path | None, typer.Option(help="Table of sexes, for sex_chromosomes=by-sex.")] = None,
    sites: Annotated[
        Path | None, typer.Option(help="VCF or table of sites to expand a gVCF's reference blocks at.")
    ] = None,
    chain: Annotated[Path | None, typer.Option(help="Chain file to lift the calls over by.")] = None,
    target: Annotated[Path | None, typer.Option(help="FASTA of the build that the chain leads to.")] = None,
    settings: Annotated[Path | None, typer.Option(help="TOML file of these choices and finer ones.")] = None,
    append: Annotated[bool, typer.Option("--append", help="Add the records to the store at --out.")] = False,
    build: Build = "auto",
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Put unreadable records into a rejects file.")
    ] = False,
    seed: Seed = 0,
    threads: Threads = 2,
    quiet: Quiet = False,
) -> None:
    """Read variant files into a VCF Zarr store."""
    choices: dict[str, Any] = {
        "keep": tuple(keep or ()), "remove": tuple(remove or ()),
        "extract": tuple(extract or ()), "exclude": tuple(exclude or ()),
        "reference": reference, "hard_filter": hard_filter, "force_hard_filter": force_hard_filter,
        "sexes": sexes, "sites": sites, "chain": chain, "target": target,
    }  # fmt: skip
    if normalise:
        choices["normalise"] = _normalisation(names(normalise))
    chosen = names(fields) or None
    with CommandProgress("reading variants", quiet) as progress:
        cohort = varimol.ingest(
            inputs, out, regions=regions or [], samples=lines(samples), fields=chosen, settings=settings,
            policy=policy or [], append=append, build=build, keep_going=keep_going, threads=threads,
            progress=progress.share, **choices,
        )  # fmt: skip
    if not quiet:
        typer.echo(f"{out}: {cohort.n_variants} variants x {cohort.n_samples} samples, build {cohort.build}")
        for line in varimol.ingest_notes(cohort, keep_going=keep_going):
            typer.echo(line)


def _normalisation(wanted: tuple[str, ...]) -> Any:
    """Turn the words of --normalise into options."""
    from genomics.errors import InputError
    from genomics.normalise import NormaliseOptions

    known = ("split", "join", "trim", "align")
    for word in wanted:
        if word not in known:
            raise InputError(
                f"{word!r} is no way to normalise", field="--normalise", expected=", ".join(known)
            )
    return NormaliseOptions(
        split="split" in wanted,
        join="by-type" if "join" in wanted else "none",
        align="left" if "align" in wanted else "trim" if "trim" in wanted else "none",
    )


@command
def export(
    cohort: Path,
    out: Out,
    regions: Regions = None,
    samples: Samples = None,
    keep: Keep = None,
    remove: Remove = None,
    extract: Extract = None,
    exclude: Exclude = None,
    seed: Seed = 0,
    threads: Threads = 2,
    quiet: Quiet = False,
) -> None:
    """Write the calls of a store as TSV (.tsv) or VCF (.vcf, .vcf.gz)."""
    varimol.export(
        cohort, out, regions=regions or [], samples=lines(samples), keep=keep or [], remove=remove or [],
        extract=extract or [], exclude=exclude or [], threads=threads,
    )  # fmt: skip


@command
def verify(cohort: Path, seed: Seed = 0, threads: Threads = 2, quiet: Quiet = False) -> None:
    """Compare every byte of a store with the checksums that were written with it."""
    varimol.open_cohort(cohort).verify()
    if not quiet:
        typer.echo(f"{cohort}: whole")
