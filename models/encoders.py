"""Encoders: a molecular graph to a vector, a protein sequence to a vector, and the head that meets them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch_geometric.nn import GINEConv
from torch_geometric.utils import scatter

from models.kinase import UNKNOWN
from models.protein import N_FLAGS, PADDING


class FieldEmbedding(nn.Module):
    """Sum of one embedding per categorical field.

    Parameters
    ----------
    cardinalities
        Codes of each field; code 0 is the unknown bucket.
    dim
        Size of the result.
    dropout
        Chance that a field of a row is read as unknown in training, so that the unknown bucket is trained.
    """

    def __init__(self, cardinalities: Sequence[int], dim: int, dropout: float = 0.01) -> None:
        super().__init__()
        self.starts: Tensor
        self.tables = nn.Embedding(sum(cardinalities), dim)
        self.dropout = dropout
        starts = torch.tensor([0, *cardinalities[:-1]]).cumsum(0)
        self.register_buffer("starts", starts, persistent=False)

    def forward(self, codes: Int[Tensor, "rows fields"]) -> Float[Tensor, "rows dim"]:
        """Embed each row of codes."""
        if self.training and self.dropout > 0:
            codes = codes * (torch.rand(codes.shape) >= self.dropout)
        return nn.functional.embedding_bag(codes + self.starts, self.tables.weight, mode="sum")


class GraphEncoder(nn.Module):
    """Molecule to vector: GINE layers (Hu et al. 2020) with residuals, read out as sum, mean and maximum.

    Parameters
    ----------
    node_cardinalities, edge_cardinalities
        Codes per field of `chem.graph_schema.GRAPH_SCHEMA`.
    dim
        Width.
    n_layers
        Rounds of message passing.
    dropout
        On the messages' update.
    """

    def __init__(
        self,
        node_cardinalities: Sequence[int],
        edge_cardinalities: Sequence[int],
        dim: int = 128,
        n_layers: int = 3,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.node = FieldEmbedding(node_cardinalities, dim)
        self.edges = nn.ModuleList(FieldEmbedding(edge_cardinalities, dim) for _ in range(n_layers))
        self.convolutions = nn.ModuleList(
            GINEConv(nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim)))
            for _ in range(n_layers)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(n_layers))
        self.dropout = nn.Dropout(dropout)
        self.readout = nn.Sequential(nn.LayerNorm(3 * dim), nn.Linear(3 * dim, dim))

    def forward(
        self,
        x: Int[Tensor, "atoms node_fields"],
        edge_index: Int[Tensor, "2 edges"],
        edge_attr: Int[Tensor, "edges edge_fields"],
        batch: Int[Tensor, " atoms"],
        n_molecules: int,
    ) -> Float[Tensor, "molecules dim"]:
        """Encode a batch of molecules."""
        h = self.node(x)
        for convolution, edges, norm in zip(self.convolutions, self.edges, self.norms, strict=True):
            h = h + self.dropout(convolution(norm(h), edge_index, edges(edge_attr)))
        total = scatter(h, batch, dim=0, dim_size=n_molecules, reduce="sum")
        count = scatter(torch.ones_like(batch, dtype=h.dtype), batch, dim_size=n_molecules, reduce="sum")
        peak = scatter(h, batch, dim=0, dim_size=n_molecules, reduce="max")
        mean = total / count.clamp(min=1)[:, None]
        return self.readout(torch.cat([total / 8, mean, peak], dim=1))


class SequenceEncoder(nn.Module):
    """Protein to vector: aligned residues, a convolution over the catalytic window, and the composition.

    Parameters
    ----------
    n_columns
        Columns of the kinase profile.
    dim
        Size of the result.
    dropout
        On aligned residues in training.
    """

    def __init__(self, n_columns: int, dim: int = 128, dropout: float = 0.1) -> None:
        super().__init__()
        residue_dim, width = 16, 64
        self.residue = nn.Embedding(UNKNOWN + 1, residue_dim)
        self.aligned = nn.Linear(n_columns * residue_dim, dim)
        self.token = nn.Embedding(PADDING + 1, residue_dim, padding_idx=PADDING)
        self.first = nn.Conv1d(residue_dim, width, kernel_size=9, stride=3)
        self.second = nn.Conv1d(width, dim, kernel_size=5, stride=2)
        self.composition = nn.Linear(420 + N_FLAGS, dim)
        self.dropout = nn.Dropout(dropout)
        self.merge = nn.Sequential(
            nn.LayerNorm(4 * dim), nn.Linear(4 * dim, 2 * dim), nn.ReLU(), nn.Linear(2 * dim, dim)
        )

    def forward(
        self,
        aligned: Int[Tensor, "proteins columns"],
        window: Int[Tensor, "proteins length"],
        composition: Float[Tensor, "proteins 420"],
        flags: Float[Tensor, "proteins flags"],
    ) -> Float[Tensor, "proteins dim"]:
        """Encode a batch of proteins."""
        columns = self.aligned(self.dropout(self.residue(aligned)).flatten(1))
        h = torch.relu(self.first(self.token(window).transpose(1, 2)))
        h = torch.relu(self.second(h))
        whole = self.composition(torch.cat([composition * 10, flags], dim=1))
        return self.merge(torch.cat([columns, h.amax(dim=2), h.mean(dim=2), whole], dim=1))


class PairHead(nn.Module):
    """Score of (molecule, protein) pairs: bilinear and additive terms through two hidden layers.

    Parameters
    ----------
    dim
        Size of both vectors.
    n_endpoints
        Scores per pair, one per endpoint.
    hidden
        Width of the hidden layers.
    dropout
        Before each hidden layer.
    """

    def __init__(self, dim: int, n_endpoints: int, hidden: int = 256, dropout: float = 0.1) -> None:
        super().__init__()
        self.molecule = nn.Linear(dim, hidden)
        self.protein = nn.Linear(dim, hidden)
        self.product_molecule = nn.Linear(dim, dim)
        self.product_protein = nn.Linear(dim, dim)
        self.product = nn.Linear(dim, hidden, bias=False)
        self.body = nn.Sequential(
            nn.LayerNorm(hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, hidden // 2), nn.ReLU(),
            nn.Linear(hidden // 2, n_endpoints),
        )  # fmt: skip

    def forward(
        self,
        molecules: Float[Tensor, "molecules dim"],
        proteins: Float[Tensor, "proteins dim"],
        molecule: Int[Tensor, " pairs"],
        protein: Int[Tensor, " pairs"],
    ) -> Float[Tensor, "pairs endpoints"]:
        """Score pairs given as indices into the two sets of vectors."""
        left, right = self.molecule(molecules), self.protein(proteins)
        product = self.product_molecule(molecules)[molecule] * self.product_protein(proteins)[protein]
        return self.body(left[molecule] + right[protein] + self.product(product))


class AffinityNetwork(nn.Module):
    """A graph encoder, a sequence encoder and a pair head, one output per endpoint.

    Parameters
    ----------
    node_cardinalities, edge_cardinalities
        Codes per field of the molecular graphs.
    n_columns
        Columns of the kinase profile.
    n_endpoints
        Labels predicted.
    dim, n_layers, dropout
        Width, rounds of message passing, dropout.
    """

    def __init__(
        self,
        node_cardinalities: Sequence[int],
        edge_cardinalities: Sequence[int],
        n_columns: int,
        n_endpoints: int,
        dim: int = 128,
        n_layers: int = 3,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.graph = GraphEncoder(node_cardinalities, edge_cardinalities, dim, n_layers, dropout)
        self.sequence = SequenceEncoder(n_columns, dim, dropout)
        self.head = PairHead(dim, n_endpoints, 2 * dim, dropout)

    def forward(
        self,
        graphs: dict[str, Tensor],
        n_molecules: int,
        proteins: dict[str, Tensor],
        molecule: Int[Tensor, " pairs"],
        protein: Int[Tensor, " pairs"],
    ) -> Float[Tensor, "pairs endpoints"]:
        """Score pairs; each distinct molecule and protein is encoded once."""
        return self.head(
            self.graph(**graphs, n_molecules=n_molecules), self.sequence(**proteins), molecule, protein
        )
