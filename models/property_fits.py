"""The fits that an experiment on molecular properties is made of: models without a fold of a setting, or of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chem.errors import InputError
from models.pair_model import Task
from models.property_baselines import PROPERTY_BASELINES
from models.property_features import MoleculeFeatures
from models.property_kernel import PropertyKernel
from models.property_kernel_fit import KernelOptions
from models.property_module import PropertyShape
from models.property_network import PropertyNetwork
from models.property_protocol import Labels, PropertyModel
from models.property_reference import KINDS

SETTINGS = ("scaffold", "random")
"""What is held out: whole scaffolds, or molecules."""
GIVEN = "given"
"""The setting of a table that has folds of its own."""
MODELS: dict[str, type[PropertyModel]] = {
    model.name: model for model in (PropertyKernel, PropertyNetwork, *PROPERTY_BASELINES)
}
MEANS, ALL = "means", "all"


@dataclass(frozen=True)
class PropertyExperiment:
    """What is fitted and held out.

    Attributes
    ----------
    parts
        Models that are blended, of `MODELS`.
    settings
        Of `SETTINGS`; weights, intervals and domain come from the first.
    n_folds
        Of each setting.
    baselines
        Judge every plain model too; the means are always judged.
    kernel, network
        Options of these models.
    seed
        Of everything random.
    workers
        Processes, of one thread each.
    description
        Fields of the card, such as name, command and data.
    """

    parts: tuple[str, ...] = ("kernel", "network", "boosted_trees")
    settings: tuple[str, ...] = SETTINGS
    n_folds: int = 5
    baselines: bool = True
    kernel: KernelOptions = field(default_factory=KernelOptions)
    network: PropertyShape = field(default_factory=PropertyShape)
    seed: int = 0
    workers: int = 1
    description: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, asked, known in (
            ("parts", self.parts, tuple(MODELS)),
            ("settings", self.settings, (*SETTINGS, GIVEN)),
        ):
            if not asked or not set(asked) <= set(known) or len(set(asked)) < len(asked):
                raise InputError(
                    f"{', '.join(asked) or 'nothing'} cannot be used", field=name,
                    expected=f"some of {', '.join(known)}, each once",
                )  # fmt: skip
        if self.n_folds < 2:
            raise InputError(f"{self.n_folds} folds", field="folds", expected="2 or more")

    @property
    def judged(self) -> tuple[str, ...]:
        """Models that are fitted on the folds."""
        plain = [model.name for model in PROPERTY_BASELINES] if self.baselines else [MEANS]
        return tuple(dict.fromkeys([*self.parts, *plain]))


@dataclass(frozen=True)
class Part:
    """One fit: a model without one fold of one setting, or of all molecules."""

    setting: str
    fold: int
    model: str

    def __str__(self) -> str:
        return f"{self.setting}-{self.fold}-{self.model}"


@dataclass(frozen=True)
class Shared:
    """What all fits read: molecules, labels, their tasks, the fold of each molecule by setting, and the plan."""

    molecules: MoleculeFeatures
    labels: Labels
    tasks: tuple[Task, ...]
    folds: dict[str, NDArray[np.int64]]
    plan: PropertyExperiment


def fit_part(shared: Shared, part: Part) -> dict[str, NDArray[Any]]:
    """Fit one model; return its predictions of the fold, NaN for labels without a training value, or its arrays."""
    train = (
        np.full(len(shared.labels), True) if part.setting == ALL else shared.folds[part.setting] != part.fold
    )
    labels = shared.labels[train]
    known = np.flatnonzero(~np.isnan(labels).all(axis=0))
    model = _unfitted(part.model, [shared.tasks[column] for column in known], shared.plan)
    some = ~np.isnan(labels).all(axis=1)
    model.fit(shared.molecules.select(np.flatnonzero(train)[some]), labels[some][:, known])
    if part.setting == ALL:
        return model.to_arrays()
    test = shared.molecules.select(~train)
    arrays = {"prediction": model.predict(test), "spread": model.spread(test)}
    return {
        name: _with_missing(values, known, len(shared.tasks))
        for name, values in arrays.items()
        if values is not None
    }


def _with_missing(values: Labels, known: NDArray[np.int64], n_labels: int) -> Labels:
    wide = np.full((len(values), n_labels), np.nan)
    wide[:, known] = values
    return wide


def _unfitted(name: str, tasks: Sequence[Task], plan: PropertyExperiment) -> PropertyModel:
    if name == PropertyKernel.name:
        return PropertyKernel(tasks, plan.seed, plan.kernel)
    if name == PropertyNetwork.name:
        return PropertyNetwork(tasks, plan.seed, plan.network)
    return MODELS[name](tasks, plan.seed)


def make_features(molecules: MoleculeFeatures, plan: PropertyExperiment) -> None:
    """Make the features once, before they are sent to the processes."""
    _ = molecules.bits, molecules.descriptors
    if PropertyKernel.name in plan.parts:
        for kind in KINDS:
            molecules.counts(kind)
    if PropertyNetwork.name in plan.parts:
        _ = molecules.graphs
