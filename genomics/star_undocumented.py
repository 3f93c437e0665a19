"""Variants within a gene that none of its star alleles knows, and who carries them.

A diplotype is as complete as its definition. A person may carry, besides, a variant that nobody has put into
an allele: it can make the named function wrong, so it is told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from jaxtyping import Int8

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

VARIANT_COLUMNS = ["gene", "contig", "position", "ref", "alt"]
CARRIER_COLUMNS = ["sample_id", *VARIANT_COLUMNS, "copies"]
SUMMARY_COLUMNS = [*VARIANT_COLUMNS, "n_called", "n_carriers", "n_copies"]


def undocumented_carriers(
    cohort: Cohort,
    index: RecordIndex,
    regions: pd.DataFrame,
    definitions: Iterable[StarGene],
    build: str,
    *,
    genes: Collection[str] | None = None,
) -> Iterator[pd.DataFrame]:
    """List who carries which undocumented variant, a block of records at a time.

    Parameters
    ----------
    cohort
        The calls; filtered ones do not count.
    index
        Its records, `genomics.star_find.index_records`.
    regions
        One row per gene: gene, contig, and start and end (1-based, closed) as start_grch38, end_grch38,
        start_grch37, end_grch37. Genes without a place on the build have no rows.
    definitions
        The genes' alleles.
    build
        GRCh37 or GRCh38.
    genes
        Only these; a whole cohort's carriers of common variants in all genes are many.

    Yields
    ------
    pandas.DataFrame
        sample_id, gene, contig, position, ref, alt (as the file writes them), copies.

    Raises
    ------
    InputError
        If ``regions`` lacks a column.
    """
    samples = np.asarray(cohort.sample_ids, dtype=str)
    for block in _blocks(cohort, index, regions, definitions, build, genes):
        variant, sample = np.nonzero(block.copies)
        table = block.variants.iloc[variant].reset_index(drop=True)
        table.insert(0, "sample_id", samples[sample])
        yield table.assign(copies=block.copies[variant, sample])[CARRIER_COLUMNS]


def undocumented_variants(
    cohort: Cohort,
    index: RecordIndex,
    regions: pd.DataFrame,
    definitions: Iterable[StarGene],
    build: str,
    *,
    genes: Collection[str] | None = None,
) -> pd.DataFrame:
    """Count the carriers of each undocumented variant.

    Parameters are those of `undocumented_carriers`.

    Returns
    -------
    pandas.DataFrame
        One row per variant that somebody carries, by gene and in the order of the store: gene, contig,
        position, ref, alt, n_called (samples with a call), n_carriers, n_copies.

    Raises
    ------
    InputError
        If ``regions`` lacks a column.
    """
    tables = [
        block.variants.assign(
            n_called=block.n_called,
            n_carriers=(block.copies > 0).sum(axis=1),
            n_copies=block.copies.sum(axis=1, dtype=np.int64),
        )
        for block in _blocks(cohort, index, regions, definitions, build, genes)
    ]
    joined = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=SUMMARY_COLUMNS)
    return joined.loc[joined["n_carriers"] > 0, SUMMARY_COLUMNS].reset_index(drop=True)


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
    definitions: Iterable[StarGene],
    build: str,
    genes: Collection[str] | None,
) -> Iterator[_Block]:
    start, end = f"start_{build.lower()}", f"end_{build.lower()}"
    for column in ("gene", "contig", start, end):
        if column not in regions.columns:
            raise InputError("the table of genes lacks a column", field=column, expected=column)
    placed: dict[str, Any] = {
        str(row["gene"]): row for row in regions.dropna(subset=[start, end]).to_dict("records")
    }
    size = variants_per_block(cohort.n_samples)
    for gene in definitions:
        row = placed.get(gene.name)
        if row is None or (genes is not None and gene.name not in genes):
            continue
        records = index.overlapping(canonical_contig(str(row["contig"])), int(row[start]), int(row[end]))
        known = KnownVariants(gene, build)
        for first in range(0, len(records), size):
            yield _read_block(cohort, index, known, records[first : first + size])


def _read_block(cohort: Cohort, index: RecordIndex, known: KnownVariants, records: np.ndarray) -> _Block:
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
    variants = pd.DataFrame(
        [(known.gene, known.contig, *variant) for _, _, *variant in found], columns=VARIANT_COLUMNS
    )
    return _Block(variants, copies, observed.sum(axis=1))


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
