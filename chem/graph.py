"""Molecular graphs as flat arrays of integer codes.

Every field is categorical and code 0 is always the unknown bucket, so a network embeds each field with a
table of its own size and meets a new element or charge without failing. Stereochemistry enters only as
CIP labels (R, S, r, s on atoms; E, Z on double bonds), which are properties of the molecule. The
clockwise and counter-clockwise tags of a SMILES are properties of how it was written, and never enter.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import rdCIPLabeler

from chem.errors import InputError
from chem.parse import explain_smiles, parse_smiles

ELEMENTS = (
    "H", "B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "As", "Se", "Br", "I",
    "Li", "Na", "K", "Mg", "Ca", "Al", "Fe", "Co", "Cu", "Zn", "Ag", "Pt", "Au", "Hg", "Bi", "Gd", "Sn", "Te",
)  # fmt: skip

_NODE_VOCABULARY: dict[str, tuple[Any, ...]] = {
    "element": ELEMENTS,
    "degree": (0, 1, 2, 3, 4, 5, 6),
    "formal_charge": (-3, -2, -1, 0, 1, 2, 3),
    "total_hydrogens": (0, 1, 2, 3, 4),
    "hybridisation": ("S", "SP", "SP2", "SP3", "SP2D", "SP3D", "SP3D2"),
    "aromatic": (False, True),
    "smallest_ring": (0, 3, 4, 5, 6, 7, 8, ">8"),
    "cip": ("none", "R", "S", "r", "s"),
}
_EDGE_VOCABULARY: dict[str, tuple[Any, ...]] = {
    "bond_type": ("SINGLE", "DOUBLE", "TRIPLE", "AROMATIC", "DATIVE"),
    "conjugated": (False, True),
    "in_ring": (False, True),
    "stereo": ("none", "E", "Z"),
}

GRAPH_SCHEMA: dict[str, Any] = {
    "version": 1,
    "unknown_code": 0,
    "node_fields": list(_NODE_VOCABULARY),
    "node_cardinalities": [len(values) + 1 for values in _NODE_VOCABULARY.values()],
    "node_vocabulary": {name: list(values) for name, values in _NODE_VOCABULARY.items()},
    "edge_fields": list(_EDGE_VOCABULARY),
    "edge_cardinalities": [len(values) + 1 for values in _EDGE_VOCABULARY.values()],
    "edge_vocabulary": {name: list(values) for name, values in _EDGE_VOCABULARY.items()},
    "edges": "both directions of every bond, next to each other, atoms numbered from 0 within the molecule",
}
"""What the columns mean: value k of a field's vocabulary has code k + 1, anything else code 0."""

_N_NODE_FIELDS = len(_NODE_VOCABULARY)
_N_EDGE_FIELDS = len(_EDGE_VOCABULARY)
_CHUNK = 4096
_CIP_ITERATIONS = 1_250_000  # about a second; without a bound some cages never finish


def schema_hash() -> str:
    """Hash of `GRAPH_SCHEMA`: what a network's card and a stored library record to know their features.

    Returns
    -------
    str
        Sixteen hexadecimal digits.

    Examples
    --------
    >>> len(schema_hash())
    16
    """
    text = json.dumps(GRAPH_SCHEMA, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


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


def _codes(values: Sequence[Any]) -> dict[Any, int]:
    return {value: code for code, value in enumerate(values, start=1)}


_ELEMENT = _codes([Chem.GetPeriodicTable().GetAtomicNumber(symbol) for symbol in ELEMENTS])
_DEGREE = _codes(_NODE_VOCABULARY["degree"])
_CHARGE = _codes(_NODE_VOCABULARY["formal_charge"])
_HYDROGENS = _codes(_NODE_VOCABULARY["total_hydrogens"])
_HYBRIDISATION = _codes([Chem.HybridizationType.names[name] for name in _NODE_VOCABULARY["hybridisation"]])
_RING = {**_codes(_NODE_VOCABULARY["smallest_ring"][:-1]), **dict.fromkeys(range(9, 1000), 8)}
_CIP = _codes(_NODE_VOCABULARY["cip"])
_BOND = _codes([Chem.BondType.names[name] for name in _EDGE_VOCABULARY["bond_type"]])
_STEREO = _codes(_EDGE_VOCABULARY["stereo"])
_UNSPECIFIED = Chem.ChiralType.CHI_UNSPECIFIED
_NO_STEREO = Chem.BondStereo.STEREONONE


def _encode_chunk(smiles: Sequence[str], start: int) -> MolecularGraphs:
    nodes: list[list[int]] = []
    edges: list[list[int]] = []
    n_nodes: list[int] = []
    n_edges: list[int] = []
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
        atom_labels, bond_labels = _cip_codes(molecule, smiles[index])
        rows = _node_rows(molecule, atom_labels)
        bonds = _edge_rows(molecule, bond_labels)
        nodes.extend(rows)
        edges.extend(bonds)
        n_nodes.append(len(rows))
        n_edges.append(2 * len(bonds))
    return _flatten(nodes, edges, n_nodes, n_edges)


def _flatten(
    nodes: list[list[int]], edges: list[list[int]], n_nodes: list[int], n_edges: list[int]
) -> MolecularGraphs:
    bonds = np.array(edges, dtype=np.int32).reshape(-1, 2 + _N_EDGE_FIELDS)
    edge_index = np.empty((2, 2 * len(bonds)), dtype=np.int32)
    edge_index[0, 0::2] = edge_index[1, 1::2] = bonds[:, 0]
    edge_index[1, 0::2] = edge_index[0, 1::2] = bonds[:, 1]
    return MolecularGraphs(
        np.array(nodes, dtype=np.int16).reshape(-1, _N_NODE_FIELDS),
        edge_index,
        np.repeat(bonds[:, 2:].astype(np.int16), 2, axis=0),
        np.concatenate([np.zeros(1, np.int64), np.cumsum(n_nodes, dtype=np.int64)]),
        np.concatenate([np.zeros(1, np.int64), np.cumsum(n_edges, dtype=np.int64)]),
    )


def _node_rows(molecule: Chem.Mol, labels: dict[int, int]) -> list[list[int]]:
    smallest_ring = molecule.GetRingInfo().MinAtomRingSize
    return [
        [
            _ELEMENT.get(atom.GetAtomicNum(), 0),
            _DEGREE.get(atom.GetDegree(), 0),
            _CHARGE.get(atom.GetFormalCharge(), 0),
            _HYDROGENS.get(atom.GetTotalNumHs(), 0),
            _HYBRIDISATION.get(atom.GetHybridization(), 0),
            2 if atom.GetIsAromatic() else 1,
            _RING.get(smallest_ring(number), 0),
            labels.get(number, 1),
        ]
        for number, atom in enumerate(molecule.GetAtoms())
    ]


def _edge_rows(molecule: Chem.Mol, labels: dict[int, int]) -> list[list[int]]:
    return [
        [
            bond.GetBeginAtomIdx(),
            bond.GetEndAtomIdx(),
            _BOND.get(bond.GetBondType(), 0),
            2 if bond.GetIsConjugated() else 1,
            2 if bond.IsInRing() else 1,
            labels.get(number, 1),
        ]
        for number, bond in enumerate(molecule.GetBonds())
    ]


def _cip_codes(molecule: Chem.Mol, smiles: str) -> tuple[dict[int, int], dict[int, int]]:
    r"""CIP codes of stereo atoms and bonds by number; SMILES write stereo with @, / and \ alone."""
    if "@" not in smiles and "/" not in smiles and "\\" not in smiles:
        return {}, {}
    try:
        with rdBase.BlockLogs():
            rdCIPLabeler.AssignCIPLabels(molecule, maxRecursiveIterations=_CIP_ITERATIONS)
    except RuntimeError:  # too symmetric a cage: no label is better than one that depends on the writing
        return (
            {atom.GetIdx(): 0 for atom in molecule.GetAtoms() if atom.GetChiralTag() != _UNSPECIFIED},
            {bond.GetIdx(): 0 for bond in molecule.GetBonds() if bond.GetStereo() != _NO_STEREO},
        )
    return (
        {
            atom.GetIdx(): _CIP.get(atom.GetProp("_CIPCode"), 0)
            for atom in molecule.GetAtoms()
            if atom.HasProp("_CIPCode")
        },
        {
            bond.GetIdx(): _STEREO.get(bond.GetProp("_CIPCode"), 0)
            for bond in molecule.GetBonds()
            if bond.HasProp("_CIPCode")
        },
    )
