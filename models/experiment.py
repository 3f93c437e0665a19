"""Train an affinity model by cross-validation, beside its baselines, and write down what came out.

Every fold's network is kept: together they are the ensemble, and what each says of the pairs it never saw
calibrates the intervals. Finished folds are kept on disk, so a run that was killed goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import multiprocessing
import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from models.affinity import AffinityModel, training_domain
from models.baselines import BASELINES, pair_features
from models.calibration import Calibration, calibrate
from models.fit import EncodedPairs, FittedNetwork, encode_pairs, fit_network, new_network, score_pairs
from models.kinase import build_profile
from models.leakage import folds_leakage
from models.metrics import REGRESSION_METRICS, mean_interval
from models.pairs import PairData
from models.split_records import records_of_pairs
from models.splits import random_folds, scaffold_folds
from models.train import TrainingConfig

Progress = Callable[[str, float], None]
NETWORK = "network"


@dataclass(frozen=True)
class AffinityExperiment:
    """What a training run does.

    Attributes
    ----------
    training
        Of each network.
    shape
        Sizes of the network: dim, n_layers, dropout.
    n_folds
        Folds made where the table brings none.
    unseen_drug
        Also cross-validate with whole scaffolds held out, to calibrate predictions for new compounds.
    baselines
        Fit the plain models on the same folds.
    workers
        Folds trained at the same time, each in a process of its own on one thread; the result does not
        depend on their number.
    description
        Facts for the card: name, data, licence, command, limits.
    """

    training: TrainingConfig = field(default_factory=TrainingConfig)
    shape: dict[str, float] = field(default_factory=lambda: {"dim": 128, "n_layers": 3, "dropout": 0.0})
    n_folds: int = 5
    unseen_drug: bool = True
    baselines: bool = True
    workers: int = 1
    description: dict[str, Any] = field(default_factory=dict)


def train_affinity(
    endpoints: Sequence[PairData],
    out: str | os.PathLike[str],
    experiment: AffinityExperiment | None = None,
    progress: Progress | None = None,
) -> AffinityModel:
    """Cross-validate, calibrate and save an affinity model.

    Parameters
    ----------
    endpoints
        Labelled pairs, one table per endpoint; all are trained together in one network.
    out
        Folder for model.safetensors, card.json, folds.tsv, metrics.tsv and leakage.tsv, which tells for each
        fold what its test rows share with its training rows.
    experiment
        What to do.
    progress
        Called with what is being done and the share of it that is done.

    Returns
    -------
    AffinityModel
        As saved.
    """
    plan = experiment or AffinityExperiment()
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    profile = build_profile([target.sequence for pairs in endpoints for target in pairs.targets])
    data = [encode_pairs(pairs, profile) for pairs in endpoints]
    settings = {"seen_drug": [_given_or_random(pairs, plan) for pairs in endpoints]}
    if plan.unseen_drug:
        settings["unseen_drug"] = scaffold_folds(endpoints, plan.n_folds, plan.training.seed)
    leakage = _leakage(endpoints, settings)
    parts = folder / ".parts" / _digest(endpoints, settings, plan)
    parts.mkdir(parents=True, exist_ok=True)
    work = [
        (setting, fold)
        for setting, folds in settings.items()
        for fold in sorted({int(f) for part in folds for f in np.unique(part)})
    ]
    _run_folds(data, settings, work, plan, parts, progress)
    tables = [pd.read_parquet(parts / f"{setting}-{fold}.parquet") for setting, fold in work]
    names = [pairs.name for pairs in endpoints]
    members = [
        _load_part(parts / f"{setting}-{fold}.safetensors", len(profile), names, plan)
        for setting, fold in work
        if setting == "seen_drug"
    ]
    out_of_fold = pd.concat(tables, ignore_index=True)
    metrics = fold_metrics(out_of_fold, plan.training.seed)
    model = AffinityModel(
        tuple(members),
        profile,
        training_domain(endpoints, [part.proteins for part in data]),
        _calibrations(out_of_fold, endpoints),
        _card(endpoints, plan, metrics),
    )
    _write_table(out_of_fold, folder / "folds.tsv")
    _write_table(metrics, folder / "metrics.tsv")
    _write_table(leakage, folder / "leakage.tsv")
    model.save(folder)
    shutil.rmtree(folder / ".parts")
    return model


def _given_or_random(pairs: PairData, plan: AffinityExperiment) -> NDArray[np.int64]:
    if (pairs.fold >= 0).all():
        return pairs.fold
    return random_folds(pairs, plan.n_folds, plan.training.seed)


def _leakage(endpoints: Sequence[PairData], settings: dict[str, list[NDArray[np.int64]]]) -> pd.DataFrame:
    """Tell what the two sides of every fold share, per endpoint and setting."""
    tables = []
    for setting, folds in settings.items():
        for pairs, part in zip(endpoints, folds, strict=True):
            # Folds given by a table may begin with 0, which a leakage report takes for rows never tested.
            report = folds_leakage(records_of_pairs(pairs), part - part.min() + 1).table
            tables.append(report.assign(endpoint=pairs.name, setting=setting))
    leakage = pd.concat(tables, ignore_index=True)
    named = ["endpoint", "setting"]
    return leakage[named + [column for column in leakage.columns if column not in named]]


def _digest(
    endpoints: Sequence[PairData], settings: dict[str, list[NDArray[np.int64]]], plan: AffinityExperiment
) -> str:
    """Name of this experiment's parts: another table, fold or setting gets parts of its own."""
    digest = hashlib.sha256(repr((plan.training, plan.shape, plan.baselines)).encode())
    for pairs in endpoints:
        digest.update(repr((pairs.name, pairs.smiles, pairs.targets)).encode())
        for array in (pairs.drug, pairs.target, pairs.label):
            digest.update(np.ascontiguousarray(array).tobytes())
    for name, folds in settings.items():
        digest.update(name.encode())
        for part in folds:
            digest.update(part.tobytes())
    return digest.hexdigest()[:16]


def _run_folds(
    data: list[EncodedPairs],
    settings: dict[str, list[NDArray[np.int64]]],
    work: list[tuple[str, int]],
    plan: AffinityExperiment,
    parts: Path,
    progress: Progress | None,
) -> None:
    """Train every fold that is not finished yet, `plan.workers` at a time."""
    open_work = [item for item in work if not (parts / f"{item[0]}-{item[1]}.parquet").exists()]
    n_done = len(work) - len(open_work)
    # Spawned processes start from a clean state, so one worker and many give the same bytes.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(plan.workers, mp_context=context) as pool:
        running = [
            pool.submit(_fold, data, settings[setting], setting, fold, plan, parts)
            for setting, fold in open_work
        ]
        try:
            for finished in as_completed(running):
                finished.result()
                n_done += 1
                if progress is not None:
                    progress(f"{n_done} of {len(work)} folds trained", n_done / len(work))
        except BaseException:  # a Ctrl-C too must not start the folds that wait
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _fold(
    data: list[EncodedPairs], folds: list[NDArray[np.int64]], setting: str, fold: int,
    plan: AffinityExperiment, parts: Path,
) -> None:  # fmt: skip
    """Train one fold's network, and write it and the out-of-fold predictions of it and the baselines."""
    torch.set_num_threads(1)
    training = [
        EncodedPairs(part.pairs.select(f != fold), part.graphs, part.proteins)
        for part, f in zip(data, folds, strict=True)
    ]
    fitted = fit_network(training, plan.training, shape=plan.shape)
    _save_part(fitted, parts / f"{setting}-{fold}.safetensors")
    tables = [
        _held_out(which, part, train.pairs, fitted, f == fold, plan, setting, fold)
        for which, (part, train, f) in enumerate(zip(data, training, folds, strict=True))
    ]
    table_file = parts / f"{setting}-{fold}.parquet"
    temporary = table_file.with_suffix(f".tmp-{os.getpid()}")
    pd.concat(tables, ignore_index=True).to_parquet(temporary)
    os.replace(temporary, table_file)


def _save_part(fitted: FittedNetwork, path: Path) -> None:
    from safetensors.torch import save_file

    tensors = {**fitted.network.state_dict(), "label.mean": torch.tensor(fitted.mean)}
    tensors["label.sd"] = torch.tensor(fitted.sd)
    temporary = path.with_suffix(f".tmp-{os.getpid()}")
    save_file(tensors, temporary)
    os.replace(temporary, path)


def _load_part(path: Path, n_columns: int, names: list[str], plan: AffinityExperiment) -> FittedNetwork:
    from safetensors.torch import load_file

    tensors = load_file(path)
    mean, sd = tensors.pop("label.mean").numpy(), tensors.pop("label.sd").numpy()
    network = new_network(n_columns, len(names), **plan.shape)
    network.load_state_dict(tensors)
    network.eval()
    return FittedNetwork(network, tuple(names), mean, sd)


def _held_out(
    which: int,
    part: EncodedPairs,
    training: PairData,
    fitted: FittedNetwork,
    held_out: NDArray[np.bool_],
    plan: AffinityExperiment,
    setting: str,
    fold: int,
) -> pd.DataFrame:
    """Predictions of the held-out pairs of one endpoint, by the network and by each baseline."""
    pairs = part.pairs.select(held_out)
    predictions = {
        NETWORK: score_pairs(fitted, part.graphs, part.proteins, pairs.drug, pairs.target)[:, which]
    }
    if plan.baselines and len(pairs):
        features = pair_features(part.pairs, part.proteins)
        for make in BASELINES:
            baseline = make(plan.training.seed)
            baseline.fit(training, features)
            predictions[baseline.name] = baseline.predict(pairs, features)
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "setting": setting,
                    "endpoint": pairs.name,
                    "model": name,
                    "fold": fold,
                    "drug_id": [pairs.drug_ids[d] for d in pairs.drug],
                    "target_id": [pairs.target_ids[t] for t in pairs.target],
                    "label": pairs.label,
                    "prediction": values,
                }
            )
            for name, values in predictions.items()
        ],
        ignore_index=True,
    )


def fold_metrics(out_of_fold: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Figures per setting, endpoint, model and fold in long form.

    Parameters
    ----------
    out_of_fold
        The table of folds.tsv.
    seed
        Written beside each figure.

    Returns
    -------
    pd.DataFrame
        setting, endpoint, model, fold, seed, metric, value.
    """
    rows = [
        (*key, seed, metric, compute(part["label"], part["prediction"]))
        for key, part in out_of_fold.groupby(["setting", "endpoint", "model", "fold"], sort=True)
        for metric, compute in REGRESSION_METRICS.items()
    ]
    columns = ["setting", "endpoint", "model", "fold", "seed", "metric", "value"]
    return pd.DataFrame(rows, columns=columns)


def _calibrations(
    out_of_fold: pd.DataFrame, endpoints: Sequence[PairData]
) -> dict[str, dict[str, Calibration]]:
    mine = out_of_fold[out_of_fold["model"] == NETWORK]
    result: dict[str, dict[str, Calibration]] = {pairs.name: {} for pairs in endpoints}
    for (endpoint, setting), part in mine.groupby(["endpoint", "setting"], sort=True):
        result[str(endpoint)][str(setting)] = calibrate(part["label"], part["prediction"])
    return result


def _card(endpoints: Sequence[PairData], plan: AffinityExperiment, metrics: pd.DataFrame) -> dict[str, Any]:
    figures = [
        dict(zip(("setting", "endpoint", "model", "metric"), key, strict=True))
        | dict(zip(("mean", "lower", "upper"), (round(v, 4) for v in mean_interval(part["value"])), strict=True))
        | {"n_folds": len(part)}
        for key, part in metrics.groupby(["setting", "endpoint", "model", "metric"], sort=True)
    ]  # fmt: skip
    names = ("numpy", "rdkit", "torch", "torch-geometric")
    return {
        **plan.description,
        "shape": plan.shape,
        "training": asdict(plan.training),
        "threads": 1,
        "versions": {name: importlib.metadata.version(name) for name in names},
        "data_summary": [
            {
                "endpoint": pairs.name,
                "n_pairs": len(pairs),
                "n_drugs": len(np.unique(pairs.drug)),
                "n_targets": len(np.unique(pairs.target)),
            }
            for pairs in endpoints
        ],
        "figures": [{k: (None if v != v else v) for k, v in row.items()} for row in figures],
    }


def _write_table(table: pd.DataFrame, path: Path) -> None:
    temporary = path.with_name(f"{path.name}.tmp-{os.getpid()}")
    table.to_csv(temporary, sep="\t", index=False, float_format="%.6g")
    os.replace(temporary, path)


def read_card(directory: str | os.PathLike[str]) -> dict[str, Any]:
    """Card of a trained model."""
    return dict(json.loads((Path(directory) / "card.json").read_text(encoding="utf-8")))
