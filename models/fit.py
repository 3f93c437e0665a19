"""Fit one affinity network to the training pairs of one or more endpoints, and score pairs with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from chem.errors import InputError
from chem.graph import MolecularGraphs
from chem.graph_encode import encode_graphs
from chem.graph_schema import GRAPH_SCHEMA_V1
from chem.graph_version import schema_of_version
from models.encoders import AffinityNetwork
from models.pairs import PairData
from models.protein import ProteinArrays, encode_proteins
from models.train import TrainingConfig, train_network

TRAINED_SCHEMA = 1
"""The version of the graph schema that networks are trained on unless another is asked for: the one that the
figures on the shipped card were measured with."""
# A newer schema only appends fields, so these stand at the same place in all of them.
_CIP_FIELD = GRAPH_SCHEMA_V1["node_fields"].index("cip")
_STEREO_FIELD = GRAPH_SCHEMA_V1["edge_fields"].index("stereo")
_NO_LABEL = 1


@dataclass(frozen=True)
class EncodedPairs:
    """Pairs of one endpoint with the arrays of their molecules and proteins."""

    pairs: PairData
    graphs: MolecularGraphs
    proteins: ProteinArrays


def encode_pairs(
    pairs: PairData, profile: NDArray[np.floating], *, schema_version: int = TRAINED_SCHEMA
) -> EncodedPairs:
    """Encode every distinct drug and target of a table once, molecules in the codes of `schema_version`."""
    graphs = encode_graphs(pairs.smiles).project(schema_version)
    return EncodedPairs(pairs, graphs, encode_proteins(pairs.targets, profile))


def graph_tensors(
    graphs: MolecularGraphs, index: NDArray[np.int64], rng: np.random.Generator | None = None
) -> dict[str, Tensor]:
    """Tensors of molecules `index`; with `rng`, half of them lose their stereo labels.

    Registries write the same compound with and without stereo, so a network must read both.
    """
    arrays = graphs.batch_arrays(index)
    x, edge_attr = arrays["x"].astype(np.int64), arrays["edge_attr"].astype(np.int64)
    if rng is not None:
        flat = rng.random(len(index)) < 0.5
        x[flat[arrays["batch"]], _CIP_FIELD] = _NO_LABEL
        edge_attr[flat[arrays["batch"][arrays["edge_index"][0]]], _STEREO_FIELD] = _NO_LABEL
    return {
        "x": torch.from_numpy(x),
        "edge_index": torch.from_numpy(arrays["edge_index"]),
        "edge_attr": torch.from_numpy(edge_attr),
        "batch": torch.from_numpy(arrays["batch"]),
    }


def protein_tensors(proteins: ProteinArrays, index: NDArray[np.int64] | None = None) -> dict[str, Tensor]:
    """Tensors of proteins `index`, or of all."""
    part = proteins if index is None else proteins.take(index)
    return {
        "aligned": torch.from_numpy(part.aligned.astype(np.int64)),
        "window": torch.from_numpy(part.window.astype(np.int64)),
        "composition": torch.from_numpy(part.composition),
        "flags": torch.from_numpy(part.flags),
    }


class _Sampler:
    """Batches of one endpoint: some molecules, some proteins, every training pair between them."""

    def __init__(self, data: EncodedPairs, n_drugs: int, n_targets: int, rng: np.random.Generator) -> None:
        self.data, self.rng = data, rng
        self.n_drugs, self.n_targets = n_drugs, n_targets
        pairs = data.pairs
        self.mean, self.sd = float(np.mean(pairs.label)), float(np.std(pairs.label)) or 1.0
        self.drugs, self.targets = np.unique(pairs.drug), np.unique(pairs.target)
        order = np.lexsort((pairs.target, pairs.drug))
        self.pairs = pairs.select(order)
        self.first = np.searchsorted(self.pairs.drug, np.arange(len(pairs.smiles) + 1))
        self.queues: dict[str, NDArray[np.int64]] = {}

    def _next(self, name: str, pool: NDArray[np.int64], n: int) -> NDArray[np.int64]:
        """Next n members of a pool, each drawn once before any is drawn again."""
        queue = self.queues.get(name, pool[:0])
        while len(queue) < n:
            queue = np.concatenate([queue, self.rng.permutation(pool)])
        self.queues[name] = queue[n:]
        return np.unique(queue[:n])

    def draw(self) -> tuple[NDArray[np.int64], NDArray[np.int64], Tensor, Tensor, Tensor]:
        """Molecules, proteins, and (molecule, protein, scaled label) of the pairs between them."""
        drugs = self._next("drugs", self.drugs, min(self.n_drugs, len(self.drugs)))
        targets = self._next("targets", self.targets, min(self.n_targets, len(self.targets)))
        spans = [np.arange(self.first[drug], self.first[drug + 1]) for drug in drugs]
        rows = np.concatenate(spans)
        place = np.full(len(self.pairs.targets), -1)
        place[targets] = np.arange(len(targets))
        rows = rows[place[self.pairs.target[rows]] >= 0]
        label = ((self.pairs.label[rows] - self.mean) / self.sd).astype(np.float32)
        return (
            drugs, targets,
            torch.from_numpy(np.searchsorted(drugs, self.pairs.drug[rows])),
            torch.from_numpy(place[self.pairs.target[rows]]),
            torch.from_numpy(label),
        )  # fmt: skip


@dataclass(frozen=True)
class FittedNetwork:
    """A trained network with the scaling of its labels.

    Attributes
    ----------
    network
        In evaluation mode.
    endpoints
        Names, in the order of the outputs.
    mean, sd
        (n_endpoints,) of the training labels.
    schema_version
        The version of the graph schema it was trained on; molecules are translated into it.
    """

    network: AffinityNetwork
    endpoints: tuple[str, ...]
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    schema_version: int = TRAINED_SCHEMA


def new_network(
    n_columns: int, n_endpoints: int, schema_version: int = TRAINED_SCHEMA, /, **shape: float
) -> AffinityNetwork:
    """Untrained network for molecules in the codes of one version of the graph schema."""
    schema = schema_of_version(schema_version)
    return AffinityNetwork(
        schema["node_cardinalities"], schema["edge_cardinalities"], n_columns, n_endpoints,
        **shape,  # type: ignore[arg-type]
    )  # fmt: skip


def fit_network(
    endpoints: Sequence[EncodedPairs],
    config: TrainingConfig,
    *,
    n_drugs: int = 192,
    n_targets: int = 96,
    shape: dict[str, float] | None = None,
    progress: Callable[[int, float], None] | None = None,
) -> FittedNetwork:
    """Train one network on the labelled pairs of all endpoints together.

    Parameters
    ----------
    endpoints
        Training pairs, one entry per endpoint; held-out pairs must not be in them.
    config
        How to train.
    n_drugs, n_targets
        Distinct molecules and proteins encoded per endpoint and step.
    shape
        Sizes of the network (dim, n_layers, dropout).
    progress
        Called with the step and its loss.

    Returns
    -------
    FittedNetwork
        The averaged weights.
    """
    torch.manual_seed(config.seed)
    rng = np.random.default_rng(config.seed)
    samplers = [_Sampler(data, n_drugs, n_targets, rng) for data in endpoints]
    schema_version = _one_schema(endpoints)
    network = new_network(
        endpoints[0].proteins.aligned.shape[1], len(endpoints), schema_version, **(shape or {})
    )

    def loss_of_step(step: int) -> Tensor:
        total = torch.zeros(())
        for which, sampler in enumerate(samplers):
            drugs, targets, molecule, protein, label = sampler.draw()
            graphs = graph_tensors(sampler.data.graphs, drugs, rng)
            proteins = protein_tensors(sampler.data.proteins, targets)
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=config.bfloat16):
                score = network(graphs, len(drugs), proteins, molecule, protein)
            total = total + torch.nn.functional.mse_loss(score[:, which].float(), label)
        return total / len(samplers)

    train_network(network, loss_of_step, config, progress)
    return FittedNetwork(
        network,
        tuple(data.pairs.name for data in endpoints),
        np.array([sampler.mean for sampler in samplers]),
        np.array([sampler.sd for sampler in samplers]),
        schema_version,
    )


def _one_schema(endpoints: Sequence[EncodedPairs]) -> int:
    versions = sorted({data.graphs.schema_version for data in endpoints})
    if len(versions) > 1:
        raise InputError(
            f"endpoints encoded with the graph schemas {versions}",
            field="schema_version",
            expected="one schema for all",
            hint="encode them with one schema_version",
        )
    return versions[0]


@torch.no_grad()
def score_pairs(
    fitted: FittedNetwork,
    graphs: MolecularGraphs,
    proteins: ProteinArrays,
    drug: NDArray[np.int64],
    target: NDArray[np.int64],
    *,
    block: int = 512,
) -> NDArray[np.float64]:
    """Predictions of one network in the labels' unit.

    Parameters
    ----------
    fitted
        The network.
    graphs, proteins
        Distinct molecules, in the codes of the network's schema or a newer one, and proteins.
    drug, target
        (n_pairs,) indices into the two.
    block
        Molecules encoded, and hundreds of pairs scored, at a time.

    Returns
    -------
    NDArray[np.float64]
        (n_pairs, n_endpoints).

    Raises
    ------
    InputError
        The molecules are in the codes of an older schema than the network's.
    """
    network = fitted.network
    graphs = graphs.project(fitted.schema_version)
    used_drugs, drug = np.unique(drug, return_inverse=True)
    used_targets, target = np.unique(target, return_inverse=True)
    molecules = [
        network.graph(**graph_tensors(graphs, part), n_molecules=len(part))
        for part in (used_drugs[i : i + block] for i in range(0, len(used_drugs), block))
    ]
    sequences = [
        network.sequence(**protein_tensors(proteins, part))
        for part in (used_targets[i : i + block] for i in range(0, len(used_targets), block))
    ]
    if not len(drug):
        return np.zeros((0, len(fitted.endpoints)))
    left, right = torch.cat(molecules), torch.cat(sequences)
    molecule, protein = torch.from_numpy(drug), torch.from_numpy(target)
    step = 100 * block
    scores = torch.cat(
        [
            network.head(left, right, molecule[i : i + step], protein[i : i + step])
            for i in range(0, len(drug), step)
        ]
    )
    return scores.double().numpy() * fitted.sd + fitted.mean
