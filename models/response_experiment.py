"""Train a response model: judge it and the plain models on held-out lines, tissues and compounds, calibrate, refit.

Lines are held out in turn (``line``), whole tissues (``tissue``), compounds with their scaffold in lines that were trained
on (``compound``), and both at once (``both``). The weights of the model's parts are those of its settings: weights found
on held-out pairs told no more where there is something to learn, and found what is not there where there is nothing,
since fits without a fold have taught, and been taught by, the lines of the others. The intervals that coverage is counted
with come from the other folds. What is saved was then fitted to all lines and compounds.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chem.errors import InputError
from chem.scaffold import scaffold_groups
from models.fit_pool import Progress, run_fits
from models.response_checkpoint import TrainedResponse, load_response, save_response
from models.response_coverage import response_coverage
from models.response_data import ResponseData
from models.response_domain import fit_domain
from models.response_figures import response_metrics, summarise
from models.response_fits import ALL, BASELINES, MODEL, PARTS, Part, Shared, fit_part, sum_of_parts
from models.response_intervals import CompoundErrors, GroupErrors, ResponseIntervals
from models.response_predictions import HeldOut
from models.response_settings import ResponseSettings
from models.split_groups import group_folds

Array = NDArray[np.float64]
SETTINGS = ("line", "tissue", "compound", "both")
"""What can be held out: lines, whole tissues, compounds by scaffold, and compounds and lines at once."""
MIN_LINES = 10
"""Measured lines that a compound needs to be trained on."""


@dataclass(frozen=True)
class ResponseExperiment:
    """What a training run does.

    Attributes
    ----------
    settings
        What is held out, of `SETTINGS`; ``line`` is always among them, and what the data cannot hold out is left out.
    n_folds
        Of lines, of tissues and of compounds.
    baselines
        Fit every plain model on the same folds; the means are always fitted.
    seed
        Of everything random.
    workers
        Fits at the same time, each in a process of its own on one thread; 0 for all in this process.
    model
        Settings of the response model.
    description
        Facts for the card: name, data, terms, command.
    """

    settings: tuple[str, ...] = SETTINGS
    n_folds: int = 5
    baselines: bool = True
    seed: int = 0
    workers: int = 0
    model: ResponseSettings = field(default_factory=ResponseSettings)
    description: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = [name for name in self.settings if name not in SETTINGS]
        if unknown:
            raise InputError(f"no setting {unknown[0]!r}", field="settings", expected=", ".join(SETTINGS))
        if self.n_folds < 2:
            raise InputError(f"{self.n_folds} folds", field="n_folds", expected="two or more")


def train_response(
    data: ResponseData,
    out: str | os.PathLike[str],
    experiment: ResponseExperiment | None = None,
    fold: NDArray[np.int64] | None = None,
    progress: Progress | None = None,
) -> TrainedResponse:
    """Cross-validate, calibrate, refit and save a response model.

    Parameters
    ----------
    data
        Responses, profiles and structures.
    out
        Folder for model.safetensors, card.json, folds.tsv (out-of-fold predictions), metrics.tsv and coverage.tsv.
    experiment
        What to do.
    fold
        (n_lines,) fold of each line, from 1; made at random unless given.
    progress
        Called with what was done and the share of it that is done.

    Returns
    -------
    TrainedResponse
        As saved: read back from `out`.

    Raises
    ------
    InputError
        There are too few lines or compounds.
    """
    plan = experiment or ResponseExperiment()
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    data, notes = measured_often(data)
    held_out = cross_validate(data, plan, fold, folder / ".parts", progress, final=True)
    figures = summarise(held_out)
    coverage = response_coverage(held_out)
    intervals = _intervals(held_out)
    card = {
        **plan.description,
        "seed": plan.seed,
        "notes": [*plan.description.get("notes", []), *notes],
        "settings": held_out.settings,
        "figures": figures,
        "coverage": _told_coverage(coverage),
    }
    model = TrainedResponse.of(data, held_out.final, plan.model, intervals, fit_domain(held_out), card)
    columns = plan.description.get("columns", {})
    names = {"line": columns.get("line", "line"), "compound": columns.get("drug", "compound")}
    write_table(held_out.long(plan.seed).rename(columns=names), folder / "folds.tsv")
    write_table(response_metrics(held_out, plan.seed, figures), folder / "metrics.tsv")
    write_table(coverage, folder / "coverage.tsv")
    save_response(model, folder)
    shutil.rmtree(folder / ".parts")
    return load_response(folder)


def cross_validate(
    data: ResponseData,
    plan: ResponseExperiment,
    fold: NDArray[np.int64] | None = None,
    keep: Path | None = None,
    progress: Progress | None = None,
    *,
    final: bool = False,
) -> HeldOut:
    """Predict what is held out, by every model in every setting.

    Parameters
    ----------
    data
        Responses, profiles and structures.
    plan
        What to hold out.
    fold
        (n_lines,) fold of each line, from 1; made at random unless given.
    keep
        Folder of finished fits, which are not done again; none are kept unless given.
    progress
        Called with what was done and the share of it that is done.
    final
        Fit the model to all data too.

    Returns
    -------
    HeldOut
        Predictions (lines, compounds) by setting and model.
    """
    import tempfile

    folds = _folds(data, plan, fold)
    shared = Shared(data, folds, plan.model, plan.seed)
    models = [MODEL, *(BASELINES if plan.baselines else ("means",))]
    work = [Part(ALL, 0, MODEL)] if final else []
    for setting in folds:
        names = [MODEL] if setting == "compound" else models
        work += [Part(setting, int(number), name) for name in names for number in np.unique(folds[setting])]
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) if keep is None else keep / _digest(data, folds, plan)
        fitted = run_fits(work, fit_part, shared, place, workers=plan.workers, progress=progress)
    return _put_together(data, plan, folds, fitted)


def measured_often(data: ResponseData) -> tuple[ResponseData, list[str]]:
    """Leave out compounds measured in fewer than `MIN_LINES` lines, and then lines without a value; say so.

    Raises
    ------
    InputError
        Nothing is left.
    """
    counts = (~np.isnan(data.table.values)).sum(axis=0)
    often = np.flatnonzero(counts >= MIN_LINES)
    if not len(often):
        raise InputError(
            f"no compound is measured in {MIN_LINES} lines that have a profile", field="response",
            expected=f"compounds with {MIN_LINES} values or more",
        )  # fmt: skip
    notes = []
    if len(often) < len(counts):
        rare = [data.table.compound_ids[column] for column in np.flatnonzero(counts < MIN_LINES)]
        notes.append(
            f"{len(rare)} compounds are measured in fewer than {MIN_LINES} lines with a profile and are left out: "
            + ", ".join(rare[:5]) + (", ..." if len(rare) > 5 else "")
        )  # fmt: skip
    left = data.part(np.full(len(data.table.line_ids), True), often)
    empty = np.asarray(np.isnan(left.table.values).all(axis=1))
    if empty.any():
        notes.append(f"{empty.sum()} lines without a value are left out")
    return left.part(np.flatnonzero(~empty)), notes


def _folds(
    data: ResponseData, plan: ResponseExperiment, fold: NDArray[np.int64] | None
) -> dict[str, NDArray[np.int64]]:
    """Fold of each line or compound, by what is held out."""
    n_lines = len(data.table.line_ids)
    line = group_folds(np.arange(n_lines), plan.n_folds, plan.seed) if fold is None else fold
    if len(np.unique(line)) < 2 or np.bincount(line)[1:].min() < 2:
        raise InputError(
            f"{n_lines} lines are too few for {plan.n_folds} folds",
            field="folds",
            expected="two lines in each",
        )
    folds = {"line": line}
    if "tissue" in plan.settings and len(set(data.tissue)) > 1:
        _, number = np.unique(np.array(data.tissue), return_inverse=True)
        folds["tissue"] = group_folds(number, min(plan.n_folds, len(set(data.tissue))), plan.seed)
    if {"compound", "both"} & set(plan.settings) and sum(map(bool, data.smiles)) == len(data.smiles) > 1:
        groups = scaffold_groups(data.smiles)
        n_folds = min(len(np.unique(line)), len(np.unique(groups)))
        if n_folds > 1:
            folds["compound"] = group_folds(groups, n_folds, plan.seed)
    return folds


def _digest(data: ResponseData, folds: Mapping[str, NDArray[np.int64]], plan: ResponseExperiment) -> str:
    told = hashlib.sha256(repr((data.digest, plan.model, plan.seed)).encode())
    for name, fold in folds.items():
        told.update(name.encode() + fold.tobytes())
    return told.hexdigest()[:16]


def _put_together(
    data: ResponseData,
    plan: ResponseExperiment,
    folds: dict[str, NDArray[np.int64]],
    fitted: dict[Part, dict[str, NDArray[Any]]],
) -> HeldOut:
    """Matrices of all folds, the parts of the model joined."""
    values = data.table.values
    held_out = HeldOut(data, folds, final=fitted.get(Part(ALL, 0, MODEL), {}))
    parts: dict[str, dict[str, Array]] = {}
    for part, arrays in fitted.items():
        if part.setting in ("line", "tissue"):
            rows = folds[part.setting] == part.fold
            target = parts.setdefault(part.setting, {}) if part.model == MODEL else {}
            for name, array in arrays.items():
                if part.model == MODEL:
                    target.setdefault(name, np.full(values.shape, np.nan))[rows] = array
                else:
                    held_out.matrix(part.setting, part.model)[rows] = array
    for setting, told in parts.items():
        _join_line_parts(held_out, setting, told, plan)
    if "compound" in folds:
        compound = {part.fold: arrays for part, arrays in fitted.items() if part.setting == "compound"}
        _join_compound_parts(held_out, compound, plan)
    return held_out


def _join_line_parts(
    held_out: HeldOut, setting: str, parts: dict[str, Array], plan: ResponseExperiment
) -> None:
    fold, values = held_out.folds[setting], held_out.data.table.values
    means = held_out.means[setting] = np.full(values.shape, np.nan)
    for number in np.unique(fold):
        means[fold == number] = compound_means(values[fold != number])
    mix = plan.model.mix_for(list(held_out.data.profiles))
    held_out.matrix(setting, MODEL)[:] = sum_of_parts(parts, mix)
    held_out.matrix(setting, "profile_mean")[:] = parts["compound_mean"] + parts["profile_mean"]
    for place, name in enumerate(PARTS):
        alone = [float(place == other) for other in range(len(PARTS))]
        held_out.matrix(setting, f"{name}_alone")[:] = sum_of_parts(parts, alone)


def _join_compound_parts(
    held_out: HeldOut, fitted: dict[int, dict[str, Array]], plan: ResponseExperiment
) -> None:
    """Held-out compounds in all lines: those of the fold are new too (``both``), the others were trained on."""
    values, of_line, of_compound = (
        held_out.data.table.values,
        held_out.folds["line"],
        held_out.folds["compound"],
    )
    wanted = [name for name in ("compound", "both") if name in plan.settings]
    mix = plan.model.mix_for(list(held_out.data.profiles))
    for number, arrays in fitted.items():
        old_lines, new = of_line != number, of_compound == number
        told = {"means": arrays["means"], "nearest_compound": arrays["nearest_compound"],
                MODEL: sum_of_parts(arrays, mix)}  # fmt: skip
        for setting in wanted:
            lines = old_lines if setting == "compound" else ~old_lines
            for name, prediction in told.items():
                held_out.matrix(setting, name)[np.ix_(lines, new)] = prediction[lines]
    for setting in wanted:
        # Of a new compound the mean is unknown; figures compare with its own mean over all lines.
        held_out.means[setting] = np.tile(compound_means(values), (len(values), 1))


def compound_means(values: Array) -> Array:
    """(compounds,) means over the lines measured, NaN without any.

    Examples
    --------
    >>> compound_means(np.array([[1.0, np.nan], [3.0, np.nan]])).tolist()
    [2.0, nan]
    """
    there = ~np.isnan(values)
    total = np.where(there, values, 0).sum(axis=0)
    return np.divide(total, there.sum(axis=0), out=np.full(values.shape[1], np.nan), where=there.any(axis=0))


def _told_coverage(coverage: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of all pairs for the card; JSON has neither infinity nor NaN."""
    told = coverage.loc[coverage["by"] == "all", ["setting", "level", "n", "coverage", "median_width"]]
    widths = [width if np.isfinite(width) else None for width in told["median_width"]]
    return [{**row, "median_width": w} for row, w in zip(told.to_dict("records"), widths, strict=True)]  # type: ignore[dict-item]


def _intervals(held_out: HeldOut) -> ResponseIntervals:
    values = held_out.data.table.values
    by_line = {
        setting: CompoundErrors.fit(values, held_out.tables[setting][MODEL])
        for setting in ("line", "tissue")
        if setting in held_out.settings
    }
    compound = None
    setting = "both" if "both" in held_out.settings else "compound"
    if setting in held_out.settings:
        error = values - held_out.tables[setting][MODEL]
        line, column = np.nonzero(~np.isnan(error))
        groups = scaffold_groups(held_out.data.smiles)
        compound = GroupErrors.fit(error[line, column], np.zeros(len(line)), groups[column])
    return ResponseIntervals(by_line["line"], by_line.get("tissue"), compound)


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a TSV whole or not at all."""
    temporary = path.with_name(f"{path.name}.tmp-{os.getpid()}")
    table.to_csv(temporary, sep="\t", index=False, float_format="%.6g")
    os.replace(temporary, path)
