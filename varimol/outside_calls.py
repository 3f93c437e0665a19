"""Outside calls against the shipped tables: which genes and alleles are known, and what the rules give."""

from __future__ import annotations

import os

import pandas as pd

from genomics import star_outside
from genomics.metaboliser import assign_phenotypes
from genomics.star_outside_fields import GeneNames
from varimol import tables

# PharmCAT's definitions name a position of this region (rs12777823, exemptions.json) and no alleles.
_MORE_GENES = ("CYP2C cluster",)


def read_outside_calls(path: str | os.PathLike[str], sample_ids: list[str]) -> pd.DataFrame:
    """Read calls made elsewhere for the genes that we know.

    Parameters
    ----------
    path
        File or folder, see `genomics.star_outside`.
    sample_ids
        Samples of the cohort.

    Returns
    -------
    pd.DataFrame
        sample_id, gene, diplotype, phenotype, activity_score, line, file, note.

    Raises
    ------
    InputError
        Naming file, line and field.
    """
    return star_outside.read_outside_calls(path, sample_ids, gene_names())


def apply_outside_calls(diplotypes: pd.DataFrame, outside: pd.DataFrame) -> pd.DataFrame:
    """Put outside calls in the place of our own, and tell where the rules give another phenotype.

    Parameters
    ----------
    diplotypes
        `genomics.stars.call_diplotypes`.
    outside
        `read_outside_calls`.

    Returns
    -------
    pd.DataFrame
        The diplotypes with phenotype and activity_score, both as given from outside.
    """
    rows = star_outside.outside_diplotypes(outside)
    expected = assign_phenotypes(rows, tables.allele_functions(), tables.phenotype_rules())
    return star_outside.apply_outside_calls(diplotypes, outside, expected)


def gene_names() -> dict[str, GeneNames]:
    """Names of every pharmacogene of the shipped tables."""
    genes = tables.pharmacogenes()
    alleles = _by_gene(tables.allele_definitions(), "allele")
    functions = _by_gene(tables.allele_functions(), "allele")
    rules, guidance = tables.phenotype_rules(), tables.guidance()
    second = guidance[["gene_2", "phenotype_2"]].set_axis(["gene", "phenotype"], axis=1)
    named = pd.concat([rules[["gene", "phenotype"]], guidance[["gene", "phenotype"]], second])
    phenotypes = _by_gene(named[~named["phenotype"].isin(["", "None"])], "phenotype")
    names = {
        gene: GeneNames(
            tuple(dict.fromkeys([*alleles.get(gene, ()), *functions.get(gene, ())])),
            tuple(phenotypes.get(gene, ())),
            one_copy=ploidy in ("X", "MT"),
        )
        for gene, ploidy in zip(genes["gene"], genes["ploidy"], strict=True)
    }
    return {gene: GeneNames() for gene in _MORE_GENES} | names


def _by_gene(table: pd.DataFrame, column: str) -> dict[str, list[str]]:
    return {str(gene): list(dict.fromkeys(rows[column])) for gene, rows in table.groupby("gene")}
