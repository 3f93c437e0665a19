"""What is known of each patient's call at a marker: seven kinds, of which four say why there is no dosage.

The four states of a call (observed, no-call, filtered, absent) stay apart here, and an observed call tells
the reference seen from another ALT seen: neither carries the allele asked about.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genomics.block import ABSENT, FILTERED, NO_CALL

if TYPE_CHECKING:
    from genomics.cohort import Cohort

KINDS: tuple[str, ...] = ("hom-ref", "het", "hom-alt", "other", "no-call", "filtered", "absent")
"""Every allele REF; the allele asked about beside another; every allele the one asked about; another ALT and
not the one asked about; and the three states of a call that was not observed."""

COUNT_COLUMNS: tuple[str, ...] = tuple("n_" + kind.replace("-", "_") for kind in KINDS)
"""Counts of `KINDS`, which add up to the number of samples."""

_HOM_REF, _HET, _HOM_ALT, _OTHER, _NO_CALL, _FILTERED, _ABSENT = range(len(KINDS))
_AT_ONCE = 1000


def classify_calls(genotypes: np.ndarray, states: np.ndarray, allele_numbers: np.ndarray) -> np.ndarray:
    """Tell for each call what is known of one allele.

    A haploid call of the allele is ``hom-alt``, of REF ``hom-ref``: every allele it has is that one.

    Parameters
    ----------
    genotypes : int8 or int16 (n, n_samples, ploidy)
        Allele numbers, -1 missing, -2 fill.
    states : int8 (n, n_samples)
        0 observed, 1 no-call, 2 filtered, 3 absent.
    allele_numbers : (n,)
        The allele asked about in each record, 1 for the first ALT.

    Returns
    -------
    int8 (n, n_samples)
        Index into `KINDS`.

    Examples
    --------
    >>> calls = np.array([[[0, 0], [0, 1], [1, -2], [0, 2], [1, 2], [0, -1], [1, 1], [-2, -2]]])
    >>> states = np.array([[0, 0, 0, 0, 0, 1, 2, 3]])
    >>> [KINDS[kind] for kind in classify_calls(calls, states, np.array([1]))[0]]
    ['hom-ref', 'het', 'hom-alt', 'other', 'het', 'no-call', 'filtered', 'absent']
    """
    copies = (genotypes == np.asarray(allele_numbers)[:, None, None]).sum(axis=-1)
    n_alleles = (genotypes >= 0).sum(axis=-1)
    n_ref = (genotypes == 0).sum(axis=-1)
    return np.select(
        [
            states == NO_CALL, states == FILTERED, states == ABSENT,
            n_ref == n_alleles, copies == n_alleles, copies > 0,
        ],
        [_NO_CALL, _FILTERED, _ABSENT, _HOM_REF, _HOM_ALT, _HET],
        _OTHER,
    ).astype(np.int8)  # fmt: skip


def marker_calls(cohort: Cohort, variant_ids: Iterable[str]) -> dict[str, np.ndarray]:
    """Tell what is known of every sample's call at some variants.

    Parameters
    ----------
    cohort
        The calls.
    variant_ids
        As in ``Cohort.variants``; the first row counts where an identifier stands twice.

    Returns
    -------
    dict
        For each variant, (n_samples,) texts out of `KINDS`.

    Raises
    ------
    KeyError
        The cohort has no such variant.
    """
    names = np.array(KINDS, dtype=object)
    wanted = list(dict.fromkeys(variant_ids))
    rows = cohort.variants.drop_duplicates("variant_id").set_index("variant_id").loc[wanted]
    found: dict[str, np.ndarray] = {}
    for start in range(0, len(rows), _AT_ONCE):
        part = rows.iloc[start : start + _AT_ONCE]
        kinds = _kinds(cohort, part)
        found.update(zip(part.index, names[kinds], strict=True))
    return found


def count_marker_calls(cohort: Cohort, variant_ids: Iterable[str]) -> pd.DataFrame:
    """Count the samples of each kind at some variants.

    Parameters
    ----------
    cohort
        The calls.
    variant_ids
        As in ``Cohort.variants``.

    Returns
    -------
    pandas.DataFrame
        One row per variant, in the order given: variant_id and `COUNT_COLUMNS`, whose sum is the number of
        samples.

    Raises
    ------
    KeyError
        The cohort has no such variant.
    """
    calls = marker_calls(cohort, variant_ids)
    counts = {
        column: np.array([(kinds == kind).sum() for kinds in calls.values()], np.int64)
        for column, kind in zip(COUNT_COLUMNS, KINDS, strict=True)
    }
    return pd.DataFrame({"variant_id": pd.Series(list(calls), dtype="str"), **counts})


def _kinds(cohort: Cohort, rows: pd.DataFrame) -> np.ndarray:
    records = rows["record"].to_numpy()
    return classify_calls(cohort.genotypes(records), cohort.states(records), rows["alt_index"].to_numpy())
