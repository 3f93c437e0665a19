"""Steps of a long run: each result appears whole or not at all, is reused when nothing it depends on changed.

A step writes into a folder of its own; its results are then renamed into place and a small record of its
key is written last. The key covers the version, the parameters, the hashes of the inputs and the keys of
the steps before. A run that was killed finds the records of finished steps and goes on with the next one.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from genomics.errors import InputError
from varimol import __version__

_CHUNK = 1 << 20


def file_sha256(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file, or of the sorted (name, hash) list of a folder's files.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     file_sha256(file.name)[:8]
    'e3b0c442'
    """
    place = Path(path)
    digest = hashlib.sha256()
    if place.is_dir():
        for member in sorted(p for p in place.rglob("*") if p.is_file()):
            digest.update(f"{member.relative_to(place)}\0{file_sha256(member)}\n".encode())
        return digest.hexdigest()
    with place.open("rb") as stream:
        while block := stream.read(_CHUNK):
            digest.update(block)
    return digest.hexdigest()


def write_table(table: pd.DataFrame, stem: Path) -> None:
    """Write a table as stem.parquet and stem.tsv, missing values empty in the latter."""
    table.to_parquet(stem.with_suffix(".parquet"), index=False)
    table.to_csv(stem.with_suffix(".tsv"), sep="\t", index=False, float_format="%.6g", na_rep="")


@contextmanager
def reading_from(place: Path, field: str) -> Iterator[None]:
    """Turn the system's refusals to read into one clear line."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror})", file=place, field=field, expected="a file that can be read",
            hint="check the path and its permissions",
        ) from error  # fmt: skip


@contextmanager
def writing_to(place: Path) -> Iterator[None]:
    """Turn the system's refusals to write into one clear line."""
    try:
        yield
    except InputError:
        raise
    except OSError as error:
        if error.errno == errno.ENOSPC:
            message, hint = "the disk is full", "free some space and run the same command again: it resumes"
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            message, hint = "no permission to write", "choose another --out"
        elif error.errno in (errno.ENOTDIR, errno.EEXIST):
            message, hint = "a file stands where a folder is needed", "choose another --out"
        elif error.errno == errno.EISDIR:
            message, hint = "a folder stands where a file is needed", "choose another --out"
        else:
            raise
        raise InputError(
            message, file=place, expected="a folder that can be written to", hint=hint
        ) from error


class Run:
    """A folder of results and the record of the steps that made them.

    Parameters
    ----------
    out
        The folder; made if it is not there.
    progress
        Called with each step's name and whether its result was reused.
    """

    def __init__(
        self, out: str | os.PathLike[str], progress: Callable[[str, bool], None] | None = None
    ) -> None:
        self.out = Path(out)
        self.progress = progress
        self.keys: dict[str, str] = {}
        with writing_to(self.out):
            self.out.mkdir(parents=True, exist_ok=True)
            self._records.mkdir(exist_ok=True)
            for leftover in self.out.glob(".step-*"):  # of a run that was killed
                shutil.rmtree(leftover, ignore_errors=True)

    @property
    def _records(self) -> Path:
        return self.out / ".steps"

    def path(self, name: str) -> Path:
        """Final place of a result."""
        return self.out / name

    def table(self, name: str) -> pd.DataFrame:
        """A finished table by its name without suffix."""
        return pd.read_parquet(self.out / f"{name}.parquet")

    def step(
        self,
        name: str,
        make: Callable[[Path], None],
        *,
        outputs: Sequence[str],
        after: Sequence[str] = (),
        inputs: Mapping[str, str] | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> bool:
        """Do a step, or reuse its result.

        Parameters
        ----------
        name
            Name of the step.
        make
            Writes the outputs into the folder it is given.
        outputs
            Names of the files or folders it writes.
        after
            Steps whose results it reads.
        inputs
            SHA-256 of each input from outside.
        parameters
            Everything else its result depends on.

        Returns
        -------
        bool
            True where a finished result was reused.
        """
        key = hashlib.sha256(
            json.dumps(
                [__version__, name, dict(inputs or {}), dict(parameters or {}), [self.keys[s] for s in after]],
                sort_keys=True, default=str,
            ).encode()
        ).hexdigest()  # fmt: skip
        self.keys[name] = key
        reused = self._finished(name, key, outputs)
        if self.progress is not None:
            self.progress(name, reused)
        if not reused:
            self._do(name, key, make, outputs, after)
        return reused

    def _finished(self, name: str, key: str, outputs: Sequence[str]) -> bool:
        known = self._known(name)
        if not known or not all((self.out / output).exists() for output in outputs):
            return False
        sizes = {output: _size(self.out / output) for output in outputs}
        return bool(known.get("key") == key and known.get("sizes") == sizes)

    def _place(self, folder: Path, outputs: Sequence[str]) -> None:
        """Rename all outputs into place, or leave none of them."""
        try:
            for output in outputs:
                replace_path(folder / output, self.out / output)
        except BaseException:
            for output in outputs:
                _remove(self.out / output)
            raise

    def _known(self, name: str) -> dict[str, Any]:
        """Record of a finished step; empty where there is none or it cannot be read."""
        try:
            record = json.loads((self._records / f"{name}.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return record if isinstance(record, dict) else {}

    def _drop_dependants(self, name: str) -> None:
        """Remove what was made from another result of this step: no folder holds tables of two runs."""
        for path in sorted(self._records.glob("*.json")):
            known = self._known(path.stem)
            if name not in known.get("after", ()):
                continue
            path.unlink(missing_ok=True)
            self._drop_dependants(path.stem)
            for output in known.get("sizes", ()):
                _remove(self.out / output)

    def _do(
        self, name: str, key: str, make: Callable[[Path], None], outputs: Sequence[str], after: Sequence[str]
    ) -> None:
        record = self._records / f"{name}.json"
        with writing_to(self.out):
            folder = Path(tempfile.mkdtemp(prefix=f".step-{name}-", dir=self.out))
            try:
                make(folder)
                if self._known(name).get("key") != key:
                    self._drop_dependants(name)
                record.unlink(missing_ok=True)
                self._place(folder, outputs)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            sizes = {output: _size(self.out / output) for output in outputs}
            temporary = record.with_suffix(f".tmp-{os.getpid()}")
            known = {"key": key, "sizes": sizes, "after": list(after)}
            temporary.write_text(json.dumps(known) + "\n", encoding="utf-8")
            os.replace(temporary, record)


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(member.stat().st_size for member in path.rglob("*") if member.is_file())
    return path.stat().st_size


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def replace_path(source: Path, target: Path) -> None:
    """Rename a file or folder over what stood there."""
    if target.is_dir():
        old = target.with_name(f".step-old-{target.name}-{os.getpid()}")
        os.replace(target, old)
        os.replace(source, target)
        shutil.rmtree(old)
    else:
        os.replace(source, target)
