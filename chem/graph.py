"""Molecular graphs as flat arrays of integer codes, whose meaning `chem.graph_schema` gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from chem.errors import InputError
from chem.graph_version import SCHEMA_VERSION, older_codes, refuse_newer, schema_of_version


@dataclass(frozen=True, repr=False)
class MolecularGraphs:
    """Many molecular graphs in flat arrays.

    Parameters
    ----------
    node_features
        int16 (n_atoms_total, n_node_fields), codes of `GRAPH_SCHEMA`.
    edge_index
        int32 (2, n_edges_total), atoms numbered within their molecule.
    edge_features
        int16 (n_edges_total, n_edge_fields).
    node_offsets
        int64 (n_molecules + 1): the atoms of molecule i are rows node_offsets[i] to node_offsets[i + 1].
    edge_offsets
        int64 (n_molecules + 1), the same for edges.
    atom_values
        Further arrays (n_atoms_total, ...) by name, such as partial_charge and position of `chem.geometry`.
    edge_values
        Further arrays (n_edges_total, ...) by name, such as distance.
    schema_version
        Which version of the graph schema the codes follow.

    Examples
    --------
    >>> from chem.graph_encode import encode_graphs
    >>> graphs = encode_graphs(["CCO", "c1ccccc1"])
    >>> graphs
    <2 molecular graphs: 9 atoms, 16 edges, schema 2>
    >>> len(graphs), len(graphs.node_features), graphs.edge_index.shape
    (2, 9, (2, 16))
    >>> graphs.take([1, 0]).node_offsets.tolist()
    [0, 6, 9]
    """

    node_features: np.ndarray
    edge_index: np.ndarray
    edge_features: np.ndarray
    node_offsets: np.ndarray
    edge_offsets: np.ndarray
    atom_values: Mapping[str, np.ndarray] = field(default_factory=dict)
    edge_values: Mapping[str, np.ndarray] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION

    def __len__(self) -> int:
        return len(self.node_offsets) - 1

    def __repr__(self) -> str:
        n_edges = int(self.edge_offsets[-1])
        values = "".join(f", {name}" for name in (*self.atom_values, *self.edge_values))
        return (
            f"<{len(self)} molecular graphs: {int(self.node_offsets[-1])} atoms, {n_edges} edges, "
            f"schema {self.schema_version}{values}>"
        )

    @property
    def node_cardinalities(self) -> tuple[int, ...]:
        """Number of codes of each node field, the unknown bucket included."""
        return tuple(schema_of_version(self.schema_version)["node_cardinalities"])

    @property
    def edge_cardinalities(self) -> tuple[int, ...]:
        """Number of codes of each edge field, the unknown bucket included."""
        return tuple(schema_of_version(self.schema_version)["edge_cardinalities"])

    @property
    def n_atoms(self) -> np.ndarray:
        """Atoms of each molecule, int64 (n_molecules,)."""
        return np.diff(self.node_offsets)

    def take(self, indices: Sequence[int] | np.ndarray) -> MolecularGraphs:
        """Graphs at the given places, in that order; an index may repeat.

        Parameters
        ----------
        indices
            Molecule numbers; negative ones count from the end. A boolean mask is taken too.

        Returns
        -------
        MolecularGraphs
            A copy of those molecules.

        Raises
        ------
        IndexError
            An index lies outside.

        Examples
        --------
        >>> from chem.graph_encode import encode_graphs
        >>> encode_graphs(["CCO", "CC"]).take([-1]).n_atoms.tolist()
        [2]
        """
        chosen = molecule_numbers(indices, len(self))
        nodes, node_offsets = segment_rows(self.node_offsets, chosen)
        edges, edge_offsets = segment_rows(self.edge_offsets, chosen)
        return MolecularGraphs(
            np.asarray(self.node_features[nodes]),
            np.asarray(self.edge_index[:, edges]),
            np.asarray(self.edge_features[edges]),
            node_offsets,
            edge_offsets,
            {name: np.asarray(values[nodes]) for name, values in self.atom_values.items()},
            {name: np.asarray(values[edges]) for name, values in self.edge_values.items()},
            self.schema_version,
        )

    def batch_arrays(self, indices: Sequence[int] | np.ndarray) -> dict[str, np.ndarray]:
        """Molecules as one disconnected graph, atoms numbered through.

        Parameters
        ----------
        indices
            Molecule numbers, as in `take`.

        Returns
        -------
        dict
            x int16 (n_atoms, n_node_fields), edge_index int64 (2, n_edges), edge_attr int16
            (n_edges, n_edge_fields), batch int64 (n_atoms,): the place in `indices` of each atom's molecule,
            ptr int64 (n_molecules + 1): the first atom of each; then atom_values and edge_values by their
            names.

        Examples
        --------
        >>> from chem.graph_encode import encode_graphs
        >>> batch = encode_graphs(["CC", "CO"]).batch_arrays([0, 1])
        >>> batch["edge_index"].tolist(), batch["batch"].tolist()
        ([[0, 1, 2, 3], [1, 0, 3, 2]], [0, 0, 1, 1])
        """
        part = self.take(indices)
        shift = np.repeat(part.node_offsets[:-1], np.diff(part.edge_offsets))
        return {
            **part.atom_values,
            **part.edge_values,
            "x": part.node_features,
            "edge_index": part.edge_index + shift,
            "edge_attr": part.edge_features,
            "batch": np.repeat(np.arange(len(part), dtype=np.int64), part.n_atoms),
            "ptr": part.node_offsets,
        }

    def with_values(
        self,
        atom_values: Mapping[str, np.ndarray] | None = None,
        edge_values: Mapping[str, np.ndarray] | None = None,
    ) -> MolecularGraphs:
        """Add further values to those the graphs carry; a name that is there already is replaced.

        Parameters
        ----------
        atom_values
            Arrays (n_atoms_total, ...) by name.
        edge_values
            Arrays (n_edges_total, ...) by name.

        Returns
        -------
        MolecularGraphs
            The same graphs with them.

        Raises
        ------
        InputError
            An array does not have one row per atom or edge.

        Examples
        --------
        >>> from chem.graph_encode import encode_graphs
        >>> encode_graphs(["CO"]).with_values({"mass": np.array([12.011, 15.999])})
        <1 molecular graphs: 2 atoms, 2 edges, schema 2, mass>
        """
        added = {"atom_values": dict(atom_values or {}), "edge_values": dict(edge_values or {})}
        rows = {"atom_values": int(self.node_offsets[-1]), "edge_values": int(self.edge_offsets[-1])}
        for kind, arrays in added.items():
            for name, array in arrays.items():
                if len(array) != rows[kind]:
                    raise InputError(f"{name} has {len(array)} rows", field=kind, expected=f"{rows[kind]}")
        return self._with(
            {**self.atom_values, **added["atom_values"]}, {**self.edge_values, **added["edge_values"]}
        )

    def _with(
        self, atom_values: dict[str, np.ndarray], edge_values: dict[str, np.ndarray]
    ) -> MolecularGraphs:
        return replace(self, atom_values=atom_values, edge_values=edge_values)

    def project(self, version: int = 1) -> MolecularGraphs:
        """Translate the codes into those of an older version of the schema.

        Parameters
        ----------
        version
            The version wanted, for a network that was trained on it.

        Returns
        -------
        MolecularGraphs
            What that version gave, code for code; values it does not list are unknown (0).

        Raises
        ------
        InputError
            There is no such version, or these graphs are older than it.

        Examples
        --------
        >>> from chem.graph_encode import encode_graphs
        >>> graphs = encode_graphs(["[13CH4]"]).project(1)
        >>> graphs.schema_version, graphs.node_features.tolist()
        (1, [[3, 1, 4, 5, 4, 1, 1, 1]])
        """
        if version == self.schema_version:
            return self
        refuse_newer(version, self.schema_version)
        return replace(
            self,
            node_features=older_codes(self.node_features, "node"),
            edge_features=older_codes(self.edge_features, "edge"),
            schema_version=version,
        )


def molecule_numbers(indices: Sequence[int] | np.ndarray, n_molecules: int) -> np.ndarray:
    """Molecule numbers from 0, for indices that may be negative or a mask.

    Raises
    ------
    IndexError
        An index lies outside.

    Examples
    --------
    >>> molecule_numbers([0, -1], 3).tolist(), molecule_numbers([True, False, True], 3).tolist()
    ([0, 2], [0, 2])
    """
    chosen = np.asarray(indices)
    if chosen.dtype == bool:
        if chosen.shape != (n_molecules,):
            raise IndexError(f"a mask of shape {chosen.shape} does not fit {n_molecules} molecules")
        return np.flatnonzero(chosen)
    chosen = chosen.astype(np.int64).reshape(-1)
    if chosen.size and (chosen.max() >= n_molecules or chosen.min() < -n_molecules):
        raise IndexError(f"molecule numbers {chosen.min()} to {chosen.max()} of {n_molecules} molecules")
    return np.where(chosen < 0, chosen + n_molecules, chosen)


def segment_rows(offsets: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers of the chosen segments, one behind the other, and their new offsets.

    Examples
    --------
    >>> rows, offsets = segment_rows(np.array([0, 2, 5]), np.array([1, 0]))
    >>> rows.tolist(), offsets.tolist()
    ([2, 3, 4, 0, 1], [0, 3, 5])
    """
    starts = np.asarray(offsets)[chosen].astype(np.int64)
    counts = np.asarray(offsets)[chosen + 1].astype(np.int64) - starts
    new_offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])
    rows = np.arange(new_offsets[-1], dtype=np.int64) + np.repeat(starts - new_offsets[:-1], counts)
    return rows, new_offsets


def concatenate_graphs(parts: Sequence[MolecularGraphs]) -> MolecularGraphs:
    """Put the molecules of several collections behind one another.

    Parameters
    ----------
    parts
        Collections of one schema version that carry the same values, possibly none.

    Returns
    -------
    MolecularGraphs
        All molecules, in order.

    Raises
    ------
    InputError
        The schema versions or the names of the further values differ.

    Examples
    --------
    >>> from chem.graph_encode import encode_graphs
    >>> both = concatenate_graphs([encode_graphs(["CC"]), encode_graphs(["CCC"])])
    >>> both.node_offsets.tolist()
    [0, 2, 5]
    """
    if not parts:
        return empty_graphs()
    first = parts[0]
    for number, part in enumerate(parts[1:], start=1):
        refuse_unlike(first, part, number)
    return MolecularGraphs(
        np.concatenate([part.node_features for part in parts]),
        np.concatenate([part.edge_index for part in parts], axis=1),
        np.concatenate([part.edge_features for part in parts]),
        _join_offsets([part.node_offsets for part in parts]),
        _join_offsets([part.edge_offsets for part in parts]),
        {name: np.concatenate([part.atom_values[name] for part in parts]) for name in first.atom_values},
        {name: np.concatenate([part.edge_values[name] for part in parts]) for name in first.edge_values},
        first.schema_version,
    )


def refuse_unlike(first: MolecularGraphs, other: MolecularGraphs, record: int) -> None:
    """Raise unless two collections can stand in one.

    Raises
    ------
    InputError
        The schema versions or the names of the further values differ.
    """
    for name, wanted, found in (
        ("schema_version", first.schema_version, other.schema_version),
        ("atom_values", sorted(first.atom_values), sorted(other.atom_values)),
        ("edge_values", sorted(first.edge_values), sorted(other.edge_values)),
    ):
        if wanted != found:
            raise InputError(
                f"these graphs have {found}",
                record=record,
                field=name,
                expected=f"{wanted}, as the graphs before them",
                hint="encode them alike",
            )


def _join_offsets(parts: Sequence[np.ndarray]) -> np.ndarray:
    counts = np.concatenate([np.diff(part) for part in parts])
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


def empty_graphs(schema_version: int = SCHEMA_VERSION) -> MolecularGraphs:
    """Make a collection without molecules.

    Examples
    --------
    >>> len(empty_graphs())
    0
    """
    schema = schema_of_version(schema_version)
    return MolecularGraphs(
        np.zeros((0, len(schema["node_fields"])), np.int16),
        np.zeros((2, 0), np.int32),
        np.zeros((0, len(schema["edge_fields"])), np.int16),
        np.zeros(1, np.int64),
        np.zeros(1, np.int64),
        schema_version=schema_version,
    )
