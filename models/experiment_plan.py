"""What an experiment fits: its settings, and the list of fits that follow from them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chem.errors import InputError
from models.affinity import KERNEL, TREES, AffinityModel, EndpointModel
from models.affinity_fit import task_of
from models.affinity_inputs import InputEncoder, fit_inputs
from models.affinity_network import NetworkShape
from models.checkpoint import load_affinity
from models.contenders import DEFAULT_NETWORKS, NETWORKS, PLAIN, NetworkRecipe
from models.domain_measured import MEANS
from models.kernel_ridge import KernelSettings
from models.pairs import PairData
from models.start import extend_inputs


@dataclass(frozen=True)
class AffinityExperiment:
    """What a training run does.

    Attributes
    ----------
    networks
        Networks to train, by kind.
    settings
        What is held out, of random (pairs), scaffold and family; random is always among them.
    epochs
        Epochs of the networks by endpoint, as fixed by cross-validation; where an endpoint is not named, each fit
        finds its own on a tenth of its training pairs, held back for that.
    n_folds
        Folds made where the table brings none.
    baselines
        Settings in which all plain models are fitted on the same folds; in the others only the means are.
    seed
        Of everything random.
    workers
        Parts fitted at the same time, each in a process of its own on one thread; the result does not depend on
        their number.
    description
        Facts for the card: name, data, licence, command, limits.
    start
        Folder of a trained model to go on from (`models.start`): its pairs are trained on too and never held out, and
        its networks are where those of their kind start. It has seen scaffolds and families, so that pairs alone
        can be held out from it.

    Raises
    ------
    InputError
        A network has the name of a plain model, networks differ in their rank, or scaffolds or families are to be
        held out from a model that goes on from another.
    """

    networks: dict[str, NetworkRecipe] = field(
        default_factory=lambda: {kind: NETWORKS[kind] for kind in DEFAULT_NETWORKS}
    )
    settings: tuple[str, ...] = ("random", "scaffold", "family")
    epochs: dict[str, int] = field(default_factory=dict)
    n_folds: int = 5
    baselines: tuple[str, ...] = ("random", "scaffold", "family")
    seed: int = 0
    workers: int = 1
    description: dict[str, Any] = field(default_factory=dict)
    start: str = ""

    def __post_init__(self) -> None:
        taken = sorted(set(self.networks) & set(PLAIN))
        if taken:
            raise InputError(f"a network is called {taken[0]!r}, as a plain model is", field="networks")
        if len({recipe.shape.rank for recipe in self.networks.values()}) > 1:
            raise InputError(
                "networks of one experiment read the same coordinates", field="rank", expected="one rank"
            )
        if self.start and self.settings != ("random",):
            raise InputError(
                "a model to start from has seen scaffolds and families", field="settings", expected="random"
            )

    @property
    def rank(self) -> int:
        """Coordinates of a molecule, as the networks read them."""
        return next((recipe.shape.rank for recipe in self.networks.values()), NetworkShape.rank)

    def recipe(self, kind: str, endpoint: str) -> NetworkRecipe | None:
        """Recipe of a kind of network for an endpoint, None for another model."""
        recipe = self.networks.get(kind)
        if recipe is None or endpoint not in self.epochs:
            return recipe
        return replace(recipe, loop=replace(recipe.loop, stop_after=self.epochs[endpoint]))

    def start_of(self, endpoint: str) -> EndpointModel | None:
        """Trained model of an endpoint to go on from, or None.

        Raises
        ------
        InputError
            The model to start from has no such endpoint, or cannot be read.
        """
        return _trained(self.start).endpoint(endpoint) if self.start else None

    def bare_inputs(self, training: PairData) -> InputEncoder:
        """Inputs of training pairs, without a kernel regression."""
        start = self.start_of(training.name)
        return (
            fit_inputs([training], rank=self.rank) if start is None else extend_inputs(start.inputs, training)
        )

    def networks_of(self, pairs: PairData) -> dict[str, NetworkRecipe]:
        """Networks that an endpoint gets: none that reads profiles where the kernel regression fits none."""
        fits = KernelSettings.of(task_of(pairs.label)).n_rounds > 0
        return {
            k: recipe for k, recipe in self.networks.items() if fits or recipe.shape.landmarks != "profile"
        }

    @property
    def blended(self) -> tuple[str, ...]:
        """Kinds that every blend is made of."""
        return (*self.networks, KERNEL)


@lru_cache(maxsize=1)
def _trained(folder: str) -> AffinityModel:
    return load_affinity(folder)


@dataclass(frozen=True)
class Part:
    """One fit: a model, on the training rows of one fold of one setting of one endpoint."""

    endpoint: int
    setting: str
    fold: int
    model: str

    @property
    def name(self) -> str:
        """Name of its files."""
        return f"{self.endpoint}-{self.setting}-{self.fold}-{self.model}"


def parts_of(
    endpoints: Sequence[PairData], folds: dict[str, list[NDArray[np.int64]]], plan: AffinityExperiment
) -> list[Part]:
    """Every fit of an experiment, what takes longest first: no worker is left alone with it at the end."""
    blended = [(*plan.networks_of(pairs), KERNEL) for pairs in endpoints]
    work = [Part(e, "all", 0, name) for e, kinds in enumerate(blended) for name in kinds]
    for setting, each in folds.items():
        plain = [name for name in PLAIN if name != KERNEL] if setting in plan.baselines else [MEANS]
        for e, fold in enumerate(each):
            names = (*blended[e], *plain)
            work += [Part(e, setting, f, name) for f in _numbers(fold) for name in names]
    return sorted(
        work,
        key=lambda part: (
            part.model not in plan.networks,
            part.endpoint,
            part.setting,
            part.fold,
            part.model,
        ),
    )


def tree_parts(
    endpoints: Sequence[PairData],
    folds: dict[str, list[NDArray[np.int64]]],
    plan: AffinityExperiment,
    won: Collection[str],
) -> list[Part]:
    """Fits that `parts_of` has not, so that boosted trees join the blend of the endpoints that they have won."""
    settings = {setting: each for setting, each in folds.items() if setting not in plan.baselines}
    work = []
    for e, pairs in enumerate(endpoints):
        if pairs.name in won:
            work += [Part(e, "all", 0, TREES)]
            work += [Part(e, s, f, TREES) for s, each in settings.items() for f in _numbers(each[e])]
    return work


def _numbers(fold: NDArray[np.int64]) -> list[int]:
    """Folds, from 1, that leave something to train on; what is in none is always trained on."""
    return [int(f) for f in np.unique(fold) if f > 0 and (fold != f).any()]
