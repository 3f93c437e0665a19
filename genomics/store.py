"""Write a cohort as a VCF Zarr store, block by block, under a temporary name until it is whole.

References
----------
VCF Zarr specification 0.4, https://github.com/sgkit-dev/vcf-zarr-spec
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from genomics.block import FILL, MISSING, VariantBlock, join_blocks, widen_ploidy
from genomics.errors import InputError
from genomics.fields import Field, fill_value, missing_value

VCF_ZARR_VERSION = "0.4"
MAX_VARIANTS_CHUNK = 1000
MAX_SAMPLES_CHUNK = 10_000
MAX_CHUNK_BYTES = 64_000_000
# Samples x variants of one block in memory: it bounds what is held of a cohort of any width.
_BLOCK_CELLS = 20_000_000

_VARIANTS, _SAMPLES = "variants", "samples"
_CONSEQUENCE_ARRAYS = ("variant_consequence_gene", "variant_consequence", "variant_amino_acid_change")


def variants_per_block(n_samples: int) -> int:
    """Records held at once, and per chunk: 1,000, fewer for cohorts wider than 20,000.

    Examples
    --------
    >>> variants_per_block(2504), variants_per_block(500_000)
    (1000, 40)
    """
    return max(1, min(MAX_VARIANTS_CHUNK, _BLOCK_CELLS // max(1, n_samples)))


def disk_error(error: OSError, path: Path, what: str = "the cohort store") -> InputError | None:
    """Say in one line that the disk is full or that the folder may not be written; None for other errors.

    Examples
    --------
    >>> print(disk_error(OSError(28, "No space left on device"), Path("/data/cohort.vcz")))
    cohort.vcz: the disk is full while the cohort store was written; expected free space in /data; free \
some space or choose another --out
    """
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return InputError(
            f"the disk is full while {what} was written",
            file=path,
            expected=f"free space in {path.parent}",
            hint="free some space or choose another --out",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return InputError(
            f"no write permission for {what}",
            file=path,
            expected=f"a folder that may be written, {path.parent} may not",
            hint="choose another --out",
        )
    return None


class StoreWriter:
    """Append blocks of records to a VCF Zarr store.

    The store grows under ``NAME.tmp-PID`` beside its final name and takes that name in `finish`. Used as
    a context manager, it leaves nothing behind when it is left without `finish`.

    Parameters
    ----------
    path
        Final name of the store. A store that is there already is replaced, anything else is not.
    samples
        Identifiers, in the order of the samples axis.
    """

    def __init__(self, path: str | os.PathLike[str], samples: Sequence[str]) -> None:
        import zarr

        self.path = Path(path)
        self.samples = list(samples)
        self.n_variants = 0
        self.block_records = variants_per_block(len(self.samples))
        self.temporary = self.path.with_name(f"{self.path.name}.tmp-{os.getpid()}")
        self._pending: list[VariantBlock] = []
        self._contigs: dict[str, int] = {}
        self._contig_lengths: dict[str, int | None] = {}
        self._filters: dict[str, int] = {"PASS": 0}
        self._fields: dict[str, Field] = {}
        self._refuse_to_replace()
        shutil.rmtree(self.temporary, ignore_errors=True)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.group: Any = zarr.open_group(self.temporary, mode="w", zarr_format=2)

    def _refuse_to_replace(self) -> None:
        if self.path.exists() and not is_store(self.path):
            raise InputError(
                "exists and is not a cohort store, so it is not replaced",
                file=self.path,
                expected="a new name, or an existing store",
                hint="choose another --out",
            )

    def __enter__(self) -> StoreWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        shutil.rmtree(self.temporary, ignore_errors=True)

    # -- what the header declares ------------------------------------------------------------------

    def declare_contigs(self, lengths: Mapping[str, int | None]) -> None:
        """Give contigs their place before any record names them."""
        for name, length in lengths.items():
            self._contigs.setdefault(name, len(self._contigs))
            if length is not None or name not in self._contig_lengths:
                self._contig_lengths[name] = length

    def declare_filters(self, names: Iterable[str]) -> None:
        """Give filters their column before any record names them."""
        for name in names:
            self._filters.setdefault(name, len(self._filters))

    def declare_fields(self, fields: Mapping[str, Field]) -> None:
        """Take the words and the number of values of INFO and FORMAT fields."""
        self._fields.update({field.array_name: field for field in fields.values()})

    # -- records -----------------------------------------------------------------------------------

    def append(self, block: VariantBlock) -> None:
        """Add records after those written before; whole chunks go to disk, the rest waits."""
        self._pending.append(block)
        waiting = sum(len(part) for part in self._pending)
        if waiting < self.block_records:
            return
        joined = join_blocks(self._pending, len(self.samples))
        whole = waiting - waiting % self.block_records
        for start in range(0, whole, self.block_records):
            self._write(joined.rows(start, start + self.block_records))
        self._pending = [joined.rows(whole, waiting)]

    def _write(self, block: VariantBlock) -> None:
        start, stop = self.n_variants, self.n_variants + len(block)
        self.declare_contigs({name: None for name in block.contigs if name not in self._contigs})
        self.declare_filters(name for names in block.filters for name in names)
        for name, (dimensions, values, fill) in self._columns(block).items():
            self._store(name, dimensions, values, fill, start)
        self.n_variants = stop

    def _columns(self, block: VariantBlock) -> dict[str, tuple[tuple[str, ...], np.ndarray, Any]]:
        calls = (_VARIANTS, _SAMPLES)
        n_alleles = max((len(alleles) for alleles in block.alleles), default=1)
        dtype = np.int8 if int(block.genotypes.max(initial=0)) <= 127 else np.int16
        genotypes: np.ndarray = block.genotypes.astype(dtype)
        columns: dict[str, tuple[tuple[str, ...], np.ndarray, Any]] = {
            "variant_contig": ((_VARIANTS,), self._contig_codes(block.contigs), 0),
            "variant_position": ((_VARIANTS,), block.positions.astype(np.int32), 0),
            "variant_id": ((_VARIANTS,), _text([name or "." for name in block.identifiers]), "."),
            "variant_id_mask": ((_VARIANTS,), np.array([not name for name in block.identifiers]), True),
            "variant_allele": ((_VARIANTS, "alleles"), _text_table(block.alleles, n_alleles), ""),
            "variant_quality": ((_VARIANTS,), block.quality.astype(np.float32), np.nan),
            "variant_filter": ((_VARIANTS, "filters"), self._filter_flags(block.filters), False),
            "variant_END": ((_VARIANTS,), block.ends.astype(np.int32), MISSING),
            "call_genotype": ((*calls, "ploidy"), genotypes, FILL),
            "call_genotype_mask": ((*calls, "ploidy"), np.less(genotypes, 0), True),
            "call_genotype_phased": (calls, block.phased, False),
            "call_state": (calls, block.states, 0),
        }
        for prefix, arrays in (("variant", block.info), ("call", block.formats)):
            for name, values in arrays.items():
                columns[f"{prefix}_{name}"] = self._field_column(f"{prefix}_{name}", values)
        if block.consequences is not None:
            for index, name in enumerate(_CONSEQUENCE_ARRAYS):
                rows = [tuple(item[index] for item in record) for record in block.consequences]
                columns[name] = ((_VARIANTS, "alt_alleles"), _text_table(rows, max(1, n_alleles - 1)), "")
        return columns

    def _field_column(self, name: str, values: np.ndarray) -> tuple[tuple[str, ...], np.ndarray, Any]:
        calls = (_VARIANTS, _SAMPLES) if name.startswith("call_") else (_VARIANTS,)
        if values.ndim == len(calls):
            return calls, values, missing_value(values.dtype)
        number = self._fields[name].number if name in self._fields else "."
        last = {"A": "alt_alleles", "R": "alleles", "G": "genotypes"}.get(number, f"{name}_dim")
        return (*calls, last), values, fill_value(values.dtype)

    def _contig_codes(self, contigs: Sequence[str]) -> np.ndarray:
        dtype = np.int16 if len(self._contigs) < 2**15 else np.int32
        return np.array([self._contigs[name] for name in contigs], dtype)

    def _filter_flags(self, filters: Sequence[Sequence[str]]) -> np.ndarray:
        flags = np.zeros((len(filters), len(self._filters)), bool)
        for row, names in enumerate(filters):
            for name in names:
                flags[row, self._filters[name]] = True
        return flags

    # -- arrays ------------------------------------------------------------------------------------

    def _store(
        self, name: str, dimensions: tuple[str, ...], values: np.ndarray, fill: Any, start: int
    ) -> None:
        if name not in self.group:
            self._create(name, dimensions, (start, *values.shape[1:]), values.dtype, fill)
        array = self.group[name]
        tail = tuple(max(old, new) for old, new in zip(array.shape[1:], values.shape[1:], strict=True))
        dtype = array.dtype if values.dtype.kind == "O" else np.promote_types(array.dtype, values.dtype)
        if tail != array.shape[1:] or dtype != array.dtype:
            array = self._widen(name, dimensions, tail, dtype, fill)
        if name == "call_genotype":
            values = widen_ploidy(values, tail[-1])
        pad = [(0, 0), *((0, wide - now) for wide, now in zip(tail, values.shape[1:], strict=True))]
        if any(after for _, after in pad):
            values = np.pad(values, pad, constant_values=fill)
        array.resize((start + len(values), *tail))
        write_rows(array, start, values)

    def _create(
        self, name: str, dimensions: tuple[str, ...], shape: tuple[int, ...], dtype: Any, fill: Any
    ) -> Any:
        import numcodecs

        text = np.dtype(dtype).kind == "O" or str(dtype).startswith("StringDType")
        codec = numcodecs.Blosc(cname="zstd", clevel=3, shuffle=numcodecs.Blosc.NOSHUFFLE if text else 1)
        itemsize = 1 if text else np.dtype(dtype).itemsize
        return self.group.create_array(
            name,
            shape=shape,
            chunks=self._chunks(dimensions, shape, itemsize),
            dtype=str if text else dtype,
            compressors=codec,
            fill_value=fill,
            attributes={"_ARRAY_DIMENSIONS": list(dimensions)},
        )

    def _chunks(self, dimensions: tuple[str, ...], shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
        chunks = []
        for dimension, length in zip(dimensions, shape, strict=True):
            if dimension == _VARIANTS:
                chunks.append(self.block_records)
            elif dimension == _SAMPLES:
                chunks.append(max(1, min(length, MAX_SAMPLES_CHUNK)))
            else:
                chunks.append(max(1, length))
        while np.prod(chunks, dtype=float) * itemsize > MAX_CHUNK_BYTES and _SAMPLES in dimensions:
            at = dimensions.index(_SAMPLES)
            chunks[at] = -(-chunks[at] // 2)
        return tuple(chunks)

    def _widen(
        self, name: str, dimensions: tuple[str, ...], tail: tuple[int, ...], dtype: Any, fill: Any
    ) -> Any:
        """Copy an array into one with longer axes or a wider type; what was written keeps its values."""
        import zarr

        old = self.group[name]
        wide_name = f"{name}_widened"
        wide = self._create(wide_name, dimensions, (old.shape[0], *tail), dtype, fill)
        pad = [(0, 0), *((0, new - now) for new, now in zip(tail, old.shape[1:], strict=True))]
        for start in range(0, old.shape[0], self.block_records):
            rows = np.asarray(old[start : start + self.block_records])
            if str(rows.dtype).startswith("StringDType"):
                rows = rows.astype(object)
            write_rows(wide, start, np.pad(rows, pad, constant_values=fill))
        shutil.rmtree(self.temporary / name)
        (self.temporary / wide_name).rename(self.temporary / name)
        self.group = zarr.open_group(self.temporary, mode="r+", zarr_format=2)
        return self.group[name]

    # -- the end -----------------------------------------------------------------------------------

    def finish(self, attributes: Mapping[str, Any]) -> None:
        """Write what is left and the names of samples, contigs and filters; give the store its name."""
        import zarr

        rest = join_blocks(self._pending, len(self.samples))
        if len(rest) or not self.n_variants:
            self._write(rest)
        self._pending = []
        contigs = list(self._contigs)
        self._one_axis("sample_id", _SAMPLES, _text(self.samples), "")
        self._one_axis("contig_id", "contigs", _text(contigs), "")
        lengths = [self._contig_lengths.get(name) for name in contigs]
        self._one_axis(
            "contig_length", "contigs", np.array([-1 if n is None else n for n in lengths], np.int64), -1
        )
        self._one_axis("filter_id", "filters", _text(list(self._filters)), "")
        self._widen_filters()
        self.group.attrs.update(
            {"vcf_zarr_version": VCF_ZARR_VERSION, "source": f"varimol-{_version()}", **attributes}
        )
        zarr.consolidate_metadata(self.temporary, zarr_format=2)
        _publish(self.temporary, self.path)

    def _one_axis(self, name: str, dimension: str, values: np.ndarray, fill: Any) -> None:
        array = self._create(name, (dimension,), values.shape, values.dtype, fill)
        write_rows(array, 0, values)

    def _widen_filters(self) -> None:
        array = self.group["variant_filter"]
        if array.shape[1] < len(self._filters):
            self._widen("variant_filter", (_VARIANTS, "filters"), (len(self._filters),), bool, False)


def write_rows(array: Any, start: int, values: np.ndarray) -> None:
    """Write `values` into an array from row `start` on."""
    if len(values):
        array[start : start + len(values)] = values


def is_store(path: Path) -> bool:
    """Tell whether a path is a Zarr group, format 2 or 3."""
    if (path / ".zgroup").is_file():
        return True
    description = path / "zarr.json"
    if not description.is_file():
        return False
    return json.loads(description.read_text()).get("node_type") == "group"


def _publish(temporary: Path, path: Path) -> None:
    descriptor = os.open(temporary / ".zmetadata", os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
    old = path.with_name(f"{path.name}.old-{os.getpid()}")
    if path.exists():
        path.rename(old)
    temporary.rename(path)
    shutil.rmtree(old, ignore_errors=True)


def _text(values: Sequence[str]) -> np.ndarray:
    return np.array(values, dtype=object)


def _text_table(rows: Sequence[Sequence[str]], width: int) -> np.ndarray:
    table = np.full((len(rows), width), "", dtype=object)
    for index, row in enumerate(rows):
        table[index, : len(row)] = row
    return table


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("varimol")
    except PackageNotFoundError:
        return "unknown"
