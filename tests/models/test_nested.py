"""Nested cross-validation: against scikit-learn's, and with the judging fold's labels poisoned."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from chem.errors import InputError
from models.loop import LoopConfig, Step, initialise, train
from models.nested import Fit, FitAndScore, choose_settings, nested_cross_validation
from models.search import Settings

Rows = NDArray[np.int64]
ALPHAS = [{"alpha": alpha} for alpha in (0.01, 1.0, 10.0, 100.0, 1000.0)]


def problem(seed: int = 0, n: int = 90, n_columns: int = 20) -> tuple[NDArray[Any], NDArray[Any], Rows]:
    """Features, labels and folds of a noisy linear problem."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, n_columns))
    y = x @ rng.normal(size=n_columns) + 4 * rng.normal(size=n)
    return x, y, rng.permutation(np.arange(n) % 5 + 1)


def ridge(x: NDArray[Any], y: NDArray[Any], seen: list[Any] | None = None) -> FitAndScore:
    """Ridge in closed form; its epochs, asked for, are the rounded sum of what it was trained on."""

    def fit_and_score(tried: Settings, rows: Rows, held_out: Rows, n_epochs: int | None) -> Fit:
        if seen is not None:
            seen.append((tried, rows, held_out, n_epochs))
        gram = x[rows].T @ x[rows] + tried["alpha"] * np.eye(x.shape[1])
        guess = x[held_out] @ np.linalg.solve(gram, x[rows].T @ y[rows])
        score = float(np.mean((guess - y[held_out]) ** 2))
        epochs = round(abs(float(y[held_out].sum()))) if n_epochs is None else n_epochs
        return Fit(score, epochs, guess)

    return fit_and_score


def test_nested_cross_validation__equals_scikit_learn_s() -> None:
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GridSearchCV, PredefinedSplit

    x, y, folds = problem()
    ours = nested_cross_validation(folds, ALPHAS, ridge(x, y)).table
    for row in ours.itertuples():
        train, test = folds != row.fold, folds == row.fold
        grid = GridSearchCV(
            Ridge(fit_intercept=False),
            {"alpha": [c["alpha"] for c in ALPHAS]},
            cv=PredefinedSplit(folds[train]),
            scoring="neg_mean_squared_error",
        ).fit(x[train], y[train])
        assert grid.best_params_["alpha"] == row.alpha
        assert -grid.best_score_ == pytest.approx(row.inner_score)
        assert -grid.score(x[test], y[test]) == pytest.approx(row.score)
    assert list(ours["fold"]) == [1, 2, 3, 4, 5]
    assert set(ours["alpha"]) != {ALPHAS[0]["alpha"]}


@pytest.mark.parametrize("poison", [1e9, math.nan])
def test_nested_cross_validation__no_choice_sees_the_fold_that_judges(poison: float) -> None:
    """Labels of the outer fold turned to nonsense change its score, and nothing that was chosen or predicted."""
    x, y, folds = problem()
    clean = nested_cross_validation(folds, ALPHAS, ridge(x, y))
    columns = ["fold", "n_train", "n_test", "inner_score", "n_epochs", "alpha"]
    for outer in range(1, 6):
        poisoned = y.copy()
        poisoned[folds == outer] = poison
        choice = choose_settings(np.where(folds == outer, 0, folds), ALPHAS, ridge(x, poisoned))
        expected = clean.table.set_index("fold").loc[outer]
        assert (choice.settings["alpha"], choice.n_epochs) == (expected["alpha"], expected["n_epochs"])
        # The whole of it: every other fold trains on the nonsense, so only this fold's row can stay.
        if not math.isnan(poison):
            result = nested_cross_validation(folds, ALPHAS, ridge(x, poisoned))
            one, same = (t.table[t.table["fold"] == outer] for t in (result, clean))
            pd.testing.assert_frame_equal(one[columns], same[columns])
            assert np.array_equal(result.predictions[folds == outer], clean.predictions[folds == outer])
            assert one["score"].item() > 1e15


def test_nested_cross_validation__rows_of_every_call() -> None:
    x, y, folds = problem()
    folds[:7] = [0, -1, 0, -1, 0, -1, 0]
    seen: list[Any] = []
    result = nested_cross_validation(folds, ALPHAS, ridge(x, y, seen))
    assert np.isnan(result.predictions[:7]).all() and np.isfinite(result.predictions[7:]).all()
    choosing = [call for call in seen if call[3] is None]
    judging = [call for call in seen if call[3] is not None]
    assert len(choosing) == 5 * 4 * len(ALPHAS) and len(judging) == 5
    for _, rows, held_out, _ in seen:
        assert not set(rows) & set(held_out)
        assert not {*rows, *held_out} & set(range(7))
        assert len(np.unique(folds[held_out])) == 1
    for number, (_, rows, held_out, _) in enumerate(judging):
        outer = number + 1
        assert set(folds[held_out]) == {outer} and set(folds[rows]) == {1, 2, 3, 4, 5} - {outer}
        part = choosing[number * 20 : number * 20 + 20]
        assert not any(outer in folds[np.concatenate([call[1], call[2]])] for call in part)


def test_nested_cross_validation__epochs_are_the_median_of_the_inner_folds() -> None:
    x, y, folds = problem()
    result = nested_cross_validation(folds, ALPHAS, ridge(x, y))
    for row in result.table.itertuples():
        sums = [abs(y[folds == inner].sum()) for inner in range(1, 6) if inner != row.fold]
        assert row.n_epochs == round(float(np.median(np.round(sums))))


def test_nested_cross_validation__is_honest_about_noise() -> None:
    """Among forty guesses at noise the best looks better than it is; the outer score does not."""
    rng = np.random.default_rng(0)
    gaps = []
    for _ in range(20):
        y, guesses = rng.normal(size=60), rng.normal(size=(40, 60))

        def guess(
            tried: Settings,
            rows: Rows,
            held_out: Rows,
            n_epochs: int | None,
            *,
            y: Any = y,
            all_: Any = guesses,
        ) -> Fit:
            return Fit(float(np.mean((all_[tried["which"]][held_out] - y[held_out]) ** 2)))

        found = nested_cross_validation(np.arange(60) % 5 + 1, [{"which": i} for i in range(40)], guess)
        gaps.append((found.table["inner_score"].mean(), found.table["score"].mean()))
    inner, outer = np.mean(gaps, axis=0)
    assert inner < 1.5
    assert outer == pytest.approx(2.0, abs=0.15)


def test_nested_cross_validation__repeats_no_fit_after_a_kill(tmp_path: Path) -> None:
    x, y, folds = problem()
    fit_and_score = ridge(x, y)
    calls = 0

    def killed(*arguments: Any) -> Fit:
        nonlocal calls
        calls += 1
        if calls in (1, 40, 101):
            raise KeyboardInterrupt
        return fit_and_score(*arguments)

    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            nested_cross_validation(folds, ALPHAS, killed, store=tmp_path / "fits")
    again = nested_cross_validation(folds, ALPHAS, killed, store=tmp_path / "fits")
    whole = nested_cross_validation(folds, ALPHAS, fit_and_score)
    assert calls == 3 + 105
    pd.testing.assert_frame_equal(again.table, whole.table)
    assert np.array_equal(again.predictions, whole.predictions)


def test_nested_cross_validation__searches_a_space() -> None:
    pytest.importorskip("optuna", reason="Optuna (varimol[search]) is not installed")
    x, y, folds = problem(n=60)
    space = {"alpha": ("log", 1e-2, 1e4)}
    found = nested_cross_validation(folds, space, ridge(x, y), n_trials=12)
    assert len(found.trials) == 5 * 12
    best = found.trials.groupby("fold")["value"].min()
    assert found.table["inner_score"].tolist() == best.tolist()
    assert (
        found.table["score"].mean()
        < nested_cross_validation(folds, ALPHAS[:1], ridge(x, y)).table["score"].mean()
    )


def test_nested_cross_validation__settings_that_diverge_are_not_chosen() -> None:
    x, y, folds = problem()
    inner = ridge(x, y)

    def diverging(tried: Settings, rows: Rows, held_out: Rows, n_epochs: int | None) -> Fit:
        if tried["alpha"] >= 10.0 or (tried["alpha"] == 1.0 and n_epochs is not None):
            raise FloatingPointError("the loss of step 3 is nan")
        return inner(tried, rows, held_out, n_epochs)

    assert set(nested_cross_validation(folds, [ALPHAS[0], *ALPHAS[2:]], diverging).table["alpha"]) == {0.01}
    with pytest.raises(FloatingPointError, match=r"the chosen settings .* diverge on fold 1"):
        nested_cross_validation(folds, [ALPHAS[1]], diverging)
    with pytest.raises(InputError, match="none of 3 trials gave a finite value"):
        nested_cross_validation(folds, ALPHAS[2:], diverging)


def test_nested_cross_validation__refuses_too_few_folds() -> None:
    x, y, _ = problem()
    with pytest.raises(InputError, match="field folds: 2 folds; expected 3 or more"):
        nested_cross_validation(np.arange(90) % 3, ALPHAS, ridge(x, y))
    with pytest.raises(InputError, match="field folds: 1 folds; expected 2 or more"):
        choose_settings(np.arange(90) % 2, ALPHAS, ridge(x, y))


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Keep a tiny network off the threads, which only wait for each other on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def squared(network: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return nn.functional.mse_loss(network(x)[:, 0], y)


@pytest.mark.usefixtures("one_thread")
def test_nested_cross_validation__of_a_network_in_the_loop() -> None:
    """Inner folds stop early; the outer fit stops after their epochs, within the same schedule."""
    features, _, folds = problem(n_columns=4)
    labels = features.sum(axis=1)
    x, y = torch.from_numpy(features).float(), torch.from_numpy(labels).float()
    outer_epochs = []

    def fit_and_score(tried: Settings, rows: Rows, held_out: Rows, n_epochs: int | None) -> Fit:
        def epoch(number: int, rng: np.random.Generator) -> Iterator[Step]:
            for part in np.array_split(rng.permutation(rows), 3):
                yield partial(squared, x=x[part], y=y[part])

        def score(network: nn.Module) -> float:
            return float(squared(network, x[held_out], y[held_out]))

        config = LoopConfig(
            n_epochs=12, learning_rate=tried["rate"], patience=3, stop_after=n_epochs, device="cpu"
        )
        network = initialise(lambda: nn.Linear(4, 1), 0)
        history = train(network, epoch, config, validate=score if n_epochs is None else None)
        if n_epochs is not None:
            outer_epochs.append((n_epochs, len(history.records)))
        with torch.no_grad():
            return Fit(score(network), history.best_epoch, network(x[held_out])[:, 0].tolist())

    found = nested_cross_validation(folds, [{"rate": 1e-4}, {"rate": 0.3}], fit_and_score)
    assert set(found.table["rate"]) == {0.3}
    assert found.table["score"].mean() < 0.5 * labels.var()
    assert [asked for asked, _ in outer_epochs] == [done for _, done in outer_epochs]
