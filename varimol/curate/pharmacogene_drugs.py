"""Gene-drug pairs with the strength of the evidence, where or not the sources hold what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from varimol.curate.pharmacogene_sources import PYPGX, Row, file_version, pypgx_table, read_csv, row_name

PAIR_COLUMNS = (
    "gene", "drug", "cpic_level", "cpic_status", "pharmgkb_level", "fda_label", "guideline", "pmid", "source",
    "source_row", "source_version",
)  # fmt: skip
# Columns of a pair that guidance for the same gene and drug carries.
LEVEL_COLUMNS = ("cpic_level", "guideline", "pmid")
_FROM = {
    "gene": "Gene",
    "drug": "Drug",
    "cpic_level": "CPICLevel",
    "cpic_status": "CPICLevelStatus",
    "pharmgkb_level": "PharmGKBLevel",
    "fda_label": "FDALabel",
    "guideline": "Guideline",
    "pmid": "PMID",
}


def pair_rows(source: Path) -> list[Row]:
    """Every gene-drug pair of the source, in order of gene and drug; several PMIDs are joined by ``;``.

    Parameters
    ----------
    source
        Folder with ``pypgx_tables``.

    Raises
    ------
    ValueError
        If a pair stands twice.
    """
    path = pypgx_table(source, "cpic")
    rows: dict[tuple[str, str], Row] = {}
    for i, row in enumerate(read_csv(path)):
        pair = {name: row[column].removesuffix("N/A").strip() for name, column in _FROM.items()}
        place = {"source": PYPGX, "source_row": row_name(path, i), "source_version": file_version(path)}
        if (pair["gene"], pair["drug"]) in rows:
            raise ValueError(f"{row_name(path, i)}: {pair['gene']} and {pair['drug']} stand twice")
        rows[pair["gene"], pair["drug"]] = pair | place
    return [rows[key] for key in sorted(rows)]


def pair_levels(pairs: Sequence[Row], gene: str, gene_2: str, drug: str) -> Mapping[str, str]:
    """Evidence columns of guidance: those of its first gene that is paired with the drug.

    Examples
    --------
    >>> pairs = [{"gene": "TPMT", "drug": "azathioprine", "cpic_level": "A", "guideline": "", "pmid": "1"}]
    >>> pair_levels(pairs, "NUDT15", "TPMT", "azathioprine")
    {'cpic_level': 'A', 'guideline': '', 'pmid': '1'}
    """
    known = {row["gene"]: row for row in pairs if row["drug"] == drug}
    found = next((known[name] for name in (gene, gene_2) if name in known), {})
    return {column: found.get(column, "") for column in LEVEL_COLUMNS}
