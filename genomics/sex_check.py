"""The sex that calls on X and Y tell, and calls that a stated sex does not allow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genomics.block import FILL, OBSERVED
from genomics.contigs import canonical_contig
from genomics.sex_chromosomes import FEMALE, MALE, UNKNOWN, in_pseudo_autosomal, to_haploid

if TYPE_CHECKING:
    from genomics.cohort import Cohort

SEX_COLUMNS = (
    "sample_id", "x_called", "x_heterozygous", "x_f", "y_called", "y_call_rate", "inferred_sex",
    "stated_sex", "problem",
)  # fmt: skip
_BLOCK = 1000


def check_sex(
    cohort: Cohort,
    stated: np.ndarray | None = None,
    *,
    build: str | None = None,
    max_female_f: float = 0.2,
    min_male_f: float = 0.8,
    min_male_y: float = 0.5,
) -> pd.DataFrame:
    """Infer each sample's sex from its heterozygosity on X, with the calls on Y, and compare.

    The F of X is that of PLINK's ``--check-sex``: over biallelic records of X outside the pseudo-autosomal
    regions, (O - E) / (N - E) with N observed calls, O of them homozygous or haploid, and E the sum of
    1 - 2 p (1 - p), p the frequency of the allele among all alleles observed at the record. Men have 1,
    women about 0. Linked variants are better thinned first, and with few people p is poor.

    Parameters
    ----------
    cohort
        The calls.
    stated : (n_samples,)
        1 male, 2 female, 0 unknown.
    build
        The cohort's own by default.
    max_female_f, min_male_f
        A sample is female up to, and male from this F on, as in PLINK.
    min_male_y
        Where men and women can be told apart on Y, by this share of records called: a sample that F makes
        male has to have it, one that F makes female must not. Not used in a cohort without Y.

    Returns
    -------
    pandas.DataFrame
        One row per sample: sample_id, x_called, x_heterozygous (calls), x_f, y_called (calls on Y outside
        the pseudo-autosomal regions), y_call_rate (NaN without Y), inferred_sex and stated_sex (male,
        female, unknown), problem (empty where nothing contradicts).

    Raises
    ------
    InputError
        The build is unknown.

    References
    ----------
    Chang et al. 2015, doi:10.1186/s13742-015-0047-8; PLINK 1.9 documentation of ``--check-sex``.
    """
    figures = _sex_figures(cohort, build or cohort.build)
    with np.errstate(divide="ignore", invalid="ignore"):
        f = (figures["homozygous"] - figures["expected"]) / (figures["x_called"] - figures["expected"])
        rate = figures["y_called"] / figures["n_y"] if figures["n_y"] else np.full(cohort.n_samples, np.nan)
    inferred = np.select([f >= min_male_f, f <= max_female_f], [MALE, FEMALE], UNKNOWN)
    stated = np.zeros(cohort.n_samples, int) if stated is None else np.asarray(stated)
    if np.nanmax(rate, initial=0) >= min_male_y:
        inferred = np.where(
            (inferred == MALE) & (rate < min_male_y) | (inferred == FEMALE) & (rate >= min_male_y),
            UNKNOWN,
            inferred,
        )
    words = np.array(["unknown", "male", "female"], dtype=object)
    heterozygous = (figures["x_called"] - figures["homozygous"]).astype(np.int64)
    return pd.DataFrame(
        {
            "sample_id": cohort.sample_ids,
            "x_called": figures["x_called"].astype(np.int64),
            "x_heterozygous": heterozygous,
            "x_f": f,
            "y_called": figures["y_called"],
            "y_call_rate": rate,
            "inferred_sex": words[inferred],
            "stated_sex": words[stated],
            "problem": [
                _problem(*sample)
                for sample in zip(stated.tolist(), inferred.tolist(), f.tolist(), rate.tolist(), strict=True)
            ],
        }
    )[list(SEX_COLUMNS)]


def _problem(stated: int, inferred: int, f: float, rate: float) -> str:
    words = {MALE: "male", FEMALE: "female"}
    found = f"F of X {f:.2f}" + ("" if np.isnan(rate) else f", {rate:.0%} of Y called")
    if UNKNOWN not in (stated, inferred) and stated != inferred:
        return f"stated {words[stated]}, the calls say {words[inferred]} ({found})"
    if stated != UNKNOWN and not np.isnan(f) and inferred == UNKNOWN:
        return f"stated {words[stated]}, the calls say neither ({found})"
    return ""


def _sex_figures(cohort: Cohort, build: str) -> dict[str, np.ndarray]:
    zeros = np.zeros(cohort.n_samples)
    figures = {"homozygous": zeros.copy(), "expected": zeros.copy(), "x_called": zeros.copy()}
    y_called, n_y = np.zeros(cohort.n_samples, np.int64), 0
    variants = cohort.variants.drop_duplicates("record", keep=False)
    for contig, rows in variants.groupby("contig", sort=False):
        name = canonical_contig(str(contig))
        if name not in ("X", "Y"):
            continue
        outside = ~in_pseudo_autosomal(name, rows["position"].to_numpy(), build)
        records = rows["record"].to_numpy()[outside]
        for start in range(0, len(records), _BLOCK):
            some = records[start : start + _BLOCK]
            genotypes, observed = cohort.genotypes(some), cohort.states(some) == OBSERVED
            if name == "Y":
                y_called += observed.sum(axis=0)
                n_y += len(some)
            else:
                _add_x(figures, genotypes, observed)
    return figures | {"y_called": y_called, "n_y": np.array(n_y)}


def _add_x(figures: Mapping[str, np.ndarray], genotypes: np.ndarray, observed: np.ndarray) -> None:
    """Add observed calls, homozygous ones and those expected of a block of records on X."""
    alleles = (genotypes >= 0) & observed[:, :, None]
    with np.errstate(invalid="ignore"):
        p = ((genotypes > 0) & alleles).sum(axis=(1, 2)) / alleles.sum(axis=(1, 2))
    varies = (p > 0) & (p < 1)
    observed = observed[varies]
    first = genotypes[varies][:, :, :1]
    same = ((genotypes[varies] == first) | (genotypes[varies] == FILL)).all(axis=-1)
    expected = 1 - 2 * p[varies] * (1 - p[varies])
    figures["x_called"][:] += observed.sum(axis=0)
    figures["homozygous"][:] += (same & observed).sum(axis=0)
    figures["expected"][:] += (observed * expected[:, None]).sum(axis=0)


def count_sex_contradictions(cohort: Cohort, sexes: np.ndarray, build: str | None = None) -> pd.DataFrame:
    """Count, for each sample, the calls that its sex does not allow, and heterozygous ones on MT.

    Parameters
    ----------
    cohort
        The calls.
    sexes : (n_samples,)
        1 male, 2 female, 0 unknown.
    build
        The cohort's own by default.

    Returns
    -------
    pandas.DataFrame
        sample_id, man_heterozygous_x (outside the pseudo-autosomal regions), man_heterozygous_y,
        woman_called_y, heterozygous_mt (heteroplasmy, or an error); observed calls.

    Raises
    ------
    InputError
        The build is unknown, and there are records on X or Y.
    """
    names = ("man_heterozygous_x", "man_heterozygous_y", "woman_called_y", "heterozygous_mt")
    counts = {name: np.zeros(cohort.n_samples, np.int64) for name in names}
    sexes = np.asarray(sexes)
    variants = cohort.variants.drop_duplicates("record")
    for contig, rows in variants.groupby("contig", sort=False):
        name = canonical_contig(str(contig))
        if name not in ("X", "Y", "MT"):
            continue
        records, positions = rows["record"].to_numpy(), rows["position"].to_numpy()
        for start in range(0, len(records), _BLOCK):
            some = slice(start, start + _BLOCK)
            genotypes = cohort.genotypes(records[some])
            observed = cohort.states(records[some]) == OBSERVED
            mixed = to_haploid(genotypes)[2] & observed
            if name == "MT":
                counts["heterozygous_mt"] += mixed.sum(axis=0)
                continue
            inside = in_pseudo_autosomal(name, positions[some], build or cohort.build)
            mixed &= ~inside[:, None]
            counts[f"man_heterozygous_{name.lower()}"] += mixed.sum(axis=0) * (sexes == MALE)
            if name == "Y":
                counts["woman_called_y"] += observed.sum(axis=0) * (sexes == FEMALE)
    return pd.DataFrame({"sample_id": cohort.sample_ids, **counts})
