"""What is told of one pattern of calls: rows of the table of diplotypes, without the patient."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from genomics.star_alleles import StarGene
from genomics.star_components import carried_variants, match_components, settle_imputed, take_apart
from genomics.star_copy_calls import Arrangement, call_with_copies
from genomics.star_genotypes import genotype_name, genotypes, is_read_by_site, match_genotypes
from genomics.star_match import (
    MINIMUM_POSTERIOR,
    NO_CANDIDATES,
    OTHER,
    CallPattern,
    Candidates,
    diplotype_likelihood,
    emissions,
    site_content,
    unordered_pairs,
    weigh_diplotypes,
)
from genomics.star_partial import describe_pair, match_partial
from genomics.star_patterns import FILTERED, NO_CALL, Pattern

# Diplotypes listed: all of them up to this share of the posterior, but no fewer and no more than so many.
LISTED_POSTERIOR = 0.9999
MINIMUM_RANK, MAXIMUM_RANK = 5, 20
UNDOCUMENTED = "undocumented combination of variants: no known diplotype has it"
HYBRIDS = "hybrids with the pseudogene were not looked for"
SITES_NAMED = 20
ROW_COLUMNS = [
    "rank", "diplotype", "posterior", "posterior_no_prior", "status", "sites_missing", "sites_no_call",
    "sites_filtered", "sites_settling", "unobserved_alleles", "variants", "assumptions", "reason",
]  # fmt: skip
Row = tuple[int, str, float, float, str, str, str, str, str, str, str, str, str]
"""Values of `ROW_COLUMNS`."""


@dataclass(frozen=True)
class MatchedCalls:
    """One pattern of calls matched to a gene, ready to be weighed for any ancestry.

    What does not depend on the ancestry is worked out once.

    Attributes
    ----------
    gene
        The definition.
    calls
        The calls.
    """

    gene: StarGene
    calls: CallPattern

    def weigh(self, ancestry: Float[np.ndarray, " populations"] | None = None) -> Candidates:
        """Candidates by the method of the gene; populations weigh the same if no ancestry is given."""
        return self._equal if ancestry is None else self._weigh(ancestry)

    def _weigh(self, ancestry: np.ndarray | None) -> Candidates:
        if self.gene.method == "lowest_function" and not self.calls.haploid:
            return match_components(self.gene, self.calls, ancestry)
        return weigh_diplotypes(self.gene, self.calls, *self._likelihood, ancestry, content=self._content)

    @cached_property
    def _equal(self) -> Candidates:
        return self._weigh(None)

    @cached_property
    def _likelihood(
        self,
    ) -> tuple[Int[np.ndarray, " possible"], Float[np.ndarray, "possible second"]]:
        return diplotype_likelihood(self.gene, self.calls, emissions(self.gene))

    @cached_property
    def _content(self) -> Int[np.ndarray, "diplotypes sites codes"]:
        return site_content(self.gene, unordered_pairs(self.calls, *self._likelihood)[0])

    @cached_property
    def differing(self) -> Bool[np.ndarray, " sites"]:
        """Sites at which the candidates differ; which of them comes first plays no part."""
        found = self._equal
        content = site_content(self.gene, found.pairs[found.posterior_no_prior > 0])
        differ: np.ndarray = (content != content[:1]).any(axis=(0, 2))
        return differ


def match_pattern(gene: StarGene, calls: CallPattern, ancestry: np.ndarray | None = None) -> Candidates:
    """Match one pattern of calls by the method of its gene."""
    return MatchedCalls(gene, calls).weigh(ancestry)


def is_open(gene: StarGene, pattern: Pattern) -> bool:
    """Whether the calls leave more than one answer, so that it matters who the patient is."""
    if pattern.calls.probabilities:
        return True
    if is_read_by_site(gene):
        return bool(pattern.unknown.any())
    return len(match_pattern(gene, pattern.calls).pairs) > 1


@dataclass(frozen=True)
class Copies:
    """What symbolic records tell of the copies of a gene in one patient.

    Attributes
    ----------
    number
        Copies; NaN where no record tells them.
    hybrid_suspected
        A record covers part of the gene, or has a breakend in it.
    evidence
        The records.
    hybrids_assessed
        Hybrids were looked for by other means and not found.
    log_likelihood
        Of the alleles' read depths, for each arrangement of copies; None without depths.
    """

    number: float = math.nan
    hybrid_suspected: bool = False
    evidence: str = ""
    hybrids_assessed: bool = False
    log_likelihood: Callable[[Arrangement], float] | None = None

    @property
    def unusual(self) -> str:
        """Why a gene that is called at two copies cannot be; empty where it can."""
        if not self.hybrid_suspected and (math.isnan(self.number) or self.number == 2):
            return ""
        return f"its copies are not two whole ones ({self.evidence})"


NOTHING_KNOWN = Copies()


def pattern_rows(
    matched: MatchedCalls,
    pattern: Pattern,
    said: Sequence[str] = (),
    ancestry: Float[np.ndarray, " populations"] | None = None,
    copies: Copies = NOTHING_KNOWN,
) -> list[Row]:
    """Rows of one pattern, without the sample.

    Parameters
    ----------
    matched
        The calls of the pattern, matched to their gene.
    pattern
        The calls, where sites that were taken for the reference carry it.
    said
        What was assumed in reading them.
    ancestry
        Weights of the populations of the prior; equal ones if not given.
    copies
        Copies of the gene in the patient.
    """
    gene, calls = matched.gene, pattern.calls
    sites = _missing_sites(gene, pattern)
    observed = bool(calls.probabilities) or bool(((calls.codes >= 0) | (calls.codes == OTHER)).any())
    found = matched.weigh(ancestry) if observed else None
    if gene.needs_copy_number:
        return _copy_rows(matched, pattern, sites, said, found, copies)
    if found is None:
        return abstain("no site of the gene was observed", sites, "; ".join(said))
    if copies.unusual and gene.ploidy == "autosome":
        return abstain(copies.unusual, sites, "; ".join(said))
    said = [*said, found.assumption] if found.assumption else said
    if is_read_by_site(gene) and not (calls.codes == OTHER).any():
        return _genotype_rows(gene, pattern, sites, said, ancestry)
    if not len(found.pairs):
        return _describe_undocumented(gene, calls, sites, said, ancestry)
    names = [diplotype_name(gene, pair) for pair in found.pairs[:MAXIMUM_RANK]]
    told = (
        _status(found), *sites, settling_sites(matched, pattern), unobserved_alleles(gene, pattern, found), carried(gene, calls), "; ".join(said), "",
    )  # fmt: skip
    return _ranked_rows(names, found.posterior, found.posterior_no_prior, told)


def _genotype_rows(
    gene: StarGene, pattern: Pattern, sites: Sites, said: Sequence[str], ancestry: np.ndarray | None
) -> list[Row]:
    """Rows of a gene whose variants are read one by one: the most probable genotypes over all its sites."""
    calls = pattern.calls
    found = match_genotypes(gene, calls, ancestry)
    names = [
        genotype_name(gene, replace(calls, codes=codes, probabilities={}))
        for codes in found.codes[:MAXIMUM_RANK]
    ]
    unsure = pattern.unknown.copy()
    unsure[list(calls.probabilities)] = True
    settling = name_sites([gene.sites[i].name for i in np.flatnonzero(unsure)], len(gene.sites))
    # Nothing is known of a site that was not observed, however rare its variant.
    called = not sites[0] and found.posterior[0] >= MINIMUM_POSTERIOR
    told = (
        "called" if called else "ambiguous", *sites, "" if called else settling, "", carried(gene, calls), "; ".join(said), "",
    )  # fmt: skip
    return _ranked_rows(names, found.posterior, found.posterior_no_prior, told)


def _copy_rows(
    matched: MatchedCalls,
    pattern: Pattern,
    sites: Sites,
    said: Sequence[str],
    found: Candidates | None,
    copies: Copies,
) -> list[Row]:
    """Rows of a gene whose copies vary: never a confident call from variants alone."""
    gene, candidates = matched.gene, NO_CANDIDATES if found is None else found
    names = [tuple(gene.alleles[a] for a in pair if a >= 0) for pair in candidates.pairs]
    call = call_with_copies(
        gene.name, names, candidates.posterior, candidates.posterior_no_prior, copies.number,
        observed=found is not None, hybrid_suspected=copies.hybrid_suspected,
        hybrids_assessed=copies.hybrids_assessed, log_likelihood=copies.log_likelihood,
    )  # fmt: skip
    words = "; ".join([*said, *filter(None, (call.assumptions, copies.evidence))])
    if not call.diplotypes:
        return abstain(call.reason, sites, words)
    barred = call.status == "ambiguous" and not copies.hybrids_assessed
    settling = settling_sites(matched, pattern) if len(candidates.pairs) else ""
    told = (call.status, *sites, settling, "", "", words, HYBRIDS if barred else "")
    return _ranked_rows(call.diplotypes, call.posterior, call.posterior_no_prior, told)


def _ranked_rows(
    names: Sequence[str],
    posterior: Float[np.ndarray, " diplotypes"],
    posterior_no_prior: Float[np.ndarray, " diplotypes"],
    told: tuple[str, str, str, str, str, str, str, str, str],
) -> list[Row]:
    """Rows of the diplotypes listed: all but a ten-thousandth of the posterior, within bounds."""
    needed = int(np.searchsorted(np.cumsum(posterior), LISTED_POSTERIOR)) + 1
    shown = min(len(posterior), MAXIMUM_RANK, max(needed, MINIMUM_RANK))
    return [
        (rank + 1, names[rank], float(posterior[rank]), float(posterior_no_prior[rank]), *told)
        for rank in range(shown)
    ]


Sites = tuple[str, str, str]
"""Names of the sites that were not observed; of those without a call; of those filtered out."""


def _missing_sites(gene: StarGene, pattern: Pattern) -> Sites:
    def named(which: np.ndarray) -> str:
        return name_sites([gene.sites[i].name for i in np.flatnonzero(which)], len(gene.sites))

    unknown = pattern.unknown
    states = pattern.states
    return named(unknown), named(unknown & (states == NO_CALL)), named(unknown & (states == FILTERED))


def _describe_undocumented(
    gene: StarGene, calls: CallPattern, sites: Sites, said: Sequence[str], ancestry: np.ndarray | None
) -> list[Row]:
    """Abstain, and tell what the calls come nearest to."""
    words = "; ".join(said)
    nearest = match_partial(gene, calls, ancestry)
    named = describe_pair(gene, calls, nearest.pairs[0]) if len(nearest.pairs) else ""
    return abstain(UNDOCUMENTED, sites, words, f"nearest: {named}" if named else "")


def settling_sites(matched: MatchedCalls, pattern: Pattern) -> str:
    """Sites not observed at which the candidates differ: what another assay should look at."""
    unsure = pattern.unknown.copy()
    unsure[list(pattern.calls.probabilities)] = True
    if matched.gene.method == "lowest_function":
        _, left = take_apart(matched.gene, settle_imputed(pattern.calls), pattern.calls.phase_sets)
        unsure |= (left != 0).any(axis=1)
    sites = matched.gene.sites
    return name_sites([sites[i].name for i in np.flatnonzero(matched.differing & unsure)], len(sites))


def unobserved_alleles(gene: StarGene, pattern: Pattern, found: Candidates) -> str:
    """Alleles that the first diplotype lacks and that sites which were not observed may hide."""
    if not pattern.unknown.any():
        return ""
    first = set(found.pairs[0].tolist())
    others = np.unique(found.pairs[found.hidden])
    return name_sites([gene.alleles[a] for a in others if a >= 0 and a not in first], len(gene.alleles))


def carried(gene: StarGene, calls: CallPattern) -> str:
    """What the calls hold beside the diplotype's name: genotypes, or every variant of known function."""
    if gene.method == "lowest_function":
        return ", ".join(carried_variants(gene, calls))
    if gene.method != "genotype":
        return ""
    return ", ".join(genotypes(gene, calls))


def _status(found: Candidates) -> str:
    if found.posterior_no_prior[0] >= MINIMUM_POSTERIOR:
        return "called"
    return "ambiguous" if found.posterior[0] < MINIMUM_POSTERIOR or found.hidden.any() else "called"


def diplotype_name(gene: StarGene, pair: np.ndarray) -> str:
    """Name a pair of allele numbers; an allele number of -1 is a missing second copy."""
    return "/".join(gene.alleles[allele] for allele in pair if allele >= 0)


def name_sites(names: list[str], total: int) -> str:
    """List site names, the first of them where there are many.

    Examples
    --------
    >>> name_sites(["rs1", "rs2"], 5), name_sites(["rs1", "rs2"], 2)
    ('rs1,rs2', 'rs1,rs2')
    >>> name_sites([f"rs{i}" for i in range(30)], 30)
    'all 30 sites'
    """
    if len(names) <= SITES_NAMED:
        return ",".join(names)
    if len(names) == total:
        return f"all {total} sites"
    return f"{','.join(names[:SITES_NAMED])} and {len(names) - SITES_NAMED} more"


def abstain(reason: str, sites: Sites, assumptions: str = "", variants: str = "") -> list[Row]:
    """Give the one row of a gene that is not called."""
    return [(1, "", math.nan, math.nan, "abstain", *sites, "", "", variants, assumptions, reason)]
