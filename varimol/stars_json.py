"""Star alleles as JSON that a user of PharmCAT can follow: one report per patient, and a list of them.

``reports/PATIENT.report.json`` has PharmCAT's places and names where they fit: ``genes``, each with
``recommendationDiplotypes`` and ``sourceDiplotypes`` (``allele1``, ``allele2``, ``phenotypes``,
``activityScore``, ``lookupKey``, ``label``) and ``uncalledHaplotypes``; ``drugs`` by source, each with
``citations``, ``guidelines`` and their ``annotations``. A program that reads only those names never takes more
for known than the tables do:

- an uncalled gene has the diplotype ``Unknown/Unknown`` and the phenotype ``No Result``, an ambiguous one all
  its candidates as ``sourceDiplotypes`` and none as ``recommendationDiplotypes``, a called one that diplotype
  alone (the rest stands in ``otherDiplotypes``);
- a gene of which no site was seen, and which no guidance asks for, is named in ``genesNotSeen`` alone;
- ``annotations`` hold recommendations that are active; the others stand in ``withheld``, with the reason.

What PharmCAT has no place for stands beside it: ``status``, ``posterior``, ``posteriorNoPrior``,
``phenotypeProbabilities``, ``positions``, ``missingPositions`` with the state of each, ``settlingPositions``,
``undocumentedVariants``.
``docs/stars-report.schema.json`` describes all of it. ``stars.json`` says what was called, on which build,
from which tables, and which file is whose. The same tables give the same bytes.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from varimol import __version__, tables
from varimol.json_text import compact, number, pretty
from varimol.star_facts import table_sources
from varimol.star_gene_json import GENE_COLUMNS, NO_RESULT, GeneTexts
from varimol.star_undocumented_json import undocumented_texts

SCHEMA_VERSION = 1
RESEARCH_ONLY = "For research use only. Confirm any genotype with a clinical assay before it is acted upon."
# Longer names of files are cut: most file systems end at 255 bytes.
LONGEST_NAME = 150
DRUG_COLUMNS = [
    "source", "drug", "gene", "phenotype", "recommendation", "strength", "probability", "active", "action",
    "diplotype", "population", "reason",
]  # fmt: skip


def write_stars_json(
    folder: Path,
    diplotypes: pd.DataFrame,
    phenotypes: pd.DataFrame,
    recommendations: pd.DataFrame,
    undocumented: pd.DataFrame | None = None,
    *,
    build: str,
    assay: str,
) -> None:
    """Write ``stars.json`` and the report of every patient.

    Parameters
    ----------
    folder
        Where to; ``reports`` is made in it.
    diplotypes
        From `genomics.metaboliser.assign_phenotypes`.
    phenotypes
        From `genomics.metaboliser.phenotype_probabilities`.
    recommendations
        The recommendations table of the same patients.
    undocumented
        Who carries which variant that no definition knows, `genomics.star_undocumented`; None where nobody
        looked for them.
    build
        GRCh37 or GRCh38, on which the positions are told.
    assay
        As declared.
    """
    reports = folder / "reports"
    reports.mkdir()
    files = file_names(dict.fromkeys(diplotypes["sample_id"]))
    told = patient_reports(diplotypes, phenotypes, recommendations, undocumented, build=build, assay=assay)
    for sample_id, text in told:
        (reports / files[sample_id]).write_text(text, encoding="utf-8", newline="\n")
    index = _head() | {
        "build": build,
        "assay": assay,
        "sources": table_sources(),
        "samples": [{"sampleId": name, "file": f"reports/{file}"} for name, file in files.items()],
    }
    (folder / "stars.json").write_text(f"{pretty(index, 2)}\n", encoding="utf-8", newline="\n")


def patient_reports(
    diplotypes: pd.DataFrame,
    phenotypes: pd.DataFrame,
    recommendations: pd.DataFrame,
    undocumented: pd.DataFrame | None = None,
    *,
    build: str,
    assay: str,
) -> Iterator[tuple[str, str]]:
    """Yield the identifier of every patient and the text of the report, in the order of the diplotypes.

    Parameters are those of `write_stars_json`. Patients share most of their genes' results; each distinct
    one is written to text once.
    """
    genes = GeneTexts(build)
    drugs = _DrugTexts()
    gene_rows = _by_sample(diplotypes, ["gene", *GENE_COLUMNS])
    drug_rows = _by_sample(recommendations, DRUG_COLUMNS)
    probabilities = _by_sample(phenotypes, ["gene", "phenotype", "probability"])
    carried = None if undocumented is None else undocumented_texts(undocumented)
    for sample_id, rows in gene_rows.items():
        shares: dict[str, list[tuple]] = {}
        for gene, phenotype, probability in probabilities.get(sample_id, ()):
            shares.setdefault(gene, []).append((phenotype, probability))
        head = _head() | {"title": sample_id, "sampleId": sample_id, "build": build, "assay": assay}
        members = [f" {compact(k)}: {compact(v)}" for k, v in head.items()]
        here = None if carried is None else carried.get(sample_id, {})
        unseen, seen = genes.part(rows, here or {})
        members.append(f' "genesNotSeen": {compact(unseen)}')
        members.append(f' "genes": {genes.text(seen, shares, here)}')
        labels = {gene: label for gene, label, *_ in reversed(rows)}
        members.append(f' "drugs": {drugs.text(drug_rows.get(sample_id, []), labels)}')
        yield sample_id, "{\n" + ",\n".join(members) + "\n}\n"


def file_names(sample_ids: Iterable[str]) -> dict[str, str]:
    """Name each patient's report; other characters than letters, digits and ``_.-~`` are percent-encoded.

    Examples
    --------
    >>> file_names(["NA12878", "../a b"])
    {'NA12878': 'NA12878.report.json', '../a b': '..%2Fa%20b.report.json'}
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for sample_id in sample_ids:
        name = quote(sample_id, safe="")
        # File systems that know no capitals would write "a" over "A".
        if len(name) > LONGEST_NAME or name.lower() in taken:
            name = f"{name[:LONGEST_NAME]}~{hashlib.sha256(sample_id.encode()).hexdigest()[:16]}"
        taken.add(name.lower())
        names[sample_id] = f"{name}.report.json"
    return names


class _DrugTexts:
    """Recommendations as text, each distinct one written once."""

    def __init__(self) -> None:
        guidance = tables.guidance()
        self.guidelines = {
            drug: {
                "version": ", ".join(_distinct(table["source_version"])),
                "urls": _distinct(table["guideline"]),
                "citations": [
                    {"pmid": number}
                    for number in sorted({n for text in _distinct(table["pmid"]) for n in text.split(";")})
                ],
            }
            for drug, table in guidance.groupby("drug")
        }
        self.written: dict[tuple, str] = {}

    def text(self, rows: list[tuple], labels: dict[str, str]) -> str:
        """Write the drugs of one patient; `rows` are of DRUG_COLUMNS, `labels` first diplotypes by gene."""
        sources: dict[str, list[str]] = {}
        for (source, drug), group in itertools.groupby(rows, key=lambda row: row[:2]):
            found = list(group)
            genes = {gene: labels.get(gene, "") for row in found for gene in row[2].split("+")}
            key = (drug, repr(found), *genes.values())
            if key not in self.written:
                report = _drug_report(drug, source, found, self.guidelines.get(drug, {}), genes)
                self.written[key] = f"   {compact(drug)}: {pretty(report, 2, depth=3)}"
            sources.setdefault(source, []).append(self.written[key])
        members = [
            f"  {compact(source)}: " + "{\n" + ",\n".join(drugs) + "\n  }"
            for source, drugs in sources.items()
        ]
        return "{\n" + ",\n".join(members) + "\n }" if members else "{}"


def _drug_report(
    drug: str, source: str, rows: list[tuple], guideline: dict[str, Any], labels: dict[str, str]
) -> dict[str, Any]:
    annotations: list[dict[str, Any]] = []
    withheld: list[dict[str, Any]] = []
    for values in rows:
        row = dict(zip(DRUG_COLUMNS, values))
        genes = row["gene"].split("+")
        # A phenotype of one gene may have a + in it; where there are two genes each has its own.
        phenotypes = row["phenotype"].split("+") if len(genes) > 1 else [row["phenotype"]]
        both = itertools.zip_longest(genes, phenotypes[: len(genes)], fillvalue="")
        advice = {
            "drugRecommendation": row["recommendation"] or None,
            "classification": row["strength"] or None,
            "population": row["population"] or "n/a",
            "phenotypes": {gene: phenotype or NO_RESULT for gene, phenotype in both},
            "genotypes": [{"diplotypes": [{"gene": gene, "label": labels[gene] or None} for gene in genes]}],
            "action": row["action"],
            "probability": number(row["probability"]),
            "active": bool(row["active"]),
            "reason": row["reason"] or None,
        }
        (annotations if row["active"] else withheld).append(advice)
    told = {"source": source, "annotations": annotations, "withheld": withheld}
    return {"name": drug, "source": source, **guideline, "guidelines": [told]}


def _head() -> dict[str, Any]:
    return {"format": "varimol stars", "schemaVersion": SCHEMA_VERSION, "varimolVersion": __version__} | {
        "researchUseOnly": RESEARCH_ONLY
    }


def _by_sample(table: pd.DataFrame, columns: list[str]) -> dict[str, list[tuple]]:
    """Rows of every sample, missing texts as empty ones."""
    chosen = table[["sample_id", *columns]]
    texts = [c for c in chosen.columns if not pd.api.types.is_numeric_dtype(chosen[c])]
    filled = chosen.fillna(dict.fromkeys(texts, ""))
    rows: dict[str, list[tuple]] = {}
    for values in zip(*(filled[column].tolist() for column in filled.columns), strict=True):
        rows.setdefault(values[0], []).append(values[1:])
    return rows


def _distinct(column: pd.Series) -> list[str]:
    return sorted({str(value) for value in column if value and not pd.isna(value)})
