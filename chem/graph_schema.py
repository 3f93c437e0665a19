"""What the codes of a molecular graph mean.

Every field is categorical and code 0 is always the unknown bucket, so a network embeds each field with a
table of its own size and meets a new element or charge without failing.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

ELEMENTS = (
    "H", "B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "As", "Se", "Br", "I",
    "Li", "Na", "K", "Mg", "Ca", "Al", "Fe", "Co", "Cu", "Zn", "Ag", "Pt", "Au", "Hg", "Bi", "Gd", "Sn", "Te",
)  # fmt: skip

UNKNOWN = 0
"""The code of every value that a field's vocabulary does not list."""

NODE_VOCABULARY: dict[str, tuple[Any, ...]] = {
    "element": ELEMENTS,
    "degree": (0, 1, 2, 3, 4, 5, 6),
    "formal_charge": (-3, -2, -1, 0, 1, 2, 3),
    "total_hydrogens": (0, 1, 2, 3, 4),
    "hybridisation": ("S", "SP", "SP2", "SP3", "SP2D", "SP3D", "SP3D2"),
    "aromatic": (False, True),
    "smallest_ring": (0, 3, 4, 5, 6, 7, 8, ">8"),
    "cip": ("none", "R", "S", "r", "s"),
}
EDGE_VOCABULARY: dict[str, tuple[Any, ...]] = {
    "bond_type": ("SINGLE", "DOUBLE", "TRIPLE", "AROMATIC", "DATIVE"),
    "conjugated": (False, True),
    "in_ring": (False, True),
    "stereo": ("none", "E", "Z"),
}

GRAPH_SCHEMA: dict[str, Any] = {
    "version": 1,
    "unknown_code": UNKNOWN,
    "node_fields": list(NODE_VOCABULARY),
    "node_cardinalities": [len(values) + 1 for values in NODE_VOCABULARY.values()],
    "node_vocabulary": {name: list(values) for name, values in NODE_VOCABULARY.items()},
    "edge_fields": list(EDGE_VOCABULARY),
    "edge_cardinalities": [len(values) + 1 for values in EDGE_VOCABULARY.values()],
    "edge_vocabulary": {name: list(values) for name, values in EDGE_VOCABULARY.items()},
    "edges": "both directions of every bond, next to each other, atoms numbered from 0 within the molecule",
}
"""What the columns mean: value k of a field's vocabulary has code k + 1, anything else code 0."""


def schema_hash() -> str:
    """Hash of `GRAPH_SCHEMA`: what a network's card and a stored library record to know their features.

    Returns
    -------
    str
        Sixteen hexadecimal digits.

    Examples
    --------
    >>> len(schema_hash())
    16
    """
    text = json.dumps(GRAPH_SCHEMA, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
