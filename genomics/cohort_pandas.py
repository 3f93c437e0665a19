"""Calls of a few records as a long table: one row per record and sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genomics.block import STATE_NAMES
from genomics.cohort_variants import record_contigs
from genomics.errors import InputError
from genomics.genotype_text import genotype_text

if TYPE_CHECKING:
    from genomics.cohort import Cohort

MAX_CALLS = 5_000_000


def call_table(
    cohort: Cohort, records: Sequence[int] | np.ndarray | slice, fields: Sequence[str]
) -> pd.DataFrame:
    """Make what `Cohort.calls` describes."""
    rows = np.arange(cohort.n_variants)[records]
    n_samples = cohort.n_samples
    if len(rows) * n_samples > MAX_CALLS:
        raise InputError(
            f"{len(rows) * n_samples} calls as a table of one row each", file=cohort.path, field="records",
            expected=f"at most {MAX_CALLS}", hint="take fewer records, or the arrays of Cohort.dataset",
        )  # fmt: skip
    table = {
        "record": np.repeat(rows, n_samples),
        "contig": np.repeat(record_contigs(cohort)[rows], n_samples),
        "position": np.repeat(cohort.read("variant_position", rows).astype(np.int64), n_samples),
        "sample_id": np.tile(cohort.sample_ids.astype(object), len(rows)),
        "gt": genotype_text(cohort.genotypes(rows), cohort.phased(rows)).reshape(-1),
        "state": np.array(STATE_NAMES, dtype=object)[cohort.states(rows)].reshape(-1),
    }
    for name in fields:
        table[name] = _column(cohort, rows, name)
    frame = pd.DataFrame(table)
    return frame.astype(dict.fromkeys(("contig", "sample_id", "gt", "state"), "str"))


def _column(cohort: Cohort, rows: np.ndarray, name: str) -> pd.Series:
    array = f"call_{name}"
    if array not in cohort.arrays or len(cohort.arrays[array].shape) != 2:
        raise InputError(
            f"the store has no FORMAT field {name!r} of one value", file=cohort.path, field="fields",
            expected="a field that was ingested, with Number=1",
        )  # fmt: skip
    values = cohort.read(array, rows).reshape(-1)
    if values.dtype.kind in "iu":
        return pd.Series(values, dtype="Int64").mask(values < 0)
    return pd.Series(values)
