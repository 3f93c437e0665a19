"""Genes read variant by variant: a haplotype may carry several, and counts as its worst one.

CPIC reads DPYD and RYR1 so. Where calls are not all phased with each other, variants are taken to lie on
different haplotypes, which is the worse case, and the answer says that this was assumed.

A variant may be left over that belongs to no allele whose other variants are there (c.1236G>A without
c.1129-5923C>G, the other half of DPYD's HapB3). It cannot make its haplotype any better: the haplotype counts
as its worst allele all the same. Whether it is worse is not known: the allele that the variant is part of may be
there, and where no allele has the variant, any allele may, each as probable as it is common.

References
----------
Amstutz U, et al. CPIC Guideline for Dihydropyrimidine Dehydrogenase Genotype and Fluoropyrimidine Dosing:
2017 Update. Clin Pharmacol Ther 2018;103:210-216.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int

from genomics.star_alleles import UNCOUNTED_FREQUENCY, StarGene
from genomics.star_match import (
    OTHER,
    UNKNOWN,
    CallPattern,
    Candidates,
    make_candidates,
    match_haplotype,
)

# An imputed genotype of lower probability is not named among the variants that a patient carries.
MINIMUM_IMPUTED = 0.95
MAXIMUM_WAYS = 64
"""Ways in which imputed sites may come together that are looked at."""
TRANS = "unphased variants taken to lie on different haplotypes"
LEFT_OVER = "of no allele that is there: {}, whose haplotype counts by its other variants and may do less"


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
        The pair named by what was seen, and those in which something hides that would name it instead, the most
        probable first; of pairs with the same functions the one that was seen comes first. What hides is a
        variant at an unobserved site, or the allele that a variant left over is part of.
    """
    if not pattern.probabilities:
        return _match_known(gene, pattern, ancestry)
    weights: dict[tuple[int, int], float] = {}
    alike: dict[tuple[int, int], float] = {}
    assumptions: dict[str, None] = {}
    for chance, known in settled_ways(pattern):
        found = _match_known(gene, known, ancestry)
        assumptions |= dict.fromkeys(filter(None, [found.assumption]))
        for (one, two), told, flat in zip(
            found.pairs, found.posterior, found.posterior_no_prior, strict=True
        ):
            weights[one, two] = weights.get((one, two), 0.0) + chance * told
            alike[one, two] = alike.get((one, two), 0.0) + chance * flat
    hiding = np.array([site not in pattern.probabilities for site in range(len(pattern.codes))], dtype=bool)
    pairs = np.array(list(weights), dtype=int).reshape(-1, 2)
    return make_candidates(
        gene, pairs, np.array(list(weights.values())), np.array(list(alike.values())), "; ".join(assumptions),
        hiding=hiding,
    )  # fmt: skip


def settled_ways(pattern: CallPattern) -> list[tuple[float, CallPattern]]:
    """List what an imputed patient may carry, the most probable ways first, with their probabilities.

    Sites are taken to be independent of each other; what is left out of the list is shared among the others.
    """
    ways = [(1.0, pattern.codes)]
    for site, told in pattern.probabilities.items():
        phased = pattern.phase_sets[site] > 0
        either = told if phased else np.triu(told) + np.tril(told, -1).T
        options = [(float(either[i, j]), (i, j)) for i, j in zip(*np.nonzero(either), strict=True)]
        longer = []
        for chance, codes in ways:
            for share, call in options:
                settled = codes.copy()
                settled[site] = call
                longer.append((chance * share, settled))
        ways = sorted(longer, key=lambda way: -way[0])[:MAXIMUM_WAYS]
    total = sum(chance for chance, _ in ways)
    return [(chance / total, replace(pattern, codes=codes, probabilities={})) for chance, codes in ways]


def _match_known(
    gene: StarGene, pattern: CallPattern, ancestry: Float[np.ndarray, " populations"] | None
) -> Candidates:
    """Match calls of which none is imputed."""
    codes = pattern.codes
    alleles, left = take_apart(gene, codes, pattern.phase_sets)
    reference = int(np.argmin(_variants(gene).any(axis=1)))
    names = [found[0] if found else reference for found in alleles]
    one, two = (haplotype_components(gene, codes[:, i])[1] | _incomplete(gene, left[:, i]) for i in (0, 1))
    said = [LEFT_OVER.format(", ".join(_variant_names(gene, left)))] if left.any() else []
    if not one_phase(codes, pattern.phase_sets):
        # What hides once may be on either haplotype: on the one of higher function it does more harm.
        one, two = one & two, one | two
        said = [TRANS, *said] if len({a for found in alleles for a in found}) > 1 else said
    pairs, weights = _with_unobserved(gene, names, [one, two], ancestry)
    candidates = make_candidates(gene, pairs, weights, np.ones(len(pairs)), "; ".join(said))
    if left.any():
        # A variant speaks for what hides; that nobody was seen to have it is no reason to leave it out.
        candidates = replace(candidates, hidden=(candidates.pairs != candidates.pairs[0]).any(axis=1))
    return _seen_before_equals(gene, candidates, sorted(names))


def carried_variants(gene: StarGene, pattern: CallPattern) -> tuple[str, ...]:
    """Names of all alleles whose variants a patient carries, worst first, and of variants left over."""
    alleles, left = take_apart(gene, settle_imputed(pattern), pattern.phase_sets)
    names = [gene.alleles[allele] for allele in _worst_first(gene, {a for found in alleles for a in found})]
    return (*names, *_variant_names(gene, left))


def take_apart(
    gene: StarGene, codes: Int[np.ndarray, "sites 2"], phase_sets: Int[np.ndarray, " sites"]
) -> tuple[list[list[int]], Int[np.ndarray, "sites 2"]]:
    """Divide a patient's variants into alleles.

    Returns
    -------
    tuple
        The alleles of each haplotype, worst first, and the code of each copy of a variant that is left over, by
        haplotype, 0 elsewhere. Of calls that are not all phased the first haplotype has the worst allele and the
        second all others, and no order is known of what is left over.
    """
    if one_phase(codes, phase_sets):
        present = [haplotype_components(gene, codes[:, i])[0] for i in (0, 1)]
        alleles = [_worst_first(gene, np.flatnonzero(found)) for found in present]
        left = np.stack([_left_over(gene, codes[:, i], present[i]) for i in (0, 1)], axis=1)
        return alleles, left
    copies, remaining = _copies(gene, codes)
    found = _worst_first(gene, np.repeat(np.arange(len(copies)), copies))
    left = np.where(codes == OTHER, OTHER, 0)
    for site, code in np.argwhere(remaining[:, 1:] > 0) + (0, 1):
        free = np.flatnonzero(left[site] == 0)
        left[site, free[: remaining[site, code]]] = code
    return [found[:1], found[1:]], left


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
    variants = _variants(gene)
    fits = (match_haplotype(gene, codes) | ~variants).all(axis=1) & variants.any(axis=1)
    seen = (variants & (codes > 0)).any(axis=1)
    present = fits & seen
    for larger in np.flatnonzero(present):
        inside = (variants[larger] | ~variants).all(axis=1) & (variants != variants[larger]).any(axis=1)
        present &= ~inside
    return present, fits & ~seen & (variants & (codes == UNKNOWN)).any(axis=1)


def _variants(gene: StarGene) -> Bool[np.ndarray, "alleles sites"]:
    """Sites at which an allele cannot have the GRCh38 reference."""
    return ~gene.allowed[:, :, 0]


def _copies(
    gene: StarGene, codes: Int[np.ndarray, "sites 2"]
) -> tuple[Int[np.ndarray, " alleles"], Int[np.ndarray, "sites codes"]]:
    """Copies (0, 1 or 2) of each allele that unphased calls hold: the fewest over its observed sites.

    Each copy of a variant counts once, for the allele with the most variants; the copies of each code that are
    left come second.
    """
    variants = _variants(gene)
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
    return copies, left


def _left_over(
    gene: StarGene, codes: Int[np.ndarray, " sites"], present: Bool[np.ndarray, " alleles"]
) -> Int[np.ndarray, " sites"]:
    """Codes of the variants of a haplotype that belong to no allele that it carries, 0 elsewhere."""
    known = match_haplotype(gene, codes) & _variants(gene) & present[:, None]
    return np.where(known.any(axis=0) | (codes == UNKNOWN), 0, codes)


def _incomplete(gene: StarGene, left: Int[np.ndarray, " sites"]) -> Bool[np.ndarray, " alleles"]:
    """Alleles that have a variant left over; all of them where a base belongs to none.

    Calls of the rest of such an allele deny it and the variant speaks for it, so that it may be there.
    """
    variants = _variants(gene)
    sites = np.flatnonzero(left > 0)
    speak = variants[:, sites] & gene.allowed[:, sites, left[sites]]
    return np.asarray((variants if (left == OTHER).any() else speak).any(axis=1))


def _variant_names(gene: StarGene, left: Int[np.ndarray, "sites 2"]) -> list[str]:
    """Name variants left over by site and base."""
    return [
        f"{site.name} ({site.bases[code] if code > 0 else 'unknown base'})"
        for site, codes in zip(gene.sites, left, strict=True)
        for code in np.unique(codes[codes != 0])
    ]


def _rank(gene: StarGene, allele: int) -> float:
    """Activity for sorting: an allele of unknown function stands between reduced and normal."""
    rank = gene.ranks[allele]
    return 0.75 if np.isnan(rank) else float(rank)


def _worst_first(gene: StarGene, alleles: Iterable[int]) -> list[int]:
    """Order alleles by activity, the lowest first."""
    return sorted(map(int, alleles), key=lambda allele: (_rank(gene, allele), allele))


def _seen_before_equals(gene: StarGene, found: Candidates, named: list[int]) -> Candidates:
    """Put the pair that was seen before those of the same functions; each keeps its probability.

    Nobody saw a variant that hides, however common it is, and it changes nothing where the function is the same.
    """
    ranks = np.array([_rank(gene, allele) for allele in range(len(gene.alleles))])
    functions = np.sort(ranks[found.pairs], axis=1)
    seen = int((found.pairs == named).all(axis=1).argmax())
    first = int((functions == functions[seen]).all(axis=1).argmax())
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
    weights = gene.weights if gene.is_counted else np.full((1, len(gene.alleles)), UNCOUNTED_FREQUENCY)
    shares = np.full(len(weights), 1 / len(weights)) if ancestry is None or len(weights) == 1 else ancestry
    choices = [_hidden_names(gene, weights, name, hidden) for name, hidden in zip(names, possible)]
    one, two = (np.array(list(told.values())) for told in choices)
    total = np.vecdot(one[:, None] * two, shares).ravel()
    ordered = np.stack(np.meshgrid(list(choices[0]), list(choices[1]), indexing="ij"), axis=2).reshape(-1, 2)
    pairs, first, of_pair = np.unique(
        np.sort(ordered, axis=1), axis=0, return_index=True, return_inverse=True
    )
    # In the order in which they were met, which the sums of floats depend on.
    order = np.argsort(first)
    return pairs[order], np.bincount(of_pair.ravel(), weights=total)[order]


def _hidden_names(
    gene: StarGene,
    weights: Float[np.ndarray, "populations alleles"],
    name: int,
    hidden: Bool[np.ndarray, " alleles"],
) -> dict[int, Float[np.ndarray, " populations"]]:
    """What a haplotype may be named, in each population: its worst hidden variant, or as it was."""
    reference = int(np.argmin(_variants(gene).any(axis=1)))
    left = np.ones(len(weights))
    told: dict[int, np.ndarray] = {}
    for allele in _worst_first(gene, np.flatnonzero(hidden)):
        # Any variant names a haplotype before the reference does.
        if name != reference and (_rank(gene, allele), allele) > (_rank(gene, name), name):
            continue
        told[allele] = left * weights[:, allele]
        left = left * (1 - weights[:, allele])
    told[name] = told.get(name, np.zeros(len(weights))) + left
    return told
