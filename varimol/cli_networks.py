"""The commands on networks: train one, predict with one."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import varimol
from varimol.cli_options import Out, Quiet, Seed, Threads, command, limit_threads, names, this_command
from varimol.progress import CommandProgress

if TYPE_CHECKING:
    from models.experiment_plan import AffinityExperiment


ALL_NETWORKS, ALL_SETTINGS = "landmark,profile", "random,scaffold,family"
"""What a blend is made of, and what is held out, unless told otherwise."""


class ReadAs(StrEnum):
    """How targets are read."""

    given = "given"
    true = "true"


@command
def train_affinity(
    pairs: Annotated[
        list[Path], typer.Option(help="Table with drug_id, target_id and the label; may be repeated.")
    ],
    drugs: Annotated[list[Path], typer.Option(help="Table with drug_id and smiles.")],
    targets: Annotated[list[Path], typer.Option(help="Table with target_id and sequence.")],
    label: Annotated[list[str], typer.Option(help="Column of the label.")],
    out: Out,
    folds: Annotated[str, typer.Option(help="Column of the fold; made at random unless given.")] = "",
    epochs: Annotated[
        list[int],
        typer.Option(
            min=0, help="Epochs of a network, for all labels or one each; 0 finds them on held-back pairs."
        ),
    ] = [0],  # noqa: B006
    network: Annotated[
        str,
        typer.Option(
            help="Networks of the blend, some of landmark (reads a molecule by its similarity to the training molecules), profile (by similarity in structure and fitted affinities) and graph (by its graph)."
        ),
    ] = ALL_NETWORKS,
    settings: Annotated[
        str, typer.Option(help="What is held out in turn, of random (pairs), scaffold and family.")
    ] = ALL_SETTINGS,
    baselines: Annotated[
        bool, typer.Option(help="Fit every plain model on the same folds; the means are always fitted.")
    ] = True,
    read_as: Annotated[
        ReadAs,
        typer.Option(
            help="Targets' sequences as given, or the true ones: variants that names or columns say are applied."
        ),
    ] = ReadAs.true,
    start: Annotated[
        str,
        typer.Option(
            help="A run's folder or a shipped network to go on from: its pairs are trained on too, its networks are where training starts. Labels have its endpoints' names. It decides --network, --read-as and --settings: pairs alone are held out."
        ),
    ] = "",
    seed: Seed = 0,
    threads: Threads = 2,
    quiet: Quiet = False,
) -> None:
    """Train an affinity model: judge networks, kernels and plain models on the same folds, blend and calibrate."""
    from chem.errors import InputError
    from varimol.training_summary import fit_text, training_summary

    if start and (network, settings, read_as) != (ALL_NETWORKS, ALL_SETTINGS, ReadAs.true):
        raise InputError(
            "the model to start from decides these", field="--network, --settings, --read-as",
            expected="none of them beside --start", hint="leave them out",
        )  # fmt: skip
    limit_threads(1)  # of each process: `threads` of them work at the same time
    plan = _experiment(
        label, epochs, names(network), names(settings), baselines=baselines, seed=seed, workers=threads,
        description={"name": out.name, "command": this_command(), "data": ", ".join(p.name for p in pairs)},
    )  # fmt: skip
    with CommandProgress("training", quiet) as progress:
        model = varimol.train_affinity(
            pairs, drugs, targets, label, out, folds=folds or None, read_as=read_as.value, experiment=plan,
            start=start or None,
            progress=lambda text, share: progress.text_and_share(fit_text(text, label), share),
        )  # fmt: skip
    if not quiet:
        typer.echo(training_summary(model.card))


def _experiment(
    labels: list[str], epochs: list[int], networks: tuple[str, ...], settings: tuple[str, ...], *,
    baselines: bool, seed: int, workers: int, description: dict[str, str],
) -> AffinityExperiment:  # fmt: skip
    from chem.errors import InputError
    from models.affinity import SETTINGS
    from models.contenders import NETWORKS
    from models.experiment_plan import AffinityExperiment

    kinds = [f"{name}_network" for name in networks]
    known = tuple(kind.removesuffix("_network") for kind in NETWORKS)
    for option, asked, allowed in (("--settings", settings, SETTINGS), ("--network", networks, known)):
        unknown = [name for name in asked if name not in allowed]
        if unknown:
            raise InputError(
                f"no {option[2:].removesuffix('s')} {unknown[0]!r}", field=option,
                expected=f"some of {', '.join(allowed)}", hint="separate them by commas",
            )  # fmt: skip
    if len(epochs) not in (1, len(labels)):
        raise InputError(
            f"{len(epochs)} numbers of epochs for {len(labels)} labels", field="--epochs",
            expected="one, or one per label", hint="repeat it as often as --label",
        )  # fmt: skip
    each = epochs * len(labels) if len(epochs) == 1 else epochs
    held_out = tuple(name for name in SETTINGS if name in ("random", *settings))
    return AffinityExperiment(
        networks={kind: NETWORKS[kind] for kind in kinds}, settings=held_out,
        epochs={name: n for name, n in zip(labels, each, strict=True) if n},
        baselines=held_out if baselines else (), seed=seed, workers=workers, description=description,
    )  # fmt: skip
