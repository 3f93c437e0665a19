"""Nested cross-validation: each outer fold judges settings and epochs that were chosen without it.

A model brings one callable that fits on some rows and scores others. Choosing settings on the folds that judge
them makes every model look better than it is, and most those with most settings (Cawley and Talbot, 2010).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chem.errors import InputError
from models.search import SearchResult, Settings, Space, read_json, search_settings, try_settings, write_json


@dataclass(frozen=True)
class Fit:
    """What came of one fit.

    Attributes
    ----------
    score
        Of the held-out rows; lower is better.
    n_epochs
        Epochs the fit took, chosen on the held-out rows where that was allowed; 0 where there are none.
    predictions
        (n_held_out,) where wanted, else empty.
    """

    score: float
    n_epochs: int = 0
    predictions: Sequence[float] | NDArray[np.float64] = ()


FitAndScore = Callable[[Settings, NDArray[np.int64], NDArray[np.int64], int | None], Fit]
"""Called with settings, rows to train on, held-out rows, and the epochs. Epochs of None ask for the best number by
the held-out rows (early stopping); a number is kept to, and the held-out rows are scored only."""


@dataclass(frozen=True)
class Choice:
    """Settings and epochs that cross-validation chose.

    Attributes
    ----------
    settings
        Of the lowest mean score over the folds.
    n_epochs
        Median over the folds, of those settings.
    score
        That mean; too good, because it was chosen by.
    search
        All that was tried.
    """

    settings: Settings
    n_epochs: int
    score: float
    search: SearchResult


@dataclass(frozen=True)
class NestedResult:
    """Scores of outer folds.

    Attributes
    ----------
    table
        One row per outer fold: fold, n_train, n_test, score, inner_score (of the choice), n_epochs, and the
        chosen settings by name.
    trials
        One row per outer fold and trial.
    predictions
        (n_rows,) of each row by the fit that did not see it; NaN where there is none.
    """

    table: pd.DataFrame
    trials: pd.DataFrame
    predictions: NDArray[np.float64]


def nested_cross_validation(
    folds: NDArray[np.int64],
    settings: Space | Sequence[Settings],
    fit_and_score: FitAndScore,
    *,
    n_trials: int = 20,
    seed: int = 0,
    store: Path | None = None,
) -> NestedResult:
    """Judge a model with its search: on each outer fold, by what the other folds choose among themselves.

    Parameters
    ----------
    folds
        (n_rows,) fold of each row, from 1; rows of 0 or below belong to none and are left out. The other outer
        folds are the inner ones, so rows kept together by the split stay together.
    settings
        A space to search (`models.search.search_settings`), or the settings to choose from.
    fit_and_score
        See `FitAndScore`.
    n_trials
        Of each search of a space.
    seed
        Of the searches.
    store
        Folder that keeps every fit, so that a killed run repeats none; for one model and one table of data.

    Returns
    -------
    NestedResult
        Scores, choices and predictions.

    Raises
    ------
    InputError
        Fewer than three folds, or no settings that do not diverge.
    FloatingPointError
        The chosen settings diverge on an outer fold.

    References
    ----------
    Cawley and Talbot, On over-fitting in model selection, JMLR 2010.

    Examples
    --------
    >>> y = np.array([1.0, 2.0, 1.0, 3.0, 2.0, 2.0])
    >>> def fit_and_score(settings, train, held_out, n_epochs):
    ...     guess = settings["shrink"] * y[train].mean()
    ...     return Fit(float(np.mean((y[held_out] - guess) ** 2)), predictions=[guess] * len(held_out))
    >>> candidates = [{"shrink": 0.5}, {"shrink": 1.0}]
    >>> nested_cross_validation(np.array([1, 1, 2, 2, 3, 3]), candidates, fit_and_score).table["shrink"].tolist()
    [1.0, 1.0, 1.0]
    """
    folds = _checked(folds, 3)
    fits = _Fits(fit_and_score, store)
    rows, trials = [], []
    predictions = np.full(len(folds), np.nan)
    for outer in np.unique(folds[folds > 0]):
        others = np.where(folds == outer, 0, folds)
        choice = choose_settings(others, settings, fits, n_trials=n_trials, seed=seed)
        train, test = np.flatnonzero(others > 0), np.flatnonzero(folds == outer)
        judged = fits(choice.settings, train, test, choice.n_epochs)
        if not math.isfinite(judged.score):
            raise FloatingPointError(f"the chosen settings {choice.settings} diverge on fold {outer}")
        if len(judged.predictions):
            predictions[test] = judged.predictions
        rows.append(
            {
                "fold": int(outer), "n_train": len(train), "n_test": len(test), "score": judged.score,
                "inner_score": choice.score, "n_epochs": choice.n_epochs, **choice.settings,
            }
        )  # fmt: skip
        trials.append(choice.search.table().assign(fold=int(outer)))
    return NestedResult(pd.DataFrame(rows), pd.concat(trials, ignore_index=True), predictions)


def choose_settings(
    folds: NDArray[np.int64],
    settings: Space | Sequence[Settings],
    fit_and_score: FitAndScore,
    *,
    n_trials: int = 20,
    seed: int = 0,
    store: Path | None = None,
) -> Choice:
    """Choose settings and the number of epochs by plain cross-validation, as for a last fit on all rows.

    Parameters
    ----------
    folds, settings, fit_and_score, n_trials, seed, store
        As in `nested_cross_validation`; two folds are enough.

    Returns
    -------
    Choice
        Of the lowest mean score over the folds.

    Raises
    ------
    InputError
        Fewer than two folds, or all settings diverge.
    """
    folds = _checked(folds, 2)
    fits = fit_and_score if isinstance(fit_and_score, _Fits) else _Fits(fit_and_score, store)
    parts = [
        (np.flatnonzero((folds > 0) & (folds != inner)), np.flatnonzero(folds == inner))
        for inner in np.unique(folds[folds > 0])
    ]

    def mean_score(tried: Settings) -> float:
        return float(np.mean([fits(tried, train, held_out, None).score for train, held_out in parts]))

    if isinstance(settings, Sequence):
        found = try_settings(mean_score, settings)
    else:
        found = search_settings(mean_score, settings, n_trials, seed=seed)
    best = found.best
    epochs = [fits(best.settings, train, held_out, None).n_epochs for train, held_out in parts]
    return Choice(best.settings, round(float(np.median(epochs))), best.value, found)


class _Fits:
    """A callable that fits, and remembers what it was asked by settings and rows; infinite score: diverged."""

    def __init__(self, fit_and_score: FitAndScore, store: Path | None) -> None:
        self.fit_and_score, self.store = fit_and_score, store
        self.known: dict[str, Fit] = {}
        if store is not None:
            store.mkdir(parents=True, exist_ok=True)

    def __call__(
        self, settings: Settings, train: NDArray[np.int64], held_out: NDArray[np.int64], n_epochs: int | None
    ) -> Fit:
        key = hashlib.sha256(json.dumps([settings, n_epochs], sort_keys=True).encode())
        key.update(np.concatenate([[len(train)], train, held_out]).astype(np.int64).tobytes())
        name = key.hexdigest()[:32]
        if name not in self.known:
            self.known[name] = self._stored(name, settings, train, held_out, n_epochs)
        return self.known[name]

    def _stored(
        self,
        name: str,
        settings: Settings,
        train: NDArray[np.int64],
        held_out: NDArray[np.int64],
        n_epochs: int | None,
    ) -> Fit:
        file = None if self.store is None else self.store / f"{name}.json"
        if file is not None and file.exists():
            return Fit(**read_json(file))
        try:
            fit = self.fit_and_score(dict(settings), train, held_out, n_epochs)
        except FloatingPointError:
            fit = Fit(math.inf)
        fit = Fit(float(fit.score), int(fit.n_epochs), [float(value) for value in fit.predictions])
        if file is not None:
            content = {"score": fit.score, "n_epochs": fit.n_epochs, "predictions": fit.predictions}
            write_json(file, content)
        return fit


def _checked(folds: NDArray[np.int64], least: int) -> NDArray[np.int64]:
    folds = np.asarray(folds)
    n_folds = len(np.unique(folds[folds > 0]))
    if n_folds < least:
        raise InputError(
            f"{n_folds} folds", field="folds", expected=f"{least} or more, so that one can choose for another"
        )
    return folds
