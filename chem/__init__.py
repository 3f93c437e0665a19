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

- node_features, int16 (n_atoms_total, 11): element, degree, formal charge, total hydrogens, hybridisation,
  aromatic, smallest ring (0 outside rings), CIP label, isotope, radical electrons, ring sizes;
- edge_index, int32 (2, n_edges_total): both directions of each bond, atoms numbered from 0 within a molecule;
- edge_features, int16 (n_edges_total, 4): bond type, conjugated, in a ring, stereo label (E, Z and others);
- node_offsets and edge_offsets, int64 (n_molecules + 1): where each molecule begins and ends.

Code 0 is always "unknown"; `GRAPH_SCHEMA` spells out the rest. Version 2 of the schema adds to version 1,
which networks trained before read through `MolecularGraphs.project`. The codes are properties of the molecule,
never of the way its SMILES is written: stereochemistry enters as CIP labels, computed with the algorithm of
Hanson et al. (2018), not as the clockwise tags of a SMILES. Rewriting the SMILES or spelling out hydrogens
changes nothing; renumbering the atoms permutes the rows. A marked centre that gets no label has a code of its
own. `rebuild_molecule` goes back from a graph to the molecule, stereochemistry included. On disk a graph takes
a byte or two per atom and bond (`save_graphs`).

**Fingerprints** are uint8 arrays of 0 and 1 (n_molecules, n_bits), compared by `tanimoto`; packed, eight bits
to a byte in `numpy.packbits` order, they are compared by `packed_tanimoto` and searched by `LibrarySearch`.
A table of rules, scores or alerts names each molecule by its index in the list given, from 0. All bad input
raises `InputError`, one line that names file, record and field. Nothing here needs a network or a patient:
the package imports neither torch nor genomics.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "ALERT_CATALOGUES": "alert",
    "CompoundLibrary": "library",
    "CompoundRecord": "record",
    "DEFAULT_RECIPE": "standardise",
    "DESCRIPTOR_NAMES": "descriptor",
    "FINGERPRINT_KINDS": "fingerprint_kinds",
    "GRAPH_SCHEMA": "graph_schema",
    "GraphWriter": "graph_writer",
    "InputError": "errors",
    "LibrarySearch": "search",
    "MolecularGraphs": "graph",
    "RDKIT_DESCRIPTOR_NAMES": "rdkit_descriptor",
    "RECIPES": "standardise",
    "RULES": "rule_table",
    "RebuiltMolecule": "graph_molecule",
    "SCORE_NAMES": "score",
    "StandardisationRecipe": "standardise",
    "StandardisedMolecule": "standardise",
    "StoredGraphs": "graph_store",
    "add_conformers": "geometry",
    "add_partial_charges": "geometry",
    "alert_table": "alert",
    "build_library": "library",
    "butina_clusters": "cluster",
    "check_conditions": "rule",
    "check_rules": "rule",
    "chemical_space": "space_map",
    "concatenate_graphs": "graph",
    "descriptors": "descriptor",
    "diverse_pick": "pick",
    "draw_grid": "grid_picture",
    "draw_svg": "draw",
    "encode_graphs": "graph_encode",
    "encode_molecules": "graph_encode",
    "fingerprint_blocks": "fingerprint",
    "fingerprints": "fingerprint",
    "inchikey_first_block": "scaffold",
    "input_atoms": "atom_origin",
    "interactive_grid": "grid_picture",
    "load_graphs": "graph_store",
    "molecule_fingerprint": "fingerprint",
    "morgan_fingerprints": "fingerprint",
    "murcko_scaffold": "scaffold",
    "open_library": "library",
    "packed_tanimoto": "packed_similarity",
    "packed_tversky": "packed_similarity",
    "pair_distances": "geometry",
    "plot_chemical_space": "space_map",
    "rdkit_descriptor_table": "rdkit_descriptor",
    "rdkit_descriptors": "rdkit_descriptor",
    "read_compounds": "read",
    "rebuild_molecule": "graph_molecule",
    "rebuild_molecules": "graph_molecule",
    "recipe_named": "standardise",
    "save_graphs": "graph_store",
    "scaffold_clusters": "cluster",
    "scaffold_groups": "scaffold",
    "schema_hash": "graph_schema",
    "scores": "score",
    "sphere_exclusion": "cluster",
    "standardise_molecule": "standardise",
    "standardise_smiles": "standardise",
    "structural_alerts": "alert",
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
