"""How many drugs each gene is known with: ``python -m varimol.curate.druggable_genes SOURCE OUT``.

SOURCE is ``interactions.tsv`` of DGIdb (Griffith, M. et al. (2013) Nat. Methods 10:1209), release of 2014: a line per claim of
an interaction, with entrez_gene_symbol and drug_name. OUT is the table: gene, n_drugs (distinct names), source, source_version,
licence. A count says only that a gene has been a target, not of which drug nor to what effect.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pandas as pd

from genomics.errors import InputError

COLUMNS = ["gene", "n_drugs", "source", "source_version", "licence"]
NOTES = {
    "source": "DGIdb",
    "source_version": "2014",
    "licence": "counts; records under the terms of their sources",
}


def count_drugs(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Count the drugs of each gene.

    Parameters
    ----------
    path
        TSV with entrez_gene_symbol and drug_name.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`, by gene; genes without a drug are not in it.

    Raises
    ------
    InputError
        A column is missing.
    """
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    for column in ("entrez_gene_symbol", "drug_name"):
        if column not in table:
            raise InputError("no such column", file=path, field=column, expected="a release of DGIdb")
    named = table[(table["entrez_gene_symbol"] != "") & (table["drug_name"] != "")]
    counts = named.groupby("entrez_gene_symbol", sort=True)["drug_name"].nunique()
    return pd.DataFrame({"gene": counts.index, "n_drugs": counts.to_numpy()}).assign(**NOTES)[COLUMNS]


def main(arguments: list[str]) -> None:
    """Read SOURCE and write OUT."""
    source, out = arguments
    count_drugs(Path(source)).to_csv(out, sep="\t", index=False)


if __name__ == "__main__":
    main(sys.argv[1:])
