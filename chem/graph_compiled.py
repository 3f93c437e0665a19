"""Molecules to graph arrays through RDKit's binary form and compiled code: the arrays of `chem.graph_portable`.

RDKit writes a molecule into bytes several times faster than Python can ask for its atoms. The layout of
those bytes belongs to a version of RDKit: where another version is found, or a molecule holds something rare
(a query, residues), the portable path takes over.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np
from rdkit import Chem

from chem.graph import MolecularGraphs
from chem.graph_cip import cip_codes
from chem.graph_parse import Reading
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
    marked: dict[int, Chem.Mol] = {}
    for molecule, may_be_marked in readings:
        if may_be_marked:
            marked[len(binaries)] = molecule
        binaries.append(molecule.ToBinary(_NO_CONFORMERS))  # others are let go while they are in the cache
    graphs, tags, marks, done = _read(binaries)
    for place in np.flatnonzero(~done).tolist():
        if place in marked:
            reading = (marked.pop(place), True)
        else:
            reading = (Chem.Mol(binaries[place]), False)  # type: ignore[call-overload]
        _replace(graphs, place, encode_portable([reading]))
    _label(graphs, marked, tags, marks)
    return graphs


def _read(binaries: list[bytes]) -> tuple[MolecularGraphs, np.ndarray, np.ndarray, np.ndarray]:
    """Graphs without labels, chiral tags, stereo marks, and which molecules were read to the end."""
    from chem.graph_binary import count_parts, read_molecules

    data = np.frombuffer(b"".join(binaries), dtype=np.uint8)
    offsets = _offsets(np.fromiter(map(len, binaries), np.int64, len(binaries)))
    counts = np.empty((2, len(binaries)), dtype=np.int64)
    count_parts(data, offsets, *counts)
    node_offsets, bond_offsets = _offsets(counts[0]), _offsets(counts[1])
    n_atoms, n_bonds = int(node_offsets[-1]), int(bond_offsets[-1])
    raw = np.zeros((n_atoms, len(_NODE_TABLES)), dtype=np.int32)
    bonds = np.zeros((n_bonds, 3), dtype=np.int32)
    ends = np.empty((2, n_bonds), dtype=np.int32)
    tags, marks = np.zeros(n_atoms, dtype=np.uint8), np.zeros(n_bonds, dtype=np.uint8)
    done = np.empty(len(binaries), dtype=np.bool_)
    read_molecules(data, offsets, node_offsets, bond_offsets, raw, tags, ends, bonds, marks, done)
    return _graphs(raw, ends, bonds, node_offsets, bond_offsets), tags, marks, done


def _offsets(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


def _graphs(
    raw: np.ndarray, ends: np.ndarray, bonds: np.ndarray, node_offsets: np.ndarray, bond_offsets: np.ndarray
) -> MolecularGraphs:
    """Codes from raw values, without labels; each bond becomes its two directions."""
    nodes = np.ones((len(raw), len(_NODE)), dtype=np.int16)
    for place, (name, table) in enumerate(_NODE_TABLES):
        nodes[:, _NODE[name]] = table.take(raw[:, place], mode="clip")
    nodes[:, _NODE["smallest_ring"]] = SMALLEST_RING[nodes[:, _NODE["ring_sizes"]]]
    one_way = np.ones((len(bonds), len(_EDGE)), dtype=np.int16)
    one_way[:, _EDGE["bond_type"]] = _BOND_TYPE.take(bonds[:, 0], mode="clip")
    one_way[:, _EDGE["conjugated"]] = 1 + bonds[:, 1]
    one_way[:, _EDGE["in_ring"]] = 1 + (bonds[:, 2] > 0)
    edge_index = np.empty((2, 2 * len(bonds)), dtype=np.int32)
    edge_index[:, 0::2] = ends
    edge_index[:, 1::2] = ends[::-1]
    return MolecularGraphs(nodes, edge_index, np.repeat(one_way, 2, axis=0), node_offsets, 2 * bond_offsets)


def _label(graphs: MolecularGraphs, marked: dict[int, Chem.Mol], tags: np.ndarray, marks: np.ndarray) -> None:
    """Write the codes of the marked atoms and bonds."""
    cip, stereo = graphs.node_features[:, _NODE["cip"]], graphs.edge_features[:, _EDGE["stereo"]]
    for place, molecule in marked.items():
        first_atom, end_atom = graphs.node_offsets[place : place + 2]
        first_bond, end_bond = graphs.edge_offsets[place : place + 2] // 2
        atoms = np.flatnonzero(tags[first_atom:end_atom])
        bonds = np.flatnonzero(marks[first_bond:end_bond])
        if len(atoms) or len(bonds):
            found = cip_codes(molecule, atoms.tolist(), bonds.tolist())
            cip[first_atom + atoms] = found[0]
            edges = 2 * (first_bond + bonds)
            stereo[edges] = stereo[edges + 1] = found[1]


def _replace(graphs: MolecularGraphs, place: int, part: MolecularGraphs) -> None:
    """Write the graph of one molecule over what stands at its place."""
    a, b = graphs.node_offsets[place : place + 2]
    c, d = graphs.edge_offsets[place : place + 2]
    graphs.node_features[a:b] = part.node_features
    graphs.edge_features[c:d] = part.edge_features
    graphs.edge_index[:, c:d] = part.edge_index
