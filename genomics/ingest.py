"""From variant files to a cohort store: one pass, block by block, checked on the way."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from genomics.build import BuildDetector
from genomics.cohort import Cohort, open_cohort
from genomics.contigs import canonical_contig, contig_rank
from genomics.errors import InputError
from genomics.fields import check_asked, choose_fields
from genomics.readers import Selection, VariantReader, open_reader
from genomics.record_order import RecordOrder
from genomics.regions import Region, merge_regions, parse_region
from genomics.store import StoreWriter, disk_error

PathLike = str | os.PathLike[str]
_VARIANT_FILES = (".vcf", ".vcf.gz", ".vcf.bgz", ".bcf", ".bcf.gz", ".bed")


@dataclass(frozen=True)
class _Shard:
    """One input file or fileset."""

    reader: VariantReader
    start: tuple[tuple[int, str], int]
    size: int

    @property
    def path(self) -> Path:
        return self.reader.path


def ingest(
    inputs: Sequence[PathLike] | PathLike,
    out: PathLike,
    *,
    sites: pd.DataFrame | None = None,
    regions: Sequence[str] = (),
    samples: Sequence[str] | None = None,
    fields: Sequence[str] | None = None,
    keep_going: bool = False,
    build: str = "auto",
    progress: Callable[[float], None] | None = None,
) -> Cohort:
    """Read variant files into a cohort store.

    Parameters
    ----------
    inputs
        VCF (plain, gzip, bgzip), BCF, a PLINK 1 prefix or .bed, or a folder of such files. Several files are
        shards of one cohort: the same samples, other sites, one genome build, one way to name contigs.
    out
        Name of the store. It appears under this name once it is whole; a store of that name is replaced.
    sites
        Known variants for build detection: rsid, contig (canonical), position_grch37, position_grch38,
        ref_grch37, ref_grch38. Without it only the header's chromosome lengths speak.
    regions
        Keep records that overlap one of these, ``19:10300000-10400000``. An index is used where there is
        one.
    samples
        Keep these samples, in this order.
    fields
        INFO and FORMAT fields to keep, such as ``FORMAT/AD`` or ``INFO/*``; DP and GQ of each call by default.
        GT, END and the annotation of consequences are always kept.
    keep_going
        Leave bad records out and list them in ``OUT.rejects.tsv`` (file, record, field, reason) rather
        than stop at the first.
    build
        ``auto``, or ``GRCh37`` or ``GRCh38`` where you know it; evidence to the contrary is an error.
    progress
        Called with the fraction done, from 0 to 1.

    Returns
    -------
    Cohort

    Raises
    ------
    InputError
        The input cannot be used, or the store cannot be written. Nothing is left under `out` then.

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
    paths = list_inputs(inputs)
    shards = _ordered([_open_shard(path) for path in paths])
    chosen = _choose_samples(shards, samples)
    _check_naming(shards, parsed)
    check_asked([shard.reader.fields for shard in shards], fields)
    detector = BuildDetector(sites)
    try:
        with StoreWriter(out, chosen) as writer, _Rejects(out, keep_going) as rejects:
            order = _copy(shards, writer, detector, rejects, parsed, samples, fields, progress)
            found, evidence = detector.decide(build)
            attributes: dict[str, Any] = {"build": found, "build_evidence": evidence, **order.attributes()}
            for shard in shards:
                attributes.update(shard.reader.notes)
            writer.finish(attributes)
            rejects.finish()
    except OSError as error:
        described = disk_error(error, out)
        if described is None:
            raise
        raise described from error
    if progress is not None:
        progress(1.0)
    return open_cohort(out)


def list_inputs(inputs: Sequence[PathLike] | PathLike) -> list[Path]:
    """List the variant files that are named, or lie in the folders that are named, sorted by name.

    Raises
    ------
    InputError
        There is none, or a file is of no kind that can be read.
    """
    named = [Path(inputs)] if isinstance(inputs, str | os.PathLike) else [Path(item) for item in inputs]
    found: list[Path] = []
    for path in named:
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.name.endswith(_VARIANT_FILES) and p.is_file())
            if not inside:
                raise InputError("the folder holds no variant files", file=path, expected=_kinds())
            found += inside
        else:
            found.append(path)
    if not found:
        raise InputError("no input was given", expected=_kinds())
    if len(set(found)) < len(found):
        twice = next(path for path in found if found.count(path) > 1)
        raise InputError("the file is given twice", file=twice, hint="name every shard once")
    return found


def _kinds() -> str:
    return "VCF (.vcf, .vcf.gz), BCF (.bcf) or PLINK (.bed, .bim, .fam)"


def _open_shard(path: Path) -> _Shard:
    reader = open_reader(path)
    files = (path, reader.path, reader.path.with_name(reader.path.name + ".bed"))
    size = next((file.stat().st_size for file in files if file.is_file()), 1)
    return _Shard(reader, _start(reader.first_record()), max(1, size))


def _start(first: tuple[str, int] | None) -> tuple[tuple[int, str], int]:
    return (contig_rank(first[0]), first[1]) if first else ((10**6, ""), 0)


def _ordered(shards: Sequence[_Shard]) -> list[_Shard]:
    first = shards[0]
    for shard in shards[1:]:
        if shard.reader.samples != first.reader.samples:
            same_set = set(shard.reader.samples) == set(first.reader.samples)
            raise InputError(
                f"its samples are not those of {first.path.name}"
                + (
                    " in the same order"
                    if same_set
                    else f" ({len(shard.reader.samples)} and {len(first.reader.samples)})"
                ),
                file=shard.path,
                field="#CHROM",
                expected="the same samples in the same order in every shard",
                hint="select and order them (bcftools view -S), or ingest the files apart",
            )
    return sorted(shards, key=lambda shard: (shard.start, shard.path.name))


def _choose_samples(shards: Sequence[_Shard], samples: Sequence[str] | None) -> list[str]:
    present = shards[0].reader.samples
    if samples is None:
        return list(present)
    absent = [index for index, name in enumerate(samples, start=1) if name not in set(present)]
    if absent:
        raise InputError(
            f"{len(absent)} of {len(samples)} samples asked for are not in the file, the first is number "
            f"{absent[0]} of the list",
            file=shards[0].path,
            field="samples",
            expected="names from the #CHROM line",
            hint="check the list's spelling",
        )
    if len(set(samples)) < len(samples) or not samples:
        raise InputError(
            "the list of samples is empty or names one twice", field="samples", expected="every sample once"
        )
    return list(samples)


def _check_naming(shards: Sequence[_Shard], regions: Sequence[Region]) -> None:
    declared = [name for shard in shards for name in shard.reader.contigs]
    canonical = {canonical_contig(name) for name in declared}
    for region in regions:
        if region.contig not in declared and canonical_contig(region.contig) in canonical:
            raise _region_naming(region, declared)


def _region_naming(region: Region, contigs: Sequence[str]) -> InputError:
    same = [name for name in contigs if canonical_contig(name) == canonical_contig(region.contig)]
    shown = ", ".join(list(dict.fromkeys(contigs))[:5])
    return InputError(
        f"no contig {region.contig!r}; the file names its contigs {same[0] if same else shown or 'nothing'}",
        field="regions",
        expected="a contig as the file writes it",
        hint=f"ask for {same[0]}:{region.start}-{region.end}" if same else "check the region",
    )


def _copy(
    shards: Sequence[_Shard],
    writer: StoreWriter,
    detector: BuildDetector,
    rejects: _Rejects,
    regions: Sequence[Region],
    samples: Sequence[str] | None,
    fields: Sequence[str] | None,
    progress: Callable[[float], None] | None,
) -> RecordOrder:
    order = RecordOrder()
    total, done = sum(shard.size for shard in shards), 0
    seen: set[str] = set()
    for shard in shards:
        reader = shard.reader
        detector.add_header(shard.path.name, reader.contigs, reader.reference)
        writer.declare_contigs(reader.contigs)
        writer.declare_filters(reader.filters)
        writer.declare_fields(choose_fields(reader.fields, fields))
        selection = Selection(
            samples=None if samples is None else tuple(samples),
            regions=tuple(regions),
            fields=None if fields is None else tuple(fields),
            block_records=writer.block_records,
            reject=rejects.of(shard.path) if rejects.keep_going else None,
            consumed=None if progress is None else _within(progress, done, total),
        )
        either_allele = "plink_alleles" in reader.notes
        for block in reader.blocks(selection):
            order.check(block, shard.path)
            detector.add_block(shard.path.name, block, either_allele=either_allele)
            writer.append(block)
        seen |= reader.seen_contigs
        done += shard.size
        if progress is not None:
            progress(min(0.99, done / total))
    seen |= order.contigs.keys()
    for region in regions:
        if region.contig not in seen:
            raise _region_naming(region, sorted(seen, key=contig_rank))
    return order


def _within(progress: Callable[[float], None], done: int, total: int) -> Callable[[int], None]:
    return lambda read: progress(min(0.99, (done + read) / total))


class _Rejects:
    """The list of records that were left out, beside the store; written under its name at the end."""

    def __init__(self, out: Path, keep_going: bool) -> None:
        self.keep_going = keep_going
        self.path = out.with_name(out.name + ".rejects.tsv")
        self.temporary = out.with_name(f"{self.path.name}.tmp-{os.getpid()}")
        self.rows: list[str] = []

    def __enter__(self) -> _Rejects:
        if self.keep_going:
            self.temporary.write_text("file\trecord\tfield\treason\n", encoding="utf-8")
        return self

    def __exit__(self, *_: object) -> None:
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
