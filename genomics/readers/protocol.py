"""What every reader of variant files offers, and what may be asked of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from genomics.block import VariantBlock
from genomics.fields import Field
from genomics.regions import Region

Reject = Callable[[int | str, str, str], None]
"""Called with record, field and reason for each bad record, which is then left out."""

BLOCK_RECORDS = 1000


@dataclass(frozen=True)
class Selection:
    """What to read of a file.

    Attributes
    ----------
    samples
        Samples to keep, in this order; all, in file order, where None.
    regions
        Records that overlap one of these, by INFO/END or the length of REF; all where empty.
    fields
        Keys of the INFO and FORMAT fields to keep; None for `genomics.fields.DEFAULT_FIELDS`.
    block_records
        Records of a block, at most.
    reject
        Takes bad records; without it the first one raises `InputError`.
    consumed
        Called now and then with the bytes of the file read so far.
    threads
        Threads that may decompress and parse.
    """

    samples: tuple[str, ...] | None = None
    regions: tuple[Region, ...] = ()
    fields: tuple[str, ...] | None = None
    block_records: int = BLOCK_RECORDS
    reject: Reject | None = None
    consumed: Callable[[int], None] | None = None
    threads: int = 1


class VariantReader(Protocol):
    """A variant file that is open for reading.

    Attributes
    ----------
    path
        The file, or the prefix of a fileset.
    samples
        In file order.
    filters
        Declared filters, without PASS.
    reference
        What the file says of its reference genome; empty where it says nothing.
    seen_contigs
        Contigs that the file turned out to have, inside the regions or not, once its blocks were read.
    """

    path: Path
    samples: tuple[str, ...]
    filters: tuple[str, ...]
    reference: str
    seen_contigs: set[str]

    @property
    def contigs(self) -> Mapping[str, int | None]:
        """Declared contigs and their lengths, None where no length is given."""
        ...

    @property
    def fields(self) -> Mapping[str, Field]:
        """Declared INFO and FORMAT fields by key."""
        ...

    @property
    def notes(self) -> Mapping[str, str]:
        """Facts that the store must state, such as which allele of a .bed file became REF."""
        ...

    def first_record(self) -> tuple[str, int] | None:
        """Return contig and position of the first record; None where there is none, or it is unreadable."""
        ...

    def blocks(self, selection: Selection) -> Iterator[VariantBlock]:
        """Yield the selected records in file order; raise `InputError` for the first that is bad."""
        ...
