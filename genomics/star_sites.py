"""Read a cohort's calls at the sites of a star-allele definition, whatever way the file writes them.

Each call becomes the code of what the haplotype carries at the site (`genomics.star_alleles`), so that the
reference sequence of the file's build plays no part in the matching. `genomics.star_records` reads a
record's alleles, `genomics.star_join` puts the records of one site together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int8, Int32

from genomics.block import ABSENT, MISSING, NO_CALL, OBSERVED
from genomics.star_alleles import StarGene, StarSite
from genomics.star_calls import RecordCalls, one_copy_calls, read_calls
from genomics.star_find import (
    COVERED_MARGIN,
    FoundRecords,
    RecordIndex,
    Told,
    covered_sites,
    find_records,
    index_records,
)
from genomics.star_join import JoinedCalls, join_calls, shared_alternates
from genomics.star_match import FILL, OTHER, UNKNOWN
from genomics.star_probabilities import code_probabilities, join_probabilities
from genomics.star_records import SILENT, SPANNED, GeneSites, allele_codes, prepare_sites
from genomics.star_remarks import Remark, remarks_on_calls

if TYPE_CHECKING:
    from genomics.cohort import Cohort

__all__ = [
    "RecordIndex", "SiteCalls", "allele_codes", "covered_sites", "index_records", "join_records",
    "read_site_calls",
]  # fmt: skip


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
        (sites,): the file has records near the site, on both sides of it, and none at it that is not used.
    states
        (sites, samples): 0 observed, 1 no-call (in part too: the codes tell), 2 filtered or of low quality,
        3 absent: no record tells the site's bases.
    phase_sets
        (sites, samples): 0 not phased; the columns of `codes` are the same haplotypes at sites with equal
        positive numbers.
    mixed
        (sites, samples): a call of two unlike alleles where there is one copy, taken as not called.
    probabilities
        By site, for imputed calls: (samples, codes, codes) the probability that the first haplotype carries
        one code and the second another. Half each way round where the call is not phased, on the diagonal for
        one copy, less than 1 in all where a base may be there that no allele knows. NaN for samples without
        probabilities, whose `codes` count.
    notes
        What everyone should know: records not used.
    remarks
        What single patients should know of their calls.
    """

    codes: Int8[np.ndarray, "sites samples 2"]
    phased: Bool[np.ndarray, " samples"]
    in_file: Bool[np.ndarray, " sites"]
    covered: Bool[np.ndarray, " sites"]
    states: Int8[np.ndarray, "sites samples"]
    phase_sets: Int32[np.ndarray, "sites samples"]
    mixed: Bool[np.ndarray, "sites samples"]
    probabilities: dict[int, Float[np.ndarray, "samples codes codes"]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()


def read_site_calls(
    cohort: Cohort,
    index: RecordIndex,
    gene: StarGene,
    build: str,
    *,
    min_gq: int | None = None,
    use_palindromic: bool = True,
    sexes: np.ndarray | None = None,
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
    use_palindromic
        Whether A and T, and C and G, can be told apart: not in a file that has calls of the other strand
        (`genomics.star_build.count_strands`).
    sexes
        (samples,) 1 male, 2 female, 0 unknown: men have one copy of X, however their calls are written.
    """
    n_samples = cohort.n_samples
    covered = covered_sites(gene, build, index.positions[index.near(gene, build, COVERED_MARGIN)])
    found = find_records(cohort, index, gene, build, use_palindromic=use_palindromic)
    covered[found.refused] = False
    calls = read_calls(cohort, found.records, min_gq=min_gq)
    calls = one_copy_calls(calls, gene.contig, index.positions[found.records], build, sexes)
    codes = np.full((len(gene.sites), n_samples, 2), UNKNOWN, dtype=np.int8)
    states = np.full(codes.shape[:2], ABSENT, dtype=np.int8)
    sets = np.zeros(codes.shape[:2], dtype=np.int32)
    probabilities: dict[int, Float[np.ndarray, "samples codes codes"]] = {}
    contradicting = np.zeros(codes.shape[:2], dtype=bool)
    for site, told in found.told.items():
        joined, states[site] = _join_site(calls, found, told)
        codes[site], sets[site], contradicting[site] = joined.codes, joined.phase_sets, joined.contradicting
        pairs = _site_probabilities(calls, told, len(gene.sites[site].bases))
        if pairs is not None:
            pairs[joined.contradicting] = np.nan
            probabilities[site] = pairs
            _call_from_probabilities(codes[site], states[site], pairs)
    for site, parts in found.by_base.items():
        joined, states[site] = _join_bases(calls, found, gene.sites[site], parts)
        codes[site], sets[site], contradicting[site] = joined.codes, joined.phase_sets, joined.contradicting
    _settle_spanned(codes, states, prepare_sites(gene.sites, build))
    in_file = np.array([i in found.told or i in found.by_base for i in range(len(gene.sites))], dtype=bool)
    n_copies, mixed, unusable = (
        _at_sites(of_records, found, len(gene.sites))
        for of_records in (calls.n_copies, calls.mixed, calls.unusable)
    )
    return SiteCalls(
        codes, phased_samples(codes, sets), in_file, covered, states, sets, mixed, probabilities, found.notes,
        remarks_on_calls(
            gene, n_copies=n_copies, mixed=mixed, contradicting=contradicting, unusable=unusable
        ),
    )  # fmt: skip


def _at_sites(of_records: np.ndarray, found: FoundRecords, n_sites: int) -> np.ndarray:
    """Say of each site and sample the most that is said of a record that tells of the site."""
    at = np.zeros((n_sites, of_records.shape[1]), dtype=of_records.dtype)
    if of_records.any():
        for site, records in found.telling().items():
            at[site] = of_records[records].max(axis=0)
    return at


def _join_site(
    calls: RecordCalls, found: FoundRecords, told: list[Told]
) -> tuple[JoinedCalls, Int8[np.ndarray, " samples"]]:
    """Calls and states of one site."""
    parts = [code_calls(calls.genotypes[k], calls.states[k], codes) for k, codes in told]
    shared = shared_alternates(told, found.alleles)
    reference = next((int(codes[0]) for _, codes in told if codes[0] >= 0), 0)
    joined = join_calls(parts, [calls.phase_sets[k] for k, _ in told], shared, reference)
    silent = [
        (part == SILENT).any(axis=1) & ((part == SILENT) | (part == FILL)).all(axis=1) for part in parts
    ]
    of_records = [
        np.where(s, ABSENT, np.maximum(calls.states[k], NO_CALL)) for s, (k, _) in zip(silent, told)
    ]
    known = joined.codes != UNKNOWN
    states = np.where(known.any(axis=1), NO_CALL, np.min(of_records, axis=0))
    return joined, np.where(known.all(axis=1), OBSERVED, states).astype(np.int8)


def _join_bases(
    calls: RecordCalls, found: FoundRecords, site: StarSite, parts: list[list[Told]]
) -> tuple[JoinedCalls, Int8[np.ndarray, " samples"]]:
    """Read a site of several bases from records of one base each."""
    bases = [_join_site(calls, found, told) for told in parts]
    codes = np.stack([joined.codes for joined, _ in bases])
    sets = np.stack([joined.phase_sets for joined, _ in bases])
    letters = [tuple(dict.fromkeys(base[i] for base in site.bases)) for i in range(len(site.bases[0]))]
    words = [tuple(letters[i].index(letter) for i, letter in enumerate(base)) for base in site.bases]
    whole = np.full(codes.shape[1:], OTHER, dtype=np.int8)
    for code, word in enumerate(words):
        whole[(codes == np.array(word)[:, None, None]).all(axis=0)] = code
    whole[(codes == UNKNOWN).any(axis=0)] = UNKNOWN
    whole[(codes == FILL).any(axis=0)] = FILL
    # Two heterozygous bases that are not phased may be on one haplotype or on two.
    uneven = codes[:, :, 0] != codes[:, :, 1]
    uneven &= codes[:, :, 1] != FILL
    low = np.where(uneven, sets, np.iinfo(np.int32).max).min(axis=0)
    high = np.where(uneven, sets, 0).max(axis=0)
    whole[(uneven.sum(axis=0) > 1) & ((low != high) | (low == 0))] = UNKNOWN
    states = np.max([states for _, states in bases], axis=0)
    states = np.where((whole == UNKNOWN).any(axis=1) & (states == OBSERVED), NO_CALL, states)
    whole_sets = np.where(uneven.any(axis=0), high, sets[0]).astype(np.int32)
    contradicting = np.any([joined.contradicting for joined, _ in bases], axis=0)
    return JoinedCalls(whole, whole_sets, contradicting), states.astype(np.int8)


def _site_probabilities(
    calls: RecordCalls, told: list[Told], n_codes: int
) -> Float[np.ndarray, "samples codes codes"] | None:
    """Probabilities of one site, where every record that tells of it has them."""
    telling = [(k, codes) for k, codes in told if codes[0] != SILENT]
    pairs = [calls.probabilities(k, len(codes)) for k, codes in telling]
    parts = [
        code_probabilities(found, codes, n_codes)
        for found, (_, codes) in zip(pairs, telling)
        if found is not None
    ]
    if not parts or len(parts) < len(telling):
        return None
    return join_probabilities(parts, [codes for _, codes in telling])


def _call_from_probabilities(
    codes: Int8[np.ndarray, "samples 2"],
    states: Int8[np.ndarray, " samples"],
    probabilities: Float[np.ndarray, "samples codes codes"],
) -> None:
    """Give samples that have probabilities and no call the most probable one."""
    rows = np.flatnonzero(np.isfinite(probabilities[:, 0, 0]) & (codes == UNKNOWN).any(axis=1))
    n_codes = probabilities.shape[1]
    best = probabilities[rows].reshape(len(rows), n_codes**2).argmax(axis=1)
    second = np.where(codes[rows, 1] == FILL, FILL, best % n_codes)
    codes[rows] = np.stack([best // n_codes, second], axis=1)
    states[rows] = OBSERVED


def _settle_spanned(
    codes: Int8[np.ndarray, "sites samples 2"], states: Int8[np.ndarray, "sites samples"], gene: GeneSites
) -> None:
    """Settle bases that are deleted: the definition of a deletion lists nothing at the sites within it."""
    for site in np.flatnonzero((codes == SPANNED).any(axis=(1, 2))).tolist():
        at = gene.sites[gene.numbers.index(site)].positions[gene.build] or 0
        over = [
            (gene.numbers[i], code)
            for i, found in enumerate(gene.changes)
            for code, changes in enumerate(found)
            if any(
                not c.inserted and c.position <= at < c.position + len(c.deleted) + c.shift for c in changes
            )
        ]
        spanned = codes[site] == SPANNED
        copies, unseen = np.zeros(len(spanned), dtype=int), np.zeros(len(spanned), dtype=bool)
        for i, code in over:
            copies += (codes[i] == code).sum(axis=1)
            unseen |= (codes[i] == UNKNOWN).any(axis=1)
        explained = copies >= spanned.sum(axis=1)
        value = np.where(explained, 0, np.where(unseen, UNKNOWN, OTHER))
        codes[site] = np.where(spanned, value[:, None], codes[site])
        unknown = spanned.any(axis=1) & (codes[site] == UNKNOWN).any(axis=1)
        states[site][unknown & (states[site] == OBSERVED)] = NO_CALL


def code_calls(
    genotypes: np.ndarray, states: Int8[np.ndarray, " samples"], told: Int8[np.ndarray, " alleles"]
) -> Int8[np.ndarray, "samples 2"]:
    """Turn one record's calls into codes; filtered and absent calls are unknown.

    Parameters
    ----------
    genotypes
        (samples, 2) allele numbers, -1 missing, -2 fill.
    states
        Call states: 0 observed, 1 no-call, 2 filtered, 3 absent.
    told
        Code of each allele of the record.
    """
    lookup = np.concatenate([told, [FILL, UNKNOWN]]).astype(np.int8)
    # A call may name an allele that its record does not have, in a file read as it stands.
    codes = lookup[np.where(genotypes < len(told), genotypes, MISSING)]
    # A call without any allele is a no-call, not a haploid one.
    codes[(states > NO_CALL) | (genotypes[:, 0] == FILL)] = UNKNOWN
    return codes


def join_records(parts: list[Int8[np.ndarray, "samples 2"]]) -> Int8[np.ndarray, "samples 2"]:
    """Join phased calls of records that a file has split by ALT: the variant wins over the reference."""
    return join_calls(parts, [np.ones(len(part), dtype=np.int32) for part in parts]).codes


def phased_samples(
    codes: Int8[np.ndarray, "sites samples 2"], phase_sets: Int32[np.ndarray, "sites samples"]
) -> Bool[np.ndarray, " samples"]:
    """Whether all of a sample's heterozygous calls are phased with each other."""
    uneven = (codes[:, :, 0] != codes[:, :, 1]) & (codes[:, :, 1] != FILL)
    if not len(codes):
        return np.zeros(codes.shape[1], dtype=bool)
    low = np.where(uneven, phase_sets, np.iinfo(np.int32).max).min(axis=0)
    high = np.where(uneven, phase_sets, 0).max(axis=0)
    return ~uneven.any(axis=0) | ((low == high) & (low > 0))
