"""Counts of drugs per gene, and how their source is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genomics.errors import InputError
from varimol.curate.druggable_genes import count_drugs
from varimol.druggable_genes import gene_weight
from varimol.tables import data_file

SOURCE = Path(__file__).parents[3].parent / "shared" / "data" / "knowledge" / "dgidb" / "interactions.tsv"


def test_count_drugs__counts_names_once(tmp_path: Path) -> None:
    path = tmp_path / "interactions.tsv"
    path.write_text("entrez_gene_symbol\tdrug_name\nKIT\ta\nKIT\ta\nKIT\tb\nABL1\ta\n\tb\nTP53\t\n")
    table = count_drugs(path)
    assert table[["gene", "n_drugs"]].to_numpy().tolist() == [["ABL1", 1], ["KIT", 2]]


def test_count_drugs__names_the_missing_column(tmp_path: Path) -> None:
    path = tmp_path / "interactions.tsv"
    path.write_text("gene\tdrug_name\nKIT\ta\n")
    with pytest.raises(InputError, match="field entrez_gene_symbol: no such column"):
        count_drugs(path)


@pytest.mark.skipif(not SOURCE.exists(), reason="the shared table of DGIdb is not here")
def test_count_drugs__is_what_ships(tmp_path: Path) -> None:
    out = tmp_path / "out.tsv"
    count_drugs(SOURCE).to_csv(out, sep="\t", index=False)
    assert out.read_text() == data_file("druggable_genes.tsv").read_text(encoding="utf-8")


def test_gene_weight__former_symbols_count_as_present_ones() -> None:
    weight = gene_weight(["KMT2D", "MLL2", "EGFR", "ERBB2"])
    assert weight.dtype == np.float32
    assert weight[0] == weight[1]
    assert (weight[2:] > 3).all()
