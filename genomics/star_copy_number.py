"""Copies of a gene, from the symbolic records of a variant file that cover it.

Read are ``<DEL>``, ``<DUP>`` (``<DUP:TANDEM>``), ``<CNV>`` and ``<CN0>``, ``<CN1>``, ... with the call (GT) or the
copy number (FORMAT/CN) of each sample, and sequences deleted in full. A file without such a record says
nothing about copies: two are never taken for granted. A record that covers part of a gene, or a breakend in
it, may make a hybrid with a neighbour of similar sequence and is told as such.

References
----------
The Variant Call Format Specification VCFv4.4, section 5 (structural variants).
https://samtools.github.io/hts-specs/VCFv4.4.pdf
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from genomics.block import FILL, FILTERED, NO_CALL
from genomics.genotype_text import genotype_text
from genomics.policy_apply import is_symbolic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from genomics.cohort import Cohort
    from genomics.star_sites import RecordIndex

REGION_COLUMNS = ["gene", "contig", "start", "end"]
COPY_NUMBER_COLUMNS = ["sample_id", "gene", "copy_number", "hybrid_suspected", "evidence"]
# Share of the gene that a record must cover to speak of its copies; one of less may make a hybrid.
COVERED = 0.9
CONTRADICTION = "these records contradict each other"
_ALONG_REFERENCE = ("<DEL", "<DUP", "<CN", "<INV")
_CN_ALLELE = re.compile(r"<CN(\d+)>")


def read_copy_numbers(
    cohort: Cohort, index: RecordIndex, regions: pd.DataFrame, *, min_gq: int | None = None
) -> pd.DataFrame:
    """Read the copies of each gene in each sample.

    Parameters
    ----------
    cohort
        The calls. Where the store holds ``FORMAT/CN`` it is used, and ``INFO/SVLEN`` where a record has no
        ``END``.
    index
        Its records, from `genomics.star_sites.index_records`.
    regions
        gene, contig (canonical), start, end (1-based, closed, on the cohort's build).
    min_gq
        Calls of lower genotype quality say nothing, where the record gives it.

    Returns
    -------
    pandas.DataFrame
        By sample, in the cohort's order, and gene: sample_id, gene, copy_number (NaN where no record tells
        it, or records contradict each other), hybrid_suspected (the sample has a record that covers part of
        the gene, or a breakend in it), evidence (the records and the sample's call; empty where none).
    """
    samples = np.asarray(cohort.sample_ids, dtype=str)
    ends = _ends(cohort, index.positions)
    tables = []
    for region in cast("Iterable[Any]", regions.itertuples(index=False)):
        span = (int(region.start), int(region.end))
        near = (index.contigs == region.contig) & (index.positions <= span[1]) & (ends[1] >= span[0])
        records = _find_records(cohort, index, np.flatnonzero(near), ends, span)
        said = _read_records(cohort, records, min_gq)
        numbers, conflict = _combine(said, len(samples))
        tables.append(
            pd.DataFrame(
                {
                    "sample_id": samples,
                    "gene": region.gene,
                    "copy_number": numbers,
                    "hybrid_suspected": _any([s.changed & s.partial for s in said], len(samples)),
                    "evidence": _evidence(said, conflict),
                }
            )
        )
    if not tables:
        return pd.DataFrame(columns=COPY_NUMBER_COLUMNS)
    joined = pd.concat(tables, ignore_index=True)
    order = np.argsort(np.tile(np.arange(len(samples)), len(tables)), kind="stable")
    return joined.iloc[order].reset_index(drop=True)[COPY_NUMBER_COLUMNS]


def _ends(cohort: Cohort, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Last position of each record: by END or the length of REF, and by SVLEN where there is no END."""
    ends = positions.astype(np.int64) + cohort.read("variant_length") - 1
    if "variant_SVLEN" not in cohort.arrays:
        return ends, ends
    lengths = np.abs(cohort.read("variant_SVLEN").astype(np.int64)).reshape(len(ends), -1)
    # -1 and -2 stand for no value.
    longest = np.where(lengths > 2, lengths, 0).max(axis=1, initial=0)
    told = cohort.read("variant_END") >= 0
    return ends, np.where(told, ends, np.maximum(ends, positions + longest))


@dataclass(frozen=True)
class _Statement:
    """What one record says of each sample.

    Attributes
    ----------
    copies
        (samples,) copies of the gene, NaN where the record does not tell them.
    changed
        (samples,): the sample carries the record's change.
    stated
        (samples,): the copies were written as such (CN), not derived from a call.
    partial
        The record covers part of the gene.
    losses, gains
        The record speaks of lost copies, of gained ones; one that states copy numbers speaks of both.
    texts
        (samples,) the record and the sample's call.
    """

    copies: np.ndarray
    changed: np.ndarray
    stated: np.ndarray
    partial: bool
    losses: bool
    gains: bool
    texts: np.ndarray

    @property
    def whole(self) -> bool:
        """Whether the record speaks of all copies."""
        return self.losses and self.gains


@dataclass(frozen=True)
class _Record:
    """A record that bears on a gene's structure."""

    number: int
    alleles: tuple[str, ...]
    place: str
    partial: bool


def _find_records(
    cohort: Cohort,
    index: RecordIndex,
    near: np.ndarray,
    ends: tuple[np.ndarray, np.ndarray],
    region: tuple[int, int],
) -> list[_Record]:
    """Select the records that bear on the structure of a gene."""
    length = region[1] - region[0] + 1
    found = []
    for number, row in zip(near, cohort.read("variant_allele", near) if len(near) else []):
        alleles = tuple(str(allele) for allele in row if allele)
        symbolic = any(map(is_symbolic, alleles[1:]))
        # SVLEN is a stretch of the reference for these; of an insertion it is not.
        along = any(alt.startswith(_ALONG_REFERENCE) for alt in alleles[1:])
        start, end = int(index.positions[number]), int(ends[1 if along else 0][number])
        covered = (min(end, region[1]) - max(start, region[0]) + 1) / length
        if covered > 0 and (symbolic or len(alleles[0]) >= COVERED * length):
            place = f"{index.contigs[number]}:{start}-{end} {','.join(alleles[1:])}"
            found.append(_Record(int(number), alleles, place, partial=covered < COVERED))
    return found


def _read_records(cohort: Cohort, records: Sequence[_Record], min_gq: int | None) -> list[_Statement]:
    if not records:
        return []
    fields = _Fields.read(cohort, np.array([record.number for record in records]), min_gq)
    return [_statement(fields, row, record) for row, record in enumerate(records)]


@dataclass(frozen=True)
class _Fields:
    """Calls of some records: genotypes, their texts, whether they count, copy numbers."""

    genotypes: np.ndarray
    texts: np.ndarray
    usable: np.ndarray
    copies: np.ndarray

    @classmethod
    def read(cls, cohort: Cohort, records: np.ndarray, min_gq: int | None) -> _Fields:
        genotypes, states = cohort.genotypes(records), cohort.states(records)
        usable = states <= NO_CALL
        if min_gq is not None and "call_GQ" in cohort.arrays:
            quality = cohort.read("call_GQ", records)
            usable &= ~((quality < min_gq) & (quality >= 0).any(axis=1, keepdims=True))
        copies = np.full(states.shape, np.nan)
        if "call_CN" in cohort.arrays:
            written = cohort.read("call_CN", records).astype(float)
            written = written.reshape(*states.shape, -1)[:, :, 0]
            copies = np.where(written >= 0, np.rint(written), np.nan)
        texts = genotype_text(genotypes, cohort.phased(records))
        return cls(genotypes, texts, usable & (states != FILTERED), copies)


def _statement(fields: _Fields, row: int, record: _Record) -> _Statement:
    alleles = record.alleles
    calls, written = fields.genotypes[row], fields.copies[row]
    # The last two are found by -2, fill, which is no copy, and -1, a missing allele.
    each = np.array([1.0, *(_allele_copies(alleles[0], alt) for alt in alleles[1:]), 0.0, np.nan])
    told = each[calls].sum(axis=1)
    n_alleles = (calls != FILL).sum(axis=1)
    told = np.where(n_alleles > 0, told, np.nan)
    carried = (calls > 0).any(axis=1)
    normal = np.where(n_alleles > 0, n_alleles, 2)
    stated = ~np.isnan(written)
    clash = stated & ~np.isnan(told) & (np.sign(written - normal) != np.sign(told - normal))
    copies = np.where(stated, written, told)
    usable = fields.usable[row]
    changed = usable & (carried | (stated & (written != normal)))
    copies = np.where(usable & ~clash & (not record.partial), copies, np.nan)
    speaks = usable & (changed | ~np.isnan(copies))
    all_copies = all(alt == "<CNV>" or _CN_ALLELE.fullmatch(alt) for alt in alleles[1:])
    gained = any(_allele_copies(alleles[0], alt) > 1 for alt in alleles[1:])
    number = np.char.add(" CN ", np.where(stated, written, 0).astype(int).astype(str))
    texts = np.char.add(fields.texts[row].astype(str), np.where(stated, number, ""))
    texts = np.char.add(texts, np.where(clash & usable, f" ({CONTRADICTION})", ""))
    texts = np.where(speaks, np.char.add(f"{record.place} ", texts), "")
    return _Statement(
        copies=copies,
        changed=changed,
        stated=stated,
        partial=record.partial,
        losses=all_copies or any(_allele_copies(alleles[0], alt) < 1 for alt in alleles[1:]),
        gains=all_copies or gained,
        texts=texts,
    )


def _allele_copies(ref: str, alt: str) -> float:
    """Copies of the gene on a chromosome with this allele, NaN where the allele does not tell.

    A duplication counts as two copies: a call without CN does not tell of more.
    """
    if alt.startswith("<DEL"):
        return 0.0
    if alt.startswith("<DUP"):
        return 2.0
    if found := _CN_ALLELE.fullmatch(alt):
        return float(found.group(1))
    if is_symbolic(alt) or alt == "*":
        return np.nan
    return 0.0 if len(alt) < (1 - COVERED) * len(ref) else 1.0


def _combine(said: Sequence[_Statement], n_samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Join what the records that cover a gene say; also tell where they contradict each other.

    One record of a change gives the copies. Several do where they agree and one states the number; two calls
    of a change may be one change written twice or a change of either chromosome. That a sample lacks a deletion
    says nothing of duplications: unchanged copies take a stated number, or records of losses and of gains.
    """
    whole = [s for s in said if not s.partial]
    if not whole:
        return np.full(n_samples, np.nan), np.zeros(n_samples, dtype=bool)
    copies = np.stack([s.copies for s in whole])
    changed = np.stack([s.changed for s in whole])
    stated = np.stack([s.stated for s in whole])
    all_copies = np.array([s.whole for s in whole])[:, None]
    known = ~np.isnan(copies)
    low, high = _extremes(copies, changed & known)
    usual_low, usual_high = _extremes(copies, ~changed & known)
    of_all_low, of_all_high = _extremes(copies, ~changed & known & all_copies)
    any_change = changed.any(axis=0)
    told = ~(changed & ~known).any(axis=0)
    agree = (changed.sum(axis=0) == 1) | ((stated & changed).any(axis=0) & (low == high))
    # A record of all copies that saw no change contradicts one that did.
    agree &= ~np.isfinite(of_all_low) | ((of_all_low == low) & (of_all_high == high))
    usual = ~changed & known
    lost = (usual & np.array([s.losses for s in whole])[:, None]).any(axis=0)
    gained = (usual & np.array([s.gains for s in whole])[:, None]).any(axis=0)
    same = (usual_low == usual_high) & ((usual & stated).any(axis=0) | (lost & gained))
    numbers = np.where(any_change, np.where(agree & told, low, np.nan), np.where(same, usual_low, np.nan))
    unclear = np.where(any_change, ~agree & told, np.isfinite(usual_low) & (usual_low != usual_high))
    return numbers, unclear


def _extremes(values: np.ndarray, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest of some values of each column; infinite where there are none."""
    return np.where(which, values, np.inf).min(axis=0), np.where(which, values, -np.inf).max(axis=0)


def _any(masks: Sequence[np.ndarray], n_samples: int) -> np.ndarray:
    return np.any(masks, axis=0) if len(masks) else np.zeros(n_samples, dtype=bool)


def _evidence(said: Sequence[_Statement], conflict: np.ndarray) -> list[str]:
    texts = []
    for sample, unclear in enumerate(conflict):
        words = [s.texts[sample] for s in said if s.texts[sample]]
        if unclear and not any(CONTRADICTION in word for word in words):
            words.append(CONTRADICTION)
        texts.append("; ".join(words))
    return texts
