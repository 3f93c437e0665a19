"""Changes of a sequence in a form in which two writings of the same change compare equal.

A VCF record may write one deletion or insertion at several places and with any number of unchanged bases
around it. Here a change has no unchanged base left, and knows how far it may be moved to the right. What is
deleted or inserted turns round as it moves: a deletion of ``AT`` one base further right is one of ``TA``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

# A longer difference than this besides one insertion or deletion is a replacement of its own.
_MAX_MISMATCHES = 2


@dataclass(frozen=True)
class Change:
    """One change.

    Attributes
    ----------
    position
        1-based place of the first deleted or replaced base, or of the base that an insertion stands before.
    deleted, inserted
        Bases; one of them is empty unless bases are replaced.
    shift
        How many bases further right the same insertion or deletion may be written.
    """

    position: int
    deleted: str
    inserted: str
    shift: int = 0

    @property
    def is_replacement(self) -> bool:
        """Whether bases give way to others, so that the change has one place only."""
        return bool(self.deleted and self.inserted)

    def is_same(self, other: Change) -> bool:
        """Tell whether two changes make the same sequence.

        Examples
        --------
        >>> Change(10, "AT", "", shift=4).is_same(Change(13, "TA", ""))
        True
        >>> Change(10, "AT", "", shift=2).is_same(Change(13, "TA", ""))
        False
        """
        first, second = (self, other) if self.position <= other.position else (other, self)
        distance = second.position - first.position
        if distance > (0 if first.is_replacement else first.shift):
            return False
        moved = _turn(first.deleted, distance), _turn(first.inserted, distance)
        return moved == (second.deleted, second.inserted)

    def touches(self, other: Change) -> bool:
        """Tell whether this change alters bases that the other would, wherever either is written.

        Examples
        --------
        >>> Change(10, "ATG", "").touches(Change(12, "G", "C")), Change(10, "", "T").touches(Change(10, "A", "G"))
        (True, False)
        """
        (low, high), (other_low, other_high) = self._half_bases(), other._half_bases()
        return low <= other_high and other_low <= high

    def _half_bases(self) -> tuple[int, int]:
        """First and last half-base: base p is 2p, the place before it 2p - 1."""
        end = self.position + len(self.deleted) - 1 + self.shift
        return (2 * self.position, 2 * end) if self.deleted else (2 * self.position - 1, 2 * end + 1)


def _turn(bases: str, distance: int) -> str:
    if not bases:
        return bases
    start = distance % len(bases)
    return bases[start:] + bases[:start]


def find_changes(position: int, ref: str, alt: str, known: Collection[Change] = ()) -> tuple[Change, ...]:
    """Split the difference of two alleles into changes.

    Alleles of one length differ base by base. Otherwise there is one insertion or deletion, with as few
    single bases beside it as can be. Where that can be done in several ways that are not the same, a way
    that has a known change is taken, or else the whole difference is one replacement.

    Parameters
    ----------
    position
        1-based position of the first base.
    ref, alt
        Bases, in capitals.
    known
        Changes to look for.

    Examples
    --------
    >>> find_changes(100, "CAT", "CATAT")
    (Change(position=101, deleted='', inserted='AT', shift=2),)
    >>> find_changes(100, "ACG", "TCA")
    (Change(position=100, deleted='A', inserted='T', shift=0), Change(position=102, deleted='G', inserted='A', shift=0))
    >>> find_changes(100, "TC", "A")
    (Change(position=100, deleted='TC', inserted='A', shift=0),)
    """
    if ref == alt:
        return ()
    if len(ref) == len(alt):
        return _substitutions(position, ref, alt)
    whole = _replacement(position, ref, alt)
    if whole in known:
        return (whole,)
    ways: list[tuple[Change, ...]] = []
    fewest = _MAX_MISMATCHES + 1
    for start in range(min(len(ref), len(alt)) + 1):
        way = _one_gap(position, ref, alt, start)
        if len(way) > fewest:
            continue
        if len(way) < fewest:
            fewest, ways = len(way), []
        if not any(_are_same(way, other) for other in ways):
            ways.append(way)
    looked_for = [way for way in ways if any(c.is_same(k) for c in way for k in known)]
    if len(ways) == 1 or looked_for:
        return (looked_for or ways)[0]
    return (whole,)


def _substitutions(position: int, ref: str, alt: str) -> tuple[Change, ...]:
    return tuple(Change(position + i, a, b) for i, (a, b) in enumerate(zip(ref, alt)) if a != b)


def _one_gap(position: int, ref: str, alt: str, start: int) -> tuple[Change, ...]:
    """Changes where the insertion or deletion stands after ``start`` bases."""
    size = abs(len(ref) - len(alt))
    if len(ref) > len(alt):
        deleted, inserted, rest, after = ref[start : start + size], "", ref[start + size :], start + size
        room = _room(deleted, rest)
        left = _room(deleted[::-1], ref[:start][::-1])
    else:
        deleted, inserted, rest, after = "", alt[start : start + size], ref[start:], start
        room = _room(inserted, rest)
        left = _room(inserted[::-1], ref[:start][::-1])
    gap = Change(position + start - left, _turn(deleted, -left), _turn(inserted, -left), shift=left + room)
    tail = alt[start + len(inserted) :]
    return (
        *_substitutions(position, ref[:start], alt[:start]),
        gap,
        *_substitutions(position + after, rest, tail),
    )


def _room(unit: str, following: str) -> int:
    """How many bases go on with the repeats of a unit."""
    count = 0
    while count < len(following) and following[count] == unit[count % len(unit)]:
        count += 1
    return count


def _are_same(one: tuple[Change, ...], two: tuple[Change, ...]) -> bool:
    return len(one) == len(two) and all(a.is_same(b) for a, b in zip(one, two))


def _replacement(position: int, ref: str, alt: str) -> Change:
    shared = min(len(ref), len(alt))
    end = 0
    while end < shared and ref[-1 - end] == alt[-1 - end]:
        end += 1
    ref, alt = ref[: len(ref) - end], alt[: len(alt) - end]
    start = 0
    while start < min(len(ref), len(alt)) and ref[start] == alt[start]:
        start += 1
    return Change(position + start, ref[start:], alt[start:])
