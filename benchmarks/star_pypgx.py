"""PyPGx's diplotypes and phenotypes of VCF files: `benchmarks.star_agreement` runs it in PyPGx's environment.

``python star_pypgx.py [--quick] TABLE NAME=GENE=VCF...`` writes one row per file and person (name, gene, sample_id,
diplotype, phenotype, haplotype_1 and haplotype_2 with every candidate allele) and prints one line of JSON per file:
seconds, alleles and positions of the gene's definition, or why it does not run. It is PyPGx's own way for calls that
are phased already: import, predict alleles, call genotypes and phenotypes, from the tables that come with the package.
Statistical phasing and copy numbers, which want its bundle of data, are not needed or not to be had here.

PyPGx reads its tables from file again at every look-up, and goes through every record of the region for each person;
``--quick`` keeps the answers of look-ups and leaves out records where no allele has a variant, which gives the same
calls in a fraction of the time (`benchmarks.star_agreement` compares them). Seconds are those of PyPGx only without it.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from fuc import pyvcf
from pypgx.api import core, genotype, utils

BUILD = "GRCh37"
LOOK_UPS = ("list_variants", "get_function", "get_variant_impact", "get_ref_allele")


def remember(function: Callable[..., Any]) -> Callable[..., Any]:
    """Answer from memory what was asked before."""
    known: dict[str, Any] = {}

    def answer(*given: Any, **named: Any) -> Any:
        key = repr((given, named))
        if key not in known:
            known[key] = function(*given, **named)
        return known[key]

    return answer


def keep_look_ups() -> None:
    """Keep the tables, and what is looked up in them, in memory."""
    tables = [name for name in dir(core) if name.startswith("load_") and name.endswith("_table")]
    for name in (*tables, *LOOK_UPS):
        setattr(core, name, remember(getattr(core, name)))


def call_gene(gene: str, path: str, quick: bool) -> tuple[pd.DataFrame, dict[str, float]]:
    """Call one gene of one file, and tell the time it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    records = pyvcf.VcfFrame.from_file(path)
    if quick:
        kept = records.df[records.df["POS"].isin(definition(gene)["positions"])]
        records.df = kept if len(kept) else records.df.head(1)  # it takes a file without records for unphased
    variants = utils.import_variants(gene, records, assembly=BUILD)
    alleles = utils.predict_alleles(variants)
    genotypes = genotype.call_genotypes(alleles=alleles)
    phenotypes = utils.call_phenotypes(genotypes)
    spent = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
    columns = {
        "sample_id": genotypes.data.index,
        "diplotype": genotypes.data["Genotype"].to_numpy(),
        "phenotype": phenotypes.data["Phenotype"].to_numpy(),
        "haplotype_1": alleles.data["Haplotype1"].to_numpy(),
        "haplotype_2": alleles.data["Haplotype2"].to_numpy(),
    }
    return pd.DataFrame(columns), spent


def definition(gene: str) -> dict[str, Any]:
    """Alleles of a gene, positions of the variants that define them, whether copies matter."""
    variants = [*core.list_variants(gene, assembly=BUILD), *core.get_variant_synonyms(gene, assembly=BUILD)]
    return {
        "alleles": core.list_alleles(gene),
        "positions": sorted({int(variant.split("-")[1]) for variant in variants}),
        "copies_matter": bool(core.has_sv(gene)),
    }


def main() -> None:
    warnings.simplefilter("ignore")
    given = sys.argv[1:]
    quick = given[0] == "--quick"
    if quick:
        keep_look_ups()
        given = given[1:]
    tables = []
    for argument in given[1:]:
        name, gene, path = argument.split("=", 2)
        told: dict[str, Any] = {"name": name, "gene": gene}
        try:
            table, spent = call_gene(gene, path, quick)
        except Exception as error:  # what it cannot run is a finding, told in its own words
            told["reason"] = f"{type(error).__name__}: {error}"
        else:
            tables.append(table.assign(name=name, gene=gene))
            told.update(spent)
        print(json.dumps({**told, **definition(gene)}), flush=True)
    pd.concat(tables).to_csv(Path(given[0]), sep="\t", index=False)


if __name__ == "__main__":
    main()
