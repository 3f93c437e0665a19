"""The slope of a learning curve, and what it forecasts, against curves that are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.learning_curve import curve, forecast, forecasts, slope
from benchmarks.record import RESULTS
from models.pairs import read_pairs


def power_law(exponent: float) -> pd.DataFrame:
    rows = [
        ("t", "pkd", fold, k, 1000 * k, (1 + 0.1 * fold) * (1000.0 * k) ** exponent)
        for fold in range(1, 6)
        for k in (2, 3, 4)
    ]
    return pd.DataFrame(rows, columns=["table", "endpoint", "fold", "n_folds", "n_pairs", "mse"])


@pytest.mark.parametrize("exponent", [-0.6, -0.1])
def test_forecast__of_a_power_law_is_exact(exponent: float) -> None:
    table = power_law(exponent)
    assert slope(table) == pytest.approx((exponent, exponent, exponent))
    assert forecast(table, (0.2, 0.1, 0.3)) == pytest.approx(
        tuple(value * 1.25**exponent for value in (0.2, 0.1, 0.3))
    )


def test_forecast__is_wider_where_the_folds_disagree() -> None:
    table = power_law(-0.4)
    noise = np.random.default_rng(0).normal(0, 0.05, len(table))
    middle, lower, upper = forecast(table.assign(mse=table["mse"] * np.exp(noise)), (0.2, 0.2, 0.2))
    assert lower < middle < upper


def test_forecasts__says_nothing_without_a_measurement(tmp_path: Path) -> None:
    assert forecasts({"figures": []}, tmp_path) == ""


def test_forecasts__of_the_recorded_curve() -> None:
    if not (RESULTS / "learning_curve.tsv").exists():
        pytest.skip("no learning curve is recorded")
    row = {"setting": "random", "endpoint": "kiba_score", "model": "blend", "metric": "mse"}
    text = forecasts({"figures": [row | {"mean": 0.13, "lower": 0.12, "upper": 0.14}]})
    assert "| kiba_score | 0.130 [0.120, 0.140] | -0." in text


def test_curve__trains_on_other_folds_alone(shared_data: Path) -> None:
    folder = shared_data / "affinity" / "davis"
    pairs = read_pairs(
        folder / "train.tsv.gz", folder / "drugs.tsv", folder / "targets.tsv", label="pkd", folds="fold"
    )
    few = pairs.select((pairs.drug < 20) & (pairs.target < 25))
    table = curve(few, "davis")
    assert len(table) == 15 and set(table["n_folds"]) == {2, 3, 4}
    for row in table.itertuples():
        assert row.n_pairs < len(few) - (few.fold == row.fold).sum() + 1
        assert 0 < row.mse < 2
