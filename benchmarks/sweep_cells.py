"""One cell of the sweep: fitted, judged and kept as out-of-fold predictions and a row of facts.

A cell is finished when its JSON row is there, was made by the same settings from the same data, and its Parquet
file is the one that the row tells of. Both are written under another name first, the row last, so that a kill at
any time leaves a cell finished or not begun; a network's training goes on from its last epoch.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import os
import platform
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.record import commit, host
from benchmarks.sweep_data import Setting, write_parquet
from benchmarks.sweep_plan import Cell, Plan, digest, model_code
from chem.errors import InputError
from models.metrics import AFFINITY_THRESHOLDS, CLASSIFICATION_METRICS, REGRESSION_METRICS, aupr
from models.search import read_json, write_json

COMMIT = commit()
"""Of the code as it was loaded."""
PACKAGES = ("numpy", "scipy", "pandas", "torch", "rdkit", "scikit-learn", "numba")
COLUMNS = ("drug_id", "target_id", "label", "prediction", "spread")


@dataclass(frozen=True)
class Task:
    """A cell with all that it takes to run it.

    Attributes
    ----------
    cell
        What is fitted.
    setting
        On what.
    settings
        What the model is told; its hash says whether a finished cell is still this one.
    recipe
        Of a network, else None.
    code
        Hash of a plain model's code, which holds its constants. A network has them in its recipe; its code is left
        out, so that hours of training are not lost to a renamed function: remove its cells where it computes
        otherwise.
    any_code
        A finished cell counts whatever code it was fitted with; its row has the commit.
    """

    cell: Cell
    setting: Setting
    settings: dict[str, Any]
    recipe: Any
    code: str = ""
    any_code: bool = False

    @classmethod
    def of(cls, cell: Cell, plan: Plan, data: Path, cache: Path, *, any_code: bool = False) -> Task:
        """Task of a cell of a plan."""
        setting, recipe = Setting.of(cell, plan, data, cache), plan.recipe(cell)
        code = model_code(cell.model) if recipe is None else ""
        return cls(cell, setting, plan.settings(cell), recipe, code, any_code)

    @property
    def path(self) -> Path:
        """Its files, without their suffix."""
        return self.cell.path(self.setting.cache)

    @property
    def identity(self) -> dict[str, str]:
        """Hashes of what a cell is made from."""
        return {
            "settings_hash": digest(self.settings),
            "data_digest": self.setting.fold_digest(self.cell.fold),
            "code": self.code,
        }

    @property
    def row_file(self) -> Path:
        """Its facts and figures."""
        return self.path.with_name(self.path.name + ".json")

    @property
    def predictions_file(self) -> Path:
        """Its out-of-fold predictions: `COLUMNS`, in the order of the pairs."""
        return self.path.with_name(self.path.name + ".parquet")


def finished_row(task: Task) -> dict[str, Any] | None:
    """Row of a finished cell; None where it has to be run."""
    if not task.row_file.exists() or not task.predictions_file.exists():
        return None
    try:
        row: dict[str, Any] = read_json(task.row_file)
        same = all(
            row[name] == value
            for name, value in task.identity.items()
            if not (name == "code" and task.any_code)
        )
        whole = row["predictions_sha256"] == _sha256(task.predictions_file)
    except (InputError, KeyError, TypeError):
        return None  # damaged: run it again
    return row if same and whole else None


def run_cell(task: Task) -> dict[str, Any] | None:
    """Run a cell, unless it is finished.

    Returns
    -------
    dict or None
        Its row; None where another process is at it.

    Raises
    ------
    InputError
        As the model does, or there is no such fold.
    """
    task.path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(task.path.with_name(task.path.name + ".lock")) as alone:
        if not alone:
            return None
        row = finished_row(task)
        if row is None:
            row = _fit_and_write(task)
        return row


def _fit_and_write(task: Task) -> dict[str, Any]:
    setting, cell = task.setting, task.cell
    part = setting.round(cell.fold)
    training, test = setting.pairs.select(part.train), setting.pairs.select(part.test)
    state = task.path.with_name(f"{task.path.name}.state-{digest(task.identity)}")
    resumed = state.exists() and any(state.iterdir())
    started, cpu = time.perf_counter(), time.process_time()
    prediction, spread = _predict(task, training, test, state)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    table = pd.DataFrame(
        {
            "drug_id": [test.drug_ids[d] for d in test.drug],
            "target_id": [test.target_ids[t] for t in test.target],
            "label": test.label,
            "prediction": prediction,
            "spread": spread,
        }
    )
    row: dict[str, Any] = {
        **vars(cell),
        "metrics": cell_metrics(test.label, prediction, setting.table.name, setting.table.task),
        "n": len(test),
        "n_train": len(training),
        "n_dropped": setting.n_dropped,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu, 2),
        "resumed": resumed,
        "commit": COMMIT,
        "host": host(),
        "settings": task.settings,
        **task.identity,
        "versions": versions(),
    }
    task.row_file.unlink(missing_ok=True)  # of other settings: it must not stand beside the new predictions
    write_parquet(table, task.predictions_file)
    row["predictions_sha256"] = _sha256(task.predictions_file)
    write_json(task.row_file, row)
    for old in task.path.parent.glob(f"{task.path.name}.state-*"):
        shutil.rmtree(old, ignore_errors=True)
    return row


def _predict(
    task: Task, training: Any, test: Any, state: Path
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from models.contenders import fit_and_predict

    options: dict[str, Any] = {"task": task.setting.table.task, "seed": task.cell.seed, "n_threads": 1}
    if task.recipe is None:
        options["features"] = task.setting.features()
        return fit_and_predict(task.cell.model, training, test, **options)
    encoder = task.setting.encoder(task.cell.fold, task.recipe)
    options |= {"recipe": task.recipe, "encoder": encoder, "state": state}
    begun = state.exists()
    state.mkdir(exist_ok=True)
    try:
        return fit_and_predict(task.cell.model, training, test, **options)
    except InputError:
        if not begun:
            raise
    # What was begun may be of an older form of the network, which refuses to go on from it.
    shutil.rmtree(state)
    state.mkdir()
    return fit_and_predict(task.cell.model, training, test, **options)


def cell_metrics(
    label: NDArray[np.float64], prediction: NDArray[np.float64], table: str, task: str
) -> dict[str, float | None]:
    """Figures of predictions; None where one is not defined.

    Parameters
    ----------
    label, prediction
        (n,) each.
    table
        Name; where there is a threshold for binding, the area under the precision-recall curve is added.
    task
        regression or classification.

    Examples
    --------
    >>> cell_metrics(np.array([5.0, 8.0]), np.array([5.0, 7.0]), "davis", "regression")["mse"]
    0.5
    """
    metrics = CLASSIFICATION_METRICS if task == "classification" else REGRESSION_METRICS
    values = {name: float(metric(label, prediction)) for name, metric in metrics.items()}
    if task == "regression" and table in AFFINITY_THRESHOLDS:
        values["aupr"] = aupr(label >= AFFINITY_THRESHOLDS[table], prediction)
    return {name: value if np.isfinite(value) else None for name, value in values.items()}


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that figures depend on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = ""
    return found


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def _alone(path: Path) -> Iterator[bool]:
    """Hold a file's lock, which ends with the process; false where another holds it."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
