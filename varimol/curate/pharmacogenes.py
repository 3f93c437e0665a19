"""Build the pharmacogene tables that ship with varimol from the published definitions.

``python -m varimol.curate.pharmacogenes SOURCE OUT`` reads a folder with ``pharmcat/definition/alleles``,
``pharmcat/phenotype`` and ``pypgx_tables`` and writes the tables below into OUT, the same bytes every time.

=======================  ===============================================================================
genes.tsv                where each gene lies and how it is called, see `varimol.curate.pharmacogene_genes`
allele_definitions.tsv   one row per (allele, defining variant); a variant not listed for an allele is
                         carried as ``ref_grch38``. An allele without any variant has one row without a
                         position. ``optional`` is 1 where the allele is seen with and without the variant.
disagreements.tsv        what the sources say differently, see `varimol.curate.pharmacogene_disagreements`
allele_functions.tsv     clinical function and activity value of each allele
phenotype_rules.tsv      pair of functions (or of activity values) to phenotype and activity score
build_sites.tsv          single-base sites with their positions and bases on both genome builds
guidance.tsv             drug and phenotype to action, see `varimol.curate.guidance`
=======================  ===============================================================================

GRCh37 positions are those listed for the same rsID; a site that is not listed there takes the distance
between the builds that all listed sites of its gene share (``position_grch37_from`` says which).
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from varimol.curate.guidance import guidance_rows
from varimol.curate.pharmacogene_core_variants import core_variant_rows
from varimol.curate.pharmacogene_definitions import DEFINITION_COLUMNS, build_sites, pharmcat_rows
from varimol.curate.pharmacogene_disagreements import DISAGREEMENT_COLUMNS, disagreement_rows
from varimol.curate.pharmacogene_genes import GENE_COLUMNS, gene_rows
from varimol.curate.pharmacogene_sources import (
    PHENOTYPES,
    PYPGX,
    Row,
    defined_genes,
    file_version,
    read_csv,
    write_tsv,
)  # fmt: skip

FUNCTION_COLUMNS = ("gene", "allele", "function", "activity_value", "source", "source_version")
RULE_COLUMNS = (
    "gene", "key_1", "key_2", "activity_score", "phenotype", "source", "source_version",
)  # fmt: skip
SITE_COLUMNS = ("rsid", "contig", "position_grch37", "position_grch38", "ref_grch37", "ref_grch38")
GUIDANCE_COLUMNS = (
    "drug", "gene", "phenotype", "gene_2", "phenotype_2", "action", "recommendation", "strength",
    "population", "source", "source_row", "source_version",
)  # fmt: skip

# Genes whose function or phenotype the definitions' own release does not give.
FUNCTIONS_FROM_PYPGX = ("F5", "G6PD", "RYR1")


def number(value: str | None) -> str:
    """Write an activity value or score plainly (``0.50`` as ``0.5``), ``''`` where there is none.

    Examples
    --------
    >>> number("0.50"), number("2.0"), number(None), number("n/a")
    ('0.5', '2.0', '', '')
    """
    return "" if value in (None, "n/a", "N/A") else str(float(str(value)))


def phenotype_tables(source: Path, genes: Sequence[str]) -> tuple[list[Row], list[Row]]:
    """Allele functions and phenotype rules of the genes that have both in the definitions' release."""
    functions: list[Row] = []
    rules: list[Row] = []
    for gene in genes:
        path = source / "pharmcat" / "phenotype" / f"{gene}.json"
        if not path.exists():
            continue
        data = json.loads(path.read_text(encoding="utf-8"))
        origin = {"gene": gene, "source": PHENOTYPES, "source_version": data["version"]}
        scored = bool(data["activityValues"])
        key = {
            a["name"]: number(a["activityValue"]) if scored else a["functionValue"]
            for a in data["namedAlleles"]
        }
        functions += [
            {
                **origin,
                "allele": a["name"],
                "function": a["functionValue"],
                "activity_value": number(a["activityValue"]),
            }
            for a in data["namedAlleles"]
        ]
        table: dict[tuple[str, str], tuple[str, str]] = {}
        for row in data["diplotypes"]:
            pair = sorted(key[name] for name, count in row["diplotypekey"].items() for _ in range(count))
            result = (number(row["activityScore"]), row["phenotype"])
            if table.setdefault((pair[0], pair[1]), result) != result:
                raise ValueError(f"{gene}: the functions {pair} have two phenotypes in {path.name}")
        rules += rule_rows(origin, table)
    return functions, rules


def rule_rows(origin: Mapping[str, Any], table: Mapping[tuple[str, str], tuple[str, str]]) -> list[Row]:
    """Turn a mapping from function pair to (score, phenotype) into rows."""
    return [
        {**origin, "key_1": pair[0], "key_2": pair[1], "activity_score": score, "phenotype": phenotype}
        for pair, (score, phenotype) in sorted(table.items())
    ]


def told_function(allele: Mapping[str, str], hemizygous: str | None) -> str:
    """Name an allele's function; where it is unknown but a hemizygous phenotype is given, by that.

    G6PD's Cairo has no class of its own, yet its carriers are listed as deficient.
    """
    if allele["Function"] == "Unknown Function" and hemizygous and "Indeterminate" not in hemizygous:
        return f"{hemizygous}, class unknown"
    return allele["Function"]


def pypgx_phenotype_tables(source: Path) -> tuple[list[Row], list[Row]]:
    """Functions and rules of F5, G6PD and RYR1, and the rules of IFNL3 (one site)."""
    alleles_path = source / "pypgx_tables" / "allele-table.csv"
    alleles = [a for a in read_csv(alleles_path) if a["Gene"] in FUNCTIONS_FROM_PYPGX]
    diplotypes_path = source / "pypgx_tables" / "diplotype-table.csv"
    diplotypes = read_csv(diplotypes_path)
    alone = {(d["Gene"], d["Diplotype"].removesuffix("/MALE")): d["Phenotype"] for d in diplotypes}
    function = {
        (a["Gene"], a["StarAllele"]): told_function(a, alone.get((a["Gene"], a["StarAllele"])))
        for a in alleles
    }
    origin = {"source": PYPGX, "source_version": file_version(alleles_path)}
    functions = [
        {
            **origin,
            "gene": a["Gene"],
            "allele": a["StarAllele"],
            "function": function[a["Gene"], a["StarAllele"]],
            "activity_value": "",
        }
        for a in alleles
        if a["StarAllele"] != "MALE"
    ]
    # IFNL3 is reported at rs12979860 alone; its functions carry the names of the definitions' release.
    function |= {
        ("IFNL3", "Reference"): "Favorable response allele",
        ("IFNL3", "rs12979860"): "Unfavorable response allele",
    }
    tables: dict[str, dict[tuple[str, str], tuple[str, str]]] = defaultdict(dict)
    for row in diplotypes:
        gene, names = row["Gene"], row["Diplotype"].split("/")
        if gene not in (*FUNCTIONS_FROM_PYPGX, "IFNL3") or any((gene, n) not in function for n in names):
            continue
        # A male carries one copy of an X-linked gene: the second key is empty and stands last.
        keys = sorted(function[gene, n] for n in names if n != "MALE")
        pair = (keys[0], keys[1]) if len(keys) == 2 else (keys[0], "")
        if tables[gene].setdefault(pair, ("", row["Phenotype"])) != ("", row["Phenotype"]):
            raise ValueError(f"{gene}: the functions {pair} have two phenotypes in {diplotypes_path.name}")
    origin["source_version"] = file_version(diplotypes_path)
    return functions, [
        row for gene in sorted(tables) for row in rule_rows({**origin, "gene": gene}, tables[gene])
    ]


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
    variants_path = source / "pypgx_tables" / "variant-table.csv"
    listed = build_sites(read_csv(variants_path))
    names = sorted(listed, key=lambda name: (len(name), name))
    write_tsv(
        out / "build_sites.tsv", SITE_COLUMNS, [{c: listed[name][c] for c in SITE_COLUMNS} for name in names]
    )
    genes = defined_genes(source)
    definitions = pharmcat_rows(source, listed)
    definitions += core_variant_rows(source)
    definitions.sort(key=lambda row: row["gene"])
    write_tsv(out / "allele_definitions.tsv", DEFINITION_COLUMNS, definitions)
    write_tsv(out / "disagreements.tsv", DISAGREEMENT_COLUMNS, disagreement_rows(source, definitions))
    functions, rules = phenotype_tables(source, genes)
    more_functions, more_rules = pypgx_phenotype_tables(source)
    write_tsv(out / "allele_functions.tsv", FUNCTION_COLUMNS, functions + more_functions)
    write_tsv(out / "phenotype_rules.tsv", RULE_COLUMNS, rules + more_rules)
    path = source / "pypgx_tables" / "recommendation-table.csv"
    origin = {"source": PYPGX, "source_version": file_version(path)}
    write_tsv(out / "guidance.tsv", GUIDANCE_COLUMNS, guidance_rows(read_csv(path), origin))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the curation from the command line."""
    parser = argparse.ArgumentParser(prog="python -m varimol.curate.pharmacogenes", description=__doc__)
    parser.add_argument("source", type=Path, help="folder with pharmcat and pypgx_tables")
    parser.add_argument("out", type=Path, help="folder to write the tables to")
    options = parser.parse_args(arguments)
    curate(options.source, options.out)


if __name__ == "__main__":
    main()
