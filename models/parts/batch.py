"""What the encoders read: a batch of molecules, flat, and a batch of proteins, rectangular."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from chem.graph import MolecularGraphs


@dataclass(frozen=True)
class MoleculeBatch:
    """Molecules as one disconnected graph, atoms numbered through.

    Attributes
    ----------
    x
        Int (n_atoms, n_node_fields), codes of `chem.graph_schema`.
    edge_index
        Int (2, n_edges): source and destination of each edge; every bond stands twice.
    edge_attr
        Int (n_edges, n_edge_fields).
    batch
        Int (n_atoms,): the molecule of each atom.
    n_molecules
        How many; a molecule may have no atom.

    Examples
    --------
    >>> from chem.graph_encode import encode_graphs
    >>> batch = molecule_batch(encode_graphs(["CCO", "CC"]), [1, 0])
    >>> batch.n_molecules, batch.batch.tolist()
    (2, [0, 0, 1, 1, 1])
    """

    x: Int[Tensor, "atoms node_fields"]
    edge_index: Int[Tensor, "2 edges"]
    edge_attr: Int[Tensor, "edges edge_fields"]
    batch: Int[Tensor, " atoms"]
    n_molecules: int

    def to(self, device: torch.device | str) -> MoleculeBatch:
        """Put the batch on a device."""
        return _moved(self, device)


@dataclass(frozen=True)
class ProteinBatch:
    """Proteins as rectangular arrays.

    Attributes
    ----------
    tokens
        Int (n_proteins, length) residues in the order of `models.kinase.AMINO_ACIDS`: codes 0-19, 21 unknown,
        22 padding behind the end.
    aligned
        Int (n_proteins, n_columns) residues on the columns of the kinase profile, 20 where nothing aligns.
    composition
        Float (n_proteins, 420) fractions of residues and of residue pairs over the whole chain.
    flags
        Float (n_proteins, n_flags), what else is known of the protein as yes (1) or no (0).
    embedding
        Float (n_proteins, d) of a protein language model, or None.
    """

    tokens: Int[Tensor, "proteins length"]
    aligned: Int[Tensor, "proteins columns"]
    composition: Float[Tensor, "proteins 420"]
    flags: Float[Tensor, "proteins n_flags"]
    embedding: Float[Tensor, "proteins d"] | None = None

    def to(self, device: torch.device | str) -> ProteinBatch:
        """Put the batch on a device."""
        return _moved(self, device)


_Batch = TypeVar("_Batch", MoleculeBatch, ProteinBatch)


def _moved(batch: _Batch, device: torch.device | str) -> _Batch:
    tensors: dict[str, Any] = {
        field.name: value.to(device, non_blocking=True)
        for field in fields(batch)
        if isinstance(value := getattr(batch, field.name), Tensor)
    }
    return replace(batch, **tensors)


def molecule_batch(graphs: MolecularGraphs, index: Sequence[int] | NDArray[np.int64]) -> MoleculeBatch:
    """Cut molecules out of stored graphs, without a loop over them.

    Parameters
    ----------
    graphs
        The graphs, in memory or as `chem.load_graphs` opens them.
    index
        (n_molecules,) molecule numbers, in the order wanted; one may repeat.

    Returns
    -------
    MoleculeBatch
        On the CPU.

    Raises
    ------
    IndexError
        An index lies outside.

    Examples
    --------
    >>> from chem.graph_encode import encode_graphs
    >>> molecule_batch(encode_graphs(["CC", "CO"]), [0, 1]).edge_index.tolist()
    [[0, 1, 2, 3], [1, 0, 3, 2]]
    """
    arrays = graphs.batch_arrays(index)
    x, edge_index, edge_attr, batch = (
        torch.from_numpy(np.ascontiguousarray(arrays[name]).astype(np.int64, copy=False))
        for name in ("x", "edge_index", "edge_attr", "batch")
    )
    return MoleculeBatch(x, edge_index, edge_attr, batch, len(arrays["ptr"]) - 1)
