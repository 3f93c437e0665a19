"""Molecular graphs as flat arrays of integer codes, whose meaning `chem.graph_schema` gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chem.graph_schema import EDGE_VOCABULARY, GRAPH_SCHEMA, NODE_VOCABULARY


@dataclass(frozen=True)
class MolecularGraphs:
    """Many molecular graphs in five flat arrays.

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

    Examples
    --------
    >>> from chem.graph_encode import encode_graphs
    >>> graphs = encode_graphs(["CCO", "c1ccccc1"])
    >>> len(graphs), graphs.node_features.shape, graphs.edge_index.shape
    (2, (9, 8), (2, 16))
    >>> graphs.take([1, 0]).node_offsets.tolist()
    [0, 6, 9]
    """

    node_features: np.ndarray
    edge_index: np.ndarray
    edge_features: np.ndarray
    node_offsets: np.ndarray
    edge_offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.node_offsets) - 1

    @property
    def node_cardinalities(self) -> tuple[int, ...]:
        """Number of codes of each node field, the unknown bucket included."""
        return tuple(GRAPH_SCHEMA["node_cardinalities"])

    @property
    def edge_cardinalities(self) -> tuple[int, ...]:
        """Number of codes of each edge field, the unknown bucket included."""
        return tuple(GRAPH_SCHEMA["edge_cardinalities"])

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
        chosen = self._normalise(indices)
        nodes, node_offsets = _gather(self.node_offsets, chosen)
        edges, edge_offsets = _gather(self.edge_offsets, chosen)
        return MolecularGraphs(
            np.asarray(self.node_features[nodes]),
            np.asarray(self.edge_index[:, edges]),
            np.asarray(self.edge_features[edges]),
            node_offsets,
            edge_offsets,
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
            (n_edges, n_edge_fields), batch int64 (n_atoms,): the place in `indices` of each atom's molecule.

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
            "x": part.node_features,
            "edge_index": part.edge_index.astype(np.int64) + shift,
            "edge_attr": part.edge_features,
            "batch": np.repeat(np.arange(len(part), dtype=np.int64), part.n_atoms),
        }

    def _normalise(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        chosen = np.asarray(indices)
        if chosen.dtype == bool:
            if chosen.shape != (len(self),):
                raise IndexError(f"a mask of shape {chosen.shape} does not fit {len(self)} molecules")
            return np.flatnonzero(chosen)
        chosen = chosen.astype(np.int64).reshape(-1)
        if chosen.size and (chosen.max() >= len(self) or chosen.min() < -len(self)):
            raise IndexError(f"molecule numbers {chosen.min()} to {chosen.max()} of {len(self)} molecules")
        return np.where(chosen < 0, chosen + len(self), chosen)


def _gather(offsets: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers of the chosen segments, one behind the other, and their new offsets."""
    starts = np.asarray(offsets)[chosen]
    counts = np.asarray(offsets)[chosen + 1] - starts
    new_offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])
    rows = np.arange(new_offsets[-1], dtype=np.int64) + np.repeat(starts - new_offsets[:-1], counts)
    return rows, new_offsets


def concatenate_graphs(parts: Sequence[MolecularGraphs]) -> MolecularGraphs:
    """Put the molecules of several collections behind one another.

    Parameters
    ----------
    parts
        Collections, possibly none.

    Returns
    -------
    MolecularGraphs
        All molecules, in order.

    Examples
    --------
    >>> from chem.graph_encode import encode_graphs
    >>> both = concatenate_graphs([encode_graphs(["CC"]), encode_graphs(["CCC"])])
    >>> both.node_offsets.tolist()
    [0, 2, 5]
    """
    if not parts:
        return empty_graphs()
    return MolecularGraphs(
        np.concatenate([part.node_features for part in parts]),
        np.concatenate([part.edge_index for part in parts], axis=1),
        np.concatenate([part.edge_features for part in parts]),
        _join_offsets([part.node_offsets for part in parts]),
        _join_offsets([part.edge_offsets for part in parts]),
    )


def _join_offsets(parts: Sequence[np.ndarray]) -> np.ndarray:
    counts = np.concatenate([np.diff(part) for part in parts])
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


def empty_graphs() -> MolecularGraphs:
    """Make a collection without molecules.

    Examples
    --------
    >>> len(empty_graphs())
    0
    """
    return MolecularGraphs(
        np.zeros((0, len(NODE_VOCABULARY)), np.int16),
        np.zeros((2, 0), np.int32),
        np.zeros((0, len(EDGE_VOCABULARY)), np.int16),
        np.zeros(1, np.int64),
        np.zeros(1, np.int64),
    )
