"""The out directory of ``varimol link`` or ``varimol stars`` as the report reads it: the manifest and the tables."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from genomics.errors import InputError

#: Columns that the report cannot do without; every other column it shows is optional.
REQUIRED_COLUMNS: dict[str, tuple[str, ...]] = {
    "quality_samples": ("sample_id", "call_rate", "passed", "reason"),
    "quality_variants": ("passed", "reason"),
    "structure": ("sample_id",),
    "association": ("contig", "position", "beta", "se", "log10p"),
    "markers": ("contig", "position", "effect_allele", "beta", "se", "log10p", "gene"),
    "targets": ("gene", "status", "reason"),
    "affinity": ("compound_id", "gene", "prediction", "lower", "upper", "abstain"),
    "diplotypes": ("sample_id", "gene", "rank", "diplotype", "posterior", "status", "phenotype"),
    "recommendations": ("sample_id", "drug", "gene", "recommendation", "probability", "source"),
    "undocumented_carriers": ("sample_id", "gene", "position", "ref", "alt", "copies"),
    "evidence": ("evidence_id", "sample_id", "compound_id", "lane", "path", "sources", "abstain"),
    "therapies": ("sample_id", "rank", "compound_id", "lane", "score", "reason", "path", "evidence_id"),
}


@dataclass(frozen=True)
class Bundle:
    """Manifest and tables of one run.

    Attributes
    ----------
    directory
        Where they were read from.
    manifest
        The parsed ``manifest.json``.
    tables
        Name to table; a table whose file is absent is an empty frame with the required columns.
    absent
        Names of the tables whose file is not there.
    kind
        ``link``, or ``stars`` for what ``varimol stars`` wrote, whose manifest is ``stars.json``.
    """

    directory: Path
    manifest: dict[str, Any]
    tables: dict[str, pd.DataFrame]
    absent: frozenset[str]
    kind: str = "link"

    def section(self, name: str) -> dict[str, Any]:
        """Return one object of the manifest, empty where it is missing or is no object."""
        value = self.manifest.get(name)
        return value if isinstance(value, dict) else {}


def read_bundle(directory: str | os.PathLike[str]) -> Bundle:
    """Read an out directory.

    Parameters
    ----------
    directory
        What ``varimol link`` or ``varimol stars`` wrote.

    Returns
    -------
    Bundle
        Manifest and tables.

    Raises
    ------
    genomics.errors.InputError
        For a missing directory, an unreadable manifest or table, or a table without a required column.
    """
    root = Path(directory)
    if not root.is_dir():
        raise InputError(
            "no such directory", file=root, expected="the output of 'varimol link' or 'varimol stars'"
        )
    tables = {name: _read_table(root, name) for name in REQUIRED_COLUMNS}
    absent = frozenset(name for name in REQUIRED_COLUMNS if not (root / f"{name}.parquet").is_file())
    if is_stars(root):
        facts = root / "stars.json"
        return Bundle(root, _read_manifest(facts) if facts.is_file() else {}, tables, absent, "stars")
    return Bundle(root, _read_manifest(root / "manifest.json"), tables, absent)


def is_stars(root: Path) -> bool:
    """Whether a directory holds star alleles alone: their table, and no manifest of a `link` run."""
    return (root / "diplotypes.parquet").is_file() and not (root / "manifest.json").exists()


def _read_manifest(path: Path) -> dict[str, Any]:
    hint = (
        f"run 'varimol {'stars' if path.name == 'stars.json' else 'link'}' to its end, then 'varimol report'"
    )
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError("no manifest", file=path, hint=hint) from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"not JSON ({error})", file=path, hint=hint) from None
    if not isinstance(manifest, dict):
        raise InputError("not a manifest", file=path, expected="a JSON object", hint=hint)
    return manifest


def _read_table(root: Path, name: str) -> pd.DataFrame:
    path = root / f"{name}.parquet"
    required = REQUIRED_COLUMNS[name]
    if not path.is_file():
        return pd.DataFrame(columns=list(required))
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:  # pyarrow's ArrowInvalid is a ValueError
        raise InputError(
            f"not a Parquet table ({error})", file=path, hint="run 'varimol link' again to write it anew"
        ) from None
    missing = [column for column in required if column not in table.columns]
    # A step with nothing to write may leave a table without rows and without columns.
    if missing and len(table):
        raise InputError(
            "column missing", file=path, field=missing[0], expected=f"columns {', '.join(required)}"
        )
    return table if not missing else table.reindex(columns=list(dict.fromkeys([*table.columns, *required])))
