"""Train models of molecular properties: judge them on held-out scaffolds and molecules, blend, calibrate, keep.

Every fit is kept in a folder ``.parts`` of the run until the run is whole, so that one that was stopped goes on.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chem.errors import InputError
from chem.scaffold import murcko_scaffold, scaffold_groups
from models.fit_pool import run_fits
from models.input_notes import elements
from models.metrics import aupr, auroc, brier_score, log_loss, pearson_r
from models.pair_model import Task
from models.property_calibration import (
    HeldOutProperty,
    PropertyEndpoint,
    nested_blend,
    property_coverage,
)
from models.property_checkpoint import load_properties, save_properties
from models.property_features import MoleculeFeatures
from models.property_fits import (
    ALL,
    GIVEN,
    MEANS,
    MODELS,
    Part,
    PropertyExperiment,
    Shared,
    fit_part,
    make_features,
)
from models.property_protocol import Labels
from models.property_table import PropertyTable
from models.split_groups import group_folds
from models.trained_properties import TrainedProperties, nearest_measured, spread_model

BLEND = "blend"
POOLED = 0
"""Fold of the figures of all folds together."""
MIN_MOLECULES = 20
"""Of a label, and of each of its classes `MIN_OF_CLASS`."""
MIN_OF_CLASS = 3
VERSIONS = ("numpy", "rdkit", "scikit-learn", "torch")
"""Packages whose versions the card tells."""
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Judged:
    """Held-out predictions of one setting.

    Attributes
    ----------
    fold
        (n,) of each molecule.
    predictions
        (n, n_labels) by model.
    similarity
        (n, n_labels) to the nearest molecule of the other folds that has the label.
    spread
        (n, n_labels) expected errors, or None.
    """

    fold: NDArray[np.int64]
    predictions: dict[str, Labels]
    similarity: Labels
    spread: Labels | None

    def rows(self, labels: Labels, column: int) -> NDArray[np.int64]:
        """Molecules of which a label was measured and predicted."""
        there = ~np.isnan(labels[:, column]) & ~np.isnan(self.predictions[MEANS][:, column])
        return np.flatnonzero(there)

    def label(
        self, labels: Labels, column: int, parts: tuple[str, ...], scaffold: NDArray[np.object_] | None = None
    ) -> HeldOutProperty:
        """What was held out of one label, by the models that are blended; (n,) scaffolds where they are known."""
        rows = self.rows(labels, column)
        return HeldOutProperty(
            labels[rows, column], self.fold[rows],
            {name: self.predictions[name][rows, column] for name in parts},
            self.predictions[MEANS][rows, column], self.similarity[rows, column],
            None if self.spread is None else self.spread[rows, column],
            None if scaffold is None else scaffold[rows],
        )  # fmt: skip


def train_properties(
    table: PropertyTable,
    out: str | os.PathLike[str],
    plan: PropertyExperiment,
    progress: Progress | None = None,
    molecules: MoleculeFeatures | None = None,
) -> TrainedProperties:
    """Judge, blend, calibrate and fit; write a run.

    Parameters
    ----------
    table
        Molecules and labels.
    out
        Folder of the run: model.safetensors, card.json, folds.tsv, metrics.tsv, coverage.tsv and rejects.tsv.
    plan
        What is fitted and held out; folds that the table has are taken instead of its settings.
    progress
        Called with what was done and the share of it that is done.
    molecules
        The table's molecules with features that are known; made unless given.

    Raises
    ------
    InputError
        A label has fewer than `MIN_MOLECULES` molecules, or there are fewer scaffolds than folds.
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    _require_enough(table)
    if table.fold is not None:
        plan = replace(plan, settings=(GIVEN,), n_folds=len(np.unique(table.fold)))
    molecules = molecules or MoleculeFeatures(table.smiles)
    make_features(molecules, plan)
    folds = {setting: _folds(table, setting, plan) for setting in plan.settings}
    shared = Shared(molecules, table.labels, table.tasks, folds, plan)
    keep = folder / ".parts" / _digest(table, plan)
    judging = [
        Part(setting, number, name)
        for setting in plan.settings
        for name in plan.judged
        for number in range(1, plan.n_folds + 1)
    ]
    fitted = run_fits(
        judging, fit_part, shared, keep, workers=plan.workers, progress=_share(progress, 0, 0.8)
    )
    judged = {setting: _judged(shared, fitted, setting) for setting in plan.settings}
    first = judged[plan.settings[0]]
    endpoints = tuple(
        PropertyEndpoint.fit(
            name, task, first.label(table.labels, column, plan.parts), measured_elements(table, column)
        )
        for column, (name, task) in enumerate(zip(table.label_names, table.tasks, strict=True))
    )
    used = {name for endpoint in endpoints for name, weight in endpoint.weights.items() if weight}
    wanted = [Part(ALL, 0, name) for name in plan.parts if name in used | {spread_model(plan.parts)}]
    final = run_fits(wanted, fit_part, shared, keep, workers=plan.workers, progress=_share(progress, 0.8, 1))
    parts = {
        part.model: MODELS[part.model].from_arrays(arrays, table.tasks) for part, arrays in final.items()
    }
    metrics, coverage = _metrics(table, judged, plan), _coverage(table, judged, plan)
    card = {**plan.description, **_told(table, plan, metrics, coverage)}
    model = TrainedProperties(parts, endpoints, molecules.bits, ~np.isnan(table.labels), card)
    tables = {"folds": _long(table, judged, plan), "metrics": metrics, "coverage": coverage}
    for name, rows in {**tables, "rejects": table.rejects}.items():
        _write(rows, folder / f"{name}.tsv")
    save_properties(model, folder)
    shutil.rmtree(folder / ".parts")
    return load_properties(folder)


def measured_elements(table: PropertyTable, column: int) -> frozenset[str]:
    """Elements of the molecules that a label was measured of."""
    measured = np.flatnonzero(~np.isnan(table.labels[:, column]))
    return frozenset().union(*(elements(table.smiles[row]) for row in measured))


def _share(progress: Progress | None, start: float, end: float) -> Progress | None:
    if progress is None:
        return None
    return lambda text, share: progress(text, start + share * (end - start))


def _require_enough(table: PropertyTable) -> None:
    for name, task, column in zip(table.label_names, table.tasks, table.labels.T, strict=True):
        values = column[~np.isnan(column)]
        if len(values) < MIN_MOLECULES:
            raise InputError(
                f"{len(values)} molecules have a value", field=name, expected=f"{MIN_MOLECULES} or more",
                hint="leave the label out, or add measurements",
            )  # fmt: skip
        rarest = min(int((values == 0).sum()), int((values == 1).sum()))
        if task == "classification" and rarest < MIN_OF_CLASS:
            raise InputError(
                f"{rarest} molecules are in one of the classes", field=name, expected=f"{MIN_OF_CLASS} or more",
                hint="leave the label out, or add measurements",
            )  # fmt: skip


def _folds(table: PropertyTable, setting: str, plan: PropertyExperiment) -> NDArray[np.int64]:
    if table.fold is not None:
        return table.fold
    groups = scaffold_groups(table.smiles) if setting == "scaffold" else np.arange(len(table.smiles))
    if len(np.unique(groups)) < plan.n_folds:
        raise InputError(
            f"{len(np.unique(groups))} scaffolds for {plan.n_folds} folds", field="settings",
            expected="a scaffold for each fold or more", hint="hold out random molecules alone",
        )  # fmt: skip
    return group_folds(groups, plan.n_folds, plan.seed)


def _digest(table: PropertyTable, plan: PropertyExperiment) -> str:
    told = repr((table.smiles, table.tasks, plan.n_folds, plan.kernel, plan.network, plan.seed))
    fold = b"" if table.fold is None else table.fold.tobytes()
    return hashlib.sha256(told.encode() + table.labels.tobytes() + fold).hexdigest()[:16]


def _judged(shared: Shared, fitted: Mapping[Part, Mapping[str, NDArray[Any]]], setting: str) -> Judged:
    fold, labels, bits = shared.folds[setting], shared.labels, shared.molecules.bits
    predictions = {name: np.full(labels.shape, np.nan) for name in shared.plan.judged}
    spreads, similarity = np.full(labels.shape, np.nan), np.full(labels.shape, np.nan)
    spread = spread_model(shared.plan.parts)
    for part, arrays in fitted.items():
        if part.setting == setting:
            predictions[part.model][fold == part.fold] = arrays["prediction"]
            if part.model == spread:
                spreads[fold == part.fold] = arrays["spread"]
    for number in np.unique(fold):
        here = fold == number
        similarity[here] = nearest_measured(bits[here], bits[~here], ~np.isnan(labels[~here]))
    return Judged(fold, predictions, similarity, None if spread is None else spreads)


def _long(table: PropertyTable, judged: dict[str, Judged], plan: PropertyExperiment) -> pd.DataFrame:
    """One row per setting, endpoint, model and molecule."""
    smiles = np.array(table.smiles, object)
    parts = []
    for setting, told in judged.items():
        for column, name in enumerate(table.label_names):
            rows = told.rows(table.labels, column)
            of_models = {model: values[rows, column] for model, values in told.predictions.items()}
            of_models[BLEND] = nested_blend(told.label(table.labels, column, plan.parts))
            shown = pd.DataFrame(
                {"setting": setting, "endpoint": name, "fold": told.fold[rows], "seed": plan.seed}
            )
            shown = shown.assign(
                smiles=smiles[rows], label=table.labels[rows, column],
                nearest_train_tanimoto=told.similarity[rows, column],
            )  # fmt: skip
            parts += [shown.assign(model=model, prediction=values) for model, values in of_models.items()]
    return pd.concat(parts, ignore_index=True)


def _metrics(table: PropertyTable, judged: dict[str, Judged], plan: PropertyExperiment) -> pd.DataFrame:
    """Figures of each fold, and of all folds together (fold `POOLED`)."""
    tasks = dict(zip(table.label_names, table.tasks, strict=True))
    rows = []
    keys = ["setting", "endpoint", "model"]
    for (setting, endpoint, model), part in _long(table, judged, plan).groupby(keys, sort=False):
        folds = [(int(str(number)), some) for number, some in part.groupby("fold")]
        for fold, some in [*folds, (POOLED, part)]:
            label, prediction = some["label"].to_numpy(), some["prediction"].to_numpy()
            rows += [
                (setting, endpoint, model, fold, plan.seed, metric, value)
                for metric, value in property_metrics(label, prediction, tasks[str(endpoint)]).items()
            ]
    return pd.DataFrame(rows, columns=[*keys, "fold", "seed", "metric", "value"])


def property_metrics(
    label: NDArray[np.float64], prediction: NDArray[np.float64], task: Task
) -> dict[str, float]:
    """Figures of held-out predictions; those that one class alone, or one value, does not have are left out.

    Examples
    --------
    >>> property_metrics(np.array([1.0, 2.0]), np.array([1.0, 4.0]), "regression")
    {'rmse': 1.4142135623730951, 'mae': 1.0, 'pearson': 1.0}
    >>> list(property_metrics(np.array([0.0, 1.0]), np.array([0.2, 0.9]), "classification"))
    ['brier', 'log_loss', 'auroc', 'aupr']
    """
    if task == "regression":
        error = label - prediction
        found = {"rmse": float(np.sqrt(np.mean(error**2))), "mae": float(np.abs(error).mean())}
        varied = np.ptp(label) > 0 and np.ptp(prediction) > 0
        return {**found, "pearson": pearson_r(label, prediction)} if varied else found
    found = {"brier": brier_score(label, prediction), "log_loss": log_loss(label, prediction)}
    if np.ptp(label) > 0:
        found |= {"auroc": auroc(label, prediction), "aupr": aupr(label, prediction)}
    return found


def _coverage(table: PropertyTable, judged: dict[str, Judged], plan: PropertyExperiment) -> pd.DataFrame:
    scaffold = np.array([murcko_scaffold(text) for text in table.smiles], object)
    parts = [
        property_coverage(told.label(table.labels, column, plan.parts, scaffold)).assign(
            setting=setting, endpoint=name
        )
        for setting, told in judged.items()
        for column, name in enumerate(table.label_names)
    ]
    rows = pd.concat(parts, ignore_index=True)
    return rows[["setting", "endpoint", *rows.columns.drop(["setting", "endpoint"])]]


def _told(
    table: PropertyTable, plan: PropertyExperiment, metrics: pd.DataFrame, coverage: pd.DataFrame
) -> dict[str, Any]:
    """What the card says of a run: seed, folds, figures over all folds, coverage and notes."""
    pooled = metrics[
        (metrics["fold"] == POOLED) & metrics["metric"].isin(("rmse", "pearson", "auroc", "aupr"))
    ]
    figures = [
        {"setting": setting, "endpoint": endpoint, "model": model}
        | {
            str(metric): round(float(value), 4)
            for metric, value in zip(part["metric"], part["value"], strict=True)
        }
        for (setting, endpoint, model), part in pooled.groupby(["setting", "endpoint", "model"], sort=False)
    ]
    held = coverage[coverage["by"] == ALL]
    return {
        "versions": {name: importlib.metadata.version(name) for name in VERSIONS},
        "seed": plan.seed, "settings": list(plan.settings), "n_folds": plan.n_folds,
        "notes": [*plan.description.get("notes", []), *table.notes], "n_rejects": len(table.rejects),
        "figures": figures,
        "coverage": [
            {"setting": row.setting, "endpoint": row.endpoint, "n": row.n, "level": row.level,
             "coverage": round(float(str(row.coverage)), 4)}
            for row in held.itertuples()
        ],
    }  # fmt: skip


def _write(table: pd.DataFrame, path: Path) -> None:
    """Write a TSV whole or not at all."""
    temporary = path.with_name(f"{path.name}.tmp-{os.getpid()}")
    table.to_csv(temporary, sep="\t", index=False, float_format="%.6g")
    os.replace(temporary, path)
