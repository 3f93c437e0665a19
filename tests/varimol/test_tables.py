from __future__ import annotations

import pandas as pd
import pytest

from varimol import tables

LOADERS = {
    "build_sites": ["rsid", "contig", "position_grch37", "position_grch38", "ref_grch37", "ref_grch38"],
    "pharmacogenes": ["gene", "contig", "start_grch38", "method", "copy_number", "ploidy", "source_row"],
    "allele_definitions": ["gene", "allele", "contig", "position_grch38", "alt", "shift", "frequency"],
    "disagreements": ["gene", "allele", "field", "first_value", "second_value", "kept"],
    "allele_frequencies": ["gene", "allele", "count", "n_haplotypes", "frequency"],
    "allele_functions": ["gene", "allele", "function", "activity_value"],
    "phenotype_rules": ["gene", "key_1", "key_2", "activity_score", "phenotype"],
    "phenotype_scores": ["gene", "phenotype", "minimum", "below"],
    "gene_drugs": ["gene", "drug", "cpic_level", "guideline", "pmid", "source_row"],
    "guidance": ["drug", "gene", "phenotype", "action", "recommendation", "source", "source_row"],
    "proteins": [],
    "drugs": [],
    "known_drug_actions": [],
    "variant_drug_evidence": [],
    "site_frequencies": ["gene", "rsid", "contig", "position", "ref", "alt"],
    "haplotype_frequencies": ["gene"],
}


@pytest.mark.parametrize("name", LOADERS)
def test_loader__returns_its_columns_and_a_copy(name: str) -> None:
    table = getattr(tables, name)()
    assert isinstance(table, pd.DataFrame) and len(table)
    assert set(LOADERS[name]) <= set(table.columns)
    first = str(table.iloc[0, 0])
    table.iloc[0, 0] = table.iloc[-1, 0]
    assert str(getattr(tables, name)().iloc[0, 0]) == first


@pytest.mark.parametrize("build", tables.BUILDS)
def test_genes__of_one_build(build: str) -> None:
    genes = tables.genes(build)
    assert {"symbol", "contig", "start", "end"} <= set(genes.columns)
    assert (genes["start"] <= genes["end"]).all()
    cyp2c19 = genes[genes["symbol"] == "CYP2C19"].iloc[0]
    position = {"GRCh37": 96541616, "GRCh38": 94781859}[build]
    assert cyp2c19["contig"] == "10" and cyp2c19["start"] < position < cyp2c19["end"]


def test_genes__other_build_is_refused() -> None:
    with pytest.raises(ValueError, match="expected one of GRCh37, GRCh38"):
        tables.genes("NCBI36")


def test_data_file__absent_file_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"varimol/data/pharmacogenes/none\.tsv"):
        tables.data_file("pharmacogenes", "none.tsv")


def test_build_sites__tell_the_builds_apart() -> None:
    sites = tables.build_sites()
    assert sites["rsid"].is_unique and len(sites) > 500
    assert sites["position_grch37"].dtype == "int64"
    moved = sites["position_grch37"] != sites["position_grch38"]
    assert moved.mean() > 0.99


def test_allele_definitions__one_row_per_allele_and_variant() -> None:
    table = tables.allele_definitions()
    assert not table.duplicated(["gene", "allele", "position_grch38", "ref_grch38", "alt"]).any()
    # Each gene has one allele without a variant, the GRCh38 reference sequence; CYP2D6*1 has optional ones.
    bare = table[table["position_grch38"].isna()]
    assert bare["gene"].is_unique and set(bare["gene"]) == set(table["gene"]) - {"CYP2D6"}
    assert bare.set_index("gene").loc["CYP2C19", "allele"] == "*38"
    assert table["frequency"].dropna().between(0, 1).all()
    assert (table["source"] != "").all() and (table["source_version"] != "").all()


def test_pharmacogenes__method_and_place_of_each() -> None:
    table = tables.pharmacogenes().set_index("gene")
    assert table.index.is_unique
    assert table.index[table["method"] == "lowest_function"].tolist() == ["DPYD", "RYR1"]
    assert set(table.loc[["CACNA1S", "F5", "IFNL3", "VKORC1"], "method"]) == {"genotype"}
    assert set(table.loc[["HLA-A", "HLA-B", "GSTT1", "CYP2C cluster"], "method"]) == {"outside"}
    assert table.loc["CYP2D6", "copy_number"] == table.loc["CYP2A6", "copy_number"] == 1
    both = table.loc[["CYP2B6", "CYP4F2"], ["copy_number", "structural_variants"]]
    assert (both == [0, 1]).all(axis=None)
    assert table.loc[["G6PD", "MT-RNR1", "TPMT"], "ploidy"].tolist() == ["X", "MT", "autosome"]
    placed = table[table["contig"] != ""]
    assert (placed["start_grch38"] <= placed["end_grch38"]).fillna(True).all()


def test_pharmacogenes__hold_every_site_of_their_definitions() -> None:
    genes = tables.pharmacogenes().set_index("gene")
    sites = tables.allele_definitions().dropna(subset="position_grch38")
    sites = sites.merge(genes, left_on="gene", right_index=True, suffixes=("", "_gene"))
    assert (sites["contig"] == sites["contig_gene"]).all()
    for build in ("grch38", "grch37"):
        known = sites.dropna(subset=f"position_{build}")
        inside = known[f"position_{build}"].between(known[f"start_{build}"], known[f"end_{build}"])
        assert inside.all(), known[~inside]
