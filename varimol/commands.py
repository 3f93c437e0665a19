"""The commands as functions: each does one step and writes its tables whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from varimol.cohorts import ingest, is_store
from varimol.link_options import check_choice
from varimol.results import whole_results, write_json, write_quality, write_structure
from varimol.star_calls import StarTables, call_stars
from varimol.steps import write_table

PathName = str | os.PathLike[str]
Progress = Callable[[float], None]


def quality(
    cohort: PathName,
    out: PathName,
    *,
    seed: int = 0,
    threads: int = 2,
    progress: Progress | None = None,
    **thresholds: Any,
) -> None:
    """Count the calls of a store, assess its samples and variants, and its population structure.

    Parameters
    ----------
    cohort
        The store.
    out
        Folder for statistics_variants, statistics_samples, quality_samples, quality_variants and structure,
        as Parquet and TSV.
    seed
        Of the components' solver.
    threads
        Threads to count with.
    progress
        Called with the share done.
    **thresholds
        Fields of `genomics.quality.QualityPolicy`.
    """
    from genomics.cohort import open_cohort
    from genomics.quality import QualityPolicy, assess_quality
    from genomics.quality_statistics import call_statistics
    from genomics.structure import principal_components

    opened = open_cohort(cohort)
    statistics = call_statistics(opened, threads=threads)
    assessed = assess_quality(opened, QualityPolicy(**thresholds), threads=threads, progress=progress)
    structure = principal_components(opened, assessed, seed=seed)
    with whole_results(out) as folder:
        write_table(statistics.variants, folder / "statistics_variants")
        write_table(statistics.samples, folder / "statistics_samples")
        write_quality(assessed, folder)
        write_structure(structure, folder)


def associate(
    cohort: PathName,
    phenotypes: PathName,
    trait: str,
    out: PathName,
    *,
    covariates: Sequence[str] = (),
    trait_type: str | None = None,
    missing_policy: str = "drop",
    one_two: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Scan a trait over the variants of a store.

    Parameters
    ----------
    cohort
        The store.
    phenotypes
        Table with sample_id (or IID), the trait and the covariates.
    trait
        Column of the trait.
    out
        Folder for association, quality and structure.
    covariates
        Columns of the covariates; principal components join them where they can be estimated.
    trait_type
        ``binary`` or ``quantitative``; read from the values unless given.
    missing_policy
        What a missing genotype counts as: ``drop`` or ``mean``.
    one_two
        The binary trait is coded 1 (control) and 2 (case).
    seed
        Of the components' solver.
    progress
        Called with the share done.

    Returns
    -------
    pd.DataFrame
        The association table.
    """
    from genomics.associate import associate as scan
    from genomics.associate import genomic_control
    from genomics.cohort import open_cohort
    from genomics.phenotype import read_phenotypes
    from genomics.policy import policy_of
    from genomics.quality import assess_quality
    from genomics.structure import principal_components

    opened = open_cohort(cohort)
    values = read_phenotypes(
        phenotypes, trait, covariates, sample_ids=opened.sample_ids, trait_type=trait_type, one_two=one_two
    )
    assessed = assess_quality(opened, controls=control_mask(values.values, values.trait_type))
    structure = principal_components(opened, assessed, seed=seed)
    table = scan(opened, assessed, values, structure, missing_policy=missing_policy, progress=progress)
    table.attrs["structure"] = structure.reason or "principal components included"
    with whole_results(out) as folder:
        write_quality(assessed, folder)
        write_structure(structure, folder)
        write_table(table, folder / "association")
        facts = {
            "trait": trait, "trait_type": values.trait_type, "n_tests": int(table["log10p"].notna().sum()),
            "lambda": genomic_control(table["log10p"]), "covariates": list(table.attrs.get("covariates", [])),
            "missing_policy": missing_policy, "call_policy": policy_of(opened.arrays.attrs).as_json(),
            "structure": table.attrs["structure"],
        }  # fmt: skip
        write_json(facts, folder / "association.json")
    return table


def control_mask(values: np.ndarray, trait_type: str) -> np.ndarray | None:
    """Controls of a binary trait, for Hardy-Weinberg; None for a quantitative one."""
    return values == 0 if trait_type == "binary" else None


def stars(
    source: PathName,
    out: PathName,
    *,
    assay: str = "unknown",
    build: str = "auto",
    outside: PathName | None = None,
    prior: bool = True,
    hybrids_assessed: bool = False,
    sexes: PathName | None = None,
    progress: Progress | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Call star alleles, metaboliser phenotypes and the guidance that follows.

    Parameters
    ----------
    source
        VCF or store.
    out
        Folder for diplotypes, phenotypes, recommendations and undocumented variants, as Parquet and TSV, and
        for stars.json with a JSON report of every patient under reports/.
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
    progress
        Called with the share done.

    Returns
    -------
    tuple[pd.DataFrame, pd.DataFrame]
        Diplotypes and recommendations.

    Raises
    ------
    InputError
        The file has no record at a site of a pharmacogene, and there are no outside calls; its build is not
        the one given, or not known; the outside calls or the sexes cannot be read.
    """
    from genomics.cohort import open_cohort
    from genomics.star_build import NEAR, require_sites
    from genomics.star_fields import declared_star_fields
    from genomics.star_find import COVERED_MARGIN
    from varimol.stars_json import write_stars_json
    from varimol.tables import allele_definitions

    check_choice("assay", assay)
    check_choice("build", build)
    with whole_results(out) as folder:
        store = folder / "cohort.vcz"
        if not is_store(source):
            # The build is held against the star sites below, where an error names them.
            ingest(source, store, fields=declared_star_fields(source), progress=progress)
        opened = open_cohort(source if is_store(source) else store)
        if outside is None:
            margin = COVERED_MARGIN if assay == "wgs" else NEAR
            require_sites(opened, allele_definitions(), margin=margin, file=source)
        found = call_stars(
            opened, assay, build, outside, prior=prior, hybrids_assessed=hybrids_assessed, sexes=sexes,
            file=source,
        )  # fmt: skip
        if not is_store(source):
            shutil.rmtree(store)
        write_star_tables(found, folder)
        write_stars_json(
            folder, found.diplotypes, found.phenotypes, found.recommendations, found.undocumented_carriers,
            build=found.build.split(":")[0], assay=assay,
        )  # fmt: skip
    return found.diplotypes, found.recommendations


def write_star_tables(found: StarTables, folder: Path) -> None:
    """Write the tables of `call_stars` into a folder."""
    write_table(found.diplotypes, folder / "diplotypes")
    write_table(found.phenotypes, folder / "phenotypes")
    write_table(found.recommendations, folder / "recommendations")
    write_table(found.undocumented, folder / "undocumented_variants")
    write_table(found.undocumented_carriers, folder / "undocumented_carriers")


def report(directory: PathName) -> Path:
    """Write report.html of a finished `link` run, or of star alleles alone.

    Parameters
    ----------
    directory
        Folder of `link` or of `stars`.

    Returns
    -------
    Path
        The report.
    """
    from varimol.report import write_report

    return write_report(directory)
