"""Our words against the sentences that they stand for: nothing lost, nothing added, nothing copied."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import pytest

from varimol import tables
from varimol.curate.guidance import words_of


class Pair(NamedTuple):
    """A published sentence, our words for it, and the drugs that it is about."""

    theirs: str
    ours: str
    population: str
    drugs: frozenset[str]


@pytest.fixture(scope="module")
def pairs(shared_data: Path) -> list[Pair]:
    """Return each distinct sentence of the source once; the literal None has nothing to compare."""
    path = shared_data / "pharmacogenes" / "pypgx_tables" / "recommendation-table.csv"
    with path.open(newline="", encoding="utf-8") as handle:
        rows = sorted(csv.DictReader(handle), key=lambda row: row["Recommendation"])
    found = []
    for text, group in groupby(rows, key=lambda row: row["Recommendation"]):
        if text != "None":
            known = words_of(text, 0)
            drugs = frozenset(row["Drug"] for row in group)
            found.append(Pair(" ".join(text.split()), known.recommendation, known.population, drugs))
    assert len(found) == 215
    return found


def differing(pairs: list[Pair], read: Callable[[str], object]) -> Iterator[Pair]:
    """Pairs of which ``read`` takes something else from the source than from our words."""
    yield from (pair for pair in pairs if read(pair.theirs) != read(pair.ours))


NUMBER = r"\d+(?:\.\d+)?"
UNITS = {
    "%": "%", "mg/kg": "mg/kg", "mg/m2": "mg/m2", "mg": "mg", "ng/ml": "ng/mL", "week": "weeks", "day": "days",
    "hour": "hours", "fold": "fold", "times": "times",
}  # fmt: skip
QUANTITY = re.compile(
    rf"({NUMBER})\s*%?\s*(?:(?:-|to|or)\s*({NUMBER})\s*)?-?\s*(%|mg/kg|mg/m2|mg|ng/ml|week|day|hour|fold|times)"
)


def quantities(text: str) -> set[tuple[float, str]]:
    """Numbers with their units, both ends of a range.

    The day of "mg/day" is not among them: the source leaves it out as often as not.
    """
    found = set()
    for low, high, unit in QUANTITY.findall(text.lower()):
        found |= {(float(number), UNITS[unit]) for number in (low, high) if number}
    return found


def numbers(text: str) -> set[float]:
    """Every number but those of papers, figures, genes and drugs' names."""
    text = re.sub(r"\d{7,8}|203542\+J1301|Figure 1|Table 2|5-fluorouracil|mg/m2|alfa-2[ab]|90% CI", " ", text)
    text = re.sub(r"CYP\w+|UGT1A1|SLCO1B1|ABCG2|NUDT15|H\. pylori", " ", text)
    return {float(number) for number in re.findall(NUMBER, text)}


BOUNDS = (
    (">=", r">=\s*|at least (?:about )?"),
    ("<=", r"<=\s*|no more than |not exceed "),
    ("<", r"<\s*(?!=)|below |less than (?:about )?(?:a )?"),
    (">", r">\s*(?!=)|greater than |(?<!no )more than "),
)


def bounds(text: str) -> set[tuple[str, float]]:
    """Numbers that are a limit, with the side that they limit."""
    # Below the limit that the sentence has named already: we say "lower", see the subject "low already".
    text = re.sub(r"is already < 75 mg/m2/day or < 1\.5 mg/kg/day", " ", text)
    return {
        (sign, float(number)) for sign, words in BOUNDS for number in re.findall(rf"(?:{words})({NUMBER})", text)
    }  # fmt: skip


def test_quantities__of_a_sentence() -> None:
    text = "Start at 30%-80% of 1.5 mg/kg/day, 400 or 200 mg, cut 10-fold; 24-28 weeks, 75 mg/m2 to 3 days"
    assert quantities(text) == {
        *((30, "%"), (80, "%"), (1.5, "mg/kg"), (400, "mg"), (200, "mg"), (10, "fold")),
        *((24, "weeks"), (28, "weeks"), (75, "mg/m2"), (3, "days")),
    }


def test_words__every_number_of_the_source_and_no_other(pairs: list[Pair]) -> None:
    assert list(differing(pairs, numbers)) == []
    assert sum(bool(numbers(pair.ours)) for pair in pairs) > 130


def test_words__every_quantity_with_its_unit(pairs: list[Pair]) -> None:
    assert list(differing(pairs, quantities)) == []


def test_words__limits_on_the_same_side(pairs: list[Pair]) -> None:
    assert list(differing(pairs, bounds)) == []
    assert sum(bool(bounds(pair.ours)) for pair in pairs) > 50


# What a sentence may ask for: how the source writes it, and how we do.
SUBJECTS = {
    "three times a week": ("thrice weekly instead of daily", "three times a week instead of daily"),
    "drug levels": ("drug monitoring|plasma concentration", r"\blevels?\b"),
    "strongly": ("strongly recommended", "strongly advised"),
    "myopathy": ("possible increased risk for myopathy", "risk of myopathy may be raised"),
    "toxicity": ("toxicity", "toxic"),
    "closely": ("monitor closely for toxicity", "watch closely for toxicity"),
    "blood counts": ("degree of myelosuppression|based on myelosuppression", "adjust by myelosuppression"),
    "which drug gives way": (
        "emphasis should be on reducing",
        "cut (mercapto|thiogu)[a-z]+ before other drugs",
    ),
    "none gives way": ("without any special emphasis", "without singling out"),
    "other therapy": ("depending on other therapy", "depending on these"),
    "low already": ("normal starting dose is already <", "if already lower"),
    "steady state": ("steady", "steady state"),
    "enzyme activity": ("erythrocyte", "activity in red cells"),
    "phenotype unknown": (
        "could not be|not available|status is unknown|no NUDT15",
        "is not known|is known: |Only (CYP|SLCO|ABCG)",
    ),
    "non-malignant": ("non-malignant", "non-malignant"),
    "malignancy": (r"(?<!non-)malignan(cy|t conditions)", r"(?<!non-)malignancy"),
    "no thiopurine": ("non-thiopurine", "non-thiopurine"),
    "if possible": ("if possible", "if possible"),
    "contraindication": ("(?<!relatively )contraindicat", "contraindicated"),
    "exception": ("extraordinary circumstances", "extraordinary circumstances"),
    "higher target": ("higher target dose", "higher target dose"),
    "target compared": ("compared to normal metabolizers", "than in normal metabolisers"),
    "titrated": ("titrat(e|ion|ing) (dose|of|to response)", "titrat(e|ing) (to|by)|raise it with caution"),
    "another statin": ("alternative statin", "another statin"),
    "statin and another": ("combination therapy", "adding a non-statin"),
    "potency": ("desired potency|higher potency", "potency"),
    "tolerated": ("tolerating", "tolerated"),
    "guidelines of the disease": ("disease-specific", "guidelines of the disease|disease guidelines"),
    "guidelines of the population": ("specific population guidelines", "the patient's population"),
    "side effects": ("side effects", "side effects"),
    "divided doses": ("divided doses", "divided"),
    "does it work": ("for (continued )?efficacy", "that it (still )?works"),
    "what to watch": ("blood pressure and kidney", "blood pressure, kidneys"),
    "shortest": ("shortest duration", "shortest time"),
    "maximum": ("maximum recommended", "maximum dose"),
    "inhibitors": ("inhibitor", "inhibitor"),
    "ovaries": ("ovarian", "ovarian"),
    "menopause": ("menopaus", "menopause"),
    "tertiary amine": ("tertiary amine", "tertiary amine"),
    "secondary amine": ("secondary amine", "secondary amine"),
    "no response": (
        "does not respond|no( clinical)? response",
        "no response|neither response|without response",
    ),
    "adverse events": ("adverse events", "adverse events"),
    "jaundice": ("jaundice", "jaundice"),
    "label": ("label|prescribing information", "label|lowest dose that works"),
    "age or weight": ("age- or weight", "age or weight"),
    "opioid": ("opioid", "opioid"),
    "evidence": ("insufficient evidence|minimal evidence", "evidence"),
    "if it must be": (
        "warranted|needed (for|but)|potency is needed|^(Neither|TPMT|NUDT15)|tertiary amines, consider",
        "is needed|with a tertiary amine",
    ),
    "less": (r"% reduction of (the )?recommended|Reduce starting dose by", "% below the usual dose"),
    # Clopidogrel's 75 mg is by the day in two of the source's three sentences.
    "by the day": ("mg/day|mg per day|75 mg(?!/m2)", "mg a day"),
    "nothing to change": ("no indication to change", "nothing in the genotype calls for another"),
    "where it matters most": ("especially (for|with)", "above all (with|at)"),
    "no cut": ("reduction may not be recommended", "a cut may not be advised"),
    "too weak": ("sub-optimal response", "response may be too weak"),
    "does not work": ("lack of efficacy", "may not work"),
    "pain": ("diminished analgesia", "too little pain"),
    "harm": ("due to potential for side effects", "side effects may follow"),
    "without hormones": ("non-hormone", "without hormones, such as a copper coil"),
    "progestogen": ("progestogen-only", "progestogen alone, such as depot injection"),
    "other risks": (r"obesity, smoking", "smoking, obesity"),
    "thrombosis": ("previous thrombosis", "after a thrombosis, or with much thrombosis in the family"),
    "laboratory": ("family history, further genetic", "family history, clinical findings, laboratory"),
    "in vivo": ("in vivo", "in vivo"),
    "other anaesthetics": ("alternative anesthetics", "other anaesthetics are widely available"),
    "first choice": ("in lieu of voriconazole", "instead of voriconazole"),
    "clinical advice": ("clinical advice", "if clinical advice"),
    "better than tamoxifen": ("superior to tamoxifen", "both do better than tamoxifen"),
    "every inhibitor": ("strong to weak", "strong to weak"),
    "hormonal": ("hormonal therapy", "hormonal therapy"),
    "lowered again": ("unacceptable side effects", "unacceptable at any time, consider a lower dose"),
    "avoid": (r"avoid\b(?! prescribing)|should not be used", r"avoid\b(?! it\.)|advise against"),
    "consider": ("consider(?! implications|ation|ed to be|ing clopidogrel)", "consider"),
}


@pytest.mark.parametrize("subject", SUBJECTS)
def test_words__speak_of_what_the_source_speaks_of(pairs: list[Pair], subject: str) -> None:
    theirs, ours = (re.compile(pattern, re.IGNORECASE) for pattern in SUBJECTS[subject])
    wrong = [pair for pair in pairs if bool(theirs.search(pair.theirs)) != bool(ours.search(pair.ours))]
    assert wrong == []
    assert any(theirs.search(pair.theirs) for pair in pairs)


# How a sentence begins, or what it holds, and what it then asks for in the first place.
ACTION_OF = {
    r"^Avoid (?!moderate and strong)": "avoid",
    r"should not be used": "avoid",
    r"^(Based on \w+ status, )?(Prescribe|prescribe) <=": "limit dose",
    r"^[^<]*(P|p)rescribe desired starting dose(?!.*myopathy)": "standard",
    r"^[^<]*(P|p)rescribe desired starting dose.*myopathy": "monitor",
    r"^Prescribe an alternative": "alternative",
    r"^(Select|Choose an|Consider|Consider an|Recommend) alternative": "alternative",
    r"onsider alternative non-thiopurine": "alternative",
    r"\((30%-80%|50% to 80%) of normal dose\)": "reduce dose",
    r"^(Consider a|Reduce starting dose by) \d.*reduction|^Reduce starting dose by": "reduce dose",
    r"^Consider initiating .* decreased dose": "reduce dose",
    r"start with normal starting dose": "standard",
    r"^Initiate (therapy|efavirenz) with (the )?(recommended|standard)(?!.*25-50%)": "standard",
    r"label recommended": "standard",
    r"^Increase": "increase dose",
}


@pytest.mark.parametrize("pattern", ACTION_OF)
def test_words__action(pairs: list[Pair], pattern: str) -> None:
    found = [pair for pair in pairs if re.search(pattern, pair.theirs)]
    assert found
    assert {words_of(pair.theirs, 0).action for pair in found} == {ACTION_OF[pattern]}


# Drugs that sentences name and the table of gene-drug pairs does not.
OTHER_DRUGS = {
    "prasugrel", "ticagrelor", "isavuconazole", "amphotericin", "posaconazole", "granisetron", "anastrozole",
    "etonogestrel", "levonorgestrel", "endoxifen", "aromatase",
}  # fmt: skip


def test_words__name_every_other_drug_of_the_source(pairs: list[Pair]) -> None:
    known = {word for drug in tables.gene_drugs()["drug"] for word in [drug] if " " not in drug} | OTHER_DRUGS
    for pair in pairs:
        theirs, ours = (
            {word for word in re.findall(r"[a-z]+", text.lower()) if word in known} - pair.drugs
            for text in (pair.theirs.replace("amitripyline", "amitriptyline"), pair.ours)
        )
        assert theirs == ours, pair
    assert any("isavuconazole" in pair.ours for pair in pairs)


def test_words__exclude_the_opioid_that_the_source_excludes(pairs: list[Pair]) -> None:
    excluding = 0
    for pair in pairs:
        theirs = set(re.findall(r"non-(codeine|tramadol)", pair.theirs))
        told = re.search(r"one other than ([a-z ]+)\.", pair.ours)
        ours = set(told[1].split(" or ")) if told else set()
        assert theirs == ours, pair
        excluding += bool(ours)
    assert excluding == 8


GENES = re.compile(r"CYP2C19|CYP2C9|CYP2D6|SLCO1B1|ABCG2|TPMT|NUDT15|UGT1A1")


def test_words__name_the_genes_that_the_source_names(pairs: list[Pair]) -> None:
    for pair in pairs:
        theirs, ours = (set(GENES.findall(text)) for text in (pair.theirs, pair.ours))
        # "Based on TPMT status" needs no saying where the other gene is said to be unknown.
        based_on = set(re.findall(r"Based (?:on )?(TPMT|NUDT15)", pair.theirs))
        # "either TPMT or NUDT15" neither, where one of them is.
        either = {"TPMT", "NUDT15"} if "Neither" not in pair.ours and "either TPMT" in pair.theirs else set()
        assert ours <= theirs, pair
        assert theirs - ours <= based_on | either, pair
        if theirs and not ours:
            pytest.fail(f"no gene in {pair.ours!r}")


def test_words__the_gene_said_to_be_unknown(pairs: list[Pair]) -> None:
    unknown = re.compile(
        r"(CYP2C9|SLCO1B1|ABCG2|TPMT|NUDT15) (?:phenotype|status|genotype)(?: result)? "
        r"(?:could not|is not available)"
    )
    told = re.compile(r"(?:, not (\w+)\.)|(?: (TPMT|NUDT15) is not known)")
    checked = 0
    for pair in pairs:
        theirs, ours = set(unknown.findall(pair.theirs)), {a or b for a, b in told.findall(pair.ours)}
        if "Neither" not in pair.ours:
            assert theirs == ours, pair
            checked += bool(ours)
    assert checked > 60


def _words(text: str) -> list[str]:
    return [word for word in (part.strip(".,;:()<>=").lower() for part in text.split()) if word]


def test_words__are_not_the_sources(pairs: list[Pair]) -> None:
    for pair in pairs:
        theirs, ours = _words(pair.theirs), _words(pair.ours)
        runs = {tuple(theirs[i : i + 7]) for i in range(len(theirs) - 6)}
        copied = [ours[i : i + 7] for i in range(len(ours) - 6) if tuple(ours[i : i + 7]) in runs]
        assert not copied, pair
        assert " ".join(theirs) != " ".join(ours), pair


def test_words__can_be_read_at_a_glance(pairs: list[Pair]) -> None:
    lengths = sorted(len(pair.ours) for pair in pairs)
    assert lengths[-1] <= 460 and lengths[len(lengths) // 2] <= 250
    for pair in pairs:
        assert pair.ours[0].isupper() and pair.ours.endswith(".")
        assert not re.search(r"PMID|metaboliz|estrogen(?<!oestrogen)|esthetic(?<!aesthetic)|  ", pair.ours), (
            pair
        )


def test_words__poor_metabolisers_of_tpmt_and_of_nudt15_are_told_apart() -> None:
    table = tables.guidance().set_index(["drug", "phenotype", "phenotype_2"])["recommendation"]
    for drug in ("azathioprine", "mercaptopurine", "thioguanine"):
        by_tpmt = table[drug, "Normal Metabolizer", "Poor Metabolizer"]
        by_nudt15 = table[drug, "Poor Metabolizer", "Normal Metabolizer"]
        assert "three times a week instead of daily" in by_tpmt
        assert "three times" not in by_nudt15


def test_words__people_are_named_where_the_source_names_them(pairs: list[Pair]) -> None:
    named = {pair.population: pair.drugs for pair in pairs if pair.population}
    assert named == {
        "people with cystic fibrosis": {"ivacaftor"},
        "people with a previous thrombosis or much thrombosis in the family": {
            "hormonal contraceptives for systemic use"
        },
        "women, before and after the menopause": {"tamoxifen"},
    }
