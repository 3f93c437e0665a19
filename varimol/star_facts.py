"""What the shipped tables say of each pharmacogene, gathered for the reports of patients."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import pandas as pd

from varimol import tables
from varimol.star_positions import GenePositions, gene_positions


@dataclass(frozen=True)
class GeneFacts:
    """One gene, for every patient alike.

    Attributes
    ----------
    source, version
        Of its allele definitions.
    genotype
        Whether it is read as genotypes, which may be of no pair of alleles.
    alleles
        Names of those that are defined.
    reference
        Its reference allele; empty where it has none.
    functions
        Function and activity value (NaN where it has none) by allele.
    scored
        Whether its phenotypes go by activity scores.
    drugs
        Drugs that the guidance looks it up for.
    positions
        Its sites on one build.
    """

    source: str
    version: str
    genotype: bool
    alleles: tuple[str, ...]
    reference: str
    functions: dict[str, tuple[str, float]]
    scored: bool
    drugs: list[str]
    positions: GenePositions


def gene_facts(build: str) -> dict[str, GeneFacts]:
    """Gather what the tables say of every gene that has a definition.

    Parameters
    ----------
    build
        GRCh37 or GRCh38, on which the positions are told.

    Examples
    --------
    >>> gene_facts("GRCh38")["CYP2C19"].functions["*2"][0]
    'No function'
    """
    definitions = tables.allele_definitions()
    rules = tables.phenotype_rules()
    scored = set(rules.loc[rules["activity_score"].notna(), "gene"])
    functions, drugs = _functions(), _drugs()
    reference = tables.pharmacogenes().set_index("gene")["reference_allele"].to_dict()
    told = definitions.drop_duplicates("gene").set_index("gene")
    alleles = {
        str(gene): tuple(dict.fromkeys(names)) for gene, names in definitions.groupby("gene")["allele"]
    }
    return {
        gene: GeneFacts(
            str(told.loc[gene, "source"]),
            str(told.loc[gene, "source_version"]),
            bool(told.loc[gene, "method"] == "genotype"),
            alleles[gene],
            str(reference.get(gene, "")),
            functions.get(gene, {}),
            gene in scored,
            drugs.get(gene, []),
            found,
        )
        for gene, found in gene_positions(definitions, build).items()
    }


def _functions() -> dict[str, dict[str, tuple[str, float]]]:
    table = tables.allele_functions()
    known: dict[str, dict[str, tuple[str, float]]] = {}
    columns = (table[name].tolist() for name in ("gene", "allele", "function", "activity_value"))
    for gene, allele, function, activity in zip(*columns, strict=True):
        known.setdefault(gene, {})[allele] = (function, activity)
    return known


def _drugs() -> dict[str, list[str]]:
    guidance = tables.guidance()
    second = guidance[["drug", "gene_2"]].set_axis(["drug", "gene"], axis=1)
    pairs = pd.concat([guidance[["drug", "gene"]], second])
    return {str(gene): sorted(set(table["drug"])) for gene, table in pairs.groupby("gene")}


def table_sources() -> list[dict[str, str]]:
    """List the sources of the tables behind calls, phenotypes and guidance, each with its versions.

    Examples
    --------
    >>> [source["name"] for source in table_sources()][-1]
    'PyPGx tables (CPIC, PharmGKB)'
    """
    used = (
        tables.allele_definitions(),
        tables.allele_functions(),
        tables.phenotype_rules(),
        tables.guidance(),
    )
    named: dict[str, set[str]] = {}
    for table in used:
        pairs = table[["source", "source_version"]].drop_duplicates()
        for sources, versions in zip(pairs["source"], pairs["source_version"], strict=True):
            # A row from two sources names both, and their versions in the same order.
            for source, version in itertools.zip_longest(
                str(sources).split("; "), str(versions).split("; "), fillvalue=""
            ):
                named.setdefault(source, set()).add(version)
    return [
        {"name": source, "version": ", ".join(sorted(filter(None, named[source])))}
        for source in sorted(filter(None, named))
    ]
