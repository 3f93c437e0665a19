"""The fits that an experiment is made of, each done once, by worker processes, and kept on disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from chem.worker_pool import worker_pool
from models.affinity import KERNEL
from models.affinity_fit import FittedNetwork, LabelScaler, network_sizes, task_of
from models.affinity_inputs import (
    EncodedPairs,
    InputEncoder,
    encode_pairs,
    fit_profiles,
    fit_regression,
)
from models.affinity_network import AffinityNetwork
from models.contenders import (
    NetworkRecipe,
    Start,
    fit_and_predict,
    fit_members,
)
from models.evidence_pairs import label_matrix
from models.experiment_plan import AffinityExperiment, Part
from models.pair_model import PairFeatures
from models.pairs import PairData
from models.trees import GradientBoosting

Progress = Callable[[str, float], None]


_SHARED: dict[str, Any] = {}


def _share(
    endpoints: Sequence[PairData],
    folds: dict[str, list[NDArray[np.int64]]],
    plan: AffinityExperiment,
    parts: Path,
) -> None:
    """Give a worker what all its parts read."""
    torch.set_num_threads(1)
    threadpool_limits(1)
    _SHARED.update(endpoints=endpoints, folds=folds, plan=plan, parts=parts)
    _features.cache_clear()
    _encoder.cache_clear()


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
    with worker_pool(plan.workers, _share, (endpoints, folds, plan, parts)) as pool:
        running = [pool.submit(_fit_part, part) for part in left]
        for finished in as_completed(running):
            part = finished.result()
            n_done += 1
            if progress is not None:
                progress(f"{n_done} of {len(work)} fits done ({part})", n_done / len(work))


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
