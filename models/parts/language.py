"""Embeddings of a protein language model, read from a file that was made elsewhere.

Shapes
------
One vector (d,) per target: a model's states averaged over the residues, not a matrix (length, d). All targets
of a file have the same d. Nothing here runs a language model, and no file is ever unpickled.

File forms, told by their ending:

* ``.npz`` and ``.safetensors``: one array per target, under its target_id;
* ``.parquet``: columns ``target_id`` (text) and ``embedding`` (list of floats).
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chem.errors import InputError

_ROWS = "one vector of floats per target, all of one length"
_SHOWN = 5

_Vectors = Iterator[tuple[str, NDArray[np.generic]]]


@dataclass(frozen=True)
class ProteinEmbeddings:
    """Vectors of a protein language model by target.

    Attributes
    ----------
    target_ids
        n names, each once.
    vectors
        (n, d) float32, finite.
    file
        Where they were read.
    """

    target_ids: tuple[str, ...]
    vectors: NDArray[np.float32]
    file: str

    @property
    def dim(self) -> int:
        """Numbers per vector."""
        return self.vectors.shape[1]

    def take(self, target_ids: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of targets, in the order asked.

        Raises
        ------
        InputError
            A target is not in the file; the first few are named.
        """
        place = {name: row for row, name in enumerate(self.target_ids)}
        _refuse_missing(self.file, target_ids, place)
        return self.vectors[[place[name] for name in target_ids]]


def read_embeddings(path: str | PathLike[str], target_ids: Sequence[str] | None = None) -> ProteinEmbeddings:
    """Read the vectors of targets.

    Parameters
    ----------
    path
        ``.npz``, ``.safetensors`` or ``.parquet``.
    target_ids
        Targets wanted, in this order, each once however often it is named; all of the file unless given.

    Returns
    -------
    ProteinEmbeddings
        Vectors in float32, whatever precision the file has.

    Raises
    ------
    InputError
        The file is missing, damaged or of another kind; a target wanted is not in it or is in it twice; a
        vector is no vector of floats, has another length than the first, or holds a NaN or an infinity.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "esm.npz")
    ...     np.savez(file, EGFR=np.ones(3, np.float32), ABL1=np.zeros(3, np.float32))
    ...     read_embeddings(file).take(["ABL1", "EGFR"]).tolist()
    [[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]
    """
    file = Path(path)
    reader = _READERS.get(file.suffix.lower())
    if reader is None:
        raise InputError(
            f"files ending in {file.suffix or 'nothing'} are not read", file=file,
            expected=" or ".join(_READERS), hint="write the embeddings as one of these",
        )  # fmt: skip
    if not file.is_file():
        raise InputError("there is no such file", file=file, expected="embeddings of the targets")
    wanted = None if target_ids is None else list(dict.fromkeys(target_ids))
    rows = [(name, _vector(file, name, array)) for name, array in reader(file, wanted)]
    if not rows:
        raise InputError("holds no embedding", file=file, expected=_ROWS)
    _refuse_unequal(file, rows)
    return ProteinEmbeddings(tuple(name for name, _ in rows), np.stack([row for _, row in rows]), str(file))


def _read_npz(file: Path, wanted: list[str] | None) -> _Vectors:
    # Opened here, because numpy leaves a file that it opened itself open when it is damaged.
    with file.open("rb") as stream:
        name = None
        try:
            # allow_pickle=False: an array of objects could run code when it is read.
            archive = np.load(stream, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise InputError("is one array", file=file, expected=_ROWS, hint="write it with numpy.savez")
            for name in _names(file, archive.files, wanted):
                yield name, archive[name]
        except InputError:
            raise
        except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise _damaged(file, error, name) from error


def _read_safetensors(file: Path, wanted: list[str] | None) -> _Vectors:
    from safetensors import SafetensorError, safe_open

    try:
        # By torch, because numpy has no bfloat16.
        with safe_open(file, framework="pt") as tensors:
            for name in _names(file, list(tensors.keys()), wanted):
                tensor = tensors.get_tensor(name)
                yield name, (tensor.float() if tensor.is_floating_point() else tensor).numpy()
    except (SafetensorError, OSError) as error:
        raise _damaged(file, error) from error


def _read_parquet(file: Path, wanted: list[str] | None) -> _Vectors:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # ParquetFile, not read_table: a name such as id=3.parquet must not be taken for a partition.
        with pq.ParquetFile(file) as parquet:
            missing = [name for name in ("target_id", "embedding") if name not in parquet.schema_arrow.names]
            if missing:
                raise InputError(
                    "there is no such column", file=file, field=missing[0],
                    expected="columns target_id and embedding",
                )  # fmt: skip
            table = parquet.read(columns=["target_id", "embedding"])
    except (pa.ArrowException, OSError) as error:
        raise _damaged(file, error) from error
    kind = table.schema.field("embedding").type
    if not (hasattr(kind, "value_type") and pa.types.is_floating(kind.value_type)):
        raise InputError(
            f"has type {kind}", file=file, field="embedding", expected="a list of floats in each row"
        )
    names = [str(name) for name in table["target_id"].to_pylist()]
    vectors = table["embedding"].to_numpy()
    row = {name: number for number, name in enumerate(names)}
    for name in _names(file, names, wanted):
        if vectors[row[name]] is None:
            raise InputError("is empty", file=file, record=name, field="embedding", expected=_ROWS)
        yield name, vectors[row[name]]


_READERS: dict[str, Callable[[Path, list[str] | None], _Vectors]] = {
    ".npz": _read_npz,
    ".safetensors": _read_safetensors,
    ".parquet": _read_parquet,
}


def _names(file: Path, found: Sequence[str], wanted: list[str] | None) -> Sequence[str]:
    """Names to read, in the order wanted or found."""
    if len(set(found)) < len(found):
        twice = next(name for place, name in enumerate(found) if name in found[:place])
        raise InputError("stands there twice", file=file, record=twice, expected="each target once")
    if wanted is None:
        return found
    _refuse_missing(file, wanted, set(found))
    return wanted


def _refuse_missing(
    file: str | PathLike[str], wanted: Sequence[str], found: dict[str, int] | set[str]
) -> None:
    missing = [name for name in dict.fromkeys(wanted) if name not in found]
    if missing:
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        raise InputError(
            f"no embedding of {', '.join(missing[:_SHOWN])}{more}", file=file, field="target_id",
            expected="every target of the table",
            hint="embed these too, or leave the embeddings out",
        )  # fmt: skip


def _vector(file: Path, name: str, array: NDArray[np.generic]) -> NDArray[np.float32]:
    """One target's array as float32, refused where it is no finite vector."""
    if array.dtype.kind != "f":
        raise InputError(f"has dtype {array.dtype}", file=file, record=name, expected=_ROWS)
    if array.ndim != 1 or not len(array):
        raise InputError(
            f"has shape {array.shape}", file=file, record=name, expected=_ROWS,
            hint="average a language model's states over the residues" if array.ndim == 2 else None,
        )  # fmt: skip
    with np.errstate(over="ignore"):
        row = array.astype(np.float32)
    if not np.isfinite(row).all():
        raise InputError(
            f"holds {row[~np.isfinite(row)][0]} at place {int(np.argmin(np.isfinite(row)))}", file=file,
            record=name, expected="finite numbers of float32", hint="embed this target again",
        )  # fmt: skip
    return row


def _refuse_unequal(file: Path, rows: Sequence[tuple[str, NDArray[np.float32]]]) -> None:
    first, dim = rows[0][0], len(rows[0][1])
    for name, row in rows:
        if len(row) != dim:
            raise InputError(
                f"has {len(row)} numbers and {first} has {dim}", file=file, record=name, expected=_ROWS
            )


def _damaged(file: Path, error: Exception, name: str | None = None) -> InputError:
    return InputError(
        f"cannot be read: {' '.join(str(error).split())}", file=file, record=name,
        expected=f"a whole {file.suffix} file of arrays", hint="copy or write it again",
    )  # fmt: skip
