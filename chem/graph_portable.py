"""Molecules to graph arrays through RDKit's public functions alone.

The reference for `chem.graph_compiled`, which gives the same arrays faster, and what is used where that path does
not know RDKit's binary format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from rdkit import Chem

from chem.graph import MolecularGraphs
from chem.graph_cip import cip_codes
from chem.graph_schema import EDGE_VOCABULARY, ELEMENTS, NODE_VOCABULARY, RING_SIZES, UNKNOWN

_Getter = Callable[[Any], Any]


class _Codes(dict[Any, int]):
    """Codes of a field's values; whatever is not listed is unknown."""

    def __init__(self, values: Iterable[Any]) -> None:
        super().__init__((value, code) for code, value in enumerate(values, start=1))

    def __missing__(self, value: Any) -> int:
        return UNKNOWN


class _RingCodes(dict[tuple[int, ...], int]):
    """Codes of the field ring_sizes for the sizes that RDKit lists, worked out once for each list."""

    def __missing__(self, sizes: tuple[int, ...]) -> int:
        kinds = {size if size <= 8 else RING_SIZES[-1] for size in sizes}
        self[sizes] = code = 1 + sum(1 << RING_SIZES.index(kind) for kind in kinds)
        return code


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
_RING_CODES = _RingCodes()

# Everything that RDKit tells of one atom or bond alone: asked through map, field by field, since a Python
# statement per atom would cost more than the answer.
_ATOM_GETTERS: tuple[tuple[str, _Getter], ...] = (
    ("element", Chem.Atom.GetAtomicNum),
    ("degree", Chem.Atom.GetDegree),
    ("formal_charge", Chem.Atom.GetFormalCharge),
    ("total_hydrogens", Chem.Atom.GetTotalNumHs),
    ("hybridisation", Chem.Atom.GetHybridization),
    ("aromatic", Chem.Atom.GetIsAromatic),
    ("isotope", Chem.Atom.GetIsotope),
    ("radical_electrons", Chem.Atom.GetNumRadicalElectrons),
)
_BOND_GETTERS: tuple[tuple[str, _Getter], ...] = (
    ("bond_type", Chem.Bond.GetBondType),
    ("conjugated", Chem.Bond.GetIsConjugated),
    ("in_ring", Chem.Bond.IsInRing),
)
_NODE = {name: place for place, name in enumerate(NODE_VOCABULARY)}
_EDGE = {name: place for place, name in enumerate(EDGE_VOCABULARY)}
_NO_TAG = Chem.ChiralType.CHI_UNSPECIFIED
_NO_STEREO = Chem.BondStereo.STEREONONE


def encode_portable(molecules: Sequence[Chem.Mol], stereo: bool) -> MolecularGraphs:
    """Graphs of sanitised molecules, one Python call per field of a molecule.

    Parameters
    ----------
    molecules
        Sanitised; where stereo is asked for their labels are written into them.
    stereo
        Whether to label them; else they count as unmarked.

    Returns
    -------
    MolecularGraphs
        In input order.

    Examples
    --------
    >>> encode_portable([Chem.MolFromSmiles("CO")], stereo=True).node_features[:, :4].tolist()
    [[3, 2, 4, 4], [5, 2, 4, 2]]
    """
    columns = _Columns()
    for molecule in molecules:
        columns.add(molecule, stereo)
    return columns.graphs()


class _Columns:
    """Fields of many molecules, a list each, and how many rows each molecule has."""

    def __init__(self) -> None:
        self.nodes: dict[str, list[int]] = {name: [] for name in NODE_VOCABULARY}
        self.edges: dict[str, list[int]] = {name: [] for name in EDGE_VOCABULARY}
        self.ends: tuple[list[int], list[int]] = ([], [])
        self.n_nodes: list[int] = []
        self.n_bonds: list[int] = []

    def add(self, molecule: Chem.Mol, stereo: bool) -> None:
        """Append the atoms and bonds of one molecule."""
        atoms, bonds = list(molecule.GetAtoms()), list(molecule.GetBonds())
        for name, ask in _ATOM_GETTERS:
            self.nodes[name].extend(map(ATOM_CODES[name].__getitem__, map(ask, atoms)))
        sizes = molecule.GetRingInfo().AtomRingSizes
        self.nodes["ring_sizes"].extend(map(_RING_CODES.__getitem__, map(sizes, range(len(atoms)))))
        self.ends[0].extend(map(Chem.Bond.GetBeginAtomIdx, bonds))
        self.ends[1].extend(map(Chem.Bond.GetEndAtomIdx, bonds))
        for name, ask in _BOND_GETTERS:
            self.edges[name].extend(map(BOND_CODES[name].__getitem__, map(ask, bonds)))
        atom_codes, bond_codes = [1] * len(atoms), [1] * len(bonds)
        if stereo:
            _label(molecule, atoms, bonds, atom_codes, bond_codes)
        self.nodes["cip"].extend(atom_codes)
        self.edges["stereo"].extend(bond_codes)
        self.n_nodes.append(len(atoms))
        self.n_bonds.append(len(bonds))

    def graphs(self) -> MolecularGraphs:
        """Flat arrays; each bond becomes its two directions."""
        nodes = np.empty((sum(self.n_nodes), len(NODE_VOCABULARY)), dtype=np.int16)
        for name, column in self.nodes.items():
            if name != "smallest_ring":
                nodes[:, _NODE[name]] = column
        nodes[:, _NODE["smallest_ring"]] = SMALLEST_RING[nodes[:, _NODE["ring_sizes"]]]
        edges = np.empty((2 * sum(self.n_bonds), len(EDGE_VOCABULARY)), dtype=np.int16)
        for name, column in self.edges.items():
            edges[0::2, _EDGE[name]] = edges[1::2, _EDGE[name]] = column
        edge_index = np.empty((2, len(edges)), dtype=np.int32)
        edge_index[0, 0::2] = edge_index[1, 1::2] = self.ends[0]
        edge_index[1, 0::2] = edge_index[0, 1::2] = self.ends[1]
        return MolecularGraphs(
            nodes,
            edge_index,
            edges,
            np.concatenate([np.zeros(1, np.int64), np.cumsum(self.n_nodes, dtype=np.int64)]),
            np.concatenate([np.zeros(1, np.int64), 2 * np.cumsum(self.n_bonds, dtype=np.int64)]),
        )


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
