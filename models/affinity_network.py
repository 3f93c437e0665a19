"""The affinity network: what is known of a molecule, what is known of a protein, and a head per endpoint.

A molecule is read as a graph, by its similarity to the training molecules, or both; a protein by its residues on
the kinase profile, its composition and flags, and where asked for by a convolution over its catalytic window. Each
distinct one is encoded once, pairs are combined afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from chem.errors import InputError
from models.parts.batch import MoleculeBatch, ProteinBatch
from models.parts.heads import ClassificationHead, Head, RegressionHead
from models.parts.interaction import Bilinear
from models.parts.molecule import molecule_encoder
from models.parts.protein import AlignedView, CompositionView, ProteinEncoder
from models.protein import N_FLAGS

Task = Literal["regression", "classification"]


@dataclass(frozen=True)
class NetworkShape:
    """Sizes and parts of an affinity network.

    Attributes
    ----------
    graph
        Encoder of molecular graphs (gine, attentive_fp, gps, dmpnn), or empty for none.
    landmarks
        How molecules are compared with the training molecules: by structure, by profile (structure, and the
        affinities that the kernel regression fitted to both), or empty for not at all.
    aligned
        Width at which the residues on the kinase profile are read one by one; 0 for not.
    sequence
        Whether a convolution and attention read the catalytic window of proteins.
    dim
        Width of the vectors of molecules and proteins.
    graph_dim, n_layers
        Width and rounds of the graph encoder.
    rank
        Coordinates of the similarity to the training data.
    dropout
        In every hidden layer.

    Raises
    ------
    InputError
        Nothing of a molecule would be read.

    Examples
    --------
    >>> NetworkShape(graph="gine", landmarks="").dim
    384
    """

    graph: str = ""
    landmarks: Literal["", "structure", "profile"] = "structure"
    aligned: int = 128
    sequence: bool = False
    dim: int = 384
    graph_dim: int = 128
    n_layers: int = 3
    rank: int = 512
    dropout: float = 0.3

    def __post_init__(self) -> None:
        if not (self.graph or self.landmarks):
            raise InputError(
                "a network without graph and without landmarks reads nothing of a molecule",
                field="graph", expected="the name of an encoder of graphs, or landmarks",
            )  # fmt: skip


@dataclass(frozen=True)
class InputSizes:
    """Widths of the inputs of one training set.

    Attributes
    ----------
    node_cardinalities, edge_cardinalities
        Codes per field of the molecular graphs.
    ranks
        Coordinates by structure and by profile, `InputEncoder.ranks`.
    n_columns
        Columns of the kinase profile.
    """

    node_cardinalities: tuple[int, ...]
    edge_cardinalities: tuple[int, ...]
    ranks: tuple[int, int]
    n_columns: int


class MoleculeTower(nn.Module):
    """Molecule to vector: the sum of what the graph and the coordinates say.

    Shapes
    ------
    `MoleculeBatch`, coordinates (molecules, rank) -> (molecules, dim)
    """

    def __init__(self, shape: NetworkShape, sizes: InputSizes) -> None:
        super().__init__()
        dim = shape.dim
        self.graph: nn.Module | None = None
        self.landmarks: nn.Module | None = None
        if shape.graph:
            self.graph = molecule_encoder(
                shape.graph, sizes.node_cardinalities, sizes.edge_cardinalities,
                shape.graph_dim, shape.n_layers, shape.dropout / 3,
            )  # fmt: skip
            self.widen = nn.Sequential(
                nn.GELU(), nn.Dropout(shape.dropout / 3), nn.Linear(shape.graph_dim, dim)
            )
        first, last = sizes.ranks[0], sum(sizes.ranks)
        self.columns = slice(0, first) if shape.landmarks == "structure" else slice(first, last)
        if shape.landmarks:
            self.landmarks = nn.Sequential(
                nn.Linear(self.columns.stop - self.columns.start, 2 * dim), nn.GELU(), nn.Dropout(shape.dropout),
                nn.Linear(2 * dim, dim),
            )  # fmt: skip
        self.norm = nn.LayerNorm(dim)

    def forward(
        self, batch: MoleculeBatch, coordinates: Float[Tensor, "molecules rank"]
    ) -> Float[Tensor, "molecules dim"]:
        """Encode molecules."""
        parts = []
        if self.graph is not None:
            parts.append(self.widen(self.graph(batch)[1]))
        if self.landmarks is not None:
            parts.append(self.landmarks(coordinates[:, self.columns]))
        return self.norm(torch.stack(parts).sum(dim=0))


class ProteinTower(nn.Module):
    """Protein to vector: the sum of its views through one hidden layer.

    Shapes
    ------
    `ProteinBatch` -> (proteins, dim)
    """

    def __init__(self, shape: NetworkShape, sizes: InputSizes) -> None:
        super().__init__()
        dim = shape.dim
        self.aligned = (
            nn.Sequential(
                AlignedView(sizes.n_columns, shape.aligned, shape.dropout / 3, unknown=0.02),
                nn.Linear(shape.aligned, dim),
            )
            if shape.aligned
            else None
        )
        self.composition = CompositionView(N_FLAGS, dim)
        self.sequence = ProteinEncoder(dim, dropout=shape.dropout / 3) if shape.sequence else None
        self.merge = nn.Sequential(
            nn.LayerNorm(dim), nn.GELU(), nn.Dropout(shape.dropout), nn.Linear(dim, dim)
        )

    def forward(self, batch: ProteinBatch) -> Float[Tensor, "proteins dim"]:
        """Encode proteins."""
        h = self.composition(batch)
        if self.aligned is not None:
            h = h + self.aligned(batch)
        if self.sequence is not None:
            h = h + self.sequence(batch)[2]
        return self.merge(h)


class AffinityNetwork(nn.Module):
    """Two towers, a bilinear meeting of their vectors, and a bilinear form and a head per endpoint.

    Parameters
    ----------
    shape
        Parts and sizes.
    sizes
        Of the inputs.
    tasks
        One per endpoint, in their order.

    Shapes
    ------
    molecule vectors (molecules, dim), protein vectors (proteins, dim), molecule and protein (pairs,) -> (pairs, 1)
    """

    def __init__(self, shape: NetworkShape, sizes: InputSizes, tasks: Sequence[Task]) -> None:
        super().__init__()
        self.shape, self.sizes = shape, sizes
        self.molecule = MoleculeTower(shape, sizes)
        self.protein = ProteinTower(shape, sizes)
        self.meet = Bilinear(shape.dim, shape.dim, dim=shape.dim, rank=shape.dim // 2)
        # A plain bilinear form of the two vectors learns a table of affinities faster than the head alone.
        self.forms: Sequence[Sequence[nn.Module]] = nn.ModuleList(  # type: ignore[assignment]
            nn.ModuleList((nn.Linear(shape.dim, shape.dim), nn.Linear(shape.dim, shape.dim))) for _ in tasks
        )
        heads = {"regression": RegressionHead, "classification": ClassificationHead}
        self.heads: Sequence[Head] = nn.ModuleList(  # type: ignore[assignment]
            heads[task](shape.dim, hidden=shape.dim // 2, dropout=shape.dropout) for task in tasks
        )

    def forward(
        self,
        molecules: Float[Tensor, "molecules dim"],
        proteins: Float[Tensor, "proteins dim"],
        molecule: Int[Tensor, " pairs"],
        protein: Int[Tensor, " pairs"],
        endpoint: int,
    ) -> Float[Tensor, "pairs 1"]:
        """What the head of an endpoint says of pairs: a scaled label, or the logit of yes."""
        left, right = self.forms[endpoint]
        form = left(molecules).index_select(0, molecule) * right(proteins).index_select(0, protein)
        direct = form.sum(dim=1, keepdim=True) / math.sqrt(form.shape[1])
        return direct + self.heads[endpoint](self.meet(molecules, proteins, molecule, protein))
