"""Potencies of molecules that differ little from others and act differently: the tables of MoleculeACE, their own split.

``python -m benchmarks.activity_cliffs FOLDER [--targets NAME...] [--models NAME...]`` trains what has not been trained
yet on each table's training rows, keeps the predictions of its test rows in FOLDER, outside the repository, and writes
benchmarks/results/activity_cliffs.tsv of all that is kept (target, model, n_test, n_cliff, rmse, rmse_cliff, cpu_s):
errors in pKi or pEC50, on all test molecules and on those that are part of a cliff.

References
----------
van Tilborg, D., Alenicheva, A. and Grisoni, F. (2022) Exposing the limitations of molecular machine learning with
activity cliffs. J. Chem. Inf. Model. 62:5938.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.properties import MODELS, score
from benchmarks.property_tables import DATA, PropertyTable
from benchmarks.record import write_results
from chem.standardise import standardise_smiles
from models.property_features import MoleculeFeatures

FOLDER = DATA / "moleculeace"
PLAIN = ("ridge", "random_forest", "boosted_trees", "kernel", "network")
LABEL, TEST = "y [pEC50/pKi]", 1


def read_target(path: Path) -> tuple[PropertyTable, NDArray[np.bool_]]:
    """Read a table of one target; a structure that is not to be standardised is kept as it is written.

    Returns
    -------
    PropertyTable
        Fold 1 is the test set, fold 2 what is trained on.
    NDArray
        (n,) whether a molecule is part of a cliff.
    """
    table = pd.read_csv(path)
    smiles = []
    for text in table["smiles"]:
        molecule = standardise_smiles(str(text))
        smiles.append(molecule.smiles or str(text))
    fold = np.where(table["split"] == "test", TEST, TEST + 1)
    read = PropertyTable(
        path.stem, tuple(smiles), table[[LABEL]].to_numpy(float), ("potency",), ("regression",), fold
    )
    return read, table["cliff_mol"].to_numpy(bool)


def run(keep: Path, data: Path, targets: list[str], models: list[str]) -> None:
    """Train what has no predictions yet."""
    keep.mkdir(parents=True, exist_ok=True)
    for name in targets:
        wanted = {model: keep / f"{name}.{model}.npz" for model in models}
        if all(path.exists() for path in wanted.values()):
            continue
        table, _ = read_target(data / f"{name}.csv")
        molecules = MoleculeFeatures(table.smiles)
        for model, path in wanted.items():
            if path.exists():
                continue
            start = time.process_time()
            predictions = MODELS[model](table, molecules, table.fold != TEST, 0)
            part = path.with_suffix(f".{os.getpid()}.npz")
            np.savez(part, predictions=predictions, cpu_s=time.process_time() - start)
            os.replace(part, path)
            print(name, model, flush=True)


def figures(keep: Path, data: Path) -> pd.DataFrame:
    """A row per target and model that was kept."""
    rows = []
    for path in sorted(keep.glob("*.npz")):
        target, model, *rest = path.name.split(".")
        if len(rest) > 1:  # a file that is being written
            continue
        table, cliff = read_target(data / f"{target}.csv")
        test = table.fold == TEST
        label, cliff = table.labels[test, 0], cliff[test]
        with np.load(path) as arrays:
            told, cpu_s = arrays["predictions"][:, 0], float(arrays["cpu_s"])
        rows.append(
            {
                "target": target, "model": model, "n_test": len(label), "n_cliff": int(cliff.sum()),
                "rmse": score(label, told, "regression"), "rmse_cliff": score(label[cliff], told[cliff], "regression"),
                "cpu_s": cpu_s,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def main() -> None:
    """Train and sum up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("keep", type=Path)
    parser.add_argument("--targets", nargs="+")
    parser.add_argument("--models", nargs="+", default=list(PLAIN), choices=list(MODELS))
    parser.add_argument("--data", type=Path, default=FOLDER)
    given = parser.parse_args()
    targets = given.targets or sorted(path.stem for path in given.data.glob("*.csv"))
    run(given.keep, given.data, targets, given.models)
    print(write_results(figures(given.keep, given.data), "activity_cliffs"))


if __name__ == "__main__":
    main()
