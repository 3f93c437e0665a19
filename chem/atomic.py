"""Results that appear under their name only when they are whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
        _swap(building, place)
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror or error}",
            file=place,
            expected="a directory with room and write permission",
            hint="choose another output directory",
        ) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


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


def _swap(building: Path, place: Path) -> None:
    if not place.exists():
        building.rename(place)
        return
    old = place.with_name(f"{place.name}.old-{os.getpid()}")
    place.rename(old)
    building.rename(place)
    shutil.rmtree(old)
