"""One part of a library under way: some thousands of records, standardised and encoded, in one file.

A part depends on nothing but its records and the options, so that parts can be made in any order, by any number of
processes, and kept when the program is killed. Which of its molecules repeat those of other parts is decided
when all parts are there (`chem.library_write`); a part has the graphs of those that are new within it.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from chem.errors import InputError
from chem.graph import MolecularGraphs

if TYPE_CHECKING:
    import pyarrow as pa

TEXT_COLUMNS = ("id", "name", "input", "smiles", "inchikey", "status", "reason", "removed_fragments", "note")

_GRAPH_ARRAYS = ("node_features", "edge_index", "edge_features", "node_offsets", "edge_offsets")
_AT_ONCE = 512
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class LibraryPart:
    """Some records of a library.

    Parameters
    ----------
    table
        Arrow table with row and `TEXT_COLUMNS`.
    keys
        uint64 (n_records, 2): hash of the InChIKey, or of the SMILES where there is none; 0 for rejected records.
    graph
        int64 (n_records,): number of the record's graph in `graphs`; -1 where it has none, since it is rejected or
        repeats an earlier record of the part.
    graphs
        One per molecule that is new within the part.
    fingerprints
        By name, uint8 (n_graphs, n_bits / 8): packed bits.
    """

    table: pa.Table
    keys: np.ndarray
    graph: np.ndarray
    graphs: MolecularGraphs
    fingerprints: dict[str, np.ndarray]


def save_part(part: LibraryPart, summary: dict[str, Any], path: Path) -> None:
    """Write a part, whole or not at all: a zip of arrays, uncompressed, with a checksum of each.

    Parameters
    ----------
    part
        The part.
    summary
        What `read_summary` shall return, as JSON.
    path
        Its file.
    """
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, part.table.schema) as writer:
        writer.write_table(part.table)
    members = {
        "summary": np.frombuffer(json.dumps(summary).encode(), np.uint8),
        "table": np.frombuffer(sink.getvalue(), np.uint8),
        "keys": part.keys,
        "graph": part.graph,
        **{f"graphs.{name}": getattr(part.graphs, name) for name in _GRAPH_ARRAYS},
        **{f"fingerprints.{name}": bits for name, bits in part.fingerprints.items()},
    }
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for name, array in members.items():
            data = io.BytesIO()
            np.save(data, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _ZIP_DATE), data.getbuffer())
    temporary.replace(path)


@contextmanager
def _members(path: Path) -> Iterator[Any]:
    """Open a part; a damaged one is removed, so that the next call makes it again."""
    try:
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as members:
            yield members
    except (zipfile.BadZipFile, EOFError, ValueError, KeyError) as error:
        path.unlink(missing_ok=True)
        raise InputError(
            f"this part of a library under way is damaged ({error})",
            file=path,
            hint="the same command makes it again and goes on",
        ) from error


def read_summary(path: Path) -> dict[str, Any] | None:
    """Read what `write_part` returned; None where there is no such part."""
    try:
        with _members(path) as members:
            return json.loads(members["summary"].tobytes())
    except (FileNotFoundError, InputError):
        return None


def read_keys(path: Path) -> np.ndarray:
    """Read the keys of a part."""
    with _members(path) as members:
        return members["keys"]


def read_part(path: Path) -> LibraryPart:
    """Read a part whole.

    Raises
    ------
    InputError
        The file is damaged; it is removed.
    """
    import pyarrow as pa

    with _members(path) as members:
        with pa.ipc.open_file(pa.py_buffer(members["table"].tobytes())) as reader:
            table = reader.read_all()
        named = {name.partition(".")[2]: name for name in members.files if name.startswith("fingerprints.")}
        return LibraryPart(
            table,
            members["keys"],
            members["graph"],
            MolecularGraphs(**{name: members[f"graphs.{name}"] for name in _GRAPH_ARRAYS}),
            {kind: members[name] for kind, name in named.items()},
        )
