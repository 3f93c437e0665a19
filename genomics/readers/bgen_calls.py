"""From the probabilities of one BGEN record to allele copies, dosages and hard calls."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations_with_replacement
from math import comb

import numpy as np

from genomics.block import FILL, MISSING

HARD_CALL_THRESHOLD = 0.1
CALLS_NOTE = (
    "genotypes are hard calls from probabilities: the expected copies of every allele lie within "
    "{threshold:g} of a whole number, no-call otherwise (--hard-call-threshold of PLINK 2)"
)


# Copies of the ALT, 3 where not called, as two alleles.
_ALLELES_OF_COPIES = np.array([[0, 0], [0, 1], [1, 1], [MISSING, MISSING]], np.int8).view(np.uint16).ravel()


@dataclass(frozen=True)
class Calls:
    """Hard calls of one record.

    Attributes
    ----------
    genotypes : int8 or int16 (samples, ploidy)
    phased : bool (samples,)
    dosages : float32 (samples,)
        Expected copies of the ALT; NaN where probabilities are missing and at multi-allelic records.
    """

    genotypes: np.ndarray
    phased: np.ndarray
    dosages: np.ndarray


@lru_cache(maxsize=64)
def genotype_counts(n_alleles: int, ploidy: int) -> np.ndarray:
    """Count the copies of each allele in each genotype, in the order of VCF and BGEN.

    Returns
    -------
    float32 (genotypes, alleles)

    Examples
    --------
    >>> genotype_counts(3, 2).astype(int).tolist()
    [[2, 0, 0], [1, 1, 0], [0, 2, 0], [1, 0, 1], [0, 1, 1], [0, 0, 2]]
    >>> genotype_counts(2, 1).astype(int).tolist()
    [[1, 0], [0, 1]]
    """
    genotypes = sorted(
        combinations_with_replacement(range(n_alleles), ploidy), key=lambda alleles: alleles[::-1]
    )
    return np.array([[g.count(allele) for allele in range(n_alleles)] for g in genotypes], np.float32)


def expected_copies(probabilities: np.ndarray, ploidy: np.ndarray, n_alleles: int) -> np.ndarray:
    """Sum genotype probabilities to the expected copies of each allele.

    Parameters
    ----------
    probabilities : (samples, genotypes)
        Of the genotypes of each sample's own ploidy; columns beyond them are not read.
    ploidy : (samples,)
    n_alleles
        Alleles of the record.

    Returns
    -------
    float32 (samples, alleles)

    Examples
    --------
    >>> expected_copies(np.float32([[0, 0.5, 0.5], [0.25, 0.75, np.nan]]), np.array([2, 1]), 2).tolist()
    [[0.5, 1.5], [0.25, 0.75]]
    """
    copies = np.empty((len(ploidy), n_alleles), np.float32)
    for each in np.unique(ploidy):
        rows = ploidy == each
        width = comb(int(each) + n_alleles - 1, n_alleles - 1)
        copies[rows] = probabilities[rows, :width] @ genotype_counts(n_alleles, int(each))
    return copies


def call_genotypes(
    probabilities: np.ndarray,
    ploidy: np.ndarray,
    n_alleles: int,
    *,
    phased: bool,
    threshold: float = HARD_CALL_THRESHOLD,
) -> Calls:
    """Make hard calls from probabilities.

    Parameters
    ----------
    probabilities : (samples, genotypes), or (samples, haplotypes * alleles) where `phased`
        NaN where missing and beyond a sample's ploidy.
    ploidy : (samples,)
    n_alleles
        Alleles of the record.
    phased
        The probabilities are those of haplotypes. A call is phased where the likeliest allele of each
        haplotype makes up the called genotype.
    threshold
        Largest distance of the expected copies of an allele from a whole number.

    Examples
    --------
    >>> unsure = np.float32([[0.95, 0.05, 0], [0.5, 0.5, 0], [0, 0, 1]])
    >>> call_genotypes(unsure, np.array([2, 2, 2]), 2, phased=False).genotypes.tolist()
    [[0, 0], [-1, -1], [1, 1]]
    >>> calls = call_genotypes(np.float32([[0.02, 0.98, 0.95, 0.05]]), np.array([2]), 2, phased=True)
    >>> calls.genotypes.tolist(), calls.phased.tolist()
    ([[1, 0]], [True])
    """
    most = int(ploidy.max(initial=0))
    if phased:
        by_haplotype = probabilities.reshape(len(ploidy), -1, n_alleles)[:, :most]
        beyond = np.arange(by_haplotype.shape[1]) >= ploidy[:, None]
        copies = np.where(beyond[:, :, None], np.float32(0), by_haplotype).sum(axis=1)
    else:
        copies = expected_copies(probabilities, ploidy, n_alleles)
    whole = np.rint(copies)
    called = (np.abs(copies - whole) <= threshold).all(axis=1) & (whole.sum(axis=1) == ploidy)
    genotypes = _sorted_alleles(np.where(called[:, None], whole, 0), most)
    in_order = np.zeros(len(ploidy), bool)
    if phased:
        likeliest = np.argmax(by_haplotype, axis=2)
        in_order = called & _makes_up(likeliest, beyond, whole)
        genotypes = np.where(in_order[:, None], likeliest, genotypes)
        in_order &= ploidy >= 2
    genotypes = np.where(called[:, None], genotypes, MISSING)
    genotypes = np.where(np.arange(most) >= ploidy[:, None], FILL, genotypes)
    dosages = copies[:, 1] if n_alleles == 2 else np.full(len(ploidy), np.nan, np.float32)
    return Calls(genotypes.astype(np.int8 if n_alleles <= 128 else np.int16), in_order, dosages)


def call_diploids(
    probabilities: np.ndarray, *, phased: bool, threshold: float = HARD_CALL_THRESHOLD
) -> Calls:
    """Make the calls of `call_genotypes` for two alleles and two copies throughout, an order faster.

    The probabilities of a sample must add up to 1, as layout 2 of the format has it: then the copies of REF
    are as far from a whole number as those of the ALT.

    Examples
    --------
    >>> call_diploids(np.float32([[0.95, 0.05, 0], [0.5, 0.5, 0]]), phased=False).genotypes.tolist()
    [[0, 0], [-1, -1]]
    """
    first, second = (probabilities[:, 1], probabilities[:, 3 if phased else 2])
    dosages = first + second if phased else first + 2 * second
    whole = np.rint(dosages)
    called = np.abs(dosages - whole) <= threshold
    codes = np.where(called, whole, 3).astype(np.intp)
    genotypes = _ALLELES_OF_COPIES.take(codes).view(np.int8).reshape(-1, 2)
    in_order = np.zeros(len(called), bool)
    if phased:
        likeliest = probabilities[:, 1::2] > probabilities[:, ::2]
        in_order = called & (likeliest.sum(axis=1) == whole)
        genotypes = np.where(in_order[:, None], likeliest, genotypes).astype(np.int8)
    return Calls(genotypes, in_order, dosages)


def _sorted_alleles(copies: np.ndarray, most: int) -> np.ndarray:
    """Spell copies of alleles as alleles in ascending order: (samples, most)."""
    last = np.cumsum(copies[:, :-1], axis=1)
    return (last[:, :, None] <= np.arange(most)).sum(axis=1)


def _makes_up(alleles: np.ndarray, beyond: np.ndarray, copies: np.ndarray) -> np.ndarray:
    """Tell whether alleles, but for those beyond a sample's ploidy, are the given numbers of copies."""
    counted = (alleles[:, :, None] == np.arange(copies.shape[1])) & ~beyond[:, :, None]
    return (counted.sum(axis=1) == copies).all(axis=1)
