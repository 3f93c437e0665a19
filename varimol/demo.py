"""The demo: a simulated cohort with a planted truth, real approved drugs, and the whole way between them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from varimol import tables
from varimol.link import link
from varimol.steps import Run


def demo(
    out: str | os.PathLike[str],
    *,
    seed: int = 20,
    n_samples: int = 2000,
    progress: Callable[[str, bool], None] | None = None,
    command: Sequence[str] = (),
) -> Path:
    """Simulate, then `link` with the shipped drugs and network; nothing is fetched.

    Parameters
    ----------
    out
        Folder; ``input/`` holds what was simulated and the truth, the rest is what `link` writes.
    seed
        Of the simulation.
    n_samples
        People.
    progress
        Called with each step and whether its result was reused.
    command
        The command line, for the manifest.

    Returns
    -------
    Path
        The report.
    """
    from varimol.demo_cohort import TRAIT, demo_cohort

    place = Path(out)

    def simulate(folder: Path) -> None:
        demo_cohort(seed=seed, n_samples=n_samples).write(folder / "input")
        columns = ["compound_id", "name", "smiles"]
        tables.drugs()[columns].to_csv(folder / "input" / "drugs.tsv", sep="\t", index=False)

    Run(place, progress).step(
        "simulate", simulate, outputs=["input"], parameters={"seed": seed, "n_samples": n_samples}
    )
    given = place / "input"
    planted = json.loads((given / "truth.json").read_text(encoding="utf-8"))["planted"]
    notes = [
        "This cohort is simulated: no patient is real. Positions and frequencies of the pharmacogenes and of the "
        "coding variants are real, the background variants are invented.",
        f"One effect is planted, at {planted['contig']}:{planted['position']} {planted['ref']}>{planted['alt']}, with "
        f"an odds ratio of {planted['odds_ratio']:g} per allele. It is enlarged on purpose, so that about 2,000 people "
        f"suffice to find it ({n_samples:,} were simulated); the published figure is about {planted['published_odds_ratio']:g} ({planted['citation']}).",
        "The genetics supports the target, not any one compound: what a drug does beyond its target is not in these data.",
    ]  # fmt: skip
    return link(
        given / "cohort.vcf.gz", given / "phenotypes.tsv", TRAIT, given / "drugs.tsv", place, notes=notes,
        command=command, progress=progress, covariates=("age", "sex"), trait_type="binary", assay="wgs", seed=seed,
    )  # fmt: skip
