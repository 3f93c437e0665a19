"""Floats beside the codes of a graph: partial charges, three-dimensional positions and distances.

They are optional: `MolecularGraphs` carries them through selection, batches and the store under the names
partial_charge, position and distance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import rdDistGeom, rdPartialCharges

from chem.errors import InputError
from chem.graph import MolecularGraphs
from chem.interrupts import python_interrupts
from chem.parse import explain_smiles, parse_smiles

MAX_SECONDS = 60


def add_partial_charges(graphs: MolecularGraphs, smiles: Sequence[str]) -> MolecularGraphs:
    """Give every atom its Gasteiger partial charge.

    A charge is a property of the molecule, so rewriting the SMILES permutes the charges; they differ by
    rounding alone (below 1e-5 elementary charges).

    Parameters
    ----------
    graphs
        Graphs that `encode_graphs` made.
    smiles
        The SMILES they were made from.

    Returns
    -------
    MolecularGraphs
        The same, with the atom value partial_charge, float32 (n_atoms_total,), in elementary charges: NaN for
        all atoms of a bonded molecule that holds an element without parameters, such as platinum or selenium.

    Raises
    ------
    InputError
        The SMILES are not those of the graphs.

    References
    ----------
    Gasteiger and Marsili, Tetrahedron 1980, 36, 3219-3228, doi:10.1016/0040-4020(80)80168-2.

    Examples
    --------
    >>> from chem.graph_encode import encode_graphs
    >>> charged = add_partial_charges(encode_graphs(["CO"]), ["CO"])
    >>> [f"{charge:.2f}" for charge in charged.atom_values["partial_charge"]]
    ['0.03', '-0.40']
    """
    charges = np.full(int(graphs.node_offsets[-1]), np.nan, dtype=np.float32)
    with rdBase.BlockLogs():
        for molecule, atoms, _ in _molecules(graphs, smiles):
            rdPartialCharges.ComputeGasteigerCharges(molecule, throwOnParamFailure=False)
            charges[atoms] = [atom.GetDoubleProp("_GasteigerCharge") for atom in molecule.GetAtoms()]
    charges[~np.isfinite(charges)] = np.nan
    return graphs.with_values({"partial_charge": charges})


def add_conformers(
    graphs: MolecularGraphs, smiles: Sequence[str], *, seed: int = 0, max_seconds: int = MAX_SECONDS
) -> tuple[MolecularGraphs, list[str]]:
    """Give every molecule one three-dimensional conformer, and its bonds their lengths in it.

    The same SMILES, seed and version of RDKit give the same conformer. It is one of many, and depends on
    the order of the atoms: what is learnt from it is not a property of the molecule alone.

    Parameters
    ----------
    graphs
        Graphs that `encode_graphs` made.
    smiles
        The SMILES they were made from.
    seed
        Of the random start, the same for every molecule, so that each is independent of its neighbours.
    max_seconds
        Given up after; nearly all molecules take less than a hundredth of the default.

    Returns
    -------
    MolecularGraphs
        The same, with the atom value position, float32 (n_atoms_total, 3), and the edge value distance,
        float32 (n_edges_total,), both in Angstrom; NaN where no conformer was found.
    list of str
        For each molecule, why it has none; empty where it has one.

    Raises
    ------
    InputError
        The SMILES are not those of the graphs.

    References
    ----------
    ETKDG version 3: Wang, Witek, Landrum and Riniker, J. Chem. Inf. Model. 2020, 60, 2044-2058,
    doi:10.1021/acs.jcim.0c00025.

    Examples
    --------
    >>> from chem.graph_encode import encode_graphs
    >>> placed, reasons = add_conformers(encode_graphs(["CC"]), ["CC"])
    >>> bool(1.4 < placed.edge_values["distance"][0] < 1.6), reasons
    (True, [''])
    """
    positions = np.full((int(graphs.node_offsets[-1]), 3), np.nan, dtype=np.float32)
    distances = np.full(int(graphs.edge_offsets[-1]), np.nan, dtype=np.float32)
    reasons = []
    with rdBase.BlockLogs():
        for molecule, atoms, edges in _molecules(graphs, smiles):
            found, reason = _conformer(molecule, seed, max_seconds)
            reasons.append(reason)
            if found is not None:
                positions[atoms] = found
                begin, end = graphs.edge_index[:, edges]
                distances[edges] = np.linalg.norm(found[begin] - found[end], axis=1)
    return graphs.with_values({"position": positions}, {"distance": distances}), reasons


def pair_distances(graphs: MolecularGraphs, index: int) -> np.ndarray:
    """Distances between all atoms of one molecule.

    Parameters
    ----------
    graphs
        With the atom value position.
    index
        Which molecule.

    Returns
    -------
    numpy.ndarray
        float32 (n_atoms, n_atoms) in Angstrom, NaN where it has no conformer.

    Raises
    ------
    InputError
        The graphs hold no positions.

    Examples
    --------
    >>> from chem.graph_encode import encode_graphs
    >>> placed, _ = add_conformers(encode_graphs(["CCC"]), ["CCC"])
    >>> pair_distances(placed, 0).shape
    (3, 3)
    """
    if "position" not in graphs.atom_values:
        raise InputError(
            "these graphs hold no positions", field="atom_values", hint="call add_conformers first"
        )
    position = graphs.take([index]).atom_values["position"]
    return np.linalg.norm(position[:, None] - position[None], axis=2).astype(np.float32)


def _molecules(graphs: MolecularGraphs, smiles: Sequence[str]) -> Iterator[tuple[Chem.Mol, slice, slice]]:
    """Each molecule with the rows of its atoms and of its edges."""
    if len(smiles) != len(graphs):
        raise InputError(
            f"{len(smiles)} SMILES", field="smiles", expected=f"{len(graphs)}, one for each graph"
        )
    for index, text in enumerate(smiles):
        molecule = parse_smiles(text)
        if molecule is None:
            raise InputError(f"{text!r} does not parse: {explain_smiles(text)}", record=index, field="smiles")
        atoms = slice(*graphs.node_offsets[index : index + 2].tolist())
        edges = slice(*graphs.edge_offsets[index : index + 2].tolist())
        bonds = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in molecule.GetBonds()]
        own = graphs.edge_index[:, edges][:, 0::2].T
        if molecule.GetNumAtoms() != atoms.stop - atoms.start or own.tolist() != [list(b) for b in bonds]:
            raise InputError(
                f"the graph is not that of {text!r}",
                record=index,
                field="smiles",
                expected="the SMILES that was encoded",
            )
        yield molecule, atoms, edges


def _conformer(molecule: Chem.Mol, seed: int, max_seconds: int) -> tuple[np.ndarray | None, str]:
    """Positions of the molecule's own atoms, or the reason why there are none."""
    settings = rdDistGeom.ETKDGv3()
    settings.randomSeed = seed  # type: ignore[assignment]
    settings.timeout = max_seconds  # type: ignore[assignment]
    whole = Chem.AddHs(molecule)
    failed = "no conformer was found"
    for random_start in (False, True):
        settings.useRandomCoords = random_start  # type: ignore[assignment]
        try:
            with python_interrupts():
                found = rdDistGeom.EmbedMolecule(whole, settings)
        except (ValueError, RuntimeError) as error:
            found, failed = -1, f"no conformer: {(str(error).strip().splitlines() or [''])[0]}"
        if found >= 0:
            positions = whole.GetConformer(found).GetPositions()
            return positions[: molecule.GetNumAtoms()].astype(np.float32), ""
    return None, failed
