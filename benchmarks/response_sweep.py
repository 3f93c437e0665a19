"""Predict held-out responses of GDSC2 by the response model and the plain ones: lines, tissues, compounds, both, and killed.

``python -m benchmarks.response_sweep KEEP [--settings NAME...] [--arms NAME...] [--teachers NAME...] [--seeds N...]
[--models NAME...] [--workers N]`` keeps the predictions of every fit in the folder KEEP, and does none twice.
``python -m benchmarks.response_summary KEEP`` makes the figures of what is there.

``line`` holds out a fifth of the lines, ``tissue`` a fifth of the primary sites, ``compound`` a fifth of the compounds by
scaffold in lines trained on and, from the same fits, in lines held out as well. The teacher is ``none``, or
``expression``, that of the training lines: then the arm is the same, but what was learned from is not.
``genotypes_N`` and ``labels_N`` are kill tests, number N: profiles shuffled between lines, and the values of each
compound shuffled between its lines; two halves of the lines predict each other, ``halves`` does so unshuffled.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.response_data import ARMS, DATA, read_arm
from chem.scaffold import scaffold_groups
from models.fit_pool import run_fits
from models.response_data import ResponseData
from models.response_fits import BASELINES, MODEL, Part, Shared, fit_part
from models.response_settings import ResponseSettings
from models.split_groups import group_folds

N_FOLDS = 5
TEACHERS = ("none", "expression")


def folds_of(data: ResponseData, seed: int) -> dict[str, NDArray[np.int64]]:
    """Fold of each line by ``line``, ``tissue`` and ``halves``, and of each compound by ``compound``, from 1."""
    lines = np.arange(len(data.table.line_ids))
    _, site = np.unique(np.array(data.tissue), return_inverse=True)
    return {
        "line": group_folds(lines, N_FOLDS, seed),
        "tissue": group_folds(site, N_FOLDS, seed),
        "compound": group_folds(scaffold_groups(data.smiles), N_FOLDS, seed),
        "halves": group_folds(lines, 2, seed),
    }


def shuffled(data: ResponseData, setting: str) -> ResponseData:
    """Data with genotypes or labels shuffled, by a setting's name and number; others as they are."""
    kind, _, number = setting.partition("_")
    if kind not in ("genotypes", "labels"):
        return data
    rng = np.random.default_rng(int(number))
    if kind == "genotypes":
        order = rng.permutation(len(data.table.line_ids))
        return replace(data, profiles={name: block[order] for name, block in data.profiles.items()})
    values = data.table.values.copy()
    for column in values.T:
        there = np.flatnonzero(~np.isnan(column))
        column[there] = column[rng.permutation(there)]
    return replace(data, table=replace(data.table, values=values))


def shared_of(folder: Path, arm: str, teacher: str, setting: str, seed: int) -> Shared:
    """What the fits of a setting read."""
    data = read_arm(folder, arm, taught=teacher == "expression")
    folds = folds_of(data, seed)
    data = shuffled(data, setting)
    if setting not in folds:
        folds[setting] = folds["halves"]
    return Shared(data, folds, ResponseSettings(), seed)


def place_of(keep: Path, arm: str, teacher: str, seed: int) -> Path:
    return keep / f"{arm}-{teacher}-{seed}"


def fit_setting(
    keep: Path, shared: Shared, place: Path, setting: str, models: list[str], workers: int
) -> dict[Part, dict[str, NDArray[Any]]]:
    """Fit what is not kept yet, and read all of it."""
    names = [MODEL] if setting == "compound" else models
    numbers = np.unique(shared.folds[setting])
    work = [Part(setting, int(number), name) for name in names for number in numbers]
    return run_fits(
        work,
        fit_part,
        shared,
        place,
        workers=workers,
        progress=lambda what, _: print(place.name, what, flush=True),
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("keep", type=Path)
    parser.add_argument("--settings", nargs="+", default=["line", "tissue", "compound"])
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=ARMS)
    parser.add_argument("--teachers", nargs="+", default=["none"], choices=TEACHERS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--models", nargs="+", default=[MODEL, *BASELINES], choices=[MODEL, *BASELINES])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--data", type=Path, default=DATA)
    given = parser.parse_args()
    for seed in given.seeds:
        for setting in given.settings:
            for arm in given.arms:
                for teacher in given.teachers:
                    models = given.models if teacher == "none" else [MODEL]
                    shared = shared_of(given.data, arm, teacher, setting, seed)
                    place = place_of(given.keep, arm, teacher, seed)
                    fit_setting(given.keep, shared, place, setting, models, given.workers)


if __name__ == "__main__":
    main()
