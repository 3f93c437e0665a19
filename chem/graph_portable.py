"""Molecules to graph arrays through RDKit's public functions alone.

The reference for `chem.graph_compiled`, which gives the same arrays faster, and what is used where that path does
not know RDKit's binary format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from rdkit import Chem

from chem.graph import MolecularGraphs
from chem.graph_cip import cip_codes
from chem.graph_parse import Reading, sift_marks
from chem.graph_schema import EDGE_VOCABULARY, ELEMENTS, NODE_VOCABULARY, RING_SIZES, UNKNOWN

_Getter = Callable[[Any], Any]


class _Codes(dict[Any, int]):
    """Codes of a field's values; whatever is not listed is unknown."""

    def __init__(self, values: Iterable[Any]) -> None:
        super().__init__((value, code) for code, value in enumerate(values, start=1))

    def __missing__(self, value: Any) -> int:
        return UNKNOWN


class _RingBits(dict[int, int]):
    """Bit of the field ring_sizes for the size of a ring; 0 is no ring."""

    def __init__(self) -> None:
        super().__init__({0: 0} | {size: 1 << place for place, size in enumerate(RING_SIZES[:-1])})

    def __missing__(self, size: int) -> int:
        return 1 << (len(RING_SIZES) - 1)


def _atomic_number(symbol: str) -> int:
    return Chem.GetPeriodicTable().GetAtomicNumber(symbol) if symbol != "*" else 0


def _smallest_rings() -> np.ndarray:
    """Code of smallest_ring at the place of the code of ring_sizes."""
    codes = {value: code for code, value in enumerate(NODE_VOCABULARY["smallest_ring"], start=1)}
    subsets = NODE_VOCABULARY["ring_sizes"]
    return np.array([UNKNOWN, *(codes[subset[0] if subset else 0] for subset in subsets)], dtype=np.int16)


ATOM_CODES = {
    "element": _Codes(_atomic_number(symbol) for symbol in ELEMENTS),
    "hybridisation": _Codes(Chem.HybridizationType.names[name] for name in NODE_VOCABULARY["hybridisation"]),
} | {
    name: _Codes(NODE_VOCABULARY[name])
    for name in NODE_VOCABULARY
    if name not in ("element", "hybridisation")
}
BOND_CODES = {"bond_type": _Codes(Chem.BondType.names[name] for name in EDGE_VOCABULARY["bond_type"])} | {
    name: _Codes(EDGE_VOCABULARY[name]) for name in EDGE_VOCABULARY if name != "bond_type"
}
SMALLEST_RING = _smallest_rings()
_DEGREES = np.array(
    [ATOM_CODES["degree"][n] for n in range(max(NODE_VOCABULARY["degree"]) + 2)], dtype=np.int16
)
"""Code of each number of bonds; the last place is that of more, and unknown."""
_RING_BITS = _RingBits()

# Everything that RDKit tells of one atom or bond alone: asked through map, field by field, since a Python
# statement per atom would cost more than the answer.
_ATOM_ASKED: dict[str, _Getter] = {
    "element": Chem.Atom.GetAtomicNum,
    "formal_charge": Chem.Atom.GetFormalCharge,
    "total_hydrogens": Chem.Atom.GetTotalNumHs,
    "hybridisation": Chem.Atom.GetHybridization,
    "aromatic": Chem.Atom.GetIsAromatic,
    "isotope": Chem.Atom.GetIsotope,
    "radical_electrons": Chem.Atom.GetNumRadicalElectrons,
}
_BOND_ASKED: dict[str, _Getter] = {
    "bond_type": Chem.Bond.GetBondType,
    "conjugated": Chem.Bond.GetIsConjugated,
}
_NODE = {name: place for place, name in enumerate(NODE_VOCABULARY)}
_EDGE = {name: place for place, name in enumerate(EDGE_VOCABULARY)}
_NO_TAG = Chem.ChiralType.CHI_UNSPECIFIED
_NO_STEREO = Chem.BondStereo.STEREONONE


def encode_portable(readings: Iterable[Reading]) -> MolecularGraphs:
    """Graphs of sanitised molecules, one Python call per field of a molecule.

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
    >>> encode_portable([(Chem.MolFromSmiles("CO"), True)]).node_features[:, :4].tolist()
    [[3, 2, 4, 4], [5, 2, 4, 2]]
    """
    columns = _Columns()
    for molecule, marks in readings:
        columns.add(sift_marks(molecule, marks) if isinstance(marks, str) else molecule, bool(marks))
    return columns.graphs()


class _Columns:
    """Fields of many molecules, a list each, and how many rows each molecule has."""

    def __init__(self) -> None:
        self.nodes: dict[str, list[int]] = {name: [] for name in (*_ATOM_ASKED, "cip")}
        self.edges: dict[str, list[int]] = {name: [] for name in (*_BOND_ASKED, "stereo")}
        self.ends: tuple[list[int], list[int]] = ([], [])
        self.rings: list[int] = []  # the bit of the smallest ring through each bond
        self.n_nodes: list[int] = []
        self.n_bonds: list[int] = []

    def add(self, molecule: Chem.Mol, marked: bool) -> None:
        """Append the atoms and bonds of one molecule."""
        # By their numbers, since RDKit's iterators take half as long again.
        atoms = list(map(molecule.GetAtomWithIdx, range(molecule.GetNumAtoms())))
        bonds = list(map(molecule.GetBondWithIdx, range(molecule.GetNumBonds())))
        for name, ask in _ATOM_ASKED.items():
            self.nodes[name].extend(map(ATOM_CODES[name].__getitem__, map(ask, atoms)))
        rings = molecule.GetRingInfo()
        if rings.NumRings():
            self.rings.extend(map(_RING_BITS.__getitem__, map(rings.MinBondRingSize, range(len(bonds)))))
        else:
            self.rings.extend([0] * len(bonds))
        self.ends[0].extend(map(Chem.Bond.GetBeginAtomIdx, bonds))
        self.ends[1].extend(map(Chem.Bond.GetEndAtomIdx, bonds))
        for name, ask in _BOND_ASKED.items():
            self.edges[name].extend(map(BOND_CODES[name].__getitem__, map(ask, bonds)))
        atom_codes, bond_codes = [1] * len(atoms), [1] * len(bonds)
        if marked:
            _label(molecule, atoms, bonds, atom_codes, bond_codes)
        self.nodes["cip"].extend(atom_codes)
        self.edges["stereo"].extend(bond_codes)
        self.n_nodes.append(len(atoms))
        self.n_bonds.append(len(bonds))

    def graphs(self) -> MolecularGraphs:
        """Flat arrays; each bond becomes its two directions."""
        node_offsets, bond_offsets = _offsets(self.n_nodes), _offsets(self.n_bonds)
        ends = np.array(self.ends, dtype=np.int32).reshape(2, -1)
        edge_index = np.empty((2, 2 * ends.shape[1]), dtype=np.int32)
        edge_index[:, 0::2] = ends
        edge_index[:, 1::2] = ends[::-1]
        rings = np.array(self.rings, dtype=np.int16)
        through = ends + np.repeat(node_offsets[:-1], self.n_bonds)
        return MolecularGraphs(
            self._node_features(through, rings),
            edge_index,
            self._edge_features(rings),
            node_offsets,
            2 * bond_offsets,
        )

    def _node_features(self, ends: np.ndarray, rings: np.ndarray) -> np.ndarray:
        n_atoms = sum(self.n_nodes)
        features = np.empty((n_atoms, len(NODE_VOCABULARY)), dtype=np.int16)
        for name, column in self.nodes.items():
            features[:, _NODE[name]] = column
        degrees = np.bincount(ends.ravel(), minlength=n_atoms)
        features[:, _NODE["degree"]] = _DEGREES.take(degrees, mode="clip")
        ring_sizes = _rings_of_atoms(ends, rings, n_atoms)
        features[:, _NODE["ring_sizes"]] = ring_sizes
        features[:, _NODE["smallest_ring"]] = SMALLEST_RING[ring_sizes]
        return features

    def _edge_features(self, rings: np.ndarray) -> np.ndarray:
        features = np.empty((2 * sum(self.n_bonds), len(EDGE_VOCABULARY)), dtype=np.int16)
        for name, column in self.edges.items():
            features[0::2, _EDGE[name]] = features[1::2, _EDGE[name]] = column
        features[0::2, _EDGE["in_ring"]] = features[1::2, _EDGE["in_ring"]] = 1 + (rings > 0)
        return features


def _offsets(counts: list[int]) -> np.ndarray:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


def _rings_of_atoms(ends: np.ndarray, rings: np.ndarray, n_atoms: int) -> np.ndarray:
    """Code of ring_sizes of each atom: the rings of its bonds together."""
    masks = np.zeros(n_atoms, dtype=np.int16)
    for atoms in ends:
        np.bitwise_or.at(masks, atoms, rings)
    return masks + 1


def _label(
    molecule: Chem.Mol,
    atoms: list[Chem.Atom],
    bonds: list[Chem.Bond],
    atom_codes: list[int],
    bond_codes: list[int],
) -> None:
    """Put the codes of the marked atoms and bonds in their places."""
    centres = [place for place, tag in enumerate(map(Chem.Atom.GetChiralTag, atoms)) if tag != _NO_TAG]
    doubles = [place for place, mark in enumerate(map(Chem.Bond.GetStereo, bonds)) if mark != _NO_STEREO]
    if not centres and not doubles:
        return
    found = cip_codes(molecule, centres, doubles)
    for codes, places, values in ((atom_codes, centres, found[0]), (bond_codes, doubles, found[1])):
        for place, value in zip(places, values):
            codes[place] = value
