"""What the calls of one record share, as text: its fixed columns and its INFO and FORMAT fields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from genomics.cohort_check import array_axes, stored_arrays
from genomics.export_cells import float_text

if TYPE_CHECKING:
    from genomics.cohort import Cohort

# Calls of one batch: bounds what is held, whatever the cohort's width.
_CALLS_AT_ONCE = 2_000_000
_FIXED = ("contig", "position", "length", "id", "allele", "quality", "filter")
# Extensions of varimol, which no VCF has a field for.
_EXTENSIONS = ("state", "from_block", "consequence", "consequence_gene", "amino_acid_change")
_NUMBER_OF_AXIS = {"alt_alleles": "A", "alleles": "R", "genotypes": "G"}
_TYPES = {"i": "Integer", "u": "Integer", "f": "Float", "b": "Flag"}


def record_batches(cohort: Cohort) -> Iterator[slice]:
    """Yield the records of a cohort in slices that fit into memory, no longer than a chunk."""
    array = cohort.arrays["call_genotype" if "call_genotype" in cohort.arrays else "variant_position"]
    step = max(1, min(int(array.chunks[0]), _CALLS_AT_ONCE // max(1, cohort.n_samples)))
    for start in range(0, cohort.n_variants, step):
        yield slice(start, min(start + step, cohort.n_variants))


@dataclass(frozen=True)
class RecordColumns:
    """The first seven columns of VCF for some records, as text; one entry per record."""

    contig: list[str]
    position: list[str]
    identifier: list[str]
    ref: list[str]
    alt: list[str]
    quality: list[str]
    filter: list[str]


class RecordTexts:
    """Reads the fixed columns of records as text.

    Parameters
    ----------
    cohort
        The cohort.
    """

    def __init__(self, cohort: Cohort) -> None:
        self._cohort = cohort
        self._contigs = [str(name) for name in cohort.read("contig_id")]
        has_filters = "variant_filter" in cohort.arrays and "filter_id" in cohort.arrays
        self._filters = [str(name) for name in cohort.read("filter_id")] if has_filters else []
        self._filter_texts: dict[bytes, str] = {}

    def columns(self, batch: slice) -> RecordColumns:
        """Return the fixed columns of some records."""
        cohort = self._cohort
        alleles = np.asarray(cohort.read("variant_allele", batch), dtype=object).tolist()
        return RecordColumns(
            contig=[self._contigs[code] for code in cohort.read("variant_contig", batch).tolist()],
            position=[str(position) for position in cohort.read("variant_position", batch).tolist()],
            identifier=self._identifiers(batch, len(alleles)),
            ref=[str(row[0]) for row in alleles],
            alt=[",".join(str(allele) for allele in row[1:] if allele) or "." for row in alleles],
            quality=self._qualities(batch, len(alleles)),
            filter=self._filter_column(batch, len(alleles)),
        )

    def _identifiers(self, batch: slice, length: int) -> list[str]:
        if "variant_id" not in self._cohort.arrays:
            return ["."] * length
        return [str(text) or "." for text in self._cohort.read("variant_id", batch).tolist()]

    def _qualities(self, batch: slice, length: int) -> list[str]:
        if "variant_quality" not in self._cohort.arrays:
            return ["."] * length
        return [float_text(value) for value in self._cohort.read("variant_quality", batch)]

    def _filter_column(self, batch: slice, length: int) -> list[str]:
        if not self._filters:
            return ["."] * length
        flags = np.ascontiguousarray(self._cohort.read("variant_filter", batch))
        return [self._filter_text(row) for row in flags]

    def _filter_text(self, flags: np.ndarray) -> str:
        key = flags.tobytes()
        if key not in self._filter_texts:
            names = [name for name, flag in zip(self._filters, flags, strict=True) if flag]
            self._filter_texts[key] = ";".join(names) or "."
        return self._filter_texts[key]


@dataclass(frozen=True)
class StoredField:
    """An INFO or FORMAT field that a store holds, as a header line would declare it."""

    array: str
    name: str
    number: str
    kind: str
    description: str


def stored_fields(cohort: Cohort, category: str) -> list[StoredField]:
    """List the INFO or FORMAT fields of a store, sorted by name.

    Number, Type and Description are the array's attributes where it has them, else what its axes and type say.

    Parameters
    ----------
    cohort
        The cohort.
    category
        ``INFO`` or ``FORMAT``.
    """
    prefix, n_axes = ("variant_", 1) if category == "INFO" else ("call_", 2)
    found = []
    for array_name, array in stored_arrays(cohort.arrays):
        name = array_name.removeprefix(prefix)
        own = name in _FIXED if category == "INFO" else name.startswith("genotype")
        if not array_name.startswith(prefix) or own or name in _EXTENSIONS:
            continue
        if name.endswith(("_mask", "_fill")) or array.attrs.get("varimol") == "extension":
            continue
        if array_axes(array_name, array)[:n_axes] == ("variants", "samples")[:n_axes]:
            found.append(_stored_field(array_name, name, array, n_axes))
    return found


def _stored_field(array_name: str, name: str, array: Any, n_axes: int) -> StoredField:
    kind = np.dtype(array.dtype).kind if not str(array.dtype).startswith("StringDType") else "O"
    by_axis = "1" if array.ndim == n_axes else _NUMBER_OF_AXIS.get(array_axes(array_name, array)[-1], ".")
    return StoredField(
        array=array_name,
        name=name,
        number=str(array.attrs.get("number", "0" if kind == "b" else by_axis)),
        kind=str(array.attrs.get("type", _TYPES.get(kind, "String"))),
        description=str(array.attrs.get("description", "")),
    )
