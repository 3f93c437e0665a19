"""Protein variants as they are written, and the sequences they make.

A variant is a list of changes: substitutions, in-frame deletions, insertions and duplications, in HGVS notation
(``p.Thr315Ile``, ``p.Glu746_Ala750del``), in one letter, or as kinase panels write them
(``E746A750del``, ``L747-S752del,P753S``, ``L747-T751del,Sins``). Positions are 1-based. Every residue that a
variant names is compared with the sequence: where one does not match, nothing is made.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from chem.errors import InputError

FLANK = 10
"""Residues on each side of a site that have to be found, once, to carry its number over from another isoform."""
MIN_SITES = 3
"""Positions that have to agree on a shift of the numbering before it is believed."""

_RESIDUE = "ACDEFGHIKLMNPQRSTVWY"
_THREE = {
    "Ala": "A", "Cys": "C", "Asp": "D", "Glu": "E", "Phe": "F", "Gly": "G", "His": "H", "Ile": "I", "Lys": "K",
    "Leu": "L", "Met": "M", "Asn": "N", "Pro": "P", "Gln": "Q", "Arg": "R", "Ser": "S", "Thr": "T", "Val": "V",
    "Trp": "W", "Tyr": "Y", "Ter": "*",
}  # fmt: skip
_CODES = re.compile("|".join(_THREE))
_SEPARATORS = re.compile(r"(?:[\s,;/+()\[\]_-]|p\.)+")
_R = f"[{_RESIDUE}]"
_SUBSTITUTION = re.compile(rf"(?P<a>{_R})(?P<i>\d+)(?P<new>{_R})(?![a-z\d])")
_RANGE = re.compile(
    rf"(?P<a>{_R})(?P<i>\d+)(?:[_-]?(?P<b>{_R})(?P<j>\d+))?"
    rf"(?P<what>delins|del|ins|dup)(?P<new>{_R}*)(?!{_R}*\d)"
)
_BARE_INSERTION = re.compile(rf"(?P<new>{_R}+)ins(?![a-z])|ins(?P<after>{_R}+)(?!\d)")
_REFUSED = (
    (re.compile(r"\bITD\b"), "an internal tandem duplication without its place and length"),
    (re.compile(r"\*|fs|X\d*$"), "ends or shifts the chain: only what keeps the frame is read"),
)

ChangeKind = Literal["substitution", "deletion", "insertion", "duplication"]


@dataclass(frozen=True)
class Change:
    """One change of a protein sequence.

    Attributes
    ----------
    kind
        An insertion stands between `start` and `end`, which are neighbours; a duplication copies `start` to
        `end`; the others replace them by `inserted`.
    start, end
        1-based positions, both included.
    first, last
        Residues of the unchanged protein at those two.
    inserted
        Residues put in; empty for a plain deletion and for a duplication.

    Examples
    --------
    >>> str(Change("deletion", 747, 751, "L", "T", "S"))
    'L747_T751delinsS'
    """

    kind: ChangeKind
    start: int
    end: int
    first: str
    last: str
    inserted: str = ""

    @property
    def sites(self) -> tuple[tuple[str, int], ...]:
        """Residues that have to be there, as (residue, position)."""
        named = ((self.first, self.start), (self.last, self.end))
        return named[:1] if self.start == self.end else named

    def __str__(self) -> str:
        place = "_".join(f"{residue}{position}" for residue, position in self.sites)
        match self.kind:
            case "substitution":
                return place + self.inserted
            case "deletion":
                return place + ("delins" + self.inserted if self.inserted else "del")
            case "insertion":
                return place + "ins" + self.inserted
        return place + "dup"


def parse_variant(text: str) -> tuple[Change, ...]:
    """Read a protein variant.

    Parameters
    ----------
    text
        One or more changes; commas, semicolons, slashes, dashes, plus signs, spaces or nothing between them.

    Returns
    -------
    tuple of Change
        In the order written; empty for an empty text.

    Raises
    ------
    InputError
        Where anything in the text is not understood, or does not keep the reading frame.

    References
    ----------
    den Dunnen, J. T. et al. (2016) Hum. Mutat. 37:564, HGVS recommendations.

    Examples
    --------
    >>> [str(change) for change in parse_variant("p.Thr315Ile")]
    ['T315I']
    >>> [str(change) for change in parse_variant("L747S752del,P753S")]
    ['L747_S752del', 'P753S']
    >>> [str(change) for change in parse_variant("L747-T751del,Sins")]
    ['L747_T751delinsS']
    """
    short = _CODES.sub(lambda code: _THREE[code[0]], text)
    for pattern, why in _REFUSED:
        if pattern.search(short):
            raise _unread(text, why)
    changes: list[Change] = []
    at = 0
    while at < len(short):
        if gap := _SEPARATORS.match(short, at):
            at = gap.end()
        elif match := _RANGE.match(short, at) or _SUBSTITUTION.match(short, at):
            changes.append(_change(match, text))
            at = match.end()
        elif match := _BARE_INSERTION.match(short, at):
            if not changes or changes[-1].kind != "deletion" or changes[-1].inserted:
                raise _unread(text, "an insertion without the residues beside it")
            changes[-1] = replace(changes[-1], inserted=match["new"] or match["after"])
            at = match.end()
        else:
            raise _unread(text, f"{short[at:]!r} is no change of residues")
    return tuple(changes)


def _change(match: re.Match[str], text: str) -> Change:
    found = match.groupdict()
    start, what = int(found["i"]), found.get("what")
    if what is None:
        return Change("substitution", start, start, found["a"], found["a"], found["new"])
    end, last = int(found["j"] or start), found["b"] or found["a"]
    if end < start or (end == start and last != found["a"]):
        raise _unread(text, "its positions do not rise")
    inserted = found["new"]
    if what == "ins":
        if end != start + 1:
            raise _unread(text, "an insertion stands between two neighbours")
        if not inserted:
            raise _unread(text, "nothing is inserted")
        return Change("insertion", start, end, found["a"], last, inserted)
    if what == "delins" and not inserted:
        raise _unread(text, "nothing is inserted")
    # HGVS once wrote the residues taken out or doubled behind del and dup; they are in the sequence anyway.
    return Change(
        "duplication" if what == "dup" else "deletion", start, end, found["a"], last,
        inserted if what == "delins" else "",
    )  # fmt: skip


def _unread(text: str, why: str) -> InputError:
    return InputError(
        f"variant {text!r} is not read: {why}", field="variant",
        expected="T315I, p.Thr315Ile, E255K,T315I, E746_A750del, L747_T751delinsS or A763_Y764insFQEA",
        hint="write it so, or give the protein's own sequence",
    )  # fmt: skip


def in_order(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Changes by position, so that one combination has one name however it was written.

    Examples
    --------
    >>> [str(change) for change in in_order(parse_variant("L858R+T790M"))]
    ['T790M', 'L858R']
    """
    return tuple(sorted(changes, key=lambda change: (change.start, change.end, str(change))))


def apply_changes(sequence: str, changes: Sequence[Change], *, shift: int = 0) -> str:
    """Sequence with changes made.

    Parameters
    ----------
    sequence
        Amino acids in one-letter code.
    changes
        All made at once, numbered on the unchanged protein.
    shift
        Added to every position: 37 where residue 315 of the variant is the 352nd of `sequence`.

    Returns
    -------
    str
        The changed sequence.

    Raises
    ------
    InputError
        Where a named residue does not stand at its position, or two changes overlap.

    Examples
    --------
    >>> apply_changes("MKLV", parse_variant("K2R,V4del"))
    'MRL'
    """
    edits: list[tuple[int, int, str]] = []
    for change in changes:
        for residue, position in change.sites:
            _require_residue(sequence, residue, position, shift, change)
        start, end = change.start - 1 + shift, change.end + shift
        match change.kind:
            case "insertion":
                edits.append((end - 1, end - 1, change.inserted))
            case "duplication":
                edits.append((end, end, sequence[start:end]))
            case _:
                edits.append((start, end, change.inserted))
    edits.sort()
    for (start, end, _), (following, until, _) in pairwise(edits):
        if following < end or (start, end) == (following, until):
            raise InputError(
                f"changes of {', '.join(map(str, changes))} overlap", field="variant",
                expected="changes of different residues", hint="write them as one change",
            )  # fmt: skip
    for start, end, inserted in reversed(edits):
        sequence = sequence[:start] + inserted + sequence[end:]
    return sequence


def _require_residue(sequence: str, residue: str, position: int, shift: int, change: Change) -> None:
    at = position - 1 + shift
    if 0 <= at < len(sequence) and sequence[at] == residue:
        return
    found = f"is {sequence[at]}" if 0 <= at < len(sequence) else "is not in the sequence"
    where = f" ({position + shift} of the sequence given)" if shift else ""
    raise InputError(
        f"variant {change}: residue {position}{where} {found}", field="variant", expected=residue,
        hint="give the sequence of the isoform that the variant is numbered on",
    )  # fmt: skip


def numbering_shift(sequence: str, sites: Iterable[tuple[str, int]]) -> int | None:
    """Shift of the numbering that puts every named residue on its place.

    Parameters
    ----------
    sequence
        Amino acids in one-letter code.
    sites
        Named residues as (residue, 1-based position).

    Returns
    -------
    int or None
        0 where all fit as they are; another shift where it is the only one at which all fit, and
        `MIN_SITES` positions or more are named; else None.

    Examples
    --------
    >>> numbering_shift("GGMKLV", [("M", 1), ("K", 2), ("V", 4)])
    2
    """
    named = sorted(set(sites))

    def fits(shift: int) -> bool:
        return all(
            0 <= position - 1 + shift < len(sequence) and sequence[position - 1 + shift] == residue
            for residue, position in named
        )

    if fits(0):
        return 0
    if len({position for _, position in named}) < MIN_SITES:
        return None
    positions = [position for _, position in named]
    possible = range(1 - min(positions), len(sequence) - max(positions) + 1)
    found = [shift for shift in possible if fits(shift)]
    return found[0] if len(found) == 1 else None


def reference_shift(sequence: str, reference: str, sites: Iterable[tuple[str, int]]) -> int | None:
    """Shift of the numbering of a fragment or another isoform, read off the reference protein.

    Parameters
    ----------
    sequence
        Amino acids of the fragment or isoform.
    reference
        Amino acids of the protein that the variant is numbered on.
    sites
        Named residues as (residue, 1-based position in `reference`).

    Returns
    -------
    int or None
        The shift, where every residue is the reference's, stands with `FLANK` residues on both sides exactly
        once in `sequence`, and all agree; else None.

    Examples
    --------
    >>> reference = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQ"
    >>> reference_shift(reference[5:], reference, [("S", 17)])
    -5
    """
    shifts = set()
    for residue, position in sites:
        start, end = position - 1 - FLANK, position + FLANK
        if start < 0 or end > len(reference) or reference[position - 1] != residue:
            return None
        around = reference[start:end]
        found = sequence.find(around)
        if found < 0 or sequence.find(around, found + 1) >= 0:
            return None
        shifts.add(found - start)
    return shifts.pop() if len(shifts) == 1 else None
