"""Turn published dosing recommendations into actions, said in varimol's own words.

A guideline's sentence is copyrighted prose; what it asks for is a fact. ``guidance_words.tsv`` has one row per
distinct sentence of the source: its digest (the sentence itself is not kept), the action, whom it is meant for, and
all that it asks for in words of our own, with every dose, limit and condition. A sentence without a row stops the
curation, so that a new release cannot slip through; sentences that ask for the same share their words, because
`genomics.recommendations` weighs advice by its words.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from genomics.errors import InputError
from genomics.metaboliser import INDETERMINATE
from genomics.recommendations import NO_RECOMMENDATION

ACTIONS = (
    "avoid", "alternative", "reduce dose", "limit dose", "increase dose", "monitor",
    "standard", "not indicated", "no recommendation",
)  # fmt: skip
"""Every action of the guidance table, the most pressing first."""
WARNING_ACTIONS = ACTIONS[: ACTIONS.index("standard")]
"""Actions that ask for something other than to treat as usual."""

# The table speaks of response to ivacaftor as favourable or not; the definitions' release names it so:
_PHENOTYPES = {
    ("CFTR", "Favorable Response"): "ivacaftor responsive in CF patients",
    ("CFTR", "Unfavorable Response"): "ivacaftor non-responsive in CF patients",
}
TABLE = Path(__file__).with_name("guidance_words.tsv")
"""Our words for every published sentence."""
_GAP = "None"
Row = dict[str, Any]


class Words(NamedTuple):
    """What one published sentence asks for: action, whom it is meant for, and our words."""

    action: str
    population: str
    recommendation: str


def digest(text: str) -> str:
    """Name a published sentence by the start of its SHA-256, whatever its spaces and line breaks.

    Examples
    --------
    >>> digest("None"), digest("  None ") == digest("None")
    ('dc937b598926', True)
    """
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:12]


def read_words(path: Path) -> dict[str, Words]:
    """Read a table of words.

    Parameters
    ----------
    path
        Tab-separated, with digest (see `digest`), action, population and recommendation.

    Returns
    -------
    dict
        Words by digest.

    Raises
    ------
    InputError
        A column is missing, a digest stands twice, an action is none of `ACTIONS` or a row has no words.

    Examples
    --------
    >>> read_words(TABLE)[digest("None")].action
    'no recommendation'
    """
    found: dict[str, Words] = {}
    with path.open(newline="", encoding="utf-8") as handle:
        for number, row in enumerate(csv.DictReader(handle, delimiter="\t"), start=1):
            known = Words(*(row.get(name) or "" for name in Words._fields))
            if not row.get("digest") or known.action not in ACTIONS or not known.recommendation:
                raise InputError(
                    "the row is not complete", file=path, record=number,
                    expected=f"digest, recommendation and an action, one of {', '.join(ACTIONS)}",
                    hint="complete it",
                )  # fmt: skip
            if row["digest"] in found:
                raise InputError(
                    f"{row['digest']} stands twice", file=path, record=number, field="digest",
                    expected="one row per sentence", hint="remove one of the two",
                )  # fmt: skip
            found[row["digest"]] = known
    return found


_shipped_words = cache(read_words)


def words_of(text: str, number: int) -> Words:
    """Say one published recommendation in our words.

    Parameters
    ----------
    text
        The recommendation as published.
    number
        Row of the source, counted from 1, for the message.

    Raises
    ------
    InputError
        The table has no row for it: somebody must read the sentence and write one.

    Examples
    --------
    >>> words_of("None", 2)
    Words(action='no recommendation', population='', recommendation='No recommendation for this phenotype.')
    """
    known = _shipped_words(TABLE).get(digest(text))
    if known is None:
        raise InputError(
            f"no words for the recommendation that begins {' '.join(text.split()[:8])!r}",
            file="recommendation-table.csv", record=number, field="Recommendation",
            expected=f"a sentence of {TABLE.name}",
            hint=f"read it and add a row with the digest {digest(text)}",
        )  # fmt: skip
    return known


def guidance_rows(recommendations: Iterable[Mapping[str, str]], origin: Mapping[str, str]) -> list[Row]:
    """Turn published recommendations into rows of the guidance table.

    Parameters
    ----------
    recommendations
        Rows with Drug, Gene1, Phenotype1, Gene2, Phenotype2 and Recommendation; Gene2 ``None`` for a drug
        that depends on one gene. Phenotype ``None`` means that the gene has no result, Recommendation ``None``
        that the source has nothing to say: such gaps are filled as `deduced` does.
    origin
        source and source_version.

    Raises
    ------
    InputError
        A recommendation is not in the table of words.
    """
    rows: list[Row] = []
    gaps: list[Row] = []
    for number, published in enumerate(recommendations, start=1):
        row = _guidance_row(published, number) | {**origin}
        (gaps if published["Recommendation"].strip() == _GAP else rows).append(row)
    of_drug: dict[str, list[Row]] = {}
    for row in rows:
        of_drug.setdefault(row["drug"], []).append(row)
    rows += [deduced(gap, of_drug.get(gap["drug"], [])) for gap in gaps]
    for said in of_drug.values():
        filled = [deduced(gap, said) for gap in _not_listed(said, rows)]
        rows += [row for row in filled if row["action"] in WARNING_ACTIONS]
    return sorted(rows, key=lambda row: (row["drug"], row["gene"], row["gene_2"], *_place(row)))


def _not_listed(said: Sequence[Row], rows: Sequence[Row]) -> Iterator[Row]:
    """Pairs of phenotypes of one drug of which one gene's is indeterminate, and which the source does not list."""
    listed = {(row["drug"], row["phenotype"], row["phenotype_2"]) for row in rows}
    for row in said if said[0]["gene_2"] else ():
        for column in ("phenotype", "phenotype_2"):
            gap = row | {column: INDETERMINATE, "action": NO_RECOMMENDATION, "source_row": ""}
            key = (gap["drug"], gap["phenotype"], gap["phenotype_2"])
            if key not in listed:
                listed.add(key)
                yield gap


def _place(row: Row) -> tuple[int, int]:
    """Where a row stands in the source; after all others if it is not in it."""
    numbers = [int(number) for number in re.findall(r"\d+", str(row["source_row"]))]
    return (1, numbers[-1]) if str(row["source_row"]).startswith("as ") else (0, numbers[0])


def _guidance_row(published: Mapping[str, str], number: int) -> Row:
    said = words_of(published["Recommendation"], number)
    gene, phenotype = published["Gene1"], published["Phenotype1"]
    paired = published["Gene2"] != "None"
    return {
        "drug": published["Drug"],
        "gene": gene,
        "phenotype": _PHENOTYPES.get((gene, phenotype), phenotype),
        "gene_2": published["Gene2"] if paired else "",
        "phenotype_2": published["Phenotype2"] if paired else "",
        "action": said.action,
        "recommendation": said.recommendation,
        "strength": "",
        "population": said.population,
        "source_row": number,
    }


def deduced(gap: Row, said: Sequence[Row]) -> Row:
    """Fill a gap of a drug of two genes where the source's other rows leave no doubt.

    If for the phenotype of one of the genes every row that says anything asks for the same, whatever the other gene's
    phenotype, so does the gap; ``source_row`` then names the first of those rows too (``155, as 149``; ``as 149`` where
    the source does not list the pair).
    Only warnings are carried over: a gap never becomes a recommendation to treat as usual.

    Parameters
    ----------
    gap
        Row of the guidance table that the source leaves open.
    said
        Rows of the same drug that it does not.

    Examples
    --------
    >>> gap = {"gene_2": "RYR1", "phenotype": "MHS", "phenotype_2": "MHS", "source_row": 152}
    >>> row = {"phenotype": "Uncertain", "phenotype_2": "MHS", "action": "avoid", "recommendation": "Avoid.",
    ...        "population": "", "source_row": 149}
    >>> filled = deduced(gap, [row])
    >>> filled["action"], filled["source_row"]
    ('avoid', '152, as 149')
    """
    witnesses = []
    for column in ("phenotype", "phenotype_2") if gap["gene_2"] else ():
        same = [row for row in said if row[column] == gap[column]]
        if len({tuple(row[name] for name in Words._fields) for row in same}) == 1:
            witnesses += [row for row in same if row["action"] in WARNING_ACTIONS]
    if not witnesses:
        return gap
    first = min(witnesses, key=lambda row: (ACTIONS.index(row["action"]), row["source_row"]))
    source_row = f"{gap['source_row']}, as {first['source_row']}".removeprefix(", ")
    return gap | {name: first[name] for name in Words._fields} | {"source_row": source_row}
