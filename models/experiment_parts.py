"""The fits that an experiment is made of, each done once, by worker processes, and kept on disk."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from chem.errors import InputError
from models.affinity import KERNEL, TREES, AffinityModel, EndpointModel
from models.affinity_fit import FittedNetwork, LabelScaler, network_sizes, task_of
from models.affinity_inputs import (
    EncodedPairs,
    InputEncoder,
    encode_pairs,
    fit_inputs,
    fit_profiles,
    fit_regression,
)
from models.affinity_network import AffinityNetwork, NetworkShape
from models.checkpoint import load_affinity
from models.contenders import (
    DEFAULT_NETWORKS,
    NETWORKS,
    PLAIN,
    NetworkRecipe,
    Start,
    fit_and_predict,
    fit_members,
)
from models.domain_measured import MEANS
from models.evidence_pairs import label_matrix
from models.kernel_ridge import KernelSettings
from models.pair_model import PairFeatures
from models.pairs import PairData
from models.start import extend_inputs
from models.trees import GradientBoosting

Progress = Callable[[str, float], None]


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


_SHARED: dict[str, Any] = {}


def _share(
    endpoints: Sequence[PairData],
    folds: dict[str, list[NDArray[np.int64]]],
    plan: AffinityExperiment,
    parts: Path,
) -> None:
    """Give a worker what all its parts read."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    threadpool_limits(1)
    _SHARED.update(endpoints=endpoints, folds=folds, plan=plan, parts=parts)
    _features.cache_clear()
    _encoder.cache_clear()


def _end_with_parent() -> None:
    """End this worker when its parent is gone, lest it writes beside the run that goes on after a kill."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@lru_cache(maxsize=1)
def _features(endpoint: int) -> PairFeatures:
    pairs = _SHARED["endpoints"][endpoint]
    return PairFeatures(pairs.smiles, pairs.targets)


@lru_cache(maxsize=1)
def _encoder(endpoint: int, setting: str, fold: int, rank: int) -> InputEncoder:
    training, plan = _training(endpoint, setting, fold), _SHARED["plan"]
    encoder = plan.bare_inputs(training)
    return fit_regression(encoder, training) if plan.start else fit_profiles(encoder, training, rank=rank)


def _training(endpoint: int, setting: str, fold: int) -> PairData:
    pairs: PairData = _SHARED["endpoints"][endpoint]
    return pairs.select(_training_rows(endpoint, setting, fold))


def _training_rows(endpoint: int, setting: str, fold: int) -> NDArray[np.bool_]:
    folds = _SHARED["folds"]["random" if setting == "all" else setting][endpoint]
    return np.full(len(folds), True) if setting == "all" else np.asarray(folds != fold)


def _start(part: Part) -> Start | None:
    """What a network goes on from: pairs in no fold are those that it has seen."""
    plan: AffinityExperiment = _SHARED["plan"]
    model = plan.start_of(_SHARED["endpoints"][part.endpoint].name)
    if model is None or part.model not in model.networks:
        return None
    new = _SHARED["folds"]["random"][part.endpoint] > 0
    return Start(model.networks[part.model], new[_training_rows(part.endpoint, part.setting, part.fold)])


def fit_parts(
    endpoints: Sequence[PairData],
    folds: dict[str, list[NDArray[np.int64]]],
    work: list[Part],
    plan: AffinityExperiment,
    parts: Path,
    progress: Progress | None,
) -> None:
    """Fit every part that is not finished yet, `plan.workers` at a time."""
    left = [part for part in work if not _done(part, parts)]
    n_done = len(work) - len(left)
    # Spawned processes start from a clean state, so one worker and many give the same bytes.
    context = multiprocessing.get_context("spawn")
    shared = (endpoints, folds, plan, parts)
    with ProcessPoolExecutor(plan.workers, mp_context=context, initializer=_share, initargs=shared) as pool:
        running = [pool.submit(_fit_part, part) for part in left]
        try:
            for finished in as_completed(running):
                part = finished.result()
                n_done += 1
                if progress is not None:
                    progress(f"{n_done} of {len(work)} fits done ({part})", n_done / len(work))
        except BaseException:  # a Ctrl-C too must not start the parts that wait
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _done(part: Part, parts: Path) -> bool:
    return (parts / f"{part.name}.{'safetensors' if part.setting == 'all' else 'parquet'}").exists()


def _fit_part(part: Part) -> str:
    """Fit one model; write its held-out predictions, or for all pairs its weights."""
    plan: AffinityExperiment = _SHARED["plan"]
    parts: Path = _SHARED["parts"]
    training = _training(part.endpoint, part.setting, part.fold)
    recipe = plan.recipe(part.model, training.name)
    encoder = None
    if recipe is not None or (part.setting == "all" and part.model == KERNEL):
        encoder = _encoder(part.endpoint, part.setting, part.fold, plan.rank)
    if part.setting == "all":
        _fit_on_all(part, training, encoder, recipe)
        return part.name
    pairs: PairData = _SHARED["endpoints"][part.endpoint]
    test = pairs.select(_SHARED["folds"][part.setting][part.endpoint] == part.fold)
    prediction, spread = fit_and_predict(
        part.model, training, test, task=task_of(pairs.label), seed=plan.seed,
        features=None if recipe else _features(part.endpoint), encoder=encoder, recipe=recipe,
        state=_state(part) if recipe else None, start=_start(part) if recipe else None,
    )  # fmt: skip
    table = pd.DataFrame(
        {
            "setting": part.setting,
            "endpoint": pairs.name,
            "model": part.model,
            "fold": part.fold,
            "seed": plan.seed,
            "drug_id": [pairs.drug_ids[d] for d in test.drug],
            "target_id": [pairs.target_ids[t] for t in test.target],
            "label": test.label,
            "prediction": prediction,
            "spread": spread,
        }
    )
    temporary = parts / f"{part.name}.tmp-{os.getpid()}"
    table.to_parquet(temporary)
    os.replace(temporary, parts / f"{part.name}.parquet")
    shutil.rmtree(_state(part), ignore_errors=True)
    return part.name


def _state(part: Part) -> Path:
    folder = Path(_SHARED["parts"]) / f"{part.name}.state"
    folder.mkdir(exist_ok=True)
    return folder


def _fit_on_all(
    part: Part, training: PairData, encoder: InputEncoder | None, recipe: NetworkRecipe | None
) -> None:
    """Fit what will be saved, to all pairs."""
    from safetensors.torch import save_file

    plan: AffinityExperiment = _SHARED["plan"]
    tensors: dict[str, torch.Tensor] = {}
    if encoder is None:
        trees = GradientBoosting(plan.seed, task=task_of(training.label))
        trees.fit(training, _features(part.endpoint))
        tensors = {name: torch.from_numpy(array) for name, array in trees.to_arrays().items()}
    elif recipe is not None:
        members = fit_members(
            encode_pairs(training, encoder), recipe, plan.seed, state=_state(part), start=_start(part)
        )
        for number, member in enumerate(members):
            tensors |= {f"{number}.{k}": v.contiguous() for k, v in member.network.state_dict().items()}
    else:
        assert encoder.kernel is not None
        arrays = encoder.kernel.to_arrays(~np.isnan(label_matrix(training, encoder)))
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        if encoder.profile_projection is not None:
            tensors["profile_projection"] = torch.from_numpy(encoder.profile_projection)
    temporary = Path(_SHARED["parts"]) / f"{part.name}.tmp-{os.getpid()}"
    save_file(tensors, temporary)
    os.replace(temporary, Path(_SHARED["parts"]) / f"{part.name}.safetensors")
    shutil.rmtree(_state(part), ignore_errors=True)


def restore_members(
    data: EncodedPairs, recipe: NetworkRecipe, tensors: dict[str, torch.Tensor]
) -> tuple[FittedNetwork, ...]:
    """Networks of an ensemble from their weights, named ``number.parameter``."""
    pairs = data.pairs
    task = task_of(pairs.label)
    members = []
    for number in range(recipe.n_members):
        network = AffinityNetwork(recipe.shape, network_sizes(data), (task,))
        prefix = f"{number}."
        network.load_state_dict(
            {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        )
        network.eval()
        scaler = LabelScaler.of(pairs.label, task)
        members.append(FittedNetwork(network, (pairs.name,), (task,), (scaler,)))
    return tuple(members)
