"""Check REF against a reference genome, trim alleles to their difference and move it leftmost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from genomics.block import VariantBlock
from genomics.errors import InputError
from genomics.reference import Reference

Bases = Callable[[int, int], str]
Report = Callable[[str, str, str], None]
"""Called with record, field and reason."""

CHECK_REF = ("error", "warn", "exclude", "keep")
_PAD, _LONGEST_PAD = 128, 1 << 14
_DENSE = 1 << 22  # bases between the first and last record of a block that are read at once
_ACGTN = frozenset("ACGTNacgtn")
_EXAMPLES = 10


@dataclass
class AlignCounts:
    """What checking and aligning did.

    Attributes
    ----------
    realigned
        Records whose position or alleles changed.
    problems
        Records left as they were, by reason: ``ref_mismatch`` (REF is not what the reference has),
        ``ref_not_acgtn``, ``alt_not_acgtn``, ``alt_equals_ref``, and ``beyond_window`` (trimmed, but not
        moved to the left, since that is farther than order can be restored).
    excluded
        Records of `problems` that were left out.
    examples
        The first records of each reason.
    """

    realigned: int = 0
    excluded: int = 0
    problems: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, record: str) -> None:
        """Count a record under a reason."""
        self.problems[reason] += 1
        shown = self.examples.setdefault(reason, [])
        if len(shown) < _EXAMPLES:
            shown.append(record)


@dataclass(frozen=True)
class Aligner:
    """Trim and left-align the records of blocks; see `genomics.normalise.NormaliseOptions`.

    Attributes
    ----------
    reference
        The genome; None to check no REF.
    mode
        ``left``, which needs the genome, ``trim`` or ``none``.
    check_ref
        What to do with a record whose REF the genome contradicts.
    window
        Bases that a record may move.
    star_is_neutral
        A record is trimmed and moved whether or not it has an ALT ``*``. bcftools does not touch one.
    counts
        Added to.
    report
        Told of each record that is warned of or left out.
    """

    reference: Reference | None
    mode: str
    check_ref: str
    window: int
    star_is_neutral: bool
    counts: AlignCounts
    report: Report | None = None

    def align(self, block: VariantBlock) -> tuple[VariantBlock, np.ndarray]:
        """Return the aligned records, in the order they had, and the position each had before."""
        problems = {} if self.reference is None else find_problems(block, self.reference)
        dropped = [row for row, problem in problems.items() if self._judge(block, row, *problem)]
        alleles, positions, ends = list(block.alleles), block.positions.copy(), block.ends.copy()
        changed = 0
        for row, old in enumerate(block.alleles):
            if row in problems or not self._may_change(old):
                continue
            new, position = self._aligned(block, row)
            if new != old or position != positions[row]:
                alleles[row], positions[row] = new, position
                if ends[row] >= 0:
                    ends[row] = position + len(new[0]) - 1
                changed += 1
        self.counts.realigned += changed
        if not changed and not dropped:
            return block, block.positions
        done = replace(block, alleles=alleles, positions=positions, ends=ends) if changed else block
        if not dropped:
            return done, block.positions
        kept = np.setdiff1d(np.arange(len(block)), dropped)
        return done.take(kept), block.positions[kept]

    def _may_change(self, alleles: tuple[str, ...]) -> bool:
        """Tell quickly whether all alleles end alike, or begin alike with more to follow."""
        if len(alleles) < 2 or self.mode == "none":
            return False
        ref = alleles[0]
        first, last = ref[0].upper(), ref[-1].upper()
        shortest, same_end, same_start = len(ref), True, True
        for alt in alleles[1:]:
            if alt == "*" and self.star_is_neutral:
                continue
            if not is_sequence(alt):
                return False
            shortest = min(shortest, len(alt))
            same_end &= alt[-1].upper() == last
            same_start &= alt[0].upper() == first
        return same_end or (same_start and shortest > 1)

    def _aligned(self, block: VariantBlock, row: int) -> tuple[tuple[str, ...], int]:
        old, position = block.alleles[row], int(block.positions[row])
        moving = tuple(allele for allele in old if allele != "*")
        if len({allele.upper() for allele in moving}) < 2 or not all(map(_is_acgtn, moving)):
            return old, position
        contig = block.contigs[row]
        if self.reference is None or self.mode == "trim":
            new, start = trim(moving, position)
        else:
            fetch = self.reference.fetch
            new, start = left_align(moving, position, lambda a, b: fetch(contig, a, b), self.window)
            if start < position - self.window:
                self.counts.add("beyond_window", _name(block, row))
                new, start = trim(moving, position)
        if start == position and [a.upper() for a in moving] == list(new):
            return old, position
        rest = iter(new)
        return tuple(allele if allele == "*" else next(rest) for allele in old), start

    def _judge(self, block: VariantBlock, row: int, reason: str, words: str) -> bool:
        """Count a problem, refuse it where asked, and tell whether its record goes."""
        record = _name(block, row)
        if self.check_ref == "error":
            raise InputError(
                words, record=record, field="ALT" if reason.startswith("alt") else "REF",
                expected="the bases of the reference",
                hint="give the FASTA that the calls were made against, or let such records be excluded or "
                "kept (check_ref)",
            )  # fmt: skip
        self.counts.add(reason, record)
        if self.check_ref != "keep" and self.report is not None:
            self.report(record, "ALT" if reason.startswith("alt") else "REF", words)
        self.counts.excluded += self.check_ref == "exclude"
        return self.check_ref == "exclude"


def _name(block: VariantBlock, row: int) -> str:
    return f"{block.contigs[row]}:{block.positions[row]}"


def is_sequence(allele: str) -> bool:
    """Tell bases from ``*``, symbolic alleles and breakends.

    Examples
    --------
    >>> [is_sequence(text) for text in ("ACg", "*", "<DEL>", "A[2:5[", "G.", ".")]
    [True, False, False, False, False, False]
    """
    return allele.isalpha()


def _is_acgtn(allele: str) -> bool:
    return _ACGTN.issuperset(allele)


def trim(alleles: Sequence[str], position: int) -> tuple[tuple[str, ...], int]:
    """Cut off what all alleles end and begin with, leaving one base of each.

    Parameters
    ----------
    alleles
        REF and ALTs; two of them differ.
    position
        1-based.

    Returns
    -------
    alleles : tuple of str
        In capitals.
    position : int

    Examples
    --------
    >>> trim(("CTCC", "CCC"), 10), trim(("GATG", "GACT"), 3)
    ((('CT', 'C'), 10), (('TG', 'CT'), 5))
    """
    return _trim_left(*_trim_right([allele.upper() for allele in alleles], position))


def _trim_right(alleles: list[str], position: int) -> tuple[list[str], int]:
    cut = min(_common_suffix(alleles), min(map(len, alleles)) - 1)
    return ([allele[: len(allele) - cut] for allele in alleles] if cut else alleles), position


def _trim_left(alleles: list[str], position: int) -> tuple[tuple[str, ...], int]:
    cut = min(_common_prefix(alleles), min(map(len, alleles)) - 1)
    return tuple(allele[cut:] for allele in alleles), position + cut


def left_align(
    alleles: Sequence[str], position: int, bases: Bases, window: int = 2**31
) -> tuple[tuple[str, ...], int]:
    """Trim alleles and move their difference as far to the left as the sequence allows.

    Parameters
    ----------
    alleles
        REF, as the reference has it, and ALTs; two of them differ.
    position
        1-based.
    bases
        Gives the reference from a first to a last position.
    window
        Stop once the record has moved farther than this.

    Returns
    -------
    alleles : tuple of str
        In capitals.
    position : int

    References
    ----------
    Tan, Abecasis and Kang, Unified representation of genetic variants, Bioinformatics 31 (2015) 2202,
    doi:10.1093/bioinformatics/btv112.

    Examples
    --------
    >>> reference = "GGGCACACACAGGG"
    >>> left_align(("CAC", "C"), 8, lambda first, last: reference[first - 1 : last])
    (('GCA', 'G'), 3)
    """
    new, start, pad = [allele.upper() for allele in alleles], position, _PAD
    while True:
        same, shortest = _common_suffix(new), min(map(len, new))
        cut = min(same, shortest - 1)
        if cut:
            new = [allele[:-cut] for allele in new]
        # A difference that could be trimmed away whole may stand one base farther to the left.
        if same < shortest or start == 1 or position - start > window + 2 * _LONGEST_PAD:
            return _trim_left(new, start)
        before = bases(max(1, start - pad), start - 1)
        new, start = [before + allele for allele in new], start - len(before)
        pad = min(2 * pad, _LONGEST_PAD)


def _common_prefix(alleles: Sequence[str]) -> int:
    low, high = min(alleles), max(alleles)
    length = min(len(low), len(high))
    if low[:length] == high[:length]:
        return length
    return next(at for at in range(length) if low[at] != high[at])


def _common_suffix(alleles: Sequence[str]) -> int:
    if len({allele[-1] for allele in alleles}) > 1:
        return 0
    return _common_prefix([allele[::-1] for allele in alleles])


def find_problems(block: VariantBlock, reference: Reference) -> dict[int, tuple[str, str]]:
    """Compare the alleles of a block with the reference.

    A base of the reference that is not A, C, G or T counts as N. A record at position 0, before the first
    base, is compared with nothing. ALTs that are no sequence are not looked at.

    Returns
    -------
    dict
        For each row with a problem its reason, as in `AlignCounts`, and the problem in words.
    """
    problems = {}
    for row in _differing(block, reference):
        ref = block.alleles[row][0]
        if not _is_acgtn(ref):
            problems[row] = ("ref_not_acgtn", f"REF {_short(ref)} has bases other than A, C, G, T and N")
            continue
        found = reference.fetch(
            block.contigs[row], int(block.positions[row]), int(block.positions[row]) + len(ref) - 1
        )
        if found != ref.upper():
            shown = _short(found) or "no such position"
            problems[row] = ("ref_mismatch", f"REF is {_short(ref)} where the reference has {shown}")
    for row, alleles in enumerate(block.alleles):
        if row not in problems and len(alleles) > 1 and block.positions[row] > 0:
            problem = _alt_problem(alleles)
            if problem is not None:
                problems[row] = problem
    return dict(sorted(problems.items()))


def _alt_problem(alleles: tuple[str, ...]) -> tuple[str, str] | None:
    if not all(map(is_sequence, alleles[1:])):
        return None
    ref = alleles[0].upper()
    for alt in alleles[1:]:
        if not _is_acgtn(alt):
            return "alt_not_acgtn", f"ALT {_short(alt)} has bases other than A, C, G, T and N"
        if alt.upper() == ref:
            return "alt_equals_ref", f"ALT {_short(alt)} is REF"
    return None


def _differing(block: VariantBlock, reference: Reference) -> list[int]:
    """Rows whose REF may not be the reference's: single bases are compared all at once."""
    rows = [row for row, position in enumerate(block.positions.tolist()) if position > 0]
    long = [row for row in rows if len(block.alleles[row][0]) > 1]
    single: dict[str, list[int]] = {}
    for row in rows:
        if len(block.alleles[row][0]) == 1:
            single.setdefault(block.contigs[row], []).append(row)
    return long + [
        row for contig, some in single.items() for row in _differing_bases(block, reference, contig, some)
    ]


def _differing_bases(block: VariantBlock, reference: Reference, contig: str, rows: list[int]) -> list[int]:
    positions = block.positions[rows]
    first, last = int(positions.min()), int(positions.max())
    if last - first > _DENSE:
        return rows
    window = np.frombuffer(reference.fetch(contig, first, last).encode("ascii"), dtype=np.uint8)
    text = "".join(block.alleles[row][0] for row in rows).upper().encode("ascii", "replace")
    refs = np.frombuffer(text, dtype=np.uint8)
    inside = positions - first < len(window)
    same = np.zeros(len(rows), dtype=bool)
    same[inside] = window[positions[inside] - first] == refs[inside]
    return [row for row, equal in zip(rows, same.tolist(), strict=True) if not equal]


def _short(bases: str) -> str:
    return bases if len(bases) <= 20 else f"{bases[:20]}... ({len(bases)} bases)"
