"""The files of one cohort: found, opened, put in order, and checked against each other."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genomics.contigs import canonical_contig, contig_rank
from genomics.errors import InputError
from genomics.readers import VariantReader, open_reader
from genomics.regions import Region

PathLike = str | os.PathLike[str]
_VARIANT_FILES = (".vcf", ".vcf.gz", ".vcf.bgz", ".bcf", ".bcf.gz", ".bed", ".pgen", ".bgen")
_PARTS = ("", ".bed", ".bim", ".fam", ".pgen", ".pvar", ".psam", ".pvar.zst")


@dataclass(frozen=True)
class Shard:
    """One input file or fileset.

    Attributes
    ----------
    reader
        Its reader.
    start
        Rank of the contig and position of its first record.
    size
        Bytes of its largest file, 1 where it is a pipe.
    """

    reader: VariantReader
    start: tuple[tuple[int, str], int]
    size: int

    @property
    def path(self) -> Path:
        """The file, or the prefix of the fileset."""
        return self.reader.path


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
    return "VCF (.vcf, .vcf.gz), BCF (.bcf), PLINK (.bed, .pgen) or BGEN (.bgen)"


def open_shards(inputs: Sequence[PathLike] | PathLike) -> list[Shard]:
    """Open all files of a cohort, in the order of their first records.

    Raises
    ------
    InputError
        A file cannot be read, or has other samples than the first.
    """
    shards = [_open_shard(path) for path in list_inputs(inputs)]
    first = shards[0].reader
    for shard in shards[1:]:
        own = shard.reader.samples
        if own != first.samples:
            counts = f" ({len(own)} and {len(first.samples)})"
            raise InputError(
                f"its samples are not those of {first.path.name}"
                + (" in the same order" if set(own) == set(first.samples) else counts),
                file=shard.path,
                field="#CHROM",
                expected="the same samples in the same order in every shard",
                hint="select and order them (bcftools view -S), or ingest the files apart",
            )
    return sorted(shards, key=lambda shard: (shard.start, shard.path.name))


def _open_shard(path: Path) -> Shard:
    reader = open_reader(path)
    first = reader.first_record()
    start = (contig_rank(first[0]), first[1]) if first else ((10**6, ""), 0)
    sizes = [file.stat().st_size for file in _files(reader)]
    return Shard(reader, start, max([1, *sizes]))


def _files(reader: VariantReader) -> list[Path]:
    """The regular files that a reader reads."""
    path = reader.path
    named = [path.with_name(path.name + part) for part in _PARTS]
    return [file for file in named if file.is_file()]


def fingerprint(shards: Sequence[Shard], options: Mapping[str, Any]) -> str:
    """Digest what a store is made of, so that only the same work is taken up again; empty for a pipe."""
    files = [file for shard in shards for file in _files(shard.reader)]
    if len({shard.path for shard in shards if _files(shard.reader)}) < len(shards):
        return ""
    stats = [(str(file.absolute()), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    text = json.dumps([stats, dict(options)], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def choose_samples(shards: Sequence[Shard], samples: Sequence[str] | None) -> list[str]:
    """Return the samples of the store.

    Raises
    ------
    InputError
        A sample that is asked for is not in the files, or is asked for twice.
    """
    present = shards[0].reader.samples
    if samples is None:
        return list(present)
    known = set(present)
    absent = [index for index, name in enumerate(samples, start=1) if name not in known]
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


def check_naming(shards: Sequence[Shard], regions: Sequence[Region]) -> None:
    """Refuse a region whose contig the headers name in another way.

    Raises
    ------
    InputError
        A header has ``1`` where the region has ``chr1``, or the other way round.
    """
    declared = [name for shard in shards for name in shard.reader.contigs]
    canonical = {canonical_contig(name) for name in declared}
    for region in regions:
        if region.contig not in declared and canonical_contig(region.contig) in canonical:
            raise region_naming(region, declared)


def region_naming(region: Region, contigs: Sequence[str]) -> InputError:
    """Make the error for a region on a contig that no file has."""
    same = [name for name in contigs if canonical_contig(name) == canonical_contig(region.contig)]
    shown = ", ".join(list(dict.fromkeys(contigs))[:5])
    return InputError(
        f"no contig {region.contig!r}; the file names its contigs {same[0] if same else shown or 'nothing'}",
        field="regions",
        expected="a contig as the file writes it",
        hint=f"ask for {same[0]}:{region.start}-{region.end}" if same else "check the region",
    )
