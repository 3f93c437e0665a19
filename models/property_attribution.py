"""A molecule with one atom hidden at a time, as models of properties read it.

A hidden atom is unknown in the graph, and no counted environment or bit that holds it is left. The descriptors
stay as they are, those of the whole molecule: what they add is in no atom's share.

References
----------
Occlusion: Zeiler and Fergus 2014, doi:10.1007/978-3-319-10590-1_53.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chem.count_similarity import CountTable
from chem.graph_schema import UNKNOWN
from models.attribution_environments import counted_environments
from models.property_features import N_BITS, MoleculeFeatures
from models.property_reference import KINDS


def hide_each_atom(smiles: str) -> MoleculeFeatures:
    """Features of a molecule, and of the same with each of its atoms hidden.

    Parameters
    ----------
    smiles
        Standardised SMILES.

    Returns
    -------
    MoleculeFeatures
        n_atoms + 1 rows, the whole molecule first, then atoms in the order of the SMILES.

    Examples
    --------
    >>> ethanol = hide_each_atom("CCO")
    >>> len(ethanol), ethanol.bits.sum(axis=1).tolist()
    (4, [6, 3, 2, 3])
    """
    one = MoleculeFeatures([smiles])
    n_atoms = int(one.graphs.n_atoms[0])
    hidden = np.vstack([np.zeros((1, n_atoms), bool), np.eye(n_atoms, dtype=bool)])
    whole = np.zeros(n_atoms + 1, np.int64)
    graphs = one.graphs.take(whole)
    graphs.node_features[hidden.ravel()] = UNKNOWN
    counts = {kind: counted_environments(smiles, kind).table(hidden) for kind in KINDS}
    return one.select(whole).with_structure(graphs, _bits(counts["morgan"]), counts)


def _bits(counts: CountTable) -> NDArray[np.uint8]:
    """(n, N_BITS) bits of counted environments, folded."""
    bits = np.zeros((len(counts), N_BITS), np.uint8)
    row = np.repeat(np.arange(len(counts)), np.diff(counts.start))
    bits[row, counts.column % N_BITS] = 1
    return bits
