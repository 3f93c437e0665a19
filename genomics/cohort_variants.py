"""The table of a cohort's variants: one row per record and ALT."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genomics.contigs import canonical_contig

if TYPE_CHECKING:
    from genomics.cohort import Cohort

_RSID = re.compile(r"^rs\d+$")
VARIANT_COLUMNS: tuple[str, ...] = (
    "record",
    "variant_id",
    "contig",
    "position",
    "ref",
    "alt",
    "alt_index",
    "rsid",
    "filter_pass",
    "consequence_gene",
    "consequence",
    "amino_acid_change",
)


def variant_table(cohort: Cohort) -> pd.DataFrame:
    """Make the table that `Cohort.variants` describes."""
    alleles = np.asarray(cohort.read("variant_allele"), dtype=object).astype(str)
    record, alt_index = np.nonzero(alleles[:, 1:] != "")
    alt_index = alt_index + 1
    contig = record_contigs(cohort)[record].astype(str)
    position = cohort.read("variant_position")[record].astype(np.int64)
    ref, alt = alleles[record, 0], alleles[record, alt_index]
    rsid = np.array([_first_rsid(text) for text in cohort.read("variant_id")], dtype=object)
    table = {
        "record": record.astype(np.int64),
        "variant_id": [":".join(parts) for parts in zip(contig, position.astype(str), ref, alt)],
        "contig": contig.tolist(),
        "position": position,
        "ref": ref.tolist(),
        "alt": alt.tolist(),
        "alt_index": alt_index.astype(np.int64),
        "rsid": rsid[record].tolist(),
        "filter_pass": cohort.filter_pass[record],
    }
    for column, name in (
        ("consequence_gene", "variant_consequence_gene"),
        ("consequence", "variant_consequence"),
        ("amino_acid_change", "variant_amino_acid_change"),
    ):
        table[column] = _per_alt(cohort, name, record, alt_index)
    frame = pd.DataFrame(table, columns=list(VARIANT_COLUMNS))
    texts = [c for c in VARIANT_COLUMNS if c not in ("record", "position", "alt_index", "filter_pass")]
    return frame.astype(dict.fromkeys(texts, "str"))


def record_contigs(cohort: Cohort) -> np.ndarray:
    """Return the contig's name of each record; object (n_variants,)."""
    names = np.array([str(name) for name in cohort.read("contig_id")], dtype=object)
    return names[cohort.read("variant_contig")] if len(names) else np.zeros(0, object)


def _per_alt(cohort: Cohort, name: str, record: np.ndarray, alt_index: np.ndarray) -> list[str]:
    if name not in cohort.arrays:
        return [""] * len(record)
    return [str(text) for text in np.asarray(cohort.read(name), dtype=object)[record, alt_index - 1]]


def _first_rsid(text: str) -> str:
    return next((part for part in str(text).split(";") if _RSID.match(part)), "")


def variant_key(contig: str, position: int, ref: str, alt: str) -> str:
    """Name a variant whichever way its file writes contigs.

    Examples
    --------
    >>> variant_key("chr1", 100, "A", "G")
    '1:100:A:G'
    """
    return f"{canonical_contig(contig)}:{position}:{ref}:{alt}"
