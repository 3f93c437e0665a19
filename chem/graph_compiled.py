"""Molecules to graph arrays through RDKit's binary form and compiled code: the arrays of `chem.graph_portable`.

RDKit writes a molecule into bytes several times faster than Python can ask for its atoms. The layout of
those bytes belongs to a version of RDKit: where another version is found, or a molecule holds something rare
(a query, residues), the portable path takes over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
from rdkit import Chem

from chem.graph import MolecularGraphs
from chem.graph_cip import cip_codes
from chem.graph_parse import Reading, sift_marks
from chem.graph_portable import ATOM_CODES, BOND_CODES, SMALLEST_RING, encode_portable
from chem.graph_schema import EDGE_VOCABULARY, NODE_VOCABULARY, UNKNOWN

_PREFIX = b"\xef\xbe\xad\xde" + b"".join(number.to_bytes(4, "little") for number in (0, 16, 3, 0))
_NO_CONFORMERS = 0x20000  # PropertyPickleOptions.NoConformers, and no properties

_NODE = {name: place for place, name in enumerate(NODE_VOCABULARY)}
_EDGE = {name: place for place, name in enumerate(EDGE_VOCABULARY)}


def _table(codes: dict[int, int], shift: int = 0) -> np.ndarray:
    """Code of each raw value; the last place is that of everything beyond, and unknown."""
    table = np.full(max(codes) + shift + 2, UNKNOWN, dtype=np.int16)
    for value, code in codes.items():
        table[int(value) + shift] = code
    return table


# In the order in which chem.graph_binary writes the raw values.
_NODE_TABLES: tuple[tuple[str, np.ndarray], ...] = (
    ("element", _table(ATOM_CODES["element"])),
    ("degree", _table(ATOM_CODES["degree"])),
    ("formal_charge", _table(ATOM_CODES["formal_charge"], shift=128)),
    ("total_hydrogens", _table(ATOM_CODES["total_hydrogens"])),
    ("hybridisation", _table(ATOM_CODES["hybridisation"])),
    ("aromatic", _table(ATOM_CODES["aromatic"])),
    ("ring_sizes", np.arange(1, len(NODE_VOCABULARY["ring_sizes"]) + 1, dtype=np.int16)),
    ("radical_electrons", _table(ATOM_CODES["radical_electrons"])),
    ("isotope", _table(ATOM_CODES["isotope"])),
)
_BOND_TYPE = _table(BOND_CODES["bond_type"])


@cache
def reads_binary() -> bool:
    """Tell whether this RDKit writes the layout that `chem.graph_binary` reads.

    Examples
    --------
    >>> reads_binary() == Chem.MolFromSmiles("C").ToBinary().startswith(_PREFIX)
    True
    """
    return Chem.MolFromSmiles("C").ToBinary(_NO_CONFORMERS).startswith(_PREFIX)


def encode_compiled(readings: Iterable[Reading]) -> MolecularGraphs:
    """Graphs of sanitised molecules, as `chem.graph_portable.encode_portable` gives them.

    Parameters
    ----------
    readings
        Sanitised molecules, each with whether it may carry marks of stereochemistry; the labels are written
        into those that may, the others count as unmarked.

    Returns
    -------
    MolecularGraphs
        In input order.

    Examples
    --------
    >>> encode_compiled([(Chem.MolFromSmiles("CO"), True)]).node_features[:, :4].tolist()
    [[3, 2, 4, 4], [5, 2, 4, 2]]
    """
    if not reads_binary():
        return encode_portable(readings)
    binaries: list[bytes] = []
    marked: dict[int, Reading] = {}
    for reading in readings:
        if reading[1]:
            marked[len(binaries)] = reading
        binaries.append(reading[0].ToBinary(_NO_CONFORMERS))  # others are let go while they are in the cache
    read = _read(binaries)
    graphs = read.graphs()
    strange = {place: marked.pop(place, None) for place in np.flatnonzero(~read.done).tolist()}
    sifted = _label(graphs, marked, read)
    for place, kept in strange.items():
        reading = (Chem.Mol(binaries[place]), False) if kept is None else kept  # type: ignore[call-overload]
        _replace(graphs, place, encode_portable([reading]))
    if sifted:
        parts = encode_compiled(sifted.values())
        for number, place in enumerate(sifted):
            _replace(graphs, place, parts.take([number]))
    return graphs


@dataclass(frozen=True)
class _RawMolecules:
    """What `chem.graph_binary.read_molecules` writes; its docstring tells the arrays."""

    node_offsets: np.ndarray
    bond_offsets: np.ndarray
    raw: np.ndarray
    tags: np.ndarray
    ends: np.ndarray
    bonds: np.ndarray
    marks: np.ndarray
    sides: np.ndarray
    done: np.ndarray

    def graphs(self) -> MolecularGraphs:
        """Codes without labels; each bond becomes its two directions."""
        nodes = np.ones((len(self.raw), len(_NODE)), dtype=np.int16)
        for place, (name, table) in enumerate(_NODE_TABLES):
            nodes[:, _NODE[name]] = table.take(self.raw[:, place], mode="clip")
        nodes[:, _NODE["smallest_ring"]] = SMALLEST_RING[nodes[:, _NODE["ring_sizes"]]]
        one_way = np.ones((len(self.bonds), len(_EDGE)), dtype=np.int16)
        one_way[:, _EDGE["bond_type"]] = _BOND_TYPE.take(self.bonds[:, 0], mode="clip")
        one_way[:, _EDGE["conjugated"]] = 1 + self.bonds[:, 1]
        one_way[:, _EDGE["in_ring"]] = 1 + (self.bonds[:, 2] > 0)
        edge_index = np.empty((2, 2 * len(self.bonds)), dtype=np.int32)
        edge_index[:, 0::2] = self.ends
        edge_index[:, 1::2] = self.ends[::-1]
        two_ways = np.repeat(one_way, 2, axis=0)
        return MolecularGraphs(nodes, edge_index, two_ways, self.node_offsets, 2 * self.bond_offsets)


def _read(binaries: list[bytes]) -> _RawMolecules:
    from chem.graph_binary import count_parts, read_molecules

    data = np.frombuffer(b"".join(binaries), dtype=np.uint8)
    offsets = _offsets(np.fromiter(map(len, binaries), np.int64, len(binaries)))
    counts = np.empty((2, len(binaries)), dtype=np.int64)
    count_parts(data, offsets, *counts)
    node_offsets, bond_offsets = _offsets(counts[0]), _offsets(counts[1])
    n_atoms, n_bonds = int(node_offsets[-1]), int(bond_offsets[-1])
    read = _RawMolecules(
        node_offsets,
        bond_offsets,
        raw=np.zeros((n_atoms, len(_NODE_TABLES)), dtype=np.int32),
        tags=np.zeros(n_atoms, dtype=np.uint8),
        ends=np.empty((2, n_bonds), dtype=np.int32),
        bonds=np.zeros((n_bonds, 3), dtype=np.int32),
        marks=np.zeros(n_bonds, dtype=np.uint8),
        sides=np.empty((2, n_bonds), dtype=np.int32),
        done=np.empty(len(binaries), dtype=np.bool_),
    )
    read_molecules(
        data, offsets, node_offsets, bond_offsets,
        read.raw, read.tags, read.ends, read.bonds, read.marks, read.sides, read.done,
    )  # fmt: skip
    return read


def _offsets(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


def _label(graphs: MolecularGraphs, marked: dict[int, Reading], read: _RawMolecules) -> dict[int, Reading]:
    """Write the codes of the marked atoms and bonds: by Rule 1a where that settles all of a molecule, else RDKit's.

    Returns the molecules whose marks had yet to be sifted, and now are, without their codes.
    """
    from chem.graph_constitution import label_molecules

    cip, stereo = np.ones(len(read.tags), np.int16), np.ones(len(read.marks), np.int16)
    places, settled = np.array(list(marked), np.int64), np.empty(len(marked), np.bool_)
    label_molecules(
        places, read.node_offsets, read.bond_offsets,
        read.raw, read.tags, read.ends, read.bonds, read.marks, read.sides, cip, stereo, settled,
    )  # fmt: skip
    sifted: dict[int, Reading] = {}
    for place in places[~settled].tolist():
        molecule, marks = marked[place]
        if isinstance(marks, str):
            sifted[place] = sift_marks(molecule, marks), True
            continue
        first_atom, end_atom = read.node_offsets[place : place + 2]
        first_bond, end_bond = read.bond_offsets[place : place + 2]
        atoms = np.flatnonzero(read.tags[first_atom:end_atom])
        bonds = np.flatnonzero(read.marks[first_bond:end_bond])
        cip[first_atom + atoms], stereo[first_bond + bonds] = cip_codes(
            molecule, atoms.tolist(), bonds.tolist()
        )
    graphs.node_features[:, _NODE["cip"]] = cip
    graphs.edge_features[:, _EDGE["stereo"]] = np.repeat(stereo, 2)
    return sifted


def _replace(graphs: MolecularGraphs, place: int, part: MolecularGraphs) -> None:
    """Write the graph of one molecule over what stands at its place."""
    a, b = graphs.node_offsets[place : place + 2]
    c, d = graphs.edge_offsets[place : place + 2]
    graphs.node_features[a:b] = part.node_features
    graphs.edge_features[c:d] = part.edge_features
    graphs.edge_index[:, c:d] = part.edge_index
