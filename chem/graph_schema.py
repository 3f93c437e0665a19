"""What the codes of a molecular graph mean.

Every field is categorical and code 0 is always the unknown bucket, so a network embeds each field with a
table of its own size and meets a new element or charge without failing. A new version of the schema only
appends: fields after the old fields, values after the old values of a field, so that the codes of an older
version are those of the newer one with everything beyond it unknown (`codes_of_version_1`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

UNKNOWN = 0
"""The code of every value that a field's vocabulary does not list."""

_Vocabulary = Mapping[str, tuple[Any, ...]]

_ELEMENTS_V1 = (
    "H", "B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "As", "Se", "Br", "I",
    "Li", "Na", "K", "Mg", "Ca", "Al", "Fe", "Co", "Cu", "Zn", "Ag", "Pt", "Au", "Hg", "Bi", "Gd", "Sn", "Te",
)  # fmt: skip
_OTHER_ELEMENTS = (
    "He", "Be", "Ne", "Ar", "Sc", "Ti", "V", "Cr", "Mn", "Ni", "Ga", "Ge", "Kr", "Rb", "Sr", "Y", "Zr", "Nb",
    "Mo", "Tc", "Ru", "Rh", "Pd", "Cd", "In", "Sb", "Xe", "Cs", "Ba", "La", "Ce", "Pr", "Nd", "Pm", "Sm", "Eu",
    "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu", "Hf", "Ta", "W", "Re", "Os", "Ir", "Tl", "Pb", "Po", "At", "Rn",
    "Fr", "Ra", "Ac", "Th", "Pa", "U", "Np", "Pu", "Am", "Cm", "Bk", "Cf", "Es", "Fm", "Md", "No", "Lr", "Rf",
    "Db", "Sg", "Bh", "Hs", "Mt", "Ds", "Rg", "Cn", "Nh", "Fl", "Mc", "Lv", "Ts", "Og", "*",
)  # fmt: skip
ELEMENTS = _ELEMENTS_V1 + _OTHER_ELEMENTS
"""All elements and ``*``, the dummy atom of fragments and polymers."""

RING_SIZES = (3, 4, 5, 6, 7, 8, ">8")
"""The ring sizes that the field ring_sizes tells apart."""
HEAVIEST_ISOTOPE = 300

NODE_VOCABULARY_V1: dict[str, tuple[Any, ...]] = {
    "element": _ELEMENTS_V1,
    "degree": (0, 1, 2, 3, 4, 5, 6),
    "formal_charge": (-3, -2, -1, 0, 1, 2, 3),
    "total_hydrogens": (0, 1, 2, 3, 4),
    "hybridisation": ("S", "SP", "SP2", "SP3", "SP2D", "SP3D", "SP3D2"),
    "aromatic": (False, True),
    "smallest_ring": (0, 3, 4, 5, 6, 7, 8, ">8"),
    "cip": ("none", "R", "S", "r", "s"),
}
EDGE_VOCABULARY_V1: dict[str, tuple[Any, ...]] = {
    "bond_type": ("SINGLE", "DOUBLE", "TRIPLE", "AROMATIC", "DATIVE"),
    "conjugated": (False, True),
    "in_ring": (False, True),
    "stereo": ("none", "E", "Z"),
}


def _ring_subsets() -> tuple[tuple[Any, ...], ...]:
    """All subsets of `RING_SIZES`, in the order of their bit masks (bit 0 is size 3)."""
    subsets = [s for length in range(len(RING_SIZES) + 1) for s in combinations(RING_SIZES, length)]
    return tuple(sorted(subsets, key=lambda subset: sum(1 << RING_SIZES.index(size) for size in subset)))


# Charges and hydrogens reach as far as OpenSMILES asks of a reader (-15 to +15, H9).
_APPENDED_NODES: dict[str, tuple[Any, ...]] = {
    "element": _OTHER_ELEMENTS,
    "degree": (7, 8, 9, 10, 11, 12, 13, 14, 15, 16),
    "formal_charge": tuple(sign * size for size in range(4, 16) for sign in (-1, 1)),
    "total_hydrogens": (5, 6, 7, 8, 9),
    "hybridisation": ("UNSPECIFIED", "OTHER"),
    "cip": ("unresolved", "unlabelled", "M", "P", "m", "p"),
    "isotope": tuple(range(HEAVIEST_ISOTOPE + 1)),
    "radical_electrons": tuple(range(9)),
    "ring_sizes": _ring_subsets(),
}
_APPENDED_EDGES: dict[str, tuple[Any, ...]] = {
    "bond_type": (
        "ZERO", "UNSPECIFIED", "QUADRUPLE", "QUINTUPLE", "HEXTUPLE", "ONEANDAHALF", "TWOANDAHALF",
        "THREEANDAHALF", "FOURANDAHALF", "FIVEANDAHALF", "IONIC", "HYDROGEN", "THREECENTER", "DATIVEONE",
        "DATIVEL", "DATIVER", "OTHER",
    ),
    "stereo": ("unresolved", "unlabelled", "e", "z", "M", "P", "m", "p", "any"),
}  # fmt: skip


def _append(vocabulary: _Vocabulary, more: _Vocabulary) -> dict[str, tuple[Any, ...]]:
    return {name: vocabulary.get(name, ()) + more.get(name, ()) for name in {**vocabulary, **more}}


NODE_VOCABULARY: dict[str, tuple[Any, ...]] = _append(NODE_VOCABULARY_V1, _APPENDED_NODES)
"""Fields of an atom. element: symbol. degree: bonds to atoms of the graph. total_hydrogens: those that are no
atoms of the graph. smallest_ring: 0 outside rings. cip: label of the new algorithm; ``unresolved`` where the
labeller gave up on the molecule, ``unlabelled`` where a marked centre is of a kind that has no label (square
planar, octahedral, an allene, a nitrogen at a bridgehead, or neighbours that do not differ); ``none`` where nothing is marked. isotope: mass number,
0 as found in nature. ring_sizes: for each of the atom's bonds the size of the smallest ring through it, together:
unlike the choice of a smallest set of rings, these do not depend on how the molecule is written."""
EDGE_VOCABULARY: dict[str, tuple[Any, ...]] = _append(EDGE_VOCABULARY_V1, _APPENDED_EDGES)
"""Fields of a bond. stereo: CIP label of a double bond or of an axis (M, P), with ``unresolved``,
``unlabelled`` and ``none`` as for atoms, and ``any`` where the input says that it is not known."""


def _schema(version: int, nodes: _Vocabulary, edges: _Vocabulary, edge_order: str) -> dict[str, Any]:
    return {
        "version": version,
        "unknown_code": UNKNOWN,
        "node_fields": list(nodes),
        "node_cardinalities": [len(values) + 1 for values in nodes.values()],
        "node_vocabulary": {name: list(values) for name, values in nodes.items()},
        "edge_fields": list(edges),
        "edge_cardinalities": [len(values) + 1 for values in edges.values()],
        "edge_vocabulary": {name: list(values) for name, values in edges.items()},
        "edges": edge_order,
    }


_EDGE_ORDER_V1 = (
    "both directions of every bond, next to each other, atoms numbered from 0 within the molecule"
)
GRAPH_SCHEMA_V1 = _schema(1, NODE_VOCABULARY_V1, EDGE_VOCABULARY_V1, _EDGE_ORDER_V1)
"""Version 1, which the networks that shipped first were trained on."""
GRAPH_SCHEMA = _schema(
    2,
    NODE_VOCABULARY,
    EDGE_VOCABULARY,
    f"{_EDGE_ORDER_V1}; the first direction of a dative bond runs from donor to acceptor",
)
"""What the columns mean: value k of a field's vocabulary has code k + 1, anything else code 0."""


def schema_hash(schema: Mapping[str, Any] | None = None) -> str:
    """Hash of a schema: what a network's card and a stored library record to know their features.

    Parameters
    ----------
    schema
        `GRAPH_SCHEMA` where none is given, or `GRAPH_SCHEMA_V1`.

    Returns
    -------
    str
        Sixteen hexadecimal digits.

    Examples
    --------
    >>> len(schema_hash())
    16
    >>> schema_hash(GRAPH_SCHEMA_V1)
    '7a2992c848f5a114'
    """
    text = json.dumps(GRAPH_SCHEMA if schema is None else schema, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def codes_of_version_1(fields: str) -> dict[str, np.ndarray]:
    """Translate the codes of each field of version 1 from today's codes.

    What version 1 does not list is unknown there, but for marked stereo that has no label: version 1 took it
    for no stereo at all.

    Parameters
    ----------
    fields
        "node" or "edge".

    Returns
    -------
    dict of str to numpy.ndarray
        For each field of version 1, in its order (its columns come first today), int16 (today's
        cardinality,): the code of version 1 at the place of today's code.

    Examples
    --------
    >>> codes_of_version_1("edge")["stereo"].tolist()
    [0, 1, 2, 3, 0, 1, 0, 0, 0, 0, 0, 0, 1]
    """
    today = {"node": NODE_VOCABULARY, "edge": EDGE_VOCABULARY}[fields]
    before = {"node": NODE_VOCABULARY_V1, "edge": EDGE_VOCABULARY_V1}[fields]
    return {name: _codes_before(today[name], values) for name, values in before.items()}


def _codes_before(today: Sequence[Any], before: Sequence[Any]) -> np.ndarray:
    table = np.zeros(len(today) + 1, dtype=np.int16)
    table[: len(before) + 1] = np.arange(len(before) + 1)
    for value in ("unlabelled", "any"):
        if value in today:
            table[1 + today.index(value)] = 1
    return table
