"""What the commands share: their common options, and how an error becomes one line and an exit code."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

Out = Annotated[Path, typer.Option("--out", help="Where the result goes; it appears whole or not at all.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of everything random.")]
Threads = Annotated[int, typer.Option("--threads", min=1, help="Threads to use.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Say nothing but errors.")]
Covariates = Annotated[str, typer.Option("--covariates", help="Columns, separated by commas.")]
OneTwo = Annotated[
    bool, typer.Option("--one-two", help="The binary trait is coded 1 (control) and 2 (case).")
]


def build_name(value: str) -> str:
    """Spell a build as the project does.

    Examples
    --------
    >>> build_name("grch37"), build_name("hg38"), build_name("auto")
    ('GRCh37', 'GRCh38', 'auto')
    """
    # hg19 is not among them: its mitochondrion is another than GRCh37's.
    known = {"grch37": "GRCh37", "grch38": "GRCh38", "hg38": "GRCh38"}
    return known.get(value.lower(), value)


def assay_name(value: str) -> str:
    """Spell an assay as the project does.

    Examples
    --------
    >>> assay_name("WGS")
    'wgs'
    """
    return value.lower()


Build = Annotated[str, typer.Option("--build", help="auto, GRCh37 or GRCh38.", callback=build_name)]
Assay = Annotated[
    str,
    typer.Option(
        "--assay",
        callback=assay_name,
        help="wgs, wes, array, targeted or unknown: what an absent site may mean.",
    ),
]
Outside = Annotated[
    Path | None,
    typer.Option(
        "--outside",
        help="Calls made elsewhere: PharmCAT's outside calls, a table with sample_id, gene, diplotype, "
        "or a folder of these.",
    ),
]
HybridsAssessed = Annotated[
    bool, typer.Option("--hybrids-assessed", help="Hybrids of CYP2D6 were looked for, and not found.")
]
Sexes = Annotated[
    Path | None,
    typer.Option("--sexes", help="Table with sample_id (or IID) and sex: men have one copy of genes on X."),
]


def limit_threads(threads: int) -> None:
    """Give every numerical library the same number of threads; before any of them is loaded."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = str(threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Exit with 2 and one line for bad input, with 1 and one line for a failure of ours."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        from chem.errors import InputError as ChemInputError
        from genomics.errors import InputError as GenomicsInputError

        limit_threads(kwargs.get("threads", 2))
        try:
            function(*args, **kwargs)
        except (ChemInputError, GenomicsInputError) as error:
            typer.echo(f"varimol: {error}", err=True)
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            typer.echo("varimol: stopped; the same command goes on from the last finished step", err=True)
            raise typer.Exit(130) from None
        except Exception as error:
            if os.environ.get("VARIMOL_DEBUG"):
                raise
            text = " ".join(str(error).split()) or type(error).__name__
            typer.echo(
                f"varimol: failed ({type(error).__name__}): {text}; set VARIMOL_DEBUG=1 for the details",
                err=True,
            )
            raise typer.Exit(1) from None

    return run


def names(text: str) -> tuple[str, ...]:
    """Names of a list separated by commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def lines(path: Path | None) -> list[str] | None:
    """Sample names of a file, one per line."""
    if path is None:
        return None
    from genomics.errors import InputError

    if not path.exists():
        raise InputError("no such file", file=path, field="--samples", hint="check the path")
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def this_command() -> str:
    """The command line as typed, without the folder of the program."""
    return " ".join(["varimol", *sys.argv[1:]])
