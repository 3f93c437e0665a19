"""Molecules written in other ways, and graphs compared as labelled graphs.

A feature that depends on how a molecule was written shows as a change of the graph with its labels: two graphs
are the same where some numbering of the atoms makes all features of all atoms and bonds equal.
`GraphText` decides that by a canonical text: every kind of atom and every kind of bond becomes an isotope
of the dummy atom (a bond one in its middle), and RDKit canonicalises what is left, a plain graph.
"""

from __future__ import annotations

import random

import numpy as np
from rdkit import Chem

WAYS = ("random order", "another root", "renumbered", "hydrogens in brackets", "hydrogens as atoms")


def rewrite(smiles: str, way: str, seed: int) -> str:
    """Write the molecule of a SMILES in another way.

    Parameters
    ----------
    smiles
        What is read.
    way
        One of `WAYS`.
    seed
        Of the choices made.

    Returns
    -------
    str
        A SMILES of the same molecule, as far as RDKit's writer is right.

    Examples
    --------
    >>> rewrite("CCO", "hydrogens in brackets", 1)
    '[CH3][CH2][OH]'
    """
    molecule, rng = Chem.MolFromSmiles(smiles), random.Random(seed)
    if way == "random order":
        return str(Chem.MolToRandomSmilesVect(molecule, 1, randomSeed=seed + 1)[0])
    if way == "another root":
        root = rng.randrange(molecule.GetNumAtoms())
        return str(Chem.MolToSmiles(molecule, rootedAtAtom=root, canonical=False))
    if way == "renumbered":
        order = rng.sample(range(molecule.GetNumAtoms()), molecule.GetNumAtoms())
        return str(Chem.MolToSmiles(Chem.RenumberAtoms(molecule, order), canonical=False))
    if way == "hydrogens in brackets":
        return str(Chem.MolToSmiles(molecule, allHsExplicit=True))
    return str(Chem.MolToSmiles(Chem.AddHs(molecule)))


class GraphText:
    """Canonical texts of labelled graphs, comparable with one another within one object.

    Examples
    --------
    >>> texts, bond = GraphText(), np.array([[0], [1]])
    >>> one = texts.of(np.array([[6], [8]]), bond, np.array([[1]]))
    >>> one == texts.of(np.array([[8], [6]]), bond, np.array([[1]]))
    True
    >>> one == texts.of(np.array([[8], [6]]), bond, np.array([[2]]))
    False
    """

    def __init__(self) -> None:
        self._kinds: dict[tuple[object, ...], int] = {}

    def of(self, nodes: np.ndarray, ends: np.ndarray, bonds: np.ndarray) -> str:
        """Text of one graph: rows of features per atom, the two atoms of each bond, rows per bond."""
        graph = Chem.RWMol()
        for row in nodes.tolist():
            self._add(graph, ("atom", *row))
        for one, other, row in zip(*ends.tolist(), bonds.tolist(), strict=True):
            middle = self._add(graph, ("bond", *row))
            graph.AddBond(one, middle, Chem.BondType.SINGLE)
            graph.AddBond(middle, other, Chem.BondType.SINGLE)
        return str(Chem.MolToSmiles(graph))

    def _add(self, graph: Chem.RWMol, kind: tuple[object, ...]) -> int:
        atom = Chem.Atom(0)
        atom.SetNoImplicit(True)
        atom.SetIsotope(1 + self._kinds.setdefault(kind, len(self._kinds)))
        return int(graph.AddAtom(atom))
