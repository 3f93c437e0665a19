"""What one alternate allele says of each sample: carried, how often, or not known.

A call of the reference says that the allele is not carried. A call that is missing, absent from the sample's
file or filtered says nothing, except that a half call with the allele does carry it. A record that failed
its filters is no evidence for the allele: it leaves those open who have the allele in it, and nobody else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float64, Integer

from genomics.block import ABSENT, FILTERED, NO_CALL, OBSERVED
from genomics.markers import PROTEIN_CHANGING

if TYPE_CHECKING:
    from genomics.cohort import Cohort

# Sequence Ontology terms of high or moderate impact that other parts of the package have no use for.
DAMAGING: frozenset[str] = PROTEIN_CHANGING | {
    "conservative_inframe_deletion",
    "conservative_inframe_insertion",
    "disruptive_inframe_deletion",
    "disruptive_inframe_insertion",
    "exon_loss_variant",
    "feature_elongation",
    "feature_truncation",
    "initiator_codon_variant",
    "rare_amino_acid_variant",
    "start_lost_variant",
    "transcript_ablation",
    "transcript_amplification",
}
"""Terms of high or moderate impact, as Ensembl and SnpEff rate them, and bcftools csq's spellings."""


@dataclass(frozen=True)
class AlleleCalls:
    """Some alternate alleles in each sample.

    Attributes
    ----------
    carried
        The sample has the allele, in a call that counts.
    open
        Not known whether it has.
    uncounted
        Not known in how many copies.
    clear
        Called in full, without the allele.
    copies
        Copies of the allele in calls that count, those of half calls too.
    frequency
        Of the allele, among the alleles of all full calls, those of a failed record too; NaN where there are none.
    """

    carried: Bool[np.ndarray, "alleles samples"]
    open: Bool[np.ndarray, "alleles samples"]
    uncounted: Bool[np.ndarray, "alleles samples"]
    clear: Bool[np.ndarray, "alleles samples"]
    copies: Integer[np.ndarray, "alleles samples"]
    frequency: Float64[np.ndarray, " alleles"]


def alters_protein(consequence: str) -> bool:
    """Tell whether one of the terms joined by ``&`` is of high or moderate impact.

    Examples
    --------
    >>> alters_protein("splice_region_variant&missense_variant"), alters_protein("*stop_gained")
    (True, True)
    >>> alters_protein("synonymous_variant"), alters_protein("")
    (False, False)
    """
    return any(term.lstrip("*") in DAMAGING for term in consequence.split("&"))


def read_alleles(cohort: Cohort, rows: pd.DataFrame, min_gq: float | None = None) -> AlleleCalls:
    """Read what calls say of some alternate alleles.

    Parameters
    ----------
    cohort
        The calls.
    rows
        Rows of `Cohort.variants`, one per allele.
    min_gq
        A call of lower genotype quality counts as filtered, where its record gives qualities.

    Returns
    -------
    AlleleCalls
    """
    records, inverse = np.unique(rows["record"].to_numpy(), return_inverse=True)
    states = cohort.states(records)
    if min_gq is not None and "call_GQ" in cohort.arrays:
        quality = cohort.read("call_GQ", records)
        low = (quality < min_gq) & (quality >= 0).any(axis=1, keepdims=True)
        states = np.where(low & (states == OBSERVED), FILTERED, states)
    return call_alleles(
        cohort.genotypes(records)[inverse],
        states[inverse],
        rows["alt_index"].to_numpy(),
        rows["filter_pass"].to_numpy(dtype=bool),
    )


def call_alleles(
    genotypes: Integer[np.ndarray, "alleles samples ploidy"],
    states: Integer[np.ndarray, "alleles samples"],
    alt_index: Integer[np.ndarray, " alleles"],
    passed: Bool[np.ndarray, " alleles"],
) -> AlleleCalls:
    """Tell what calls say of one alternate allele each.

    Parameters
    ----------
    genotypes
        Allele numbers of the allele's record, -1 missing, -2 fill.
    states
        0 observed, 1 no-call, 2 filtered, 3 absent.
    alt_index
        Number of the allele.
    passed
        The record passed its filters.

    Returns
    -------
    AlleleCalls

    Examples
    --------
    A carrier, a half call with the allele, a half call without it, and the reference:

    >>> genotypes = np.array([[[0, 1], [1, -1], [0, -1], [0, 0]]])
    >>> calls = call_alleles(genotypes, np.array([[0, 1, 1, 0]]), np.array([1]), np.array([True]))
    >>> calls.carried.tolist(), calls.open.tolist(), calls.uncounted.tolist()
    ([[True, True, False, False]], [[False, False, True, False]], [[False, True, True, False]])
    """
    copies: Any = (genotypes == alt_index[:, None, None]).sum(axis=2)
    has, kept = copies > 0, passed[:, None]
    counts = kept & (states <= NO_CALL)
    carried = has & counts
    # Of a record that failed its filters only those are left open who would carry the allele.
    silent = np.where(kept, (states == NO_CALL) | (states == FILTERED) | (states == ABSENT), has)
    observed = kept & (states == OBSERVED)
    counted = observed | (~kept & (states == FILTERED))  # how common an allele is shows in failed records too
    n_alleles = ((genotypes >= 0).sum(axis=2) * counted).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        frequency = (copies * counted).sum(axis=1) / n_alleles
    return AlleleCalls(carried, silent & ~carried, silent, observed & ~has, copies * carried, frequency)
