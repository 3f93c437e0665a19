"""Which pairs of star alleles explain a patient's calls, and how probable each pair is.

The kernel works on one gene and one pattern of calls at a time; patients with the same pattern share the
answer. A site that was not observed is a wildcard: it rules no allele out.

The likelihood of a diplotype (a, b) is a product over the phase sets of the calls. Within a set the order of
the haplotypes is known up to one swap, so that each set gives the mean of its two orientations; an unphased
heterozygous call is a set of its own, and a homozygous call belongs to all. An allele that is seen with and
without a variant carries it half the time, or where alleles are weighed by their frequencies, as often as was
counted.

An imputed call says how probable each genotype is: the weights of the diplotypes are fitted to that, site by site
(`genomics.star_imputed`), so that each site keeps what the imputation says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

from genomics.star_alleles import StarGene
from genomics.star_imputed import fit_to_sites

MINIMUM_POSTERIOR = 0.95
"""Posterior of a diplotype that is called."""
# An allele that none of 5,008 haplotypes carries has at most this frequency (95%: the rule of three).
UNSEEN_BOUND = 3 / 5008
UNKNOWN, FILL, OTHER = -1, -2, -3
"""Codes of a haplotype at a site: not observed, no such haplotype (haploid), a base no allele knows."""


@dataclass(frozen=True)
class CallPattern:
    """Calls of one patient at the sites of one gene.

    Attributes
    ----------
    codes
        (sites, 2) code of each haplotype; `UNKNOWN` matches anything and `OTHER` nothing.
    phase_sets
        (sites,): sites of one positive number are phased with each other; 0 is not phased.
    probabilities
        By site, (codes, codes): that the first haplotype carries one code and the second the other. It comes
        in the place of the site's codes, and in the site's phase set.
    haploid
        One copy of the gene (X-linked in a male): only the first column counts.
    """

    codes: Int[np.ndarray, "sites 2"]
    phase_sets: Int[np.ndarray, " sites"]
    probabilities: Mapping[int, Float[np.ndarray, "codes codes"]] = field(default_factory=dict)
    haploid: bool = False


@dataclass(frozen=True)
class Candidates:
    """Diplotypes that explain one pattern of calls, the most probable first.

    Attributes
    ----------
    pairs
        (diplotypes, 2) allele numbers, the lower first; the second is -1 for a single copy.
    posterior, posterior_no_prior
        (diplotypes,) with the alleles' frequencies, and with all alleles alike; each sums to 1.
    hidden
        (diplotypes,): the diplotype differs from the first at a site that was not observed, not just in
        phase, and rests on an allele that is known to occur, or that nobody counted, or on one of so many that
        were never seen that together they may well occur.
    assumption
        What was assumed beyond the calls.
    """

    pairs: np.ndarray
    posterior: Float[np.ndarray, " diplotypes"]
    posterior_no_prior: Float[np.ndarray, " diplotypes"]
    hidden: Bool[np.ndarray, " diplotypes"]
    assumption: str = ""


NO_CANDIDATES = Candidates(np.empty((0, 2), dtype=int), np.empty(0), np.empty(0), np.empty(0, dtype=bool))


def emissions(gene: StarGene, *, counted: bool = False) -> Float[np.ndarray, "alleles sites codes"]:
    """Probability that an allele carries each code at a site.

    Of several codes it carries each equally often, or where they were counted and ``counted`` is true, as often
    as that.
    """
    shares: np.ndarray = gene.allowed / gene.allowed.sum(axis=2, keepdims=True)
    for place, told in gene.optional_shares.items() if counted else ():
        shares[place] = told
    return shares


def match_haplotype(gene: StarGene, codes: Int[np.ndarray, " sites"]) -> Bool[np.ndarray, "alleles sites"]:
    """Whether each allele may carry each of the codes of one haplotype."""
    return carry(gene.allowed, codes) > 0


def carry(
    emission: Float[np.ndarray, "alleles sites codes"] | Bool[np.ndarray, "alleles sites codes"],
    codes: Int[np.ndarray, " sites"],
) -> Float[np.ndarray, "alleles sites"]:
    """Probability that each allele carries each of the codes of one haplotype."""
    known = np.flatnonzero(codes >= 0)
    carried = np.ones(emission.shape[:2])
    carried[:, known] = emission[:, known, codes[known]]
    carried[:, codes == OTHER] = 0.0
    return carried


def match_diplotypes(
    gene: StarGene, pattern: CallPattern, ancestry: Float[np.ndarray, " populations"] | None = None
) -> Candidates:
    """Find every diplotype that is consistent with one pattern of calls.

    Parameters
    ----------
    gene
        The definitions.
    pattern
        The calls.
    ancestry
        Weights of the populations whose allele frequencies make the prior; equal ones if not given.

    Returns
    -------
    Candidates
        Empty where no diplotype explains the calls.
    """
    possible, likelihood = diplotype_likelihood(gene, pattern, emissions(gene))
    return weigh_diplotypes(gene, pattern, possible, likelihood, ancestry)


def weigh_diplotypes(
    gene: StarGene,
    pattern: CallPattern,
    possible: Int[np.ndarray, " possible"],
    likelihood: Float[np.ndarray, "possible second"],
    ancestry: Float[np.ndarray, " populations"] | None = None,
    emission: Float[np.ndarray, "alleles sites codes"] | None = None,
    content: Int[np.ndarray, "diplotypes sites codes"] | None = None,
) -> Candidates:
    """Turn likelihoods of ordered pairs into the posterior of unordered ones.

    ``emission`` is what the likelihoods were made with, `emissions` if not given; ``content`` is
    `site_content` of the `unordered_pairs`, where that is at hand.
    """
    if pattern.probabilities:
        return _weigh_imputed(gene, pattern, ancestry, emission)
    pairs, (rows, columns) = unordered_pairs(pattern, possible, likelihood)
    told = likelihood[rows, columns] * _orders(pairs)
    evidence = likelihood
    if gene.is_counted and gene.optional_shares and emission is None:
        evidence = diplotype_likelihood(gene, pattern, emissions(gene, counted=True))[1]
    return make_candidates(
        gene, pairs, evidence[rows, columns] * diplotype_prior(gene, pairs, ancestry), told, content=content
    )


def _weigh_imputed(
    gene: StarGene,
    pattern: CallPattern,
    ancestry: Float[np.ndarray, " populations"] | None,
    emission: Float[np.ndarray, "alleles sites codes"] | None,
) -> Candidates:
    """Fit the weights of ordered pairs to the imputed sites, with the alleles' frequencies and with all alike."""
    phase_set = _imputed_phase_set(pattern)
    # What is not phased with the rest may lie either way round.
    probabilities = {
        site: told if pattern.phase_sets[site] == phase_set > 0 else (told + told.T) / 2
        for site, told in pattern.probabilities.items()
    }
    fitted = []
    for counted in (True, False):
        known = emissions(gene, counted=counted) if emission is None else emission
        possible, likelihood = diplotype_likelihood(gene, pattern, known, phase_set)
        shares = gene.weights[:, possible] if counted else np.ones((1, len(possible)))
        mixed = _population_shares(gene, ancestry) if counted else np.ones(1)
        second = np.ones((len(shares), 1)) if pattern.haploid else shares
        prior = np.einsum("p,pi,pj->ij", mixed, shares, second)
        fitted.append(fit_to_sites(likelihood * prior, known[possible], probabilities))
    # With weights of either kind the same pairs are possible.
    weights, alike = (
        one if pattern.haploid else one + np.tril(one, -1).T - np.tril(one, -1) for one in fitted
    )
    pairs, where = unordered_pairs(pattern, possible, alike)
    seen = alike[where] > 0
    hiding = np.array([site not in pattern.probabilities for site in range(len(pattern.codes))], dtype=bool)
    return make_candidates(gene, pairs[seen], weights[where][seen], alike[where][seen], hiding=hiding)


def _imputed_phase_set(pattern: CallPattern) -> int:
    """Phase set that most of the imputed sites are in; 0 where they are not phased."""
    numbers = pattern.phase_sets[sorted(pattern.probabilities)]
    numbers = numbers[numbers > 0]
    return int(np.bincount(numbers).argmax()) if len(numbers) else 0


def unordered_pairs(
    pattern: CallPattern,
    possible: Int[np.ndarray, " possible"],
    likelihood: Float[np.ndarray, "possible second"],
) -> tuple[Int[np.ndarray, "diplotypes two"], tuple[np.ndarray, np.ndarray]]:
    """List the pairs of alleles that explain a pattern, the lower number first, and where each likelihood is."""
    if pattern.haploid:
        pairs = np.column_stack([possible, np.full(len(possible), -1)])
        return pairs, (np.arange(len(possible)), np.zeros(len(possible), dtype=int))
    rows, columns = np.nonzero(np.triu(likelihood))
    return np.column_stack([possible[rows], possible[columns]]), (rows, columns)


def _orders(pairs: Int[np.ndarray, "diplotypes two"]) -> Int[np.ndarray, " diplotypes"]:
    """In how many ways two haplotypes may make each unordered pair."""
    one, two = pairs.T
    return np.where((one == two) | (two < 0), 1, 2)


def diplotype_prior(
    gene: StarGene,
    pairs: Int[np.ndarray, "diplotypes two"],
    ancestry: Float[np.ndarray, " populations"] | None,
) -> Float[np.ndarray, " diplotypes"]:
    """Prior weight of each diplotype: random mating within each population, mixed over the populations.

    Alleles that nobody counted are all alike.
    """
    weights = gene.weights
    one, two = pairs.T
    second = np.where(two < 0, 1.0, weights[:, two])
    prior: np.ndarray = _population_shares(gene, ancestry) @ (weights[:, one] * second) * _orders(pairs)
    return prior


def _population_shares(
    gene: StarGene, ancestry: Float[np.ndarray, " populations"] | None
) -> Float[np.ndarray, " populations"]:
    """Weights of the populations, equal where no ancestry is given or nobody counted by population."""
    n_populations = len(gene.weights)
    if ancestry is None or n_populations == 1:
        return np.full(n_populations, 1 / n_populations)
    return ancestry


def diplotype_likelihood(
    gene: StarGene,
    pattern: CallPattern,
    emission: Float[np.ndarray, "alleles sites codes"],
    oriented: int = 0,
) -> tuple[Int[np.ndarray, " possible"], Float[np.ndarray, "possible second"]]:
    """Likelihood of every ordered pair of alleles, of those alone that a haplotype of the pattern allows.

    Imputed sites say nothing here. The phase set ``oriented``, if not 0, stays as the pattern has it.

    Returns
    -------
    tuple of numpy.ndarray
        Numbers of the possible alleles, and (possible, possible) likelihoods, symmetric but for the oriented phase
        set; (possible, 1) for one copy.
    """
    codes = pattern.codes.copy()
    codes[sorted(pattern.probabilities)] = UNKNOWN
    one, two = carry(emission, codes[:, 0]), carry(emission, codes[:, 1])
    if pattern.haploid:
        alone = one.prod(axis=1)
        possible = np.flatnonzero(alone > 0)
        return possible, alone[possible, None]
    same = codes[:, 0] == codes[:, 1]
    both = one[:, same].prod(axis=1)
    sets = _phase_sets(pattern.phase_sets, ~same)
    halves = [(one[:, sites].prod(axis=1), two[:, sites].prod(axis=1)) for sites in sets]
    may = both > 0
    for straight, crossed in halves:
        may &= (straight > 0) | (crossed > 0)
    possible = np.flatnonzero(may)
    likelihood = np.outer(both[possible], both[possible])
    for sites, (straight, crossed) in zip(sets, halves, strict=True):
        ordered = np.outer(straight[possible], crossed[possible])
        stays = 0 < oriented == pattern.phase_sets[sites[0]]
        likelihood *= ordered if stays else (ordered + ordered.T) / 2
    return possible, likelihood


def _phase_sets(
    numbers: Int[np.ndarray, " sites"], heterozygous: Bool[np.ndarray, " sites"]
) -> list[Int[np.ndarray, " members"]]:
    """Sites of each set, heterozygous ones alone; an unphased site is a set of its own."""
    phased = heterozygous & (numbers > 0)
    sets = [np.flatnonzero(phased & (numbers == number)) for number in np.unique(numbers[phased])]
    return sets + [np.array([site]) for site in np.flatnonzero(heterozygous & (numbers <= 0))]


def make_candidates(
    gene: StarGene,
    pairs: np.ndarray,
    weights: Float[np.ndarray, " diplotypes"],
    weights_no_prior: Float[np.ndarray, " diplotypes"],
    assumption: str = "",
    content: Int[np.ndarray, "diplotypes sites codes"] | None = None,
    hiding: Bool[np.ndarray, " sites"] | None = None,
) -> Candidates:
    """Order diplotypes by weight and scale their weights to sum to 1.

    ``content`` is `site_content` of the pairs, where that is at hand; something may hide at the sites
    ``hiding``, all if not given.
    """
    if not len(pairs):
        return NO_CANDIDATES
    content = site_content(gene, pairs) if content is None else content
    content = content if hiding is None else content[:, hiding]
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -weights))
    pairs, elsewhere = pairs[order], (content != content[order[0]]).any(axis=(1, 2))[order]
    # That the first diplotype has a never-seen allele makes no other one improbable.
    never_seen = (gene.frequencies[pairs] == 0) & (pairs >= 0) & ~np.isin(pairs, pairs[0])
    rests_on_unseen = never_seen.any(axis=1)
    unseen = np.setdiff1d(
        pairs[elsewhere & rests_on_unseen][never_seen[elsewhere & rests_on_unseen]], pairs[0]
    )
    negligible = 2 * len(unseen) * UNSEEN_BOUND <= 1 - MINIMUM_POSTERIOR
    return Candidates(
        pairs=pairs,
        posterior=weights[order] / weights.sum(),
        posterior_no_prior=weights_no_prior[order] / weights_no_prior.sum(),
        hidden=elsewhere & ~rests_on_unseen if negligible else elsewhere,
        assumption=assumption,
    )


def site_content(gene: StarGene, pairs: np.ndarray) -> Int[np.ndarray, "diplotypes sites codes"]:
    """Copies of each code that a diplotype holds at each site, whichever haplotype carries it."""
    carried = gene.allowed.astype(np.int8)
    copies: np.ndarray = carried[pairs[:, 0]]
    second = np.flatnonzero(pairs[:, 1] >= 0)
    copies[second] += carried[pairs[second, 1]]
    return copies
