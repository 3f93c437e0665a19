"""Move records from one genome build to another, by a chain file and the FASTA of the new build.

A position that a chain gives is only half of a lift-over: the reference may have another base there, or
what was the alternate allele. So each record is checked against the new reference, and whatever does not
come over whole is left out and named, never guessed.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from genomics.block import VariantBlock
from genomics.build import build_from_lengths
from genomics.chain import Chain, Stretch
from genomics.errors import InputError
from genomics.normalise_align import is_sequence, left_align
from genomics.readers.protocol import Reject
from genomics.reference import Reference, build_from_reference
from genomics.spool import Spool

REASONS: dict[str, str] = {
    "unmapped": "no chain holds the position",
    "gap": "the chain has a gap within the record, or where its insertion or deletion may stand",
    "ambiguous": "several chains hold the position",
    "no_contig": "the new reference lacks the contig, such as an alternate locus",
    "ref_mismatch": "the new reference has neither REF nor an ALT there",
    "swapped": "the new reference has an ALT there where the old one had REF",
    "not_sequence": "a breakend, or a symbolic allele on the reverse strand",
}
"""Why a record cannot be lifted over."""

_SYMBOLS_OF_ANY = ("*", "<*>", "<NON_REF>")
_COMPLEMENT = str.maketrans("ACGTacgt", "TGCAtgca")
_WINDOW = 10_000


class Liftover:
    """Lift records over to another build; a `genomics.transform.BlockTransform`.

    Where a stretch lies on the reverse strand, alleles are complemented and reversed. Insertions and
    deletions are written leftmost on the new build; they must lie, wherever in a repeat they may be
    written, within one stretch of the chain, since a gap there could be the very variant. Positions in
    INFO fields other than END are not changed. Records come out in the order of the new build, so all of
    them are kept on disk, in a temporary folder, until the last was read.

    Parameters
    ----------
    chain
        From the build of the calls to the new one.
    reference
        FASTA of the new build. Contigs are named as it names them.
    reject
        Called with record, field and reason for each record that cannot be lifted over.

    Raises
    ------
    InputError
        A contig of the new build is not as long in the FASTA as the chain file says.

    Examples
    --------
    >>> Liftover.name
    'liftover'
    """

    name = "liftover"

    def __init__(self, chain: Chain, reference: Reference, reject: Reject | None = None) -> None:
        self.chain, self.reference, self.reject = chain, reference, reject
        self._names = {
            contig: _checked_name(reference, contig, length) for contig, length in chain.new_lengths.items()
        }
        self.rejected: Counter[str] = Counter()
        self._read = self._lifted = self._reversed = 0

    @property
    def build(self) -> str:
        """Build of the lifted records, by the lengths of the new reference's chromosomes."""
        return build_from_reference(self.reference)

    def apply(self, blocks: Iterator[VariantBlock]) -> Iterator[VariantBlock]:
        """Yield the lifted records in the order of the new build."""
        with tempfile.TemporaryDirectory() as folder:
            spool = Spool(Path(folder))
            for block in blocks:
                self._read += len(block)
                spool.add(self._lift_block(block))
            for block in spool.sorted():
                self._lifted += len(block)
                yield block

    def _lift_block(self, block: VariantBlock) -> VariantBlock:
        kept: list[int] = []
        contigs: list[str] = []
        positions: list[int] = []
        ends: list[int] = []
        alleles: list[tuple[str, ...]] = []
        for row in range(len(block)):
            lifted = self._lift(block, row)
            if isinstance(lifted, str):
                self._refuse(block, row, lifted)
                continue
            kept.append(row)
            contigs.append(lifted[0])
            positions.append(lifted[1])
            alleles.append(lifted[2])
            ends.append(lifted[3])
        return replace(
            block.take(kept),
            contigs=contigs,
            positions=np.array(positions, np.int32),
            alleles=alleles,
            ends=np.array(ends, np.int32),
        )

    def _refuse(self, block: VariantBlock, row: int, reason: str) -> None:
        self.rejected[reason] += 1
        if self.reject is not None:
            field = "REF" if reason in ("ref_mismatch", "swapped") else "POS"
            record = f"{block.contigs[row]}:{block.positions[row]}"
            self.reject(record, field, f"{REASONS[reason]}; expected a record that can be lifted over")

    def _lift(self, block: VariantBlock, row: int) -> tuple[str, int, tuple[str, ...], int] | str:
        """Lift one record: contig, position, alleles, INFO/END; or the reason why it cannot be."""
        contig, position, old = block.contigs[row], int(block.positions[row]), block.alleles[row]
        last = max(position + len(old[0]) - 1, int(block.ends[row]))
        stretches = self.chain.find(contig, position, last)
        if not stretches:
            return "gap" if self.chain.touches(contig, position, last) else "unmapped"
        if len(stretches) > 1:
            return "ambiguous"
        stretch = stretches[0]
        symbols = [alt for alt in old[1:] if not is_sequence(alt) and alt not in _SYMBOLS_OF_ANY]
        beyond = last > position + len(old[0]) - 1
        if any("[" in alt or "]" in alt or "." in alt for alt in symbols):
            return "not_sequence"
        if stretch.is_reversed and (symbols or beyond):
            return "not_sequence"
        start, end = stretch.lift(position, last)
        name = self._names[stretch.contig]
        if not name:
            return "no_contig"
        alleles = tuple(map(_reverse_complement, old)) if stretch.is_reversed else old
        problem = self._check(name, start, alleles)
        if problem:
            return problem
        self._reversed += stretch.is_reversed
        new_end = -1 if block.ends[row] < 0 else end
        if all(len(allele) == len(alleles[0]) for allele in alleles if is_sequence(allele)):
            return name, start, alleles, new_end
        return self._lift_indel(name, start, alleles, new_end, stretch, bool(symbols))

    def _check(self, contig: str, start: int, alleles: tuple[str, ...]) -> str:
        ref = alleles[0].upper()
        found = self.reference.fetch(contig, start, start + len(ref) - 1)
        if found == ref:
            return ""
        for alt in alleles[1:]:
            if is_sequence(alt) and self.reference.fetch(contig, start, start + len(alt) - 1) == alt.upper():
                return "swapped"
        return "ref_mismatch"

    def _lift_indel(
        self,
        contig: str,
        start: int,
        alleles: tuple[str, ...],
        end: int,
        stretch: Stretch,
        has_symbols: bool,
    ) -> tuple[str, int, tuple[str, ...], int] | str:
        """Write an insertion or deletion leftmost, and see that no gap could be the same event."""
        bases = [allele for allele in alleles if is_sequence(allele)]
        if len({allele.upper() for allele in bases}) < 2 or has_symbols:
            return contig, start, alleles, end
        moved, position = left_align(
            bases, start, lambda first, last: self.reference.fetch(contig, first, last), _WINDOW
        )
        last = max(
            position + len(moved[0]) - 1 + self._roll(contig, position, moved[0], alt) for alt in moved[1:]
        )
        if position < stretch.target_start or last + 1 > stretch.target_end:
            return "gap"
        rest = iter(moved)
        written = tuple(next(rest) if is_sequence(allele) else allele for allele in alleles)
        return contig, position, written, end if end < 0 else position + len(moved[0]) - 1

    def _roll(self, contig: str, position: int, ref: str, alt: str) -> int:
        """Bases to the right over which an insertion or deletion may be written just as well."""
        if ref[0] != alt[0] or min(len(ref), len(alt)) > 1:
            return 0
        turn = max(ref, alt, key=len)[1:]
        after = self.reference.fetch(contig, position + len(ref), position + len(ref) + _WINDOW)
        return next((at for at, base in enumerate(after) if base != turn[at % len(turn)]), len(after))

    def attributes(self) -> dict[str, Any]:
        """Return what was lifted over, by which files, and what was not, as JSON values."""
        return {
            "chain": self.chain.path.name,
            "reference": self.reference.path.name,
            "build": self.build,
            "records_read": self._read,
            "records_lifted": self._lifted,
            "records_reversed": self._reversed,
            "rejected": {reason: self.rejected[reason] for reason in REASONS},
        }


def require_chain(chain: Chain | None, found: str, wanted: str) -> None:
    """Refuse to move calls to another build without a chain file, or with one from a third build.

    Parameters
    ----------
    chain
        The chain, if one was given.
    found, wanted
        Build of the calls and the build asked for.

    Raises
    ------
    InputError
        The builds differ, and there is no chain, or the lengths of its contigs are not of those builds.

    Examples
    --------
    >>> require_chain(None, "GRCh37", "GRCh37")
    """
    if chain is None and found != wanted:
        raise InputError(
            f"the calls are on {found}, not on {wanted}", field="build", expected=f"calls on {wanted}",
            hint="lift them over with a chain file and the FASTA of the new build, or call them anew",
        )  # fmt: skip

    if chain is None:
        return
    for build, lengths in ((found, chain.old_lengths), (wanted, chain.new_lengths)):
        of_chain = build_from_lengths(dict(lengths))
        if "unknown" not in (build, of_chain) and build != of_chain:
            raise InputError(
                f"the chain file has contigs of {of_chain} where {build} is needed", file=chain.path,
                field="build", expected=f"a chain file from {found} to {wanted}",
            )  # fmt: skip


def _checked_name(reference: Reference, contig: str, length: int) -> str:
    """Return the FASTA's name of a contig; the empty string where it has none of the name."""
    if not reference.has(contig):
        return ""
    if reference.length(contig) != length:
        raise InputError(
            f"{contig} has {reference.length(contig)} bases where the chain file says {length}",
            file=reference.path, record=contig, expected="the FASTA of the build that the chain leads to",
        )  # fmt: skip
    return reference.contig_of(contig)


def _reverse_complement(allele: str) -> str:
    return allele.translate(_COMPLEMENT)[::-1] if is_sequence(allele) else allele
