"""The shipped pathways and how their source is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from genomics.errors import InputError
from varimol.curate.pathways import COLUMNS, read_pathways
from varimol.gene_aliases import gene_aliases
from varimol.pathways import pathways
from varimol.tables import data_file

# Genes per pathway as maftools' own vignette prints them (table of OncogenicPathways).
SIZES = {"Cell Cycle": 15, "Hippo": 38, "MYC": 13, "NOTCH": 71, "NRF2": 3, "PI3K": 29, "RTK-RAS": 85, "TGF-Beta": 7,
         "TP53": 6, "WNT": 68}  # fmt: skip


def test_pathways__have_the_published_sizes() -> None:
    assert {name: len(genes) for name, genes in pathways().items()} == SIZES
    assert all(len(set(genes)) == len(genes) for genes in pathways().values())


def test_pathways__no_gene_of_a_pathway_has_both_of_its_names() -> None:
    for genes in pathways().values():
        present = [gene_aliases().get(gene, gene) for gene in genes]
        assert len(set(present)) == len(present)


def test_read_pathways__keeps_each_line(tmp_path: Path) -> None:
    source = tmp_path / "source.tsv"
    source.write_text("Pathway\tGene\tOG_TSG\nCell_Cycle\tRB1\tTSG\nCell_Cycle\tCDK4\tOG\nWNT\tNDP\tNA\n")
    table = read_pathways(source)
    assert list(table.columns) == COLUMNS
    assert table.iloc[:, :3].to_numpy().tolist() == [
        ["Cell Cycle", "CDK4", "activating"],
        ["Cell Cycle", "RB1", "inhibiting"],
        ["WNT", "NDP", ""],
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Pathway\tGene\nWNT\tAPC\n", "no such column"),
        ("Pathway\tGene\tOG_TSG\nWNT\tAPC\tmaybe\n", "APC: role 'maybe'"),
        ("Pathway\tGene\tOG_TSG\nWNT\tAPC\tTSG\nWNT\tAPC\tOG\n", "APC: the gene comes twice"),
    ],
)
def test_read_pathways__refuses_what_cannot_be_read(tmp_path: Path, text: str, said: str) -> None:
    source = tmp_path / "source.tsv"
    source.write_text(text)
    with pytest.raises(InputError, match=said):
        read_pathways(source)


def test_pathways__every_row_names_its_source() -> None:
    lines = data_file("pathways.tsv").read_text(encoding="utf-8").splitlines()
    assert all(line.split("\t")[3].startswith("Sanchez-Vega") for line in lines[1:])
