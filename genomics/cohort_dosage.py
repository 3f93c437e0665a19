"""Copies of each ALT, counted a block of variants at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genomics.policy import CallPolicy, count_dosage

if TYPE_CHECKING:
    from genomics.cohort import Cohort

_BLOCK_BYTES = 64_000_000


def dosage_blocks(
    cohort: Cohort,
    rows: pd.DataFrame | None,
    min_gq: float | None,
    min_dp: float | None,
    block: int | None,
) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
    """Yield what `Cohort.dosage_blocks` describes."""
    chosen = cohort.variants if rows is None else rows
    policy = cohort.policy
    size = block or max(1, min(1000, _BLOCK_BYTES // (4 * max(1, cohort.n_samples))))
    for start in range(0, len(chosen), size):
        part = chosen.iloc[start : start + size]
        yield part, _dosage(cohort, part, policy, min_gq, min_dp)


def _dosage(
    cohort: Cohort, rows: pd.DataFrame, policy: CallPolicy, min_gq: float | None, min_dp: float | None
) -> np.ndarray:
    records, inverse = np.unique(rows["record"].to_numpy(), return_inverse=True)
    dosage = count_dosage(
        cohort.genotypes(records)[inverse],
        cohort.states(records)[inverse],
        rows["alt_index"].to_numpy(),
        policy,
    )
    for threshold, name in ((min_gq, "call_GQ"), (min_dp, "call_DP")):
        if threshold is not None and name in cohort.arrays:
            values = cohort.read(name, records)
            without = (values < 0).all(axis=1, keepdims=True)
            dosage[~((values >= threshold) | without)[inverse]] = np.nan
    return dosage
