"""Calls of a panel at one gene, and allele frequencies by population fitted to a part of its people.

Frequencies are counted on phased haplotypes, by expectation-maximisation where a haplotype fits several alleles, and each
population's are drawn towards those of all people by as much as makes held-out haplotypes of the fitting half most
probable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int, Int8

from genomics.star_alleles import StarGene
from genomics.star_match import FILL, UNKNOWN, carry, emissions
from genomics.star_patterns import ABSENT, Pattern, distinct_patterns
from genomics.stars import UNSEEN_SITES
from varimol.curate.allele_frequencies import count_alleles

SMOOTHING = (0.0, 1.0, 3.0, 10.0, 30.0, 100.0)
"""Haplotypes, in the proportions of all people, that are added to each population's own."""
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


def smooth(
    expected: Float[np.ndarray, "populations alleles"],
    n_haplotypes: Float[np.ndarray, " populations"],
    smoothing: float,
) -> Float[np.ndarray, "populations alleles"]:
    """Frequencies of each population, drawn towards those of all people."""
    pooled = expected.sum(axis=0) / n_haplotypes.sum()
    shares: np.ndarray = (expected + smoothing * pooled) / (n_haplotypes + smoothing)[:, None]
    return shares


def choose_smoothing(genes: Sequence[GeneCalls], numbers: Int[np.ndarray, " people"], seed: int) -> float:
    """Smoothing under which held-out haplotypes of the fitting half are most probable, over all genes."""
    folds = np.random.default_rng(seed).integers(0, N_FOLDS, len(numbers))
    total = np.zeros(len(SMOOTHING))
    for calls in genes:
        if calls.gene.method == "lowest_function":
            continue
        for fold in range(N_FOLDS):
            train, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            fitted = count_haplotypes(calls.take(train), numbers[train])
            expected, n = expected_counts(calls.gene, *fitted), fitted[1].sum(axis=0)
            haplotypes, counts = count_haplotypes(calls.take(held), numbers[held])
            likelihood = haplotype_likelihood(calls.gene, haplotypes)
            known = likelihood.any(axis=1)
            for i, smoothing in enumerate(SMOOTHING):
                shares = smooth(expected, n, smoothing)
                weights = replace(calls.gene, population_frequencies=shares).weights
                told = likelihood[known] @ (weights / weights.sum(axis=1, keepdims=True)).T
                total[i] += (np.log(told) * counts[known]).sum()
    return SMOOTHING[int(total.argmax())]


def fit_frequencies(calls: GeneCalls, numbers: Int[np.ndarray, " people"], smoothing: float) -> StarGene:
    """Give a gene the frequencies of some people; alleles that the panel cannot tell keep published ones."""
    gene = calls.gene
    haplotypes, counts = count_haplotypes(calls, numbers)
    shares = smooth(expected_counts(gene, haplotypes, counts), counts.sum(axis=0), smoothing)
    never_listed = np.array([site.name in UNSEEN_SITES for site in gene.sites], dtype=bool)
    hidden = ~gene.allowed[:, never_listed, 0].all(axis=1)
    if hidden.any() and gene.population_frequencies is not None:
        shares[:, hidden] = gene.population_frequencies[:, hidden]
    best = np.where(np.isnan(shares).all(axis=0), np.nan, np.fmax.reduce(shares, axis=0))
    return replace(gene, population_frequencies=shares, frequencies=best)
