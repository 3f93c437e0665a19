"""What an affinity network reads of molecules and proteins, made from SMILES and targets.

`InputEncoder` holds what was fitted to the training data for that: the kinase profile, and the landmarks that
molecules and proteins are compared with. It is saved with the network, so that an input means the same later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from chem.graph import MolecularGraphs
from chem.graph_encode import encode_graphs
from chem.graph_schema import GRAPH_SCHEMA_V1
from models.input_notes import unseen_as_unknown
from models.kernel_fit import KernelFit
from models.kernel_ridge import KernelSettings, fit_kernel
from models.kinase import build_profile
from models.landmarks import (
    Landmarks,
    Tables,
    fit_landmarks,
    molecule_kernel,
    molecule_tables,
    principal_components,
    protein_kernel,
    protein_tables,
)
from models.pairs import PairData
from models.parts.batch import MoleculeBatch, ProteinBatch, molecule_batch
from models.protein import ProteinArrays, Target, encode_proteins

# A newer schema only appends fields, so these stand at the same place in all of them.
_CIP_FIELD = GRAPH_SCHEMA_V1["node_fields"].index("cip")
_STEREO_FIELD = GRAPH_SCHEMA_V1["edge_fields"].index("stereo")
_NO_LABEL = 1


@dataclass(frozen=True)
class MoleculeInputs:
    """Distinct molecules as a network reads them.

    Attributes
    ----------
    graphs
        Their graphs.
    near
        (n_molecules, n_landmarks) float32 kernel with the training molecules.
    coordinates
        (n_molecules, rank) float32 `InputEncoder.coordinates`.
    ranks
        `InputEncoder.ranks`, whose sum is rank.
    """

    graphs: MolecularGraphs
    near: NDArray[np.float32]
    coordinates: NDArray[np.float32]
    ranks: tuple[int, int]

    def batch(
        self, index: NDArray[np.int64], rng: np.random.Generator | None = None
    ) -> tuple[MoleculeBatch, Float[Tensor, "molecules rank"]]:
        """Molecules `index`; with `rng`, half of the graphs lose their stereo labels.

        Registries write the same compound with and without stereo, so a network must read both.
        """
        batch = molecule_batch(self.graphs, index)
        if rng is not None:
            flat = torch.from_numpy(rng.random(len(index)) < 0.5)
            x, edge_attr = batch.x.clone(), batch.edge_attr.clone()
            x[flat[batch.batch], _CIP_FIELD] = _NO_LABEL
            edge_attr[flat[batch.batch[batch.edge_index[0]]], _STEREO_FIELD] = _NO_LABEL
            batch = replace(batch, x=x, edge_attr=edge_attr)
        return batch, torch.from_numpy(self.coordinates[index])


@dataclass(frozen=True)
class ProteinInputs:
    """Distinct proteins as a network reads them.

    Attributes
    ----------
    arrays
        Residues, composition and flags.
    alike
        (n_proteins, n_training) float32 kernel with the training proteins.
    """

    arrays: ProteinArrays
    alike: NDArray[np.float32]

    def batch(self, index: NDArray[np.int64]) -> ProteinBatch:
        """Proteins `index`."""
        part = self.arrays.take(index)
        return ProteinBatch(
            torch.from_numpy(part.window.astype(np.int64)),
            torch.from_numpy(part.aligned.astype(np.int64)),
            torch.from_numpy(part.composition),
            torch.from_numpy(part.flags),
        )


@dataclass(frozen=True)
class InputEncoder:
    """Turns SMILES and targets into inputs.

    Attributes
    ----------
    profile
        (n_columns, 20) float32 kinase profile of the training sequences.
    molecules
        The training molecules as landmarks.
    proteins
        What the training proteins are compared by.
    smiles, targets
        The training molecules and proteins, in that order.
    kernel
        Kernel regression fitted to the training labels, or None.
    profile_projection
        (n_landmarks, profile_rank) float32: kernel with the landmarks by structure and fitted profile to
        coordinates; None without a regression of two stages.
    """

    profile: NDArray[np.float32]
    molecules: Landmarks
    proteins: Tables
    smiles: tuple[str, ...]
    targets: tuple[Target, ...]
    kernel: KernelFit | None = None
    profile_projection: NDArray[np.float32] | None = None

    @property
    def ranks(self) -> tuple[int, int]:
        """Coordinates by structure, and by structure and profile."""
        profile = self.profile_projection
        return self.molecules.rank, 0 if profile is None else profile.shape[1]

    def coordinates(self, near: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, rank) float32 coordinates of molecules: those by structure, then those by structure and profile.

        Parameters
        ----------
        near
            (n, n_landmarks) kernel with the training molecules by structure.
        """
        structure = near @ self.molecules.projection
        if self.kernel is None or self.profile_projection is None:
            return structure
        return np.hstack([structure, self.kernel.near(near) @ self.profile_projection])

    def encode_molecules(self, smiles: Sequence[str]) -> MoleculeInputs:
        """Inputs of standardised SMILES."""
        near = self.molecules.similarity(molecule_tables(smiles))
        return self.molecule_inputs(unseen_as_unknown(encode_graphs(list(smiles)), self._graphs), near)

    @cached_property
    def _graphs(self) -> MolecularGraphs:
        return encode_graphs(list(self.smiles))

    def molecule_inputs(self, graphs: MolecularGraphs, near: NDArray[np.float32]) -> MoleculeInputs:
        """Inputs of molecules given as graphs and by their kernel with the training molecules."""
        return MoleculeInputs(graphs, near, self.coordinates(near), self.ranks)

    def encode_proteins(self, targets: Sequence[Target]) -> ProteinInputs:
        """Inputs of targets."""
        arrays = encode_proteins(targets, self.profile)
        return ProteinInputs(arrays, protein_kernel(protein_tables(targets, arrays), self.proteins))


def fit_inputs(tables: Sequence[PairData], *, rank: int = 512) -> InputEncoder:
    """Fit the encoder to the molecules and proteins of training pairs; labels are not looked at.

    Parameters
    ----------
    tables
        Training pairs; drugs and targets that no pair names are left out.
    rank
        Coordinates of a molecule at most.

    Returns
    -------
    InputEncoder
        As saved with a model.
    """
    smiles = sorted({p.smiles[d] for p in tables for d in np.unique(p.drug)})
    forms = {p.targets[t].form: p.targets[t] for p in tables for t in np.unique(p.target)}
    targets = [forms[form] for form in sorted(forms)]
    profile = build_profile([target.sequence for target in targets])
    molecules, arrays = molecule_tables(smiles), encode_proteins(targets, profile)
    return InputEncoder(
        profile,
        fit_landmarks(molecules, rank),
        protein_tables(targets, arrays),
        tuple(smiles),
        tuple(targets),
    )


def fit_profiles(encoder: InputEncoder, pairs: PairData, *, rank: int = 512) -> InputEncoder:
    """Add the kernel regression on the training labels to an encoder, and the coordinates that follow from it.

    Parameters
    ----------
    encoder
        `fit_inputs` of these pairs.
    pairs
        Labelled training pairs of one endpoint.
    rank
        Coordinates of a molecule at most.
    """
    near = molecule_kernel(encoder.molecules.tables, encoder.molecules.tables)
    fitted = fit_regression(encoder, pairs, near)
    if fitted.kernel is None or fitted.kernel.profiles is None:
        return fitted
    return replace(fitted, profile_projection=principal_components(fitted.kernel.near(near), rank))


def fit_regression(
    encoder: InputEncoder, pairs: PairData, near: NDArray[np.float32] | None = None
) -> InputEncoder:
    """Add the kernel regression on the training labels to an encoder of these pairs.

    Parameters
    ----------
    encoder
        `fit_inputs` of these pairs.
    pairs
        Labelled training pairs of one endpoint.
    near
        (n_landmarks, n_landmarks) kernel of the encoder's molecules by structure; made unless given.
    """
    if near is None:
        near = molecule_kernel(encoder.molecules.tables, encoder.molecules.tables)
    molecule = {smiles: place for place, smiles in enumerate(encoder.smiles)}
    protein = {target.form: place for place, target in enumerate(encoder.targets)}
    binary = bool(np.isin(pairs.label, (0.0, 1.0)).all())
    kernel = fit_kernel(
        near,
        protein_kernel(encoder.proteins, encoder.proteins),
        np.array([molecule[pairs.smiles[d]] for d in pairs.drug]),
        np.array([protein[pairs.targets[t].form] for t in pairs.target]),
        pairs.label, KernelSettings.of("classification" if binary else "regression"),
    )  # fmt: skip
    return replace(encoder, kernel=kernel)


@dataclass(frozen=True)
class EncodedPairs:
    """Pairs of one endpoint with the inputs of their molecules and proteins, in the order of its tables."""

    pairs: PairData
    molecules: MoleculeInputs
    proteins: ProteinInputs

    def select(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> EncodedPairs:
        """Pairs `rows` over the same molecules and proteins."""
        return replace(self, pairs=self.pairs.select(rows))


def encode_pairs(pairs: PairData, encoder: InputEncoder) -> EncodedPairs:
    """Encode every drug and target of a table once."""
    return EncodedPairs(pairs, encoder.encode_molecules(pairs.smiles), encoder.encode_proteins(pairs.targets))
