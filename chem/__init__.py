"""Compounds: structure files to standardised molecules, molecular graphs and fingerprints.

A **compound record** is what a file says: a row (numbered from 1), an identifier, perhaps a name, and a
structure as somebody drew it. Every record of a file becomes one row of a **CompoundLibrary**, in the
file's order, including those that cannot be read: they have the status 'rejected' and the reason.

A **standardised molecule** is the parent of such a structure under one named recipe
(`StandardisationRecipe`): functional groups normalised, metals disconnected, the largest organic fragment
kept (salts and solvents go to the column removed_fragments), charges removed where they can be, then
RDKit's canonical isomeric SMILES. Tautomers stay as drawn, since RDKit's canonical tautomer loses
stereocentres. Two records are the same compound when their parents share the standard InChIKey; the later
one points at the first (duplicate_of). Its recipe has a hash, which tables and networks record.

A **molecular graph** is a molecule's heavy atoms and bonds as integer codes. `MolecularGraphs` holds many
of them in five flat arrays:

- node_features, int16 (n_atoms_total, 8): element, degree, formal charge, total hydrogens, hybridisation,
  aromatic, smallest ring (0 outside rings), CIP label;
- edge_index, int32 (2, n_edges_total): both directions of each bond, atoms numbered from 0 within a molecule;
- edge_features, int16 (n_edges_total, 4): bond type, conjugated, in a ring, E/Z label;
- node_offsets and edge_offsets, int64 (n_molecules + 1): where each molecule begins and ends.

Code 0 is always "unknown"; `GRAPH_SCHEMA` spells out the rest. The codes are properties of the molecule,
never of the way its SMILES is written: stereochemistry enters as CIP labels, computed with the algorithm of
Hanson et al. (2018), not as the clockwise tags of a SMILES. Rewriting the SMILES or spelling out hydrogens
changes nothing; renumbering the atoms permutes the rows.

**Fingerprints** are uint8 arrays of 0 and 1 (n_molecules, n_bits), compared by `tanimoto`. All bad input
raises `InputError`, one line that names file, record and field. Nothing here needs a network or a patient:
the package imports neither torch nor genomics.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "CompoundLibrary": "library",
    "CompoundRecord": "record",
    "DEFAULT_RECIPE": "standardise",
    "DESCRIPTOR_NAMES": "fingerprint",
    "GRAPH_SCHEMA": "graph_schema",
    "InputError": "errors",
    "MolecularGraphs": "graph",
    "StandardisationRecipe": "standardise",
    "StandardisedMolecule": "standardise",
    "build_library": "library",
    "concatenate_graphs": "graph",
    "descriptors": "fingerprint",
    "draw_svg": "draw",
    "encode_graphs": "graph_encode",
    "inchikey_first_block": "scaffold",
    "load_graphs": "graph_store",
    "morgan_fingerprints": "fingerprint",
    "murcko_scaffold": "scaffold",
    "open_library": "library",
    "read_compounds": "read",
    "save_graphs": "graph_store",
    "scaffold_groups": "scaffold",
    "schema_hash": "graph_schema",
    "standardise_smiles": "standardise",
    "tanimoto": "fingerprint",
}

__all__ = sorted([*_HOME, "standardise"])


def __getattr__(name: str) -> Any:
    """Load RDKit only when something that needs it is asked for."""
    if name in _HOME:
        value = getattr(importlib.import_module(f"chem.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'chem' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
