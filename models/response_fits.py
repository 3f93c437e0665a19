"""The fits that a response experiment is made of: the model and the plain ones, on lines, tissues or compounds held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.new_compounds import count_tanimoto
from models.response import ResponseModel
from models.response_baselines import RESPONSE_BASELINES, AnovaRidge, KernelRidge
from models.response_data import ResponseData
from models.response_protocol import ResponseBaseline
from models.response_residuals import MIN_VALUES
from models.response_settings import ResponseSettings

Array = NDArray[np.float64]
MODEL = "response_model"
PARTS = ("network", "kernel", "markers")
"""What the interaction is the weighted sum of."""
ALL = "all"
BASELINES = {make.name: make for make in RESPONSE_BASELINES}


@dataclass(frozen=True)
class Part:
    """One fit: a model, without one fold of one setting."""

    setting: str
    fold: int
    model: str

    def __str__(self) -> str:
        return f"{self.setting}-{self.fold}-{self.model}"


@dataclass(frozen=True)
class Shared:
    """What all fits read.

    Attributes
    ----------
    data
        All lines and compounds.
    folds
        Fold of each line by setting ``line`` and ``tissue``, and of each compound by ``compound``, from 1.
    settings
        Of the response model.
    seed
        Of everything random.
    """

    data: ResponseData
    folds: dict[str, NDArray[np.int64]]
    settings: ResponseSettings
    seed: int


def fit_part(shared: Shared, part: Part) -> dict[str, NDArray[Any]]:
    """Fit one model; return what it says of what was held out, or of all data its arrays."""
    data = shared.data
    if part.setting == ALL:
        model = fit_model(data, shared.settings, shared.seed, structures=True)
        return model.to_arrays()
    if part.setting == "compound":
        return new_compound_parts(shared, part.fold)
    train = shared.folds[part.setting] != part.fold
    if part.model == MODEL:
        return line_parts(data, train, shared.settings, shared.seed)
    return {"prediction": plain_prediction(part.model, data, train, shared.seed)}


def fit_model(
    data: ResponseData, settings: ResponseSettings, seed: int, *, structures: bool = False
) -> ResponseModel:
    """Fit the response model to all of some data."""
    return ResponseModel.fit(
        data.table.values, data.profiles, data.fingerprints if structures else None, data.teacher or None, settings,
        seed, gene_weight=data.gene_weight or None,
    )  # fmt: skip


def line_parts(
    data: ResponseData, train: NDArray[np.bool_], settings: ResponseSettings, seed: int
) -> dict[str, Array]:
    """What the model's parts say of the lines that are not in `train`, each with its full weight.

    Returns
    -------
    dict
        compound_mean, profile_mean and `PARTS`, (held-out lines, compounds); NaN for a compound with too few
        values in training.
    """
    enough = _measured_often(data, train)
    model = fit_model(data.part(train, enough), replace(settings, mix=(1.0, 1.0, 1.0)), seed)
    told = model.parts({name: block[~train] for name, block in data.profiles.items()})
    return {name: _spread(values, enough, data.table.values.shape[1]) for name, values in told.items()}


def plain_prediction(name: str, data: ResponseData, train: NDArray[np.bool_], seed: int) -> Array:
    """(held-out lines, compounds) predictions of a plain model, NaN as in `line_parts`."""
    enough = _measured_often(data, train)
    features = plain_features(data, train, scaled=BASELINES[name] is KernelRidge)
    model = plain_model(name, data, seed)
    model.fit(data.table.values[train][:, enough], features[train])
    return _spread(model.predict(features[~train]), enough, data.table.values.shape[1])


def plain_model(name: str, data: ResponseData, seed: int) -> ResponseBaseline:
    """An unfitted plain model; the analysis of variance takes the covariates' columns for what they are."""
    if BASELINES[name] is not AnovaRidge:
        return BASELINES[name](seed=seed)
    widths = [block.shape[1] for block in data.profiles.values()]
    place = list(data.profiles).index("covariates") if "covariates" in data.profiles else len(widths)
    start = sum(widths[:place])
    return AnovaRidge(covariates=range(start, start + sum(widths[place : place + 1])), seed=seed)


def plain_features(data: ResponseData, train: NDArray[np.bool_], *, scaled: bool) -> Array:
    """Blocks side by side; `scaled`: centred, and each brought to one mean square length, by the training lines."""
    parts = []
    for block in data.profiles.values():
        x = np.asarray(block, np.float64)
        if scaled:
            there = ~np.isnan(x[train])
            total = np.where(there, x[train], 0).sum(axis=0)
            x = np.nan_to_num(x - total / np.maximum(there.sum(axis=0), 1))
            x = x / max(np.sqrt((x[train] ** 2).sum(axis=1).mean()), 1e-12)
        parts.append(x)
    return np.concatenate(parts, axis=1)


def new_compound_parts(shared: Shared, fold: int) -> dict[str, Array]:
    """What is said of all lines and the compounds of a fold, fitted without those and without the lines of that fold.

    Returns
    -------
    dict
        compound_mean, profile_mean and `PARTS` (lines, held-out compounds), with ``means``, the mean of all training
        compounds with the line's, and ``nearest_compound``, the prediction of the most alike one.
    """
    data, new = shared.data, shared.folds["compound"] == fold
    train = shared.folds["line"] != fold
    known = np.flatnonzero(~new)
    known = known[_measured_often(data.part(train, known), np.full(train.sum(), True))]
    counts = data.fingerprints
    assert counts is not None
    model = fit_model(
        data.part(train, known), replace(shared.settings, mix=(1.0, 1.0, 1.0)), shared.seed, structures=True
    )
    assert model.compounds is not None
    told = model.parts(data.profiles)
    nearest = count_tanimoto(counts[new], counts[known]).argmax(axis=1)
    profile_mean = told["profile_mean"][:, :1]
    shape = (len(train), int(new.sum()))
    moved = {name: model.compounds.interaction(counts[new], told[name]) for name in PARTS}
    return {
        "compound_mean": np.tile(model.compounds.mean(counts[new], model.compound_mean), (shape[0], 1)),
        "profile_mean": np.broadcast_to(profile_mean, shape),
        **moved,
        "means": np.broadcast_to(model.compound_mean.mean() + profile_mean, shape),
        "nearest_compound": sum_of_parts(told, shared.settings.mix_for(list(data.profiles)))[:, nearest],
    }


def sum_of_parts(parts: dict[str, Array], mix: Sequence[float]) -> Array:
    """Prediction by the parts' weights, in the order of `PARTS`."""
    moved = sum(weight * parts[name] for name, weight in zip(PARTS, mix, strict=True))
    return np.asarray(parts["compound_mean"] + parts["profile_mean"] + moved)


def _measured_often(data: ResponseData, train: NDArray[np.bool_]) -> NDArray[np.int64]:
    counts = (~np.isnan(data.table.values[train])).sum(axis=0)
    return np.flatnonzero(counts >= MIN_VALUES)


def _spread(values: Array, columns: NDArray[np.int64], n_columns: int) -> Array:
    full = np.full((len(values), n_columns), np.nan)
    full[:, columns] = values
    return full
