"""Which build and which strand a cohort's calls are on, from REF at the sites of star alleles."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genomics.block import VariantBlock, empty_block
from genomics.build import BUILDS, SITE_COLUMNS, BuildDetector
from genomics.contigs import canonical_contig
from genomics.errors import InputError
from genomics.star_alleles import StarGene, StarSite
from genomics.star_find import RecordIndex, index_records
from genomics.star_records import is_palindromic

if TYPE_CHECKING:
    from genomics.cohort import Cohort

NEAR = 50
"""An insertion or deletion may be written this many bases from where a definition has it."""
_COMPLEMENT = str.maketrans("ACGT", "TGCA")
# Share of sites that may have the other strand's base by chance, or by an error of the file.
_STRAY = 0.02


@dataclass(frozen=True)
class BuildFound:
    """The build of a cohort.

    Attributes
    ----------
    build
        GRCh37, GRCh38 or ``unknown``.
    n_grch37, n_grch38
        Known substitutions that stand where one build alone has them, with its base.
    reason
        What the build was decided on.
    """

    build: str
    n_grch37: int
    n_grch38: int
    reason: str


def detect_build(
    cohort: Cohort,
    sites: pd.DataFrame,
    asked: str = "auto",
    *,
    file: str | os.PathLike[str] | None = None,
) -> BuildFound:
    """Tell the build from the records that stand at known sites.

    Parameters
    ----------
    cohort
        The calls.
    sites
        Known variants: rsid, contig, position_grch37, position_grch38, ref_grch37, ref_grch38, such as the
        table of allele definitions, best with common variants beside it.
    asked
        GRCh37 or GRCh38 where the user says so; ``auto`` takes what the store says. Where neither is known, and
        the sites do not tell, the build is ``unknown``.
    file
        What errors name: the file that the store was read from. The store itself if not given.

    Raises
    ------
    InputError
        The records, or else the store, contradict the build that was given, or are partly on the one and
        partly on the other; or a column is missing.
    """
    file = cohort.path if file is None else file
    detector = BuildDetector(sites)
    name = Path(file).name
    detector.add_block(name, _records_at(cohort, sites))
    state = detector.state()
    counts = state["files"][name]
    counts["n_records"] = cohort.n_variants
    detector.restore(state)
    totals = {b: counts["with_rsid"][b] + counts["by_position"][b] for b in BUILDS}
    stated = asked == "auto" and cohort.build in BUILDS
    declared = cohort.build if stated else asked
    try:
        build, evidence = detector.decide(declared)
        # Where the records do not tell, the header may have.
        if detector.decide()[0] == "unknown" and {asked, cohort.build} == set(BUILDS):
            why = cohort.build_evidence.get("reason", "as the store says")
            raise InputError(
                f"the file is on {cohort.build}, not on {asked}, as given ({why})", field="build",
                expected=f"--build {cohort.build}", hint="leave --build out to have it detected",
            )  # fmt: skip
    except InputError as error:
        raise InputError(
            f"{error.message}; {_say_totals(totals, counts['example'])}", file=file, field=error.field,
            expected=error.expected, hint=error.hint,
        ) from None  # fmt: skip
    reason = str(evidence["reason"])
    if stated:
        reason = reason.replace("given by the user", "as the store says", 1)
    return BuildFound(build, totals["GRCh37"], totals["GRCh38"], reason)


def require_sites(
    cohort: Cohort,
    definitions: pd.DataFrame,
    *,
    margin: int = NEAR,
    file: str | os.PathLike[str] | None = None,
) -> None:
    """Refuse a cohort without a record that could tell of a star allele, on either build.

    Parameters
    ----------
    cohort
        The calls.
    definitions
        Star alleles: gene, rsid, contig, position_grch37, position_grch38.
    margin
        How far from a site a record may lie, in bases; more than `NEAR` where sites that a file does not mention
        may be assumed.
    file
        What the error names: the file that the store was read from. The store itself if not given.

    Raises
    ------
    InputError
        There is no record at all, or none there.
    """
    if _is_near(index_records(cohort), definitions, margin):
        return
    example = definitions[(definitions["rsid"] != "") & definitions["position_grch37"].notna()].iloc[0]
    where = "at a site" if margin <= NEAR else f"within {margin:,} bases of a site"
    none = f"none of {cohort.n_variants:,} records lies {where} of a pharmacogene: they are on contigs "
    raise InputError(
        none + ", ".join(cohort.contigs[:5]) if cohort.n_variants else "there are no records",
        file=cohort.path if file is None else file,
        expected=f"records at sites such as {example['rsid']} of {example['gene']}, which is {example['contig']}:"
        f"{example['position_grch38']} on GRCh38 and {example['position_grch37']} on GRCh37",
        hint="the file has none of these genes, or is on another build",
    )  # fmt: skip


def _is_near(index: RecordIndex, definitions: pd.DataFrame, margin: int) -> bool:
    """Whether any record lies near any site."""
    for contig, sites in definitions.groupby("contig"):
        here = index.contigs == canonical_contig(str(contig))
        starts = index.positions[here]
        ends = starts + index.lengths[here] - 1
        for build in BUILDS:
            places = np.sort(sites[f"position_{build.lower()}"].dropna().to_numpy(dtype=np.int64))
            # The first site that a record has not left behind.
            following = np.searchsorted(places, starts - margin)
            reached = following < len(places)
            if (places[following[reached]] <= ends[reached] + margin).any():
                return True
    return False


def _say_totals(totals: dict[str, int], example: dict[str, str]) -> str:
    """Tell how many sites stand where each build has them, and where one of them is."""
    such = {build: f" (such as {example[build]})" if build in example else "" for build in BUILDS}
    return (
        f"{totals['GRCh37']} known sites stand where GRCh37 has them{such['GRCh37']}, "
        f"{totals['GRCh38']} where GRCh38 does{such['GRCh38']}"
    )


def _records_at(cohort: Cohort, sites: pd.DataFrame) -> VariantBlock:
    """Records at the position of a known site on either build, without their calls."""
    absent = [name for name in SITE_COLUMNS if name not in sites.columns]
    if absent:
        raise InputError(
            "the table of sites for build detection lacks a column", field=absent[0], expected=absent[0]
        )
    columns = sites[["position_grch37", "position_grch38"]].to_numpy(dtype=float, na_value=-1)
    positions = cohort.read("variant_position")
    rows = np.flatnonzero(np.isin(positions, columns.astype(np.int64)))
    contigs = [str(contig) for contig in cohort.read("contig_id")]
    identifiers = cohort.read("variant_id", rows) if "variant_id" in cohort.arrays else [""] * len(rows)
    return replace(
        empty_block(0),
        contigs=[contigs[code] for code in cohort.read("variant_contig", rows)],
        positions=positions[rows],
        identifiers=["" if str(name) == "." else str(name) for name in identifiers],
        alleles=[tuple(str(a) for a in row if a) for row in cohort.read("variant_allele", rows)],
    )


@dataclass(frozen=True)
class StrandCounts:
    """Records at sites whose strand can be told.

    Attributes
    ----------
    n_same, n_other
        Records whose REF is the build's reference, or its complement.
    examples
        Names of some sites where it is the complement.
    """

    n_same: int
    n_other: int
    examples: tuple[str, ...] = ()

    @property
    def is_mixed(self) -> bool:
        """Whether the file has calls of the other strand, so that A and T, C and G cannot be told apart."""
        return self.n_other > _STRAY * (self.n_same + self.n_other)

    @property
    def warning(self) -> str:
        """What a person should know, or nothing."""
        if not self.is_mixed:
            return ""
        return (
            f"{self.n_other} of {self.n_same + self.n_other} records have REF of the other strand "
            f"({', '.join(self.examples)}): they are not used, nor are sites whose bases are complements"
        )


def count_strands(cohort: Cohort, index: RecordIndex, genes: Iterable[StarGene], build: str) -> StrandCounts:
    """Count the records whose REF shows the reference strand, and those that show the other.

    An array file that was never brought to the reference strand has complements at some of its sites. At
    sites of A and T, or C and G, nothing shows it.

    Parameters
    ----------
    cohort
        The calls.
    index
        Its records.
    genes
        Definitions, of all genes rather than of one.
    build
        GRCh37 or GRCh38.
    """
    sites: dict[tuple[str, int], StarSite] = {}
    for gene in genes:
        for site in gene.sites:
            position = site.positions[build]
            if site.is_substitution and position is not None and not is_palindromic(site.bases):
                sites[canonical_contig(gene.contig), position] = site
    rows = np.flatnonzero(np.isin(index.positions, np.array([p for _, p in sites], dtype=np.int64)))
    n_same, others = 0, []
    for row, alleles in zip(rows.tolist(), cohort.read("variant_allele", rows)):
        known = sites.get((str(index.contigs[row]), int(index.positions[row])))
        if known is not None:
            base = str(alleles[0])[:1].upper()
            references = known.references.values()
            n_same += base in references
            if base not in references and base.translate(_COMPLEMENT) == known.references[build]:
                others.append(known.name)
    return StrandCounts(n_same, len(others), tuple(others[:5]))
