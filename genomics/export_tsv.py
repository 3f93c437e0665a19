"""One row per call: the calls of a cohort as a table of text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, TYPE_CHECKING

import numpy as np

from genomics.block import STATE_NAMES
from genomics.export_cells import cell_text, joined_cells
from genomics.export_records import RecordTexts, record_batches
from genomics.genotype_text import genotype_bytes

if TYPE_CHECKING:
    from genomics.cohort import Cohort

COLUMNS: tuple[str, ...] = ("chrom", "pos", "ref", "alt", "filter", "sample", "gt", "state")
# Stands for the record's own columns at the start of each of its rows; no text of VCF contains it.
_HEAD = b"\1"


def write_tsv(cohort: Cohort, stream: IO[bytes]) -> None:
    """Write the header and one row per record and sample; per record in a cohort without samples.

    Parameters
    ----------
    cohort
        The cohort.
    stream
        Where the bytes go.
    """
    stream.write(("\t".join(COLUMNS) + "\n").encode())
    texts = RecordTexts(cohort)
    for batch in record_batches(cohort):
        heads = texts.columns(batch)
        rows = _call_rows(cohort, batch) if cohort.n_samples else [_HEAD + b"\t\t\n"] * len(heads.contig)
        parts = []
        for row, calls in enumerate(rows):
            head = "\t".join(
                (
                    heads.contig[row],
                    heads.position[row],
                    heads.ref[row],
                    heads.alt[row],
                    heads.filter[row],
                    "",
                )
            )
            parts.append(calls.replace(_HEAD, head.encode()))
        stream.write(b"".join(parts))


def _call_rows(cohort: Cohort, batch: slice) -> Iterator[bytes]:
    """Yield the rows of each record, with `_HEAD` for what its rows share."""
    samples = _table([_HEAD.decode() + name + "\t" for name in cohort.sample_ids.tolist()])
    states = _table(["\t" + name + "\n" for name in STATE_NAMES])[cohort.states(batch)]
    calls = genotype_bytes(cohort.genotypes(batch), cohort.phased(batch))
    for row in range(len(calls)):
        yield cell_text(joined_cells([samples, calls[row], states[row]]))


def _table(texts: list[str]) -> np.ndarray:
    """Return texts as cells, uint8 (n, width)."""
    table = np.array([text.encode() for text in texts], dtype=bytes)
    return table.view(np.uint8).reshape(len(texts), table.dtype.itemsize)
