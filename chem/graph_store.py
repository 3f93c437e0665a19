"""Molecular graphs on disk: a few small .npy files, opened without being read.

A store keeps each kind of atom and bond once (`chem.graph_kinds`) and for every atom the number of its kind;
each bond once, in the direction of its first edge; and every integer in the fewest bytes that hold it. Two
thousand molecules take about 0.3 MB so, a thirtieth of what they take as pickled objects.

==================== ============================= ===========================================================
file                 shape                         what
==================== ============================= ===========================================================
atom_kinds.npy       (n_atom_kinds, n_node_fields) codes of every kind of atom
atom_kind.npy        (n_atoms,)                    the kind of each atom
bond_kinds.npy       (n_bond_kinds, n_edge_fields) codes of every kind of bond
bond_kind.npy        (n_bonds,)                    the kind of each bond
bond_ends.npy        (n_bonds, 2)                  its atoms, numbered within their molecule
node_offsets.npy     (n_molecules + 1,)            int64: where each molecule's atoms begin
bond_offsets.npy     (n_molecules + 1,)            int64: where its bonds begin
atom_values.NAME.npy (n_atoms, ...)                further values, such as partial_charge
edge_values.NAME.npy (2 * n_bonds, ...)            further values of both directions
schema.json                                        graph schema, recipe, RDKit's version, and each file's size
==================== ============================= ===========================================================
"""

from __future__ import annotations

import json
import zlib
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import rdkit

from chem.errors import InputError
from chem.graph import MolecularGraphs, molecule_numbers, segment_rows
from chem.graph_schema import schema_hash
from chem.graph_version import SCHEMA_VERSION, older_codes, schema_of_version

STORE_FORMAT = 2
SCHEMA_FILE = "schema.json"
ARRAYS = (
    "atom_kinds", "atom_kind", "bond_kinds", "bond_kind", "bond_ends", "node_offsets", "bond_offsets",
)  # fmt: skip
_AGAIN = "build the library again"


class StoredGraphs(MolecularGraphs):
    """Molecular graphs that lie on disk: what `MolecularGraphs` is, made from the store as it is asked for.

    `take` and `batch_arrays` touch the chosen molecules alone. The whole flat arrays (node_features and so on)
    are made when one of them is first read, and then stay in memory.

    Parameters
    ----------
    arrays
        The store's arrays by name.
    atom_values, edge_values
        Further arrays by name.
    schema_version
        Which version of the graph schema the codes follow.
    folder
        Where the store lies, for errors.
    """

    def __init__(
        self,
        arrays: dict[str, np.ndarray],
        atom_values: dict[str, np.ndarray],
        edge_values: dict[str, np.ndarray],
        schema_version: int,
        folder: Path,
    ) -> None:
        # The parent is frozen and would make the flat arrays its fields.
        self.__dict__.update(
            arrays=arrays,
            atom_values=atom_values,
            edge_values=edge_values,
            schema_version=schema_version,
            folder=folder,
            node_offsets=arrays["node_offsets"],
        )

    arrays: dict[str, np.ndarray]
    folder: Path

    @cached_property
    def _whole(self) -> MolecularGraphs:
        return self.take(np.arange(len(self)))

    @property
    def node_features(self) -> np.ndarray:
        """int16 (n_atoms_total, n_node_fields)."""
        return self._whole.node_features

    @property
    def edge_index(self) -> np.ndarray:
        """int32 (2, n_edges_total)."""
        return self._whole.edge_index

    @property
    def edge_features(self) -> np.ndarray:
        """int16 (n_edges_total, n_edge_fields)."""
        return self._whole.edge_features

    @property
    def edge_offsets(self) -> np.ndarray:
        """int64 (n_molecules + 1)."""
        return 2 * self.arrays["bond_offsets"]

    def take(self, indices: Any) -> MolecularGraphs:
        """Graphs at the given places, as `MolecularGraphs.take`; in memory.

        Raises
        ------
        IndexError
            An index lies outside.
        InputError
            The store is damaged.
        """
        chosen = molecule_numbers(indices, len(self))
        try:
            return self._taken(chosen)
        except (IndexError, ValueError) as error:
            raise InputError(f"is damaged ({error})", file=self.folder, hint=_AGAIN) from None

    def _taken(self, chosen: np.ndarray) -> MolecularGraphs:
        atoms, node_offsets = segment_rows(self.arrays["node_offsets"], chosen)
        bonds, bond_offsets = segment_rows(self.arrays["bond_offsets"], chosen)
        kinds = np.repeat(self.arrays["bond_kind"][bonds], 2)
        ends = self.arrays["bond_ends"][bonds]
        edge_index = np.empty((2, 2 * len(bonds)), dtype=np.int32)
        edge_index[0, 0::2] = edge_index[1, 1::2] = ends[:, 0]
        edge_index[1, 0::2] = edge_index[0, 1::2] = ends[:, 1]
        edges = np.repeat(2 * bonds, 2)
        edges[1::2] += 1
        return MolecularGraphs(
            self.arrays["atom_kinds"].take(self.arrays["atom_kind"][atoms], axis=0),
            edge_index,
            self.arrays["bond_kinds"].take(kinds, axis=0),
            node_offsets,
            2 * bond_offsets,
            {name: values[atoms] for name, values in self.atom_values.items()},
            {name: values[edges] for name, values in self.edge_values.items()},
            self.schema_version,
        )

    def _with(
        self, atom_values: dict[str, np.ndarray], edge_values: dict[str, np.ndarray]
    ) -> MolecularGraphs:
        return StoredGraphs(self.arrays, atom_values, edge_values, self.schema_version, self.folder)

    def project(self, version: int = 1) -> MolecularGraphs:
        """Translate the codes into those of an older version of the schema, as `MolecularGraphs.project`."""
        if version == self.schema_version or version not in (1,):
            return super().project(version)
        arrays = {
            **self.arrays,
            "atom_kinds": older_codes(self.arrays["atom_kinds"], "node"),
            "bond_kinds": older_codes(self.arrays["bond_kinds"], "edge"),
        }
        return StoredGraphs(arrays, dict(self.atom_values), dict(self.edge_values), version, self.folder)


def save_graphs(graphs: MolecularGraphs, directory: str | Path, *, recipe_hash: str = "") -> None:
    """Write graphs into a new directory, which appears under its name only when everything in it is written.

    Parameters
    ----------
    graphs
        The graphs.
    directory
        Must not exist yet, or be empty.
    recipe_hash
        Hash of the recipe by which the molecules were standardised; empty for none.

    Raises
    ------
    InputError
        The directory exists or cannot be written to.

    Examples
    --------
    >>> import tempfile
    >>> from chem.graph_encode import encode_graphs
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_graphs(encode_graphs(["CCO"]), Path(folder) / "graphs")
    ...     load_graphs(Path(folder) / "graphs", mmap=False).n_atoms.tolist()
    [3]
    """
    from chem.graph_writer import GraphWriter

    with GraphWriter(directory, recipe_hash=recipe_hash) as writer:
        writer.append(graphs)


def load_graphs(
    directory: str | Path,
    *,
    mmap: bool = True,
    recipe_hash: str | None = None,
    any_rdkit: bool = False,
) -> StoredGraphs:
    """Open stored graphs.

    Parameters
    ----------
    directory
        As `save_graphs` or `chem.graph_writer.GraphWriter` wrote it.
    mmap
        Map the files into memory; otherwise read them, and compare them with their checksums.
    recipe_hash
        The recipe by which the molecules must have been standardised; not looked at where None.
    any_rdkit
        Take graphs that another version of RDKit made, whose aromaticity or labels may differ from those of
        molecules that are encoded today.

    Returns
    -------
    StoredGraphs
        The graphs.

    Raises
    ------
    InputError
        Not such a directory, damaged, or of another schema, recipe or RDKit.
    """
    folder = Path(directory)
    description = _read_description(folder)
    version = _check_keys(folder, description, recipe_hash, any_rdkit)
    _check_files(folder, description, whole=not mmap)
    arrays = {name: _load_array(folder / f"{name}.npy", mmap) for name in ARRAYS}
    values = {
        kind: {name: _load_array(folder / f"{kind}.{name}.npy", mmap) for name in description[kind]}
        for kind in ("atom_values", "edge_values")
    }
    graphs = StoredGraphs(arrays, values["atom_values"], values["edge_values"], version, folder)
    _check_shapes(folder, graphs)
    return graphs


def describe_store(
    folder: Path, *, schema_version: int, recipe_hash: str, values: dict[str, list[str]], n_molecules: int
) -> None:
    """Write schema.json over the files that stand in `folder`."""
    schema = schema_of_version(schema_version)
    description = {
        "format": STORE_FORMAT,
        "schema_version": schema_version,
        "schema_hash": schema_hash(schema),
        "recipe_hash": recipe_hash,
        "rdkit_version": rdkit.__version__,
        "n_molecules": n_molecules,
        "atom_values": values["atom_values"],
        "edge_values": values["edge_values"],
        "files": {
            path.name: {"bytes": path.stat().st_size, "crc32": _checksum(path)}
            for path in sorted(folder.glob("*.npy"))
        },
        "schema": schema,
    }
    text = json.dumps(description, indent=1, sort_keys=True) + "\n"
    (folder / SCHEMA_FILE).write_text(text, encoding="utf-8")


def _checksum(path: Path) -> int:
    value = 0
    with path.open("rb") as handle:
        while block := handle.read(1 << 20):
            value = zlib.crc32(block, value)
    return value


def _read_description(folder: Path) -> dict[str, Any]:
    path = folder / SCHEMA_FILE
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError("no stored graphs here", file=path, hint=_AGAIN) from None
    except (ValueError, OSError) as error:
        raise InputError(f"is damaged ({error})", file=path, hint=_AGAIN) from None
    if not isinstance(description, dict):
        raise InputError("is damaged (no object)", file=path, hint=_AGAIN)
    return description


def _check_keys(folder: Path, description: dict[str, Any], recipe_hash: str | None, any_rdkit: bool) -> int:
    """Refuse what these graphs may not be used for; return their schema version."""
    known = {schema_hash(schema_of_version(v)): v for v in range(1, SCHEMA_VERSION + 1)}
    checks: list[tuple[str, tuple[Any, ...], str]] = [
        ("schema_hash", tuple(known), _AGAIN + " with this version"),
        ("format", (STORE_FORMAT,), _AGAIN + " with this version"),
    ]
    if recipe_hash is not None:
        checks.append(("recipe_hash", (recipe_hash,), _AGAIN + " with this recipe"))
    if not any_rdkit:
        hint = f"{_AGAIN}, or allow another RDKit (any_rdkit=True)"
        checks.append(("rdkit_version", (rdkit.__version__,), hint))
    for field, allowed, hint in checks:
        if description.get(field) not in allowed:
            raise InputError(
                f"graphs were written with {field} {description.get(field)}",
                file=folder / SCHEMA_FILE,
                field=field,
                expected=" or ".join(map(str, allowed)),
                hint=hint,
            )
    return known[description["schema_hash"]]


def _check_files(folder: Path, description: dict[str, Any], *, whole: bool) -> None:
    for name, facts in description.get("files", {}).items():
        path = folder / name
        if not path.is_file():
            raise InputError("is missing", file=path, hint=_AGAIN)
        size = path.stat().st_size
        if size != facts["bytes"]:
            raise InputError(f"has {size} bytes", file=path, expected=f"{facts['bytes']}", hint=_AGAIN)
        if whole and _checksum(path) != facts["crc32"]:
            raise InputError("is damaged (its checksum differs)", file=path, hint=_AGAIN)


def _load_array(path: Path, mmap: bool) -> np.ndarray:
    try:
        # A plain array over the mapped file: indexing np.memmap itself costs more than the work.
        return np.asarray(np.load(path, mmap_mode="r" if mmap else None, allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        if mmap and isinstance(error, ValueError) and "empty" in str(error):
            return np.load(path, allow_pickle=False)  # a file without data cannot be mapped
        raise InputError(f"cannot be read ({error})", file=path, hint=_AGAIN) from None


def _check_shapes(folder: Path, graphs: StoredGraphs) -> None:
    arrays = graphs.arrays
    schema = schema_of_version(graphs.schema_version)
    n_atoms, n_bonds = len(arrays["atom_kind"]), len(arrays["bond_kind"])
    consistent = (
        arrays["atom_kinds"].shape[1:] == (len(schema["node_fields"]),)
        and arrays["bond_kinds"].shape[1:] == (len(schema["edge_fields"]),)
        and arrays["bond_ends"].shape == (n_bonds, 2)
        and len(arrays["node_offsets"]) == len(arrays["bond_offsets"]) > 0
        and _covers(arrays["node_offsets"], n_atoms)
        and _covers(arrays["bond_offsets"], n_bonds)
        and all(len(values) == n_atoms for values in graphs.atom_values.values())
        and all(len(values) == 2 * n_bonds for values in graphs.edge_values.values())
    )
    if not consistent:
        raise InputError("the arrays do not fit one another", file=folder, hint=_AGAIN)


def _covers(offsets: np.ndarray, n_rows: int) -> bool:
    return offsets[0] == 0 and offsets[-1] == n_rows and bool((np.diff(offsets) >= 0).all())
