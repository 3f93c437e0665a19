"""Genes of ten signalling pathways of cancer: ``python -m varimol.curate.pathways SOURCE OUT``.

SOURCE is ``inst/extdata/oncogenic_sig_patwhays.tsv`` of maftools (MIT), which repeats the templates of Sanchez-Vega, F. et
al. (2018) Oncogenic signaling pathways in The Cancer Genome Atlas. Cell 173:321, doi 10.1016/j.cell.2018.03.035: a line
per pathway and gene with Pathway, Gene and OG_TSG. OUT is the table: pathway, gene, role (activating for OG, inhibiting
for TSG, empty where the source gives none), source, source_version, licence.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pandas as pd

from genomics.errors import InputError

COLUMNS = ["pathway", "gene", "role", "source", "source_version", "licence"]
ROLES = {"OG": "activating", "TSG": "inhibiting"}
UNKNOWN = ("", "NA", "Unknown")
NOTES = {
    "source": "Sanchez-Vega et al. 2018, doi 10.1016/j.cell.2018.03.035",
    "source_version": "as in maftools 1683b2e",
    "licence": "facts; file of maftools MIT",
}


def read_pathways(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read the source.

    Parameters
    ----------
    path
        TSV with Pathway, Gene, OG_TSG.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`, by pathway and gene.

    Raises
    ------
    InputError
        A column is missing, a role is unknown, or a gene comes twice in a pathway.
    """
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    for column in ("Pathway", "Gene", "OG_TSG"):
        if column not in table:
            raise InputError("no such column", file=path, field=column, expected="Pathway, Gene and OG_TSG")
    for row in table.itertuples():
        if row.OG_TSG not in (*ROLES, *UNKNOWN):
            raise InputError(f"role {row.OG_TSG!r}", file=path, record=str(row.Gene), expected="OG or TSG")
    twice = table[table.duplicated(["Pathway", "Gene"])]
    if len(twice):
        raise InputError(
            "the gene comes twice in its pathway", file=path, record=twice["Gene"].iloc[0], expected="once"
        )
    named = pd.DataFrame(
        {
            "pathway": table["Pathway"].str.replace("_", " "),
            "gene": table["Gene"],
            "role": table["OG_TSG"].map(ROLES).fillna(""),
        }
    )
    return named.assign(**NOTES).sort_values(["pathway", "gene"], ignore_index=True)[COLUMNS]


def main(arguments: list[str]) -> None:
    """Read SOURCE and write OUT."""
    source, out = arguments
    read_pathways(Path(source)).to_csv(out, sep="\t", index=False)


if __name__ == "__main__":
    main(sys.argv[1:])
