"""Every marker of profiles tested with every compound: mutated, amplified, lost and burdened genes.

`models.marker_anova` tests markers that are there or not; here profiles become such markers, and the false
discovery rate is that of all tests of all blocks together. Expression is no marker of the
genotype and is not tested.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import false_discovery_control

from models.marker_anova import COLUMNS, marker_anova
from models.profile_features import AMPLIFIED, Profiles
from models.response_table import ResponseTable

LOST = 0.6
"""Relative copy number, log2(x + 1), below which a gene counts as lost: some 1.03 copies of two."""
MAX_TESTS = 1_000_000
"""Tests that are kept, those of the smallest p; the false discovery rate counts all that were made."""
_MARKERS_AT_ONCE = 1000
_KINDS: tuple[tuple[str, str, Callable[[NDArray[np.floating]], NDArray[np.bool_]]], ...] = (
    ("mutation", "mutation", lambda block: block > 0),
    ("copy_number", "amplification", lambda block: block > AMPLIFIED),
    ("copy_number", "loss", lambda block: block < LOST),
    ("burden", "burden", lambda block: block > 0),
)
"""Block, kind of marker, and which lines have it."""


def response_anova(
    table: ResponseTable,
    profiles: Profiles,
    genes: Mapping[str, Sequence[str]],
    tissue: Sequence[str] = (),
    *,
    max_tests: int = MAX_TESTS,
) -> pd.DataFrame:
    """Test every marker for every compound, over all lines.

    Parameters
    ----------
    table
        Responses.
    profiles
        (lines, columns) of the same lines by block, before any diffusion; NaN is missing.
    genes
        Names of the columns of each block.
    tissue
        (lines,) the covariate; none where it is empty.
    max_tests
        Tests to keep.

    Returns
    -------
    pd.DataFrame
        kind (mutation, amplification, loss, burden) and the columns of `models.marker_anova.marker_anova`,
        the marker by its gene, smallest p first.
    """
    kept = pd.DataFrame(columns=["kind", *COLUMNS])
    p_values = [np.zeros(0)]
    for kind, names, states in _markers(profiles, genes):
        tests = marker_anova(
            table.values, states, tissue or None, marker_ids=names, compound_ids=table.compound_ids
        )
        p_values.append(tests["p_value"].to_numpy(float))
        tests.insert(0, "kind", kind)
        kept = _strongest([each for each in (kept, tests) if len(each)] or [kept], max_tests)
    every = np.sort(np.concatenate(p_values))
    rates = false_discovery_control(every) if len(every) else every
    return kept.assign(fdr=rates[: len(kept)])


def _markers(
    profiles: Profiles, genes: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, Sequence[str], NDArray[np.float64]]]:
    """Kind, names and states (1, 0, NaN for missing) of some markers at a time."""
    for name, kind, has in _KINDS:
        for start in range(0, len(genes[name]) if name in profiles else 0, _MARKERS_AT_ONCE):
            columns = slice(start, start + _MARKERS_AT_ONCE)
            block = np.asarray(profiles[name][:, columns])
            yield kind, genes[name][columns], np.where(np.isnan(block), np.nan, has(block))


def _strongest(tables: Sequence[pd.DataFrame], n: int) -> pd.DataFrame:
    """The n tests of the smallest p, those of the first table first among equals."""
    return pd.concat(tables, ignore_index=True).sort_values("p_value", kind="stable", ignore_index=True)[:n]
