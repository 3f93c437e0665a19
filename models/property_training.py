"""How networks of properties see a table in which small and large sets of labels stand together.

A molecule is seen as often as it would be if the rarest of its labels were trained alone, so that a label of a thousand
molecules is not drowned by one of ten thousand; and a label weighs by one over how many labels its molecules have, so
that one of a panel of 27 does not weigh 27 times as much as one that stands alone. In a table without missing labels
every molecule is seen once in an epoch and all labels weigh the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from models.loop import Epoch, Step
from models.property_module import PropertyInputs, PropertyShape


def molecule_passes(there: NDArray[np.bool_], shape: PropertyShape) -> NDArray[np.int64]:
    """Times that each molecule is seen in training.

    Parameters
    ----------
    there
        (n, n_labels) which labels there are.
    shape
        Says how many epochs a number of molecules gets.

    Returns
    -------
    NDArray[np.int64]
        (n,) epochs of the rarest label of each molecule; 0 for a molecule without a label.

    Examples
    --------
    >>> there = np.array([[True, True]] * 100 + [[True, False]] * 2_400)
    >>> np.unique(molecule_passes(there, PropertyShape(passes=1250, epochs=(8, 80))), return_counts=True)
    (array([25, 80]), array([2400,  100]))
    """
    epochs = np.array([shape.n_epochs(int(n)) for n in there.sum(axis=0)])
    return np.asarray(np.where(there, epochs, 0).max(axis=1, initial=0))


def label_weights(there: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Weight of each label: one over the mean number of labels that its molecules have.

    Parameters
    ----------
    there
        (n, n_labels) which labels there are, one or more of each.

    Returns
    -------
    NDArray[np.float32]
        (n_labels,)

    Examples
    --------
    >>> label_weights(np.array([[True, True, False], [True, True, False], [False, False, True]])).tolist()
    [0.5, 0.5, 1.0]
    """
    of_molecule = there.sum(axis=1)
    return np.asarray(there.sum(axis=0) / (there * of_molecule[:, None]).sum(axis=0), np.float32)


@dataclass(frozen=True)
class TrainingData:
    """Training molecules and their labels, as a network reads them.

    Attributes
    ----------
    inputs
        Of n molecules.
    label
        (n, n_labels), scaled.
    there
        (n, n_labels) which labels there are.
    weight
        (n_labels,) of the labels (`label_weights`).
    classes
        (n_labels,) which are yes or no.
    passes
        (n,) times that each is seen (`molecule_passes`).
    """

    inputs: PropertyInputs
    label: Float[Tensor, "molecules labels"]
    there: Bool[Tensor, "molecules labels"]
    weight: Float[Tensor, " labels"]
    classes: Bool[Tensor, " labels"]
    passes: NDArray[np.int64]

    @property
    def n_epochs(self) -> int:
        """Epochs: the molecules that are seen most often are in each."""
        return int(self.passes.max())

    def n_steps(self, batch: int) -> int:
        """Steps of an epoch, of about `batch` molecules each."""
        return max(1, round(float(self.passes.sum()) / self.n_epochs / batch))

    def epoch(self, n_steps: int, seed: int) -> Epoch:
        """Steps of an epoch; a molecule that is seen less often is in some of the epochs, at equal distances.

        Parameters
        ----------
        n_steps
            Steps, of nearly equal size.
        seed
            Where each molecule starts.
        """
        phase = np.random.default_rng([seed, 0]).random(len(self.passes))
        rate = self.passes / self.n_epochs

        def epoch(number: int, rng: np.random.Generator) -> Iterator[Step]:
            seen = np.floor(number * rate + phase) > np.floor((number - 1) * rate + phase)
            for rows in np.array_split(rng.permutation(np.flatnonzero(seen)), n_steps):

                def step(network: nn.Module, rows: NDArray[np.int64] = rows) -> Tensor:
                    return self.loss(network, rows)

                yield step

        return epoch

    def loss(self, network: nn.Module, rows: NDArray[np.int64]) -> Float[Tensor, ""]:
        """Weighted mean over the labels there are: squared error of scaled numbers, cross-entropy of yes and no."""
        output = network(self.inputs.batch(rows))
        there = self.there[rows]
        label = self.label[rows].masked_fill(~there, 0.0)
        entropy = binary_cross_entropy_with_logits(output, label.clamp(0, 1), reduction="none")
        each = torch.where(self.classes, entropy, (output - label) ** 2)
        weight = there * self.weight
        return (each * weight).sum() / weight.sum().clamp(min=1e-6)
