"""Genes read variant by variant: a haplotype may carry several, and counts as its worst one.

CPIC reads DPYD and RYR1 so. Where calls are not all phased with each other, variants are taken to lie on
different haplotypes, which is the worse case, and the answer says that this was assumed.

References
----------
Amstutz U, et al. CPIC Guideline for Dihydropyrimidine Dehydrogenase Genotype and Fluoropyrimidine Dosing:
2017 Update. Clin Pharmacol Ther 2018;103:210-216.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int

from genomics.star_alleles import UNSEEN_FREQUENCY, StarGene
from genomics.star_match import (
    NO_CANDIDATES,
    UNKNOWN,
    CallPattern,
    Candidates,
    make_candidates,
    match_haplotype,
)

# An imputed genotype of lower probability counts as not observed: here no haplotype is weighed as a whole.
MINIMUM_IMPUTED = 0.95
TRANS = "unphased variants taken to lie on different haplotypes"


def match_components(
    gene: StarGene, pattern: CallPattern, ancestry: Float[np.ndarray, " populations"] | None = None
) -> Candidates:
    """Read each variant by itself and name each haplotype by its variant of lowest function.

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
        The pair named by what was seen, and those in which unobserved sites hide a variant that would name it
        instead, the most probable first; of pairs with the same functions the one that was seen comes first.
        Empty where a variant belongs to no allele.
    """
    codes = settle_imputed(pattern)
    variants = ~gene.allowed[:, :, 0]
    reference = int(np.argmin(variants.any(axis=1)))
    carried = [haplotype_components(gene, codes[:, i]) for i in (0, 1)]
    one, two = (hidden for _, hidden in carried)
    assumption = ""
    if one_phase(codes, pattern.phase_sets):
        names = [_worst(gene, np.flatnonzero(present), reference) for present, _ in carried]
        explained = all(_explains(gene, variants, codes[:, i], carried[i][0]) for i in (0, 1))
    else:
        copies = _copies(gene, variants, codes)
        found = np.repeat(np.arange(len(gene.alleles)), copies)
        names = sorted(map(int, found), key=lambda a: (_rank(gene, a), a))[:2]
        names += [reference] * (2 - len(names))
        explained = all(_explains(gene, variants, codes[:, i], copies > 0) for i in (0, 1))
        assumption = TRANS if (copies > 0).sum() > 1 else ""
        # What hides once may be on either haplotype: on the one of higher function it does more harm.
        one, two = one & two, one | two
    if not explained:
        return NO_CANDIDATES
    pairs, weights = _with_unobserved(gene, names, [one, two], ancestry)
    candidates = make_candidates(gene, pairs, weights, np.ones(len(pairs)), assumption)
    return _seen_before_equals(gene, candidates, sorted(names))


def carried_variants(gene: StarGene, pattern: CallPattern) -> tuple[str, ...]:
    """Names of all alleles whose variants a patient carries, worst first."""
    codes = settle_imputed(pattern)
    variants = ~gene.allowed[:, :, 0]
    if one_phase(codes, pattern.phase_sets):
        present = np.logical_or(*(haplotype_components(gene, codes[:, i])[0] for i in (0, 1)))
    else:
        present = _copies(gene, variants, codes) > 0
    order = sorted(map(int, np.flatnonzero(present)), key=lambda a: (_rank(gene, a), a))
    return tuple(gene.alleles[allele] for allele in order)


def settle_imputed(pattern: CallPattern) -> Int[np.ndarray, "sites 2"]:
    """Codes with imputed genotypes as hard calls where they are all but certain, and unknown elsewhere."""
    codes = pattern.codes.copy()
    for site, probabilities in pattern.probabilities.items():
        unordered = probabilities + probabilities.T
        np.fill_diagonal(unordered, np.diag(probabilities))
        one, two = np.unravel_index(int(np.triu(unordered).argmax()), unordered.shape)
        if unordered[one, two] < MINIMUM_IMPUTED:
            codes[site] = UNKNOWN
        elif sorted(codes[site]) != [one, two]:
            codes[site] = (one, two)
    return codes


def one_phase(codes: Int[np.ndarray, "sites 2"], phase_sets: Int[np.ndarray, " sites"]) -> bool:
    """Whether all heterozygous calls are phased with each other; a single one is."""
    sets = phase_sets[codes[:, 0] != codes[:, 1]]
    return len(sets) <= 1 or bool((sets > 0).all() and (sets == sets[0]).all())


def haplotype_components(
    gene: StarGene, codes: Int[np.ndarray, " sites"]
) -> tuple[Bool[np.ndarray, " alleles"], Bool[np.ndarray, " alleles"]]:
    """Alleles whose variants a haplotype carries, and those that unobserved sites may hide.

    An allele whose variants are all part of another's that is there counts as that one.
    """
    variants = ~gene.allowed[:, :, 0]
    fits = (match_haplotype(gene, codes) | ~variants).all(axis=1) & variants.any(axis=1)
    seen = (variants & (codes > 0)).any(axis=1)
    present = fits & seen
    for larger in np.flatnonzero(present):
        inside = (variants[larger] | ~variants).all(axis=1) & (variants != variants[larger]).any(axis=1)
        present &= ~inside
    return present, fits & ~seen & (variants & (codes == UNKNOWN)).any(axis=1)


def _copies(
    gene: StarGene, variants: Bool[np.ndarray, "alleles sites"], codes: Int[np.ndarray, "sites 2"]
) -> np.ndarray:
    """Copies (0, 1 or 2) of each allele that unphased calls hold: the fewest over its observed sites.

    Each copy of a variant counts once, for the allele with the most variants.
    """
    observed = (codes != UNKNOWN).any(axis=1)
    left = np.stack([(codes == code).sum(axis=1) for code in range(gene.allowed.shape[2])], axis=1)
    copies = np.zeros(len(gene.alleles), dtype=int)
    for allele in np.argsort(-variants.sum(axis=1), kind="stable"):
        sites = np.flatnonzero(variants[allele] & observed)
        if not len(sites):
            continue
        carried = left[sites] * gene.allowed[allele, sites]
        copies[allele] = carried.sum(axis=1).min()
        left[sites] -= np.where(gene.allowed[allele, sites], np.minimum(carried, copies[allele]), 0)
    return copies


def _explains(
    gene: StarGene,
    variants: Bool[np.ndarray, "alleles sites"],
    codes: Int[np.ndarray, " sites"],
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


def _seen_before_equals(gene: StarGene, found: Candidates, named: list[int]) -> Candidates:
    """Put the pair that was seen before those of the same functions; each keeps its probability.

    Nobody saw a variant that hides, however common it is, and it changes nothing where the function is the same.
    """
    functions = [sorted(_rank(gene, int(allele)) for allele in pair) for pair in found.pairs]
    seen = found.pairs.tolist().index(named)
    first = functions.index(functions[seen])
    if first == seen:
        return found
    order = np.insert(np.delete(np.arange(len(functions)), seen), first, seen)
    hidden = found.hidden[order]
    if first == 0:
        # What differs from the first pair does so by a variant that is common enough to have stood there.
        hidden[:2] = False, True
    return replace(
        found,
        pairs=found.pairs[order],
        posterior=found.posterior[order],
        posterior_no_prior=found.posterior_no_prior[order],
        hidden=hidden,
    )


def _with_unobserved(
    gene: StarGene,
    names: list[int],
    possible: list[Bool[np.ndarray, " alleles"]],
    ancestry: Float[np.ndarray, " populations"] | None,
) -> tuple[np.ndarray, Float[np.ndarray, " diplotypes"]]:
    """Pairs in which either haplotype may hide an allele that would name it instead."""
    # What was seen comes first, also where nobody counted the alleles.
    weights = gene.weights if gene.is_counted else np.full((1, len(gene.alleles)), UNSEEN_FREQUENCY)
    shares = np.full(len(weights), 1 / len(weights)) if ancestry is None or len(weights) == 1 else ancestry
    choices = [_hidden_names(gene, weights, name, hidden) for name, hidden in zip(names, possible)]
    total: dict[tuple[int, int], float] = {}
    for one, weight_one in choices[0].items():
        for two, weight_two in choices[1].items():
            pair = (min(one, two), max(one, two))
            total[pair] = total.get(pair, 0.0) + float(shares @ (weight_one * weight_two))
    return np.array(list(total), dtype=int), np.array(list(total.values()))


def _hidden_names(
    gene: StarGene,
    weights: Float[np.ndarray, "populations alleles"],
    name: int,
    hidden: Bool[np.ndarray, " alleles"],
) -> dict[int, Float[np.ndarray, " populations"]]:
    """What a haplotype may be named, in each population: its worst hidden variant, or as it was."""
    reference = int(np.argmin((~gene.allowed[:, :, 0]).any(axis=1)))
    left = np.ones(len(weights))
    told: dict[int, np.ndarray] = {}
    for allele in sorted(map(int, np.flatnonzero(hidden)), key=lambda a: (_rank(gene, a), a)):
        # Any variant names a haplotype before the reference does.
        if name != reference and (_rank(gene, allele), allele) > (_rank(gene, name), name):
            continue
        told[allele] = left * weights[:, allele]
        left = left * (1 - weights[:, allele])
    told[name] = told.get(name, np.zeros(len(weights))) + left
    return told
