"""The files of a search index: arrays that are mapped, and a description of what they were made of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import rdkit
from numpy.typing import NDArray

from chem.errors import InputError

FORMAT_VERSION = 1
DESCRIPTION = "index.json"

_DAMAGED = "remove the folder, and it is made again"


class StaleIndexError(InputError):
    """An index that is whole, but of another library, version or program."""


def write_description(folder: Path, kind: str, n_molecules: int, source: str, **settings: Any) -> None:
    """Write index.json, which says what an index is and what it was made of."""
    description = {
        "kind": kind,
        "format_version": FORMAT_VERSION,
        "rdkit_version": rdkit.__version__,
        "source": source,
        "n_molecules": n_molecules,
        **settings,
    }
    text = json.dumps(description, indent=1, sort_keys=True) + "\n"
    (folder / DESCRIPTION).write_text(text, encoding="utf-8")


def read_description(folder: Path, kind: str, source: str | None) -> dict[str, Any]:
    """Read index.json and refuse what is no such index, damaged, or made of something else.

    Raises
    ------
    InputError
        One of these.
    """
    path = folder / DESCRIPTION
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
        found = {field: described[field] for field in ("kind", "format_version", "rdkit_version", "source")}
        n_molecules = int(described["n_molecules"])
    except (FileNotFoundError, NotADirectoryError):
        raise InputError("no search index here", file=folder, hint="make it first") from None
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise InputError(f"the search index is damaged ({error!r})", file=path, hint=_DAMAGED) from None
    wanted = {"kind": kind, "format_version": FORMAT_VERSION, "rdkit_version": rdkit.__version__}
    if source is not None:
        wanted["source"] = source
    for field, expected in wanted.items():
        if found[field] != expected:
            raise StaleIndexError(
                f"the search index was made for {found[field]!r}",
                file=path,
                field=field,
                expected=repr(expected),
                hint="make the index again",
            )
    return described | {"n_molecules": n_molecules}


def write_blocks(path: Path, shape: tuple[int, ...], dtype: Any, blocks: Iterator[NDArray[Any]]) -> None:
    """Write an .npy file block by block, so that only one block is held in memory.

    Parameters
    ----------
    path
        The file.
    shape, dtype
        Of the whole array.
    blocks
        Consecutive parts of it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "a.npy"
    ...     write_blocks(path, (3, 2), np.uint8, iter([np.ones((2, 2), np.uint8), np.zeros((1, 2), np.uint8)]))
    ...     np.load(path).tolist()
    [[1, 1], [1, 1], [0, 0]]
    """
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
    with path.open("wb") as handle:
        np.lib.format.write_array_header_1_0(handle, header)
        for block in blocks:
            handle.write(np.ascontiguousarray(block, dtype=dtype).data)


def open_array(path: Path, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Map an .npy file into memory and check that it is what it should be.

    Raises
    ------
    InputError
        The file is missing, cut off, no .npy file or of another shape or type.
    """
    try:
        array = np.load(path, mmap_mode="r" if all(shape) else None, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"the search index is damaged ({error})", file=path, hint=_DAMAGED) from None
    if array.shape != shape or array.dtype != np.dtype(dtype):
        raise InputError(
            f"the search index is damaged: {array.dtype} {array.shape}",
            file=path,
            expected=f"{np.dtype(dtype)} {shape}",
            hint=_DAMAGED,
        )
    return array
