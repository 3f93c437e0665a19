"""Compiled reading of RDKit's binary molecules (``Mol.ToBinary``) straight into graph arrays.

The layout is that of MolPickler in RDKit 2026.3, version 16.3.0: a header; the atoms (atomic number, flags, a bit
field of which values follow, the values that are not the default); the bonds; the rings of the symmetrised
smallest set. Numbers of atoms take one byte in molecules of up to 255 atoms, else four. What is read here
ends with the rings.
"""

from __future__ import annotations

import numpy as np
from numba import njit

HEADER = 30
"""Bytes before the first atom."""
_FIRST_BOND = 11  # BEGINBOND
_RINGS = 66  # BEGINSYMMSSSR
_SP3 = 4


@njit(nogil=True, cache=True)
def _int32(data, at):  # type: ignore[no-untyped-def]
    return np.int64(
        np.int32(
            np.uint32(data[at])
            | np.uint32(data[at + 1]) << np.uint32(8)
            | np.uint32(data[at + 2]) << np.uint32(16)
            | np.uint32(data[at + 3]) << np.uint32(24)
        )
    )


@njit(nogil=True, cache=True)
def _signed(byte):  # type: ignore[no-untyped-def]
    return np.int64(byte) - 256 if byte > 127 else np.int64(byte)


@njit(nogil=True, cache=True)
def count_parts(data, offsets, n_atoms, n_bonds):  # type: ignore[no-untyped-def]
    """Read the numbers of atoms and bonds out of the header of each molecule."""
    for molecule in range(len(offsets) - 1):
        n_atoms[molecule] = _int32(data, offsets[molecule] + 20)
        n_bonds[molecule] = _int32(data, offsets[molecule] + 24)


@njit(nogil=True, cache=True)
def _read_atoms(data, at, n_atoms, raw, tags):  # type: ignore[no-untyped-def]
    """Raw values of the atoms; returns where the bonds start, or -1 for an atom of a kind not read here."""
    for atom in range(n_atoms):
        flags = data[at + 1]
        if flags & 0b10010010:  # coordinates, a query, or a residue of a protein
            return -1
        raw[atom, 0] = data[at]
        raw[atom, 5] = (flags >> 6) & 1
        values = _int32(data, at + 2)
        at += 6
        if values & ~0x1FE:
            return -1
        charge, tag, hybridisation, hydrogens, radicals, isotope = 0, 0, _SP3, 0, 0, 0
        if values & 2:
            charge = _signed(data[at])
            at += 1
        if values & 4:
            tag = np.int64(data[at])
            at += 1
        if values & 8:
            hybridisation = np.int64(data[at])
            at += 1
        if values & 16:
            hydrogens = np.int64(data[at])
            at += 1
        if values & 32:  # explicit valence
            at += 1
        if values & 64:  # implicit valence: the hydrogens that are understood
            hydrogens += np.int64(data[at])
            at += 1
        if values & 128:
            radicals = np.int64(data[at])
            at += 1
        if values & 256:
            isotope = _int32(data, at)
            at += 4
        if flags & 8:  # atom map number, after its tag
            at += 6 if data[at + 1] > 127 else 2
        if flags & 4:  # label of a dummy atom, after its tag and length
            at += 5 + _int32(data, at + 1)
        raw[atom, 1] = 0
        raw[atom, 2] = charge + 128
        raw[atom, 3] = hydrogens
        raw[atom, 4] = hybridisation
        raw[atom, 6] = 0
        raw[atom, 7] = radicals
        raw[atom, 8] = isotope
        tags[atom] = tag
    return at


@njit(nogil=True, cache=True)
def _number_at(data, at, wide):  # type: ignore[no-untyped-def]
    return _int32(data, at) if wide else np.int64(data[at])


@njit(nogil=True, cache=True)
def _read_bonds(data, at, n_bonds, wide, raw, ends, bonds, marks, sides):  # type: ignore[no-untyped-def]
    """Raw values of the bonds; returns where the rings start, or -1 for a bond of a kind not read here."""
    width = 4 if wide else 1
    for bond in range(n_bonds):
        if wide:
            ends[0, bond], ends[1, bond] = _int32(data, at), _int32(data, at + 4)
            at += 8
        else:
            ends[0, bond], ends[1, bond] = data[at], data[at + 1]
            at += 2
        flags = data[at]
        at += 1
        if flags & 0b10010001:  # a query, or the ends of a bond to several atoms
            return -1
        bonds[bond, 0] = 1
        bonds[bond, 1] = (flags >> 5) & 1
        bonds[bond, 2] = 0
        marks[bond] = 0
        if flags & 8:
            bonds[bond, 0] = data[at]
            at += 1
        if flags & 4:  # direction of drawing
            at += 1
        if flags & 2:
            marks[bond] = data[at]
            n_sides = np.int64(data[at + 1])
            at += 2
            for side in range(2):
                sides[side, bond] = _number_at(data, at + side * width, wide) if n_sides == 2 else -1
            at += n_sides * width
        raw[ends[0, bond], 1] += 1
        raw[ends[1, bond], 1] += 1
    return at


@njit(nogil=True, cache=True)
def _bond_between(one, other, ends, first, following):  # type: ignore[no-untyped-def]
    """Place of the bond between two atoms, in the linked list of the bonds of the first."""
    link = first[one]
    while link >= 0:
        bond = link >> 1
        if ends[1 - (link & 1), bond] == other:
            return bond
        link = following[link]
    return -1


@njit(nogil=True, cache=True)
def _read_rings(data, at, wide, n_atoms, n_bonds, ends, raw, bonds):  # type: ignore[no-untyped-def]
    """Size of the smallest ring through each bond, and the bit mask of those sizes at each atom.

    Returns false where neighbours in a ring have no bond.
    """
    n_rings = _int32(data, at)
    if n_rings == 0:
        return True
    at += 4
    first = np.full(n_atoms, -1, dtype=np.int32)
    following = np.empty(2 * n_bonds, dtype=np.int32)
    for link in range(2 * n_bonds):
        atom = ends[link & 1, link >> 1]
        following[link] = first[atom]
        first[atom] = link
    width = 4 if wide else 1
    for _ in range(n_rings):
        size = _number_at(data, at, wide)
        at += width
        last = _number_at(data, at + (size - 1) * width, wide)
        for _ in range(size):
            atom = _number_at(data, at, wide)
            at += width
            bond = _bond_between(last, atom, ends, first, following)
            if bond < 0:  # RDKit's renumbering leaves the atoms of a ring out of their order
                return False
            if bonds[bond, 2] == 0 or size < bonds[bond, 2]:
                bonds[bond, 2] = size
            last = atom
    for bond in range(n_bonds):
        if bonds[bond, 2]:
            bit = 1 << (min(bonds[bond, 2], 9) - 3)
            raw[ends[0, bond], 6] |= bit
            raw[ends[1, bond], 6] |= bit
    return True


@njit(nogil=True, cache=True)
def _read_one(data, at, n_atoms, n_bonds, raw, tags, ends, bonds, marks, sides):  # type: ignore[no-untyped-def]
    wide = n_atoms > 255
    at = _read_atoms(data, at, n_atoms, raw, tags)
    if at < 0 or data[at] != _FIRST_BOND:
        return False
    at = _read_bonds(data, at + 1, n_bonds, wide, raw, ends, bonds, marks, sides)
    if at < 0 or data[at] != _RINGS:
        return False
    return _read_rings(data, at + 1, wide, n_atoms, n_bonds, ends, raw, bonds)


@njit(nogil=True, cache=True)
def read_molecules(  # type: ignore[no-untyped-def]
    data, offsets, node_offsets, bond_offsets, raw, tags, ends, bonds, marks, sides, done
):
    """Read molecules into raw values, which the tables of `chem.graph_compiled` turn into codes.

    Parameters
    ----------
    data
        uint8 (n_bytes,): the molecules behind one another.
    offsets, node_offsets, bond_offsets
        int64 (n_molecules + 1,): where the bytes, atoms and bonds of each molecule start.
    raw
        int32 (n_atoms, 9), written: atomic number, degree, charge + 128, hydrogens, hybridisation, aromatic,
        ring sizes as a bit mask, radical electrons, isotope.
    tags
        uint8 (n_atoms,), written: chiral tags.
    ends
        int32 (2, n_bonds), written: first and second atom.
    bonds
        int32 (n_bonds, 3), written: type, conjugated, size of the smallest ring.
    marks
        uint8 (n_bonds,), written: stereo marks.
    sides
        int32 (2, n_bonds), written for marked bonds: the neighbour of either end that the mark speaks of, -1
        where there are none.
    done
        bool (n_molecules,), written: false where the molecule holds something that is not read here.
    """
    for molecule in range(len(done)):
        a, b = node_offsets[molecule], node_offsets[molecule + 1]
        c, d = bond_offsets[molecule], bond_offsets[molecule + 1]
        done[molecule] = _read_one(
            data, offsets[molecule] + HEADER, b - a, d - c,
            raw[a:b], tags[a:b], ends[:, c:d], bonds[c:d], marks[c:d], sides[:, c:d],
        )  # fmt: skip
