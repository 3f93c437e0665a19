"""From molecular graphs back to molecules, stereochemistry included.

A graph holds CIP labels, which are properties of the molecule, and RDKit's molecules hold clockwise and
counter-clockwise tags, which depend on the order of the atoms. The tags are found by trying: a tag is set on
every labelled centre, RDKit's own labeller says what the labels then are, and tags whose label is not the
stored one are turned, until all are right. Where labels depend on one another (r and s, the ring centres of
cis and trans), turning one may change others, and a bounded search goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from rdkit import Chem, rdBase

from chem.graph import MolecularGraphs
from chem.graph_cip import cip_codes
from chem.graph_schema import EDGE_VOCABULARY, NODE_VOCABULARY, UNKNOWN
from chem.graph_version import SCHEMA_VERSION

MAX_TRIES = 3000
"""Arrangements of tags that are labelled, at most, to find the one with the stored labels."""
MAX_EXHAUSTIVE = 8
"""Centres of which all arrangements are tried where some have no label."""

_NODE = {name: place for place, name in enumerate(NODE_VOCABULARY)}
_EDGE = {name: place for place, name in enumerate(EDGE_VOCABULARY)}
_CIP = {value: code for code, value in enumerate(NODE_VOCABULARY["cip"], start=1)}
_STEREO = {value: code for code, value in enumerate(EDGE_VOCABULARY["stereo"], start=1)}
_CENTRES = [_CIP[label] for label in ("R", "S", "r", "s")]
_DOUBLES = [_STEREO[label] for label in ("E", "Z", "e", "z")]
_NEEDED = ("element", "formal_charge", "total_hydrogens", "isotope")
_CW = Chem.ChiralType.CHI_TETRAHEDRAL_CW
_CIS, _TRANS = Chem.BondStereo.STEREOCIS, Chem.BondStereo.STEREOTRANS


@dataclass(frozen=True)
class RebuiltMolecule:
    """A molecule made from a graph, or the reason why the graph does not say which molecule it is.

    Parameters
    ----------
    molecule
        Its atoms are numbered as the graph's; None where the graph does not hold them.
    reason
        What the graph leaves open, empty where it leaves nothing: then `smiles` is the canonical isomeric
        SMILES of the molecule that the graph was made from. Centres that are named here carry no tag.
    """

    molecule: Chem.Mol | None
    reason: str = ""

    @property
    def smiles(self) -> str:
        """Canonical isomeric SMILES; empty where there is no molecule."""
        return "" if self.molecule is None else Chem.MolToSmiles(self.molecule)


def rebuild_molecules(graphs: MolecularGraphs) -> Iterator[RebuiltMolecule]:
    """Turn graphs back into molecules.

    Parameters
    ----------
    graphs
        Of today's schema: older ones do not hold isotopes or all elements.

    Yields
    ------
    RebuiltMolecule
        One for each graph, in order.

    Raises
    ------
    InputError
        The graphs are of an older schema.

    References
    ----------
    CIP labels: Hanson et al., J. Chem. Inf. Model. 2018, 58, 1755-1765, doi:10.1021/acs.jcim.8b00324.

    Examples
    --------
    >>> from chem.graph_encode import encode_graphs
    >>> graphs = encode_graphs(["OC(=O)[C@H](C)N", r"F/C=C/Cl", "[13CH3][O-]"])
    >>> [rebuilt.smiles for rebuilt in rebuild_molecules(graphs)]
    ['C[C@H](N)C(=O)O', 'F/C=C/Cl', '[13CH3][O-]']
    """
    graphs = graphs.project(SCHEMA_VERSION)
    for index in range(len(graphs)):
        yield rebuild_molecule(graphs, index)


def rebuild_molecule(graphs: MolecularGraphs, index: int) -> RebuiltMolecule:
    """Turn one graph back into a molecule.

    Parameters
    ----------
    graphs
        Of today's schema.
    index
        Which of them.

    Returns
    -------
    RebuiltMolecule
        The molecule, and what the graph leaves open.

    Raises
    ------
    InputError
        The graphs are of an older schema.

    Examples
    --------
    >>> from chem.graph_encode import encode_graphs
    >>> rebuild_molecule(encode_graphs(["C1CC1"]), 0).smiles
    'C1CC1'
    """
    part = graphs.take([index]).project(SCHEMA_VERSION)
    nodes, bonds, ends = part.node_features, part.edge_features[0::2], part.edge_index[:, 0::2].T
    reason = _unknown(nodes, bonds)
    if reason:
        return RebuiltMolecule(None, reason)
    with rdBase.BlockLogs():
        try:
            molecule = _without_stereo(nodes, bonds, ends)
        except ValueError as error:
            said = str(error).strip().splitlines() or ["no reason given"]
            return RebuiltMolecule(None, f"RDKit refuses the molecule: {said[0]}")
        return RebuiltMolecule(molecule, _set_stereo(molecule, nodes, bonds))


def _unknown(nodes: np.ndarray, bonds: np.ndarray) -> str:
    """Name the first atom or bond whose code is that of the unknown bucket, where it must be known."""
    for name in _NEEDED:
        missing = np.flatnonzero(nodes[:, _NODE[name]] == UNKNOWN)
        if len(missing):
            return f"{name} of atom {missing[0]} is unknown"
    missing = np.flatnonzero(bonds[:, _EDGE["bond_type"]] == UNKNOWN)
    return f"bond_type of bond {missing[0]} is unknown" if len(missing) else ""


def _without_stereo(nodes: np.ndarray, bonds: np.ndarray, ends: np.ndarray) -> Chem.Mol:
    building = Chem.RWMol()
    values = {name: NODE_VOCABULARY[name] for name in (*_NEEDED, "aromatic")}
    for codes in nodes.tolist():
        symbol, charge, hydrogens, isotope, aromatic = (
            vocabulary[codes[_NODE[name]] - 1] for name, vocabulary in values.items()
        )
        atom = Chem.Atom(symbol)
        atom.SetFormalCharge(charge)
        atom.SetNoImplicit(True)  # the graph counts every hydrogen; radicals follow from them
        atom.SetNumExplicitHs(hydrogens)
        atom.SetIsotope(isotope)
        atom.SetIsAromatic(bool(aromatic))
        building.AddAtom(atom)
    for (begin, end), codes in zip(ends.tolist(), bonds.tolist(), strict=True):
        kind = Chem.BondType.names[EDGE_VOCABULARY["bond_type"][codes[_EDGE["bond_type"]] - 1]]
        building.AddBond(begin, end, kind)
        if kind == Chem.BondType.AROMATIC:
            building.GetBondBetweenAtoms(begin, end).SetIsAromatic(True)
    Chem.SanitizeMol(building)
    return building.GetMol()


def _set_stereo(molecule: Chem.Mol, nodes: np.ndarray, bonds: np.ndarray) -> str:
    """Give the molecule the stereochemistry of its labels; return what they leave open."""
    cip, stereo = nodes[:, _NODE["cip"]], bonds[:, _EDGE["stereo"]]
    for place in np.flatnonzero(stereo == _STEREO["any"]).tolist():
        molecule.GetBondWithIdx(place).SetStereo(Chem.BondStereo.STEREOANY)
    centres = [*_CENTRES, _CIP["unlabelled"]], [*_DOUBLES, _STEREO["unlabelled"]]
    arrangement = _Arrangement(
        molecule,
        {k: int(cip[k]) for k in np.flatnonzero(np.isin(cip, centres[0])).tolist()},
        {k: int(stereo[k]) for k in np.flatnonzero(np.isin(stereo, centres[1])).tolist()},
    )
    reason = _place(arrangement, cip, stereo)
    if reason:
        Chem.RemoveStereochemistry(molecule)
    _leave_as_parsed(molecule)
    return reason


def _leave_as_parsed(molecule: Chem.Mol) -> None:
    """Do what RDKit's parser does at its end: SMILES are written from the directions of the bonds beside."""
    Chem.SetDoubleBondNeighborDirections(molecule)
    Chem.AssignStereochemistry(molecule, cleanIt=True, force=True)


def _directed(molecule: Chem.Mol) -> Chem.Mol:
    copy = Chem.Mol(molecule)
    _leave_as_parsed(copy)
    return copy


def _place(arrangement: _Arrangement, cip: np.ndarray, stereo: np.ndarray) -> str:
    """Arrange the centres as their labels say; return why they do not say it."""
    known = [_CIP["none"], *_CENTRES], [_STEREO["none"], _STEREO["any"], *_DOUBLES]
    without = [f"atom {place}" for place in np.flatnonzero(~np.isin(cip, known[0]))]
    without += [f"bond {place}" for place in np.flatnonzero(~np.isin(stereo, known[1]))]
    if not without:
        found = arrangement.solve()
        return "" if found else f"no arrangement with the stored labels in {arrangement.tries} tries"
    # Centres whose neighbours do not differ have no label; often the others allow one arrangement alone. Of
    # centres that were not resolved nothing is known.
    n_unlabelled = int((cip == _CIP["unlabelled"]).sum() + (stereo == _STEREO["unlabelled"]).sum())
    if n_unlabelled == len(without) and arrangement.solve_uniquely():
        return ""
    return f"stereochemistry without a label at {', '.join(without)}"


class _Arrangement:
    """Tags of the labelled centres and double bonds of a molecule, and which of their labels are wrong.

    A centre is a pair (is a bond, place). Search goes by the number of wrong labels.

    Parameters
    ----------
    molecule
        Its tags are set.
    atoms, bonds
        Code that each of the centres shall have, by its place.
    """

    def __init__(self, molecule: Chem.Mol, atoms: dict[int, int], bonds: dict[int, int]) -> None:
        self.molecule = molecule
        self.atoms, self.bonds = list(atoms), list(bonds)
        self.wanted = [*atoms.values(), *bonds.values()]
        self.centres = [(False, place) for place in self.atoms] + [(True, place) for place in self.bonds]
        self.tries = 0
        for place in self.atoms:
            molecule.GetAtomWithIdx(place).SetChiralTag(_CW)
        for place in self.bonds:
            _set_cis(molecule.GetBondWithIdx(place))

    def solve(self) -> bool:
        """Turn centres until all labels are the wanted ones."""
        wrong = self._turn_all_wrong(self._wrong())
        return not wrong or self._turn_one_by_one(wrong) or self._turn_together()

    def solve_uniquely(self) -> bool:
        """Try all arrangements of a few centres; true where those with the wanted labels are one molecule."""
        if len(self.centres) > MAX_EXHAUSTIVE:
            return False
        found: dict[str, tuple[int, ...]] = {}
        everything = range(len(self.centres))
        for which in (w for size in range(len(self.centres) + 1) for w in combinations(everything, size)):
            self._turn(which)
            if not self._wrong():
                found[Chem.MolToSmiles(_directed(self.molecule))] = which
            self._turn(which)
        if len(found) != 1:
            return False
        self._turn(next(iter(found.values())))
        return True

    def _wrong(self) -> list[int]:
        """Which centres have another label than the wanted one."""
        if not self.centres:
            return []
        self.tries += 1
        atoms, bonds = cip_codes(self.molecule, self.atoms, self.bonds)
        return [k for k, (has, wants) in enumerate(zip([*atoms, *bonds], self.wanted)) if has != wants]

    def _turn(self, which: tuple[int, ...] | list[int]) -> None:
        for is_bond, place in (self.centres[k] for k in which):
            if is_bond:
                bond = self.molecule.GetBondWithIdx(place)
                bond.SetStereo(_TRANS if bond.GetStereo() == _CIS else _CIS)
            else:
                self.molecule.GetAtomWithIdx(place).InvertChirality()

    def _turn_all_wrong(self, wrong: list[int]) -> list[int]:
        """Turn all wrong centres at once as long as that helps: enough where labels are independent."""
        while wrong:
            self._turn(wrong)
            left = self._wrong()
            if len(left) >= len(wrong):
                self._turn(wrong)
                break
            wrong = left
        return wrong

    def _turn_one_by_one(self, wrong: list[int]) -> bool:
        """Keep every single turn that helps."""
        while wrong and self.tries < MAX_TRIES:
            others = [k for k in range(len(self.centres)) if k not in wrong]
            for k in [*wrong, *others]:
                self._turn([k])
                left = self._wrong()
                if len(left) < len(wrong):
                    wrong = left
                    break
                self._turn([k])
            else:
                return False
        return not wrong

    def _turn_together(self) -> bool:
        """Turn ever larger sets of centres."""
        for size in range(2, len(self.centres) + 1):
            for which in combinations(range(len(self.centres)), size):
                if self.tries >= MAX_TRIES:
                    return False
                self._turn(which)
                if not self._wrong():
                    return True
                self._turn(which)
        return False


def _set_cis(bond: Chem.Bond) -> None:
    begin, end = bond.GetBeginAtom(), bond.GetEndAtom()
    bond.SetStereoAtoms(_other_neighbour(begin, end), _other_neighbour(end, begin))
    bond.SetStereo(_CIS)


def _other_neighbour(atom: Chem.Atom, partner: Chem.Atom) -> int:
    return min(near.GetIdx() for near in atom.GetNeighbors() if near.GetIdx() != partner.GetIdx())
