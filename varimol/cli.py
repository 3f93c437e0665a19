"""The command line: options in, one library call each, one clear line out when something is wrong."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

import varimol
from varimol import (
    cli_cohort,
    cli_compounds,
    cli_networks,
    cli_predict,
    cli_profiles,
    cli_properties,
    cli_responses,
)
from varimol.cli_options import (
    Assay,
    Build,
    Covariates,
    HybridsAssessed,
    OneTwo,
    Out,
    Outside,
    Quiet,
    Seed,
    Sexes,
    Threads,
    command,
    names,
    this_command,
)
from varimol.progress import CommandProgress, step_printer

app = typer.Typer(
    name="varimol",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(varimol.__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_say_version, is_eager=True, help="Say the version, and stop."),
    ] = False,
) -> None:
    """From a patient's variant calls to candidate therapies, through molecular graph networks.

    For research use only.
    """


train_app = typer.Typer(help="Train a model by cross-validation, beside plain models.", no_args_is_help=True)
app.add_typer(train_app, name="train")


app.command(epilog="Example: `varimol ingest cohort.vcf.gz --out cohort.vcz`")(cli_cohort.ingest)
app.command(epilog="Example: `varimol export cohort.vcz --out calls.tsv`")(cli_cohort.export)
app.command(epilog="Example: `varimol verify cohort.vcz`")(cli_cohort.verify)
app.command(epilog="Example: `varimol profiles tumour_normal.vcf.gz --out profiles/`")(cli_profiles.profiles)
app.command(epilog="Example: `varimol library compounds.sdf --out library/`")(cli_compounds.library)
app.command(epilog="Example: `varimol search library/ 'CC(=O)Oc1ccccc1C(=O)O' --top 20 --out similar.tsv`")(
    cli_compounds.search
)
app.command(
    epilog="Example: `varimol screen compounds.smi --model kinase-affinity --targets targets.fasta --out hits/`"
)(cli_compounds.screen)
app.command(epilog="Example: `varimol download chembl`")(cli_compounds.download)
train_app.command(
    "affinity",
    epilog="Example: `varimol train affinity --pairs pairs.tsv --drugs drugs.tsv --targets targets.tsv --label pkd --folds fold --out run/`",
)(cli_networks.train_affinity)
train_app.command(
    "response",
    epilog="Example: `varimol train response --response gdsc2.tsv --drugs drugs.tsv --profiles mutation=mutation.tsv --profiles copy_number=copy_number.tsv --out run/`",
)(cli_responses.train_response)
train_app.command(
    "property",
    epilog="Example: `varimol train property --table solubility.csv --labels logS --out run/`",
)(cli_properties.train_property)
app.command(
    epilog="Example: `varimol predict kinase-affinity --pairs pairs.tsv --drugs drugs.tsv --targets targets.tsv --out predictions.tsv`"
)(cli_predict.predict)


@app.command(epilog="Example: `varimol quality cohort.vcz --out quality/`")
@command
def quality(cohort: Path, out: Out, seed: Seed = 0, threads: Threads = 2, quiet: Quiet = False) -> None:
    """Count calls; assess samples, variants and population structure of a store."""
    with CommandProgress("assessing quality", quiet) as progress:
        varimol.quality(cohort, out, seed=seed, threads=threads, progress=progress.share)


@app.command(
    epilog="Example: `varimol associate cohort.vcz --phenotypes t.tsv --trait asthma --covariates age,sex --out scan/`"
)
@command
def associate(
    cohort: Path,
    phenotypes: Annotated[
        Path, typer.Option(help="Table with sample_id (or IID), the trait and the covariates.")
    ],
    trait: Annotated[str, typer.Option(help="Column of the trait.")],
    out: Out,
    covariates: Covariates = "",
    trait_type: Annotated[
        str, typer.Option(help="binary or quantitative; read from the values unless given.")
    ] = "",
    missing_policy: Annotated[
        str, typer.Option(help="What a missing genotype counts as: drop or mean.")
    ] = "drop",
    one_two: OneTwo = False,
    seed: Seed = 0,
    threads: Threads = 2,
    quiet: Quiet = False,
) -> None:
    """Scan a trait over the variants of a store."""
    with CommandProgress("scanning", quiet) as progress:
        table = varimol.associate(
            cohort, phenotypes, trait, out, covariates=names(covariates), trait_type=trait_type or None,
            missing_policy=missing_policy, one_two=one_two, seed=seed, progress=progress.share,
        )  # fmt: skip
    if not quiet:
        typer.echo(f"{out}: {int(table['log10p'].notna().sum())} variants tested; {table.attrs['structure']}")


@app.command(epilog="Example: `varimol stars cohort.vcf.gz --assay wgs --out stars/`")
@command
def stars(
    source: Annotated[Path, typer.Argument(metavar="IN", help="VCF or store.")],
    out: Out,
    assay: Assay = "unknown",
    build: Build = "auto",
    outside: Outside = None,
    prior: Annotated[
        bool, typer.Option(help="Weigh diplotypes by the population frequencies of their alleles.")
    ] = True,
    hybrids_assessed: HybridsAssessed = False,
    sexes: Sexes = None,
    seed: Seed = 0,
    threads: Threads = 2,
    quiet: Quiet = False,
) -> None:
    """Call star alleles, metaboliser phenotypes and the guidance that follows."""
    with CommandProgress("calling star alleles", quiet) as progress:
        varimol.stars(
            source, out, assay=assay, build=build, outside=outside, prior=prior,
            hybrids_assessed=hybrids_assessed, sexes=sexes, progress=progress.share,
        )  # fmt: skip


@app.command(
    epilog="Example: `varimol link --variants cohort.vcf.gz --phenotypes t.tsv --trait asthma --compounds drugs.tsv --out result/`"
)
@command
def link(
    variants: Annotated[
        list[Path], typer.Option(help="VCF, BCF or PLINK files, a folder of them, or a store.")
    ],
    phenotypes: Annotated[
        Path, typer.Option(help="Table with sample_id (or IID), the trait and the covariates.")
    ],
    trait: Annotated[str, typer.Option(help="Column of the trait.")],
    compounds: Annotated[Path, typer.Option(help="SMILES, CSV, TSV, SDF or Parquet file.")],
    out: Out,
    covariates: Covariates = "",
    trait_type: Annotated[
        str, typer.Option(help="binary or quantitative; read from the values unless given.")
    ] = "",
    desired: Annotated[str, typer.Option(help="For a quantitative trait: lower or higher is wanted.")] = "",
    assay: Assay = "unknown",
    outside: Outside = None,
    hybrids_assessed: HybridsAssessed = False,
    sexes: Sexes = None,
    missing_policy: Annotated[
        str, typer.Option(help="What a missing genotype counts as: drop or mean.")
    ] = "drop",
    proteins: Annotated[Path | None, typer.Option(help="FASTA of proteins, before the shipped ones.")] = None,
    network: Annotated[
        str, typer.Option(help="Folder of a run, or name of a shipped network.")
    ] = "kinase-affinity",
    build: Build = "auto",
    one_two: OneTwo = False,
    seed: Seed = 0,
    threads: Threads = 2,
    quiet: Quiet = False,
) -> None:
    """Go the whole way, from variant calls and compounds to ranked therapies with their evidence."""
    from varimol.link import link as go

    report = go(
        variants, phenotypes, trait, compounds, out, proteins=proteins, outside=outside, sexes=sexes,
        hybrids_assessed=hybrids_assessed, command=this_command().split(),
        progress=step_printer(quiet), covariates=names(covariates), trait_type=trait_type, desired=desired,
        assay=assay, missing_policy=missing_policy, network=network, build=build, one_two=one_two, seed=seed,
    )  # fmt: skip
    if not quiet:
        typer.echo(str(report))


@app.command(epilog="Example: `varimol report result/`")
@command
def report(directory: Path, seed: Seed = 0, threads: Threads = 2, quiet: Quiet = False) -> None:
    """Write the report of a finished `link` run again, or of what `stars` wrote."""
    from varimol import commands

    page = commands.report(directory)
    if not quiet:
        typer.echo(str(page))


@app.command(epilog="Example: `varimol explain result/ --patient S0001 --compound CHEMBL221959`")
@command
def explain(
    directory: Path,
    patient: Annotated[str, typer.Option(help="Sample identifier.")],
    compound: Annotated[str, typer.Option(help="Identifier or name of the compound.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the explanation as TSV and SVG.")
    ] = None,
    seed: Seed = 0,
    threads: Threads = 2,
    quiet: Quiet = False,
) -> None:
    """Say why a compound stands where it does for a patient: each claim, its path, and the atoms behind it."""
    from varimol.explain import explain as tell

    told = tell(directory, patient, compound, out=out)
    if not quiet:
        typer.echo(told.text)


@app.command(epilog="Example: `varimol demo --out demo/`")
@command
def demo(
    out: Out,
    n_samples: Annotated[int, typer.Option("--samples", min=100, help="People simulated.")] = 2000,
    seed: Seed = 20,
    threads: Threads = 2,
    quiet: Quiet = False,
) -> None:
    """Simulate a cohort with a known truth and go the whole way with the shipped network and drugs; offline."""
    from varimol.demo import demo as go

    page = go(
        out, seed=seed, n_samples=n_samples, progress=step_printer(quiet), command=this_command().split()
    )
    if not quiet:
        typer.echo(str(page))


def main() -> None:
    """Run the command line; wrong usage is one line on standard error and exit code 2."""
    try:
        code = app(standalone_mode=False)
    except Exception as error:
        code = getattr(error, "exit_code", None)
        if code is None or not hasattr(error, "format_message"):
            raise
        text = error.format_message()
        context = getattr(error, "ctx", None)
        if context is not None and not type(error).__name__.startswith("NoArgs"):
            text = f"varimol: {' '.join(text.split())} See `{context.command_path} --help`."
        print(text, file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
