"""The edge to torch_geometric: stored graphs as its `Data` and `Batch`, cut without a loop over molecules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import Batch, Data

from chem.errors import InputError
from chem.graph import MolecularGraphs

_PYG_NAMES = {"position": "pos"}
"""What torch_geometric calls an array otherwise than `chem.geometry`."""


def to_data(graphs: MolecularGraphs, index: int) -> Data:
    """One molecule as a torch_geometric `Data`.

    Parameters
    ----------
    graphs
        The graphs.
    index
        Which of them.

    Returns
    -------
    Data
        x int64 (n_atoms, n_node_fields), edge_index int64 (2, n_edges), edge_attr int64
        (n_edges, n_edge_fields); further values under their names, positions as pos.

    Raises
    ------
    IndexError
        There is no such molecule.

    Examples
    --------
    >>> from chem.graph_encode import encode_graphs
    >>> data = to_data(encode_graphs(["CCO"]), 0)
    >>> data.num_nodes, data.edge_index.tolist()
    (3, [[0, 1, 1, 2], [1, 0, 2, 1]])
    """
    tensors = _tensors(graphs, [index])
    return Data(**{name: value for name, value in tensors.items() if name not in ("batch", "ptr")})


def to_batch(graphs: MolecularGraphs, indices: Sequence[int] | NDArray[Any]) -> Batch:
    """Molecules as a torch_geometric `Batch`: what `Batch.from_data_list` makes of their `Data`.

    Parameters
    ----------
    graphs
        The graphs.
    indices
        Molecule numbers; one may repeat.

    Returns
    -------
    Batch
        x, edge_index, edge_attr and further values as in `to_data`, batch int64 (n_atoms,), ptr int64
        (n_molecules + 1,). It can be taken apart again (`to_data_list`, indexing).

    Raises
    ------
    IndexError
        An index lies outside.
    InputError
        No index at all: torch_geometric has no empty batch.

    Examples
    --------
    >>> from chem.graph_encode import encode_graphs
    >>> batch = to_batch(encode_graphs(["CCO", "CC"]), [1, 0])
    >>> batch.num_graphs, batch.ptr.tolist(), batch[1].num_nodes
    (2, [0, 2, 5], 3)
    """
    if not len(indices):
        raise InputError("a batch of no molecules", field="indices", expected="at least one")
    tensors = _tensors(graphs, indices)
    batch = Batch(_base_cls=Data, **tensors)
    # What torch_geometric needs to cut the batch up: where each part ends, and what was added to its numbers.
    atoms, nothing = tensors["ptr"], torch.zeros(len(indices), dtype=torch.int64)
    # Edges stand molecule by molecule, so those that start before an atom's molecule come first.
    edges = torch.searchsorted(tensors["edge_index"][0], atoms)
    of_edges = {"edge_index", "edge_attr", *graphs.edge_values}
    names = [name for name in tensors if name not in ("batch", "ptr")]
    batch._num_graphs = len(indices)
    batch._slice_dict = {name: edges if name in of_edges else atoms for name in names}
    batch._inc_dict = {name: atoms[:-1] if name == "edge_index" else nothing for name in names}
    return batch


def _tensors(graphs: MolecularGraphs, indices: Sequence[int] | NDArray[Any]) -> dict[str, Tensor]:
    arrays = graphs.batch_arrays(indices)
    codes = {name: arrays.pop(name).astype(np.int64) for name in ("x", "edge_attr")}
    return {
        _PYG_NAMES.get(name, name): torch.from_numpy(np.ascontiguousarray(array))
        for name, array in {**codes, **arrays}.items()
    }


class GraphLoader:
    """Batches of stored graphs, one epoch each time it is iterated.

    Parameters
    ----------
    graphs
        The graphs, in memory or as `chem.load_graphs` opens them.
    batch_size
        Molecules in a batch; the last may have fewer.
    shuffle
        Draw a new order for every epoch.
    seed
        Of that order; the same seed gives the same sequence of epochs.
    indices
        Molecules to take, such as a training fold; all unless given.

    Raises
    ------
    InputError
        A batch size below 1.

    Examples
    --------
    >>> from chem.graph_encode import encode_graphs
    >>> loader = GraphLoader(encode_graphs(["C", "CC", "CCC"]), batch_size=2)
    >>> len(loader), [batch.num_nodes for batch in loader]
    (2, [3, 3])
    """

    def __init__(
        self,
        graphs: MolecularGraphs,
        *,
        batch_size: int,
        shuffle: bool = False,
        seed: int = 0,
        indices: Sequence[int] | NDArray[Any] | None = None,
    ) -> None:
        if batch_size < 1:
            raise InputError(f"a batch size of {batch_size}", field="batch_size", expected="1 or more")
        self.graphs, self.batch_size, self.shuffle = graphs, batch_size, shuffle
        self.indices = np.arange(len(graphs)) if indices is None else np.asarray(indices, dtype=np.int64)
        self.rng = np.random.default_rng(seed)

    def __len__(self) -> int:
        return -(-len(self.indices) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        order = self.rng.permutation(self.indices) if self.shuffle else self.indices
        for start in range(0, len(order), self.batch_size):
            yield to_batch(self.graphs, order[start : start + self.batch_size])
