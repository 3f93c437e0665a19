"""Read the pharmacogene sources and write tables, for every module that makes one of them.

A row of a table names where its fact stands: `row_name` for a row of a comma-separated table, the path
inside the file for JSON.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

DEFINITIONS = "PharmCAT allele definitions (ClinPGx, CPIC, PharmVar)"
PHENOTYPES = "PharmCAT phenotype tables (ClinPGx, CPIC)"
PYPGX = "PyPGx tables (CPIC, PharmGKB)"
Row = dict[str, Any]


def read_csv(path: Path) -> list[dict[str, str]]:
    """Read a comma-separated table as dictionaries, ``N/A`` and ``None`` as written."""
    with path.open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def read_json(path: Path) -> dict[str, Any]:
    """Read one JSON object."""
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data


def row_name(path: Path, index: int) -> str:
    """Name a row of a comma-separated table by its 1-based number, the header not counted.

    Examples
    --------
    >>> row_name(Path("pypgx_tables/gene-table.csv"), 0)
    'gene-table.csv row 1'
    """
    return f"{path.name} row {index + 1}"


def file_version(path: Path) -> str:
    """Name a file by the start of its SHA-256, for tables that carry no version of their own."""
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"


def canonical(chromosome: str) -> str:
    """Name a contig as the shipped tables do.

    Examples
    --------
    >>> canonical("chr10"), canonical("X"), canonical("M")
    ('10', 'X', 'MT')
    """
    name = chromosome.removeprefix("chr")
    return "MT" if name == "M" else name


def pypgx_table(source: Path, name: str) -> Path:
    """Path of one of PyPGx's tables, like ``allele``."""
    return source / "pypgx_tables" / f"{name}-table.csv"


def defined_genes(source: Path) -> list[str]:
    """Genes that PharmCAT's definitions cover, in order of name."""
    folder = source / "pharmcat" / "definition" / "alleles"
    return sorted(path.name.removesuffix("_translation.json") for path in folder.glob("*_translation.json"))


def write_tsv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as a TSV file, whole or not at all."""
    temporary = path.with_name(f"{path.name}.tmp")
    with temporary.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, columns, delimiter="\t", lineterminator="\n", extrasaction="raise")
        writer.writeheader()
        writer.writerows(rows)
    temporary.replace(path)
