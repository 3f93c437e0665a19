"""Write variants in one form: one ALT a record or one record a site, trimmed, leftmost, REF checked.

The same variant can be written in many ways, and tables are matched by position and alleles. `Normalise`
stands between a reader and the store and changes only what its settings ask for; blocks without anything
to change pass as they are. It does what ``bcftools norm`` does, in this order: split, check REF, align,
restore order, drop duplicates, join.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from genomics.block import VariantBlock
from genomics.errors import InputError
from genomics.fields import Field
from genomics.normalise_align import CHECK_REF, AlignCounts, Aligner, Report
from genomics.normalise_join import JOIN, JoinCounts, join_block
from genomics.normalise_order import keep_positions_whole, restore_order, without_duplicates
from genomics.normalise_split import OTHER_ALLELES, SplitCounts, split_block
from genomics.reference import Reference, build_from_reference

ALIGN = ("none", "trim", "left")
DUPLICATES = ("keep", "exact", "any")
WRONG_COUNTS = ("error", "missing")


@dataclass(frozen=True)
class NormaliseOptions:
    """How to normalise.

    Attributes
    ----------
    split
        Give each ALT a record of its own.
    other_alleles
        What stands, in a split record, for an allele that is neither REF nor its ALT. ``star``, the
        default, writes the allele ``*`` and adds it to the record: neither does the person seem to carry
        the reference, nor is the call lost, and the dosage of the ALT is right. ``reference`` writes 0 as
        bcftools does, so that 2/2 becomes a seen 0/0; ``missing`` writes a missing allele, so that the
        call becomes a no-call.
    align
        ``left``: trim, and move differences leftmost by the reference; ``trim``: trim only; ``none``.
    check_ref
        What to do with a record whose REF the reference contradicts, or whose alleles are no bases or
        duplicate REF: ``error``; ``warn``, keep and report it; ``exclude`` and report it; ``keep`` and
        count it. A record that is kept is not aligned.
    join
        ``by-type``, ``any`` or ``none``; see `genomics.normalise_join.join_block`.
    duplicates
        ``keep``; ``exact``, of records with the same alleles keep the first; ``any``, keep the first of
        each position.
    window
        Bases that a record may move: records within it are held in memory to restore order. One that
        would move farther is trimmed only, and counted.
    wrong_counts
        What to do where a field's number of values fits no alleles: ``error``, or ``missing``.

    Raises
    ------
    InputError
        A value is none of these.

    Examples
    --------
    >>> NormaliseOptions(split=True).other_alleles
    'star'
    """

    split: bool = False
    other_alleles: str = "star"
    align: str = "left"
    check_ref: str = "error"
    join: str = "none"
    duplicates: str = "keep"
    window: int = 1000
    wrong_counts: str = "error"

    def __post_init__(self) -> None:
        allowed = {
            "other_alleles": OTHER_ALLELES, "align": ALIGN, "check_ref": CHECK_REF, "join": JOIN,
            "duplicates": DUPLICATES, "wrong_counts": WRONG_COUNTS,
        }  # fmt: skip
        for name, values in allowed.items():
            if getattr(self, name) not in values:
                raise InputError(
                    f"{getattr(self, name)!r} is no way to normalise", field=name, expected=", ".join(values)
                )
        if self.window < 0:
            raise InputError("the window is negative", field="window", expected="0 bases or more")
        if self.split and self.join != "none":
            raise InputError("records cannot be both split and joined", field="join", expected="one of them")


class Normalise:
    """Normalise the records between a reader and the store; a `genomics.transform.BlockTransform`.

    Parameters
    ----------
    options
        How.
    fields
        The fields that the file declares, by key: their Number tells which values follow alleles.
    reference
        The genome; needed to align to the left. REF is checked wherever it is given.
    report
        Called with record, field and reason for each record that is warned of or excluded.

    Raises
    ------
    InputError
        Alignment is asked for and no reference given. While records are read: REF contradicts the
        reference, a contig is not in it, or a field has a wrong number of values.

    Examples
    --------
    >>> from genomics.block import empty_block
    >>> step = Normalise(NormaliseOptions(align="trim"), {}, None)
    >>> blocks = list(step.apply(iter([empty_block(2)])))
    >>> step.attributes()["records_read"]
    0
    """

    name = "normalisation"

    def __init__(
        self,
        options: NormaliseOptions,
        fields: Mapping[str, Field],
        reference: Reference | None,
        report: Report | None = None,
    ) -> None:
        if options.align == "left" and reference is None:
            raise InputError(
                "alignment to the left needs the reference genome", field="align",
                expected="a FASTA of the build of the calls", hint="give one, or only trim",
            )  # fmt: skip
        self.options, self.fields, self.reference = options, fields, reference
        self._read = self._written = self._duplicates = 0
        self._split, self._align, self._join = SplitCounts(), AlignCounts(), JoinCounts()
        self._aligner = Aligner(
            reference, options.align, options.check_ref, options.window,
            options.split and options.other_alleles == "star", self._align, report,
        )  # fmt: skip

    def apply(self, blocks: Iterator[VariantBlock]) -> Iterator[VariantBlock]:
        """Yield the normalised records in order."""
        options = self.options
        changed = self._changed(blocks)
        ordered = restore_order(changed, options.window)
        if options.duplicates != "keep" or options.join != "none":
            ordered = (self._at_one_place(block) for block in keep_positions_whole(ordered))
        for block in ordered:
            self._written += len(block)
            yield block

    def _changed(self, blocks: Iterator[VariantBlock]) -> Iterator[tuple[VariantBlock, np.ndarray]]:
        options = self.options
        for block in blocks:
            self._read += len(block)
            if options.split:
                block = split_block(
                    block, self.fields, self._split,
                    other_alleles=options.other_alleles, wrong_counts=options.wrong_counts,
                )  # fmt: skip
            yield self._aligner.align(block)

    def _at_one_place(self, block: VariantBlock) -> VariantBlock:
        options = self.options
        if options.duplicates != "keep":
            n_records = len(block)
            block = without_duplicates(block, options.duplicates)
            self._duplicates += n_records - len(block)
        if options.join != "none":
            block = join_block(block, self.fields, self._join, how=options.join)
        return block

    def attributes(self) -> dict[str, Any]:
        """Return the settings, the reference and what was done, as JSON values."""
        reference = self.reference
        return {
            "settings": asdict(self.options),
            "reference": "" if reference is None else reference.path.name,
            "reference_build": "" if reference is None else build_from_reference(reference),
            "records_read": self._read,
            "records_written": self._written,
            "duplicates_dropped": self._duplicates,
            **_plain(self._split),
            **_plain(self._align),
            **_plain(self._join),
        }


def _plain(counts: object) -> dict[str, Any]:
    return {name: dict(value) if isinstance(value, dict) else value for name, value in vars(counts).items()}
