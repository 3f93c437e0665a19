"""What a step may ask of a cohort before it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genomics.contigs import is_chromosome
from genomics.errors import InputError

if TYPE_CHECKING:
    from genomics.cohort import Cohort


def require_build(cohort: Cohort) -> str:
    """Return the build of a cohort, or refuse the steps that need genes.

    Raises
    ------
    InputError
        The build is not known.
    """
    if cohort.build in ("GRCh37", "GRCh38"):
        return cohort.build
    reason = str(cohort.build_evidence.get("reason", "no evidence was found"))
    raise InputError(
        f"the genome build is not known ({reason})",
        file=cohort.path,
        field="build",
        expected="GRCh37 or GRCh38, which genes and star alleles need",
        hint="give --build if you know it, or lift the calls over",
    )


def require_known_contigs(cohort: Cohort) -> None:
    """Refuse a cohort without a single human chromosome name, such as one on NC_000001.11.

    Raises
    ------
    InputError
        No contig is named like a chromosome.
    """
    if not cohort.contigs or any(is_chromosome(name) for name in cohort.contigs):
        return
    raise InputError(
        f"the contig naming is not known: {cohort.contigs[0]!r}",
        file=cohort.path,
        record=1,
        field="CHROM",
        expected="1 to 22, X, Y, MT, with or without chr",
        hint="rename the contigs (bcftools annotate --rename-chrs) and ingest again",
    )
