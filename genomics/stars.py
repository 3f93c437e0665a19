"""Call star-allele diplotypes from variant calls, with a probability for each and nothing assumed in silence.

For each patient and gene every diplotype that is consistent with the calls is listed. A site that is absent
from the file, not called or filtered rules nothing out: it is never read as the reference. Phased calls are
matched haplotype by haplotype, unphased ones in every arrangement.

The posterior weighs each diplotype by the population frequencies of its alleles
(``posterior_no_prior`` leaves them out). The frequencies may choose between phases, and may discount an
allele that was never seen among thousands of haplotypes; they may not stand in for a site that was not
observed and where a known allele could hide. So the status of the first diplotype is

========== ==========================================================================================
called     posterior of at least 0.95, and no allele that is known to occur could hide at an unobserved site
           (or at least 0.95 even without the frequencies)
ambiguous  other diplotypes remain
abstain    nothing was observed; or no diplotype explains the calls; or the gene needs copy numbers
========== ==========================================================================================

References
----------
Sangkuhl K, et al. Pharmacogenomics Clinical Annotation Tool (PharmCAT). Clin Pharmacol Ther 2020;107:203-210.

Gaedigk A, et al. The Pharmacogene Variation (PharmVar) Consortium. Clin Pharmacol Ther 2018;103:399-401.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from jaxtyping import Float

from genomics.cohort import require_build
from genomics.errors import InputError
from genomics.metaboliser import assign_phenotypes, recommend
from genomics.star_alleles import StarGene, read_definitions
from genomics.star_components import carried_variants, match_components
from genomics.star_match import FILL, OTHER, CallPattern, Candidates, match_diplotypes, site_content
from genomics.star_partial import describe_pair, match_partial
from genomics.star_patterns import FILTERED, NO_CALL, Pattern, distinct_patterns, settle_ploidy
from genomics.star_sites import SiteCalls, index_records, read_site_calls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from genomics.cohort import Cohort

__all__ = ["assign_phenotypes", "call_diplotypes", "recommend"]

ASSAYS = ("wgs", "wes", "array", "targeted", "unknown")
NEEDS_COPY_NUMBER = "needs copy number: deletions, duplications and hybrids do not show in variant calls"
# Common variants that whole-genome call sets often leave out: rs2279343 (CYP2B6) lies where the pseudogene
# CYP2B7 has the same sequence. Their absence from a file is never a sign of the reference.
UNSEEN_SITES = frozenset({"rs2279343"})
MINIMUM_POSTERIOR = 0.95
# Diplotypes listed: all of them up to this share of the posterior, but no fewer and no more than so many.
LISTED_POSTERIOR = 0.9999
MINIMUM_RANK, MAXIMUM_RANK = 5, 20
UNDOCUMENTED = "undocumented combination of variants: no known diplotype has it"
SITES_NAMED = 20
COLUMNS = [
    "sample_id", "gene", "rank", "diplotype", "posterior", "posterior_no_prior", "status", "sites_missing",
    "sites_no_call", "sites_filtered", "sites_settling", "unobserved_alleles", "variants", "assumptions",
    "reason",
]  # fmt: skip


def call_diplotypes(
    cohort: Cohort,
    definitions: pd.DataFrame,
    *,
    assay: str,
    build: str | None = None,
    min_gq: int | None = 20,
    prior: bool = True,
    ancestry: Float[np.ndarray, " populations"] | None = None,
) -> pd.DataFrame:
    """Call the diplotype of every patient at every gene of the definitions.

    Parameters
    ----------
    cohort
        The patients' calls.
    definitions
        Star alleles in long form, `varimol.tables.allele_definitions`. Optional columns: ``frequency`` of the
        allele (the prior), ``activity`` (which variant counts in genes read variant by variant).
    assay
        What the calls come from: wgs, wes, array, targeted or unknown. With ``wgs`` a site that the file does
        not mention is taken for the reference of its build where the file has records within 10,000 bases on
        both sides of it, and ``assumptions`` says so; with any other it is unknown.
    build
        GRCh37 or GRCh38; the cohort's own if not given.
    min_gq
        Calls of lower genotype quality (phred) are unknown, where the file gives it; None takes them all.
    prior
        Whether the posterior weighs diplotypes by the frequencies of their alleles; if not, it equals
        ``posterior_no_prior``.
    ancestry
        Weights of the populations whose frequencies make the prior, in the order of the definitions' columns
        ``frequency_POPULATION``; equal ones if not given.

    Returns
    -------
    pandas.DataFrame
        Rows by patient (in the cohort's order), gene and rank (up to 20): sample_id, gene, rank, diplotype
        (alleles in the definition's order; ``a/b``, or ``a`` for one copy), posterior, posterior_no_prior,
        status, sites_missing (names of the sites not observed), sites_no_call and sites_filtered (those of
        them that the file has without a call, or filtered out or of low quality), sites_settling (those that
        tell the candidates apart), unobserved_alleles (those that sites not observed may hide), variants
        (every variant carried, in genes read variant by variant; bases, in genes read as genotypes; what the
        calls come nearest to, where no known diplotype explains them), assumptions, reason (why it abstains).

    Raises
    ------
    InputError
        If the build is not known, the assay not one of the five, or the definitions lack a column.
    """
    if assay not in ASSAYS:
        raise InputError(
            f"assay {assay!r} is not known", field="assay", expected=f"one of {', '.join(ASSAYS)}"
        )
    build = build or require_build(cohort)
    if build not in ("GRCh37", "GRCh38"):
        raise InputError(
            f"star alleles cannot be called on build {build!r}", field="build", expected="GRCh37 or GRCh38"
        )
    index = index_records(cohort)
    tables = []
    for gene in read_definitions(definitions):
        gene = gene if prior else gene.without_frequencies()
        calls = read_site_calls(cohort, index, gene, build, min_gq=min_gq)
        tables.append(_call_gene(gene, calls, assay=assay, build=build, ancestry=ancestry))
    return _assemble(tables, np.asarray(cohort.sample_ids, dtype=str))


# What a pattern of calls gives, in the order of COLUMNS after sample_id and gene.
_Row = tuple[int, str, float, float, str, str, str, str, str, str, str, str, str]


@dataclass(frozen=True)
class _GeneCalls:
    """Rows of every distinct pattern of one gene, and which pattern each sample has."""

    gene: str
    pattern_rows: list[list[_Row]]
    pattern_of: np.ndarray


def _call_gene(
    gene: StarGene, calls: SiteCalls, *, assay: str, build: str, ancestry: np.ndarray | None
) -> _GeneCalls:
    n_samples = calls.codes.shape[1]
    if gene.needs_copy_number:
        return _GeneCalls(gene.name, [_abstain(NEEDS_COPY_NUMBER)], np.zeros(n_samples, dtype=int))
    codes, states = calls.codes.copy(), calls.states.copy()
    assumable = np.array([site.name not in UNSEEN_SITES for site in gene.sites], dtype=bool)
    assumed = ~calls.in_file & calls.covered & assumable & (assay == "wgs")
    _, one_copy = settle_ploidy(codes)
    for site in map(int, np.flatnonzero(assumed)):
        codes[site] = _reference_code(gene, site, build)
        codes[site, one_copy, 1] = FILL
    patterns, pattern_of = distinct_patterns(codes, calls.phase_sets, states, calls.probabilities)
    rows = [_pattern_rows(gene, pattern, int(assumed.sum()), calls.notes, ancestry) for pattern in patterns]
    return _GeneCalls(gene.name, rows, pattern_of)


def _reference_code(gene: StarGene, site: int, build: str) -> int:
    here = gene.sites[site]
    base = here.references[build]
    return here.bases.index(base) if base in here.bases else OTHER


def match_pattern(gene: StarGene, calls: CallPattern, ancestry: np.ndarray | None = None) -> Candidates:
    """Match one pattern of calls by the method of its gene."""
    if gene.method == "lowest_function" and not calls.haploid:
        return match_components(gene, calls)
    return match_diplotypes(gene, calls, ancestry)


def _pattern_rows(
    gene: StarGene,
    pattern: Pattern,
    n_assumed: int,
    notes: Sequence[str],
    ancestry: np.ndarray | None,
) -> list[_Row]:
    """Rows of one pattern, without the sample."""
    calls = pattern.calls
    missing = [
        name_sites([gene.sites[i].name for i in np.flatnonzero(which)], len(gene.sites))
        for which in (
            pattern.unknown,
            pattern.unknown & (pattern.states == NO_CALL),
            pattern.unknown & (pattern.states == FILTERED),
        )
    ]
    if not n_assumed and not calls.probabilities and not ((calls.codes >= 0) | (calls.codes == OTHER)).any():
        return _abstain("no site of the gene was observed", missing)
    said = [*notes]
    if n_assumed:
        said.append(f"{n_assumed} sites that the file does not mention taken for the reference")
    found = match_pattern(gene, calls, ancestry)
    if found.assumption:
        said.append(found.assumption)
    if not len(found.pairs):
        return _describe_undocumented(gene, calls, missing, said, ancestry)
    shown = _shown(found)
    told: tuple[str, str, str, str, str, str, str, str, str] = (
        _status(found),
        missing[0],
        missing[1],
        missing[2],
        settling_sites(gene, pattern, found),
        unobserved_alleles(gene, pattern, found),
        carried(gene, calls),
        "; ".join(said),
        "",
    )
    return [
        (
            rank + 1,
            diplotype_name(gene, found.pairs[rank]),
            float(found.posterior[rank]),
            float(found.posterior_no_prior[rank]),
            *told,
        )
        for rank in range(shown)
    ]


def _shown(found: Candidates) -> int:
    """How many diplotypes are listed: all but a ten-thousandth of the posterior, within bounds."""
    needed = int(np.searchsorted(np.cumsum(found.posterior), LISTED_POSTERIOR)) + 1
    return min(len(found.pairs), MAXIMUM_RANK, max(needed, MINIMUM_RANK))


def _describe_undocumented(
    gene: StarGene, calls: CallPattern, missing: list[str], said: list[str], ancestry: np.ndarray | None
) -> list[_Row]:
    """Abstain, and tell what the calls come nearest to; list the bases of genes that are read by them."""
    if gene.method == "lowest_function":
        return _abstain(UNDOCUMENTED, missing, "; ".join(said), carried(gene, calls))
    if gene.method == "genotype" and not (calls.codes == OTHER).any():
        status = "ambiguous" if missing[0] else "called"
        listed = carried(gene, calls)
        everything, no_call, filtered = missing
        sites = (everything, no_call, filtered, everything)
        return [(1, listed, 1.0, 1.0, status, *sites, "", listed, "; ".join(said), "")]
    nearest = match_partial(gene, calls, ancestry)
    named = describe_pair(gene, calls, nearest.pairs[0]) if len(nearest.pairs) else ""
    return _abstain(UNDOCUMENTED, missing, "; ".join(said), f"nearest: {named}" if named else "")


def settling_sites(gene: StarGene, pattern: Pattern, found: Candidates) -> str:
    """Sites not observed at which the candidates differ: what another assay should look at."""
    likely = found.pairs[found.posterior_no_prior > 0]
    content = site_content(gene, likely)
    differ = (content != content[0]).any(axis=(0, 2))
    unsure = pattern.unknown.copy()
    unsure[list(pattern.calls.probabilities)] = True
    return name_sites([gene.sites[i].name for i in np.flatnonzero(differ & unsure)], len(gene.sites))


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
    told = []
    for site, codes in zip(gene.sites, calls.codes, strict=True):
        copies = codes[:1] if calls.haploid else codes
        if (copies >= 0).all():
            told.append(f"{site.name} {'/'.join(site.bases[code] for code in copies)}")
    return ", ".join(told)


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


def _abstain(
    reason: str, missing: Sequence[str] = ("", "", ""), assumptions: str = "", variants: str = ""
) -> list[_Row]:
    everything, no_call, filtered = missing
    nothing = (1, "", np.nan, np.nan, "abstain")
    return [(*nothing, everything, no_call, filtered, "", "", variants, assumptions, reason)]


def _assemble(genes: list[_GeneCalls], sample_ids: np.ndarray) -> pd.DataFrame:
    """Repeat each pattern's rows for the samples that have it, sorted by sample, gene and rank."""
    if not genes:
        return pd.DataFrame(columns=COLUMNS)
    tables, samples, gene_numbers = [], [], []
    for number, gene in enumerate(genes):
        lengths = np.array([len(rows) for rows in gene.pattern_rows])
        starts = np.cumsum(lengths) - lengths
        repeats = lengths[gene.pattern_of]
        within = np.arange(repeats.sum()) - np.repeat(np.cumsum(repeats) - repeats, repeats)
        rows = pd.DataFrame([row for rows in gene.pattern_rows for row in rows], columns=COLUMNS[2:])
        tables.append(rows.iloc[np.repeat(starts[gene.pattern_of], repeats) + within])
        samples.append(np.repeat(np.arange(len(sample_ids)), repeats))
        gene_numbers.append(np.full(len(within), number))
    sample, gene_number = np.concatenate(samples), np.concatenate(gene_numbers)
    order = np.lexsort((np.arange(len(sample)), gene_number, sample))
    joined = pd.concat(tables, ignore_index=True).iloc[order].reset_index(drop=True)
    joined.insert(0, "sample_id", sample_ids[sample[order]])
    joined.insert(1, "gene", np.array([gene.gene for gene in genes])[gene_number[order]])
    return joined[COLUMNS]
