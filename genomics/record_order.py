"""The order of a cohort's records: sorted or not, shard by shard, under one way to name contigs."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genomics.block import VariantBlock
from genomics.contigs import contig_naming, is_chromosome
from genomics.errors import InputError

if TYPE_CHECKING:
    from genomics.cohort import Cohort


class RecordOrder:
    """Watch the records of a cohort's shards go by.

    Records of one file may come in any order, and its contigs under two ways of naming: both are recorded. Shards
    that overlap, or that name contigs in different ways, are refused.

    Attributes
    ----------
    is_sorted
        Every contig came in one piece, with positions that ascend.
    contigs
        Those of the records so far.
    """

    def __init__(self) -> None:
        self.is_sorted = True
        self.contigs: dict[str, int] = {}  # the last position of each
        self._file: Path | None = None
        self._contig, self._position = "", 0
        self._styles: dict[str, str] = {}  # the first contig of each way to name them
        # What the shards before this one held.
        self._before: dict[str, int] = {}
        self._before_name, self._before_contig = "", ""
        self._before_styles: dict[str, str] = {}

    def check(self, block: VariantBlock, path: Path) -> None:
        """Compare each record of a block with those before.

        Raises
        ------
        InputError
            The shard overlaps another, or names contigs in another way.
        """
        if path != self._file:
            self._enter_file(path)
        for contig, start, stop in _runs(block.contigs):
            if contig != self._contig:
                self._enter_contig(contig, path)
            self._check_positions(block.positions[start:stop], path)

    def follow(self, cohort: Cohort) -> None:
        """Take the records of a store as those of a first shard."""
        names = [str(name) for name in cohort.arrays["contig_id"][:]]
        codes = np.asarray(cohort.arrays["variant_contig"][:])
        positions = np.asarray(cohort.arrays["variant_position"][:])
        for contig, start, stop in _runs([names[code] for code in codes.tolist()]):
            if contig != self._contig:
                self._enter_contig(contig, cohort.path)
            self._check_positions(positions[start:stop], cohort.path)
        self._file = cohort.path

    def state(self) -> dict[str, Any]:
        """Return what was seen, as JSON values."""
        return {**copy.deepcopy(vars(self)), "_file": None if self._file is None else str(self._file)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        vars(self).update(state)
        self._file = None if state["_file"] is None else Path(state["_file"])

    def attributes(self) -> dict[str, Any]:
        """Return what the store states of the order; ``contig_naming`` only where it is mixed."""
        attributes: dict[str, Any] = {"sorted": self.is_sorted}
        if len(self._styles) > 1:
            attributes["contig_naming"] = "mixed: " + ", ".join(self._styles.values())
        return attributes

    def _enter_file(self, path: Path) -> None:
        self._before = dict(self.contigs)
        self._before_contig = self._contig
        self._before_name = "" if self._file is None else self._file.name
        self._before_styles = dict(self._styles)
        self._file = path

    def _enter_contig(self, contig: str, path: Path) -> None:
        if contig in self._before and contig != self._before_contig:
            raise self._overlap(path, contig, "CHROM")
        if contig in self.contigs:
            self.is_sorted = False
        if is_chromosome(contig):
            self._check_style(contig, path)
        self._contig, self._position = contig, 0
        self.contigs.setdefault(contig, 0)

    def _check_style(self, contig: str, path: Path) -> None:
        style = contig_naming([contig])
        if self._before_styles and style not in self._before_styles:
            other = next(iter(self._before_styles.values()))
            raise InputError(
                f"two ways to name contigs: {self._before_name} {other} and {path.name} {contig}",
                file=path,
                record=contig,
                field="CHROM",
                expected="chr1 throughout or 1 throughout",
                hint="rename one of them (bcftools annotate --rename-chrs)",
            )
        self._styles.setdefault(style, contig)

    def _check_positions(self, positions: np.ndarray, path: Path) -> None:
        limit = self._before.get(self._contig, 0)
        low = int(positions.min())
        if low < limit:
            raise self._overlap(path, f"{self._contig}:{low}", "POS")
        if int(positions[0]) < self._position or (positions[1:] < positions[:-1]).any():
            self.is_sorted = False
        self._position = int(positions[-1])
        self.contigs[self._contig] = max(self.contigs[self._contig], int(positions.max()))

    def _overlap(self, path: Path, record: str, field_name: str) -> InputError:
        return InputError(
            f"the shard overlaps {self._before_name}, which goes on to {self._before_contig}:"
            f"{self._before[self._before_contig]}",
            file=path,
            record=record,
            field=field_name,
            expected="shards that do not overlap",
            hint="join them first (bcftools concat -a)",
        )


def _runs(contigs: list[str]) -> Iterator[tuple[str, int, int]]:
    """Yield each run of one contig: name, first and behind-last row."""
    stop = 0
    for name, run in groupby(contigs):
        start, stop = stop, stop + sum(1 for _ in run)
        yield name, start, stop
