"""Which atoms and residues a prediction rests on: what it loses when they are hidden from the model.

Every member of a blend is asked, with its share; but for boosted trees, which read descriptors of whole molecules:
what they add to a prediction is in no attribution. An atom that is hidden is unknown in the graph, and no counted
environment that holds it is left. A residue that is hidden is unknown on the kinase profile and in the catalytic
window, and is left out of composition and words, as an X in the sequence is; the alignment stays as it was, and
so does what says that the protein is the very one of a training pair. `models.attribution_gradients` has
another measure, `models.attribution_fidelity` tells how well each finds what matters. A molecule that lost an atom
is less like every training molecule, so in kernels masking also counts how many environments an atom has:
integrated gradients, which share that out, find a planted group more often.

References
----------
Occlusion: Zeiler and Fergus 2014, doi:10.1007/978-3-319-10590-1_53.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from chem.graph_schema import UNKNOWN as UNKNOWN_ATOM
from models.affinity import EndpointModel
from models.affinity_inputs import MoleculeInputs, ProteinInputs
from models.attribution_environments import Environments, masked_tables, molecule_environments
from models.kinase import UNKNOWN, DomainHit
from models.landmarks import Tables, protein_kernel, protein_tables
from models.protein import WINDOW, ProteinArrays, Target, choose_domain, encode_proteins

_BLOCK = 256


class Masks(ABC):
    """A pair of molecule and protein of which parts can be hidden.

    Attributes
    ----------
    model, smiles, target
        The endpoint's model, and the pair.
    size
        Parts: atoms, or residues.
    """

    model: EndpointModel
    smiles: str
    target: Target
    size: int

    @property
    @abstractmethod
    def candidates(self) -> NDArray[np.int64]:
        """Parts that are compared with each other when the most important are looked for."""

    @abstractmethod
    def _predict(self, hidden: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Predictions of one block."""

    def predict(self, hidden: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Predictions with parts hidden.

        Parameters
        ----------
        hidden
            (n_variants, size) bool.

        Returns
        -------
        np.ndarray
            float64 (n_variants,) in the label's unit.
        """
        blocks = [self._predict(hidden[start : start + _BLOCK]) for start in range(0, len(hidden), _BLOCK)]
        return np.concatenate(blocks) if blocks else np.zeros(0)

    def contributions(self) -> NDArray[np.float64]:
        """(size,) what the prediction loses when each part alone is hidden, in the label's unit."""
        hidden = np.vstack([np.zeros((1, self.size), bool), np.eye(self.size, dtype=bool)])
        scores = self.predict(hidden)
        return scores[0] - scores[1:]


class AtomMasks(Masks):
    """A pair of which atoms can be hidden, in the order of the SMILES.

    Parameters
    ----------
    model
        Of the endpoint.
    smiles
        Standardised SMILES of the molecule.
    target
        The protein.

    Raises
    ------
    InputError
        The SMILES does not parse.
    """

    def __init__(self, model: EndpointModel, smiles: str, target: Target) -> None:
        self.model, self.smiles, self.target = model, smiles, target
        self.environments: tuple[Environments, ...] = molecule_environments(smiles)
        self.molecule = model.inputs.encode_molecules([smiles])
        self.proteins = model.inputs.encode_proteins([target])
        self.size = int(self.molecule.graphs.n_atoms[0])

    @property
    def candidates(self) -> NDArray[np.int64]:
        """All atoms."""
        return np.arange(self.size)

    def inputs(self, hidden: NDArray[np.bool_]) -> MoleculeInputs:
        """Inputs of the molecule with atoms hidden, one per row of `hidden` (n_variants, n_atoms)."""
        graphs = self.molecule.graphs.take(np.zeros(len(hidden), np.int64))
        features = graphs.node_features.copy()
        features[hidden.ravel()] = UNKNOWN_ATOM
        landmarks = self.model.inputs.molecules
        near = landmarks.similarity(masked_tables(self.environments, hidden))
        return self.model.inputs.molecule_inputs(replace(graphs, node_features=features), near)

    def _predict(self, hidden: NDArray[np.bool_]) -> NDArray[np.float64]:
        drug = np.arange(len(hidden))
        scores = self.model.scores(self.inputs(hidden), self.proteins, drug, np.zeros_like(drug))
        return np.asarray(self.model.shares_of(self.smiles, self.target) @ scores)


class ResidueMasks(Masks):
    """A pair of which residues can be hidden, in the order of the sequence.

    Parameters
    ----------
    model
        Of the endpoint.
    smiles
        Standardised SMILES of the molecule.
    target
        The protein, its variant applied.

    Attributes
    ----------
    column
        (length,) column of the kinase profile that each residue stands on, -1 for none.
    """

    def __init__(self, model: EndpointModel, smiles: str, target: Target) -> None:
        inputs = model.inputs
        self.model, self.smiles, self.target = model, smiles, target
        self.molecule = inputs.encode_molecules([smiles])
        self.arrays = encode_proteins([target], inputs.profile)
        self.tables = protein_tables([target], self.arrays)
        self.size = len(target.sequence)
        hit = choose_domain(target, inputs.profile.astype(np.float64))
        self.column = np.full(self.size, -1, np.int64)
        if hit is not None:
            there = np.flatnonzero(hit.columns >= 0)
            self.column[hit.columns[there]] = there
        self.window = _window(hit, self.size)

    @property
    def candidates(self) -> NDArray[np.int64]:
        """Residues on the kinase profile; all of them where there is no domain."""
        aligned = np.flatnonzero(self.column >= 0)
        return aligned if len(aligned) else np.arange(self.size)

    def inputs(self, hidden: NDArray[np.bool_]) -> ProteinInputs:
        """Inputs of the protein with residues hidden, one per row of `hidden` (n_variants, length)."""
        letters = np.array(list(self.target.sequence))
        texts = ["".join(np.where(row, "X", letters)) for row in hidden]
        targets = [replace(self.target, sequence=text) for text in texts]
        one = np.zeros(len(hidden), np.int64)
        same = self.arrays.take(one)
        aligned, window = same.aligned.copy(), same.window.copy()
        residue = np.flatnonzero(self.column >= 0)
        row, which = np.nonzero(hidden[:, residue])
        aligned[row, self.column[residue[which]]] = UNKNOWN
        row, place = np.nonzero(hidden[:, self.window])
        window[row, place] = UNKNOWN
        arrays = ProteinArrays(aligned, window, _composition(targets), same.flags)
        tables: Tables = (
            *(table.take(one) for table in self.tables[:2]),  # it is still the same protein
            *protein_tables(targets, arrays)[2:],
        )
        return ProteinInputs(arrays, protein_kernel(tables, self.model.inputs.proteins))

    def _predict(self, hidden: NDArray[np.bool_]) -> NDArray[np.float64]:
        target = np.arange(len(hidden))
        scores = self.model.scores(self.molecule, self.inputs(hidden), np.zeros_like(target), target)
        return np.asarray(self.model.shares_of(self.smiles, self.target) @ scores)


def _window(hit: DomainHit | None, length: int) -> slice:
    """Residues of the catalytic window, as `models.protein.encode_proteins` cuts it."""
    start = max(0, length - WINDOW)
    if hit is not None:
        start = min(max(0, (hit.start + hit.end) // 2 - WINDOW // 2), start)
    return slice(start, start + WINDOW)


def _composition(targets: list[Target]) -> NDArray[np.float32]:
    # On a profile without columns nothing is aligned, which is what would take time.
    return encode_proteins(targets, np.zeros((0, 20))).composition


def atom_contributions(model: EndpointModel, smiles: str, target: Target) -> NDArray[np.float64]:
    """How much the prediction falls when one atom is hidden from the model.

    Parameters
    ----------
    model
        Of the endpoint.
    smiles
        Standardised SMILES of one molecule.
    target
        One protein.

    Returns
    -------
    np.ndarray
        float64 (n_atoms,) in the label's unit and the SMILES' order: positive where the atom raises the
        prediction.

    Raises
    ------
    InputError
        The SMILES does not parse.
    """
    return AtomMasks(model, smiles, target).contributions()


def residue_contributions(model: EndpointModel, smiles: str, target: Target) -> NDArray[np.float64]:
    """How much the prediction falls when one residue is hidden from the model.

    A residue outside the domain is on no column of the profile: its number is what the composition of the chain
    and its words of three residues lose, which tells proteins apart as wholes. It says nothing of a contact.

    Parameters
    ----------
    model
        Of the endpoint.
    smiles
        Standardised SMILES of one molecule.
    target
        One protein, its variant applied.

    Returns
    -------
    np.ndarray
        float64 (length,) in the label's unit, in the order of the sequence.

    Raises
    ------
    InputError
        The SMILES does not parse.
    """
    return ResidueMasks(model, smiles, target).contributions()
