from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from varimol import tables
from varimol.curate.pharmacogene_genes import call_method, gene_rows, named_by_rsid, region


def _allele(name: str, core: str) -> dict[str, str]:
    return {"StarAllele": name, "GRCh38Core": core, "GRCh37Core": core}


@pytest.mark.parametrize(
    ("gene", "defined", "cores", "method"),
    [
        ("DPYD", True, {}, "lowest_function"),
        ("VKORC1", True, {}, "genotype"),
        ("TPMT", True, {}, "diplotype"),
        ("COMT", False, {"Reference": "N/A", "rs4680": "22-1-G-A"}, "genotype"),
        ("CYP2C8", False, {"*1": "N/A", "*3": "10-1-T-C,10-2-C-T"}, "diplotype"),
        ("UGT2B17", False, {"*1": "N/A", "*2": "N/A"}, "outside"),
    ],
)
def test_call_method__by_gene(gene: str, defined: bool, cores: dict[str, str], method: str) -> None:
    assert call_method(gene, defined, [_allele(name, core) for name, core in cores.items()]) == method


def test_named_by_rsid__an_allele_of_two_variants_is_a_haplotype() -> None:
    assert not named_by_rsid([_allele("Reference", "N/A"), _allele("rs1", "1-1-A-G,1-2-C-T")])


def test_region__alternative_contigs_have_no_place() -> None:
    assert region("22_KI270879v1_alt:267307-281486") == ("22", "", "")


def test_genes__are_those_that_the_sources_define_or_pair_with_a_drug(shared_data: Path) -> None:
    folder = shared_data / "pharmacogenes" / "pypgx_tables"
    with (folder / "gene-table.csv").open(newline="") as handle:
        targets = {row["Gene"] for row in csv.DictReader(handle) if row["Target"] == "TRUE"}
    with (folder / "cpic-table.csv").open(newline="") as handle:
        paired = {row["Gene"] for row in csv.DictReader(handle)}
    table = tables.pharmacogenes().set_index("gene")
    assert set(table.index) == targets | paired | {"CYP2C cluster"}
    undefined = table.index[table["method"] == "outside"]
    assert set(tables.allele_definitions()["gene"]) == set(table.index) - set(undefined)
    assert set(undefined) - paired == {"CYP2C cluster"} | ({"GSTT1", "UGT2B17"} - paired)
    assert table.loc["CYP2C cluster", ["contig", "start_grch38"]].tolist() == ["10", 94645745]


def test_genes__reference_allele_is_one_that_is_defined() -> None:
    genes = tables.pharmacogenes().query("method != 'outside'")
    defined = set(tables.allele_definitions()[["gene", "allele"]].itertuples(index=False, name=None))
    assert set(zip(genes["gene"], genes["reference_allele"])) <= defined


def test_gene_rows__a_gene_that_pypgx_does_not_know_yet(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "pharmacogenes"
    shutil.copytree(source / "pypgx_tables", tmp_path / "pypgx_tables")
    folder = tmp_path / "pharmcat" / "definition" / "alleles"
    folder.mkdir(parents=True)
    data = json.loads((source / "pharmcat/definition/alleles/NUDT15_translation.json").read_text())
    (folder / "exemptions.json").write_text("{}")
    (folder / "NEWGENE_translation.json").write_text(json.dumps({**data, "gene": "NEWGENE"}))
    row = next(row for row in gene_rows(tmp_path) if row["gene"] == "NEWGENE")
    assert (row["start_grch38"], row["end_grch38"], row["start_grch37"]) == (48037748, 48045771, "")
    assert (row["method"], row["reference_allele"], row["ploidy"]) == ("diplotype", "*1", "autosome")
