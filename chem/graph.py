"""Molecular graphs as flat arrays of integer codes, whose meaning `chem.graph_schema` gives.

Stereochemistry enters only as CIP labels (R, S, r, s on atoms; E, Z on double bonds), which are properties of
the molecule. The clockwise and counter-clockwise tags of a SMILES are properties of how it was written, and
never enter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import rdCIPLabeler

from chem.errors import InputError
from chem.graph_schema import EDGE_VOCABULARY, ELEMENTS, GRAPH_SCHEMA, NODE_VOCABULARY, UNKNOWN, schema_hash
from chem.interrupts import python_interrupts
from chem.parse import explain_smiles, parse_smiles

__all__ = ["GRAPH_SCHEMA", "MolecularGraphs", "concatenate_graphs", "encode_graphs", "schema_hash"]

_N_NODE_FIELDS = len(NODE_VOCABULARY)
_N_EDGE_FIELDS = len(EDGE_VOCABULARY)
_CHUNK = 4096
_CIP_ITERATIONS = 1_250_000  # about a second; without a bound some cages never finish


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
    >>> both = concatenate_graphs([encode_graphs(["CC"]), encode_graphs(["CCC"])])
    >>> both.node_offsets.tolist()
    [0, 2, 5]
    """
    if not parts:
        return encode_graphs([])
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


def encode_graphs(smiles: Sequence[str]) -> MolecularGraphs:
    """Molecular graphs of many SMILES.

    The same molecule gives the same graph up to the order of its atoms, however its SMILES is written
    and whether or not its hydrogens are explicit.

    Parameters
    ----------
    smiles
        One SMILES per molecule.

    Returns
    -------
    MolecularGraphs
        In input order.

    Raises
    ------
    InputError
        A SMILES does not parse or holds no atom; the message names its index.

    References
    ----------
    CIP labels: Hanson et al., J. Chem. Inf. Model. 2018, 58, 1755-1765, doi:10.1021/acs.jcim.8b00324.

    Examples
    --------
    >>> left, right = encode_graphs(["C[C@H](N)C(=O)O"]), encode_graphs(["OC(=O)[C@@H](N)C"])
    >>> sorted(left.node_features.tolist()) == sorted(right.node_features.tolist())
    True
    """
    chunks = [_encode_chunk(smiles, start) for start in range(0, max(len(smiles), 1), _CHUNK)]
    return chunks[0] if len(chunks) == 1 else concatenate_graphs(chunks)


class _Codes(dict[Any, int]):
    """Codes of a field's values; whatever is not listed is unknown."""

    def __init__(self, values: Iterable[Any]) -> None:
        super().__init__((value, code) for code, value in enumerate(values, start=1))

    def __missing__(self, value: Any) -> int:
        return UNKNOWN


_ELEMENT = _Codes(Chem.GetPeriodicTable().GetAtomicNumber(symbol) for symbol in ELEMENTS)
_DEGREE = _Codes(NODE_VOCABULARY["degree"])
_CHARGE = _Codes(NODE_VOCABULARY["formal_charge"])
_HYDROGENS = _Codes(NODE_VOCABULARY["total_hydrogens"])
_HYBRIDISATION = _Codes(Chem.HybridizationType.names[name] for name in NODE_VOCABULARY["hybridisation"])
_FLAG = _Codes((False, True))
_RING = _Codes(NODE_VOCABULARY["smallest_ring"])
_RING.update(dict.fromkeys(range(9, 1000), _RING[">8"]))
_CIP = _Codes(NODE_VOCABULARY["cip"])
_BOND = _Codes(Chem.BondType.names[name] for name in EDGE_VOCABULARY["bond_type"])
_STEREO = _Codes(EDGE_VOCABULARY["stereo"])

_Getter = Callable[[Any], Any]
# Everything that RDKit tells of one atom or bond alone: asked through map, field by field, since a Python
# statement per atom would cost more than the answer.
_ATOM_FIELDS: tuple[tuple[_Getter, _Codes], ...] = (
    (Chem.Atom.GetAtomicNum, _ELEMENT),
    (Chem.Atom.GetDegree, _DEGREE),
    (Chem.Atom.GetFormalCharge, _CHARGE),
    (Chem.Atom.GetTotalNumHs, _HYDROGENS),
    (Chem.Atom.GetHybridization, _HYBRIDISATION),
    (Chem.Atom.GetIsAromatic, _FLAG),
)
_BOND_FIELDS: tuple[tuple[_Getter, _Codes], ...] = (
    (Chem.Bond.GetBondType, _BOND),
    (Chem.Bond.GetIsConjugated, _FLAG),
    (Chem.Bond.IsInRing, _FLAG),
)


class _Columns:
    """Fields of the molecules of one chunk, a list each, and how many rows each molecule has."""

    def __init__(self) -> None:
        self.nodes: list[list[int]] = [[] for _ in range(_N_NODE_FIELDS)]
        self.edges: list[list[int]] = [[] for _ in range(2 + _N_EDGE_FIELDS)]
        self.n_nodes: list[int] = []
        self.n_bonds: list[int] = []

    def add(self, molecule: Chem.Mol, smiles: str) -> None:
        """Append the atoms and bonds of one molecule."""
        atoms, bonds = list(molecule.GetAtoms()), list(molecule.GetBonds())
        atom_labels, bond_labels = _cip_codes(molecule, smiles, atoms, bonds)
        for column, (ask, codes) in zip(self.nodes, _ATOM_FIELDS):
            column.extend(map(codes.__getitem__, map(ask, atoms)))
        ring = molecule.GetRingInfo().MinAtomRingSize
        self.nodes[-2].extend(map(_RING.__getitem__, map(ring, range(len(atoms)))))
        self.nodes[-1].extend(atom_labels)
        self.edges[0].extend(map(Chem.Bond.GetBeginAtomIdx, bonds))
        self.edges[1].extend(map(Chem.Bond.GetEndAtomIdx, bonds))
        for column, (ask, codes) in zip(self.edges[2:], _BOND_FIELDS):
            column.extend(map(codes.__getitem__, map(ask, bonds)))
        self.edges[-1].extend(bond_labels)
        self.n_nodes.append(len(atoms))
        self.n_bonds.append(len(bonds))

    def graphs(self) -> MolecularGraphs:
        """Flat arrays; each bond becomes its two directions."""
        begin, end = (np.array(column, dtype=np.int32) for column in self.edges[:2])
        edge_index = np.empty((2, 2 * len(begin)), dtype=np.int32)
        edge_index[0, 0::2] = edge_index[1, 1::2] = begin
        edge_index[1, 0::2] = edge_index[0, 1::2] = end
        bonds = np.array(self.edges[2:], dtype=np.int16).T
        return MolecularGraphs(
            np.ascontiguousarray(np.array(self.nodes, dtype=np.int16).T),
            edge_index,
            np.repeat(bonds, 2, axis=0),
            np.concatenate([np.zeros(1, np.int64), np.cumsum(self.n_nodes, dtype=np.int64)]),
            np.concatenate([np.zeros(1, np.int64), 2 * np.cumsum(self.n_bonds, dtype=np.int64)]),
        )


def _encode_chunk(smiles: Sequence[str], start: int) -> MolecularGraphs:
    columns = _Columns()
    for index in range(start, min(start + _CHUNK, len(smiles))):
        molecule = parse_smiles(smiles[index])
        if molecule is None:
            raise InputError(
                f"{smiles[index]!r} does not parse: {explain_smiles(smiles[index])}",
                record=index,
                field="smiles",
                expected="a SMILES with at least one atom",
                hint="remove or correct this item",
            )
        columns.add(molecule, smiles[index])
    return columns.graphs()


def _cip_codes(
    molecule: Chem.Mol, smiles: str, atoms: list[Chem.Atom], bonds: list[Chem.Bond]
) -> tuple[list[int], list[int]]:
    """CIP codes of all atoms and bonds; a SMILES marks stereo atoms with @ and stereo bonds with slashes."""
    marks_atoms, marks_bonds = "@" in smiles, "/" in smiles or "\\" in smiles
    if not marks_atoms and not marks_bonds:
        return [_CIP["none"]] * len(atoms), [_STEREO["none"]] * len(bonds)
    try:
        with rdBase.BlockLogs(), python_interrupts():
            rdCIPLabeler.AssignCIPLabels(molecule, maxRecursiveIterations=_CIP_ITERATIONS)
    except RuntimeError:  # too symmetric a cage: no label is better than one that depends on the writing
        return (
            [_CIP["none"] if atom.GetChiralTag() == _UNSPECIFIED else UNKNOWN for atom in atoms],
            [_STEREO["none"] if bond.GetStereo() == _NO_STEREO else UNKNOWN for bond in bonds],
        )
    return (
        [_CIP[atom.GetProp("_CIPCode") if atom.HasProp("_CIPCode") else "none"] for atom in atoms],
        [_STEREO[bond.GetProp("_CIPCode") if bond.HasProp("_CIPCode") else "none"] for bond in bonds],
    )


_UNSPECIFIED = Chem.ChiralType.CHI_UNSPECIFIED
_NO_STEREO = Chem.BondStereo.STEREONONE
