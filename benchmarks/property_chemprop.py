"""chemprop 2.3 by its own command, with its defaults, on rows that `benchmarks.properties` gives it.

A tenth of the training rows, drawn at random, decide which epoch chemprop keeps; they are not trained on, as in any use
of the program. The test rows have no labels in the file that it reads.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.property_tables import PropertyTable

PROGRAM = Path(__file__).parents[1] / ".venv" / "peers" / "chemprop" / "bin" / "chemprop"


def validation_rows(train: NDArray[np.bool_], seed: int) -> NDArray[np.int64]:
    """A tenth of the training rows, for programs that choose their epoch."""
    rows = np.flatnonzero(train)
    return np.sort(np.random.default_rng(seed).choice(rows, max(1, len(rows) // 10), replace=False))


def chemprop(table: PropertyTable, train: NDArray[np.bool_], seed: int) -> NDArray[np.float64]:
    """Train on `train` and predict the other rows: (n_test, n_labels)."""
    part = np.where(train, "train", "test").astype(object)
    part[validation_rows(train, seed)] = "val"
    labels = pd.DataFrame(table.labels, columns=[f"label{k}" for k in range(len(table.tasks))])
    data = labels.assign(smiles=table.smiles, part=part)
    with tempfile.TemporaryDirectory() as folder:
        # chemprop wants a value in each test row, to score; it is shown the training rows' mean.
        fill = labels[train].mean() if table.tasks[0] == "regression" else labels[train].mean().round()
        data.loc[~train, list(labels)] = fill.to_numpy()
        data.to_csv(f"{folder}/data.csv", index=False)
        command = [
            str(PROGRAM), "train", "--data-path", f"{folder}/data.csv", "--smiles-columns", "smiles",
            "--target-columns", *labels, "--splits-column", "part", "--task-type", table.tasks[0],
            "--pytorch-seed", str(seed), "--accelerator", "cpu", "--output-dir", f"{folder}/run",
        ]  # fmt: skip
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": ""}
        subprocess.run(command, check=True, capture_output=True, env=environment)
        written = next(Path(folder, "run").rglob("test_predictions.csv"))
        predictions = pd.read_csv(written)[list(labels)].to_numpy(float)
    if len(predictions) != (~train).sum():
        raise RuntimeError(f"chemprop predicted {len(predictions)} of {(~train).sum()} rows")
    return predictions
