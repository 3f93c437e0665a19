"""Describe calls that no pair of known alleles explains: partial and combination alleles.

A haplotype that carries all variants of an allele and more is named by both, ``[*2 + rs1234 (A)]``; where
the rest makes up another allele, by the two alleles, ``[*2 + *35]``. What such a haplotype does nobody has
measured: the description tells what was seen and is never a call.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from genomics.star_alleles import StarGene
from genomics.star_match import (
    OTHER,
    CallPattern,
    Candidates,
    carry,
    diplotype_likelihood,
    emissions,
    weigh_diplotypes,
)

# Weight of a variant that an allele does not have: any pair with fewer of them comes first.
EXTRA_VARIANT = 1e-6


def relaxed_emissions(gene: StarGene) -> Float[np.ndarray, "alleles sites codes"]:
    """Emissions in which an allele may carry a variant more, and a base no allele knows, at a price.

    The last code stands for a base that no allele knows.
    """
    emission = emissions(gene)
    plain = ~gene.allowed[:, :, 1:].any(axis=2)
    relaxed = np.concatenate([emission, np.zeros((*emission.shape[:2], 1))], axis=2)
    relaxed[plain, 1:] = EXTRA_VARIANT
    relaxed[~plain, -1] = EXTRA_VARIANT**2
    return relaxed


def match_partial(
    gene: StarGene, pattern: CallPattern, ancestry: Float[np.ndarray, " populations"] | None = None
) -> Candidates:
    """Find the pairs of alleles that leave the fewest variants over.

    Parameters
    ----------
    gene
        The definitions.
    pattern
        Calls that `genomics.star_match.match_diplotypes` found no pair for.
    ancestry
        Weights of the populations whose allele frequencies make the prior.

    Returns
    -------
    Candidates
        Empty where even with variants left over no pair fits.
    """
    known = with_other(gene, pattern)
    relaxed = relaxed_emissions(gene)
    return weigh_diplotypes(gene, known, *diplotype_likelihood(gene, known, relaxed), ancestry, relaxed)


def with_other(gene: StarGene, pattern: CallPattern) -> CallPattern:
    """Code bases that no allele knows as the last code of `relaxed_emissions`."""
    codes = np.where(pattern.codes == OTHER, gene.allowed.shape[2], pattern.codes)
    wider = {site: np.pad(p, (0, 1)) for site, p in pattern.probabilities.items()}
    return CallPattern(codes, pattern.phase_sets, wider, pattern.haploid)


def describe_pair(gene: StarGene, pattern: CallPattern, pair: Int[np.ndarray, " two"]) -> str:
    """Name a pair of alleles with the variants that each haplotype carries beyond its allele.

    Variants whose haplotype is not known stand behind the pair.
    """
    known = with_other(gene, pattern)
    relaxed = relaxed_emissions(gene)
    n_copies = 1 if pattern.haploid else 2
    alleles = [int(allele) for allele in pair[:n_copies]]
    oriented, loose = _orient(known, relaxed, alleles)
    names = []
    for slot, allele in enumerate(alleles):
        extra = _extra_sites(gene, allele, oriented[:, slot])
        extra[loose] = False
        names.append(_name_haplotype(gene, allele, oriented[:, slot], extra))
    behind = [
        _variant_name(gene, int(site), int(code))
        for site in np.flatnonzero(loose)
        for code in oriented[site, :n_copies]
        if code > 0
    ]
    return " + ".join(["/".join(names), *behind])


def _orient(
    pattern: CallPattern, emission: Float[np.ndarray, "alleles sites codes"], alleles: Sequence[int]
) -> tuple[Int[np.ndarray, "sites 2"], Bool[np.ndarray, " sites"]]:
    """Turn each phase set so that it fits the alleles best; which sites fit either way with variants over."""
    codes = pattern.codes.copy()
    loose = np.zeros(len(codes), dtype=bool)
    if len(alleles) == 1:
        return codes, loose
    heterozygous = codes[:, 0] != codes[:, 1]
    groups = np.where(heterozygous & (pattern.phase_sets > 0), pattern.phase_sets, 0)
    groups = np.where(heterozygous & (groups == 0), -1 - np.arange(len(codes)), groups)
    one, two = (emission[[allele]] for allele in alleles)
    for group in np.unique(groups[heterozygous]):
        sites = np.flatnonzero((groups == group) & heterozygous)
        straight = _fit(one, two, codes, sites)
        crossed = _fit(one, two, codes[:, ::-1], sites)
        if crossed > straight:
            codes[sites] = codes[sites, ::-1]
        elif crossed == straight and alleles[0] != alleles[1]:
            loose[sites] = True
    return codes, loose


def _fit(one: np.ndarray, two: np.ndarray, codes: np.ndarray, sites: np.ndarray) -> float:
    return float(carry(one, codes[:, 0])[0, sites].prod() * carry(two, codes[:, 1])[0, sites].prod())


def _extra_sites(gene: StarGene, allele: int, codes: Int[np.ndarray, " sites"]) -> Bool[np.ndarray, " sites"]:
    """Sites at which a haplotype carries a variant that its allele does not have."""
    padded = np.pad(gene.allowed[allele], ((0, 0), (0, 1)))
    return (codes > 0) & ~padded[np.arange(len(codes)), np.maximum(codes, 0)]


def _name_haplotype(
    gene: StarGene, allele: int, codes: Int[np.ndarray, " sites"], extra: Bool[np.ndarray, " sites"]
) -> str:
    if not extra.any():
        return gene.alleles[allele]
    second = _completing_allele(gene, allele, codes, extra)
    if second is not None:
        first, last = sorted((allele, second))
        return f"[{gene.alleles[first]} + {gene.alleles[last]}]"
    left = [_variant_name(gene, int(site), int(codes[site])) for site in np.flatnonzero(extra)]
    return f"[{' + '.join([gene.alleles[allele], *left])}]"


def _completing_allele(
    gene: StarGene, allele: int, codes: Int[np.ndarray, " sites"], extra: Bool[np.ndarray, " sites"]
) -> int | None:
    """Another allele whose variants the haplotype carries, all, and which has every variant left over."""
    required = ~gene.allowed[:, :, 0]
    padded = np.pad(gene.allowed, ((0, 0), (0, 0), (0, 1)))
    carried = padded[:, np.arange(len(codes)), np.maximum(codes, 0)] & (codes > 0)
    whole = (carried | ~required).all(axis=1) & (carried | ~extra).all(axis=1)
    whole[allele] = False
    found = np.flatnonzero(whole & required.any(axis=1))
    return int(found[0]) if len(found) else None


def _variant_name(gene: StarGene, site: int, code: int) -> str:
    bases = gene.sites[site].bases
    return f"{gene.sites[site].name} ({bases[code] if code < len(bases) else 'unknown base'})"
