"""Train an affinity model: judge every model by cross-validation, blend, calibrate, refit on all pairs.

Pairs, scaffolds and families of proteins are held out in turn. Networks, kernels and plain models predict the same
held-out pairs; the blend's weights, the intervals and the thresholds of the domain come from these predictions
alone. What is saved was then fitted to all pairs with the very settings that were judged. Finished parts are kept
on disk, so a run that was killed goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import shutil
from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from chem.errors import InputError
from models.affinity import KERNEL, TREES, AffinityModel, EndpointModel, training_domain
from models.affinity_fit import FittedNetwork, task_of
from models.affinity_inputs import InputEncoder, encode_pairs
from models.baselines import blend_folds
from models.blend import BlendReport, blend_report
from models.checkpoint import CARD, load_affinity, save_affinity
from models.coverage import coverage_summary, coverage_table
from models.domain_measured import GROUPS, measured_thresholds, nearness
from models.evidence_pairs import label_matrix
from models.experiment_parts import Progress, fit_parts, restore_members
from models.experiment_plan import AffinityExperiment, Part, parts_of, tree_parts
from models.families import family_folds
from models.intervals import Intervals
from models.kernel_fit import KernelFit
from models.landmarks import protein_kernel
from models.latent import LatentSpace
from models.leakage import folds_leakage
from models.metrics import CLASSIFICATION_METRICS, REGRESSION_METRICS, mean_interval
from models.pairs import PairData
from models.split_records import records_of_pairs
from models.splits import random_folds, scaffold_folds
from models.start import counts, join_pairs, start_alone, start_facts
from models.trees import GradientBoosting


def train_affinity(
    endpoints: Sequence[PairData],
    out: str | os.PathLike[str],
    experiment: AffinityExperiment | None = None,
    progress: Progress | None = None,
) -> AffinityModel:
    """Cross-validate, blend, calibrate, refit and save an affinity model.

    Parameters
    ----------
    endpoints
        Labelled pairs, one table per endpoint.
    out
        Folder for model.safetensors, card.json, folds.tsv (out-of-fold predictions), metrics.tsv, coverage.tsv
        and leakage.tsv, which tells for each fold what its test rows share with its training rows.
    experiment
        What to do.
    progress
        Called with what is being done and the share of it that is done.

    Returns
    -------
    AffinityModel
        As saved: read back from `out`.

    Raises
    ------
    InputError
        A structure cannot be read, or the pairs make only one fold.
    """
    plan = experiment or AffinityExperiment()
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    endpoints, folds, plan = _joined(endpoints, plan)
    parts = folder / ".parts" / _digest(endpoints, folds, plan)
    parts.mkdir(parents=True, exist_ok=True)
    work = parts_of(endpoints, folds, plan)
    fit_parts(endpoints, folds, work, plan, parts, progress)
    won = _won_by_trees(_held_out(work, parts), plan, endpoints)
    if won:
        work += tree_parts(endpoints, folds, plan, won)
        fit_parts(endpoints, folds, work, plan, parts, progress)
    out_of_fold = _held_out(work, parts)
    blended, reports = _blend(out_of_fold, plan, won)
    if plan.start:
        out_of_fold = pd.concat(
            [out_of_fold, start_alone(plan.start, endpoints, folds["random"], plan.seed)], ignore_index=True
        )
    out_of_fold = pd.concat([out_of_fold, blended], ignore_index=True)
    metrics = fold_metrics(out_of_fold, plan.seed)
    coverage = _coverage(endpoints, blended)
    models = tuple(
        _endpoint_model(number, pairs, plan, parts, blended, out_of_fold, reports[pairs.name])
        for number, pairs in enumerate(endpoints)
    )
    card = _card(endpoints, plan, metrics, coverage, reports)
    _write_table(out_of_fold, folder / "folds.tsv")
    _write_table(metrics, folder / "metrics.tsv")
    _write_table(coverage, folder / "coverage.tsv")
    _write_table(_leakage(endpoints, folds), folder / "leakage.tsv")
    save_affinity(AffinityModel(models, card), folder)
    shutil.rmtree(folder / ".parts")
    return load_affinity(folder)


def _joined(
    endpoints: Sequence[PairData], plan: AffinityExperiment
) -> tuple[Sequence[PairData], dict[str, list[NDArray[np.int64]]], AffinityExperiment]:
    """Pairs to train on and the fold of each; those of a model to start from come first and are in fold -1.

    The card's notes of the plan say what was joined.
    """
    if not plan.start:
        return endpoints, _folds(endpoints, plan), plan
    joined = []
    for pairs in endpoints:
        start = plan.start_of(pairs.name)
        assert start is not None
        joined.append(join_pairs(start, pairs))
        if not joined[-1].new.any():
            raise InputError(
                f"all {len(pairs)} pairs are among those that the model to start from was trained on", field=pairs.name,
                expected="pairs that are new to it, to judge by", hint="leave --start out, or add pairs",
            )  # fmt: skip
    new = _folds([each.pairs.select(each.new) for each in joined], plan)["random"]
    folds = [np.full(len(each.pairs), -1) for each in joined]
    for each, fold, own in zip(joined, folds, new, strict=True):
        fold[each.new] = own
    said = [f"{each.pairs.name}: {each.said}" for each in joined]
    told = {**plan.description, "notes": [*plan.description.get("notes", []), *said]}
    return [each.pairs for each in joined], {"random": folds}, replace(plan, description=told)


def _folds(endpoints: Sequence[PairData], plan: AffinityExperiment) -> dict[str, list[NDArray[np.int64]]]:
    """Fold of every pair, by setting and endpoint."""
    given = [
        pairs.fold - pairs.fold.min() + 1
        if (pairs.fold >= 0).all()
        else random_folds(pairs, plan.n_folds, plan.seed)
        for pairs in endpoints
    ]
    made = {"random": given}
    if "scaffold" in plan.settings:
        made["scaffold"] = scaffold_folds(endpoints, plan.n_folds, plan.seed)
    if "family" in plan.settings:
        made["family"] = family_folds(endpoints, plan.n_folds, plan.seed)
    return made


def _digest(
    endpoints: Sequence[PairData], folds: dict[str, list[NDArray[np.int64]]], plan: AffinityExperiment
) -> str:
    """Name of this experiment's parts: another table, fold or setting gets parts of its own."""
    digest = hashlib.sha256(repr((plan.networks, plan.epochs, plan.seed)).encode())
    if plan.start:
        digest.update((Path(plan.start) / CARD).read_bytes())
    for pairs in endpoints:
        named = (pairs.name, pairs.drug_ids, pairs.smiles, pairs.target_ids, pairs.targets)
        digest.update(repr(named).encode())
        for array in (pairs.drug, pairs.target, pairs.label):
            digest.update(np.ascontiguousarray(array).tobytes())
    for name, each in folds.items():
        digest.update(name.encode())
        for fold in each:
            digest.update(fold.tobytes())
    return digest.hexdigest()[:16]


def _held_out(work: Sequence[Part], parts: Path) -> pd.DataFrame:
    """Predictions of held-out pairs by the fits that are done."""
    tables = [pd.read_parquet(parts / f"{part.name}.parquet") for part in work if part.setting != "all"]
    return pd.concat(tables, ignore_index=True)


def _won_by_trees(
    out_of_fold: pd.DataFrame, plan: AffinityExperiment, endpoints: Sequence[PairData]
) -> frozenset[str]:
    """Endpoints whose held-out pairs boosted trees predict better than each part of the blend, or once did."""
    starts = [plan.start_of(pairs.name) for pairs in endpoints]
    before = {start.name for start in starts if start is not None and start.trees is not None}
    judged = out_of_fold[
        (out_of_fold["setting"] == "random") & out_of_fold["model"].isin([*plan.blended, TREES])
    ]
    errors = judged.assign(error=(judged["label"] - judged["prediction"]) ** 2).pivot_table(
        "error", "endpoint", "model"
    )
    return frozenset({*before, *map(str, errors.index[errors.idxmin(axis=1) == TREES])})


Reports = dict[str, dict[str, BlendReport]]
"""By endpoint and setting."""


def _blend(
    out_of_fold: pd.DataFrame, plan: AffinityExperiment, won: Collection[str]
) -> tuple[pd.DataFrame, Reports]:
    """Rows of the blend, the weights of a fold found on the others of its setting; and the weights of all folds.

    New scaffolds and families have weights of their own: what predicts pairs best may not be what reaches furthest.
    """
    trees = (out_of_fold["model"] == TREES) & out_of_fold["endpoint"].isin(won)
    mine = out_of_fold[out_of_fold["model"].isin(plan.blended) | trees]
    rows, _ = blend_folds(mine)
    reports: Reports = {}
    for (endpoint, setting), table in mine.groupby(["endpoint", "setting"], sort=False):
        wide = {str(name): part for name, part in table.groupby("model", sort=True)}
        label = next(iter(wide.values()))["label"].to_numpy(float)
        report = blend_report({n: part["prediction"].to_numpy(float) for n, part in wide.items()}, label)
        reports.setdefault(str(endpoint), {})[str(setting)] = report
    return rows.assign(spread=np.nan), reports


def _coverage(endpoints: Sequence[PairData], blended: pd.DataFrame) -> pd.DataFrame:
    """Measured coverage of 90% intervals, those of each fold calibrated on the others."""
    tables = []
    for pairs in endpoints:
        mine = blended[blended["endpoint"] == pairs.name].drop(columns="spread")
        bins = [nearness(pairs, rows) for _, rows in mine.groupby("setting", sort=False)]
        tables.append(coverage_table(mine.join(pd.concat(bins)), GROUPS))
    return pd.concat(tables, ignore_index=True)


def _endpoint_model(
    number: int,
    pairs: PairData,
    plan: AffinityExperiment,
    parts: Path,
    blended: pd.DataFrame,
    out_of_fold: pd.DataFrame,
    reports: dict[str, BlendReport],
) -> EndpointModel:
    """Put together what was fitted to all pairs and what was measured on held-out ones."""
    from safetensors.torch import load_file

    kept = load_file(parts / f"{Part(number, 'all', 0, KERNEL).name}.safetensors")
    arrays = {name: tensor.numpy() for name, tensor in kept.items()}
    with threadpool_limits(1):  # as the networks were fitted, so that the coordinates are theirs to the bit
        inputs = plan.bare_inputs(pairs)
    kernel = KernelFit.from_arrays(
        arrays, protein_kernel(inputs.proteins, inputs.proteins), len(inputs.smiles)
    )
    inputs = replace(inputs, kernel=kernel, profile_projection=arrays.get("profile_projection"))
    start = plan.start_of(pairs.name)
    data = encode_pairs(pairs.select(np.arange(len(pairs)) < 1), inputs)
    networks: dict[str, tuple[FittedNetwork, ...]] = {}
    for kind, recipe in plan.networks_of(pairs).items():
        tensors = load_file(parts / f"{Part(number, 'all', 0, kind).name}.safetensors")
        networks[kind] = restore_members(replace(data, pairs=pairs), recipe, tensors)
    mine = blended[blended["endpoint"] == pairs.name]
    intervals = {
        str(setting): Intervals.fit(part["label"], part["prediction"])
        for setting, part in mine.groupby("setting", sort=False)
    }
    weights = {setting: report.weights for setting, report in reports.items()}
    thresholds = measured_thresholds(pairs, out_of_fold[out_of_fold["endpoint"] == pairs.name])
    if start is not None:  # what was measured there and cannot be measured here
        weights, intervals = start.weights | weights, start.intervals | intervals
        thresholds = {k: v for k, v in start.domain.thresholds.items() if k != "density"}
    latent = _latent(networks, inputs, pairs) if networks else None
    trees = None
    if TREES in weights["random"]:
        kept = load_file(parts / f"{Part(number, 'all', 0, TREES).name}.safetensors")
        arrays = {name: tensor.numpy() for name, tensor in kept.items()}
        trees = GradientBoosting.from_arrays(arrays, task=task_of(pairs.label))
    return EndpointModel(
        pairs.name, task_of(pairs.label), inputs, networks, weights, intervals,
        training_domain(inputs, thresholds, latent=latent), label_matrix(pairs, inputs), latent, trees,
    )  # fmt: skip


def _latent(
    networks: dict[str, tuple[FittedNetwork, ...]], inputs: InputEncoder, pairs: PairData
) -> LatentSpace:
    """Latent space of the first network, with the density of all training pairs."""
    data = encode_pairs(pairs, inputs)
    first = next(iter(networks.values()))[0]
    with threadpool_limits(1):
        return LatentSpace.fit(first, data.molecules, data.proteins, pairs.drug, pairs.target)


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
    metrics = {
        str(endpoint): CLASSIFICATION_METRICS
        if task_of(part["label"].to_numpy(float)) == "classification"
        else REGRESSION_METRICS
        for endpoint, part in out_of_fold.groupby("endpoint")
    }
    rows = []
    for key, part in out_of_fold.groupby(["setting", "endpoint", "model", "fold"], sort=True):
        label, prediction = part["label"].to_numpy(float), part["prediction"].to_numpy(float)
        for metric, compute in metrics[str(key[1])].items():
            rows.append((*key, seed, metric, compute(label, prediction)))
    columns = ["setting", "endpoint", "model", "fold", "seed", "metric", "value"]
    return pd.DataFrame(rows, columns=columns)


def _leakage(endpoints: Sequence[PairData], settings: dict[str, list[NDArray[np.int64]]]) -> pd.DataFrame:
    """Tell what the two sides of every fold share, per endpoint and setting."""
    records = [records_of_pairs(pairs) for pairs in endpoints]
    tables = []
    for setting, folds in settings.items():
        for pairs, known, part in zip(endpoints, records, folds, strict=True):
            always = part < 1  # trained on in every fold
            report = folds_leakage(known, np.where(always, part.max() + 1, part)).table
            report = report.iloc[: len(report) - always.any()]
            tables.append(report.assign(endpoint=pairs.name, setting=setting))
    leakage = pd.concat(tables, ignore_index=True)
    named = ["endpoint", "setting"]
    return leakage[named + [column for column in leakage.columns if column not in named]]


def _card(
    endpoints: Sequence[PairData],
    plan: AffinityExperiment,
    metrics: pd.DataFrame,
    coverage: pd.DataFrame,
    reports: Reports,
) -> dict[str, Any]:
    keys = ["setting", "endpoint", "model", "metric"]
    figures = []
    for key, part in metrics.groupby(keys, sort=True):
        values = part["value"].dropna()  # a fold of one class has no AUROC; the others have
        mean = mean_interval(values) if len(values) else (np.nan,) * 3
        told = dict(zip(("mean", "lower", "upper"), (float(f"{v:.4g}") for v in mean), strict=True))
        figures.append(dict(zip(keys, key, strict=True)) | told | {"n_folds": len(values)})
    names = ("numpy", "rdkit", "torch", "torch-geometric")
    return {
        **plan.description,
        "training": {name: asdict(recipe) for name, recipe in plan.networks.items()},
        "epochs": plan.epochs,
        **({"started_from": start_facts(plan.start)} if plan.start else {}),
        "seed": plan.seed,
        "threads": 1,
        "versions": {name: importlib.metadata.version(name) for name in names},
        "data_summary": [
            {
                "endpoint": pairs.name,
                "n_pairs": len(pairs),
                **counts(pairs, joined=bool(plan.start)),
            }
            for pairs in endpoints
        ],
        "blend": {
            endpoint: {setting: report.summary() for setting, report in each.items()}
            for endpoint, each in reports.items()
        },
        "coverage": coverage_summary(coverage),
        "figures": [{k: (None if v != v else v) for k, v in row.items()} for row in figures],
    }


def _write_table(table: pd.DataFrame, path: Path) -> None:
    temporary = path.with_name(f"{path.name}.tmp-{os.getpid()}")
    table.to_csv(temporary, sep="\t", index=False, float_format="%.6g")
    os.replace(temporary, path)
