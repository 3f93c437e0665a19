"""Results that appear under their name only when they are whole."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from chem.errors import InputError


@contextmanager
def new_directory(final: str | Path, *, replaces: str | None = None) -> Iterator[Path]:
    """Build a directory under a temporary name beside its place and rename it when the block ends.

    Parameters
    ----------
    final
        Where it shall stand.
    replaces
        Name of a file that marks a directory of the same kind: such a directory, or an empty one, is
        replaced. Anything else in the place is left alone and refused.

    Yields
    ------
    Path
        The directory to write into.

    Raises
    ------
    InputError
        The place is taken or cannot be written to.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with new_directory(Path(folder) / "out") as building:
    ...         _ = (building / "a.txt").write_text("whole")
    ...     sorted(path.name for path in Path(folder).iterdir())
    ['out']
    """
    place = Path(final)
    _refuse_taken(place, replaces)
    building = place.with_name(f"{place.name}.tmp-{os.getpid()}")
    try:
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        yield building
        _swap(building, place, place.with_name(f"{place.name}.old-{os.getpid()}"))
    except OSError as error:
        raise _not_written(error, place) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


WHOLE = "whole"
"""What becomes the result, in a folder of `resumable_directory`."""
_KEY, _LOCK, _OLD = "key", "lock", "replaced"


@contextmanager
def resumable_directory(final: str | Path, key: str, *, replaces: str | None = None) -> Iterator[Path]:
    """Build a directory in steps that outlast the program, and give it its name when it is whole.

    The steps lie in ``.NAME.partial`` beside the place, which only one program at a time may use. They stay there
    when the program is killed or fails, for the next call with the same key; with another key it starts anew.

    Parameters
    ----------
    final
        Where it shall stand.
    key
        Whatever the steps depend on.
    replaces
        As in `new_directory`.

    Yields
    ------
    Path
        The folder for the steps. The block has to leave the result in its `WHOLE`.

    Raises
    ------
    InputError
        The place is taken or cannot be written to, or another program is writing there.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with resumable_directory(Path(folder) / "out", "key") as steps:
    ...         (steps / WHOLE).mkdir()
    ...     sorted(path.name for path in Path(folder).iterdir())
    ['out']
    """
    place = Path.cwd() / final  # the name of '.' is empty
    _refuse_taken(place, replaces)
    steps = place.with_name(f".{place.name}.partial")
    try:
        lock = _lock(steps, place)
        with lock:
            _keep_steps_of(steps, key)
            try:
                yield steps
                _sync(steps / WHOLE)
                _swap(steps / WHOLE, place, steps / _OLD)
                shutil.rmtree(steps)
            finally:
                _remove_if_without_steps(steps)
    except OSError as error:
        raise _not_written(error, place) from error


def _lock(steps: Path, place: Path) -> IO[bytes]:
    """Hold the folder for as long as the file is open."""
    while True:
        steps.mkdir(parents=True, exist_ok=True)
        lock = (steps / _LOCK).open("wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(lock.fileno()), (steps / _LOCK).stat()):
                return lock
        except BlockingIOError:
            lock.close()
            raise InputError(
                "another program is writing it",
                file=place,
                hint="wait for that one, or choose another output directory",
            ) from None
        except FileNotFoundError:
            pass  # whoever held it has just finished and removed the folder: make it anew
        lock.close()


def _keep_steps_of(steps: Path, key: str) -> None:
    """Remove what a call with another key has left, and what becomes the result in any case."""
    written = steps / _KEY
    same = written.is_file() and written.read_text(encoding="utf-8") == key
    for item in list(steps.iterdir()):
        if item.name == _LOCK or (same and item.name not in (WHOLE, _OLD)):
            continue
        if item.is_dir():
            shutil.rmtree(item)
        else:
            item.unlink()
    written.write_text(key, encoding="utf-8")


def _remove_if_without_steps(steps: Path) -> None:
    if not any(item.is_file() for item in steps.rglob("*") if item.name not in (_KEY, _LOCK)):
        shutil.rmtree(steps, ignore_errors=True)


def _sync(folder: Path) -> None:
    """Bring the files of a folder to the disk, before the name says that they are whole."""
    for file in folder.rglob("*"):
        if file.is_file():
            descriptor = os.open(file, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _not_written(error: OSError, place: Path) -> InputError:
    return InputError(
        f"cannot be written: {error.strerror or error}",
        file=place,
        expected="a directory with room and write permission",
        hint="choose another output directory",
    )


def _refuse_taken(place: Path, replaces: str | None) -> None:
    if not (place.exists() or place.is_symlink()):
        return
    if place.is_dir() and not any(place.iterdir()):
        return
    if replaces is not None and place.is_dir() and (place / replaces).is_file():
        return
    raise InputError(
        "already exists and holds something else", file=place, hint="choose a new output directory"
    )


def _swap(building: Path, place: Path, old: Path) -> None:
    if not place.exists():
        building.rename(place)
        return
    place.rename(old)
    building.rename(place)
    shutil.rmtree(old)
