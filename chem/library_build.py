"""Build a library in parts: streamed, in processes that can be killed, resumed where it was stopped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import rdkit

from chem.atomic import WHOLE, resumable_directory
from chem.errors import InputError
from chem.graph_schema import schema_hash
from chem.killable import Task, run_tasks
from chem.library_duplicates import Repeats, find_repeats
from chem.library_part import read_keys, read_summary
from chem.library_worker import part_task, record_values, records_digest, retry_part, write_part
from chem.library_write import MANIFEST, write_manifest, write_parts
from chem.record import CompoundRecord
from chem.standardise import StandardisationRecipe

SCHEMA_VERSION = 2
_PART_VERSION = 1
_PART_RECORDS = 2048
_PART_CHARACTERS = 8_000_000


@dataclass(frozen=True)
class LibraryOptions:
    """What a library's content depends on, beside its records.

    Parameters
    ----------
    recipe
        How structures are standardised.
    fingerprints
        Kinds of fingerprints to keep.
    time_limit
        Seconds of processor time that one molecule may take in one step; None for no limit.
    """

    recipe: StandardisationRecipe
    fingerprints: tuple[str, ...]
    time_limit: float | None

    @property
    def settings(self) -> dict[str, Any]:
        """The options as JSON."""
        return {
            "recipe": asdict(self.recipe),
            "fingerprints": list(self.fingerprints),
            "time_limit": self.time_limit,
        }

    @property
    def key(self) -> str:
        """Everything that the parts of a library depend on beside their records, as text."""
        versions = {
            "part_version": _PART_VERSION,
            "recipe_hash": self.recipe.hash,
            "graph_schema_hash": schema_hash(),
            "rdkit_version": rdkit.__version__,
        }
        return json.dumps(self.settings | versions, sort_keys=True)


def write_library(
    records: Iterable[CompoundRecord],
    source: Path,
    out_dir: Path,
    options: LibraryOptions,
    *,
    strict: bool = False,
    threads: int = 1,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Write the library of a stream of records.

    Parameters
    ----------
    records
        The records; read again from the start where an earlier call was stopped, but not standardised again.
    source
        Where they come from, for errors and the manifest.
    out_dir
        The library's folder.
    options
        What to do with them.
    strict
        Raise at the first record that cannot be used.
    threads
        Worker processes. Without a time limit, one means this process itself.
    progress
        Called with the number of records done so far.

    Raises
    ------
    InputError
        As `chem.library.build_library`.
    """
    with resumable_directory(out_dir, options.key, replaces=MANIFEST) as steps:
        folder = steps / "parts"
        folder.mkdir(exist_ok=True)
        parts = _Parts(source, strict, progress)
        parts.make(_cut(records), folder, options, threads)
        for stray in set(folder.iterdir()) - set(parts.paths):  # of another version of the source
            stray.unlink()
        if parts.n_rejected == parts.n_records:
            parts.refuse_unusable(folder)
        repeats = find_repeats(map(read_keys, parts.paths), parts.n_records, steps / "keys")
        (steps / WHOLE).mkdir()
        write_parts(steps / WHOLE, parts.paths, repeats, options.fingerprints, options.recipe.hash)
        write_manifest(steps / WHOLE, _manifest(source, options, repeats))


def _cut(records: Iterable[CompoundRecord]) -> Iterator[list[list[Any]]]:
    """Cut the stream into parts; where depends on nothing but the records."""
    part: list[list[Any]] = []
    characters = 0
    for row, record in enumerate(records, start=1):
        part.append(record_values(row, record))
        characters += len(record.input)
        if len(part) == _PART_RECORDS or characters > _PART_CHARACTERS:
            yield part
            part, characters = [], 0
    if part:
        yield part


class _Parts:
    """The parts of one build: those that are there are counted, the others made."""

    def __init__(self, source: Path, strict: bool, progress: Callable[[int], None] | None) -> None:
        self.source, self.strict, self.progress = source, strict, progress
        self.paths: list[Path] = []
        self.n_records = self.n_rejected = 0
        self.first_rejected: Sequence[Any] | None = None
        self._waiting: dict[int, dict[str, Any]] = {}
        self._n_counted = 0

    def make(
        self, cuts: Iterator[list[list[Any]]], folder: Path, options: LibraryOptions, threads: int
    ) -> None:
        """Make every part that is not there."""
        tasks = self._missing(cuts, folder, options.settings)
        if options.time_limit is None and threads == 1:
            done: Generator[tuple[Task, Any], None, None] = ((task, write_part(task)) for task in tasks)
        else:
            done = run_tasks("chem.library_worker:write_part", tasks, threads, retry_part)
        with closing(done):  # ends the workers as soon as something goes wrong here
            for task, summary in done:
                self._count(task["number"], summary)

    def _missing(
        self, cuts: Iterator[list[list[Any]]], folder: Path, settings: dict[str, Any]
    ) -> Iterator[Task]:
        for number, records in enumerate(cuts):
            path = folder / f"{number:07d}-{records_digest(records)}.npz"
            self.paths.append(path)
            summary = read_summary(path)
            if summary is None:
                yield part_task(records, settings) | {"number": number, "path": str(path)}
            else:
                self._count(number, summary)

    def _count(self, number: int, summary: dict[str, Any]) -> None:
        """Count the parts in their order, whatever order they are made in."""
        self._waiting[number] = summary
        while (counted := self._waiting.pop(self._n_counted, None)) is not None:
            self._n_counted += 1
            self.n_records += counted["n_records"]
            self.n_rejected += counted["n_rejected"]
            self.first_rejected = self.first_rejected or counted["first_rejected"]
            if self.strict and self.first_rejected:
                self._refuse_rejected()
            if self.progress is not None:
                self.progress(self.n_records)

    def _refuse_rejected(self) -> None:
        assert self.first_rejected is not None
        row, text, reason = self.first_rejected
        raise InputError(
            f"{text!r} cannot be used: {reason}",
            file=self.source,
            record=row,
            field="smiles",
            expected="a structure that RDKit reads",
            hint="correct or remove the record",
        )

    def refuse_unusable(self, folder: Path) -> None:
        """Raise because no record can be used; the parts are of no use to a later call either."""
        for path in folder.iterdir():
            path.unlink()
        assert self.first_rejected is not None
        raise InputError(
            f"none of its {self.n_records} records can be used, the first because of {self.first_rejected[2]}",
            file=self.source,
            expected="at least one structure that RDKit reads",
            hint="check the column that holds the SMILES",
        )


def _manifest(source: Path, options: LibraryOptions, repeats: Repeats) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "source": source.name,
        "source_sha256": _sha256(source),
        **options.settings,
        "recipe_hash": options.recipe.hash,
        "graph_schema_hash": schema_hash(),
        "rdkit_version": rdkit.__version__,
        "n_records": repeats.n_records,
        "n_rejected": len(repeats.rejected),
        "n_duplicates": len(repeats.repeats),
        "n_usable": repeats.n_usable,
    }


def _sha256(source: Path) -> str | None:
    """Hash of a file, or of the names and hashes of a folder's files; None for a pipe, which is gone."""
    if source.is_file():
        with source.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    if not source.is_dir():
        return None
    digest = hashlib.sha256()
    for file in sorted(path for path in source.rglob("*") if path.is_file()):
        digest.update(f"{file.relative_to(source)}\0{_sha256(file)}\n".encode())
    return digest.hexdigest()
