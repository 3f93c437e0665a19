"""Read a cohort's calls at the sites of a star-allele definition, whatever way the file writes them.

A file may write a variant alone or with others in one record, trimmed or not, on either build's reference
base. Each call becomes the code of what the haplotype carries at the site (`genomics.star_alleles`), so that
the reference sequence of the file's build plays no part in the matching.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Int8

from genomics.contigs import canonical_contig
from genomics.star_alleles import StarGene, StarSite
from genomics.star_match import FILL, OTHER, UNKNOWN

if TYPE_CHECKING:
    from genomics.cohort import Cohort

FILTERED = 2
# Bases around a gene's sites in which the records that bear on them are looked for.
MARGIN = 100
# A site that the file does not mention counts as looked at if records lie this near on both sides of it.
COVERED_MARGIN = 10_000


@dataclass(frozen=True)
class RecordIndex:
    """Where each record of a cohort lies, for finding those of a gene.

    Attributes
    ----------
    contigs
        (records,) canonical names.
    positions
        (records,) 1-based.
    dataset
        The cohort's arrays.
    """

    contigs: np.ndarray
    positions: np.ndarray
    dataset: Any

    def near(self, gene: StarGene, build: str, margin: int) -> np.ndarray:
        """Numbers of the records within ``margin`` of the gene's sites."""
        positions = [p for site in gene.sites if (p := site.positions[build]) is not None]
        if not positions:
            return np.empty(0, dtype=int)
        low, high = min(positions) - margin, max(positions) + margin
        inside = (self.positions >= low) & (self.positions <= high) & (self.contigs == gene.contig)
        return np.flatnonzero(inside)


@dataclass(frozen=True)
class SiteCalls:
    """A cohort's calls at one gene's sites.

    Attributes
    ----------
    codes
        (sites, samples, 2) codes of what each haplotype carries, `UNKNOWN` where the site was not observed.
    phased
        (samples,): every heterozygous call of the gene is phased with the others.
    in_file
        (sites,): the file has a record that tells the site's bases.
    covered
        (sites,): the file has records near the site, on both sides of it.
    """

    codes: Int8[np.ndarray, "sites samples 2"]
    phased: Bool[np.ndarray, " samples"]
    in_file: Bool[np.ndarray, " sites"]
    covered: Bool[np.ndarray, " sites"]


def index_records(cohort: Cohort) -> RecordIndex:
    """Read the position of every record of a cohort."""
    dataset = cohort.dataset
    names = np.array([canonical_contig(str(name)) for name in dataset["contig_id"].values])
    return RecordIndex(
        contigs=names[dataset["variant_contig"].values],
        positions=dataset["variant_position"].values,
        dataset=dataset,
    )


def trim(position: int, ref: str, alt: str) -> tuple[int, str, str]:
    """Leave a pair of alleles without shared ends, so that one change written twice compares equal.

    Examples
    --------
    >>> trim(100, "CAT", "CATAT")
    (100, 'C', 'CAT')
    >>> trim(100, "AG", "AT")
    (101, 'G', 'T')
    """
    while len(ref) > 1 and len(alt) > 1 and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    while len(ref) > 1 and len(alt) > 1 and ref[0] == alt[0]:
        position, ref, alt = position + 1, ref[1:], alt[1:]
    return position, ref, alt


def allele_codes(site: StarSite, build: str, position: int, alleles: tuple[str, ...]) -> np.ndarray | None:
    """Code at ``site`` of each allele of a record, or None where the record does not tell the site's bases.

    Parameters
    ----------
    site
        The site.
    build
        Build of the record's position.
    position
        1-based position of the record.
    alleles
        REF and the ALTs.

    Examples
    --------
    >>> site = StarSite("rs1", {"GRCh38": 101, "GRCh37": None}, {"GRCh38": "G", "GRCh37": ""}, ("G", "A"))
    >>> allele_codes(site, "GRCh38", 100, ("CG", "CA", "CT")).tolist()
    [0, 1, -3]
    """
    if site.positions[build] is None:
        return None
    if site.is_substitution:
        return _substitution_codes(site, build, position, alleles)
    return _length_change_codes(site, build, position, alleles)


def _substitution_codes(
    site: StarSite, build: str, position: int, alleles: tuple[str, ...]
) -> np.ndarray | None:
    at = int(site.positions[build] or 0)
    ref = alleles[0]
    offset = at - position
    if not 0 <= offset < len(ref) or ref[offset] != site.references[build]:
        return None
    bases = []
    for allele in alleles:
        start, short_ref, short = trim(position, ref, allele)
        if allele.startswith("<") or "*" in allele:
            bases.append("")
        elif allele == ref or not start <= at < start + len(short_ref):
            bases.append(ref[offset])
        elif len(short) == len(short_ref):
            bases.append(short[at - start])
        else:
            # The anchor base of an insertion or deletion is itself unchanged.
            bases.append(ref[offset] if at == start and short[0] == short_ref[0] else "")
    # A record of insertions or deletions alone does not say that the base was looked at.
    written = [allele for allele in alleles[1:] if not allele.startswith("<")]
    if written and all(len(allele) != len(ref) for allele in written):
        return None
    return np.array([site.bases.index(b) if b in site.bases else OTHER for b in bases], dtype=np.int8)


def _length_change_codes(
    site: StarSite, build: str, position: int, alleles: tuple[str, ...]
) -> np.ndarray | None:
    at = int(site.positions[build] or 0)
    ref = alleles[0]
    wanted = {trim(at, site.bases[0], base): code for code, base in enumerate(site.bases) if code}
    end = at + len(site.bases[0]) - 1
    codes = [0]
    informative = position == at and all(allele.startswith("<") for allele in alleles[1:])
    for allele in alleles[1:]:
        if allele.startswith("<") or "*" in allele:
            codes.append(OTHER)
            continue
        start, short_ref, short = trim(position, ref, allele)
        code = wanted.get((start, short_ref, short), 0)
        if not code and len(short) != len(short_ref) and start <= end and start + len(short_ref) - 1 >= at:
            code = OTHER
        informative |= code != 0
        codes.append(code)
    return np.array(codes, dtype=np.int8) if informative else None


def read_site_calls(
    cohort: Cohort, index: RecordIndex, gene: StarGene, build: str, *, min_gq: int | None = None
) -> SiteCalls:
    """Read a cohort's calls at one gene's sites.

    Parameters
    ----------
    cohort
        The cohort.
    index
        Its records, from `index_records`.
    gene
        The definition.
    build
        Build of the cohort.
    min_gq
        Calls of lower genotype quality are unknown, where the record gives it.
    """
    records = index.near(gene, build, MARGIN)
    n_samples = len(cohort.sample_ids)
    codes = np.full((len(gene.sites), n_samples, 2), UNKNOWN, dtype=np.int8)
    in_file = np.zeros(len(gene.sites), dtype=bool)
    covered = covered_sites(gene, build, index.positions[index.near(gene, build, COVERED_MARGIN)])
    if not len(records):
        return SiteCalls(codes, np.zeros(n_samples, dtype=bool), in_file, covered)
    alleles = [tuple(str(a) for a in row if a) for row in index.dataset["variant_allele"][records].values]
    starts = index.positions[records]
    used = [
        [
            (int(i), told)
            for i in np.flatnonzero(np.abs(starts - (site.positions[build] or -MARGIN)) <= MARGIN)
            if (told := allele_codes(site, build, int(starts[i]), alleles[i])) is not None
        ]
        for site in gene.sites
    ]
    wanted = np.array(sorted({i for found in used for i, _ in found}), dtype=int)
    if not len(wanted):
        return SiteCalls(codes, np.zeros(n_samples, dtype=bool), in_file, covered)
    calls = _read_calls(cohort, index, records[wanted], min_gq)
    place = {int(i): k for k, i in enumerate(wanted)}
    for site, found in enumerate(used):
        in_file[site] = bool(found)
        parts = [code_calls(calls.genotypes[place[i]], calls.states[place[i]], codes_) for i, codes_ in found]
        if parts:
            codes[site] = join_records(parts)
    return SiteCalls(codes, phased_samples(calls), in_file, covered)


def covered_sites(gene: StarGene, build: str, positions: np.ndarray) -> Bool[np.ndarray, " sites"]:
    """Whether records lie within `COVERED_MARGIN` on both sides of each site, or at it.

    A file cut to the genes' exons, or to another gene, says nothing about the sites beyond its ends.
    """
    if not len(positions):
        return np.zeros(len(gene.sites), dtype=bool)
    sites = np.array([site.positions[build] or -COVERED_MARGIN for site in gene.sites])
    ordered = np.sort(positions)
    before = np.searchsorted(ordered, sites, side="right") - 1
    after = np.searchsorted(ordered, sites, side="left")
    left = (before >= 0) & (sites - ordered[before] <= COVERED_MARGIN)
    right = (after < len(ordered)) & (ordered[np.minimum(after, len(ordered) - 1)] - sites <= COVERED_MARGIN)
    return left & right


@dataclass(frozen=True)
class _Calls:
    genotypes: np.ndarray
    states: np.ndarray
    phased: np.ndarray
    phase_sets: np.ndarray | None


def _read_calls(cohort: Cohort, index: RecordIndex, records: np.ndarray, min_gq: int | None) -> _Calls:
    dataset = index.dataset
    states = cohort.states(records)
    if min_gq is not None and "call_GQ" in dataset:
        quality = dataset["call_GQ"][records].values
        doubtful = (quality < min_gq) & (quality >= 0).any(axis=1, keepdims=True)
        states = np.where(doubtful & (states <= 1), FILTERED, states)
    sets = dataset["call_PS"][records].values if "call_PS" in dataset else None
    genotypes = cohort.genotypes(records)
    if genotypes.shape[2] == 1:
        genotypes = np.concatenate([genotypes, np.full_like(genotypes, FILL)], axis=2)
    return _Calls(genotypes, states, cohort.phased(records), sets)


def code_calls(
    genotypes: np.ndarray, states: Int8[np.ndarray, " samples"], told: Int8[np.ndarray, " alleles"]
) -> Int8[np.ndarray, "samples 2"]:
    """Turn one record's calls into codes; filtered and absent calls are unknown.

    Parameters
    ----------
    genotypes
        (samples, ploidy) allele numbers, -1 missing, -2 fill.
    states
        Call states: 0 observed, 1 no-call, 2 filtered, 3 absent.
    told
        Code of each allele of the record.
    """
    lookup = np.concatenate([told, [FILL, UNKNOWN]]).astype(np.int8)
    codes = lookup[genotypes[:, :2]]
    # More than two copies cannot be told apart into two haplotypes.
    extra = (genotypes[:, 2:] != FILL).any(axis=1)
    codes[(states >= FILTERED) | extra] = UNKNOWN
    return codes


def join_records(parts: list[Int8[np.ndarray, "samples 2"]]) -> Int8[np.ndarray, "samples 2"]:
    """Join the records of one site that a file has split by ALT: the variant wins over the reference."""
    joined = parts[0].copy()
    for part in parts[1:]:
        joined = np.where(joined == UNKNOWN, part, joined)
        for slot in (0, 1):
            extra = part[:, slot]
            is_variant = (extra > 0) & (joined[:, slot] != extra)
            here = is_variant & (joined[:, slot] == 0)
            there = is_variant & ~here & (joined[:, 1 - slot] == 0)
            joined[here, slot] = extra[here]
            joined[there, 1 - slot] = extra[there]
    return joined


def phased_samples(calls: _Calls) -> Bool[np.ndarray, " samples"]:
    """Whether all of a sample's heterozygous calls are phased with each other."""
    first, second = calls.genotypes[:, :, 0], calls.genotypes[:, :, 1]
    heterozygous = (first != second) & (second != FILL) & (calls.states < FILTERED)
    phased = (calls.phased | ~heterozygous).all(axis=0)
    if calls.phase_sets is not None:
        sets = calls.phase_sets
        low = np.where(heterozygous, sets, np.iinfo(np.int32).max).min(axis=0)
        high = np.where(heterozygous, sets, np.iinfo(np.int32).min).max(axis=0)
        phased &= (low >= high) | ~heterozygous.any(axis=0)
    return phased
