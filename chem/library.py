"""A compound library: every record of a file, standardised, with graphs and fingerprints of the usable ones."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from chem.atomic import new_directory
from chem.errors import InputError
from chem.fingerprint_kinds import settle
from chem.graph import MolecularGraphs
from chem.graph_store import load_graphs, save_graphs
from chem.library_build import SCHEMA_VERSION, LibraryOptions, write_library
from chem.library_write import (
    COLUMNS,
    FINGERPRINTS,
    GRAPHS,
    MANIFEST,
    REJECT_COLUMNS,
    TABLE,
    TableWriter,
    fingerprint_file,
    table_schema,
    write_manifest,
)
from chem.read import read_compounds
from chem.standardise import DEFAULT_RECIPE, StandardisationRecipe, standardise_smiles

if TYPE_CHECKING:
    import pyarrow.parquet as pq

_BATCH = 65_536
_AGAIN = "build the library again"


class CompoundLibrary:
    r"""Every record of a compound file, in its order, with graphs and fingerprints of the usable ones.

    A library that lies on disk is read as it is asked for: `batches` goes through any number of records in little
    memory, `table` reads them all.

    Parameters
    ----------
    graphs
        One graph per usable row, in order.
    manifest
        Recipe, versions, hash of the source and counts.
    fingerprints
        By kind, uint8 (n_usable, n_bytes): packed bits of the usable rows, in order (`chem.fingerprint.fingerprints`
        with ``packed=True``).
    table
        All records, where they are in memory; columns as below.
    directory
        Where they lie, otherwise.

    Notes
    -----
    Columns: row (from 1), id, name, input, smiles and inchikey (of the standardised parent), status ('ok' or
    'rejected'), reason, duplicate_of (row of the first record with the same InChIKey), removed_fragments, note (what the SMILES does not say, or
    the recipe lost), graph
    (number in `graphs`; a duplicate has its first record's). What is missing is null.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "drugs.csv"
    ...     _ = path.write_text("id,smiles\na,[Na+].CC(=O)[O-]\nb,C1CC\nc,CC(=O)O\n")
    ...     library = build_library(path)
    >>> library.table["status"].tolist(), library.table["duplicate_of"].tolist()
    (['ok', 'rejected', 'ok'], [<NA>, <NA>, 1])
    >>> library.usable["smiles"].tolist(), len(library.graphs), library.fingerprints["morgan"].shape
    (['CC(=O)O'], 1, (1, 256))
    """

    def __init__(
        self,
        graphs: MolecularGraphs,
        manifest: dict[str, Any],
        fingerprints: Mapping[str, np.ndarray],
        *,
        table: pd.DataFrame | None = None,
        directory: Path | None = None,
    ) -> None:
        self.graphs = graphs
        self.manifest = manifest
        self.fingerprints = fingerprints
        self.directory = directory
        if table is not None:
            self.table = table

    def __len__(self) -> int:
        return int(self.manifest["n_records"])

    @cached_property
    def table(self) -> pd.DataFrame:
        """All records in memory."""
        with _parquet(self._path) as file:
            return file.read().to_pandas()

    @property
    def usable(self) -> pd.DataFrame:
        """Rows with status 'ok' that repeat no earlier one; row k belongs to graph k."""
        return _usable(self.table).reset_index(drop=True)

    @property
    def rejects(self) -> pd.DataFrame:
        """The rejected rows: row, id, input, reason."""
        columns = [*REJECT_COLUMNS, "status"]
        rejected = [batch[batch["status"] == "rejected"] for batch in self.batches(columns=columns)]
        return pd.concat(rejected, ignore_index=True)[list(REJECT_COLUMNS)]

    def batches(
        self, n_rows: int = _BATCH, *, columns: Sequence[str] | None = None, usable: bool = False
    ) -> Iterator[pd.DataFrame]:
        """Go through the table.

        Parameters
        ----------
        n_rows
            Records of a batch.
        columns
            The columns wanted; all unless given.
        usable
            Leave out rejected records and duplicates: a batch then has up to `n_rows` rows.

        Yields
        ------
        DataFrame
            Records in order; their index is their place in the whole table, or among the usable ones: the numbers
            of graphs and fingerprints.
        """
        start = 0
        wanted = list(COLUMNS if columns is None else columns)
        for batch in self._tables(n_rows, wanted + ["status", "duplicate_of"] * usable):
            chosen = (_usable(batch) if usable else batch)[wanted]
            yield chosen.set_axis(range(start, start + len(chosen)))
            start += len(chosen)

    def _tables(self, n_rows: int, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
        names = list(dict.fromkeys(columns))
        if "table" in self.__dict__:
            for start in range(0, max(len(self.table), 1), n_rows):
                yield self.table.iloc[start : start + n_rows][names]
            return
        with _parquet(self._path) as file:
            for batch in file.iter_batches(n_rows, columns=names):
                yield batch.to_pandas()

    @property
    def _path(self) -> Path:
        assert self.directory is not None
        return self.directory / TABLE

    def write(self, directory: str | Path) -> None:
        """Write library.parquet, rejects.tsv, library.json, graphs/ and fingerprints/.

        Parameters
        ----------
        directory
            New, empty, or an earlier library, which is replaced once the new one is whole.

        Raises
        ------
        InputError
            The place holds something else or cannot be written to.
        """
        import pyarrow as pa

        with new_directory(directory, replaces=MANIFEST) as building:
            with TableWriter(building) as writer:
                for batch in self.batches():
                    writer.append(pa.Table.from_pandas(batch, table_schema(), preserve_index=False))
            save_graphs(self.graphs, building / GRAPHS, recipe_hash=self.manifest["recipe_hash"])
            (building / FINGERPRINTS).mkdir()
            for kind, bits in self.fingerprints.items():
                np.save(fingerprint_file(building, kind), bits, allow_pickle=False)
            write_manifest(building, self.manifest)


def build_library(
    source: str | Path,
    out_dir: str | Path | None = None,
    *,
    smiles_column: str | None = None,
    id_column: str | None = None,
    format: str | None = None,
    strict: bool = False,
    recipe: StandardisationRecipe = DEFAULT_RECIPE,
    fingerprints: Sequence[str] = ("morgan",),
    time_limit: float | None = 10.0,
    threads: int = 1,
    progress: Callable[[int], None] | None = None,
) -> CompoundLibrary:
    """Read compounds, standardise every record and encode the molecules' graphs and fingerprints.

    The records are streamed, and worked on in processes that can be killed: a molecule that takes RDKit too long, or
    crashes it, is rejected and nothing else is lost. The finished parts of a library that is written to a
    directory lie beside it, in ``.NAME.partial``, until it is whole. When the program is killed the same call
    goes on from there, and the result is the same, byte for byte; so it is with any number of processes.

    Parameters
    ----------
    source
        Anything that `chem.read_compounds` reads.
    out_dir
        Where to write the library; it is held in memory where none is given.
    smiles_column, id_column
        Columns of a table; found by their usual names where not given.
    format
        What a file is whose name does not tell, as `chem.read_compounds` takes it.
    strict
        Raise at the first record that cannot be used, instead of keeping it as rejected.
    recipe
        How structures are standardised.
    fingerprints
        Kinds of fingerprints to keep, of `chem.fingerprint_kinds.FINGERPRINT_KINDS`.
    time_limit
        Seconds of processor time that one molecule may take in one step; None for as much as it takes.
    threads
        Worker processes. Without a time limit, one means this process itself.
    progress
        Called with the number of records done so far.

    Returns
    -------
    CompoundLibrary
        As many rows as there are records, in their order.

    Raises
    ------
    InputError
        The source cannot be read, holds no compound or none that can be used, or, if `strict`, holds one that
        cannot; the place is taken, or another program is writing there.
    """
    if threads < 1:
        raise InputError(f"{threads} processes", field="threads", expected="1 or more")
    if time_limit is not None and not time_limit > 0:
        raise InputError(f"{time_limit} s", field="time_limit", expected="more than 0 s, or None")
    for kind in fingerprints:
        settle(kind, packed=True)
    place = Path(source)
    options = LibraryOptions(recipe, tuple(fingerprints), time_limit)
    standardise_smiles("C", recipe)  # raises here and not in a worker where the recipe cannot be followed
    records = read_compounds(
        source, smiles_column=smiles_column, id_column=id_column, format=format, mol_blocks=True
    )
    if out_dir is not None:
        write_library(
            records, place, Path(out_dir), options, strict=strict, threads=threads, progress=progress
        )
        return open_library(out_dir)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "library"
        write_library(records, place, out, options, strict=strict, threads=threads, progress=progress)
        return _read_library(out, mmap=False)


def open_library(directory: str | Path) -> CompoundLibrary:
    """Open a library that `build_library` wrote; graphs and fingerprints are mapped, not read.

    Parameters
    ----------
    directory
        The library's directory.

    Returns
    -------
    CompoundLibrary
        The library.

    Raises
    ------
    InputError
        Not a library, damaged, or written with another schema.
    """
    return _read_library(Path(directory), mmap=True)


def _read_library(folder: Path, *, mmap: bool) -> CompoundLibrary:
    manifest = _read_manifest(folder)
    graphs = load_graphs(folder / GRAPHS, mmap=mmap)
    fingerprints = {
        kind: _read_bits(fingerprint_file(folder, kind), mmap) for kind in manifest["fingerprints"]
    }
    with _parquet(folder / TABLE) as file:
        n_rows = file.metadata.num_rows
        table = None if mmap else file.read().to_pandas()
    lengths = {len(graphs), *map(len, fingerprints.values())}
    if n_rows != manifest["n_records"] or lengths != {manifest["n_usable"]}:
        raise InputError("its files do not fit one another", file=folder, hint=_AGAIN)
    return CompoundLibrary(graphs, manifest, fingerprints, table=table, directory=folder if mmap else None)


def _read_manifest(folder: Path) -> dict[str, Any]:
    if not (folder / MANIFEST).is_file() or not (folder / TABLE).is_file():
        raise InputError(
            "is not a compound library", file=folder, expected=f"a directory with {MANIFEST} and {TABLE}"
        )
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        version = manifest.get("schema_version")
    except (ValueError, OSError, AttributeError) as error:
        raise InputError(f"is damaged ({error})", file=folder / MANIFEST, hint=_AGAIN) from None
    if version != SCHEMA_VERSION:
        raise InputError(
            f"library of schema version {version}",
            file=folder,
            expected=f"version {SCHEMA_VERSION}",
            hint=_AGAIN,
        )
    return manifest


@contextmanager
def _parquet(path: Path) -> Iterator[pq.ParquetFile]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        said = str(error).splitlines()[0]
        raise InputError(f"is damaged ({said})", file=path, hint=_AGAIN) from None


def _read_bits(path: Path, mmap: bool) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r" if mmap else None, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"is damaged ({error})", file=path, hint=_AGAIN) from None


def _usable(table: pd.DataFrame) -> pd.DataFrame:
    return table[(table["status"] == "ok") & table["duplicate_of"].isna()]
