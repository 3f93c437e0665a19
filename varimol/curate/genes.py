"""Gene coordinates on both builds, from public gene lists: ``python -m varimol.curate.genes SOURCE OUT``.

SOURCE is a folder with ``glist-hg19`` (contig, 0-based start, end, symbol; the UCSC RefSeq genes of GRCh37 as
distributed with PLINK) and ``genes_grch38_symbol.tsv`` (Ensembl genes of GRCh38 with symbol and biotype,
1-based). OUT is the Parquet table in long form: build, symbol, contig, start, end, biotype; positions are
1-based and ends are included.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pandas as pd

CONTIGS = [*(str(number) for number in range(1, 23)), "X", "Y", "MT"]
COLUMNS = ["build", "symbol", "contig", "start", "end", "biotype"]
# Symbols of loci that the GRCh37 list carries without a biotype and that never name a protein.
NON_CODING = r"^(?:LOC\d|LINC|MIR\d|MIRLET|SNOR|SCARNA|RNU|RNA5|TTTY|FAM.*-AS)|-AS\d?$|-IT\d?$|-OT\d?$"


def read_grch38(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Protein-coding genes of the Ensembl list.

    Parameters
    ----------
    path
        TSV with columns chrom, start, end, ens, ensembl_gene_symbol, ensembl_gene_biotype; 1-based.

    Returns
    -------
    pandas.DataFrame
        Columns symbol, contig, start, end, biotype.
    """
    table = pd.read_csv(path, sep="\t", dtype={"chrom": str}, keep_default_na=False)
    table = table.rename(
        columns={"chrom": "contig", "ensembl_gene_symbol": "symbol", "ensembl_gene_biotype": "biotype"}
    )
    table["biotype"] = table["biotype"].str.lower()
    return table.loc[table["symbol"] != "", ["symbol", "contig", "start", "end", "biotype"]]


def read_grch37(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Genes of PLINK's GRCh37 list, with starts made 1-based.

    Parameters
    ----------
    path
        Text with four fields: contig, 0-based start, end, symbol.

    Returns
    -------
    pandas.DataFrame
        Columns symbol, contig, start, end.
    """
    table = pd.read_csv(
        path, sep=" ", header=None, names=["contig", "start", "end", "symbol"], dtype={"contig": str}
    )
    table["start"] += 1
    return table[["symbol", "contig", "start", "end"]]


def _one_locus(table: pd.DataFrame) -> pd.DataFrame:
    """Leave each symbol one span; a symbol of several separate loci is left out, X is kept for PAR genes."""
    table = table[table["contig"].isin(CONTIGS)].drop_duplicates()
    on_x = set(table.loc[table["contig"] == "X", "symbol"])
    table = table[~((table["contig"] == "Y") & table["symbol"].isin(on_x))]
    spans = table.groupby(["symbol", "contig"], as_index=False).agg(
        start=("start", "min"), end=("end", "max"), covered=("length", "sum")
    )
    single = spans.groupby("symbol")["contig"].transform("size") == 1
    # Separate loci on one contig leave most of the joint span uncovered.
    dense = spans["covered"] >= 0.5 * (spans["end"] - spans["start"] + 1)
    return spans.loc[single & dense, ["symbol", "contig", "start", "end"]]


def gene_table(grch37: pd.DataFrame, grch38: pd.DataFrame) -> pd.DataFrame:
    """Join both builds in long form, protein-coding genes alone where the biotype is known.

    Parameters
    ----------
    grch37
        Columns symbol, contig, start, end; 1-based.
    grch38
        The same and biotype.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`, sorted by build, contig and start. `biotype` is empty for a GRCh37 symbol that the GRCh38
        list does not know.
    """
    coding = set(grch38.loc[grch38["biotype"] == "protein_coding", "symbol"])
    known = set(grch38["symbol"])
    old = grch37[~grch37["symbol"].isin(known - coding) & ~grch37["symbol"].str.contains(NON_CODING)]
    parts = []
    for build, table in (("GRCh37", old), ("GRCh38", grch38[grch38["symbol"].isin(coding)])):
        spans = _one_locus(
            table.assign(length=table["end"] - table["start"] + 1)[
                ["symbol", "contig", "start", "end", "length"]
            ]
        )
        biotype = spans["symbol"].isin(coding).map({True: "protein_coding", False: ""})
        parts.append(spans.assign(build=build, biotype=biotype))
    table = pd.concat(parts, ignore_index=True)
    order = table["contig"].map({contig: rank for rank, contig in enumerate(CONTIGS)})
    return (
        table.assign(order=order)
        .sort_values(["build", "order", "start", "symbol"])[COLUMNS]
        .reset_index(drop=True)
    )


def main(arguments: list[str]) -> None:
    """Write the table: SOURCE folder, OUT file."""
    source, out = Path(arguments[0]), Path(arguments[1])
    table = gene_table(read_grch37(source / "glist-hg19"), read_grch38(source / "genes_grch38_symbol.tsv"))
    temporary = out.with_name(f"{out.name}.tmp-{os.getpid()}")
    table.to_parquet(temporary, index=False, compression="zstd")
    temporary.replace(out)
    print(f"{len(table)} genes: {table.groupby('build').size().to_dict()}")


if __name__ == "__main__":
    main(sys.argv[1:])
