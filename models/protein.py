"""Protein sequences as the arrays a network reads.

The catalytic domain is found by `models.kinase`, and three views are kept: its residues on the profile's
columns (places of the fold, comparable between kinases), the plain window around it, and the composition of
the whole chain. A variant named with the target is applied where its reference residue is found.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.kinase import GAP, UNKNOWN, DomainHit, encode_residues, find_domains

WINDOW = 384
"""Residues of the catalytic window; without a domain, the last ones of the chain."""
PADDING = 22
N_FLAGS = 3
_SUBSTITUTION = re.compile(r"([ACDEFGHIKLMNPQRSTVWY])(\d+)([ACDEFGHIKLMNPQRSTVWY])(?![a-z])")
_NAME = re.compile(r"^(?P<gene>[^()]+)\((?P<qualifier>[^()]+)\)(?P<phosphorylated>p?)$")


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
    substitutions
        Substitutions named with the target, as (reference, 1-based position, alternate).
    phosphorylated
        Whether the assay used the phosphorylated form.
    unplaced
        A variant is named that is not in `sequence`: an indel, or a reference residue that is not there.
    """

    target_id: str
    sequence: str
    domain: str = ""
    substitutions: tuple[tuple[str, int, str], ...] = ()
    phosphorylated: bool = False
    unplaced: bool = False


def parse_target(
    target_id: str, sequence: str, *, variant: str | None = None, domain: str | None = None
) -> Target:
    """Read a target, its variant, domain and phosphorylation, from its columns or its name.

    Names follow the habit of kinase panels: ``GENE(T315I)p`` is the phosphorylated T315I mutant,
    ``GENE(KinDom.2-C-terminal)`` the second kinase domain.

    Examples
    --------
    >>> parse_target("ABL1(T315I)p", "MK").substitutions
    (('T', 315, 'I'),)
    >>> parse_target("RSK1(KinDom.2-C-terminal)", "MK").domain
    'last'
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
    substitutions = tuple((ref, int(pos), alt) for ref, pos, alt in _SUBSTITUTION.findall(text))
    species_or_domain = bool(place) or not re.search(r"\d|ITD|del|ins", text)
    return Target(
        target_id,
        sequence,
        place,
        substitutions,
        bool(match and match["phosphorylated"]),
        unplaced=bool(substitutions) or not (species_or_domain or text == ""),
    )


def place_variants(targets: Sequence[Target]) -> list[Target]:
    """Apply named substitutions to the sequences where their numbering can be shown to fit.

    A substitution fits when its reference residue stands at its position. Where it does not, all the
    substitutions of targets with the same sequence are tried together at every offset: if exactly one offset
    puts three or more of them on their reference residues, the sequence is numbered so. Anything else stays
    `unplaced` and keeps the sequence as given.

    Examples
    --------
    >>> place_variants([parse_target("X(K2R)", "MKL")])[0].sequence
    'MRL'
    >>> place_variants([parse_target("X(W2R)", "MKL")])[0].unplaced
    True
    """
    groups: dict[str, set[tuple[str, int, str]]] = defaultdict(set)
    for target in targets:
        groups[target.sequence].update(target.substitutions)
    offsets = {sequence: _numbering_offset(sequence, subs) for sequence, subs in groups.items() if subs}
    return [_apply(target, offsets.get(target.sequence)) for target in targets]


def _numbering_offset(sequence: str, substitutions: set[tuple[str, int, str]]) -> int | None:
    """Shift that puts every substitution on its reference residue, if it is 0 or the only one for three."""
    sites = sorted({(ref, position) for ref, position, _ in substitutions})

    def fits(offset: int) -> bool:
        return all(
            0 <= position - 1 + offset < len(sequence) and sequence[position - 1 + offset] == ref
            for ref, position in sites
        )

    if fits(0):
        return 0
    if len({position for _, position in sites}) < 3:
        return None
    found = [offset for offset in range(-len(sequence), len(sequence) + 1) if fits(offset)]
    return found[0] if len(found) == 1 else None


def _apply(target: Target, offset: int | None) -> Target:
    if not target.substitutions:
        return target
    residues = list(target.sequence)
    for ref, position, alt in target.substitutions:
        at = position - 1 + (offset or 0)
        if not (0 <= at < len(residues)) or residues[at] != ref:
            return target
        residues[at] = alt
    return replace(target, sequence="".join(residues), unplaced=False)


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
