"""Search for settings over a declared space, resumable: a small one, for what cross-validation can pay for.

The trials are kept in one JSON file of their own rather than in a study of Optuna's, which proposes each trial
from those before it and a generator of the trial's number. So a search that was killed proposes what it would
have proposed, no trial stays half done, and a longer search begins with the trials of a shorter one.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from chem.errors import InputError

Settings = dict[str, Any]
Space = Mapping[str, tuple[Any, ...]]
Objective = Callable[[Settings], float]
_FORMAT = "varimol search 1"
_PLAIN = (str, int, float)
_KINDS = {
    "log": "('log', low, high) with numbers 0 < low < high",
    "linear": "('linear', low, high) with numbers low < high",
    "int": "('int', low, high) with whole numbers low < high",
    "choice": "('choice', [...]) with two or more different texts, numbers or truth values",
}


@dataclass(frozen=True)
class Trial:
    """One set of settings and what came of it.

    Attributes
    ----------
    number
        From 0.
    settings
        Value of each name.
    value
        Lower is better; infinite where the training diverged.
    seconds
        Spent on it.
    """

    number: int
    settings: Settings
    value: float
    seconds: float


@dataclass(frozen=True)
class SearchResult:
    """The trials of a search.

    Attributes
    ----------
    trials
        In the order of their numbers.
    """

    trials: tuple[Trial, ...]

    @property
    def best(self) -> Trial:
        """The first trial of the lowest value; an `InputError` where all diverged."""
        best = min(self.trials, key=lambda trial: (trial.value, trial.number), default=None)
        if best is None or not math.isfinite(best.value):
            raise InputError(
                f"none of {len(self.trials)} trials gave a finite value", hint="lower the learning rates"
            )
        return best

    def table(self) -> pd.DataFrame:
        """One row per trial: trial, the settings by name, value, seconds."""
        rows = [
            {"trial": trial.number, **trial.settings, "value": trial.value, "seconds": trial.seconds}
            for trial in self.trials
        ]
        return pd.DataFrame(rows)


def search_settings(
    objective: Objective, space: Space, n_trials: int, *, seed: int = 0, store: Path | None = None
) -> SearchResult:
    """Look for the settings of the lowest value by the tree-structured Parzen estimator.

    Parameters
    ----------
    objective
        Value of given settings; lower is better. A `FloatingPointError` in it is a trial of infinite value.
    space
        What to try by name: ``("log", low, high)``, ``("linear", low, high)``, ``("int", low, high)`` (both
        ends included) or ``("choice", [...])``.
    n_trials
        Trials in all, those in the store included.
    seed
        Of the proposals.
    store
        File that keeps each finished trial. Where it exists, the search goes on from it.

    Returns
    -------
    SearchResult
        All trials.

    Raises
    ------
    InputError
        The space is none, the objective gives no number, the store is of another search or cut short, or
        Optuna is not installed.

    References
    ----------
    Bergstra et al., Algorithms for hyper-parameter optimization, 2011; Akiba et al., Optuna, 2019.

    Examples
    --------
    >>> found = search_settings(lambda s: (s["x"] - 3) ** 2, {"x": ("linear", 0.0, 10.0)}, 30, seed=1)
    >>> len(found.table()), abs(found.best.settings["x"] - 3) < 0.5
    (30, True)
    """
    optuna = _optuna()
    _refuse_bad_space(space)
    what = {"space": {name: list(declared) for name, declared in space.items()}, "seed": seed}

    def propose(done: Sequence[Trial]) -> Settings:
        return _propose(optuna, space, seed, done)

    return _run_trials(objective, propose, n_trials, what, store)


def try_settings(
    objective: Objective, candidates: Sequence[Settings], *, store: Path | None = None
) -> SearchResult:
    """Measure every one of some given settings.

    Parameters
    ----------
    objective, store
        As in `search_settings`.
    candidates
        Settings, in the order of the trials.

    Returns
    -------
    SearchResult
        One trial per candidate.

    Examples
    --------
    >>> try_settings(lambda s: abs(s["alpha"] - 1), [{"alpha": a} for a in (0.1, 1.0, 10.0)]).best.settings
    {'alpha': 1.0}
    """
    listed = [dict(candidate) for candidate in candidates]
    if not listed:
        raise InputError("no settings to try", field="candidates", expected="one or more")
    for number, settings in enumerate(listed, start=1):
        if not all(value is None or isinstance(value, _PLAIN) for value in settings.values()):
            raise InputError(
                f"{settings} cannot be kept in a file",
                record=number,
                field="candidates",
                expected="texts, numbers and truth values",
            )
    return _run_trials(objective, lambda done: listed[len(done)], len(listed), {"candidates": listed}, store)


def write_json(path: Path, content: Any) -> None:
    """Write a small file so that it is there as a whole or not at all."""
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def read_json(path: Path) -> Any:
    """Read what `write_json` has written; an `InputError` names a file that is something else."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read: {error}", file=path, hint="delete it to start anew") from None


def _run_trials(
    objective: Objective,
    propose: Callable[[Sequence[Trial]], Settings],
    n_trials: int,
    what: dict[str, Any],
    store: Path | None,
) -> SearchResult:
    trials = [] if store is None or not store.exists() else _stored(store, what)
    while len(trials) < n_trials:
        settings = propose(trials)
        start = time.perf_counter()
        value = _value(objective, settings)
        trials.append(Trial(len(trials), settings, value, time.perf_counter() - start))
        if store is not None:
            write_json(store, {"format": _FORMAT, **what, "trials": [asdict(trial) for trial in trials]})
    return SearchResult(tuple(trials[:n_trials]))


def _value(objective: Objective, settings: Settings) -> float:
    try:
        value = float(objective(dict(settings)))
    except FloatingPointError:  # these settings diverge, which is an answer
        return math.inf
    if math.isnan(value):
        raise InputError(f"the objective of {settings} is no number", field="value", expected="a number")
    return value


def _stored(store: Path, what: dict[str, Any]) -> list[Trial]:
    saved = read_json(store)
    if not isinstance(saved, dict) or saved.get("format") != _FORMAT:
        raise InputError("is no file of a search", file=store, field="format", expected=_FORMAT)
    # Through JSON and back, as the saved one went.
    for name, wanted in json.loads(json.dumps(what)).items():
        if saved.get(name) != wanted:
            raise InputError(
                f"is of another search: {saved.get(name)} there, {wanted} here",
                file=store,
                field=name,
                hint="name another file, or delete this one",
            )
    return [Trial(**trial) for trial in saved["trials"]]


def _propose(optuna: ModuleType, space: Space, seed: int, done: Sequence[Trial]) -> Settings:
    """Settings of the next trial, from those done and the seed alone."""
    own_seed = int(np.random.SeedSequence([seed, len(done)]).generate_state(1)[0])
    distributions = {name: _distribution(optuna, *declared) for name, declared in space.items()}
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=own_seed))
    finally:
        optuna.logging.set_verbosity(level)
    study.add_trials(
        [
            optuna.trial.create_trial(params=trial.settings, distributions=distributions, value=trial.value)
            for trial in done
        ]
    )
    return dict(study.ask(distributions).params)


def _distribution(optuna: ModuleType, kind: str, *bounds: Any) -> Any:
    if kind == "choice":
        return optuna.distributions.CategoricalDistribution(bounds[0])
    if kind == "int":
        return optuna.distributions.IntDistribution(*bounds)
    return optuna.distributions.FloatDistribution(*bounds, log=kind == "log")


def _refuse_bad_space(space: Space) -> None:
    if not space:
        raise InputError("nothing to search", field="space", expected="one name or more")
    for name, declared in space.items():
        kind = declared[0] if declared else None
        expected = _KINDS.get(kind) if isinstance(kind, str) else None
        if expected is None:
            raise InputError(f"{declared!r} is no range", field=name, expected="; or ".join(_KINDS.values()))
        if not (_right_choice if kind == "choice" else _right_range)(*declared):
            raise InputError(f"{declared!r} is no range", field=name, expected=expected)


def _right_choice(kind: str, *rest: Any) -> bool:
    if len(rest) != 1 or not isinstance(rest[0], list | tuple):
        return False
    plain = all(isinstance(value, _PLAIN) for value in rest[0])
    return plain and len({repr(value) for value in rest[0]}) == len(rest[0]) >= 2


def _right_range(kind: str, *bounds: Any) -> bool:
    types = (int,) if kind == "int" else (int, float)
    if len(bounds) != 2 or not all(isinstance(b, types) and not isinstance(b, bool) for b in bounds):
        return False
    low, high = bounds
    return math.isfinite(low) and math.isfinite(high) and low < high and (kind != "log" or low > 0)


def _optuna() -> ModuleType:
    try:
        import optuna
    except ImportError:
        raise InputError(
            "searching needs Optuna, which is not installed", hint="pip install 'varimol[search]'"
        ) from None
    return optuna
