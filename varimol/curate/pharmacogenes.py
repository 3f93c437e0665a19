"""Build the pharmacogene tables that ship with varimol from the published definitions.

``python -m varimol.curate.pharmacogenes SOURCE OUT`` reads a folder with ``pharmcat/definition/alleles``,
``pharmcat/phenotype`` and ``pypgx_tables`` and writes the tables below into OUT, the same bytes every time.

=======================  ===============================================================================
genes.tsv                where each gene lies and how it is called, see `varimol.curate.pharmacogene_genes`
exons.tsv                where the exons of each gene lie, see `varimol.curate.pharmacogene_exons`
allele_definitions.tsv   one row per (allele, defining variant); a variant not listed for an allele is
                         carried as ``ref_grch38``. An allele without any variant has one row without a
                         position. ``optional`` is 1 where the allele is seen with and without the variant.
disagreements.tsv        what the sources say differently, see `varimol.curate.pharmacogene_disagreements`
allele_functions.tsv     clinical function and activity value of each allele
phenotype_rules.tsv      pair of functions (or of activity values) to phenotype and activity score
phenotype_scores.tsv     activity score to phenotype, for genes called by score
build_sites.tsv          single-base sites with their positions and bases on both genome builds
guidance.tsv             drug and phenotype to action, see `varimol.curate.guidance`
gene_drugs.tsv           gene-drug pairs with the level of evidence, with or without guidance
=======================  ===============================================================================

Every row but those of build_sites.tsv and disagreements.tsv says where its fact stands: ``source``,
``source_row`` and ``source_version``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from varimol.curate.guidance import guidance_rows
from varimol.curate.pharmacogene_core_variants import core_variant_rows
from varimol.curate.pharmacogene_definitions import DEFINITION_COLUMNS, build_sites, pharmcat_rows
from varimol.curate.pharmacogene_disagreements import DISAGREEMENT_COLUMNS, disagreement_rows
from varimol.curate.pharmacogene_drugs import PAIR_COLUMNS, pair_levels, pair_rows
from varimol.curate.pharmacogene_exons import EXON_COLUMNS, exon_rows
from varimol.curate.pharmacogene_functions import (
    FUNCTION_COLUMNS,
    RULE_COLUMNS,
    SCORE_COLUMNS,
    function_tables,
)
from varimol.curate.pharmacogene_genes import GENE_COLUMNS, gene_rows
from varimol.curate.pharmacogene_sources import (
    PYPGX,
    file_version,
    pypgx_table,
    read_csv,
    write_tsv,
)  # fmt: skip

SITE_COLUMNS = ("rsid", "contig", "position_grch37", "position_grch38", "ref_grch37", "ref_grch38")
GUIDANCE_COLUMNS = (
    "drug", "gene", "phenotype", "gene_2", "phenotype_2", "action", "recommendation", "strength",
    "population", "cpic_level", "guideline", "pmid", "source", "source_row", "source_version",
)  # fmt: skip


TABLES = (
    "allele_definitions", "allele_functions", "build_sites", "disagreements", "exons", "gene_drugs", "genes",
    "guidance", "phenotype_rules", "phenotype_scores",
)  # fmt: skip
"""Names of the tables that `curate` writes."""


def curate(source: Path, out: Path) -> None:
    """Write every pharmacogene table into ``out``.

    Parameters
    ----------
    source
        Folder with ``pharmcat`` and ``pypgx_tables``.
    out
        Folder to write to, made if absent.
    """
    out.mkdir(parents=True, exist_ok=True)
    write_tsv(out / "genes.tsv", GENE_COLUMNS, gene_rows(source))
    write_tsv(out / "exons.tsv", EXON_COLUMNS, exon_rows(source))
    variants_path = pypgx_table(source, "variant")
    listed = build_sites(read_csv(variants_path))
    names = sorted(listed, key=lambda name: (len(name), name))
    write_tsv(
        out / "build_sites.tsv", SITE_COLUMNS, [{c: listed[name][c] for c in SITE_COLUMNS} for name in names]
    )
    definitions = pharmcat_rows(source, listed)
    definitions += core_variant_rows(source)
    definitions.sort(key=lambda row: row["gene"])
    write_tsv(out / "allele_definitions.tsv", DEFINITION_COLUMNS, definitions)
    write_tsv(out / "disagreements.tsv", DISAGREEMENT_COLUMNS, disagreement_rows(source, definitions))
    phenotypes = function_tables(source)
    write_tsv(out / "allele_functions.tsv", FUNCTION_COLUMNS, phenotypes["functions"])
    write_tsv(out / "phenotype_rules.tsv", RULE_COLUMNS, phenotypes["rules"])
    write_tsv(out / "phenotype_scores.tsv", SCORE_COLUMNS, phenotypes["bands"])
    pairs = pair_rows(source)
    write_tsv(out / "gene_drugs.tsv", PAIR_COLUMNS, pairs)
    path = pypgx_table(source, "recommendation")
    origin = {"source": PYPGX, "source_version": file_version(path)}
    guidance = guidance_rows(read_csv(path), origin)
    for row in guidance:
        row.update(pair_levels(pairs, row["gene"], row["gene_2"], row["drug"]))
    write_tsv(out / "guidance.tsv", GUIDANCE_COLUMNS, guidance)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the curation from the command line."""
    parser = argparse.ArgumentParser(prog="python -m varimol.curate.pharmacogenes", description=__doc__)
    parser.add_argument("source", type=Path, help="folder with pharmcat and pypgx_tables")
    parser.add_argument("out", type=Path, help="folder to write the tables to")
    options = parser.parse_args(arguments)
    curate(options.source, options.out)


if __name__ == "__main__":
    main()
