"""Variant files to a cohort store, and back: the commands ingest and export."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from varimol import tables

if TYPE_CHECKING:
    from genomics.cohort import Cohort
    from genomics.preparation import Preparation

PathName = str | os.PathLike[str]
Progress = Callable[[float], None]


def ingest(
    inputs: PathName | Sequence[PathName],
    out: PathName,
    *,
    regions: Sequence[str] = (),
    samples: Sequence[str] | None = None,
    fields: Sequence[str] | None = None,
    settings: PathName | None = None,
    policy: Sequence[str] = (),
    append: bool = False,
    build: str = "auto",
    keep_going: bool = False,
    threads: int = 2,
    progress: Progress | None = None,
    **choices: Any,
) -> Cohort:
    """Read variant files into a VCF Zarr store.

    Parameters
    ----------
    inputs
        VCF, BCF, PLINK or BGEN files, a folder of them, or ``-`` for a VCF or BCF on standard input.
    out
        The store; a zip file where it ends in .zip.
    regions
        Regions to keep, like ``chr19:10300000-10400000``.
    samples
        Samples to keep, in the order wanted.
    fields
        INFO and FORMAT fields to keep, like ``FORMAT/AD`` or ``INFO/*``; FORMAT/DP, GQ, DS and PS by default.
    settings
        TOML file of choices, for those that are not given here: see `genomics.Preparation`.
    policy
        Call policies ``name=choice``; see `genomics.policy.CHOICES`.
    append
        Put the records after those of the store that is there already.
    build
        ``auto`` to detect it, or ``GRCh37``, ``GRCh38``.
    keep_going
        Write records that cannot be read to a rejects file instead of stopping.
    threads
        Threads to read and to compress with.
    progress
        Called with the share done.
    **choices
        Attributes of `genomics.Preparation`: ``hard_filter``, ``normalise``, ``reference`` and so on.

    Returns
    -------
    Cohort
        The opened store.
    """
    from genomics.ingest import ingest as read_variants

    return read_variants(
        inputs, out, sites=tables.build_sites(), regions=regions, samples=samples, fields=fields,
        preparation=_preparation(settings, policy, choices), append=append, keep_going=keep_going, build=build,
        threads=threads, progress=progress,
    )  # fmt: skip


def ingest_notes(cohort: Cohort, *, keep_going: bool = False) -> list[str]:
    """Say what a store's reading left out, or met, that its reader should know.

    Parameters
    ----------
    cohort
        As `ingest` returned it.
    keep_going
        As `ingest` was told: only then is the list of rejected records beside the store its own.

    Returns
    -------
    list
        One line for each: lists of samples and variants, rejected records, records out of order.
    """
    attributes: Mapping[str, Any] = cohort.arrays.attrs
    notes = []
    for name, listed in attributes.get("sample_lists", {}).items():
        if name in ("keep", "remove"):
            met = listed["listed"] - listed["unknown"]
            notes.append(f"--{name}: {met} of {listed['listed']} listed samples are in the data")
    for name, listed in attributes.get("variant_lists", {}).items():
        if name in ("extract", "exclude") and listed:
            met = listed["names"] - listed["names_never_seen"]
            spans = listed["intervals"] - listed["intervals_never_hit"]
            notes.append(
                f"--{name}: {met} of {listed['names']} identifiers and {spans} of {listed['intervals']} "
                "intervals were met"
            )
    rejects = cohort.path.with_name(f"{cohort.path.name}.rejects.tsv")
    if keep_going and rejects.exists():
        with rejects.open(encoding="utf-8") as stream:
            n_rejected = sum(1 for _ in stream) - 1
        notes.append(f"{rejects}: {n_rejected} records left out")
    if not attributes.get("sorted", True):
        notes.append("records are not in the order of positions; they were kept in the files' order")
    if cohort.has_alleles_beyond_alt:
        notes.append(
            f"{attributes['alleles_beyond_alt']} records have calls of alleles that they do not have"
        )
    return notes


def _preparation(settings: PathName | None, policy: Sequence[str], choices: Mapping[str, Any]) -> Preparation:
    """Join the choices of a settings file with those given, which come first."""
    from genomics.policy import CHOICES, parse_policy
    from genomics.preparation import Preparation, read_settings

    base = Preparation() if settings is None else read_settings(settings)
    given = {name: value for name, value in choices.items() if value not in (None, "", (), False)}
    if policy:
        named = {text.partition("=")[0].strip().replace("-", "_") for text in policy}
        parsed = parse_policy(policy)
        given["policy"] = replace(
            base.policy, **{name: getattr(parsed, name) for name in CHOICES if name in named}
        )
    return replace(base, **given)


def is_store(source: PathName) -> bool:
    """Whether a path is a VCF Zarr store."""
    from genomics.store_files import is_store as is_group

    path = Path(source)
    return path.exists() and is_group(path)


def export(
    cohort: PathName,
    out: PathName,
    *,
    regions: Sequence[str] = (),
    samples: Sequence[str] | None = None,
    keep: Sequence[PathName] = (),
    remove: Sequence[PathName] = (),
    extract: Sequence[PathName] = (),
    exclude: Sequence[PathName] = (),
    threads: int = 2,
) -> None:
    """Write the calls of a store as TSV or VCF.

    Parameters
    ----------
    cohort
        The store.
    out
        ``.tsv``, ``.vcf`` or ``.vcf.gz``.
    regions
        Regions to write.
    samples
        Samples to write, in this order.
    keep, remove
        Lists of samples to write or to leave out, as PLINK takes them.
    extract, exclude
        Lists of variants to write or to leave out: identifiers, or contig:position:ref:alt.
    threads
        Threads to compress with.
    """
    from genomics.cohort import open_cohort
    from genomics.errors import InputError
    from genomics.export import export_calls
    from genomics.lists import select_samples

    opened = open_cohort(cohort)
    if keep or remove:
        left = select_samples(opened.sample_ids.tolist(), keep=keep, remove=remove).samples
        samples = left if samples is None else [name for name in samples if name in set(left)]
    wanted, spans = _named(extract, opened)
    unwanted, holes = _named(exclude, opened)
    if holes or (spans and regions):
        raise InputError(
            "a list of intervals", file=(exclude if holes else extract)[0],
            expected="identifiers, or intervals for --extract alone", hint="give intervals as --regions",
        )  # fmt: skip
    if extract and not wanted and not spans:
        wanted = set()  # intervals on contigs that the store does not have
    export_calls(
        opened, out, regions=spans or regions or None, keep=samples, extract=wanted, exclude=unwanted or (),
        threads=threads,
    )  # fmt: skip


def _named(lists: Sequence[PathName], cohort: Cohort) -> tuple[set[str] | None, list[str]]:
    """Names in lists of variants, None where there is no list, and the regions of their intervals."""
    if not lists:
        return None, []
    from genomics.contigs import canonical_contig
    from genomics.errors import InputError
    from genomics.lists import read_variant_list

    found = read_variant_list(lists)
    if found.names and found.intervals:
        raise InputError(
            "identifiers and intervals together", file=lists[0], expected="one kind", hint="export twice"
        )
    regions = [
        f"{contig}:{start}-{end}"
        for contig in cohort.contigs
        for start, end in found.intervals.get(canonical_contig(contig), [])
    ]
    return (None, regions) if found.intervals else (set(found.names), [])
