from __future__ import annotations

from pathlib import Path

import pytest

from varimol import tables
from varimol.curate.pharmacogene_exons import EXON_COLUMNS, exon_rows, exons
from varimol.curate.pharmacogene_sources import write_tsv


def test_exons__are_those_of_the_source(shared_data: Path, tmp_path: Path) -> None:
    write_tsv(tmp_path / "exons.tsv", EXON_COLUMNS, exon_rows(shared_data / "pharmacogenes"))
    shipped = tables.data_file("pharmacogenes", "exons.tsv").read_bytes()
    assert (tmp_path / "exons.tsv").read_bytes() == shipped


@pytest.mark.parametrize(
    ("gene", "allele", "distance", "side"),
    [
        # Variants whose names say how far they lie from their exon: the base beside it, or the one after that.
        ("DPYD", "c.1905+1G>A (*2A)", 1, "start"),  # on the reverse strand
        ("CYP2C19", "*7", 2, "end"),  # c.819+2T>A
    ],
)
def test_exons__end_where_splice_variants_say(gene: str, allele: str, distance: int, side: str) -> None:
    table = tables.pharmacogene_exons().query("gene == @gene")
    variants = tables.allele_definitions().query("gene == @gene and allele == @allele")
    for build in ("GRCh37", "GRCh38"):
        ends = table.loc[table["build"] == build, side]
        beside = ends - distance if side == "start" else ends + distance
        assert beside.isin(variants[f"position_{build.lower()}"]).sum() == 1


def test_exons__lie_in_their_genes() -> None:
    table = tables.pharmacogene_exons().merge(tables.pharmacogenes(), on="gene", suffixes=("", "_gene"))
    assert set(tables.allele_definitions()["gene"]) <= set(table["gene"])
    for build in ("grch37", "grch38"):
        here = table[table["build"].str.lower() == build]
        assert (here["start"] >= here[f"start_{build}"]).all() and (here["end"] <= here[f"end_{build}"]).all()
    assert (table["contig"] == table["contig_gene"]).all() and (table["start"] <= table["end"]).all()
    for _, of_gene in table.groupby(["gene", "build"]):
        assert (of_gene["end"].to_numpy()[:-1] < of_gene["start"].to_numpy()[1:]).all()


def test_exons__a_list_cut_short_is_refused() -> None:
    row = {"GRCh38Region": "1:1-9", "GRCh38ExonStarts": "1,5,", "GRCh38ExonEnds": "3,"}
    with pytest.raises(ValueError, match="shorter"):
        list(exons(row, "GRCh38"))
