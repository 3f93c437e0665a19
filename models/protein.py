"""Protein sequences as the arrays a network reads.

The catalytic domain is found by `models.kinase`, and three views are kept: its residues on the profile's
columns (places of the fold, comparable between kinases), the plain window around it, and the composition of
the whole chain. A variant named with the target is applied where its residues are found (`models.variant`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chem.errors import InputError
from models.kinase import GAP, UNKNOWN, DomainHit, encode_residues, find_domains
from models.variant import Change, apply_changes, numbering_shift, parse_variant, reference_shift

WINDOW = 384
"""Residues of the catalytic window; without a domain, the last ones of the chain."""
PADDING = 22
N_FLAGS = 3
ReadAs = Literal["given", "true"]
"""How a table of targets is read: the sequences alone, or with what the names and columns say of them."""
_DOMAIN_TERM = re.compile(
    r"kin\.?dom\.?\d?[,.-]?([nc]-term(inal)?)?|JH\ddomain-?(catalytic|pseudokinase)?", re.I
)
_NAME = re.compile(r"^(?P<gene>[^()]+)\((?P<qualifier>[^()]+)\)(?P<phosphorylated>p?)$")
_YES, _NO = {"yes", "true", "1", "p", "phosphorylated"}, {"", "no", "false", "0", "nonphosphorylated"}

PANEL_CONSTRUCTS: dict[str, dict[str, str]] = {
    "EGFR(L747E749del)": {"variant": "L747_E749del,A750P"},
    "EGFR(L747S752del)": {"variant": "L747_S752del,P753S"},
    "EGFR(L747T751del)": {"variant": "L747_T751delinsS"},
    "ABL1(E255K)": {"phosphorylated": "yes"},
    "ABL1(M351T)": {"phosphorylated": "yes"},
    "ABL1(Y253F)": {"phosphorylated": "yes"},
    "ABL1p": {"phosphorylated": "yes"},
}
"""What the target names of DAVIS leave out of the KINOMEscan panel's names: three deletions are cut at the comma,
and these ABL1 mutants are in the panel in the phosphorylated form alone. The measured values agree: over drugs,
they differ from ABL1p by half as much (standard deviation 0.2 to 0.3) as from ABL1 (0.5 to 0.65)."""


@dataclass(frozen=True)
class Target:
    """One protein as an assay saw it.

    Attributes
    ----------
    target_id
        Name in the table.
    sequence
        Amino acids, with the variant applied where it could be placed.
    domain
        ``"first"``, ``"last"`` or ``""`` (the best-aligned one).
    changes
        The variant named with the target.
    phosphorylated
        Whether the assay used the phosphorylated form.
    unplaced
        A variant is named that is not in `sequence`.
    reason
        Why it is not; empty otherwise.
    numbering
        How the variant's numbers were read: ``"as given"``, or the shift and what shows it; empty without a
        variant.
    """

    target_id: str
    sequence: str
    domain: str = ""
    changes: tuple[Change, ...] = ()
    phosphorylated: bool = False
    unplaced: bool = False
    reason: str = ""
    numbering: str = ""

    @property
    def gene(self) -> str:
        """Name before the bracket."""
        return self.target_id.split("(")[0]

    @property
    def form(self) -> str:
        """What tells it from other targets: sequence, domain, phosphorylation, and a variant not in the sequence."""
        own = self.target_id if self.unplaced else ""
        return "|".join((self.sequence, self.domain, "p" if self.phosphorylated else "", own))


def parse_target(
    target_id: str,
    sequence: str,
    *,
    variant: str | None = None,
    domain: str | None = None,
    phosphorylated: bool | None = None,
) -> Target:
    """Read a target, its variant, domain and phosphorylation, from its columns or its name.

    Names follow the habit of kinase panels: ``GENE(T315I)p`` is the phosphorylated T315I mutant,
    ``GENE(KinDom.2-C-terminal)`` the second kinase domain. A variant that cannot be read leaves the target
    `unplaced`, with the reason.

    Examples
    --------
    >>> [str(change) for change in parse_target("ABL1(T315I)p", "MK").changes]
    ['T315I']
    >>> parse_target("RSK1(KinDom.2-C-terminal)", "MK").domain
    'last'
    >>> parse_target("FLT3(ITD)", "MK").reason
    "variant 'ITD' is not read: an internal tandem duplication without its place and length"
    """
    match = _NAME.match(target_id)
    qualifier = match["qualifier"] if match else ""
    text = variant if variant is not None else qualifier
    where = (domain if domain is not None else qualifier).lower()
    place = ""
    if re.search(r"kindom\.?1|n-term|pseudokinase|first", where):
        place = "first"
    elif re.search(r"kindom\.?2|c-term|catalytic|last", where):
        place = "last"
    state = bool(match and match["phosphorylated"]) if phosphorylated is None else phosphorylated
    named = _DOMAIN_TERM.sub("", text)
    # A name's bracket may hold a species; only what has a number, or says ITD, del or ins, is a variant.
    if variant is None and not re.search(r"\d|ITD|del|ins", named):
        return Target(target_id, sequence, place, (), state)
    try:
        changes = parse_variant(named)
    except InputError as error:
        return Target(target_id, sequence, place, (), state, True, error.message)
    return Target(target_id, sequence, place, changes, state, bool(changes))


def place_variants(targets: Sequence[Target], references: Mapping[str, str] | None = None) -> list[Target]:
    """Apply named variants to the sequences where their numbering can be shown to fit.

    A variant fits when its residues stand at their positions. Where they do not, all the variants of targets
    with the same sequence are tried together at every shift: if exactly one puts three or more positions on
    their residues, the sequence is numbered so. What is left is looked up in the gene's reference protein,
    where one is given: its residues have to stand, with ten on both sides, exactly once in the sequence.
    Anything else stays `unplaced` and keeps the sequence as given.

    Parameters
    ----------
    targets
        As `parse_target` read them.
    references
        Sequence of the protein that a gene's variants are numbered on, by gene (the name before the bracket).

    Returns
    -------
    list of Target
        In the order given.

    Examples
    --------
    >>> place_variants([parse_target("X(K2R)", "MKL")])[0].sequence
    'MRL'
    >>> place_variants([parse_target("X(W2R)", "MKL")])[0].reason
    'variant W2R: residue 2 is K'
    """
    groups: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for target in targets:
        groups[target.sequence].update(site for change in target.changes for site in change.sites)
    shifts = {sequence: numbering_shift(sequence, sites) for sequence, sites in groups.items() if sites}
    return [
        _apply(target, shifts.get(target.sequence), len(groups[target.sequence]), references or {})
        for target in targets
    ]


def _apply(target: Target, shift: int | None, n_sites: int, references: Mapping[str, str]) -> Target:
    if not target.changes:
        return target
    numbering = f"shifted by {shift:+d}: {n_sites} residues fit" if shift else "as given"
    try:
        changed = apply_changes(target.sequence, target.changes, shift=shift or 0)
    except InputError as error:
        sites = [site for change in target.changes for site in change.sites]
        reference = references.get(target.gene, "")
        by_reference = reference_shift(target.sequence, reference, sites)
        if by_reference is None:
            return replace(target, reason=error.message)
        changed = apply_changes(target.sequence, target.changes, shift=by_reference)
        numbering = f"shifted by {by_reference:+d}: read off the reference"
    return replace(target, sequence=changed, unplaced=False, numbering=numbering)


def read_targets(
    table: pd.DataFrame,
    read_as: ReadAs = "true",
    *,
    constructs: Mapping[str, Mapping[str, str]] | None = None,
    references: Mapping[str, str] | None = None,
    genes: Collection[str] = frozenset(),
) -> tuple[Target, ...]:
    """Targets of a table.

    Parameters
    ----------
    table
        Columns ``target_id`` and ``sequence``, texts; optional ``variant``, ``domain`` and ``phosphorylated``
        (yes, true, 1, p or phosphorylated; no, false, 0, nonphosphorylated or nothing), which come before what
        the name says.
    read_as
        ``"given"`` takes the sequences as they stand and reads nothing else, as published results on DAVIS
        do; ``"true"`` applies variants and reads domain and phosphorylation.
    constructs
        Values by target for those of the columns that the table has not: `PANEL_CONSTRUCTS` for DAVIS.
    references
        See `place_variants`.
    genes
        Names of genes, for `phosphorylated_by_name`.

    Returns
    -------
    tuple of Target
        In the table's order.

    Raises
    ------
    InputError
        For another `read_as`, and a phosphorylation that is neither yes nor no.

    Examples
    --------
    >>> table = pd.DataFrame({"target_id": ["X(K2R)p"], "sequence": ["mkl"]})
    >>> read_targets(table)[0].sequence, read_targets(table, "given")[0].sequence
    ('MRL', 'MKL')
    """
    if read_as not in get_args(ReadAs):
        raise InputError(f"targets cannot be read as {read_as!r}", expected=" or ".join(get_args(ReadAs)))
    rows = [dict((constructs or {}).get(row["target_id"], {})) | row for row in table.to_dict("records")]
    sequences = [row["sequence"].strip().upper() for row in rows]
    if read_as == "given":
        return tuple(Target(row["target_id"], text) for row, text in zip(rows, sequences, strict=True))
    named = phosphorylated_by_name([row["target_id"] for row in rows], sequences, genes)
    rows = [{"phosphorylated": "yes"} | row if p else row for row, p in zip(rows, named, strict=True)]
    parsed = [
        parse_target(
            row["target_id"], text, variant=row.get("variant"), domain=row.get("domain"),
            phosphorylated=_yes_or_no(row.get("phosphorylated"), line),
        )
        for line, (row, text) in enumerate(zip(rows, sequences, strict=True), start=2)
    ]  # fmt: skip
    return tuple(place_variants(parsed, references))


def phosphorylated_by_name(
    names: Sequence[str], sequences: Sequence[str], genes: Collection[str] = frozenset()
) -> list[bool]:
    """Whether a ``p`` behind a name without a bracket says that the target is phosphorylated.

    It does where the name without it is a gene's, or that of another target with the same sequence; other names
    merely end in p.

    Examples
    --------
    >>> names = ["ABL1p", "own", "ownp", "clamp", "clam"]
    >>> phosphorylated_by_name(names, ["MKL", "MKV", "MKV", "MKI", "MKW"], {"ABL1"})
    [True, False, True, False, False]
    """
    twins = set(zip(names, sequences, strict=True))
    return [
        name.endswith("p") and name not in genes and (name[:-1] in genes or (name[:-1], sequence) in twins)
        for name, sequence in zip(names, sequences, strict=True)
    ]


def phosphorylation_notes(targets: Sequence[Target]) -> list[str]:
    """Say which targets are read as phosphorylated, by their columns or their names.

    Examples
    --------
    >>> phosphorylation_notes([parse_target("ABL1(T315I)p", "MK"), parse_target("ABL1(T315I)", "MK")])
    ['1 of 2 targets is read as phosphorylated: ABL1(T315I)p']
    """
    named = [target.target_id for target in targets if target.phosphorylated]
    if not named:
        return []
    shown = ", ".join(named[:10]) + (", ..." if len(named) > 10 else "")
    verb = "is" if len(named) == 1 else "are"
    return [f"{len(named)} of {len(targets)} targets {verb} read as phosphorylated: {shown}"]


def _yes_or_no(text: str | None, line: int) -> bool | None:
    if text is None:
        return None
    word = text.strip().lower()
    if word not in _YES | _NO:
        raise InputError(
            f"{text!r} is neither yes nor no", record=line, field="phosphorylated", expected="yes or no"
        )
    return word in _YES


@dataclass(frozen=True)
class ProteinArrays:
    """Arrays of n proteins.

    Attributes
    ----------
    aligned
        (n, n_columns) int8 residue codes on the profile, `GAP` where nothing aligns.
    window
        (n, WINDOW) int8 residue codes, `PADDING` behind the end.
    composition
        (n, 420) float32 fractions of residues and of residue pairs over the whole chain.
    flags
        (n, 3) float32: phosphorylated, variant unplaced, domain found.
    """

    aligned: NDArray[np.int8]
    window: NDArray[np.int8]
    composition: NDArray[np.float32]
    flags: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.aligned)

    def take(self, index: NDArray[np.int64]) -> ProteinArrays:
        """Rows `index`, in that order."""
        return ProteinArrays(
            self.aligned[index], self.window[index], self.composition[index], self.flags[index]
        )


def choose_domain(target: Target, profile: NDArray[np.float64]) -> DomainHit | None:
    """Domain of a target that its assay measured: the named one, else the best aligned."""
    hits = find_domains(target.sequence, profile)
    if not hits:
        return None
    if target.domain == "first":
        return hits[0]
    if target.domain == "last":
        return hits[-1]
    return max(hits, key=lambda hit: hit.score)


def encode_proteins(targets: Sequence[Target], profile: NDArray[np.floating]) -> ProteinArrays:
    """Arrays of proteins for a network.

    Parameters
    ----------
    targets
        n targets; distinct sequences are aligned once.
    profile
        (n_columns, 20) kinase profile, half-bits.

    Returns
    -------
    ProteinArrays
        n rows in the order given.
    """
    scores = np.asarray(profile, dtype=np.float64)
    aligned = np.full((len(targets), len(scores)), GAP, dtype=np.int8)
    window = np.full((len(targets), WINDOW), PADDING, dtype=np.int8)
    composition = np.zeros((len(targets), 420), dtype=np.float32)
    flags = np.zeros((len(targets), N_FLAGS), dtype=np.float32)
    cache: dict[tuple[str, str], DomainHit | None] = {}
    for row, target in enumerate(targets):
        key = (target.sequence, target.domain)
        if key not in cache:
            cache[key] = choose_domain(target, scores)
        hit = cache[key]
        codes = encode_residues(target.sequence)
        start = max(0, len(codes) - WINDOW)
        if hit is not None:
            there = hit.columns >= 0
            aligned[row, there] = codes[hit.columns[there]]
            middle = (hit.start + hit.end) // 2
            start = min(max(0, middle - WINDOW // 2), start)
        part = codes[start : start + WINDOW]
        window[row, : len(part)] = part
        composition[row] = _composition(codes)
        flags[row] = target.phosphorylated, target.unplaced, hit is not None
    return ProteinArrays(aligned, window, composition, flags)


def _composition(codes: NDArray[np.int8]) -> NDArray[np.float32]:
    known = codes[codes != UNKNOWN].astype(np.int64)
    single = np.bincount(known, minlength=20) / max(len(known), 1)
    pairs = np.bincount(known[:-1] * 20 + known[1:], minlength=400) / max(len(known) - 1, 1)
    return np.concatenate([single, pairs * 20]).astype(np.float32)
