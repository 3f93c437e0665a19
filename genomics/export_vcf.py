"""A cohort as VCF: the header from the store's attributes, the records a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO, TYPE_CHECKING

import numpy as np

from genomics.block import FILL
from genomics.export_cells import cell_text, field_cells, joined_cells
from genomics.export_records import RecordTexts, StoredField, record_batches, stored_fields
from genomics.genotype_text import genotype_bytes

if TYPE_CHECKING:
    from genomics.cohort import Cohort

# Bytes of text that are put together at once.
_TEXT_BYTES = 64_000_000
_COLUMNS = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO")


def write_vcf(cohort: Cohort, stream: IO[bytes]) -> None:
    """Write the header and the records with GT and every INFO and FORMAT field of the store.

    A record goes without GT where it came without; a FORMAT field is named in a record where any of its calls has a
    value.

    Parameters
    ----------
    cohort
        The cohort.
    stream
        Where the bytes go.
    """
    infos, formats = stored_fields(cohort, "INFO"), stored_fields(cohort, "FORMAT")
    stream.write(vcf_header(cohort, infos, formats).encode())
    texts = RecordTexts(cohort)
    for batch in record_batches(cohort):
        heads = texts.columns(batch)
        info = _info_column(cohort, infos, batch, len(heads.contig))
        columns = (heads.contig, heads.position, heads.identifier, heads.ref, heads.alt, heads.quality)
        fixed = zip(*columns, heads.filter, info, strict=True)
        calls: Iterator[bytes] = iter([b""] * len(info))
        if cohort.n_samples:
            calls = _call_columns(cohort, formats, batch)
        for head, cells in zip(fixed, calls, strict=True):
            stream.write("\t".join(head).encode() + cells + b"\n")


def vcf_header(cohort: Cohort, infos: Sequence[StoredField], formats: Sequence[StoredField]) -> str:
    """Return the header, from ``##fileformat`` to ``#CHROM`` with a line break at its end."""
    arrays = cohort.arrays
    lines = ["##fileformat=VCFv4.3"]
    for key, value in arrays.attrs.get("vcf_meta_information", ()):
        if key not in ("fileformat", "source"):
            lines.append(f"##{key}={value}")
    lines.append(f"##source={cohort.source}")
    lines += _filter_lines(cohort)
    lines += _contig_lines(cohort)
    lines += [_field_line("INFO", field) for field in infos]
    if cohort.n_samples:
        lines.append('##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">')
        lines += [_field_line("FORMAT", field) for field in formats]
    columns = [*_COLUMNS, "FORMAT", *cohort.sample_ids.tolist()] if cohort.n_samples else _COLUMNS
    return "\n".join([*lines, "\t".join(columns)]) + "\n"


def _field_line(category: str, field: StoredField) -> str:
    return (
        f"##{category}=<ID={field.name},Number={field.number},Type={field.kind},"
        f'Description="{field.description or field.name}">'
    )


def _filter_lines(cohort: Cohort) -> list[str]:
    if "filter_id" not in cohort.arrays:
        return []
    names = [str(name) for name in cohort.read("filter_id")]
    given = "filter_description" in cohort.arrays
    words = [str(text) for text in cohort.read("filter_description")] if given else [""] * len(names)
    return [
        f'##FILTER=<ID={name},Description="{text or name}">' for name, text in zip(names, words, strict=True)
    ]


def _contig_lines(cohort: Cohort) -> list[str]:
    names = [str(name) for name in cohort.read("contig_id")]
    lengths = dict(cohort.arrays.attrs.get("contig_lengths", {}))
    if "contig_length" in cohort.arrays:
        lengths = dict(zip(names, cohort.read("contig_length").tolist(), strict=True))
    return [
        f"##contig=<ID={name},length={lengths[name]}>"
        if (lengths.get(name) or -1) > 0
        else f"##contig=<ID={name}>"
        for name in names
    ]


def _info_column(cohort: Cohort, fields: Sequence[StoredField], batch: slice, length: int) -> list[str]:
    entries: list[list[str]] = [[] for _ in range(length)]
    for field in fields:
        values = cohort.read(field.array, batch)
        if values.dtype.kind == "b":
            for row in np.flatnonzero(values):
                entries[row].append(field.name)
            continue
        cells, present = field_cells(values, 1)
        for row in np.flatnonzero(present):
            entries[row].append(f"{field.name}={cell_text(cells[row]).decode()}")
    return [";".join(entry) or "." for entry in entries]


def _call_columns(cohort: Cohort, fields: Sequence[StoredField], batch: slice) -> Iterator[bytes]:
    """Yield FORMAT and the calls of each record, with the tab before them."""
    genotypes = cohort.genotypes(batch)
    with_calls = ~(genotypes == FILL).all(axis=(1, 2))
    names, cells, present = ["GT"], [genotype_bytes(genotypes, cohort.phased(batch))], [with_calls]
    for field in fields:
        values, has_value = field_cells(cohort.read(field.array, batch), 2)
        if has_value.any():
            names.append(field.name)
            cells.append(values)
            present.append(has_value.any(axis=1))
    named = np.stack(present, axis=1)
    tab, colon, dot = (np.full((1, 1), ord(sign), np.uint8) for sign in "\t:.")
    for row, has in enumerate(named):
        fields_here = np.flatnonzero(has)
        parts = [tab] if len(fields_here) else [tab, dot]
        for place, at in enumerate(fields_here):
            parts += [colon, cells[at][row]] if place else [cells[at][row]]
        shape = np.broadcast_shapes(*(part.shape[:-1] for part in parts), (genotypes.shape[1],))
        parts[0] = np.broadcast_to(parts[0], (*shape, 1))
        yield f"\t{':'.join(names[at] for at in fields_here) or '.'}".encode() + cell_text(
            joined_cells(parts)
        )
