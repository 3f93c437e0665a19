"""Former symbols of genes: read right, unambiguous, and true to other sources of gene identifiers."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from genomics.gene_names import check_aliases, current_names
from varimol.curate.gene_aliases import COLUMNS, alias_table, main, read_hgnc
from varimol.gene_aliases import gene_aliases
from varimol.tables import data_file

# Renamings told in HGNC's announcements: septins and histones, KMT2, and names of reading frames.
PUBLISHED = {
    "SEPT9": "SEPTIN9",
    "MLL2": "KMT2D",
    "H3F3A": "H3-3A",
    "FGFR1OP": "CEP43",
    "FAM46C": "TENT5C",
    "WHSC1": "NSD2",
}
HEADER = "HGNC ID\tApproved symbol\tApproved name\tStatus\tPrevious symbols\tLocus type"
CODING = "gene with protein product"


@pytest.mark.parametrize(("former", "symbol"), PUBLISHED.items())
def test_shipped__published_renamings(former: str, symbol: str) -> None:
    assert gene_aliases()[former] == symbol


def test_shipped__can_be_passed_to_genomics() -> None:
    check_aliases(gene_aliases())
    assert len(gene_aliases()) > 8000
    assert current_names(["TP53", "SEPT9"], gene_aliases())[0] == ("TP53", "SEPTIN9")


def test_shipped__cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        gene_aliases()["TP53"] = "X"  # type: ignore[index]


def test_shipped__states_its_source() -> None:
    table = pd.read_parquet(str(data_file("gene_aliases.parquet")))
    assert list(table) == COLUMNS and table["former"].is_unique and table["former"].is_monotonic_increasing
    assert set(table["licence"]) == {"CC0-1.0"}


def test_shipped__agrees_with_ncbi_identifiers(shared_data: Path) -> None:
    """Genes that two tables name differently under one NCBI identifier are one gene after renaming."""
    training = pd.read_csv(shared_data / "response" / "genes_706.tsv", sep="\t").set_index("entrez_id")[
        "symbol"
    ]
    path = shared_data / "knowledge" / "civic" / "01-Aug-2021-GeneSummaries.tsv"
    # Descriptions hold line breaks, which cut a row short after its name and identifier.
    civic = pd.read_csv(path, sep="\t", usecols=["name", "entrez_id"], on_bad_lines="skip")
    other = civic.dropna().set_index("entrez_id")["name"]
    both = pd.DataFrame({"training": training, "civic": other}).dropna()
    assert len(both) > 150
    aliases = gene_aliases()
    wrong = [
        row
        for row in both.itertuples()
        if aliases.get(row.training, row.training) != aliases.get(row.civic, row.civic)
    ]
    assert not wrong
    assert (both["training"] != both["civic"]).any(), "a renamed gene is among them"


def test_shipped__keeps_the_genes_of_the_training_table_apart(shared_data: Path) -> None:
    symbols = pd.read_csv(shared_data / "response" / "genes_706.tsv", sep="\t")["symbol"].tolist()
    names, renamed = current_names(symbols, gene_aliases())
    assert len(set(names)) == len(symbols)
    assert renamed["SEPT9"] == "SEPTIN9" and len(renamed) < 30


def test_alias_table__leaves_out_what_reads_in_two_ways(tmp_path: Path) -> None:
    lines = [
        HEADER,
        f"HGNC:1\tNEW1\tone\tApproved\tOLD1, SHARED\t{CODING}",
        f"HGNC:2\tNEW2\ttwo\tApproved\tSHARED, NEW1, OLD2\t{CODING}",
        "HGNC:3\tRNA1\tthree\tApproved\tOLD3\tRNA, long non-coding",
        f"HGNC:4\tGONE\tfour\tEntry Withdrawn\tOLD4\t{CODING}",
    ]
    (tmp_path / "hgnc.tsv").write_text("\n".join(lines) + "\n")
    table = alias_table(read_hgnc(tmp_path / "hgnc.tsv"))
    assert table[["former", "symbol", "hgnc_id"]].to_numpy().tolist() == [
        ["OLD1", "NEW1", "HGNC:1"],
        ["OLD2", "NEW2", "HGNC:2"],
    ]
    main([str(tmp_path / "hgnc.tsv"), str(tmp_path / "out.parquet")])
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out.parquet"), table)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hgnc.tsv", "out.parquet"]
