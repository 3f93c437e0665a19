"""Put the records that the careful reader takes between those that compiled code has read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from genomics.block import VariantBlock, join_blocks
from genomics.readers.bcf import BcfRecords
from genomics.readers.protocol import Reject
from genomics.readers.vcf_lines import SlowLines


@dataclass(frozen=True, eq=False)
class ScannedLines:
    """Some lines of text: simple ones as a block, the others as they are.

    Attributes
    ----------
    block
        The simple records.
    careful
        Place among the lines, from 0, and text of the others.
    n_lines
        All of them.
    """

    block: VariantBlock
    careful: list[tuple[int, bytes]]
    n_lines: int


class CarefulLines:
    """Count the lines of a file, and have the careful reader take those that are not simple.

    Parameters
    ----------
    reject
        Takes bad records; without it the first one raises.
    make_parser
        Makes the careful reader around the function that takes bad records.
    """

    def __init__(
        self, reject: Reject | None, make_parser: Callable[[Reject | None], SlowLines | BcfRecords]
    ) -> None:
        self.n_lines = 0
        self._rejected: set[int | str] = set()
        self._reject = reject
        self._parser = make_parser(None if reject is None else self._note)
        self._blank: list[int] = []

    def _note(self, record: int | str, field_name: str, reason: str) -> None:
        self._rejected.add(record)
        if self._reject is not None:
            self._reject(record, field_name, reason)

    def complete(self, lines: ScannedLines) -> Iterator[VariantBlock]:
        """Yield all records of some lines, which follow those given before."""
        careful = self._without_blank_end(lines)
        if not careful:
            if len(lines.block):
                yield lines.block
            return
        numbers = [number for number, _ in careful]
        parts = list(self._parser.parse([text for _, text in careful], numbers))
        kept = [number - 1 - self.n_lines for number in numbers if number not in self._rejected]
        self.n_lines += lines.n_lines
        simple = np.ones(lines.n_lines, np.bool_)
        simple[[place for place, _ in lines.careful]] = False
        places = np.concatenate([np.flatnonzero(simple), np.array(kept, np.int64)])
        joined = join_blocks([lines.block, *parts], lines.block.n_samples)
        if len(joined):
            yield joined.take(np.argsort(places))

    def _without_blank_end(self, lines: ScannedLines) -> list[tuple[int, bytes]]:
        """Number the careful lines; blank ones wait, since at the end of a file they are no records."""
        numbered = [(self.n_lines + place + 1, text) for place, text in lines.careful]
        end = self.n_lines + lines.n_lines
        waiting: list[int] = []
        while numbered and numbered[-1][0] == end - len(waiting) and not numbered[-1][1].strip():
            waiting.append(numbered.pop()[0])
        if len(waiting) == lines.n_lines:
            self._blank += waiting[::-1]
        elif self._blank:
            list(self._parser.parse([b""] * len(self._blank), self._blank))
            self._blank = waiting[::-1]
        else:
            self._blank = waiting[::-1]
        if not numbered:
            self.n_lines = end
        return numbered
