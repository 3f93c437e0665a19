"""Folds, shuffles and joined predictions of the response sweep."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.response_summary import (
    BY_FOLDS,
    BY_JUDGED,
    MODEL,
    Predicted,
    differences,
    figures,
    free_weights,
    interaction_of,
    joined,
    of_compounds,
    of_lines,
    training_means,
)
from benchmarks.response_sweep import N_FOLDS, folds_of, shuffled
from models.response_data import ResponseData
from models.response_fits import Shared
from models.response_settings import ResponseSettings
from models.response_table import ResponseTable

N_LINES = 60
SMILES = (
    "CCO", "CCN", "c1ccccc1O", "c1ccccc1N", "C1CCCCC1", "C1CCCCC1O", "c1ccncc1", "c1ccncc1C", "CCC", "CCCl", "CCF",
    "c1ccoc1",
)  # fmt: skip


@pytest.fixture
def data() -> ResponseData:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(N_LINES, len(SMILES))) + np.arange(len(SMILES))
    values[rng.random(values.shape) < 0.1] = np.nan
    lines, compounds = (
        tuple(f"{kind}{k}" for k in range(n)) for kind, n in zip("lc", values.shape, strict=True)
    )
    mutation = (rng.random((N_LINES, 5)) < 0.3).astype(np.float32)
    tissue = tuple(f"t{k % 12}" for k in range(N_LINES))
    table = ResponseTable(values, lines, compounds, "ln(umol/l)")
    return ResponseData(table, {"mutation": mutation}, {"mutation": tuple("abcde")}, SMILES, tissue)


def _parts(data: ResponseData, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    shape = data.table.values.shape
    names = ("compound_mean", "profile_mean", "network", "kernel", "markers")
    return {name: rng.normal(size=shape) for name in names}


def test_folds_of__keep_sites_and_scaffolds_together(data: ResponseData) -> None:
    folds = folds_of(data, 0)
    for site in set(data.tissue):
        assert len(set(folds["tissue"][[s == site for s in data.tissue]])) == 1
    assert folds["compound"][2] == folds["compound"][3] and folds["compound"][4] == folds["compound"][5]
    assert set(folds["line"]) == set(range(1, N_FOLDS + 1)) and set(folds["halves"]) == {1, 2}


def test_shuffled__genotypes_move_whole_and_labels_within_compounds(data: ResponseData) -> None:
    genotypes, labels = shuffled(data, "genotypes_1"), shuffled(data, "labels_1")
    before, after = (np.asarray(some.profiles["mutation"]) for some in (data, genotypes))
    assert (before != after).any() and sorted(map(tuple, before)) == sorted(map(tuple, after))
    np.testing.assert_array_equal(genotypes.table.values, data.table.values)
    np.testing.assert_array_equal(np.isnan(labels.table.values), np.isnan(data.table.values))
    np.testing.assert_allclose(np.sort(labels.table.values, axis=0), np.sort(data.table.values, axis=0))
    assert (np.nan_to_num(labels.table.values) != np.nan_to_num(data.table.values)).any()
    assert shuffled(data, "line") is data
    other = shuffled(data, "genotypes_2").profiles["mutation"]
    assert (np.asarray(other) != after).any()


def test_joined__a_fold_takes_no_weight_from_its_own_values(data: ResponseData) -> None:
    values, fold = data.table.values, folds_of(data, 0)["line"]
    parts = _parts(data)
    before = joined(values, parts, fold, ["mutation"])
    changed = values.copy()
    changed[fold == 2] += 5 * parts["kernel"][fold == 2]
    after = joined(changed, parts, fold, ["mutation"])
    np.testing.assert_allclose(after[BY_FOLDS][fold == 2], before[BY_FOLDS][fold == 2])
    assert not np.allclose(after[BY_FOLDS][fold == 1], before[BY_FOLDS][fold == 1])
    np.testing.assert_allclose(after[MODEL], before[MODEL])
    assert not np.allclose(after[BY_JUDGED][fold == 2], before[BY_JUDGED][fold == 2])


def test_free_weights__are_those_that_made_the_values(data: ResponseData) -> None:
    parts = _parts(data)
    values = parts["compound_mean"] + parts["profile_mean"] + 0.5 * parts["network"] + 0.2 * parts["markers"]
    values[np.random.default_rng(0).random(values.shape) < 0.2] = np.nan
    assert free_weights(values, parts) == pytest.approx((0.5, 0.0, 0.2), abs=1e-6)


def test_of_lines__a_pair_without_a_training_value_is_not_judged(data: ResponseData) -> None:
    values = data.table.values
    fold = folds_of(data, 0)["line"]
    values[fold != 1, 3] = np.nan
    shared = Shared(data, {"line": fold}, ResponseSettings(), 0)
    arrays = {
        (k, "means"): {"prediction": training_means(values, fold)[fold == k]} for k in range(1, N_FOLDS + 1)
    }
    told = of_lines(shared, "line", arrays)
    assert np.isnan(told.measured[:, 3]).all() and np.isfinite(told.measured[:, 2]).any()
    row = next(figures(told, told))
    assert (
        row["model"] == "means"
        and row["residual_r"] == 0
        and row["n_pairs"] == np.isfinite(told.measured).sum()
    )


def test_training_means__are_those_of_the_other_folds(data: ResponseData) -> None:
    values, fold = data.table.values, folds_of(data, 0)["line"]
    means = training_means(values, fold)
    np.testing.assert_allclose(means[fold == 3][0], np.nanmean(values[fold != 3], axis=0))


def test_of_compounds__pairs_of_both_settings_are_all_pairs_once(data: ResponseData) -> None:
    folds = folds_of(data, 0)
    shared = Shared(data, folds, ResponseSettings(), 0)
    fits = {}
    for number in range(1, N_FOLDS + 1):
        arrays = {name: array[:, folds["compound"] == number] for name, array in _parts(data, number).items()}
        fits[number, MODEL] = arrays | dict.fromkeys(("means", "nearest_compound"), arrays["network"])
    one, both = (of_compounds(shared, fits, setting) for setting in ("compound", "both"))
    seen = np.isfinite(one.measured).astype(int) + np.isfinite(both.measured)
    np.testing.assert_array_equal(seen, np.isfinite(data.table.values))
    asked = np.isfinite(both.measured)
    assert (folds["line"][:, None] == folds["compound"])[asked].all()


def test_interaction_of__takes_no_measured_mean_into_account() -> None:
    rng = np.random.default_rng(1)
    measured, guess = rng.normal(size=(40, 12)), rng.normal(size=(40, 12))
    of_line, of_compound = np.arange(40) % 4 + 1, np.arange(12) % 4 + 1
    means = np.tile(measured.mean(axis=0), (40, 1))
    shifted = guess + 10 * rng.normal(size=12)  # another mean for every compound
    told = interaction_of(Predicted(measured, means, {"a": guess, "b": shifted}), of_line, of_compound)
    np.testing.assert_allclose(told.by_model["a"], told.by_model["b"])


def test_differences__are_of_the_model_and_of_the_taught_one() -> None:
    rng = np.random.default_rng(2)
    measured = rng.normal(size=(50, 12))
    near, far = (measured + scale * rng.normal(size=measured.shape) for scale in (0.3, 3.0))
    told = Predicted(
        measured, np.zeros_like(measured), {MODEL: near, "response_model_taught": near, "means": far}
    )
    rows = list(differences(told))
    assert {(row["model"], row["other"]) for row in rows} == {
        (MODEL, "response_model_taught"), (MODEL, "means"), ("response_model_taught", MODEL),
        ("response_model_taught", "means"),
    }  # fmt: skip
    assert all(row["lower"] > 0 for row in rows if row["other"] == "means")
