"""Genes of a patient's JSON report, in PharmCAT's places and names where they fit."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import pandas as pd

from genomics.star_outside import GIVEN
from varimol.json_text import compact, number, pretty
from varimol.star_facts import GeneFacts, gene_facts
from varimol.star_positions import parse_names
from varimol.star_undocumented_json import NOTHING_CARRIED

UNSEEN = "no site of the gene was observed"
UNDOCUMENTED = "undocumented"
UNKNOWN, NO_RESULT = "Unknown", "No Result"
GENE_COLUMNS = [
    "diplotype", "posterior", "posterior_no_prior", "status", "phenotype", "activity_score", "sites_missing",
    "sites_no_call", "sites_filtered", "sites_settling", "unobserved_alleles", "variants", "assumptions",
    "reason",
]  # fmt: skip
# As `pretty` ends the text of a gene.
_END = "\n  }"


class GeneTexts:
    """Results of genes as text, each distinct one written once."""

    def __init__(self, build: str) -> None:
        self.facts = gene_facts(build)
        self.written: dict[tuple, str] = {}

    def part(self, rows: list[tuple], carried: Mapping[str, str]) -> tuple[list[str], list[tuple]]:
        """Name the genes of which nothing was seen and on which no guidance waits, and give the other rows.

        `carried` has the genes with undocumented variants, of which something was seen.
        """
        unseen = [
            gene
            for gene, *values in rows
            if values[-1] == UNSEEN
            and gene not in carried
            and not (gene in self.facts and self.facts[gene].drugs)
        ]
        left_out = set(unseen)
        return unseen, [row for row in rows if row[0] not in left_out]

    def text(
        self, rows: list[tuple], shares: dict[str, list[tuple]], carried: Mapping[str, str] | None
    ) -> str:
        """Write the genes of one patient; `rows` are of GENE_COLUMNS behind the gene.

        `carried` has each gene's undocumented variants as members, which hardly any two patients share.
        """
        members = []
        for gene, group in itertools.groupby(rows, key=lambda row: row[0]):
            found = [row[1:] for row in group]
            # NaN is not equal to itself; its text is.
            key = (gene, repr(found), repr(shares.get(gene)))
            if key not in self.written:
                report = _gene_report(gene, found, shares.get(gene, []), self.facts.get(gene))
                self.written[key] = f"  {compact(gene)}: {pretty(report, 2, depth=2)}"
            text = self.written[key]
            if carried is not None:
                text = f"{text.removesuffix(_END)},\n{carried.get(gene, NOTHING_CARRIED)}{_END}"
            members.append(text)
        return "{\n" + ",\n".join(members) + "\n }" if members else "{}"


def _gene_report(
    gene: str, rows: list[tuple], shares: list[tuple], facts: GeneFacts | None
) -> dict[str, Any]:
    """Tell one gene of one patient; status, sites and reason stand in every row alike."""
    first = dict(zip(GENE_COLUMNS, rows[0]))
    called, abstains = first["status"] == "called", first["status"] == "abstain"
    told = [_diplotype(gene, dict(zip(GENE_COLUMNS, row)), facts) for row in rows]
    outside = str(first["assumptions"] or "").startswith(GIVEN)
    known = facts.alleles if facts else ()
    hidden = parse_names(first["unobserved_alleles"], known)
    report: dict[str, Any] = {
        "geneSymbol": gene,
        "chr": facts.positions.chromosome if facts else None,
        "alleleDefinitionSource": facts.source if facts else None,
        "alleleDefinitionVersion": facts.version if facts else None,
        "callSource": "OUTSIDE" if outside else "NONE" if abstains else "MATCHER",
        "status": first["status"],
        "reason": first["reason"] or None,
        "sourceDiplotypes": told[:1] if called or abstains else told,
        "recommendationDiplotypes": told[:1] if called or abstains else [],
        "otherDiplotypes": [_without_alleles(diplotype) for diplotype in told[1:]] if called else [],
        "phenotypeProbabilities": [{"phenotype": name, "probability": number(p)} for name, p in shares],
        "uncalledHaplotypes": list(hidden.names),
        "uncalledHaplotypesNotNamed": hidden.count - len(hidden.names),
        "variantsCarried": list(parse_names(first["variants"], known).names),
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
            first["sites_missing"],
            first["sites_no_call"],
            first["sites_filtered"],
            first["sites_settling"],
            first["assumptions"],
        )
    return report


def _diplotype(gene: str, row: dict[str, Any], facts: GeneFacts | None) -> dict[str, Any]:
    label = row["diplotype"]
    phenotype = row["phenotype"] or NO_RESULT
    score = None if pd.isna(row["activity_score"]) else str(float(row["activity_score"]))
    first, second = _allele_names(label or f"{UNKNOWN}/{UNKNOWN}", facts)
    return {
        "gene": gene,
        "label": label or f"{UNKNOWN}/{UNKNOWN}",
        "allele1": _allele(gene, first, facts),
        "allele2": _allele(gene, second, facts),
        "phenotypes": [phenotype],
        "activityScore": score,
        "lookupKey": [score if score and facts and facts.scored else phenotype],
        "posterior": number(row["posterior"]),
        "posteriorNoPrior": number(row["posterior_no_prior"]),
    }


def _allele_names(label: str, facts: GeneFacts | None) -> tuple[str | None, str | None]:
    """Take a diplotype apart; the genotypes of a gene that no diplotype explains are no pair of alleles."""
    names = label.split("/")
    if facts and facts.genotype and not {*names} <= {*facts.alleles, UNKNOWN}:
        return None, None
    first, second = [*names, None][:2]
    return first, second


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
