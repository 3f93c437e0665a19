"""Which pairs of star alleles explain a patient's calls, and how probable each pair is.

The kernel works on one gene and one pattern of calls at a time; patients with the same pattern share the
answer. A site that was not observed is a wildcard: it rules no allele out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int8

from genomics.star_alleles import StarGene

UNKNOWN, FILL, OTHER = -1, -2, -3
"""Codes of a haplotype at a site: not observed, no such haplotype (haploid), a base no allele knows."""

# Genes whose variants are read one by one: a haplotype may carry several, and counts as its worst one.
COMPONENT_GENES = frozenset({"DPYD", "RYR1"})
_NO_DIPLOTYPES = np.empty((0, 2), dtype=int)


@dataclass(frozen=True)
class Candidates:
    """Diplotypes that explain one pattern of calls, the most probable first.

    Attributes
    ----------
    pairs
        (diplotypes, 2) allele numbers, the lower first; the second is -1 for a single copy.
    posterior, posterior_no_prior
        (diplotypes,) with and without the alleles' frequencies; each sums to 1.
    hidden
        (diplotypes,): the diplotype differs from the first at a site that was not observed, not just in
        phase, and rests on an allele that is known to occur (or that nobody counted).
    assumption
        What was assumed beyond the calls.
    """

    pairs: np.ndarray
    posterior: Float[np.ndarray, " diplotypes"]
    posterior_no_prior: Float[np.ndarray, " diplotypes"]
    hidden: Bool[np.ndarray, " diplotypes"]
    assumption: str = ""


def match_haplotype(gene: StarGene, codes: Int8[np.ndarray, " sites"]) -> Bool[np.ndarray, "alleles sites"]:
    """Whether each allele may carry each of the codes of one haplotype."""
    known = codes >= 0
    matches = np.ones((len(gene.alleles), len(gene.sites)), dtype=bool)
    matches[:, known] = gene.allowed[:, np.flatnonzero(known), codes[known]]
    matches[:, codes == OTHER] = False
    return matches


def match_diplotypes(
    gene: StarGene, codes: Int8[np.ndarray, "sites 2"], *, phased: bool, haploid: bool = False
) -> Candidates:
    """Find every diplotype that is consistent with one pattern of calls.

    Parameters
    ----------
    gene
        The definitions.
    codes
        Code of each haplotype at each site; `UNKNOWN` matches anything and `OTHER` nothing.
    phased
        Whether the two columns are haplotypes; if not, each site's pair may be either way round.
    haploid
        One copy of the gene (X-linked in a male): only the first column counts.

    Returns
    -------
    Candidates
        Empty where no diplotype explains the calls.
    """
    if gene.name in COMPONENT_GENES:
        return _match_components(gene, codes, phased=phased)
    first = match_haplotype(gene, codes[:, 0])
    if haploid:
        alleles = np.flatnonzero(first.all(axis=1))
        pairs = np.column_stack([alleles, np.full(len(alleles), -1)])
        return _weigh(gene, pairs, gene.weights[alleles])
    second = match_haplotype(gene, codes[:, 1])
    possible = np.flatnonzero((first | second).all(axis=1))
    first, second = first[possible], second[possible]
    if phased:
        consistent = np.outer(first.all(axis=1), second.all(axis=1))
    else:
        consistent = _consistent_either_way(first, second)
    # An unordered pair counts once for each order of its two haplotypes that fits.
    weights = np.outer(gene.weights[possible], gene.weights[possible]) * consistent
    weights = np.triu(weights) + np.tril(weights, -1).T
    rows, columns = np.nonzero(weights)
    return _weigh(gene, np.column_stack([possible[rows], possible[columns]]), weights[rows, columns])


def _consistent_either_way(
    first: Bool[np.ndarray, "alleles sites"], second: Bool[np.ndarray, "alleles sites"]
) -> Bool[np.ndarray, "alleles alleles"]:
    """For each pair of alleles, whether at every site one takes one base and the other the other."""
    consistent = np.ones((len(first), len(first)), dtype=bool)
    # Sites where both readings of every allele agree constrain nothing more than the prefilter did.
    for site in np.flatnonzero(np.logical_not(np.logical_and(first, second).all(axis=0))):
        one, two = first[:, site], second[:, site]
        consistent &= (one[:, None] & two[None, :]) | (two[:, None] & one[None, :])
    return consistent


def _weigh(gene: StarGene, pairs: np.ndarray, weights: Float[np.ndarray, " diplotypes"]) -> Candidates:
    if not len(pairs):
        return Candidates(_NO_DIPLOTYPES, *(np.empty(0),) * 2, np.empty(0, dtype=bool))
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -weights))
    pairs, weights = pairs[order], weights[order]
    content = _site_content(gene, pairs)
    elsewhere = (content != content[0]).any(axis=(1, 2))
    never_seen = (gene.frequencies[pairs] == 0) & (pairs >= 0)
    return Candidates(
        pairs=pairs,
        posterior=weights / weights.sum(),
        posterior_no_prior=np.full(len(pairs), 1 / len(pairs)),
        hidden=elsewhere & ~never_seen.any(axis=1),
    )


def _site_content(gene: StarGene, pairs: np.ndarray) -> np.ndarray:
    """Copies of each code that a diplotype holds at each site, whichever haplotype carries it."""
    copies = gene.allowed[pairs[:, 0]].astype(np.int8)
    return copies + np.where((pairs[:, 1] >= 0)[:, None, None], gene.allowed[pairs[:, 1]], False)


def _match_components(gene: StarGene, codes: Int8[np.ndarray, "sites 2"], *, phased: bool) -> Candidates:
    """Read each variant by itself and name each haplotype by its variant of lowest function."""
    variants = ~gene.allowed[:, :, 0]
    reference = int(np.argmin(variants.any(axis=1)))
    carried = [_components(gene, variants, codes[:, i]) for i in (0, 1)]
    if phased:
        names = [_worst(gene, np.flatnonzero(present), reference) for present, _ in carried]
        explained = all(_explains(gene, variants, codes[:, i], carried[i][0]) for i in (0, 1))
        assumption = ""
    else:
        copies = _copies(gene, variants, codes)
        found = np.repeat(np.arange(len(gene.alleles)), copies)
        names = sorted(map(int, found), key=lambda a: (_rank(gene, a), a))[:2]
        names += [reference] * (2 - len(names))
        explained = all(_explains(gene, variants, codes[:, i], copies > 0) for i in (0, 1))
        many = (copies > 0).sum() > 1
        assumption = "unphased variants taken to lie on different haplotypes" if many else ""
    if not explained:
        return _weigh(gene, _NO_DIPLOTYPES, np.empty(0))
    pairs, weights = _with_unobserved(gene, names, [possible for _, possible in carried])
    result = _weigh(gene, pairs, weights)
    return Candidates(result.pairs, result.posterior, result.posterior_no_prior, result.hidden, assumption)


def _components(
    gene: StarGene, variants: Bool[np.ndarray, "alleles sites"], codes: Int8[np.ndarray, " sites"]
) -> tuple[Bool[np.ndarray, " alleles"], Bool[np.ndarray, " alleles"]]:
    """Alleles whose variants a haplotype carries, and those that unobserved sites may hide."""
    fits = (match_haplotype(gene, codes) | ~variants).all(axis=1) & variants.any(axis=1)
    seen = (variants & (codes > 0)).any(axis=1)
    return fits & seen, fits & ~seen & (variants & (codes == UNKNOWN)).any(axis=1)


def _copies(
    gene: StarGene, variants: Bool[np.ndarray, "alleles sites"], codes: Int8[np.ndarray, "sites 2"]
) -> np.ndarray:
    """Copies (0, 1 or 2) of each allele that unphased calls hold: the fewest over its observed sites."""
    matches = np.stack([match_haplotype(gene, codes[:, i]) & (codes[:, i] > 0) for i in (0, 1)]).sum(axis=0)
    counted = variants & (codes != UNKNOWN).any(axis=1)
    copies = np.where(counted, matches, 2).min(axis=1)
    return np.where(counted.any(axis=1), copies, 0)


def _explains(
    gene: StarGene,
    variants: Bool[np.ndarray, "alleles sites"],
    codes: Int8[np.ndarray, " sites"],
    present: Bool[np.ndarray, " alleles"],
) -> bool:
    """Whether every variant of a haplotype belongs to an allele that it carries."""
    known = match_haplotype(gene, codes) & variants & present[:, None]
    return bool((known.any(axis=0) | (codes == 0) | (codes == UNKNOWN)).all())


def _rank(gene: StarGene, allele: int) -> float:
    """Activity for sorting: an allele of unknown function stands between reduced and normal."""
    rank = gene.ranks[allele]
    return 0.75 if np.isnan(rank) else float(rank)


def _worst(gene: StarGene, alleles: np.ndarray, reference: int) -> int:
    """Allele of lowest activity, the reference where there is none."""
    return min((int(a) for a in alleles), key=lambda a: (_rank(gene, a), a), default=reference)


def _with_unobserved(
    gene: StarGene, names: list[int], possible: list[Bool[np.ndarray, " alleles"]]
) -> tuple[np.ndarray, Float[np.ndarray, " diplotypes"]]:
    """Pairs in which either haplotype may hide a worse allele at a site that was not observed."""
    choices: list[dict[int, float]] = []
    for name, hidden in zip(names, possible):
        worse = [int(a) for a in np.flatnonzero(hidden) if _rank(gene, int(a)) < _rank(gene, name)]
        choices.append({int(name): 1.0} | {a: float(gene.weights[a]) for a in worse})
    total: dict[tuple[int, int], float] = {}
    for one, weight_one in choices[0].items():
        for two, weight_two in choices[1].items():
            pair = (min(one, two), max(one, two))
            total[pair] = total.get(pair, 0.0) + weight_one * weight_two
    return np.array(list(total), dtype=int), np.array(list(total.values()))
