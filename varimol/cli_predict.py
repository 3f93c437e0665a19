"""The command that predicts with a network, of whatever kind."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import varimol
from varimol.cli_options import Out, Quiet, Seed, Threads, command, limit_threads
from varimol.cli_responses import block_tables

NEEDED = {
    "affinity": ("pairs", "drugs", "targets"),
    "response": ("profiles",),
    "property": ("table",),
}
"""Options without which a kind of network cannot predict."""
TAKEN = {
    "affinity": (*NEEDED["affinity"], "endpoint", "variant", "shifts"),
    "response": (
        "pairs", "drugs", "profiles", "covariates", "line_column", "drug_column", "smiles_column", "copy_number_scale",
        "attributions", "top",
    ),
    "property": ("table", "smiles_column", "id_column", "endpoint", "attributions", "top"),
}  # fmt: skip
"""Options that a kind of network reads, beside those that all do."""


@command
def predict(
    network: Annotated[
        str, typer.Argument(metavar="RUN", help="Folder of a run, or name of a shipped network.")
    ],
    out: Out,
    pairs: Annotated[
        Path | None,
        typer.Option(
            help="Affinity: table with drug_id and target_id. Response: with depmap_id and drug_name; every profile with every compound unless given."
        ),
    ] = None,
    drugs: Annotated[
        Path | None,
        typer.Option(help="Affinity: table with drug_id and smiles. Response: with drug_name and smiles."),
    ] = None,
    targets: Annotated[Path | None, typer.Option(help="Affinity: table with target_id and sequence.")] = None,
    profiles: Annotated[
        list[str], typer.Option(metavar="BLOCK=TABLE", help="Response: table of a block; may be repeated.")
    ] = [],  # noqa: B006
    covariates: Annotated[
        Path | None, typer.Option(help="Response: table of the lines' tissue or disease, as in training.")
    ] = None,
    table: Annotated[Path | None, typer.Option(help="Property: table with a column of SMILES.")] = None,
    smiles_column: Annotated[
        str, typer.Option(help="Property, response: column of SMILES; found by its name unless given.")
    ] = "",
    id_column: Annotated[str, typer.Option(help="Property: column that names the molecules.")] = "",
    line_column: Annotated[
        str,
        typer.Option(help="Response: column that names lines or patients; that of training unless given."),
    ] = "",
    drug_column: Annotated[
        str, typer.Option(help="Response: column that names compounds; that of training unless given.")
    ] = "",
    copy_number_scale: Annotated[
        str, typer.Option(help="Response: relative_log2 or absolute; that of training unless given.")
    ] = "",
    endpoint: Annotated[
        str, typer.Option(help="Affinity, property: label to predict; all of the network's unless given.")
    ] = "",
    level: Annotated[float, typer.Option(min=0.01, max=0.99, help="Coverage of the interval.")] = 0.9,
    variant: Annotated[
        list[str],
        typer.Option(
            metavar="TARGET:V600E",
            help="Affinity: a patient's variant, applied to that target's sequence; several joined by + or by repeating it.",
        ),
    ] = [],  # noqa: B006
    shifts: Annotated[
        Path | None,
        typer.Option(
            help="Affinity: table for the shift from wild type to variant of pairs whose target carries one."
        ),
    ] = None,
    attributions: Annotated[
        Path | None,
        typer.Option(
            help="Response: table for the markers that moved each prediction. Property: for the atoms that did."
        ),
    ] = None,
    top: Annotated[
        int | None,
        typer.Option(
            min=0, help="Of --attributions: markers or atoms of each prediction; 10 unless given, 0 for all."
        ),
    ] = None,
    seed: Seed = 0,
    threads: Threads = 2,
    quiet: Quiet = False,
) -> None:
    """Predict with a network of affinity, response or properties: one row per input row, in their order."""
    from varimol.networks import network_kind

    kind = network_kind(network)
    given = {
        "pairs": pairs, "drugs": drugs, "targets": targets, "profiles": profiles, "covariates": covariates,
        "table": table, "smiles_column": smiles_column, "id_column": id_column, "line_column": line_column,
        "drug_column": drug_column, "copy_number_scale": copy_number_scale, "endpoint": endpoint,
        "variant": variant, "shifts": shifts, "attributions": attributions, "top": top,
    }  # fmt: skip
    _require_options(network, kind, {name for name, value in given.items() if value not in (None, "", [])})
    run = {"affinity": _affinity, "response": _response, "property": _property}[kind]
    said = run(network, out, given, level)
    if not quiet:
        for line in said:
            typer.echo(line)


def _require_options(network: str, kind: str, given: set[str]) -> None:
    """Refuse a kind that is not known, an option that is missing and one that is not read."""
    from chem.errors import InputError

    if kind not in NEEDED:
        raise InputError(
            f"the network {network!r} is of the kind {kind!r}", field="kind", expected=" or ".join(NEEDED),
            hint="predict with the version that trained it",
        )  # fmt: skip
    named = {name: f"--{name.replace('_', '-')}" for name in {*given, *TAKEN[kind]}}
    for name in NEEDED[kind]:
        if name not in given:
            raise InputError(
                f"{network!r} predicts {kind} and needs {named[name]}", field=named[name],
                expected=", ".join(named[each] for each in NEEDED[kind]), hint="see `varimol predict --help`",
            )  # fmt: skip
    for name in sorted(given):
        if name not in TAKEN[kind]:
            raise InputError(
                f"{network!r} predicts {kind} and does not read {named[name]}", field=named[name],
                expected=", ".join(named[each] for each in TAKEN[kind]), hint="leave it out",
            )  # fmt: skip
    if "top" in given and "attributions" not in given:
        raise InputError(
            "--top says how much of --attributions to write, which is not given", field="--top",
            expected="--attributions", hint="name a table for them, or leave it out",
        )  # fmt: skip


def _affinity(network: str, out: Path, given: dict[str, Any], level: float) -> list[str]:
    from varimol.predictions import rows_text, unused_variants

    said: list[str] = []
    predicted = varimol.predict(
        network, given["pairs"], given["drugs"], given["targets"], out, endpoint=given["endpoint"] or None,
        level=level, variants=given["variant"], shifts=given["shifts"], tell=said.append,
    )  # fmt: skip
    of_rows = [rows_text(predicted), unused_variants(predicted, given["variant"])]
    return [f"{out}: {text}" for text in of_rows if text] + [f"{given['shifts']}: {text}" for text in said]


def _response(network: str, out: Path, given: dict[str, Any], level: float) -> list[str]:
    from varimol.predictions import rows_text

    limit_threads(1)  # its steps are small: a thread that waits for a busy core costs more than it gives
    said: list[str] = []
    predicted = varimol.predict_response(
        network, block_tables(given["profiles"], "--profiles"), out, pairs=given["pairs"], drugs=given["drugs"],
        covariates=given["covariates"], line_column=given["line_column"] or None,
        drug_column=given["drug_column"] or None, smiles_column=given["smiles_column"] or None,
        copy_number_scale=given["copy_number_scale"] or None, level=level, **_explained(given), tell=said.append,
    )  # fmt: skip
    return [f"{out}: {rows_text(predicted)}", *(f"note: {text}" for text in said)]


def _property(network: str, out: Path, given: dict[str, Any], level: float) -> list[str]:
    from varimol.predictions import rows_text
    from varimol.property_runs import predict_property

    predicted = predict_property(
        network, given["table"], out, given["smiles_column"] or None, id_column=given["id_column"] or None,
        endpoint=given["endpoint"] or None, level=level, **_explained(given),
    )  # fmt: skip
    return [f"{out}: {rows_text(predicted)}"]


def _explained(given: dict[str, Any]) -> dict[str, Any]:
    """The options of attributions, as the functions take them; a top of 0 is all."""
    from varimol.results import TOP

    top = TOP if given["top"] is None else given["top"] or None
    return {"attributions": given["attributions"], "top": top}
