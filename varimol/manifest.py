"""What a run was made from and with: the manifest beside its results."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from varimol import __version__, tables
from varimol.results import read_json, read_quality

if TYPE_CHECKING:
    from varimol.link_options import LinkOptions

_PACKAGES = ("numpy", "pandas", "rdkit", "scikit-allel", "torch", "torch-geometric", "zarr")


def describe_run(
    directory: Path,
    plan: LinkOptions,
    inputs: Sequence[tuple[str, Path, str]],
    notes: Sequence[str],
    command: Sequence[str],
) -> dict[str, Any]:
    """Facts of a `link` run, for manifest.json.

    Parameters
    ----------
    directory
        Folder of the run, its steps finished.
    plan
        The run's options.
    inputs
        Role, path and SHA-256 of each input; only the file's name is written down.
    notes
        Sentences for the head of the report.
    command
        The command line.

    Returns
    -------
    dict
        Versions, parameters, seed, inputs, cohort, quality, structure, association, network, sources, notes.
    """
    from genomics.cohort import open_cohort
    from varimol.networks import load_network

    cohort = open_cohort(directory / "cohort.vcz")
    association = read_json(directory / "association.json")
    structure = read_json(directory / "structure.json")
    assessed = read_quality(directory)
    card = load_network(plan.network).card
    return {
        "varimol": __version__,
        "created_with": {name: importlib.metadata.version(name) for name in _PACKAGES},
        "command": list(command),
        "parameters": asdict(plan),
        "seed": plan.seed,
        "inputs": [
            {"role": role, "path": path.name, "sha256": sha256, "bytes": _bytes(path)}
            for role, path, sha256 in inputs
        ],
        "trait": plan.trait,
        "trait_type": association["trait_type"],
        "cohort": {
            "n_samples": int(cohort.n_samples),
            "n_variants": int(cohort.n_variants),
            "build": cohort.build,
            "build_evidence": cohort.build_evidence,
            **{name: association[name] for name in ("n_cases", "n_controls", "n_phenotyped")},
        },
        "quality": asdict(assessed.policy)
        | {
            "n_samples_passed": int(assessed.samples["passed"].sum()),
            "n_variants_passed": int(assessed.variants["passed"].sum()),
        },
        "structure": {k: structure[k] for k in ("estimable", "reason", "n_variants_used", "n_regions")},
        "association": association,
        "network": _network_facts(card),
        "sources": tables.sources(),
        "notes": [*notes, *_own_notes(structure, cohort.build)],
    }


def _network_facts(card: dict[str, Any]) -> dict[str, Any]:
    """What a card says of a network as a whole: not its parts, nor the figures of other models."""
    facts = {name: value for name, value in card.items() if name not in ("models", "training")}
    figures = [row for row in card.get("figures", []) if row["model"] == "blend"]
    return facts | {"figures": figures}


def _own_notes(structure: dict[str, Any], build: str) -> list[str]:
    notes = []
    if not structure["estimable"]:
        notes.append(
            f"Population structure could not be estimated and is not corrected for: {structure['reason'].rstrip('.')}. "
            "Signals were told apart by conditioning on those found before."
        )
    if build != "GRCh38":
        notes.append(f"Positions are on {build}, detected from the reference alleles in the files.")
    return notes


def _bytes(path: Path) -> int:
    if path.is_dir():
        return sum(member.stat().st_size for member in path.rglob("*") if member.is_file())
    return path.stat().st_size
