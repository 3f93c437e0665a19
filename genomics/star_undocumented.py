"""Variants within a gene that none of its star alleles knows, and who carries them.

A diplotype is as complete as its definition. A person may carry, besides, a variant that nobody has put into
an allele: it can make the named function wrong, so it is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from jaxtyping import Int, Int8

from genomics.block import OBSERVED
from genomics.contigs import canonical_contig
from genomics.errors import InputError
from genomics.star_alleles import StarGene
from genomics.star_changes import Change, find_changes
from genomics.star_find import RecordIndex
from genomics.star_records import prepare_sites
from genomics.store import variants_per_block

if TYPE_CHECKING:
    from genomics.cohort import Cohort

VARIANT_COLUMNS = ["gene", "contig", "position", "ref", "alt", "place"]
SUMMARY_COLUMNS = [*VARIANT_COLUMNS, "n_called", "n_carriers", "n_copies"]
CARRIER_COLUMNS = ["sample_id", *VARIANT_COLUMNS, "copies", "n_called", "n_carriers"]
SITE, EXON, ELSEWHERE = "site", "exon", "elsewhere"
# The two bases of an intron beside an exon direct its splicing (Sequence Ontology: splice donor and acceptor).
SPLICE = 2


@dataclass(frozen=True)
class Undocumented:
    """Undocumented variants of a cohort.

    Attributes
    ----------
    variants
        One row per variant that somebody carries, by gene and in the order of the store: gene, contig,
        position, ref, alt (as the file writes them), place (``site``: at a site of the definition, whose
        other bases no allele has; ``exon``: in an exon or the two bases beside it; ``elsewhere``), n_called
        (samples with a call), n_carriers, n_copies.
    carriers
        One row per sample and variant, by sample, gene and order of the store: sample_id, the variant as
        above, copies, n_called, n_carriers.
    """

    variants: pd.DataFrame
    carriers: pd.DataFrame


def find_undocumented(
    cohort: Cohort,
    index: RecordIndex,
    regions: pd.DataFrame,
    exons: pd.DataFrame,
    definitions: Iterable[StarGene],
    build: str,
    *,
    named_elsewhere: bool = True,
) -> Undocumented:
    """List the variants of each gene that no definition knows, and who carries which.

    Parameters
    ----------
    cohort
        The calls; filtered ones do not count.
    index
        Its records, `genomics.star_find.index_records`.
    regions
        One row per gene: gene, contig, and start and end (1-based, closed) as start_grch38, end_grch38,
        start_grch37, end_grch37. Genes without a place on the build have no rows.
    exons
        One row per exon: gene, build, start and end (1-based, closed).
    definitions
        The genes' alleles.
    build
        GRCh37 or GRCh38.
    named_elsewhere
        Whether to list the carriers of variants outside sites and exons too: some thousands for each whole
        genome, most of them common.

    Raises
    ------
    InputError
        If ``regions`` or ``exons`` lacks a column.
    """
    samples = np.asarray(cohort.sample_ids, dtype=str)
    variants, carriers, owners = [], [], []
    for block in _blocks(cohort, index, regions, exons, definitions, build):
        carried = block.copies > 0
        table = block.variants.assign(
            n_called=block.n_called,
            n_carriers=carried.sum(axis=1),
            n_copies=block.copies.sum(axis=1, dtype=np.int64),
        )
        variants.append(table[table["n_carriers"] > 0])
        if not named_elsewhere:
            carried[(table["place"] == ELSEWHERE).to_numpy()] = False
        variant, sample = np.nonzero(carried)
        carriers.append(table.iloc[variant].assign(copies=block.copies[variant, sample]))
        owners.append(sample)
    if not variants:
        return Undocumented(pd.DataFrame(columns=SUMMARY_COLUMNS), pd.DataFrame(columns=CARRIER_COLUMNS))
    owner = np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    of_samples = pd.concat(carriers, ignore_index=True).iloc[order].reset_index(drop=True)
    of_samples.insert(0, "sample_id", samples[owner[order]])
    summed = pd.concat(variants, ignore_index=True)
    return Undocumented(summed[SUMMARY_COLUMNS], of_samples[CARRIER_COLUMNS])


@dataclass(frozen=True)
class _Block:
    """Undocumented variants of some records: a row each, and the samples' copies."""

    variants: pd.DataFrame
    copies: Int8[np.ndarray, "variants samples"]
    n_called: np.ndarray


def _blocks(
    cohort: Cohort,
    index: RecordIndex,
    regions: pd.DataFrame,
    exons: pd.DataFrame,
    definitions: Iterable[StarGene],
    build: str,
) -> Iterator[_Block]:
    start, end = f"start_{build.lower()}", f"end_{build.lower()}"
    _require_columns(regions, "genes", ("gene", "contig", start, end))
    _require_columns(exons, "exons", ("gene", "build", "start", "end"))
    placed: dict[str, Any] = {
        str(row["gene"]): row for row in regions.dropna(subset=[start, end]).to_dict("records")
    }
    on_build = dict(iter(exons[exons["build"] == build].groupby("gene")))
    size = variants_per_block(cohort.n_samples)
    for gene in definitions:
        row = placed.get(gene.name)
        if row is None:
            continue
        records = index.overlapping(canonical_contig(str(row["contig"])), int(row[start]), int(row[end]))
        places = GenePlaces(gene, build, on_build.get(gene.name, exons.iloc[:0]))
        known = KnownVariants(gene, build)
        for first in range(0, len(records), size):
            yield _read_block(cohort, index, known, places, records[first : first + size])


def _require_columns(table: pd.DataFrame, of: str, columns: Iterable[str]) -> None:
    for column in columns:
        if column not in table.columns:
            raise InputError(f"the table of {of} lacks a column", field=column, expected=column)


def _read_block(
    cohort: Cohort, index: RecordIndex, known: KnownVariants, places: GenePlaces, records: np.ndarray
) -> _Block:
    found: list[tuple[int, int, int, str, str]] = []
    for k, row in enumerate(cohort.read("variant_allele", records)):
        position, ref = int(index.positions[records[k]]), str(row[0])
        for number, alt in enumerate(map(str, row[1:]), start=1):
            if alt.isalpha() and not known.has(position, ref.upper(), alt.upper()):
                found.append((k, number, position, ref, alt))
    rows = np.array([k for k, *_ in found], dtype=np.int64)
    numbers = np.array([number for _, number, *_ in found], dtype=np.int16)
    used, place = np.unique(rows, return_inverse=True)
    genotypes, states = cohort.genotypes(records[used]), cohort.states(records[used])
    copies = np.zeros((len(rows), cohort.n_samples), dtype=np.int8)
    for copy in range(genotypes.shape[2]):
        copies += genotypes[place, :, copy] == numbers[:, None]
    observed = (states == OBSERVED)[place]
    copies[~observed] = 0
    told = [(known.gene, known.contig, position, ref, alt) for _, _, position, ref, alt in found]
    variants = pd.DataFrame(told, columns=VARIANT_COLUMNS[:-1])
    variants["place"] = places.of(variants["position"].to_numpy(), variants["ref"].str.len().to_numpy())
    return _Block(variants, copies, observed.sum(axis=1))


class GenePlaces:
    """What lies where in a gene: sites of its definition, exons, and the rest.

    Parameters
    ----------
    gene
        The definition.
    build
        GRCh37 or GRCh38.
    exons
        Start and end (1-based, closed) of its exons on the build.

    Examples
    --------
    >>> from genomics.star_alleles import StarSite
    >>> site = StarSite("rs1", {"GRCh38": 100}, {"GRCh38": "CAT"}, ("CAT", "C"))
    >>> gene = StarGene("G", "1", ("*1",), (site,), np.ones((1, 1, 2), bool), np.ones(1), np.ones(1))
    >>> places = GenePlaces(gene, "GRCh38", pd.DataFrame({"start": [200], "end": [250]}))
    >>> places.of(np.array([102, 198, 190, 103]), np.array([1, 1, 10, 1])).tolist()
    ['site', 'exon', 'exon', 'elsewhere']
    """

    def __init__(self, gene: StarGene, build: str, exons: pd.DataFrame) -> None:
        sites = [
            (position, position + len(site.references[build]) - 1)
            for site in gene.sites
            if (position := site.positions[build]) is not None
        ]
        self._sites = np.array(sites, dtype=np.int64).reshape(-1, 2)
        self._exons = exons[["start", "end"]].to_numpy(dtype=np.int64) + (-SPLICE, SPLICE)

    def of(
        self, positions: Int[np.ndarray, " variants"], lengths: Int[np.ndarray, " variants"]
    ) -> np.ndarray:
        """Tell where each run of bases lies that starts at a position: ``site``, ``exon`` or ``elsewhere``."""
        first, beyond = positions.astype(np.int64)[:, None], (positions + lengths).astype(np.int64)[:, None]
        in_site, in_exon = (
            ((spans[:, 0] < beyond) & (spans[:, 1] >= first)).any(axis=1)
            for spans in (self._sites, self._exons)
        )
        return np.where(in_site, SITE, np.where(in_exon, EXON, ELSEWHERE))


class KnownVariants:
    """The variants of a gene's definition on one build, for asking whether a file's variant is one of them.

    Parameters
    ----------
    gene
        The definition.
    build
        GRCh37 or GRCh38.

    Examples
    --------
    >>> from genomics.star_alleles import StarSite
    >>> site = StarSite("rs1", {"GRCh38": 100}, {"GRCh38": "CAT"}, ("CAT", "CATAT"), (0, 4))
    >>> gene = StarGene("G", "1", ("*1",), (site,), np.ones((1, 1, 2), bool), np.ones(1), np.ones(1))
    >>> known = KnownVariants(gene, "GRCh38")
    >>> known.has(102, "T", "TAT"), known.has(102, "T", "TAA")
    (True, False)
    """

    def __init__(self, gene: StarGene, build: str) -> None:
        self.gene, self.contig = gene.name, gene.contig
        self._changes: list[Change] = []
        self._substitutions: set[tuple[int, str]] = set()
        for found in prepare_sites(gene.sites, build).changes:
            for change in (change for changes in found for change in changes):
                self._add(change)

    def _add(self, change: Change) -> None:
        if len(change.deleted) == len(change.inserted) == 1:
            self._substitutions.add((change.position, change.inserted))
        else:
            self._changes.append(change)

    def has(self, position: int, ref: str, alt: str) -> bool:
        """Whether every change between two alleles is one that the definition knows."""
        if len(ref) == len(alt) == 1:
            return (position, alt) in self._substitutions
        return all(
            (change.position, change.inserted) in self._substitutions
            or any(change.is_same(known) for known in self._changes)
            for change in find_changes(position, ref, alt, self._changes)
        )
