"""Read published dosing recommendations as actions, and say them in varimol's own words.

A guideline's sentence is copyrighted prose; what it asks for is a fact. `classify` reads from the sentence
the action and its numbers, and writes a short sentence from those alone. A sentence that no rule reads
raises an error, so that a new release cannot slip through with a wrong action.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

ACTIONS = (
    "avoid", "alternative", "reduce dose", "limit dose", "increase dose", "monitor",
    "standard", "not indicated", "no recommendation",
)  # fmt: skip
"""Every action of the guidance table, the most pressing first."""

# The table speaks of response to ivacaftor as favourable or not; the definitions' release names it so:
_PHENOTYPES = {
    ("CFTR", "Favorable Response"): "ivacaftor responsive in CF patients",
    ("CFTR", "Unfavorable Response"): "ivacaftor non-responsive in CF patients",
}
_POPULATIONS = {
    "ivacaftor": "people with cystic fibrosis",
    "hormonal contraceptives for systemic use": "people with a personal or family history of thrombosis",
}
Sentence = str | Callable[[re.Match[str]], str]


@dataclass(frozen=True)
class Rule:
    """Read sentences that match ``pattern`` as ``action``, and say ``sentence`` instead."""

    pattern: str
    action: str
    sentence: Sentence


def _limit(match: re.Match[str]) -> str:
    return f"Start at no more than {match[1]} mg a day and raise the dose with care."


def _reduction(match: re.Match[str]) -> str:
    return f"Start {match[1]}% below the usual dose and titrate to response."


def _avoid_else_reduce(match: re.Match[str]) -> str:
    return f"Avoid; if there is no other choice, start {match[1]}% below the usual dose with drug levels."


# The first rule that matches wins, so the narrower ones stand above.
RULES: tuple[Rule, ...] = (
    Rule(r"^None$", "no recommendation", "No recommendation for this phenotype."),
    Rule(r"^(?:The guideline does not provide|No recommendation for)", "no recommendation",
         "No recommendation for this phenotype."),
    Rule(r"^(?:Neither \w+|\w+ phenotype could not)", "monitor",
         "The genotype leaves the phenotype open; measure enzyme activity and watch blood counts closely."),
    Rule(r"^Clinical findings, family history", "no recommendation",
         "This genotype does not rule out susceptibility; clinical findings and family history decide."),
    Rule(r"relatively contraindicated in persons with malignant hyperthermia", "avoid",
         "Avoid; it can trigger malignant hyperthermia."),
    Rule(r"^Use ivacaftor according", "standard", "A responsive variant is present; usual dose."),
    Rule(r"^Ivacaftor is not recommended", "not indicated",
         "No responsive variant was found; benefit is not expected."),
    Rule(r"^If the patient has a FAMILY HISTORY", "avoid",
         "Avoid oestrogen-containing products where there is a personal or family history of thrombosis."),
    Rule(r"Approximately (70|30)% chance for SVR", "no recommendation",
         lambda m: f"About {m[1]}% respond to 48 weeks of peginterferon and ribavirin with this genotype."),
    Rule(r"^There is no need to avoid", "standard", "Usual dose; jaundice is unlikely to end treatment."),
    Rule(r"high likelihood of developing jaundice", "alternative",
         "Consider another agent; jaundice is likely."),
    Rule(r"[Pp]rescribe an alternative statin.*limit dose to (<=?)(\d+)mg", "alternative",
         lambda m: f"Use another statin; otherwise stay {'below' if m[1] == '<' else 'at or below'} "
                   f"{m[2]} mg a day."),
    Rule(r"[Pp]rescribe an alternative statin", "alternative", "Use another statin."),
    Rule(r"[Pp]rescribe ?<= ?(\d+) ?mg", "limit dose", _limit),
    Rule(r"[Pp]rescribe desired starting dose.*myopathy.*?>(\d+) ?mg", "monitor",
         lambda m: f"Usual starting dose; watch for myopathy, above all beyond {m[1]} mg a day."),
    Rule(r"[Pp]rescribe desired starting dose", "standard", "Usual starting dose."),
    Rule(r"[Rr]educe starting doses to 25% of normal", "alternative",
         "Use a non-thiopurine for non-malignant disease; in malignancy start at about 25% of the dose."),
    Rule(r"non-malignant conditions, consider alternative non-thiopurine", "alternative",
         "Use a non-thiopurine for non-malignant disease; in malignancy start at about a tenth of the dose."),
    Rule(r"[Ss]tart with drastically reduced(?: normal daily)? doses", "reduce dose",
         "Start at about a tenth of the usual daily dose and adjust to blood counts."),
    Rule(r"[Ss]tart with reduced (?:starting )?doses? \((\d+)%? ?(?:-|to) ?(\d+)%", "reduce dose",
         lambda m: f"Start at {m[1]} to {m[2]}% of the usual dose and adjust to blood counts."),
    Rule(r"[Ss]tart with normal starting dose", "standard", "Usual starting dose."),
    Rule(r"Use prasugrel or ticagrelor", "avoid",
         "Avoid; use prasugrel or ticagrelor unless contraindicated."),
    Rule(r"^Avoid use of 5-fluorouracil", "avoid", "Avoid fluorouracil and its prodrugs."),
    Rule(r"^Reduce starting dose by (\d+)%", "reduce dose", _reduction),
    Rule(r"^Avoid moderate and strong CYP2D6 inhibitors", "standard",
         "Usual dose, without moderate or strong CYP2D6 inhibitors."),
    Rule(r"hormonal therapy such as an aromatase inhibitor", "alternative",
         "Use another hormonal therapy; where that is contraindicated, consider a higher dose."),
    Rule(r"^Avoid .*(?:higher target dose)", "avoid",
         "Avoid; if there is no other choice, expect a higher target dose and follow drug levels."),
    Rule(r"^Avoid .*?(\d+)% reduction", "avoid", _avoid_else_reduce),
    Rule(r"^Avoid .*(?:therapeutic drug monitoring)", "avoid",
         "Avoid; if there is no other choice, guide the dose by drug levels."),
    Rule(r"^Avoid .*(?:toxicity)", "avoid", "Avoid; risk of toxicity."),
    Rule(r"^Avoid .*(?:diminished analgesia)", "avoid", "Avoid; little pain relief is to be expected."),
    Rule(r"25-50% of the lowest recommended starting dose", "reduce dose",
         "Start at 25 to 50% of the lowest usual dose and titrate slowly, or use another drug."),
    Rule(r"([\d-]+)% reduction of recommended starting dose and titrate to response or (?:select|use an)",
         "reduce dose", lambda m: f"Start {m[1]}% below the usual dose, or use another drug."),
    Rule(r"^Consider a (\d+)% reduction of recommended", "reduce dose", _reduction),
    Rule(r"decreased dose of ([\d or]+) mg/day", "reduce dose",
         lambda m: f"Consider starting at {m[1]} mg a day."),
    Rule(r"^Choose an alternative therapy not metabolized by CYP2C9", "alternative",
         "Use a drug that CYP2C9 does not clear, or one with a short half-life."),
    Rule(r"^Select alternative drug.*?(\d+)% reduction", "alternative",
         lambda m: f"Use another drug; otherwise start {m[1]}% below the usual dose."),
    Rule(r"^(?:Consider(?: an)?|Choose an|Select) alternative", "alternative",
         "Use a drug that does not depend on this enzyme."),
    Rule(r"^Increase starting dose 1\.5 to 2 times", "increase dose",
         "Start at 1.5 to 2 times the usual dose, guided by drug levels."),
    Rule(r"^Increase starting daily dose by (\d+)%", "increase dose",
         lambda m: f"Raise the daily starting dose by {m[1]}%."),
    Rule(r"^Initiate standard starting daily dose\. Consider increasing", "standard",
         "Usual starting dose; for H. pylori or erosive oesophagitis consider 50 to 100% more."),
    Rule(r"^Initiate standard starting daily dose\. For chronic therapy", "monitor",
         "Usual starting dose; after 12 weeks with effect, consider halving it."),
    Rule(r"does not respond to recommended maintenance dosing", "standard",
         "Usual starting dose; if there is no response, consider a drug that CYP2C19 does not clear."),
    Rule(r"no response and opioid use is warranted", "standard",
         "Usual dose; if pain is not relieved, use another opioid."),
    Rule(r"^Initiate with a dose of 40 mg/day and increase", "standard",
         "Usual titration from 40 to 80 mg a day; check the plasma level if there is no response."),
    Rule(r"^Initiate with a dose of 40 mg/day and if no", "monitor",
         "Start at 40 mg a day and raise only after 2 weeks without response; check the plasma level."),
    Rule(r"lowest effective dosage for shortest duration", "standard",
         "Usual starting dose, the lowest that works for the shortest time."),
    Rule(r"^(?:Initiate|Based on genotype, there is no indication|If considering clopidogrel, use at|"
         r"Use \w+ label|Insufficient evidence)", "standard", "Usual dose."),
)  # fmt: skip


def classify(text: str) -> tuple[str, str]:
    """Read one published recommendation.

    Parameters
    ----------
    text
        The recommendation as published.

    Returns
    -------
    tuple of str
        The action, one of `ACTIONS`, and a sentence of our own.

    Raises
    ------
    ValueError
        If no rule reads the text.

    Examples
    --------
    >>> classify("Consider a 25% reduction of recommended starting dose.")
    ('reduce dose', 'Start 25% below the usual dose and titrate to response.')
    """
    for rule in RULES:
        match = re.search(rule.pattern, text, re.DOTALL)
        if match:
            return rule.action, rule.sentence if isinstance(rule.sentence, str) else rule.sentence(match)
    raise ValueError(f"no rule reads the recommendation {text[:80]!r}: add one to varimol.curate.guidance")


def guidance_rows(
    recommendations: Iterable[Mapping[str, str]], origin: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Turn published recommendations into rows of the guidance table.

    Parameters
    ----------
    recommendations
        Rows with Drug, Gene1, Phenotype1, Gene2, Phenotype2 and Recommendation; Gene2 ``None`` for a drug
        that depends on one gene. Phenotype ``None`` means that the gene has no result.
    origin
        source and source_version.
    """
    rows = []
    for number, row in enumerate(recommendations, start=1):
        action, sentence = classify(row["Recommendation"])
        paired = row["Gene2"] != "None"
        rows.append(
            {
                "drug": row["Drug"],
                "gene": row["Gene1"],
                "phenotype": _PHENOTYPES.get((row["Gene1"], row["Phenotype1"]), row["Phenotype1"]),
                "gene_2": row["Gene2"] if paired else "",
                "phenotype_2": row["Phenotype2"] if paired else "",
                "action": action,
                "recommendation": sentence,
                "strength": "",
                "population": _POPULATIONS.get(row["Drug"], ""),
                "source_row": number,
                **origin,
            }
        )
    return sorted(rows, key=lambda r: (r["drug"], r["gene"], r["gene_2"], r["source_row"]))
