"""What the compiled reader takes from each line of a file, and what each FORMAT means to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from genomics import annotation
from genomics.fields import Field
from genomics.readers import fast_calls as calls

_SKIPPED = {"Integer": calls.SKIP_INTEGER, "Float": calls.SKIP_FLOAT}


@dataclass(frozen=True, eq=False)
class Plan:
    """What to take from each line.

    Attributes
    ----------
    place : int64 (columns,)
        Where each sample column goes, -1 for those not kept.
    n_samples
        Samples kept.
    integers, decimals
        FORMAT fields to keep, each one whole number, or one decimal.
    kinds
        Type of each declared FORMAT field.
    """

    place: np.ndarray
    n_samples: int
    integers: tuple[str, ...]
    decimals: tuple[str, ...]
    kinds: Mapping[str, str]

    @cached_property
    def in_order(self) -> bool:
        """All columns are kept where they are."""
        return bool(np.array_equal(self.place, np.arange(self.n_samples)))


def make_plan(
    columns: Sequence[str],
    samples: Sequence[str] | None,
    declared: Mapping[str, Field],
    chosen: Mapping[str, Field],
) -> Plan | None:
    """Plan the quick reading of a file; None where it needs the careful reader throughout.

    Parameters
    ----------
    columns
        Samples of the file.
    samples
        Those to keep, in this order; all where None.
    declared, chosen
        The header's fields, and those to keep.

    Examples
    --------
    >>> depth = Field("FORMAT", "DP", "1", "Integer")
    >>> make_plan(["a", "b"], ["b"], {}, {"FORMAT/DP": depth}).place.tolist()
    [-1, 0]
    >>> make_plan(["a"], None, {}, {"INFO/AF": Field("INFO", "AF", "A", "Float")}) is None
    True
    """
    if any(f.category != "FORMAT" or not f.is_scalar or f.kind not in _SKIPPED for f in chosen.values()):
        return None
    if any(f"INFO/{key}" in declared for key in annotation.KEYS):
        return None
    if "FORMAT/GT" in declared and declared["FORMAT/GT"].kind != "String":
        return None
    if "INFO/END" in declared and declared["INFO/END"].kind != "Integer":
        return None
    kept = list(columns if samples is None else samples)
    rank = {name: index for index, name in enumerate(kept)}
    return Plan(
        place=np.array([rank.get(name, -1) for name in columns], np.int64),
        n_samples=len(kept),
        integers=tuple(field.name for field in chosen.values() if field.kind == "Integer"),
        decimals=tuple(field.name for field in chosen.values() if field.kind == "Float"),
        kinds={f.name: f.kind for f in declared.values() if f.category == "FORMAT"},
    )


@dataclass(frozen=True, eq=False)
class Formats:
    """The FORMATs met so far, as the scanner takes them."""

    text: np.ndarray
    starts: np.ndarray
    keys: np.ndarray
    layouts: np.ndarray


class FormatTable:
    """Learn FORMATs as they come; shared by the threads."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.names: list[bytes] = []
        self.current = self._build()

    def add(self, name: bytes) -> Formats:
        """Add a FORMAT; of two threads that add the same one, the second changes nothing."""
        if name not in self.names:
            self.names = [*self.names, name]
            self.current = self._build()
        return self.current

    def _build(self) -> Formats:
        names = self.names
        layouts = [self._layout(name) for name in names]
        table = np.zeros((len(names), max(map(len, layouts), default=1) + 1), np.int64)
        for row, layout in enumerate(layouts):
            table[row, : len(layout)] = layout
        return Formats(
            text=np.frombuffer(b"".join(names) + b"\n", np.uint8),
            starts=np.cumsum([0, *map(len, names)]).astype(np.int64),
            keys=np.array([len(layout) for layout in layouts], np.int64),
            layouts=table,
        )

    def _layout(self, name: bytes) -> list[int]:
        """Meaning of each key; nothing where records of this FORMAT go to the careful reader."""
        keys = name.decode("ascii", "replace").split(":")
        if "GT" not in keys or len(set(keys)) < len(keys) or not all(_is_plain_key(key) for key in keys):
            return []
        return [self._code(key) for key in keys]

    def _code(self, key: str) -> int:
        if key == "GT":
            return calls.GENOTYPE
        if key in self.plan.integers:
            return calls.FIRST_SLOT + self.plan.integers.index(key)
        if key in self.plan.decimals:
            return calls.FIRST_FLOAT + self.plan.decimals.index(key)
        if key == "FT" and self.plan.kinds.get(key, "String") == "String":
            return calls.CALL_FILTER
        return _SKIPPED.get(self.plan.kinds.get(key, "String"), calls.SKIP_TEXT)


def _is_plain_key(key: str) -> bool:
    return key[:1].isalpha() and key.replace("_", "").replace(".", "").isalnum()
