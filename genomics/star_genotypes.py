"""Genotypes over the sites of a gene whose variants are read one by one (COMT, MTHFR), where some were not observed.

Such variants occur together in every way, so that no pair of alleles names most people. What is unknown is the
genotype at each site that was not observed: each is taken to be independent of the others, with random mating
within each population. Linkage would tell more; leaving it out makes the most probable genotype less certain
than it is, not more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from genomics.star_alleles import StarGene
from genomics.star_match import FILL, UNKNOWN, CallPattern, match_diplotypes

# Genotypes kept while sites are added; a product of sites keeps its best ones among the best of the first sites.
KEPT = 64


def is_read_by_site(gene: StarGene) -> bool:
    """Whether the variants of a gene are read one by one, as they occur together in every way."""
    return gene.method == "genotype" and len(gene.sites) > 1


@dataclass(frozen=True)
class GenotypeCandidates:
    """Genotypes over all sites of a gene, the most probable first.

    Attributes
    ----------
    codes
        (candidates, sites, 2) code of each haplotype, in order where the site was not observed.
    posterior, posterior_no_prior
        (candidates,) with the variants' frequencies, and with all genotypes of a site alike; of all genotypes, not
        of these alone.
    """

    codes: Int[np.ndarray, "candidates sites 2"]
    posterior: Float[np.ndarray, " candidates"]
    posterior_no_prior: Float[np.ndarray, " candidates"]


def match_genotypes(
    gene: StarGene, pattern: CallPattern, ancestry: Float[np.ndarray, " populations"] | None = None
) -> GenotypeCandidates:
    """Find the most probable genotypes over all sites, of at most `KEPT` kept on the way.

    Parameters
    ----------
    gene
        The definitions; each allele but the reference has one variant.
    pattern
        The calls; none of them a base that no allele knows.
    ancestry
        Weights of the populations whose frequencies make the prior; equal ones if not given.

    Examples
    --------
    One site of two was not observed; nobody counted its variant:

    >>> allowed = np.array([[[1, 0], [1, 0]], [[0, 1], [1, 0]], [[1, 0], [0, 1]]], dtype=bool)
    >>> gene = StarGene("ITPA", "20", ("Reference", "a", "b"), (), allowed, np.full(3, np.nan), np.full(3, np.nan))
    >>> found = match_genotypes(gene, CallPattern(np.array([[0, 1], [-1, -1]]), np.zeros(2, dtype=int)))
    >>> found.codes[:, 1].tolist(), found.posterior.round(2).tolist()
    ([[0, 0], [0, 1], [1, 1]], [0.33, 0.33, 0.33])
    """
    frequencies = variant_frequencies(gene) if gene.is_counted else None
    n_populations = 1 if frequencies is None else len(frequencies)
    shares = np.full(n_populations, 1 / n_populations) if ancestry is None or n_populations == 1 else ancestry
    codes = np.zeros((1, 0, 2), dtype=int)
    # The last row is the answer without frequencies.
    weights = np.ones((n_populations + 1, 1))
    for site in range(len(pattern.codes)):
        options, added = _options(gene, pattern, site, frequencies)
        codes = np.concatenate(
            [np.repeat(codes, len(options), axis=0), np.tile(options, (len(codes), 1))[:, None]], axis=1
        )
        weights = (weights[:, :, None] * added[:, None]).reshape(len(weights), -1)
        best = np.argsort(-(shares @ weights[:-1]), kind="stable")[:KEPT]
        codes, weights = codes[best], weights[:, best]
    return GenotypeCandidates(codes, shares @ weights[:-1], weights[-1])


def variant_frequencies(gene: StarGene) -> Float[np.ndarray, "populations sites codes"]:
    """Share of haplotypes with each code at each site, by population.

    The share of an allele with one variant is that of its variant, whatever else the haplotype carries.
    """
    carried = gene.allowed & ~gene.allowed[:, :, :1]
    shares = np.einsum("pa,asc->psc", gene.weights, carried)
    shares[:, :, 0] = np.clip(1 - shares.sum(axis=2), 0, 1)
    scaled: np.ndarray = shares / shares.sum(axis=2, keepdims=True)
    return scaled


def _options(
    gene: StarGene,
    pattern: CallPattern,
    site: int,
    frequencies: Float[np.ndarray, "populations sites codes"] | None,
) -> tuple[Int[np.ndarray, "options 2"], Float[np.ndarray, "rows options"]]:
    """Genotypes that a site may have, and how probable: by population, then with all of them alike."""
    n_rows = 2 if frequencies is None else len(frequencies) + 1
    call = pattern.codes[site]
    if site in pattern.probabilities:
        options, told = _imputed(pattern.probabilities[site], pattern.haploid)
        return options, np.tile(told, (n_rows, 1))
    if (call != UNKNOWN).all():
        return call[None], np.ones((n_rows, 1))
    codes = np.flatnonzero(gene.allowed[:, site].any(axis=0))
    one, two = (codes[part] for part in np.triu_indices(len(codes)))
    orders = np.where(one == two, 1, 2)
    if pattern.haploid:
        one, two, orders = codes, np.full(len(codes), FILL), np.ones(len(codes), dtype=int)
    elif call.max() != UNKNOWN:
        # One copy was read, the other may be any.
        one, two, orders = codes, np.full(len(codes), call.max()), np.ones(len(codes), dtype=int)
    options = np.column_stack([one, two])
    weights = np.full((n_rows, len(options)), 1 / len(options))
    if frequencies is not None:
        here = frequencies[:, site]
        second = here[:, two] if (two >= 0).all() and call.max() == UNKNOWN else 1.0
        weights[:-1] = here[:, one] * second * orders
    return options, weights


def _imputed(
    probabilities: Float[np.ndarray, "codes codes"], haploid: bool
) -> tuple[Int[np.ndarray, "options 2"], Float[np.ndarray, " options"]]:
    """Genotypes of an imputed call: what the imputation says of them is already a posterior."""
    if haploid:
        codes = np.arange(len(probabilities))
        options, told = np.column_stack([codes, np.full(len(codes), FILL)]), probabilities.sum(axis=1)
    else:
        one, two = np.triu_indices(len(probabilities))
        options = np.column_stack([one, two])
        told = np.where(one == two, 1.0, 2.0) * (probabilities[one, two] + probabilities[two, one]) / 2
    seen = told > 0
    return options[seen], told[seen] / told.sum()


def genotypes(gene: StarGene, calls: CallPattern, *, variants_alone: bool = False) -> list[str]:
    """Bases at each site whose copies are all known, or at those alone that have a variant."""
    told = []
    for site, codes in zip(gene.sites, calls.codes, strict=True):
        copies = codes[:1] if calls.haploid else codes
        if (copies >= 0).all() and (copies.any() or not variants_alone):
            told.append(f"{site.name} {'/'.join(site.bases[code] for code in copies)}")
    return told


def genotype_name(gene: StarGene, calls: CallPattern) -> str:
    """Name known calls: the pair of alleles where there is one, else the bases that are not the reference.

    Examples
    --------
    >>> from genomics.star_alleles import StarSite
    >>> sites = tuple(StarSite(name, {}, {}, ("C", "T")) for name in ("rs1", "rs2"))
    >>> allowed = np.array([[[1, 0], [1, 0]], [[0, 1], [1, 0]], [[1, 0], [0, 1]]], dtype=bool)
    >>> gene = StarGene("ITPA", "20", ("Reference", "a", "b"), sites, allowed, np.full(3, np.nan), np.full(3, np.nan))
    >>> genotype_name(gene, CallPattern(np.array([[0, 1], [0, 1]]), np.zeros(2, dtype=int)))
    'a/b'
    >>> genotype_name(gene, CallPattern(np.array([[0, 1], [1, 1]]), np.zeros(2, dtype=int)))
    'rs1 C/T, rs2 T/T'
    """
    # Each allele has one variant: more than two cannot be a pair.
    if (calls.codes > 0).sum() <= 2:
        pairs = match_diplotypes(gene, calls).pairs
        if len(pairs):
            return "/".join(gene.alleles[allele] for allele in pairs[0] if allele >= 0)
    return ", ".join(genotypes(gene, calls, variants_alone=True)) or "no variant"
