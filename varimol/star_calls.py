"""Star alleles of a cohort against the shipped tables: diplotypes, phenotypes, guidance, what is undocumented."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from varimol import tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from genomics.cohort import Cohort
    from genomics.star_alleles import StarGene
    from genomics.star_undocumented import Undocumented

# Of more samples than this, carriers of undocumented variants are named at sites and in exons alone.
CARRIERS_NAMED = 50
STAR_FILES = [
    f"{name}.{suffix}"
    for name in (
        "diplotypes", "phenotypes", "recommendations", "undocumented_variants", "undocumented_carriers",
    )
    for suffix in ("parquet", "tsv")
]  # fmt: skip
"""What `varimol.commands.write_star_tables` writes."""


@dataclass(frozen=True)
class StarTables:
    """What is written of a cohort's star alleles.

    Attributes
    ----------
    diplotypes, phenotypes, recommendations
        Tables of those names, see the documentation of tables.
    undocumented
        Variants in the genes that no definition knows, with the number of carriers.
    undocumented_carriers
        Who carries them; in large cohorts those at sites of the definitions and in exons alone.
    build
        The build that the calls are on, and what shows it.
    """

    diplotypes: pd.DataFrame
    phenotypes: pd.DataFrame
    recommendations: pd.DataFrame
    undocumented: pd.DataFrame
    undocumented_carriers: pd.DataFrame
    build: str


def call_stars(
    cohort: Cohort,
    assay: str,
    build: str = "auto",
    outside: str | os.PathLike[str] | None = None,
    *,
    prior: bool = True,
    hybrids_assessed: bool = False,
    sexes: str | os.PathLike[str] | None = None,
    file: str | os.PathLike[str] | None = None,
) -> StarTables:
    """Call star alleles, metaboliser phenotypes and the guidance that follows, from the shipped tables.

    Parameters
    ----------
    cohort
        The patients' calls.
    assay
        ``wgs``, ``wes``, ``array``, ``targeted`` or ``unknown``: what an absent site may mean.
    build
        ``auto``, ``GRCh37`` or ``GRCh38``; checked against the records at known sites.
    outside
        Calls made elsewhere, which come before ours: see docs/pharmacogenes.md.
    prior
        Whether the frequencies of alleles weigh the diplotypes.
    hybrids_assessed
        Hybrids of CYP2D6 were looked for by other means, and not found.
    sexes
        Table with sample_id (or IID) and sex: men have one copy of a gene on X, however their calls are written.
    file
        What errors of the build name: the file that the cohort was read from. The store itself if not given.

    Raises
    ------
    InputError
        The records contradict the build, or are partly on another; the outside calls or the sexes cannot be read.
    """
    from genomics.metaboliser import assign_phenotypes, phenotype_probabilities
    from genomics.recommendations import recommend
    from genomics.star_alleles import read_definitions
    from genomics.star_build import detect_build
    from genomics.stars import call_diplotypes

    definitions = tables.allele_definitions()
    known = pd.concat([definitions, tables.build_sites()], ignore_index=True).dropna(
        subset=["position_grch38"]
    )
    found = detect_build(cohort, known, build, file=file)
    bodies = tables.genes(found.build) if found.build in ("GRCh37", "GRCh38") else None
    # What is wrong with the user's tables shows before the long step.
    given = None if outside is None else _outside_calls(cohort, outside)
    stated = None if sexes is None else _sexes_of(cohort, sexes)
    genes = list(read_definitions(definitions))
    diplotypes = call_diplotypes(
        cohort, definitions, genes=genes, assay=assay, build=found.build, prior=prior,
        hybrids_assessed=hybrids_assessed,
        regions=None if bodies is None else bodies.rename(columns={"symbol": "gene"}),
        sexes=stated,
    )  # fmt: skip
    if given is not None:
        from varimol.outside_calls import apply_outside_calls

        diplotypes = apply_outside_calls(diplotypes, given)
    diplotypes = assign_phenotypes(
        diplotypes, tables.allele_functions(), tables.phenotype_rules(), tables.phenotype_scores()
    )
    undocumented = _undocumented(cohort, genes, found.build)
    return StarTables(
        diplotypes,
        phenotype_probabilities(diplotypes),
        recommend(diplotypes, tables.guidance()),
        undocumented.variants,
        undocumented.carriers,
        f"{found.build}: {found.reason}",
    )


def _outside_calls(cohort: Cohort, path: str | os.PathLike[str]) -> pd.DataFrame:
    from varimol.outside_calls import read_outside_calls

    return read_outside_calls(path, [str(name) for name in cohort.sample_ids])


def _sexes_of(cohort: Cohort, path: str | os.PathLike[str]) -> np.ndarray:
    """Read the sexes of a cohort's samples; a table that has none of them is another cohort's."""
    from genomics.errors import InputError
    from genomics.sex_chromosomes import read_sexes

    names = [str(name) for name in cohort.sample_ids]
    sexes = read_sexes(path, names)
    if not sexes.any():
        raise InputError(
            "no sample of the cohort has a sex in it", file=path, field="--sexes",
            expected=f"samples such as {names[0]}, and 1 or 2, M or F, male or female",
        )  # fmt: skip
    return sexes


def _undocumented(cohort: Cohort, genes: Sequence[StarGene], build: str) -> Undocumented:
    """Variants in the genes that no definition knows, and who carries them."""
    from genomics.star_sites import index_records
    from genomics.star_undocumented import find_undocumented

    return find_undocumented(
        cohort, index_records(cohort), tables.pharmacogenes(), tables.pharmacogene_exons(), genes, build,
        named_elsewhere=len(cohort.sample_ids) <= CARRIERS_NAMED,
    )  # fmt: skip
