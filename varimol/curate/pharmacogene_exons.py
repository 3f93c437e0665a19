"""The table of exons: where those of each pharmacogene lie on both builds.

They tell which of the variants that no definition knows lie where a protein is most likely to notice. PyPGx
lists one transcript of each gene, as half-open intervals; a gene without a place on the primary assembly has none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from varimol.curate.pharmacogene_genes import region
from varimol.curate.pharmacogene_sources import (
    PYPGX,
    Row,
    file_version,
    pypgx_table,
    read_csv,
    row_name,
)  # fmt: skip

EXON_COLUMNS = ("gene", "build", "contig", "start", "end", "source", "source_row", "source_version")
BUILDS = ("GRCh37", "GRCh38")


def exon_rows(source: Path) -> list[Row]:
    """Every exon of every gene that PyPGx places, by gene, build and position.

    Parameters
    ----------
    source
        Folder with ``pypgx_tables``.
    """
    path = pypgx_table(source, "gene")
    version = file_version(path)
    rows = [
        {
            "gene": row["Gene"], "build": build, "contig": contig, "start": start, "end": end,
            "source": PYPGX, "source_row": row_name(path, i), "source_version": version,
        }
        for i, row in enumerate(read_csv(path))
        if row["Target"] == "TRUE"
        for build in BUILDS
        for contig, start, end in exons(row, build)
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (row["gene"], row["build"], row["start"]))


def exons(row: Mapping[str, str], build: str) -> Iterator[tuple[str, int, int]]:
    """Contig, start and end (1-based, closed) of the exons that one row lists.

    Examples
    --------
    >>> row = {"GRCh38Region": "M:410-1840", "GRCh38ExonStarts": "647,", "GRCh38ExonEnds": "1601,"}
    >>> list(exons(row, "GRCh38"))
    [('MT', 648, 1601)]
    """
    contig, start, _ = region(row[f"{build}Region"])
    if not start:
        return
    starts, ends = (_numbers(row[f"{build}Exon{side}"]) for side in ("Starts", "Ends"))
    for first, last in zip(starts, ends, strict=True):
        yield contig, first + 1, last


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",") if number]
