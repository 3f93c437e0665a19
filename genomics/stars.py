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

import itertools
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int8

from genomics.cohort import require_build
from genomics.dialects import detect_caller
from genomics.errors import InputError
from genomics.metaboliser import assign_phenotypes, phenotype_probabilities
from genomics.recommendations import recommend
from genomics.star_absence import assumable_sites, reference_code
from genomics.star_allele_depth import depth_log_likelihood, read_allele_depths
from genomics.star_alleles import StarGene, read_definitions
from genomics.star_ancestry import group_ancestry, infer_ancestry, population_evidence
from genomics.star_build import StrandCounts, count_strands
from genomics.star_copy_number import REGION_COLUMNS, read_copy_numbers
from genomics.star_match import FILL, OTHER, UNKNOWN
from genomics.star_patterns import Pattern, distinct_patterns
from genomics.star_probabilities import of_one_copy
from genomics.star_remarks import Remark, Said, group_remarks, withhold
from genomics.star_rows import (
    NOTHING_KNOWN,
    ROW_COLUMNS,
    Copies,
    MatchedCalls,
    Row,
    abstain,
    is_open,
    pattern_rows,
)
from genomics.star_sexes import settle_copies_on_x
from genomics.star_sites import RecordIndex, SiteCalls, index_records, read_site_calls

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from genomics.cohort import Cohort

__all__ = ["assign_phenotypes", "call_diplotypes", "phenotype_probabilities", "recommend"]

ASSAYS = ("wgs", "wes", "array", "targeted", "unknown")
TUMOUR = "the sample's name says that it is a tumour, whose variants are not all the patient's own"
OTHER_COPY_UNKNOWN = "calls of one copy leave the other unknown"
COLUMNS = ["sample_id", "gene", *ROW_COLUMNS]


def call_diplotypes(
    cohort: Cohort,
    definitions: pd.DataFrame,
    *,
    assay: str,
    genes: Sequence[StarGene] | None = None,
    build: str | None = None,
    min_gq: int | None = 20,
    prior: bool = True,
    ancestry: Float[np.ndarray, " populations"] | None = None,
    regions: pd.DataFrame | None = None,
    hybrids_assessed: bool = False,
    sexes: Int8[np.ndarray, " samples"] | None = None,
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
    genes
        The same definitions as `genomics.star_alleles.read_definitions` reads them, where they are at hand.
    build
        GRCh37 or GRCh38; the cohort's own if not given.
    min_gq
        Calls of lower genotype quality (phred) are unknown, where the file gives it; None takes them all.
    prior
        Whether the posterior weighs diplotypes by the frequencies of their alleles; if not, it equals
        ``posterior_no_prior``.
    ancestry
        Weights of the populations whose frequencies make the prior, in the order of the definitions' columns
        ``frequency_POPULATION``. If not given, each patient's are inferred from the calls of the other genes
        (`genomics.star_ancestry`).
    regions
        gene, contig, start, end (1-based, closed, on the build) of the genes' bodies: symbolic records there
        tell the copies of a gene. Without it none are read, and a gene that needs them is not called.
    hybrids_assessed
        Hybrids of genes that need copy numbers were looked for by other means, and not found.
    sexes
        (samples,) 1 male, 2 female, 0 unknown, such as `genomics.sex_chromosomes.read_sexes` reads them: men
        have one copy of a gene on X, however their calls are written, and one who is heterozygous there is not
        called. A patient of unknown sex has as many copies as the calls, and ``assumptions`` says so; one copy
        where any call is of one, unless another is heterozygous: then the gene is not called.

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
        Lists of more than 20 names tell the rest by number: ``rs1,rs2,... and 12 more``, or ``all 41 sites``.

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
    genes = list(read_definitions(definitions)) if genes is None else genes
    somatic = somatic_caller(cohort)
    if somatic:
        reason = f"somatic calls ({somatic}) are not the patient's own genotypes"
        rows, everyone = [abstain(reason, ("", "", ""))], np.zeros(len(cohort.sample_ids), dtype=int)
        nothing = [_GeneCalls(gene.name, rows, everyone) for gene in genes]
        return _assemble(nothing, np.asarray(cohort.sample_ids, dtype=str))
    index = index_records(cohort)
    places = pd.DataFrame(columns=REGION_COLUMNS) if regions is None else regions
    named = places[places["gene"].isin(definitions["gene"])]
    caller = _Caller(
        cohort, index, build, assay, min_gq, ancestry, _population_names(definitions),
        read_copy_numbers(cohort, index, named, min_gq=min_gq), hybrids_assessed,
        count_strands(cohort, index, genes, build), sexes,
    )  # fmt: skip
    read = [caller.read(gene, prior) for gene in genes]
    weights = caller.weigh_populations(read)
    called = [caller.call(calls, weights[number]) for number, calls in enumerate(read)]
    return _assemble(called, np.asarray(cohort.sample_ids, dtype=str))


def somatic_caller(cohort: Cohort) -> str:
    """Name the program that made a cohort's calls if it calls somatic variants; empty otherwise."""
    lines = cohort.arrays.attrs.get("vcf_meta_information", [])
    guess = detect_caller("\n".join(f"##{key}={value}" for key, value in lines))
    return guess.dialect.title if guess.dialect.somatic else ""


def is_tumour(sample_ids: Iterable[str]) -> Bool[np.ndarray, " samples"]:
    """Which samples are named as a tumour.

    Examples
    --------
    >>> is_tumour(["TUMOR", "NORMAL", "p7_tumour", "Tumorello"]).tolist()
    [True, False, True, False]
    """
    named = re.compile(r"(.*[^a-z])?tumou?r([^a-z].*)?", re.IGNORECASE)
    return np.array([named.fullmatch(str(name)) is not None for name in sample_ids], dtype=bool)


@dataclass(frozen=True)
class _GeneCalls:
    """Rows of every distinct pattern of one gene, and which pattern each sample has."""

    gene: str
    pattern_rows: list[list[Row]]
    pattern_of: np.ndarray


@dataclass(frozen=True)
class _Read:
    """What was read of one gene: distinct patterns, copies and remarks, and which each sample has."""

    gene: StarGene
    patterns: list[Pattern]
    pattern_of: np.ndarray
    said: list[str]
    copies: list[Copies]
    copies_of: np.ndarray
    own: list[Said]
    own_of: np.ndarray


@dataclass(frozen=True)
class _Caller:
    """What all genes of a cohort are called with."""

    cohort: Cohort
    index: RecordIndex
    build: str
    assay: str
    min_gq: int | None
    ancestry: np.ndarray | None
    populations: list[str]
    copies: pd.DataFrame
    hybrids_assessed: bool
    strands: StrandCounts
    sexes: Int8[np.ndarray, " samples"] | None

    def read(self, gene: StarGene, prior: bool) -> _Read:
        """Read the calls of one gene, to be weighed by the frequencies of its alleles or not."""
        calls = read_site_calls(
            self.cohort, self.index, gene, self.build, min_gq=self.min_gq,
            use_palindromic=not self.strands.is_mixed, sexes=self.sexes,
        )  # fmt: skip
        codes, one_copy, remarks = self._settle_copies(gene, calls)
        codes, said = self._assume(gene, calls, codes, one_copy)
        imputed = {site: of_one_copy(pairs, one_copy) for site, pairs in calls.probabilities.items()}
        patterns, pattern_of = distinct_patterns(codes, calls.phase_sets, calls.states, imputed)
        seen = ((codes >= 0) | (codes == OTHER)).any(axis=(0, 2))
        # Where nothing was seen, nothing was assumed of it.
        remarks = [r if r.refuses else replace(r, samples=r.samples & seen) for r in remarks]
        tumours = Remark(TUMOUR, is_tumour(self.cohort.sample_ids), refuses=True)
        own = group_remarks([tumours, *calls.remarks, *remarks], len(pattern_of))
        gene = gene if prior else gene.without_frequencies()
        return _Read(gene, patterns, pattern_of, said, *self._copies(gene), *own)

    def weigh_populations(self, genes: Sequence[_Read]) -> list[np.ndarray | None]:
        """Weights of the populations at each gene and sample; None where one answer serves all."""
        informative = [r for r in genes if r.gene.population_frequencies is not None and r.gene.is_counted]
        if self.ancestry is not None or len(informative) < 2:
            return [None] * len(genes)
        told = [population_evidence(r.gene, [p.calls for p in r.patterns])[r.pattern_of] for r in informative]
        inferred = dict(zip((r.gene.name for r in informative), infer_ancestry(told), strict=True))
        return [inferred.get(r.gene.name) for r in genes]

    def call(self, read: _Read, populations: np.ndarray | None) -> _GeneCalls:
        """Call one gene, each distinct pattern, number of copies, remark and ancestry once."""
        pattern_of = read.pattern_of
        weights = None
        if populations is not None:
            # Where one diplotype alone explains the calls, who the patient is does not matter.
            open_ = np.array([is_open(read.gene, pattern) for pattern in read.patterns])
            equal = np.full_like(populations, 1 / populations.shape[1])
            weighed = np.where(open_[pattern_of][:, None], populations, equal)
            groups, weights, group_of = group_ancestry(pattern_of, weighed)
        else:
            groups, group_of = np.arange(len(read.patterns)), pattern_of
        keys = np.stack([group_of, read.copies_of, read.own_of])
        distinct, key_of = np.unique(keys, axis=1, return_inverse=True)
        rows: list[list[Row]] = []
        # Groups of one pattern follow each other. No more than one is kept matched: it may be large.
        for number, members in itertools.groupby(distinct.T.tolist(), key=lambda key: int(groups[key[0]])):
            pattern = read.patterns[number]
            matched = MatchedCalls(read.gene, pattern.calls)
            rows += [
                withhold(
                    pattern_rows(
                        matched, pattern, [*read.said, *read.own[own].assumed, *self._say(weights, group)],
                        self.ancestry if weights is None else weights[group], read.copies[copies],
                    ),
                    read.own[own].refusal,
                )
                for group, copies, own in members
            ]  # fmt: skip
        return _GeneCalls(read.gene.name, rows, key_of.ravel())

    def _say(self, weights: np.ndarray | None, group: int) -> list[str]:
        """Tell the weights of the populations, where they are not equal."""
        if weights is None or np.ptp(weights[group]) == 0:
            return []
        named = [f"{name} {w:.2f}" for name, w in zip(self.populations, weights[group], strict=True) if w > 0]
        return [f"populations weighed by the calls of the other genes: {', '.join(named)}"]

    def _settle_copies(
        self, gene: StarGene, calls: SiteCalls
    ) -> tuple[np.ndarray, Bool[np.ndarray, " samples"], list[Remark]]:
        """Codes with as many copies as each sample has, who has one, and what is to be said of it."""
        if gene.ploidy == "X":
            men = np.asarray(calls.mixed.any(axis=0))
            on_x = settle_copies_on_x(calls.codes, men, self.sexes, [site.name for site in gene.sites])
            return on_x.codes, on_x.one_copy, list(on_x.remarks)
        codes = calls.codes.copy()
        if gene.ploidy == "MT":
            # Also where no call of the file shows it.
            return codes, np.ones(codes.shape[1], dtype=bool), []
        # Nobody has one copy of an autosome: some programs write two equal alleles so, others a missing one.
        one_written = (codes == FILL).any(axis=(0, 2))
        codes[codes == FILL] = UNKNOWN
        return codes, np.zeros_like(one_written), [Remark(OTHER_COPY_UNKNOWN, one_written)]

    def _assume(
        self, gene: StarGene, calls: SiteCalls, codes: np.ndarray, one_copy: np.ndarray
    ) -> tuple[np.ndarray, list[str]]:
        """Take sites that a whole genome's file does not mention for the reference, and say so."""
        assumable = assumable_sites(gene, self.build)
        assumed = ~calls.in_file & calls.covered & assumable & (self.assay == "wgs")
        said = [*filter(None, [self.strands.warning]), *calls.notes]
        for site in map(int, np.flatnonzero(assumed)):
            codes[site] = reference_code(gene, site, self.build)
            codes[site, one_copy, 1] = FILL
        n_assumed = int(assumed.sum())
        sites = "1 site" if n_assumed == 1 else f"{n_assumed} sites"
        taken = f"{sites} that the file does not mention taken for the reference"
        return codes, [*said, taken] if n_assumed else said

    def _copies(self, gene: StarGene) -> tuple[list[Copies], np.ndarray]:
        """Distinct numbers of copies of a gene, and which each sample has."""
        table = self.copies[self.copies["gene"] == gene.name]
        n_samples = len(self.cohort.sample_ids)
        if not len(table) or not (table["evidence"] != "").any():
            return [NOTHING_KNOWN], np.zeros(n_samples, dtype=int)
        depths = np.zeros((len(gene.sites), n_samples, 1), dtype=int)
        if gene.needs_copy_number:
            depths = read_allele_depths(self.cohort, self.index, gene, self.build)
        deep = np.asarray(depths.sum(axis=(0, 2)) > 0)
        keys: dict[tuple[Any, ...], int] = {}
        columns = table[["copy_number", "hybrid_suspected", "evidence"]].itertuples(index=False, name=None)
        of_sample = np.zeros(n_samples, dtype=int)
        found: list[Copies] = []
        for sample, (number, suspected, evidence) in enumerate(columns):
            key = (str(number), suspected, evidence, sample if deep[sample] else -1)
            if key not in keys:
                keys[key] = len(found)
                told = depth_log_likelihood(gene, depths[:, sample]) if deep[sample] else None
                found.append(Copies(float(number), bool(suspected), evidence, self.hybrids_assessed, told))
            of_sample[sample] = keys[key]
        return found, of_sample


def _population_names(definitions: pd.DataFrame) -> list[str]:
    names = map(str, definitions.columns)
    return [name.removeprefix("frequency_") for name in names if name.startswith("frequency_")]


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
        rows = pd.DataFrame([row for rows in gene.pattern_rows for row in rows], columns=ROW_COLUMNS)
        tables.append(rows.iloc[np.repeat(starts[gene.pattern_of], repeats) + within])
        samples.append(np.repeat(np.arange(len(sample_ids)), repeats))
        gene_numbers.append(np.full(len(within), number))
    sample, gene_number = np.concatenate(samples), np.concatenate(gene_numbers)
    order = np.lexsort((np.arange(len(sample)), gene_number, sample))
    joined = pd.concat(tables, ignore_index=True).iloc[order].reset_index(drop=True)
    joined.insert(0, "sample_id", sample_ids[sample[order]])
    joined.insert(1, "gene", np.array([gene.gene for gene in genes])[gene_number[order]])
    return joined[COLUMNS]
