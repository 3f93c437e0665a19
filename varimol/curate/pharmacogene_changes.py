"""What changed between two releases of the pharmacogene tables."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from pathlib import Path

from varimol.curate.pharmacogene_sources import Row

CHANGE_COLUMNS = ("table", "gene", "name", "change", "before", "after")
Facts = dict[tuple[str, str], str]
"""By gene and name, what a table says."""


def read_rows(path: Path) -> list[dict[str, str]]:
    """Rows of a TSV table as text."""
    with path.open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle, delimiter="\t"))


def definition_facts(path: Path) -> Facts:
    """Each allele's variants on GRCh38, ``?`` where it is seen with and without one."""
    facts: Facts = {}
    for row in read_rows(path):
        key = row["gene"], row["allele"]
        text = f"{row['position_grch38']}-{row['ref_grch38']}-{row['alt']}"
        name = "" if not row["position_grch38"] else text + "?" * int(row["optional"])
        facts[key] = ",".join(filter(None, [facts.get(key, ""), name]))
    return facts


def place_facts(path: Path) -> Facts:
    """Where each variant of GRCh38 lies on GRCh37."""
    return {
        (row["gene"], f"{row['position_grch38']}-{row['ref_grch38']}-{row['alt']} on GRCh37"): " ".join(
            filter(None, [row["position_grch37"], row["ref_grch37"]])
        )
        for row in read_rows(path)
        if row["position_grch38"]
    }


def function_facts(path: Path) -> Facts:
    """Each allele's function and activity value."""
    return {
        (row["gene"], row["allele"]): " ".join(filter(None, [row["function"], row["activity_value"]]))
        for row in read_rows(path)
    }


def rule_facts(path: Path) -> Facts:
    """Phenotype and activity score of each pair of functions."""
    return {
        (row["gene"], "/".join(filter(None, [row["key_1"], row["key_2"]]))): " ".join(
            filter(None, [row["phenotype"], row["activity_score"]])
        )
        for row in read_rows(path)
    }


def guidance_facts(path: Path) -> Facts:
    """Action and sentence for each drug and phenotype."""
    return {
        (
            "+".join(filter(None, [row["gene"], row["gene_2"]])),
            f"{row['drug']}: " + "+".join(filter(None, [row["phenotype"], row["phenotype_2"]])),
        ): f"{row['action']}: {row['recommendation']}"
        for row in read_rows(path)
    }


def gene_facts(path: Path) -> Facts:
    """How each gene is called."""
    return {
        (row["gene"], row["gene"]): f"{row['method']}, reference {row['reference_allele']}"
        for row in read_rows(path)
    }


READERS: Mapping[str, tuple[Callable[[Path], Facts], ...]] = {
    "genes": (gene_facts,),
    "allele_definitions": (definition_facts, place_facts),
    "allele_functions": (function_facts,),
    "phenotype_rules": (rule_facts,),
    "guidance": (guidance_facts,),
}


def table_changes(before: Path, after: Path) -> list[Row]:
    """Compare two folders of tables.

    Parameters
    ----------
    before, after
        Folders as `varimol.curate.pharmacogenes.curate` writes them.

    Returns
    -------
    list of dict
        table, gene, name, change (added, removed or changed), before, after; table by table.
    """
    rows: list[Row] = []
    pairs = [(table, read) for table, readers in READERS.items() for read in readers]
    for table, read in pairs:
        old, new = (read(folder / f"{table}.tsv") for folder in (before, after))
        for key in sorted(old.keys() | new.keys()):
            if old.get(key) != new.get(key):
                change = "added" if key not in old else "removed" if key not in new else "changed"
                told = {"before": old.get(key, ""), "after": new.get(key, "")}
                rows.append({"table": table, "gene": key[0], "name": key[1], "change": change, **told})
    return rows


def summary(rows: list[Row]) -> str:
    """Say the changes in lines, gene by gene.

    Examples
    --------
    >>> row = {"table": "allele_functions", "gene": "TPMT", "name": "*8", "change": "changed"}
    >>> print(summary([{**row, "before": "Uncertain function", "after": "No function"}]))
    allele_functions: 0 added, 0 removed, 1 changed
      TPMT *8: Uncertain function -> No function
    """
    lines = []
    for table in READERS:
        ours = [row for row in rows if row["table"] == table]
        counts = [f"{sum(r['change'] == c for r in ours)} {c}" for c in ("added", "removed", "changed")]
        lines.append(f"{table}: {', '.join(counts)}")
        lines += [f"  {row['gene']} {row['name']}: {_words(row)}" for row in ours]
    return "\n".join(line for line in lines if not line.endswith("0 added, 0 removed, 0 changed"))


def _words(row: Row) -> str:
    if row["change"] == "changed":
        return f"{row['before'] or 'nothing'} -> {row['after'] or 'nothing'}"
    return f"{row['change']} ({row['before'] or row['after'] or 'no variants'})"
