"""From SMILES to molecular graphs.

Stereochemistry enters only as CIP labels (R, S, r, s on atoms; E, Z on double bonds), which are properties of
the molecule. The clockwise and counter-clockwise tags of a SMILES are properties of how it was written, and
never enter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import rdCIPLabeler

from chem.errors import InputError
from chem.graph import MolecularGraphs, concatenate_graphs
from chem.graph_schema import EDGE_VOCABULARY, ELEMENTS, NODE_VOCABULARY, UNKNOWN
from chem.interrupts import python_interrupts
from chem.parse import explain_smiles, parse_smiles

_N_NODE_FIELDS = len(NODE_VOCABULARY)
_N_EDGE_FIELDS = len(EDGE_VOCABULARY)
_CHUNK = 4096
_CIP_ITERATIONS = 1_250_000  # about a second; without a bound some cages never finish


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
