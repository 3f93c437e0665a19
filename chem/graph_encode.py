"""From SMILES to molecular graphs.

Stereochemistry enters only as CIP labels, which are properties of the molecule. The clockwise and
counter-clockwise tags of a SMILES are properties of how it was written, and never enter.
"""

from __future__ import annotations

from collections.abc import Sequence

from rdkit import Chem

from chem.errors import InputError
from chem.graph import MolecularGraphs, concatenate_graphs
from chem.graph_portable import encode_portable
from chem.parse import explain_smiles, parse_smiles

_CHUNK = 1024


def encode_graphs(smiles: Sequence[str], *, stereo: bool = True) -> MolecularGraphs:
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
    chunks = [
        encode_portable(_parse_chunk(smiles, start), stereo)
        for start in range(0, max(len(smiles), 1), _CHUNK)
    ]
    return chunks[0] if len(chunks) == 1 else concatenate_graphs(chunks)


def _parse_chunk(smiles: Sequence[str], start: int) -> list[Chem.Mol]:
    molecules = []
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
        molecules.append(molecule)
    return molecules
