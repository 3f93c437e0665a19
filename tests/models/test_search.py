"""The search over declared spaces."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chem.errors import InputError
from models.search import SearchResult, Settings, Space, search_settings, try_settings

SPACE: Space = {
    "rate": ("log", 1e-4, 1e-1),
    "dropout": ("linear", 0.0, 0.5),
    "n_layers": ("int", 1, 6),
    "core": ("choice", ["gine", "gps", "dmpnn"]),
}


@pytest.fixture
def optuna() -> Any:
    return pytest.importorskip("optuna", reason="Optuna (varimol[search]) is not installed")


def valley(tried: Settings) -> float:
    """Lowest, 0, at a rate of 1e-2, no dropout, four layers and gps."""
    return (
        (math.log10(tried["rate"]) + 2) ** 2
        + tried["dropout"]
        + 0.1 * abs(tried["n_layers"] - 4)
        + (tried["core"] != "gps")
    )


def told(result: SearchResult) -> list[tuple[Settings, float]]:
    return [(trial.settings, trial.value) for trial in result.trials]


def test_search_settings__finds_the_valley(optuna: Any) -> None:
    """Later trials are better than the first, random ones, and the best is better than random search's."""
    values = [
        [trial.value for trial in search_settings(valley, SPACE, 40, seed=seed).trials] for seed in range(3)
    ]
    assert np.mean(values, axis=0)[30:].mean() < 0.5 * np.mean(values, axis=0)[:10].mean()
    rng = np.random.default_rng(0)
    random = [
        min(
            valley(
                {
                    "rate": 10 ** rng.uniform(-4, -1), "dropout": rng.uniform(0, 0.5),
                    "n_layers": rng.integers(1, 7), "core": rng.choice(["gine", "gps", "dmpnn"]),
                }
            )
            for _ in range(40)
        )
        for _ in range(50)
    ]  # fmt: skip
    assert np.mean(np.min(values, axis=1)) < np.mean(random)


def test_search_settings__same_seed_same_trials(optuna: Any) -> None:
    first = told(search_settings(valley, SPACE, 14, seed=3))
    assert first == told(search_settings(valley, SPACE, 14, seed=3))
    assert first != told(search_settings(valley, SPACE, 14, seed=4))
    assert first[:12] == told(search_settings(valley, SPACE, 12, seed=3))
    assert len({tried["rate"] for tried, _ in first}) == 14


def test_search_settings__goes_on_where_it_was_killed(optuna: Any, tmp_path: Path) -> None:
    calls = 0

    def killed(tried: Settings) -> float:
        nonlocal calls
        calls += 1
        if calls in (1, 5, 14):
            raise KeyboardInterrupt
        return valley(tried)

    store = tmp_path / "search.json"
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            search_settings(killed, SPACE, 15, seed=3, store=store)
    resumed = search_settings(killed, SPACE, 15, seed=3, store=store)
    assert calls == 18
    assert told(resumed) == told(search_settings(valley, SPACE, 15, seed=3))
    assert told(search_settings(killed, SPACE, 4, seed=3, store=store)) == told(resumed)[:4]
    assert calls == 18
    assert [path.name for path in tmp_path.iterdir()] == ["search.json"]


def test_search_settings__table(optuna: Any) -> None:
    result = search_settings(valley, SPACE, 4)
    table = result.table()
    assert list(table) == ["trial", *SPACE, "value", "seconds"]
    assert table["value"].min() == result.best.value
    assert isinstance(result.best.settings["n_layers"], int)


def test_search_settings__a_trial_that_diverges_is_an_answer(optuna: Any, tmp_path: Path) -> None:
    def diverging(tried: Settings) -> float:
        if tried["rate"] > 1e-2:
            raise FloatingPointError("the loss of step 3 is nan")
        return valley(tried)

    store = tmp_path / "search.json"
    found = search_settings(diverging, SPACE, 25, store=store)
    assert any(math.isinf(trial.value) for trial in found.trials)
    assert found.best.settings["rate"] <= 1e-2
    assert told(search_settings(diverging, SPACE, 25, store=store)) == told(found)
    with pytest.raises(InputError, match="none of 3 trials gave a finite value"):
        _ = search_settings(lambda tried: math.inf, SPACE, 3).best


def test_search_settings__refuses_a_value_that_is_no_number(optuna: Any) -> None:
    with pytest.raises(InputError, match=r"field value: the objective of \{.*\} is no number"):
        search_settings(lambda tried: math.nan, SPACE, 2)


@given(
    low=st.floats(1e-6, 1e3), factor=st.floats(1.1, 1e4), first=st.integers(-50, 50), span=st.integers(1, 9)
)
@settings(max_examples=15)
def test_search_settings__stays_within_the_space(low: float, factor: float, first: int, span: int) -> None:
    pytest.importorskip("optuna", reason="Optuna (varimol[search]) is not installed")
    space: Space = {
        "log": ("log", low, low * factor),
        "linear": ("linear", -low, low),
        "int": ("int", first, first + span),
        "choice": ("choice", [True, "a", 2.5]),
    }
    for trial in search_settings(lambda tried: 0.0, space, 3).trials:
        assert low <= trial.settings["log"] <= low * factor
        assert -low <= trial.settings["linear"] <= low
        assert trial.settings["int"] in range(first, first + span + 1)
        assert trial.settings["choice"] in [True, "a", 2.5]


@pytest.mark.parametrize(
    "declared",
    [
        ("log", 0.0, 1.0), ("log", 1.0, 0.1), ("log", 1.0), ("linear", 1.0, 1.0), ("linear", 0.0, math.inf),
        ("int", 1, 2.5), ("int", 1, True), ("choice", []), ("choice", ["a"]), ("choice", ["a", "a"]),
        ("choice", "ab"), ("choice", [[1], [2]]), ("normal", 0.0, 1.0), (), (["log"], 1.0, 2.0),
    ],
)  # fmt: skip
def test_search_settings__refuses_what_is_no_range(optuna: Any, declared: tuple[Any, ...]) -> None:
    with pytest.raises(InputError, match=r"field x: .* is no range; expected "):
        search_settings(lambda tried: 0.0, {"x": declared}, 1)


def test_search_settings__refuses_another_searchs_store(optuna: Any, tmp_path: Path) -> None:
    store = tmp_path / "search.json"
    search_settings(valley, SPACE, 2, seed=1, store=store)
    with pytest.raises(InputError, match=r"search.json, field seed: is of another search: 1 there, 2 here"):
        search_settings(valley, SPACE, 2, seed=2, store=store)
    with pytest.raises(InputError, match="field space: is of another search"):
        search_settings(valley, {**SPACE, "rate": ("log", 1e-4, 1.0)}, 2, seed=1, store=store)
    with pytest.raises(InputError, match="field candidates: is of another search"):
        try_settings(valley, [{"rate": 1.0}], store=store)
    store.write_text(store.read_text("utf-8")[:50], "utf-8")
    with pytest.raises(InputError, match=r"cannot be read: .*delete it to start anew"):
        search_settings(valley, SPACE, 2, seed=1, store=store)
    for other in ("[]", '{"format": "other"}'):
        store.write_text(other, "utf-8")
        with pytest.raises(InputError, match="is no file of a search"):
            search_settings(valley, SPACE, 2, seed=1, store=store)


def test_search_settings__says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(InputError, match=r"pip install 'varimol\[search\]'"):
        search_settings(valley, SPACE, 1)


def test_search_settings__leaves_optuna_s_logging_alone(optuna: Any, capsys: Any) -> None:
    before = optuna.logging.get_verbosity()
    search_settings(valley, SPACE, 2)
    assert optuna.logging.get_verbosity() == before
    assert capsys.readouterr() == ("", "")


def test_try_settings__measures_each_once(tmp_path: Path) -> None:
    store = tmp_path / "grid.json"
    candidates: list[Settings] = [
        {"a": 3, "name": "x"},
        {"a": 1, "name": None},
        {"a": 2, "name": "z"},
        {"a": 1, "name": "w"},
    ]
    seen: list[Settings] = []

    def objective(tried: Settings) -> float:
        seen.append(tried)
        return float(tried["a"])

    for _ in range(2):
        assert try_settings(objective, candidates, store=store).best.settings == candidates[1]
    assert seen == candidates
    assert len(json.loads(store.read_text("utf-8"))["trials"]) == 4


def test_try_settings__refuses_none_and_what_no_file_can_hold() -> None:
    with pytest.raises(InputError, match="no settings to try"):
        try_settings(valley, [])
    with pytest.raises(InputError, match=r"record 2, field candidates: .* cannot be kept in a file"):
        try_settings(lambda tried: 0.0, [{"a": 1}, {"a": [1, 2]}])
