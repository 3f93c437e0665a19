"""One line of a file of outside calls: alleles, phenotype and activity score as other programs write them.

Read are the ways that PharmCAT documents: alleles with or without their gene's name, combinations in
brackets, common short forms of phenotypes, ``≥`` before a score. What is not read as it stands is told in a
note.

References
----------
PharmCAT, Outside Call Format, https://pharmcat.clinpgx.org/using/Outside-Call-Format/
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from genomics.star_names import AlleleCopies, haplotype_name, natural_order, parse_haplotype

NO_CALL = frozenset({".", "./.", "/"})
_EMPTY = frozenset({"", "n/a", "na"})
# PharmCAT's documentation lists these.
_SHORT = {"pm": "Poor", "im": "Intermediate", "nm": "Normal", "em": "Normal", "um": "Ultrarapid"}
_METABOLISER = re.compile(r"metaboli[sz]ers?", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"\s*\((?:pm|im|nm|em|um)\)", re.IGNORECASE)
_HLA_ALLELE = re.compile(r"(\*\d+:\d+[A-Z]?)((?::\d+)*[A-Z]?)")
_HLA_RESULT = re.compile(r"(\S+)[\s:]+(positive|negative)", re.IGNORECASE)
_SUBALLELE = re.compile(r"(\*\d+)\.\d+")
_SCORE = re.compile(r"(≥|>=)?\s*(\d+(?:\.\d*)?|\.\d+)")


@dataclass(frozen=True)
class GeneNames:
    """What is known of a gene's names.

    Attributes
    ----------
    alleles
        In the order of the definition; empty for a gene without one, whose alleles are not checked.
    phenotypes
        Its phenotypes; empty where they are not known.
    one_copy
        A single allele is a call: the gene lies on X or in the mitochondria.
    """

    alleles: tuple[str, ...] = ()
    phenotypes: tuple[str, ...] = ()
    one_copy: bool = False


class FieldError(Exception):
    """A field that cannot be read: which one, what is wrong, what was expected and how to go on."""

    def __init__(self, field: str, message: str, expected: str, hint: str = "") -> None:
        self.field, self.message, self.expected, self.hint = field, message, expected, hint
        super().__init__(f"{field}: {message}")


@dataclass(frozen=True)
class OutsideCall:
    """One call; empty or NaN where it was not given."""

    diplotype: str = ""
    phenotype: str = ""
    activity_score: float = math.nan
    notes: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Nothing was given."""
        return not self.diplotype and not self.phenotype and math.isnan(self.activity_score)


def parse_call(
    gene: str, diplotype: str, phenotype: str, activity_score: str, names: GeneNames
) -> OutsideCall | None:
    """Read one line's fields.

    Parameters
    ----------
    gene
        The gene, as `names` has it.
    diplotype, phenotype, activity_score
        The fields; each may be empty.
    names
        What is known of the gene's names.

    Returns
    -------
    OutsideCall or None
        None for a no-call (``./.``), which says nothing.

    Raises
    ------
    FieldError
        Naming the field.

    Examples
    --------
    >>> parse_call("CYP2D6", "CYP2D6*4 / *1x2", "", "", GeneNames(("*1", "*4"))).diplotype
    '*1x2/*4'
    >>> parse_call("HLA-B", "", "HLA-B*57:01 Positive", "", GeneNames()).phenotype
    '*57:01 positive'
    """
    diplotype, phenotype, score = (" ".join(text.split()) for text in (diplotype, phenotype, activity_score))
    if is_hla(gene) and not phenotype and _HLA_RESULT.fullmatch(diplotype):
        diplotype, phenotype = "", diplotype
    notes: list[str] = []
    no_call = diplotype in NO_CALL
    call = OutsideCall(
        "" if no_call or not diplotype else _diplotype(gene, diplotype, names, notes),
        _phenotype(gene, phenotype, names, notes) if phenotype else "",
        _activity(score, notes),
    )
    if call.is_empty:
        if no_call:
            return None
        raise FieldError(
            "diplotype", "there are no alleles, no phenotype and no activity score",
            "at least one of the three", "separate fields by tabs",
        )  # fmt: skip
    return OutsideCall(call.diplotype, call.phenotype, call.activity_score, tuple(notes))


def is_hla(gene: str) -> bool:
    """Whether a gene's results are told allele by allele."""
    return gene.startswith("HLA-")


def hla_results(phenotype: str) -> dict[str, str]:
    """Read ``*57:01 positive; *58:01 negative`` as results by allele."""
    return dict(part.rsplit(" ", 1) for part in phenotype.split("; ")) if phenotype else {}


def _diplotype(gene: str, text: str, names: GeneNames, notes: list[str]) -> str:
    parts = [part.strip() for part in text.split("/")]
    if not all(parts) or len(parts) > 2 or re.search(r"\sor\s", text):
        raise FieldError(
            "diplotype",
            f"{text!r} is no diplotype of {gene}",
            "two alleles joined by /",
            "write it like *1/*4",
        )
    if len(parts) == 1 and not names.one_copy:
        raise FieldError(
            "diplotype", f"{text!r} is one allele, and {gene} has two copies", "two alleles joined by /",
            "write the allele twice if both copies have it",
        )  # fmt: skip
    haplotypes = [_haplotype(gene, part, names, notes) for part in parts]
    place = {name: i for i, name in enumerate(names.alleles)}

    def order(units: tuple[AlleleCopies, ...]) -> tuple[int, tuple[int, int, str], str]:
        first = units[0].name
        return place.get(first, len(place)), natural_order(first), haplotype_name(units)

    return "/".join(haplotype_name(units) for units in sorted(haplotypes, key=order))


def _haplotype(gene: str, text: str, names: GeneNames, notes: list[str]) -> tuple[AlleleCopies, ...]:
    text = _without_gene(gene, text)
    if not text:
        raise FieldError("diplotype", f"{gene} alone names no allele", "an allele such as *4")
    written = {name.casefold(): name for name in names.alleles}
    if text.casefold() in written:
        return (AlleleCopies(written[text.casefold()]),)
    if is_hla(gene):
        return (AlleleCopies(_hla_allele(gene, text, notes)),)
    units = [
        AlleleCopies(_allele(gene, unit.name, names, notes), unit.least, unit.most)
        for unit in parse_haplotype(text)
    ]
    return parse_haplotype(haplotype_name(units), names.alleles)


def _without_gene(gene: str, text: str) -> str:
    """Leave the gene's name out; HLA alleles are also written with the locus alone (``B*57:01``)."""
    prefixes = [gene, gene.rpartition("-")[2]] if is_hla(gene) else [gene]
    parts = []
    for part in text.split("+"):
        for prefix in prefixes:
            part = re.sub(rf"^(\s*\[?\s*){re.escape(prefix)}\s*(?=\*)", r"\1", part, flags=re.IGNORECASE)
        parts.append(part)
    joined = "+".join(parts).strip()
    return re.sub(rf"^{re.escape(gene)}\s+", "", joined, flags=re.IGNORECASE)


def _allele(gene: str, name: str, names: GeneNames, notes: list[str]) -> str:
    known = {one.casefold(): one for one in names.alleles}
    if name.casefold() in known:
        return known[name.casefold()]
    suballele = _SUBALLELE.fullmatch(name)
    if suballele and (not known or suballele.group(1) in known):
        notes.append(f"{name} read as {suballele.group(1)}")
        return suballele.group(1)
    if known:
        notes.append(f"{name} is not in our definitions of {gene}: no phenotype follows from it")
    return name


def _hla_allele(gene: str, text: str, notes: list[str]) -> str:
    found = _HLA_ALLELE.fullmatch(text)
    if not found:
        raise FieldError("diplotype", f"{text!r} is no allele of {gene}", "an allele such as *57:01")
    if found.group(2):
        notes.append(f"{text} read as {found.group(1)}")
    return found.group(1)


def _phenotype(gene: str, text: str, names: GeneNames, notes: list[str]) -> str:
    if is_hla(gene):
        results = [_hla_result(gene, part.strip(), notes) for part in text.split(";") if part.strip()]
        return join_results(gene, results)
    plain = _IN_BRACKETS.sub("", re.sub(re.escape(gene), "", text, flags=re.IGNORECASE)).strip()
    plain = " ".join(_METABOLISER.sub("Metabolizer", plain).split())
    if plain.casefold() in _SHORT:
        plain = f"{_SHORT[plain.casefold()]} Metabolizer"
    written = {name.casefold(): name for name in names.phenotypes}
    if plain.casefold() in written:
        return written[plain.casefold()]
    if written:
        notes.append(f"{plain!r} is none of the phenotypes that we know for {gene}: kept as written")
    return plain or text


def _hla_result(gene: str, text: str, notes: list[str]) -> tuple[str, str]:
    found = _HLA_RESULT.fullmatch(text)
    if not found:
        raise FieldError(
            "phenotype", f"{text!r} is no result of {gene}", "an allele and positive or negative",
            "write it like *57:01 positive",
        )  # fmt: skip
    allele = _without_gene(gene, found.group(1))
    if not re.fullmatch(r"\*\d+(:\d+[A-Z]?)*", allele):
        raise FieldError("phenotype", f"{allele!r} is no allele of {gene}", "an allele such as *57:01")
    return allele, found.group(2).lower()


def join_results(gene: str, results: list[tuple[str, str]]) -> str:
    """Write results by allele, in the alleles' order.

    Raises
    ------
    FieldError
        An allele is both positive and negative.

    Examples
    --------
    >>> join_results("HLA-B", [("*58:01", "negative"), ("*57:01", "positive")])
    '*57:01 positive; *58:01 negative'
    """
    by_allele: dict[str, str] = {}
    for allele, result in results:
        if by_allele.setdefault(allele, result) != result:
            raise FieldError(
                "phenotype", f"{gene}{allele} is both positive and negative", "one result per allele"
            )
    ordered = sorted(by_allele.items(), key=lambda item: natural_order(item[0]))
    return "; ".join(f"{allele} {result}" for allele, result in ordered)


def _activity(text: str, notes: list[str]) -> float:
    if text.casefold() in _EMPTY:
        return math.nan
    found = _SCORE.fullmatch(text)
    if not found:
        raise FieldError("activity_score", f"{text!r} is no activity score", "a number of 0 or more")
    if found.group(1):
        notes.append(f"activity score {text} read as its lower bound")
    return float(found.group(2))
