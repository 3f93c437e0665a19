"""Molecular graphs on disk: one .npy file per array, opened without being read."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import rdkit

from chem.errors import InputError
from chem.graph import MolecularGraphs
from chem.graph_schema import GRAPH_SCHEMA, schema_hash

_ARRAYS = tuple(field.name for field in fields(MolecularGraphs))
_SCHEMA_FILE = "schema.json"


def save_graphs(graphs: MolecularGraphs, directory: str | Path) -> None:
    """Write the arrays and a schema.json into a new directory.

    The directory appears under its name only when everything in it is written.

    Parameters
    ----------
    graphs
        The graphs.
    directory
        Must not exist yet.

    Raises
    ------
    InputError
        The directory exists.

    Examples
    --------
    >>> import tempfile
    >>> from chem.graph_encode import encode_graphs
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_graphs(encode_graphs(["CCO"]), Path(folder) / "graphs")
    ...     load_graphs(Path(folder) / "graphs", mmap=False).n_atoms.tolist()
    [3]
    """
    from chem.atomic import new_directory

    with new_directory(directory) as building:
        for name in _ARRAYS:
            np.save(building / f"{name}.npy", np.ascontiguousarray(getattr(graphs, name)), allow_pickle=False)
        description = {
            "schema_hash": schema_hash(),
            "rdkit_version": rdkit.__version__,
            "n_molecules": len(graphs),
            "schema": GRAPH_SCHEMA,
        }
        text = json.dumps(description, indent=1, sort_keys=True) + "\n"
        (building / _SCHEMA_FILE).write_text(text, encoding="utf-8")


def load_graphs(directory: str | Path, *, mmap: bool = True) -> MolecularGraphs:
    """Open stored graphs.

    Parameters
    ----------
    directory
        As `save_graphs` wrote it.
    mmap
        Map the files into memory instead of reading them.

    Returns
    -------
    MolecularGraphs
        The graphs; read-only arrays where mapped.

    Raises
    ------
    InputError
        Not such a directory, damaged, or written with another schema.
    """
    folder = Path(directory)
    _check_schema(folder, _read_description(folder))
    arrays = {name: _load_array(folder / f"{name}.npy", mmap) for name in _ARRAYS}
    graphs = MolecularGraphs(**arrays)
    _check_shapes(folder, graphs)
    return graphs


def _read_description(folder: Path) -> dict[str, Any]:
    path = folder / _SCHEMA_FILE
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError("no stored graphs here", file=path, hint="build the library again") from None
    except ValueError as error:
        raise InputError(f"is damaged ({error})", file=path, hint="build the library again") from None


def _check_schema(folder: Path, description: dict[str, Any]) -> None:
    found = description.get("schema_hash")
    if found != schema_hash():
        raise InputError(
            f"graphs were written with schema {found}",
            file=folder / _SCHEMA_FILE,
            field="schema_hash",
            expected=schema_hash(),
            hint="build the library again with this version",
        )


def _load_array(path: Path, mmap: bool) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r" if mmap else None, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        if mmap and isinstance(error, ValueError) and "empty" in str(error):
            return np.load(path, allow_pickle=False)  # a file without data cannot be mapped
        raise InputError(f"cannot be read ({error})", file=path, hint="build the library again") from None


def _check_shapes(folder: Path, graphs: MolecularGraphs) -> None:
    n_edges = graphs.edge_index.shape[-1]
    consistent = (
        len(graphs.node_offsets) == len(graphs.edge_offsets) > 0
        and graphs.node_offsets[-1] == len(graphs.node_features)
        and graphs.edge_offsets[-1] == n_edges == len(graphs.edge_features)
    )
    if not consistent:
        raise InputError("the arrays do not fit one another", file=folder, hint="build the library again")
