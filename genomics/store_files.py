"""The files of a store under way: where it grows, who may write to it, and how it takes its final name."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import shutil
import sys
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

from genomics.errors import InputError
from genomics.store_arrays import Files

INTEGRITY = ".varimol-integrity.json"
"""Bytes and CRC-32 of every other file of a store."""
PROGRESS = ".varimol-progress.json"
"""What a killed program needs to go on; only in a store under way."""

_LOCK = ".varimol-lock"


def is_store(path: Path) -> bool:
    """Tell whether a path is a Zarr group, format 2 or 3, in a folder or a zip file."""
    if path.suffix == ".zip":
        return path.is_file() and zipfile.is_zipfile(path) and ".zgroup" in zipfile.ZipFile(path).namelist()
    if (path / ".zgroup").is_file():
        return True
    description = path / "zarr.json"
    return description.is_file() and json.loads(description.read_text()).get("node_type") == "group"


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
    if error.errno in (errno.ENOTDIR, errno.ENOENT, errno.EEXIST):
        return InputError(
            f"no place for {what}: {path.parent} is no folder that can be made",
            file=path,
            expected="a name in a folder",
            hint="choose another --out",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return InputError(
            f"no write permission for {what}",
            file=path,
            expected=f"a folder that may be written, {path.parent} may not",
            hint="choose another --out",
        )
    return None


def temporary_folder(path: Path) -> Path:
    """Return where a store grows: beside its final name, so that a rename suffices in the end."""
    return path.with_name(f".{path.name}.partial")


def lock_folder(folder: Path, path: Path) -> IO[bytes]:
    """Make the folder and hold it as long as the returned file is open.

    Raises
    ------
    InputError
        Another program writes this store.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / _LOCK).open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise InputError(
            "another program writes this store", file=path, hint="wait for it, or choose another --out"
        ) from None
    return lock


def clear_folder(folder: Path) -> None:
    """Remove everything in a folder but its lock."""
    for item in folder.iterdir():
        if item.is_dir():
            shutil.rmtree(item)
        elif item.name != _LOCK:
            item.unlink()


def clone(store: Path, folder: Path) -> None:
    """Let a folder have all files of a store, without copying them: the writer replaces files, whole."""
    for source in store.rglob("*"):
        if source.is_file():
            target = folder / source.relative_to(store)
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                target.hardlink_to(source)
            except OSError:  # a file system without hard links
                shutil.copyfile(source, target)


def write_json(root: Path, name: str, value: Any, files: Files) -> None:
    """Write a metadata file of a store, whole or not at all, and note its size and checksum."""
    data = json.dumps(value, sort_keys=True, allow_nan=False).encode()
    temporary = root / f"{name}.new"
    temporary.write_bytes(data)
    temporary.replace(root / name)
    files[name] = [len(data), zlib.crc32(data)]


def read_json(path: Path) -> Any:
    """Read a metadata file; None where it is not there or not whole."""
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def publish(folder: Path, path: Path) -> None:
    """Bring a finished store to the disk and give it its name, in place of an older one."""
    (folder / _LOCK).unlink()
    (folder / PROGRESS).unlink(missing_ok=True)
    ready = _zipped(folder, path) if path.suffix == ".zip" else folder
    sync(ready)
    old = path.with_name(f".{path.name}.old-{os.getpid()}")
    if path.exists():
        path.rename(old)
    ready.rename(path)
    _sync_folder(path.parent)
    for rest in (old, folder):
        if rest.is_dir():
            shutil.rmtree(rest, ignore_errors=True)
        else:
            rest.unlink(missing_ok=True)


def _zipped(folder: Path, path: Path) -> Path:
    """Pack a store into one file, not compressed again, the same bytes for the same store."""
    packed = path.with_name(f".{path.name}.packed")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                name = zipfile.ZipInfo(file.relative_to(folder).as_posix(), (1980, 1, 1, 0, 0, 0))
                archive.writestr(name, file.read_bytes())
    return packed


def sync(path: Path) -> None:
    """Wait until everything written to the path's file system is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if sys.platform == "linux" and ctypes.CDLL(None, use_errno=True).syncfs(descriptor) == 0:
            return
        os.sync()
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
