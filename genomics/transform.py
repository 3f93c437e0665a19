"""What may stand between a reader and the store: gVCF expansion, normalisation, filters, lists, policies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from genomics.block import VariantBlock


class BlockTransform(Protocol):
    """A step that takes blocks of records and gives blocks of records, in the order of the store.

    It may hold records back from one block to the next and must give every one of them in the end, or
    count what it left out in `attributes`.

    Attributes
    ----------
    name
        The store attribute that its settings and counts are kept under.
    """

    name: str

    def apply(self, blocks: Iterator[VariantBlock]) -> Iterator[VariantBlock]:
        """Yield the changed blocks; one that needs no change is handed on as it is."""
        ...

    def attributes(self) -> dict[str, Any]:
        """Return settings and counts as JSON values; complete once `apply` is exhausted."""
        ...
