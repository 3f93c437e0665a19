"""From variant files to a cohort store: one pass, block by block, checked on the way."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from genomics.block import VariantBlock
from genomics.build import BuildDetector
from genomics.cohort import Cohort, open_cohort
from genomics.contigs import contig_rank
from genomics.errors import InputError
from genomics.fields import check_asked, choose_fields
from genomics.liftover import Liftover
from genomics.preparation import Preparation
from genomics.readers import Selection
from genomics.readers.vcf_header import VcfHeader
from genomics.record_order import RecordOrder
from genomics.regions import merge_regions, parse_region
from genomics.shards import (
    PathLike,
    Shard,
    check_naming,
    choose_samples,
    fingerprint,
    open_shards,
    region_naming,
)
from genomics.store import StoreWriter, source
from genomics.store_files import disk_error
from genomics.transform import BlockTransform

CHECKPOINT_SECONDS = 30.0
"""How much work a killed program may lose, at most."""

# Attributes of a store whose records were changed between reader and store.
_CHANGED = {"filter_policy", "gvcf", "normalisation", "hard_filter", "variant_lists", "liftover"}
# Notes of readers whose files do not tell the reference allele.
_PROVISIONAL = {"plink_alleles", "bgen_reference"}


def ingest(
    inputs: Sequence[PathLike] | PathLike,
    out: PathLike,
    *,
    sites: pd.DataFrame | None = None,
    regions: Sequence[str] = (),
    samples: Sequence[str] | None = None,
    fields: Sequence[str] | None = None,
    preparation: Preparation | None = None,
    append: bool = False,
    keep_going: bool = False,
    build: str = "auto",
    threads: int = 1,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    progress: Callable[[float], None] | None = None,
) -> Cohort:
    """Read variant files into a cohort store.

    A run that was killed is taken up again by the same call, from its last checkpoint. A run with a
    `preparation` that changes records, and one that reads a pipe, starts anew.

    Parameters
    ----------
    inputs
        VCF (plain, gzip, bgzip), BCF, a PLINK 1 or PLINK 2 prefix, BGEN, ``-`` for standard input, or a
        folder of such files. Several files are shards of one cohort: the same samples, other sites, one
        genome build, one way to name contigs.
    out
        Name of the store: a folder, or a zip file where it ends in .zip. It appears under this name once it
        is whole; a store of that name is replaced.
    sites
        Known variants for build detection: rsid, contig (canonical), position_grch37, position_grch38,
        ref_grch37, ref_grch38. Without it only the header's chromosome lengths speak.
    regions
        Keep records that overlap one of these, ``19:10300000-10400000``. An index is used where there is
        one.
    samples
        Keep these samples, in this order.
    fields
        INFO and FORMAT fields to keep, such as ``FORMAT/AD`` or ``INFO/*``; DP, GQ, DS, PS of each call by default.
        GT, END and the annotation of consequences are always kept.
    preparation
        Call policies, gVCF expansion, normalisation, hard filters, lists of variants, liftover. Without it the
        store has what the files have.
    append
        Put the records after those of the store that is there already, which has the same samples.
    keep_going
        Leave bad records out and list them in ``OUT.rejects.tsv`` (file, record, field, reason) rather
        than stop at the first.
    build
        ``auto``, or ``GRCh37`` or ``GRCh38`` where you know it; evidence to the contrary is an error.
    threads
        Threads that read, and as many that compress.
    checkpoint_seconds
        Time between checkpoints.
    progress
        Called with the fraction done, from 0 to 1.

    Returns
    -------
    Cohort

    Raises
    ------
    InputError
        The input cannot be used, or the store cannot be written. Nothing is left under `out` then, or what
        was there before.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> folder = Path(tempfile.mkdtemp())
    >>> text = '''##fileformat=VCFv4.2
    ... ##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
    ... #CHROM POS ID REF ALT QUAL FILTER INFO FORMAT A B
    ... 1 100 rs1 A G . PASS . GT 0/1 ./.
    ... '''
    >>> _ = (folder / "two.vcf").write_text(text.replace(" ", chr(9)))
    >>> cohort = ingest(folder / "two.vcf", folder / "two.vcz")
    >>> cohort.variants["variant_id"].tolist(), cohort.genotypes([0]).tolist()
    (['1:100:A:G'], [[[0, 1], [-1, -1]]])
    """
    out = Path(out)
    parsed = merge_regions([parse_region(text) for text in regions])
    shards = open_shards(inputs)
    prepared = Preparation() if preparation is None else preparation
    readers = [shard.reader for shard in shards]
    samples, listed = prepared.select_samples(readers, samples)
    chosen = choose_samples(shards, samples)
    check_naming(shards, parsed)
    check_asked([shard.reader.fields for shard in shards], fields)
    options = {"samples": chosen, "regions": parsed, "fields": fields, "append": append, "by": source(),
               "keep_going": keep_going, "build": build, "out": str(out.absolute())}  # fmt: skip
    task = fingerprint(shards, options) if prepared.changes_nothing else ""
    wanted = prepared.needed_fields(readers, fields)
    selection = Selection(
        samples=None if samples is None else tuple(samples),
        regions=tuple(parsed),
        fields=None if wanted is None else tuple(wanted),
        threads=threads,
    )
    extended = _extended(out, prepared) if append else None
    try:
        with (
            StoreWriter(out, chosen, threads=threads, task=task, extend=out if append else None) as writer,
            _Rejects(out, keep_going) as rejects,
        ):
            reject = rejects.of(shards[0].path) if keep_going else None
            steps = prepared.steps(readers, chosen, regions=parsed, build=build, reject=reject)
            copy = _Copy(writer, selection, fields, BuildDetector(sites), rejects, steps, checkpoint_seconds)
            if extended is not None:
                copy.order.follow(extended)
            copy.run(shards, progress)
            attributes = _attributes(copy, shards, build, extended)
            writer.finish({**attributes, **_policy_of(prepared, copy), **listed})
            rejects.finish()
    except OSError as error:
        described = disk_error(error, out)
        if described is None:
            raise
        raise described from error
    if progress is not None:
        progress(1.0)
    return open_cohort(out)


def _extended(out: Path, prepared: Preparation) -> Cohort:
    """Open the store that is added to, if its records were prepared as the new ones shall be."""
    if out.suffix == ".zip":
        raise InputError(
            "a zip file cannot be extended", file=out, expected="a store in a folder", hint="unpack it first"
        )
    cohort = open_cohort(out)
    if not prepared.changes_nothing or set(cohort.arrays.attrs) & _CHANGED:
        raise InputError(
            "records that were changed on their way cannot be mixed with others",
            file=out,
            field="append",
            expected="a store and new records as their files have them",
            hint="ingest all files together, with the same choices",
        )
    return cohort


def _attributes(copy: _Copy, shards: Sequence[Shard], build: str, extended: Cohort | None) -> dict[str, Any]:
    found, evidence = copy.detector.decide(build)
    attributes: dict[str, Any] = {} if extended is None else dict(extended.arrays.attrs)
    before = attributes.get("build", "unknown")
    if "unknown" not in (before, found) and before != found:
        raise InputError(
            f"the new records are on {found}, those of the store on {before}",
            field="build",
            expected="one genome build in all records",
            hint="lift one of them over",
        )
    if before == "unknown":
        attributes.update({"build": found, "build_evidence": evidence})
    attributes.update(copy.order.attributes())
    for shard in shards:
        attributes.update(_joined_notes(attributes, shard.reader.notes))
        header = getattr(shard.reader, "header", None)
        if isinstance(header, VcfHeader):
            attributes.setdefault("vcf_meta_information", header.meta_information)
    for step in copy.steps:
        attributes[step.name] = step.attributes()
        if isinstance(step, Liftover):
            attributes.update(
                {"build": step.build, "build_evidence": {"reason": f"lifted over from {found}"}}
            )
    return attributes


def _joined_notes(attributes: Mapping[str, Any], notes: Mapping[str, str]) -> dict[str, str]:
    """Add up counts of what several shards met; words are those of the last one."""
    return {
        name: str(int(text) + int(attributes[name]))
        if text.isdigit() and str(attributes.get(name, "")).isdigit()
        else text
        for name, text in notes.items()
    }


def _policy_of(prepared: Preparation, copy: _Copy) -> dict[str, Any]:
    """State the call policy also where every choice is the default and nothing had to be looked at."""
    return {} if copy.steps else {"call_policy": {"choices": prepared.policy.as_json()}}


class _Copy:
    """Copy the records of shards to a store, and take note now and then of how far that is."""

    def __init__(
        self,
        writer: StoreWriter,
        selection: Selection,
        fields: Sequence[str] | None,
        detector: BuildDetector,
        rejects: _Rejects,
        steps: Sequence[BlockTransform],
        checkpoint_seconds: float,
    ) -> None:
        self.writer, self.selection, self.detector = writer, selection, detector
        self.fields, self.rejects, self.steps = fields, rejects, steps
        self.order = RecordOrder()
        self.seen: set[str] = set()
        self._checkpoint_seconds = checkpoint_seconds
        self._saved = time.monotonic()
        self._at_start: dict[str, Any] = {}
        self._rows = 0  # of the shard under way, in the store
        self._file = ""  # that shard's

    def run(self, shards: Sequence[Shard], progress: Callable[[float], None] | None) -> None:
        """Copy all shards; those that a killed run had copied are left out."""
        resumed = self.writer.resumed
        if resumed is not None:
            self.detector.restore(resumed["detector"])
            self.order.restore(resumed["order"])
            self.seen = set(resumed["seen"])
        self.rejects.start(None if resumed is None else resumed["rejects"])
        blocks = self._shards(shards, progress)
        for step in self.steps:
            blocks = step.apply(blocks)
            self.writer.declare_filters(getattr(step, "filter_names", ()))
        kept = {key for shard in shards for key in choose_fields(shard.reader.fields, self.fields)}
        try:
            for block in blocks:
                self.writer.append(_with_fields(block, kept) if self.steps else block)
                self._checkpoint(len(block))
        except InputError as error:
            if error.file is not None or not self._file:
                raise
            raise InputError(
                error.message, file=self._file, record=error.record, field=error.field,
                expected=error.expected, hint=error.hint,
            ) from error  # fmt: skip
        self.seen |= self.order.contigs.keys()
        for region in self.selection.regions:
            if region.contig not in self.seen:
                raise region_naming(region, sorted(self.seen, key=contig_rank))

    def _shards(
        self, shards: Sequence[Shard], progress: Callable[[float], None] | None
    ) -> Iterator[VariantBlock]:
        """Yield the records of all shards but those that a killed run has put into the store."""
        total, done = sum(shard.size for shard in shards), 0
        resumed = self.writer.resumed
        for index, shard in enumerate(shards):
            if resumed is None or index >= resumed["shard"]:
                self._rows = 0
                skip = resumed["rows"] if resumed is not None and index == resumed["shard"] else 0
                for block in self._read(
                    index, shard, None if progress is None else _within(progress, done, total)
                ):
                    new = block.rows(min(len(block), max(0, skip - self._rows)), len(block))
                    self._rows += len(block) - len(new)
                    if len(new):
                        yield new
                self.seen |= shard.reader.seen_contigs
            done += shard.size
            if progress is not None:
                progress(min(0.99, done / total))

    def _read(
        self, index: int, shard: Shard, consumed: Callable[[int], None] | None
    ) -> Iterator[VariantBlock]:
        """Yield all records of a shard, and take note of their order and of what tells the build."""
        reader, writer = shard.reader, self.writer
        self._file = str(shard.path)
        self._at_start = {
            "shard": index,
            "detector": self.detector.state(),
            "order": self.order.state(),
            "rejects": self.rejects.position(),
            "seen": sorted(self.seen),
        }
        self.detector.add_header(shard.path.name, reader.contigs, reader.reference)
        writer.declare_contigs(reader.contigs)
        header = getattr(reader, "header", None)
        words = header.filter_descriptions if isinstance(header, VcfHeader) else {}
        writer.declare_filters(reader.filters, words)
        writer.declare_fields(choose_fields(reader.fields, self.fields))
        reject = self.rejects.of(shard.path) if self.rejects.keep_going else None
        selection = replace(
            self.selection, block_records=writer.block_records, reject=reject, consumed=consumed
        )
        either_allele = not _PROVISIONAL.isdisjoint(reader.notes)
        for block in reader.blocks(selection):
            self.order.check(block, shard.path)
            self.detector.add_block(shard.path.name, block, either_allele=either_allele)
            yield block

    def _checkpoint(self, n_rows: int) -> None:
        self._rows += n_rows
        if self.writer.task and time.monotonic() - self._saved >= self._checkpoint_seconds:
            self.writer.checkpoint({**self._at_start, "rows": self._rows})
            self._saved = time.monotonic()


def _with_fields(block: VariantBlock, kept: set[str]) -> VariantBlock:
    """Leave out the fields that only a step between reader and store had to see."""
    info = {name: values for name, values in block.info.items() if f"INFO/{name}" in kept}
    formats = {name: values for name, values in block.formats.items() if f"FORMAT/{name}" in kept}
    return replace(block, info=info, formats=formats)


def _within(progress: Callable[[float], None], done: int, total: int) -> Callable[[int], None]:
    return lambda read: progress(min(0.99, (done + read) / total))


class _Rejects:
    """The list of records that were left out, beside the store; written under its name at the end."""

    def __init__(self, out: Path, keep_going: bool) -> None:
        self.keep_going = keep_going
        self.path = out.with_name(out.name + ".rejects.tsv")
        self.temporary = out.with_name(f".{self.path.name}.partial")

    def start(self, position: int | None) -> None:
        """Begin the list, or go on behind `position` of a list that a killed run left."""
        if not self.keep_going:
            return
        if position is not None and self.temporary.exists():
            os.truncate(self.temporary, position)
        else:
            self.temporary.write_text("file\trecord\tfield\treason\n", encoding="utf-8")

    def position(self) -> int:
        """Bytes of the list so far."""
        return self.temporary.stat().st_size if self.keep_going else 0

    def __enter__(self) -> _Rejects:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or not issubclass(kind, KeyboardInterrupt):
            self.temporary.unlink(missing_ok=True)

    def of(self, path: Path) -> Callable[[int | str, str, str], None]:
        """Return the function that lists a record of one file."""

        def reject(record: int | str, field_name: str, reason: str) -> None:
            clean = " ".join(reason.split())
            with self.temporary.open("a", encoding="utf-8") as stream:
                stream.write(f"{path.name}\t{record}\t{field_name}\t{clean}\n")

        return reject

    def finish(self) -> None:
        """Give the list its name."""
        if self.keep_going:
            self.temporary.replace(self.path)
