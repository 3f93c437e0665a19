"""Fit one affinity network to the training pairs of one or more endpoints, and score pairs with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from chem.errors import InputError
from models.affinity_inputs import EncodedPairs, MoleculeInputs, ProteinInputs
from models.affinity_network import AffinityNetwork, InputSizes, NetworkShape, Task
from models.history import History, Progress
from models.kernel_ridge import limit_of
from models.loop import Epoch, LoopConfig, Step, initialise, train

BATCH_MOLECULES = 192
"""Distinct molecules of an endpoint in a step at most, with all their training pairs."""
MIN_STEPS = 16
"""Steps of an epoch at least: a small table is passed several times."""


def task_of(label: NDArray[np.float64]) -> Task:
    """``"classification"`` where every label is 0 or 1, else ``"regression"``."""
    return "classification" if np.isin(label, (0.0, 1.0)).all() else "regression"


@dataclass(frozen=True)
class LabelScaler:
    """Mean and standard deviation of an endpoint's training labels, and the smallest value that is predicted.

    Yes and no stay as they are.
    """

    mean: float
    sd: float
    limit: float = -math.inf

    @classmethod
    def of(cls, label: NDArray[np.float64], task: Task) -> LabelScaler:
        """Scaler of training labels."""
        if task == "classification":
            return cls(0.0, 1.0)
        return cls(float(label.mean()), float(label.std()) or 1.0, limit_of(label))


@dataclass(frozen=True)
class FittedNetwork:
    """A trained network with the scaling of its labels.

    Attributes
    ----------
    network
        In evaluation mode.
    endpoints
        Names, in the order of the heads.
    tasks
        What each head predicts.
    scalers
        Of the labels of each endpoint.
    """

    network: AffinityNetwork
    endpoints: tuple[str, ...]
    tasks: tuple[Task, ...]
    scalers: tuple[LabelScaler, ...]


class _Sampler:
    """Steps of one endpoint: some molecules, all proteins they have labels with, every training pair of them."""

    def __init__(self, data: EncodedPairs, scaler: LabelScaler) -> None:
        order = np.lexsort((data.pairs.target, data.pairs.drug))
        self.data, self.pairs = data, data.pairs.select(order)
        self.label = ((self.pairs.label - scaler.mean) / scaler.sd).astype(np.float32)
        self.drugs = np.unique(self.pairs.drug)
        self.first = np.searchsorted(self.pairs.drug, np.arange(len(data.pairs.smiles) + 1))
        self.size = min(len(self.drugs), BATCH_MOLECULES)

    def draw(self, n_steps: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
        """Molecules of each step; each is drawn once before any is drawn again."""
        queue = np.zeros(0, dtype=np.int64)
        for _ in range(n_steps):
            while len(queue) < self.size:
                queue = np.concatenate([queue, rng.permutation(self.drugs)])
            yield np.unique(queue[: self.size])
            queue = queue[self.size :]

    def loss(
        self, network: AffinityNetwork, endpoint: int, drugs: NDArray[np.int64], rng: np.random.Generator
    ) -> Tensor:
        """Mean loss over the training pairs of `drugs`."""
        rows = np.concatenate([np.arange(self.first[drug], self.first[drug + 1]) for drug in drugs])
        targets, protein = np.unique(self.pairs.target[rows], return_inverse=True)
        device = next(network.parameters()).device
        molecule = torch.from_numpy(np.searchsorted(drugs, self.pairs.drug[rows])).to(device)
        batch, coordinates = self.data.molecules.batch(drugs, rng)
        output = network(
            network.molecule(batch.to(device), coordinates.to(device)),
            network.protein(self.data.proteins.batch(targets).to(device)),
            molecule, torch.from_numpy(protein).to(device), endpoint,
        )  # fmt: skip
        label = torch.from_numpy(self.label[rows, None]).to(device)
        return network.heads[endpoint].loss(output.float(), label, torch.ones_like(label, dtype=torch.bool))


def network_sizes(data: EncodedPairs) -> InputSizes:
    """Widths of the inputs of encoded pairs."""
    graphs = data.molecules.graphs
    return InputSizes(
        tuple(graphs.node_cardinalities), tuple(graphs.edge_cardinalities),
        data.molecules.ranks,
        data.proteins.arrays.aligned.shape[1],
    )  # fmt: skip


def fit_network(
    endpoints: Sequence[EncodedPairs],
    shape: NetworkShape,
    config: LoopConfig,
    *,
    validation: Sequence[EncodedPairs] | None = None,
    start: FittedNetwork | None = None,
    state: Path | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> tuple[FittedNetwork, History]:
    """Train one network on the labelled pairs of all endpoints together.

    Parameters
    ----------
    endpoints
        Training pairs, one entry per endpoint; held-out pairs must not be in them.
    shape
        Parts and sizes of the network.
    config
        How to train.
    validation
        Pairs that decide when to stop, in the order of `endpoints`; none of them is trained on. Their loss is
        the mean over the endpoints of the squared error in units of the training labels' variance, or of the
        cross-entropy.
    start
        A network of the same shape and inputs whose weights to start from; heads of endpoints that it has are
        taken over by name, where they predict the same kind of label.
    state
        File that keeps the state of training after every epoch, to go on from.
    progress
        Called after every epoch.

    Returns
    -------
    FittedNetwork, History
        The averaged weights, and how they came about.

    Raises
    ------
    InputError
        `start` has another shape, or reads other inputs.
    """
    tasks = tuple(task_of(data.pairs.label) for data in endpoints)
    scalers = tuple(
        LabelScaler.of(data.pairs.label, task) for data, task in zip(endpoints, tasks, strict=True)
    )
    most = max(len(np.unique(data.pairs.drug)) for data in endpoints)
    n_steps = max(MIN_STEPS, math.ceil(most / BATCH_MOLECULES))
    samplers = [_Sampler(data, scaler) for data, scaler in zip(endpoints, scalers, strict=True)]
    sizes = network_sizes(endpoints[0])
    network = initialise(lambda: AffinityNetwork(shape, sizes, tasks), config.seed)
    names = tuple(data.pairs.name for data in endpoints)
    fitted = FittedNetwork(network, names, tasks, scalers)  # type: ignore[arg-type]
    if start is not None:
        _take_over(fitted, start)

    history = train(
        network, _epoch(samplers, n_steps), config,
        validate=None if validation is None else lambda average: _validate(fitted, average, validation),  # type: ignore[arg-type]
        state=state, progress=progress, steps_per_epoch=n_steps,
    )  # fmt: skip
    return fitted, history


def _epoch(samplers: Sequence[_Sampler], n_steps: int) -> Epoch:
    def epoch(number: int, rng: np.random.Generator) -> Iterator[Step]:
        draws = [sampler.draw(n_steps, rng) for sampler in samplers]
        for drugs in zip(*draws, strict=True):

            def step(network: nn.Module, drugs: tuple[NDArray[np.int64], ...] = drugs) -> Tensor:
                losses = [
                    sampler.loss(network, which, part, rng)  # type: ignore[arg-type]
                    for which, (sampler, part) in enumerate(zip(samplers, drugs, strict=True))
                ]
                return torch.stack(losses).mean()

            yield step

    return epoch


def _validate(fitted: FittedNetwork, average: AffinityNetwork, validation: Sequence[EncodedPairs]) -> float:
    """Mean over the endpoints of the loss on pairs held back for stopping."""
    values = []
    for which, data in enumerate(validation):
        pairs, scaler = data.pairs, fitted.scalers[which]
        output = _outputs(average, which, data.molecules, data.proteins, pairs.drug, pairs.target)
        label = torch.from_numpy((pairs.label - scaler.mean) / scaler.sd).float()[:, None]
        head = average.heads[which]
        values.append(float(head.loss(output, label, torch.ones_like(label, dtype=torch.bool))))
    return float(np.mean(values))


def _take_over(fitted: FittedNetwork, start: FittedNetwork) -> None:
    mine, other = fitted.network, start.network
    if (mine.shape, mine.sizes) != (other.shape, other.sizes):
        raise InputError(
            f"the network to start from has {other.shape} and {other.sizes}", field="start",
            expected=f"{mine.shape} and {mine.sizes}",
            hint="train with its shape, on inputs of its own encoder",
        )  # fmt: skip
    tasks = dict(zip(fitted.endpoints, fitted.tasks, strict=True))
    weights = dict(start.network.state_dict())
    own = fitted.network.state_dict()
    for name in list(weights):
        if name.startswith(("heads.", "forms.")):
            part, number, rest = name.split(".", 2)
            value = weights.pop(name)
            endpoint = start.endpoints[int(number)]
            if tasks.get(endpoint) == start.tasks[int(number)]:
                own[f"{part}.{fitted.endpoints.index(endpoint)}.{rest}"] = value
    fitted.network.load_state_dict(own | weights)


@torch.no_grad()
def _outputs(
    network: AffinityNetwork, endpoint: int, molecules: MoleculeInputs, proteins: ProteinInputs,
    drug: NDArray[np.int64], target: NDArray[np.int64], block: int = 512,
) -> Tensor:  # fmt: skip
    device = next(network.parameters()).device
    drugs, drug = np.unique(drug, return_inverse=True)
    targets, target = np.unique(target, return_inverse=True)
    if not len(drug):
        return torch.zeros(0, 1)
    vectors = _towers(network, molecules, proteins, drugs, targets, block)
    molecule, protein = torch.from_numpy(drug).to(device), torch.from_numpy(target).to(device)
    step = 64 * block
    parts = [
        network(*vectors, molecule[i : i + step], protein[i : i + step], endpoint)
        for i in range(0, len(drug), step)
    ]
    return torch.cat(parts).float().cpu()


def _towers(
    network: AffinityNetwork, molecules: MoleculeInputs, proteins: ProteinInputs,
    drugs: NDArray[np.int64], targets: NDArray[np.int64], block: int,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Vectors of molecules `drugs` and of proteins `targets`, some at a time."""
    device = next(network.parameters()).device
    left, right = [], []
    for i in range(0, len(drugs), block):
        batch, coordinates = molecules.batch(drugs[i : i + block])
        left.append(network.molecule(batch.to(device), coordinates.to(device)))
    for i in range(0, len(targets), block):
        right.append(network.protein(proteins.batch(targets[i : i + block]).to(device)))
    return torch.cat(left), torch.cat(right)


@torch.no_grad()
def encode_towers(
    fitted: FittedNetwork, molecules: MoleculeInputs, proteins: ProteinInputs
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Vectors of all molecules (n_molecules, dim) and of all proteins (n_proteins, dim), before they meet."""
    drugs, targets = np.arange(len(molecules.near)), np.arange(len(proteins.alike))
    left, right = _towers(fitted.network, molecules, proteins, drugs, targets, 512)
    return left.float().cpu().numpy(), right.float().cpu().numpy()


def score_pairs(
    fitted: FittedNetwork,
    endpoint: str,
    molecules: MoleculeInputs,
    proteins: ProteinInputs,
    drug: NDArray[np.int64],
    target: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Predictions of one network for one endpoint.

    Parameters
    ----------
    fitted
        The network.
    endpoint
        One of its endpoints.
    molecules, proteins
        Inputs of distinct molecules and proteins.
    drug, target
        (n_pairs,) indices into the two.

    Returns
    -------
    np.ndarray
        float64 (n_pairs,) in the label's unit, or the probability of yes.
    """
    which = fitted.endpoints.index(endpoint)
    output = _outputs(fitted.network, which, molecules, proteins, drug, target)
    value = fitted.network.heads[which].mean(output)[:, 0].double().numpy()
    scaler = fitted.scalers[which]
    return np.asarray(np.maximum(value * scaler.sd + scaler.mean, scaler.limit))
