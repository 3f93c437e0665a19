"""The patients' rows as the page carries them: once, column by column, text in one shared pool.

Layout (JSON)::

    {"format": 1,
     "pool": ["…", …],                      distinct texts of all tables, the most frequent first
     "patients": {"id": ["S0001", …]},
     "listed": {"VKORC1": ["warfarin (A)"]},          drugs of a gene that CPIC names and no statement is about
     "tables": {"therapies": {"offsets": [0, 25, …],      rows of patient i: offsets[i] to offsets[i + 1]
                              "columns": {"lane": {"text": [3, 3, …]},        index into pool, -1 missing
                                          "score": {"number": [7.12, null, …]},
                                          "abstain": {"flag": [0, 1, -1, …]}}}}}

Rows whose ``sample_id`` names no patient (evidence about the whole cohort) follow the last patient.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from varimol.report.bundle import Bundle
from varimol.report.pharmacogenes import (
    listed_drugs,
    undocumented_rows,
    with_phenotype_probability,
)

#: Columns shown on a patient's page, in each table where they are present.
PATIENT_COLUMNS: dict[str, tuple[str, ...]] = {
    "quality_samples": ("call_rate", "heterozygosity", "passed", "reason"),
    "diplotypes": (
        *("gene", "rank", "diplotype", "posterior", "posterior_no_prior", "status"),
        *("phenotype", "phenotype_probability", "activity_score", "sites_missing", "sites_no_call"),
        *("sites_filtered", "sites_settling", "unobserved_alleles", "variants", "assumptions", "reason"),
    ),
    "recommendations": (
        *("drug", "gene", "phenotype", "recommendation", "strength", "probability"),
        *("active", "source", "action", "compound_id", "population", "reason"),
    ),
    "undocumented_carriers": ("gene", "variant", "place", "copies", "n_carriers", "n_called"),
    "evidence": (
        *("evidence_id", "compound_id", "compound_name", "lane", "claim", "direction", "value"),
        *("lower", "upper", "unit", "path", "sources", "assumptions", "abstain", "reason"),
    ),
    "therapies": (
        *("rank", "compound_id", "compound_name", "lane", "score", "lower", "upper"),
        *("reason", "path", "evidence_id"),
    ),
}

#: Columns that are text even where every value is missing or looks like a number.
_TEXT = frozenset(
    {"evidence_id", "compound_id", "diplotype", "sites_missing", "sites_no_call", "sites_filtered"}
    | {"sites_settling", "unobserved_alleles", "variants", "assumptions", "reason"}
)
_NUMBERS = frozenset(
    {"call_rate", "heterozygosity", "rank", "posterior", "posterior_no_prior", "probability"}
    | {"phenotype_probability", "score", "value", "lower", "upper"}
)
_FLAGS = frozenset({"passed", "active", "abstain"})

#: Below this many bytes the data stands in the page as plain JSON, which any browser and any editor reads.
PLAIN_LIMIT = 300_000


def patient_ids(bundle: Bundle) -> list[str]:
    """List the patients: those of the quality table in its order, then any others by name.

    Parameters
    ----------
    bundle
        Tables of the run.

    Returns
    -------
    list of str
        Distinct, non-empty sample ids.
    """
    first = list(dict.fromkeys(_texts(bundle.tables["quality_samples"]["sample_id"])))
    others: set[str] = set()
    for name in PATIENT_COLUMNS:
        others.update(_texts(bundle.tables[name]["sample_id"].drop_duplicates()))
    return [sample for sample in [*first, *sorted(others.difference(first))] if sample]


def encode_patients(bundle: Bundle) -> dict[str, Any]:
    """Dictionary-encode the patients' rows of every table.

    Parameters
    ----------
    bundle
        Tables of the run.

    Returns
    -------
    dict
        The layout of this module's description; sorted by patient, rows of a patient in table order.
    """
    patients = patient_ids(bundle)
    index = {sample: number for number, sample in enumerate(patients)}
    sorted_tables = {}
    for name in PATIENT_COLUMNS:
        table = bundle.tables[name]
        if name == "diplotypes":
            table = with_phenotype_probability(table)
        if name == "undocumented_carriers":
            table = undocumented_rows(table)
        owner = np.array([index.get(s, len(patients)) for s in _texts(table["sample_id"])], dtype=np.int64)
        keys = [owner]
        if "rank" in table.columns and len(table):
            keys.insert(0, pd.to_numeric(table["rank"], errors="coerce").fillna(np.inf).to_numpy())
        order = np.lexsort(keys)
        offsets = np.searchsorted(owner[order], np.arange(len(patients) + 2))
        sorted_tables[name] = (table.iloc[order], offsets.tolist())
    pool = _pool([table for table, _ in sorted_tables.values()])
    codes = {text: code for code, text in enumerate(pool)}
    tables = {
        name: {"offsets": offsets, "columns": _encode_columns(table, name, codes)}
        for name, (table, offsets) in sorted_tables.items()
    }
    listed = listed_drugs(bundle.tables["diplotypes"], bundle.tables["recommendations"])
    return {"format": 1, "pool": pool, "patients": {"id": patients}, "listed": listed, "tables": tables}


def embed(data: dict[str, Any]) -> tuple[str, str]:
    r"""Write data as the content of a ``<script>`` element.

    Parameters
    ----------
    data
        What ``json`` can write.

    Returns
    -------
    tuple of str
        The encoding, ``json`` or ``gzip``, and the text: JSON in which no ``<`` stands, or base64 of
        gzipped JSON.

    Examples
    --------
    >>> embed({"name": "</script>"})
    ('json', '{"name":"\\u003c/script>"}')
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    raw = text.encode("utf-8")
    if len(raw) <= PLAIN_LIMIT:
        return "json", text.replace("<", "\\u003c")
    return "gzip", base64.b64encode(gzip.compress(raw, compresslevel=6, mtime=0)).decode("ascii")


def _levels(column: pd.Series) -> tuple[np.ndarray, list[str]]:
    """Factorise a column: codes into its distinct texts in order of appearance; missing is ``""``."""
    codes, distinct = pd.factorize(column.to_numpy(dtype=object), use_na_sentinel=True)
    levels = [str(value) for value in distinct]
    return np.where(codes < 0, len(levels), codes), [*levels, ""]


def _texts(column: pd.Series) -> list[str]:
    codes, levels = _levels(column)
    return [levels[code] for code in codes.tolist()]


def _kind(table: pd.DataFrame, column: str) -> str:
    if column in _FLAGS:
        return "flag"
    if column in _NUMBERS:
        return "number"
    if column in _TEXT or not pd.api.types.is_numeric_dtype(table[column]):
        return "text"
    return "number"


def _pool(tables: list[pd.DataFrame]) -> list[str]:
    """Collect the texts; frequent ones first, so that their codes are short."""
    counts: Counter[str] = Counter()
    for (name, columns), table in zip(PATIENT_COLUMNS.items(), tables):
        del name
        for column in columns:
            if column in table.columns and _kind(table, column) == "text":
                codes, levels = _levels(table[column])
                for text, count in zip(levels, np.bincount(codes, minlength=len(levels)).tolist()):
                    counts[text] += count
    return sorted((text for text in counts if text), key=lambda text: (-counts[text], text))


def _encode_columns(table: pd.DataFrame, name: str, codes: dict[str, int]) -> dict[str, Any]:
    encoded: dict[str, Any] = {}
    for column in PATIENT_COLUMNS[name]:
        if column not in table.columns:
            continue
        kind = _kind(table, column)
        values = table[column]
        if kind == "text":
            local, levels = _levels(values)
            encoded[column] = {"text": np.array([codes.get(text, -1) for text in levels])[local].tolist()}
        elif kind == "flag":
            encoded[column] = {"flag": [-1 if m else int(bool(v)) for v, m in zip(values, values.isna())]}
        else:
            encoded[column] = {"number": _rounded(values)}
    return encoded


def _rounded(values: pd.Series, digits: int = 5) -> list[float | int | None]:
    """Round to significant digits: what a page shows, and a third of the bytes."""
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float)
    local, distinct = pd.factorize(numbers, use_na_sentinel=False)
    rounded = [float(f"{value:.{digits}g}") if np.isfinite(value) else None for value in distinct.tolist()]
    written = [int(value) if value is not None and value.is_integer() else value for value in rounded]
    return [written[code] for code in local.tolist()]
