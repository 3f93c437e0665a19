"""Copies of each ALT, counted a block of variants at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genomics.block import OBSERVED

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
    size = block or max(1, min(1000, _BLOCK_BYTES // (4 * max(1, cohort.n_samples))))
    for start in range(0, len(chosen), size):
        part = chosen.iloc[start : start + size]
        yield part, _dosage(cohort, part, min_gq, min_dp)


def _dosage(cohort: Cohort, rows: pd.DataFrame, min_gq: float | None, min_dp: float | None) -> np.ndarray:
    records, inverse = np.unique(rows["record"].to_numpy(), return_inverse=True)
    genotypes = cohort.genotypes(records)
    usable = cohort.states(records) == OBSERVED
    for threshold, name in ((min_gq, "call_GQ"), (min_dp, "call_DP")):
        if threshold is not None and name in cohort.arrays:
            values = cohort.read(name, records)
            without = (values < 0).all(axis=1, keepdims=True)
            usable &= (values >= threshold) | without
    numbers = rows["alt_index"].to_numpy().astype(genotypes.dtype)
    counted = np.zeros((len(rows), genotypes.shape[1]), np.float32)
    for allele in range(genotypes.shape[2]):
        counted += genotypes[inverse, :, allele] == numbers[:, None]
    counted[~usable[inverse]] = np.nan
    return counted
