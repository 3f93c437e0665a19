"""Patients of known star alleles: the calls that an assay would make of them, and what may be concluded.

Two haplotypes are drawn from a gene's definition, calls are made of them, phased or not and with sites
unseen, and `genomics.simulate_star_records` writes them as VCF in any of the ways that files are written.
`consistent_diplotypes` tries every pair of alleles against what was observed, one at a time and without the
arrays of `genomics.star_match`: its answer is what a caller must list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import TypeAlias

import numpy as np

from genomics.errors import InputError
from genomics.star_alleles import StarGene

PHASINGS = ("phased", "unphased", "sets")
STATES = ("observed", "no-call", "half-call", "low-quality")

# Code of each copy at a site, None where it was not seen.
Seen: TypeAlias = tuple[int | None, ...]


@dataclass(frozen=True)
class StarPatient:
    """One patient's calls of one gene.

    Attributes
    ----------
    name
        Sample name in a file.
    haplotypes
        By copy of the gene (one or two) and site, the code that it carries in truth.
    written
        The same in the order in which a file writes them, which differs between phase sets.
    phase_sets
        By site, 0 for a call that is not phased; calls of one positive number are phased with each other.
    states
        By site, one of `STATES`: seen, not called, one of two copies called, called with low quality.
    """

    name: str
    haplotypes: tuple[tuple[int, ...], ...]
    written: tuple[tuple[int, ...], ...]
    phase_sets: tuple[int, ...]
    states: tuple[str, ...]

    def seen(self, site: int, absent: frozenset[int] = frozenset()) -> Seen:
        """Codes of a site that an honest reader takes from the calls, None for copies not known."""
        codes = tuple(haplotype[site] for haplotype in self.written)
        if site in absent or self.states[site] in ("no-call", "low-quality"):
            return (None,) * len(codes)
        return (None, *codes[1:]) if self.states[site] == "half-call" else codes


def draw_haplotype(gene: StarGene, allele: int, rng: np.random.Generator) -> tuple[int, ...]:
    """Draw what a haplotype of an allele carries at each site: any of the codes that the allele may have."""
    options = [np.flatnonzero(codes) for codes in gene.allowed[allele]]
    return tuple(int(codes[rng.integers(len(codes))]) for codes in options)


def merge_haplotypes(gene: StarGene, alleles: Sequence[int], rng: np.random.Generator) -> tuple[int, ...]:
    """Haplotype with the variants of several alleles, as occurs in genes that are read variant by variant."""
    drawn = [draw_haplotype(gene, allele, rng) for allele in alleles]
    return tuple(next((code for code in codes if code), 0) for codes in zip(*drawn, strict=True))


def simulate_patient(
    name: str,
    haplotypes: Sequence[tuple[int, ...]],
    rng: np.random.Generator,
    *,
    phasing: str = "unphased",
    unseen: float = 0.0,
) -> StarPatient:
    """Make calls of a patient's haplotypes.

    Parameters
    ----------
    name
        Sample name.
    haplotypes
        Codes by site of each copy of the gene, from `draw_haplotype`.
    rng
        Random generator.
    phasing
        ``phased``: all calls with each other; ``unphased``; ``sets``: in runs of sites, some of them not at
        all, each with an order of the two haplotypes of its own.
    unseen
        Share of the sites that are not called, called in part or called with low quality.

    Raises
    ------
    InputError
        If the phasing is not one of `PHASINGS`, or there are not one or two haplotypes.

    Examples
    --------
    >>> patient = simulate_patient("p1", [(0, 1), (1, 1)], np.random.default_rng(0), phasing="phased")
    >>> patient.phase_sets, patient.seen(1)
    ((1, 1), (1, 1))
    """
    if phasing not in PHASINGS:
        raise InputError(
            f"phasing {phasing!r} is not known", field="phasing", expected=f"one of {', '.join(PHASINGS)}"
        )
    if len(haplotypes) not in (1, 2):
        raise InputError(f"{len(haplotypes)} haplotypes", field="haplotypes", expected="one or two")
    n_sites = len(haplotypes[0])
    sets = _draw_phase_sets(n_sites, phasing, rng)
    flips = rng.random(n_sites + 2) < 0.5
    alone = rng.random(n_sites) < 0.5
    columns = []
    for site, codes in enumerate(zip(*haplotypes, strict=True)):
        turned = flips[sets[site]] if sets[site] else alone[site]
        columns.append(codes[::-1] if turned else codes)
    missing = [state for state in STATES[1:] if len(haplotypes) == 2 or state != "half-call"]
    lost = rng.random(n_sites) < unseen
    states = tuple(missing[rng.integers(len(missing))] if gone else STATES[0] for gone in lost)
    return StarPatient(name, tuple(map(tuple, haplotypes)), tuple(zip(*columns, strict=True)), sets, states)


def _draw_phase_sets(n_sites: int, phasing: str, rng: np.random.Generator) -> tuple[int, ...]:
    if phasing != "sets":
        return (int(phasing == "phased"),) * n_sites
    # Runs of sites; a number counts as a set of its own wherever it stands, and 0 is not phased.
    runs = np.cumsum(rng.random(n_sites) < 0.35)
    labels = np.where(rng.random(n_sites + 1) < 0.3, 0, np.arange(1, n_sites + 2))
    # A site that reads jump over belongs to no set.
    loose = rng.random(n_sites) < 0.15
    return tuple(np.where(loose, 0, labels[runs]).tolist())


@dataclass(frozen=True)
class CarriedCodes:
    """What each allele of a gene may carry, as plain sets for looking at one pair at a time.

    Attributes
    ----------
    may
        By allele and site, the codes.
    variants
        By allele, the sites at which it cannot have the GRCh38 reference.
    """

    may: tuple[tuple[frozenset[int], ...], ...]
    variants: tuple[frozenset[int], ...]


def carried_codes(gene: StarGene) -> CarriedCodes:
    """Take a gene's definition apart into sets."""
    may = tuple(tuple(frozenset(np.flatnonzero(row).tolist()) for row in allele) for allele in gene.allowed)
    variants = tuple(frozenset(i for i, codes in enumerate(allele) if 0 not in codes) for allele in may)
    return CarriedCodes(may, variants)


def consistent_diplotypes(
    carried: CarriedCodes, seen: Sequence[Seen], phase_sets: Sequence[int]
) -> dict[tuple[int, ...], float]:
    """Find every diplotype that could have given the calls, by trying each pair of alleles.

    Parameters
    ----------
    carried
        The definitions, from `carried_codes`.
    seen
        By site, the codes of the copies, None where not known.
    phase_sets
        By site; 0 where the call is not phased.

    Returns
    -------
    dict
        By diplotype (allele numbers, the lower first), the probability of the calls given it: an allele that
        may carry several codes carries each equally often, and either haplotype may stand first in a set.

    Examples
    --------
    >>> zero, one = frozenset([0]), frozenset([1])
    >>> may = ((zero, zero), (one, zero), (zero, one), (one, one))
    >>> variants = tuple(frozenset(i for i in (0, 1) if codes[i] == one) for codes in may)
    >>> sorted(consistent_diplotypes(CarriedCodes(may, variants), [(0, 1), (0, 1)], [0, 0]))
    [(0, 3), (1, 2)]
    """
    seen_variants = {i for i, codes in enumerate(seen) if any(codes)}
    candidates = [
        allele
        for allele, may in enumerate(carried.may)
        if all(any(_share(may[i], c) for c in seen[i]) for i in seen_variants | carried.variants[allele])
    ]
    equal = [i for i, codes in enumerate(seen) if len(set(codes)) == 1]
    alone = {a: _fit((carried.may[a],), seen, equal, (0,)) for a in candidates}
    if seen and len(seen[0]) == 1:
        return {(a,): chance for a, chance in alone.items() if chance}
    groups = _group_sites(seen, phase_sets)
    found: dict[tuple[int, ...], float] = {}
    for one, two in combinations_with_replacement(candidates, 2):
        chance = alone[one] * alone[two]
        both = (carried.may[one], carried.may[two])
        for sites in groups if chance else ():
            chance *= (_fit(both, seen, sites, (0, 1)) + _fit(both, seen, sites, (1, 0))) / 2
        if chance:
            found[one, two] = chance
    return found


def _group_sites(seen: Sequence[Seen], phase_sets: Sequence[int]) -> list[list[int]]:
    """Sites with two unlike copies, those together whose order of haplotypes is known."""
    groups: dict[int, list[int]] = {}
    for site, codes in enumerate(seen):
        if len(set(codes)) > 1:
            groups.setdefault(phase_sets[site] or -1 - site, []).append(site)
    return list(groups.values())


def _fit(
    alleles: Sequence[tuple[frozenset[int], ...]],
    seen: Sequence[Seen],
    sites: Sequence[int],
    order: Sequence[int],
) -> float:
    """Probability that alleles carry the codes of some sites, the copies taken in an order."""
    chance = 1.0
    for site in sites:
        for allele, copy in zip(alleles, order, strict=True):
            chance *= _share(allele[site], seen[site][copy])
    return chance


def _share(may: frozenset[int], code: int | None) -> float:
    """Probability that an allele carries a code: 1 where the code was not seen."""
    if code is None:
        return 1.0
    return 1 / len(may) if code in may else 0.0


def lowest_function_pair(
    gene: StarGene, carried: CarriedCodes, seen: Sequence[Seen], phase_sets: Sequence[int]
) -> tuple[int, int] | None:
    """Name calls by CPIC's rule for DPYD and RYR1: the variant of lowest function of each haplotype.

    Calls that are not all phased with each other are taken to lie on different haplotypes, so that the two
    worst of all name the pair. Each copy of a variant counts once, for the allele with the most variants;
    None where one is left that belongs to no allele.

    Parameters
    ----------
    gene
        The definitions; an allele of unknown function stands between reduced and normal, as in the caller.
    carried
        The same, from `carried_codes`.
    seen, phase_sets
        As for `consistent_diplotypes`; what was not seen is not counted.

    References
    ----------
    Amstutz U, et al. Clin Pharmacol Ther 2018;103:210-216.
    """
    uneven = [phase_sets[i] for i, codes in enumerate(seen) if len(set(codes)) > 1]
    reference = next(a for a, variants in enumerate(carried.variants) if not variants)

    def worst(alleles: list[int], n: int) -> list[int]:
        ordered = sorted(alleles, key=lambda a: (0.75 if np.isnan(gene.ranks[a]) else gene.ranks[a], a))
        return (ordered + [reference] * n)[:n]

    phased = not uneven or (uneven[0] > 0 and len(set(uneven)) == 1)
    copies = [[(codes[copy],) for codes in seen] for copy in (0, 1)] if phased else [list(seen)]
    found = [_take_apart(carried, calls) for calls in copies]
    if any(alleles is None for alleles in found):
        return None
    named = [name for alleles in found for name in worst(alleles or [], 2 // len(copies))]
    return min(named), max(named)


def _take_apart(carried: CarriedCodes, seen: Sequence[Seen]) -> list[int] | None:
    """Alleles that make up the variants seen, each copy of a variant used once; None if some are left."""
    left = [[code for code in codes if code] for codes in seen]
    found = []
    for allele in sorted(range(len(carried.may)), key=lambda a: -len(carried.variants[a])):
        sites = [i for i in carried.variants[allele] if set(seen[i]) != {None}]
        while sites and all(set(left[i]) & carried.may[allele][i] for i in sites):
            for i in sites:
                left[i].remove(next(code for code in left[i] if code in carried.may[allele][i]))
            found.append(allele)
    return None if any(left) else found
