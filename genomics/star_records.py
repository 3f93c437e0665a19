"""What one record's alleles carry at the sites of a star-allele definition.

A record may write a variant alone or with others, trimmed or not, aligned to either side, on the reference
base of either build. Every allele becomes, at every site that the record touches, the code of what a
haplotype with that allele carries there (`genomics.star_alleles`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int8

from genomics.star_alleles import StarSite
from genomics.star_changes import Change, find_changes
from genomics.star_match import OTHER, UNKNOWN

SILENT, SPANNED = -4, -5
"""Codes of an allele beside those of `genomics.star_match`: the record does not tell what it carries at the
site (a record of a deletion nearby); the base is deleted, by a deletion that another record describes."""

_COMPLEMENT = {"A": "T", "C": "G", "G": "C", "T": "A"}
# Any allele that the record does not name, as gVCF writers put it.
_UNNAMED = ("<NON_REF>", "<*>")
_SPANNING = ("*", "<*:DEL>")


@dataclass(frozen=True)
class GeneSites:
    """A gene's sites on one build, ready for reading records.

    Attributes
    ----------
    sites
        The sites that have a position on the build, in the order of the definition.
    numbers
        Number of each of them in the definition.
    changes
        By site and code, the changes from the build's reference; none where the code is the reference.
    bases
        By site, the bases of the build's reference that the definition implies, by position.
    starts, ends
        (sites,) first and last position at which a record may tell of the site.
    """

    build: str
    sites: tuple[StarSite, ...]
    numbers: tuple[int, ...]
    changes: tuple[tuple[tuple[Change, ...], ...], ...]
    bases: tuple[dict[int, str], ...]
    starts: np.ndarray
    ends: np.ndarray

    def near(self, position: int, end: int) -> list[int]:
        """Sites that a record from ``position`` to ``end`` may bear on."""
        return np.flatnonzero((self.starts <= end + 1) & (self.ends >= position - 1)).tolist()


@dataclass(frozen=True)
class Reading:
    """What a record tells.

    Attributes
    ----------
    codes
        By site (its number in the definition), the code of each allele; `SILENT` where it tells nothing.
    refused
        By site, why the record is not used there.
    """

    codes: dict[int, Int8[np.ndarray, " alleles"]]
    refused: dict[int, str]


def prepare_sites(sites: Sequence[StarSite], build: str) -> GeneSites:
    """Work out the changes that each code of each site stands for on a build."""
    numbers = [i for i, site in enumerate(sites) if site.positions[build] is not None]
    kept = tuple(sites[i] for i in numbers)
    changes = tuple(_site_changes(site, build) for site in kept)
    bases = tuple(_known_bases(site, build, found) for site, found in zip(kept, changes))
    return GeneSites(
        build=build,
        sites=kept,
        numbers=tuple(numbers),
        changes=changes,
        bases=bases,
        starts=np.array([min(known) for known in bases], dtype=np.int64),
        ends=np.array([max(known) for known in bases], dtype=np.int64),
    )


def _site_changes(site: StarSite, build: str) -> tuple[tuple[Change, ...], ...]:
    at, reference = site.positions[build] or 0, site.references[build]
    shifts = site.shifts if site.shifts and reference == site.bases[0] else (0,) * len(site.bases)
    return tuple(
        tuple(_widen(change, at, shift) for change in find_changes(at, reference, base))
        for base, shift in zip(site.bases, shifts)
    )


def _widen(change: Change, at: int, shift: int) -> Change:
    """Let a change move as far as the definition says, which counts from after its first base."""
    if change.is_replacement:
        return change
    return replace(change, shift=max(change.shift, shift + max(0, at + 1 - change.position)))


def _known_bases(site: StarSite, build: str, changes: tuple[tuple[Change, ...], ...]) -> dict[int, str]:
    """Reference bases of a site, those included that a movable insertion or deletion repeats."""
    at = site.positions[build] or 0
    known = {at + i: base for i, base in enumerate(site.references[build])}
    for change in (change for found in changes for change in found if not change.is_replacement):
        unit = change.deleted or change.inserted
        for i in range(len(change.deleted) + change.shift):
            known.setdefault(change.position + i, unit[i % len(unit)])
    return known


def is_palindromic(bases: Sequence[str]) -> bool:
    """Whether two of the bases are each other's complement, so that they look alike on both strands.

    Examples
    --------
    >>> is_palindromic(("A", "T")), is_palindromic(("A", "G"))
    (True, False)
    """
    return any(_COMPLEMENT.get(base) in bases for base in bases)


def read_record(
    gene: GeneSites,
    position: int,
    alleles: Sequence[str],
    *,
    length: int = 0,
    use_palindromic: bool = True,
) -> Reading:
    """Tell the code of each allele of a record at each site that it bears on.

    Parameters
    ----------
    gene
        The sites, on the record's build.
    position
        1-based position of the record.
    alleles
        REF and the ALTs.
    length
        Bases that a record covers beyond its REF: the reference block of a gVCF, up to INFO/END.
    use_palindromic
        Whether a base and its complement can be told apart; not in a file with calls of the other strand.

    Examples
    --------
    >>> site = StarSite("rs1", {"GRCh38": 101, "GRCh37": None}, {"GRCh38": "G", "GRCh37": ""}, ("G", "A"))
    >>> found = read_record(prepare_sites([site], "GRCh38"), 100, ("CG", "CA", "CT"))
    >>> found.codes[0].tolist()
    [0, 1, -3]
    """
    alleles = [allele.upper() for allele in alleles]
    covered = length if set(alleles[1:]) <= {*_UNNAMED} else 0
    end = position + max(len(alleles[0]), covered) - 1
    near = gene.near(position, end)
    alleles[0] = _fill(gene, near, position, alleles[0])
    refused: dict[int, str] = {}
    reference = _check_reference(gene, near, position, alleles[0], refused)
    if not use_palindromic:
        _refuse_palindromic(gene, near, position, alleles, refused)
    used = [i for i in near if i not in refused]
    codes: dict[int, Int8[np.ndarray, " alleles"]] = {}
    if used and not _is_structural(alleles):
        known = [change for i in used for found in gene.changes[i] for change in found]
        columns = [_allele_codes(gene, used, known, position, reference, allele) for allele in alleles]
        for k, i in enumerate(used):
            found = _say(gene, i, position, end, alleles, [column[k] for column in columns])
            if (found != SILENT).any():
                codes[gene.numbers[i]] = found
    return Reading(codes, {gene.numbers[i]: reason for i, reason in refused.items()})


def _is_structural(alleles: Sequence[str]) -> bool:
    """Whether every ALT is a symbol of its own, such as ``<DEL>``: what is deleted then stands elsewhere."""
    named = [a for a in alleles[1:] if a not in _UNNAMED and a not in _SPANNING]
    return bool(named) and not any(map(str.isalpha, named))


def _fill(gene: GeneSites, near: list[int], position: int, ref: str) -> str:
    """Put the build's bases where REF has N: a record of blocks that did not know them."""
    if "N" not in ref:
        return ref
    known = {place: base for i in near for place, base in gene.bases[i].items()}
    return "".join(known.get(position + k, base) if base == "N" else base for k, base in enumerate(ref))


def _check_reference(
    gene: GeneSites, near: list[int], position: int, ref: str, refused: dict[int, str]
) -> str:
    """Return REF as the build has it; sites whose bases it contradicts are refused.

    Some tools move a variant between builds and leave REF as it was. The alleles still say what they carry
    where REF is the other build's base, unless the two bases are complements.
    """
    corrected = list(ref)
    end = position + len(ref) - 1
    for i in near:
        site = gene.sites[i]
        own = site.references[gene.build]
        at = site.positions[gene.build] or 0
        if len(own) == 1 and position <= at <= end and ref[at - position] != own:
            other = [base for base in site.references.values() if len(base) == 1 and base != own]
            if ref[at - position] in other and not is_palindromic((own, ref[at - position])):
                corrected[at - position] = own
    for i in near:
        for place, base in gene.bases[i].items():
            if position <= place <= end and corrected[place - position] != base:
                refused[i] = (
                    f"REF {ref[:20]} at {position} has {corrected[place - position]} where the reference has {base}"
                )
                break
    return "".join(corrected)


def _refuse_palindromic(
    gene: GeneSites, near: list[int], position: int, alleles: Sequence[str], refused: dict[int, str]
) -> None:
    for i in near:
        site = gene.sites[i]
        offset = (site.positions[gene.build] or 0) - position
        if not site.is_substitution or not 0 <= offset < len(alleles[0]):
            continue
        written = [a[offset] for a in alleles if len(a) == len(alleles[0])]
        if is_palindromic(site.bases) or is_palindromic(written):
            refused[i] = "its bases look alike on both strands, and the file has calls of the other strand"


def _allele_codes(
    gene: GeneSites, used: list[int], known: list[Change], position: int, reference: str, allele: str
) -> list[int]:
    """Code of one allele at each of some sites: the site's base where nothing changes it."""
    if allele in _SPANNING:
        return [SPANNED] * len(used)
    if not allele.isalpha():
        return [OTHER] * len(used)
    left = list(find_changes(position, reference, allele, known))
    found: dict[int, int] = {}
    # The code of most changes first: a variant of two bases is not two variants of one.
    choices = [(i, code) for i in used for code, change in enumerate(gene.changes[i]) if change]
    for i, code in sorted(choices, key=lambda choice: -len(gene.changes[choice[0]][choice[1]])):
        wanted = gene.changes[i][code]
        if i not in found and all(any(c.is_same(w) for c in left) for w in wanted):
            found[i] = code
            left = [c for c in left if not any(c.is_same(w) for w in wanted)]
    return [found.get(i, _unknown_code(gene, i, left)) for i in used]


def _unknown_code(gene: GeneSites, i: int, left: list[Change]) -> int:
    """Code of a site that none of its own changes alters."""
    site = gene.sites[i]
    at, own = site.positions[gene.build] or 0, site.references[gene.build]
    for change in left:
        # In a repeat, a deletion leaves the base there if it can be written beside it.
        fixed = replace(
            change, position=change.position + change.shift, deleted=change.deleted[change.shift :]
        )
        if _changes_length(site):
            moves = len(change.deleted) != len(change.inserted)
            if moves and any(change.touches(c) for found in gene.changes[i] for c in found):
                return OTHER
        elif fixed.deleted and at < fixed.position + len(fixed.deleted) and fixed.position < at + len(own):
            return OTHER
    plain = [code for code, found in enumerate(gene.changes[i]) if not found]
    return plain[0] if plain else OTHER


def _changes_length(site: StarSite) -> bool:
    return len({len(base) for base in site.bases}) > 1


def _say(
    gene: GeneSites, i: int, position: int, end: int, alleles: Sequence[str], codes: list[int]
) -> Int8[np.ndarray, " alleles"]:
    """Silence the codes of alleles that leave the site as it is where the record does not look at it."""
    site = gene.sites[i]
    at = site.positions[gene.build] or 0
    plain = [not found for found in gene.changes[i]]
    changed = [code >= 0 and not plain[code] for code in codes[1:]]
    written = [a for a in alleles[1:] if a.isalpha()]
    nothing_written = not written and not any(a in _SPANNING for a in alleles[1:])
    if _changes_length(site):
        told = any(changed) or (nothing_written and position <= at <= end)
        told |= any(_is_repeat(gene, i, position, alleles[0], allele) for allele in written)
        spans = position <= at <= end
    else:
        spans = position <= at and at + len(site.references[gene.build]) - 1 <= end
        same_length = any(len(a) == len(alleles[0]) for a in written)
        told = spans and (any(changed) or nothing_written or same_length)
    if not told:
        kept = (OTHER, SPANNED) if spans else (OTHER,)
        codes = [code if code in kept and allele.isalpha() | spans else SILENT
                 for code, allele in zip(codes, alleles)]  # fmt: skip
    return np.array(codes, dtype=np.int8)


def _is_repeat(gene: GeneSites, i: int, position: int, ref: str, alt: str) -> bool:
    """Whether an allele has more or fewer copies of the site's repeat than any that is known."""
    for change in find_changes(position, ref, alt):
        bases = change.deleted or change.inserted
        for known in (known for found in gene.changes[i] for known in found):
            unit = known.deleted or known.inserted
            copies, rest = divmod(len(bases), len(unit))
            if (
                not rest
                and bases in unit * (copies + 1)
                and not change.is_replacement
                and change.touches(known)
            ):
                return True
    return False


def allele_codes(
    site: StarSite, build: str, position: int, alleles: tuple[str, ...]
) -> Int8[np.ndarray, " alleles"] | None:
    """Code at one site of each allele of a record, or None where the record does not tell the site's bases.

    Parameters
    ----------
    site
        The site.
    build
        Build of the record's position.
    position
        1-based position of the record.
    alleles
        REF and the ALTs.

    Examples
    --------
    >>> site = StarSite("rs1", {"GRCh38": 101, "GRCh37": None}, {"GRCh38": "G", "GRCh37": ""}, ("G", "A"))
    >>> allele_codes(site, "GRCh38", 101, ("G", "A", "T")).tolist()
    [0, 1, -3]
    """
    codes = read_record(prepare_sites([site], build), position, alleles).codes.get(0)
    if codes is None or codes[0] == SILENT:
        return None
    told = np.where(codes == SPANNED, OTHER, codes)
    return np.where(told == SILENT, UNKNOWN, told).astype(np.int8)
