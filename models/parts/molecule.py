"""The molecule encoder: fields, a core and a readout."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jaxtyping import Float, Int
from torch import Tensor, nn

from chem.errors import InputError
from models.parts.attentive_fp import AttentiveFP
from models.parts.batch import MoleculeBatch
from models.parts.core import Core
from models.parts.dmpnn import DMPNN
from models.parts.fields import FieldEmbedding
from models.parts.gine import GINE
from models.parts.gps import GPS
from models.parts.readout import AttentiveReadout, PooledReadout, Readout


class MoleculeFields(nn.Module):
    """Codes of atoms and bonds to vectors.

    Parameters
    ----------
    node_cardinalities, edge_cardinalities
        Codes per field of the graphs' schema.
    dim
        Width of both vectors.

    Shapes
    ------
    x : (n_atoms, n_node_fields)
    edge_attr : (n_edges, n_edge_fields)
    result : (n_atoms, dim), (n_kinds, dim), (n_edges,) the kind of each edge
    """

    def __init__(
        self, node_cardinalities: Sequence[int], edge_cardinalities: Sequence[int], dim: int
    ) -> None:
        super().__init__()
        self.node = FieldEmbedding(node_cardinalities, dim)
        self.edge = FieldEmbedding(edge_cardinalities, dim)

    def forward(
        self, x: Int[Tensor, "atoms node_fields"], edge_attr: Int[Tensor, "edges edge_fields"]
    ) -> tuple[Float[Tensor, "atoms dim"], Float[Tensor, "kinds dim"], Int[Tensor, " edges"]]:
        """Return vectors of the atoms and of the kinds of edges, and the kind of each edge."""
        return self.node(x), *self.edge.distinct(edge_attr)


class MoleculeEncoder(nn.Module):
    """Molecules to states of their atoms and one vector each.

    Parameters
    ----------
    fields
        Codes to vectors.
    core
        Message passing.
    readout
        States to one vector.

    Attributes
    ----------
    dim
        Width of the vectors; `core.dim` is that of the states.

    Shapes
    ------
    batch : MoleculeBatch
    result : (n_atoms, core.dim) and (n_molecules, dim)
    """

    def __init__(self, fields: MoleculeFields, core: Core, readout: Readout) -> None:
        super().__init__()
        self.fields, self.core, self.readout = fields, core, readout
        self.dim = readout.dim

    def forward(
        self, batch: MoleculeBatch
    ) -> tuple[Float[Tensor, "atoms state_dim"], Float[Tensor, "molecules dim"]]:
        """Return the states of the atoms and the vectors of the molecules."""
        x, e, kind = self.fields(batch.x, batch.edge_attr)
        states = self.core(x, batch.edge_index, e, batch.batch, batch.n_molecules, kind)
        return states, self.readout(states, batch.batch, batch.n_molecules)


def _gine(dim: int, n_layers: int, dropout: float) -> tuple[Core, Readout]:
    return GINE(dim, dim, n_layers, dropout), PooledReadout(dim, dim)


def _attentive_fp(dim: int, n_layers: int, dropout: float) -> tuple[Core, Readout]:
    return AttentiveFP(dim, dim, dim, n_layers, dropout), AttentiveReadout(dim, dim, dropout=dropout)


def _gps(dim: int, n_layers: int, dropout: float) -> tuple[Core, Readout]:
    return GPS(dim, dim, n_layers, dropout=dropout), PooledReadout(dim, dim)


def _dmpnn(dim: int, n_layers: int, dropout: float) -> tuple[Core, Readout]:
    return DMPNN(dim, dim, dim, n_layers, dropout), PooledReadout(dim, dim)


_PARTS: dict[str, Callable[[int, int, float], tuple[Core, Readout]]] = {
    "gine": _gine,
    "attentive_fp": _attentive_fp,
    "gps": _gps,
    "dmpnn": _dmpnn,
}
MOLECULE_ENCODERS = tuple(_PARTS)
"""The names that `molecule_encoder` knows."""


def molecule_encoder(
    name: str,
    node_cardinalities: Sequence[int],
    edge_cardinalities: Sequence[int],
    dim: int = 128,
    n_layers: int = 3,
    dropout: float = 0.1,
) -> MoleculeEncoder:
    """Put a molecule encoder together by the name of its core.

    Parameters
    ----------
    name
        gine, attentive_fp, gps or dmpnn.
    node_cardinalities, edge_cardinalities
        Codes per field of the graphs' schema, as `chem.graph.MolecularGraphs` gives them.
    dim
        Width of the vectors, the states and all between.
    n_layers
        Rounds of message passing, 1 or more.
    dropout
        In training.

    Returns
    -------
    MoleculeEncoder
        Untrained.

    Raises
    ------
    InputError
        There is no such core, or a size is below 1.

    Examples
    --------
    >>> from chem.graph_encode import encode_graphs
    >>> from models.parts.batch import molecule_batch
    >>> graphs = encode_graphs(["CCO", "c1ccccc1"])
    >>> encoder = molecule_encoder("gine", graphs.node_cardinalities, graphs.edge_cardinalities, dim=16)
    >>> states, vectors = encoder(molecule_batch(graphs, [0, 1]))
    >>> states.shape, vectors.shape
    (torch.Size([9, 16]), torch.Size([2, 16]))
    """
    if name not in _PARTS:
        raise InputError(f"{name!r} is no molecule encoder", field="name", expected=" or ".join(_PARTS))
    for size, value in (("dim", dim), ("n_layers", n_layers)):
        if value < 1:
            raise InputError(f"{value}", field=size, expected="1 or more")
    fields = MoleculeFields(node_cardinalities, edge_cardinalities, dim)
    core, readout = _PARTS[name](dim, n_layers, dropout)
    return MoleculeEncoder(fields, core, readout)
