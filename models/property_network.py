"""An ensemble of networks from molecules to properties, many labels at once.

Messages run along the bonds of a molecule (`models.property_module`); RDKit's descriptors and the counts of circular
environments join the vector that is read out of it. All labels share that body, each has its own output; a missing label adds nothing to the loss. Networks are
trained one by one, for a number of epochs that the numbers of labels fix (`models.property_training`): no molecule is
spent on early stopping.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray

from chem.errors import InputError
from chem.graph import MolecularGraphs
from models.history import Progress
from models.loop import LoopConfig, initialise, train
from models.pair_model import Task, smoothed_rate
from models.property_attribution import hide_each_atom
from models.property_features import MoleculeFeatures
from models.property_module import PropertyInputs, PropertyModule, PropertyShape
from models.property_protocol import Labels, PropertyModel
from models.property_training import TrainingData, label_weights, molecule_passes

_BLOCK = 256
_FURTHEST = 5.0
"""Descriptors are cut off at this many standard deviations: some grow without bound with size."""


@dataclass(frozen=True)
class DescriptorScale:
    """Descriptors on the scale of training molecules: signed logarithms, standardised and cut off.

    Attributes
    ----------
    mean, sd
        (n_descriptors,) float32 of the logarithms; an sd of infinity drops a column that does not vary.
    """

    mean: NDArray[np.float32]
    sd: NDArray[np.float32]

    @classmethod
    def fit(cls, descriptors: NDArray[np.float64]) -> DescriptorScale:
        """Scale of training molecules; a column that is nowhere defined is dropped.

        Examples
        --------
        >>> scale = DescriptorScale.fit(np.array([[0.0, 5, np.nan], [4, 5, np.nan]]))
        >>> scale(np.array([[0.0, 7, 3], [4, np.nan, 1]])).round(3).tolist()
        [[-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
        """
        logs = np.ma.masked_invalid(_signed_log(descriptors))
        mean, sd = logs.mean(axis=0).filled(0.0), logs.std(axis=0).filled(0.0)
        return cls(mean.astype(np.float32), np.where(sd > 1e-6, sd, np.inf).astype(np.float32))

    def __call__(self, descriptors: NDArray[np.float64]) -> NDArray[np.float32]:
        """Scaled descriptors, float32; the mean, 0, where one is undefined."""
        scaled = (_signed_log(descriptors) - self.mean) / self.sd
        return np.nan_to_num(np.clip(scaled, -_FURTHEST, _FURTHEST)).astype(np.float32)


def _signed_log(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))


class PropertyNetwork(PropertyModel):
    """An ensemble of networks of graphs, counted environments and descriptors.

    Parameters
    ----------
    tasks, seed
        As of `PropertyModel`.
    shape
        Sizes and training.
    progress
        Called after every epoch of every member.

    Attributes
    ----------
    members
        The fitted networks, in evaluation mode.

    Examples
    --------
    >>> molecules = MoleculeFeatures(["CCO", "CCCO", "CCCCO", "c1ccccc1", "CCN", "CC"])
    >>> network = PropertyNetwork(["regression"], shape=PropertyShape(dim=8, hidden=16, n_members=2))
    >>> network.fit(molecules, np.array([[1.0], [2], [3], [6], [1], [0]]))
    >>> network.predict(molecules).shape, network.atom_contributions("CCO").shape
    ((6, 1), (3, 1))
    """

    name: ClassVar[str] = "network"

    def __init__(
        self,
        tasks: Sequence[Task],
        seed: int = 0,
        shape: PropertyShape | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        super().__init__(tasks, seed)
        self.shape, self.progress = shape or PropertyShape(), progress
        self.members: list[PropertyModule] = []

    def _fit(self, molecules: MoleculeFeatures, labels: Labels) -> None:
        self._scale_labels(labels)
        self.scale = DescriptorScale.fit(molecules.descriptors)
        self.cardinalities = _cardinalities(molecules.graphs)
        there = ~np.isnan(labels)
        data = TrainingData(
            self._inputs(molecules),
            torch.from_numpy(((labels - self.mean) / self.sd).astype(np.float32)),
            torch.from_numpy(there),
            torch.from_numpy(label_weights(there)),
            torch.from_numpy(self._classes()),
            molecule_passes(there, self.shape),
        )
        self.members = [self._trained(data, seed) for seed in range(self.shape.n_members)]

    def _scale_labels(self, labels: Labels) -> None:
        """Mean and standard deviation of each label, 0 and 1 in classification, and the rate of one-class labels."""
        classes = self._classes()
        values = [column[~np.isnan(column)] for column in labels.T]
        self.mean = np.array([0.0 if c else v.mean() for c, v in zip(classes, values, strict=True)])
        self.sd = np.array([1.0 if c else v.std() or 1.0 for c, v in zip(classes, values, strict=True)])
        self.rate = np.array(
            [
                smoothed_rate(v) if c and v.min() == v.max() else np.nan
                for c, v in zip(classes, values, strict=True)
            ]
        )

    def _classes(self) -> NDArray[np.bool_]:
        return np.array([task == "classification" for task in self.tasks])

    def _inputs(self, molecules: MoleculeFeatures) -> PropertyInputs:
        descriptors = torch.from_numpy(self.scale(molecules.descriptors))
        return PropertyInputs(molecules.graphs, descriptors, molecules.counts("morgan"))

    def _untrained(self) -> PropertyModule:
        return PropertyModule(self.shape, self.cardinalities, len(self.scale.mean), len(self.tasks))

    def _trained(self, data: TrainingData, member: int) -> PropertyModule:
        shape, seed = self.shape, 1000 * self.seed + member
        network = initialise(self._untrained, seed)
        n_steps = data.n_steps(shape.batch)
        config = LoopConfig(
            n_epochs=data.n_epochs, learning_rate=shape.learning_rate, weight_decay=shape.weight_decay,
            seed=seed, device="cpu",
        )  # fmt: skip
        train(network, data.epoch(n_steps, seed), config, progress=self.progress, steps_per_epoch=n_steps)
        return _rounded(network)  # type: ignore[arg-type]

    def predict(self, molecules: MoleculeFeatures) -> Labels:
        """(n, n_labels) mean of the members."""
        return self._known_rates(self._each(molecules).mean(axis=0))

    def spread(self, molecules: MoleculeFeatures) -> Labels:
        """(n, n_labels) standard deviation of the members."""
        return np.asarray(self._each(molecules).std(axis=0))

    def _known_rates(self, predictions: Labels) -> Labels:
        return np.where(np.isnan(self.rate), predictions, self.rate)

    def _each(self, molecules: MoleculeFeatures) -> NDArray[np.float64]:
        """(n_members, n, n_labels) predictions."""
        return self._outputs(self._inputs(molecules))

    @torch.no_grad()
    def _outputs(self, inputs: PropertyInputs) -> NDArray[np.float64]:
        blocks = []
        for start in range(0, len(inputs), _BLOCK):
            batch = inputs.batch(np.arange(start, min(start + _BLOCK, len(inputs))))
            blocks.append(torch.stack([member(batch) for member in self.members]).double())
        if not blocks:
            return np.zeros((len(self.members), 0, len(self.tasks)))
        out = torch.cat(blocks, dim=1)
        classes = torch.from_numpy(self._classes())
        return np.asarray(torch.where(classes, torch.sigmoid(out), out).numpy() * self.sd + self.mean)

    def atom_contributions(self, smiles: str) -> NDArray[np.float64]:
        """What the predictions of a molecule lose when each atom alone is hidden.

        `models.property_attribution` tells what that is.

        Parameters
        ----------
        smiles
            Standardised SMILES.

        Returns
        -------
        NDArray[np.float64]
            (n_atoms, n_labels), atoms in the order of the SMILES, the label's unit or a difference of
            probabilities.
        """
        predictions = self.predict(hide_each_atom(smiles))
        return np.asarray(predictions[0] - predictions[1:])

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Weights in float16, which they were rounded to, scales, and the shape as JSON."""
        told = json.dumps(asdict(self.shape) | {"cardinalities": self.cardinalities})
        arrays: dict[str, NDArray[Any]] = {
            "shape": np.frombuffer(told.encode(), np.uint8).copy(),
            "descriptor_mean": self.scale.mean, "descriptor_sd": self.scale.sd,
            "label_mean": self.mean, "label_sd": self.sd, "rate": self.rate,
        }  # fmt: skip
        for number, member in enumerate(self.members):
            weights = member.state_dict().items()
            arrays |= {f"member.{number}.{name}": weight.half().numpy() for name, weight in weights}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], tasks: Sequence[Task]) -> Self:
        """Read what `to_arrays` wrote."""
        try:
            told = json.loads(arrays["shape"].tobytes())
            cardinalities = told.pop("cardinalities")
            model = cls(tasks, shape=PropertyShape(**told | {"epochs": tuple(told["epochs"])}))
            model.cardinalities = (tuple(cardinalities[0]), tuple(cardinalities[1]))
            model.scale = DescriptorScale(arrays["descriptor_mean"], arrays["descriptor_sd"])
            model.mean, model.sd, model.rate = (arrays[k] for k in ("label_mean", "label_sd", "rate"))
            model.members = [model._read_member(arrays, k) for k in range(model.shape.n_members)]
        except (KeyError, ValueError, TypeError, RuntimeError) as error:
            raise InputError(
                f"these are not the arrays of a property network: {error}", field="arrays",
                expected=f"those of a network of {len(tasks)} labels",
            ) from error  # fmt: skip
        return model

    def _read_member(self, arrays: Mapping[str, NDArray[Any]], number: int) -> PropertyModule:
        network = self._untrained()
        prefix = f"member.{number}."
        weights = {k.removeprefix(prefix): a for k, a in arrays.items() if k.startswith(prefix)}
        network.load_state_dict({k: torch.from_numpy(np.array(a)).float() for k, a in weights.items()})
        return network.requires_grad_(False).eval()


def _cardinalities(graphs: MolecularGraphs) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return tuple(graphs.node_cardinalities), tuple(graphs.edge_cardinalities)


def _rounded(network: PropertyModule) -> PropertyModule:
    """Weights rounded to what float16 holds, so that a network that is read again is the same."""
    network.load_state_dict({name: weight.half().float() for name, weight in network.state_dict().items()})
    return network.requires_grad_(False).eval()
