"""Every model that can be fitted to pairs, by name, behind one call: plain models, kernels and networks.

A contender is fitted to labelled training pairs of one endpoint and predicts others. Networks come as ensembles:
their prediction is the mean over the members, their spread the standard deviation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chem.errors import InputError
from models.affinity_fit import FittedNetwork, fit_network, score_pairs
from models.affinity_inputs import EncodedPairs, InputEncoder, encode_pairs, fit_inputs, fit_profiles
from models.affinity_network import NetworkShape
from models.baselines import BASELINES, PairModel
from models.history import Progress
from models.kernel_ridge import PairwiseKernelRidge
from models.loop import LoopConfig
from models.pair_model import PairFeatures, Task
from models.pairs import PairData
from models.splits import random_folds


@dataclass(frozen=True)
class NetworkRecipe:
    """A kind of network and how it is trained.

    Attributes
    ----------
    shape
        Parts and sizes.
    loop
        Training; its seed is that of the first member.
    n_members
        Networks of the ensemble, of seeds that follow each other.
    """

    shape: NetworkShape
    loop: LoopConfig
    n_members: int = 1


@dataclass(frozen=True)
class Start:
    """What networks go on from.

    Attributes
    ----------
    members
        Trained networks of one kind, which read the inputs of the new ones.
    new
        (n_pairs,) training pairs that they have not seen, of which some may be held back to find the epochs.
    """

    members: tuple[FittedNetwork, ...]
    new: NDArray[np.bool_]

    def member(self, number: int) -> FittedNetwork:
        """Where the network of this number starts."""
        return self.members[number % len(self.members)]


LANDMARK_NETWORK = NetworkRecipe(
    NetworkShape(),
    LoopConfig(n_epochs=64, learning_rate=2e-3, weight_decay=0.05, ema=0.995, device="cpu"),
)
"""Molecules by their similarity to the training molecules."""
PROFILE_NETWORK = NetworkRecipe(
    NetworkShape(landmarks="profile"),
    LoopConfig(n_epochs=64, learning_rate=2e-3, weight_decay=0.05, ema=0.995, device="cpu"),
)
"""Molecules by their similarity to the training molecules in structure and fitted affinities."""
GRAPH_NETWORK = NetworkRecipe(
    NetworkShape(graph="gine", landmarks="", dim=192, aligned=64, dropout=0.2),
    LoopConfig(n_epochs=160, learning_rate=3e-3, weight_decay=0.05, ema=0.995, device="cpu"),
)
"""Molecules by their graphs alone."""
NETWORKS: dict[str, NetworkRecipe] = {
    "landmark_network": LANDMARK_NETWORK,
    "profile_network": PROFILE_NETWORK,
    "graph_network": GRAPH_NETWORK,
}
_PLAIN_MODELS: tuple[type[PairModel], ...] = (*BASELINES, PairwiseKernelRidge)
DEFAULT_NETWORKS = ("landmark_network", "profile_network")
"""Kinds that a blend has unless told otherwise."""
PLAIN = {model.name: model for model in _PLAIN_MODELS}
CONTENDERS = (*PLAIN, *NETWORKS)
"""Names of all that `fit_and_predict` knows."""


def fit_encoder(training: PairData, recipe: NetworkRecipe) -> InputEncoder:
    """Fit what a network of this recipe reads to its training pairs."""
    encoder = fit_inputs([training], rank=recipe.shape.rank)
    if recipe.shape.landmarks != "profile":
        return encoder
    return fit_profiles(encoder, training, rank=recipe.shape.rank)


def choose_epochs(
    training: EncodedPairs, recipe: NetworkRecipe, seed: int, start: Start | None = None
) -> int:
    """Epochs after which a tenth of the training pairs, held back for that, is predicted best.

    Parameters
    ----------
    training
        Training pairs; nothing else is looked at.
    recipe, seed
        Of the network that is trained on the other nine tenths.
    start
        What it goes on from; only what that has not seen is held back.
    """
    inner = random_folds(training.pairs, 10, seed) == 1
    if start is not None:
        inner &= start.new
    if not inner.any() or inner.all():
        return recipe.loop.n_epochs
    config = replace(recipe.loop, seed=seed * 100, validate_every=2, patience=16)
    _, history = fit_network(
        [training.select(~inner)], recipe.shape, config, validation=[training.select(inner)],
        start=None if start is None else start.member(0),
    )  # fmt: skip
    return history.best_epoch or recipe.loop.n_epochs


def fit_members(
    training: EncodedPairs,
    recipe: NetworkRecipe,
    seed: int,
    *,
    state: Path | None = None,
    progress: Callable[[Progress], None] | None = None,
    start: Start | None = None,
) -> tuple[FittedNetwork, ...]:
    """Train the networks of an ensemble, one after the other, for the epochs of the recipe or of `choose_epochs`.

    Parameters
    ----------
    training
        Training pairs.
    recipe
        Of the networks.
    seed
        Of the first; the others follow.
    state
        Folder for the state of training, to go on from after a kill.
    progress
        Called after every epoch of each.
    start
        What they go on from.
    """
    members = []
    epochs = recipe.loop.stop_after or choose_epochs(training, recipe, seed, start)
    for number in range(recipe.n_members):
        config = replace(recipe.loop, seed=seed * 100 + number, stop_after=epochs)
        file = None if state is None else state / f"member-{config.seed}.safetensors"
        first = None if start is None else start.member(number)
        fitted, _ = fit_network([training], recipe.shape, config, start=first, state=file, progress=progress)
        members.append(fitted)
    return tuple(members)


def score_members(members: tuple[FittedNetwork, ...], data: EncodedPairs) -> NDArray[np.float64]:
    """(n_members, n_pairs) predictions of the pairs of `data`."""
    pairs = data.pairs
    return np.stack(
        [
            score_pairs(m, m.endpoints[0], data.molecules, data.proteins, pairs.drug, pairs.target)
            for m in members
        ]
    )


def fit_and_predict(
    name: str,
    training: PairData,
    test: PairData,
    *,
    task: Task = "regression",
    seed: int = 0,
    features: PairFeatures | None = None,
    encoder: InputEncoder | None = None,
    recipe: NetworkRecipe | None = None,
    n_threads: int = 1,
    state: Path | None = None,
    start: Start | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit a contender to training pairs and predict test pairs over the same tables.

    Parameters
    ----------
    name
        One of `CONTENDERS`, or any name where a recipe is given.
    training, test
        Labelled pairs, and pairs whose labels are not looked at.
    task, seed
        Of the model.
    features
        Of the tables, so that several contenders share them; made unless given.
    encoder
        `fit_inputs` of the training pairs, likewise.
    recipe
        Of a network; that of its name unless given. A plain model has none.
    n_threads
        Of plain models.
    state
        Folder for the state of a network's training.
    start
        What a network goes on from.

    Returns
    -------
    prediction, spread
        float64 (n_test,) each; the spread is NaN where there is one member.

    Raises
    ------
    InputError
        There is no such contender.
    """
    if name not in CONTENDERS and recipe is None:
        raise InputError(f"no model is called {name!r}", expected=f"one of {', '.join(CONTENDERS)}")
    if name in PLAIN:
        known = features or PairFeatures(training.smiles, training.targets)
        model = PLAIN[name](seed, task=task, n_threads=n_threads)
        model.fit(training, known)
        return model.predict(test, known), np.full(len(test), np.nan)
    wanted = recipe or NETWORKS[name]
    data = encode_pairs(training, encoder or fit_encoder(training, wanted))
    members = fit_members(data, wanted, seed, state=state, start=start)
    scores = score_members(members, replace(data, pairs=test))
    spread = scores.std(axis=0, ddof=1) if len(members) > 1 else np.full(len(test), np.nan)
    return scores.mean(axis=0), spread
