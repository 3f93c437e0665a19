"""The layers of the property network: graph, counted environments and descriptors, a body, an output for every label."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor, nn

from chem.count_similarity import CountTable
from chem.graph import MolecularGraphs
from models.parts.batch import MoleculeBatch, molecule_batch
from models.parts.dropout import Dropout
from models.parts.molecule import molecule_encoder


@dataclass(frozen=True)
class PropertyShape:
    """Sizes and training of the networks, as scaffold cross-validation on ESOL and Biogen HLM chose them.

    Attributes
    ----------
    graph
        Core of the encoder of graphs (`models.parts.molecule.MOLECULE_ENCODERS`), or empty for descriptors alone.
    dim, n_layers
        Width and rounds of message passing.
    n_counts
        Columns that counted environments are folded to, a power of 2; 0 for not reading them.
    hidden
        Width of the body.
    dropout, input_dropout
        Of the body's hidden layers, and of descriptors and counts on their way in.
    n_members
        Networks of the ensemble.
    passes
        Epochs for one molecule: a label of n molecules gets `passes` / sqrt(n) of them, within `epochs`.
    epochs
        Fewest and most.
    batch
        Molecules in a step.
    learning_rate, weight_decay
        Of AdamW, the rate at its peak.
    """

    graph: str = "dmpnn"
    dim: int = 96
    n_layers: int = 3
    n_counts: int = 2048
    hidden: int = 256
    dropout: float = 0.4
    input_dropout: float = 0.2
    n_members: int = 3
    passes: float = 1250.0
    epochs: tuple[int, int] = (8, 80)
    batch: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 0.01

    def n_epochs(self, n_molecules: int) -> int:
        """Epochs for a label of so many molecules.

        Examples
        --------
        >>> [PropertyShape().n_epochs(n) for n in (100, 2_500, 100_000)]
        [80, 25, 8]
        """
        fewest, most = self.epochs
        return min(max(round(self.passes / math.sqrt(max(n_molecules, 1))), fewest), most)


@dataclass(frozen=True)
class PropertyBatch:
    """Some molecules, as the network reads them.

    Attributes
    ----------
    molecules
        Their graphs.
    descriptors
        (n, n_descriptors), scaled.
    column, start, amount
        Counted environments: column and log(1 + count) of each that occurs, those of molecule k from ``start[k]`` on.
    """

    molecules: MoleculeBatch
    descriptors: Float[Tensor, "molecules descriptors"]
    column: Int[Tensor, " values"]
    start: Int[Tensor, " molecules"]
    amount: Float[Tensor, " values"]


@dataclass(frozen=True)
class PropertyInputs:
    """Molecules of which batches are cut.

    Attributes
    ----------
    graphs
        Of n molecules.
    descriptors
        (n, n_descriptors), scaled.
    counts
        Of environments.

    Examples
    --------
    >>> from models.property_features import MoleculeFeatures
    >>> molecules = MoleculeFeatures(["CCO", "CC"])
    >>> inputs = PropertyInputs(molecules.graphs, torch.zeros(2, 5), molecules.counts())
    >>> batch = inputs.batch([1, 0])
    >>> batch.start.tolist(), len(batch.column)
    ([0, 2], 8)
    """

    graphs: MolecularGraphs
    descriptors: Float[Tensor, "molecules descriptors"]
    counts: CountTable

    def __len__(self) -> int:
        return len(self.graphs)

    def batch(self, rows: Sequence[int] | NDArray[np.int64]) -> PropertyBatch:
        """Molecules `rows`, in that order."""
        rows = np.asarray(rows)
        counts = self.counts.take(rows)
        return PropertyBatch(
            molecule_batch(self.graphs, rows),
            self.descriptors[rows],
            torch.from_numpy(counts.column.astype(np.int64)),
            torch.from_numpy(counts.start[:-1]),
            torch.from_numpy(np.log1p(counts.count.astype(np.float32))),
        )


class PropertyModule(nn.Module):
    """Graph, counted environments and descriptors to one output per label.

    Parameters
    ----------
    shape
        Sizes.
    cardinalities
        Codes per field of atoms, and of bonds.
    n_descriptors, n_labels
        Widths of the input and the output.

    Shapes
    ------
    `PropertyBatch` -> (molecules, n_labels), scaled labels or logits

    Examples
    --------
    >>> from models.property_features import MoleculeFeatures
    >>> molecules = MoleculeFeatures(["CCO", "c1ccccc1"])
    >>> graphs = molecules.graphs
    >>> network = PropertyModule(PropertyShape(), (graphs.node_cardinalities, graphs.edge_cardinalities), 5, 3)
    >>> network(PropertyInputs(graphs, torch.zeros(2, 5), molecules.counts()).batch([0, 1])).shape
    torch.Size([2, 3])
    """

    def __init__(
        self,
        shape: PropertyShape,
        cardinalities: tuple[Sequence[int], Sequence[int]],
        n_descriptors: int,
        n_labels: int,
    ) -> None:
        super().__init__()
        hidden = shape.hidden
        self.descriptors = nn.Sequential(Dropout(shape.input_dropout), nn.Linear(n_descriptors, hidden))
        self.encoder = self.graph = self.counts = None
        if shape.graph:
            self.encoder = molecule_encoder(
                shape.graph, *cardinalities, shape.dim, shape.n_layers, shape.dropout / 4
            )
            self.graph = nn.Linear(shape.dim, hidden)
        if shape.n_counts:
            self.amount = Dropout(shape.input_dropout)
            self.counts = nn.EmbeddingBag(shape.n_counts, hidden, mode="sum")
            nn.init.normal_(self.counts.weight, std=(3 * shape.n_counts) ** -0.5)  # as of a linear layer
        self.body = nn.Sequential(
            nn.GELU(), Dropout(shape.dropout), nn.Linear(hidden, hidden),
            nn.GELU(), Dropout(shape.dropout), nn.Linear(hidden, n_labels),
        )  # fmt: skip

    def forward(self, batch: PropertyBatch) -> Float[Tensor, "molecules labels"]:
        """Outputs of molecules."""
        h = self.descriptors(batch.descriptors)
        if self.encoder is not None and self.graph is not None:
            h = h + self.graph(self.encoder(batch.molecules)[1])
        if self.counts is not None:
            column = batch.column % self.counts.num_embeddings
            h = h + self.counts(column, batch.start, per_sample_weights=self.amount(batch.amount))
        out: Tensor = self.body(h)
        return out
