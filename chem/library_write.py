"""The files of a library, written a part at a time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from chem.graph_writer import GraphWriter
from chem.library_duplicates import Repeats
from chem.library_part import read_part

if TYPE_CHECKING:
    import pyarrow as pa

TABLE, REJECTS, MANIFEST = "library.parquet", "rejects.tsv", "library.json"
GRAPHS, FINGERPRINTS = "graphs", "fingerprints"
REJECT_COLUMNS = ("row", "id", "input", "reason")
COLUMNS = (
    "row", "id", "name", "input", "smiles", "inchikey", "status", "reason", "duplicate_of",
    "removed_fragments", "note", "graph",
)  # fmt: skip
_ROW_GROUP = 65_536
_ROW_GROUP_BYTES = 64 << 20


def table_schema() -> pa.Schema:
    """Arrow schema of library.parquet, with the types that pandas shall give the columns."""
    import pyarrow as pa

    numbers = {"row": "int64", "duplicate_of": "Int64", "graph": "Int64"}
    empty = pd.DataFrame({name: pd.Series(dtype=numbers.get(name, "str")) for name in COLUMNS})
    return pa.Schema.from_pandas(empty, preserve_index=False)


class TableWriter:
    """library.parquet and rejects.tsv, in row groups that do not depend on who made the parts.

    Parameters
    ----------
    folder
        Where to write them.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, TableWriter(Path(folder)) as writer:
    ...     writer.append(table_schema().empty_table())
    """

    def __init__(self, folder: Path) -> None:
        import pyarrow.parquet as pq

        self.schema = table_schema()
        self._parquet = pq.ParquetWriter(folder / TABLE, self.schema, compression="zstd")
        self._rejects = (folder / REJECTS).open("w", encoding="utf-8", newline="")
        self._rejects.write("\t".join(REJECT_COLUMNS) + "\n")
        self._waiting: list[pa.Table] = []

    def __enter__(self) -> TableWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._write_group()
        finally:
            self._parquet.close()
            self._rejects.close()

    def append(self, table: pa.Table) -> None:
        """Add rows.

        Parameters
        ----------
        table
            Arrow table with `COLUMNS`.
        """
        import pyarrow.compute as pc

        table = table.select(COLUMNS).cast(self.schema)
        rejected = table.filter(pc.equal(table.column("status"), "rejected")).select(REJECT_COLUMNS)
        if rejected.num_rows:
            rejected.to_pandas().to_csv(
                self._rejects, sep="\t", index=False, header=False, lineterminator="\n"
            )
        self._waiting.append(table)
        n_rows = sum(part.num_rows for part in self._waiting)
        if n_rows >= _ROW_GROUP or sum(part.nbytes for part in self._waiting) >= _ROW_GROUP_BYTES:
            self._write_group()

    def _write_group(self) -> None:
        import pyarrow as pa

        if self._waiting:
            self._parquet.write_table(pa.concat_tables(self._waiting), row_group_size=_ROW_GROUP)
            self._waiting = []


def write_parts(
    folder: Path, paths: Sequence[Path], repeats: Repeats, fingerprints: Sequence[str], recipe_hash: str
) -> None:
    """Write the table, graphs and fingerprints of a library from its parts, one part in memory at a time.

    Parameters
    ----------
    folder
        The library's folder, which has none of them yet.
    paths
        Its parts, in order.
    repeats
        Which of their records repeat earlier ones.
    fingerprints
        Names of the fingerprints that the parts have.
    recipe_hash
        For the graphs' store.
    """
    (folder / FINGERPRINTS).mkdir()
    files = {name: fingerprint_file(folder, name) for name in fingerprints}
    with (
        TableWriter(folder) as tables,
        GraphWriter(folder / GRAPHS, recipe_hash=recipe_hash) as graphs,
        _Rows(files, repeats.n_usable) as rows,
    ):
        start = 0
        for path in paths:
            part = read_part(path)
            stop = start + part.table.num_rows
            original = repeats.original_of(start, stop)
            own = (part.graph >= 0) & (original == np.arange(start, stop))
            kept = part.graph[own]
            tables.append(_with_numbers(part.table, original, repeats))
            graphs.append(part.graphs.take(kept))
            for name in fingerprints:
                rows.append(name, part.fingerprints[name][kept])
            start = stop


def fingerprint_file(folder: Path, name: str) -> Path:
    """File of one kind of fingerprint in a library's folder."""
    return folder / FINGERPRINTS / f"{name}.npy"


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write library.json."""
    text = json.dumps(manifest, indent=1, sort_keys=True) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def _with_numbers(table: pa.Table, original: np.ndarray, repeats: Repeats) -> pa.Table:
    """Add duplicate_of and graph."""
    import pyarrow as pa

    rows = table.column("row").to_numpy()
    rejected = np.array(table.column("status").to_pylist()) == "rejected"
    repeated = original + 1 != rows
    numbers = repeats.graph_number(original)
    return table.append_column(
        "duplicate_of", pa.array(original + 1, pa.int64(), mask=~repeated)
    ).append_column("graph", pa.array(numbers, pa.int64(), mask=rejected))


class _Rows:
    """Arrays of bytes on disk that grow by rows up to a number that is known."""

    def __init__(self, files: dict[str, Path], n_rows: int) -> None:
        self.handles = {name: path.open("wb") for name, path in files.items()}
        self.n_rows = n_rows
        self.begun: set[str] = set()

    def __enter__(self) -> _Rows:
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self.handles.values():
            handle.close()

    def append(self, name: str, rows: np.ndarray) -> None:
        """Write some rows, behind a header if they are the first."""
        if name not in self.begun:
            header = {
                "descr": rows.dtype.str,
                "fortran_order": False,
                "shape": (self.n_rows, *rows.shape[1:]),
            }
            np.lib.format.write_array_header_1_0(self.handles[name], header)
            self.begun.add(name)
        self.handles[name].write(np.ascontiguousarray(rows).data)
