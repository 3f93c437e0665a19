"""Find the records of a cohort that tell of a gene's sites."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from jaxtyping import Bool, Int8

from genomics.contigs import canonical_contig, is_chromosome
from genomics.star_alleles import StarGene, StarSite
from genomics.star_records import SILENT, GeneSites, prepare_sites, read_record

if TYPE_CHECKING:
    from genomics.cohort import Cohort

# A site that the file does not mention counts as looked at if records lie this near on both sides of it.
COVERED_MARGIN = 10_000
# Of what is not used, this many reasons are told, with this many sites.
_REASONS, _SITES = 3, 5


# A record's number among those read, and the code of each of its alleles at a site.
Told: TypeAlias = tuple[int, Int8[np.ndarray, " alleles"]]


@dataclass(frozen=True)
class RecordIndex:
    """Where each record of a cohort lies, for finding those of a gene.

    Attributes
    ----------
    contigs
        (records,) canonical names of chromosomes; ``other`` for all other contigs, which have no star alleles.
    positions
        (records,) 1-based.
    lengths
        (records,) bases that the record covers.
    """

    contigs: np.ndarray
    positions: np.ndarray
    lengths: np.ndarray

    def near(self, gene: StarGene, build: str, margin: int) -> np.ndarray:
        """Numbers of the records within ``margin`` of the gene's sites."""
        positions = [p for site in gene.sites if (p := site.positions[build]) is not None]
        if not positions:
            return np.empty(0, dtype=int)
        return self.overlapping(gene.contig, min(positions) - margin, max(positions) + margin)

    def overlapping(self, contig: str, start: int, end: int) -> np.ndarray:
        """Numbers of the records that overlap a closed interval."""
        inside = (self.positions <= end) & (self.positions + self.lengths > start)
        return np.flatnonzero(inside & (self.contigs == contig))


def index_records(cohort: Cohort) -> RecordIndex:
    """Read the position of every record of a cohort."""
    contigs = [canonical_contig(str(name)) for name in cohort.read("contig_id")]
    names = np.array([name if is_chromosome(name) else "other" for name in contigs])
    if "variant_length" in cohort.arrays:
        lengths = cohort.read("variant_length")
    else:
        lengths = np.array([len(str(row[0])) for row in cohort.read("variant_allele")], dtype=np.int64)
    return RecordIndex(names[cohort.read("variant_contig")], cohort.read("variant_position"), lengths)


@dataclass(frozen=True)
class FoundRecords:
    """Records that tell of a gene's sites.

    Attributes
    ----------
    records
        Rows of the store.
    alleles
        Position, and REF and ALTs, of each of them.
    told
        By site, the records that tell of it, numbered as in ``records``.
    by_base
        By site of several bases that no record tells as a whole: the records of each of its bases.
    refused
        Sites with a record that is not used.
    notes
        Why they are not used.
    """

    records: np.ndarray
    alleles: list[tuple[int, list[str]]]
    told: dict[int, list[Told]]
    by_base: dict[int, list[list[Told]]]
    refused: list[int]
    notes: tuple[str, ...]

    def telling(self) -> dict[int, list[int]]:
        """By site, the records that tell of it or of one of its bases."""
        whole = {site: [record for record, _ in told] for site, told in self.told.items()}
        by_base = {
            site: [record for told in parts for record, _ in told] for site, parts in self.by_base.items()
        }
        return {**whole, **by_base}


def find_records(
    cohort: Cohort, index: RecordIndex, gene: StarGene, build: str, *, use_palindromic: bool = True
) -> FoundRecords:
    """Find the records that tell of a gene's sites, and what their alleles carry there.

    Parameters
    ----------
    cohort
        The cohort.
    index
        Its records.
    gene
        The definition.
    build
        Build of the cohort.
    use_palindromic
        Whether a base and its complement can be told apart.
    """
    sites = prepare_sites(gene.sites, build)
    near = _near_sites(index, gene.contig, sites)
    rows = cohort.read("variant_allele", near) if len(near) else np.empty((0, 1), dtype=object)
    records = [
        (
            record,
            int(index.positions[record]),
            int(index.lengths[record]),
            [str(allele) for allele in row if allele],
        )
        for record, row in zip(near.tolist(), rows)
    ]
    told, refused = _read_records(sites, records, use_palindromic)
    single, origin = _single_bases(gene.sites, build)
    by_base = _by_base(_read_records(single, records, use_palindromic)[0], origin) if origin else {}
    by_base = {i: p for i, p in by_base.items() if all(codes[0] == SILENT for _, codes in told.get(i, []))}
    for site in [site for site, parts in by_base.items() if not all(parts)]:
        if any(by_base.pop(site)):
            refused.setdefault(site, "only some of the bases that change together are in the file")
    every = [*told.values(), *(found for parts in by_base.values() for found in parts)]
    used = sorted({record for found in every for record, _ in found})
    place = {record: k for k, record in enumerate(used)}
    unused = {gene.sites[site].name: why for site, why in sorted(refused.items())}
    written = {record: (position, alleles) for record, position, _, alleles in records}
    return FoundRecords(
        records=np.array(used, dtype=np.int64),
        alleles=[written[record] for record in used],
        told={site: _renumber(found, place) for site, found in told.items()},
        by_base={site: [_renumber(found, place) for found in parts] for site, parts in by_base.items()},
        refused=sorted(refused),
        notes=_say_unused(unused),
    )


def _read_records(
    sites: GeneSites, records: list[tuple[int, int, int, list[str]]], use_palindromic: bool
) -> tuple[dict[int, list[Told]], dict[int, str]]:
    told: dict[int, list[Told]] = {}
    refused: dict[int, str] = {}
    for record, position, length, alleles in records:
        reading = read_record(sites, position, alleles, length=length, use_palindromic=use_palindromic)
        for site, codes in reading.codes.items():
            told.setdefault(site, []).append((record, codes))
        for site, why in reading.refused.items():
            refused.setdefault(site, why)
    return told, refused


def _by_base(told: dict[int, list[Told]], origin: dict[int, tuple[int, int]]) -> dict[int, list[list[Told]]]:
    """Group the records of single bases by the site that they make up; a base may have none."""
    found: dict[int, list[list[Told]]] = {}
    for number, (site, _) in origin.items():
        found.setdefault(site, []).append(told.get(number, []))
    return found


def _renumber(found: list[Told], place: dict[int, int]) -> list[Told]:
    return [(place[record], codes) for record, codes in found]


def _near_sites(index: RecordIndex, contig: str, sites: GeneSites) -> np.ndarray:
    """Records that overlap or adjoin a site."""
    if not sites.sites:
        return np.empty(0, dtype=np.int64)
    near = index.overlapping(contig, int(sites.starts.min()) - 1, int(sites.ends.max()) + 1)
    starts, ends = index.positions[near] - 1, index.positions[near] + index.lengths[near]
    # Sites that begin before a record's end, less those that ended before its start.
    begun = np.searchsorted(np.sort(sites.starts), ends, side="right")
    ended = np.searchsorted(np.sort(sites.ends), starts, side="left")
    return near[begun > ended]


def _single_bases(sites: Sequence[StarSite], build: str) -> tuple[GeneSites, dict[int, tuple[int, int]]]:
    """Sites of one base each for those that replace several, which a file may write base by base."""
    single: list[StarSite] = []
    origin: dict[int, tuple[int, int]] = {}
    for number, site in enumerate(sites):
        length = len(site.bases[0])
        if length == 1 or any(len(base) != length for base in site.bases) or site.positions[build] is None:
            continue
        for i in range(length):
            origin[len(single)] = number, i
            letters = tuple(dict.fromkeys(base[i] for base in site.bases))
            positions = {b: None if p is None else p + i for b, p in site.positions.items()}
            references = {b: reference[i : i + 1] for b, reference in site.references.items()}
            single.append(StarSite(site.name, positions, references, letters))
    return prepare_sites(single, build), origin


def _say_unused(reasons: dict[str, str]) -> tuple[str, ...]:
    """Tell why records are not used: each reason once, with the names of some sites.

    Examples
    --------
    >>> _say_unused({"rs1": "odd", "rs2": "no REF", "rs3": "odd"})
    ('rs1, rs3: a record is not used: odd', 'rs2: a record is not used: no REF')
    """
    named: dict[str, list[str]] = {}
    for name, why in reasons.items():
        named.setdefault(why, []).append(name)
    notes, rest = [], len(reasons)
    for why, names in list(named.items())[:_REASONS]:
        more = f" and {len(names) - _SITES} more" if len(names) > _SITES else ""
        notes.append(f"{', '.join(names[:_SITES])}{more}: a record is not used: {why}")
        rest -= len(names)
    return (*notes, f"nor are records at {rest} more sites") if rest else tuple(notes)


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
