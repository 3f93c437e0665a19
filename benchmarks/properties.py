"""Models of molecular properties and other programs on identical scaffold folds.

``python -m benchmarks.properties run FOLDER [--tables NAME...] [--models NAME...] [--folds 1 2 ...]`` trains what has not
been trained yet, table by table in the order of `benchmarks.property_tables.SOURCES`, and keeps every prediction of a
held-out row in FOLDER/predictions, outside the repository. It can be killed and started again. ``python -m
benchmarks.properties figures FOLDER`` turns them into benchmarks/results/properties.tsv (table, model, fold, seed,
metric, value, cpu_s) and property_differences.tsv (every model against the best of its table, with a paired
bootstrap interval over molecules).
"""

from __future__ import annotations

import argparse
import os
import resource
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.property_tables import DATA, SOURCES, PropertyTable, read_properties
from models.property_features import MoleculeFeatures

Array = NDArray[np.float64]
Model = Callable[[PropertyTable, MoleculeFeatures, NDArray[np.bool_], int], Array]


def _chemprop(table: PropertyTable, _: MoleculeFeatures, train: NDArray[np.bool_], seed: int) -> Array:
    from benchmarks.property_chemprop import chemprop

    return chemprop(table, train, seed)


def _attentive_fp(table: PropertyTable, _: MoleculeFeatures, train: NDArray[np.bool_], seed: int) -> Array:
    from benchmarks.property_attentive_fp import attentive_fp

    return attentive_fp(table, train, seed)


def _of_the_package(module: str, name: str) -> Model:
    """A model of the package, by the module that it is in and its name there."""

    def fitted(
        table: PropertyTable, molecules: MoleculeFeatures, train: NDArray[np.bool_], seed: int
    ) -> Array:
        model = getattr(import_module(module), name)(table.tasks, seed)
        model.fit(molecules.select(train), table.labels[train])
        return np.asarray(model.predict(molecules.select(~train)))

    return fitted


MODELS: dict[str, Model] = {
    "ridge": _of_the_package("models.property_baselines", "PropertyRidge"),
    "random_forest": _of_the_package("models.property_baselines", "PropertyForest"),
    "boosted_trees": _of_the_package("models.property_baselines", "BoostedTrees"),
    "kernel": _of_the_package("models.property_kernel", "PropertyKernel"),
    "network": _of_the_package("models.property_network", "PropertyNetwork"),
    "chemprop": _chemprop,
    "attentive_fp": _attentive_fp,
}
"""By name; each gets a table, its molecules, the training rows and a seed, and predicts the other rows."""


def run(folder: Path, tables: list[str], models: list[str], folds: list[int], seed: int, data: Path) -> None:
    """Train what has no predictions yet."""
    for name in tables:
        table = read_properties(name, folder / "tables", data)
        molecules = MoleculeFeatures(table.smiles)
        for model in models:
            for fold in folds:
                path = folder / "predictions" / f"{name}.{model}.{fold}.{seed}.npz"
                if path.exists():
                    continue
                before = _cpu_seconds()
                train = table.fold != fold
                predictions = MODELS[model](table, molecules, train, seed)
                _save(path, predictions, _cpu_seconds() - before)
                value = np.nanmean([v for _, v in _scores(table, ~train, predictions)])
                print(f"{name} {model} fold {fold}: {value:.4f}", flush=True)


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _save(path: Path, predictions: Array, cpu_s: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp.npz")
    np.savez(temporary, predictions=predictions, cpu_s=cpu_s)
    os.replace(temporary, path)


def _scores(table: PropertyTable, test: NDArray[np.bool_], predictions: Array) -> Iterator[tuple[str, float]]:
    """Name of each label that can be judged, with its RMSE or AUROC on the test rows."""
    for column, name in enumerate(table.label_names):
        label = table.labels[test, column]
        there = ~np.isnan(label)
        value = score(label[there], predictions[there, column], table.tasks[column])
        if not np.isnan(value):
            yield name, value


def score(label: Array, prediction: Array, task: str) -> float:
    """RMSE, or the area under the ROC curve; NaN where that is not defined."""
    if task == "regression":
        return float(np.sqrt(np.mean((label - prediction) ** 2))) if len(label) else np.nan
    positive = label == 1
    n, m = int(positive.sum()), int((~positive).sum())
    if not n or not m:
        return np.nan
    _, inverse, counts = np.unique(prediction, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((rank[positive].sum() - n * (n + 1) / 2) / (n * m))


def main() -> None:
    """Run or sum up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("run", "figures"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tables", nargs="+", default=list(SOURCES), choices=list(SOURCES))
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--folds", nargs="+", type=int, default=[1, 2, 3, 4, 5])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, default=DATA)
    arguments = parser.parse_args()
    if arguments.what == "figures":
        from benchmarks.property_differences import write_figures

        write_figures(arguments.folder, arguments.data)
        return
    run(arguments.folder, arguments.tables, arguments.models, arguments.folds, arguments.seed, arguments.data)


if __name__ == "__main__":
    main()
