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
from jaxtyping import Bool, Int8

from genomics.cohort import require_build
from genomics.errors import InputError
from genomics.metaboliser import assign_phenotypes, recommend
from genomics.star_alleles import StarGene, read_definitions
from genomics.star_match import FILL, OTHER, UNKNOWN, Candidates, match_diplotypes
from genomics.star_sites import SiteCalls, index_records, read_site_calls

if TYPE_CHECKING:
    from genomics.cohort import Cohort

__all__ = ["assign_phenotypes", "call_diplotypes", "recommend"]

ASSAYS = ("wgs", "wes", "array", "targeted", "unknown")
# Deletions, duplications and hybrids with CYP2D7 decide the allele, and variant calls do not show them.
COPY_NUMBER_GENES = frozenset({"CYP2D6"})
NEEDS_COPY_NUMBER = "needs copy number: deletions, duplications and hybrids do not show in variant calls"
# Common variants that whole-genome call sets often leave out: rs2279343 (CYP2B6) lies where the pseudogene
# CYP2B7 has the same sequence. Their absence from a file is never a sign of the reference.
UNSEEN_SITES = frozenset({"rs2279343"})
MINIMUM_POSTERIOR = 0.95
MAXIMUM_RANK = 5
UNDOCUMENTED = "undocumented combination of variants: no known diplotype has it"
SITES_NAMED = 20
COLUMNS = [
    "sample_id", "gene", "rank", "diplotype", "posterior", "posterior_no_prior", "status", "sites_missing",
    "assumptions", "reason",
]  # fmt: skip


def call_diplotypes(
    cohort: Cohort,
    definitions: pd.DataFrame,
    *,
    assay: str,
    build: str | None = None,
    min_gq: int | None = 20,
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

    Returns
    -------
    pandas.DataFrame
        Rows by patient (in the cohort's order), gene and rank (1 to 5): sample_id, gene, rank, diplotype
        (alleles in the definition's order; ``a/b``, or ``a`` for one copy), posterior, posterior_no_prior,
        status, sites_missing (names of the sites not observed), assumptions, reason (why it abstains).

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
        calls = read_site_calls(cohort, index, gene, build, min_gq=min_gq)
        tables.append(_call_gene(gene, calls, assay=assay, build=build))
    return _assemble(tables, np.asarray(cohort.sample_ids, dtype=str))


# What a pattern of calls gives: rank, diplotype, posterior, posterior_no_prior, status, sites_missing,
# assumptions, reason.
_Row = tuple[int, str, float, float, str, str, str, str]


@dataclass(frozen=True)
class _GeneCalls:
    """Rows of every distinct pattern of one gene, and which pattern each sample has."""

    gene: str
    pattern_rows: list[list[_Row]]
    pattern_of: np.ndarray


def _call_gene(gene: StarGene, calls: SiteCalls, *, assay: str, build: str) -> _GeneCalls:
    n_samples = calls.codes.shape[1]
    if gene.name in COPY_NUMBER_GENES:
        return _GeneCalls(gene.name, [_abstain(NEEDS_COPY_NUMBER)], np.zeros(n_samples, dtype=int))
    codes, haploid = settle_ploidy(calls.codes)
    observed = (codes >= 0).any(axis=2) | (codes == OTHER).any(axis=2)
    assumable = np.array([site.name not in UNSEEN_SITES for site in gene.sites], dtype=bool)
    assumed = ~calls.in_file & calls.covered & assumable & (assay == "wgs")
    for site in map(int, np.flatnonzero(assumed)):
        codes[site] = _reference_code(gene, site, build)
        codes[site, haploid, 1] = FILL
    phased = calls.phased & ~haploid
    patterns, pattern_of = distinct_patterns(codes, phased, haploid, observed.any(axis=0))
    rows = [
        _pattern_rows(
            gene,
            codes[:, sample],
            phased=bool(phased[sample]),
            haploid=bool(haploid[sample]),
            observed=bool(observed[:, sample].any()),
            n_assumed=int(assumed.sum()),
        )
        for sample in patterns
    ]
    return _GeneCalls(gene.name, rows, pattern_of)


def settle_ploidy(
    codes: Int8[np.ndarray, "sites samples 2"],
) -> tuple[Int8[np.ndarray, "sites samples 2"], Bool[np.ndarray, " samples"]]:
    """Tell haploid samples from diploid ones; in a diploid sample a haploid call leaves a copy unknown."""
    second = codes[:, :, 1]
    haploid = (second == FILL).any(axis=0) & ~((second >= 0) | (second == OTHER)).any(axis=0)
    settled = np.where(codes == FILL, UNKNOWN, codes).astype(np.int8)
    settled[:, haploid, 1] = FILL
    return settled, haploid


def distinct_patterns(
    codes: Int8[np.ndarray, "sites samples 2"],
    phased: Bool[np.ndarray, " samples"],
    haploid: Bool[np.ndarray, " samples"],
    observed: Bool[np.ndarray, " samples"],
) -> tuple[np.ndarray, np.ndarray]:
    """Group samples whose calls are the same, so that each pattern is solved once.

    The order of the two alleles of an unphased call carries no meaning: it is sorted away, in place.

    Returns
    -------
    tuple of numpy.ndarray
        A sample of each pattern, and the pattern of each sample.
    """
    unphased = ~phased & ~haploid
    codes[:, unphased] = np.sort(codes[:, unphased], axis=2)
    flags = np.stack([phased, haploid, observed]).astype(np.int8)
    flat = np.concatenate([codes.transpose(1, 0, 2).reshape(codes.shape[1], -1), flags.T], axis=1)
    keys = np.ascontiguousarray(flat).view(np.dtype((np.void, flat.shape[1]))).ravel()
    _, first, pattern_of = np.unique(keys, return_index=True, return_inverse=True)
    return first, pattern_of


def _reference_code(gene: StarGene, site: int, build: str) -> int:
    here = gene.sites[site]
    base = here.references[build]
    return here.bases.index(base) if base in here.bases else OTHER


def _pattern_rows(
    gene: StarGene,
    codes: Int8[np.ndarray, "sites 2"],
    *,
    phased: bool,
    haploid: bool,
    observed: bool,
    n_assumed: int,
) -> list[_Row]:
    """Rows of one pattern, without the sample."""
    unknown = (codes == UNKNOWN).any(axis=1)
    missing = name_sites([gene.sites[i].name for i in np.flatnonzero(unknown)], len(gene.sites))
    if not observed and not n_assumed:
        return _abstain("no site of the gene was observed", missing)
    found = match_diplotypes(gene, codes, phased=phased, haploid=haploid)
    said = [f"{n_assumed} sites that the file does not mention taken for the reference"] if n_assumed else []
    said += [found.assumption] if found.assumption else []
    assumptions = "; ".join(said)
    if not len(found.pairs):
        return _abstain(UNDOCUMENTED, missing, assumptions)
    status = _status(found)
    return [
        (
            rank + 1,
            diplotype_name(gene, pair),
            float(found.posterior[rank]),
            float(found.posterior_no_prior[rank]),
            status,
            missing,
            assumptions,
            "",
        )
        for rank, pair in enumerate(found.pairs[:MAXIMUM_RANK])
    ]


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


def _abstain(reason: str, missing: str = "", assumptions: str = "") -> list[_Row]:
    return [(1, "", np.nan, np.nan, "abstain", missing, assumptions, reason)]


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
