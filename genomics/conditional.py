"""Independent signals of a scan: one variant after the other, each given those found before it.

Where ancestry differs in the frequency of a causal variant, every variant that differs likewise is associated
with the trait. Once the causal variant is in the model that association is gone, which is why signals are
counted by conditioning and not by distance alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genomics.associate import associate, genomic_control
from genomics.markers import GENOME_WIDE
from genomics.quality import genotype_thresholds

if TYPE_CHECKING:
    from genomics.cohort import Cohort
    from genomics.phenotype import Phenotypes
    from genomics.quality import Quality
    from genomics.structure import Structure

COLUMNS = ("variant_id", "order", "beta", "se", "log10p", "log10p_marginal", "inflation")


def independent_signals(
    cohort: Cohort,
    quality: Quality,
    phenotypes: Phenotypes,
    structure: Structure | None,
    association: pd.DataFrame,
    *,
    min_log10p: float = GENOME_WIDE,
    max_signals: int = 20,
    missing_policy: str = "drop",
    progress: Callable[[int], None] | None = None,
) -> pd.DataFrame:
    """Pick the strongest variant, put it into the model, scan again, until none is left.

    Parameters
    ----------
    cohort, quality, phenotypes, structure, missing_policy
        As for `associate`.
    association
        Its result, the scan without any variant in the model.
    min_log10p
        Least -log10 p of a signal in the scan that finds it; 5e-8 by default.
    max_signals
        Signals looked for at most.
    progress
        Called with the number of signals found.

    Returns
    -------
    pandas.DataFrame
        In the order found: variant_id, order (from 1), beta, se and log10p given the signals before it,
        log10p_marginal (of the first scan), inflation (genomic control lambda of the scan that found it).

    References
    ----------
    Stepwise selection as in Yang J et al. (2012). Nat Genet 44:369-375, on individual genotypes.
    """
    marginal = association.drop_duplicates("variant_id").set_index("variant_id")["log10p"]
    rows: list[dict[str, Any]] = []
    scan, given = association, phenotypes
    while len(rows) < max_signals:
        strongest = _strongest(scan, {row["variant_id"] for row in rows}, min_log10p)
        if strongest is None:
            break
        name = str(strongest["variant_id"])
        rows.append(
            {
                **{column: strongest[column] for column in ("variant_id", "beta", "se", "log10p")},
                "order": len(rows) + 1,
                "log10p_marginal": float(marginal[name]),
                "inflation": float(genomic_control(scan["log10p"])),
            }
        )
        if progress is not None:
            progress(len(rows))
        dosage = _mean_imputed_dosage(cohort, quality, name)
        given = replace(given, covariates=given.covariates.assign(**{name: dosage}))
        scan = associate(cohort, quality, given, structure, missing_policy=missing_policy)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _strongest(scan: pd.DataFrame, taken: set[str], min_log10p: float) -> pd.Series | None:
    """Smallest p value, ties by the size of z and then by the order of the cohort."""
    left = scan[(scan["log10p"] >= min_log10p) & ~scan["variant_id"].isin(taken)]
    if not len(left):
        return None
    size = (left["beta"] / left["se"]).abs()
    return left.assign(_z=size).sort_values(["log10p", "_z"], ascending=False, kind="stable").iloc[0]


def _mean_imputed_dosage(cohort: Cohort, quality: Quality, variant_id: str) -> NDArray[np.float64]:
    rows = cohort.variants
    row = rows[rows["variant_id"] == variant_id].iloc[:1]
    thresholds = genotype_thresholds(cohort, quality.policy)
    dosage = next(iter(cohort.dosage_blocks(row, **thresholds)))[1][0].astype(np.float64)
    return np.where(np.isnan(dosage), np.nanmean(dosage), dosage)
