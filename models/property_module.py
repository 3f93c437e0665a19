"""The layers of the property network: a graph beside descriptors, a body, and an output for every label."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from models.parts.batch import MoleculeBatch
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
    hidden
        Width of the body.
    dropout, descriptor_dropout
        Of the body's hidden layers, and of the descriptors on their way in.
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
    hidden: int = 256
    dropout: float = 0.4
    descriptor_dropout: float = 0.2
    n_members: int = 4
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


class PropertyModule(nn.Module):
    """Graph and descriptors to one output per label.

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
    `MoleculeBatch`, descriptors (molecules, n_descriptors) -> (molecules, n_labels), scaled labels or logits

    Examples
    --------
    >>> import torch
    >>> from chem.graph_encode import encode_graphs
    >>> from models.parts.batch import molecule_batch
    >>> graphs = encode_graphs(["CCO", "c1ccccc1"])
    >>> network = PropertyModule(PropertyShape(), (graphs.node_cardinalities, graphs.edge_cardinalities), 5, 3)
    >>> network(molecule_batch(graphs, [0, 1]), torch.zeros(2, 5)).shape
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
        self.encoder = self.graph = None
        if shape.graph:
            self.encoder = molecule_encoder(
                shape.graph, *cardinalities, shape.dim, shape.n_layers, shape.dropout / 4
            )
            self.graph = nn.Linear(shape.dim, hidden)
        self.descriptors = nn.Sequential(Dropout(shape.descriptor_dropout), nn.Linear(n_descriptors, hidden))
        self.body = nn.Sequential(
            nn.GELU(), Dropout(shape.dropout), nn.Linear(hidden, hidden),
            nn.GELU(), Dropout(shape.dropout), nn.Linear(hidden, n_labels),
        )  # fmt: skip

    def forward(
        self, batch: MoleculeBatch, descriptors: Float[Tensor, "molecules descriptors"]
    ) -> Float[Tensor, "molecules labels"]:
        """Outputs of molecules."""
        h = self.descriptors(descriptors)
        if self.encoder is not None and self.graph is not None:
            h = h + self.graph(self.encoder(batch)[1])
        out: Tensor = self.body(h)
        return out
