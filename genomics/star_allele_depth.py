"""Depths of the reads of a gene's alleles, which tell which of two alleles stands in more copies.

With three copies, two of one allele and one of another, two thirds of the reads at a heterozygous site are the
first one's. Only substitutions are counted, since reads of insertions and deletions align less well, and only
sites so far apart that reads seldom cover two of them, since a read counted twice would seem like two.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int

from genomics.block import NO_CALL
from genomics.star_alleles import StarGene
from genomics.star_copy_calls import Arrangement

if TYPE_CHECKING:
    from genomics.cohort import Cohort
    from genomics.star_sites import RecordIndex

# Share of reads that show another allele than the chromosome they come from.
READ_ERROR = 0.01
READ_LENGTH = 150
"""Bases; heterozygous sites nearer to each other than this count as one."""


def read_allele_depths(
    cohort: Cohort, index: RecordIndex, gene: StarGene, build: str
) -> Int[np.ndarray, "sites samples codes"]:
    """Read the depths of a gene's alleles from ``FORMAT/AD``.

    Parameters
    ----------
    cohort
        The calls, with ``AD`` in the store.
    index
        Its records, from `genomics.star_sites.index_records`.
    gene
        The definition.
    build
        Build of the cohort.

    Returns
    -------
    int64 (sites, samples, codes)
        Reads of each code at each site; 0 where the file does not tell them, in failed records and where the
        definition's variant is no substitution.
    """
    n_codes = gene.allowed.shape[2]
    depths = np.zeros((len(gene.sites), len(cohort.sample_ids), n_codes), dtype=np.int64)
    if "call_AD" not in cohort.arrays:
        return depths
    at = {site.positions[build]: i for i, site in enumerate(gene.sites) if site.is_substitution}
    here = np.isin(index.positions, [p for p in at if p is not None]) & (index.contigs == gene.contig)
    records = np.flatnonzero(here)
    if not len(records):
        return depths
    reads = np.maximum(cohort.read("call_AD", records).astype(np.int64), 0)
    reads[cohort.states(records) > NO_CALL] = 0
    for row, alleles in enumerate(cohort.read("variant_allele", records)):
        site = at[int(index.positions[records[row]])]
        bases = gene.sites[site].bases
        # A call of several bases at once is not split: another record may hold the base alone.
        if len(str(alleles[0])) == 1:
            for number, allele in enumerate(alleles[: reads.shape[2]]):
                if str(allele) in bases:
                    depths[site, :, bases.index(str(allele))] += reads[row, :, number]
    return depths


def depth_log_likelihood(
    gene: StarGene, depths: Int[np.ndarray, "sites codes"], *, error: float = READ_ERROR
) -> Callable[[Arrangement], float]:
    """Weigh arrangements of two alleles by the depths of their reads in one sample.

    At each site where the two alleles carry different bases, the reads of one of them are binomial with its
    share of the copies. The binomial coefficients, which are the same for every arrangement of a pair, are
    left out.

    Parameters
    ----------
    gene
        The definition.
    depths
        Reads of each code at each site, one sample's part of `read_allele_depths`.
    error
        Share of reads that show the other base.

    Returns
    -------
    callable
        From an `Arrangement` to its log-likelihood, 0 for names that are not in the definition. Sites where an
        allele may carry either base are left out.
    """
    number = {name: i for i, name in enumerate(gene.alleles)}
    settled = gene.allowed.sum(axis=2) == 1
    carried = gene.allowed.argmax(axis=2)
    counted = depths.sum(axis=1) > 0

    def log_likelihood(way: Arrangement) -> float:
        if way[0] not in number or way[2] not in number:
            return 0.0
        one, n_one, two, n_two = number[way[0]], way[1], number[way[2]], way[3]
        different = counted & settled[one] & settled[two] & (carried[one] != carried[two])
        sites = _spaced(gene, np.flatnonzero(different))
        share = n_one / (n_one + n_two)
        expected = share * (1 - error) + (1 - share) * error
        reads_one = int(depths[sites, carried[one, sites]].sum())
        reads_two = int(depths[sites, carried[two, sites]].sum())
        return reads_one * math.log(expected) + reads_two * math.log1p(-expected)

    return log_likelihood


def _spaced(gene: StarGene, sites: np.ndarray) -> list[int]:
    """Leave out sites within a read's length of one that is kept."""
    kept: list[int] = []
    last = -READ_LENGTH
    for site in sorted(sites.tolist(), key=lambda i: gene.sites[i].positions["GRCh38"] or 0):
        position = gene.sites[site].positions["GRCh38"] or 0
        if position - last >= READ_LENGTH:
            kept.append(site)
            last = position
    return kept
