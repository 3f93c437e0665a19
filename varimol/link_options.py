"""What a run of `varimol link` is asked to do."""

from __future__ import annotations

from dataclasses import dataclass

from genomics.errors import InputError

CHOICES: dict[str, tuple[str, ...]] = {
    "trait_type": ("", "binary", "quantitative"),
    "desired": ("", "lower", "higher"),
    "assay": ("wgs", "wes", "array", "targeted", "unknown"),
    "missing_policy": ("drop", "mean"),
    "build": ("auto", "GRCh37", "GRCh38"),
}
"""What the options of a closed list may be."""


@dataclass(frozen=True)
class LinkOptions:
    """What a run of `link` does.

    Attributes
    ----------
    trait
        Column of the phenotype table.
    trait_type
        ``binary``, ``quantitative`` or empty to read it from the values.
    covariates
        Columns of covariates.
    assay
        What made the calls: ``wgs``, ``wes``, ``array``, ``targeted`` or ``unknown``.
    hybrids_assessed
        Hybrids of CYP2D6 were looked for by other means, and not found.
    desired
        For a quantitative trait, whether ``lower`` or ``higher`` is wanted.
    missing_policy
        What a missing genotype counts as in the scan: ``drop`` or ``mean``.
    network
        Shipped network's name or a run's folder.
    build
        ``auto`` to detect it, or ``GRCh37``, ``GRCh38``.
    one_two
        The binary trait is coded 1 (control) and 2 (case).
    top
        Compounds per target and patient.
    seed
        Of everything random.
    """

    trait: str
    trait_type: str = ""
    covariates: tuple[str, ...] = ()
    assay: str = "unknown"
    hybrids_assessed: bool = False
    desired: str = ""
    missing_policy: str = "drop"
    network: str = "kinase-affinity"
    build: str = "auto"
    one_two: bool = False
    top: int = 10
    seed: int = 0


def check_options(plan: LinkOptions) -> None:
    """Refuse what no later step could use, before the long ones begin."""
    from varimol.networks import network_folder

    for name in CHOICES:
        check_choice(name, getattr(plan, name))
    network_folder(plan.network)


def check_choice(name: str, value: str) -> None:
    """Refuse a value that is not in the closed list of an option."""
    allowed = CHOICES[name]
    if value not in allowed:
        raise InputError(
            f"{value!r} is not known", field="--" + name.replace("_", "-"),
            expected="one of " + ", ".join(filter(None, allowed)), hint="choose one of these",
        )  # fmt: skip
