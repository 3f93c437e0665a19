"""Open a store and tell whether it is whole: cheap checks each time, every byte on request.

A store that varimol wrote carries `INTEGRITY`, which lists each of its files with size and CRC-32. Stores
of other programs have none; for them only the metadata and, in a zip file, the zip's own checksums speak.
"""

from __future__ import annotations

import json
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genomics.chunk_reader import damaged_chunk
from genomics.errors import InputError
from genomics.store_files import INTEGRITY, PROGRESS

if TYPE_CHECKING:
    import xarray as xr

NEWEST_VERSION = (0, 5)
"""The newest VCF Zarr version known; 0.5 adds floats of 16 and 64 bits to 0.4."""

# Their lengths must agree for any step; those of the allele axes only matter to xarray.
_CHECKED_AXES = ("variants", "samples", "ploidy", "filters", "contigs")
_NEEDED = ("variant_position", "variant_contig", "variant_allele", "contig_id", "sample_id")
_CRC_BLOCK = 1 << 22


def is_zip(path: Path) -> bool:
    """Tell whether a path is a store in one zip file, by its name.

    Examples
    --------
    >>> is_zip(Path("cohort.vcz.zip")), is_zip(Path("cohort.vcz"))
    (False, False)
    """
    return path.name.endswith(".zip") and path.is_file()


def open_group(path: Path) -> Any:
    """Open the store at a path, a folder or a zip file, as a zarr Group for reading.

    Raises
    ------
    InputError
        There is nothing, or it is no VCF Zarr store, or its writing was cut off.
    """
    import zarr

    if not path.exists():
        raise InputError("no such cohort store", file=path, hint="make it with varimol ingest")
    if path.name.endswith(".partial") or (path / PROGRESS).exists():
        raise _cut_off(path, "it is still under way, or was stopped")
    try:
        store: Any = zarr.storage.ZipStore(path, mode="r", read_only=True) if is_zip(path) else path
        group = zarr.open_group(store, mode="r")
        if "variant_position" not in group:
            raise KeyError("variant_position")
    except zipfile.BadZipFile as error:
        raise _cut_off(path, "the zip file has no directory at its end") from error
    except (FileNotFoundError, KeyError, ValueError, NotADirectoryError) as error:
        raise InputError(
            "not a VCF Zarr store",
            file=path,
            expected="a folder or a .zip that varimol ingest wrote",
            hint="make it with varimol ingest",
        ) from error
    return group


def check_store(path: Path, group: Any) -> None:
    """Check what can be checked without reading a chunk.

    All arrays that a cohort needs are there, those that share an axis agree on its length, the consolidated
    metadata say what the arrays' own say, and every file that the integrity list names has its size.

    Raises
    ------
    InputError
        One of these does not hold; it names the array, and the chunk where there is one.
    """
    arrays = dict(stored_arrays(group))
    missing = [name for name in _NEEDED if name not in arrays]
    if missing and ((path / "wip").is_dir() or not _is_consolidated(path, group)):
        raise _cut_off(path, f"it has no {missing[0]}")
    if missing:
        raise InputError(
            f"the store has no {missing[0]}", file=path, field=missing[0], expected="the arrays of VCF Zarr",
            hint="ingest the variant file again",
        )  # fmt: skip
    _check_version(path, str(group.attrs.get("vcf_zarr_version", "0.4")))
    _check_axes(path, arrays)
    if not is_zip(path):
        _check_consolidated(path)
        _check_sizes(path)


def stored_arrays(group: Any) -> list[tuple[str, Any]]:
    """List the arrays of a store by name."""
    with warnings.catch_warnings():  # the integrity list is no array, which zarr finds worth a warning
        warnings.filterwarnings("ignore", message=".*not recognized as a component of a Zarr")
        return sorted(group.arrays())


def _is_consolidated(path: Path, group: Any) -> bool:
    return is_zip(path) or group.metadata.consolidated_metadata is not None


def _cut_off(path: Path, reason: str) -> InputError:
    return InputError(
        f"the writing of the store was cut off ({reason})",
        file=path,
        expected="a whole VCF Zarr store",
        hint="run the same varimol ingest again, or copy the store again",
    )


def _check_version(path: Path, version: str) -> None:
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers > NEWEST_VERSION:
        warnings.warn(
            f"{path.name} is VCF Zarr {version}, newer than {'.'.join(map(str, NEWEST_VERSION))}: "
            "what the newer version adds is not read",
            UserWarning,
            stacklevel=5,
        )


def dimension_names(array: Any) -> tuple[str, ...]:
    """Return the names of an array's axes, of Zarr format 2 or 3; empty where it has none."""
    named = array.attrs.get("_ARRAY_DIMENSIONS") or getattr(array.metadata, "dimension_names", None) or ()
    return tuple(str(name) for name in named)


def array_axes(name: str, array: Any) -> tuple[str, ...]:
    """Return the names of an array's axes, by the kind of array where the store does not name them."""
    by_kind = ("variants", "samples") if name.startswith("call_") else (name.split("_")[0] + "s",)
    return dimension_names(array) or by_kind


def open_dataset(path: Path, group: Any) -> xr.Dataset:
    """Open a store as an xarray Dataset over dask, chunked as stored, the values as stored.

    Raises
    ------
    InputError
        Arrays do not agree on an axis.
    """
    import xarray as xr

    consolidated = group.metadata.consolidated_metadata is not None
    try:
        return xr.open_zarr(group.store, consolidated=consolidated, mask_and_scale=False, chunks={})
    except ValueError as error:
        raise InputError(
            f"the arrays of the store do not fit together: {error}",
            file=path,
            expected="arrays that agree on their axes",
            hint="ingest again",
        ) from error


def _check_axes(path: Path, arrays: Mapping[str, Any]) -> None:
    lengths: dict[str, tuple[int, str]] = {"variants": (arrays["variant_position"].shape[0], "")}
    for name, array in arrays.items():
        names = dimension_names(array)
        if names and len(names) != array.ndim:
            raise _axis_error(path, name, f"has {array.ndim} axes and names for {len(names)}")
        for axis, length in zip(names, array.shape, strict=False):
            if axis in _CHECKED_AXES and lengths.setdefault(axis, (length, name))[0] != length:
                known, other = lengths[axis]
                raise _axis_error(
                    path, name, f"is {length} long on {axis}, {other or 'variant_position'} {known}"
                )


def _axis_error(path: Path, name: str, words: str) -> InputError:
    return InputError(
        f"{name} {words}",
        file=path,
        field=name,
        expected="arrays that agree on their axes",
        hint="the writing may have been cut off; ingest again",
    )


def _check_consolidated(path: Path) -> None:
    """Compare .zmetadata, which zarr reads, with the files that it was made from."""
    listing = path / ".zmetadata"
    if not listing.is_file():
        return
    try:
        consolidated: dict[str, Any] = json.loads(listing.read_text(encoding="utf-8"))["metadata"]
    except (ValueError, KeyError, TypeError) as error:
        raise _cut_off(path, ".zmetadata cannot be read") from error
    for name, expected in consolidated.items():
        own = path / name
        if not own.is_file() or json.loads(own.read_text(encoding="utf-8")) != expected:
            array = name.rsplit("/", 1)[0]
            raise InputError(
                f"{name} is not what the consolidated metadata say",
                file=path,
                field=array,
                expected="metadata that agree",
                hint="the store was changed after it was written; zarr.consolidate_metadata, or ingest again",
            )


def _integrity(path: Path) -> dict[str, tuple[int, int]] | None:
    """Return size and CRC-32 of each file by name; None for a store without the list."""
    listing = path / INTEGRITY
    if not listing.is_file():
        return None
    try:
        files = json.loads(listing.read_text(encoding="utf-8"))["files"]
        return {str(name): (int(size), int(crc)) for name, (size, crc) in files.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _cut_off(path, f"{INTEGRITY} cannot be read") from error


def _check_sizes(path: Path) -> None:
    for name, (size, _) in (_integrity(path) or {}).items():
        try:
            found = (path / name).stat().st_size
        except FileNotFoundError:
            raise _missing(path, name) from None
        if found != size:
            raise _damaged(path, name, f"{found} bytes, {size} were written")


def _missing(path: Path, name: str) -> InputError:
    array, _, chunk = name.partition("/")
    return InputError(
        f"chunk {array}/{chunk} is missing" if chunk else f"{name} is missing",
        file=path,
        field=array,
        expected="every file that was written",
        hint="copy the store again, or ingest again",
    )


def _damaged(path: Path, name: str, reason: str) -> InputError:
    array, _, chunk = name.partition("/")
    return damaged_chunk(path, array, chunk, reason)


def _crc(file: Path) -> int:
    value = 0
    with file.open("rb") as stream:
        while block := stream.read(_CRC_BLOCK):
            value = zlib.crc32(block, value)
    return value


def verify_files(path: Path, group: Any) -> int:
    """Read every chunk of a store and compare checksums.

    A store without checksums is decompressed instead, which finds chunks that are cut off or do not decode.

    Parameters
    ----------
    path
        The store.
    group
        It, opened.

    Returns
    -------
    int
        Files (in a store without checksums, rows of chunks) that were read.

    Raises
    ------
    InputError
        A chunk is missing or damaged; it names the array and the chunk.
    """
    if is_zip(path):
        return _verify_zip(path)
    listed = _integrity(path)
    if listed is None:
        return _decode_all(path, group)
    for name, (size, crc) in listed.items():
        file = path / name
        if not file.is_file():
            raise _missing(path, name)
        if file.stat().st_size != size or _crc(file) != crc:
            raise _damaged(path, name, "its checksum is not the one that was written")
    for file in path.rglob("*"):
        name = file.relative_to(path).as_posix()
        if file.is_file() and name not in listed and name != INTEGRITY:
            raise _damaged(path, name, "it was not part of the store when that was written")
    return len(listed)


def _verify_zip(path: Path) -> int:
    with zipfile.ZipFile(path) as archive:
        bad = archive.testzip()
        if bad is not None:
            raise _damaged(path, bad, "its checksum is not that of the zip file")
        return len(archive.namelist())


def _decode_all(path: Path, group: Any) -> int:
    count = 0
    for name, array in stored_arrays(group):
        step = array.chunks[0] if array.ndim else 1
        for start in range(0, array.shape[0] if array.ndim else 0, step):
            try:
                array[start : start + step]
            except Exception as error:  # codecs raise what they like
                raise damaged_chunk(path, name, f"row {start // step} of chunks", str(error)) from error
            count += 1
    return count
