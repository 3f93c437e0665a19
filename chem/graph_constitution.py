"""Compiled CIP labels of the stereocentres and double bonds that Rule 1a settles.

Nineteen molecules in twenty need no more of the rules than atomic numbers, compared sphere by sphere around the
centre with higher branches first. Whatever is not settled so within eight spheres, or not certain, is left to RDKit's
labeller, for the whole molecule, since later rules ask for the labels of other centres.

Two ligands are the roots of two trees, which grow by a sphere at a time: atoms that are on the way already and
partners of multiple bonds stand as duplicates without substituents. After each sphere every node is ranked anew
among those of its sphere, as before and where equal by the sorted ranks of its substituents, from the outermost
inwards. Which atom a duplicate stands for in a ring of alternating bonds is a matter of averages over resonance
forms; there it counts as lying between the lowest and the highest neighbour, and only what holds for both is taken as
settled: a branch with higher atoms never ranks lower.

References
----------
Rules and digraph: Hanson et al., J. Chem. Inf. Model. 2018, 58, 1755-1765, doi:10.1021/acs.jcim.8b00324; IUPAC
Blue Book 2013, P-92.1.4 and P-92.2.1.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from chem.graph_schema import EDGE_VOCABULARY, NODE_VOCABULARY

_R = NODE_VOCABULARY["cip"].index("R") + 1
_S = NODE_VOCABULARY["cip"].index("S") + 1
_E = EDGE_VOCABULARY["stereo"].index("E") + 1
_Z = EDGE_VOCABULARY["stereo"].index("Z") + 1

_LEAF = -1  # stands for an atom that has no substituents: a hydrogen or a duplicate
_WIDEST = 5  # substituents of an atom beside the one it is reached from
_BITS = 10  # of a rank within a sphere: those of an atom and of its substituents share 60
_SPHERES = 8
_MOST = 1500  # nodes of the tree
_VAGUE = _WIDEST  # place behind the duplicates: whether one of them lay between two atoms
_ATOM, _RANK, _PARENT, _FIRST, _CHILDREN, _HIGH = 0, 1, 2, 3, 4, 5  # columns of the tree
_SINGLE, _DOUBLE, _TRIPLE, _AROMATIC = 1, 2, 3, 12
_SP3 = 4


@njit(nogil=True, cache=True)
def _plain(raw, ends, bonds):  # type: ignore[no-untyped-def]
    """Tell whether all atoms and bonds of a molecule are of kinds that are judged here."""
    for atom in range(len(raw)):
        if raw[atom, 0] == 0:
            return False
        charge = raw[atom, 2] - 128
        if charge and raw[atom, 6] and (charge < 0 or raw[atom, 5] or raw[atom, 4] != _SP3):
            return False  # duplicates are averaged over the whole of a charged ring
    for bond in range(len(bonds)):
        if (bonds[bond, 0] > _TRIPLE and bonds[bond, 0] != _AROMATIC) or bonds[bond, 0] == 0:
            return False
    return True


@njit(nogil=True, cache=True)
def _neighbours(n_atoms, raw, ends, bonds):  # type: ignore[no-untyped-def]
    """Where each atom's neighbours start, the neighbours and their bonds in order, and atoms of multiple bonds."""
    starts = np.zeros(n_atoms + 1, dtype=np.int32)
    for atom in range(n_atoms):
        starts[atom + 1] = starts[atom] + raw[atom, 1]
    filled = starts[:-1].copy()
    around = np.empty((2, starts[-1]), dtype=np.int32)
    unsaturated = np.zeros(n_atoms, dtype=np.bool_)
    for bond in range(len(bonds)):
        for end in range(2):
            atom = ends[end, bond]
            around[0, filled[atom]] = ends[1 - end, bond]
            around[1, filled[atom]] = bond
            filled[atom] += 1
            if bonds[bond, 0] != _SINGLE:
                unsaturated[atom] = True
    return starts, around, unsaturated


@njit(nogil=True, cache=True)
def _aromatic_duplicates(atom, raw, n_doubles):  # type: ignore[no-untyped-def]
    """How many duplicates an uncharged aromatic atom has; -1 where that is not certain."""
    connections = raw[atom, 1] + raw[atom, 3]
    element = raw[atom, 0]
    if raw[atom, 2] != 128 or raw[atom, 7]:
        return -1
    if element == 6:
        return 1 if connections == 3 else -1
    if n_doubles:
        return -1
    if element == 7 and 2 <= connections <= 3:
        return 3 - connections
    return 0 if element in (8, 16) and connections == 2 else -1


@njit(nogil=True, cache=True)
def _duplicates(atom, high, raw, bonds, starts, around, unsaturated, found):  # type: ignore[no-untyped-def]
    """Atomic numbers of the duplicates that an atom has for its multiple bonds, at their lowest or highest.

    Returns how many; -1 where that is not certain.
    """
    if not unsaturated[atom]:
        return 0
    aromatic = raw[atom, 5]
    n_doubles, n_conjugate, bound, opposite = 0, 0, 0, 0
    for place in range(starts[atom], starts[atom + 1]):
        other, bond = around[0, place], around[1, place]
        n_doubles += bonds[bond, 0] == _DOUBLE or bonds[bond, 0] == _TRIPLE
        in_system = bonds[bond, 2] > 0 and unsaturated[other]
        n_conjugate += in_system
        if in_system or not aromatic or bonds[bond, 0] != _SINGLE:
            element = raw[other, 0]
            bound = element if bound == 0 or (element > bound) == high else bound
            opposite = element if opposite == 0 or (element < opposite) == high else opposite
    if bound != opposite and (aromatic or n_conjugate >= 2):
        found[_VAGUE] = 1
    count = 0
    if aromatic:
        count = _aromatic_duplicates(atom, raw, n_doubles)
        for place in range(count):
            found[place] = bound
        return count
    for place in range(starts[atom], starts[atom + 1]):
        other, bond = around[0, place], around[1, place]
        for _ in range(bonds[bond, 0] - 1):
            if count == _WIDEST:
                return -1
            found[count] = bound if n_conjugate >= 2 else raw[other, 0]
            count += 1
    return count


@njit(nogil=True, cache=True)
def _is_behind(atom, node, centre, nodes):  # type: ignore[no-untyped-def]
    """Tell whether an atom is on the way from the centre to a node of the tree."""
    while node >= 0:
        if nodes[node, _ATOM] == atom:
            return True
        node = nodes[node, _PARENT]
    return atom == centre


@njit(nogil=True, cache=True)
def _expand(node, end, centre, molecule, nodes, found):  # type: ignore[no-untyped-def]
    """Append the substituents of a node of the tree; returns where the tree ends then, or -1."""
    raw, bonds, starts, around, unsaturated = molecule
    atom = nodes[node, _ATOM]
    first = end
    nodes[node, _FIRST] = first
    nodes[node, _CHILDREN] = 0
    if atom < 0:
        return end
    before = nodes[node, _PARENT]
    source = centre if before < 0 else nodes[before, _ATOM]
    n_duplicates = _duplicates(atom, nodes[node, _HIGH] == 1, raw, bonds, starts, around, unsaturated, found)
    n_children = starts[atom + 1] - starts[atom] - 1 + raw[atom, 3] + n_duplicates
    if n_duplicates < 0 or n_children > _WIDEST or end + n_children > len(nodes):
        return -1
    for place in range(starts[atom], starts[atom + 1]):
        other = around[0, place]
        if other != source:
            nodes[end, _RANK] = raw[other, 0]
            nodes[end, _ATOM] = _LEAF if _is_behind(other, node, centre, nodes) else other
            end += 1
    for place in range(raw[atom, 3] + n_duplicates):
        nodes[end, _RANK] = found[place] if place < n_duplicates else 1
        nodes[end, _ATOM] = _LEAF
        end += 1
    for child in range(first, end):
        nodes[child, _PARENT] = node
        nodes[child, _HIGH] = nodes[node, _HIGH]
    nodes[node, _CHILDREN] = end - first
    return end


@njit(nogil=True, cache=True)
def _rank_again(start, end, nodes, keys, ranks):  # type: ignore[no-untyped-def]
    """Rank the nodes of a sphere anew: as before, and where equal by the sorted ranks of their substituents."""
    for node in range(start, end):
        first, count = nodes[node, _FIRST], nodes[node, _CHILDREN]
        for child in range(count):
            rank = nodes[first + child, _RANK]
            place = child
            while place > 0 and ranks[place - 1] < rank:
                ranks[place] = ranks[place - 1]
                place -= 1
            ranks[place] = rank
        key = nodes[node, _RANK]
        for place in range(_WIDEST):
            key = (key << _BITS) | (ranks[place] if place < count else 0)
        keys[node - start] = key
    if end - start == 2:
        nodes[start, _RANK] = 1 + (keys[0] > keys[1])
        nodes[start + 1, _RANK] = 1 + (keys[1] > keys[0])
        return
    order = np.argsort(keys[: end - start])
    rank = 0
    for place in range(end - start):
        if place == 0 or keys[order[place]] != keys[order[place - 1]]:
            rank += 1
        nodes[start + order[place], _RANK] = rank


@njit(nogil=True, cache=True)
def _order(one, other, high, centre, molecule, nodes, keys, found, spheres):  # type: ignore[no-untyped-def]
    """Compare two ligands, the one with its duplicates lowest (`high` 0) or highest, the other the other way.

    Returns 1 where the first ranks higher, -1 where the second does, 0 for no difference, 2 for not certain.
    """
    raw = molecule[0]
    found[_VAGUE] = 0
    for node in range(2):
        atom = one if node == 0 else other
        nodes[node, _ATOM] = atom
        nodes[node, _RANK] = 1 if atom == _LEAF else raw[atom, 0]
        nodes[node, _PARENT] = -1
        nodes[node, _HIGH] = high if node == 0 else 1 - high
    end = 2
    spheres[0], spheres[1] = 0, end
    for sphere in range(1, _SPHERES + 1):
        if nodes[0, _RANK] != nodes[1, _RANK]:
            return 1 if nodes[0, _RANK] > nodes[1, _RANK] else -1
        for node in range(spheres[sphere - 1], spheres[sphere]):
            end = _expand(node, end, centre, molecule, nodes, found)
            if end < 0:
                return 2
        if end == spheres[sphere]:
            return 0
        spheres[sphere + 1] = end
        if end - spheres[sphere] >= 1 << _BITS:
            return 2
        for inner in range(sphere, 0, -1):
            _rank_again(spheres[inner - 1], spheres[inner], nodes, keys, found)
    return 2


@njit(nogil=True, cache=True)
def _compare(one, other, centre, molecule, nodes, keys, found, spheres):  # type: ignore[no-untyped-def]
    """1 where the first ligand of a centre ranks higher, -1 where the second does, 0 where that is not settled."""
    raw = molecule[0]
    elements = (1 if one == _LEAF else raw[one, 0]), (1 if other == _LEAF else raw[other, 0])
    if elements[0] != elements[1]:
        return 1 if elements[0] > elements[1] else -1
    order = _order(one, other, 0, centre, molecule, nodes, keys, found, spheres)
    if order == 1 or not found[_VAGUE]:
        return order if order != 2 else 0
    return -1 if _order(one, other, 1, centre, molecule, nodes, keys, found, spheres) == -1 else 0


@njit(nogil=True, cache=True)
def _centre_code(centre, tag, molecule, nodes, keys, found, spheres):  # type: ignore[no-untyped-def]
    """Code of R or S of a tetrahedral centre, 0 where it is not settled."""
    raw, _, starts, around, unsaturated = molecule
    hydrogens = raw[centre, 3]
    if (
        tag > 2
        or raw[centre, 0] != 6
        or unsaturated[centre]
        or raw[centre, 1] + hydrogens != 4
        or hydrogens > 1
    ):
        return 0
    ligands = np.full(4, _LEAF, dtype=np.int32)
    for place in range(raw[centre, 1]):
        ligands[place] = around[0, starts[centre] + place]
    swaps = 0
    for last in range(1, 4):
        for place in range(last, 0, -1):
            order = _compare(
                ligands[place - 1], ligands[place], centre, molecule, nodes, keys, found, spheres
            )
            if order == 0:
                return 0
            if order > 0:
                break
            ligands[place - 1], ligands[place] = ligands[place], ligands[place - 1]
            swaps += 1
    return _R if (swaps + (tag == 1)) % 2 else _S


@njit(nogil=True, cache=True)
def _ranks_first(side, end, partner, molecule, nodes, keys, found, spheres):  # type: ignore[no-untyped-def]
    """1 where an atom is the higher ligand of an end of a double bond, -1 where it is the lower, 0 not settled."""
    raw, _, starts, around, _ = molecule
    others = 0
    rival = _LEAF
    listed = False
    for place in range(starts[end], starts[end + 1]):
        atom = around[0, place]
        if atom == side:
            listed = True
        elif atom != partner:
            rival = atom
            others += 1
    others += raw[end, 3]
    if not listed or others > 1:
        return 0
    if others == 0:  # a pair of electrons ranks lowest
        return 1
    return _compare(side, rival, end, molecule, nodes, keys, found, spheres)


@njit(nogil=True, cache=True)
def _bond_code(bond, mark, ends, sides, molecule, nodes, keys, found, spheres):  # type: ignore[no-untyped-def]
    """Code of E or Z of a double bond, 0 where it is not settled."""
    if mark < 2 or mark > 5 or molecule[1][bond, 0] != _DOUBLE:  # Z, E, cis and trans of the given sides
        return 0
    trans = mark % 2 == 1
    for end in range(2):
        first = _ranks_first(
            sides[end, bond], ends[end, bond], ends[1 - end, bond], molecule, nodes, keys, found, spheres
        )
        if first == 0:
            return 0
        if first < 0:
            trans = not trans
    return _E if trans else _Z


@njit(nogil=True, cache=True)
def _label_one(raw, ends, bonds, tags, marks, sides, cip, stereo):  # type: ignore[no-untyped-def]
    if not _plain(raw, ends, bonds):
        return False
    starts, around, unsaturated = _neighbours(len(raw), raw, ends, bonds)
    molecule = (raw, bonds, starts, around, unsaturated)
    nodes, keys = np.empty((_MOST, 6), dtype=np.int64), np.empty(_MOST, dtype=np.int64)
    found, spheres = np.empty(_WIDEST + 1, dtype=np.int64), np.empty(_SPHERES + 2, dtype=np.int64)
    for atom in range(len(tags)):
        if tags[atom]:
            cip[atom] = _centre_code(atom, tags[atom], molecule, nodes, keys, found, spheres)
            if cip[atom] == 0:
                return False
    for bond in range(len(marks)):
        if marks[bond]:
            stereo[bond] = _bond_code(bond, marks[bond], ends, sides, molecule, nodes, keys, found, spheres)
            if stereo[bond] == 0:
                return False
    return True


@njit(nogil=True, cache=True)
def label_molecules(  # type: ignore[no-untyped-def]
    places, node_offsets, bond_offsets, raw, tags, ends, bonds, marks, sides, cip, stereo, settled
):
    """Label the marked atoms and bonds of those molecules whose marks are all settled by Rule 1a.

    Parameters
    ----------
    places
        int64 (n,): the molecules asked for.
    node_offsets, bond_offsets, raw, tags, ends, bonds, marks, sides
        As `chem.graph_binary.read_molecules` writes them.
    cip, stereo
        int16 (n_atoms,) and (n_bonds,), written where something is marked: codes of the schema; of no meaning
        in molecules that are not settled.
    settled
        bool (n,), written: whether the labels are complete.
    """
    for number in range(len(places)):
        a, b = node_offsets[places[number]], node_offsets[places[number] + 1]
        c, d = bond_offsets[places[number]], bond_offsets[places[number] + 1]
        settled[number] = _label_one(
            raw[a:b], ends[:, c:d], bonds[c:d], tags[a:b], marks[c:d], sides[:, c:d], cip[a:b], stereo[c:d]
        )
