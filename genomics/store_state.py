"""What a store says of itself: its metadata when it is whole, and how far it came when it is not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from genomics.block import VariantBlock
from genomics.errors import InputError
from genomics.fields import Field, fill_value, missing_value
from genomics.store_arrays import SAMPLES, VARIANTS, ArrayWriter
from genomics.store_columns import Axes, columns_block
from genomics.store_files import INTEGRITY, PROGRESS, read_json, sync, write_json

if TYPE_CHECKING:
    from genomics.store import StoreWriter

_FILL_BY_NAME = {"call_genotype": -2, "variant_id": ".", "variant_id_mask": True, "call_genotype_mask": True}


def write_metadata(writer: StoreWriter, attributes: Mapping[str, Any]) -> None:
    """Write the arrays that name samples, contigs and filters, the region index and all metadata."""
    contigs = list(writer.contigs)
    lengths = {name: writer.contig_lengths.get(name) for name in contigs}
    known = {name: length for name, length in lengths.items() if length is not None}
    writer.axes.grow("filters", len(writer.filters))
    described: dict[str, Any] = {".zgroup": {"zarr_format": 2}, ".zattrs": dict(attributes)}
    for name, array in writer.arrays.items():
        tail, dtype = array.complete(writer.n_variants, writer.axes.lengths, writer.pool)
        described.update(_described(name, array, writer.n_variants, tail, dtype))
    small: dict[str, tuple[tuple[str, ...], np.ndarray]] = {
        "sample_id": ((SAMPLES,), _text(writer.samples)),
        "contig_id": (("contigs",), _text(contigs)),
        "filter_id": (("filters",), _text(list(writer.filters))),
        "filter_description": (("filters",), _text(list(writer.filters.values()))),
        "region_index": (
            ("region_index_values", "region_index_fields"),
            np.array(writer.runs, np.int32).reshape(-1, 6),
        ),
    }
    if len(known) == len(contigs):
        small["contig_length"] = (("contigs",), np.array(list(known.values()), np.int64))
    elif known:
        described[".zattrs"]["contig_lengths"] = known
    for name, (dimensions, values) in small.items():
        described.update(_write_small(writer, name, dimensions, values))
    for name, value in described.items():
        write_json(writer.temporary, name, value, writer.files)
    consolidated = {"metadata": described, "zarr_consolidated_format": 1}
    write_json(writer.temporary, ".zmetadata", consolidated, writer.files)


def _described(
    name: str, array: ArrayWriter, length: int, tail: tuple[int, ...], dtype: np.dtype[Any]
) -> dict[str, Any]:
    return {
        f"{name}/.zarray": array.describe(length, tail, dtype),
        f"{name}/.zattrs": {"_ARRAY_DIMENSIONS": list(array.dimensions), **array.attributes},
    }


def _write_small(
    writer: StoreWriter, name: str, dimensions: tuple[str, ...], values: np.ndarray
) -> dict[str, Any]:
    """Write an array whole, as one chunk."""
    folder = writer.temporary / name
    folder.mkdir(exist_ok=True)
    array = ArrayWriter(folder, dimensions, 0, 0, max(1, len(values)), writer.files)
    if len(values):
        array.submit(writer.pool, 0, [values]).result()
    return _described(name, array, len(values), values.shape[1:], values.dtype)


def _text(values: Sequence[str]) -> np.ndarray:
    return np.array(values, dtype=object)


def save(writer: StoreWriter, n_waiting: int, state: Mapping[str, Any]) -> None:
    """Bring all chunks to the disk, then say how far they go."""
    progress = {
        "task": writer.task,
        "n_variants": writer.n_variants,
        "n_waiting": n_waiting,
        "contigs": writer.contigs,
        "contig_lengths": writer.contig_lengths,
        "filters": writer.filters,
        "fields": {name: asdict(field) for name, field in writer.fields.items()},
        "axes": writer.axes.lengths,
        "runs": writer.runs,
        "files": writer.files,
        "arrays": {
            name: {
                "dimensions": list(array.dimensions),
                "attributes": array.attributes,
                "written": {str(i): [list(s), d.str] for i, (s, d) in array.written.items()},
            }
            for name, array in writer.arrays.items()
        },
        "state": dict(state),
    }
    sync(writer.temporary)
    # The order of names is the order of codes, so they are not sorted.
    text = json.dumps(progress)
    temporary = writer.temporary / f"{PROGRESS}.new"
    temporary.write_text(text, encoding="utf-8")
    sync(temporary)
    temporary.replace(writer.temporary / PROGRESS)


def restore(writer: StoreWriter, progress: Mapping[str, Any]) -> dict[str, Any]:
    """Put a writer where another one made its last checkpoint; return that one's state."""
    writer.n_variants = progress["n_variants"]
    writer.contigs = dict(progress["contigs"])
    writer.contig_lengths = dict(progress["contig_lengths"])
    writer.filters = dict(progress["filters"])
    writer.fields = {name: Field(**values) for name, values in progress["fields"].items()}
    writer.axes = Axes(progress["axes"])
    writer.runs = [list(run) for run in progress["runs"]]
    writer.files.update(progress["files"])
    for name, described in progress["arrays"].items():
        written = {int(i): (tuple(s), np.dtype(d)) for i, (s, d) in described["written"].items()}
        _adopt(writer, name, tuple(described["dimensions"]), described["attributes"], written)
    _remove_unknown_files(writer)
    if progress["n_waiting"]:
        writer.append(_last_rows(writer, progress["n_waiting"]))
    return dict(progress["state"])


def restore_from_metadata(writer: StoreWriter) -> None:
    """Put a writer at the end of the finished store that its folder holds.

    Raises
    ------
    InputError
        The store was not written by this program, or has other samples.
    """
    root = writer.temporary
    integrity, consolidated = read_json(root / INTEGRITY), read_json(root / ".zmetadata")
    if integrity is None or consolidated is None:
        raise InputError(
            "the store cannot be extended: another program wrote it, or its writing was cut off",
            file=writer.path,
            expected="a store that varimol ingest wrote into a folder",
            hint="ingest all files together",
        )
    writer.files.update({name: list(entry) for name, entry in integrity["files"].items()})
    described = consolidated["metadata"]
    small = {name: _read_small(root, name, described) for name in ("sample_id", "contig_id", "filter_id")}
    if small["sample_id"].tolist() != writer.samples:
        raise InputError(
            "the new files' samples are not those of the store, in its order",
            file=writer.path,
            field="samples",
            expected=f"the {len(small['sample_id'])} samples of the store",
            hint="select and order them (--samples), or ingest the files apart",
        )
    lengths = described[".zattrs"].get("contig_lengths", {})
    if "contig_length/.zarray" in described:
        lengths = dict(zip(small["contig_id"], _read_small(root, "contig_length", described).tolist()))
    writer.declare_contigs({str(name): lengths.get(name) for name in small["contig_id"]})
    words = _read_small(root, "filter_description", described)
    writer.filters = {str(name): str(text) for name, text in zip(small["filter_id"], words, strict=True)}
    writer.runs = _read_small(root, "region_index", described).tolist()
    _adopt_all(writer, described)


def _adopt_all(writer: StoreWriter, described: Mapping[str, Any]) -> None:
    n_variants = described["variant_position/.zarray"]["shape"][0]
    rows = described["variant_position/.zarray"]["chunks"][0]
    if rows != writer.block_records:
        raise InputError(
            f"the store has chunks of {rows} variants", file=writer.path,
            expected=f"{writer.block_records}, as this version writes them", hint="ingest all files together",
        )  # fmt: skip
    for key, array in described.items():
        name, _, kind = key.partition("/")
        attributes = dict(described.get(f"{name}/.zattrs", {}))
        dimensions = tuple(attributes.pop("_ARRAY_DIMENSIONS", ()))
        if kind != ".zarray" or dimensions[:1] != (VARIANTS,):
            continue
        dtype = np.dtype(object if array["dtype"] == "|O" else array["dtype"])
        tail = tuple(array["shape"][1:])
        _adopt(
            writer, name, dimensions, attributes, dict.fromkeys(range(-(-n_variants // rows)), (tail, dtype))
        )
        if "type" in attributes and name != "variant_END":
            category, _, tag = name.partition("_")
            field = Field("FORMAT" if category == "call" else "INFO", tag, attributes["number"],
                          attributes["type"], attributes.get("description", ""))  # fmt: skip
            writer.fields[name] = field
        for axis, length in zip(dimensions[1:], tail, strict=True):
            if axis != SAMPLES:
                writer.axes.grow(axis, length)
    waiting = n_variants % rows
    writer.n_variants = n_variants - waiting
    if waiting:
        writer.append(_last_rows(writer, waiting))


def _adopt(
    writer: StoreWriter,
    name: str,
    dimensions: tuple[str, ...],
    attributes: dict[str, Any],
    written: dict[int, tuple[tuple[int, ...], np.dtype[Any]]],
) -> None:
    dtype = next(iter(written.values()))[1]
    fill = _FILL_BY_NAME.get(name, fill_value(dtype))
    missing = _FILL_BY_NAME.get(name, missing_value(dtype))
    if dtype.kind == "O" and (name == "variant_allele" or "type" not in attributes):
        missing = "." if name == "variant_id" else ""
    writer.arrays[name] = ArrayWriter(
        writer.temporary / name,
        dimensions,
        missing,
        fill,
        writer.block_records,
        writer.files,
        attributes,
        written,
    )


def _last_rows(writer: StoreWriter, n_rows: int) -> VariantBlock:
    """Read back the records of the last chunk, which is not full."""
    index = writer.n_variants // writer.block_records
    columns = {
        name: array.read(index)[:n_rows] for name, array in writer.arrays.items() if index in array.written
    }
    return columns_block(columns, list(writer.contigs), list(writer.filters))


def _remove_unknown_files(writer: StoreWriter) -> None:
    """Remove chunks that were written after the checkpoint."""
    for name, array in writer.arrays.items():
        for path in array.folder.iterdir():
            if f"{name}/{path.name}" not in writer.files:
                path.unlink()


def _read_small(root: Any, name: str, described: Mapping[str, Any]) -> np.ndarray:
    array = described[f"{name}/.zarray"]
    dtype = np.dtype(object if array["dtype"] == "|O" else array["dtype"])
    if not array["shape"][0]:
        return np.empty(array["shape"], dtype)
    writer = ArrayWriter(root / name, ("",) * len(array["shape"]), 0, 0, array["chunks"][0], {})
    writer.written[0] = tuple(array["shape"][1:]), dtype
    return writer.read(0)
