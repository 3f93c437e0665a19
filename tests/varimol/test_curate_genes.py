"""Gene coordinates: both lists read right, and the shipped table is what they give."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from varimol import tables
from varimol.curate.genes import COLUMNS, gene_table, main, read_grch37, read_grch38

# NCBI Gene and UCSC: spans of genes whose coordinates are in every textbook, 1-based.
PUBLISHED = [
    ("GRCh37", "BRCA1", "17", 41196312, 41277500),
    ("GRCh37", "CYP2C19", "10", 96522463, 96612671),
    ("GRCh38", "BRCA1", "17", 43044295, 43170245),
    ("GRCh38", "CYP2C19", "10", 94762624, 94853260),
]


def frame(rows: list[tuple[object, ...]], *, biotype: bool) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["symbol", "contig", "start", "end", *(["biotype"] if biotype else [])])


@pytest.mark.parametrize(("build", "symbol", "contig", "start", "end"), PUBLISHED)
def test_shipped__published_coordinates(build: str, symbol: str, contig: str, start: int, end: int) -> None:
    genes = tables.genes(build).set_index("symbol")
    assert genes.loc[symbol, ["contig", "start", "end"]].tolist() == [contig, start, end]


@pytest.mark.parametrize("build", ["GRCh37", "GRCh38"])
def test_shipped__one_span_per_symbol(build: str) -> None:
    genes = tables.genes(build)
    assert len(genes) > 18_000
    assert genes["symbol"].is_unique
    assert ((genes["start"] >= 1) & (genes["start"] <= genes["end"])).all()


def test_read_grch37__makes_starts_one_based(tmp_path: Path) -> None:
    path = tmp_path / "glist-hg19"
    path.write_text("19 58858171 58864865 A1BG\n")
    assert read_grch37(path).iloc[0].tolist() == ["A1BG", "19", 58858172, 58864865]


def test_read_grch38__drops_nameless_genes(tmp_path: Path) -> None:
    path = tmp_path / "genes.tsv"
    path.write_text(
        "chrom\tstart\tend\tens\tensembl_gene_symbol\tensembl_gene_biotype\n"
        "1\t17369\t17436\tE1\t\t\nX\t100\t200\tE2\tNAN\tPROTEIN_CODING\n"
    )
    assert read_grch38(path).to_numpy().tolist() == [["NAN", "X", 100, 200, "protein_coding"]]


def test_gene_table__keeps_coding_and_unknown() -> None:
    grch38 = frame([("AAA", "1", 10, 20, "protein_coding"), ("LNC", "1", 30, 40, "lincrna")], biotype=True)
    grch37 = frame(
        [("AAA", "1", 5, 15), ("LNC", "1", 25, 35), ("OLD", "2", 1, 9), ("MIR1", "2", 1, 9)], biotype=False
    )
    table = gene_table(grch37, grch38)
    assert table.columns.tolist() == COLUMNS
    assert table[["build", "symbol", "biotype"]].to_numpy().tolist() == [
        ["GRCh37", "AAA", "protein_coding"],
        ["GRCh37", "OLD", ""],
        ["GRCh38", "AAA", "protein_coding"],
    ]


def test_gene_table__leaves_out_a_symbol_of_two_loci() -> None:
    coding = "protein_coding"
    grch38 = frame(
        [
            ("TWO", "1", 10, 20, coding),
            ("TWO", "1", 90_000, 90_010, coding),
            ("PAR", "X", 10, 20, coding),
            ("PAR", "Y", 10, 20, coding),
            ("SPLIT", "3", 10, 20, coding),
            ("SPLIT", "3", 15, 30, coding),
            ("ODD", "HSCHR6_MHC", 10, 20, coding),
        ],
        biotype=True,
    )
    table = gene_table(frame([], biotype=False).astype({"symbol": str, "start": int, "end": int}), grch38)
    spans = table[["symbol", "contig", "start", "end"]].to_numpy().tolist()
    assert spans == [["SPLIT", "3", 10, 30], ["PAR", "X", 10, 20]]


def test_main__writes_the_shipped_table(shared_data: Path, tmp_path: Path) -> None:
    out = tmp_path / "genes.parquet"
    main([str(shared_data / "knowledge" / "gene_coords"), str(out)])
    with tables.data_file("genes.parquet").open("rb") as shipped:
        pd.testing.assert_frame_equal(pd.read_parquet(out), pd.read_parquet(shipped))
    assert [path.name for path in tmp_path.iterdir()] == ["genes.parquet"]
