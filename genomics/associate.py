"""Association of a trait with each variant of a cohort, given covariates and population structure.

The effect allele is always the ALT of the row, and beta is per copy of it: log odds for a binary trait,
units of the trait for a quantitative one. Dosages are counted as written, so that on X a man whose call is
haploid counts 0 or 1 and a woman 0, 1 or 2; a man written as diploid counts 0 or 2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from genomics.errors import InputError
from genomics.linear import orthogonal_covariates
from genomics.logistic import Array, Design
from genomics.quality import call_ploidy
from genomics.significance import chi2_from_log10p, log10p_chi2
from genomics.single_variant import Test, make_test

if TYPE_CHECKING:
    from genomics.cohort import Cohort
    from genomics.phenotype import Phenotypes
    from genomics.quality import Quality
    from genomics.structure import Structure

COLUMNS = (
    "variant_id",
    "contig",
    "position",
    "effect_allele",
    "other_allele",
    "effect_allele_frequency",
    "n",
    "beta",
    "se",
    "log10p",
    "test",
    "missing_policy",
)
MISSING_POLICIES = ("drop", "mean")
# Variants fitted at once: small enough for the weights of a block to stay in cache.
_FIT_BLOCK = 128
_MEDIAN_CHI2 = float(special.chdtri(1, 0.5))


@dataclass(frozen=True)
class Samples:
    """The samples that take part in an association, and what is known of each.

    Attributes
    ----------
    used
        (n_cohort_samples,) True for samples that passed quality control and have trait and covariates.
    design
        Trait and orthogonal covariates of the used samples.
    covariates
        Names of the covariates that are in the model, the intercept left out.
    dropped
        Names of covariates left out because the others, or the intercept, determine them.
    """

    used: NDArray[np.bool_]
    design: Design
    covariates: tuple[str, ...]
    dropped: tuple[str, ...]


def associate(
    cohort: Cohort,
    quality: Quality,
    phenotypes: Phenotypes,
    structure: Structure | None = None,
    *,
    missing_policy: str = "drop",
    progress: Callable[[float], None] | None = None,
) -> pd.DataFrame:
    """Test every variant that passed quality control, one at a time.

    A quantitative trait gets least squares and Student's t (test 'linear'). A binary trait gets logistic
    regression and Wald's test ('logistic'), replaced by Firth's penalised likelihood with its likelihood
    ratio test ('firth') where p is below 0.05, where either allele has fewer than 20 copies among cases or
    among controls, or where the likelihood has no maximum.

    Parameters
    ----------
    cohort
        The cohort.
    quality
        Its quality control: variants and samples that did not pass take no part.
    phenotypes
        Trait and covariates, aligned to the cohort's samples.
    structure
        Principal components; all of them join the covariates where estimable.
    missing_policy
        'drop' leaves samples without a call out of that variant's test, as PLINK 2 does; 'mean' gives them
        the variant's mean dosage.
    progress
        Called with the share of the variants done.

    Returns
    -------
    pandas.DataFrame
        variant_id, contig, position, effect_allele (the ALT), other_allele, effect_allele_frequency (among
        the n samples of the test), n, beta, se, log10p, test, missing_policy; in the order of the cohort.
        beta, se and log10p are NaN where the variant does not vary or the covariates determine it.
        ``attrs`` names the covariates in the model and those dropped.

    Raises
    ------
    InputError
        If too few samples have all values, or the trait does not vary among them.
    """
    if missing_policy not in MISSING_POLICIES:
        raise InputError(
            f"missing policy {missing_policy!r} is not known", expected=" or ".join(MISSING_POLICIES)
        )
    samples = select_samples(quality, phenotypes, structure)
    test = make_test(samples.design, phenotypes.trait_type)
    rows = cohort.variants
    if len(rows) != len(quality.variants):
        raise ValueError("quality control is not of this cohort: it has another number of variants")
    rows = rows[quality.variants["passed"].to_numpy(dtype=bool)]
    policy = quality.policy
    parts, done = [], 0
    for block, dosage in cohort.dosage_blocks(rows, min_gq=policy.min_gq, min_dp=policy.min_dp):
        alleles = call_ploidy(cohort.genotypes(block["record"].to_numpy()))
        if cohort.policy.haploid == "as-diploid":
            alleles[alleles == 1] = 2
        parts.append(
            _test_block(block, dosage[:, samples.used], alleles[:, samples.used], test, missing_policy)
        )
        done += len(block)
        if progress is not None:
            progress(done / len(rows))
    table = pd.concat(parts, ignore_index=True) if parts else _no_rows()
    table.attrs = {
        "trait": phenotypes.trait,
        "n_samples": int(samples.used.sum()),
        "covariates": list(samples.covariates),
        "dropped_covariates": list(samples.dropped),
    }
    return table


def genomic_control(log10p: NDArray[np.float64] | pd.Series) -> float:
    """Genomic inflation factor: median chi-squared statistic over that expected without association.

    Parameters
    ----------
    log10p
        -log10 p values; NaN are left out.

    Returns
    -------
    float
        Lambda, about 1 without confounding; NaN without values.

    References
    ----------
    Devlin B, Roeder K (1999). Genomic control for association studies. Biometrics 55:997-1004.

    Examples
    --------
    >>> round(genomic_control(-np.log10(np.linspace(0.001, 0.999, 999))), 3)
    1.0
    """
    values = np.asarray(log10p, dtype=np.float64)
    values = values[~np.isnan(values)]
    if not len(values):
        return float("nan")
    return float(chi2_from_log10p(np.median(values)) / _MEDIAN_CHI2)


def deflate(log10p: NDArray[np.float64] | pd.Series) -> NDArray[np.float64]:
    """Divide chi-squared statistics by the inflation factor, where that is above 1.

    For a scan whose population structure could not be estimated: p values become conservative rather than
    counting ancestry as association.

    Parameters
    ----------
    log10p
        -log10 p values of all variants tested; NaN stays NaN.

    Returns
    -------
    numpy.ndarray
        Corrected -log10 p values, of the same length.

    References
    ----------
    Devlin B, Roeder K (1999). Genomic control for association studies. Biometrics 55:997-1004.

    Examples
    --------
    >>> inflated = -np.log10(np.linspace(0.0005, 0.9995, 1000) ** 2)
    >>> round(genomic_control(inflated), 2), round(genomic_control(deflate(inflated)), 2)
    (2.91, 1.0)
    """
    values = np.asarray(log10p, dtype=np.float64)
    factor = genomic_control(values)
    if not factor > 1.0:
        return values.copy()
    return log10p_chi2(chi2_from_log10p(values) / factor)


def select_samples(quality: Quality, phenotypes: Phenotypes, structure: Structure | None) -> Samples:
    """Choose the samples that have everything, and build their covariates.

    Parameters
    ----------
    quality, phenotypes, structure
        As for `associate`.

    Returns
    -------
    Samples
        The used samples and their design.

    Raises
    ------
    InputError
        If too few samples are left or their trait does not vary.
    """
    ids = quality.samples["sample_id"].to_numpy()
    table = phenotypes.covariates.reset_index(drop=True)
    if structure is not None and structure.estimable:
        components = structure.components.set_index("sample_id").reindex(ids).reset_index(drop=True)
        table = pd.concat([table, components], axis=1)
    used = quality.samples["passed"].to_numpy(dtype=bool) & ~np.isnan(phenotypes.values)
    used &= table.notna().all(axis=1).to_numpy()
    columns = table[used].to_numpy(dtype=np.float64)
    basis, kept = orthogonal_covariates(np.column_stack([np.ones(int(used.sum())), _standardise(columns)]))
    _require_enough(used, phenotypes, basis.shape[1])
    names = [str(name) for name in table.columns]
    in_model = tuple(names[i - 1] for i in kept if i)
    dropped = tuple(name for name in names if name not in in_model)
    return Samples(used, Design(basis, phenotypes.values[used]), in_model, dropped)


def _standardise(columns: Array) -> Array:
    if not len(columns):
        return columns
    spread = columns.std(axis=0)
    return np.asarray((columns - columns.mean(axis=0)) / np.where(spread > 0, spread, 1.0))


def _require_enough(used: NDArray[np.bool_], phenotypes: Phenotypes, n_covariates: int) -> None:
    n = int(used.sum())
    if n < n_covariates + 2:
        raise InputError(
            f"{n} samples passed quality control and have the trait and all covariates",
            field=phenotypes.trait,
            expected=f"at least {n_covariates + 2} for {n_covariates} coefficients besides the variant's",
            hint="use fewer covariates or a table that covers more of the cohort",
        )
    values = phenotypes.values[used]
    if values.min() == values.max():
        raise InputError(
            f"the trait is constant among the {n} samples that passed quality control with all covariates",
            field=phenotypes.trait,
            expected="at least two different values",
        )


def _test_block(
    rows: pd.DataFrame, dosage: NDArray[np.float32], ploidy: NDArray[np.int8], test: Test, missing_policy: str
) -> pd.DataFrame:
    observed = ~np.isnan(dosage)
    n = observed.sum(axis=1)
    filled = np.where(observed, dosage, 0.0).astype(np.float64)
    copies = filled.sum(axis=1)
    alleles = (ploidy * observed).sum(axis=1, dtype=np.int64)
    filled += ~observed * (copies / np.maximum(n, 1))[:, None]
    if missing_policy == "mean":
        n = np.where(n > 0, dosage.shape[1], 0)
        observed = np.ones_like(observed)
    weights = observed.astype(np.float64)
    fits = [
        test(filled[i : i + _FIT_BLOCK], weights[i : i + _FIT_BLOCK]) for i in range(0, len(rows), _FIT_BLOCK)
    ]
    beta, se, log10p, name = (np.concatenate(column) for column in zip(*fits, strict=True))
    return pd.DataFrame(
        {
            "variant_id": rows["variant_id"].to_numpy(),
            "contig": rows["contig"].to_numpy(),
            "position": rows["position"].to_numpy(),
            "effect_allele": rows["alt"].to_numpy(),
            "other_allele": rows["ref"].to_numpy(),
            "effect_allele_frequency": np.where(alleles > 0, copies / np.maximum(alleles, 1), np.nan),
            "n": n.astype(np.int64),
            "beta": beta,
            "se": se,
            "log10p": log10p,
            "test": name.astype(str),
            "missing_policy": missing_policy,
        },
        columns=list(COLUMNS),
    )


def _no_rows() -> pd.DataFrame:
    kinds = {
        "position": np.int64,
        "n": np.int64,
        **dict.fromkeys(("effect_allele_frequency", "beta", "se", "log10p"), float),
    }
    return pd.DataFrame({name: pd.Series(dtype=kinds.get(name, str)) for name in COLUMNS})
