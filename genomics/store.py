"""Write a cohort as a VCF Zarr store, block by block, under a temporary name until it is whole.

References
----------
VCF Zarr specification 0.4, https://github.com/sgkit-dev/vcf-zarr-spec
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from genomics.block import VariantBlock, empty_block
from genomics.errors import InputError
from genomics.fields import Field
from genomics.store_arrays import MAX_SAMPLES_CHUNK, ArrayWriter, Files
from genomics.store_columns import Axes, Column, block_columns
from genomics.store_files import (
    INTEGRITY,
    PROGRESS,
    clear_folder,
    clone,
    is_store,
    lock_folder,
    publish,
    read_json,
    temporary_folder,
    write_json,
)

VCF_ZARR_VERSION = "0.4"
MAX_VARIANTS_CHUNK = 10_000
# Calls of one chunk: 8 MB of genotypes, few files, and quick to reach a single variant in.
_CHUNK_CELLS = 4_000_000
# Samples x variants of one block in memory: it bounds what is held of a cohort of any width.
_BLOCK_CELLS = 5_000_000
# Chunks of variants that may wait for compression.
_WAITING_CHUNKS = 2


def variants_per_block(n_samples: int) -> int:
    """Records held at once, and per chunk: about 4 million calls, in at most 10,000 records.

    Examples
    --------
    >>> variants_per_block(100), variants_per_block(2504), variants_per_block(500_000)
    (10000, 1597, 10)
    """
    per_chunk = _CHUNK_CELLS // max(1, min(n_samples, MAX_SAMPLES_CHUNK))
    return max(1, min(MAX_VARIANTS_CHUNK, per_chunk, _BLOCK_CELLS // max(1, n_samples)))


class StoreWriter:
    """Append blocks of records to a VCF Zarr store.

    The store grows in a folder beside its final name and takes that name in `finish`. Used as a context
    manager, it leaves nothing behind when it is left by an error; what a killed program leaves is taken
    up again by a writer of the same `task`.

    Parameters
    ----------
    path
        Final name of the store: a folder, or a file where it ends in .zip. A store that is there already
        is replaced, anything else is not.
    samples
        Identifiers, in the order of the samples axis.
    threads
        Threads that compress.
    task
        Tells what is written. Where a killed writer of the same task left a checkpoint, the records go on
        from there, and `resumed` holds what the checkpoint recorded.
    extend
        An existing store of the same samples: the records come after its own.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        samples: Sequence[str],
        *,
        threads: int = 1,
        task: str = "",
        extend: str | os.PathLike[str] | None = None,
    ) -> None:
        self.path = Path(path)
        self.samples = list(samples)
        self.task = task
        self.n_variants = 0
        self.block_records = variants_per_block(len(self.samples))
        self.contigs: dict[str, int] = {}
        self.contig_lengths: dict[str, int | None] = {}
        self.filters: dict[str, str] = {"PASS": "All filters passed"}
        self.fields: dict[str, Field] = {}
        self.axes = Axes()
        self.files: Files = {}
        self.arrays: dict[str, ArrayWriter] = {}
        self.runs: list[list[int]] = []
        self.resumed: dict[str, Any] | None = None
        self._pending: list[VariantBlock] = []
        self._waiting: list[list[Future[None]]] = []
        self._refuse_to_replace()
        self.temporary = temporary_folder(self.path)
        self._lock = lock_folder(self.temporary, self.path)
        self.pool = ThreadPoolExecutor(max(1, threads))
        try:
            self._start(None if extend is None else Path(extend))
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise

    def _refuse_to_replace(self) -> None:
        if self.path.exists() and not is_store(self.path):
            raise InputError(
                "exists and is not a cohort store, so it is not replaced",
                file=self.path,
                expected="a new name, or an existing store",
                hint="choose another --out",
            )

    def _start(self, extend: Path | None) -> None:
        from genomics.store_state import restore, restore_from_metadata

        progress = read_json(self.temporary / PROGRESS)
        if progress is not None and self.task and progress.get("task") == self.task:
            self.resumed = restore(self, progress)
            return
        clear_folder(self.temporary)
        if extend is not None:
            clone(extend, self.temporary)
            restore_from_metadata(self)

    def __enter__(self) -> StoreWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.pool.shutdown(wait=True, cancel_futures=True)
        interrupted = kind is not None and issubclass(kind, KeyboardInterrupt)
        if not (interrupted and (self.temporary / PROGRESS).exists()):
            shutil.rmtree(self.temporary, ignore_errors=True)
        self._lock.close()

    # -- what the header declares ------------------------------------------------------------------

    def declare_contigs(self, lengths: Mapping[str, int | None]) -> None:
        """Give contigs their place before any record names them."""
        for name, length in lengths.items():
            self.contigs.setdefault(name, len(self.contigs))
            if length is not None or name not in self.contig_lengths:
                self.contig_lengths[name] = length

    def declare_filters(self, names: Iterable[str], descriptions: Mapping[str, str] | None = None) -> None:
        """Give filters their column before any record names them."""
        for name in names:
            text = (descriptions or {}).get(name, "")
            self.filters[name] = text or self.filters.get(name, "")

    def declare_fields(self, fields: Mapping[str, Field]) -> None:
        """Take the words and the number of values of INFO and FORMAT fields."""
        self.fields.update({field.array_name: field for field in fields.values()})

    # -- records -----------------------------------------------------------------------------------

    def append(self, block: VariantBlock) -> None:
        """Add records after those written before; whole chunks go to disk, the rest waits."""
        self._pending.append(block)
        waiting = sum(len(part) for part in self._pending)
        while waiting >= self.block_records:
            self._write(self._first_rows(self.block_records))
            self.n_variants += self.block_records
            waiting -= self.block_records

    def _first_rows(self, n_rows: int) -> list[VariantBlock]:
        """Take blocks from those that wait, cutting the last one."""
        taken: list[VariantBlock] = []
        while n_rows:
            block = self._pending.pop(0)
            if len(block) > n_rows:
                self._pending.insert(0, block.rows(n_rows, len(block)))
                block = block.rows(0, n_rows)
            taken.append(block)
            n_rows -= len(block)
        return taken

    def _write(self, blocks: Sequence[VariantBlock]) -> None:
        """Hand the next chunk of variants to the threads that compress."""
        index = self.n_variants // self.block_records
        for block in blocks:
            self.declare_contigs({name: None for name in set(block.contigs) if name not in self.contigs})
            names = {name for names in set(block.filters) for name in names}
            self.declare_filters(sorted(names - self.filters.keys()))
        columns = block_columns(blocks, self.axes, self.fields, self.contigs, self.filters)
        jobs = [self._array(name, column).submit(self.pool, index, column.parts, column.make)
                for name, column in columns.items()]  # fmt: skip
        self._note_runs(index, columns)
        self._waiting.append(jobs)
        if len(self._waiting) > _WAITING_CHUNKS:
            _wait(self._waiting.pop(0))

    def _array(self, name: str, column: Column) -> ArrayWriter:
        if name not in self.arrays:
            folder = self.temporary / name
            folder.mkdir(exist_ok=True)
            self.arrays[name] = ArrayWriter(
                folder,
                column.dimensions,
                column.missing,
                column.fill,
                self.block_records,
                self.files,
                column.attributes,
            )
        return self.arrays[name]

    def _note_runs(self, index: int, columns: Mapping[str, Column]) -> None:
        """Extend the index of regions: a row for each run of one contig within a chunk."""
        codes, positions, lengths = (
            columns[f"variant_{name}"].parts[0] for name in ("contig", "position", "length")
        )
        ends = positions + lengths - 1
        while self.runs and self.runs[-1][0] == index:  # of this chunk when it was shorter
            self.runs.pop()
        cuts = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
        for start, stop in pairwise(cuts):
            if stop > start:
                run = slice(start, stop)
                first, last = int(positions[run].min()), int(positions[run].max())
                self.runs.append([index, int(codes[start]), first, last, int(ends[run].max()), stop - start])

    # -- the end -----------------------------------------------------------------------------------

    def checkpoint(self, state: Mapping[str, Any]) -> None:
        """Bring everything to the disk, so that a killed program can go on from here.

        Parameters
        ----------
        state
            JSON values that the next writer of this task finds in `resumed`.
        """
        from genomics.store_state import save

        save(self, self._write_rest(), state)

    def _write_rest(self) -> int:
        """Write the records that wait for others to fill their chunk; return how many there are."""
        n_rows = sum(len(block) for block in self._pending)
        if n_rows or not self.arrays:
            self._write(self._pending or [empty_block(len(self.samples))])
        while self._waiting:
            _wait(self._waiting.pop(0))
        return n_rows

    def finish(self, attributes: Mapping[str, Any]) -> None:
        """Write what is left and the names of samples, contigs and filters; give the store its name."""
        from genomics.store_state import write_metadata

        self.n_variants += self._write_rest()
        self._pending = []
        write_metadata(self, {"vcf_zarr_version": VCF_ZARR_VERSION, "source": source(), **attributes})
        write_json(self.temporary, INTEGRITY, {"version": 1, "files": self.files}, {})
        publish(self.temporary, self.path)


def _wait(jobs: Iterable[Future[None]]) -> None:
    for job in jobs:
        job.result()


def source() -> str:
    """Name this program and its version."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"varimol-{version('varimol')}"
    except PackageNotFoundError:
        return "varimol-unknown"
