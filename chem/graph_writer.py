"""Write molecular graphs to disk, a chunk at a time, in memory that does not grow with them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
from numpy.typing import DTypeLike

from chem.atomic import new_directory
from chem.errors import InputError
from chem.graph import MolecularGraphs, empty_graphs, refuse_unlike
from chem.graph_kinds import KindTable
from chem.graph_store import describe_store

_BLOCK = 1 << 20


class GraphWriter:
    """A new graph store that chunks are appended to.

    The store appears under its name when the block ends without an error, and not before. How the molecules
    were cut into chunks leaves no trace in it.

    Parameters
    ----------
    directory
        Must not exist yet, or be empty.
    recipe_hash
        Hash of the recipe by which the molecules were standardised; empty for none.

    Raises
    ------
    InputError
        The directory exists or cannot be written to; chunks of different schemas, or with different values.

    Examples
    --------
    >>> import tempfile
    >>> from chem.graph_encode import encode_graphs
    >>> from chem.graph_store import load_graphs
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with GraphWriter(Path(folder) / "graphs") as writer:
    ...         for smiles in (["CCO"], ["c1ccccc1", "CC"]):
    ...             writer.append(encode_graphs(smiles))
    ...     load_graphs(Path(folder) / "graphs").n_atoms.tolist()
    [3, 6, 2]
    """

    def __init__(self, directory: str | Path, *, recipe_hash: str = "") -> None:
        self.directory = Path(directory)
        self.recipe_hash = recipe_hash
        self.n_molecules = 0
        self._stack = ExitStack()
        self._first: MolecularGraphs | None = None
        self._spools: dict[str, _Spool] = {}

    def __enter__(self) -> GraphWriter:
        self._folder = self._stack.enter_context(new_directory(self.directory))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        if kind is None:
            try:
                self._finish()
            except BaseException as raised:
                self._close()
                if not self._stack.__exit__(type(raised), raised, raised.__traceback__):
                    raise
        self._close()
        return self._stack.__exit__(kind, error, trace)

    def append(self, graphs: MolecularGraphs) -> None:
        """Write the molecules of a chunk behind those that are there.

        Parameters
        ----------
        graphs
            A chunk of any size.

        Raises
        ------
        InputError
            Its schema or its further values are not those of the chunks before, a code lies outside its
            field, or its edges are not pairs of directions.
        """
        if self._first is None:
            self._start(graphs)
        else:
            refuse_unlike(self._first, graphs, self.n_molecules)
        ends, bonds = _first_directions(graphs)
        self._spools["atom_kind"].write(self._atoms.number(graphs.node_features))
        self._spools["bond_kind"].write(self._bonds.number(bonds))
        self._spools["bond_ends"].write(ends)
        self._spools["n_atoms"].write(np.diff(graphs.node_offsets))
        self._spools["n_bonds"].write(np.diff(graphs.edge_offsets) // 2)
        for kind, values in (("atom_values", graphs.atom_values), ("edge_values", graphs.edge_values)):
            for name, array in values.items():
                self._spools[f"{kind}.{name}"].write(array)
        self.n_molecules += len(graphs)

    def _start(self, graphs: MolecularGraphs) -> None:
        self._first = graphs.take([])
        self._atoms, self._bonds = KindTable(graphs.node_cardinalities), KindTable(graphs.edge_cardinalities)
        for name in ("atom_kind", "bond_kind", "n_atoms", "n_bonds"):
            self._spools[name] = _Spool(self._folder / f"{name}.spool", np.uint32, ())
        self._spools["bond_ends"] = _Spool(self._folder / "bond_ends.spool", np.uint32, (2,))
        for kind, values in (("atom_values", graphs.atom_values), ("edge_values", graphs.edge_values)):
            for name, array in values.items():
                path = self._folder / f"{kind}.{name}.spool"
                self._spools[f"{kind}.{name}"] = _Spool(path, array.dtype, array.shape[1:])

    def _finish(self) -> None:
        if self._first is None:
            self.append(empty_graphs())
        assert self._first is not None
        for name, counts in (("node_offsets", "n_atoms"), ("bond_offsets", "n_bonds")):
            self._spools.pop(counts).write_offsets(self._folder / f"{name}.npy")
        for name, spool in self._spools.items():
            spool.write_npy(self._folder / f"{name}.npy", narrow="." not in name)
        for name, table in (("atom_kinds", self._atoms), ("bond_kinds", self._bonds)):
            np.save(self._folder / f"{name}.npy", table.rows, allow_pickle=False)
        describe_store(
            self._folder,
            schema_version=self._first.schema_version,
            recipe_hash=self.recipe_hash,
            values={
                "atom_values": sorted(self._first.atom_values),
                "edge_values": sorted(self._first.edge_values),
            },
            n_molecules=self.n_molecules,
        )

    def _close(self) -> None:
        for spool in self._spools.values():
            spool.handle.close()


def _first_directions(graphs: MolecularGraphs) -> tuple[np.ndarray, np.ndarray]:
    """Ends (n_bonds, 2) and codes (n_bonds, n_edge_fields) of every bond's first edge."""
    index, codes = graphs.edge_index, graphs.edge_features
    paired = (
        index.shape[1] % 2 == 0
        and not (np.asarray(graphs.edge_offsets) % 2).any()
        and np.array_equal(index[:, 0::2], index[::-1, 1::2])
        and np.array_equal(codes[0::2], codes[1::2])
    )
    if not paired:
        raise InputError(
            "edges that are not pairs of directions",
            field="edge_index",
            expected="both directions of every bond next to each other, with the same codes",
            hint="encode the molecules with chem.encode_graphs",
        )
    return index[:, 0::2].T, codes[0::2]


class _Spool:
    """Values of one array, written one behind the other in a wide type, since the narrow one is not known yet."""

    def __init__(self, path: Path, dtype: DTypeLike, shape: tuple[int, ...]) -> None:
        self.path, self.dtype, self.shape = path, np.dtype(dtype), shape
        self.handle: BinaryIO = path.open("wb")
        self.n_rows, self.largest = 0, 0

    def write(self, values: np.ndarray) -> None:
        if values.shape[1:] != self.shape:
            raise InputError(
                f"values of the shape {values.shape}", field=self.path.stem, expected=f"(n, *{self.shape})"
            )
        self.n_rows += len(values)
        if values.size and self.dtype == np.uint32:
            self.largest = max(self.largest, int(values.max()))
        self.handle.write(np.ascontiguousarray(values, dtype=self.dtype).data)

    def _blocks(self) -> Iterator[np.ndarray]:
        """Read what was written, piece by piece: mapping it would count as memory in use."""
        self.handle.close()
        size = math.prod(self.shape)
        with self.path.open("rb") as handle:
            for start in range(0, self.n_rows, _BLOCK):
                rows = min(_BLOCK, self.n_rows - start)
                yield np.fromfile(handle, self.dtype, rows * size).reshape(rows, *self.shape)

    def write_npy(self, path: Path, *, narrow: bool) -> None:
        """Move everything to a .npy file; integers in the fewest bytes."""
        dtype = np.min_scalar_type(self.largest) if narrow else self.dtype
        header = {"descr": dtype.str, "fortran_order": False, "shape": (self.n_rows, *self.shape)}
        with path.open("wb") as handle:
            np.lib.format.write_array_header_1_0(handle, header)
            for block in self._blocks():
                handle.write(np.ascontiguousarray(block, dtype=dtype).data)
        self.path.unlink()

    def write_offsets(self, path: Path) -> None:
        """Move the sums of everything before each value to a .npy file."""
        header = {"descr": np.dtype(np.int64).str, "fortran_order": False, "shape": (self.n_rows + 1,)}
        with path.open("wb") as handle:
            np.lib.format.write_array_header_1_0(handle, header)
            last = np.zeros(1, np.int64)
            handle.write(last.data)
            for block in self._blocks():
                sums = last[0] + np.cumsum(block, dtype=np.int64)
                handle.write(sums.data)
                last = sums[-1:]
        self.path.unlink()
