"""Calls of a panel at one gene, and allele frequencies by population fitted to a part of its people.

Frequencies are counted on phased haplotypes, by expectation-maximisation where a haplotype fits several alleles, and each
population's are drawn towards the mean of all by as much as makes held-out haplotypes of the fitting half most probable.
`compare_priors` tells how probable they are by the constants of `genomics.star_alleles` and by others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from jaxtyping import Float, Int, Int8

from genomics.star_absence import UNSEEN_SITES
from genomics.star_alleles import (
    UNSEEN_FREQUENCY,
    StarGene,
    code_shares,
    floor_frequencies,
    smooth_frequencies,
)
from genomics.star_match import FILL, UNKNOWN, carry, emissions
from genomics.star_patterns import ABSENT, Pattern, distinct_patterns
from varimol.curate.allele_frequencies import count_alleles, count_optional, optional_share

SMOOTHING = (0.0, 0.003, 0.01, 0.02, 0.03, 0.05, 0.1)
"""Amounts of `genomics.star_alleles.smooth_frequencies` to choose from."""
UNSEEN = (1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4)
"""Frequencies of alleles that were never seen to choose from."""
N_FOLDS = 5
EM_STEPS = 30


@dataclass(frozen=True)
class GeneCalls:
    """Calls of the panel at one gene, with sites that the file does not list read as the reference."""

    gene: StarGene
    codes: Int8[np.ndarray, "sites samples 2"]
    phase_sets: Int[np.ndarray, "sites samples"]
    states: Int8[np.ndarray, "sites samples"]

    def take(self, people: Int[np.ndarray, " people"]) -> GeneCalls:
        """Calls of some people."""
        return replace(
            self,
            codes=self.codes[:, people],
            phase_sets=self.phase_sets[:, people],
            states=self.states[:, people],
        )

    def mask(self, level: float, rng: np.random.Generator) -> GeneCalls:
        """Make a share of the sites unknown, each site of each person by itself."""
        hidden = rng.random(self.states.shape) < level
        codes = np.where(hidden[:, :, None] & (self.codes != FILL), UNKNOWN, self.codes)
        return replace(self, codes=codes.astype(np.int8), states=np.where(hidden, ABSENT, self.states))

    def patterns(self) -> tuple[list[Pattern], Int[np.ndarray, " samples"]]:
        """Distinct patterns, and the pattern of each person."""
        return distinct_patterns(self.codes, self.phase_sets, self.states, {})


def count_haplotypes(
    calls: GeneCalls, numbers: Int[np.ndarray, " people"]
) -> tuple[Int8[np.ndarray, "sites haplotypes"], Float[np.ndarray, "haplotypes populations"]]:
    """Distinct phased haplotypes, and how many each population has; a site never listed counts as reference."""
    codes = calls.codes.reshape(len(calls.codes), -1)
    there = ~(codes == FILL).any(axis=0)
    distinct, which = np.unique(codes[:, there], axis=1, return_inverse=True)
    counts = np.zeros((distinct.shape[1], numbers.max() + 1))
    np.add.at(counts, (which.ravel(), np.repeat(numbers, 2)[there]), 1)
    return np.where(distinct == UNKNOWN, 0, distinct), counts


def haplotype_likelihood(
    gene: StarGene, haplotypes: Int8[np.ndarray, "sites haplotypes"]
) -> Float[np.ndarray, "haplotypes alleles"]:
    """Probability of each haplotype given each allele."""
    emission = emissions(gene)
    return np.stack([carry(emission, codes).prod(axis=1) for codes in haplotypes.T])


def expected_counts(
    gene: StarGene,
    haplotypes: Int8[np.ndarray, "sites haplotypes"],
    counts: Float[np.ndarray, "haplotypes populations"],
) -> Float[np.ndarray, "populations alleles"]:
    """Copies of each allele in each population, by expectation-maximisation where a haplotype fits several."""
    if gene.method == "lowest_function":
        carried: np.ndarray = counts.T @ count_alleles(gene, haplotypes).T
        return carried
    likelihood = haplotype_likelihood(gene, haplotypes)
    known = likelihood.any(axis=1)
    likelihood, counts = likelihood[known], counts[known]
    shares = np.full((counts.shape[1], likelihood.shape[1]), 1 / likelihood.shape[1])
    expected = shares
    for _ in range(EM_STEPS):
        told = likelihood[None] * shares[:, None]
        told /= np.maximum(told.sum(axis=2, keepdims=True), np.finfo(float).tiny)
        expected = np.einsum("kha,hk->ka", told, counts)
        shares = (expected + 1e-9) / (expected + 1e-9).sum(axis=1, keepdims=True)
    return expected


def held_out_likelihood(
    genes: Sequence[GeneCalls],
    numbers: Int[np.ndarray, " people"],
    seed: int,
    unseen: Sequence[float] = (UNSEEN_FREQUENCY,),
) -> Float[np.ndarray, "unseen smoothing"]:
    """Logarithm of the probability of each fifth of the haplotypes by the frequencies of the rest, over all genes.

    Parameters
    ----------
    genes
        Calls; genes that are read variant by variant are left out, as are haplotypes that no allele explains.
    numbers
        Population of each person.
    seed
        Draws the fifths.
    unseen
        Frequencies to try for alleles that were never seen, beside all of `SMOOTHING`.
    """
    folds = np.random.default_rng(seed).integers(0, N_FOLDS, len(numbers))
    total = np.zeros((len(unseen), len(SMOOTHING)))
    for calls in genes:
        if calls.gene.method == "lowest_function":
            continue
        for fold in range(N_FOLDS):
            train, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            shares = plain_frequencies(calls.take(train), numbers[train])
            haplotypes, counts = count_haplotypes(calls.take(held), numbers[held])
            likelihood = haplotype_likelihood(calls.gene, haplotypes)
            known = likelihood.any(axis=1)
            for place in np.ndindex(total.shape):
                smoothed = smooth_frequencies(shares, SMOOTHING[place[1]])
                weights = floor_frequencies(smoothed, unseen[place[0]])
                told = likelihood[known] @ (weights / weights.sum(axis=1, keepdims=True)).T
                total[place] += (np.log(told) * counts[known]).sum()
    return total


def compare_priors(
    genes: Sequence[GeneCalls], numbers: Int[np.ndarray, " people"], of: str, seed: int = 0
) -> pd.DataFrame:
    """Likelihood of held-out haplotypes for every frequency of unseen alleles and every smoothing.

    Returns
    -------
    pandas.DataFrame
        of (which people), n_people, unseen, smoothing, log_likelihood, below_best.
    """
    total = held_out_likelihood(genes, numbers, seed, UNSEEN)
    grid = pd.MultiIndex.from_product([UNSEEN, SMOOTHING], names=["unseen", "smoothing"])
    table = grid.to_frame(index=False).assign(
        log_likelihood=total.ravel(), below_best=total.max() - total.ravel()
    )
    table.insert(0, "of", of)
    table.insert(1, "n_people", len(numbers))
    return table


def choose_smoothing(genes: Sequence[GeneCalls], numbers: Int[np.ndarray, " people"], seed: int) -> float:
    """Smoothing under which held-out haplotypes are most probable."""
    return SMOOTHING[int(held_out_likelihood(genes, numbers, seed)[0].argmax())]


def plain_frequencies(
    calls: GeneCalls, numbers: Int[np.ndarray, " people"]
) -> Float[np.ndarray, "populations alleles"]:
    """Share of each population's haplotypes; alleles that the panel cannot tell keep what is published."""
    gene = calls.gene
    haplotypes, counts = count_haplotypes(calls, numbers)
    shares = expected_counts(gene, haplotypes, counts) / counts.sum(axis=0)[:, None]
    never_listed = np.array([site.name in UNSEEN_SITES for site in gene.sites], dtype=bool)
    untold = ~gene.allowed[:, never_listed, 0].all(axis=1)
    if gene.is_counted:
        untold |= np.isnan(gene.frequencies)
    if gene.population_frequencies is not None:
        shares[:, untold] = gene.population_frequencies[:, untold]
    return shares


def fit_optional(calls: GeneCalls, numbers: Int[np.ndarray, " people"]) -> StarGene:
    """Give a gene's alleles the shares of their optional variants among the haplotypes of some people."""
    gene = calls.gene
    haplotypes, counts = count_haplotypes(calls, numbers)
    found = count_optional(gene, haplotypes, count_alleles(gene, haplotypes), counts.sum(axis=1))
    variants = {place: optional_share(*told) for place, told in found.items()}
    return replace(gene, optional_shares=code_shares(variants, gene.allowed.shape[2]))


def fit_frequencies(calls: GeneCalls, numbers: Int[np.ndarray, " people"], smoothing: float) -> StarGene:
    """Give a gene the frequencies of some people."""
    shares = plain_frequencies(calls, numbers)
    best = np.where(np.isnan(shares).all(axis=0), np.nan, np.fmax.reduce(shares, axis=0))
    smoothed = smooth_frequencies(shares, smoothing)
    return replace(fit_optional(calls, numbers), population_frequencies=smoothed, frequencies=best)
