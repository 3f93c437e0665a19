"""Which records and samples of a cohort a selection means: regions, lists of variants, lists of samples."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from genomics.contigs import canonical_contig
from genomics.errors import InputError
from genomics.regions import Region, merge_regions, parse_region

if TYPE_CHECKING:
    from genomics.cohort import Cohort

# Records whose positions are compared at once: bounds what is held of a store of any length.
_RECORDS_AT_ONCE = 1_000_000


def overlapping_records(cohort: Cohort, regions: Sequence[str]) -> np.ndarray:
    """Find the records that overlap one of some regions.

    A record reaches from POS to INFO/END where it has one, else over its REF, as ``bcftools view -r`` has it.

    Parameters
    ----------
    cohort
        The cohort.
    regions
        ``contig``, ``contig:position`` or ``contig:start-end``, 1-based, closed at both ends.

    Returns
    -------
    int64 (n,)
        Records, ascending; empty where none overlaps.

    Raises
    ------
    InputError
        The store has no contig of that name.
    """
    names = [str(name) for name in cohort.read("contig_id")]
    merged = merge_regions([parse_region(text) for text in regions])
    codes = {region.contig: _contig_code(cohort, names, region) for region in merged}
    found = [np.zeros(0, np.int64)]
    for start in range(0, cohort.n_variants, _RECORDS_AT_ONCE):
        part = slice(start, start + _RECORDS_AT_ONCE)
        contig, position = cohort.read("variant_contig", part), cohort.read("variant_position", part)
        end = record_ends(cohort, part)
        inside = np.zeros(len(position), bool)
        for region in merged:
            on_contig = contig == codes[region.contig]
            inside |= on_contig & (position <= region.end) & (end >= region.start)
        found.append(np.flatnonzero(inside) + start)
    return np.concatenate(found)


def _contig_code(cohort: Cohort, names: Sequence[str], region: Region) -> int:
    if region.contig in names:
        return names.index(region.contig)
    same = [name for name in names if canonical_contig(name) == canonical_contig(region.contig)]
    shown = ", ".join(names[:5]) or "nothing"
    raise InputError(
        f"no contig {region.contig!r}; the store names its contigs {same[0] if same else shown}",
        file=cohort.path,
        field="regions",
        expected="a contig as the store writes it",
        hint=f"ask for {same[0]}" if same else "check the region",
    )


def record_ends(cohort: Cohort, records: slice) -> np.ndarray:
    """Return the last position of each record, 1-based; int64 (n,)."""
    position = cohort.read("variant_position", records).astype(np.int64)
    if "variant_length" in cohort.arrays:
        return np.maximum(position, position + cohort.read("variant_length", records) - 1)
    reference = cohort.read("variant_allele", records)[:, 0]
    end = position + np.array([max(1, len(str(text))) for text in reference], np.int64) - 1
    if "variant_END" in cohort.arrays:
        given = cohort.read("variant_END", records)
        end = np.where(given > 0, np.maximum(given, position), end)
    return end


def named_records(cohort: Cohort, names: Collection[str]) -> np.ndarray:
    """Tell which records a list of variants names.

    A record is named by any of its identifiers (ID, of which a record may have several between semicolons) or
    by ``contig:position:ref:alt`` of any of its ALTs, the contig written as the store writes it.

    Parameters
    ----------
    cohort
        The cohort.
    names
        Identifiers.

    Returns
    -------
    bool (n_variants,)
    """
    wanted = frozenset(names)
    named = np.zeros(cohort.n_variants, bool)
    for record, text in enumerate(cohort.read("variant_id")):
        named[record] = text != "." and any(part in wanted for part in str(text).split(";"))
    table = cohort.variants
    by_key = table["record"].to_numpy()[table["variant_id"].isin(wanted).to_numpy()]
    named[by_key] = True
    return named


def sample_columns(cohort: Cohort, keep: Sequence[str] | None, remove: Collection[str]) -> np.ndarray:
    """Find the columns of samples to keep, in the order of `keep`, without those to remove.

    Parameters
    ----------
    cohort
        The cohort.
    keep
        Sample identifiers in the order wanted; None for all, in the order of the store.
    remove
        Sample identifiers to leave out.

    Returns
    -------
    int64 (m,)

    Raises
    ------
    InputError
        A sample is not in the store, or `keep` names one twice.
    """
    column = {name: index for index, name in enumerate(cohort.sample_ids.tolist())}
    for names in (keep or (), remove):
        absent = [number for number, name in enumerate(names, start=1) if name not in column]
        if absent:
            raise InputError(
                f"{len(absent)} of {len(names)} samples asked for are not in the store, the first is number "
                f"{absent[0]} of the list",
                file=cohort.path,
                field="samples",
                expected="names of its samples",
                hint="check the list's spelling",
            )
    order = list(column) if keep is None else list(keep)
    if len(set(order)) < len(order):
        raise InputError("the list of samples names one twice", field="samples", expected="every sample once")
    without = frozenset(remove)
    return np.array([column[name] for name in order if name not in without], np.int64)
