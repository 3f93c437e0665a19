"""Star alleles as JSON that a user of PharmCAT can follow: one report per patient, and a list of them.

``reports/PATIENT.report.json`` has PharmCAT's places and names where they fit: ``genes``, each with
``sourceDiplotypes`` (``allele1``, ``allele2``, ``phenotypes``, ``activityScore``, ``lookupKey``, ``label``)
and ``uncalledHaplotypes``; ``drugs`` by source, each with ``guidelines`` and their ``annotations``. A program
that reads only those names never takes more for known than the tables do:

- an uncalled gene has the diplotype ``Unknown/Unknown`` and the phenotype ``No Result``, an ambiguous one all
  its candidates, a called one that diplotype alone (the rest stands in ``otherDiplotypes``);
- a gene of which no site was seen, and which no guidance asks for, is named in ``genesNotSeen`` alone;
- ``annotations`` hold recommendations that are active; the others stand in ``withheld``, with the reason.

What PharmCAT has no place for stands beside it: ``status``, ``posterior``, ``posteriorNoPrior``,
``phenotypeProbabilities``, ``positions``, ``missingPositions`` with the state of each, ``settlingPositions``.
``docs/stars-report.schema.json`` describes all of it. ``stars.json`` says what was called, on which build,
from which tables, and which file is whose. The same tables give the same bytes.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from genomics.star_outside import GIVEN
from varimol import __version__, tables
from varimol.star_facts import GeneFacts, gene_facts, table_sources

SCHEMA_VERSION = 1
RESEARCH_ONLY = "For research use only. Confirm any genotype with a clinical assay before it is acted upon."
UNSEEN = "no site of the gene was observed"
UNDOCUMENTED = "undocumented"
UNKNOWN, NO_RESULT = "Unknown", "No Result"
# Longer names of files are cut: most file systems end at 255 bytes.
LONGEST_NAME = 150
GENE_COLUMNS = [
    "diplotype", "posterior", "posterior_no_prior", "status", "phenotype", "activity_score", "sites_missing",
    "sites_no_call", "sites_filtered", "sites_settling", "unobserved_alleles", "variants", "assumptions",
    "reason",
]  # fmt: skip
DRUG_COLUMNS = [
    "source", "drug", "gene", "phenotype", "recommendation", "strength", "probability", "active", "action",
    "diplotype", "population", "reason",
]  # fmt: skip


def write_stars_json(
    folder: Path,
    diplotypes: pd.DataFrame,
    phenotypes: pd.DataFrame,
    recommendations: pd.DataFrame,
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
    build
        GRCh37 or GRCh38, on which the positions are told.
    assay
        As declared.
    """
    reports = folder / "reports"
    reports.mkdir()
    files = file_names(dict.fromkeys(diplotypes["sample_id"]))
    for sample_id, text in patient_reports(diplotypes, phenotypes, recommendations, build=build, assay=assay):
        (reports / files[sample_id]).write_text(text, encoding="utf-8", newline="\n")
    index = _head() | {
        "build": build,
        "assay": assay,
        "sources": table_sources(),
        "samples": [{"sampleId": name, "file": f"reports/{file}"} for name, file in files.items()],
    }
    (folder / "stars.json").write_text(f"{_pretty(index, 2)}\n", encoding="utf-8", newline="\n")


def patient_reports(
    diplotypes: pd.DataFrame,
    phenotypes: pd.DataFrame,
    recommendations: pd.DataFrame,
    *,
    build: str,
    assay: str,
) -> Iterator[tuple[str, str]]:
    """Yield the identifier of every patient and the text of the report, in the order of the diplotypes.

    Parameters are those of `write_stars_json`. Patients share most of their genes' results; each distinct
    one is written to text once.
    """
    genes = _GeneTexts(build)
    drugs = _DrugTexts()
    gene_rows = _by_sample(diplotypes, ["gene", *GENE_COLUMNS])
    drug_rows = _by_sample(recommendations, DRUG_COLUMNS)
    probabilities = _by_sample(phenotypes, ["gene", "phenotype", "probability"])
    for sample_id, rows in gene_rows.items():
        shares: dict[str, list[tuple]] = {}
        for gene, phenotype, probability in probabilities.get(sample_id, ()):
            shares.setdefault(gene, []).append((phenotype, probability))
        head = _head() | {"title": sample_id, "sampleId": sample_id, "build": build, "assay": assay}
        members = [f" {json.dumps(k)}: {_compact(v)}" for k, v in head.items()]
        unseen, seen = genes.part(rows)
        members.append(f' "genesNotSeen": {_compact(unseen)}')
        members.append(f' "genes": {genes.text(seen, shares)}')
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


class _GeneTexts:
    """Results of genes as text, each distinct one written once."""

    def __init__(self, build: str) -> None:
        self.facts = gene_facts(build)
        self.written: dict[tuple, str] = {}

    def part(self, rows: list[tuple]) -> tuple[list[str], list[tuple]]:
        """Name the genes of which nothing was seen and on which no guidance waits, and give the other rows."""
        unseen = [
            gene
            for gene, *values in rows
            if values[-1] == UNSEEN and not (gene in self.facts and self.facts[gene].drugs)
        ]
        left_out = set(unseen)
        return unseen, [row for row in rows if row[0] not in left_out]

    def text(self, rows: list[tuple], shares: dict[str, list[tuple]]) -> str:
        """Write the genes of one patient; `rows` are of GENE_COLUMNS behind the gene."""
        members = []
        for gene, group in itertools.groupby(rows, key=lambda row: row[0]):
            found = [row[1:] for row in group]
            # NaN is not equal to itself; its text is.
            key = (gene, repr(found), repr(shares.get(gene)))
            if key not in self.written:
                report = _gene_report(gene, found, shares.get(gene, []), self.facts.get(gene))
                self.written[key] = f"  {_compact(gene)}: {_pretty(report, 2, depth=2)}"
            members.append(self.written[key])
        return "{\n" + ",\n".join(members) + "\n }" if members else "{}"


class _DrugTexts:
    """Recommendations as text, each distinct one written once."""

    def __init__(self) -> None:
        guidance = tables.guidance()
        self.guidelines = {
            drug: {
                "urls": _distinct(table["guideline"]),
                "pmid": sorted({n for text in _distinct(table["pmid"]) for n in text.split(";")}),
                "version": ", ".join(_distinct(table["source_version"])),
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
                self.written[key] = f"   {_compact(drug)}: {_pretty(report, 2, depth=3)}"
            sources.setdefault(source, []).append(self.written[key])
        members = [
            f"  {_compact(source)}: " + "{\n" + ",\n".join(drugs) + "\n  }"
            for source, drugs in sources.items()
        ]
        return "{\n" + ",\n".join(members) + "\n }" if members else "{}"


def _gene_report(
    gene: str, rows: list[tuple], shares: list[tuple], facts: GeneFacts | None
) -> dict[str, Any]:
    """Tell one gene of one patient; status, sites and reason stand in every row alike."""
    first = dict(zip(GENE_COLUMNS, rows[0]))
    called, abstains = first["status"] == "called", first["status"] == "abstain"
    told = [_diplotype(gene, dict(zip(GENE_COLUMNS, row)), facts) for row in rows]
    outside = str(first["assumptions"] or "").startswith(GIVEN)
    report: dict[str, Any] = {
        "geneSymbol": gene,
        "chr": facts.positions.chromosome if facts else None,
        "alleleDefinitionSource": facts.source if facts else None,
        "alleleDefinitionVersion": facts.version if facts else None,
        "callSource": "OUTSIDE" if outside else "NONE" if abstains else "MATCHER",
        "status": first["status"],
        "reason": first["reason"] or None,
        "sourceDiplotypes": told[:1] if called or abstains else told,
        "otherDiplotypes": [_without_alleles(diplotype) for diplotype in told[1:]] if called else [],
        "phenotypeProbabilities": [{"phenotype": name, "probability": _number(p)} for name, p in shares],
        "uncalledHaplotypes": _listed(first["unobserved_alleles"]),
        "variantsCarried": _listed(first["variants"]),
        "relatedDrugs": [{"name": drug} for drug in (facts.drugs if facts else [])],
        "messages": [
            {"rule_name": "assumption", "exception_type": "note", "message": text}
            for text in str(first["assumptions"] or "").split("; ")
            if text
        ],
    }
    # Another program's sites are not known here; nor are those of a gene given up before they were read.
    read = first["sites_missing"] or not abstains or first["reason"].startswith(UNDOCUMENTED)
    if facts and read and not outside:
        report |= facts.positions.describe(
            first["sites_missing"], first["sites_no_call"], first["sites_filtered"], first["sites_settling"]
        )
    return report


def _diplotype(gene: str, row: dict[str, Any], facts: GeneFacts | None) -> dict[str, Any]:
    label = row["diplotype"]
    phenotype = row["phenotype"] or NO_RESULT
    score = None if pd.isna(row["activity_score"]) else str(float(row["activity_score"]))
    # Genotypes of a gene that no diplotype explains are no pair of alleles.
    alleles = (
        [None, None] if label and label == row["variants"] else (label or f"{UNKNOWN}/{UNKNOWN}").split("/")
    )
    first, second = [*alleles, None][:2]
    return {
        "gene": gene,
        "label": label or f"{UNKNOWN}/{UNKNOWN}",
        "allele1": _allele(gene, first, facts),
        "allele2": _allele(gene, second, facts),
        "phenotypes": [phenotype],
        "activityScore": score,
        "lookupKey": [score if score and facts and facts.scored else phenotype],
        "posterior": _number(row["posterior"]),
        "posteriorNoPrior": _number(row["posterior_no_prior"]),
    }


def _without_alleles(diplotype: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in diplotype.items() if k not in ("gene", "allele1", "allele2", "lookupKey")}


def _allele(gene: str, name: str | None, facts: GeneFacts | None) -> dict[str, Any] | None:
    if name is None:
        return None
    function, activity = facts.functions.get(name, ("", None)) if facts else ("", None)
    return {
        "gene": gene,
        "name": name,
        "function": function or None,
        "reference": bool(facts and name == facts.reference),
        "activityValue": "n/a" if activity is None or pd.isna(activity) else str(float(activity)),
    }


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
            "population": row["population"] or "general",
            "phenotypes": {gene: phenotype or NO_RESULT for gene, phenotype in both},
            "genotypes": [{"gene": gene, "label": labels[gene] or None} for gene in genes],
            "action": row["action"],
            "probability": _number(row["probability"]),
            "active": bool(row["active"]),
            "reason": row["reason"] or None,
        }
        (annotations if row["active"] else withheld).append(advice)
    told = {"source": source, **guideline, "annotations": annotations, "withheld": withheld}
    return {"name": drug, "guidelines": [told]}


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


def _listed(text: str) -> list[str]:
    """Split a list of names as the tables write it."""
    return [name.strip() for name in text.split(",") if name.strip()] if text else []


def _number(value: float) -> float | None:
    """Six digits, as the tables' TSV has them; None for a missing one."""
    return None if pd.isna(value) else float(f"{value:.6g}")


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _pretty(value: Any, levels: int, depth: int = 0) -> str:
    """Write JSON with the outer `levels` one member a line, and what is further in on that line."""
    if levels == 0 or not isinstance(value, dict | list) or not value:
        return _compact(value)
    pad = "\n" + " " * (depth + 1)
    if isinstance(value, dict):
        items = [f"{_compact(k)}: {_pretty(v, levels - 1, depth + 1)}" for k, v in value.items()]
        opening, closing = "{", "}"
    else:
        items = [_pretty(v, levels - 1, depth + 1) for v in value]
        opening, closing = "[", "]"
    return f"{opening}{pad}{f',{pad}'.join(items)}\n{' ' * depth}{closing}"
